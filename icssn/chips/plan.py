"""Which chips a scene offers, before any pixel is read: training chips by object and place, validation tiles."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from icssn.chips import places
from icssn.chips.ground import Ground, window_box
from icssn.chips.split import Rectangle
from icssn.config import ChipConfig
from icssn.geo import shapes

POINT_VIEW = 0.35  # of a chip's side: nearer than this to the middle, a point is in every view that augmentation makes
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
    stands_for: float = 1.0  # tiles of the held-out ground


def object_plans(ground: Ground, zone: BaseGeometry, *, config: ChipConfig, rng: np.random.Generator) -> list[Plan]:
    """Give training chips on landslides, on landslide points and on hard negatives, outside the held-out zone.

    Hard negatives whose chip would also show a landslide point are left out: nobody knows what such a chip shows.

    Args:
        ground: The scene's labels.
        zone: Where nothing may be known, px; objects that reach into it are covered as far as they stick out.
        config: Sizes and shares.
        rng: Of jitter.
    """
    plans = _plans_over("landslide", ground.landslides, zone, config=config, rng=rng)
    plans += _point_plans(ground.points, zone, config=config, rng=rng)
    points = shapely.MultiPoint(list(ground.points.values()))
    negatives = _plans_over("hard_negative", ground.negatives, zone, config=config, rng=rng)
    return plans + [plan for plan in negatives if not points.intersects(window_box(plan.window))]


def background_plans(
    ground: Ground, free: BaseGeometry, *, wanted: int, config: ChipConfig, rng: np.random.Generator
) -> list[Plan]:
    """Give training chips that show no landslide, more than are wanted.

    Args:
        ground: The scene's labels.
        free: Label areas outside the held-out zone, px.
        wanted: How many there shall be in the end.
        config: Sizes.
        rng: Of places.
    """
    found = places.without_landslides(
        free,
        ground.possible_landslides,
        wanted=SPARE * wanted,
        size_px=config.size_px,
        margin_px=config.margin_px,
        rng=rng,
    )
    return [Plan(_stored(place, config), "train", "background") for place in found]


def validation_plans(ground: Ground, rectangle: Rectangle, *, most_empty: int, config: ChipConfig) -> list[Plan]:
    """Tile the rectangle; of more than `most_empty` tiles without objects, so many are drawn as if by chance.

    Those stand for all of them. Which ones are drawn depends on where they lie and on nothing else: other runs of the
    scene are judged on the same ones, but for those that show an object now. A tile with a sliver of a landslide is
    "unknown", and never left out: its pixels tell which ground is found, though it shows too little to be told what it
    is.
    """
    tiles = places.tiles(rectangle, size_px=config.size_px)
    outlines = [window_box(tile) for tile in tiles]
    kinds = np.full(len(tiles), "background", dtype="<U15")
    kinds[_showing(outlines, ground.negatives, least_px=_least_px(config))] = "hard_negative"
    kinds[_touched(outlines, [*ground.doubtful, *ground.landslides.values()])] = "unknown"
    kinds[_touched(outlines, list(ground.points.values()))] = "landslide_point"
    kinds[_showing(outlines, ground.landslides, least_px=_least_px(config))] = "landslide"
    empty = np.flatnonzero(kinds == "background")
    dropped = set(sorted(empty.tolist(), key=lambda i: _turn(tiles[i]))[most_empty:])
    of_empty = len(empty) / max(len(empty) - len(dropped), 1)
    return [
        Plan(
            _stored(_middle(tile), config),
            "validation",
            str(kinds[i]),
            known=tile,
            stands_for=of_empty if kinds[i] == "background" else 1.0,
        )
        for i, tile in enumerate(tiles)
        if i not in dropped
    ]


def background_wanted(landslide_chips: Sequence[int], free_px: Sequence[float], config: ChipConfig) -> list[int]:
    """Say how many background chips each scene is to give, at least one.

    As many as go with its own landslides; or, where that is more, its share, by area, of those that go with the
    landslides of all scenes: a scene that was labelled as showing none is a lesson, too.

    Args:
        landslide_chips: Of each scene.
        free_px: Area of each scene that may be background.
    """
    shares = np.divide(free_px, sum(free_px)) if sum(free_px) else np.zeros(len(free_px))
    most = np.maximum(landslide_chips, shares * sum(landslide_chips))
    return [max(1, round(config.background_per_landslide * float(chips))) for chips in most]


def _plans_over(
    kind: str, labels: dict[str, BaseGeometry], zone: BaseGeometry, *, config: ChipConfig, rng: np.random.Generator
) -> list[Plan]:
    plans = []
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
    return plans


def _point_plans(
    points: dict[str, BaseGeometry], zone: BaseGeometry, *, config: ChipConfig, rng: np.random.Generator
) -> list[Plan]:
    """Give one chip on each landslide point, moved so far that every view of it still shows the point."""
    room = max(0.0, POINT_VIEW * config.size_px - config.margin_px)
    plans = []
    for uid, point in points.items():
        dx, dy = rng.uniform(-room, room, 2)
        place = (point.x + float(dx), point.y + float(dy))
        if not zone.intersects(shapely.MultiPoint([place, (point.x, point.y)])):
            plans.append(Plan(_stored(place, config), "train", "landslide_point", label_uid=uid))
    return plans


def _showing(
    outlines: list[BaseGeometry], geometries: dict[str, BaseGeometry], *, least_px: float
) -> npt.NDArray[np.bool_]:
    """Say which outlines show at least so many pixels of any of the geometries."""
    objects = np.array(list(geometries.values()))
    outline, which = shapely.STRtree(objects).query(outlines, predicate="intersects")
    shown = shapely.area(shapely.intersection(np.array(outlines)[outline], objects[which]))
    return np.asarray(np.bincount(outline, weights=shown, minlength=len(outlines)) >= least_px)


def _touched(outlines: list[BaseGeometry], geometries: list[BaseGeometry]) -> npt.NDArray[np.bool_]:
    touched = np.zeros(len(outlines), np.bool_)
    touched[shapely.STRtree(geometries).query(outlines, predicate="intersects")[0]] = True
    return touched


def _turn(tile: Window) -> bytes:
    """Give what tiles are drawn by, the lowest first: as good as random, and always the same for one place."""
    return hashlib.sha256(f"{tile.col_off} {tile.row_off}".encode()).digest()


def _least_px(config: ChipConfig) -> float:
    return max(1.0, config.min_landslide_fraction * config.size_px**2)


def _stored(place: places.Place, config: ChipConfig) -> Window:
    return places.window_at(place, side_px=config.size_px + 2 * config.margin_px)


def _middle(window: Window) -> places.Place:
    return window.col_off + window.width / 2, window.row_off + window.height / 2
