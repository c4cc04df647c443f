"""Parts predicted by other processes: the same bytes as alone, also when a worker is killed in the middle."""

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import psutil
import pytest

from icssn.config import InferenceConfig
from icssn.errors import CancelledError, StoreError, WorkersError
from icssn.inference import parts as part_files
from icssn.inference import workers as workers_module
from icssn.inference.handover import Handover
from icssn.inference.predict import ScenePrediction, predict_scene
from icssn.records import Progress, Raster, RasterFacts, RemoteRaster
from tests.inference.conftest import landscape
from tests.object_stores import CREDENTIALS, S3

Scene = tuple[Path, RasterFacts]
WriteScene = Callable[..., Scene]
STORES = "s3://handover/parts, s3://handover/scenes"
SMALL = {"core_px": 128, "halo_px": 32, "backend": "torch", "device": "cpu"}


@pytest.fixture
def several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a part be small, so that a small scene has several; workers are told parts, they make none."""
    monkeypatch.setattr(part_files, "_LARGEST_PX", (128, 128))


@pytest.fixture
def scene(write_scene: WriteScene, several_parts: None) -> Scene:
    return write_scene(landscape(384, 512, seed=5))


def predicted(
    scene: tuple[Raster, RasterFacts],
    checkpoint: Path,
    out: Path,
    *,
    stop: Callable[[], bool] = lambda: False,
    dem: Path | None = None,
    **settings: object,
) -> ScenePrediction:
    def ignore(progress: Progress) -> None:
        pass

    raster, facts = scene
    config = InferenceConfig.model_validate({**SMALL, **settings})
    return predict_scene(
        raster, facts=facts, dem=dem, checkpoint=checkpoint, out=out, config=config, report=ignore, stop=stop
    )


def same(one: ScenePrediction, other: ScenePrediction) -> bool:
    files = [(one.probability, other.probability), (one.mask, other.mask)]
    return all(a.read_bytes() == b.read_bytes() for a, b in files) and one.objects == other.objects


def test_two_workers_give_the_same_bytes_as_one_process(scene: Scene, checkpoint: Path, tmp_path: Path) -> None:
    alone = predicted(scene, checkpoint, tmp_path / "alone")
    assert same(predicted(scene, checkpoint, tmp_path / "two", workers=2), alone)
    assert not list((tmp_path / "two").glob(".*"))


def test_two_workers_see_the_same_terrain_as_one_process(
    scene: Scene, write_dem: Callable[..., Path], terrain_checkpoint: Path, tmp_path: Path
) -> None:
    dem = write_dem()
    alone = predicted(scene, terrain_checkpoint, tmp_path / "alone", dem=dem)
    assert same(predicted(scene, terrain_checkpoint, tmp_path / "two", dem=dem, workers=2), alone)


def workers() -> list[psutil.Process]:
    """Give the worker processes of this one that live."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile, as a zombie has
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_a_killed_worker_is_survived(scene: Scene, checkpoint: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one_after_the_first_part() -> None:
        while not killed:
            time.sleep(0.01)
            if any((tmp_path / "two").glob(".parts-*/*.part")):
                killed.extend(child.pid for child in workers()[:1])
                os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one_after_the_first_part, daemon=True)
    killer.start()
    found = predicted(scene, checkpoint, tmp_path / "two", workers=2)
    killer.join(10)
    assert killed
    assert same(found, predicted(scene, checkpoint, tmp_path / "alone"))


