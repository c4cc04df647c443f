"""The label editor in a real browser: undo, saving, the list, the record, the past of a label, hostile text."""

from __future__ import annotations

from pathlib import Path

import pytest

from icssn import actions
from icssn.records import Dispute, Edits, Job, JobKind, JobState, LabelClass, LabelStatus, NewLabel
from icssn.store import jobs
from icssn.store.workspace import Workspace
from icssn.ui import palette
from tests.browser.conftest import Server, Visit, a_hill
from tests.browser.desk import Desk, lay
from tests.ui.conftest import inside

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=window.hacked=1></script><script>window.hacked=1</script>`${window.hacked=1}`"


def test_undo_and_redo_step_through_edits_and_through_saves(desk: Desk) -> None:
    desk.draw((0.6, 0.2), (0.8, 0.2), (0.8, 0.4))
    desk.press("Control+z")
    assert (desk.count(), desk.pending()) == (3, [])
    desk.press("Control+y")
    assert (desk.count(), len(desk.pending())) == (4, 1)
    desk.click((0.25, 0.25))
    desk.press("Delete")
    assert len(desk.save()) == 3
    desk.press("Control+z")  # brings the deleted landslide back
    assert desk.save().keys() >= {"slide0", "slide1", "area"}
    desk.press("Control+Shift+z")
    assert "slide0" not in desk.save()


def test_while_drawing_undo_takes_back_corners_and_redo_sets_them_again(desk: Desk) -> None:
    desk.press("d")
    desk.click((0.6, 0.2), (0.8, 0.2), (0.9, 0.3), (0.8, 0.4))
    desk.press("Control+z", "Control+z", "Control+y", "Control+z")
    desk.click((0.8, 0.4))
    desk.press("Enter")
    [uid] = desk.chosen()
    assert len(desk.drawn(uid).geometry_lonlat.exterior.coords) - 1 == 3
    assert desk.count() == 4


def test_what_somebody_else_saved_cannot_be_undone_unseen(desk: Desk) -> None:
    desk.click((0.25, 0.25))
    desk.drag((0.3, 0.3), (0.35, 0.35))
    version = desk.save()["slide0"].version
    theirs = {"uid": "slide0", "expected_version": version, "geometry_lonlat": inside(desk.scene, 0.1, 0.05)}
    actions.save_edits(desk.ws, desk.scene.id, Edits.model_validate({"changed": [theirs]}))
    desk.wait(f"icssn.labels().find(label => label.uid === 'slide0').version === {version + 1}")
    desk.press("Control+z")
    assert "cannot be taken back" in desk.toast()
    assert desk.pending() == []


def test_the_list_sorts_filters_and_flies_to_a_label(desk: Desk) -> None:
    small = NewLabel(uid="small", geometry_lonlat=inside(desk.scene, 0.8, 0.02), status=LabelStatus.proposed)
    lay(desk.ws, desk.scene, small)
    desk.reload()
    rows = desk.inside.locator(".ic-row")
    desk.inside.get_by_label("Order").select_option("sort_small")
    assert rows.first.get_attribute("data-uid") == "small"
    desk.inside.locator("#ic-filter").click()
    desk.inside.locator("[data-facet=status]").select_option("proposed")
    assert rows.count() == 1
    assert "1 of 4" in desk.inside.locator(".ic-labels h2").inner_text()
    rows.first.click()
    desk.wait("map.getZoom() > 17")
    assert desk.chosen() == ["small"]
    desk.press("a")
    assert desk.drawn("small").status is LabelStatus.accepted


def test_next_and_previous_follow_the_list(desk: Desk) -> None:
    desk.press("n")
    first = desk.chosen()
    desk.press("n")
    assert desk.chosen() != first
    desk.press("p")
    assert desk.chosen() == first


def test_what_the_keyboard_leads_to_is_pressed_by_enter_and_space(desk: Desk) -> None:
    pen, summary = desk.inside.locator("#ic-draw_label_area"), desk.inside.locator(".ic-deleted summary")
    page = desk.visit.page
    page.keyboard.press("Tab")
    pen.focus()
    page.keyboard.press("Enter")
    assert pen.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")
    assert pen.get_attribute("aria-pressed") == "false"
    summary.focus()
    page.keyboard.press("Enter")
    assert summary.evaluate("(element) => element.parentElement.open")
    pen.click()
    desk.click((0.6, 0.2), (0.8, 0.2), (0.8, 0.4))
    page.keyboard.press("Enter")  # after the mouse it is the map's again
    assert desk.count() == 4


