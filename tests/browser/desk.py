"""A geologist at the label editor: mouse and keys on places of the scene, and what the store then holds."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Frame, FrameLocator, Locator

from icssn import actions
from icssn.records import Edits, Label, LabelDeletion, NewLabel, Scene
from icssn.store.workspace import Workspace
from tests.browser.conftest import Server, Visit, place, three_labels

Share = tuple[float, float]  # of the scene's sides, from its lower left corner

# Whether an element lies whole inside the window and all boxes that clip it, and nothing lies above it.
_SEEN = """(element) => {
    const box = element.getBoundingClientRect();
    const inner = (outer) => box.left >= outer.left - 1 && box.top >= outer.top - 1 && box.right <= outer.right + 1
        && box.bottom <= outer.bottom + 1;
    if (!box.width || !inner(new DOMRect(0, 0, innerWidth, innerHeight))) return false;
    for (let at = element.parentElement; at; at = at.parentElement)
        if (getComputedStyle(at).overflow !== "visible" && !inner(at.getBoundingClientRect())) return false;
    return [0.04, 0.5, 0.96].every((share) => {
        const top = document.elementFromPoint(box.left + share * box.width, box.top + box.height / 2);
        return top && (element.contains(top) || top.contains(element));
    });
}"""


@dataclass
class Desk:
    """One browser on the Label page of one scene."""

    visit: Visit
    server: Server
    ws: Workspace
    scene: Scene

    @property
    def frame(self) -> Frame:
        """The map's frame, for JavaScript."""
        return self.visit.map()[0]

    @property
    def inside(self) -> FrameLocator:
        """The map's frame, for clicking."""
        return self.visit.map()[1]

    def open(self) -> None:
        """Open the page and wait until its labels and drafts are there."""
        self.visit.page.goto(f"{self.server.url}/Label")
        self.wait("icssn.opened")
        self.rest()

    def reload(self) -> None:
        """Load the page again."""
        self.visit.page.reload()
        self.wait("icssn.opened")
        self.rest()

    def rest(self) -> None:
        """Put the mouse on the map, where there is no landslide."""
        self.visit.page.mouse.move(*self.at((0.5, 0.9)))

    def wait(self, condition: str, timeout: float = 60_000) -> None:
        """Wait until some JavaScript is true in the map's frame."""
        self.frame.wait_for_function(condition, timeout=timeout)

    def at(self, share: Share) -> tuple[float, float]:
        """Give where a place lies in the window."""
        return self.visit.point(*place(self.scene, *share))

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            self.visit.page.keyboard.press(key)

    def click(self, *shares: Share, shift: bool = False, button: str = "left") -> None:
        """Click on places, one after another, unlike a double click."""
        for share in shares:
            if shift:
                self.visit.page.keyboard.down("Shift")
            self.visit.page.mouse.click(*self.at(share), button=button)
            if shift:
                self.visit.page.keyboard.up("Shift")
            self.visit.page.wait_for_timeout(60)

    def drag(self, start: Share, end: Share) -> None:
        """Drag the mouse from one place to another."""
        self.visit.drag(place(self.scene, *start), place(self.scene, *end))

    def draw(self, *corners: Share, key: str = "d") -> None:
        """Take the pen by its key, click the corners, finish."""
        self.press(key)
        self.click(*corners)
        self.press("Enter")

    def trace(self, *path: Share, pressed: bool = False) -> None:
        """Move the mouse along a path with Shift held, from its first place on, with the button up or pressed."""
        mouse, keyboard = self.visit.page.mouse, self.visit.page.keyboard
        points = self.visit.points(*(place(self.scene, *share) for share in path))
        mouse.move(*points[0])
        keyboard.down("Shift")
        if pressed:
            mouse.down()
        for point in points:
            mouse.move(*point, steps=4)
        self.visit.page.wait_for_timeout(60)  # the browser holds back the last move until its next frame
        if pressed:
            mouse.up()
        keyboard.up("Shift")

    def button(self, name: str) -> None:
        """Click a button of the map by its words."""
        self.inside.get_by_role("button", name=name, exact=False).first.click()

    def count(self) -> int:
        """Give how many labels the map shows."""
        return int(self.frame.evaluate("icssn.labels().length"))

    def pending(self) -> list[str]:
        """Give the labels with unsaved edits."""
        return list(self.frame.evaluate("icssn.pending()"))

    def chosen(self) -> list[str]:
        """Give the labels that are chosen."""
        return list(self.frame.evaluate("icssn.chosen()"))

    def drawn(self, uid: str) -> Label:
        """Give a label as the map shows it, saved or not."""
        item = self.frame.evaluate("uid => icssn.labels().find(label => label.uid === uid)", uid)
        return Label(
            uid=uid, scene_id=self.scene.id, geometry_lonlat=item["geometry"], **{k: item[k] for k in ("cls", "status")}
        )

    def save(self) -> dict[str, Label]:
        """Save by key and give what the store holds then."""
        self.press("Control+s")
        self.wait("icssn.pending().length === 0")
        return self.stored()

    def stored(self) -> dict[str, Label]:
        """Give what the store holds."""
        return {label.uid: label for label in actions.list_labels(self.ws, self.scene.id)}

    def toast(self) -> str:
        """Give the message on the map."""
        return self.inside.locator(".ic-toast").inner_text()


def lay(ws: Workspace, scene: Scene, *more: NewLabel) -> None:
    """Put the three known labels (and more) in the place of all labels, and forget all drafts."""
    old = tuple(LabelDeletion(uid=it.uid, expected_version=it.version) for it in actions.list_labels(ws, scene.id))
    actions.save_edits(ws, scene.id, Edits(deleted=old))
    actions.save_edits(ws, scene.id, Edits(created=(*three_labels(scene), *more)))
    for draft in actions.drafts(ws, scene.id):
        actions.drop_draft(ws, scene.id, draft.session_id)


def seen(element: Locator) -> bool:
    """Whether an element lies whole in sight: not cut off, not covered."""
    return bool(element.evaluate(_SEEN))
