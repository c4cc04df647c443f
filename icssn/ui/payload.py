"""Between the maps in the browser and our records: pure functions, nothing trusted that a browser sends."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from icssn import landslide_record
from icssn.errors import ConfigError, LabelsRefusedError
from icssn.geo.crs import area_m2
from icssn.records import (
    Candidate,
    CandidateStatus,
    Decision,
    Edits,
    Label,
    LabelChange,
    LabelClass,
    LabelConflict,
    LabelDeletion,
    LabelSource,
    LabelStatus,
    LabelVersion,
    LabelWarning,
    NewLabel,
)
from icssn.review.priority import Ranked, is_faint

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
        raise _refused(err) from err


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


def label_items(labels: Iterable[Label], *, points: bool = False) -> list[dict[str, Any]]:
    """Give labels as the maps read them, point labels only if asked for; areas in m², geodesic."""
    return [
        {
            "uid": label.uid,
            "geometry": mapping(label.geometry_lonlat),
            "cls": label.cls,
            "status": label.status,
            "source": label.source,
            "attributes": label.attributes,
            "version": label.version,
            "area": 0.0 if label.cls is LabelClass.landslide_point else area_m2(label.geometry_lonlat),
            "by": label.updated_by,
            "at": label.updated_at.isoformat(),
        }
        for label in labels
        if points or label.cls is not LabelClass.landslide_point
    ]


def warning_item(warning: LabelWarning) -> dict[str, Any]:
    """Give a warning as the editor reads it; `ground` is the outline that is meant where there is no label, or null."""
    return {
        "kind": warning.kind,
        "uids": warning.uids,
        "at": warning.at_lonlat,
        "text": warning.text,
        "ground": mapping(warning.ground_lonlat) if warning.ground_lonlat is not None else None,
    }


def version_item(version: LabelVersion) -> dict[str, Any]:
    """Give one version of a label; no geometry: it was deleted."""
    return {
        "uid": version.uid,
        "version": version.version,
        "revision": version.revision,
        "operation": version.operation,
        "geometry": mapping(version.geometry_lonlat) if version.geometry_lonlat is not None else None,
        "cls": version.cls,
        "status": version.status,
        "source": version.source,
        "attributes": version.attributes,
        "actor": version.actor,
        "at": version.at.isoformat(),
    }


def conflict_items(conflicts: Iterable[LabelConflict]) -> list[dict[str, Any]]:
    """Give conflicts for the editor, which has its own side: ``[{uid, base, theirs}]``, versions or null.

    To save my side after all, send it again with ``expected_version`` of `theirs`; where `theirs` was deleted, create
    the label anew under the same uid.
    """
    return [
        {
            "uid": conflict.uid,
            "base": version_item(conflict.base) if conflict.base else None,
            "theirs": version_item(conflict.theirs) if conflict.theirs else None,
        }
        for conflict in conflicts
    ]


def candidate_items(candidates: Iterable[Candidate]) -> list[dict[str, Any]]:
    """Give candidates as the review map reads them, highest score first; areas in m², scores in [0, 1]."""
    return [_candidate_item(candidate) for candidate in sorted(candidates, key=lambda candidate: -candidate.score)]


def queue_items(ranked: Iterable[Ranked], *, threshold: float) -> list[dict[str, Any]]:
    """Give a queue as the review map reads it, in its order; reasons are keys of the catalogue, ``map.why_…``."""
    return [
        _candidate_item(place.candidate)
        | {
            "priority": place.priority,
            "reasons": place.reasons,
            "faint": is_faint(place.candidate, threshold),
            "band_m": place.envelope.width_m if place.envelope else None,
            "unknown": place.envelope.unknown if place.envelope else 0.0,
        }
        for place in ranked
    ]


def settings(text: str) -> dict[str, str]:
    """Read ``KEY=VALUE`` lines, e.g. ``segment.steps=300``; empty lines and ``#`` comments are skipped.

    Raises:
        ConfigError: A line has no ``=``.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        wanted = line.split("#")[0].strip()
        if not wanted:
            continue
        key, equals, value = wanted.partition("=")
        if not equals or not key.strip():
            raise ConfigError(wanted, wanted, "written as KEY=VALUE, e.g. segment.steps=300")
        found[key.strip()] = value.strip()
    return found


def _candidate_item(candidate: Candidate) -> dict[str, Any]:
    return {
        "id": candidate.id,
        "geometry": mapping(candidate.geometry_lonlat),
        "status": candidate.status,
        "look_alike": candidate.look_alike,
        "area": candidate.area_m2,
        "score": candidate.score,
        "mask_score": candidate.mask_score,
        "classifier_score": candidate.classifier_score,
    }


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
