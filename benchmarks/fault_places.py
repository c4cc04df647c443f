"""Faults that need more than this process: a browser that loads a page again, a machine that dies and comes back."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.crime_scene import SMALL, Figures, add_scene, family, leave, steps_told, until, words
from icssn import actions
from icssn.records import Actor, JobState
from icssn.store import checkpoints, jobs
from icssn.store.workspace import Workspace


def reload_page(ws: Workspace, count: int) -> Figures:
    """Load the page Train again and again while a run goes on; its bar must be there and never stand further back."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import launch, serving, visiting

    scene = add_scene(ws, ws.folder.parent / "hill.tif")
    _, job = actions.start_run(ws, [scene.id], overrides={**SMALL, "segment.steps": 100_000})
    kept, slowest, before = 0, 0.0, 0.0
    with serving(ws.folder) as server, sync_playwright() as playwright, visiting(launch(playwright)) as visit:
        until(lambda: steps_told(ws, job)[-1], 300)
        visit.page.goto(f"{server.url}/Train")
        bar = visit.page.get_by_test_id("stProgress")
        bar.get_by_text("round 1 of 1").wait_for(timeout=60_000)
        for _ in range(count):
            least = jobs.get(ws.db, job.id).progress.fraction
            begun = time.monotonic()
            visit.page.reload()
            bar.get_by_text("round 1 of 1").wait_for(timeout=60_000)
            slowest = max(slowest, time.monotonic() - begun)
            shown = re.search(r"([\d.]+)\s*%", bar.inner_text())
            at = float(shown.group(1)) / 100 if shown else -1.0
            kept += at >= before and at >= least - 0.01  # the bar shows whole percents
            before = at
        actions.cancel_job(ws, job.id)
    return {f"progress_kept_of_{count}_reloads": kept, "reload_to_progress_s": slowest}


def lose_machine(ws: Workspace, count: int) -> Figures:
    """Stop a machine in the middle of a run on PostgreSQL until another has taken it over, then let it come back."""
    from tests.store.cluster import NoPostgisError, throwaway

    try:
        with throwaway(durable=True) as cluster, _on(cluster.url("common"), ws) as shared:
            scene = add_scene(shared, ws.folder.parent / "hill.tif")
            found = [_lost(shared, scene.id) for _ in range(count)]
    except NoPostgisError:
        return {}
    return {
        f"runs_done_of_{count}_lost_machines": sum(published == 1 for _, published in found),
        "machine_taken_over_s": max(seconds for seconds, _ in found),
        "published_by_the_returned": sum(published - 1 for _, published in found),
    }


def _lost(ws: Workspace, scene_id: str) -> tuple[float, int]:
    """Lose the machine of one run; gives the seconds until another worked on it, and the models of the run."""
    run, job = actions.start_run(ws, [scene_id], overrides={**SMALL, "segment.steps": 120})
    until((ws.run_folder(run.id) / "state.pt").exists, 300)
    dead = family(ws)
    for process in dead:
        process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    command = [sys.executable, "-m", "icssn.worker", "--workspace", str(ws.folder), "--node", "other"]
    other = subprocess.Popen(command)
    until(lambda: len(steps_told(ws, job)) > 1 and steps_told(ws, job)[-1], 200)
    seconds = time.monotonic() - begun
    for process in dead:
        process.send_signal(signal.SIGCONT)
    until(lambda: jobs.get(ws.db, job.id).state.is_over, 300)
    until(lambda: not any("--child" in words(process) for process in dead), 60)
    ended = jobs.get(ws.db, job.id)
    other.terminate()
    other.wait()
    leave(ws)
    done = ended.state is JobState.done and ended.worker.startswith("other:")
    return seconds, sum(model.run_id == run.id for model in checkpoints.every(ws.db)) if done else 0


@contextlib.contextmanager
def _on(url: str, beside: Workspace) -> Iterator[Workspace]:
    """Open a workspace whose database is a server's, here and in all processes that are started meanwhile."""
    os.environ["ICSSN_DATABASE_URL"] = url
    shared = actions.open_workspace(beside.folder.parent / "shared", actor=Actor(name="Li"))
    try:
        yield shared
    finally:
        leave(shared)
        shared.close()
        del os.environ["ICSSN_DATABASE_URL"]
