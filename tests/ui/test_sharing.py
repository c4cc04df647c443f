"""Shared review on the map: names on candidates, a blind second reading, figures when it is over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from icssn import actions
from icssn.records import (
    Actor,
    Candidate,
    CandidateStatus,
    Decision,
    Edits,
    LabelDeletion,
    NewLabel,
    Prediction,
    Scene,
    SecondReading,
    new_id,
)
from icssn.store import predictions
from icssn.store.workspace import Workspace
from icssn.ui import as_json, label_routes, review_events, session, sharing
from tests.ui.conftest import inside
from tests.ui.routes import ask
from tests.ui.test_pages import opened, texts

ACCEPTED, REJECTED = CandidateStatus.accepted, CandidateStatus.rejected


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "en"})


@pytest.fixture
def prediction(ws: Workspace, scene: Scene) -> Prediction:
    """Four candidates; Li accepted two and rejected one of them."""
    made = Prediction(scene_id=scene.id, checkpoint_id="c1", probability="p.tif", mask="m.tif", threshold=0.5)
    scores = {"score": 0.7, "mask_score": 0.5, "classifier_score": 0.5, "area_m2": 655.0}
    whose = {"prediction_id": made.id, "scene_id": scene.id}
    found = [Candidate(id=f"c{n}", geometry_lonlat=inside(scene, 0.1 + 0.2 * n), **whose, **scores) for n in range(4)]
    predictions.add(ws.db, made, found)
    said = (("c0", ACCEPTED, ""), ("c1", ACCEPTED, ""), ("c2", REJECTED, "terrace"))
    actions.review(
        ws, scene.id, [Decision(candidate_id=one, status=status, look_alike=kind) for one, status, kind in said]
    )
    return made


@pytest.fixture
def waiting(ws: Workspace, prediction: Prediction) -> SecondReading:
    """All that Li decided waits for Wang, who sits at the page now."""
    drawn = actions.draw_second_reading(ws, prediction.id, reader="Wang", share=1)
    ws.actor = Actor(name="Wang")
    return drawn


def items(ws: Workspace, prediction: Prediction) -> list[dict[str, Any]]:
    found = as_json.candidates(actions.list_candidates(ws, prediction.id))
    return sharing.items(ws, prediction, found, actions.reading_to_do(ws, prediction.id))


def shown_labels(ws: Workspace, prediction: Prediction) -> set[str]:
    return {label.uid for label in sharing.open_labels(ws, prediction.scene_id)}


def said(ws: Workspace, scene: Scene, prediction: Prediction, *decisions: dict[str, Any]) -> dict[str, Any]:
    event = {"event": "decide", "nonce": "n", "decisions": list(decisions)}
    return review_events.answered(ws, scene, prediction, {}, event)


def answered(ws: Workspace, prediction: Prediction, event: dict[str, Any]) -> dict[str, Any]:
    [scene] = actions.list_scenes(ws)
    return review_events.answered(ws, scene, prediction, {}, event)


def word(candidate_id: str, status: str, **more: str) -> dict[str, Any]:
    return {"candidate_id": candidate_id, "status": status, "look_alike": ""} | more


def test_candidates_carry_the_names_of_those_who_have_them(ws: Workspace, prediction: Prediction) -> None:
    event = {"event": "assign", "nonce": "n", "candidates": ["c0", "c3"], "person": " Wang "}
    assert answered(ws, prediction, event) == {"nonce": "n", "ok": True, "text": "2 candidates are Wang's now."}
    assert {item["id"]: item["person"] for item in items(ws, prediction)} == {
        "c0": "Wang",
        "c1": "",
        "c2": "",
        "c3": "Wang",
    }
    back = answered(ws, prediction, event | {"person": ""})
    assert back["text"] == "2 candidates are nobody's again."
    assert sharing.contents(ws, prediction, None)["people"] == ["Li", "Wang"]


@pytest.mark.parametrize(
    "event",
    [
        {"event": "assign", "candidates": "c0", "person": "Wang"},
        {"event": "assign", "candidates": [1], "person": "Wang"},
        {"event": "assign", "candidates": ["c0"]},
        {"event": "assign", "candidates": ["nobody"], "person": "Wang"},
        {"event": "assign", "candidates": ["c0"], "person": "x" * 81},
        {"event": "draw", "person": "Wang", "share": "all", "reading": "0" * 32},
        {"event": "draw", "person": "Wang", "share": 0.5, "reading": "../x"},
        {"event": "draw", "person": "Wang", "share": 7, "reading": "0" * 32},
        {"event": "draw", "person": "Li", "share": 0.5, "reading": "0" * 32},
    ],
)
def test_what_cannot_be_is_answered_in_a_sentence_and_changes_nothing(
    ws: Workspace, prediction: Prediction, event: dict[str, Any]
) -> None:
    answer = answered(ws, prediction, event | {"nonce": "n"})
    assert (answer["nonce"], answer["ok"]) == ("n", False)
    assert answer["text"].endswith(".")
    assert actions.list_assignments(ws, prediction.id) == {}
    assert actions.reading_outcomes(ws, prediction.id) == []


def test_one_wish_that_arrives_twice_draws_once(ws: Workspace, prediction: Prediction) -> None:
    event = {"event": "draw", "nonce": "n", "person": "Wang", "share": 0.4, "reading": new_id()}
    answers = [answered(ws, prediction, event) for _ in range(2)]
    assert [answer["text"] for answer in answers] == ["1 candidates wait for Wang to read them again."] * 2
    assert len(actions.reading_outcomes(ws, prediction.id)) == 1


def test_nothing_of_the_first_decision_reaches_the_second_reader(
    ws: Workspace, scene: Scene, prediction: Prediction, waiting: SecondReading
) -> None:
    shown = items(ws, prediction)
    assert {item["id"] for item in shown if item.get("again")} == {"c0", "c1", "c2"}
    assert {(item["status"], item["look_alike"]) for item in shown} == {("open", "")}
    assert shown_labels(ws, prediction).isdisjoint({"c0", "c1", "c2"})
    told = json.dumps(sharing.contents(ws, prediction, waiting))
    assert not any(word in told for word in ("accepted", "rejected", "terrace"))
    ws.actor = Actor(name="Li")
    assert {item["status"] for item in items(ws, prediction)} == {"accepted", "rejected", "open"}
    assert shown_labels(ws, prediction) >= {"c0", "c1", "c2"}


def test_what_waits_in_a_later_reading_is_not_shown_before_its_turn(
    ws: Workspace, scene: Scene, prediction: Prediction
) -> None:
    first, second = (actions.draw_second_reading(ws, prediction.id, reader="Wang", share=share) for share in (0.34, 1))
    drawn = [{item.candidate_id for item in reading.items} for reading in (first, second)]
    ws.actor = Actor(name="Wang")
    assert {item["id"] for item in items(ws, prediction)} == drawn[0] | {"c3"}
    assert {item["id"] for item in items(ws, prediction) if item.get("again")} == drawn[0]
    assert shown_labels(ws, prediction).isdisjoint(drawn[0] | drawn[1])
    actions.read_again(ws, first.id, [Decision(candidate_id=one, status=ACCEPTED) for one in drawn[0]])
    assert {item["id"] for item in items(ws, prediction) if item.get("again")} == drawn[1]
    assert {item["id"] for item in items(ws, prediction)} == {"c0", "c1", "c2", "c3"}
    assert drawn[0] <= shown_labels(ws, prediction)


def test_a_prediction_beside_is_blind_too(ws: Workspace, prediction: Prediction, waiting: SecondReading) -> None:
    found = as_json.candidates(actions.list_candidates(ws, prediction.id))
    kept = actions.kept_from(ws, prediction.scene_id)
    assert {(item["status"], item["look_alike"]) for item in sharing.blind(found, kept)} == {("open", "")}
    assert sharing.blind(found, ()) == found


def test_the_label_editor_shows_nothing_of_the_first_decisions_either(
    ws: Workspace, scene: Scene, prediction: Prediction, waiting: SecondReading
) -> None:
    session.workspace().actor = ws.actor
    own = NewLabel(uid="own", geometry_lonlat=inside(scene, 0.1))  # over what Li accepted: drawn twice
    actions.save_edits(ws, scene.id, Edits(created=(own,)))
    [gone] = [label for label in actions.list_labels(ws, scene.id) if label.uid == "c1"]
    actions.save_edits(ws, scene.id, Edits(deleted=(LabelDeletion(uid="c1", expected_version=gone.version),)))

    def seen() -> tuple[set[str], set[str], set[str]]:
        routes, nothing = label_routes.routes(), {"nonce": "n", "created": [], "changed": [], "deleted": []}
        labels = ask(routes, "GET", f"/labels/{scene.id}")[1]["labels"]
        deleted = ask(routes, "GET", f"/deleted/{scene.id}")[1]["labels"]
        warnings = ask(routes, "POST", f"/labels/{scene.id}/warnings", nothing)[1]["warnings"]
        return (
            {item["uid"] for item in labels},
            {item["before"]["uid"] for item in deleted},
            {uid for item in warnings for uid in item["uids"]},
        )

    assert seen() == ({"own"}, set(), set())
    words = [Decision(candidate_id=item.candidate_id, status=ACCEPTED) for item in waiting.items]
    actions.read_again(ws, waiting.id, words)
    assert seen() == ({"own", "c0", "c2"}, {"c1"}, {"own", "c0"})


def test_the_label_page_says_that_labels_are_kept_back(
    ws: Workspace, scene: Scene, prediction: Prediction, waiting: SecondReading
) -> None:
    sentence = "3 candidates of this scene wait for you to read them again"
    session.workspace().actor = Actor(name="Li")
    assert sentence not in texts(opened("pages/2_Label.py"))
    session.workspace().actor = ws.actor
    assert sentence in texts(opened("pages/2_Label.py"))


def test_words_said_again_make_no_label_and_end_in_figures(
    ws: Workspace, scene: Scene, prediction: Prediction, waiting: SecondReading
) -> None:
    before = actions.list_labels(ws, scene.id)
    first = said(ws, scene, prediction, word("c0", "accepted", reading=waiting.id))
    assert first["text"].startswith("Read. 2 left")
    assert {item["id"]: item["status"] for item in items(ws, prediction)}["c0"] == "accepted"  # the reader's own word
    [outcome] = sharing.contents(ws, prediction, waiting)["outcomes"]
    assert (outcome["text"], outcome["figures"]) == ("Wang: 2 of 3 left to read.", "")
    own = word("c3", "unsure")  # a decision of the queue in the same message
    rest = [word("c1", "rejected", reading=waiting.id, look_alike="gully"), word("c2", "rejected", reading=waiting.id)]
    assert said(ws, scene, prediction, own, *rest)["ok"]
    assert actions.list_labels(ws, scene.id) == before
    assert {item["id"]: item["status"] for item in items(ws, prediction)} == {
        "c0": "accepted",
        "c1": "accepted",
        "c2": "rejected",
        "c3": "unsure",
    }
    [outcome] = sharing.contents(ws, prediction, None)["outcomes"]
    assert outcome["text"] == "Wang read 3 again:"
    assert outcome["figures"] == (
        "Agreement 67% (21% to 94%). Cohen's κ 0.40; the candidates are too few, or too alike, for its interval."
    )
    assert outcome["differ"] == [{"id": "c1", "first": "accepted", "second": "rejected"}]
    refused = said(ws, scene, prediction, word("c0", "rejected", reading=waiting.id))
    assert not refused["ok"]
    assert "all of it is read" in refused["text"]


def test_a_refusal_is_told_in_the_readers_language(
    ws: Workspace, prediction: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "zh"})
    event = {"event": "draw", "nonce": "n", "person": "Li", "share": 0.5, "reading": new_id()}
    text = answered(ws, prediction, event)["text"]
    assert text == "复判被拒绝：没有 Li 以外的人判定过的候选了。请先判定一些候选，或另选复判者。"
