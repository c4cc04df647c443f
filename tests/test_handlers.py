"""What a run leaves behind: a model in the register and its mask, the same again when it is repeated, or nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import Affine
from safetensors.torch import load_file, save_file
from shapely.geometry import Polygon, box, mapping

from benchmarks import crime_scene
from icssn import actions, handlers, worker
from icssn.chips import cut
from icssn.chips.ground import to_pixels
from icssn.config import train_config
from icssn.errors import (
    BoundsError,
    CheckpointRefusedError,
    ConfigError,
    DuplicateError,
    LostJobError,
    NotFoundError,
    NotTrainableError,
    RasterRefusedError,
)
from icssn.handlers import first_look
from icssn.imagery.cog import make_tiles
from icssn.imagery.open import raster_at
from icssn.jobs import engine, leftovers, platform
from icssn.nets.encoder import build_encoder
from icssn.records import Edits, Job, JobState, LabelClass, NewLabel, Prediction, Progress, Scene
from icssn.store import jobs, scenes
from icssn.store.workspace import Workspace
from tests.object_stores import Web

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = {**crime_scene.SMALL, "segment.steps": 6, "device": "cpu"}


@pytest.fixture
def ws() -> Iterator[Workspace]:
    """A workspace whose worker's lock is held here: the jobs are done in this process."""
    with (
        crime_scene.fresh_workspace() as workspace,
        platform.try_lock(engine.lock_path(workspace.folder)),  # type: ignore[union-attr]
    ):
        yield workspace


@pytest.fixture
def scene(ws: Workspace) -> Scene:
    return crime_scene.add_scene(ws, ws.folder.parent / "hill.tif", side=3)


def claimed(ws: Workspace) -> Job:
    ticket = jobs.claim(ws.db, worker="here")
    assert ticket is not None
    return ticket


def done(ws: Workspace) -> Job:
    """Do the queued job to its end."""
    ticket = claimed(ws)
    result = handlers.perform(ws, ticket, report=lambda _: None, stop=lambda: False)
    return jobs.finish(ws.db, ticket, JobState.done, result=result)


def pixels(ws: Workspace, prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
    with rasterio.open(ws.path(prediction.probability)) as probability, rasterio.open(ws.path(prediction.mask)) as mask:
        return probability.read(1), mask.read(1)


def test_a_repeated_run_gives_the_same_weights_and_the_same_mask_bit_for_bit(ws: Workspace, scene: Scene) -> None:
    run, _ = actions.start_run(ws, [scene.id], then_predict=[scene.id], overrides=TINY)
    first = done(ws)
    model = actions.active_checkpoint(ws)
    assert model is not None
    assert first.result["checkpoint_id"] == model.id == actions.find_run(ws, run.id).checkpoint_id
    assert 0 < first.result["seconds"] < first.result["click_to_mask_s"]
    item = json.loads((ws.models / model.id / "item.json").read_text())
    assert (item["id"], item["bbox"]) == (model.id, list(scene.facts.bounds_lonlat))
    mask = actions.latest_prediction(ws, scene.id)

    actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=_aside(scene)),)))
    again, _ = actions.repeat_run(ws, run.id)
    done(ws)
    repeated = actions.find_checkpoint(ws, actions.find_run(ws, again.id).checkpoint_id)
    assert repeated.id != model.id
    assert repeated.sha256 == model.sha256
    same = actions.latest_prediction(ws, scene.id)
    assert same.id != mask.id
    for one, other in zip(pixels(ws, mask), pixels(ws, same), strict=True):
        assert np.array_equal(one, other)
    compared = actions.compare_runs(ws, again.id, run.id)
    assert compared is not None
    assert (compared.f1, compared.better, compared.worse) == (0, 0, 0)


