"""What the machine says: the ``ICSSN_*`` environment variables, which are read nowhere else."""

from __future__ import annotations

import getpass
import os
from pathlib import Path


def workspace_folder(given: Path | None = None) -> Path:
    """Give the workspace: the argument, else ``ICSSN_WORKSPACE``, else ``workspace`` in the current folder."""
    return (given or Path(os.environ.get("ICSSN_WORKSPACE") or "workspace")).expanduser().resolve()


def models_folder(workspace: Path) -> Path:
    """Give where checkpoints live: ``ICSSN_MODELS``, else ``models`` in the workspace."""
    chosen = os.environ.get("ICSSN_MODELS")
    return Path(chosen).expanduser().resolve() if chosen else workspace / "models"


def database_url(workspace: Path) -> str:
    """Give the database: ``ICSSN_DATABASE_URL``, else a GeoPackage file in the workspace."""
    return os.environ.get("ICSSN_DATABASE_URL") or f"sqlite:///{workspace / 'icssn.gpkg'}"


def hosts() -> tuple[str, ...]:
    """Give ``ICSSN_HOSTS``: by which names, with commas between them, the server may be called besides localhost."""
    return tuple(filter(None, map(str.strip, os.environ.get("ICSSN_HOSTS", "").split(","))))


def stores() -> tuple[str, ...]:
    """Give ``ICSSN_STORES``: addresses, with commas between them, beneath which files of other machines may be used."""
    return tuple(filter(None, map(str.strip, os.environ.get("ICSSN_STORES", "").split(","))))


def person() -> str:
    """Give who works here: ``ICSSN_PERSON``, else the name of the login."""
    return (os.environ.get("ICSSN_PERSON") or "").strip() or getpass.getuser()


def device_wish() -> str:
    """Give ``ICSSN_DEVICE`` (``auto``, ``cpu``, ``cuda`` or ``mps``)."""
    return os.environ.get("ICSSN_DEVICE") or "auto"


def dask_scheduler() -> str | None:
    """Give ``ICSSN_DASK_SCHEDULER``, the address of a Dask scheduler whose workers predict; None: this machine does."""
    return os.environ.get("ICSSN_DASK_SCHEDULER") or None


def dask_store() -> str | None:
    """Give ``ICSSN_DASK_STORE``, a place in a store where those workers leave parts; None: they see the workspace."""
    return os.environ.get("ICSSN_DASK_STORE") or None
