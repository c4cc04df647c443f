"""Warnings about labels, found while labelling: what looks like a slip of the pen. Nothing is refused for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from icssn.geo import crs
from icssn.records import Label, LabelClass, LabelStatus, LabelWarning, RasterFacts, WarningKind
from icssn.vectors.check import scene_outline

OVERLAP_SHARE = 0.02  # of the smaller outline; neighbours drawn along one boundary overlap by less
SAME_SHARE = 0.9  # common area / united area from which on two outlines are the same landslide twice
SLIVER_PX = 2.0  # mean width in pixels, below which a network cannot see it and it was hardly meant
OUTSIDE_SHARE = 0.01  # of the outline; the edge of an image is no nearer known
NODATA_SHARE = 0.05  # of the outline; the outlines of nodata come from a coarse look
LEAST_PX = 25  # of area: five by five pixels
MOST_OF_SCENE = 0.25  # of the scene's area
FAR_FROM_MEDIAN = 100.0  # times smaller or larger than the scene's median landslide
FEW = 8  # landslides from which on a median says something
_THIN_ROLES = ("scarp_line", "toe_line")  # lines that are drawn as strips


def warnings_about(
    labels: Sequence[Label], *, facts: RasterFacts, nodata_lonlat: Sequence[BaseGeometry] = ()
) -> list[LabelWarning]:
    """Give the warnings about a scene's labels in order of their kinds; label areas and rejected labels get none.

    Areas and widths are measured in metres on a plane that touches the ellipsoid in the middle of the scene.

    Args:
        labels: Of one scene, drafts included; of outlines that cross themselves nothing else is told.
        facts: The scene's raster.
        nodata_lonlat: Outlines of ground without image, see `icssn.imagery.valid`.
    """
    looked_at = [
        item for item in labels if item.cls is not LabelClass.label_area and item.status is not LabelStatus.rejected
    ]
    sound = [item.geometry_lonlat.is_valid for item in looked_at]
    west, south, east, north = facts.bounds_lonlat
    scene = _Scene(facts, ((west + east) / 2, (south + north) / 2))
    everything = scene.sheet([item for item, valid in zip(looked_at, sound, strict=True) if valid])
    outlines = everything.only(item.cls is not LabelClass.landslide_point for item in everything.labels)
    return [
        *(_crossing(item) for item, valid in zip(looked_at, sound, strict=True) if not valid),
        *_overlaps(outlines),
        *_points_in_outlines(everything),
        *_slivers(outlines),
        *_outside(everything),
        *_on_nodata(everything, nodata_lonlat),
        *_unlikely_sizes(outlines),
    ]


@dataclass(frozen=True)
class _Scene:
    """The scene and the middle of the plane in which everything is measured."""

    facts: RasterFacts
    origin: tuple[float, float]

    def sheet(self, labels: list[Label]) -> _Sheet:
        return _Sheet(self, labels, crs.to_plane([label.geometry_lonlat for label in labels], self.origin))


@dataclass(frozen=True)
class _Sheet:
    """Labels and their shapes on the plane, m."""

    scene: _Scene
    labels: list[Label]
    shapes: crs.Geometries

    def only(self, wanted: Iterable[bool]) -> _Sheet:
        kept = [i for i, want in enumerate(wanted) if want]
        return _Sheet(self.scene, [self.labels[i] for i in kept], self.shapes[kept])

    def warning(self, kind: WarningKind, labels: Sequence[int], where: BaseGeometry, text: str) -> LabelWarning:
        """Warn about labels by number; `where` is on the plane."""
        (place,) = crs.from_plane([where.representative_point()], self.scene.origin)
        uids = tuple(self.labels[i].uid for i in labels)
        return LabelWarning(kind=kind, uids=uids, at_lonlat=(place.x, place.y), text=text)


def _crossing(label: Label) -> LabelWarning:
    reason = shapely.is_valid_reason(label.geometry_lonlat)  # "Self-intersection[104.1 35.2]"
    words = reason.partition("[")[2].rstrip("]").split()
    middle = label.geometry_lonlat.envelope.centroid
    return LabelWarning(
        kind=WarningKind.self_crossing,
        uids=(label.uid,),
        at_lonlat=(float(words[0]), float(words[1])) if len(words) >= 2 else (middle.x, middle.y),
        text="The outline crosses itself; saving repairs it.",
    )


def _overlaps(outlines: _Sheet) -> Iterator[LabelWarning]:
    shapes, areas = outlines.shapes, shapely.area(outlines.shapes)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    both = shapely.intersection(shapes[first], shapes[second])
    common = shapely.area(both)
    share = common / np.minimum(areas[first], areas[second])
    same = common / (areas[first] + areas[second] - common)
    for i in np.flatnonzero(share > OVERLAP_SHARE):
        one, other = outlines.labels[first[i]], outlines.labels[second[i]]
        if one.attributes.get("part_of") == other.uid or other.attributes.get("part_of") == one.uid:
            continue
        twice = same[i] >= SAME_SHARE and one.cls is other.cls
        kind = WarningKind.duplicate if twice else WarningKind.overlap
        overlap = f"Overlaps another label: {share[i]:.0%} of the smaller one."
        text = "The same landslide seems to be drawn twice." if twice else overlap
        yield outlines.warning(kind, [first[i], second[i]], both[i], text)


def _points_in_outlines(everything: _Sheet) -> Iterator[LabelWarning]:
    classes = np.array([label.cls for label in everything.labels], object)
    points, slides = (np.flatnonzero(classes == cls) for cls in (LabelClass.landslide_point, LabelClass.landslide))
    found = shapely.STRtree(everything.shapes[slides]).query(everything.shapes[points], predicate="intersects")
    for point, slide in found.T:
        pair = [points[point], slides[slide]]
        text = "The point lies in an outlined landslide and says nothing more."
        yield everything.warning(WarningKind.duplicate, pair, everything.shapes[pair[0]], text)


def _slivers(outlines: _Sheet) -> Iterator[LabelWarning]:
    parts, whose = shapely.get_parts(outlines.shapes, return_index=True)
    width_m = 2 * shapely.area(parts) / shapely.length(parts)
    thin = np.flatnonzero(width_m < SLIVER_PX * outlines.scene.facts.pixel_size_m)
    for number in np.unique(whose[thin]):
        if outlines.labels[number].attributes.get("geometry_role") in _THIN_ROLES:
            continue
        part = next(i for i in thin if whose[i] == number)
        what = "A part of the outline" if (whose == number).sum() > 1 else "The outline"
        text = f"{what} is only {width_m[part]:.1f} m wide, less than {SLIVER_PX:.0f} pixels."
        yield outlines.warning(WarningKind.sliver, [number], parts[part], text)


def _outside(everything: _Sheet) -> Iterator[LabelWarning]:
    (image,) = crs.to_plane([scene_outline(everything.scene.facts)], everything.scene.origin)
    shapely.prepare(image)
    for i in np.flatnonzero(~shapely.covers(image, everything.shapes)).tolist():
        shape = everything.shapes[i]
        beside = shape.difference(image)
        if shape.geom_type == "Point":
            text = "The point lies outside the image."
        elif beside.area > OUTSIDE_SHARE * shape.area:
            text = f"{beside.area / shape.area:.0%} of the outline lies outside the image."
        else:
            continue
        yield everything.warning(WarningKind.outside_image, [int(i)], beside, text)


def _on_nodata(everything: _Sheet, nodata_lonlat: Sequence[BaseGeometry]) -> Iterator[LabelWarning]:
    bare = crs.to_plane(nodata_lonlat, everything.scene.origin)
    which, patch = shapely.STRtree(bare).query(everything.shapes, predicate="intersects")
    for i in np.unique(which).tolist():
        shape = everything.shapes[i]
        covered = shape.intersection(shapely.union_all(bare[patch[which == i]]))
        if shape.geom_type == "Point":
            text = "The point lies where the image has no data."
        elif covered.area > NODATA_SHARE * shape.area:
            text = f"{covered.area / shape.area:.0%} of the outline lies where the image has no data."
        else:
            continue
        yield everything.warning(WarningKind.on_nodata, [i], covered, text)


def _unlikely_sizes(outlines: _Sheet) -> Iterator[LabelWarning]:
    facts = outlines.scene.facts
    areas_px = shapely.area(outlines.shapes) / facts.pixel_size_m**2
    slides = np.array([label.cls is LabelClass.landslide for label in outlines.labels], bool)
    median = float(np.median(areas_px[slides])) if slides.sum() >= FEW else None
    for i, area_px in enumerate(areas_px):
        if area_px < LEAST_PX:
            text = f"The outline covers only {area_px:.0f} pixels."
        elif area_px > MOST_OF_SCENE * facts.width * facts.height:
            text = f"The outline covers {area_px / (facts.width * facts.height):.0%} of the image."
        elif median and area_px < median / FAR_FROM_MEDIAN:
            text = f"The outline is {median / area_px:.0f} times smaller than the scene's middle landslide."
        elif median and area_px > median * FAR_FROM_MEDIAN:
            text = f"The outline is {area_px / median:.0f} times larger than the scene's middle landslide."
        else:
            continue
        yield outlines.warning(WarningKind.unlikely_size, [i], outlines.shapes[i], text)