def test_a_quick_run_is_not_judged_on_ground_that_its_model_has_learned(ws: Workspace, scene: Scene) -> None:
    elsewhere = ws.folder.parent / "valley.tif"
    with rasterio.open(scene.raster) as image:
        moved = image.profile | {"transform": Affine.translation(60_000, 0) * image.transform}
        with rasterio.open(elsewhere, "w", **moved) as copy:
            copy.write(image.read())
    valley = actions.register_scene(ws, elsewhere, name="valley")
    west, south, east, north = valley.facts.bounds_lonlat

    def square(col: int, row: int, cls: LabelClass = LabelClass.landslide, *, radius: float = 0.03) -> NewLabel:
        x, y = west + (col + 0.5) / 3 * (east - west), south + (row + 0.5) / 3 * (north - south)
        dx, dy = radius * (east - west), radius * (north - south)
        return NewLabel(geometry_lonlat=box(x - dx, y - dy, x + dx, y + dy), cls=cls)

    one = (square(0, 0), square(0, 0, LabelClass.label_area, radius=0.16))  # too little to hold anything out
    actions.save_edits(ws, valley.id, Edits(created=one))
    actions.start_run(ws, [scene.id, valley.id], overrides=TINY)
    done(ws)
    assert actions.find_scene(ws, "hill").validation_bounds_px is not None

    rest = [square(col, row) for col in range(3) for row in range(3) if (col, row) != (0, 0)]
    area = square(1, 1, LabelClass.label_area, radius=0.49)
    actions.save_edits(ws, valley.id, Edits(created=(*rest, area)))
    run, _ = actions.start_run(ws, [scene.id, valley.id], quick=True, overrides=TINY)
    done(ws)
    assert cut.load(ws.run_folder(run.id) / "chips")[0].validation_bounds_px.keys() == {scene.id}
    actions.start_run(ws, [valley.id], quick=True, overrides=TINY)
    with pytest.raises(NotTrainableError, match="train in full"):
        done(ws)


def test_of_a_large_scene_the_ground_of_the_last_edit_is_looked_at_first(
    ws: Workspace, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_look, "SIDE_PX", 160)  # of 576
    edited = actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=_aside(scene)),))).labels[0]
    actions.start_run(ws, [scene.id], then_predict=[scene.id], overrides=TINY)
    told: list[str] = []
    handlers.perform(ws, claimed(ws), report=lambda p: told.append(p.message), stop=lambda: False)
    whole, part = actions.list_predictions(ws, scene.id)
    assert whole.bounds_lonlat is None
    assert part.bounds_lonlat is not None
    assert box(*part.bounds_lonlat).covers(edited.geometry_lonlat.centroid)
    assert actions.latest_prediction(ws, scene.id) == whole
    assert "the ground of the last edit is ready · Predicting windows" in told
    (seen, _), (everything, _) = pixels(ws, part), pixels(ws, whole)
    assert 80 * 80 <= (seen != 255).sum() <= 165 * 165
    assert (everything != 255).all()
    inner = box(*part.bounds_lonlat)
    assert all(inner.covers(item.geometry_lonlat) for item in actions.list_candidates(ws, part.id))
    found = actions.list_candidates(ws, whole.id)
    assert found
    for candidate in found:
        earlier = [made for made, _ in actions.candidate_history(ws, candidate.id)]
        assert (part in earlier) == inner.covers(candidate.geometry_lonlat)


def test_a_landslide_far_off_the_image_gives_no_first_look(
    ws: Workspace, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_look, "SIDE_PX", 160)
    assert first_look.bounds_of_last_work(ws, scene) is not None
    west, south, east, north = scene.facts.bounds_lonlat
    up = (south + north) / 2
    drawn = Polygon([((west + east) / 2, up), (east + 0.1, up), (east + 0.1, up + 0.001)])
    actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=drawn),)))
    assert first_look.bounds_of_last_work(ws, scene) is None


def test_what_a_model_is_judged_by_does_not_depend_on_how_the_scene_was_predicted(ws: Workspace, scene: Scene) -> None:
    with rasterio.open(scene.original) as image:
        truth = (image.read(1) < 100).astype(np.uint8)
        profile = {**image.profile, "count": 1}
    path = ws.folder.parent / "truth.tif"
    with rasterio.open(path, "w", **profile) as out:
        out.write(truth, 1)

    def predicted(**settings: object) -> tuple[Prediction, np.ndarray]:
        actions.predict_scene(ws, scene.id, settings=settings)
        done(ws)
        made = actions.latest_prediction(ws, scene.id)
        return made, pixels(ws, made)[0]

    def judged() -> dict[str, object]:
        actions.evaluate_scene(ws, scene.id, path)
        return done(ws).result

    actions.start_run(ws, [scene.id], overrides=TINY)
    done(ws)
    model = actions.active_checkpoint(ws)
    assert model is not None
    card = actions.model_card(ws, model.id)
    searched, looser = predicted(threshold=0.8 * card["threshold"], min_object_px=4)
    first = judged()
    assert "prediction_id" not in first
    assert actions.list_predictions(ws, scene.id) == [searched]
    assert first["metrics"]["threshold"] == card["threshold"] != searched.threshold  # type: ignore[index]
    wishes: list[dict[str, object]] = [{"threshold": 0.1}, {"min_object_px": 700}, {"quality": "high"}, {"halo_px": 0}]
    for wish in wishes:
        assert predicted(**wish)[0].id == actions.latest_prediction(ws, scene.id).id
        assert judged() == first
    same, as_own = predicted(min_object_px=str(card["min_object_px"]), threshold=card["threshold"], most_hints=0)
    assert np.array_equal(looser, as_own)  # the threshold shapes objects, not probabilities
    assert judged() == first | {"prediction_id": same.id}


