"""A prediction stands whole on the scene's own grid, or not at all."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window
from shapely.geometry import box

from icssn.config import InferenceConfig
from icssn.errors import CancelledError, ConfigError, RasterRefusedError
from icssn.geo.shapes import rasterise
from icssn.imagery.sight import open_as_added
from icssn.inference.predict import ScenePrediction, predict_scene
from icssn.inference.scores import fused_score
from icssn.records import Progress, RasterFacts
from tests.inference.conftest import NORTH_UP, ROTATED, landscape

WriteScene = Callable[..., tuple[Path, RasterFacts]]
SMALL = InferenceConfig(core_px=96, halo_px=32, min_object_px=20, device="cpu")


def predict(
    scene: tuple[Path, RasterFacts],
    checkpoint: Path,
    out: Path,
    *,
    dem: Path | None = None,
    scratch: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
    **changes: Any,
) -> ScenePrediction:
    path, facts = scene
    return predict_scene(
        path,
        facts=facts,
        dem=dem,
        checkpoint=checkpoint,
        out=out,
        config=SMALL.model_copy(update=changes),
        report=lambda progress: None,
        stop=stop,
        scratch=scratch,
    )


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED], ids=["north up", "rotated"])
def test_rasters_lie_exactly_on_the_scenes_grid(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path, transform: Affine
) -> None:
    scene = write_scene(landscape(230, 310), transform=transform)
    done = predict(scene, checkpoint, tmp_path / "out")
    with rasterio.open(scene[0]) as source:
        for path in (done.probability, done.mask):
            with rasterio.open(path) as made:
                assert (made.width, made.height, made.count) == (source.width, source.height, 1)
                assert made.transform == source.transform
                assert made.crs == source.crs
                assert (made.dtypes, made.nodata) == (("uint8",), 255)


def test_objects_are_as_large_as_the_checkpoint_says_unless_somebody_wishes_otherwise(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path
) -> None:
    scene = write_scene(landscape(230, 310))
    sizes = {item.area_px for item in predict(scene, checkpoint, tmp_path / "all", min_object_px=0).objects}
    middle = sorted(sizes)[len(sizes) // 2]
    card = json.loads((checkpoint / "card.json").read_text())
    (checkpoint / "card.json").write_text(json.dumps(card | {"min_object_px": middle}))
    by_card = predict(scene, checkpoint, tmp_path / "card", min_object_px=None)
    assert {item.area_px for item in by_card.objects} == {size for size in sizes if size >= middle}
    by_wish = predict(scene, checkpoint, tmp_path / "wish", min_object_px=min(sizes))
    assert {item.area_px for item in by_wish.objects} == sizes


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED], ids=["north up", "rotated"])
def test_objects_mask_and_probability_agree(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path, transform: Affine
) -> None:
    scene = write_scene(landscape(230, 310), transform=transform)
    done = predict(scene, checkpoint, tmp_path / "out", simplify_px=0)
    with rasterio.open(done.mask) as mask_file, rasterio.open(done.probability) as probability_file:
        mask, probability = mask_file.read(1), probability_file.read(1) / 254
    assert len(done.objects) > 1
    assert done.threshold == 0.6  # the checkpoint's own
    assert probability[mask == 1].min() >= 0.6
    shrunk = [item.geometry.buffer(-1e-6) for item in done.objects]  # outlines run along pixel sides
    assert np.array_equal(rasterise(shrunk, transform=transform, width=310, height=230), mask)
    for item in done.objects:
        inside = rasterise([item.geometry.buffer(-1e-6)], transform=transform, width=310, height=230) == 1
        assert item.geometry.is_valid
        assert item.area_px == inside.sum() >= 20
        assert item.mask_score == pytest.approx(probability[inside].mean())
        assert item.score == fused_score(item.mask_score, item.classifier_score)
        assert 0 < item.classifier_score < 1
    assert [item.score for item in done.objects] == sorted((item.score for item in done.objects), reverse=True)


def test_a_search_has_the_lower_threshold_of_the_card(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path
) -> None:
    scene = write_scene(landscape(230, 310))
    with pytest.raises(ConfigError, match="too few landslides were held out, or too many objects"):
        predict(scene, checkpoint, tmp_path / "unknown", aim="search")
    card = json.loads((checkpoint / "card.json").read_text())
    (checkpoint / "card.json").write_text(json.dumps(card | {"metrics": {"val_search_threshold": 0.3}}))
    mapped, searched = (predict(scene, checkpoint, tmp_path / aim, aim=aim) for aim in ("map", "search"))
    assert (mapped.threshold, searched.threshold) == (0.6, 0.3)
    with rasterio.open(mapped.mask) as one, rasterio.open(searched.mask) as other:
        narrow, wide = one.read(1) == 1, other.read(1) == 1
    assert wide.sum() > narrow.sum()
    assert predict(scene, checkpoint, tmp_path / "wish", aim="search", threshold=0.9).threshold == 0.9


def test_a_weak_hint_has_an_object_score_as_high_as_wished(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path
) -> None:
    scene = write_scene(landscape(230, 310))
    everything = predict(scene, checkpoint, tmp_path / "all", threshold=0.9, hint_score=0).hints
    scores = [item.score for item in everything]
    assert max(item.mask_score for item in everything) < 0.9
    middle = scores[len(scores) // 2]
    assert scores[-1] < middle < scores[0]
    wished = predict(scene, checkpoint, tmp_path / "wished", threshold=0.9, hint_score=middle).hints
    assert [item.score for item in wished] == [score for score in scores if score >= middle]


def test_high_quality_tells_how_unsure_it_is(write_scene: WriteScene, checkpoint: Path, tmp_path: Path) -> None:
    image = np.maximum(landscape(230, 310), 1)
    image[:, :40, :50] = 0
    scene = write_scene(image, nodata=0)
    done = predict(scene, checkpoint, tmp_path / "out", quality="high", core_px=320)
    assert done.uncertainty is not None
    assert done.backend.endswith("8 turned views")
    with rasterio.open(done.uncertainty) as made, rasterio.open(done.probability) as probability:
        spread, values = made.read(1), probability.read(1)
        assert made.transform == probability.transform
    assert np.array_equal(spread == 255, values == 255)
    assert (spread[:40, :50] == 255).all()
    assert 10 < spread[spread != 255].max() <= 127
    fast = predict(scene, checkpoint, tmp_path / "fast", core_px=320)
    assert fast.uncertainty is None
    assert [path.name for path in sorted((tmp_path / "fast").iterdir())] == ["mask.tif", "probability.tif"]


def test_objects_are_not_split_at_window_borders(write_scene: WriteScene, checkpoint: Path, tmp_path: Path) -> None:
    scene = write_scene(landscape(256, 256))
    done = predict(scene, checkpoint, tmp_path / "out", core_px=64, threshold=0.0)
    (item,) = done.objects
    assert item.area_px == 256 * 256
    assert item.geometry.equals(box(*(NORTH_UP @ (0, 256)), *(NORTH_UP @ (256, 0))))


def test_a_scene_with_hardly_any_data_has_no_objects(write_scene: WriteScene, checkpoint: Path, tmp_path: Path) -> None:
    image = np.zeros((3, 100, 100), np.uint8)
    image[:, 5, 7] = 90
    done = predict(write_scene(image, nodata=0), checkpoint, tmp_path / "out")
    with rasterio.open(done.mask) as mask:
        assert np.argwhere(mask.read(1) != 255).tolist() == [[5, 7]]
    assert done.objects == []


def test_progress_rises_to_the_end_and_tells_the_time_left(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, facts = write_scene(landscape(230, 310))
    monkeypatch.setattr("icssn.inference.course._REPORT_EVERY_S", 0)
    told: list[Progress] = []
    predict_scene(
        path,
        facts=facts,
        checkpoint=checkpoint,
        out=tmp_path / "out",
        config=SMALL,
        report=told.append,
        stop=lambda: False,
    )
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert {progress.message for progress in told} == {
        "Predicting windows",
        "Outlining objects",
        "Done",
    }
    assert all(progress.remaining_s is not None for progress in told if progress.fraction > 0)


@pytest.mark.parametrize("asked", [0, 5, 7, 8])
def test_a_cancelled_prediction_leaves_nothing(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path, asked: int
) -> None:
    path, facts = write_scene(landscape(230, 310))
    answers = iter([False] * asked)
    with pytest.raises(CancelledError):
        predict_scene(
            path,
            facts=facts,
            checkpoint=checkpoint,
            out=tmp_path / "out",
            config=SMALL,
            report=lambda progress: None,
            stop=lambda: next(answers, True),
        )
    assert list((tmp_path / "out").iterdir()) == []


def test_a_stopped_prediction_goes_on_and_leaves_nothing_when_it_is_done(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("icssn.inference.parts._LARGEST_PX", (100, 100))
    scene = write_scene(landscape(230, 310))
    once = predict(scene, checkpoint, tmp_path / "once")
    out, scratch = tmp_path / "out", tmp_path / "scratch"

    def parts() -> list[Path]:
        return list(scratch.glob(".parts-*/*.part"))

    for count in (2, 4):
        with pytest.raises(CancelledError):
            predict(scene, checkpoint, out, scratch=scratch, stop=lambda: len(parts()) >= count)  # noqa: B023
        assert len(parts()) == count
    written = {path: path.stat().st_mtime_ns for path in parts()}
    seen: list[bool] = []

    def untouched() -> bool:
        seen.append(len(parts()) == 6 and all(path.stat().st_mtime_ns == made for path, made in written.items()))
        return False

    again = predict(scene, checkpoint, out, scratch=scratch, stop=untouched)
    assert any(seen)
    assert not parts()
    assert sorted(path.name for path in out.iterdir()) == ["mask.tif", "probability.tif"]
    assert again.probability.read_bytes() == once.probability.read_bytes()
    assert again.mask.read_bytes() == once.mask.read_bytes()


def test_parts_of_an_image_that_changed_are_not_gone_on_with(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("icssn.inference.parts._LARGEST_PX", (400, 200))
    image = landscape(120, 1200)
    path, facts = write_scene(image)
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    with pytest.raises(CancelledError):
        predict((path, facts), checkpoint, out, scratch=scratch, stop=lambda: any(scratch.glob(".parts-*/*.part")))
    image[:, :, 128:150] = 200  # between the windows that are sampled, in the first part
    write_scene(image)
    with open_as_added(path, facts) as dataset:  # still taken for the scene's
        assert (dataset.read() == image).all()
    anew = predict((path, facts), checkpoint, out, scratch=scratch)
    fresh = predict((path, facts), checkpoint, tmp_path / "fresh")
    assert anew.probability.read_bytes() == fresh.probability.read_bytes()
    assert anew.mask.read_bytes() == fresh.mask.read_bytes()


def test_a_raster_that_changed_since_its_inspection_is_refused(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path
) -> None:
    _, facts = write_scene(landscape(64, 64))
    path, _ = write_scene(landscape(64, 65))
    with pytest.raises(RasterRefusedError, match=r"it is now 65 × 64 px; 64 × 64 px"):
        predict((path, facts), checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_scene_with_other_bands_is_refused(write_scene: WriteScene, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(RasterRefusedError, match="3 bands that the checkpoint learned from"):
        predict(write_scene(landscape(64, 64)[:1]), checkpoint, tmp_path / "out")


def test_a_checkpoint_that_looks_at_terrain_answers_to_the_ground_whatever_the_windows(
    write_scene: WriteScene, write_dem: Callable[..., Path], terrain_checkpoint: Path, tmp_path: Path
) -> None:
    scene, hills = write_scene(landscape(230, 310)), write_dem()
    found = []
    for number, (dem, core_px) in enumerate([(hills, 96), (hills, 1024), (write_dem("other.tif", seed=9), 96)]):
        done = predict(scene, terrain_checkpoint, tmp_path / f"{number}", dem=dem, core_px=core_px, halo_px=64)
        with rasterio.open(done.probability) as dataset:
            found.append(dataset.read(1).astype(int))
    by_windows, whole, over_other_ground = found
    assert np.abs(by_windows - whole).max() <= 0.02 * 254
    assert np.abs(by_windows - over_other_ground).mean() > 2


def test_a_checkpoint_that_looks_at_terrain_refuses_a_scene_without_heights(
    write_scene: WriteScene, terrain_checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(RasterRefusedError, match=r"scene\.tif.*no elevation model.*Attach one"):
        predict(write_scene(landscape(64, 64)), terrain_checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


KILLED = """
import itertools, os, signal, sys
from pathlib import Path
from icssn.config import InferenceConfig
from icssn.imagery.open import inspect
from icssn.inference import parts
from icssn.inference.predict import predict_scene