def test_the_record_is_filled_in_by_keyboard_beside_the_map(desk: Desk) -> None:
    desk.draw((0.6, 0.2), (0.8, 0.2), (0.8, 0.4))
    [uid] = desk.chosen()
    desk.press("Enter")  # the cursor goes to the first field that has to be filled
    assert desk.frame.evaluate("document.activeElement.id") == "ic-field-confidence"
    desk.visit.page.keyboard.type("Mod")
    desk.press("Escape")
    desk.inside.locator("#ic-field-name").fill("Red Cliff")
    desk.press("Enter")
    desk.inside.get_by_text("Evidence", exact=True).click()
    desk.inside.locator("#ic-field-features input").first.check()
    desk.press("Escape")
    attributes = desk.save()[uid].attributes
    assert attributes["confidence"] == "moderate"
    assert (attributes["name"], attributes["features"]) == ("Red Cliff", ["main_scarp"])
    assert attributes["geometry_role"] == "whole"
    assert 100 < attributes["display_scale"] < 100_000
    desk.press("Control+z")
    assert "features" not in desk.frame.evaluate(
        "uid => icssn.labels().find(label => label.uid === uid).attributes", uid
    )


def test_what_stands_in_a_field_is_saved_by_the_key_without_leaving_it_first(desk: Desk) -> None:
    desk.click((0.25, 0.25))
    field = desk.inside.locator("#ic-field-name")
    field.fill("Old Mill")
    field.press("Control+s")
    desk.wait("icssn.pending().length === 0 && icssn.labels().some((label) => label.attributes.name === 'Old Mill')")
    assert desk.stored()["slide0"].attributes["name"] == "Old Mill"


def test_a_value_outside_its_domain_is_marked_and_not_taken(desk: Desk) -> None:
    desk.click((0.25, 0.25))
    desk.inside.get_by_text("Age and activity", exact=True).click()
    field = desk.inside.locator("#ic-field-event_date")
    field.fill("lately")
    field.press("Enter")
    assert field.get_attribute("aria-invalid") == "true"
    assert desk.pending() == []


def test_a_point_says_that_a_landslide_is_here(desk: Desk) -> None:
    desk.press("t")
    desk.click((0.7, 0.3))
    [uid] = desk.chosen()
    desk.drag((0.7, 0.3), (0.72, 0.32))
    point = desk.save()[uid]
    assert point.cls is LabelClass.landslide_point
    assert point.geometry_lonlat.geom_type == "Point"
    desk.reload()
    assert desk.count() == 4


def test_a_point_has_no_area_no_corners_and_no_other_class_and_says_so(desk: Desk) -> None:
    desk.press("t")
    desk.click((0.7, 0.3))
    [uid] = desk.chosen()
    assert "—" in desk.inside.locator(f".ic-row[data-uid='{uid}']").inner_text()
    hint = desk.inside.locator(".ic-hint")
    assert "Drag the point" in hint.inner_text()
    desk.press("2")
    assert "its class stays" in desk.toast()
    assert desk.drawn(uid).cls is LabelClass.landslide_point
    desk.click((0.25, 0.25))
    assert desk.toast() == ""
    assert "Drag corners" in hint.inner_text()


def test_a_message_that_waits_to_be_closed_goes_with_its_cause(desk: Desk) -> None:
    desk.press("k")
    assert "Choose one label first" in desk.toast()
    desk.click((0.25, 0.25))
    assert desk.toast() == ""
    desk.press("m")
    assert "Choose two labels" in desk.toast()
    desk.press("x")
    assert desk.toast() == ""


