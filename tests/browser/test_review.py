"""The review map in a real browser: keys decide, overlays act at once, two layers stand side by side."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from icssn import actions
from icssn.records import (
    Candidate,
    CandidateStatus,
    Checkpoint,
    Decision,
    Edits,
    LabelClass,
    LabelDeletion,
    LabelStatus,
    Prediction,
    Run,
    Scene,
    new_id,
)
from icssn.store import checkpoints, predictions, runs
from icssn.store.workspace import Workspace
from tests.browser.conftest import MAP, Server, Visit, a_hill, place, serving, three_labels
from tests.browser.desk import seen
from tests.ui.conftest import inside

pytestmark = pytest.mark.browser


PLACES = (("a", 0.1, 0.9), ("b", 0.35, 0.8), ("c", 0.7, 0.7))
MANY = tuple((f"m{i:02}", 0.02 + 0.04 * i, 0.95 - 0.02 * i) for i in range(20))


def a_prediction(
    ws: Workspace,
    scene: Scene,
    *,
    probability: int,
    places: tuple[tuple[str, float, float], ...] = PLACES,
    eastern_half: bool = False,
) -> Prediction:
    """Store a prediction whose probability (0–254) is the same wherever it looked, with a candidate at each place."""
    west, south, east, north = scene.facts.bounds_lonlat
    run = runs.add(ws.db, Run(scene_ids=(scene.id,), revisions={}))
    model = checkpoints.add(ws.db, Checkpoint(id=new_id(), run_id=run.id, round=1, sha256="0" * 64))
    checkpoints.promote(ws.db, model.id)
    made = Prediction(
        id=new_id(),
        scene_id=scene.id,
        checkpoint_id=model.id,
        probability=f"predictions/{model.id}.tif",
        uncertainty=f"predictions/{model.id}_spread.tif",
        mask="none.tif",
        threshold=0.5,
        candidate_count=len(places),
        bounds_lonlat=((west + east) / 2, south, east, north) if eastern_half else None,
    )
    path = ws.path(made.probability)
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(scene.original) as image:
        profile = {**image.profile, "count": 1, "nodata": 255}
    for file, value in ((path, probability), (ws.path(str(made.uncertainty)), 60)):
        values = np.full((1, 512, 512), value, np.uint8)
        if eastern_half:
            values[:, :, :256] = 255
        with rasterio.open(file, "w", **profile) as out:
            out.write(values)
    found = [
        Candidate(
            id=f"{name}{made.id[:8]}",
            prediction_id=made.id,
            scene_id=scene.id,
            geometry_lonlat=inside(scene, at),
            score=score,
            mask_score=score,
            classifier_score=score,
            area_m2=2621.0,
        )
        for name, at, score in places
    ]
    predictions.add(ws.db, made, found)
    return made


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One workspace for all tests here; each adds a scene of its own, and pages show the last one."""
    workspace = actions.open_workspace(tmp_path_factory.mktemp("review") / "workspace")
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def server(ws: Workspace) -> Iterator[Server]:
    with serving(ws.folder, forked=True) as running:
        yield running


@pytest.fixture
def scene(ws: Workspace, tmp_path: Path) -> Scene:
    known = a_hill(ws, tmp_path, name=tmp_path.name)
    own = tuple(label.model_copy(update={"uid": new_id()}) for label in three_labels(known))
    actions.save_edits(ws, known.id, Edits(created=own))
    return known


@pytest.fixture
def earlier(ws: Workspace, scene: Scene) -> Prediction:
    return a_prediction(ws, scene, probability=200)


@pytest.fixture
def latest(earlier: Prediction, ws: Workspace, scene: Scene) -> Prediction:
    return a_prediction(ws, scene, probability=150)


def opened(server: Server, visit: Visit, *, count: int) -> Visit:
    """Open the Review page, wait for its candidates and put the mouse on the map."""
    visit.page.goto(f"{server.url}/Review")
    frame, _ = visit.map()
    frame.wait_for_function(f"icssn.candidates().length === {count}")
    box = visit.page.locator(MAP).bounding_box()
    assert box
    visit.page.mouse.move(box["x"] + 300, box["y"] + 300)
    return visit


