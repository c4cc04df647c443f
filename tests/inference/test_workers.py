"""Parts predicted by other processes: the same bytes as alone, also when a worker is killed in the middle."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from icssn.config import InferenceConfig
from icssn.errors import CancelledError, WorkersError
from icssn.inference import parts as part_files
from icssn.inference.predict import ScenePrediction, predict_scene
from icssn.records import Progress, RasterFacts
from tests.inference.conftest import landscape

Scene = tuple[Path, RasterFacts]
WriteScene = Callable[..., Scene]
SMALL = {"core_px": 128, "halo_px": 32, "backend": "torch", "device": "cpu"}


@pytest.fixture
def several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a part be small, so that a small scene has several; workers are told parts, they make none."""
    monkeypatch.setattr(part_files, "_LARGEST_PX", (128, 128))


@pytest.fixture
def scene(write_scene: WriteScene, several_parts: None) -> Scene:
    return write_scene(landscape(384, 512, seed=5))


def predicted(
    scene: Scene,
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
def scheduler() -> Iterator[str]:
    """A Dask scheduler with two worker processes on this machine."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        yield cluster.scheduler_address


def test_a_dask_cluster_gives_the_same_bytes(scene: Scene, checkpoint: Path, tmp_path: Path, scheduler: str) -> None:
    alone = predicted(scene, checkpoint, tmp_path / "alone")
    assert same(predicted(scene, checkpoint, tmp_path / "dask", scheduler=scheduler), alone)


def test_a_scheduler_that_is_not_there_is_said(scene: Scene, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkersError, match=r"127\.0\.0\.1:9"):
        predicted(scene, checkpoint, tmp_path / "dask", scheduler="tcp://127.0.0.1:9")
    assert not list((tmp_path / "dask").glob("*.tif"))
