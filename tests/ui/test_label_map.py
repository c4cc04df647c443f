"""A Save of the browser is applied once, or answered with a sentence and nothing changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shapely.geometry import box, mapping

from icssn import actions
from icssn.records import Edits, Label, LabelDeletion, Scene
from icssn.store.workspace import Workspace
from icssn.ui import label_map
from tests.ui.conftest import inside


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "en"})


def a_save(**parts: Any) -> dict[str, Any]:
    return {"event": "save", "nonce": "n1", "attempt": 1, "created": [], "changed": [], "deleted": [], **parts}


def test_a_new_polygon_is_saved_under_the_browsers_id(ws: Workspace, scene: Scene) -> None:
    item = {"uid": "abc", "geometry": mapping(inside(scene, 0.2)), "cls": "landslide", "attributes": {}}
    answer = label_map.saved(ws, scene.id, a_save(created=[item]))
    assert answer["ok"]
    assert answer["nonce"] == "n1"
    assert "1 new" in answer["text"]
    assert [label.uid for label in actions.list_labels(ws, scene.id)] == ["abc"]


def test_the_same_save_sent_twice_counts_once(ws: Workspace, scene: Scene) -> None:
    item = {"uid": "abc", "geometry": mapping(inside(scene, 0.2)), "cls": "landslide", "attributes": {}}
    first = label_map.saved(ws, scene.id, a_save(created=[item]))
    again = label_map.saved(ws, scene.id, a_save(created=[item], attempt=2))
    assert first == again
    assert actions.label_revision(ws, scene.id) == 1


def test_a_conflict_is_told_and_nothing_is_saved(ws: Workspace, scene: Scene, label: Label) -> None:
    mine = {"uid": label.uid, "expected_version": 1, "geometry": None, "cls": "label_area", "attributes": {}}
    theirs = Edits(deleted=(LabelDeletion(uid=label.uid, expected_version=1),))
    actions.save_edits(ws, scene.id, theirs)
    answer = label_map.saved(ws, scene.id, a_save(changed=[mine]))
    assert not answer["ok"]
    assert "nothing was saved" in answer["text"]
    [conflict] = answer["conflicts"]
    assert (conflict["uid"], conflict["base"]["geometry"]) == (label.uid, mapping(label.geometry_lonlat))
    assert (conflict["theirs"]["operation"], conflict["theirs"]["geometry"]) == ("delete", None)
    assert (conflict["theirs"]["actor"], conflict["theirs"]["version"]) == ("Li", 2)
    json.dumps(answer)  # the way to the browser
    assert actions.label_revision(ws, scene.id) == 2


def test_a_polygon_beside_the_image_is_refused_with_a_sentence(ws: Workspace, scene: Scene) -> None:
    item = {"uid": "abc", "geometry": mapping(box(0, 0, 1, 1)), "cls": "landslide", "attributes": {}}
    answer = label_map.saved(ws, scene.id, a_save(created=[item]))
    assert not answer["ok"]
    assert "outside the image" in answer["text"]
    assert actions.list_labels(ws, scene.id) == []


def test_nonsense_is_answered_too(ws: Workspace, scene: Scene) -> None:
    assert not label_map.saved(ws, scene.id, {"event": "save"})["ok"]
