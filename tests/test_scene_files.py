"""The file of a scene, put right or replaced after it was added."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from icssn import actions
from icssn.actions import work
from icssn.errors import DiskFullError, DuplicateError, QueueFullError, RasterRefusedError, UnwritableError
from icssn.imagery.sight import Sight, open_sight
from icssn.jobs import engine, platform
from icssn.records import Actor, Edits, Job, JobKind, NewLabel, Role, Scene
from icssn.store import jobs, scenes
from icssn.store.workspace import Workspace

EAST, NORTH = 600_000, 3_800_000


def write(
    path: Path, *, width: int = 90, east: float = EAST, pixel_m: float = 1, seed: int = 0, count: int = 3
) -> Path:
    profile = {"driver": "GTiff", "width": width, "height": 80, "count": count, "dtype": "uint8", "crs": "EPSG:32648"}
    place = rasterio.transform.from_origin(east, NORTH, pixel_m, pixel_m)
    with rasterio.open(path, "w", transform=place, **profile) as out:
        out.write(np.random.default_rng(seed).integers(0, 255, (count, 80, width), dtype=np.uint8))
    return path


def write_heights(path: Path, *, east: float = EAST) -> Path:
    place = rasterio.transform.from_origin(east, NORTH, 3, 3)
    profile = {"driver": "GTiff", "width": 80, "height": 40, "count": 1, "dtype": "float32", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", transform=place, **profile) as out:
        out.write(np.indices((40, 80))[:1].astype(np.float32))
    return path


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose worker's lock is held here, so that queued jobs stay queued."""
    workspace = actions.open_workspace(tmp_path / "workspace", actor=Actor(name="Li", role=Role.admin))
    with platform.try_lock(engine.lock_path(workspace.folder)):  # type: ignore[union-attr]
        yield workspace
    workspace.close()


def given_up(ws: Workspace, path: Path, **options: Path) -> Scene:
    """Add a scene whose conversion ends without a map."""
    scene, job = actions.add_scene(ws, path, name="hill", **options)
    actions.cancel_job(ws, job.id)
    return scene


def label(ws: Workspace, scene: Scene) -> None:
    west, south, east, north = scene.facts.bounds_lonlat
    across, up = (east - west) / 4, (north - south) / 4
    outline = box(west + across, south + up, east - across, north - up)
    actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=outline),)))


def test_a_file_that_was_put_right_is_inspected_anew(ws: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "hill.tif")
    former = given_up(ws, path)
    write(path, width=60, east=EAST + 1000, pixel_m=2)
    scene, _ = actions.add_scene(ws, path, name="hill")
    assert scene.id == former.id
    assert scene == actions.find_scene(ws, "hill")
    assert scene.facts.transform == (2, 0, EAST + 1000, 0, -2, NORTH)
    assert scene.facts.width == 60
    assert scene.facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_file_is_only_converted_again(ws: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "hill.tif")
    former = given_up(ws, path)
    changed, job = actions.set_stretch(ws, former.id, bands=(3, 2, 1))
    actions.cancel_job(ws, job.id)
    assert actions.add_scene(ws, path, name="hill")[0] == changed


def test_a_conversion_is_repeated_whatever_other_scenes_wait_for(ws: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "hill.tif")
    former = given_up(ws, path)
    actions.add_scene(ws, write(tmp_path / "other.tif", seed=1))
    scene, job = actions.add_scene(ws, path, name="hill")
    assert (scene, job.params) == (former, {"scene_id": former.id})
    with pytest.raises(DuplicateError, match="'hill'"):  # while its own waits
        actions.add_scene(ws, path, name="hill")
    assert len(actions.active_jobs(ws)) == 2


