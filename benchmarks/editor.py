"""The label editor with 1,000 labels of 60 corners, in a real Chromium with real mouse and keys.

Measures how long the labels take to appear, from a click on a label to its handles, and a Save from the key to the
answer; counts runs of the page while the map is moved. Beside it Leaflet.draw's own edit toolbar, whose files come with
the django-leaflet wheel: it gives handles to all polygons at once, so it gets a tenth of them, and the ratio is a lower
bound.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from playwright.sync_api import Browser, Frame, Page, sync_playwright
from shapely.geometry import Polygon

sys.path.insert(0, str(Path(__file__).parents[1]))  # the browser and the server are started as the tests start them

from benchmarks.report import parser_of, tell
from icssn import actions, handlers
from icssn.records import Edits, Job, JobKind, NewLabel, Scene
from icssn.store.workspace import Workspace
from icssn.ui import assets
from tests.browser.conftest import Visit, launch, serving

LABELS, CORNERS, TOOLBAR_LABELS, SIDE_PX = 1000, 60, 100, 4096
_TIMES = """() => {
  window.times = {};
  const until = (name, start, ready) => {
    const keep = () => (window.times[name] = performance.now() - start);
    const look = () => requestAnimationFrame(ready() ? keep : look);
    look();
  };
  document.addEventListener("pointerdown", (event) => {
    const before = icssn.chosen()[0], another = () => icssn.chosen().length && icssn.chosen()[0] !== before;
    until("handles", event.timeStamp, () => another() && document.querySelector(".ic-corner"));
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === "s") until("save", event.timeStamp, () => !icssn.pending().length);
  }, true);
}"""
_TOOLBAR = """(polygons) => {
  const map = L.map("map").setView([0, 0], 14);
  const group = L.featureGroup(polygons.map((points) => L.polygon(points))).addTo(map);
  map.fitBounds(group.getBounds(), { animate: false });
  const { selectedPathOptions } = L.EditToolbar.prototype.options.edit;
  const tool = new L.EditToolbar.Edit(map, { featureGroup: group, selectedPathOptions });
  const start = performance.now(), frame = () => new Promise(requestAnimationFrame);
  tool.enable();
  return frame().then(frame).then(() => performance.now() - start);
}"""


def main() -> None:
    """Measure and print or write the figures."""
    parser = parser_of(__doc__, quick="fewer repetitions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), repeats=5 if options.quick else 30)
    tell("editor", options, figures)


def measure(folder: Path, *, repeats: int) -> dict[str, float]:
    """Give all figures, each the median of several."""
    ws = actions.open_workspace(folder / "workspace")
    outlines = lay_labels(ws, make_scene(ws, folder))
    with serving(folder / "workspace") as server, sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        sent: list[object] = []

        def keep(frame: object) -> None:
            sent.append(frame)

        page.on("websocket", lambda socket: socket.on("framesent", keep))
        visit = Visit(page)
        page.goto(f"{server.url}/Label")
        visit.map()[0].wait_for_function("window.icssn && icssn.opened", timeout=120_000)  # a first, cold look
        figures = {f"load_ms_{LABELS}": statistics.median(load_ms(visit) for _ in range(3))}
        frame = visit.map()[0]
        frame.evaluate(_TIMES)
        selects, saves = use(visit, frame, outlines, repeats)
        figures[f"select_to_handles_ms_{LABELS}"] = statistics.median(selects)
        figures["save_p95_ms"] = float(np.quantile(saves, 0.95))
        figures["save_median_ms"] = statistics.median(saves)
        figures["reruns_on_pan"] = reruns(page, visit, sent)
        toolbar = toolbar_ms(browser, outlines[:TOOLBAR_LABELS])
        figures[f"draw_toolbar_ms_{TOOLBAR_LABELS}"] = toolbar
        figures["ratio_vs_draw_toolbar"] = toolbar / figures[f"select_to_handles_ms_{LABELS}"]
        browser.close()
    ws.close()
    return figures


def make_scene(ws: Workspace, folder: Path) -> Scene:
    """Register a scene of noise, 4096 × 4096 px of 1 m, ready for the map."""
    path = folder / "hill.tif"
    profile = {
        "driver": "GTiff",
        "width": SIDE_PX,
        "height": SIDE_PX,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32648",
    }
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(600_000, 3_800_000, 1, 1), **profile) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, SIDE_PX, SIDE_PX), dtype=np.uint8))
    scene = actions.register_scene(ws, path, name="hill")
    handlers.perform(ws, Job(kind=JobKind.import_scene, params={"scene_id": scene.id}), report=_quiet, stop=_never)
    return scene


def lay_labels(ws: Workspace, scene: Scene) -> list[Polygon]:
    """Save 1,000 irregular landslides of 60 corners on a grid, so that each can be clicked; gives their outlines."""
    west, south, east, north = scene.facts.bounds_lonlat
    chance, side = random.Random(0), math.ceil(math.sqrt(LABELS))
    width, height = (east - west) / side, (north - south) / side
    outlines = []
    for k in range(LABELS):
        x, y = west + (k % side + 0.5) * width, south + (k // side + 0.5) * height
        radii = [0.4 * chance.uniform(0.7, 1) for _ in range(CORNERS)]
        turns = [2 * math.pi * i / CORNERS for i in range(CORNERS)]
        outlines.append(
            Polygon(
                [(x + r * width * math.cos(t), y + r * height * math.sin(t)) for r, t in zip(radii, turns, strict=True)]
            )
        )
    created = tuple(NewLabel(geometry_lonlat=outline) for outline in outlines)
    actions.save_edits(ws, scene.id, Edits(created=created))
    return outlines


def load_ms(visit: Visit) -> float:
    """Reload the page; gives the time until all labels stand on the map, from the request of the page."""
    visit.page.reload()
    frame, _ = visit.map()
    frame.wait_for_function(f"window.icssn && icssn.opened && icssn.labels().length === {LABELS}", timeout=120_000)
    return float(visit.page.evaluate("performance.now()"))


def use(visit: Visit, frame: Frame, outlines: list[Polygon], repeats: int) -> tuple[list[float], list[float]]:
    """Click labels, change their status by a key, save by a key; gives the times of clicks and of saves, ms."""
    selects, saves = [], []
    for k in range(repeats):
        middle = outlines[(LABELS // 2 + 7 * k) % LABELS].centroid
        visit.page.mouse.click(*visit.point(middle.x, middle.y))
        selects.append(_time(frame, "handles"))
        visit.page.keyboard.press("x")
        frame.wait_for_function("icssn.pending().length === 1")
        visit.page.keyboard.press("Control+s")
        saves.append(_time(frame, "save"))
        visit.page.wait_for_timeout(200)
    return selects, saves


def reruns(page: Page, visit: Visit, sent: list[object]) -> float:
    """Move and zoom the map; gives how many messages that made the page run again."""
    visit.page.keyboard.press("Escape")
    page.wait_for_timeout(1000)
    before = len(sent)
    x, y = 500, 500
    for _ in range(5):
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 120, y + 60, steps=8)
        page.mouse.up()
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(500)
    return float(len(sent) - before)


def toolbar_ms(browser: Browser, outlines: list[Polygon]) -> float:
    """Give how long Leaflet.draw's edit toolbar takes until its handles stand."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_content("<div id='map' style='width:1000px;height:800px'></div>")
    for script in ("leaflet.js", "draw/leaflet.draw.js"):
        page.add_script_tag(path=assets.leaflet_folder() / script)
    points = [[[lat, lon] for lon, lat in outline.exterior.coords[:-1]] for outline in outlines]
    page.set_default_timeout(600_000)
    return float(page.evaluate(_TOOLBAR, points))


def _time(frame: Frame, name: str) -> float:
    frame.wait_for_function(f"window.times.{name} !== undefined", timeout=60_000)
    return float(frame.evaluate(f"(() => {{ const t = times.{name}; delete times.{name}; return t; }})()"))


def _quiet(*_: object) -> None:
    return None


def _never() -> bool:
    return False


if __name__ == "__main__":
    main()
