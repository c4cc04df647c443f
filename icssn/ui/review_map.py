"""The review map: a prediction over its scene, its candidates, and what is decided about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import streamlit as st
from shapely.geometry import Polygon, mapping

from icssn import actions
from icssn.errors import IcssnError
from icssn.geo import crs
from icssn.records import Bounds, CandidateStatus, Checkpoint, Decision, Prediction, Scene
from icssn.store.workspace import Workspace
from icssn.ui import map as maps
from icssn.ui import measures, palette, payload, sharing, wording
from icssn.ui.wording import phrase

_LEGEND = [
    ("legend_open", "open"),
    ("legend_faint", "faint"),
    ("legend_known", "known"),
    ("landslide", "landslide"),
    ("hard_negative", "hard_negative"),
    ("legend_unsure", "unsure"),
    ("label_area", "label_area"),
]
_KEYS = [
    ("N / P", "key_next"),
    ("A", "accept"),
    ("E", "key_correct"),
    ("X", "key_reject"),
    ("1–9", "key_reject_as"),
    ("U", "unsure"),
    ("Z", "key_undo"),
    ("S", "swipe"),
    ("[  ]", "threshold"),
    ("B", "key_band"),
    ("I", "key_evidence"),
    ("L", "where_next"),
    ("M", "mappers"),
    ("Esc", "key_escape"),
]


def review(ws: Workspace, scene: Scene, main: Prediction | None, other: Prediction | None) -> None:
    """Show the map; a decision of the browser is saved before the page runs again."""
    answer = f"answer_review_{scene.id}"
    queue = actions.review_queue(ws, main.id) if main else []
    legend = [("mask", palette.mask_colour()), *_LEGEND] if main else [("landslide", "landslide"), _LEGEND[-1]]
    held_out = _held_out(scene) if main else None
    legend += [("other_outline", "other")] if other else []
    legend += [("held_out", "held_out")] if held_out else []
    legend += [("part", "part")] if any(shown and shown.bounds_lonlat for shown in (main, other)) else []
    waiting = actions.reading_to_do(ws, main.id) if main else None
    kept = actions.kept_from(ws, scene.id)
    found = payload.queue_items(queue, threshold=main.threshold) if main else []
    areas = {candidate.id: candidate.area_m2 for candidate in (place.candidate for place in queue)}
    maps.show(
        "review",
        scene,
        key=f"review_{scene.id}",
        legend=legend,
        keys=_KEYS,
        options={
            "lookAlikes": payload.LOOK_ALIKES,
            "mask": palette.mask_colour(),
            "ramp": palette.probability_ramp(),
            "tints": palette.TINTS,
            "heldOut": held_out,
            "main": _overlay(ws, scene, main),
            "other": _overlay(ws, scene, other),
        },
        contents={
            "candidates": sharing.items(ws, main, found, waiting) if main else [],
            "others": sharing.blind(payload.candidate_items(actions.list_candidates(ws, other.id)), kept)
            if other
            else [],
            "labels": payload.label_items(sharing.open_labels(ws, scene.id)),
            "share": sharing.contents(ws, main, waiting) if main else None,
            "next": st.session_state.get(f"next_{main.id}") if main else None,
            "answer": st.session_state.get(answer),
        },
        on_event=lambda event: st.session_state.update({answer: _answered(ws, scene, main, areas, event)}),
    )


def suggested(ws: Workspace, prediction_id: str) -> dict[str, Any]:
    """Give ground to label next as the map shows it, and in a sentence what more labels may bring."""
    gain = actions.expected_gain(ws)
    found = actions.suggest_areas(ws, prediction_id)
    numbers = {} if gain is None else {"expected": gain.expected, "low": gain.low, "high": gain.high}
    return {
        "areas": [{"geometry": mapping(item.geometry_lonlat), "reasons": item.reasons} for item in found],
        "gain": phrase("review.no_gain")
        if gain is None
        else phrase("review.gain", more=gain.more, **{name: f"{value:+.2f}" for name, value in numbers.items()}),
    }


def _answered(
    ws: Workspace, scene: Scene, main: Prediction | None, areas: Mapping[str, float], event: dict[str, Any]
) -> dict[str, Any]:
    """Do what the browser asks for and give the answer for it."""
    kind = event.get("event")
    if main is not None and kind in sharing.EVENTS:
        return sharing.answered(ws, main, event)
    if main is None or kind not in ("suggest", "propose"):
        return _said(ws, scene, main, areas, event)
    kept = f"next_{main.id}"
    try:
        if kind == "propose":
            chosen = payload.polygon(event.get("geometry"))
            actions.propose_area(ws, scene.id, chosen, nonce=str(event["nonce"]))
            text = phrase("review.did_propose")
        else:
            text = phrase("review.did_suggest")
        st.session_state[kept] = suggested(ws, main.id)
    except IcssnError as err:
        return {"nonce": event.get("nonce"), "ok": False, "text": wording.told(str(err))}
    return {"nonce": event.get("nonce"), "ok": True, "text": text}


def _said(
    ws: Workspace, scene: Scene, main: Prediction | None, areas: Mapping[str, float], event: dict[str, Any]
) -> dict[str, Any]:
    """Take decisions and, apart from them, what a second reader says; one message may hold both."""
    items = event.get("decisions")
    again = (
        [item for item in items if isinstance(item, dict) and item.get("reading")] if isinstance(items, list) else []
    )
    if main is None or not again:
        return decided(ws, scene.id, areas, event)
    answer = sharing.read(ws, main, event | {"decisions": again})
    rest = [item for item in event["decisions"] if item not in again]
    if rest and answer["ok"]:
        return decided(ws, scene.id, areas, event | {"decisions": rest})
    if rest:
        decided(ws, scene.id, areas, event | {"decisions": rest})
    return answer


def decided(ws: Workspace, scene_id: str, areas: Mapping[str, float], event: dict[str, Any]) -> dict[str, Any]:
    """Save the decisions of one message and give the answer for the browser: ``{nonce, ok, text}``.

    One decision that is refused does not take the others with it: then each is saved by itself, and the answer says
    what was wrong with the one.

    Args:
        areas: Of the candidates by id, m².
    """
    try:
        decisions = payload.decisions(event)
    except IcssnError as err:
        return {"nonce": event.get("nonce"), "ok": False, "text": wording.told(str(err))}
    revision, refused = 0, ""
    try:
        revision = actions.review(ws, scene_id, decisions).revision
    except IcssnError as err:
        refused = str(err)
        if len(decisions) > 1:
            for decision in decisions:
                try:
                    actions.review(ws, scene_id, [decision])
                except IcssnError as single:
                    refused = str(single)
    text = wording.told(refused) or _confirmed(decisions, areas, revision)
    return {"nonce": event["nonce"], "ok": not refused, "text": text}


def _confirmed(decisions: list[Decision], areas: Mapping[str, float], revision: int) -> str:
    if len(decisions) == 1:
        only = decisions[0]
        area = crs.area_m2(only.geometry_lonlat) if only.geometry_lonlat else areas.get(only.candidate_id, 0.0)
        return phrase(
            f"review.did_{only.status}{'_as' if only.look_alike else ''}",
            area=measures.area(area),
            kind=phrase(f"map.look_{only.look_alike or 'unsaid'}"),
            revision=revision,
        )
    count = Counter(decision.status for decision in decisions)
    return phrase(
        "review.did_several",
        accepted=count[CandidateStatus.accepted],
        rejected=count[CandidateStatus.rejected],
        unsure=count[CandidateStatus.unsure],
        open=count[CandidateStatus.open] + count[CandidateStatus.known],
        revision=revision,
    )


def prediction_name(prediction: Prediction, checkpoints: dict[str, Checkpoint]) -> str:
    """Give a prediction's name: run and round, moment, number of candidates, and whether it is of a part."""
    checkpoint = checkpoints.get(prediction.checkpoint_id)
    return phrase(
        "review.prediction_name" if prediction.bounds_lonlat is None else "review.part_name",
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
        "id": prediction.id,
        "name": prediction_name(prediction, checkpoints),
        "threshold": prediction.threshold,
        "url": maps.tile_url("probability", prediction.id),
        "spread": maps.tile_url("uncertainty", prediction.id) if prediction.uncertainty else None,
        "zoom": maps.native_zoom(scene),
        "part": _corners(prediction.bounds_lonlat) if prediction.bounds_lonlat else None,
    }


def _corners(bounds_lonlat: Bounds) -> list[list[float]]:
    """Give bounds as the map wants them: two corners, latitude first."""
    west, south, east, north = bounds_lonlat
    return [[south, west], [north, east]]


def _held_out(scene: Scene) -> dict[str, Any] | None:
    """Give the ground that was held out of training, as GeoJSON; None before the first training."""
    if scene.validation_bounds_px is None:
        return None
    col, row, width, height = scene.validation_bounds_px
    a, b, c, d, e, f = scene.facts.transform
    corners = [(col, row), (col + width, row), (col + width, row + height), (col, row + height)]
    outline = Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in corners])
    return dict(mapping(crs.to_lonlat(outline, scene.facts.crs_wkt)))
