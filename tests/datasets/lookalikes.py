"""Small generated look-alikes of the public sets, laid out and typed as docs/datasets.md says of each."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image

SIDE = 32


def ground(seed: int, *, bands: int = 3, side: int = SIDE) -> npt.NDArray[np.uint8]:
    """Noise of (bands, side, side); its first value tells the seed."""
    values = np.random.default_rng(seed).integers(1, 250, (bands, side, side), dtype=np.uint8)
    values[:, 0, 0] = seed
    return values


def slide(*, side: int = SIDE, left: int = 8) -> npt.NDArray[np.uint8]:
    """A mask with one square of 10 px."""
    mask = np.zeros((side, side), np.uint8)
    mask[6:16, left : left + 10] = 1
    return mask


def _png(path: Path, values: npt.NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values if values.ndim == 2 else values.transpose(1, 2, 0)).save(path)


def bijie(folder: Path) -> Path:
    """As it is given out: landslides of different sizes, and ground without any."""
    for number, side in enumerate((SIDE, 24, 20), start=1):
        _png(folder / f"landslide/image/df{number:03d}.png", ground(number, side=side))
        _png(folder / f"landslide/mask/df{number:03d}.png", slide(side=side) * 255)
    _png(folder / "non-landslide/image/none001.png", ground(9))
    return folder


def flat(folder: Path) -> Path:
    """Two flat folders."""
    for number in range(3):
        _png(folder / f"images/t{number}.png", ground(number + 1))
    _png(folder / "masks/t1.png", slide() * 255)
    return folder


def gvlm(folder: Path) -> Path:
    """Two places, of different sizes."""
    for number, place in enumerate(("Shimen_China", "A Luoi_Vietnam")):
        side = SIDE + 8 * number
        _png(folder / place / "im1.png", ground(1, side=side))
        _png(folder / place / "im2.png", ground(2 + number, side=side))
        _png(folder / place / "ref.png", slide(side=side) * 255)
    return folder


def hrgldd(folder: Path) -> Path:
    """Two splits of float arrays, bands last."""
    folder.mkdir(parents=True, exist_ok=True)
    for short, count in (("train", 3), ("test", 2)):
        images = np.stack([ground(n + 1, bands=4).transpose(1, 2, 0) for n in range(count)]) / 255
        np.save(folder / f"{short}X.npy", images)
        np.save(folder / f"{short}Y.npy", np.stack([slide(left=n)[..., None] for n in range(count)]).astype(np.float32))
    return folder


def landslide4sense(folder: Path) -> Path:
    """Eleven training samples with masks; one for validation has none."""
    for number in range(1, 12):
        bands = ground(number, bands=14).transpose(1, 2, 0) / 100
        _h5(folder / f"TrainData/img/image_{number}.h5", "img", bands)
        _h5(folder / f"TrainData/mask/mask_{number}.h5", "mask", slide())
    _h5(folder / "ValidData/img/image_1.h5", "img", ground(1, bands=14).transpose(1, 2, 0) / 100)
    return folder


def _h5(path: Path, name: str, values: npt.NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file[name] = values


def cas(folder: Path) -> Path:
    """Two parts of TIFF samples, one with a grid in metres, one without any."""
    for part, count, crs in (("Moxi town(UAV-0.6m)", 3, "EPSG:32648"), ("Palu(SAT-5m)", 2, None)):
        for number in range(1, count + 1):
            for kind, values in (("img", ground(number)), ("mask", slide()[None]), ("label", ground(0))):
                path = folder / part / kind / f"sample{number}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                shape = {"count": len(values), "height": SIDE, "width": SIDE, "dtype": "uint8"}
                place = {"crs": crs, "transform": rasterio.Affine(0.6, 0, 500_000, 0, -0.6, 3_000_000)} if crs else {}
                with rasterio.open(path, "w", driver="GTiff", **shape, **place) as dataset:
                    dataset.write(values)
    return folder
