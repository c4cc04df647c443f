"""The layers of terrain that maps show, measured on an elevation raster and converted to web-optimised COGs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.io import DatasetReader
from rasterio.windows import Window

from icssn.geo import crs
from icssn.geo.windows import with_halo
from icssn.imagery.cog import Report, convert
from icssn.imagery.landform import MEASURES, REACH_PX, Grey, Measure, hillshade
from icssn.imagery.limits import georeference
from icssn.imagery.read import read_values
from icssn.imagery.web import Pixels

LAYERS: dict[str, Measure] = {"hillshade": hillshade, **MEASURES}

_HOLLOW_TO_RIDGE = (
    "2166ac",
    "92c5de",
    "f7f7f7",
    "f4a582",
    "b2182b",
)  # ColorBrewer RdBu: told apart by the colour-blind
_ROUND = ("e2d9e2", "6785be", "2f1436", "b25652", "e2d9e2")  # of matplotlib's "twilight" (CC0): north is light
_COLOURS = {"curvature": _HOLLOW_TO_RIDGE, "aspect": _ROUND}  # in even steps; other layers are grey


def make_relief(dem: Path, dst: Path, *, layer: str, report: Report | None = None) -> None:
    """Measure a layer on the pixels of an elevation raster and convert it to a web-optimised COG.

    What is carried to the map are measures: those of carried heights would show the steps of a coarse raster as slopes,
    and average the slopes of a fine one away.

    Args:
        dem: Elevations in m in its first band; any CRS. Slopes are taken on the ground, in m per m.
        dst: Of the COG, of 1 grey band or 3; one that shows just this stays as it is, and it appears whole or not at
            all, also when `report` raises to cancel.
        layer: A key of `LAYERS`.
        report: Told after every area.

    Raises:
        RasterRefusedError: The raster is damaged or has no place on the Earth.
        DiskFullError: The disk is full.
    """
    colours = _COLOURS.get(layer)
    look = partial(_look, measure=LAYERS[layer], colours=colours)
    convert(dem, dst, look=look, count=3 if colours else 1, looks=layer, report=report)


def _look(dataset: DatasetReader, window: Window, *, measure: Measure, colours: tuple[str, ...] | None) -> Pixels:
    (heights,), known = read_values(dataset, with_halo(window, REACH_PX), (1,))
    wkt, _ = georeference(dataset, Path(dataset.name).name)
    middle = {"col": window.col_off + window.width / 2, "row": window.row_off + window.height / 2}
    steps = crs.pixel_steps(wkt, tuple(dataset.transform)[:6], **middle)
    inner = (slice(REACH_PX, -REACH_PX),) * 2
    measured = measure(np.where(known, heights, np.nan).astype(np.float32), steps)[inner]
    return _drawn(measured, colours), np.isfinite(measured)


def _drawn(values: Grey, colours: tuple[str, ...] | None) -> npt.NDArray[np.uint8]:
    """Give values in [0, 1] as grey (1, H, W), or between colours (3, H, W); 0 where unknown."""
    known = np.nan_to_num(values)
    if colours is None:
        return np.asarray(np.rint(255 * known[None]), np.uint8)
    anchors = np.array([list(bytes.fromhex(colour)) for colour in colours], float)
    steps = np.linspace(0, 1, len(anchors))
    bands = np.stack([np.interp(known, steps, anchors[:, band]) for band in range(3)])
    return np.asarray(np.rint(bands), np.uint8)
