"""Accept or refuse label geometries before they reach the store."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from icssn import landslide_record
from icssn.errors import LabelsRefusedError
from icssn.geo import crs, shapes
from icssn.records import Edits, LabelChange, LabelClass, NewLabel, RasterFacts

MAX_VERTICES = 100_000  # per label; the largest polygon of the public inventories we read has fewer than 5,000
MIN_AREA_M2 = 0.1  # corners on one line still enclose a little after rounding

AnyEdit = TypeVar("AnyEdit", NewLabel, LabelChange)


def checked(edits: Edits, *, facts: RasterFacts, name: str) -> Edits:
    """Give the edits with every geometry valid, in longitude/latitude and touching the scene, attributes checked.

    A self-crossing outline is repaired, as the geologist saw it drawn; everything else that is wrong is refused.

    Raises:
        AttributeRefusedError: A value of the landslide record lies outside its domain.
        LabelsRefusedError: A geometry does not fit its class, is not finite, degenerate, too large or beside the
            scene.
    """
    area = scene_outline(facts)

    def fit(item: AnyEdit) -> AnyEdit:
        fitting: dict[str, Any] = {}
        if item.geometry_lonlat is not None:
            fitting["geometry_lonlat"] = sound_geometry(item.geometry_lonlat, cls=item.cls, area=area, name=name)
        if item.attributes:
            fitting["attributes"] = landslide_record.checked(item.attributes)
        return item.model_copy(update=fitting)

    return edits.model_copy(
        update={"created": tuple(map(fit, edits.created)), "changed": tuple(map(fit, edits.changed))}
    )


def repaired_uids(edits: Edits) -> tuple[str, ...]:
    """Name the labels whose outline `checked` repairs."""
    outlines = [(item.uid, item.geometry_lonlat) for item in edits.created]
    outlines += [(item.uid, item.geometry_lonlat) for item in edits.changed if item.geometry_lonlat is not None]
    return tuple(uid for uid, outline in outlines if not outline.is_valid)


def sound_geometry(geometry: BaseGeometry, *, cls: LabelClass | None, area: Polygon, name: str) -> BaseGeometry:
    """Give a geometry that fits its class and touches `area`, in longitude/latitude, or refuse it.

    Args:
        geometry: As it came.
        cls: Of the label; None where only the geometry of a label changes, whose class the store knows.
        area: The scene's outline.
        name: What the message calls it.
    """
    is_point = geometry.geom_type == "Point" if cls is None else cls is LabelClass.landslide_point
    sound = sound_point(geometry, name=name) if is_point else repaired_polygon(geometry, name=name)[0]
    if not sound.intersects(area):
        what = "point" if is_point else "polygon"
        raise LabelsRefusedError(
            name,
            found=f"a {what} lies {'' if is_point else 'wholly '}outside the image",
            needed=f"a {what} that touches the image",
            remedy="Draw it on the image, or open the scene it belongs to.",
        )
    return sound


def sound_point(geometry: BaseGeometry, *, name: str) -> BaseGeometry:
    """Give one point on the Earth in longitude/latitude; a multipoint of one point is that point.

    Raises:
        LabelsRefusedError: It is something else.
    """
    points = shapely.get_parts(geometry)
    if geometry.geom_type not in ("Point", "MultiPoint") or len(points) != 1:
        raise LabelsRefusedError(
            name,
            found=f"a geometry of type {geometry.geom_type}",
            needed="one Point for each landslide",
            remedy="Split multipoints in your GIS; outlines are imported as polygons, not as points.",
        )
    x, y = shapely.get_coordinates(geometry)[0] if not geometry.is_empty else (math.nan, math.nan)
    if not (-180 <= x <= 180 and -90 <= y <= 90):
        raise _not_on_earth("point", name)
    return points[0]


def repaired_polygon(geometry: BaseGeometry, *, name: str) -> tuple[BaseGeometry, bool]:
    """Give a valid Polygon or MultiPolygon and whether it had to be repaired.

    Args:
        geometry: In EPSG:4326 longitude/latitude.
        name: What the message calls it.

    Raises:
        LabelsRefusedError: It is no polygon, has impossible coordinates, lies across 180° of longitude in one part,
            or nothing is left of it.
    """
    if geometry.geom_type not in ("Polygon", "MultiPolygon"):
        raise LabelsRefusedError(
            name,
            found=f"a geometry of type {geometry.geom_type}",
            needed="Polygon or MultiPolygon",
            remedy="Points can be imported as landslide points (--points); convert lines to polygons in your GIS."
            if geometry.geom_type in ("Point", "MultiPoint", "LineString", "MultiLineString")
            else "Convert it to polygons in your GIS, or draw the outline here.",
        )
    if shapely.get_num_coordinates(geometry) > MAX_VERTICES:
        raise LabelsRefusedError(
            name,
            found=f"a polygon with {shapely.get_num_coordinates(geometry):,} vertices",
            needed=f"at most {MAX_VERTICES:,}",
            remedy="Simplify it in your GIS first.",
        )
    west, south, east, north = geometry.bounds if not geometry.is_empty else (math.nan,) * 4
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise _not_on_earth("polygon", name)
    if any(right - left > 180 for left, _, right, _ in shapely.bounds(shapely.get_parts(geometry))):
        raise LabelsRefusedError(
            name,
            found="a polygon across 180° of longitude",
            needed="a polygon on one side of it, or a part on each",
            remedy="Split it there in your GIS.",
        )
    polygon, repaired = shapes.repair(geometry)
    if polygon.is_empty or crs.area_m2(polygon) < MIN_AREA_M2:
        raise LabelsRefusedError(
            name,
            found="a polygon without area",
            needed="an outline that encloses ground",
            remedy="Draw at least three corners that do not lie on one line.",
        )
    return polygon, repaired


def scene_outline(facts: RasterFacts) -> Polygon:
    """Give the outline of a scene in longitude/latitude, its sides densified so that they follow the projection."""
    a, b, c, d, e, f = facts.transform
    corners = [(0, 0), (facts.width, 0), (facts.width, facts.height), (0, facts.height)]
    outline = Polygon([(a * col + b * row + c, d * col + e * row + f) for col, row in corners])
    return Polygon(crs.to_lonlat(outline.segmentize(outline.length / 80), facts.crs_wkt))


def whole_scene_area(facts: RasterFacts) -> NewLabel:
    """Give a label area that covers the whole scene: every landslide in the image has been labelled."""
    return NewLabel(geometry_lonlat=scene_outline(facts), cls=LabelClass.label_area)


def _not_on_earth(what: str, name: str) -> LabelsRefusedError:
    return LabelsRefusedError(
        name,
        found=f"an empty {what}, or coordinates that are not longitude and latitude",
        needed="finite coordinates on the Earth",
        remedy="Check the coordinate system that the file declares, and that longitude comes before latitude.",
    )
