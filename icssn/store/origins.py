"""Where labels come from: who made them first, when, and which model proposed them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select

from icssn.records import LabelOrigin
from icssn.store import rows
from icssn.store.database import Database
from icssn.store.tables import candidate, checkpoint, prediction
from icssn.store.tables import label_history as past


def origins(db: Database, scene_id: str) -> dict[str, LabelOrigin]:
    """Give the origin of every label a scene ever had, by uid."""
    first = select(func.min(past.c.seq)).where(past.c.scene_id == scene_id).group_by(past.c.uid)
    made = select(past.c.uid, past.c.actor, past.c.at).where(past.c.seq.in_(first))
    proposed = (
        select(candidate.c.label_uid, candidate.c.geometry_lonlat, checkpoint.c.run_id, checkpoint.c.round)
        .join(prediction, prediction.c.id == candidate.c.prediction_id)
        .join(checkpoint, checkpoint.c.id == prediction.c.checkpoint_id)
        .where(candidate.c.scene_id == scene_id, candidate.c.label_uid != "")
    )
    with db.read() as connection:
        by_model = {row.label_uid: row for row in connection.execute(proposed)}
        return {
            row.uid: LabelOrigin(
                uid=row.uid,
                mapper=row.actor,
                at=row.at,
                model_round=f"{model.run_id}/{model.round}" if (model := by_model.get(row.uid)) else "",
                proposed_lonlat=model.geometry_lonlat if model else None,
            )
            for row in connection.execute(made)
        }


def known(db: Database, uids: Iterable[str]) -> set[str]:
    """Give those of the uids that any label of any scene ever had."""
    found: set[str] = set()
    with db.read() as connection:
        for batch in rows.batches(uids):
            found.update(connection.scalars(select(past.c.uid).where(past.c.uid.in_(batch)).distinct()))
    return found
