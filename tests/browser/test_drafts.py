"""What a draft brought back can be taken back, and two tabs of one person keep a draft each."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import update

from icssn import actions
from icssn.records import now
from icssn.store.tables import seat
from tests.browser.conftest import Visit
from tests.browser.desk import Desk

pytestmark = pytest.mark.browser

TRIANGLE = (0.6, 0.2), (0.8, 0.2), (0.8, 0.4)
ABOVE = (0.6, 0.6), (0.8, 0.6), (0.8, 0.8)


@pytest.fixture
def returned(desk: Desk) -> Desk:
    """A desk on which one landslide drawn before a reload was brought back, beside a half-drawn outline."""
    desk.draw(*TRIANGLE)
    desk.press("d")
    desk.click(*ABOVE[:2])
    desk.wait("icssn.isKept()")
    desk.reload()
    desk.wait("icssn.pending().length === 1")
    assert "brought back" in desk.toast()
    return desk


def test_what_was_brought_back_is_discarded_in_one_step_that_can_be_undone(returned: Desk) -> None:
    returned.button("Discard them")
    assert (returned.count(), returned.pending()) == (3, [])
    returned.rest()
    returned.press("Escape", "Escape")  # the half-drawn outline was not meant
    returned.press("Control+z")
    assert (returned.count(), len(returned.pending())) == (4, 1)
    returned.press("Control+y")
    assert (returned.count(), returned.pending()) == (3, [])


def test_an_outline_begun_before_can_be_finished_after_the_rest_is_discarded(returned: Desk) -> None:
    returned.button("Discard them")
    returned.rest()
    returned.click(ABOVE[2])
    returned.press("Enter")
    assert (returned.count(), len(returned.pending())) == (4, 1)


def test_the_offer_to_discard_ends_with_the_first_edit(returned: Desk) -> None:
    returned.click(ABOVE[2])
    returned.press("Enter")
    assert returned.toast() == ""
    assert len(returned.pending()) == 2


def test_a_duplicated_tab_keeps_a_draft_of_its_own(desk: Desk) -> None:
    first = desk.frame.evaluate("sessionStorage.getItem('icssn.tab')")
    with desk.visit.page.context.expect_page() as opening:
        desk.visit.page.evaluate("window.open(location.href)")  # what this tab keeps for itself is copied
    copy = Desk(Visit(opening.value), desk.server, desk.ws, desk.scene)
    copy.wait("icssn.opened")
    copy.rest()
    copy.draw(*TRIANGLE)
    copy.wait("icssn.isKept()")
    desk.visit.page.bring_to_front()
    desk.draw(*ABOVE)
    desk.wait("icssn.isKept()")
    mine, theirs = desk.pending(), copy.pending()
    for sitting, own in ((desk, mine), (copy, theirs)):
        sitting.reload()
        sitting.wait("icssn.pending().length === 1")
        assert sitting.pending() == own
    assert desk.frame.evaluate("sessionStorage.getItem('icssn.tab')") == first
    copy.visit.page.close()


def test_without_locks_a_duplicated_tab_keeps_a_draft_of_its_own_too(desk: Desk) -> None:
    context = desk.visit.page.context
    context.add_init_script("delete Navigator.prototype.locks")  # as under an address without https
    desk.reload()
    assert desk.frame.evaluate("!navigator.locks && !parent.navigator.locks")
    test_a_duplicated_tab_keeps_a_draft_of_its_own(desk)


def fall_silent(desk: Desk) -> None:
    """Stop all timers of a map, as a browser all but does in the background, and let its last sign of life age."""
    desk.frame.evaluate("() => { for (let id = setTimeout(() => 0); id; id--) clearTimeout(id) }")
    with desk.ws.db.write() as connection:
        connection.execute(update(seat).values(seen_at=now() - dt.timedelta(minutes=2)))


def a_new_tab(desk: Desk) -> Desk:
    """Open the page once more, in a tab that shares nothing with the first but the browser."""
    other = Desk(Visit(desk.visit.page.context.new_page()), desk.server, desk.ws, desk.scene)
    other.open()
    return other


def test_the_draft_of_a_tab_that_lies_silent_in_the_background_stays_its_own(desk: Desk) -> None:
    desk.draw(*TRIANGLE)
    desk.wait("icssn.isKept()")
    fall_silent(desk)
    [kept] = actions.drafts(desk.ws, desk.scene.id)
    assert not kept.is_open  # as far as the server knows
    other = a_new_tab(desk)
    assert other.pending() == []
    assert [draft.session_id for draft in actions.drafts(desk.ws, desk.scene.id)] == [kept.session_id]
    desk.visit.page.close()
    fall_silent(other)
    heir = a_new_tab(other)
    assert len(heir.pending()) == 1
    other.visit.page.close()
    heir.visit.page.close()


def test_without_locks_the_draft_of_a_silent_tab_stays_its_own_too(desk: Desk) -> None:
    desk.visit.page.context.add_init_script("delete Navigator.prototype.locks")
    desk.reload()
    test_the_draft_of_a_tab_that_lies_silent_in_the_background_stays_its_own(desk)


def test_a_tab_keeps_its_draft_over_a_walk_through_other_pages(desk: Desk) -> None:
    desk.draw(*TRIANGLE)
    desk.wait("icssn.isKept()")
    for page in ("Home", "Label"):
        desk.visit.page.get_by_role("link", name=page).first.click()
    desk.wait("icssn.opened && icssn.pending().length === 1")
