"""What a geologist waits for: from the click on Retrain to the first progress, to the new mask, to the end of a cancel.

A generated scene with 49 labelled landslides gives some 115 chips. The network and all settings are those
of the product; how well it learns plays no part here (docs/benchmarks.md has that on real imagery).
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import crime_scene
from report import parser_of, tell

from icssn import actions
from icssn.records import JobState
from icssn.store import jobs
from icssn.store.workspace import Workspace

FIRST = {"rounds": 1, "classify.steps": 4, "segment.steps": 12}
"""Settings of the first run, which makes a model to go on from."""


def main() -> None:
    """Measure and print or write the figures."""
    parser = parser_of(__doc__, quick="each figure once instead of three times")
    options = parser.parse_args()
    with crime_scene.fresh_workspace() as ws:
        figures, rows = measure(ws, times=1 if options.quick else 3)
    tell("training", options, figures, rows)


def measure(ws: Workspace, *, times: int) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Give the figures of so many repetitions (medians) and one row for each."""
    scene = crime_scene.add_scene(ws, ws.folder.parent / "hill.tif", side=7, every_px=320)
    first, job = actions.start_run(ws, [scene.id], overrides=FIRST)
    actions.wait_for(ws, job)
    rows = []
    for _ in range(times):
        wait_until_warm(ws)
        rows.append(quick_retrain(ws, scene.id))
    figures = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    figures["chips"] = actions.find_run(ws, first.id).summary["chips"]
    figures["cancel_s"] = statistics.median(cancel(ws, scene.id) for _ in range(times))
    return figures, rows


def quick_retrain(ws: Workspace, scene_id: str) -> dict[str, float]:
    """Press Retrain once: quick, then predict; give what the geologist waits for, in seconds."""
    begun = time.monotonic()
    run, job = actions.start_run(ws, [scene_id], quick=True, then_predict=[scene_id])
    crime_scene.until(lambda: jobs.get(ws.db, job.id).progress.message, 120)
    progress_s = time.monotonic() - begun
    actions.wait_for(ws, job)
    mask_s = time.monotonic() - begun
    journal = actions.run_journal(ws, run.id)
    return {
        "quick_retrain_s": mask_s,
        "click_to_progress_s": progress_s,
        "data_time_share": journal["data_seconds"] / journal["seconds"],
        "learning_s": journal["seconds"],
        "full_step_s": journal["seconds"] / run.config["segment"]["steps"],  # with its share of judging
        "mask_of_it_s": actions.latest_prediction(ws, scene_id).seconds,
    }


def cancel(ws: Workspace, scene_id: str) -> float:
    """Cancel a run in the middle of its steps; give the seconds from the click until it has ended."""
    _, job = actions.start_run(ws, [scene_id], overrides={"classify.steps": 400})
    crime_scene.until(lambda: "step 3" in actions.find_job(ws, job.id).progress.message, 300)
    begun = time.monotonic()
    actions.cancel_job(ws, job.id)
    crime_scene.until(lambda: jobs.get(ws.db, job.id).state is JobState.cancelled, 60)
    return time.monotonic() - begun


def wait_until_warm(ws: Workspace) -> None:
    """Wait until a child stands ready, as it does when the Train page has been open for a few seconds."""
    actions.stand_by(ws)

    def warm() -> bool:
        waiting = crime_scene.children(ws)
        return len(waiting) == 1 and waiting[0].cpu_percent(1.0) < 1 and waiting[0].memory_info().rss > 300e6

    crime_scene.until(warm, 180)


if __name__ == "__main__":
    main()