@pytest.fixture
def review(latest: Prediction, server: Server, visit: Visit) -> Visit:
    """The Review page with the candidates of the latest prediction."""
    return opened(server, visit, count=3)


def statuses(ws: Workspace, prediction: Prediction) -> list[str]:
    return [item.status.value for item in actions.list_candidates(ws, prediction.id)]


def test_each_decision_takes_a_key_is_confirmed_and_can_be_taken_back(
    review: Visit, ws: Workspace, scene: Scene, latest: Prediction
) -> None:
    frame, inside_map = review.map()
    review.page.keyboard.press("n")
    inside_map.get_by_text("Candidate 1").wait_for()
    review.page.keyboard.press("a")
    inside_map.get_by_text("2,621 m² is now a landslide label").wait_for(timeout=30_000)
    review.page.keyboard.press("2")
    inside_map.get_by_text("Rejected as quarry").wait_for(timeout=30_000)
    review.page.keyboard.press("u")
    inside_map.get_by_text("Left unsure").wait_for(timeout=30_000)
    inside_map.get_by_text("0 of 3 open").wait_for()
    assert sorted(statuses(ws, latest)) == ["accepted", "rejected", "unsure"]
    [negative] = actions.list_labels(ws, scene.id, cls=LabelClass.hard_negative)
    assert negative.attributes["look_alike"] == "quarry"
    review.page.keyboard.press("z")
    inside_map.get_by_text("candidate is open again").wait_for(timeout=30_000)
    review.page.keyboard.press("z")
    inside_map.get_by_text("2 of 3 open").wait_for()
    frame.wait_for_function("icssn.unsaved() === 0", timeout=30_000)
    assert sorted(statuses(ws, latest)) == ["accepted", "open", "open"]
    assert actions.list_labels(ws, scene.id, cls=LabelClass.hard_negative) == []
    assert (review.foreign, review.errors) == ([], [])


def test_a_rejection_takes_one_key_and_says_what_it_is_only_when_somebody_said_so(
    review: Visit, ws: Workspace, scene: Scene, latest: Prediction
) -> None:
    frame, inside_map = review.map()

    def kinds() -> dict[str, str]:
        labels = actions.list_labels(ws, scene.id, cls=LabelClass.hard_negative)
        return {label.uid[0]: label.attributes.get("look_alike", "") for label in labels}

    review.page.keyboard.press("n")
    for key, told in (("x", "not said what it is"), ("1", "Rejected as terrace"), ("x", "not said what it is")):
        frame.wait_for_function("icssn.unsaved() === 0", timeout=30_000)
        review.page.keyboard.press(key)
        inside_map.get_by_text(told).wait_for(timeout=30_000)
    assert kinds() == {"a": "", "b": "terrace", "c": ""}  # the kind of the one before is never taken over
    first = inside_map.locator(f".ic-row[data-id='a{latest.id[:8]}']")
    assert "rejected" in first.inner_text()
    first.click()
    gully = inside_map.get_by_role("button", name="gully 3")
    gully.click()
    inside_map.get_by_text("Rejected as gully").wait_for(timeout=30_000)
    assert "gully" in first.inner_text()
    assert gully.get_attribute("aria-pressed") == "true"
    assert kinds() == {"a": "gully", "b": "terrace", "c": ""}
    review.page.keyboard.press("z")
    inside_map.get_by_text("not said what it is").wait_for(timeout=30_000)
    assert kinds() == {"a": "", "b": "terrace", "c": ""}
    assert (review.foreign, review.errors) == ([], [])


def test_a_view_is_settled_although_a_tile_was_dropped_on_its_way(review: Visit) -> None:
    frame, _ = review.map()
    frame.wait_for_function("icssn.settled()", timeout=30_000)
    frame.evaluate("""() => {
        const Slow = L.GridLayer.extend({ createTile(at, done) {
            const tile = document.createElement("div");
            icssn.coming.push([at, () => done(null, tile)]);
            return tile;
        } });
        icssn.coming = [];
        icssn.slow = new Slow().addTo(map);
        icssn.coming.slice(1).forEach(([, come]) => come());
    }""")
    assert not frame.evaluate("icssn.settled()")
    frame.evaluate("icssn.slow._removeTile(icssn.slow._tileCoordsToKey(icssn.coming[0][0]))")
    assert frame.evaluate("icssn.slow.isLoading()")  # what Leaflet says for ever
    assert frame.evaluate("icssn.settled()")


