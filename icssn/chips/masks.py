"""What the mask of a chip knows of its ground, and whether that is what the chip was planned for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rasterio.transform import Affine
from shapely.geometry.base import BaseGeometry

from icssn.chips.ground import BACKGROUND, IGNORE, LANDSLIDE, SPOT, Ground
from icssn.chips.plan import Plan
from icssn.config import ChipConfig
from icssn.geo import shapes

Pixels = npt.NDArray[np.uint8]


def mask_of(plan: Plan, ground: Ground, *, hidden: BaseGeometry) -> Pixels:
    """Give the mask of a planned chip, uint8 (H, W) with the values of `ground`.

    Args:
        plan: A training chip, or a validation chip, which knows its own tile alone and no spots: judged are outlines.
        ground: Of its scene.
        hidden: Where training chips know nothing, px.
    """
    mask = ground.mask(plan.window)
    if plan.known is None:
        transform = shapes.pixel_transform(Affine.identity(), plan.window)
        height, width = mask.shape
        return shapes.rasterise([hidden], transform=transform, width=width, height=height, value=IGNORE, out=mask)
    only = np.full_like(mask, IGNORE)
    west, north = plan.known.col_off - plan.window.col_off, plan.known.row_off - plan.window.row_off
    tile = np.s_[north : north + plan.known.height, west : west + plan.known.width]
    only[tile] = np.where(mask[tile] == SPOT, IGNORE, mask[tile])
    return only


def shows_enough(mask: Pixels, plan: Plan, config: ChipConfig) -> bool:
    """Say whether a chip's mask shows what the chip was planned for; a training chip in its middle, without margins."""
    if plan.split == "validation":
        return bool((mask != IGNORE).any())
    middle = mask[config.margin_px :, config.margin_px :][: config.size_px, : config.size_px]
    landslide, known = int((middle == LANDSLIDE).sum()), int((middle != IGNORE).sum())
    match plan.kind:
        case "landslide":
            return landslide >= plan.least_px
        case "hard_negative":
            few = landslide < config.min_landslide_fraction * middle.size
            return few and int((middle == BACKGROUND).sum()) >= plan.least_px
        case "landslide_point":
            return True
        case _:
            return landslide == 0 and known >= middle.size / 2
