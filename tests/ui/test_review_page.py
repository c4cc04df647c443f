"""The Review page says which files are gone, and that the work on them is kept."""

from __future__ import annotations

import pytest

from icssn.records import Prediction, Scene
from icssn.store import predictions, scenes
from icssn.store.workspace import Workspace
from icssn.ui import frame
from icssn.ui.wording import phrase
from tests.ui.test_pages import opened, texts


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_prediction_whose_rasters_are_gone_is_told_and_so_is_what_is_kept(
    ws: Workspace, scene: Scene, language: str
) -> None:
    made = Prediction(scene_id=scene.id, checkpoint_id="c", probability="p.tif", mask="m.tif", threshold=0.5)
    predictions.add(ws.db, made, [])
    gone = phrase("review.prediction_gone", language=language)
    without = phrase("review.inventory_without_rasters", language=language)
    for there, told in ((("p.tif",), True), (("m.tif",), False)):
        for name in there:
            ws.path(name).write_bytes(b"")
        app = opened("pages/4_Review.py", language=language)
        assert not app.exception
        assert (gone in texts(app)) is told
        assert (without in [item.value for item in app.caption]) is told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_image_that_is_gone_is_told_with_the_way_to_say_where_it_is(
    ws: Workspace, scene: Scene, language: str
) -> None:
    assert phrase("scenes.open", language=language) not in _buttons(language)
    moved = scenes.update(ws.db, scene.id, original=str(ws.folder / "moved.tif"))
    app = opened("pages/4_Review.py", language=language)
    told = phrase("scenes.image_gone", language=language, path=frame.plain(moved.original))
    assert not app.exception
    assert told in texts(app)
    assert phrase("scenes.open", language=language) in _buttons(language)


def _buttons(language: str) -> list[str]:
    return [item.label for item in opened("pages/4_Review.py", language=language).button]
