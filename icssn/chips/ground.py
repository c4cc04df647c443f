"""What the labels of one scene say about its pixels: landslide, background, spot of a landslide, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.affinity import affine_transform
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from icssn.geo import crs, shapes
from icssn.records import Label, LabelClass, LabelStatus, RasterFacts

BACKGROUND, LANDSLIDE, SPOT, IGNORE = 0, 1, 2, 255
SPOT_PX = 2.0  # radius of what a point label says is landslide: a click, not an outline


@dataclass(frozen=True)
class Ground:
    """The labels of one scene in its pixel coordinates (col, row), clipped to the raster.

    Attributes:
        landslides: Accepted landslides by label uid, from west to east: chance then falls alike in two workspaces with
            equal labels, whose uids differ.
        points: Places (Point) of accepted landslides whose boundary is unknown, by label uid.
        doubtful: Discs around accepted and proposed points: neither class may be learned there, but for landslide at
            the very spot of accepted ones. Points within an outlined landslide say nothing more and are left out.
        negatives: Ground that looks like a landslide and is none, by label uid: hard negatives, rejected landslides.
        proposed: Landslides that nobody has accepted or rejected yet: neither class may be learned there.
        areas: Union of the label areas; inside, absence is background.
    """

    landslides: dict[str, BaseGeometry]
    points: dict[str, BaseGeometry]
    doubtful: list[BaseGeometry]
    negatives: dict[str, BaseGeometry]
    proposed: list[BaseGeometry]
    areas: BaseGeometry
    _shapes: list[BaseGeometry]  # in burning order: what comes later wins
    _values: npt.NDArray[np.uint8]
    _tree: shapely.STRtree

    @property
    def background(self) -> BaseGeometry:
        """Where absence of a landslide is known: label areas and hard negatives, landslides not taken off."""
        return shapely.union_all([self.areas, *self.negatives.values()])

    @property
    def possible_landslides(self) -> list[BaseGeometry]:
        """Every polygon that is or may be a landslide."""
        return [*self.landslides.values(), *self.proposed, *self.doubtful]

    def mask(self, window: Window) -> npt.NDArray[np.uint8]:
        """Draw a window's mask; it may reach outside the raster, where nothing is known.

        Returns:
            uint8 (height, width): 0 background, 1 landslide, 2 spot of a landslide whose boundary is unknown, 255
            ignore; pixel centre rule. A landslide wins over a hard negative, a hard negative over a spot, a spot over
            a proposal or a point's disc, these over a label area.
        """
        drawn = np.full((int(window.height), int(window.width)), IGNORE, np.uint8)
        transform = shapes.pixel_transform(Affine.identity(), window)
        found = np.sort(self._tree.query(window_box(window)))
        for layer in np.split(found, np.flatnonzero(np.diff(self._values[found])) + 1):
            if len(layer):
                shapes.rasterise(
                    [self._shapes[i] for i in layer],
                    transform=transform,
                    width=drawn.shape[1],
                    height=drawn.shape[0],
                    value=int(self._values[layer[0]]),
                    out=drawn,
                )
        return drawn


def survey(labels: Iterable[Label], facts: RasterFacts, *, point_radius_px: float = 0) -> Ground:
    """Carry a scene's labels into its pixels.

    Proposed or rejected label areas and proposed hard negatives say nothing, nor do rejected points; labels off the
    raster are passed over.

    Args:
        labels: Of the scene.
        facts: The scene's raster.
        point_radius_px: How far from a landslide point, accepted or proposed, nothing may be learned by pixel.
    """
    places: dict[str, BaseGeometry] = {}
    accepted: set[str] = set()
    landslides: dict[str, BaseGeometry] = {}
    negatives: dict[str, BaseGeometry] = {}
    proposed: list[BaseGeometry] = []
    areas: list[BaseGeometry] = []
    raster = box(0, 0, facts.width, facts.height)
    for label in sorted(labels, key=_order):
        if label.cls is LabelClass.landslide_point:
            place = to_pixels(label.geometry_lonlat, facts)
            if label.status is not LabelStatus.rejected and place.intersects(raster):
                places[label.uid] = place
                accepted |= {label.uid} if label.status is LabelStatus.accepted else set()
            continue
        geometry, _ = shapes.repair(to_pixels(label.geometry_lonlat, facts).intersection(raster))
        if geometry.is_empty:
            continue
        match label.cls, label.status:
            case LabelClass.landslide, LabelStatus.accepted:
                landslides[label.uid] = geometry
            case LabelClass.landslide, LabelStatus.proposed:
                proposed.append(geometry)
            case (LabelClass.landslide, LabelStatus.rejected) | (
                LabelClass.hard_negative,
                LabelStatus.accepted | LabelStatus.rejected,
            ):
                negatives[label.uid] = geometry
            case LabelClass.label_area, LabelStatus.accepted:
                areas.append(geometry)
    outlined = shapely.STRtree(list(landslides.values()))
    places = {uid: place for uid, place in places.items() if not len(outlined.query(place, predicate="intersects"))}
    discs = [place.buffer(point_radius_px) for place in places.values()]
    burnt = [
        *((geometry, BACKGROUND) for geometry in areas),
        *((geometry, IGNORE) for geometry in (*proposed, *discs)),
        *((places[uid].buffer(SPOT_PX), SPOT) for uid in places if uid in accepted),
        *((geometry, BACKGROUND) for geometry in negatives.values()),
        *((geometry, LANDSLIDE) for geometry in landslides.values()),
    ]
    return Ground(
        landslides=landslides,
        points={uid: place for uid, place in places.items() if uid in accepted},
        doubtful=discs,
        negatives=negatives,
        proposed=proposed,
        areas=shapely.union_all(areas),
        _shapes=[geometry for geometry, _ in burnt],
        _values=np.array([value for _, value in burnt], np.uint8),
        _tree=shapely.STRtree([geometry for geometry, _ in burnt]),
    )


def _order(label: Label) -> tuple[tuple[float, ...], bytes, str]:
    return label.geometry_lonlat.bounds, label.geometry_lonlat.wkb, label.uid


def to_pixels(geometry_lonlat: BaseGeometry, facts: RasterFacts) -> BaseGeometry:
    """Carry a geometry from longitude/latitude to pixel coordinates (col, row); rotated transforms too."""
    to_grid = ~Affine(*facts.transform)
    carried = crs.from_lonlat(geometry_lonlat, facts.crs_wkt)
    in_crs = carried if carried.geom_type == "Point" else shapes.repair(carried)[0]
    return affine_transform(in_crs, [to_grid.a, to_grid.b, to_grid.d, to_grid.e, to_grid.c, to_grid.f])


def to_lonlat(geometry_px: BaseGeometry, facts: RasterFacts) -> BaseGeometry:
    """Carry a geometry from pixel coordinates to longitude/latitude; the inverse of `to_pixels`."""
    a, b, c, d, e, f = facts.transform
    return crs.to_lonlat(affine_transform(geometry_px, [a, b, d, e, c, f]), facts.crs_wkt)


def window_box(window: Window) -> BaseGeometry:
    """Give a window's outline in pixel coordinates."""
    return box(window.col_off, window.row_off, window.col_off + window.width, window.row_off + window.height)
