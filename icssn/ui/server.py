"""What the server does besides pages: tiles, labels and drafts, and at its start the worker and the slow imports."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import streamlit as st
from starlette.routing import Route

from icssn import actions
from icssn.errors import IcssnError
from icssn.ui import drafts, evidence, label_routes, tiles
from icssn.ui import map as maps
from icssn.ui.session import workspace

_LOG = logging.getLogger(__name__)


def routes() -> list[Route]:
    """Give our routes on Streamlit's port, under its base path."""
    base = str(st.get_option("server.baseUrlPath") or "")
    return [*tiles.routes(base), *drafts.routes(base), *label_routes.routes(base), *evidence.routes(base)]


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Start what should be ready before the first page is."""
    _answer_at_once()
    threading.Thread(target=_warm_up, name="icssn-warm-up", daemon=True).start()
    yield


def _answer_at_once() -> None:
    """Send every part of an answer when it is written, on all connections to our ports.

    asyncio does so by itself, but not on a socket that was made as Streamlit makes it: the second part of each answer
    on a connection that stays open would then wait 40 ms for the browser to confirm the first.
    """
    try:
        ours = psutil.Process().net_connections(kind="tcp")
    except psutil.Error:
        return
    for connection in ours:
        if connection.status == psutil.CONN_LISTEN and connection.fd >= 0:
            with socket.socket(fileno=os.dup(connection.fd)) as listening:  # what it accepts inherits the option
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _warm_up() -> None:
    """Wake the worker and import what the first map will need, while the first page is being looked at."""
    try:
        actions.active_jobs(workspace())  # starts the worker where work is waiting
        maps.warm()
    except IcssnError as err:  # the pages will say the same where it can be read
        _LOG.warning("%s", err)