def test_judging_a_model_changes_nothing_that_the_project_shows(ws: Workspace, scene: Scene) -> None:
    actions.start_run(ws, [scene.id], then_predict=[scene.id], overrides=TINY)
    done(ws)
    first = actions.active_checkpoint(ws)
    actions.start_run(ws, [scene.id], overrides={**TINY, "seed": 1})
    done(ws)
    second = actions.active_checkpoint(ws)
    assert first is not None
    assert second is not None
    shown = actions.latest_prediction(ws, scene.id)
    slides = [one for one in actions.list_labels(ws, scene.id) if one.cls is LabelClass.landslide]
    outlines = [{"type": "Feature", "properties": {}, "geometry": mapping(one.geometry_lonlat)} for one in slides]
    truth = ws.folder.parent / "truth.geojson"
    truth.write_text(json.dumps({"type": "FeatureCollection", "features": outlines}))
    answers = []
    for model in (first, second):
        actions.evaluate_scene(ws, scene.id, truth, checkpoint_id=model.id)
        answers.append(done(ws).result)
        leftovers.tidy(ws)
    assert [answer["checkpoint_id"] for answer in answers] == [first.id, second.id]
    assert [answer.get("prediction_id") for answer in answers] == [shown.id, None]
    assert answers[0]["metrics"] != answers[1]["metrics"]
    assert actions.list_predictions(ws, scene.id) == [shown]
    assert [folder.name for folder in ws.prediction_folder("").iterdir()] == [shown.id]
    assert list(ws.scratch_folder("").iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"encoder.name": "tu-nothing"}, r"Setting 'encoder\.name' is 'tu-nothing', but must be an encoder of timm"),
        ({"encoder.name": "resnet18", "encoder.weights": "embedded"}, r"'encoder\.weights' is 'embedded', but must be"),
        ({"encoder.weights": "gone.safetensors"}, r"gone\.safetensors' was refused: it cannot be read"),
    ],
    ids=str,
)
def test_an_encoder_that_cannot_be_built_is_refused_before_anything_is_queued(
    ws: Workspace, scene: Scene, wrong: dict[str, str], told: str
) -> None:
    with pytest.raises((ConfigError, CheckpointRefusedError), match=told):
        actions.start_run(ws, [scene.id], overrides={**TINY, **wrong})
    with pytest.raises((ConfigError, CheckpointRefusedError), match=told):
        actions.cross_validate(ws, scene.id, folds=2, overrides={**TINY, **wrong})
    assert (actions.active_jobs(ws), actions.list_runs(ws)) == ([], [])