def test_twenty_decisions_typed_at_once_all_arrive_even_over_a_reload(
    ws: Workspace, scene: Scene, server: Server, visit: Visit
) -> None:
    many = a_prediction(ws, scene, probability=150, places=MANY)
    page = opened(server, visit, count=20).page
    page.keyboard.press("n")
    for key in "auauauauauauauauauau":
        page.keyboard.press(key)
    frame, _ = visit.map()
    assert frame.evaluate("icssn.candidates().filter((item) => item.status === 'open').length") == 0
    page.reload()
    frame, inside_map = visit.map()
    inside_map.get_by_text("0 of 20 open").wait_for(timeout=60_000)
    frame.wait_for_function("icssn.unsaved() === 0", timeout=60_000)
    assert sorted(statuses(ws, many)) == ["accepted"] * 10 + ["unsure"] * 10


def correct(review: Visit) -> None:
    """Choose the first candidate and drag a corner of its outline by 66 px to the left."""
    frame, inside_map = review.map()
    review.page.keyboard.press("n")
    review.page.keyboard.press("e")
    inside_map.locator(".ic-corner").first.wait_for()
    frame.wait_for_function(  # the flight to the candidate is over
        "() => { const [was, is] = [window.centre, `${map.getCenter()} ${map.getZoom()}`]; window.centre = is;"
        " return was === is; }",
        polling=300,
    )
    corner = inside_map.locator(".ic-corner").first.bounding_box()
    assert corner
    review.page.mouse.move(corner["x"] + 6, corner["y"] + 6)
    review.page.mouse.down()
    review.page.mouse.move(corner["x"] - 60, corner["y"] + 6, steps=5)
    review.page.mouse.up()


def test_an_outline_is_corrected_and_accepted_in_one_go(
    review: Visit, ws: Workspace, scene: Scene, latest: Prediction
) -> None:
    _, inside_map = review.map()
    correct(review)
    review.page.keyboard.press("a")
    inside_map.get_by_text("is now a landslide label").wait_for(timeout=30_000)
    [accepted] = [item for item in actions.list_candidates(ws, latest.id) if item.status is CandidateStatus.accepted]
    [label] = [item for item in actions.list_labels(ws, scene.id) if item.uid == accepted.id]
    assert not label.geometry_lonlat.equals(accepted.geometry_lonlat)
    assert label.geometry_lonlat.intersects(accepted.geometry_lonlat)
    assert review.errors == []


@pytest.mark.parametrize("key", ["n", "x", "u", "2", "reload"])
def test_a_corrected_outline_waits_until_its_candidate_is_looked_at_again(
    review: Visit, ws: Workspace, scene: Scene, latest: Prediction, key: str
) -> None:
    frame, inside_map = review.map()
    correct(review)
    uid = frame.evaluate("icssn.current()")
    if key == "reload":
        review.page.reload()
        frame, inside_map = review.map()
    else:
        review.page.keyboard.press(key)
    frame.wait_for_function("icssn.candidates().length === 3 && icssn.unsaved() === 0", timeout=30_000)
    assert inside_map.locator(".ic-corner").count() == 0
    inside_map.locator(f".ic-row[data-id='{uid}']").click()
    inside_map.get_by_role("button", name="Accept mine").click()
    inside_map.get_by_text("is now a landslide label").wait_for(timeout=30_000)
    [label] = [item for item in actions.list_labels(ws, scene.id) if item.uid == uid]
    [candidate] = [item for item in actions.list_candidates(ws, latest.id) if item.id == uid]
    assert not label.geometry_lonlat.equals(candidate.geometry_lonlat)
    assert review.errors == []


