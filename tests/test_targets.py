"""Results never take the place of what a project lives on, nor of what ICSSN did not write."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from icssn import actions
from icssn.config import TrainConfig
from icssn.errors import CheckpointRefusedError, NotFoundError, UnwritableError
from icssn.imagery.write import MASK_TAGS, PROBABILITY_TAGS, write_grid
from icssn.records import Checkpoint, Edits, NewLabel, Prediction, Run, Scene
from icssn.store import checkpoints, jobs, predictions, runs, scenes
from icssn.store.workspace import Workspace
from icssn.ui import wording
from tests.rasters import noise
from tests.ui.conftest import inside

TAKEN = r"' cannot be written to: a file stands there already, and it is no earlier result\. Choose another place\."


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    workspace = actions.open_workspace(tmp_path / "workspace")
    yield workspace
    workspace.close()


@pytest.fixture
def scene(ws: Workspace, tmp_path: Path) -> Scene:
    """The scene "hill", 256 × 256 px of 1 m."""
    return actions.register_scene(ws, noise(tmp_path / "hill.tif", side=256), name="hill")


@pytest.fixture
def prediction(ws: Workspace, scene: Scene) -> Prediction:
    """One of the scene "hill", with the rasters that predicting writes and no candidates."""
    run = runs.add(ws.db, Run(scene_ids=(scene.id,), revisions={}))
    model = checkpoints.add(ws.db, Checkpoint(id="m1", run_id=run.id, round=1, sha256="a" * 64))
    values = np.zeros((256, 256), np.uint8)
    for name, tags in (("prob", PROBABILITY_TAGS), ("mask", MASK_TAGS)):
        rows = [(Window(0, 0, 256, 256), values)]
        write_grid(ws.path(f"p/{name}.tif"), rows, like=scene.facts, nodata=255, tags=tags)
    made = Prediction(
        scene_id=scene.id, checkpoint_id=model.id, probability="p/prob.tif", mask="p/mask.tif", threshold=0.5
    )
    predictions.add(ws.db, made, [])
    return made


def truth(path: Path, scene: Scene) -> None:
    """Write a mask as other programs do."""
    with rasterio.open(scene.original) as image, rasterio.open(path, "w", **{**image.profile, "count": 1}) as out:
        out.write(np.ones((1, 256, 256), np.uint8))


def test_a_prediction_takes_the_place_of_an_earlier_one(ws: Workspace, prediction: Prediction, tmp_path: Path) -> None:
    for _ in range(2):
        files = actions.export_prediction(ws, prediction.id, tmp_path / "out")
        assert all(file.is_file() for file in files)


def test_a_prediction_whose_raster_is_gone_is_told_and_nothing_is_written(
    ws: Workspace, prediction: Prediction, tmp_path: Path
) -> None:
    ws.path(prediction.mask).unlink()
    with pytest.raises(NotFoundError, match=r"no file '.*mask\.tif' in this workspace\. Predict again\.") as caught:
        actions.export_prediction(ws, prediction.id, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    told = wording.told(str(caught.value), language="zh")
    assert told.startswith("此工作区中没有")
    assert "Predict" not in told


@pytest.mark.parametrize("case", ["truth", "corrected", "text"])
def test_a_prediction_does_not_take_the_place_of_a_mask_of_others(
    ws: Workspace,
    scene: Scene,
    prediction: Prediction,
    tmp_path: Path,
    case: str,
) -> None:
    mine = tmp_path / "mask.tif"
    if case == "truth":
        truth(mine, scene)
    elif case == "text":
        mine.write_text("mine")
    else:  # a mask of ours that somebody went over by hand
        shutil.copyfile(ws.path("p/mask.tif"), mine)
        with rasterio.open(mine, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as raster:
            raster.write(np.ones((9, 9), np.uint8), 1, window=Window(0, 0, 9, 9))
    before = mine.read_bytes()
    with pytest.raises(UnwritableError, match="mask.tif" + TAKEN) as caught:
        actions.export_prediction(ws, prediction.id, tmp_path)
    assert mine.read_bytes() == before
    assert not (tmp_path / "probability.tif").exists()
    assert "此前导出的结果" in wording.told(str(caught.value), language="zh")


def test_candidates_do_not_take_the_place_of_layers_of_others(
    ws: Workspace,
    scene: Scene,
    prediction: Prediction,
    tmp_path: Path,
) -> None:
    gpd.GeoDataFrame({"id": [1]}, geometry=[inside(scene, 0.3)], crs=4326).to_file(tmp_path / "candidates.gpkg")
    with pytest.raises(UnwritableError, match="candidates.gpkg" + TAKEN):
        actions.export_prediction(ws, prediction.id, tmp_path)


@pytest.mark.parametrize("how", ["", "link", "dem"])
def test_a_prediction_never_takes_the_place_of_a_scenes_rasters(
    ws: Workspace,
    prediction: Prediction,
    tmp_path: Path,
    how: str,
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    raster = tmp_path / "raster.tif" if how == "link" else out / "probability.tif"
    shutil.copyfile(ws.path("p/prob.tif"), raster)  # so that its tags say it is a result
    if how == "link":
        (out / "probability.tif").symlink_to(raster)
    if how == "dem":
        scenes.update(ws.db, prediction.scene_id, dem=str(raster))
    else:
        actions.register_scene(ws, raster, name="dale")
    with pytest.raises(UnwritableError, match="it is an image or an elevation raster of a scene") as caught:
        actions.require_prediction_place(ws, out)
    assert "原始文件或高程数据" in wording.told(str(caught.value), language="zh")


def test_a_prediction_does_not_go_into_the_project_itself(ws: Workspace) -> None:
    with pytest.raises(UnwritableError, match="the project itself lives there") as caught:
        actions.require_prediction_place(ws, ws.folder / "out")
    assert "那里是项目自身的文件" in wording.told(str(caught.value), language="zh")


def test_a_folder_in_the_place_of_a_file_is_told(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mask.tif").mkdir()
    with pytest.raises(UnwritableError, match="a folder stands in the place of the file"):
        actions.require_prediction_place(ws, tmp_path)


@pytest.mark.parametrize("name", ["icssn.gpkg", "labels.geojson"])
def test_labels_are_not_written_into_the_project_itself(ws: Workspace, scene: Scene, name: str) -> None:
    actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=inside(scene, 0.4)),)))
    before = set(ws.folder.iterdir())
    with pytest.raises(UnwritableError, match="the project itself lives there"):
        actions.export_labels(ws, scene.id, ws.folder / name)
    assert len(actions.list_labels(ws, scene.id)) == 1
    assert {path for path in ws.folder.iterdir() if path.suffix != ".gpkg-wal"} <= before


def test_labels_are_not_written_over_a_scene(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    image = tmp_path / "image.json"  # whatever it is called
    Path(scene.original).rename(image)
    scenes.update(ws.db, scene.id, original=str(image))
    with pytest.raises(UnwritableError, match="it is an image or an elevation raster of a scene"):
        actions.export_labels(ws, scene.id, image)


@pytest.mark.parametrize("place", ["database", "image", "notes.txt", "notes.zip"])
def test_a_model_is_not_written_over_what_is_no_exported_model(
    ws: Workspace, scene: Scene, tmp_path: Path, place: str
) -> None:
    model = checkpoints.add(ws.db, Checkpoint(id="m1", run_id="r", round=1, sha256="a" * 64))
    path = {"database": ws.folder / "icssn.gpkg", "image": Path(scene.original)}.get(place, tmp_path / place)
    if not path.exists():
        path.write_text("mine")
    before = path.read_bytes()
    with pytest.raises(UnwritableError, match="cannot be written to"):
        actions.export_model(ws, model.id, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("ending", ["shp", "zip", "geojson", "json", "kml", "csv", "coco.json"])
@pytest.mark.parametrize("count", [0, 1])
def test_labels_take_the_place_of_an_export_alone(
    ws: Workspace, scene: Scene, tmp_path: Path, ending: str, count: int
) -> None:
    if count:
        actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=inside(scene, 0.4)),)))
    for _ in range(2):
        assert actions.export_labels(ws, scene.id, tmp_path / f"a.{ending}").count == count
    mine = tmp_path / f"mine.{ending}"
    mine.write_text("my notes,1\n")
    with pytest.raises(UnwritableError, match=mine.name + TAKEN):
        actions.export_labels(ws, scene.id, mine)
    assert mine.read_text() == "my notes,1\n"


@pytest.mark.parametrize("name", ["loop.csv", "gone.csv", "loop/a.csv", f"{'n' * 300}.csv"])
def test_a_link_that_leads_nowhere_and_a_long_name_are_told(
    ws: Workspace, scene: Scene, tmp_path: Path, name: str
) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(UnwritableError, match=r"a link there leads nowhere|its name is too long") as caught:
        actions.export_labels(ws, scene.id, tmp_path / name)
    told = wording.told(str(caught.value), language="zh")
    assert "没有指向任何位置" in told or "其名称过长" in told


def test_a_model_does_not_go_into_the_projects_own_database(ws: Workspace) -> None:
    with pytest.raises(UnwritableError, match="the project itself lives there"):
        actions.track_model(ws, "m1", to=f"sqlite:///{ws.folder / 'icssn.gpkg'}")


def test_a_model_without_its_weights_is_refused_before_anything_is_queued(ws: Workspace, scene: Scene) -> None:
    model = checkpoints.add(ws.db, Checkpoint(id="m1", run_id="r", round=1, sha256="a" * 64))
    folder = ws.models / model.id
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"config": TrainConfig().model_dump(mode="json")}))
    assert not actions.is_usable(ws, model.id)
    with pytest.raises(CheckpointRefusedError, match=r"model\.safetensors is missing"):
        actions.predict_scene(ws, scene.id, checkpoint_id=model.id)
    assert jobs.active(ws.db) == []