def test_whoever_asks_for_another_encoder_need_not_load_torch() -> None:
    code = (
        "import sys; from icssn.actions.networks import require_network; from icssn.config import train_config;"
        "require_network(train_config({'encoder.name': 'resnet18', 'encoder.weights': 'none'}));"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_file_of_weights_is_named_with_its_whole_path(
    ws: Workspace, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = train_config({**TINY, "encoder.name": "resnet18"})
    save_file(build_encoder(settings.encoder).state_dict(), tmp_path / "mine.safetensors")
    monkeypatch.chdir(tmp_path)
    own = {"encoder.name": "resnet18", "encoder.weights": "mine.safetensors"}
    run, job = actions.start_run(ws, [scene.id], overrides={**TINY, **own})
    assert run.config["encoder"]["weights"] == str(tmp_path / "mine.safetensors")
    actions.cancel_job(ws, job.id)


def test_a_quick_run_whose_network_is_another_one_is_refused_before_anything_is_queued(
    ws: Workspace, scene: Scene
) -> None:
    actions.start_run(ws, [scene.id], overrides=TINY)
    done(ws)
    for other in ({"decoder_channels": 32}, {"contrast.dimensions": 16}, {"encoder.output_stride": 8}):
        with pytest.raises(
            CheckpointRefusedError, match="its network has another encoder, number of bands, terrain or"
        ):
            actions.start_run(ws, [scene.id], quick=True, overrides={**TINY, **other})
    assert actions.active_jobs(ws) == []
    for alike in ({"atrous_rates": [2, 4, 6]}, {"encoder.weights": "gone.safetensors"}):
        actions.start_run(ws, [scene.id], quick=True, overrides={**TINY, **alike})
        done(ws)


def test_a_model_is_judged_by_what_our_own_labels_know(ws: Workspace, scene: Scene) -> None:
    actions.save_edits(
        ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=_aside(scene), cls=LabelClass.hard_negative),))
    )
    actions.start_run(ws, [scene.id], then_predict=[scene.id], overrides=TINY)
    done(ws)
    files = {"ours": ws.folder.parent / "labels.gpkg", "outlines": ws.folder.parent / "outlines.geojson"}
    actions.export_labels(ws, scene.id, files["ours"])
    slides = [one for one in actions.list_labels(ws, scene.id) if one.cls is LabelClass.landslide]
    outlines = [{"type": "Feature", "properties": {}, "geometry": mapping(one.geometry_lonlat)} for one in slides]
    files["outlines"].write_text(json.dumps({"type": "FeatureCollection", "features": outlines}))
    results = {}
    for name, path in files.items():
        actions.evaluate_scene(ws, scene.id, path)
        results[name] = done(ws).result
    assert results["ours"]["truth"] == {"features": 11, "landslides": 9}
    assert results["outlines"]["truth"] == {"features": 9, "landslides": 9}
    whole_px = scene.facts.width * scene.facts.height
    [area] = [one for one in actions.list_labels(ws, scene.id) if one.cls is LabelClass.label_area]
    area_px = to_pixels(area.geometry_lonlat, scene.facts).intersection(box(0, 0, 576, 576)).area
    assert results["outlines"]["metrics"]["judged_px"] == whole_px
    assert results["ours"]["metrics"]["judged_px"] == pytest.approx(area_px, rel=1e-3)
    assert area_px < 0.995 * whole_px
    for result in results.values():
        assert result["metrics"]["true_objects"] == 9
        shown = result["metrics"]["prevalence"] * result["metrics"]["judged_px"]
        assert shown == pytest.approx(sum(to_pixels(one.geometry_lonlat, scene.facts).area for one in slides), rel=0.03)


def test_a_cross_validation_leaves_its_figures_and_no_files(ws: Workspace, scene: Scene) -> None:
    actions.cross_validate(ws, scene.id, folds=2, overrides={**TINY, "chips.min_landslides": 2})
    assert done(ws).result["blocks"]["judged_px"] > 0
    leftovers.tidy(ws)
    assert not list(ws.scratch_folder("").iterdir())


def test_bounds_beside_the_scene_are_refused(ws: Workspace, scene: Scene) -> None:
    west, south, east, north = scene.facts.bounds_lonlat
    for bounds in ((west - 2, south, west - 1, north), (east, south, west, north)):
        with pytest.raises(BoundsError, match=r"is no part of scene 'hill': west,south,east,north in degrees"):
            actions.predict_scene(ws, scene.id, bounds_lonlat=bounds)


def test_a_worker_whose_run_was_given_away_publishes_nothing(ws: Workspace, scene: Scene) -> None:
    run, job = actions.start_run(ws, [scene.id], overrides=TINY)
    slept = claimed(ws)
    jobs.requeue(ws.db, slept)
    holder = claimed(ws)
    with pytest.raises(LostJobError, match=job.id):
        handlers.perform(ws, slept, report=lambda _: None, stop=lambda: False)
    assert actions.list_checkpoints(ws) == []
    assert actions.find_run(ws, run.id).checkpoint_id == ""
    result = handlers.perform(ws, holder, report=lambda _: None, stop=lambda: False)
    assert result["checkpoint_id"] == actions.list_checkpoints(ws)[0].id


SEEING = {**TINY, "encoder.terrain": ["slope", "roughness"]}


