"""The verbs: roles are respected, refusals change nothing, long work becomes a job."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from safetensors.numpy import save
from shapely.geometry import Polygon, box

from icssn import actions
from icssn.actions import work
from icssn.config import TrainConfig
from icssn.errors import (
    BusyError,
    CheckpointRefusedError,
    ConfigError,
    DiskFullError,
    DuplicateError,
    IcssnError,
    NotAllowedError,
    NotFoundError,
    NotTrainableError,
    RasterRefusedError,
    UnwritableError,
)
from icssn.geo import crs
from icssn.jobs import engine, platform
from icssn.metrics.pixels import Confusion
from icssn.records import (
    Actor,
    Checkpoint,
    CheckpointState,
    Dispute,
    Edits,
    Job,
    JobKind,
    JobState,
    LabelChange,
    LabelClass,
    LabelDeletion,
    LabelSource,
    NewLabel,
    Role,
    Run,
    Scene,
    Stretch,
    WarningKind,
)
from icssn.store import checkpoints, jobs, registry, runs, scenes, stac
from icssn.store.workspace import Workspace


def write_raster(path: Path) -> Path:
    profile = {"driver": "GTiff", "width": 90, "height": 80, "count": 3, "dtype": "uint8", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(600_000, 3_800_000, 1, 1), **profile) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, 80, 90), dtype=np.uint8))
    return path


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace with the scene "hill"; tests get copies."""
    folder = tmp_path_factory.mktemp("registered")
    workspace = actions.open_workspace(folder / "workspace", actor=Actor(name="Li", role=Role.admin))
    actions.register_scene(workspace, write_raster(folder / "hill.tif"), name="hill")
    workspace.close()
    return workspace.folder


@pytest.fixture
def ws(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A workspace whose worker's lock is held here, so that no worker starts and queued jobs stay queued."""
    if "scene" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("registered"), tmp_path / "workspace")
    workspace = actions.open_workspace(tmp_path / "workspace", actor=Actor(name="Li", role=Role.admin))
    with platform.try_lock(engine.lock_path(workspace.folder)):  # type: ignore[union-attr]
        yield workspace
    workspace.close()


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    """The image of the scene "hill" once more."""
    return write_raster(tmp_path / "hill.tif")


@pytest.fixture
def scene(ws: Workspace) -> Scene:
    return actions.find_scene(ws, "hill")


def inside(scene: Scene, share: float, size: float = 0.1) -> Polygon:
    """A square on the scene whose lower left corner lies at a share of its sides."""
    west, south, east, north = scene.facts.bounds_lonlat
    across, up = east - west, north - south
    left, bottom = west + share * across, south + share * up
    return box(left, bottom, left + size * across, bottom + size * up)


def label_all(ws: Workspace, scene: Scene, *, slides: int, area: bool) -> None:
    created = [NewLabel(geometry_lonlat=inside(scene, 0.05 + 0.15 * n)) for n in range(slides)]
    if area:
        created.append(NewLabel(geometry_lonlat=inside(scene, 0.01, 0.98), cls=LabelClass.label_area))
    actions.save_edits(ws, scene.id, Edits(created=tuple(created)))


