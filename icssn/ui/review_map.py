"""The review map: a prediction over its scene, its candidates, and what is decided about them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import streamlit as st

from icssn import actions
from icssn.errors import IcssnError
from icssn.records import Candidate, CandidateStatus, Checkpoint, Prediction, Scene
from icssn.store.workspace import Workspace
from icssn.ui import map as maps
from icssn.ui import measures, palette, payload
from icssn.ui.wording import phrase

_LEGEND = [
    ("legend_open", "open"),
    ("legend_known", "known"),
    ("landslide", "landslide"),
    ("hard_negative", "hard_negative"),
    ("legend_unsure", "unsure"),
    ("label_area", "label_area"),
]
_KEYS = [
    ("N / P", "key_next"),
    ("A", "accept"),
    ("X", "key_reject"),
    ("U", "unsure"),
    ("S", "swipe"),
    ("[  ]", "threshold"),
    ("Esc", "key_escape"),
]


def review(ws: Workspace, scene: Scene, main: Prediction | None, other: Prediction | None) -> None:
    """Show the map; a decision of the browser is saved before the page runs again."""
    answer = f"answer_review_{scene.id}"
    found = actions.list_candidates(ws, main.id) if main else []
    legend = _LEGEND if main else _LEGEND[2:3] + _LEGEND[5:]
    if main:
        legend = [("mask", palette.mask_colour()), *legend]
    maps.show(
        "review",
        scene,
        key=f"review_{scene.id}",
        legend=[*legend, ("other_outline", "other")] if other else legend,
        keys=_KEYS,
        options={
            "lookAlikes": payload.LOOK_ALIKES,
            "mask": palette.mask_colour(),
            "ramp": palette.probability_ramp(),
            "main": _overlay(ws, scene, main),
            "other": _overlay(ws, scene, other),
        },
        contents={
            "candidates": payload.candidate_items(found),
            "others": payload.candidate_items(actions.list_candidates(ws, other.id)) if other else [],
            "labels": payload.label_items(actions.list_labels(ws, scene.id)),
            "answer": st.session_state.get(answer),
        },
        on_event=lambda event: st.session_state.update({answer: decided(ws, scene.id, found, event)}),
    )


def decided(ws: Workspace, scene_id: str, found: list[Candidate], event: dict[str, Any]) -> dict[str, Any]:
    """Save the decisions of one message and give the answer for the browser: ``{nonce, ok, text}``."""
    try:
        decisions = payload.decisions(event)
        saved = actions.review(ws, scene_id, decisions)
    except IcssnError as err:
        return {"nonce": event.get("nonce"), "ok": False, "text": str(err)}
    area = {candidate.id: candidate.area_m2 for candidate in found}
    if len(decisions) == 1:
        only = decisions[0]
        text = phrase(
            f"review.did_{only.status}",
            area=measures.area(area.get(only.candidate_id, 0.0)),
            kind=phrase(f"map.look_{only.look_alike or 'other'}"),
            revision=saved.revision,
        )
    else:
        count = Counter(decision.status for decision in decisions)
        text = phrase(
            "review.did_several",
            accepted=count[CandidateStatus.accepted],
            rejected=count[CandidateStatus.rejected],
            unsure=count[CandidateStatus.unsure],
            revision=saved.revision,
        )
    return {"nonce": event["nonce"], "ok": True, "text": text}


def prediction_name(prediction: Prediction, checkpoints: dict[str, Checkpoint]) -> str:
    """Give a prediction's name: run and round, moment, number of candidates."""
    checkpoint = checkpoints.get(prediction.checkpoint_id)
    return phrase(
        "review.prediction_name",
        run=checkpoint.run_id[:4] if checkpoint else "?",
        round=checkpoint.round if checkpoint else "?",
        when=measures.moment(prediction.created_at)[5:],
        count=prediction.candidate_count,
    )


def _overlay(ws: Workspace, scene: Scene, prediction: Prediction | None) -> dict[str, Any] | None:
    if prediction is None:
        return None
    checkpoints = {checkpoint.id: checkpoint for checkpoint in actions.list_checkpoints(ws)}
    return {
        "name": prediction_name(prediction, checkpoints),
        "threshold": prediction.threshold,
        "url": maps.tile_url("probability", prediction.id),
        "zoom": maps.native_zoom(scene),
    }
