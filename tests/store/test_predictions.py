"""Predictions, candidates and decisions: labels follow the last word on each candidate."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from icssn.errors import DuplicateError, LabelsRefusedError, NotFoundError
from icssn.records import (
    Candidate,
    CandidateStatus,
    Decision,
    Edits,
    LabelChange,
    LabelClass,
    LabelDeletion,
    LabelSource,
    LabelStatus,
    Scene,
)
from icssn.store import labels, predictions, scenes
from icssn.store.database import Database
from tests.store.samples import a_candidate, a_prediction, a_scene, drawn, square

ACCEPTED, REJECTED, UNSURE = CandidateStatus.accepted, CandidateStatus.rejected, CandidateStatus.unsure


@pytest.fixture
def candidate(db: Database, scene: Scene) -> Candidate:
    prediction = a_prediction(scene.id, candidate_count=1)
    proposed = a_candidate(prediction)
    predictions.add(db, prediction, [proposed])
    return proposed


def _stored(db: Database, candidate: Candidate) -> Candidate:
    return next(stored for stored in predictions.candidates(db, candidate.prediction_id) if stored.id == candidate.id)


def test_a_prediction_and_its_candidates_survive_the_tables(db: Database, scene: Scene) -> None:
    prediction = a_prediction(scene.id, candidate_count=3, seconds=1.5)
    low, high, middle = (a_candidate(prediction, score) for score in (0.2, 0.9, 0.5))
    assert predictions.add(db, prediction, [low, high, middle]) == prediction
    assert predictions.get(db, prediction.id) == prediction
    assert predictions.candidates(db, prediction.id) == [high, middle, low]
    with pytest.raises(NotFoundError):
        predictions.get(db, "x")


def test_a_prediction_is_added_whole_or_not_at_all(db: Database, scene: Scene) -> None:
    prediction = a_prediction(scene.id)
    twice = a_candidate(prediction)
    with pytest.raises(DuplicateError):
        predictions.add(db, prediction, [twice, twice])
    assert predictions.of_scene(db, scene.id) == []
    with pytest.raises(NotFoundError, match="no scene 'x'"):
        predictions.add(db, a_prediction("x"), [])


def test_the_newest_prediction_of_a_scene_is_found(db: Database, scene: Scene) -> None:
    assert predictions.latest(db, scene.id) is None
    old, new = a_prediction(scene.id, checkpoint_id="c1"), a_prediction(scene.id, checkpoint_id="c2")
    predictions.add(db, old, [])
    predictions.add(db, new, [])
    predictions.add(db, a_prediction(scenes.add(db, a_scene()).id), [])
    assert predictions.of_scene(db, scene.id) == [new, old]
    assert predictions.latest(db, scene.id) == new
    assert predictions.latest(db, scene.id, checkpoint_id="c1") == old
    assert predictions.latest(db, scene.id, checkpoint_id="c3") is None


def test_acceptance_makes_a_landslide_label(db: Database, scene: Scene, candidate: Candidate) -> None:
    saved = predictions.decide(db, scene.id, [Decision(candidate_id=candidate.id, status=ACCEPTED)], actor="ann")
    (label,) = saved.labels
    assert saved.revision == 1
    assert (label.cls, label.source, label.status) == (
        LabelClass.landslide,
        LabelSource.predicted,
        LabelStatus.accepted,
    )
    assert (label.geometry_lonlat, label.attributes, label.updated_by) == (candidate.geometry_lonlat, {}, "ann")
    stored = _stored(db, candidate)
    assert (stored.status, stored.label_uid, stored.decided_by) == (ACCEPTED, label.uid, "ann")
    assert stored.decided_at is not None
    assert labels.current(db, scene.id) == [label]


def test_acceptance_with_an_edited_outline_keeps_the_edit(db: Database, scene: Scene, candidate: Candidate) -> None:
    decision = Decision(candidate_id=candidate.id, status=ACCEPTED, geometry_lonlat=square(3))
    first = predictions.decide(db, scene.id, [decision], actor="ann")
    assert first.labels[0].geometry_lonlat == square(3)
    assert predictions.decide(db, scene.id, [decision], actor="ann") == first
    assert _stored(db, candidate).geometry_lonlat == candidate.geometry_lonlat


def test_a_change_of_mind_changes_the_same_label(db: Database, scene: Scene, candidate: Candidate) -> None:
    def decide(status: CandidateStatus, look_alike: str = "") -> None:
        decision = Decision(candidate_id=candidate.id, status=status, look_alike=look_alike)
        before = labels.revision(db, scene.id)
        first = predictions.decide(db, scene.id, [decision], actor="ann")
        assert first.revision == before + 1
        stored = _stored(db, candidate)
        assert predictions.decide(db, scene.id, [decision], actor="bob") == first  # said twice, done once
        assert _stored(db, candidate) == stored

    decide(ACCEPTED)
    decide(REJECTED, "terrace")
    (label,) = labels.current(db, scene.id)
    assert (label.cls, label.attributes, label.version) == (LabelClass.hard_negative, {"look_alike": "terrace"}, 2)
    decide(REJECTED, "quarry")
    assert labels.current(db, scene.id)[0].attributes == {"look_alike": "quarry"}
    decide(UNSURE)
    assert labels.current(db, scene.id) == []
    assert _stored(db, candidate).label_uid == ""
    decide(ACCEPTED)
    (label,) = labels.current(db, scene.id)
    assert (label.cls, label.attributes, label.version) == (LabelClass.landslide, {}, 5)
    operations = [version.operation for version in labels.history(db, label.uid)]
    assert operations == ["create", "update", "update", "delete", "create"]


def test_an_undecided_candidate_may_stay_undecided(db: Database, scene: Scene, candidate: Candidate) -> None:
    saved = predictions.decide(db, scene.id, [Decision(candidate_id=candidate.id, status=UNSURE)], actor="ann")
    assert (saved.revision, saved.labels) == (0, ())
    assert _stored(db, candidate).status is UNSURE


def test_later_corrections_of_an_accepted_label_are_kept(db: Database, scene: Scene, candidate: Candidate) -> None:
    accept = Decision(candidate_id=candidate.id, status=ACCEPTED)
    (label,) = predictions.decide(db, scene.id, [accept], actor="ann").labels
    correction = LabelChange(
        uid=label.uid, expected_version=1, geometry_lonlat=square(9), attributes={"age": "Holocene"}
    )
    labels.save(db, scene.id, Edits(changed=(correction,)), actor="bob")
    (label,) = predictions.decide(db, scene.id, [accept], actor="ann").labels
    assert (label.version, label.geometry_lonlat, label.attributes) == (2, square(9), {"age": "Holocene"})
    reject = Decision(candidate_id=candidate.id, status=REJECTED, look_alike="fan")
    (label,) = predictions.decide(db, scene.id, [reject], actor="ann").labels
    assert (label.geometry_lonlat, label.attributes) == (square(9), {"age": "Holocene", "look_alike": "fan"})


def test_a_label_that_was_deleted_by_hand_comes_back_when_accepted_again(
    db: Database, scene: Scene, candidate: Candidate
) -> None:
    accept = Decision(candidate_id=candidate.id, status=ACCEPTED)
    (label,) = predictions.decide(db, scene.id, [accept], actor="ann").labels
    labels.save(db, scene.id, Edits(deleted=(LabelDeletion(uid=label.uid, expected_version=1),)), actor="bob")
    (label,) = predictions.decide(db, scene.id, [accept], actor="ann").labels
    assert labels.current(db, scene.id) == [label]


def test_many_decisions_are_one_revision_and_one_transaction(db: Database, scene: Scene) -> None:
    prediction = a_prediction(scene.id)
    proposed = [a_candidate(prediction, geometry_lonlat=square(column)) for column in range(4)]
    predictions.add(db, prediction, proposed)
    drawn(db, scene.id)
    statuses = (ACCEPTED, REJECTED, UNSURE, ACCEPTED)
    decisions = [Decision(candidate_id=c.id, status=s) for c, s in zip(proposed, statuses, strict=True)]
    wrong = [
        ([*decisions, Decision(candidate_id="x", status=ACCEPTED)], NotFoundError),
        ([*decisions[:3], decisions[3].model_copy(update={"geometry_lonlat": Point(1, 1)})], LabelsRefusedError),
    ]
    for together, error in wrong:
        with pytest.raises(error):
            predictions.decide(db, scene.id, together, actor="ann")
        assert labels.revision(db, scene.id) == 1
        assert {c.status for c in predictions.candidates(db, prediction.id)} == {CandidateStatus.open}
    saved = predictions.decide(db, scene.id, decisions, actor="ann")
    assert saved.revision == 2
    assert len(saved.labels) == 3
    assert len(labels.current(db, scene.id)) == 4


def test_candidates_of_another_scene_cannot_be_decided(db: Database, candidate: Candidate) -> None:
    other = scenes.add(db, a_scene())
    with pytest.raises(NotFoundError, match="no candidate"):
        predictions.decide(db, other.id, [Decision(candidate_id=candidate.id, status=ACCEPTED)], actor="ann")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(CandidateStatus), st.sampled_from(["", "terrace", "fan"])),
        min_size=1,
        max_size=8,
    )
)
def test_labels_follow_the_last_word_whatever_came_before(
    db: Database, words: list[tuple[int, CandidateStatus, str]]
) -> None:
    scene_id = scenes.add(db, a_scene()).id
    prediction = a_prediction(scene_id)
    proposed = [a_candidate(prediction, geometry_lonlat=square(column)) for column in range(3)]
    predictions.add(db, prediction, proposed)
    said = [
        Decision(candidate_id=proposed[which].id, status=status, look_alike=look_alike)
        for which, status, look_alike in words
    ]
    half = len(said) // 2
    for decisions in (said[:half], said[half:]):
        predictions.decide(db, scene_id, decisions, actor="ann")
    last = {decision.candidate_id: decision for decision in said}
    wanted = {
        uid: (LabelClass.landslide, {})
        if decision.status is ACCEPTED
        else (LabelClass.hard_negative, {"look_alike": decision.look_alike} if decision.look_alike else {})
        for uid, decision in last.items()
        if decision.status in (ACCEPTED, REJECTED)
    }
    assert {label.uid: (label.cls, label.attributes) for label in labels.current(db, scene_id)} == wanted
    for candidate in predictions.candidates(db, prediction.id):
        if candidate.id in last:
            assert (candidate.status, candidate.label_uid) == (
                last[candidate.id].status,
                candidate.id if candidate.id in wanted else "",
            )


def test_candidates_are_counted_by_status(db: Database, scene: Scene) -> None:
    prediction = a_prediction(scene.id, candidate_count=3)
    found = [a_candidate(prediction, score) for score in (0.2, 0.9, 0.5)]
    predictions.add(db, prediction, found)
    predictions.decide(db, scene.id, [Decision(candidate_id=found[0].id, status=REJECTED)], actor="ann")
    assert predictions.statuses(db, prediction.id) == {CandidateStatus.open: 2, REJECTED: 1}
    assert predictions.statuses(db, "none") == {}
