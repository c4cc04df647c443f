"""What the machine says: the ``ICSSN_*`` environment variables, which are read nowhere else."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from icssn.errors import ConfigError


def workspace_folder(given: Path | None = None) -> Path:
    """Give the workspace: the argument, else ``ICSSN_WORKSPACE``, else ``workspace`` in the current folder.

    Raises:
        ConfigError: Its path leads nowhere.
    """
    setting = "--workspace" if given else "ICSSN_WORKSPACE"
    return _whole(given or Path(os.environ.get("ICSSN_WORKSPACE") or "workspace"), setting)


def models_folder(workspace: Path) -> Path:
    """Give where checkpoints live: ``ICSSN_MODELS``, else ``models`` in the workspace.

    Raises:
        ConfigError: Its path leads nowhere.
    """
    chosen = os.environ.get("ICSSN_MODELS")
    return _whole(Path(chosen), "ICSSN_MODELS") if chosen else workspace / "models"


def _whole(path: Path, setting: str) -> Path:
    try:
        return path.expanduser().resolve()
    except (RuntimeError, OSError) as err:  # nobody has that name, or links lead round in a circle
        needed = "the path of a folder (no user is called that after ~, or its links lead in a circle)"
        raise ConfigError(setting, str(path), needed) from err


def database_place(workspace: Path) -> str | Path:
    """Give the database: the URL in ``ICSSN_DATABASE_URL``, else the path of a GeoPackage file in the workspace."""
    return os.environ.get("ICSSN_DATABASE_URL") or workspace / "icssn.gpkg"


def hosts() -> tuple[str, ...]:
    """Give ``ICSSN_HOSTS``: by which names, with commas between them, the server may be called besides localhost."""
    return tuple(filter(None, map(str.strip, os.environ.get("ICSSN_HOSTS", "").split(","))))


def stores() -> tuple[str, ...]:
    """Give ``ICSSN_STORES``: addresses, with commas between them, beneath which files of other machines may be used."""
    return tuple(filter(None, map(str.strip, os.environ.get("ICSSN_STORES", "").split(","))))


def person() -> str:
    """Give who works here: ``ICSSN_PERSON``, else the name of the login, else its number (``uid 12345``)."""
    named = (os.environ.get("ICSSN_PERSON") or "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may be run by a number that has no name there
        return f"uid {os.getuid()}"


def device_wish() -> str:
    """Give ``ICSSN_DEVICE`` (``auto``, ``cpu``, ``cuda`` or ``mps``)."""
    return os.environ.get("ICSSN_DEVICE") or "auto"


def dask_scheduler() -> str | None:
    """Give ``ICSSN_DASK_SCHEDULER``, the address of a Dask scheduler whose workers predict; None: this machine does."""
    return os.environ.get("ICSSN_DASK_SCHEDULER") or None


def dask_store() -> str | None:
    """Give ``ICSSN_DASK_STORE``, a place in a store where those workers leave parts; None: they see the workspace."""
    return os.environ.get("ICSSN_DASK_STORE") or None
