"""The catalogue of scenes: renamed, removed from the project and restored, and nothing lost by it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from icssn import actions
from icssn.actions import targets, work
from icssn.errors import (
    BusyError,
    ConfigError,
    DuplicateError,
    NotAllowedError,
    NotFoundError,
    UnwritableError,
)
from icssn.jobs import engine, platform
from icssn.records import Actor, Edits, Job, JobKind, NewLabel, Role, Run, Scene
from icssn.store import jobs, runs
from icssn.store.workspace import Workspace
from icssn.ui import guide, next_step, wording


def write_raster(path: Path, seed: int = 0) -> Path:
    profile = {"driver": "GTiff", "width": 90, "height": 80, "count": 3, "dtype": "uint8", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(600_000, 3_800_000, 1, 1), **profile) as out:
        out.write(np.random.default_rng(seed).integers(0, 255, (3, 80, 90), dtype=np.uint8))
    return path


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose worker's lock is held here, so that queued jobs stay queued."""
    workspace = actions.open_workspace(tmp_path / "workspace", actor=Actor(name="Li", role=Role.admin))
    with platform.try_lock(engine.lock_path(workspace.folder)):  # type: ignore[union-attr]
        yield workspace
    workspace.close()


@pytest.fixture
def hill(ws: Workspace, tmp_path: Path) -> Scene:
    """A scene with a label."""
    scene = actions.register_scene(ws, write_raster(tmp_path / "hill.tif"), name="hill")
    west, south, east, north = scene.facts.bounds_lonlat
    outline = box(west + (east - west) / 4, south + (north - south) / 4, (west + east) / 2, (south + north) / 2)
    actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=outline),)))
    return scene


@pytest.fixture
def dale(ws: Workspace, tmp_path: Path) -> Scene:
    return actions.register_scene(ws, write_raster(tmp_path / "dale.tif", seed=1), name="dale")


def test_another_name_changes_nothing_else(ws: Workspace, hill: Scene) -> None:
    assert actions.rename_scene(ws, hill.id, "  芦山 2024 ") == hill.model_copy(update={"name": "芦山 2024"})
    assert actions.find_scene(ws, "芦山 2024").id == hill.id
    assert len(actions.list_labels(ws, hill.id)) == 1
    with pytest.raises(NotFoundError, match="no scene 'hill'"):
        actions.find_scene(ws, "hill")
    assert actions.rename_scene(ws, hill.id, "芦山 2024").name == "芦山 2024"


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "two\nlines", "bell\a", "hidden\u202esign"])
def test_a_name_that_cannot_be_read_is_refused_for_a_new_scene_and_an_old_one(
    ws: Workspace, hill: Scene, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match="a name of 1 to 80 characters on one line"):
        actions.rename_scene(ws, hill.id, name)
    if name:
        with pytest.raises(ConfigError, match="a name of 1 to 80 characters on one line"):
            actions.register_scene(ws, write_raster(tmp_path / "other.tif", seed=2), name=name)
    assert actions.list_scenes(ws) == [hill]


def test_a_name_of_another_scene_is_refused_also_where_that_was_removed(
    ws: Workspace, hill: Scene, dale: Scene
) -> None:
    with pytest.raises(DuplicateError, match=r"already a scene 'dale' in this workspace\. Choose another name\."):
        actions.rename_scene(ws, hill.id, "dale")
    actions.remove_scene(ws, dale.id)
    for give in (
        lambda: actions.rename_scene(ws, hill.id, "dale"),
        lambda: actions.register_scene(ws, Path(hill.original), name="dale", again=True),
    ):
        with pytest.raises(DuplicateError, match=r"'dale'.*removed by Li on 20.*Restore it .*or choose another name"):
            give()
    assert actions.list_scenes(ws) == [hill]


def test_a_removed_scene_is_nowhere_and_comes_back_as_it_was(ws: Workspace, hill: Scene, dale: Scene) -> None:
    labels, history = actions.list_labels(ws, hill.id), actions.scene_history(ws, hill.id)
    gone = actions.remove_scene(ws, hill.id)
    assert gone.removed is not None
    assert gone.removed.by == "Li"
    assert actions.list_scenes(ws) == [dale]
    assert actions.list_scenes(ws, removed=True) == [gone] == [actions.remove_scene(ws, hill.id)]
    assert (next_step.standing(ws).scenes, next_step.standing(ws).landslides) == (1, 0)
    actions.remove_scene(ws, dale.id)
    assert guide.steps_done(ws) == set()
    assert next_step.advise(next_step.standing(ws)) == ("add_scene", "scenes")
    assert Path(hill.original).exists()
    assert actions.list_labels(ws, hill.id) == labels
    assert actions.scene_history(ws, hill.id) == history
    assert actions.restore_scene(ws, hill.id) == hill == actions.find_scene(ws, "hill")
    assert next_step.standing(ws).landslides == 1


