"""What came before: like scores and the same object in another prediction."""

from __future__ import annotations

import pytest
from shapely.geometry import box

from icssn.records import Candidate, CandidateStatus, new_id
from icssn.review.history import calibration, sighting


def candidate(at: float, *, score: float = 0.8, status: CandidateStatus = CandidateStatus.open) -> Candidate:
    return Candidate(
        id=new_id(),
        prediction_id="p",
        scene_id="s",
        geometry_lonlat=box(at, 0, at + 1, 1),
        score=score,
        mask_score=score,
        classifier_score=score,
        area_m2=100,
        status=status,
    )


def test_like_scores_are_counted_and_others_are_not() -> None:
    decided = [candidate(0, score=0.75, status=CandidateStatus.accepted) for _ in range(4)]
    decided += [candidate(0, score=0.85, status=CandidateStatus.rejected) for _ in range(2)]
    decided += [candidate(0, score=0.3, status=CandidateStatus.rejected) for _ in range(9)]
    found = calibration(0.8, decided)
    assert found is not None
    assert (found.right, found.count) == (4, 6)


def test_of_few_decisions_nothing_is_said() -> None:
    assert calibration(0.8, [candidate(0, status=CandidateStatus.accepted) for _ in range(4)]) is None


def test_the_same_object_is_the_one_that_overlaps_most() -> None:
    found = sighting(box(0, 0, 1, 1), [candidate(0.7, score=0.2), candidate(0.2, score=0.6), candidate(5)])
    assert found is not None
    assert found.score == 0.6
    assert found.overlap == pytest.approx(0.8 / 1.2)


def test_a_touch_is_not_the_same_object() -> None:
    assert sighting(box(0, 0, 1, 1), [candidate(0.95), candidate(1.0)]) is None
