"""The tile route serves what it knows by id, and tells nothing about anything else."""

from __future__ import annotations

import asyncio
import io
import math
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette

from icssn.records import Scene
from icssn.store.workspace import Workspace
from icssn.ui import tiles


def ask(path: str, *, base: str = "") -> tuple[int, dict[str, str], bytes]:
    """Send one GET through the real router; gives status, headers and body."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "root_path": ""}
    asyncio.run(Starlette(routes=tiles.routes(base))(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:])


def address(scene: Scene, z: int, *, kind: str = "scene") -> str:
    """The tile with the scene's middle."""
    west, south, east, north = scene.facts.bounds_lonlat
    lon, lat = (west + east) / 2, math.radians((south + north) / 2)
    x = int((lon + 180) / 360 * 2**z)
    y = int((1 - math.asinh(math.tan(lat)) / math.pi) / 2 * 2**z)
    return f"/tiles/{kind}/{scene.id}/{z}/{x}/{y}.webp"


def test_a_tile_of_a_scene_is_a_webp_picture_that_only_this_browser_keeps(ws: Workspace, scene: Scene) -> None:
    status, headers, body = ask(address(scene, 17))
    assert status == 200
    assert headers["content-type"] == "image/webp"
    assert headers["cache-control"].startswith("private")
    assert Image.open(io.BytesIO(body)).size == (256, 256)


def test_a_tile_beside_the_scene_is_empty(ws: Workspace, scene: Scene) -> None:
    status, _, body = ask(f"/tiles/scene/{scene.id}/17/0/0.webp")
    assert (status, body) == (204, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/scene/ffff/17/0/0.webp",
        "/tiles/hillshade/{id}/17/0/0.webp",
        "/tiles/probability/{id}/17/0/0.webp",
        "/tiles/secrets/{id}/17/0/0.webp",
        "/tiles/scene/{id}/25/0/0.webp",
        "/tiles/scene/{id}/3/8/0.webp",
        "/tiles/scene/{id}/3/0/8.webp",
        "/tiles/scene/%2e%2e%2fetc/1/0/0.webp",
    ],
)
def test_all_that_is_unknown_gets_the_same_answer(ws: Workspace, scene: Scene, path: str) -> None:
    status, _, body = ask(path.format(id=scene.id))
    assert (status, body) == (404, b"No such tile.")


def test_the_route_stands_under_the_servers_base_path(ws: Workspace, scene: Scene) -> None:
    assert ask("/maps" + address(scene, 17), base="/maps/")[0] == 200
    assert ask(address(scene, 17), base="/maps/")[0] == 404
