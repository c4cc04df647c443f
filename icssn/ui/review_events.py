"""What the review map asks for: decisions, second words, ground to label next; each answered in a sentence.

Every answer is ``{nonce, ok, text}``: of which message, whether it was done, what to tell the reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import streamlit as st
from shapely.geometry import mapping

from icssn import actions
from icssn.errors import IcssnError
from icssn.geo import crs
from icssn.records import CandidateStatus, Decision, Prediction, Scene
from icssn.store.workspace import Workspace
from icssn.ui import measures, payload, sharing, wording
from icssn.ui.sharing import answer
from icssn.ui.wording import phrase


def answered(
    ws: Workspace, scene: Scene, main: Prediction | None, areas: Mapping[str, float], event: dict[str, Any]
) -> dict[str, Any]:
    """Do what the browser asks for and give the answer for it.

    Args:
        ws: Where.
        scene: That is shown.
        main: The prediction that is shown.
        areas: Of the candidates by id, m².
        event: The browser's message.
    """
    kind = event.get("event")
    if main is not None and kind in sharing.EVENTS:
        return answer(event, lambda: sharing.done(ws, main, event))
    if main is not None and kind in ("suggest", "propose"):
        return answer(event, lambda: _looked_ahead(ws, scene, main, event))
    return _said(ws, scene, main, areas, event)


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


def _looked_ahead(ws: Workspace, scene: Scene, main: Prediction, event: dict[str, Any]) -> str:
    """Keep a proposed label area, if one is sent, and suggest ground anew."""
    proposes = event["event"] == "propose"
    if proposes:
        chosen = payload.polygon(event.get("geometry"))
        actions.propose_area(ws, scene.id, chosen, nonce=str(event["nonce"]))
    st.session_state[f"next_{main.id}"] = suggested(ws, main.id)
    return phrase("review.did_propose" if proposes else "review.did_suggest")


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
    read = answer(event, lambda: sharing.read(ws, main, event | {"decisions": again}))
    own = [item for item in event["decisions"] if item not in again]
    if not own:
        return read
    done = decided(ws, scene.id, areas, event | {"decisions": own})
    return done if read["ok"] else read


def decided(ws: Workspace, scene_id: str, areas: Mapping[str, float], event: dict[str, Any]) -> dict[str, Any]:
    """Save the decisions of one message and give the answer.

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