@pytest.mark.parametrize("full", ["disk", "queue", "place of the worker"])
def test_where_the_job_is_not_taken_the_scene_stays_as_it_is(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    hill, dem = write(tmp_path / "hill.tif"), write_heights(tmp_path / "dem.tif")
    scene = actions.register_scene(ws, hill, name="hill", dem=dem)
    scene = scenes.update(ws.db, scene.id, tiles="tiles.tif", hillshade="hillshade.tif")
    demo = actions.register_scene(ws, write(tmp_path / "demo.tif", seed=2), name="demo")
    demo = actions.remove_scene(ws, demo.id)
    failed = actions.register_scene(ws, write(tmp_path / "failed.tif", seed=3))
    moved, here = Path(shutil.copyfile(hill, tmp_path / "moved.tif")), write_heights(tmp_path / "here.tif")
    write(tmp_path / "failed.tif", seed=4)
    if full == "disk":
        for kind in (JobKind.import_scene, JobKind.demo):
            monkeypatch.setitem(work._ROOM_MB, kind, 1e9)  # more than any disk has
    elif full == "queue":
        for _ in range(jobs.MAX_WAITING):
            jobs.add(ws.db, Job(kind=JobKind.export))
    else:
        engine.worker_log(ws.folder).unlink(missing_ok=True)
        engine.worker_log(ws.folder).mkdir(parents=True)
    refusal = {"disk": DiskFullError, "queue": QueueFullError}.get(full, UnwritableError)
    waiting = actions.active_jobs(ws)
    for give in (
        lambda: actions.set_stretch(ws, scene.id, bands=(3, 2, 1)),
        lambda: actions.set_elevation(ws, scene.id, here),
        lambda: actions.move_scene(ws, scene.id, moved, dem=here),
        lambda: actions.add_scene(ws, write(tmp_path / "new.tif", seed=1)),
        lambda: actions.add_scene(ws, tmp_path / "failed.tif"),
        lambda: actions.load_demo(ws),
    ):
        with pytest.raises(refusal):
            give()
        assert actions.list_scenes(ws) == [scene, failed]
        assert actions.list_scenes(ws, removed=True) == [demo]
    assert actions.active_jobs(ws) == waiting


def test_labels_stay_on_their_ground(ws: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "hill.tif")
    scene = given_up(ws, path)
    label(ws, scene)
    write(path, east=EAST + 1000)
    with pytest.raises(RasterRefusedError, match=r"it now lies elsewhere.*add the new one as another scene"):
        actions.add_scene(ws, path, name="hill")
    assert actions.find_scene(ws, "hill") == scene
    write(path, seed=1)
    renewed, job = actions.add_scene(ws, path, name="hill")
    assert renewed.facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() != scene.facts.sha256
    assert actions.active_jobs(ws) == [job]


def test_the_file_of_another_scene_is_not_put_in_its_place(ws: Workspace, tmp_path: Path) -> None:
    path, other = write(tmp_path / "hill.tif"), write(tmp_path / "other.tif", seed=1)
    scene = given_up(ws, path)
    actions.register_scene(ws, other)
    shutil.copyfile(other, path)
    with pytest.raises(DuplicateError, match="'other'"):
        actions.add_scene(ws, path, name="hill")
    assert actions.find_scene(ws, "hill") == scene
    assert actions.add_scene(ws, path, name="hill", again=True)[0].facts.sha256 != scene.facts.sha256


def test_heights_that_no_longer_fit_are_refused_and_others_are_taken(ws: Workspace, tmp_path: Path) -> None:
    path, here = write(tmp_path / "hill.tif"), write_heights(tmp_path / "here.tif")
    scene = given_up(ws, path, dem=here)
    write(path, east=EAST + 10_000)
    with pytest.raises(RasterRefusedError, match=r"here\.tif.*lies beside the scene"):
        actions.add_scene(ws, path, name="hill")
    assert actions.find_scene(ws, "hill") == scene
    there = write_heights(tmp_path / "there.tif", east=EAST + 10_000)
    assert actions.add_scene(ws, path, name="hill", dem=there)[0].dem == str(there)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"width": 60}, "it is now 60 × 80 px; 90 × 80 px, as when it was added, is needed"),
        ({"east": EAST + 1}, "it now lies elsewhere"),
        ({"pixel_m": 2}, "it now lies elsewhere"),
        ({"seed": 1}, "it now shows another image; the one that it showed when it was added is needed"),
        ({"count": 1}, r"it now has 1 band\(s\) of uint8; 3 band\(s\) of uint8, as when it was added, is needed"),
    ],
    ids=str,
)
def test_no_work_is_done_on_a_replaced_file(ws: Workspace, tmp_path: Path, other: dict[str, int], told: str) -> None:
    scene = actions.register_scene(ws, write(tmp_path / "hill.tif"), name="hill")
    write(tmp_path / "hill.tif", **other)
    told = rf"'hill\.tif' was refused: {told}.* Put the original file back, or add the new one as another scene\."
    with pytest.raises(RasterRefusedError, match=told), open_sight(Sight(scene.raster, scene.facts)):
        pass
    with pytest.raises(RasterRefusedError, match=told):
        actions.set_stretch(ws, scene.id)
    with pytest.raises(RasterRefusedError, match=told):
        actions.set_elevation(ws, scene.id, write_heights(tmp_path / "here.tif"))
    assert actions.find_scene(ws, "hill") == scene
    assert actions.active_jobs(ws) == []


