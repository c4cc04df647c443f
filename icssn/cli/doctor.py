"""``icssn doctor``: is everything here that ICSSN needs, and if not, what to do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable

import typer

from icssn import environment, stores
from icssn.cli.console import JsonOption, WorkspaceOption, session
from icssn.errors import IcssnError, MissingPartError
from icssn.store import schema
from icssn.store.workspace import Workspace

_PACKAGES = ("icssn", "torch", "streamlit", "leafmap", "folium", "rasterio", "geopandas", "sqlalchemy")
_ROOM_MB = 2000  # a run, a prediction and a COG of a 10k × 10k scene take about half of this


def doctor(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Check versions, device, GDAL, weights, map files, database, stores, disk and write access; say what to do."""
    checks: dict[str, Callable[[Workspace], str]] = {
        "versions": lambda _: ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES),
        "device": _device,
        "GDAL": _gdal,
        "weights": _weights,
        "map files": _map_files,
        "database": _database,
        "stores": _stores,
        "disk": _disk,
        "write access": _write_access,
    }
    with session(workspace, json) as (ws, console):
        findings = []
        for name, check in checks.items():
            try:
                findings.append({"check": name, "ok": True, "finding": check(ws)})
            except (IcssnError, OSError, importlib.metadata.PackageNotFoundError) as err:
                findings.append({"check": name, "ok": False, "finding": str(err)})
        well = all(item["ok"] for item in findings)
        rows = [("ok" if item["ok"] else "FAULT", item["check"], item["finding"]) for item in findings]
        console.table(("", "check", "finding"), rows, empty="")
        console.give({"ok": well, "checks": findings})
        if not well:
            raise typer.Exit(1)


def _device(_: Workspace) -> str:
    from icssn.nets.device import describe, pick_device

    return describe(pick_device(environment.device_wish()))


def _gdal(_: Workspace) -> str:
    import rasterio
    from rasterio.drivers import raster_driver_extensions

    if "tif" not in raster_driver_extensions():
        raise MissingPartError("GDAL's GeoTIFF driver", remedy="Reinstall rasterio: pip install --force rasterio")
    return f"{rasterio.__gdal_version__}, virtual and network drivers closed"


def _weights(_: Workspace) -> str:
    from icssn.config import EncoderConfig
    from icssn.nets.encoder import build_encoder

    build_encoder(EncoderConfig())
    return "ImageNet weights of the embedded encoder load"


def _map_files(_: Workspace) -> str:
    spec = importlib.util.find_spec("leaflet")
    if spec is None:
        raise MissingPartError("the Leaflet map files", remedy="Install them: pip install django-leaflet")
    return "Leaflet is installed; maps need no internet"


def _database(ws: Workspace) -> str:
    ws.db.check()
    with ws.db.read() as connection:
        revision = schema.version(connection)
    return (
        f"{'GeoPackage' if ws.db.is_file else 'PostgreSQL with PostGIS'}, tables of revision {revision}: {ws.db.place}"
    )


def _stores(_: Workspace) -> str:
    for root in environment.stores():
        stores.require_usable(root)
    return ", ".join(environment.stores()) or "none are named: every scene lies on this machine"


def _disk(ws: Workspace) -> str:
    free_mb = shutil.disk_usage(ws.folder).free >> 20
    if free_mb < _ROOM_MB:
        raise MissingPartError(
            f"room on the disk of {ws.folder} ({free_mb} MB are free)", remedy=f"Free at least {_ROOM_MB} MB."
        )
    return f"{free_mb:,} MB free at {ws.folder}"


def _write_access(ws: Workspace) -> str:
    with tempfile.NamedTemporaryFile(dir=ws.folder) as handle:
        os.fsync(handle.fileno())
    return f"{ws.folder} can be written"
