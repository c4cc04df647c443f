"""Judge a scene's probability raster against truth: a mask on the same grid, or one drawn from labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize
from rasterio.io import DatasetReader
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from icssn.chips.ground import SPOT, survey
from icssn.errors import RasterRefusedError
from icssn.geo.shapes import rasterise
from icssn.imagery.open import open_raster
from icssn.imagery.read import read_values
from icssn.metrics.calibration import reliability
from icssn.metrics.pixels import IGNORE
from icssn.metrics.ranking import area_under_roc, covered, judged
from icssn.metrics.report import judge
from icssn.records import Label, RasterFacts

_TOLERANCE_PX = 0.01  # by which the truth's grid may be off, as when another program wrote it


class Scored(NamedTuple):
    """A candidate: its outline in the scene's CRS, and its scores in [0, 1]."""

    geometry: BaseGeometry
    score: float
    mask_score: float
    classifier_score: float


def evaluate(
    probability: Path,
    truth: Path | NDArray[np.uint8],
    *,
    facts: RasterFacts,
    threshold: float,
    min_object_px: int,
    candidates: Sequence[Scored] = (),
) -> dict[str, float]:
    """Judge the probability raster of one scene.

    Both rasters are held in memory whole; with what judging needs besides, about 20 bytes a pixel.

    Args:
        probability: As written by `predict.predict_scene`.
        truth: A mask on the scene's own grid (0 background, 1 landslide; 255 and its nodata are not judged): its file,
            or the mask itself, uint8 (H, W), as from `drawn`.
        facts: The scene's.
        threshold: Smallest probability that counts as landslide.
        min_object_px: Predicted objects with fewer pixels are left out.
        candidates: The objects proposed, with their scores; those on ground that is nowhere judged do not count.

    Returns:
        Figures of `metrics.report.judge`; pixels without data are not judged. With candidates, also how well each of
        their scores puts true ones (30 % covered by a landslide) before false ones: `object_auc_fused`,
        `object_auc_mask`, `object_auc_classifier`; absent where there are not both kinds.

    Raises:
        RasterRefusedError: A raster cannot be read, or the truth does not lie on the scene's grid or holds other
            values.
    """
    mask, values = _read(probability, truth, facts)
    figures = judge(mask, values, threshold=threshold, min_object_px=min_object_px, pixel_size_m=facts.pixel_size_m)
    return figures | rank_candidates(mask, candidates, facts=facts)


def drawn(labels: Iterable[Label], *, facts: RasterFacts, point_radius_px: float) -> NDArray[np.uint8]:
    """Draw the truth that labels hold, as far as they know it.

    Args:
        labels: Of the scene.
        facts: The scene's.
        point_radius_px: How far from a landslide point, accepted or proposed, nothing is known.

    Returns:
        uint8 (H, W): in label areas 1 on accepted landslides, 255 on proposed ones and around points, 0 elsewhere;
        255 outside of label areas.
    """
    ground = survey(labels, facts, point_radius_px=point_radius_px)
    mask = ground.mask(Window(0, 0, facts.width, facts.height))
    inside = rasterise([ground.areas], transform=Affine.identity(), width=facts.width, height=facts.height)
    mask[(inside == 0) | (mask == SPOT)] = IGNORE
    return mask


def reliability_curve(
    probability: Path, truth: Path | NDArray[np.uint8], *, facts: RasterFacts
) -> list[dict[str, float]]:
    """Compare probability and frequency of landslide in 15 bins: `probability`, `frequency` and `count` of each.

    Args:
        probability, truth, facts: As for `evaluate`, which raises the same.
    """
    curve = reliability(*_read(probability, truth, facts))
    bins = zip(curve.probability, curve.frequency, curve.count, strict=True)
    return [{"probability": float(p), "frequency": float(f), "count": float(n)} for p, f, n in bins]


def rank_candidates(mask: NDArray[np.uint8], candidates: Sequence[Scored], *, facts: RasterFacts) -> dict[str, float]:
    """Say how well each score of candidates puts true ones first; see `evaluate`."""
    numbers = np.zeros(mask.shape, np.int32)
    if candidates:
        outlines = [(candidate.geometry, number) for number, candidate in enumerate(candidates, start=1)]
        rasterize(outlines, out=numbers, transform=Affine(*facts.transform))
    counts = judged(mask, numbers, len(candidates))
    right = covered(mask, numbers, len(candidates))[counts].tolist()
    known = [candidate for candidate, is_judged in zip(candidates, counts, strict=True) if is_judged]
    scores = {
        "object_auc_fused": [candidate.score for candidate in known],
        "object_auc_mask": [candidate.mask_score for candidate in known],
        "object_auc_classifier": [candidate.classifier_score for candidate in known],
    }
    areas = {name: area_under_roc(of_each, right) for name, of_each in scores.items()}
    return {name: area for name, area in areas.items() if area is not None}


def _read(
    probability: Path, truth: Path | NDArray[np.uint8], facts: RasterFacts
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give truth and stored probability, (H, W) each."""
    with open_raster(probability) as dataset:
        values: NDArray[np.uint8] = dataset.read(1)
    return _read_mask(truth, facts) if isinstance(truth, Path) else truth, values


def _read_mask(path: Path, facts: RasterFacts) -> NDArray[np.uint8]:
    with open_raster(path) as dataset:
        _require_grid(dataset, facts, name=path.name)
        (values,), valid = read_values(dataset, Window(0, 0, dataset.width, dataset.height), (1,))
        if dataset.nodata == 0:  # many programs declare the background of a mask as nodata
            valid[:] = True
    strange = np.setdiff1d(values[valid], (0, 1, IGNORE))
    if strange.size or (not (values == 1).any() and (values[valid] == IGNORE).any()):
        raise RasterRefusedError(
            path.name,
            found=f"it holds the value {strange[0]}" if strange.size else "it holds 255 where 1 is expected",
            needed="a mask of 0 (background), 1 (landslide) and 255 (not judged)",
            remedy="Convert it, for example with the raster calculator of QGIS.",
        )
    return np.where(valid, values, IGNORE).astype(np.uint8)


def _require_grid(dataset: DatasetReader, facts: RasterFacts, *, name: str) -> None:
    size, wanted = f"{dataset.width} × {dataset.height} px", f"{facts.width} × {facts.height} px"
    corners = np.array([(0, 0, 1), (facts.width, 0, 1), (0, facts.height, 1)]).T
    to_scene = np.reshape(~Affine(*facts.transform) @ dataset.transform, (3, 3))
    if size != wanted:
        found = f"its size is {size}"
    elif dataset.crs != CRS.from_wkt(facts.crs_wkt):
        found = "its CRS is another one"
    elif np.abs(to_scene @ corners - corners).max() > _TOLERANCE_PX:
        found = "its pixels lie elsewhere"
    else:
        return
    raise RasterRefusedError(
        name,
        found=found,
        needed=f"a mask on the scene's own grid ({wanted}, same CRS, same transform)",
        remedy="Rasterise the truth onto the scene with gdal_rasterize or gdalwarp, or give its polygons instead.",
    )
