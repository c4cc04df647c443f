"""How stored values become 0–255: bands, lowest and highest value."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.windows import Window

from icssn.records import RasterFacts, Stretch

_USUAL = (2.0, 98.0)  # the usual cut of GIS programs (QGIS: "cumulative count cut"), robust against glints
_UNCUT = (0.0, 100.0)
_SAMPLES = 8  # windows per axis; 64 of them cost the same on a small and on a huge raster
_SAMPLE_PX = 128


def estimate(
    dataset: DatasetReader, *, bands: tuple[int, ...] | None = None, percent: tuple[float, float] | None = None
) -> Stretch:
    """Choose the bands to show and learn from, and the values that become 0 and 255.

    Bands: red, green and blue where the file names them, else the first three; one where there are fewer. 8-bit
    values stay as they are; others are cut at percentiles over an even sample of windows, without nodata and NaN.

    Args:
        dataset: Open.
        bands: 1-based; these instead.
        percent: Lowest and highest percentile, 0-100; these instead of `usual_percent`, for 8-bit values as well.
    """
    bands = bands or _bands(dataset)
    usual = usual_percent(dataset.dtypes[0])
    percent = None if percent == usual else percent
    if dataset.dtypes[0] == "uint8" and percent is None:
        return Stretch(bands=bands, low=(0.0,) * len(bands), high=(255.0,) * len(bands))
    samples: list[list[npt.NDArray[Any]]] = [[] for _ in bands]
    for window in sample_windows(dataset.width, dataset.height):
        values = dataset.read(bands, window=window, masked=True)
        for kept, band in zip(samples, values, strict=True):
            known = band.compressed()
            kept.append(known[np.isfinite(known)])
    cuts = [_cut(np.concatenate(kept), percent or usual) for kept in samples]
    lows, highs = zip(*cuts, strict=True)
    return Stretch(bands=bands, low=lows, high=highs, percent=percent)


def percent_of(facts: RasterFacts) -> tuple[float, float]:
    """Give the percentiles between which a scene is shown, 0-100.

    What an earlier ICSSN cut does not say where: 8-bit values then at the usual percentiles of the others.
    """
    shown = facts.stretch
    if shown.percent:
        return shown.percent
    cut = facts.dtype == "uint8" and (min(shown.low), max(shown.high)) != (0, 255)
    return _USUAL if cut else usual_percent(facts.dtype)


def usual_percent(dtype: str) -> tuple[float, float]:
    """Give the percentiles at which `estimate` cuts values of a type unless others are asked for, 0-100.

    8-bit values are not cut, 0 to 100, and not spread over 0-255 either.
    """
    return _UNCUT if dtype == "uint8" else _USUAL


def apply(values: npt.NDArray[Any], stretch: Stretch) -> npt.NDArray[np.uint8]:
    """Clip each band to [low, high] and scale it linearly to 0–255.

    Args:
        values: Any real type, (C, H, W), in the order of `stretch.bands`; NaN becomes 0.
        stretch: With C entries.

    Returns:
        uint8 (C, H, W), rounded to nearest.
    """
    if values.dtype == np.uint8 and all(low == 0 for low in stretch.low) and all(high == 255 for high in stretch.high):
        return values
    precise = np.result_type(values.dtype, np.float32)  # float32 where it holds every stored value
    low = np.asarray(stretch.low, precise)[:, None, None]
    high = np.asarray(stretch.high, precise)[:, None, None]
    scaled = (values.astype(precise) - low) * (255 / (high - low))
    return np.asarray(np.rint(np.nan_to_num(np.clip(scaled, 0, 255), nan=0.0)), np.uint8)


def _bands(dataset: DatasetReader) -> tuple[int, ...]:
    meanings = list(dataset.colorinterp)
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
    if all(colour in meanings for colour in colours):
        return tuple(meanings.index(colour) + 1 for colour in colours)
    usable = [number for number, meaning in enumerate(meanings, start=1) if meaning != ColorInterp.alpha]
    return tuple(usable[:3] if len(usable) >= 3 else usable[:1])


def sample_windows(width: int, height: int) -> list[Window]:
    """Give 64 small windows spread evenly over a raster of so many pixels, fewer where they would overlap."""

    def spans(length: int) -> list[tuple[int, int]]:
        count = min(_SAMPLES, math.ceil(length / _SAMPLE_PX))
        starts = [number * length // count for number in range(count + 1)]
        return [(start, min(_SAMPLE_PX, end - start)) for start, end in pairwise(starts)]

    return [Window(col, row, cols, rows) for row, rows in spans(height) for col, cols in spans(width)]


def _cut(known: npt.NDArray[Any], percent: tuple[float, float]) -> tuple[float, float]:
    if known.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(known.astype(np.float64), percent))
    return (low, high) if high > low else (low, low + 1.0)
