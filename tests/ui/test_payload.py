"""What the browser sends becomes records, or is refused with a sentence; nothing else can happen."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from shapely.geometry import MultiPolygon, box, mapping

from icssn.errors import IcssnError, LabelsRefusedError
from icssn.records import Candidate, CandidateStatus, Label, LabelClass, LabelStatus, new_id
from icssn.ui import as_json, payload

SQUARE = mapping(box(105, 35, 105.01, 35.01))


def a_save(**parts: Any) -> dict[str, Any]:
    return {"event": "save", "nonce": "n1", "created": [], "changed": [], "deleted": [], **parts}


def a_new_label(**parts: Any) -> dict[str, Any]:
    fields = {"cls": "landslide", "status": "accepted", "source": "drawn", "attributes": {}}
    return {"uid": "a1", "geometry": SQUARE, **fields, **parts}


def a_change(**parts: Any) -> dict[str, Any]:
    fields = {"cls": "landslide", "status": "accepted", "attributes": {}}
    return {"uid": "b2", "expected_version": 3, "geometry": SQUARE, **fields, **parts}


def test_a_save_becomes_edits_with_the_ids_and_versions_of_the_browser() -> None:
    edits = payload.edits(
        a_save(
            created=[a_new_label()],
            changed=[a_change(cls="label_area", status="rejected")],
            deleted=[{"uid": "c3", "expected_version": 1}],
        )
    )
    assert edits.nonce == "n1"
    assert edits.created[0].uid == "a1"
    assert edits.created[0].geometry_lonlat.equals(box(105, 35, 105.01, 35.01))
    assert (edits.changed[0].uid, edits.changed[0].expected_version) == ("b2", 3)
    assert (edits.changed[0].cls, edits.changed[0].status) == (LabelClass.label_area, LabelStatus.rejected)
    assert (edits.deleted[0].uid, edits.deleted[0].expected_version) == ("c3", 1)


def test_a_change_without_geometry_leaves_the_geometry_alone() -> None:
    assert payload.edits(a_save(changed=[a_change(geometry=None)])).changed[0].geometry_lonlat is None


def test_holes_and_several_parts_arrive_whole() -> None:
    ring = box(0, 0, 10, 10).difference(box(4, 4, 6, 6))
    both = MultiPolygon([ring, box(20, 0, 21, 1)])
    found = payload.edits(a_save(created=[a_new_label(geometry=mapping(both))])).created[0].geometry_lonlat
    assert found.equals(both)


def test_a_look_alike_keeps_its_kind_and_a_landslide_has_none() -> None:
    first = a_new_label(cls="hard_negative", attributes={"look_alike": "terrace", "note": "wide"})
    second = a_new_label(uid="a2", attributes={"look_alike": "terrace", "note": "wide"})
    third = a_new_label(uid="a3", cls="hard_negative", attributes={"look_alike": "<img src=x>"})
    fourth = a_new_label(uid="a4", cls="hard_negative", attributes={"note": "wide"})
    created = payload.edits(a_save(created=[first, second, third, fourth])).created
    assert created[0].attributes == {"look_alike": "terrace", "note": "wide"}
    assert created[1].attributes == {"note": "wide"}
    assert created[2].attributes == {"look_alike": "other"}
    assert created[3].attributes == {"note": "wide"}  # nobody said what it is


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"nonce": "n"},
        a_save(created=[{}]),
        a_save(created=[a_new_label(uid="../../etc")]),
        a_save(created=[a_new_label(cls="volcano")]),
        a_save(created=[a_new_label(geometry={"type": "Point", "coordinates": [1, 2]})]),
        a_save(created=[a_new_label(geometry={"type": "Polygon", "coordinates": []})]),
        a_save(created=[a_new_label(geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, "x"], [0, 0]]]})]),
        a_save(created=[a_new_label(geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]})]),
        a_save(created=[a_new_label(geometry=None)]),
        a_save(created=[a_new_label(attributes=7)]),
        a_save(created=[a_new_label(status="burnt")]),
        a_save(created=[a_new_label(source="guessed")]),
        a_save(deleted=[{"uid": "a", "expected_version": "soon"}]),
        a_save(created=None),
    ],
)
def test_anything_else_is_refused_with_a_sentence(broken: dict[str, Any]) -> None:
    with pytest.raises(LabelsRefusedError, match="Reload the page"):
        payload.edits(broken)


@settings(deadline=None)
@given(
    some.recursive(
        some.none() | some.booleans() | some.floats() | some.text(max_size=5),
        lambda inner: (
            some.lists(inner, max_size=3)
            | some.dictionaries(some.sampled_from(["nonce", "created", "changed", "deleted", "uid", "geometry"]), inner)
        ),
        max_leaves=12,
    )
)
def test_no_payload_ends_in_anything_but_edits_or_a_refusal(anything: Any) -> None:
    if isinstance(anything, dict):
        for read in (payload.edits, payload.decisions):
            with contextlib.suppress(IcssnError):
                read(anything)


def test_decisions_carry_the_kind_of_look_alike_only_when_rejecting() -> None:
    items = [
        {"candidate_id": "a", "status": "accepted", "look_alike": "gully"},
        {"candidate_id": "b", "status": "rejected", "look_alike": "gully"},
        {"candidate_id": "c", "status": "rejected", "look_alike": "nonsense"},
        {"candidate_id": "d", "status": "unsure", "look_alike": ""},
        {"candidate_id": "e", "status": "rejected", "look_alike": ""},
    ]
    found = payload.decisions({"nonce": "n", "decisions": items})
    assert [(item.status.value, item.look_alike) for item in found] == [
        ("accepted", ""),
        ("rejected", "gully"),
        ("rejected", "other"),
        ("unsure", ""),
        ("rejected", ""),
    ]


def test_a_decision_that_is_none_is_refused() -> None:
    with pytest.raises(LabelsRefusedError):
        payload.decisions({"decisions": [{"candidate_id": "a", "status": "burn", "look_alike": ""}]})


def test_a_refused_outline_is_told_once() -> None:
    outline = {"type": "Point", "coordinates": [1, 2]}
    item = {"candidate_id": "a", "status": "accepted", "look_alike": "", "geometry": outline}
    with pytest.raises(LabelsRefusedError) as caught:
        payload.decisions({"decisions": [item]})
    assert str(caught.value).count("the browser sent") == 1
    assert "cannot be read (Point)" in str(caught.value)


def test_labels_and_candidates_reach_the_browser_as_json_with_areas_in_square_metres() -> None:
    square = box(105, 35, 105.001, 35.001)
    label = Label(uid="a", scene_id="s", geometry_lonlat=square)
    [item] = as_json.labels([label])
    assert item["area"] == pytest.approx(91.2 * 111.0, rel=0.01)  # m of 0.001° along the parallel and the meridian
    assert item["geometry"]["type"] == "Polygon"

    def candidate(score: float) -> Candidate:
        fields = {"prediction_id": "p", "scene_id": "s", "geometry_lonlat": square, "area_m2": 5.0}
        return Candidate(id=new_id(), score=score, mask_score=0.4, classifier_score=0.6, **fields)

    found = as_json.candidates([candidate(0.2), candidate(0.9), candidate(0.5)])
    assert [entry["score"] for entry in found] == [0.9, 0.5, 0.2]
    assert found[0]["status"] == CandidateStatus.open
