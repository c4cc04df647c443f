"""The faults of the benchmark in small numbers: killed workers and children, cancels, clicks, a full disk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import crime_scene, faults
from icssn.store.workspace import Workspace


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with crime_scene.fresh_workspace() as workspace:
        yield workspace


def test_a_run_whose_worker_is_killed_finishes_and_repeats_at_most_one_interval(ws: Workspace) -> None:
    found = faults.kill_workers(ws, 1)
    assert found["training_kills_survived_of_1"] == 1
    assert found["training_steps_repeated"] <= crime_scene.INTERVAL + crime_scene.UNTOLD
    assert crime_scene.leave(ws) == 0


def test_a_run_whose_child_is_killed_finishes_and_repeats_at_most_one_interval(ws: Workspace) -> None:
    found = faults.kill_children(ws, 1)
    assert found["child_kills_survived_of_1"] == 1
    assert found["child_steps_repeated"] <= crime_scene.INTERVAL + crime_scene.UNTOLD


def test_a_cancelled_run_ends_at_once_leaves_no_process_and_keeps_its_state(ws: Workspace) -> None:
    found = faults.cancel_runs(ws, 1)
    assert found["cancelled_with_state_of_1"] == 1
    assert found["cancel_s"] < 10  # on a busy machine; the benchmark's goal is 2 s


def test_five_apps_that_start_at_once_make_one_worker(ws: Workspace) -> None:
    assert faults.start_together(ws, 5) == {"workers_after_5_starts": 1}


def test_a_killed_publisher_leaves_no_unreadable_checkpoint(ws: Workspace) -> None:
    found = faults.kill_publishers(ws, 2)
    assert found["unreadable_2_kills"] == 0
    assert found["published"] > 0


def test_no_label_that_was_acknowledged_is_lost_when_the_saver_is_killed(ws: Workspace) -> None:
    found = faults.kill_savers(ws, 3)
    assert found["edits_lost_3_kills"] == 0
    assert found["edits_acknowledged"] >= 3


def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_room(ws: Workspace) -> None:
    found = faults.fill_disk(ws, 1)
    if not found:
        pytest.skip("needs the right to mount a small disk")
    assert found == {"full_disk_told": True, "works_after_room": True}


@pytest.mark.browser
def test_a_reloaded_page_still_shows_how_far_the_run_is(ws: Workspace) -> None:
    assert faults.reload_page(ws, 2)["progress_kept_of_2_reloads"] == 2
