"""How long a person needs at the label editor, by the keystroke-level model, with the application's real answers.

A scripted Chromium works with real mouse and keys at the pace of the model: every operator really takes its time, and
on top comes whatever the application lets one wait. Three tasks:

- ``boundary_fix_s``: a predicted polygon stands on the screen, wrong along one side by 15 % of its area. Look; R; point
  to where the new boundary begins; draw it with Shift and the button; look; A. Until it is accepted.
  ``boundary_fix_saved_s`` adds Ctrl+S, until the store has it, where it must agree with the truth by ``AGREES``.
- ``new_landslide_s``: a landslide is seen that has no label. Look; D; point; draw around it with Shift and the button;
  think; Enter, H for high confidence, Ctrl+S. Until the store has it.
- ``judge_label_s``, ``judge_review_s``: look and press one key (A or X; A or U), until the next one stands on the
  screen with all its tiles. ``reject_review_s`` is X, or the digit of what it is instead.

A line has as few straight pieces as it needs for an outline that agrees with the truth by ``ENOUGH``. The model knows
drawing as straight lines that are aimed one by one, so it bounds tracing from above when every piece counts (the
figures without a word) and from below when the whole line counts as one (``…_one_stroke_s``). What the model leaves
out: slips of the hand, and learning.

Source:
    Card, Moran & Newell 1980, "The keystroke-level model for user performance time with interactive systems",
    Communications of the ACM 23 (7): 396–410.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from editor import make_scene
from person_outlines import XY, agreement, fewest, landslide, predicted, true_side
from playwright.sync_api import Browser, Frame, sync_playwright
from shapely.geometry import LineString, Point, Polygon

sys.path.insert(0, str(Path(__file__).parents[1]))  # the browser and the server are started as the tests start them

from benchmarks.report import parser_of, tell
from icssn import actions
from icssn.errors import OutlineError
from icssn.geo import outlines
from icssn.geo.crs import from_lonlat, to_lonlat
from icssn.records import Edits, LabelSource, LabelStatus, NewLabel, Scene
from icssn.store.workspace import Workspace
from tests.browser.conftest import Server, Visit, a_hill, launch, serving
from tests.browser.test_review import a_prediction

# Operators of the keystroke-level model, s (Card, Moran & Newell 1980, table I and p. 399–400).
MENTAL_S = 1.35  # prepare: look, decide
POINT_S = 1.10  # bring the mouse to a place
KEY_S = 0.28  # a key, average typist who does not only type
BUTTON_S = 0.10  # press or let go a button of the mouse
SEGMENT_S, CM_S = 0.90, 0.16  # draw: a straight piece, and a centimetre of it

PX_PER_CM = 96 / 2.54  # of CSS
REACH_M = 5  # so far from the boundary a line may end; the editor allows 12 px, which are more here
AGREES, ENOUGH = 0.95, 0.96  # intersection over union with the truth: of what is stored, of what a person draws


@dataclass
class Person:
    """Hands and eyes at one browser, at the pace of the model."""

    visit: Visit
    frame: Frame  # of the map
    ws: Workspace
    scene: Scene

    @contextlib.contextmanager
    def takes(self, seconds: float) -> Iterator[None]:
        """Do something that takes a person so long, however fast the script is."""
        end = time.monotonic() + seconds
        yield
        time.sleep(max(0.0, end - time.monotonic()))

    def look(self) -> None:
        """Look and decide."""
        with self.takes(MENTAL_S):
            pass

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            with self.takes(KEY_S * len(key.split("+"))):
                self.visit.page.keyboard.press(key)

    def draw(self, line: Sequence[XY], *, one_stroke: bool) -> None:
        """Point to a line's beginning and draw it with Shift and the button held."""
        begin = SEGMENT_S / (len(line) - 1) if one_stroke else SEGMENT_S
        mouse, keyboard = self.visit.page.mouse, self.visit.page.keyboard
        with self.takes(POINT_S):
            mouse.move(*line[0], steps=10)
        with self.takes(KEY_S):
            keyboard.down("Shift")
        with self.takes(BUTTON_S):
            mouse.down()
        for before, after in itertools.pairwise(line):
            begun, needs = time.monotonic(), begin + CM_S * math.dist(before, after) / PX_PER_CM
            while (share := (time.monotonic() - begun) / needs) < 1:
                mouse.move(*(a + share * (b - a) for a, b in zip(before, after, strict=True)))
                time.sleep(0.008)
            mouse.move(*after)
        with self.takes(BUTTON_S):
            mouse.up()
        keyboard.up("Shift")  # let go with the button

    def waits(self, condition: str, argument: object = None) -> None:
        """Wait for the application."""
        self.frame.wait_for_function(condition, arg=argument, polling=20, timeout=60_000)

    def on_screen(self, places: Sequence[XY]) -> list[XY]:
        """Give where places of the scene, m, lie in the window."""
        points = [to_lonlat(Point(place), self.scene.facts.crs_wkt) for place in places]
        return [self.visit.point(point.x, point.y) for point in points]


