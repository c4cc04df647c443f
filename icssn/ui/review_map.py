"""The review map: a prediction over its scene, its candidates and labels; what it asks for goes to `review_events`."""

from __future__ import annotations

from typing import Any

import streamlit as st
from shapely.geometry import Polygon, mapping

from icssn import actions
from icssn.geo import crs
from icssn.records import Bounds, Checkpoint, Prediction, Scene
from icssn.store.workspace import Workspace
from icssn.ui import as_json, measures, palette, payload, review_events, sharing
from icssn.ui import map as maps
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
    found = as_json.queue(queue, threshold=main.threshold) if main else []
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
            "others": sharing.blind(as_json.candidates(actions.list_candidates(ws, other.id)), kept) if other else [],
            "labels": as_json.labels(sharing.open_labels(ws, scene.id)),
            "share": sharing.contents(ws, main, waiting) if main else None,
            "next": st.session_state.get(f"next_{main.id}") if main else None,
            "answer": st.session_state.get(answer),
        },
        on_event=lambda event: st.session_state.update({answer: review_events.answered(ws, scene, main, areas, event)}),
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
