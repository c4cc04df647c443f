"""Predicting by windows gives what a forward of the whole scene gives, never invents data, and can be gone on with."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rasterio.windows import Window
from shapely.geometry import box

from icssn.imagery.sight import Sight, open_sight
from icssn.inference import parts
from icssn.inference.backend import TorchBackend
from icssn.inference.parts import load, plan, predicted_parts, read_part, strips, within
from icssn.records import RasterFacts
from tests.inference.conftest import NORTH_UP, landscape

Scene = tuple[Path, RasterFacts]
WriteScene = Callable[..., Scene]
SMALL = {"core_px": 64, "halo_px": 32}


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_LARGEST_PX", (200, 150))


def by_windows(
    scene: Scene, backend: TorchBackend, folder: Path, sizes: dict[str, int] = SMALL, **further: object
) -> NDArray[np.uint8]:
    """Predict a scene in parts; what no part covers stays 77."""
    path, facts = scene
    values = np.full((facts.height, facts.width), 77, np.uint8)
    options = {
        "parts": plan(facts.width, facts.height, **sizes),
        "folder": folder,
        "tell": lambda share: None,
        **further,
    }
    with open_sight(Sight(path, facts)) as sight:
        for part, predicted in predicted_parts([sight], backend, **options):  # type: ignore[arg-type]
            values[within(part.area, Window(0, 0, facts.width, facts.height))] = predicted.probability
    return values


def count_windows(backend: TorchBackend, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let every forward note how many images it took."""
    counted: list[int] = []
    answer = backend.map
    monkeypatch.setattr(backend, "map", lambda images: counted.append(len(images)) or answer(images))
    return counted


@pytest.mark.parametrize("core_px", [96, 160, 1024])
def test_windows_with_a_halo_give_what_the_whole_scene_gives(
    write_scene: WriteScene, backend: TorchBackend, tmp_path: Path, core_px: int
) -> None:
    image = landscape(300, 410, seed=7)
    whole = backend.map(image[None]).probability[0]
    assert (whole / 254).std() > 0.1  # else equality says nothing
    sizes = {"core_px": core_px, "halo_px": 64}
    predicted = by_windows(write_scene(image), backend, tmp_path / "parts", sizes)
    assert np.abs(predicted.astype(int) - whole).max() / 254 <= 0.02


def test_without_a_halo_the_seams_show(write_scene: WriteScene, backend: TorchBackend, tmp_path: Path) -> None:
    image = landscape(300, 410, seed=7)
    whole = backend.map(image[None]).probability[0]
    sizes = {"core_px": 96, "halo_px": 0}
    predicted = by_windows(write_scene(image), backend, tmp_path / "parts", sizes)
    assert np.abs(predicted.astype(int) - whole).max() / 254 > 0.05


def test_cells_of_windows_are_those_of_the_whole_scene(
    write_scene: WriteScene, backend: TorchBackend, tmp_path: Path
) -> None:
    image = landscape(200, 610, seed=7)
    path, facts = write_scene(image)
    whole = backend.map(image[None]).cells[0]
    cells = np.full((7, 20), np.nan, np.float16)
    work = plan(610, 200, core_px=64, halo_px=128)
    assert len(work) > 1
    with open_sight(Sight(path, facts)) as sight:
        for part, predicted in predicted_parts([sight], backend, parts=work, folder=tmp_path, tell=lambda share: None):
            cells[within(part.area, Window(0, 0, 610, 200), 32)] = predicted.cells
    assert whole.std() > 0.01
    assert np.corrcoef(cells.ravel(), whole.ravel())[0, 1] > 0.8  # random weights look far beyond a halo


def test_nodata_stays_nodata_and_known_pixels_get_a_probability(
    write_scene: WriteScene, backend: TorchBackend, tmp_path: Path
) -> None:
    image = np.maximum(landscape(200, 260), 1)
    image[:, :90, :130] = 0
    image[:, 150:153, 200:210] = 0
    predicted = by_windows(write_scene(image, nodata=0), backend, tmp_path / "parts")
    assert np.array_equal(predicted == 255, (image == 0).all(axis=0))


def test_cores_without_data_are_not_predicted(
    write_scene: WriteScene, backend: TorchBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, shares = count_windows(backend, monkeypatch), []
    image = np.zeros((3, 192, 192), np.uint8)
    image[:, 5, 7] = 90
    predicted = by_windows(write_scene(image, nodata=0), backend, tmp_path / "parts", tell=shares.append)
    assert np.argwhere(predicted != 255).tolist() == [[5, 7]]
    assert counted == [1]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)


