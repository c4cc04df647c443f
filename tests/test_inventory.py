"""The inventory of a scene is whole: what other programs read, a sheet per landslide, and a manifest of it all."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyogrio
import pystac
import pytest
import rasterio
from pycocotools.coco import COCO

from icssn import actions, handlers, worker
from icssn.actions.exporting import FILES
from icssn.errors import CancelledError, NotFoundError, UnwritableError
from icssn.records import (
    Candidate,
    CandidateStatus,
    Checkpoint,
    Decision,
    Edits,
    Job,
    JobKind,
    JobState,
    LabelClass,
    LabelDeletion,
    NewLabel,
    Prediction,
    Run,
    Scene,
    new_id,
)
from icssn.store import checkpoints, jobs, predictions, runs
from icssn.store.workspace import Workspace
from tests.ui.conftest import inside

PLACE = rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)
PROFILE = {"driver": "GTiff", "width": 256, "height": 256, "crs": "EPSG:32648", "transform": PLACE}


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace whose scene has terrain, a drawn landslide, a look-alike and an accepted candidate."""
    folder = tmp_path_factory.mktemp("reviewed")
    image, dem = folder / "hill.tif", folder / "dem.tif"
    with rasterio.open(image, "w", count=3, dtype="uint8", **PROFILE) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, 256, 256), dtype=np.uint8))
    with rasterio.open(dem, "w", count=1, dtype="float32", **PROFILE) as out:
        out.write(1500 - 0.4 * np.repeat(np.arange(256.0)[:, None], 256, axis=1), 1)
    ws = actions.open_workspace(folder / "workspace")
    known = actions.register_scene(ws, image, name="hill <1>", dem=dem)
    job = Job(kind=JobKind.import_scene, params={"scene_id": known.id})
    handlers.perform(ws, job, report=lambda _: None, stop=lambda: False)
    drawn = NewLabel(uid="drawn", geometry_lonlat=inside(known, 0.1, 0.2), attributes={"confidence": "high"})
    terrace = NewLabel(uid="terrace", geometry_lonlat=inside(known, 0.4), cls=LabelClass.hard_negative)
    actions.save_edits(ws, known.id, Edits(created=(drawn, terrace)))
    predict(ws, known)
    ws.close()
    return ws.folder


@pytest.fixture
def ws(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    if "scene" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("reviewed"), tmp_path / "workspace")
    workspace = actions.open_workspace(tmp_path / "workspace")
    yield workspace
    workspace.close()


@pytest.fixture
def scene(ws: Workspace) -> Scene:
    """The scene of `reviewed`."""
    return actions.find_scene(ws, "hill <1>")


def predict(ws: Workspace, scene: Scene) -> None:
    run = runs.add(ws.db, Run(scene_ids=(scene.id,), revisions={}))
    model = checkpoints.add(ws.db, Checkpoint(id=new_id(), run_id=run.id, round=2, sha256="a" * 64))
    made = Prediction(
        id="p1", scene_id=scene.id, checkpoint_id=model.id, probability="p/prob.tif", mask="p/mask.tif", threshold=0.5
    )
    ws.path("p").mkdir()
    soft = np.clip(np.hypot(*(np.mgrid[:256, :256] - 75.0)) / 60, 0, 1)
    for name, values in (("prob", 254 * (1 - soft)), ("mask", soft < 0.5)):
        with rasterio.open(ws.path(f"p/{name}.tif"), "w", count=1, dtype="uint8", nodata=255, **PROFILE) as out:
            out.write(values.astype(np.uint8), 1)
    found = Candidate(
        id="found",
        prediction_id=made.id,
        scene_id=scene.id,
        geometry_lonlat=inside(scene, 0.6, 0.2),
        score=0.8,
        mask_score=0.8,
        classifier_score=0.8,
        area_m2=2600,
    )
    predictions.add(ws.db, made, [found])
    actions.review(ws, scene.id, [Decision(candidate_id="found", status=CandidateStatus.accepted)])


def handed_out(ws: Workspace, scene_id: str, folder: Path, *, language: str = "en") -> list[Path]:
    """Have the inventory written, and unpack it."""
    return actions.unpack_inventory(ws, packed(ws, scene_id, language=language).id, folder)


def packed(ws: Workspace, scene_id: str, *, language: str = "en") -> Job:
    """Have the inventory written as the worker's child does."""
    jobs.add(ws.db, Job(kind=JobKind.export, params={"scene_id": scene_id, "language": language}))
    job = jobs.claim(ws.db, worker="here:1")
    assert job is not None
    assert worker.run_job(ws, job, stop=lambda: False) == 0
    return job


