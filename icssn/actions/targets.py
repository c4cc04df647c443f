"""Places that results are written to: what a project lives on is never written over, nor what is no earlier result.

Results are known by what the file itself says: the tags of a raster, the layers of a GeoPackage.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from icssn.durable import written_to
from icssn.errors import UnwritableError
from icssn.store import scenes
from icssn.store.workspace import Workspace
from icssn.vectors import ours

_EFFECTIVE = os.access in os.supports_effective_ids
_TAG = "ICSSN_ENCODING"  # of every raster of results; see `icssn.imagery.write`


def require_apart(ws: Workspace, paths: Iterable[Path]) -> None:
    """Refuse places inside the project, and the images and elevation rasters of its scenes, removed ones as well.

    Raises:
        UnwritableError: One of the paths is such a place, a link there leads nowhere, or what stands there may not be
            written to.
    """
    homes = (ws.folder.resolve(), ws.models.resolve())
    named = [name for scene in scenes.known(ws.db) for name in (scene.original, scene.dem) if name]
    rasters = [Path(name) for name in named if Path(name).is_file()]
    for path in paths:
        with written_to(path), suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
        if any(path.resolve().is_relative_to(home) for home in homes):
            raise UnwritableError(str(path), found="the project itself lives there")
        if path.is_symlink() and not path.exists():
            raise UnwritableError(str(path), found="a link there leads nowhere")
        if path.is_file() and any(path.samefile(raster) for raster in rasters):
            raise UnwritableError(str(path), found="it is an image or an elevation raster of a scene")
        if path.is_file() and not os.access(path, os.W_OK, effective_ids=_EFFECTIVE):
            raise UnwritableError(str(path), found="writing there is not permitted")


def is_result(path: Path) -> bool:
    """Say whether a file is one of the rasters, layers or styles that predictions and inventories consist of."""
    if path.suffix == ".gpkg":
        return ours.other_layers(path, ours.CANDIDATE_LAYERS if path.stem == "candidates" else ours.LABEL_LAYERS) == []
    if path.suffix == ".qml":
        return ours.is_style(path)
    if path.suffix != ".tif":
        return False
    try:
        with rasterio.open(path, driver="GTiff") as raster:  # one that was edited in its place is no COG any more
            return _TAG in raster.tags() and raster.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG"
    except RasterioError:
        return False


def require_replaceable(
    paths: Iterable[Path], *, listed: Collection[Path] = (), known: Callable[[Path], bool] = is_result
) -> None:
    """Refuse places where something stands that is no earlier result.

    Args:
        paths: Of the files to be written.
        listed: Files that are known to be earlier results, whatever they hold.
        known: Says whether a file is an earlier result.

    Raises:
        UnwritableError: Such a file, or a folder, stands in one of the places.
    """
    for path in paths:
        if path.is_dir():
            raise UnwritableError(str(path), found="a folder stands in the place of the file")
        if path.exists() and path not in listed and not (path.is_file() and known(path)):
            raise UnwritableError(str(path), found="a file stands there already, and it is no earlier result")
