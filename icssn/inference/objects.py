"""Objects of a probability raster, found strip by strip so that none is ever split and memory stays bounded.

Two passes over the same strips: `survey` numbers the connected parts (connectivity 4) of each strip and joins those
that touch across a seam; `trace` gives the mask without small parts and outlines the parts that are kept.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components
from shapely.geometry import Polygon

from icssn.ahead import ahead
from icssn.geo.rings import trace_parts
from icssn.imagery.write import PROBABILITY_NODATA as NODATA
from icssn.imagery.write import PROBABILITY_STEPS as FULL

_SMOOTHED_AT_ONCE = 64  # objects

Beside = TypeVar("Beside")


@dataclass(frozen=True)
class Survey:
    """Connected parts of a thresholded scene.

    Attributes:
        level: Smallest probability value (0-254) of the mask.
        first: Number of the first part of each strip, shape (strips + 1,).
        whole: The whole part that each numbered part belongs to, shape (parts,).
        area_px: Of each whole part.
        mean: Probability inside each whole part, in [0, 1].
        evidence: The classifier's mean logit over the pixels of each whole part; 0 where no cells were given.
        seeds: A pixel of each numbered part: its flat index in the strip, one array for each strip.
        taken: Whether a whole part holds one of the pixels that were given beside; false where none were.
    """

    level: int
    first: list[int]
    whole: NDArray[np.int64]
    area_px: NDArray[np.int64]
    mean: NDArray[np.float64]
    evidence: NDArray[np.float64]
    seeds: list[NDArray[np.int64]]
    taken: NDArray[np.bool_]

    def seeds_of(self, kept: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
        """Give, strip by strip, the seeds of those whole parts that are kept."""
        for seeds, (begin, end) in zip(self.seeds, itertools.pairwise(self.first), strict=True):
            yield seeds[kept[self.whole[begin:end]]]


class Piece(NamedTuple):
    """The part of an object that lies in one strip, in pixel coordinates."""

    whole: int
    polygon_px: Polygon


@dataclass(frozen=True)
class Outline:
    """One kept object: polygon in pixel coordinates (x to the right, y down), area, mean probability and logit."""

    polygon_px: Polygon
    area_px: int
    mask_score: float
    evidence: float


class Cells(NamedTuple):
    """The classifier's logit of each cell of a scene, (⌈H/side_px⌉, ⌈W/side_px⌉)."""

    logits: NDArray[np.float16]
    side_px: int

    def under(self, at: NDArray[np.int64], *, row: int, width: int) -> NDArray[np.float16]:
        """Give the logits under pixels of a strip of `width` px that begins at `row`: flat indices (N,)."""
        rows, columns = np.divmod(at, width)
        return np.asarray(self.logits[(rows + row) // self.side_px, columns // self.side_px])


def survey(
    strips: Iterable[NDArray[np.uint8]],
    *,
    level: int,
    cells: Cells | None = None,
    beside: Iterable[NDArray[np.int64] | None] = itertools.repeat(None),
) -> Survey:
    """Find the connected parts of all pixels at or above `level`.

    Args:
        strips: Probability values (H, W) of equal width from top to bottom; 255 is nodata.
        level: As from `metrics.pixels.level_of`.
        cells: Evidence beside the probability, gathered for each part.
        beside: Pixels of the same strips, flat indices.
    """
    counted = list(ahead(partial(_counted, level=level, cells=cells), _numbered(zip(strips, beside, strict=False))))
    first = [0, *itertools.accumulate(len(strip.areas_px) for strip in counted)]
    seams: list[NDArray[np.int64]] = [np.zeros((2, 0), np.int64)]
    for (upper, lower), (before, after) in zip(itertools.pairwise(counted), itertools.pairwise(first), strict=False):
        touching = (upper.bottom > 0) & (lower.top > 0)
        pairs = np.stack([upper.bottom[touching] + (before - 1), lower.top[touching] + (after - 1)])
        seams.append(np.unique(pairs, axis=1))
    upper, lower = np.concatenate(seams, axis=1)
    links = sparse.coo_array((np.ones(upper.size, np.int8), (upper, lower)), shape=(first[-1], first[-1]))
    count, whole = connected_components(links, directed=False) if first[-1] else (0, np.zeros(0, np.int64))

    def summed(of_strips: Iterable[NDArray[Any]]) -> NDArray[np.float64]:
        weights = np.concatenate([np.zeros(0), *of_strips])
        return np.bincount(whole, weights=weights, minlength=count).astype(np.float64)

    area_px = summed(strip.areas_px for strip in counted).astype(np.int64)
    mean = summed(strip.sums for strip in counted) / (np.maximum(area_px, 1) * FULL)
    evidence = summed(strip.logits for strip in counted) / np.maximum(area_px, 1)
    held = summed(strip.taken for strip in counted) > 0
    return Survey(
        level,
        first,
        whole.astype(np.int64),
        area_px=area_px,
        mean=mean,
        evidence=evidence,
        seeds=[strip.seeds for strip in counted],
        taken=held,
    )


def trace(
    strips: Iterable[NDArray[np.uint8]], *, found: Survey, min_px: int
) -> Iterator[tuple[NDArray[np.uint8], list[Piece]]]:
    """Give the mask of each strip without small objects, and the pieces of the objects that are kept.

    Args:
        strips: The same strips as in the survey.
        found: What the survey found.
        min_px: Objects with fewer pixels become background.

    Yields:
        Mask (H, W), 0 background, 1 landslide, 255 nodata; and pieces for `outlines`.
    """
    work = partial(_traced, found=found, kept=found.area_px >= min_px)
    yield from ahead(work, _numbered(zip(strips, itertools.pairwise(found.first), strict=True)))


def outlines(pieces: Iterable[Piece], *, found: Survey, simplify_px: float) -> list[Outline]:
    """Join the pieces of each object; the result does not depend on where the strips were cut.

    Args:
        pieces: All that `trace` gave.
        found: What the survey found.
        simplify_px: Largest distance that an outline may move, px.

    Returns:
        Objects from top to bottom, each a valid polygon; holes are kept.
    """
    of_object: dict[int, list[Polygon]] = defaultdict(list)
    for piece in pieces:
        of_object[piece.whole].append(piece.polygon_px)
    together = list(of_object.values())
    some = (together[begin : begin + _SMOOTHED_AT_ONCE] for begin in range(0, len(together), _SMOOTHED_AT_ONCE))
    smooth = itertools.chain.from_iterable(ahead(partial(_smooth, simplify_px=simplify_px), some))
    objects = [
        Outline(polygon, int(found.area_px[whole]), float(found.mean[whole]), float(found.evidence[whole]))
        for whole, polygon in zip(of_object, smooth, strict=True)
    ]
    return sorted(objects, key=lambda outline: (*outline.polygon_px.bounds[1::-1], outline.area_px))


class _Counted(NamedTuple):
    """What `survey` needs of one strip: figures of its connected parts, and their numbers along its borders."""

    areas_px: NDArray[np.int64]
    sums: NDArray[np.float64]
    logits: NDArray[np.float64]
    seeds: NDArray[np.int64]
    taken: NDArray[np.bool_]
    top: NDArray[np.int32]
    bottom: NDArray[np.int32]


def _numbered(
    strips: Iterable[tuple[NDArray[np.uint8], Beside]],
) -> Iterator[tuple[int, NDArray[np.uint8], Beside]]:
    """Say with which row of the scene each strip begins."""
    row = 0
    for strip, beside in strips:
        yield row, strip, beside
        row += strip.shape[0]


def _counted(
    given: tuple[int, NDArray[np.uint8], NDArray[np.int64] | None], *, level: int, cells: Cells | None
) -> _Counted:
    row, strip, beside = given
    parts, count = _parts(strip, level=level)
    at = np.flatnonzero(parts > 0)
    of = parts.ravel()[at]

    def summed(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(of, weights=values, minlength=count + 1)[1:].astype(np.float64)

    seeds = np.zeros(count + 1, np.int64)
    seeds[of] = at
    taken = np.zeros(count + 1, np.bool_)
    if beside is not None:
        taken[parts.ravel()[beside]] = True
    return _Counted(
        areas_px=np.bincount(of, minlength=count + 1)[1:],
        sums=summed(strip.ravel()[at]),
        logits=np.zeros(count) if cells is None else summed(cells.under(at, row=row, width=strip.shape[1])),
        seeds=seeds[1:],
        taken=taken[1:],
        top=parts[0].copy(),
        bottom=parts[-1].copy(),
    )


def _traced(
    given: tuple[int, NDArray[np.uint8], tuple[int, int]], *, found: Survey, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], list[Piece]]:
    row, strip, (begin, end) = given
    whole = found.whole[begin:end]
    if not kept[whole].any():
        return np.where(strip == NODATA, np.uint8(NODATA), np.uint8(0)), []
    parts, _ = _parts(strip, level=found.level)
    inside = np.concatenate([[False], kept[whole]])[parts]
    numbers, polygons = trace_parts(parts, inside, row=row)
    pieces = [Piece(*piece) for piece in zip(whole[numbers - 1].tolist(), polygons, strict=True)]
    return np.where(strip == NODATA, np.uint8(NODATA), inside.view(np.uint8)), pieces


def _parts(strip: NDArray[np.uint8], *, level: int) -> tuple[NDArray[np.int32], int]:
    """Number the connected parts of one strip from 1; 0 is background. The same strip always gives the same."""
    parts, count = ndimage.label((strip >= level) & (strip != NODATA), output=np.int32)
    return parts, int(count)


def _smooth(objects: Sequence[list[Polygon]], *, simplify_px: float) -> list[Polygon]:
    """Join the pieces of each object, start rings where no seam can be, drop the vertices that seams left, simplify."""
    joined = [
        pieces[0] if len(pieces) == 1 else shapely.union_all(pieces).normalize().simplify(0) for pieces in objects
    ]
    whole = shapely.normalize(joined)
    smooth = shapely.simplify(whole, simplify_px)
    good = shapely.is_valid(smooth) & (shapely.get_type_id(smooth) == shapely.GeometryType.POLYGON)
    return list(np.where(good, smooth, whole))