def test_no_new_work_begins_on_a_removed_scene_and_the_refusal_says_how_to_restore_it(
    ws: Workspace, hill: Scene
) -> None:
    run = Run(scene_ids=(hill.id,), revisions={hill.id: 1}, tier="full", seed=0, config={})
    former = Job(kind=JobKind.train, params={"run_id": run.id, "then_predict": []})
    runs.start(ws.db, run.model_copy(update={"job_id": former.id}), former)
    actions.cancel_job(ws, former.id)
    actions.remove_scene(ws, hill.id)
    for begin in (
        lambda: actions.find_scene(ws, "hill"),
        lambda: actions.set_stretch(ws, hill.id),
        lambda: actions.set_elevation(ws, hill.id, Path(hill.original)),
        lambda: work.submit(ws, Job(kind=JobKind.predict, params={"scene_id": hill.id})),
        lambda: actions.repeat_run(ws, run.id),
    ):
        with pytest.raises(NotFoundError, match=r"'hill'.*removed by Li.*Restore it on the Scenes page, or with icssn"):
            begin()
    assert actions.active_jobs(ws) == []
    with pytest.raises(UnwritableError):  # the office's own file is none the less its own
        targets.require_apart(ws, [Path(hill.original)])


def test_what_somebody_has_drawn_is_saved_although_the_scene_was_removed_meanwhile(ws: Workspace, hill: Scene) -> None:
    [label] = actions.list_labels(ws, hill.id)
    actions.remove_scene(ws, hill.id)
    west, south, east, north = hill.facts.bounds_lonlat
    outline = box((west + east) / 2, (south + north) / 2, east, north)
    actions.save_edits(ws, hill.id, Edits(created=(NewLabel(geometry_lonlat=outline),)))
    assert len(actions.list_labels(ws, hill.id)) == 2
    assert actions.label_history(ws, label.uid)


@pytest.mark.parametrize("kind", ["import", "train", "then predict", "dataset", "demo"])
def test_a_scene_with_a_job_stays_until_that_is_over(ws: Workspace, hill: Scene, dale: Scene, kind: str) -> None:
    if kind == "demo":
        actions.rename_scene(ws, hill.id, "demo")
    run = Run(scene_ids=(hill.id,) if kind == "train" else (), revisions={}, tier="full", seed=0, config={})
    params: dict[str, dict[str, object]] = {
        "import": {"scene_id": hill.id},
        "train": {"run_id": run.id, "then_predict": []},
        "then predict": {"run_id": run.id, "then_predict": [hill.id]},
        "dataset": {"names": {"train": "hill"}},
        "demo": {},
    }
    kinds = {"import": JobKind.import_scene, "dataset": JobKind.dataset, "demo": JobKind.demo}
    job = Job(kind=kinds.get(kind, JobKind.train), params=params[kind])
    if job.kind is JobKind.train:
        runs.start(ws.db, run.model_copy(update={"job_id": job.id}), job)
    else:
        jobs.add(ws.db, job)
    with pytest.raises(BusyError, match=rf"A {job.kind} job is already queued \(job {job.id}\)"):
        actions.remove_scene(ws, hill.id)
    assert actions.remove_scene(ws, dale.id).removed
    actions.cancel_job(ws, job.id)
    assert actions.remove_scene(ws, hill.id).removed


def test_the_same_image_is_offered_to_be_restored(ws: Workspace, hill: Scene, tmp_path: Path) -> None:
    actions.remove_scene(ws, hill.id)
    copied = Path(shutil.copyfile(hill.original, tmp_path / "copy.tif"))
    with pytest.raises(DuplicateError, match=r"'hill'.*removed by Li.*It holds the same image: restore it, or add"):
        actions.add_scene(ws, copied, name="slope")
    assert actions.list_scenes(ws) == []
    assert actions.add_scene(ws, copied, name="slope", again=True)[0].name == "slope"


def test_to_load_the_demo_again_restores_it(ws: Workspace, hill: Scene) -> None:
    demo = actions.rename_scene(ws, hill.id, "demo")
    actions.remove_scene(ws, hill.id)
    job = actions.load_demo(ws)
    assert actions.list_scenes(ws) == [demo]
    assert actions.active_jobs(ws) == [job]


@pytest.mark.parametrize("change", [actions.remove_scene, actions.restore_scene])
def test_a_viewer_changes_no_scene(ws: Workspace, hill: Scene, change: Callable[[Workspace, str], Scene]) -> None:
    ws.actor = Actor(name="Wang", role=Role.viewer)
    with pytest.raises(NotAllowedError, match="Wang is viewer and may not"):
        change(ws, hill.id)
    with pytest.raises(NotAllowedError, match="rename a scene"):
        actions.rename_scene(ws, hill.id, "slope")
    assert actions.list_scenes(ws) == [hill]


def test_refusals_are_told_in_chinese(ws: Workspace, hill: Scene, dale: Scene) -> None:
    actions.remove_scene(ws, hill.id)
    for give in (
        lambda: actions.find_scene(ws, "hill"),
        lambda: actions.rename_scene(ws, dale.id, "hill"),
        lambda: actions.add_scene(ws, Path(hill.original), name="slope"),
    ):
        with pytest.raises((NotFoundError, DuplicateError)) as caught:
            give()
        told = wording.told(str(caught.value), language="zh")
        assert "已由 Li 于 20" in told
        assert told.replace("icssn scene add --again", "").replace("icssn scene restore", "").count("scene") == 0
        assert " it " not in told
