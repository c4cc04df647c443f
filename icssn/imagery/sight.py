"""What a network sees of a scene: its image in the stretch, and below that terrain where it was asked for."""

from __future__ import annotations

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
from icssn.imagery.open import open_raster
from icssn.imagery.read import read_window
from icssn.records import Raster, RasterFacts, Stretch


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
        RasterRefusedError: A raster cannot be opened, the scene's has been replaced, or terrain is asked for and there
            is no elevation raster of the scene's ground.
    """
    with open_raster(sight.raster) as image:
        require_as_added(image, sight.facts, name=sight.raster.name)
        if not sight.terrain:
            yield OpenSight(image, sight.channels, sight.facts.stretch, None)
            return
        with open_raster(require_elevation(sight.dem, name=sight.raster.name)) as dem:
            yield OpenSight(image, sight.channels, sight.facts.stretch, drape(dem, sight.facts, sight.terrain))


def require_as_added(dataset: DatasetReader, facts: RasterFacts, *, name: str) -> None:
    """Make sure that a scene's file still has the pixels, the place and the bands that it had when it was added.

    Its bytes are not compared: a copy with overviews, or compressed otherwise, is the same image.

    Args:
        dataset: The scene's file, open.
        facts: What the inspection found about it.
        name: How to call it.

    Raises:
        RasterRefusedError: It has been replaced by another one.
    """
    remedy = "Put the original file back, or add the new one as another scene."
    if (dataset.width, dataset.height) != (facts.width, facts.height):
        raise RasterRefusedError(
            name,
            found=f"it is now {dataset.width} × {dataset.height} px",
            needed=f"{facts.width} × {facts.height} px, as when it was added,",
            remedy=remedy,
        )
    moved = not np.allclose(tuple(dataset.transform)[:6], facts.transform, rtol=1e-9, atol=1e-12)
    if moved or dataset.crs is None or dataset.crs != CRS.from_wkt(facts.crs_wkt):
        raise RasterRefusedError(
            name,
            found="it now lies elsewhere",
            needed="the place that it had when it was added",
            remedy=remedy,
        )
    if (dataset.count, dataset.dtypes[0]) != (facts.band_count, facts.dtype):
        raise RasterRefusedError(
            name,
            found=f"it now has {dataset.count} band(s) of {dataset.dtypes[0]}",
            needed=f"{facts.band_count} band(s) of {facts.dtype}, as when it was added,",
            remedy=remedy,
        )


def require_elevation(dem: Path | None, *, name: str) -> Path:
    """Give the elevation raster of scene `name`, which a network that looks at terrain needs.

    Raises:
        RasterRefusedError: There is none.
    """
    if dem is None:
        raise RasterRefusedError(
            name,
            found="the scene has no elevation model",
            needed="one, since the model looks at terrain as well,",
            remedy="Attach one on the Scenes page, or choose a model that looks at the image alone.",
        )
    return dem