def with_heights(ws: Workspace, scene: Scene) -> Scene:
    """Lay ground of 5 m pixels under a scene of 576 m, with a hollow wherever it has a landslide."""
    rows, cols = np.mgrid[:160, :160] * 5 - 96
    heights = 900 + 20 * np.cos(2 * np.pi * rows / 192) + 20 * np.cos(2 * np.pi * cols / 192)
    dem = ws.folder.parent / "dem.tif"
    place = rasterio.transform.from_origin(600_000 - 96, 3_800_000 + 96, 5, 5)
    profile = {"driver": "GTiff", "width": 160, "height": 160, "count": 1, "dtype": "float32", "crs": "EPSG:32648"}
    with rasterio.open(dem, "w", transform=place, **profile) as out:
        out.write(heights.astype(np.float32), 1)
    return scenes.update(ws.db, scene.id, dem=str(dem))


def test_a_network_that_looks_at_terrain_learns_predicts_and_goes_on_looking(ws: Workspace, scene: Scene) -> None:
    with_heights(ws, scene)
    actions.start_run(ws, [scene.id], then_predict=[scene.id], overrides=SEEING)
    done(ws)
    model = actions.active_checkpoint(ws)
    assert model is not None
    assert actions.terrain_of(ws, model.id) == ("slope", "roughness")
    card = actions.model_card(ws, model.id)
    assert (card["bands"], card["terrain"]) == (3, ["slope", "roughness"])
    assert (pixels(ws, actions.latest_prediction(ws, scene.id))[0] != 255).all()
    item = json.loads((ws.models / model.id / "item.json").read_text())
    assert item["properties"]["mlm:input"][0]["input"]["shape"][1] == 5

    actions.start_run(ws, [scene.id], quick=True, overrides=TINY)
    done(ws)
    following = actions.active_checkpoint(ws)
    assert following is not None
    assert following.parent == model.id
    assert actions.terrain_of(ws, following.id) == ("slope", "roughness")


@pytest.mark.parametrize(("way", "tier"), [("quick", "quick"), ("from_active", "full")])
def test_a_run_from_the_active_model_goes_on_with_its_encoder_that_has_another_stride(
    ws: Workspace, scene: Scene, way: str, tier: str
) -> None:
    actions.start_run(ws, [scene.id], overrides={**TINY, "encoder.output_stride": 16})
    done(ws)
    earlier = actions.active_checkpoint(ws)
    run, _ = actions.start_run(ws, [scene.id], overrides=TINY, **{way: True})
    done(ws)
    following = actions.active_checkpoint(ws)
    assert earlier is not None
    assert following is not None
    assert following.parent == earlier.id
    assert run.config["encoder"]["output_stride"] == 16
    assert run.tier == tier
    weights = [load_file(ws.models / model.id / "model.safetensors") for model in (earlier, following)]
    kept = {name for name, tensor in weights[0].items() if torch.equal(tensor, weights[1][name])}
    assert ("encoder.model.conv_stem.weight" in kept) == (tier == "quick")  # decision 28
    assert "encoder.model.blocks.4.0.conv_pw.weight" not in kept


def test_a_full_run_from_the_active_model_needs_one(ws: Workspace, scene: Scene) -> None:
    with pytest.raises(NotFoundError, match="no model 'active'"):
        actions.start_run(ws, [scene.id], from_active=True, overrides=TINY)
    assert actions.list_runs(ws) == []


def test_a_scene_without_heights_is_refused_by_name_before_anything_is_queued(ws: Workspace, scene: Scene) -> None:
    plain = actions.register_scene(ws, Path(scene.original), name="plain", again=True)
    with_heights(ws, scene)
    actions.start_run(ws, [scene.id], overrides=SEEING)
    done(ws)
    with pytest.raises(NotTrainableError, match=r"Scene 'plain' has no elevation model.*leave terrain out"):
        actions.start_run(ws, [scene.id], then_predict=[plain.id], overrides=SEEING)
    with pytest.raises(NotTrainableError, match="Scene 'plain' has no elevation model"):
        actions.cross_validate(ws, plain.id, overrides=SEEING)
    for refused in (actions.predict_scene, lambda ws, of: actions.evaluate_scene(ws, of, Path(scene.original))):
        with pytest.raises(RasterRefusedError, match=r"'plain'.*no elevation model.*looks at the image alone"):
            refused(ws, plain.id)
    assert actions.active_jobs(ws) == []
    assert len(actions.list_runs(ws)) == 1