parts._LARGEST_PX = (100, 100)
raster, checkpoint, out = map(Path, sys.argv[1:4])
asked = itertools.count()
predict_scene(raster, facts=inspect(raster), checkpoint=checkpoint, out=out,
              config=InferenceConfig.model_validate_json(sys.argv[5]), report=lambda progress: None,
              dem=Path(sys.argv[6]) if sys.argv[6:] else None,
              stop=lambda: next(asked) == int(sys.argv[4]) and os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_prediction_goes_on_and_gives_the_same_bytes(
    write_scene: WriteScene, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("icssn.inference.parts._LARGEST_PX", (100, 100))
    scene = write_scene(landscape(230, 310))
    once = predict(scene, checkpoint, tmp_path / "once")
    out = tmp_path / "out"
    kept = []
    for asked in (5, 6, 7):  # in the first windows, in later ones, while the mask is made
        words = [scene[0], checkpoint, out, str(asked), SMALL.model_dump_json()]
        done = subprocess.run([sys.executable, "-c", KILLED, *words], check=False)
        assert done.returncode == -signal.SIGKILL
        assert all(path.name.startswith(".") for path in out.iterdir())  # nothing is published
        kept.append(len(list(out.glob(".parts-*/*.part"))))
    assert 0 < kept[0] < kept[1] <= kept[2] == 6
    again = predict(scene, checkpoint, out)
    assert again.probability.read_bytes() == once.probability.read_bytes()
    assert again.mask.read_bytes() == once.mask.read_bytes()
    assert [item.score for item in again.objects] == [item.score for item in once.objects]
    assert sorted(path.name for path in out.iterdir()) == ["mask.tif", "probability.tif"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_parts_over_other_heights_are_not_gone_on_with(
    write_scene: WriteScene,
    write_dem: Callable[..., Path],
    terrain_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("icssn.inference.parts._LARGEST_PX", (100, 100))
    scene, dem, out = write_scene(landscape(230, 310)), write_dem(), tmp_path / "out"
    words = [scene[0], terrain_checkpoint, out, "6", SMALL.model_dump_json(), dem]
    subprocess.run([sys.executable, "-c", KILLED, *words], check=False)
    assert list(out.glob(".parts-*/*.part"))
    write_dem(seed=9)
    anew = predict(scene, terrain_checkpoint, out, dem=dem)
    assert (
        anew.probability.read_bytes()
        == predict(scene, terrain_checkpoint, tmp_path / "fresh", dem=dem).probability.read_bytes()
    )


GROWTH = """
import resource, sys, torch
from pathlib import Path
from icssn.config import InferenceConfig
from icssn.imagery.open import inspect
from icssn.inference.predict import predict_scene

def peak_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

torch.set_num_threads(1)
raster, checkpoint, out = map(Path, sys.argv[1:])
asked = []
predict_scene(raster, facts=inspect(raster), checkpoint=checkpoint, out=out, config=InferenceConfig(device="cpu"),
              report=lambda progress: None, stop=lambda: asked.append(peak_kb()))
print(asked[len(asked) // 3], peak_kb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in kilobytes on Linux only")
def test_memory_does_not_grow_with_the_scene(checkpoint: Path, tmp_path: Path) -> None:
    """The last two thirds of 24 MP, kept in memory, would take 64 MB. The scene is sparse, so that it is done soon."""
    path = tmp_path / "large.tif"
    shape = {"count": 3, "width": 4000, "height": 6000, "dtype": "uint8", "nodata": 0}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32648", transform=NORTH_UP, tiled=True, sparse_ok=True, **shape
    ) as made:
        made.write(landscape(96, 96), window=Window(0, 0, 96, 96))
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, path, checkpoint, tmp_path / "out"], capture_output=True, text=True, check=True
    )
    at_a_third_kb, at_the_end_kb = map(int, done.stdout.split())
    assert at_the_end_kb - at_a_third_kb < 20_000