def test_after_a_choice_above_the_map_its_keys_work_as_soon_as_the_mouse_is_there(desk: Desk) -> None:
    page = desk.visit.page
    drop_down = page.get_by_test_id("stSelectbox").first
    drop_down.click()
    page.get_by_role("option", name=desk.scene.name, exact=True).click()
    assert page.evaluate("document.activeElement.tagName") == "INPUT"
    desk.rest()
    desk.press("n")
    desk.wait("icssn.chosen().length === 1", timeout=5_000)
    drop_down.click()  # while it is open, what is typed looks for a scene
    page.get_by_role("option").first.wait_for()
    page.mouse.move(*desk.at((0.9, 0.1)))
    page.keyboard.type("nn")
    assert drop_down.locator("input").input_value() == "nn"
    page.keyboard.press("Escape")


def test_a_look_alike_has_its_kind_and_a_landslide_has_none(desk: Desk) -> None:
    desk.click((0.25, 0.25))
    desk.press("2")
    assert "look_alike" not in desk.save()["slide0"].attributes  # nobody said what it is
    desk.inside.locator("#ic-field-look_alike").select_option("quarry")
    desk.frame.evaluate("document.activeElement.blur()")
    assert desk.save()["slide0"].attributes["look_alike"] == "quarry"
    desk.press("1")
    after = desk.save()["slide0"]
    assert (after.cls, "look_alike" in after.attributes) == (LabelClass.landslide, False)


def test_a_slip_of_the_pen_is_listed_before_it_is_saved_and_leads_to_its_place(desk: Desk) -> None:
    desk.draw((0.22, 0.22), (0.4, 0.22), (0.4, 0.4))  # over the first landslide
    summary = desk.inside.locator(".ic-warnings summary")
    summary.wait_for(timeout=30_000)
    summary.click()
    zoom = desk.frame.evaluate("map.getZoom()")
    desk.inside.locator(".ic-warning", has_text="Overlap").click()
    desk.wait(f"map.getZoom() > {zoom}")
    desk.press("Control+z")
    summary.wait_for(state="hidden", timeout=30_000)


def test_what_a_model_disputes_is_listed_for_a_second_look_and_leads_to_its_place(desk: Desk) -> None:
    slide = desk.stored()["slide1"]
    ground = Dispute(geometry_lonlat=inside(desk.scene, 0.75, 0.06), probability=0.8, found=1.0)
    doubted = Dispute(
        uid=slide.uid, version=slide.version, geometry_lonlat=slide.geometry_lonlat, probability=0, found=0
    )
    cross_validated(desk, doubted, ground)
    desk.reload()
    desk.inside.locator(".ic-warnings summary").click()
    desk.inside.locator(".ic-warning", has_text="Disputed by a model").click()
    desk.wait("icssn.chosen()[0] === 'slide1'")
    desk.inside.get_by_text("find 0% of it, at a mean probability of 0%").wait_for()
    desk.inside.locator(".ic-warning", has_text="Perhaps overlooked").click()
    west, south, east, north = ground.geometry_lonlat.bounds
    desk.wait(f"L.latLngBounds([[{south}, {west}], [{north}, {east}]]).contains(map.getCenter())")
    dashed = "Object.values(map._layers).filter(layer => layer.options.dashArray === '6 6').length"
    assert desk.frame.evaluate(dashed) == 1
    cross_validated(desk)  # a later one that disputes nothing
    desk.reload()
    desk.inside.locator(".ic-warnings").wait_for(state="hidden")


def cross_validated(desk: Desk, *disputes: Dispute) -> None:
    """Enter a cross-validation that is done and disputes this."""
    result = {"disputes": [dispute.model_dump(mode="json") for dispute in disputes]}
    params = {"scene_id": desk.scene.id}
    jobs.add(desk.ws.db, Job(kind=JobKind.crossval, params=params, state=JobState.done, result=result))


