"""Our records as the maps in the browser read them: values for JSON, geometries as GeoJSON in longitude/latitude."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shapely.geometry import mapping

from icssn.geo.crs import area_m2
from icssn.records import Candidate, Label, LabelClass, LabelConflict, LabelVersion, LabelWarning
from icssn.review.priority import Ranked, is_faint


def labels(every: Iterable[Label], *, points: bool = False) -> list[dict[str, Any]]:
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
        for label in every
        if points or label.cls is not LabelClass.landslide_point
    ]


def warning(found: LabelWarning) -> dict[str, Any]:
    """Give a warning as the editor reads it; `ground` is the outline that is meant where there is no label, or null."""
    return {
        "kind": found.kind,
        "uids": found.uids,
        "at": found.at_lonlat,
        "text": found.text,
        "ground": mapping(found.ground_lonlat) if found.ground_lonlat is not None else None,
    }


def version(row: LabelVersion) -> dict[str, Any]:
    """Give one version of a label; no geometry: it was deleted."""
    return {
        "uid": row.uid,
        "version": row.version,
        "revision": row.revision,
        "operation": row.operation,
        "geometry": mapping(row.geometry_lonlat) if row.geometry_lonlat is not None else None,
        "cls": row.cls,
        "status": row.status,
        "source": row.source,
        "attributes": row.attributes,
        "actor": row.actor,
        "at": row.at.isoformat(),
    }


def conflicts(every: Iterable[LabelConflict]) -> list[dict[str, Any]]:
    """Give conflicts for the editor, which has its own side: ``[{uid, base, theirs}]``, versions or null.

    To save my side after all, send it again with ``expected_version`` of `theirs`; where `theirs` was deleted, create
    the label anew under the same uid.
    """
    return [
        {
            "uid": conflict.uid,
            "base": version(conflict.base) if conflict.base else None,
            "theirs": version(conflict.theirs) if conflict.theirs else None,
        }
        for conflict in every
    ]


def candidates(every: Iterable[Candidate]) -> list[dict[str, Any]]:
    """Give candidates as the review map reads them, highest score first; areas in m², scores in [0, 1]."""
    return [_candidate(candidate) for candidate in sorted(every, key=lambda candidate: -candidate.score)]


def queue(ranked: Iterable[Ranked], *, threshold: float) -> list[dict[str, Any]]:
    """Give a queue as the review map reads it, in its order; reasons are keys of the catalogue, ``map.why_…``."""
    return [
        _candidate(place.candidate)
        | {
            "priority": place.priority,
            "reasons": place.reasons,
            "faint": is_faint(place.candidate, threshold),
            "band_m": place.envelope.width_m if place.envelope else None,
            "unknown": place.envelope.unknown if place.envelope else 0.0,
        }
        for place in ranked
    ]


def _candidate(candidate: Candidate) -> dict[str, Any]:
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