def test_a_corrected_outline_is_thrown_away_only_when_asked_twice(review: Visit) -> None:
    _, inside_map = review.map()
    correct(review)
    review.page.keyboard.press("Escape")
    inside_map.get_by_text("Press Esc again").wait_for()
    assert inside_map.locator(".ic-corner").count() > 0
    review.page.keyboard.press("Escape")
    assert inside_map.locator(".ic-corner").count() == 0
    review.page.keyboard.press("n")
    review.page.keyboard.press("p")
    assert inside_map.locator(".ic-corner").count() == 0


def test_an_accepted_correction_taken_back_is_there_to_go_on_with(review: Visit) -> None:
    frame, inside_map = review.map()
    correct(review)
    review.page.keyboard.press("a")
    inside_map.get_by_text("is now a landslide label").wait_for(timeout=30_000)
    review.page.keyboard.press("z")
    inside_map.get_by_text("candidate is open again").wait_for(timeout=30_000)
    frame.wait_for_function("icssn.unsaved() === 0", timeout=30_000)
    assert inside_map.locator(".ic-corner").count() > 0
    inside_map.get_by_role("button", name="Accept mine").wait_for()


def test_overlays_act_at_once_and_ask_the_server_nothing(review: Visit) -> None:
    frame, inside_map = review.map()
    frame.wait_for_function("icssn.settled() && icssn.painted() > 100000")  # .59 everywhere, threshold .5
    asked: list[str] = []
    review.page.on("request", lambda request: asked.append(request.url))
    inside_map.locator("#ic-threshold").fill("0.6")
    frame.wait_for_function("icssn.painted() === 0", timeout=2_000)
    inside_map.locator("#ic-threshold").fill("0.58")
    frame.wait_for_function("icssn.painted() > 100000", timeout=2_000)
    inside_map.locator("#ic-threshold").fill("0.9")
    frame.wait_for_function("icssn.painted() === 0", timeout=2_000)
    inside_map.locator("#ic-kind").select_option("band")  # .59 lies between both contours
    frame.wait_for_function("icssn.painted() > 100000", timeout=2_000)
    inside_map.get_by_text("Boundary lies here").wait_for()
    inside_map.locator("#ic-kind").select_option("mask")
    frame.wait_for_function("icssn.painted() === 0", timeout=2_000)
    inside_map.locator("#ic-kind").select_option("uncertainty")
    frame.wait_for_function("icssn.painted() > 100000", timeout=2_000)
    assert asked == []


def test_two_predictions_stand_side_by_side_and_their_difference_is_painted(review: Visit) -> None:
    review.page.get_by_test_id("stSelectbox").nth(2).click()
    review.page.get_by_role("option").nth(1).click()
    review.page.locator(MAP).last.content_frame.locator(".ic-swipe").wait_for(timeout=30_000)
    review.page.wait_for_function(f'document.querySelectorAll("{MAP}").length === 1')  # the map before is gone
    frame, inside_map = review.map()
    bar = inside_map.locator(".ic-swipe")
    before = bar.bounding_box()
    assert before
    review.page.mouse.move(before["x"] + 10, before["y"] + 200)
    review.page.mouse.down()
    review.page.mouse.move(before["x"] - 140, before["y"] + 200, steps=5)
    review.page.mouse.up()
    after = bar.bounding_box()
    assert after
    assert after["x"] == pytest.approx(before["x"] - 150, abs=3)
    assert inside_map.locator(".ic-side").count() == 2
    inside_map.get_by_label("Right of the bar").select_option("image")
    frame.wait_for_function("map.getPane('ic-other').style.visibility === 'hidden'")
    inside_map.locator("#ic-threshold").fill("0.7")  # .59 here, .79 there
    frame.wait_for_function("icssn.painted() === 0")
    inside_map.locator("#ic-kind").select_option("difference")
    frame.wait_for_function("icssn.painted() > 100000")
    assert (review.foreign, review.errors) == ([], [])


