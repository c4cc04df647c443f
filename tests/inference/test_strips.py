"""Predicting by windows gives what a forward of the whole scene gives, and never invents data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from icssn.config import InferenceConfig
from icssn.imagery.open import open_raster
from icssn.inference import strips
from icssn.inference.strips import probability_of, probability_strips
from icssn.nets.icssn import Icssn
from icssn.records import RasterFacts
from tests.inference.conftest import landscape

CPU = torch.device("cpu")
WriteScene = Callable[..., tuple[Path, RasterFacts]]


def by_windows(path: Path, facts: RasterFacts, net: Icssn, **sizes: int) -> tuple[NDArray[np.uint8], list[float]]:
    shares: list[float] = []
    with open_raster(path) as dataset:
        found = list(
            probability_strips(
                dataset,
                net,
                stretch=facts.stretch,
                config=InferenceConfig(**sizes),
                device=CPU,
                tell=shares.append,
            )
        )
    assert all(window.width == facts.width and window.height == values.shape[0] for window, values in found)
    assert [window.row_off for window, _ in found] == list(np.cumsum([0, *(v.shape[0] for _, v in found)]))[:-1]
    return np.concatenate([values for _, values in found]), shares


@pytest.mark.parametrize("core_px", [96, 160, 1024])
def test_windows_with_a_halo_give_what_the_whole_scene_gives(write_scene: WriteScene, net: Icssn, core_px: int) -> None:
    image = landscape(300, 410, seed=7)
    path, facts = write_scene(image)
    whole = probability_of(image[None], net, device=CPU)[0]
    assert (whole / 254).std() > 0.1  # else equality says nothing
    predicted, _ = by_windows(path, facts, net, core_px=core_px, halo_px=64)
    assert np.abs(predicted.astype(int) - whole).max() / 254 <= 0.02


def test_without_a_halo_the_seams_show(write_scene: WriteScene, net: Icssn) -> None:
    image = landscape(300, 410, seed=7)
    path, facts = write_scene(image)
    whole = probability_of(image[None], net, device=CPU)[0]
    predicted, _ = by_windows(path, facts, net, core_px=96, halo_px=0)
    assert np.abs(predicted.astype(int) - whole).max() / 254 > 0.05


def test_nodata_stays_nodata_and_known_pixels_get_a_probability(write_scene: WriteScene, net: Icssn) -> None:
    image = np.maximum(landscape(200, 260), 1)
    image[:, :90, :130] = 0
    image[:, 150:153, 200:210] = 0
    path, facts = write_scene(image, nodata=0)
    predicted, _ = by_windows(path, facts, net, core_px=64, halo_px=32)
    assert np.array_equal(predicted == 255, (image == 0).all(axis=0))


def test_cores_without_data_are_not_predicted(write_scene: WriteScene, net: Icssn, monkeypatch: Any) -> None:
    path, facts = write_scene(np.zeros((3, 128, 128), np.uint8), nodata=0)
    monkeypatch.setattr(net, "segment", None)  # any forward would fail
    predicted, shares = by_windows(path, facts, net, core_px=64, halo_px=32)
    assert (predicted == 255).all()
    assert shares == [0, 0.25, 0.5, 0.75]


def test_floating_point_scenes_are_stretched_and_nan_is_nodata(write_scene: WriteScene, net: Icssn) -> None:
    image = landscape(100, 120)
    floats = image.astype(np.float32) * 3 - 50
    floats[1, 20:30, 40:50] = np.nan
    path, facts = write_scene(floats)
    predicted, _ = by_windows(path, facts, net, core_px=64, halo_px=32)
    assert np.array_equal(predicted == 255, np.isnan(floats[1]))


def test_work_ends_with_what_tell_raises(write_scene: WriteScene, net: Icssn) -> None:
    path, facts = write_scene(landscape(128, 128))

    def tell(share: float) -> None:
        if share > 0:
            raise KeyboardInterrupt

    config = InferenceConfig(core_px=64, halo_px=32)
    with open_raster(path) as dataset, pytest.raises(KeyboardInterrupt):
        list(probability_strips(dataset, net, stretch=facts.stretch, config=config, device=CPU, tell=tell))


def test_windows_in_batches_give_the_same(write_scene: WriteScene, net: Icssn, monkeypatch: pytest.MonkeyPatch) -> None:
    path, facts = write_scene(landscape(300, 410, seed=7))
    alone, _ = by_windows(path, facts, net, core_px=64, halo_px=32)
    monkeypatch.setitem(strips._BATCH, "cpu", 3)  # as on a graphics card
    together, shares = by_windows(path, facts, net, core_px=64, halo_px=32)
    assert np.abs(together.astype(int) - alone).max() <= 2
    assert len(shares) == 5 * 7


def test_one_forward_takes_several_images(net: Icssn) -> None:
    images = np.stack([landscape(64, 96, seed=seed) for seed in range(3)])
    together = probability_of(images, net, device=CPU)
    alone = np.concatenate([probability_of(image[None], net, device=CPU) for image in images])
    assert together.shape == (3, 64, 96)
    assert np.abs(together.astype(int) - alone).max() <= 2