def test_a_cross_validation_looks_at_terrain(ws: Workspace, scene: Scene) -> None:
    with_heights(ws, scene)
    actions.cross_validate(ws, scene.id, folds=2, overrides={**SEEING, "chips.min_landslides": 2})
    assert done(ws).result["blocks"]["judged_px"] > 0


def test_a_scene_of_one_band_is_learned_from_without_further_settings(ws: Workspace, scene: Scene) -> None:
    actions.set_stretch(ws, scene.id, bands=(2,))
    done(ws)
    run, _ = actions.start_run(ws, [scene.id], then_predict=[scene.id], overrides=TINY)
    done(ws)
    assert run.config["encoder"]["bands"] == 1
    assert (pixels(ws, actions.latest_prediction(ws, scene.id))[0] != 255).all()


def _heights(scene: Scene, path: Path, rise: float) -> Path:
    """Write the heights of ground that rises evenly to the west, m per m, under a scene."""
    facts = scene.facts
    heights = -rise * facts.pixel_size_m * np.indices((facts.height, facts.width))[1]
    profile = {"driver": "GTiff", "width": facts.width, "height": facts.height, "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", crs=facts.crs_wkt, transform=Affine(*facts.transform), **profile) as out:
        out.write(heights.astype(np.float32), 1)
    return path


def _aside(scene: Scene) -> Polygon:
    west, south, east, north = scene.facts.bounds_lonlat
    return box(west + 0.4 * (east - west), south, west + 0.45 * (east - west), south + 0.05 * (north - south))


def test_a_conversion_that_was_overtaken_by_a_wish_shows_nothing(ws: Workspace, scene: Scene) -> None:
    with_heights(ws, scene)
    actions.set_stretch(ws, scene.id, percent=(5, 95))
    overtaken, begun = claimed(ws), list[Progress]()

    def report(progress: Progress) -> None:
        if not begun:
            begun.append(progress)
            actions.set_stretch(ws, scene.id, bands=(3, 2, 1))
            actions.set_elevation(ws, scene.id, _heights(scene, ws.folder.parent / "steep.tif", 1))

    handlers.perform(ws, overtaken, report=report, stop=lambda: False)
    jobs.finish(ws.db, overtaken, JobState.done)
    found = actions.find_scene(ws, scene.name)
    assert (found.tiles, found.hillshade) == (None, None)
    done(ws)
    found = actions.find_scene(ws, scene.name)
    assert found.tiles
    assert found.hillshade


def test_a_scene_whose_heights_are_gone_is_drawn_without_them(ws: Workspace, scene: Scene) -> None:
    with_heights(ws, scene)
    heights = Path(actions.find_scene(ws, scene.name).dem or "")
    heights.rename(heights.with_name("elsewhere.tif"))
    actions.set_stretch(ws, scene.id, bands=(3, 2, 1))
    assert done(ws).state is JobState.done
    assert actions.find_scene(ws, scene.name).tiles


def test_the_wish_of_while_a_scene_is_converted_is_the_one_that_holds(ws: Workspace, scene: Scene) -> None:
    def shown() -> tuple[Scene, float]:
        found = actions.find_scene(ws, scene.name)
        with rasterio.open(ws.path(found.tiles or "")) as tiles:
            return found, float(tiles.read(1)[tiles.dataset_mask() > 0].mean())

    def wish(high: float, dem: Path) -> None:
        stretch = scene.facts.stretch.model_copy(update={"low": (0.0,) * 3, "high": (high,) * 3})
        scenes.update(ws.db, scene.id, facts=scene.facts.model_copy(update={"stretch": stretch}))
        actions.set_elevation(ws, scene.id, dem)

    gentle, steep = (
        _heights(scene, ws.folder.parent / f"{name}.tif", rise) for name, rise in (("gentle", 0.1), ("steep", 1))
    )
    wish(255, gentle)
    ticket = claimed(ws)
    begun = []

    def report(progress: Progress) -> None:
        if not begun:
            begun.append(progress)
            wish(1000, steep)

    jobs.finish(ws.db, ticket, JobState.done, result=handlers.perform(ws, ticket, report=report, stop=lambda: False))
    done(ws)
    found, mean = shown()
    assert mean < 50
    with rasterio.open(ws.path(found.hillshade or "").with_name("slope.tif")) as slope:
        assert np.median(slope.read(1)[slope.dataset_mask() > 0]) == pytest.approx(255 * (1 - 45 / 60), abs=4)


