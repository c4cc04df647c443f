"""First steps: what is done, what comes next, and silence once they are switched off."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from icssn import actions
from icssn.records import Edits, Label, LabelClass, NewLabel, Scene
from icssn.store.workspace import Workspace
from icssn.ui import guide
from icssn.ui.wording import phrase
from tests.ui.conftest import inside
from tests.ui.test_pages import opened


def beside(app: AppTest) -> str:
    return "\n".join(item.value for kind in (app.sidebar.markdown, app.sidebar.caption) for item in kind)


def test_an_empty_project_begins_with_an_image(ws: Workspace) -> None:
    assert guide.steps_done(ws) == set()
    text = beside(opened())
    assert "→ 1  **Image**" in text
    assert phrase("guide.scenes_how", language="en") in text


def test_labels_are_done_once_they_suffice_and_every_page_says_how_to_go_on(
    ws: Workspace, scene: Scene, label: Label
) -> None:
    assert guide.steps_done(ws) == {"scenes"}, "one outline is not enough to train with"
    assert phrase("guide.label_how", language="en") in beside(opened("pages/2_Label.py"))
    slides = [NewLabel(geometry_lonlat=inside(scene, share, 0.05)) for share in (0.1, 0.2, 0.3)]
    area = NewLabel(geometry_lonlat=inside(scene, 0.05, 0.8), cls=LabelClass.label_area)
    actions.save_edits(ws, scene.id, Edits(created=(*slides, area)))
    assert guide.steps_done(ws) == {"scenes", "label"}
    for page in ("pages/2_Label.py", "pages/3_Train.py"):
        text = beside(opened(page))
        assert "✓ 2  Labels" in text
        assert "→ 3  **Training**" in text
        assert phrase("guide.train_how", language="en") in text
        assert phrase("guide.label_how", language="en") not in text


def test_the_guide_can_be_switched_off(ws: Workspace, scene: Scene) -> None:
    app = opened()
    app.sidebar.toggle[0].set_value(False).run()
    assert "Image" not in beside(app)
    assert not app.exception
