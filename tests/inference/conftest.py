"""A small real scene, and a small real net whose random weights were settled on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from icssn.config import TrainConfig
from icssn.imagery.open import inspect
from icssn.inference.backend import TorchBackend
from icssn.nets.checkpoint import save_checkpoint
from icssn.nets.icssn import Icssn, build
from icssn.records import RasterFacts

CONFIG = TrainConfig.model_validate({"encoder": {"weights": "none"}, "decoder_channels": 16, "chips": {"size_px": 64}})
NORTH_UP = Affine(1.0, 0, 500_000, 0, -1.0, 3_900_000)
ROTATED = NORTH_UP @ Affine.rotation(30)


def landscape(height: int, width: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Make smooth hills with some grain: uint8 (3, H, W)."""
    noise = np.random.default_rng(seed).normal(size=(3, height, width))
    hills = sum(size * gaussian_filter(noise, (0, size, size)) for size in (1, 4, 16))
    return np.clip(127 + 60 * hills / np.std(hills), 0, 255).astype(np.uint8)


@pytest.fixture
def write_scene(tmp_path: Path) -> Callable[..., tuple[Path, RasterFacts]]:
    """Give a function that writes an image (C, H, W) as a georeferenced GeoTIFF and inspects it."""

    def write(
        image: NDArray[Any], *, transform: Affine = NORTH_UP, nodata: float | None = None
    ) -> tuple[Path, RasterFacts]:
        path = tmp_path / "scene.tif"
        count, height, width = image.shape
        shape = {"count": count, "height": height, "width": width, "dtype": image.dtype}
        with rasterio.open(
            path, "w", driver="GTiff", crs="EPSG:32648", transform=transform, nodata=nodata, tiled=True, **shape
        ) as made:
            made.write(image)
        return path, inspect(path)

    return write


@pytest.fixture(scope="session")
def net() -> Icssn:
    """Give a net that answers in the whole range of probabilities and sees less far than a halo.

    BatchNorm has seen a landscape. The deep branch of the decoder, through which random weights look hundreds of
    pixels far, is silent: what windows with a halo and the whole scene give must then be the same.
    """
    model = build(CONFIG)
    images = torch.from_numpy(np.stack([landscape(128, 128, seed=seed) for seed in range(4)]))
    head = model.segmenter.head
    assert head.bias is not None
    with torch.no_grad():
        for parameter in model.segmenter.decoder.aspp[2].parameters():  # BatchNorm at the end of the deep branch
            parameter.zero_()
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the statistics of one forward, instead of a slow average
                module.reset_running_stats()
        model.train().segment(images)
        model.eval()
        head.weight.mul_(2 / model.segment(images)[0].std())
        head.bias.sub_(model.segment(images)[0].mean())
    return model


@pytest.fixture(scope="session")
def backend(net: Icssn) -> TorchBackend:
    return TorchBackend(net, torch.device("cpu"))


@pytest.fixture(scope="session")
def checkpoint(net: Icssn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "c0ffee"
    save_checkpoint(folder, net, {"config": CONFIG.model_dump(mode="json"), "threshold": 0.6})
    return folder


@pytest.fixture(scope="session")
def terrain_checkpoint(net: Icssn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a checkpoint of the same net, which looks at slope and shading as well."""
    encoder = CONFIG.encoder.model_copy(update={"terrain": ("slope", "shading")})
    config = CONFIG.model_copy(update={"encoder": encoder})
    looks, weights = build(config), dict(net.state_dict())
    stem = "encoder.model.conv_stem.weight"
    weights[stem] = torch.cat([weights[stem], weights[stem][:, :2].flip(1)], dim=1)
    looks.load_state_dict(weights)
    folder = tmp_path_factory.mktemp("models") / "7e44a1"
    save_checkpoint(folder, looks, {"config": config.model_dump(mode="json"), "threshold": 0.6})
    return folder


@pytest.fixture
def write_dem(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes hills of 3 m pixels under and around the scenes of `write_scene`."""

    def write(name: str = "dem.tif", *, seed: int = 0) -> Path:
        path = tmp_path / name
        heights = landscape(400, 400, seed=seed)[0].astype(np.float32)
        transform = NORTH_UP @ Affine.translation(-300, -300) @ Affine.scale(3)
        shape = {"count": 1, "height": 400, "width": 400, "dtype": "float32"}
        with rasterio.open(path, "w", driver="GTiff", crs="EPSG:32648", transform=transform, **shape) as made:
            made.write(heights[None])
        return path

    return write
