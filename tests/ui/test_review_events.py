"""A decision in the browser becomes labels, and is confirmed in words."""

from __future__ import annotations

from typing import Any

import pytest
from shapely.geometry import mapping

from icssn import actions
from icssn.records import Candidate, CandidateStatus, LabelClass, LabelSource, Prediction, Scene, new_id
from icssn.store import predictions
from icssn.store.workspace import Workspace
from icssn.ui import review_events
from tests.ui.conftest import inside


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "en"})


@pytest.fixture
def found(ws: Workspace, scene: Scene) -> list[Candidate]:
    """Two candidates of a prediction."""
    made = Prediction(scene_id=scene.id, checkpoint_id="c1", probability="p.tif", mask="m.tif", threshold=0.5)
    shared: dict[str, Any] = {"prediction_id": made.id, "scene_id": scene.id, "mask_score": 0.5}
    items = [
        Candidate(
            id=new_id(),
            geometry_lonlat=inside(scene, at),
            score=score,
            classifier_score=0.5,
            area_m2=655.0,
            **shared,
        )
        for at, score in ((0.2, 0.9), (0.6, 0.7))
    ]
    predictions.add(ws.db, made, items)
    return items


def sizes(found: list[Candidate]) -> dict[str, float]:
    return {item.id: item.area_m2 for item in found}


def decide(*items: tuple[Candidate, str, str]) -> dict[str, Any]:
    decisions = [{"candidate_id": item.id, "status": status, "look_alike": kind} for item, status, kind in items]
    return {"event": "decide", "nonce": "n1", "decisions": decisions}


def test_an_accepted_candidate_becomes_a_landslide(ws: Workspace, scene: Scene, found: list[Candidate]) -> None:
    answer = review_events.decided(ws, scene.id, sizes(found), decide((found[0], "accepted", "")))
    assert answer["ok"]
    assert "655 m² is now a landslide label" in answer["text"]
    [label] = actions.list_labels(ws, scene.id)
    assert (label.cls, label.source) == (LabelClass.landslide, LabelSource.predicted)


def test_a_rejected_candidate_becomes_a_typed_look_alike(ws: Workspace, scene: Scene, found: list[Candidate]) -> None:
    answer = review_events.decided(ws, scene.id, sizes(found), decide((found[0], "rejected", "terrace")))
    assert "Rejected as terrace" in answer["text"]
    [label] = actions.list_labels(ws, scene.id)
    assert (label.cls, label.attributes) == (LabelClass.hard_negative, {"look_alike": "terrace"})


def test_a_rejection_that_says_no_more_makes_a_look_alike_of_no_kind(
    ws: Workspace, scene: Scene, found: list[Candidate]
) -> None:
    answer = review_events.decided(ws, scene.id, sizes(found), decide((found[0], "rejected", "")))
    assert "not said what it is" in answer["text"]
    [label] = actions.list_labels(ws, scene.id)
    assert (label.cls, label.attributes) == (LabelClass.hard_negative, {})
    review_events.decided(ws, scene.id, sizes(found), decide((found[0], "rejected", "terrace")))
    review_events.decided(ws, scene.id, sizes(found), decide((found[0], "rejected", "")))
    assert actions.list_labels(ws, scene.id)[0].attributes == {}  # taken back


def test_unsure_makes_no_label(ws: Workspace, scene: Scene, found: list[Candidate]) -> None:
    assert review_events.decided(ws, scene.id, sizes(found), decide((found[0], "unsure", "")))["ok"]
    assert actions.list_labels(ws, scene.id) == []
    statuses = {item.status for item in actions.list_candidates(ws, found[0].prediction_id)}
    assert statuses == {CandidateStatus.unsure, CandidateStatus.open}


def test_several_decisions_in_one_message_are_counted(ws: Workspace, scene: Scene, found: list[Candidate]) -> None:
    event = decide((found[0], "accepted", ""), (found[1], "rejected", "gully"))
    assert "1 accepted, 1 rejected" in review_events.decided(ws, scene.id, sizes(found), event)["text"]


def test_an_unknown_candidate_is_answered_with_a_sentence(ws: Workspace, scene: Scene, found: list[Candidate]) -> None:
    stranger = found[0].model_copy(update={"id": "nobody"})
    answer = review_events.decided(ws, scene.id, sizes(found), decide((stranger, "accepted", "")))
    assert not answer["ok"]
    assert "nobody" in answer["text"]


def test_one_refused_decision_does_not_take_the_others_with_it(
    ws: Workspace, scene: Scene, found: list[Candidate]
) -> None:
    event = decide((found[0], "accepted", ""), (found[1], "accepted", ""))
    event["decisions"][1]["geometry"] = {"type": "Polygon", "coordinates": [[[0, 0], [0.1, 0], [0.1, 0.1], [0, 0]]]}
    answer = review_events.decided(ws, scene.id, sizes(found), event)
    assert not answer["ok"]
    assert "outside the image" in answer["text"]
    assert [label.uid for label in actions.list_labels(ws, scene.id)] == [found[0].id]


def test_a_corrected_outline_becomes_the_label(ws: Workspace, scene: Scene, found: list[Candidate]) -> None:
    event = decide((found[0], "accepted", ""))
    corrected = inside(scene, 0.25, 0.2)
    event["decisions"][0]["geometry"] = mapping(corrected)
    assert review_events.decided(ws, scene.id, sizes(found), event)["ok"]
    [label] = actions.list_labels(ws, scene.id)
    assert label.geometry_lonlat.equals(corrected)


def test_a_decision_can_be_taken_back(ws: Workspace, scene: Scene, found: list[Candidate]) -> None:
    review_events.decided(ws, scene.id, sizes(found), decide((found[0], "accepted", "")))
    answer = review_events.decided(ws, scene.id, sizes(found), decide((found[0], "open", "")))
    assert "open again" in answer["text"]
    assert actions.list_labels(ws, scene.id) == []
