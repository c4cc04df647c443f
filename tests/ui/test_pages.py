"""Every page opens, in both languages, on an empty workspace and on one with a scene; errors are sentences."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from streamlit.testing.v1 import AppTest

from icssn import actions
from icssn.config import TrainConfig
from icssn.records import Checkpoint, Edits, Job, JobKind, Label, LabelClass, NewLabel, Scene, Stretch
from icssn.store import checkpoints, jobs, scenes
from icssn.store.workspace import Workspace
from icssn.ui import frame, wording
from tests.ui.conftest import inside

ROOT = Path(__file__).parents[2]
PAGES = [script for script in frame.PAGES.values() if script != "app.py"]


def opened(script: str = "app.py", *, language: str = "en") -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.session_state["lang"] = language
    app.run()
    return app if script == "app.py" else app.switch_page(script).run()


def texts(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.title, app.markdown, app.info, app.error) for element in kind)


@pytest.mark.parametrize("language", sorted(wording.LANGUAGES))
@pytest.mark.parametrize("script", ["app.py", *PAGES])
def test_a_page_opens_on_an_empty_workspace_and_says_what_to_do(ws: Workspace, script: str, language: str) -> None:
    app = opened(script, language=language)
    name = next(name for name, path in frame.PAGES.items() if path == script)
    assert not app.exception
    assert not app.error
    assert app.title[0].value == wording.phrase(f"{name}.title", language=language)
    assert len(app.button) + len(app.info) > 0


@pytest.mark.parametrize("script", ["app.py", *PAGES])
def test_a_page_opens_on_a_workspace_with_a_labelled_scene(ws: Workspace, label: Label, script: str) -> None:
    app = opened(script)
    assert not app.exception
    assert not app.error


def test_one_button_loads_the_demo(ws: Workspace) -> None:
    app = opened()
    [button] = [item for item in app.button if item.label == "Load the demo project"]
    button.click().run()
    assert [job.kind for job in actions.active_jobs(ws)] == [JobKind.demo]
    assert not app.exception


def test_a_file_that_is_no_raster_is_refused_in_one_sentence(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "notes.tif").write_text("not a raster")
    app = opened("pages/1_Scenes.py")
    app.text_input[0].set_value(str(tmp_path / "notes.tif"))
    app.button[0].click().run()
    [error] = app.error
    assert "notes.tif" in error.value.replace("\\", "")
    assert "Traceback" not in texts(app)
    assert actions.list_scenes(ws) == []


def test_retrain_says_why_it_cannot_start(ws: Workspace, scene: Scene) -> None:
    app = opened("pages/3_Train.py")
    [button] = [item for item in app.button if item.label == "Retrain"]
    assert button.disabled
    assert any("landslides" in item.value for item in app.warning)


def test_retrain_queues_a_run_with_the_settings_given(ws: Workspace, scene: Scene) -> None:
    slides = tuple(NewLabel(geometry_lonlat=inside(scene, 0.1 + 0.15 * i)) for i in range(5))
    area = NewLabel(geometry_lonlat=inside(scene, 0.01, 0.98), cls=LabelClass.label_area)
    actions.save_edits(ws, scene.id, Edits(created=(*slides, area)))
    app = opened("pages/3_Train.py")
    app.text_area[0].set_value("rounds=1\nsegment.steps=6").run()
    next(item for item in app.button if item.label == "Retrain").click().run()
    assert not app.error
    [run] = actions.list_runs(ws)
    assert (run.config["rounds"], run.config["segment"]["steps"]) == (1, 6)


def test_terrain_is_offered_where_there_are_heights_and_reaches_the_run(ws: Workspace, scene: Scene) -> None:
    slides = tuple(NewLabel(geometry_lonlat=inside(scene, 0.1 + 0.15 * i)) for i in range(5))
    area = NewLabel(geometry_lonlat=inside(scene, 0.01, 0.98), cls=LabelClass.label_area)
    actions.save_edits(ws, scene.id, Edits(created=(*slides, area)))
    name = "Terrain the network also sees"
    assert name not in [item.label for item in opened("pages/3_Train.py").multiselect]
    scenes.update(ws.db, scene.id, dem=scene.original)
    app = opened("pages/3_Train.py")
    [choice] = [item for item in app.multiselect if item.label == name]
    assert choice.value == []
    choice.set_value(["roughness", "slope"]).run()
    next(item for item in app.button if item.label == "Retrain").click().run()
    assert not app.error
    [run] = actions.list_runs(ws)
    assert run.config["encoder"]["terrain"] == ["roughness", "slope"]


def test_training_says_that_a_file_is_gone_before_it_is_started(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    slides = tuple(NewLabel(geometry_lonlat=inside(scene, 0.1 + 0.15 * i)) for i in range(5))
    area = NewLabel(geometry_lonlat=inside(scene, 0.01, 0.98), cls=LabelClass.label_area)
    actions.save_edits(ws, scene.id, Edits(created=(*slides, area)))
    scenes.update(ws.db, scene.id, dem=str(tmp_path / "gone_dem.tif"))
    app = opened("pages/3_Train.py")
    [told] = [item.value for item in app.info if "gone_dem.tif" in item.value.replace("\\", "")]
    assert told.startswith("Terrain is not offered")
    assert "Terrain the network also sees" not in [item.label for item in app.multiselect]
    assert not next(item for item in app.button if item.label == "Retrain").disabled
    scenes.update(ws.db, scene.id, original=str(tmp_path / "gone.tif"))
    app = opened("pages/3_Train.py")
    gone = f"The image of scene 'hill' is not there any more (it was {tmp_path / 'gone.tif'})"
    assert app.warning[0].value.replace("\\", "").startswith(gone)
    assert next(item for item in app.button if item.label == "Retrain").disabled


def test_a_model_without_its_files_is_said_to_be_so(ws: Workspace) -> None:
    folder = ws.models / "a"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"config": TrainConfig().model_dump(mode="json")}))
    (folder / "model.safetensors").write_bytes(b"weights")
    for name in ("a", "b"):
        checkpoints.add(ws.db, Checkpoint(id=name, run_id="imported", round=1, sha256=name * 64))
    shown = opened("pages/5_Models.py").table[0].value
    assert sorted(shown["State"]) == ["Candidate", "Candidate, files missing"]


def test_an_unknown_setting_is_told_and_nothing_is_queued(ws: Workspace, scene: Scene) -> None:
    slides = tuple(NewLabel(geometry_lonlat=inside(scene, 0.1 + 0.15 * i)) for i in range(5))
    area = NewLabel(geometry_lonlat=inside(scene, 0.01, 0.98), cls=LabelClass.label_area)
    actions.save_edits(ws, scene.id, Edits(created=(*slides, area)))
    app = opened("pages/3_Train.py")
    app.text_area[0].set_value("colour=green").run()
    next(item for item in app.button if item.label == "Retrain").click().run()
    assert "colour" in app.error[0].value
    assert actions.list_runs(ws) == []


def test_what_is_not_one_of_our_errors_is_told_without_a_traceback(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "list_scenes", lambda _: 1 / 0)
    app = opened()
    assert "ZeroDivisionError" in app.error[0].value
    assert "Traceback" not in texts(app)
    assert not app.exception


def test_markdown_in_a_message_is_shown_as_it_is() -> None:
    assert frame.plain("a*b_`c`$x$[l](u)") == r"a\*b\_\`c\`\$x\$\[l\](u)"


def test_heights_are_attached_on_the_page_of_scenes(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    with rasterio.open(scene.original) as image:
        profile = {**image.profile, "count": 1, "dtype": "float32"}
    with rasterio.open(tmp_path / "dem.tif", "w", **profile) as out:
        rows, cols = np.indices((scene.facts.height, scene.facts.width), np.float32)
        out.write((rows + cols)[None])
    app = opened("pages/1_Scenes.py")
    [path] = [item for item in app.text_input if item.label == "Path of an elevation model"]
    [button] = [item for item in app.button if item.label == "Attach"]
    button.click().run()
    assert "Give the whole path of a GeoTIFF" in app.error[0].value
    path.set_value(scene.original)
    button.click().run()
    assert "brightness of 8 bits" in app.error[0].value
    assert actions.find_scene(ws, scene.name).dem is None
    path.set_value(str(tmp_path / "dem.tif"))
    button.click().run()
    assert not app.exception
    assert not app.error
    assert actions.find_scene(ws, scene.name).dem == str(tmp_path / "dem.tif")


def test_uploaded_heights_stay_where_the_scene_names_them(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    with rasterio.open(scene.original) as image:
        profile = {**image.profile, "count": 1, "dtype": "float32"}
    with rasterio.open(tmp_path / "dem.tif", "w", **profile) as out:
        out.write(np.indices((scene.facts.height, scene.facts.width), np.float32)[:1])
    app = opened("pages/1_Scenes.py")

    def attach(path: Path) -> None:
        [file] = [item for item in app.file_uploader if item.label == "or upload it"]
        file.set_value((path.name, path.read_bytes(), "image/tiff"))
        [button] = [item for item in app.button if item.label == "Attach"]
        button.click().run()
        assert not app.exception

    attach(Path(scene.original))
    assert "brightness of 8 bits" in app.error[0].value
    assert list((ws.folder / "uploads").iterdir()) == []
    attach(tmp_path / "dem.tif")
    assert not app.error
    dem = Path(actions.find_scene(ws, scene.name).dem or "")
    assert dem.parents[1] == ws.folder / "uploads"
    assert dem.read_bytes() == (tmp_path / "dem.tif").read_bytes()


def test_the_page_says_that_a_scenes_file_is_gone_and_asks_where_it_is(
    ws: Workspace, scene: Scene, tmp_path: Path
) -> None:
    moved = shutil.copy(scene.original, tmp_path / "moved.tif")  # other tests share the original
    gone = tmp_path / "gone"
    scene = scenes.update(ws.db, scene.id, original=str(gone / "hill.tif"), dem=str(gone / "dem.tif"))
    app = opened("pages/1_Scenes.py")
    assert not app.error
    assert scene.original in texts(app).replace("\\", "")
    assert "gone/dem.tif" in texts(app).replace("\\", "")
    [path] = [item for item in app.text_input if item.label == "Where the image is now"]
    [button] = [item for item in app.button if item.label == "It is there"]
    button.click().run()
    assert "Give the whole path of a GeoTIFF" in app.error[0].value
    path.set_value(str(moved))
    button.click().run()
    assert not app.exception
    assert not app.error
    assert actions.find_scene(ws, scene.name).original == str(moved)
    assert "Where the image is now" not in [item.label for item in app.text_input]


def test_the_bands_of_a_scene_are_chosen_on_its_page(ws: Workspace, scene: Scene) -> None:
    app = opened("pages/1_Scenes.py")
    for name, band in (("Red", 3), ("Blue", 1)):
        [choice] = [item for item in app.selectbox if item.label == name]
        choice.set_value(band)
    [button] = [item for item in app.button if item.label == "Apply"]
    button.click().run()
    assert not app.exception
    assert not app.error
    assert actions.find_scene(ws, scene.name).facts.stretch == Stretch(bands=(3, 2, 1), low=(0,) * 3, high=(255,) * 3)
    assert JobKind.import_scene in [job.kind for job in actions.active_jobs(ws)]


def test_the_contrast_of_an_8_bit_scene_is_cut_where_the_reader_asks_for_it(ws: Workspace, scene: Scene) -> None:
    app = opened("pages/1_Scenes.py")
    [ends] = app.slider
    assert ends.value == (0, 100)  # as it is shown
    ends.set_value((2.0, 98.0))
    [button] = [item for item in app.button if item.label == "Apply"]
    button.click().run()
    assert not app.error
    stretch = actions.find_scene(ws, scene.name).facts.stretch
    assert all(3 < low < 8 for low in stretch.low)
    assert all(245 < high < 252 for high in stretch.high)
    [ends] = opened("pages/1_Scenes.py").slider
    assert ends.value == (2, 98)  # remembered, whatever bands are chosen next


def test_a_reload_keeps_the_scene_and_an_unknown_one_in_the_address_is_the_newest(ws: Workspace, scene: Scene) -> None:
    newer = scenes.add(ws.db, scene.model_copy(update={"id": "e" * 32, "name": "newer"}))
    app = opened("pages/2_Label.py")
    [choice] = [box for box in app.selectbox if box.key == "scene"]
    assert choice.value == newer.id
    choice.select(scene.id).run()
    assert app.query_params["scene"] in (scene.id, [scene.id])
    for asked, shown in ((scene.id, scene.id), ("../../etc", newer.id)):
        again = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run().switch_page("pages/2_Label.py")
        again.query_params["scene"] = asked
        again.run()
        assert not again.exception
        assert [box.value for box in again.selectbox if box.key == "scene"] == [shown]


def test_a_scene_is_renamed_removed_and_restored_on_its_page(ws: Workspace, scene: Scene) -> None:
    def click(label: str) -> None:
        [button] = [item for item in app.button if item.label == label]
        button.click().run()
        assert not app.exception

    app = opened("pages/1_Scenes.py")
    assert not [item for item in app.expander if "Removed" in item.label]
    for wanted, told in ((" ", True), ("north_slope", False)):
        [name] = [item for item in app.text_input if item.label == "Name of the scene"]
        name.set_value(wanted)
        click("Rename")
        assert any("a name of 1 to 80 characters" in error.value for error in app.error) == told
    assert not app.error
    assert actions.list_scenes(ws)[0].name == "north_slope"
    job = jobs.add(ws.db, Job(kind=JobKind.predict, params={"scene_id": scene.id}))
    click("Remove from the project")
    assert "already queued" in app.error[0].value
    actions.cancel_job(ws, job.id)
    click("Remove from the project")
    assert actions.list_scenes(ws) == []
    assert "was removed from the project by" in app.info[0].value
    assert [item.label for item in app.expander if "Removed" in item.label] == ["Removed scenes (1)"]
    click("Restore")
    assert [known.id for known in actions.list_scenes(ws)] == [scene.id]
    assert [box.value for box in app.selectbox if box.key == "scene"] == [scene.id]


def test_an_old_address_says_that_its_scene_was_removed(ws: Workspace, scene: Scene) -> None:
    newer = scenes.add(ws.db, scene.model_copy(update={"id": "e" * 32, "name": "newer"}))
    actions.remove_scene(ws, scene.id)
    for script in ("pages/1_Scenes.py", "pages/2_Label.py", "pages/4_Review.py"):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run().switch_page(script)
        app.query_params["scene"] = scene.id
        app.run()
        assert not app.exception
        assert any("Scene 'hill' was removed from the project by Li" in item.value for item in app.info)
        assert [box.value for box in app.selectbox if box.key == "scene"] == [newer.id]


def test_names_in_the_table_of_scenes_are_shown_as_they_are(ws: Workspace, scene: Scene) -> None:
    scenes.update(ws.db, scene.id, name="_north_ *slope* $1$")
    [shown] = opened().table[0].value["Scene"]
    assert shown == frame.plain("_north_ *slope* $1$")
