"""The tile route serves what it knows by id, and tells nothing about anything else."""

from __future__ import annotations

import asyncio
import io
import math
import os
import threading
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette

from icssn.records import Scene
from icssn.store.workspace import Workspace
from icssn.ui import tiles


def ask(path: str, *, base: str = "", known: str = "") -> tuple[int, dict[str, str], bytes]:
    """Send one GET through the real router; gives status, headers and body."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    headers: Any = [(b"if-none-match", known.encode())] if known else []
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "query_string": b"", "root_path": ""}
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


def test_a_tile_that_the_browser_has_is_not_sent_again(ws: Workspace, scene: Scene) -> None:
    _, headers, _ = ask(address(scene, 17))
    status, again, body = ask(address(scene, 17), known=headers["etag"])
    assert (status, body) == (304, b"")
    assert again["etag"] == headers["etag"]
    assert ask(address(scene, 16), known=headers["etag"])[0] == 200


def test_a_file_made_anew_gives_new_tiles(ws: Workspace, scene: Scene) -> None:
    _, before, _ = ask(address(scene, 17))
    assert scene.tiles is not None
    os.utime(ws.path(scene.tiles), ns=(1, 1))
    status, after, _ = ask(address(scene, 17), known=before["etag"])
    assert status == 200
    assert after["etag"] != before["etag"]


def test_a_tile_is_drawn_once(ws: Workspace, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "_kept", tiles._Pictures(10**6))
    _, _, first = ask(address(scene, 15))
    monkeypatch.setattr("icssn.imagery.tiles.render_tile", None)  # drawing again would fail
    assert ask(address(scene, 15))[2] == first


def test_the_oldest_pictures_go_when_room_runs_out() -> None:
    kept = tiles._Pictures(3000)
    for number in range(4):
        kept.put(number, b"x" * 500)
        kept.get(0)
    assert [kept.get(number) is None for number in range(4)] == [False, True, False, False]
    kept.put(2, b"")
    kept.put(4, b"")
    assert [kept.get(number) is None for number in (0, 2, 3, 4)] == [False] * 4


def test_no_more_tiles_are_drawn_at_once_than_agreed(
    ws: Workspace, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "_kept", tiles._Pictures(0))
    monkeypatch.setattr(tiles, "_drawing", threading.BoundedSemaphore(1))
    monkeypatch.setattr(tiles, "_PATIENCE_S", 0.01)
    with tiles._drawing:
        assert ask(address(scene, 17))[0] == 503
    assert ask(address(scene, 17))[0] == 200