def test_outside_the_region_nothing_is_predicted(
    write_scene: WriteScene, backend: TorchBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = write_scene(landscape(300, 410, seed=7))
    whole = by_windows(scene, backend, tmp_path / "whole")
    counted = count_windows(backend, monkeypatch)
    region = box(*(NORTH_UP @ (70, 40)), *(NORTH_UP @ (90, 20)))
    predicted = by_windows(scene, backend, tmp_path / "parts", region=region)
    assert np.array_equal(predicted[20:40, 70:90], whole[20:40, 70:90])
    predicted[20:40, 70:90] = 255
    assert (predicted == 255).all()
    assert len(counted) == 1


def test_floating_point_scenes_are_stretched_and_nan_is_nodata(
    write_scene: WriteScene, backend: TorchBackend, tmp_path: Path
) -> None:
    floats = landscape(100, 120).astype(np.float32) * 3 - 50
    floats[1, 20:30, 40:50] = np.nan
    predicted = by_windows(write_scene(floats), backend, tmp_path / "parts")
    assert np.array_equal(predicted == 255, np.isnan(floats[1]))


def test_work_goes_on_where_it_ended(
    write_scene: WriteScene, backend: TorchBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = write_scene(landscape(300, 410, seed=7))
    whole = by_windows(scene, backend, tmp_path / "whole")
    counted = count_windows(backend, monkeypatch)

    def end(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        by_windows(scene, backend, tmp_path / "parts", tell=end)
    assert np.array_equal(by_windows(scene, backend, tmp_path / "parts"), whole)
    windows = [part.windows for part in plan(410, 300, **SMALL)]
    assert sum(map(len, windows)) < sum(counted) < sum(map(len, windows)) + max(map(len, windows)) + 1
    before = len(counted)
    assert np.array_equal(by_windows(scene, backend, tmp_path / "parts"), whole)
    assert len(counted) == before


@pytest.mark.parametrize(
    "damage", [lambda stored: stored[:-3], lambda stored: stored[:50] + bytes([stored[50] ^ 1]) + stored[51:]]
)
def test_a_damaged_part_is_predicted_again(
    write_scene: WriteScene, backend: TorchBackend, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    scene = write_scene(landscape(200, 260, seed=3))
    whole = by_windows(scene, backend, tmp_path)
    file = sorted(tmp_path.glob("*.part"))[1]
    file.write_bytes(damage(file.read_bytes()))
    assert load(tmp_path, plan(260, 200, **SMALL)[1], cell_px=16) is None
    assert np.array_equal(by_windows(scene, backend, tmp_path), whole)


def test_parts_cover_every_pixel_exactly_once() -> None:
    seen = np.zeros((700, 900), int)
    for part in plan(900, 700, **SMALL):
        seen[within(part.area, Window(0, 0, 900, 700))] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize("readers", [2, 3, 9])
def test_as_many_readers_as_one_likes_read_the_same(write_scene: WriteScene, readers: int) -> None:
    image = np.maximum(landscape(800, 90), 1)
    image[:, 250:270] = 0
    path, facts = write_scene(image, nodata=0)
    _, part, *_ = plan(90, 800, core_px=200, halo_px=64)
    assert part.reads.row_off % 256
    with contextlib.ExitStack() as opened:
        sights = [opened.enter_context(open_sight(Sight(path, facts))) for _ in range(readers)]
        alone, together = (read_part(some, part, region=None) for some in (sights[:1], sights))
    assert np.array_equal(alone.image, image[:, slice(*_rows(part.reads))])
    assert np.array_equal(together.image, alone.image)
    assert np.array_equal(together.wanted, alone.wanted)


def test_strips_put_parts_together_again(write_scene: WriteScene, backend: TorchBackend, tmp_path: Path) -> None:
    whole = by_windows(write_scene(landscape(300, 410, seed=7)), backend, tmp_path)
    given = list(strips(tmp_path, plan(410, 300, **SMALL)))
    assert len(given) > 1
    assert np.array_equal(np.concatenate(given), whole)


def _rows(window: Window) -> tuple[int, int]:
    return window.row_off, window.row_off + window.height
