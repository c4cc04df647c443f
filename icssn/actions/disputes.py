"""Labels that the last cross-validation of a scene disputes, as long as nobody has answered them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import shapely

from icssn.actions.crossvalidating import latest_job
from icssn.records import Dispute, Label, LabelClass, LabelStatus, LabelWarning, WarningKind
from icssn.store import labels
from icssn.store.workspace import Workspace


def disputed_labels(ws: Workspace, scene_id: str) -> list[Dispute]:
    """Give what the last cross-validation of a scene disputes and nobody has answered since, the surest first.

    A label is answered by any change to it: its outline, its class, or its confidence. Ground is answered by an outline
    on it, of a landslide or of what only looks like one.
    """
    return open_disputes(ws, scene_id, {label.uid: label for label in labels.current(ws.db, scene_id)})


def open_disputes(ws: Workspace, scene_id: str, standing: Mapping[str, Label]) -> list[Dispute]:
    """Do the same for labels as they would stand after edits that are not saved yet.

    Args:
        ws: Where.
        scene_id: The scene.
        standing: By uid; one that is changed but not saved has another version than it was judged with.
    """
    job = latest_job(ws, scene_id)
    found = [Dispute.model_validate(item) for item in (job.result.get("disputes", []) if job else [])]
    answers = shapely.STRtree(
        [
            label.geometry_lonlat
            for label in standing.values()
            if label.cls is not LabelClass.label_area and label.status is not LabelStatus.proposed
        ]
    )
    return [
        dispute
        for dispute in found
        if (
            _as_it_was(standing.get(dispute.uid), dispute)
            if dispute.uid
            else not len(answers.query(dispute.geometry_lonlat, predicate="intersects"))
        )
    ]


def dispute_warnings(disputes: Sequence[Dispute]) -> list[LabelWarning]:
    """Put disputes as warnings about labels."""
    warnings = []
    for dispute in disputes:
        place = dispute.geometry_lonlat.representative_point()
        share, mean = f"{dispute.found:.0%}", f"{dispute.probability:.0%}"
        text = (
            f"Models that never saw this label find {share} of it, at a mean probability of {mean}."
            if dispute.uid
            else f"Models that never saw this ground take it for a landslide, at a mean probability of {mean}."
        )
        warnings.append(
            LabelWarning(
                kind=WarningKind.disputed if dispute.uid else WarningKind.overlooked,
                uids=(dispute.uid,) if dispute.uid else (),
                at_lonlat=(place.x, place.y),
                text=text,
                ground_lonlat=None if dispute.uid else dispute.geometry_lonlat,
            )
        )
    return warnings


def _as_it_was(label: Label | None, dispute: Dispute) -> bool:
    return (
        label is not None
        and label.version == dispute.version
        and label.cls is LabelClass.landslide
        and label.status is LabelStatus.accepted
    )
