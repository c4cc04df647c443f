"""First steps: what is done, what comes next, and silence once they are switched off."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from icssn.records import Label, Scene
from icssn.store.workspace import Workspace
from icssn.ui import guide
from icssn.ui.wording import phrase
from tests.ui.test_pages import opened


def beside(app: AppTest) -> str:
    return "\n".join(item.value for kind in (app.sidebar.markdown, app.sidebar.caption) for item in kind)


def test_an_empty_project_begins_with_an_image(ws: Workspace) -> None:
    assert guide.steps_done(ws) == set()
    text = beside(opened())
    assert "→ 1  **Image**" in text
    assert phrase("guide.scenes_how", language="en") in text


def test_what_is_done_is_ticked_and_each_page_says_how(ws: Workspace, label: Label) -> None:
    assert guide.steps_done(ws) == {"scenes", "label"}
    text = beside(opened("pages/2_Label.py"))
    assert "✓ 2  Labels" in text
    assert "→ 3  **Training**" in text
    assert phrase("guide.label_how", language="en") in text


def test_the_guide_can_be_switched_off(ws: Workspace, scene: Scene) -> None:
    app = opened()
    app.sidebar.toggle[0].set_value(False).run()
    assert "Image" not in beside(app)
    assert not app.exception
