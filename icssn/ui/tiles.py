"""Map tiles on the application's own port: ids only, never a path or an address from the browser."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from icssn import actions
from icssn.errors import IcssnError
from icssn.ui.session import workspace

_KINDS = ("scene", "hillshade", "probability")
_FINEST_ZOOM = 24
_KEEP = {"Cache-Control": "private, max-age=3600"}  # the file behind an id never changes


def routes(base: str = "") -> list[Route]:
    """Give the tile route under the server's base path."""
    prefix = f"/{base.strip('/')}" if base.strip("/") else ""
    return [Route(prefix + "/tiles/{kind}/{item}/{z:int}/{x:int}/{y:int}.webp", tile, methods=["GET"])]


def tile(request: Request) -> Response:
    """Answer with a WebP tile; 204 beside the raster, one and the same 404 for all that is unknown or not allowed.

    Starlette runs it in its thread pool, since it is no coroutine.
    """
    kind, item = request.path_params["kind"], request.path_params["item"]
    z, x, y = (int(request.path_params[name]) for name in "zxy")
    if kind not in _KINDS or z > _FINEST_ZOOM or x >= 2**z or y >= 2**z:
        return _unknown()
    try:
        path = actions.map_file(workspace(), kind, item)
        picture = _render(path, z, x, y, exact=kind == "probability")
    except (IcssnError, OSError):
        return _unknown()
    if picture is None:
        return Response(status_code=204, headers=_KEEP)
    return Response(picture, media_type="image/webp", headers=_KEEP)


def _render(path: Path, z: int, x: int, y: int, *, exact: bool) -> bytes | None:
    from icssn.imagery.tiles import render_tile

    return render_tile(path, z, x, y, colormap="values" if exact else None)


def _unknown() -> Response:
    return PlainTextResponse("No such tile.", status_code=404)