def test_the_inventory_is_whole_and_the_manifest_says_where_each_came_from(
    ws: Workspace, scene: Scene, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    files = handed_out(ws, scene.id, out)
    assert sorted(path.relative_to(out).as_posix() for path in files) == sorted(
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()
    )
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    for entry in manifest["files"]:
        assert hashlib.sha256((out / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    assert len(manifest["files"]) == len(files) - 1
    assert manifest["scene"]["sha256"] == scene.facts.sha256
    assert manifest["model"]["round"] == 2
    by_uid = {entry["uid"]: entry for entry in manifest["landslides"]}
    assert set(by_uid) == {"drawn", "found"}
    assert by_uid["drawn"]["method"] == "manual"
    assert by_uid["found"]["method"] == "model"


def test_the_manifest_names_the_rasters_that_are_gone(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    def manifest(name: str) -> dict[str, Any]:
        handed_out(ws, scene.id, tmp_path / name)
        found: dict[str, Any] = json.loads((tmp_path / name / "manifest.json").read_text(encoding="utf-8"))
        return found

    assert manifest("whole")["model"]["rasters_gone"] == []
    ws.path("p/mask.tif").unlink()
    without = manifest("without")
    assert without["model"]["rasters_gone"] == ["mask"]
    assert {entry["path"] for entry in without["files"]} >= {"probability.tif"}
    assert "mask.tif" not in {entry["path"] for entry in without["files"]}
    ws.path("p/prob.tif").unlink()
    assert manifest("neither")["model"]["rasters_gone"] == ["probability", "mask"]


def test_gdal_reads_the_inventory_and_the_rasters(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    handed_out(ws, scene.id, tmp_path)
    layers = [str(name) for name, _ in pyogrio.list_layers(tmp_path / "inventory.gpkg")]
    counts = [
        pyogrio.read_info(tmp_path / "inventory.gpkg", layer=layer)["features"]
        for layer in layers
        if layer != "layer_styles"
    ]
    assert sum(counts) == 3
    assert "layer_styles" in layers
    assert pyogrio.read_info(tmp_path / "candidates.gpkg")["features"] == 1
    with rasterio.open(tmp_path / "probability.tif") as probability, rasterio.open(tmp_path / "mask.tif") as mask:
        assert probability.shape == mask.shape == (256, 256)


def test_the_coco_file_is_read_by_its_own_tools(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    handed_out(ws, scene.id, tmp_path)
    coco = COCO(str(tmp_path / "inventory.coco.json"))
    found = coco.loadAnns(coco.getAnnIds())
    assert len(found) == 3
    for annotation in found:
        assert coco.annToMask(annotation).sum() == pytest.approx(annotation["area"], rel=0.1)


def test_the_stac_item_is_valid(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    handed_out(ws, scene.id, tmp_path)
    item = pystac.Item.from_file(str(tmp_path / "item.json"))
    assert item.validate()
    assert item.properties["label:methods"] == ["automated", "manual"]
    for asset in item.assets.values():
        assert (tmp_path / asset.href).is_file()


def test_the_summary_counts_classes_and_gives_an_interval_where_a_model_drew(
    ws: Workspace, scene: Scene, tmp_path: Path
) -> None:
    handed_out(ws, scene.id, tmp_path)
    with (tmp_path / "summary.csv").open(encoding="utf-8") as file:
        table = {(row["class"], row["kind"]): row for row in csv.DictReader(file)}
    drawn, found = table["landslide", "high"], table["landslide", "unrated"]
    assert (drawn["count"], drawn["with_interval"]) == ("1", "0")
    assert drawn["area_low_m2"] == drawn["area_m2"] == drawn["area_high_m2"]
    assert float(found["area_low_m2"]) < float(found["area_m2"]) < float(found["area_high_m2"])
    assert ("hard_negative", "unsaid") in table


@pytest.mark.parametrize(("language", "word"), [("en", "Mean slope"), ("zh", "坡度")])
def test_a_sheet_shows_ground_profile_and_record_and_needs_no_other_file(
    ws: Workspace, scene: Scene, tmp_path: Path, language: str, word: str
) -> None:
    handed_out(ws, scene.id, tmp_path, language=language)
    pages = sorted((tmp_path / "sheets").glob("0*.html"))
    assert len(pages) == 2
    text = pages[0].read_text(encoding="utf-8")
    assert "hill &lt;1&gt;" in text
    assert word in text
    assert text.count("data:image/jpeg;base64,") == 3  # image, relief, probability
    assert "<polyline" in text
    assert 'src="http' not in text


def test_a_scene_without_anything_can_be_handed_out_too(ws: Workspace, tmp_path: Path) -> None:
    image = tmp_path / "bare.tif"
    with rasterio.open(image, "w", count=1, dtype="uint8", **PROFILE) as out:
        out.write(np.ones((1, 256, 256), np.uint8))
    bare = actions.register_scene(ws, image, name="bare", again=True)
    files = handed_out(ws, bare.id, tmp_path / "out")
    assert "manifest.json" in {path.name for path in files}
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["model"] is None


def test_a_newer_inventory_takes_the_place_of_the_older_one(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    assert actions.latest_inventory(ws, scene.id) is None
    older = actions.wait_for(ws, actions.export_inventory(ws, scene.id))
    actions.save_edits(ws, scene.id, Edits(created=(NewLabel(uid="later", geometry_lonlat=inside(scene, 0.8, 0.1)),)))
    newer = actions.wait_for(ws, actions.export_inventory(ws, scene.id))
    assert actions.latest_inventory(ws, scene.id) == newer
    assert newer.result["revision"] == older.result["revision"] + 1
    with pytest.raises(NotFoundError, match="Export the inventory again"):
        actions.unpack_inventory(ws, older.id, tmp_path / "out")
    assert [path.name for path in (ws.folder / "exports" / scene.id).iterdir()] == [f"{newer.id}.zip"]


def test_an_inventory_is_found_however_many_others_were_made_since(ws: Workspace, scene: Scene) -> None:
    made = actions.wait_for(ws, actions.export_inventory(ws, scene.id))
    for _ in range(60):
        other = {"scene_id": "another", "language": "en"}
        jobs.add(ws.db, Job(kind=JobKind.export, params=other, state=JobState.done))
    assert actions.latest_inventory(ws, scene.id) == made
    assert actions.latest_inventory(ws, "another") is None


@pytest.mark.parametrize("name", ["summary.csv", "item.json", "manifest.json", "mask.tif", "sheets/0002.html"])
def test_an_inventory_takes_the_place_of_nothing_that_was_there(
    ws: Workspace, scene: Scene, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    mine = out / name
    mine.parent.mkdir(parents=True)
    mine.write_text('{"mine": true}')
    with pytest.raises(UnwritableError, match=rf"{name}' cannot be .* it is no earlier result\. Choose another place"):
        handed_out(ws, scene.id, out)
    assert [path for path in out.rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == '{"mine": true}'


def test_an_inventory_takes_the_place_of_an_earlier_one_even_if_that_was_cut_off(
    ws: Workspace, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    job = packed(ws, scene.id)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", _stops_after(5))
        with pytest.raises(OSError, match="pulled out"):
            actions.unpack_inventory(ws, job.id, out)
    assert not (out / "manifest.json").exists()
    first = {path.relative_to(out).as_posix() for path in handed_out(ws, scene.id, out)}
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == first
    assert {name for name in first if not name.startswith("sheets/0002")} == {*FILES} - {"uncertainty.tif"}
    (label,) = (label for label in actions.list_labels(ws, scene.id) if label.uid == "drawn")
    gone = LabelDeletion(uid="drawn", expected_version=label.version)
    actions.save_edits(ws, scene.id, Edits(deleted=(gone,)))
    handed_out(ws, scene.id, out)
    assert {path.name for path in (out / "sheets").iterdir()} == {"0001.html", "index.html"}


def _stops_after(files: int) -> Callable[..., None]:
    left = iter(range(files))
    copy = shutil.copyfileobj

    def stopping(source: IO[bytes], target: IO[bytes]) -> None:
        if next(left, None) is None:
            raise OSError("the disk was pulled out")
        copy(source, target)

    return stopping


def test_an_inventory_does_not_go_into_the_project_itself(ws: Workspace, scene: Scene) -> None:
    with pytest.raises(UnwritableError, match="the project itself lives there"):
        actions.require_inventory_place(ws, ws.folder / "exports")


def test_a_cancelled_export_leaves_nothing(ws: Workspace, scene: Scene) -> None:
    job = Job(kind=JobKind.export, params={"scene_id": scene.id, "language": "en"})
    with pytest.raises(CancelledError):
        handlers.perform(ws, job, report=lambda _: None, stop=lambda: True)
    assert list((ws.folder / "exports").rglob("*")) == [ws.folder / "exports" / scene.id]