def test_a_viewer_may_look_but_change_nothing(ws: Workspace, scene: Scene, raster: Path) -> None:
    ws.actor = Actor(name="Wang", role=Role.viewer)
    assert actions.list_scenes(ws) == [scene]
    for forbidden in (
        lambda: actions.add_scene(ws, raster, name="other"),
        lambda: actions.save_edits(ws, scene.id, Edits()),
        lambda: actions.restore_version(ws, "a", version=1),
        lambda: actions.keep_draft(ws, scene.id, "tab", "{}"),
        lambda: actions.drop_draft(ws, scene.id, "tab"),
        lambda: actions.start_run(ws, [scene.id]),
        lambda: actions.load_demo(ws),
        lambda: actions.review(ws, scene.id, []),
        lambda: actions.set_stretch(ws, scene.id),
        lambda: actions.set_elevation(ws, scene.id, raster),
        lambda: actions.import_dataset(ws, "bijie", raster.parent),
        lambda: actions.import_labels(ws, scene.id, raster),
        lambda: actions.back_up(ws, raster.with_name("backup.gpkg")),
        lambda: actions.propose_area(ws, scene.id, inside(scene, 0.1, 0.2), nonce="n"),
        lambda: actions.cross_validate(ws, scene.id),
        lambda: actions.repeat_run(ws, "a"),
        lambda: actions.resume_run(ws, "a"),
        lambda: actions.cancel_job(ws, "a"),
        lambda: actions.predict_scene(ws, scene.id),
        lambda: actions.evaluate_scene(ws, scene.id, raster),
        lambda: actions.assign(ws, scene.id, ["a"], person="Li"),
        lambda: actions.draw_second_reading(ws, "a", reader="Li"),
        lambda: actions.read_again(ws, "a", []),
        lambda: actions.promote(ws, "a"),
        lambda: actions.import_model(ws, raster),
        lambda: actions.track_model(ws, "a", to="file:///tmp"),
    ):
        with pytest.raises(NotAllowedError, match="Wang is viewer"):
            forbidden()
    assert actions.check_in(ws, scene.id, "tab") == actions.drafts(ws, scene.id) == []
    ws.actor = Actor(name="Wu", role=Role.annotator)
    assert actions.check_in(ws, scene.id, "tab2") == []  # who may only look is not counted as editing
    with pytest.raises(NotAllowedError, match="reviewer"):
        actions.promote(ws, "a")


def test_a_name_is_taken_once(ws: Workspace, scene: Scene, raster: Path) -> None:
    other = raster.with_name("other.tif")
    shutil.copyfile(raster, other)
    with pytest.raises(DuplicateError, match="'hill'"):
        actions.add_scene(ws, other, name="hill")
    assert actions.list_scenes(ws) == [scene]
    assert actions.active_jobs(ws) == []


def test_the_same_image_is_not_added_twice_by_mistake(ws: Workspace, scene: Scene, raster: Path) -> None:
    copied = Path(shutil.copyfile(raster, raster.with_name("copy.tif")))
    with pytest.raises(DuplicateError, match=r"already a scene 'hill'.*the same image: go on in that scene"):
        actions.add_scene(ws, copied, name="slope")
    assert actions.list_scenes(ws) == [scene]
    assert actions.active_jobs(ws) == []
    facts = actions.add_scene(ws, copied, name="slope", again=True)[0].facts
    assert facts == scene.facts.model_copy(update={"modified_ns": copied.stat().st_mtime_ns})


def test_an_outline_beside_the_image_is_refused_and_the_whole_save_with_it(ws: Workspace, scene: Scene) -> None:
    good, bad = NewLabel(geometry_lonlat=inside(scene, 0.2)), NewLabel(geometry_lonlat=box(0, 0, 1, 1))
    with pytest.raises(IcssnError, match="outside the image"):
        actions.save_edits(ws, scene.id, Edits(created=(good, bad)))
    assert actions.list_labels(ws, scene.id) == []
    assert actions.label_revision(ws, scene.id) == 0


@pytest.mark.parametrize(("slides", "area", "reasons"), [(0, False, 2), (3, True, 1), (5, False, 1), (5, True, 0)])
def test_readiness_says_in_words_what_is_missing(
    ws: Workspace, scene: Scene, slides: int, area: bool, reasons: int
) -> None:
    label_all(ws, scene, slides=slides, area=area)
    state = actions.readiness(ws, [scene.id])
    assert (state.landslides, state.label_areas, len(state.reasons)) == (slides, int(area), reasons)
    assert state.ready == (reasons == 0)
    if reasons:
        with pytest.raises(NotTrainableError, match=r"Training cannot start\."):
            actions.start_run(ws, [scene.id])
        assert actions.list_runs(ws) == []