def test_the_past_of_a_label_is_shown_and_an_earlier_version_comes_back(desk: Desk) -> None:
    before = desk.stored()["slide0"]
    desk.click((0.25, 0.25))
    desk.drag((0.3, 0.3), (0.35, 0.35))
    desk.save()
    desk.inside.locator("#ic-history").click()
    versions = desk.inside.locator(".ic-version")
    versions.first.wait_for()
    assert "Changed" in versions.first.inner_text()
    assert "Area" in versions.first.inner_text()
    assert desk.inside.locator(".ic-corner").count() == 0  # they would hide what differs
    versions.first.click()
    lines = "Object.values(map._layers).map((layer) => layer.options.dashArray).filter(Boolean)"
    assert {"8 5", "2 6"} <= set(desk.frame.evaluate(lines))  # this version, and the one before
    desk.inside.locator(".ic-version", has_text="Created").first.click()
    desk.inside.get_by_role("button", name="Restore", exact=True).click()
    desk.inside.locator(".ic-corner").first.wait_for()
    restored = desk.save()["slide0"]
    assert restored.geometry_lonlat.equals_exact(before.geometry_lonlat, 1e-7)


def test_text_of_labels_is_never_read_as_html(desk: Desk) -> None:
    fields = {"name": HOSTILE, "notes": HOSTILE, "part_of": HOSTILE[:60], "own": HOSTILE}
    made = NewLabel(uid="h1", geometry_lonlat=inside(desk.scene, 0.7), attributes=fields)
    other = NewLabel(
        uid="h2", geometry_lonlat=inside(desk.scene, 0.85), cls=LabelClass.hard_negative, attributes={"note": HOSTILE}
    )
    lay(desk.ws, desk.scene, made, other)
    desk.reload()
    desk.click((0.75, 0.75))
    desk.wait("document.querySelector('.ic-details h2').textContent.includes('<img')")
    desk.inside.get_by_text("Evidence", exact=True).click()
    desk.inside.locator("#ic-history").click()
    desk.inside.locator(".ic-version").first.click()
    desk.inside.locator("#ic-history-close").click()
    desk.press("Control+c", "Control+v")
    desk.save()
    assert desk.frame.evaluate("window.hacked") is None
    assert desk.visit.page.evaluate("window.hacked") is None


def test_pixels_are_shown_as_they_are_on_a_key(desk: Desk) -> None:
    tile = "getComputedStyle(document.querySelector('.leaflet-tile')).imageRendering"
    assert desk.frame.evaluate(tile) == "auto"
    desk.press("v")
    assert desk.frame.evaluate(tile) == "pixelated"


def test_keys_that_need_an_elevation_model_say_so_where_there_is_none(desk: Desk) -> None:
    for key in "sh":
        desk.press(key)
        assert "no elevation model" in desk.toast()
        desk.frame.evaluate("icssn.ui.tell('')")


def test_relief_stands_beside_the_image_on_a_key_and_drawing_goes_on(
    ws: Workspace, server: Server, visit: Visit, tmp_path: Path
) -> None:
    desk = Desk(visit, server, ws, a_hill(ws, tmp_path, elevation=True))
    desk.open()
    sides = "['ic-hillshade', 'ic-terrain'].map((name) => map.getPane(name).style).map((s) => [s.visibility, s.clip])"
    desk.press("s")
    desk.inside.locator(".ic-swipe").wait_for()
    relief, slope = desk.frame.evaluate(sides)
    assert relief[0] == ""
    assert relief[1].startswith("rect(")
    assert slope[0] == "hidden"
    desk.draw((0.6, 0.2), (0.8, 0.2), (0.8, 0.4))
    assert desk.count() == 1
    desk.press("s")
    desk.inside.locator(".ic-swipe").wait_for(state="detached")
    assert desk.frame.evaluate("map.getPane('ic-hillshade').querySelectorAll('img').length") == 0
    assert visit.errors == []


def test_relief_and_terrain_are_seen_as_soon_as_they_are_asked_for(
    ws: Workspace, server: Server, visit: Visit, tmp_path: Path
) -> None:
    desk = Desk(visit, server, ws, a_hill(ws, tmp_path, elevation=True))
    desk.open()

    def seen(pane: str) -> bool:
        tiles = f"[...map.getPane('{pane}').querySelectorAll('img.leaflet-tile-loaded')]"
        return bool(desk.frame.evaluate(f"{tiles}.some((img) => img.checkVisibility({{ visibilityProperty: true }}))"))

    def wait_for(pane: str) -> None:
        visit.map_when(f"map.getPane('{pane}').querySelector('img.leaflet-tile-loaded')", timeout_s=30)

    assert not seen("ic-hillshade")
    desk.press("h")
    wait_for("ic-hillshade")
    assert seen("ic-hillshade")
    desk.press("h")
    assert not seen("ic-hillshade")
    desk.inside.get_by_label("Terrain", exact=True).select_option("curvature")
    wait_for("ic-terrain")
    assert seen("ic-terrain")


