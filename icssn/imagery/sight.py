"""What a network sees of a scene: its image in the stretch, and below that terrain where it was asked for."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.crs import CRS
from rasterio.io import DatasetReader
from rasterio.windows import Window

from icssn.config import TerrainLayer
from icssn.errors import RasterRefusedError
from icssn.imagery.drape import Drape, drape
from icssn.imagery.likeness import sample_sha256
from icssn.imagery.open import is_gone, open_raster
from icssn.imagery.read import read_window
from icssn.records import Raster, RasterFacts, RemoteRaster, Stretch

_REMEDY = "Put the original file back, or add the new one as another scene."


@dataclass(frozen=True)
class Sight:
    """Where a network looks, and what it is to see there.

    Attributes:
        raster: The scene.
        facts: What the inspection found about it; its stretch is applied.
        dem: Its elevation raster, if it has one.
        terrain: Layers of that which are seen as well.
    """

    raster: Raster
    facts: RasterFacts
    dem: Path | None = None
    terrain: tuple[TerrainLayer, ...] = ()

    @property
    def channels(self) -> int:
        """Give the number of bands and layers together."""
        return len(self.facts.stretch.bands) + len(self.terrain)


@dataclass(frozen=True)
class OpenSight:
    """A sight whose files are open.

    Attributes:
        image: The scene.
        channels: As of the sight.
    """

    image: DatasetReader
    channels: int
    _stretch: Stretch
    _drape: Drape | None

    def read(self, window: Window) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """Read a window as the network sees it.

        Args:
            window: Whole pixels; may reach outside the scene.

        Returns:
            image: uint8 (C, H, W): the bands, 0 where not valid; then the layers, which go on where the image does
                not and are those of level ground where the elevation is unknown.
            valid: bool (H, W), of the image alone.

        Raises:
            RasterRefusedError: A file is damaged at this place.
        """
        image, valid = read_window(self.image, window, self._stretch)
        return (image, valid) if self._drape is None else (np.concatenate([image, self._drape.read(window)]), valid)


@contextmanager
def open_sight(sight: Sight) -> Iterator[OpenSight]:
    """Open what a network is to see.

    Raises:
        RasterRefusedError: A raster is gone or cannot be opened, the scene's has been replaced, or terrain is asked for
            and there is no elevation raster of the scene's ground.
    """
    with open_as_added(sight.raster, sight.facts) as image:
        if not sight.terrain:
            yield OpenSight(image, sight.channels, sight.facts.stretch, None)
            return
        with open_raster(require_elevation(sight.dem, name=sight.raster.name)) as dem:
            yield OpenSight(image, sight.channels, sight.facts.stretch, drape(dem, sight.facts, sight.terrain))


@contextmanager
def open_as_added(raster: Raster, facts: RasterFacts) -> Iterator[DatasetReader]:
    """Open a scene's file, which must show the image that it showed when the scene was added.

    Raises:
        RasterRefusedError: It is gone, then the message says how to name the place where it is now; or it cannot be
            opened; or as `require_as_added`.
    """
    if is_gone(raster):
        raise RasterRefusedError(
            raster.name,
            found=f"there is no file {raster} any more",
            needed="the file of the scene",
            remedy="Say where it is now, on the Scenes page or with icssn scene move.",
        )
    with open_raster(raster) as dataset:
        require_as_added(dataset, raster, facts)
        yield dataset


def require_as_added(dataset: DatasetReader, raster: Raster, facts: RasterFacts) -> None:
    """Make sure that a scene's file still shows the image that it showed when it was added, at the same place.

    A file of the same size and the same time is taken as it is. Of any other one a sample of pixels is compared, and
    not the bytes: a copy, one with overviews, or one compressed otherwise without loss, is the same image. One in a
    store is known by its version, and of a scene that an earlier ICSSN added only the grid is known.

    Args:
        dataset: The scene's file, open.
        raster: The same.
        facts: What the inspection found about it.

    Raises:
        RasterRefusedError: It has been replaced by another one, or is damaged.
    """
    require_same_grid(dataset, facts, name=raster.name)
    if isinstance(raster, RemoteRaster) or facts.sample_sha256 is None:
        return
    found = raster.stat()
    if (found.st_size, found.st_mtime_ns) == (facts.size_bytes, facts.modified_ns):
        return
    if _sample_sha256(raster.resolve(), found.st_size, found.st_mtime_ns) != facts.sample_sha256:
        raise RasterRefusedError(
            raster.name,
            found="it now shows another image",
            needed="the one that it showed when it was added",
            remedy=_REMEDY,
        )


@functools.lru_cache(maxsize=256)
def _sample_sha256(path: Path, size_bytes: int, modified_ns: int) -> str:
    """Give the sample of a file in the state that size and time tell of, read once by a process."""
    with open_raster(path) as dataset:
        return sample_sha256(dataset)


def require_same_grid(dataset: DatasetReader, facts: RasterFacts, *, name: str) -> None:
    """Make sure that a file has the width and height, the place and the bands that a scene has.

    Args:
        dataset: The file, open.
        facts: What the inspection found about the scene.
        name: How to call the file.

    Raises:
        RasterRefusedError: It differs in one of them.
    """
    if (dataset.width, dataset.height) != (facts.width, facts.height):
        raise RasterRefusedError(
            name,
            found=f"it is now {dataset.width} × {dataset.height} px",
            needed=f"{facts.width} × {facts.height} px, as when it was added,",
            remedy=_REMEDY,
        )
    moved = not np.allclose(tuple(dataset.transform)[:6], facts.transform, rtol=1e-9, atol=1e-12)
    if moved or dataset.crs is None or dataset.crs != CRS.from_wkt(facts.crs_wkt):
        raise RasterRefusedError(
            name,
            found="it now lies elsewhere",
            needed="the place that it had when it was added",
            remedy=_REMEDY,
        )
    if (dataset.count, dataset.dtypes[0]) != (facts.band_count, facts.dtype):
        raise RasterRefusedError(
            name,
            found=f"it now has {dataset.count} band(s) of {dataset.dtypes[0]}",
            needed=f"{facts.band_count} band(s) of {facts.dtype}, as when it was added,",
            remedy=_REMEDY,
        )


def require_elevation(dem: Path | None, *, name: str) -> Path:
    """Give the elevation raster of scene `name`, which a network that looks at terrain needs.

    Raises:
        RasterRefusedError: There is none, or it is gone.
    """
    if dem is not None and is_gone(dem):
        raise RasterRefusedError(
            dem.name,
            found=f"there is no file {dem} any more",
            needed="the elevation model of the scene",
            remedy="Attach it again, on the Scenes page or with icssn scene dem.",
        )
    if dem is None:
        raise RasterRefusedError(
            name,
            found="the scene has no elevation model",
            needed="one, since the model looks at terrain as well,",
            remedy="Attach one on the Scenes page, or choose a model that looks at the image alone.",
        )
    return dem