def test_fifty_clicks_on_retrain_make_one_run(ws: Workspace, scene: Scene) -> None:
    label_all(ws, scene, slides=5, area=True)
    run, job = actions.start_run(ws, [scene.id], overrides={"segment.steps": 7})
    assert (run.revisions, run.config["segment"]["steps"]) == ({scene.id: 1}, 7)
    assert (job.kind, job.state) == (JobKind.train, JobState.queued)
    for _ in range(49):
        with pytest.raises(BusyError, match=job.id):
            actions.start_run(ws, [scene.id])
    assert actions.list_runs(ws) == [run]
    assert actions.active_jobs(ws) == [job]


def test_heights_are_attached_to_a_scene_that_is_there_and_those_of_elsewhere_are_not(
    ws: Workspace, scene: Scene, raster: Path, tmp_path: Path
) -> None:
    profile = {"driver": "GTiff", "width": 40, "height": 40, "count": 1, "dtype": "float32", "crs": "EPSG:32648"}
    dems = {}
    for name, east in (("here", 600_000), ("elsewhere", 660_000)):
        dems[name] = tmp_path / f"{name}.tif"
        place = rasterio.transform.from_origin(east, 3_800_000, 3, 3)
        with rasterio.open(dems[name], "w", transform=place, **profile) as out:
            out.write(np.indices((40, 40))[:1].astype(np.float32))
    refused = pytest.raises(RasterRefusedError, match=r"elsewhere\.tif.*lies beside the scene")
    with refused:
        actions.set_elevation(ws, scene.id, dems["elsewhere"])
    with refused:
        actions.register_scene(ws, raster, name="other", dem=dems["elsewhere"], again=True)
    assert actions.list_scenes(ws) == [scene]
    changed, job = actions.set_elevation(ws, scene.id, dems["here"])
    assert (changed.dem, changed.hillshade) == (str(dems["here"]), None)
    assert (job.kind, job.params) == (JobKind.import_scene, {"scene_id": scene.id})
    assert actions.find_scene(ws, "hill").dem == str(dems["here"])


def test_a_queued_job_is_cancelled_at_once_and_another_may_start(ws: Workspace, scene: Scene) -> None:
    label_all(ws, scene, slides=5, area=True)
    _, job = actions.start_run(ws, [scene.id])
    assert actions.cancel_job(ws, job.id).state is JobState.cancelled
    actions.start_run(ws, [scene.id])


def test_without_a_model_prediction_says_what_to_do(ws: Workspace, scene: Scene) -> None:
    with pytest.raises(NotFoundError, match="Train first"):
        actions.predict_scene(ws, scene.id)
    with pytest.raises(NotFoundError, match="Predict the scene first"):
        actions.latest_prediction(ws, scene.id)


def test_labels_are_checked_against_the_image_and_each_other(ws: Workspace, scene: Scene) -> None:
    a, b, c, d, _ = inside(scene, 0.1, 0.3).exterior.coords
    bow_tie = NewLabel(uid="a", geometry_lonlat=Polygon([a, b, d, c]))
    assert actions.save_edits(ws, scene.id, Edits(created=(bow_tie,))).repaired == ("a",)
    twins = tuple(NewLabel(uid=uid, geometry_lonlat=inside(scene, 0.5)) for uid in ("b", "c"))
    assert actions.save_edits(ws, scene.id, Edits(created=twins)).repaired == ()
    assert [(w.kind.value, w.uids) for w in actions.check_labels(ws, scene.id)] == [("duplicate", ("b", "c"))]


def cross_validated(ws: Workspace, scene: Scene, *disputes: Dispute) -> None:
    """Enter a cross-validation that is done and disputes this."""
    found = {"disputes": [dispute.model_dump(mode="json") for dispute in disputes]}
    params = {"scene_id": scene.id}
    jobs.add(ws.db, Job(kind=JobKind.crossval, params=params, state=JobState.done, result=found))


