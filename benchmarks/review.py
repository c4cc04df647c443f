"""How well the review queue spends a geologist's minutes, on a real scene that the model has never seen.

Trains on one scene (or takes a trained workspace), predicts another with a known mask and compares the queue with it.
An *error* is

- a candidate that overlaps no true landslide by at least half (intersection over union): a false alarm, or an outline
  that misses half;
- a missed landslide: one of whose pixels no candidate of the mask covers 30 %. It counts as found at its place in the
  queue when a weak hint covers 30 % of it or lies by 30 % inside it, and as never found when there is none.

``errors_in_top20`` is the share of all errors, those without a place in the queue included, that lie in its first
fifth. More than a fifth of the queue divided by the count of errors cannot lie there: ``_at_best``. Beside it stands
the same for the order of the mask's probability alone (least sure first), of the object score (lowest first), and by
chance. ``triage_per_hour`` comes from a browser that presses one key per candidate after looking at it for two
seconds, and waits until the next one with all its tiles stands on the screen.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from report import parser_of, tell
from review_labels import QUICK_STEPS, STEPS, label_share

from icssn import actions
from icssn.geo import crs
from icssn.geo.shapes import rasterise
from icssn.metrics.objects import components
from icssn.records import Candidate
from icssn.review.priority import is_faint

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "bijie_scenes"
QUICK = ("--rounds", "1", "--steps", "60", "--set", "classify.steps=30")
BRIEFLY = ("--rounds", "1", "--steps", "12", "--set", "classify.steps=4")
TOP = 0.2
LOOK_S = 2.0


def main() -> None:
    """Measure and print or write the figures."""
    parser = parser_of(__doc__, quick="one short round of training, five candidates")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with train_scene.tif … test_scene_mask.tif")
    parser.add_argument("--workspace", type=Path, help="a workspace with a trained model and the scene 'test'")
    parser.add_argument(
        "--labels", type=int, metavar="SEEDS", help="only how many labels it takes: hours; see review_labels"
    )
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of --labels' trainings")
    parser.add_argument("--no-browser", action="store_true", help="leave out the speed of triage")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"No imagery at {options.data}: give its folder with --data.")
    rows: list[dict[str, Any]] = []
    with ExitStack() as ends:
        if options.labels:
            figures, rows = label_share(
                Path(ends.enter_context(tempfile.TemporaryDirectory())),
                options.data,
                icssn=icssn,
                training=(*(BRIEFLY if options.quick else ()), *(f"--set={one}" for one in options.set)),
                seeds=range(options.labels),
                steps=QUICK_STEPS if options.quick else STEPS,
                tell=lambda row: print(json.dumps(row), file=sys.stderr, flush=True),
            )
        else:
            figures = _queue(ends, options)
    tell("review", options, figures, rows)
    for row in rows:
        print(json.dumps(row))


def _queue(ends: ExitStack, options: argparse.Namespace) -> dict[str, float]:
    """Measure the order of the queue and the speed of triage."""
    workspace = options.workspace or prepared(
        Path(ends.enter_context(tempfile.TemporaryDirectory())), options.data, quick=options.quick
    )
    icssn(workspace, "predict", "--scene", "test")
    figures = ranking(workspace, options.data / "test_scene_mask.tif")
    if not options.no_browser:
        figures |= triage(workspace, most=5 if options.quick else 30)
    return figures


def icssn(workspace: Path, *words: object) -> dict[str, Any]:
    """Run one command of the tool and give its answer."""
    command = [sys.executable, "-c", "from icssn.cli import main; main()", *map(str, words), "--json"]
    environment = {**os.environ, "ICSSN_WORKSPACE": str(workspace)}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)
    answer: dict[str, Any] = json.loads(done.stdout)
    if done.returncode:
        sys.exit(answer["error"])
    return answer


def prepared(workspace: Path, data: Path, *, quick: bool) -> Path:
    """Train on the training scene in a fresh workspace."""
    icssn(workspace, "scene", "add", data / "train_scene.tif", "--name", "train")
    icssn(workspace, "scene", "add", data / "test_scene.tif", "--name", "test")
    icssn(workspace, "labels", "import", data / "train_scene_labels.gpkg", "--scene", "train", "--complete")
    icssn(workspace, "train", "--scene", "train", *(QUICK if quick else ()))
    return workspace


def ranking(workspace: Path, mask: Path) -> dict[str, float]:
    """Compare the queue of the newest prediction of scene 'test' with its true mask."""
    ws = actions.open_workspace(workspace)
    scene = actions.find_scene(ws, "test")
    prediction = actions.latest_prediction(ws, scene.id)
    with rasterio.open(mask) as dataset:
        truth, transform = dataset.read(1), dataset.transform
    queue = [place.candidate for place in actions.review_queue(ws, prediction.id)]
    insides = {
        item.id: rasterise(
            [crs.from_lonlat(item.geometry_lonlat, scene.facts.crs_wkt)],
            transform=transform,
            width=truth.shape[1],
            height=truth.shape[0],
        )
        > 0
        for item in queue
    }
    ws.close()
    errors, never = errors_of(queue, insides, truth == 1, threshold=prediction.threshold)
    total = len(set().union(*errors.values())) + never
    orders: dict[str, Callable[[Candidate], float]] = {
        "by_probability": lambda item: abs(item.mask_score - 0.5),
        "by_score": lambda item: item.score,
    }

    def share(order: Sequence[Candidate]) -> float:
        top = order[: math.ceil(TOP * len(order))]
        return len(set().union(*(errors[item.id] for item in top))) / total

    found = {"errors_in_top20": share(queue)}
    found |= {f"errors_in_top20_{name}": share(sorted(queue, key=key)) for name, key in orders.items()}
    chance = np.random.default_rng(0)
    found["errors_in_top20_random"] = statistics.fmean(
        share([queue[i] for i in chance.permutation(len(queue))]) for _ in range(500)
    )
    found["errors_in_top20_at_best"] = share(sorted(queue, key=lambda item: -len(errors[item.id])))
    found["share_of_reachable"] = found["errors_in_top20"] / found["errors_in_top20_at_best"]
    found["candidates"] = len(queue)
    found["weak_hints"] = sum(is_faint(item, prediction.threshold) for item in queue)
    found["errors"] = total
    found["errors_without_place"] = never
    return found


def errors_of(
    queue: Sequence[Candidate],
    insides: dict[str, npt.NDArray[np.bool_]],
    truth: npt.NDArray[np.bool_],
    *,
    threshold: float,
) -> tuple[dict[str, set[str]], int]:
    """Give the errors at each candidate by name, and the count of missed landslides without a place in the queue."""
    numbered, count = components(truth)
    size = np.bincount(numbered.ravel(), minlength=count + 1)
    errors: dict[str, set[str]] = {item.id: set() for item in queue}
    covered = np.zeros(count + 1)
    faint = [item for item in queue if is_faint(item, threshold)]
    for item in queue:
        if item in faint:
            continue
        shared = np.bincount(numbered[insides[item.id]], minlength=count + 1)
        shared[0] = 0
        covered += shared
        overlap = shared / (size + insides[item.id].sum() - shared)
        if overlap.max() < 0.5:
            errors[item.id].add(item.id)
    missed = [number for number in range(1, count + 1) if covered[number] < 0.3 * size[number]]
    placed = set()
    for item in faint:
        shared = np.bincount(numbered[insides[item.id]], minlength=count + 1)
        for number in missed:
            if shared[number] >= 0.3 * min(size[number], insides[item.id].sum()):
                errors[item.id].add(f"missed {number}")
                placed.add(number)
    return errors, len(missed) - len(placed)


def triage(workspace: Path, *, most: int) -> dict[str, float]:
    """Decide candidates by one key each in a real browser; gives the rate and the wait for the next candidate."""
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.browser.conftest import Server, free_port, launch

    server = Server(workspace, free_port())
    server.start()
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
            page.goto(f"{server.url}/Review")
            page.wait_for_selector("iframe[title='streamlit_folium.st_folium']", timeout=60_000)
            frame = next(frame for frame in page.frames if "st_folium" in frame.url)
            frame.wait_for_function("window.icssn && icssn.candidates && icssn.candidates().length", timeout=60_000)
            count = frame.evaluate("icssn.candidates().filter((item) => item.status === 'open').length")
            page.mouse.move(500, 400)
            page.mouse.move(600, 500)  # over the map, which takes the keys then
            page.keyboard.press("n")
            frame.wait_for_function("icssn.current()")
            waits = []
            for _ in range(min(most, count - 1)):
                frame.wait_for_function("icssn.settled()")
                time.sleep(LOOK_S)
                before = frame.evaluate("icssn.current()")
                begun = time.monotonic()
                page.keyboard.press("u")
                frame.wait_for_function(
                    "(before) => icssn.current() !== before && icssn.settled()", arg=before, polling=20
                )
                waits.append(time.monotonic() - begun)
            browser.close()
    finally:
        server.stop()
    wait_s = statistics.median(waits)
    return {"triage_wait_s": wait_s, "triage_per_hour": 3600 / (LOOK_S + wait_s)}


if __name__ == "__main__":
    main()
