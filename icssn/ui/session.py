"""The one open workspace of this server, shared by all pages and the tile route."""

from __future__ import annotations

import functools
import threading
from pathlib import Path

from icssn import actions
from icssn.environment import workspace_folder
from icssn.store.workspace import Workspace

_LOCK = threading.Lock()


def workspace() -> Workspace:
    """Give the open workspace that ``ICSSN_WORKSPACE`` names."""
    with _LOCK:
        return _open(workspace_folder())


@functools.cache
def _open(folder: Path) -> Workspace:
    return actions.open_workspace(folder)