def disputed(ws: Workspace, scene: Scene, drafts: Edits | None = None) -> list[tuple[str, tuple[str, ...]]]:
    kinds = (WarningKind.disputed, WarningKind.overlooked)
    return [(w.kind.value, w.uids) for w in actions.check_labels(ws, scene.id, drafts) if w.kind in kinds]


def test_a_dispute_stands_until_somebody_answers_it(ws: Workspace, scene: Scene) -> None:
    label_all(ws, scene, slides=3, area=True)
    labels = {label.uid: label for label in actions.list_labels(ws, scene.id, cls=LabelClass.landslide)}
    first, second, _ = labels
    ground = Dispute(geometry_lonlat=inside(scene, 0.7), probability=0.8, found=1.0)
    of_labels = [
        Dispute(uid=uid, version=1, geometry_lonlat=labels[uid].geometry_lonlat, probability=0.02, found=0.0)
        for uid in (first, second)
    ]
    cross_validated(ws, scene, *of_labels, ground)
    assert actions.disputed_labels(ws, scene.id) == [*of_labels, ground]
    everything = [("disputed", (first,)), ("disputed", (second,)), ("overlooked", ())]
    assert disputed(ws, scene) == everything
    sure = LabelChange(uid=first, expected_version=1, attributes={"confidence": "high"})
    terrace = NewLabel(geometry_lonlat=inside(scene, 0.72), cls=LabelClass.hard_negative)
    assert disputed(ws, scene, Edits(changed=(sure,), created=(terrace,))) == [("disputed", (second,))]
    assert disputed(ws, scene) == everything
    actions.save_edits(ws, scene.id, Edits(changed=(sure,), created=(terrace,)))
    actions.save_edits(ws, scene.id, Edits(deleted=(LabelDeletion(uid=second, expected_version=1),)))
    assert disputed(ws, scene) == []


def test_only_the_last_cross_validation_of_the_scene_disputes(ws: Workspace, scene: Scene, raster: Path) -> None:
    shutil.copy(raster, raster.with_name("other.tif"))
    other = actions.register_scene(ws, raster.with_name("other.tif"), name="other", again=True)
    cross_validated(ws, scene, Dispute(geometry_lonlat=inside(scene, 0.5), probability=0.9, found=1.0))
    failed = Job(kind=JobKind.crossval, params={"scene_id": scene.id}, state=JobState.failed)
    jobs.add(ws.db, failed)
    assert disputed(ws, scene) == [("overlooked", ())]
    assert disputed(ws, other) == []
    cross_validated(ws, scene)
    assert disputed(ws, scene) == []


def test_a_label_record_says_what_was_entered_measured_and_recorded(
    ws: Workspace, raster: Path, tmp_path: Path
) -> None:
    dem = tmp_path / "dem.tif"
    grid = rasterio.transform.from_origin(599_980, 3_800_020, 2, 2)
    profile = {"driver": "GTiff", "width": 70, "height": 60, "count": 1, "dtype": "float32", "crs": "EPSG:32648"}
    with rasterio.open(dem, "w", transform=grid, **profile) as out:
        out.write((1000 - np.arange(60, dtype=np.float32)[None, :, None]).repeat(70, axis=2))  # falls to the south
    scene = actions.register_scene(ws, raster, name="hill", dem=dem)
    entered = {"confidence": "high", "volume_m3": 2e5, "display_scale": 5000}
    drawn = NewLabel(uid="a", geometry_lonlat=inside(scene, 0.3, 0.3), attributes=entered)
    imported = NewLabel(
        uid="b",
        geometry_lonlat=inside(scene, 0.1),
        source=LabelSource.imported,
        attributes={"mapper": "张工", "GRIDCODE": 7},
    )
    actions.save_edits(ws, scene.id, Edits(created=(drawn, imported)))
    first, second = (found.values() for found in actions.label_records(ws, scene.id))
    assert entered.items() <= first.items()
    assert (first["mapper"], first["method"], first["source_image"]) == ("Li", "manual", "hill")
    assert (second["mapper"], second["method"], second["GRIDCODE"]) == ("张工", "imported", 7)
    assert first["size_class"] == "medium"
    assert first["area_m2"] == crs.area_m2(drawn.geometry_lonlat)
    assert first["slope_deg"] == pytest.approx(26.57, abs=0.1)
    assert abs(first["azimuth_deg"] - 180) < 1
    assert first["relief_m"] == first["crown_elevation_m"] - first["toe_elevation_m"] > 8
    assert actions.measure_label(ws, scene.id, "a").area_m2 == first["area_m2"]
    with pytest.raises(NotFoundError, match="no label 'c'"):
        actions.measure_label(ws, scene.id, "c")


