"""Which chips a scene offers, before any pixel is read: training chips by object and place, validation tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from icssn.chips import places
from icssn.chips.ground import Ground, window_box
from icssn.chips.split import Rectangle
from icssn.config import ChipConfig
from icssn.geo import shapes

SPARE = 2  # background places sought for each one wanted: some turn out to be nodata


@dataclass(frozen=True)
class Plan:
    """A chip that may be cut; `known` is the only part of the scene that its mask may know, where set."""

    window: Window
    split: str
    kind: str
    label_uid: str = ""
    least_px: float = 1.0  # pixels of its object that its middle must show, else it is dropped as a sliver
    known: Window | None = None


def training_plans(ground: Ground, zone: BaseGeometry, *, config: ChipConfig, rng: np.random.Generator) -> list[Plan]:
    """Give chips on landslides, then on hard negatives, then on background, outside the held-out zone.

    Args:
        ground: The scene's labels.
        zone: Where nothing may be known, px; objects that reach into it are covered as far as they stick out.
        config: Sizes and shares.
        rng: Of jitter and of places for background, of which more are given than wanted.
    """
    plans = []
    for kind, labels in (("landslide", ground.landslides), ("hard_negative", ground.negatives)):
        for uid, geometry in labels.items():
            rest, _ = shapes.repair(geometry.difference(zone))
            if rest.is_empty:
                continue
            least = max(1.0, min(_least_px(config), geometry.area / 2))
            plans += [
                Plan(_stored(place, config), "train", kind, label_uid=uid, least_px=least)
                for place in places.over(rest, size_px=config.size_px, rng=rng)
                if not zone.intersects(shapely.Point(place))
            ]
    landslide_chips = sum(plan.kind == "landslide" for plan in plans)
    found = places.without_landslides(
        shapes.repair(ground.areas.difference(zone))[0],
        ground.possible_landslides,
        wanted=SPARE * background_wanted(landslide_chips, config),
        size_px=config.size_px,
        margin_px=config.margin_px,
        rng=rng,
    )
    return plans + [Plan(_stored(place, config), "train", "background") for place in found]


def validation_plans(
    ground: Ground, rectangle: Rectangle, *, most_empty: int, config: ChipConfig, rng: np.random.Generator
) -> list[Plan]:
    """Tile the rectangle; of more than `most_empty` tiles without objects, so many are drawn at random."""
    tiles = places.tiles(rectangle, size_px=config.size_px)
    outlines = [window_box(tile) for tile in tiles]
    kinds = np.full(len(tiles), "background", dtype="<U13")
    for kind, geometries in (("hard_negative", ground.negatives), ("landslide", ground.landslides)):
        objects = np.array(list(geometries.values()))
        tile, which = shapely.STRtree(objects).query(outlines, predicate="intersects")
        shown = shapely.area(shapely.intersection(np.array(outlines)[tile], objects[which]))
        kinds[np.bincount(tile, weights=shown, minlength=len(tiles)) >= _least_px(config)] = kind
    empty = np.flatnonzero(kinds == "background")
    dropped = set(rng.choice(empty, max(0, len(empty) - most_empty), replace=False).tolist())
    return [
        Plan(_stored(_middle(tile), config), "validation", str(kinds[i]), known=tile)
        for i, tile in enumerate(tiles)
        if i not in dropped
    ]


def background_wanted(landslide_chips: int, config: ChipConfig) -> int:
    """Say how many background chips go with so many landslide chips; at least one."""
    return max(1, round(config.background_per_landslide * landslide_chips))


def _least_px(config: ChipConfig) -> float:
    return max(1.0, config.min_landslide_fraction * config.size_px**2)


def _stored(place: places.Place, config: ChipConfig) -> Window:
    return places.window_at(place, side_px=config.size_px + 2 * config.margin_px)


def _middle(window: Window) -> places.Place:
    return window.col_off + window.width / 2, window.row_off + window.height / 2