def test_the_language_holds_over_pages_and_reloads(desk: Desk) -> None:
    page = desk.visit.page
    page.get_by_test_id("stSidebar").get_by_text("中文").click()
    page.get_by_role("heading", name="标注").wait_for(timeout=30_000)
    page.get_by_test_id("stSidebar").get_by_role("link", name="训练").click()
    page.get_by_role("heading", name="训练").wait_for(timeout=30_000)
    page.reload()
    page.get_by_role("heading", name="训练").wait_for(timeout=30_000)


def test_a_refusal_is_told_in_the_language_of_the_page(desk: Desk) -> None:
    desk.visit.page.get_by_test_id("stSidebar").get_by_text("中文").click()
    desk.visit.page.get_by_role("heading", name="标注").wait_for(timeout=30_000)
    desk.visit.map_when("icssn.opened && document.documentElement.lang === 'zh'", timeout_s=60)
    desk.rest()
    desk.draw((-0.3, 0.2), (-0.2, 0.2), (-0.2, 0.3))  # beside the image
    desk.press("Control+s")
    desk.inside.locator(".ic-toast.ic-bad").wait_for()
    assert "完全位于影像之外" in desk.toast()
    assert "请在影像范围内绘制" in desk.toast()
    desk.press("Control+z")


def test_a_deleted_label_is_brought_back_by_one_click(desk: Desk) -> None:
    before = desk.stored()["slide0"]
    desk.inside.get_by_text("Deleted", exact=True).click()
    gone = desk.inside.locator(".ic-gone .ic-row")
    desk.click((0.25, 0.25))
    desk.press("Delete")
    assert "unsaved" in gone.first.inner_text()
    assert desk.save().keys() == {"slide1", "area"}
    desk.inside.locator(".ic-gone [data-uid=slide0]", has_text=desk.ws.actor.name).wait_for()
    desk.inside.locator(".ic-gone [data-uid=slide0]").get_by_role("button", name="Restore").click()
    assert desk.chosen() == ["slide0"]
    desk.inside.locator(".ic-gone [data-uid=slide0]").wait_for(state="detached")
    after = desk.save()["slide0"]
    assert after.geometry_lonlat.equals_exact(before.geometry_lonlat, 1e-7)
    assert after.attributes == before.attributes
    desk.press("Control+z")
    assert "slide0" not in {label.uid for label in desk.save().values()}


def test_the_line_of_a_landslide_is_broken_where_its_mapper_was_not_sure(desk: Desk) -> None:
    marked = [
        NewLabel(
            uid=f"c-{value}",
            geometry_lonlat=inside(desk.scene, 0.62 + 0.1 * at, 0.05),
            attributes={"confidence": value},
        )
        for at, value in enumerate(("high", "moderate", "low"))
    ]
    lay(desk.ws, desk.scene, *marked)
    desk.reload()
    dashes = (
        "([lon, lat]) => Object.values(map._layers).filter((layer) => layer instanceof L.Polygon && layer.options.fill"
        " && layer.options.interactive && layer.getBounds().contains([lat, lon]))"
        ".map((layer) => layer.options.dashArray ?? null)"
    )

    def line(label: NewLabel) -> list[str | None]:
        center = label.geometry_lonlat.centroid
        return list(desk.frame.evaluate(dashes, [center.x, center.y]))

    styles = [palette.STYLES[style] for style in ("landslide", "landslide_moderate", "landslide_low")]
    assert [line(label) for label in marked] == [[style.get("dashArray")] for style in styles]
    desk.click((0.645, 0.645))
    desk.inside.locator("#ic-field-confidence").select_option("low")
    desk.frame.evaluate("document.activeElement.blur()")
    desk.press("Escape")
    assert line(marked[0]) == [styles[2]["dashArray"]]