def test_ground_that_a_prediction_of_a_part_has_not_seen_is_veiled_and_not_compared(
    earlier: Prediction, ws: Workspace, scene: Scene, server: Server, visit: Visit
) -> None:
    a_prediction(ws, scene, probability=150, places=PLACES[2:], eastern_half=True)
    opened(server, visit, count=1)
    frame, inside_map = visit.map()
    inside_map.get_by_text("Part looked at").wait_for()
    veiled = """([lon, lat]) => {
        const sheet = map.getPane("ic-part").querySelector("canvas"), frame = sheet.getBoundingClientRect();
        const at = map.latLngToContainerPoint([lat, lon]), whole = map.getContainer().getBoundingClientRect();
        const share = sheet.width / frame.width;
        const x = (at.x + whole.x - frame.x) * share, y = (at.y + whole.y - frame.y) * share;
        return sheet.getContext("2d").getImageData(x, y, 1, 1).data[3];
    }"""
    assert frame.evaluate(veiled, place(scene, 0.25, 0.5)) > 60
    assert frame.evaluate(veiled, place(scene, 0.75, 0.5)) == 0
    assert frame.evaluate(veiled, place(scene, 0.5, 0.5)) > 200  # the frame itself
    visit.page.get_by_test_id("stSelectbox").nth(2).click()
    visit.page.get_by_role("option").nth(1).click()
    visit.page.locator(MAP).last.content_frame.locator(".ic-swipe").wait_for(timeout=30_000)
    visit.page.wait_for_function(f'document.querySelectorAll("{MAP}").length === 1')
    frame, inside_map = visit.map()
    frame.wait_for_function("icssn.settled() && icssn.painted() > 50000")  # a tile still on its way is not counted
    seen = frame.evaluate("icssn.painted()")
    inside_map.locator("#ic-threshold").fill("0.7")  # .59 here, .79 there: all is lost, but only where both looked
    inside_map.locator("#ic-kind").select_option("difference")
    frame.wait_for_function(f"icssn.painted() === {seen}")
    assert (visit.foreign, visit.errors) == ([], [])


def test_the_chosen_candidate_its_status_and_all_keys_are_in_sight(
    ws: Workspace, scene: Scene, server: Server, visit: Visit
) -> None:
    many = a_prediction(ws, scene, probability=150, places=MANY)
    actions.assign(ws, scene.id, [item.id for item in actions.list_candidates(ws, many.id)], person="A very long name")
    page = opened(server, visit, count=20).page
    _, inside_map = visit.map()
    for key in "n" * 15 + "p" * 9:  # down through the list, then up below its head
        page.keyboard.press(key)
        page.wait_for_timeout(50)
    row = inside_map.locator(".ic-row.ic-chosen")
    assert seen(row)
    assert row.locator(".ic-what").evaluate("(what) => what.scrollWidth <= what.clientWidth")
    page.keyboard.press("e")
    inside_map.get_by_text("Accept mine").wait_for()
    for name in ("accept", "reject", "unsure", "correct", "undo", "previous", "next"):
        assert seen(inside_map.locator(f"#ic-{name}")), name


def test_ground_to_label_next_is_suggested_and_kept_by_one_click(review: Visit, ws: Workspace, scene: Scene) -> None:
    [drawn] = actions.list_labels(ws, scene.id, cls=LabelClass.label_area)
    actions.save_edits(ws, scene.id, Edits(deleted=(LabelDeletion(uid=drawn.uid, expected_version=drawn.version),)))
    _, inside_map = review.map()
    review.page.keyboard.press("l")
    inside_map.get_by_text("not yet labelled").first.wait_for(timeout=30_000)
    inside_map.get_by_text("cannot be said yet").wait_for()
    inside_map.get_by_role("button", name="Propose").first.click()
    inside_map.get_by_text("Kept as a proposed label area").wait_for(timeout=30_000)
    [area] = actions.list_labels(ws, scene.id, cls=LabelClass.label_area)
    assert area.status is LabelStatus.proposed
    assert (review.foreign, review.errors) == ([], [])


