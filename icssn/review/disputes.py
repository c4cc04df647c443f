"""Labels that a model disputes which never saw them: what a geologist should look at a second time.

A label can be wrong in two ways: an outline where no landslide is, and a landslide that nobody outlined. A model that
learned from the other labels alone has an opinion on both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from icssn.geo import shapes

FOUND_SHARE = 0.1  # of an outline; a model that finds less does not see the landslide
SURE = 0.6  # mean probability from which ground without a label is worth a look
LEAST_PX = 100  # of ground: as small as candidates get
LEAST_KNOWN = 0.5  # of an outline that must have been judged
_NODATA = 255
_STEPS = 254  # a stored value / 254 is the probability


@dataclass(frozen=True)
class Doubt:
    """A label, or ground without one, that the model judges otherwise.

    Attributes:
        uid: Of the label; empty for ground.
        outline_px: In pixels of the scene.
        probability: Mean of the model's inside, in [0, 1].
        found: Share of the outline that the model takes for a landslide.
    """

    uid: str
    outline_px: BaseGeometry
    probability: float
    found: float


def doubted_labels(
    outlines_px: Mapping[str, BaseGeometry], probability: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]
) -> list[Doubt]:
    """Give the labelled landslides of which the model finds next to nothing, the least probable first.

    Args:
        outlines_px: Polygons by uid, in pixels.
        probability: uint8 (H, W): value / 254, from models that never saw the ground; 255 where nobody judged.
        mask: (H, W), what these models take for a landslide.
    """
    doubts = []
    for uid, outline in outlines_px.items():
        left, top, right, bottom = (int(edge) for edge in shapely.bounds(outline).round())
        rows, cols = slice(max(top, 0), bottom + 1), slice(max(left, 0), right + 1)
        values, found = probability[rows, cols], mask[rows, cols]
        if not values.size:
            continue
        here = shapes.pixel_transform(Affine.identity(), Window(cols.start, rows.start, 1, 1))
        inside = shapes.rasterise([outline], transform=here, width=values.shape[1], height=values.shape[0]) == 1
        known = inside & (values != _NODATA)
        if known.sum() < max(1, LEAST_KNOWN * inside.sum()):
            continue
        share = float(found[known].mean())
        if share < FOUND_SHARE:
            doubts.append(Doubt(uid, outline, float(values[known].mean()) / _STEPS, share))
    return sorted(doubts, key=lambda doubt: (doubt.probability, doubt.uid))


def doubted_ground(
    truth: npt.NDArray[np.uint8], probability: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]
) -> list[Doubt]:
    """Give ground labelled as background that the model surely takes for a landslide, the most probable first.

    What touches a labelled landslide is a matter of its outline, and is left out.

    Args:
        truth: uint8 (H, W): 0 background, 1 landslide, 255 where the labels say nothing.
        probability, mask: As for `doubted_labels`.
    """
    judged = (probability != _NODATA) & (truth != _NODATA)
    doubts = []
    for outline in shapes.polygons((mask & judged).astype(np.uint8), transform=Affine.identity(), min_px=LEAST_PX):
        left, top, right, bottom = (int(edge) for edge in outline.bounds)
        place = np.s_[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]  # a pixel around, for what it touches
        here = shapes.pixel_transform(Affine.identity(), Window(place[1].start, place[0].start, 1, 1))
        height, width = truth[place].shape
        inside = shapes.rasterise([outline], transform=here, width=width, height=height) == 1
        beside = shapes.rasterise([outline.buffer(1.5)], transform=here, width=width, height=height) == 1
        mean = float(probability[place][inside].mean()) / _STEPS
        if mean >= SURE and not (truth[place][beside] == 1).any():
            smooth = outline.simplify(1.0)
            doubts.append(Doubt("", smooth if isinstance(smooth, Polygon) else outline, mean, 1.0))
    return sorted(doubts, key=lambda doubt: -doubt.probability)
