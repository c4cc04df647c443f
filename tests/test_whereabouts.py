"""Files of scenes that are not where they were: found again in a moved workspace, or told where they are now."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import box
from sqlalchemy import update

from icssn import actions
from icssn.config import TrainConfig
from icssn.errors import (
    DuplicateError,
    IcssnError,
    NotAllowedError,
    NotFoundError,
    NotTrainableError,
    RasterRefusedError,
)
from icssn.imagery.sight import Sight, open_sight
from icssn.jobs import engine, platform
from icssn.records import Actor, Checkpoint, Edits, Job, JobKind, JobState, NewLabel, Role, Run, Scene
from icssn.store import checkpoints, jobs, runs, scenes
from icssn.store.tables import scene as table
from icssn.store.workspace import Workspace
from icssn.ui import wording

SIZE = {"width": 90, "height": 80}
PLACE = rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)


def write_image(path: Path, *, seed: int = 0, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", **SIZE, "count": 3, "dtype": "uint8", "crs": "EPSG:32648", "transform": PLACE}
    with rasterio.open(path, "w", **profile | options) as out:
        out.write(np.random.default_rng(seed).integers(0, 255, (3, out.height, out.width), dtype=np.uint8))
    return path


def write_heights(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", **SIZE, "count": 1, "dtype": "float32", "crs": "EPSG:32648", "transform": PLACE}
    with rasterio.open(path, "w", **profile) as out:
        out.write(np.indices((80, 90))[:1].astype(np.float32))
    return path


@contextmanager
def opened(folder: Path) -> Iterator[Workspace]:
    """A workspace whose worker's lock is held here, so that queued jobs stay queued."""
    workspace = actions.open_workspace(folder, actor=Actor(name="Li", role=Role.admin))
    with platform.try_lock(engine.lock_path(workspace.folder)):  # type: ignore[union-attr]
        yield workspace
    workspace.close()


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with opened(tmp_path / "workspace") as workspace:
        yield workspace


def add_labelled(ws: Workspace, folder: Path) -> Scene:
    """Register a scene with heights and a label."""
    image, dem = write_image(folder / "hill.tif"), write_heights(folder / "hill_dem.tif")
    scene = actions.register_scene(ws, image, name="hill", dem=dem)
    west, south, east, north = scene.facts.bounds_lonlat
    outline = box(west + (east - west) / 4, south + (north - south) / 4, (west + east) / 2, (south + north) / 2)
    actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=outline),)))
    return scene


@pytest.fixture
def hill(ws: Workspace, tmp_path: Path) -> Scene:
    return add_labelled(ws, tmp_path / "imagery")


def moved_to(scene: Scene, folder: Path, *names: str) -> None:
    folder.mkdir()
    for name in names:
        shutil.move(Path(scene.original).with_name(name), folder / name)


def sees(scene: Scene) -> bool:
    with open_sight(Sight(scene.raster, scene.facts, Path(scene.dem or ""), ("slope",))) as sight:
        return sight.channels == 4


def make_former(ws: Workspace, scene: Scene) -> None:
    """Let the row of a scene be as an earlier version wrote it, with absolute paths."""
    with ws.db.write() as connection:
        changes = {"original": scene.original, "dem": scene.dem}
        connection.execute(update(table).where(table.c.id == scene.id).values(changes))


@pytest.mark.parametrize("former", [False, True])
def test_a_workspace_that_is_moved_finds_the_files_in_it(tmp_path: Path, former: bool) -> None:
    with opened(tmp_path / "workspace") as ws:
        scene = add_labelled(ws, ws.folder / "demo")
        if former:
            make_former(ws, scene)
        assert actions.find_scene(ws, "hill") == scene
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "workspace", tmp_path / "elsewhere" / "project")
    with opened(tmp_path / "elsewhere" / "project") as ws:
        found = actions.find_scene(ws, "hill")
        assert found.original == str(ws.folder / "demo" / "hill.tif")
        assert found.dem == str(ws.folder / "demo" / "hill_dem.tif")
        assert found == actions.list_scenes(ws)[0] == actions.rename_scene(ws, found.id, "hill")
        assert sees(found)
        assert actions.label_records(ws, found.id)[0].measures.slope_deg
        actions.set_stretch(ws, found.id, bands=(3, 2, 1))


def test_a_former_path_outside_the_workspace_holds_while_the_file_is_there(ws: Workspace, tmp_path: Path) -> None:
    scene = actions.register_scene(ws, write_image(tmp_path / "imagery" / "hill.tif"), name="hill")
    write_image(ws.folder / "imagery" / "hill.tif", seed=1)
    assert actions.find_scene(ws, "hill").original == scene.original