def test_a_scene_that_stays_in_a_store_is_shown_learned_from_and_predicted(
    ws: Workspace, scene: Scene, web: Web
) -> None:
    shutil.copy(scene.original, web.folder / "far.tif")
    far, _ = actions.add_scene(ws, raster_at(f"{web.url}/far.tif"))
    done(ws)
    assert (far.name, far.original) == ("far", f"{web.url}/far.tif")
    shown = ws.path(actions.find_scene(ws, "far").tiles or "")
    make_tiles(Path(scene.original), ws.folder / "near.tif", stretch=scene.facts.stretch)
    with rasterio.open(shown) as one, rasterio.open(ws.folder / "near.tif") as other:
        np.testing.assert_array_equal(one.read(), other.read())

    drawn = [
        NewLabel(geometry_lonlat=label.geometry_lonlat, cls=label.cls) for label in actions.list_labels(ws, scene.id)
    ]
    actions.save_edits(ws, far.id, Edits(created=tuple(drawn)))
    actions.start_run(ws, [far.id], then_predict=[far.id], overrides=TINY)
    done(ws)
    actions.predict_scene(ws, scene.id)
    done(ws)
    of_far, of_near = (actions.latest_prediction(ws, item.id) for item in (far, scene))
    assert all(np.array_equal(one, other) for one, other in zip(pixels(ws, of_far), pixels(ws, of_near), strict=True))

    with pytest.raises(DuplicateError, match=r"already a scene 'far'.*the same image"):
        actions.add_scene(ws, raster_at(far.original), name="far again")
    (web.folder / "far.tif").write_bytes((web.folder / "far.tif").read_bytes()[::-1])
    actions.predict_scene(ws, far.id)
    with pytest.raises(RasterRefusedError, match="another file in its store now than when it was added"):
        done(ws)


def test_a_prediction_whose_worker_is_told_to_leave_goes_on_and_one_that_the_user_cancels_leaves_nothing(
    ws: Workspace, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("icssn.inference.parts._LARGEST_PX", (128, 128))
    actions.start_run(ws, [scene.id], overrides=TINY)
    done(ws)
    small = {"core_px": 128, "halo_px": 32}
    job = actions.predict_scene(ws, scene.id, settings=small)

    def parts() -> list[Path]:
        return list(ws.scratch_folder(job.id).rglob("*.part"))

    worker.run_job(ws, claimed(ws), stop=lambda: len(parts()) >= 4)
    leftovers.tidy(ws)
    assert (actions.find_job(ws, job.id).state, len(parts())) == (JobState.queued, 4)
    assert not [file for file in ws.prediction_folder("").rglob("*") if file.is_file()]
    first = {path.name: path.stat().st_mtime_ns for path in parts()}
    worker.run_job(ws, claimed(ws), stop=lambda: len(parts()) >= 7)
    assert {path.name: path.stat().st_mtime_ns for path in parts()}.items() > first.items()

    ticket = claimed(ws)
    jobs.request_cancel(ws.db, job.id)
    worker.run_job(ws, ticket, stop=lambda: jobs.cancel_requested(ws.db, job.id))
    assert actions.find_job(ws, job.id).state is JobState.cancelled
    leftovers.tidy(ws)
    assert not list(ws.scratch_folder("").iterdir())

    actions.predict_scene(ws, scene.id, settings=small)
    assert done(ws).result["prediction_id"]
    leftovers.tidy(ws)
    assert not list(ws.scratch_folder("").iterdir())


def without_memory(*_: object) -> None:
    torch.empty(1 << 50, dtype=torch.uint8)


def without_memory_on_a_card(*_: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize("step", [without_memory, without_memory_on_a_card])
def test_that_torch_finds_no_memory_is_told_as_what_it_is(
    ws: Workspace, scene: Scene, monkeypatch: pytest.MonkeyPatch, step: Callable[..., None]
) -> None:
    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    _, job = actions.start_run(ws, [scene.id], overrides=TINY)
    assert worker.run_job(ws, claimed(ws), stop=lambda: False) == 1
    failed = actions.find_job(ws, job.id)
    assert failed.state is JobState.failed
    assert failed.error.startswith("This machine has too little memory for it. Close other programs")