def test_a_copy_that_is_stored_otherwise_is_the_same_image(ws: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "hill.tif")
    scene = actions.register_scene(ws, path, name="hill")
    with rasterio.open(path) as dataset:
        values, profile = dataset.read(), dataset.profile
    with rasterio.open(path, "w", **profile | {"compress": "deflate", "interleave": "band"}) as out:
        out.write(values)
        out.build_overviews([2])
    with open_sight(Sight(scene.raster, scene.facts)) as sight:
        assert sight.channels == 3


def opens(scene: Scene) -> bool:
    try:
        with open_sight(Sight(scene.raster, scene.facts)):
            return True
    except RasterRefusedError:
        return False


def test_a_touched_file_and_one_that_was_put_back_are_the_same_image(ws: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "hill.tif")
    scene = actions.register_scene(ws, path, name="hill")
    kept = Path(shutil.copyfile(path, tmp_path / "kept.tif"))
    os.utime(path, ns=(0, 0))
    assert opens(scene)
    write(path, seed=1)
    assert not opens(scene)
    shutil.copyfile(kept, path)
    assert path.stat().st_mtime_ns != scene.facts.modified_ns
    assert opens(scene)
    changed, _ = actions.set_stretch(ws, scene.id, bands=(3, 2, 1))
    assert opens(changed)


def test_one_other_pixel_in_a_small_file_is_another_image(ws: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "hill.tif")
    scene = actions.register_scene(ws, path, name="hill")
    with rasterio.open(path) as dataset:
        values, profile = dataset.read(), dataset.profile
    values[1, 44, 55] ^= 1
    with rasterio.open(path, "w", **profile) as out:
        out.write(values)
    assert not opens(scene)


def test_pixels_are_looked_at_only_where_size_or_time_differ(ws: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "hill.tif")
    scene = actions.register_scene(ws, path, name="hill")
    size, written_ns = scene.facts.size_bytes, scene.facts.modified_ns
    assert written_ns is not None
    write(path, seed=1)
    os.utime(path, ns=(written_ns, written_ns))
    assert path.stat().st_size == size
    assert opens(scene)  # so that an unchanged file costs nothing


def test_a_scene_that_an_earlier_version_added_is_known_by_its_grid(ws: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "hill.tif")
    scene = actions.register_scene(ws, path, name="hill")
    former = scene.model_copy(
        update={"facts": scene.facts.model_copy(update={"modified_ns": None, "sample_sha256": None})}
    )
    write(path, seed=1)
    assert opens(former)
    write(path, width=60)
    assert not opens(former)
