"""The label store with 100,000 polygons of 60 corners, on a GeoPackage file and on PostGIS.

One edit with its history, a map window of about 100 labels, eight processes that edit the same five labels, a process
that is killed while it edits, and random sequences of edits whose history must give every state again. PostgreSQL is
a throwaway server on this machine, which waits for the disk at each commit as SQLite does.
"""

from __future__ import annotations

import math
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from shapely.geometry import Point, Polygon

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the trials are those of the tests

from benchmarks.report import parser_of, tell
from icssn.records import Edits, LabelChange, NewLabel
from icssn.store import labels, scenes
from icssn.store.database import Database, open_database
from tests.store import trials
from tests.store.cluster import NoPostgisError, throwaway
from tests.store.samples import a_scene

FULL = {"polygons": 100_000, "edits": 500, "windows": 500, "writers": 8, "each": 100, "kills": 200, "sequences": 1000}
QUICK = {"polygons": 20_000, "edits": 100, "windows": 100, "writers": 8, "each": 20, "kills": 20, "sequences": 50}
BATCH = 5_000


def main() -> None:
    """Run both databases and print or write the figures."""
    parser = parser_of(__doc__, quick="a fifth of the polygons, fewer repetitions")
    options = parser.parse_args()
    amounts = QUICK if options.quick else FULL
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        rows += measured("sqlite", f"sqlite:///{folder}/icssn.gpkg", amounts)
    try:
        with throwaway(durable=True) as cluster:
            rows += measured("postgis", cluster.url("common"), amounts)
    except NoPostgisError as err:
        print(f"PostGIS was not measured: {err}")
    figures = {row["figure"]: row["value"] for row in rows}
    tell("store", options, figures, rows)


def measured(kind: str, url: str, amounts: dict[str, int]) -> list[dict[str, Any]]:
    """Give a row for each figure of one database."""
    rows: list[dict[str, Any]] = []

    def row(figure: str, value: float, note: str = "") -> None:
        rows.append({"figure": f"{figure}_{kind}", "value": value, "note": note})
        print(f"{figure + '_' + kind:36} {value:10.4g}  {note}", flush=True)

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.store.children"])
    db = open_database(url)
    begun = time.monotonic()
    scene_id, uids = filled(db, amounts["polygons"])
    row("import_s", time.monotonic() - begun, f"{amounts['polygons']} polygons in saves of {BATCH}")
    edits = edited(db, scene_id, uids, amounts["edits"])
    row("edit_ms", statistics.median(edits), f"median of {len(edits)} saves of one label; p95 {at(95, edits):.2f}")
    found, windows = looked(db, scene_id, amounts)
    row("bbox100_p95_ms", at(95, windows), f"{len(windows)} windows of {found:.0f} labels; p50 {at(50, windows):.2f}")
    db.close()

    done = trials.write_together(url, context, writers=amounts["writers"], times=amounts["each"], hot=5)
    saves = [second * 1000 for second in done.seconds]
    row("lost_edits_8_writers", done.lost, f"of {len(saves)}; {done.conflicts} conflicts, each reported")
    row("edit_p99_ms_8_writers", at(99, saves), f"p50 {at(50, saves):.1f}, longest {max(saves):.0f}")
    killed = trials.kill_while_editing(url, context, kills=amounts["kills"])
    lost = killed.lost + killed.torn + killed.unasked
    row("edits_lost_kills", lost, f"{killed.acknowledged} acknowledged saves, {amounts['kills']} kills")
    row("replay_mismatches", replayed(url, amounts["sequences"]), f"{amounts['sequences']} random sequences")
    return rows


def filled(db: Database, count: int) -> tuple[str, list[str]]:
    """Fill a scene with so many polygons on a square grid of one degree; gives its id and the labels'."""
    scene_id = scenes.add(db, a_scene()).id
    side = math.isqrt(count)
    new = [NewLabel(geometry_lonlat=circle(index % side, index // side, side)) for index in range(count)]
    for start in range(0, count, BATCH):
        labels.save(db, scene_id, Edits(created=tuple(new[start : start + BATCH])), actor="ann")
    return scene_id, [label.uid for label in new]


def circle(column: int, row: int, side: int, *, share: float = 0.4) -> Polygon:
    """Give a polygon of 60 corners in a cell of the grid, whose radius is a share of the cell."""
    return Point(105 + (column + 0.5) / side, 35 + (row + 0.5) / side).buffer(share / side, quad_segs=15)


def edited(db: Database, scene_id: str, uids: list[str], times: int) -> list[float]:
    """Change the shape of so many labels, one a save; gives the milliseconds of each."""
    side = math.isqrt(len(uids))
    order = random.Random(0).sample(range(len(uids)), times)
    changes = {
        index: LabelChange(
            uid=uids[index], expected_version=1, geometry_lonlat=circle(index % side, index // side, side, share=0.3)
        )
        for index in order
    }
    return [
        milliseconds(lambda change=change: labels.save(db, scene_id, Edits(changed=(change,)), actor="bob"))
        for change in changes.values()
    ]


def looked(db: Database, scene_id: str, amounts: dict[str, int]) -> tuple[float, list[float]]:
    """Read so many windows of ten by ten cells; gives the mean count of labels and the milliseconds of each."""
    side, moments, counts = math.isqrt(amounts["polygons"]), random.Random(0), []
    timings = []
    for _ in range(amounts["windows"]):
        west, south = 105 + moments.uniform(0, 1 - 10 / side), 35 + moments.uniform(0, 1 - 10 / side)
        window = (west, south, west + 9.2 / side, south + 9.2 / side)
        timings.append(
            milliseconds(lambda window=window: counts.append(len(labels.current(db, scene_id, bounds_lonlat=window))))
        )
    return statistics.mean(counts), timings


def replayed(url: str, sequences: int) -> int:
    """Replay so many random sequences; 1 when one did not give its states again, whose smallest form is printed."""
    db = open_database(url)
    checks = list(HealthCheck)
    trial = settings(max_examples=sequences, deadline=None, database=None, suppress_health_check=checks)(
        given(saves=trials.SAVES)(lambda saves: trials.replay(db, saves))
    )
    try:
        trial()
    except AssertionError as err:
        print(err)
        return 1
    finally:
        db.close()
    return 0


def milliseconds(act: Callable[[], object]) -> float:
    """Give how long something takes."""
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def at(percent: int, values: list[float]) -> float:
    """Give a percentile: the smallest value that so many per cent of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


if __name__ == "__main__":
    main()