def main() -> None:
    """Measure and print or write the figures."""
    parser = parser_of(__doc__, quick="few of each task")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures, rows = measure(Path(folder), quick=options.quick)
    tell("person", options, figures, rows)


def measure(folder: Path, *, quick: bool) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Give medians of all tasks, and a row for each fixed or drawn outline."""
    fixes, news, judged = (4, 2, 3) if quick else (20, 8, 15)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        rows = outline_tasks(folder / "outlines", browser, fixes=fixes, news=news)
        judging = judge_label(folder / "label", browser, judged) | judge_review(folder / "review", browser, judged)
        browser.close()

    def middle(task: str, key: str, *, one_stroke: bool) -> float:
        return statistics.median(row[key] for row in rows if row["task"] == task and row["one_stroke"] == one_stroke)

    figures = {}
    for word, one_stroke in (("", False), ("_one_stroke", True)):
        figures[f"boundary_fix{word}_s"] = middle("fix", "seconds", one_stroke=one_stroke)
        figures[f"boundary_fix_saved{word}_s"] = middle("fix", "saved_seconds", one_stroke=one_stroke)
        figures[f"new_landslide{word}_s"] = middle("new", "saved_seconds", one_stroke=one_stroke)
    figures["least_agreement"] = min(row["iou"] for row in rows)
    return figures | {name: statistics.median(times) for name, times in judging.items()}, rows


# ---- outlines


def outline_tasks(folder: Path, browser: Browser, *, fixes: int, news: int) -> list[dict[str, Any]]:
    """Fix predicted outlines and draw new ones; gives a row for each."""
    folder.mkdir()
    ws = actions.open_workspace(folder / "workspace")
    scene = make_scene(ws, folder)
    truths = [landslide(k) for k in range(fixes + news)]
    wrong = [predicted(truth, misses=k % 2 == 0) for k, truth in enumerate(truths[:fixes])]
    labels = [
        NewLabel(
            uid=f"fix{k:02d}",
            geometry_lonlat=to_lonlat(outline, scene.facts.crs_wkt),
            status=LabelStatus.proposed,
            source=LabelSource.predicted,
            attributes={"name": f"{k:02d}"},
        )
        for k, outline in enumerate(wrong)
    ]
    actions.save_edits(ws, scene.id, Edits(created=tuple(labels)))
    with serving(folder / "workspace") as server:
        person = at_page("Label", "icssn.opened", browser, server, ws)
        # Two outlines of each pace in turn: one that misses ground, one that has too much.
        rows = [fix(person, f"fix{k:02d}", truths[k], wrong[k], one_stroke=k % 4 > 1) for k in range(fixes)]
        rows += [new(person, truth, one_stroke=k % 2 > 0) for k, truth in enumerate(truths[fixes:])]
        person.visit.page.context.close()
    ws.close()
    return rows


def fix(person: Person, uid: str, truth: Polygon, wrong: Polygon, *, one_stroke: bool) -> dict[str, Any]:
    """Fix one boundary and accept it."""
    stand_before(person, wrong)
    wkt = person.scene.facts.crs_wkt

    def good(line: LineString) -> bool:
        with contextlib.suppress(OutlineError):
            mended = outlines.reshape(to_lonlat(wrong, wkt), to_lonlat(line, wkt), reach_m=REACH_M)
            return agreement(from_lonlat(mended, wkt), truth) >= ENOUGH
        return False

    drawn = fewest(true_side(truth, wrong), truth.centroid, good)
    line = person.on_screen(drawn)
    person.visit.page.mouse.move(*person.on_screen([truth.centroid.coords[0]])[0])
    begun = time.monotonic()
    person.look()
    person.press("r")
    person.draw(line, one_stroke=one_stroke)
    person.waits("uid => icssn.pending().includes(uid)", uid)
    person.look()
    person.press("a")
    person.waits("uid => icssn.labels().find((label) => label.uid === uid).status === 'accepted'", uid)
    return saved(person, "fix", line, truth, begun=begun, seconds=time.monotonic() - begun) | {"one_stroke": one_stroke}


def new(person: Person, truth: Polygon, *, one_stroke: bool) -> dict[str, Any]:
    """Draw one landslide, say how sure it is, save."""
    stand_before(person, truth)
    drawn = fewest(LineString(truth.exterior), truth.centroid, lambda line: agreement(Polygon(line), truth) >= ENOUGH)
    line = person.on_screen(drawn)
    begun = time.monotonic()
    person.look()
    person.press("d")
    person.draw(line, one_stroke=one_stroke)
    person.waits("() => icssn.pending().length && document.querySelector('#ic-field-confidence')")
    person.look()
    person.press("Enter", "h")
    return saved(person, "new", line, truth, begun=begun, seconds=time.monotonic() - begun) | {"one_stroke": one_stroke}


def saved(
    person: Person, task: str, line: Sequence[XY], truth: Polygon, *, begun: float, seconds: float
) -> dict[str, Any]:
    """Save by key and compare what is stored with the truth."""
    person.press("Control+s")
    person.waits("() => !icssn.pending().length")
    saved_seconds = time.monotonic() - begun
    stored = actions.list_labels(person.ws, person.scene.id)
    outlines = [from_lonlat(label.geometry_lonlat, person.scene.facts.crs_wkt) for label in stored]
    iou = max(agreement(outline, truth) for outline in outlines)
    if iou < AGREES:
        raise AssertionError(f"{task}: what is stored agrees with the truth by {iou:.3f} only")
    drawn = {"pieces": len(line) - 1, "drawn_cm": LineString(line).length / PX_PER_CM}
    return {"task": task, "seconds": seconds, "saved_seconds": saved_seconds, "iou": iou, **drawn}


def stand_before(person: Person, outline: Polygon) -> None:
    """Let an outline stand on the screen as it does when the list has led to it, nothing chosen."""
    west, south, east, north = to_lonlat(outline, person.scene.facts.crs_wkt).bounds
    person.visit.page.keyboard.press("Escape")
    person.frame.evaluate(
        "([w, s, e, n]) => map.fitBounds(L.latLngBounds([s, w], [n, e]).pad(0.6), { animate: false, maxZoom: 19 })",
        [west, south, east, north],
    )
    person.waits("() => icssn.settled()")


# ---- judging


def judge_label(folder: Path, browser: Browser, count: int) -> dict[str, list[float]]:
    """Accept and reject proposed labels on the Label page by one key each."""
    folder.mkdir()
    ws = actions.open_workspace(folder / "workspace")
    scene = make_scene(ws, folder)
    proposed = [
        NewLabel(geometry_lonlat=to_lonlat(landslide(k), scene.facts.crs_wkt), status=LabelStatus.proposed)
        for k in range(count + 2)
    ]
    actions.save_edits(ws, scene.id, Edits(created=tuple(proposed)))
    with serving(folder / "workspace") as server:
        person = at_page("Label", "icssn.opened", browser, server, ws)
        person.visit.page.keyboard.press("n")
        person.waits("() => icssn.chosen().length && icssn.settled()")
        times = [judged(person, "ax"[k % 2], "icssn.chosen()[0]") for k in range(count)]
        person.visit.page.context.close()
    ws.close()
    return {"judge_label_s": times}


def judge_review(folder: Path, browser: Browser, count: int) -> dict[str, list[float]]:
    """Decide candidates on the Review page."""
    folder.mkdir()
    ws = actions.open_workspace(folder / "workspace")
    scene = a_hill(ws, folder)
    places = tuple(
        (f"c{k:03d}", 0.05 + 0.8 * k / (2 * count + 2), 0.9 - 0.8 * k / (2 * count + 2)) for k in range(2 * count + 2)
    )
    a_prediction(ws, scene, probability=150, places=places)
    with serving(folder / "workspace") as server:
        person = at_page("Review", "icssn.candidates && icssn.candidates().length", browser, server, ws)
        person.visit.page.keyboard.press("n")
        person.waits("() => icssn.current() && icssn.settled()")
        one = [judged(person, "au"[k % 2], "icssn.current()") for k in range(count)]
        rejected = [judged(person, "x2"[k % 2], "icssn.current()") for k in range(count)]
        person.visit.page.context.close()
    ws.close()
    return {"judge_review_s": one, "reject_review_s": rejected}


def judged(person: Person, keys: str, current: str) -> float:
    """Look, press, wait for the next; gives the seconds from one standing on the screen to the next."""
    before = person.frame.evaluate(current)
    begun = time.monotonic()
    person.look()
    person.press(*keys)
    person.waits(f"before => {current} && {current} !== before && icssn.settled()", before)
    return time.monotonic() - begun


def at_page(page: str, ready: str, browser: Browser, server: Server, ws: Workspace) -> Person:
    """Open a page in a fresh browser and rest the mouse on its map."""
    visit = Visit(browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB").new_page())
    visit.page.goto(f"{server.url}/{page}")
    person = Person(visit, visit.map()[0], ws, actions.find_scene(ws, "hill"))
    person.waits(f"() => {ready}")
    visit.page.mouse.move(500, 400)
    visit.page.mouse.move(600, 500)  # over the map, which takes the keys then
    return person


if __name__ == "__main__":
    main()
