"""What the maps in the browser send, read as our records: pure functions, nothing trusted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from icssn import landslide_record
from icssn.errors import LabelsRefusedError
from icssn.records import (
    CandidateStatus,
    Decision,
    Edits,
    LabelChange,
    LabelClass,
    LabelDeletion,
    LabelSource,
    LabelStatus,
    NewLabel,
)

LOOK_ALIKES = tuple(item.code for item in landslide_record.fields()["look_alike"].codes)
"""What a rejected candidate or a hard negative may be instead of a landslide."""


def edits(payload: Mapping[str, Any]) -> Edits:
    """Read one Save of the label editor.

    Args:
        payload: ``{nonce, created: [{uid, geometry, cls, status, source, attributes}], changed: [{uid,
            expected_version, geometry | null, cls, status, attributes}], deleted: [{uid, expected_version}]}``;
            geometries are GeoJSON, longitude/latitude.

    Raises:
        LabelsRefusedError: The payload is not of this form.
    """
    try:
        return Edits(
            nonce=payload["nonce"],
            created=tuple(
                NewLabel(
                    uid=item["uid"],
                    geometry_lonlat=_geometry(item["geometry"], kinds=_fitting(item["cls"])),
                    cls=item["cls"],
                    status=LabelStatus(item["status"]),
                    source=LabelSource(item["source"]),
                    attributes=_attributes(item["cls"], item["attributes"]),
                )
                for item in payload["created"]
            ),
            changed=tuple(
                LabelChange(
                    uid=item["uid"],
                    expected_version=item["expected_version"],
                    geometry_lonlat=None
                    if item["geometry"] is None
                    else _geometry(item["geometry"], kinds=_fitting(item["cls"])),
                    cls=item["cls"],
                    status=LabelStatus(item["status"]),
                    attributes=_attributes(item["cls"], item["attributes"]),
                )
                for item in payload["changed"]
            ),
            deleted=tuple(
                LabelDeletion(uid=item["uid"], expected_version=item["expected_version"]) for item in payload["deleted"]
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError) as err:
        raise err if isinstance(err, LabelsRefusedError) else _refused(err) from err


def decisions(payload: Mapping[str, Any]) -> list[Decision]:
    """Read the decisions of the review map, ``{decisions: [{candidate_id, status, look_alike, geometry}]}``.

    A geometry (GeoJSON, longitude/latitude) is an outline that was corrected before accepting; it may be absent.

    Raises:
        LabelsRefusedError: The payload is not of this form.
    """
    try:
        return [
            Decision(
                candidate_id=item["candidate_id"],
                status=CandidateStatus(item["status"]),
                look_alike=_look_alike(item["look_alike"]) if item["status"] == CandidateStatus.rejected else "",
                geometry_lonlat=_geometry(item["geometry"]) if item.get("geometry") else None,
            )
            for item in payload["decisions"]
        ]
    except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as err:
        raise err if isinstance(err, LabelsRefusedError) else _refused(err) from err


def assignment(payload: Mapping[str, Any]) -> tuple[list[str], str]:
    """Read who is to have which candidates, ``{candidates: [id], person}``.

    Raises:
        LabelsRefusedError: The payload is not of this form.
    """
    ids, person = payload.get("candidates"), payload.get("person")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids) or not isinstance(person, str):
        raise _refused("candidates and a name")
    return ids, person


def draw(payload: Mapping[str, Any]) -> tuple[str, float, str]:
    """Read for whom a second reading is to be drawn, ``{person, share, reading}``.

    Raises:
        LabelsRefusedError: The payload is not of this form.
    """
    person, share, reading_id = payload.get("person"), payload.get("share"), payload.get("reading")
    sound = isinstance(reading_id, str) and re.fullmatch("[0-9a-f]{32}", reading_id)
    if not isinstance(person, str) or not isinstance(share, int | float) or not sound:
        raise _refused("a name and a share")
    return person, float(share), str(reading_id)


def polygon(item: Any) -> BaseGeometry:
    """Read one GeoJSON polygon, longitude/latitude.

    Raises:
        LabelsRefusedError: It is none.
    """
    return _geometry(item)


def measurable(payload: Mapping[str, Any]) -> tuple[BaseGeometry, float | None, str]:
    """Read what is to be measured, ``{geometry, volume_m3 | null, uid | null}``; no uid is an empty one.

    Raises:
        LabelsRefusedError: The payload is not of this form.
    """
    try:
        volume_m3 = payload.get("volume_m3")
        geometry = _geometry(payload["geometry"], kinds=("Polygon", "MultiPolygon", "Point"))
        return geometry, None if volume_m3 is None else float(volume_m3), str(payload.get("uid") or "")
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise err if isinstance(err, LabelsRefusedError) else _refused(err) from err


def _geometry(item: Any, *, kinds: tuple[str, ...] = ("Polygon", "MultiPolygon")) -> BaseGeometry:
    try:
        found = shape(item)
    except (ShapelyError, AttributeError, KeyError, TypeError, ValueError, IndexError) as err:
        raise _refused(err) from err
    if found.geom_type not in kinds or found.is_empty:
        raise _refused(found.geom_type)
    if not all(math.isfinite(value) for value in found.bounds):
        raise _refused("coordinates that are not finite")
    return found


def _fitting(cls: str) -> tuple[str, ...]:
    return ("Point",) if cls == LabelClass.landslide_point else ("Polygon", "MultiPolygon")


def _attributes(cls: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(attributes)
    kind = _look_alike(kept.pop("look_alike", ""))
    return kept | {"look_alike": kind} if kind and cls == LabelClass.hard_negative else kept


def _look_alike(value: object) -> str:
    return str(value) if value in ("", *LOOK_ALIKES) else "other"


def _refused(found: object) -> LabelsRefusedError:
    return LabelsRefusedError(
        "from the map",
        found=f"the browser sent something that cannot be read ({str(found)[:140]})",
        needed="polygons drawn on the map",
        remedy="Reload the page; unsaved edits are kept in this browser.",
    )
