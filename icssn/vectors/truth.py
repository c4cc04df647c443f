"""Truth from a vector file: what it says of a scene's ground, as labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from icssn.geo import shapes
from icssn.records import Label, LabelClass, LabelStatus, Scene
from icssn.vectors import check, mapping
from icssn.vectors.features import LONLAT
from icssn.vectors.read import carried, nothing, status_of
from icssn.vectors.source import features


@dataclass(frozen=True)
class Truth:
    """What a vector file says of a scene's ground.

    Attributes:
        labels: Of all classes and states that touch the scene; label areas hold what can be judged.
        features: How many the file has.
        landslides: How many of them are accepted landslides on ground that can be judged.
    """

    labels: tuple[Label, ...]
    features: int
    landslides: int


def read_truth(path: Path, *, scene: Scene) -> Truth:
    """Read where landslides are, where none are, and what is unknown.

    An export of ours keeps classes and states; of another file every polygon is a landslide. A file without accepted
    label areas tells of the whole scene, which is then a label area.

    Args:
        path: Of the file; see `icssn.vectors.source`.
        scene: The scene that it tells of. What lies beside it is passed over, as are points and lines of a file that
            is no export of ours.

    Raises:
        LabelsRefusedError: The file cannot be read, declares no CRS, or has a feature without a geometry.
    """
    found = features(path, facts=scene.facts, scene_name=scene.name)
    if not found.rows:
        raise nothing(path)
    ours = mapping.is_ours(found.columns, found.rows)
    to_lonlat = Transformer.from_crs(found.crs, LONLAT, always_xy=True)
    outline = check.scene_outline(scene.facts)
    labels = []
    everywhere = True
    for number, (row, geometry) in enumerate(zip(found.rows, found.geometries, strict=True), start=1):
        cls = (mapping.class_of(row) if ours else None) or LabelClass.landslide
        status = status_of(row.get("status")) if ours else LabelStatus.accepted
        everywhere &= (cls, status) != (LabelClass.label_area, LabelStatus.accepted)
        place = _sound(carried(path, number, geometry, to_lonlat), cls, near=outline)
        if place.intersects(outline):
            labels.append(Label(uid=f"{number}", scene_id=scene.id, geometry_lonlat=place, cls=cls, status=status))
    if everywhere:
        labels.append(Label(scene_id=scene.id, **dict(check.whole_scene_area(scene.facts))))
    judged = shapely.union_all(_accepted(labels, LabelClass.label_area))
    slides = _accepted(labels, LabelClass.landslide)
    return Truth(tuple(labels), len(found.rows), sum(slide.intersects(judged) for slide in slides))


def _accepted(labels: list[Label], cls: LabelClass) -> list[BaseGeometry]:
    return [label.geometry_lonlat for label in labels if label.cls is cls and label.status is LabelStatus.accepted]


def _sound(lonlat: BaseGeometry, cls: LabelClass, *, near: BaseGeometry) -> BaseGeometry:
    """Give what can be drawn of a geometry, or nothing where it is empty, off the Earth or far from the scene."""
    if not (all(map(math.isfinite, lonlat.bounds)) and shapely.box(*lonlat.bounds).intersects(near)):
        return shapely.Polygon()
    return lonlat if cls is LabelClass.landslide_point else shapes.repair(lonlat)[0]
