"""How fast map tiles come: alone, eight at a time, and the first one of a large scene; beside other tile servers.

The scene is real imagery: the Bijie test scene with its mirror images, converted for the map by the application. The
peers, localtileserver and TiTiler, get the converted file, which suits them best; they live in an environment of
their own (`make bench-peers`). Every tile is asked for once, so that no cache answers.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import inference
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the server is started as the tests start it

from benchmarks.report import parser_of, tell
from icssn import actions, handlers
from icssn.imagery.web import FINEST_ZOOM, SIDE
from icssn.records import Job, JobKind, Scene
from icssn.store.workspace import Workspace
from tests.browser.conftest import free_port, serving

SIDE_PX, LARGE_PX, QUICK_PX = 10_000, 20_000, 5_000
ALONE, TOGETHER, AT_ONCE = 200, 600, 8
ZOOMS = 3  # levels, from the scene's own upwards
Tile = tuple[int, int, int]

PEERS = {
    "titiler": (
        "from fastapi import FastAPI; from titiler.core.factory import TilerFactory; import sys, uvicorn;"
        "app = FastAPI(); app.include_router(TilerFactory().router);"
        "uvicorn.run(app, port=int(sys.argv[1]), log_level='error')",
        "/tiles/WebMercatorQuad/{z}/{x}/{y}.webp?url={file}",
    ),
    "localtileserver": (
        "from localtileserver.web.fastapi_app import create_app; import sys, uvicorn;"
        "uvicorn.run(create_app(), port=int(sys.argv[1]), log_level='error')",
        "/api/tiles/{z}/{x}/{y}.png?filename={file}",
    ),
}
"""Name → program that serves on the port given, and its tiles. localtileserver has no WebP; PNG is its default."""


def main() -> None:
    """Measure and print or write the figures."""
    parser = parser_of(__doc__, quick=f"a scene of {QUICK_PX}² px, no larger one")
    parser.add_argument("--data", type=Path, default=inference.DATA, help="folder with test_scene.tif")
    parser.add_argument("--peers", type=Path, help="Python of the environment with the peers")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"No imagery at {options.data}: give its folder with --data.")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.data, peers=options.peers, quick=options.quick)
    tell("tiles", options, figures)


def measure(folder: Path, data: Path, *, peers: Path | None, quick: bool) -> dict[str, float]:
    """Give all figures."""
    ws = actions.open_workspace(folder / "workspace")
    side = QUICK_PX if quick else SIDE_PX
    scene, seconds = converted(ws, inference.mosaic(data / "test_scene.tif", folder / "scene.tif", side))
    figures = {f"convert_mpx_per_s_{side}": side**2 / 1e6 / seconds}
    large = None
    if not quick:
        large, _ = converted(ws, inference.mosaic(data / "test_scene.tif", folder / "large.tif", LARGE_PX))
    tiles = chosen(scene, ALONE + TOGETHER)
    with serving(folder / "workspace") as server:
        if large is not None:
            figures[f"first_tile_s_{LARGE_PX}"] = ask(server.port, [path_of(large, chosen(large, 1)[0])])[0]
        ask(server.port, [path_of(scene, tile) for tile in chosen(scene, 5, seed=1)])
        ours = rates(server.port, [path_of(scene, tile) for tile in tiles])
    figures |= {"p95_ms_alone": ours[0], "median_ms_alone": ours[1], "tiles_per_s_8": ours[2]}
    file = urllib.parse.quote(str(actions.map_file(ws, "scene", scene.id)), safe="")
    for name, (program, address) in PEERS.items() if peers else ():
        with program_running(peers, program) as port:
            paths = [address.format(z=z, x=x, y=y, file=file) for z, x, y in tiles]
            ask(port, [address.format(z=z, x=x, y=y, file=file) for z, x, y in chosen(scene, 5, seed=1)])
            theirs = rates(port, paths)
        figures |= {f"p95_ms_alone_{name}": theirs[0], f"tiles_per_s_8_{name}": theirs[2]}
        figures[f"ratio_vs_{name}"] = ours[2] / theirs[2]
    ws.close()
    return figures


def converted(ws: Workspace, raster: Path) -> tuple[Scene, float]:
    """Register a raster and convert it for the map; give the scene and the seconds of the conversion."""
    scene = actions.register_scene(ws, raster, name=raster.stem)
    job = Job(kind=JobKind.import_scene, params={"scene_id": scene.id})
    begun_s = time.monotonic()
    handlers.perform(ws, job, report=lambda _: None, stop=lambda: False)
    return scene, time.monotonic() - begun_s


def chosen(scene: Scene, count: int, *, seed: int = 0) -> list[Tile]:
    """Draw different tiles that lie wholly on the scene, from its own zoom level and the levels above."""
    west, south, east, north = scene.facts.bounds_lonlat
    pixel = scene.facts.pixel_size_m / np.cos(np.radians((south + north) / 2))
    own = min(FINEST_ZOOM, int(np.ceil(np.log2(SIDE / 256 / pixel))))
    tiles: list[Tile] = []
    for zoom in range(own - ZOOMS + 1, own + 1):
        columns = range(int(np.ceil(_column(west, zoom))), int(_column(east, zoom)))
        rows = range(int(np.ceil(_row(north, zoom))), int(_row(south, zoom)))
        tiles += [(zoom, x, y) for x in columns for y in rows]
    random.Random(seed).shuffle(tiles)
    if len(tiles) < count:
        sys.exit(f"The scene has {len(tiles)} tiles, {count} are needed.")
    return tiles[:count]


def rates(port: int, paths: Sequence[str]) -> tuple[float, float, float]:
    """Give the 95th percentile and the median of one tile after another, ms; and tiles a second, eight at a time."""
    alone = np.array(ask(port, paths[:ALONE])) * 1e3
    together = [paths[ALONE + start :: AT_ONCE] for start in range(AT_ONCE)]
    begun_s = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        count = sum(map(len, pool.map(lambda some: ask(port, some), together)))
    return float(np.quantile(alone, 0.95)), statistics.median(alone), count / (time.monotonic() - begun_s)


def ask(port: int, paths: Sequence[str]) -> list[float]:
    """Ask for tiles over one connection; give the seconds of each.

    Raises:
        SystemExit: An answer was no picture.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    seconds = []
    for path in paths:
        begun_s = time.monotonic()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or not body:
            sys.exit(f"{path} was answered with {answer.status}: {body[:200]!r}")
        seconds.append(time.monotonic() - begun_s)
    return seconds


def path_of(scene: Scene, tile: Tile) -> str:
    """Give the address of a tile in the application."""
    z, x, y = tile
    return f"/tiles/scene/{scene.id}/{z}/{x}/{y}.webp"


@contextlib.contextmanager
def program_running(python: Path, program: str) -> Iterator[int]:
    """Run a peer's server; give its port once it answers."""
    port = free_port()
    process = subprocess.Popen([str(python), "-c", program, str(port)])
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _column(lon: float, zoom: int) -> float:
    return (lon + 180) / 360 * 2**zoom


def _row(lat: float, zoom: int) -> float:
    return (1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**zoom


if __name__ == "__main__":
    main()
