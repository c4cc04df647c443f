"""Map tiles on the application's own port: ids only, never a path or an address from the browser."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Hashable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from icssn import actions
from icssn.errors import IcssnError
from icssn.records import TERRAIN_LAYERS
from icssn.ui.addresses import under
from icssn.ui.session import workspace

_VALUES = ("probability", "uncertainty")  # sent as they are; the browser colours them
_KINDS = ("scene", "hillshade", *TERRAIN_LAYERS, *_VALUES)
_FINEST_ZOOM = 24
_CHECK = {"Cache-Control": "private, no-cache"}  # keep it, but ask whether it still holds: stretches change
_AT_ONCE = max(2, os.cpu_count() or 2)  # tiles drawn at the same time; more would only wait for the processor
_PATIENCE_S = 10.0
_KEPT_BYTES = 64 << 20

_drawing = threading.BoundedSemaphore(_AT_ONCE)


def routes(base: str = "") -> list[Route]:
    """Give the tile route under the server's base path."""
    return [Route(under(base, "/tiles/{kind}/{item}/{z:int}/{x:int}/{y:int}.webp"), tile, methods=["GET"])]


def tile(request: Request) -> Response:
    """Answer with a WebP tile; 204 beside the raster, one and the same 404 for all that is unknown or not allowed.

    304 tells the browser that the tile it has still holds, 503 that too many tiles are being drawn. Starlette runs
    this in its thread pool, since it is no coroutine.
    """
    from icssn.imagery.tiles import render_tile

    kind, item = request.path_params["kind"], request.path_params["item"]
    z, x, y = (int(request.path_params[name]) for name in "zxy")
    if kind not in _KINDS or z > _FINEST_ZOOM or x >= 2**z or y >= 2**z:
        return _unknown()
    try:
        path = actions.map_file(workspace(), kind, item)
        state = path.stat()
        key = (kind, str(path), state.st_mtime_ns, state.st_size, z, x, y)
        headers = {**_CHECK, "ETag": f'"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}"'}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        picture = _kept.get(key)
        if picture is None:
            if not _drawing.acquire(timeout=_PATIENCE_S):
                return PlainTextResponse("Too many tiles at once.", status_code=503, headers={"Retry-After": "2"})
            try:
                picture = render_tile(path, z, x, y, colormap="values" if kind in _VALUES else None) or b""
            finally:
                _drawing.release()
            _kept.put(key, picture)
    except (IcssnError, OSError):
        return _unknown()
    if not picture:
        return Response(status_code=204, headers=headers)
    return Response(picture, media_type="image/webp", headers=headers)


class _Pictures:
    """The tiles drawn last, empty ones included, up to a number of bytes; safe from several threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._pictures: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        with self._lock:
            picture = self._pictures.get(key)
            if picture is not None:
                self._pictures.move_to_end(key)
            return picture

    def put(self, key: Hashable, picture: bytes) -> None:
        with self._lock:
            self._bytes += len(picture) + _OVERHEAD_BYTES - self._size(self._pictures.pop(key, None))
            self._pictures[key] = picture
            while self._bytes > self._most_bytes:
                self._bytes -= self._size(self._pictures.popitem(last=False)[1])

    @staticmethod
    def _size(picture: bytes | None) -> int:
        return 0 if picture is None else len(picture) + _OVERHEAD_BYTES


_OVERHEAD_BYTES = 500  # of key and bookkeeping, so that empty tiles count as well
_kept = _Pictures(_KEPT_BYTES)


def _unknown() -> Response:
    return PlainTextResponse("No such tile.", status_code=404)
