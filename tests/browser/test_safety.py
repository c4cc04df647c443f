"""Nothing drawn is ever lost: reloads, a dead server, a dead browser, and somebody else at the same labels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from icssn import actions
from icssn.records import Edits, Scene
from icssn.store.workspace import Workspace
from tests.browser.conftest import Server, Visit, place, visiting
from tests.browser.desk import Desk
from tests.ui.conftest import inside

pytestmark = pytest.mark.browser

TRIANGLE = (0.6, 0.2), (0.8, 0.2), (0.8, 0.4)


@pytest.fixture
def own(scene: Scene, server: Server, ws: Workspace, visit: Visit) -> Desk:
    """A desk with a server of its own, which may be killed."""
    sitting = Desk(visit, server, ws, scene)
    sitting.open()
    return sitting


@pytest.fixture
def colleague(browser: Browser, desk: Desk) -> Iterator[Desk]:
    """Somebody else at the same scene, in another browser."""
    with visiting(browser) as visited:
        sitting = Desk(visited, desk.server, desk.ws, desk.scene)
        sitting.open()
        yield sitting
        assert visited.errors == []


def test_unsaved_edits_and_every_step_of_undo_survive_a_reload(desk: Desk) -> None:
    desk.draw(*TRIANGLE)
    desk.click((0.25, 0.25))
    desk.press("Delete")
    desk.press("Control+z")
    desk.wait("icssn.isKept()")
    desk.reload()
    desk.wait("icssn.pending().length === 1")
    assert "brought back" in desk.toast()
    desk.press("Control+y")  # the deletion again
    assert (desk.count(), len(desk.pending())) == (3, 2)
    desk.press("Control+z", "Control+z")
    assert (desk.count(), desk.pending()) == (3, [])


def test_an_outline_that_is_half_drawn_survives_a_reload(desk: Desk) -> None:
    desk.press("d")
    desk.click(*TRIANGLE)
    desk.wait("icssn.isKept()")
    desk.reload()
    desk.press("Control+z")
    desk.click((0.9, 0.4))
    desk.press("Enter")
    [uid] = desk.chosen()
    assert desk.drawn(uid).geometry_lonlat.bounds[2:] == pytest.approx(place(desk.scene, 0.9, 0.4), abs=2e-5)


def test_a_draft_comes_back_after_the_server_was_killed(own: Desk) -> None:
    own.draw(*TRIANGLE)
    own.wait("icssn.isKept()", timeout=10_000)
    assert own.server.process
    own.server.process.kill()
    own.server.process.wait()
    own.draw((0.1, 0.6), (0.2, 0.6), (0.2, 0.7))  # while it is away
    own.press("Control+s")
    own.wait("document.querySelector('.ic-toast').textContent.includes('does not answer')")
    own.server.start()
    own.wait("icssn.pending().length === 0", timeout=120_000)
    assert len(own.stored()) == 5


def test_a_browser_that_died_leaves_its_draft_to_the_next_one(own: Desk, browser: Browser) -> None:
    own.draw(*TRIANGLE)
    own.wait("icssn.isKept()", timeout=10_000)
    [draft] = actions.drafts(own.ws, own.scene.id)
    own.visit.page.context.close()
    with visiting(browser) as visited:
        visited.page.wait_for_timeout(21_000)  # so long a silent tab counts as present
        successor = Desk(visited, own.server, own.ws, own.scene)
        successor.open()
        successor.wait("icssn.pending().length === 1")
        assert len(successor.save()) == 4
        successor.wait("icssn.isKept()")
    assert draft.session_id not in {left.session_id for left in actions.drafts(own.ws, own.scene.id)}


def both_move(desk: Desk, colleague: Desk) -> None:
    """Both move the upper right corner of one label, the colleague saves first."""
    desk.click((0.25, 0.25))
    desk.drag((0.3, 0.3), (0.35, 0.35))
    colleague.click((0.25, 0.25))
    colleague.drag((0.3, 0.3), (0.4, 0.3))
    colleague.save()
    desk.press("Control+s")
    desk.inside.locator("#ic-mine").wait_for(timeout=30_000)


@pytest.mark.parametrize(("choice", "corner"), [("mine", (0.35, 0.35)), ("theirs", (0.4, 0.3))])
def test_a_conflict_shows_both_versions_and_keeps_the_chosen_one(
    desk: Desk, colleague: Desk, choice: str, corner: tuple[float, float]
) -> None:
    both_move(desk, colleague)
    assert "while you were editing it" in desk.inside.locator(".ic-versions").inner_text()
    assert desk.pending() == ["slide0"]
    desk.inside.locator(f"#ic-{choice}").click()
    desk.press("Control+s")
    desk.wait("icssn.pending().length === 0")
    kept = desk.stored()["slide0"].geometry_lonlat
    assert kept.bounds[2:] == pytest.approx(
        (place(desk.scene, *corner)[0], place(desk.scene, 0, max(corner[1], 0.3))[1]), abs=2e-5
    )


def test_of_a_conflict_both_versions_can_be_kept(desk: Desk, colleague: Desk) -> None:
    both_move(desk, colleague)
    desk.inside.locator("#ic-both").click()
    assert len(desk.save()) == 4


@pytest.mark.parametrize(("choice", "left"), [("mine", {"slide0", "slide1", "area"}), ("theirs", {"slide1", "area"})])
def test_a_label_that_somebody_deleted_can_be_kept_or_let_go(
    desk: Desk, colleague: Desk, choice: str, left: set[str]
) -> None:
    desk.click((0.25, 0.25))
    desk.drag((0.3, 0.3), (0.33, 0.33))
    colleague.click((0.25, 0.25))
    colleague.press("Delete")
    colleague.save()
    desk.inside.locator(f"#ic-{choice}").click()
    assert desk.save().keys() == left


def test_others_are_named_and_what_they_save_appears(desk: Desk, colleague: Desk) -> None:
    desk.inside.locator(".ic-others:not(:empty)").wait_for(timeout=30_000)
    colleague.draw(*TRIANGLE)
    colleague.save()
    desk.wait("icssn.labels().length === 4")


def test_a_conflict_with_the_store_names_who_and_loses_nothing(desk: Desk) -> None:
    desk.click((0.25, 0.25))
    desk.drag((0.3, 0.3), (0.35, 0.35))
    version = desk.stored()["slide0"].version
    theirs = {"uid": "slide0", "expected_version": version, "geometry_lonlat": inside(desk.scene, 0.1, 0.05)}
    actions.save_edits(desk.ws, desk.scene.id, Edits.model_validate({"changed": [theirs]}))
    card = desk.inside.locator(".ic-versions")
    desk.inside.locator("#ic-mine").wait_for(timeout=30_000)
    assert "Changed elsewhere" in card.inner_text()  # the store's person may be the same one
    assert desk.ws.actor.name in card.inner_text()
    assert "Area" in card.inner_text()
    desk.press("Control+s")
    assert "Settle the conflict first" in desk.toast()
    desk.inside.locator("#ic-theirs").click()
    assert desk.toast() == ""


def test_a_conflict_says_that_the_outlines_differ_where_no_figure_does(desk: Desk, colleague: Desk) -> None:
    for sitting, key in ((desk, "ArrowLeft"), (colleague, "ArrowRight")):  # moved whole: as large as before
        sitting.click((0.25, 0.25))
        sitting.press(key)
    colleague.save()
    desk.inside.locator("#ic-mine").wait_for(timeout=30_000)
    assert "another outline" in desk.inside.locator(".ic-compare").inner_text()
