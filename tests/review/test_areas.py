"""Windows to label next are doubtful, unlike what is known, unlabelled, and apart from each other."""

from __future__ import annotations

import numpy as np

from icssn.review.areas import Cells, propose


def cells(side: int = 40) -> Cells:
    """Give a sure, even, valid scene whose left quarter is labelled."""
    seen = np.zeros((side, side), bool)
    seen[:, : side // 4] = True
    return Cells(np.full((side, side), 0.05), np.zeros((side, side, 2)), seen, np.ones((side, side), bool))


def test_doubtful_ground_comes_first() -> None:
    scene = cells()
    scene.doubt[20:30, 20:30] = 0.9
    [first, *_] = propose(scene, side=10, count=3)
    assert (first.row, first.col) == (20, 20)
    assert "doubtful" in first.reasons


def test_of_equally_doubtful_windows_the_stranger_one_comes_first() -> None:
    scene = cells()
    scene.looks[0:10, 30:40] = 3
    [first, second] = propose(scene, side=10, count=2)
    assert (first.row, first.col) == (0, 30)
    assert "strange" in first.reasons
    assert (second.row, second.col) != (0, 30)


def test_labelled_ground_and_ground_without_data_are_left_out() -> None:
    scene = cells()
    scene.doubt[:, :10] = 1
    scene.valid[:, 30:] = False
    found = propose(scene, side=10, count=20)
    assert found
    assert all(window.col >= 10 and window.col + 10 <= 31 for window in found)


def test_windows_do_not_overlap() -> None:
    found = propose(cells(), side=10, count=20)
    assert all(
        abs(a.row - b.row) >= 10 or abs(a.col - b.col) >= 10 for i, a in enumerate(found) for b in found[i + 1 :]
    )
    assert len(found) == 12


def test_a_scene_without_room_gets_no_proposal() -> None:
    assert propose(cells(8), side=10, count=3) == []