@pytest.fixture
def trained(ws: Workspace, scene: Scene) -> Callable[..., Checkpoint]:
    """Give a function that enters a checkpoint of one small tensor, as a run would."""

    def enter(name: str, *, parent: str = "") -> Checkpoint:
        folder = ws.folder / "runs" / name
        folder.mkdir(parents=True)
        weights = save({"encoder.weight": np.full((4, 3), len(checkpoints.every(ws.db)), np.float32)})
        (folder / registry.WEIGHTS).write_bytes(weights)
        digest = hashlib.sha256(weights).hexdigest()
        card = {"config": TrainConfig().model_dump(mode="json"), "sha256": digest, "metrics": {"val_f1": 0.5}}
        (folder / registry.CARD).write_text(json.dumps(card))
        row = Checkpoint(id=name * 32, run_id=name * 32, round=1, sha256=digest, parent=parent)
        registry.enter(ws.models, row.id, folder, item=stac.item(row, card))
        return checkpoints.add(ws.db, row)

    return enter


def test_a_model_goes_to_another_workspace_as_a_candidate_and_comes_only_once(
    ws: Workspace, trained: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    sent = trained("a")
    packed = actions.export_model(ws, sent.id, tmp_path)
    other = actions.open_workspace(tmp_path / "other", actor=Actor(name="Wang"))
    taken = actions.import_model(other, packed)
    assert (taken.sha256, taken.state, taken.run_id) == (sent.sha256, CheckpointState.candidate, "imported")
    assert actions.promote(other, taken.id).state is CheckpointState.active
    with pytest.raises(DuplicateError, match="these weights"):
        actions.import_model(other, packed)
    (tmp_path / "net.pth").write_bytes(b"\x80\x04N.")
    with pytest.raises(CheckpointRefusedError, match="can run code"):
        actions.import_model(other, tmp_path / "net.pth")
    assert actions.list_checkpoints(other) == [actions.active_checkpoint(other)]
    shutil.rmtree(other.models)
    other.models.write_text("a file")
    with pytest.raises(UnwritableError, match="a file stands in the place of a folder"):
        actions.import_model(other, packed)
    other.close()


def test_a_damaged_model_is_not_put_in_use(ws: Workspace, trained: Callable[..., Checkpoint]) -> None:
    good, bad = trained("a"), trained("b")
    actions.promote(ws, good.id)
    (ws.models / bad.id / registry.WEIGHTS).write_bytes(b"half")
    with pytest.raises(CheckpointRefusedError):
        actions.promote(ws, bad.id)
    assert actions.active_checkpoint(ws) == actions.find_checkpoint(ws, good.id)


def test_a_models_family_is_all_it_comes_from_and_all_that_comes_from_it(
    ws: Workspace, trained: Callable[..., Checkpoint]
) -> None:
    first = trained("a")
    second = trained("b", parent=first.id)
    third, aside = trained("c", parent=second.id), trained("d", parent=first.id)
    trained("e")
    assert actions.model_family(ws, second.id) == [first, second, third]
    assert actions.model_family(ws, first.id) == [first, second, third, aside]


@pytest.fixture
def ended(ws: Workspace, scene: Scene) -> Callable[..., Run]:
    """Give a function that enters a run which ended with a model, judged on held-out squares of 100 pixels."""

    def enter(name: str, wrong: list[int], *, col: int = 0, truth: int = 50) -> Run:
        folder = ws.models / (name * 32)
        folder.mkdir(parents=True)
        counts = [[truth - fn, 0, fn, 100 - truth] for fn in wrong]
        squares = [{"scene": scene.id, "col": col, "row": n, "tp_fp_fn_tn": each} for n, each in enumerate(counts)]
        (folder / registry.CARD).write_text(json.dumps({"validation": squares}))
        job = jobs.add(ws.db, Job(kind=JobKind.train, params={"run_id": name * 32}, state=JobState.done))
        run = Run(id=name * 32, scene_ids=(scene.id,), revisions={scene.id: 1}, seed=7, tier="quick", job_id=job.id)
        return runs.add(ws.db, run.model_copy(update={"checkpoint_id": name * 32, "parent_checkpoint": "d" * 32}))

    return enter


def test_two_runs_are_compared_square_by_square_with_an_interval(ws: Workspace, ended: Callable[..., Run]) -> None:
    poor, good = ended("a", [20, 30, 25, 10, 20, 30]), ended("b", [10, 12, 9, 10, 8, 12])
    better = actions.compare_runs(ws, good.id, poor.id)
    assert better is not None
    assert 0 < better.low < better.f1 < better.high
    assert (better.chips, better.better, better.worse) == (6, 5, 0)
    worse = actions.compare_runs(ws, poor.id, good.id)
    assert worse is not None
    assert worse.f1 == pytest.approx(-better.f1)
    assert (worse.better, worse.worse) == (0, 5)


def test_runs_that_were_judged_on_other_ground_are_not_compared(ws: Workspace, ended: Callable[..., Run]) -> None:
    some = [1, 2, 3, 4, 5]
    assert actions.compare_runs(ws, ended("a", some).id, ended("b", some, col=64).id) is None
    assert actions.compare_runs(ws, ended("c", some).id, ended("d", some, truth=60).id) is None


def test_squares_whose_labels_have_changed_are_left_out_of_a_comparison(
    ws: Workspace, ended: Callable[..., Run]
) -> None:
    before, after = ended("a", [20, 30, 25, 10, 20, 30, 0, 0]), ended("b", [20, 30, 25, 10, 20, 30, 0, 0])
    card = ws.models / after.id / registry.CARD
    facts = json.loads(card.read_text())
    for square in facts["validation"][6:]:  # what the model had marked there in vain has been accepted as a landslide
        square["tp_fp_fn_tn"] = [90, 0, 0, 10]
    card.write_text(json.dumps(facts))
    found = actions.compare_runs(ws, after.id, before.id)
    assert found is not None
    assert (found.chips, found.f1, found.low, found.high) == (6, 0, 0, 0)


def test_drawn_squares_stand_for_as_much_ground_as_in_the_run_that_drew_fewer(
    ws: Workspace, scene: Scene, ended: Callable[..., Run]
) -> None:
    before, after = ended("a", [20, 30, 25, 10, 20, 30]), ended("b", [10, 12, 9, 10, 8, 12])
    for run, drawn, stands_for, false in ((before, 20, 3.0, 1), (after, 12, 5.0, 4)):
        card = ws.models / run.id / registry.CARD
        facts = json.loads(card.read_text())
        facts["validation"] += [
            {"scene": scene.id, "col": 1, "row": n, "tp_fp_fn_tn": [0, false, 0, 100 - false], "stands_for": stands_for}
            for n in range(drawn)  # of sixty without a landslide
        ]
        card.write_text(json.dumps(facts))
    found, other = actions.compare_runs(ws, after.id, before.id), actions.compare_runs(ws, before.id, after.id)
    assert found is not None
    assert other is not None
    assert found.f1 == pytest.approx(Confusion(239, 60 * 4, 61, 0).f1 - Confusion(165, 60, 135, 0).f1)
    assert (found.f1, found.low, found.high) == pytest.approx((-other.f1, -other.high, -other.low))
    assert found.chips == 18


def test_a_run_is_repeated_with_the_labels_settings_and_seed_of_then(
    ws: Workspace, scene: Scene, ended: Callable[..., Run]
) -> None:
    former = ended("a", [1, 2])
    label_all(ws, scene, slides=5, area=True)
    again, job = actions.repeat_run(ws, former.id)
    assert again.id != former.id
    same = ("scene_ids", "revisions", "seed", "tier", "config", "parent_checkpoint")
    assert [getattr(again, name) for name in same] == [getattr(former, name) for name in same]
    assert (again.checkpoint_id, again.job_id) == ("", job.id)
    with pytest.raises(BusyError):
        actions.repeat_run(ws, former.id)


def test_a_cancelled_run_goes_on_and_a_finished_one_does_not(
    ws: Workspace, scene: Scene, ended: Callable[..., Run]
) -> None:
    label_all(ws, scene, slides=5, area=True)
    run, job = actions.start_run(ws, [scene.id], then_predict=[scene.id])
    with pytest.raises(BusyError):
        actions.resume_run(ws, run.id)
    actions.cancel_job(ws, job.id)
    resumed, next_job = actions.resume_run(ws, run.id)
    assert (resumed.id, resumed.job_id) == (run.id, next_job.id)
    assert next_job.params == {"run_id": run.id, "then_predict": [scene.id]}
    with pytest.raises(NotFoundError, match="no unfinished run"):
        actions.resume_run(ws, ended("a", [1]).id)


def test_labels_go_out_and_come_into_another_workspace_as_they_were(
    ws: Workspace, scene: Scene, raster: Path, tmp_path: Path
) -> None:
    whole = NewLabel(uid="whole", geometry_lonlat=inside(scene, 0.2, 0.4), attributes={"confidence": "low"})
    part = NewLabel(uid="part", geometry_lonlat=inside(scene, 0.3), attributes={"part_of": "whole"})
    point = NewLabel(
        uid="point", geometry_lonlat=inside(scene, 0.7).centroid, cls=LabelClass.landslide_point, status="proposed"
    )
    actions.save_edits(ws, scene.id, Edits(created=(whole, part, point)))
    file = tmp_path / "labels.gpkg"
    assert actions.export_labels(ws, scene.id, file).count == 3
    again = actions.import_labels(ws, scene.id, file)
    assert (again.count, again.already_there) == (3, 3)  # though they went through another CRS
    other = actions.open_workspace(tmp_path / "other", actor=Actor(name="Wang", role=Role.admin))
    with platform.try_lock(engine.lock_path(other.folder)):  # type: ignore[union-attr]
        there = actions.register_scene(other, raster, name="hill")
        assert actions.import_labels(other, there.id, file).count == 3
        found = {label.uid: label for label in actions.list_labels(other, there.id)}
        assert set(found) == {"whole", "part", "point"}
        assert found["part"].attributes["part_of"] == "whole"
        assert (found["point"].cls, found["point"].status) == (point.cls, point.status)
        records = {record.label.uid: record.values() for record in actions.label_records(other, there.id)}
        assert records["whole"]["mapper"] == "Li"  # whoever brought it in
    other.close()


def test_a_run_that_has_no_room_on_the_disk_is_refused_before_it_starts(
    ws: Workspace, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    label_all(ws, scene, slides=5, area=True)
    monkeypatch.setitem(work._ROOM_MB, JobKind.train, 1e9)  # more than any disk has
    with pytest.raises(DiskFullError, match=r"Fewer than the 1000000000 MB needed"):
        actions.start_run(ws, [scene.id])
    assert (actions.list_runs(ws), actions.active_jobs(ws)) == ([], [])


def test_bands_and_stretch_of_a_scene_are_saved_and_its_map_is_drawn_anew(ws: Workspace, scene: Scene) -> None:
    changed, job = actions.set_stretch(ws, scene.id, bands=(3, 2, 1), percent=(10, 90))
    assert actions.find_scene(ws, "hill") == changed
    assert changed.facts.stretch.bands == (3, 2, 1)
    assert changed.tiles is None
    assert (job.kind, job.params) == (JobKind.import_scene, {"scene_id": scene.id})
    with rasterio.open(scene.original) as source:
        blue = source.read(3)
    assert changed.facts.stretch.low[0] == pytest.approx(np.percentile(blue, 10))
    assert changed.facts.stretch.high[0] == pytest.approx(np.percentile(blue, 90))
    assert changed.facts.model_copy(update={"stretch": scene.facts.stretch}) == scene.facts


def test_other_bands_alone_leave_the_contrast_as_the_import_chooses_it(ws: Workspace, scene: Scene) -> None:
    changed, _ = actions.set_stretch(ws, scene.id, bands=(3, 2, 1))
    assert changed.facts.stretch == Stretch(bands=(3, 2, 1), low=(0,) * 3, high=(255,) * 3)
    path = ws.folder / "deep.tif"
    with (
        rasterio.open(scene.original) as source,
        rasterio.open(path, "w", **source.profile | {"dtype": "uint16"}) as out,
    ):
        out.write(source.read() * np.uint16(100))
    deep = actions.register_scene(ws, path, name="deep")
    changed, _ = actions.set_stretch(ws, deep.id, bands=(3, 2, 1))
    assert changed.facts.stretch.low == deep.facts.stretch.low[::-1]
    assert changed.facts.stretch.high == deep.facts.stretch.high[::-1]


def test_other_bands_alone_are_cut_at_the_percentiles_chosen_before(ws: Workspace, scene: Scene) -> None:
    chosen, _ = actions.set_stretch(ws, scene.id, percent=(10, 90))
    turned, _ = actions.set_stretch(ws, scene.id, bands=(3, 2, 1))
    assert turned.facts.stretch.low == chosen.facts.stretch.low[::-1] != (0, 0, 0)
    assert turned.facts.stretch.percent == (10, 90)
    assert actions.find_scene(ws, "hill") == turned
    usual, _ = actions.set_stretch(ws, scene.id, bands=scene.facts.stretch.bands, percent=(0, 100))
    assert usual.facts == scene.facts


def test_contrast_that_an_earlier_version_chose_for_8_bit_values_is_not_lost(ws: Workspace, scene: Scene) -> None:
    cut, _ = actions.set_stretch(ws, scene.id, percent=(2, 98))
    unsaid = cut.facts.stretch.model_copy(update={"percent": None})
    scenes.update(ws.db, scene.id, facts=cut.facts.model_copy(update={"stretch": unsaid}))
    turned, _ = actions.set_stretch(ws, scene.id, bands=(3, 2, 1))
    assert turned.facts.stretch.low == cut.facts.stretch.low[::-1] != (0, 0, 0)


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"bands": (1, 2)}, "must be 1 or 3 numbers from 1 to 3"),
        ({"bands": (4,)}, "must be 1 or 3 numbers from 1 to 3"),
        ({"percent": (98, 2)}, "the lower first"),
    ],
)
def test_a_stretch_that_cannot_be_is_refused(
    ws: Workspace, scene: Scene, wish: dict[str, tuple[float, ...]], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        actions.set_stretch(ws, scene.id, **wish)  # type: ignore[arg-type]
    assert actions.find_scene(ws, "hill") == scene
    assert actions.active_jobs(ws) == []


def test_settings_of_a_prediction_are_checked_before_it_is_queued(ws: Workspace, scene: Scene) -> None:
    with pytest.raises(ConfigError, match="'quality' is 'best'"):
        actions.predict_scene(ws, scene.id, settings={"quality": "best"})
    with pytest.raises(ConfigError, match="a setting that exists"):
        actions.predict_scene(ws, scene.id, settings={"colour": "red"})
    assert actions.active_jobs(ws) == []