def test_candidates_are_given_to_mappers_and_each_sees_the_own(
    review: Visit, ws: Workspace, scene: Scene, latest: Prediction
) -> None:
    _, inside_map = review.map()
    actions.assign(ws, scene.id, [f"c{latest.id[:8]}"], person="王工")
    review.page.keyboard.press("m")
    inside_map.get_by_label("Give").select_option("nobody")
    inside_map.locator(".ic-give input").fill(ws.actor.name)
    inside_map.locator("#ic-give").click()
    inside_map.get_by_text(f"candidates are {ws.actor.name}'s now").wait_for(timeout=30_000)
    inside_map.get_by_text(f"{ws.actor.name} (you)").wait_for(timeout=30_000)
    inside_map.get_by_label("Show", exact=True).select_option("mine")
    held = actions.list_assignments(ws, latest.id)
    mine = sorted(key for key, person in held.items() if person == ws.actor.name)
    rows = inside_map.locator(".ic-row")
    assert sorted(rows.nth(n).get_attribute("data-id") or "" for n in range(rows.count())) == mine
    review.page.keyboard.press("n")
    review.page.keyboard.press("u")
    inside_map.get_by_text(f"{len(mine) - 1} of {len(mine)} open").first.wait_for()
    assert (review.foreign, review.errors) == ([], [])


def test_a_second_reader_decides_blind_by_keys_and_sees_the_agreement_afterwards(
    ws: Workspace, scene: Scene, server: Server, visit: Visit
) -> None:
    made = a_prediction(ws, scene, probability=150)
    found = actions.list_candidates(ws, made.id)
    status = [CandidateStatus.accepted, CandidateStatus.accepted, CandidateStatus.rejected]
    first = [
        Decision(candidate_id=item.id, status=word, look_alike="") for item, word in zip(found, status, strict=True)
    ]
    predictions.decide(ws.db, scene.id, first, actor="Li")
    drawn = {label.uid for label in actions.list_labels(ws, scene.id)} & {item.id for item in found}
    actions.draw_second_reading(ws, made.id, reader=ws.actor.name, share=1)
    page = opened(server, visit, count=3).page
    frame, inside_map = visit.map()
    seen = frame.evaluate("icssn.candidates().map((item) => [item.status, item.look_alike])")
    assert seen == [["open", ""]] * 3
    assert len(drawn) == 3
    page.keyboard.press("m")
    inside_map.locator("#ic-again").click()
    inside_map.get_by_text("3 of 3 open").wait_for()
    for key in "aa":
        page.keyboard.press(key)
    inside_map.get_by_text("1 left; nothing of the first decisions").wait_for(timeout=30_000)
    page.keyboard.press("z")  # a change of mind counts until all is read
    page.keyboard.press("a")
    page.keyboard.press("a")
    inside_map.get_by_text("All is read").wait_for(timeout=30_000)
    page.keyboard.press("m")
    inside_map.get_by_text("Agreement 67%").wait_for(timeout=30_000)
    inside_map.get_by_text("rejected – accepted").click()
    inside_map.locator(".ic-details").get_by_text("rejected").first.wait_for()
    page.keyboard.press("z")  # the first decision is not undone by it
    frame.wait_for_function("icssn.unsaved() === 0")
    assert sorted(statuses(ws, made)) == ["accepted", "accepted", "rejected"]
    assert (visit.foreign, visit.errors) == ([], [])


def test_the_inventory_is_downloaded_whole(review: Visit) -> None:
    review.page.get_by_role("button", name="Results").click()
    review.page.get_by_role("button", name="Write the inventory").click()
    review.page.get_by_text("Writing the inventory: done.").wait_for(timeout=180_000)
    review.page.reload()  # it is kept in the workspace
    review.page.get_by_role("button", name="Results").click()
    review.page.get_by_text("Written 20").wait_for(timeout=60_000)
    with review.page.expect_download(timeout=60_000) as waiting:
        review.page.get_by_role("button", name="Download the inventory").click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
    assert {"inventory.gpkg", "inventory.coco.json", "probability.tif", "summary.csv", "item.json"} <= names
    assert "sheets/0002.html" in names
    assert {entry["path"] for entry in manifest["files"]} | {"manifest.json"} == {n for n in names if n[-1] != "/"}