def test_labels_are_exported_without_image_and_heights_and_it_is_told(
    ws: Workspace, hill: Scene, tmp_path: Path
) -> None:
    with_heights = actions.export_labels(ws, hill.id, tmp_path / "with.gpkg")
    shutil.rmtree(tmp_path / "imagery")
    assert actions.image_gone(hill)
    assert actions.elevation_gone(hill)
    without = actions.export_labels(ws, hill.id, tmp_path / "without.gpkg")
    told = "The elevation model of the scene is gone, so heights and slopes are not given."
    assert (without.count, without.notices, with_heights.notices) == (1, (told,), ())
    before, after = (gpd.read_file(tmp_path / f"{name}.gpkg", layer="labels").iloc[0] for name in ("with", "without"))
    assert before["slope_deg"] > 0
    assert np.isnan(after.get("slope_deg", np.nan))
    assert before["area_m2"] == after["area_m2"]


def test_a_scene_is_told_where_its_file_is_and_keeps_everything(ws: Workspace, hill: Scene, tmp_path: Path) -> None:
    changed, job = actions.set_stretch(ws, hill.id, bands=(3, 2, 1))
    actions.cancel_job(ws, job.id)
    moved_to(hill, tmp_path / "new", "hill.tif", "hill_dem.tif")
    with pytest.raises(RasterRefusedError, match=r"no file .*imagery/hill\.tif any more.*with icssn scene move"):
        sees(changed)
    with pytest.raises(RasterRefusedError, match="with icssn scene move"):
        actions.set_elevation(ws, hill.id, tmp_path / "new" / "hill_dem.tif")
    found, made = actions.move_scene(ws, hill.id, tmp_path / "new" / "hill.tif")
    assert found == actions.find_scene(ws, "hill")
    assert found.dem == str(tmp_path / "new" / "hill_dem.tif")
    assert found.facts.stretch == changed.facts.stretch
    assert len(actions.list_labels(ws, hill.id)) == 1
    assert actions.active_jobs(ws) == [made]  # it had no map yet
    assert sees(found)


@pytest.fixture
def model(ws: Workspace) -> Checkpoint:
    """An active checkpoint that looks at terrain; of its weights only the file is there."""
    config = TrainConfig.model_validate({"encoder": {"terrain": ["slope"]}})
    folder = ws.models / "m1"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"config": config.model_dump(mode="json")}))
    (folder / "model.safetensors").write_bytes(b"weights")
    return checkpoints.add(ws.db, Checkpoint(id="m1", run_id="r", round=1, sha256="a" * 64))


GONE = {
    "hill.tif": ("with icssn scene move", r"image of scene 'hill'.*\(it was .*hill\.tif\).*icssn scene move"),
    "hill_dem.tif": (
        "Attach it again",
        r"elevation model of scene 'hill'.*\(it was .*hill_dem\.tif\).*attach it again",
    ),
}


@pytest.mark.parametrize("lost", GONE)
def test_nothing_is_queued_for_a_file_that_is_gone(
    ws: Workspace, hill: Scene, model: Checkpoint, tmp_path: Path, lost: str
) -> None:
    refused, not_trained = GONE[lost]
    run = runs.add(
        ws.db,
        Run(
            scene_ids=(hill.id,),
            revisions={hill.id: 1},
            config=TrainConfig.model_validate({"encoder": {"terrain": ["slope"]}}).model_dump(mode="json"),
            job_id=jobs.add(ws.db, Job(kind=JobKind.train, state=JobState.done)).id,
        ),
    )
    moved_to(hill, tmp_path / "new", lost)
    truth = write_image(tmp_path / "truth.tif")
    for ask in (
        lambda: actions.predict_scene(ws, hill.id, checkpoint_id=model.id),
        lambda: actions.evaluate_scene(ws, hill.id, truth, checkpoint_id=model.id),
    ):
        with pytest.raises(RasterRefusedError, match=refused):
            ask()
    seeing: dict[str, Any] = {"encoder.terrain": ["slope"]}
    for train in (
        lambda: actions.start_run(ws, [hill.id], overrides=seeing),
        lambda: actions.start_run(ws, [], then_predict=[hill.id], overrides=seeing),
        lambda: actions.cross_validate(ws, hill.id, overrides=seeing),
        lambda: actions.repeat_run(ws, run.id),
    ):
        with pytest.raises(NotTrainableError, match=not_trained):
            train()
    told = wording.told(actions.readiness(ws, [hill.id], terrain=["slope"]).reasons[-1], language="zh")
    assert told.startswith("影像“hill”的")
    assert f"已不在原处（{hill.original if lost == 'hill.tif' else hill.dem}）：请在影像页" in told
    assert actions.active_jobs(ws) == []