def test_a_cancel_ends_the_workers(scene: Scene, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        predicted(
            scene, checkpoint, tmp_path / "two", workers=2, stop=lambda: bool(list(tmp_path.glob("two/.parts-*")))
        )
    assert not workers()


def test_what_stops_a_worker_is_told_in_its_words(scene: Scene, checkpoint: Path, tmp_path: Path) -> None:
    raster, _ = scene

    def stop() -> bool:  # while the workers start, the scene becomes unreadable
        raster.write_bytes(b"no raster any more")
        return False

    told = r"could not predict the scene: Raster 'scene\.tif' was refused.*[^.]\. Predict again"
    with pytest.raises(WorkersError, match=told):
        predicted(scene, checkpoint, tmp_path / "two", workers=2, stop=stop)


@pytest.fixture(scope="module")
def scheduler(s3_server: S3) -> Iterator[str]:
    """A Dask scheduler with two worker processes on this machine, which may use a bucket."""
    from distributed import LocalCluster

    with pytest.MonkeyPatch.context() as patch:  # the workers take it over
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": s3_server.endpoint, "ICSSN_STORES": STORES}.items():
            patch.setenv(name, value)
        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1")
    with cluster:
        yield cluster.scheduler_address


def test_a_dask_cluster_gives_the_same_bytes(scene: Scene, checkpoint: Path, tmp_path: Path, scheduler: str) -> None:
    alone = predicted(scene, checkpoint, tmp_path / "alone")
    assert same(predicted(scene, checkpoint, tmp_path / "dask", scheduler=scheduler), alone)


def test_a_scheduler_that_is_not_there_is_said(scene: Scene, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkersError, match=r"127\.0\.0\.1:9"):
        predicted(scene, checkpoint, tmp_path / "dask", scheduler="tcp://127.0.0.1:9")
    assert not list((tmp_path / "dask").glob("*.tif"))


@pytest.fixture
def far(scheduler: str, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, S3]]:
    """The address of the scheduler, and the server of the bucket that its workers may use."""
    s3.bucket("handover")
    monkeypatch.setenv("ICSSN_STORES", STORES)
    yield scheduler, s3
    s3.empty("handover")


def test_workers_that_share_no_folder_find_and_leave_all_in_a_store(
    scene: Scene, checkpoint: Path, tmp_path: Path, far: tuple[str, S3]
) -> None:
    (raster, facts), (scheduler, s3) = scene, far
    alone = predicted(scene, checkpoint, tmp_path / "alone")
    s3.client.upload_file(str(raster), "handover", "scenes/scene.tif")
    remote = RemoteRaster(address="s3://handover/scenes/scene.tif")
    mine = shutil.copytree(checkpoint, tmp_path / "mine" / checkpoint.name)
    seen: set[str] = set()

    def look() -> bool:
        seen.update(s3.keys("handover"))
        if (mine / "card.json").exists() and any("card.json" in key for key in seen):
            shutil.rmtree(mine)  # before a worker could see it there
            raster.unlink()
        return False

    given = {"scheduler": scheduler, "handover": "s3://handover/parts/"}
    found = predicted((remote, facts), mine, tmp_path / "far", stop=look, **given)
    assert same(found, alone)
    assert not mine.exists()
    assert {PurePosixPath(key).suffix for key in seen} == {".tif", ".json", ".safetensors", ".part"}
    assert s3.keys("handover") == ["scenes/scene.tif"]


def test_parts_left_before_a_kill_are_taken_from_the_store(
    scene: Scene, checkpoint: Path, tmp_path: Path, far: tuple[str, S3], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler, s3 = far
    given = {"scheduler": scheduler, "handover": "s3://handover/parts"}

    def enough() -> bool:
        return sum(key.endswith(".part") for key in s3.keys("handover")) >= 3

    with monkeypatch.context() as killed:  # as a kill does: what is in the store stays there
        killed.setattr(Handover, "clear", lambda self: None)
        with pytest.raises(CancelledError):
            predicted(scene, checkpoint, tmp_path / "far", stop=enough, **given)
    left = {key for key in s3.keys("handover") if key.endswith(".part")}
    taken: list[str] = []
    collect = Handover.collect

    def collecting(self: Handover, part: part_files.Part, folder: Path) -> None:
        collect(self, part, folder)
        if part_files.part_file(folder, part).exists():
            taken.append(part_files.part_file(folder, part).name)

    asked: list[int] = []
    let_work = workers_module._let_work
    monkeypatch.setattr(Handover, "collect", collecting)
    monkeypatch.setattr(
        workers_module, "_let_work", lambda *given, **named: (asked.append(len(given[2])), let_work(*given, **named))
    )
    found = predicted(scene, checkpoint, tmp_path / "far", **given)
    assert same(found, predicted(scene, checkpoint, tmp_path / "alone"))
    assert len(left) >= 3
    assert {PurePosixPath(key).name for key in left} <= set(taken)
    assert asked[0] <= 12 - len(left)


def test_a_store_that_may_not_be_used_is_said(
    scene: Scene, checkpoint: Path, tmp_path: Path, far: tuple[str, S3]
) -> None:
    with pytest.raises(StoreError, match="in no store that this installation names"):
        predicted(scene, checkpoint, tmp_path / "far", scheduler=far[0], handover="s3://elsewhere/parts")
    assert not list((tmp_path / "far").glob("*"))
