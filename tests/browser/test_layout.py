"""Whatever is shown can be seen: nothing on the maps is cut off, covered or pushed out of its panel."""

from __future__ import annotations

import pytest
from playwright.sync_api import Frame

from icssn import actions
from icssn.records import Edits, LabelClass, LabelDeletion, NewLabel
from tests.browser.conftest import place
from tests.browser.desk import Desk, lay, seen
from tests.ui.conftest import inside

pytestmark = pytest.mark.browser


def buttons_not_seen(frame: Frame) -> list[str]:
    shown = [button for button in frame.locator(".ic-bar button, .ic-judge button").all() if button.is_visible()]
    return [button.inner_text() for button in shown if not seen(button)]


def test_the_only_field_of_a_look_alike_is_in_sight_however_many_labels_there_are(desk: Desk) -> None:
    many = [
        NewLabel(
            uid=f"x{n:02}", geometry_lonlat=inside(desk.scene, 0.06 + 0.0165 * n, 0.01), cls=LabelClass.hard_negative
        )
        for n in range(50)
    ]
    lay(desk.ws, desk.scene, *many)
    desk.reload()
    desk.inside.locator(".ic-warnings").wait_for()
    desk.inside.locator(".ic-warnings summary").click()
    desk.press("p")
    while not desk.chosen()[0].startswith("x"):
        desk.press("p")
    assert seen(desk.inside.locator("#ic-field-look_alike"))
    assert seen(desk.inside.locator(f".ic-row[data-uid='{desk.chosen()[0]}']"))
    assert buttons_not_seen(desk.frame) == []


def test_a_long_name_stays_in_the_heading(desk: Desk) -> None:
    desk.click((0.25, 0.25))
    desk.inside.locator("#ic-field-name").fill("w" * 200)
    desk.press("Escape")
    heading = desk.inside.locator(".ic-record h2")
    heading.get_by_text("www").wait_for()
    assert heading.evaluate("(h2) => h2.scrollWidth <= h2.clientWidth")
    assert seen(desk.inside.locator("#ic-field-confidence"))


def test_where_no_label_is_the_list_says_so_at_its_top(desk: Desk) -> None:
    old = tuple(
        LabelDeletion(uid=it.uid, expected_version=it.version) for it in actions.list_labels(desk.ws, desk.scene.id)
    )
    actions.save_edits(desk.ws, desk.scene.id, Edits(deleted=old))
    desk.reload()
    head, told = (
        desk.inside.locator(".ic-labels h2").bounding_box(),
        desk.inside.get_by_text("No labels yet").bounding_box(),
    )
    assert head
    assert told
    assert told["y"] - head["y"] - head["height"] < 20


def test_in_a_narrow_window_every_tool_is_in_sight_and_no_message_covers_one(desk: Desk) -> None:
    desk.visit.page.set_viewport_size({"width": 900, "height": 900})
    desk.frame.evaluate(
        "point => map.setView(point.toReversed(), map.getZoom(), { animate: false })", place(desk.scene, 0.25, 0.25)
    )
    desk.click((0.25, 0.25))
    desk.frame.evaluate(
        "icssn.ui.tell('A message that takes two lines in a narrow window, as many do.', { bad: true })"
    )
    assert buttons_not_seen(desk.frame) == []
    desk.inside.locator("#ic-split").click()
    assert desk.inside.locator("#ic-split").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("width", [900, 1280])
def test_a_title_is_covered_by_nothing_beside_it_and_no_button_loses_its_words(desk: Desk, width: int) -> None:
    page = desk.visit.page
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{desk.server.url}/Review")
    desk.visit.map()
    assert seen(page.get_by_role("heading", name="Review"))
    words = page.get_by_role("button", name="Results").locator("p")
    assert words.evaluate("(p) => p.scrollWidth <= p.clientWidth")