def test_a_map_that_stands_is_not_made_again(ws: Workspace, hill: Scene, tmp_path: Path) -> None:
    scenes.update(ws.db, hill.id, tiles="tiles.tif", hillshade="hillshade.tif")
    (ws.folder / "tiles.tif").touch()
    moved_to(hill, tmp_path / "new", "hill.tif")
    found, job = actions.move_scene(ws, hill.id, tmp_path / "new" / "hill.tif")
    assert (found.dem, found.hillshade, job) == (hill.dem, "hillshade.tif", None)
    shutil.move(str(hill.dem), tmp_path / "new" / "heights.tif")
    with pytest.raises(RasterRefusedError, match=r"no file .*hill_dem\.tif any more.*Attach it again"):
        sees(found)
    found, job = actions.move_scene(ws, hill.id, tmp_path / "new" / "hill.tif", dem=tmp_path / "new" / "heights.tif")
    assert (found.dem, found.hillshade) == (str(tmp_path / "new" / "heights.tif"), None)
    assert job is not None


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"seed": 1}, r"it shows another image; the one that the scene was added with is needed\. Give that file"),
        ({"width": 60}, "it is now 60 × 80 px"),
        ({"transform": rasterio.transform.from_origin(600_001, 3_800_000, 1, 1)}, "it now lies elsewhere"),
    ],
    ids=["image", "size", "place"],
)
def test_another_file_is_refused(ws: Workspace, hill: Scene, tmp_path: Path, other: dict[str, Any], told: str) -> None:
    with pytest.raises(RasterRefusedError, match=rf"'new\.tif' was refused: {told}"):
        actions.move_scene(ws, hill.id, write_image(tmp_path / "new.tif", **other))
    with pytest.raises(RasterRefusedError, match="there is no file"):
        actions.move_scene(ws, hill.id, tmp_path / "nothing.tif")
    assert actions.find_scene(ws, "hill") == hill


def test_the_image_stored_otherwise_is_taken_where_its_pixels_are_known(
    ws: Workspace, hill: Scene, tmp_path: Path
) -> None:
    packed = write_image(tmp_path / "packed.tif", compress="deflate")
    found, _ = actions.move_scene(ws, hill.id, packed)
    assert (found.facts.size_bytes, sees(found)) == (packed.stat().st_size, True)
    former = found.facts.model_copy(update={"sample_sha256": None, "modified_ns": None})
    scenes.update(ws.db, hill.id, facts=former)
    with pytest.raises(RasterRefusedError, match="it is not the same file byte by byte"):
        actions.move_scene(ws, hill.id, Path(hill.original))
    copied = Path(shutil.copyfile(packed, tmp_path / "copy.tif"))
    assert actions.move_scene(ws, hill.id, copied)[0].facts.sample_sha256 == hill.facts.sample_sha256


def test_to_add_the_moved_file_says_how_to_go_on(ws: Workspace, hill: Scene, tmp_path: Path) -> None:
    moved_to(hill, tmp_path / "new", "hill.tif")
    for name in ("second", "hill"):
        with pytest.raises(DuplicateError, match=r"own file is gone: say where it is now, on the Scenes page"):
            actions.add_scene(ws, tmp_path / "new" / "hill.tif", name=name)
    assert actions.list_scenes(ws) == [hill]


def test_only_those_who_label_may_and_a_removed_scene_is_restored_first(ws: Workspace, hill: Scene) -> None:
    actions.remove_scene(ws, hill.id)
    with pytest.raises(NotFoundError, match="Restore it"):
        actions.move_scene(ws, hill.id, Path(hill.original))
    ws.actor = Actor(name="Wang", role=Role.viewer)
    with pytest.raises(NotAllowedError, match="say where a scene's file is"):
        actions.move_scene(ws, hill.id, Path(hill.original))


def test_refusals_are_told_in_chinese(ws: Workspace, hill: Scene, tmp_path: Path) -> None:
    other = write_image(tmp_path / "other.tif", seed=1)
    moved_to(hill, tmp_path / "new", "hill.tif", "hill_dem.tif")
    given: tuple[Callable[[], object], ...] = (
        lambda: sees(hill),
        lambda: actions.move_scene(ws, hill.id, other),
        lambda: actions.add_scene(ws, tmp_path / "new" / "hill.tif", name="second"),
        lambda: actions.add_scene(ws, tmp_path / "new" / "hill.tif", name="hill"),
    )
    for give in given:
        with pytest.raises(IcssnError) as caught:
            give()
        told = wording.told(str(caught.value), language="zh")
        assert not any(word in told for word in (" it ", "where", "needed", "Give"))
