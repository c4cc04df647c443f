"""The edits of a Save before they are applied: which labels they name, and which of them cannot be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import shapely
from shapely.geometry.base import BaseGeometry

from icssn.errors import LabelsRefusedError
from icssn.records import Edits, Label, LabelClass


def named(edits: Edits) -> list[str]:
    """Give the uids of all labels that edits create, change or delete."""
    created = [new.uid for new in edits.created]
    return created + [change.uid for change in edits.changed] + [gone.uid for gone in edits.deleted]


def refuse_repeats(edits: Edits) -> None:
    """Refuse edits that name a label twice.

    Raises:
        LabelsRefusedError: They do.
    """
    for uid, count in Counter(named(edits)).items():
        if count > 1:
            raise LabelsRefusedError(
                uid, found="one save names it twice", needed="one edit per label", remedy="Save again."
            )


def refuse_misfits(labels: Iterable[Label]) -> None:
    """Refuse labels whose geometry does not fit their class, or the globe.

    Raises:
        LabelsRefusedError: One does not.
    """
    for label in labels:
        is_point = label.cls is LabelClass.landslide_point
        if fault := _fault(label.geometry_lonlat, ("Point",) if is_point else ("Polygon", "MultiPolygon")):
            raise LabelsRefusedError(
                label.uid,
                found=fault,
                needed=f"a {'point' if is_point else 'polygon'} in longitude −180…180 and latitude −90…90",
                remedy="Draw it again inside the image.",
            )


def _fault(geometry: BaseGeometry, fitting: tuple[str, ...]) -> str:
    if geometry.geom_type not in fitting:
        return f"the geometry is a {geometry.geom_type}"
    if geometry.is_empty:
        return f"the {fitting[0].lower()} is empty"
    corners = shapely.get_coordinates(geometry)
    if not (abs(corners) <= (180.0, 90.0)).all():  # false for NaN, too
        return "a corner lies outside the globe"
    return ""
