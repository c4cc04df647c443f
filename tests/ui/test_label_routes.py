"""A Save of the browser is applied once, or refused with a sentence and nothing changed; outlines are changed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from shapely.geometry import box, mapping, shape

from icssn import actions
from icssn.records import Actor, Dispute, Edits, Job, JobKind, JobState, Label, LabelDeletion, Role, Scene
from icssn.store import jobs
from icssn.store.workspace import Workspace
from icssn.ui import drafts, label_routes, outline_verbs, posted, session
from tests.ui.conftest import inside
from tests.ui.routes import OURS, ask

SQUARE = mapping(box(105, 35, 105.01, 35.01))


def a_save(**parts: Any) -> dict[str, Any]:
    return {"nonce": "n1", "created": [], "changed": [], "deleted": [], **parts}


def a_new_label(scene: Scene, **parts: Any) -> dict[str, Any]:
    fields = {"cls": "landslide", "status": "accepted", "source": "drawn", "attributes": {}}
    return {"uid": "abc", "geometry": mapping(inside(scene, 0.2)), **fields, **parts}


def send(scene: Scene, message: Any, headers: dict[str, str] = OURS) -> tuple[int, Any]:
    return ask(label_routes.routes(), "POST", f"/labels/{scene.id}", message, headers)


def test_a_new_polygon_is_saved_under_the_browsers_id_and_given_back(ws: Workspace, scene: Scene) -> None:
    status, answer = send(scene, a_save(created=[a_new_label(scene)]))
    assert status == 200
    assert answer["revision"] == 1
    [item] = answer["labels"]
    assert (item["uid"], item["version"], item["by"]) == ("abc", 1, actions.list_labels(ws, scene.id)[0].updated_by)
    assert ask(label_routes.routes(), "GET", f"/labels/{scene.id}") == (200, answer)


def test_the_same_save_sent_twice_counts_once(ws: Workspace, scene: Scene) -> None:
    message = a_save(created=[a_new_label(scene)])
    assert send(scene, message) == send(scene, message)
    assert actions.label_revision(ws, scene.id) == 1


def test_status_and_source_are_kept(ws: Workspace, scene: Scene) -> None:
    send(scene, a_save(created=[a_new_label(scene, status="proposed", source="predicted")]))
    [label] = actions.list_labels(ws, scene.id)
    assert (label.status, label.source) == ("proposed", "predicted")


def test_a_conflict_is_told_and_nothing_is_saved(ws: Workspace, scene: Scene, label: Label) -> None:
    fields = {"geometry": None, "cls": "label_area", "status": "accepted", "attributes": {}}
    mine = {"uid": label.uid, "expected_version": 1, **fields}
    actions.save_edits(ws, scene.id, Edits(deleted=(LabelDeletion(uid=label.uid, expected_version=1),)))
    status, answer = send(scene, a_save(changed=[mine]))
    assert status == 409
    assert "nothing was saved" in answer["error"]
    assert actions.label_revision(ws, scene.id) == 2


def test_a_polygon_beside_the_image_is_refused_with_a_sentence(ws: Workspace, scene: Scene) -> None:
    status, answer = send(scene, a_save(created=[a_new_label(scene, geometry=mapping(box(0, 0, 1, 1)))]))
    assert status == 422
    assert "outside the image" in answer["error"]
    assert actions.list_labels(ws, scene.id) == []


def test_nonsense_is_answered_too(ws: Workspace, scene: Scene) -> None:
    for nonsense in ({"event": "save"}, [], "save", None, b"{", b"\xff\xfe", b"[" * 100_000):
        status, answer = send(scene, nonsense)
        assert status in (400, 422)
        assert "Reload the page" in answer["error"]
    assert send(scene, b" " * (posted.LIMIT_BYTES + 1))[0] == 413


def test_another_sites_page_may_not_save(ws: Workspace, scene: Scene) -> None:
    foreign = (
        {"host": "localhost:8501"},
        {**OURS, "origin": "http://evil.example"},
        {**OURS, "sec-fetch-site": "none"},
    )
    for headers in foreign:
        assert send(scene, a_save(created=[a_new_label(scene)]), headers)[0] == 403
    assert actions.list_labels(ws, scene.id) == []


def test_the_past_of_a_label_is_told_with_who_and_when(ws: Workspace, scene: Scene, label: Label) -> None:
    actions.save_edits(ws, scene.id, Edits(deleted=(LabelDeletion(uid=label.uid, expected_version=1),)))
    status, answer = ask(label_routes.routes(), "GET", f"/labels/{scene.id}/{label.uid}")
    assert status == 200
    first, last = answer["versions"]
    assert (first["operation"], first["actor"]) == ("create", "Li")
    assert (last["operation"], last["geometry"]) == ("delete", None)


def test_a_deleted_label_is_listed_and_comes_back_under_its_own_number(
    ws: Workspace, scene: Scene, label: Label
) -> None:
    send(scene, a_save(deleted=[{"uid": label.uid, "expected_version": 1}]))
    status, answer = ask(label_routes.routes(), "GET", f"/deleted/{scene.id}")
    assert status == 200
    [gone] = answer["labels"]
    assert (gone["before"]["uid"], gone["deleted"]["actor"]) == (
        label.uid,
        actions.label_history(ws, label.uid)[-1].actor,
    )
    assert shape(gone["before"]["geometry"]).equals(label.geometry_lonlat)
    back = a_new_label(scene, uid=label.uid, geometry=gone["before"]["geometry"])
    assert send(scene, a_save(nonce="n2", created=[back]))[0] == 200
    assert ask(label_routes.routes(), "GET", f"/deleted/{scene.id}")[1] == {"labels": []}


def test_an_outline_is_measured_before_it_is_saved(ws: Workspace, scene: Scene) -> None:
    message = {"geometry": mapping(inside(scene, 0.2, 0.4)), "volume_m3": 200_000}
    status, answer = ask(label_routes.routes(), "POST", f"/labels/{scene.id}/measures", message)
    assert status == 200
    assert answer["area_m2"] == pytest.approx((256 * 0.4) ** 2, rel=0.05)
    assert answer["size_class"] == "medium"
    for broken in ({}, {"geometry": 7}, {"geometry": SQUARE, "volume_m3": "much"}):
        assert ask(label_routes.routes(), "POST", f"/labels/{scene.id}/measures", broken)[0] == 422


def test_of_a_saved_label_who_made_it_is_told(ws: Workspace, scene: Scene, label: Label) -> None:
    message = {"geometry": mapping(label.geometry_lonlat), "uid": label.uid}
    _, answer = ask(label_routes.routes(), "POST", f"/labels/{scene.id}/measures", message)
    assert (answer["mapper"], answer["method"], answer["source_image"]) == ("Li", "manual", "hill")


def test_unsaved_edits_are_warned_of(ws: Workspace, scene: Scene, label: Label) -> None:
    def kinds(**parts: Any) -> list[str]:
        _, answer = ask(label_routes.routes(), "POST", f"/labels/{scene.id}/warnings", a_save(**parts))
        return [warning["kind"] for warning in answer["warnings"]]

    neighbour = a_new_label(scene, geometry=mapping(inside(scene, 0.45)))
    assert kinds() == []
    assert kinds(created=[neighbour]) == ["overlap"]
    assert kinds(created=[neighbour], deleted=[{"uid": label.uid, "expected_version": 1}]) == []
    away = {"uid": label.uid, "expected_version": 1, "cls": "landslide", "status": "accepted", "attributes": {}}
    assert kinds(created=[neighbour], changed=[{**away, "geometry": mapping(inside(scene, 0.1))}]) == []
    assert actions.label_revision(ws, scene.id) == 1


def test_what_a_model_disputes_is_told_with_its_ground(ws: Workspace, scene: Scene, label: Label) -> None:
    overlooked = Dispute(geometry_lonlat=inside(scene, 0.7), probability=0.81, found=1.0)
    doubted = Dispute(uid=label.uid, version=1, geometry_lonlat=label.geometry_lonlat, probability=0.02, found=0.05)
    result = {"disputes": [dispute.model_dump(mode="json") for dispute in (doubted, overlooked)]}
    params = {"scene_id": scene.id}
    jobs.add(ws.db, Job(kind=JobKind.crossval, params=params, state=JobState.done, result=result))
    _, answer = ask(label_routes.routes(), "POST", f"/labels/{scene.id}/warnings", a_save(), CHINESE)
    of_label, of_ground = answer["warnings"]
    assert (of_label["kind"], of_label["uids"], of_label["ground"]) == ("disputed", [label.uid], None)
    assert of_label["text"] == "从未见过此标注的模型只找到其中 5%，平均概率 2%。"
    assert (of_ground["kind"], of_ground["uids"]) == ("overlooked", [])
    assert "81%" in of_ground["text"]
    assert shape(of_ground["ground"]).equals(overlooked.geometry_lonlat)


def outline(verb: str, **message: Any) -> tuple[int, Any]:
    return ask(label_routes.routes(), "POST", f"/outlines/{verb}", {"polygons": [SQUARE], **message})


def test_each_verb_changes_outlines_and_gives_areas() -> None:
    across = [[105.004, 34.99], [105.004, 35.02]]
    over = [[105.009, 35.002], [105.013, 35.002], [105.013, 35.008], [105.009, 35.008]]
    hole = [[105.004, 35.004], [105.006, 35.004], [105.006, 35.006], [105.004, 35.004]]
    neighbour = mapping(box(105.01, 35, 105.02, 35.01))
    whole = outline("fill")[1]["before"]
    for verb, message, shares in [
        ("split", {"line": across}, [0.6, 0.4]),
        ("reshape", {"line": over}, [1.18]),
        ("cut", {"line": hole}, [0.98]),
        ("merge", {"polygons": [SQUARE, neighbour]}, [2.0]),
        ("fill", {}, [1.0]),
        ("simplify", {"reach_m": 5}, [1.0]),
        ("smooth", {"reach_m": 5}, [1.0]),
    ]:
        status, answer = outline(verb, **message)
        assert status == 200, (verb, answer)
        assert answer["areas"] == pytest.approx([share * whole for share in shares], rel=2e-3), verb
        assert all(shape(polygon).is_valid for polygon in answer["polygons"])


@pytest.mark.parametrize(
    ("verb", "message", "status"),
    [
        ("split", {"line": [[105.004, 35.001], [105.004, 35.002]]}, 422),
        ("split", {"line": [[105.004, 35.001]]}, 422),
        ("split", {"line": None}, 422),
        ("reshape", {"line": [["a", 3], [4, 5]]}, 422),
        ("cut", {"line": [[float("inf"), 3], [4, 5], [6, 7]]}, 422),
        ("merge", {"polygons": []}, 422),
        ("merge", {"polygons": 7}, 422),
        ("fill", {"polygons": [{"type": "Point", "coordinates": [1, 2]}]}, 422),
        ("simplify", {"reach_m": "wide"}, 422),
        ("simplify", {"reach_m": -1}, 422),
        ("explode", {}, 404),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(verb: str, message: Any, status: int) -> None:
    assert outline(verb, **message)[0] == status


def test_a_change_of_too_many_corners_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline_verbs, "MAX_CORNERS", 100)
    assert outline("fill", polygons=[mapping(box(105, 35, 106, 36).segmentize(0.05))])[0] == 200
    status, answer = outline("fill", polygons=[mapping(box(105, 35, 106, 36).segmentize(0.01))])
    assert (status, "corners" in answer["error"]) == (422, True)


CHINESE = {**OURS, "accept-language": "zh"}
TWO_CORNERS = {"type": "Polygon", "coordinates": [[[105, 35], [105.01, 35.01], [105.02, 35.02], [105, 35]]]}


@pytest.mark.parametrize(
    "parts",
    [
        {"geometry": mapping(box(0, 0, 1, 1))},
        {"cls": "landslide_point", "geometry": {"type": "Point", "coordinates": [0, 0]}},
        {"cls": "landslide_point", "geometry": {"type": "Point", "coordinates": [500, 0]}},
        {"geometry": mapping(box(200, 0, 201, 1))},
        {"geometry": TWO_CORNERS},
        {"attributes": {"depth_m": -1}},
        {"attributes": {"depth_m": "deep"}},
        {"attributes": {"confidence": "sure"}},
        {"attributes": {"features": "scarp"}},
        {"attributes": {"event_date": "yesterday"}},
        {"attributes": {"name": "x" * 2000}},
        {"attributes": {"own": {"deep": [float(n) for n in range(20_000)]}}},
    ],
)
def test_a_refused_save_is_told_in_the_language_of_the_page(ws: Workspace, scene: Scene, parts: dict[str, Any]) -> None:
    message = a_save(created=[a_new_label(scene, **parts)])
    status, answer = send(scene, message, CHINESE)
    assert status == 422
    assert_chinese(answer["error"])
    assert send(scene, message)[1]["error"].isascii()
    assert actions.list_labels(ws, scene.id) == []


def assert_chinese(sentence: str) -> None:
    """Fail where a sentence holds an English word that is no name and no value."""
    told = re.sub(r"“[^”]*”|（[^）]*）|：[a-z_, ]+。", "", sentence)
    assert re.search("[\u4e00-\u9fff]", told), sentence
    assert not re.search(r"\b(?!ICSSN|GIS|YYYY|MM|DD|Point|Polygon|MultiPolygon|MB)[A-Za-z]{2,}", told), sentence


def test_whatever_else_is_refused_is_told_in_the_language_of_the_page(
    ws: Workspace, scene: Scene, label: Label, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes, square = label_routes.routes(), mapping(inside(scene, 0.2))
    far = [[0, 0], [0.001, 0.001]]
    refused = [
        send(scene, b"{", CHINESE),
        send(scene, {"nonce": 7}, CHINESE),
        send(scene, b" " * (posted.LIMIT_BYTES + 1), CHINESE),
        send(scene, a_save(), {**CHINESE, "origin": "http://evil.example"}),
        send(scene, a_save(created=[a_new_label(scene, uid=uid) for uid in ("a", "a")]), CHINESE),
        ask(routes, "POST", "/labels/nowhere", a_save(created=[a_new_label(scene)]), CHINESE),
        ask(routes, "POST", "/outlines/split", {"polygons": [square], "line": far}, CHINESE),
        ask(routes, "POST", "/outlines/reshape", {"polygons": [square], "line": far}, CHINESE),
        ask(routes, "POST", "/outlines/merge", {"polygons": []}, CHINESE),
        ask(routes, "POST", "/outlines/fold", {"polygons": [square]}, CHINESE),
        ask(drafts.routes(), "POST", f"/drafts/{scene.id}", b"{", CHINESE),
        ask(drafts.routes(), "POST", f"/drafts/{scene.id}", {"session": "tab", "draft": "x" * 5_000_000}, CHINESE),
        ask(drafts.routes(), "POST", f"/drafts/{scene.id}", {"session": "tab", "draft": "\0"}, CHINESE),
        ask(drafts.routes(), "GET", "/drafts/nowhere", headers={**CHINESE, "origin": "http://evil.example"}),
        ask(drafts.routes(), "POST", "/drafts/nowhere", {"session": "tab", "draft": "x"}, CHINESE),
    ]
    monkeypatch.setattr(session.workspace(), "actor", Actor(name="Wang", role=Role.viewer))
    refused.append(send(scene, a_save(deleted=[{"uid": label.uid, "expected_version": 1}]), CHINESE))
    assert all(status >= 400 for status, _ in refused)
    for _, answer in refused:
        assert_chinese(answer["error"].replace("Wang", ""))


def test_warnings_are_told_in_the_language_of_the_page(ws: Workspace, scene: Scene, label: Label) -> None:
    twice = a_save(created=[a_new_label(scene, geometry=mapping(label.geometry_lonlat))])
    status, answer = ask(label_routes.routes(), "POST", f"/labels/{scene.id}/warnings", twice, CHINESE)
    assert status == 200
    assert answer["warnings"]
    for warning in answer["warnings"]:
        assert_chinese(warning["text"])
