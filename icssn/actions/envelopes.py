"""How sure the outlines of a prediction are: measured once on its probability raster, kept beside it."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.durable import whole_file
from icssn.errors import DiskFullError, UnwritableError
from icssn.geo import crs
from icssn.geo.shapes import pixel_transform, rasterise
from icssn.imagery.open import open_raster
from icssn.records import Candidate, Prediction, RasterFacts
from icssn.review.outline import REACH_PX, Envelope, envelope
from icssn.store.workspace import Workspace

_NAME = "envelopes.json"
_MOST_PX = 512  # a longer window is read coarser


def of_prediction(
    ws: Workspace, prediction: Prediction, candidates: Sequence[Candidate], *, facts: RasterFacts
) -> dict[str, Envelope]:
    """Give the envelope of every candidate by id; measures them the first time, which takes some ms each.

    Where they cannot be kept, they are measured every time.

    Returns:
        Nothing where the probability raster was gone before it was measured.
    """
    raster = ws.path(prediction.probability)
    kept = raster.with_name(f"{raster.stem}_{_NAME}")
    if kept.is_file():
        return {key: Envelope(**values) for key, values in json.loads(kept.read_text(encoding="utf-8")).items()}
    if not raster.is_file():
        return {}
    found = _measured(raster, candidates, facts)
    with contextlib.suppress(UnwritableError, DiskFullError), whole_file(kept) as draft:
        draft.write_text(json.dumps({key: asdict(value) for key, value in found.items()}), encoding="utf-8")
    return found


def _measured(raster: Path, candidates: Sequence[Candidate], facts: RasterFacts) -> dict[str, Envelope]:
    with open_raster(raster) as dataset:
        return {candidate.id: _measure(dataset, candidate, facts) for candidate in candidates}


def _measure(dataset: DatasetReader, candidate: Candidate, facts: RasterFacts) -> Envelope:
    outline = crs.from_lonlat(candidate.geometry_lonlat, facts.crs_wkt)
    window = _around(outline.bounds, dataset)
    times = max(1, math.ceil(max(window.width, window.height) / _MOST_PX))
    shape = math.ceil(window.height / times), math.ceil(window.width / times)
    values = dataset.read(1, window=window, out_shape=shape, resampling=Resampling.nearest)
    to_crs = pixel_transform(dataset.transform, window) * Affine.scale(
        window.width / shape[1], window.height / shape[0]
    )
    inside = rasterise([outline], transform=to_crs, width=shape[1], height=shape[0]) > 0
    return envelope(values, inside, pixel_m=facts.pixel_size_m * times, reach_px=REACH_PX / times)


def _around(bounds: tuple[float, float, float, float], dataset: DatasetReader) -> Window:
    """Give the window around bounds in the raster's CRS with a margin, cut to the raster."""
    west, south, east, north = bounds
    corners = [~dataset.transform * point for point in ((west, south), (west, north), (east, south), (east, north))]
    cols, rows = zip(*corners, strict=True)
    left, top = max(0, math.floor(min(cols)) - REACH_PX), max(0, math.floor(min(rows)) - REACH_PX)
    right = min(dataset.width, math.ceil(max(cols)) + REACH_PX)
    bottom = min(dataset.height, math.ceil(max(rows)) + REACH_PX)
    return Window(left, top, max(1, right - left), max(1, bottom - top))
