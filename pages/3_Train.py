"""Train: one button, what it needs, and how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import streamlit as st

from icssn import actions
from icssn.config import TerrainLayer
from icssn.overrides import pairs
from icssn.records import JobKind, Scene
from icssn.ui import crossval, frame, ledger, measures, progress, results, wording
from icssn.ui.wording import phrase


def estimate(seconds: float | None) -> str:
    """Say how long a run may take."""
    return phrase("train.estimate", time=measures.duration(seconds)) if seconds else phrase("train.no_estimate")


def terrain(learned_from: Sequence[Scene]) -> dict[str, list[TerrainLayer]]:
    """Let the reader choose terrain where every scene has heights; gives the setting, nothing where none is chosen."""
    if not all(scene.dem for scene in learned_from):
        return {}
    if gone := [scene for scene in learned_from if actions.elevation_gone(scene)]:
        for scene in gone:
            st.info(phrase("train.terrain_gone", scene=frame.plain(scene.name), path=frame.plain(scene.dem or "")))
        return {}
    layers = st.multiselect(
        phrase("train.terrain"),
        get_args(TerrainLayer),
        format_func=lambda layer: phrase(f"map.terrain_{layer}"),
        placeholder=phrase("train.terrain_none"),
        help=phrase("train.terrain_help"),
    )
    return {"encoder.terrain": layers} if layers else {}


with frame.page("train") as ws:
    scenes = {scene.id: scene for scene in actions.list_scenes(ws)}
    if not scenes:
        frame.way(phrase("frame.no_scene"), "scenes")
        st.stop()

    actions.stand_by(ws)
    left, right = st.columns([3, 2], gap="large")
    with left:
        running = progress.watch(ws, [JobKind.train], figures=True)
        if not running:
            labelled = [scene_id for scene_id in scenes if actions.list_labels(ws, scene_id)]
            chosen = st.multiselect(
                phrase("train.scenes"),
                list(scenes),
                default=labelled or list(scenes)[:1],
                format_func=lambda scene_id: scenes[scene_id].name,
            )
            ready = actions.readiness(ws, chosen)
            st.markdown(
                phrase(
                    "train.from",
                    landslides=ready.landslides,
                    points=ready.landslide_points,
                    areas=ready.label_areas,
                    negatives=ready.hard_negatives,
                )
            )
            for reason in ready.reasons:
                st.warning(frame.plain(wording.told(reason)))
            can_be_quick = actions.active_checkpoint(ws) is not None
            tier = st.radio(
                phrase("train.tier"),
                ["full", "quick"] if can_be_quick else ["full"],
                format_func=lambda name: phrase(f"train.{name}"),
                captions=[estimate(ready.estimate_full_s), estimate(ready.estimate_quick_s)][: 1 + can_be_quick],
            )
            goes_on = (
                can_be_quick
                and tier == "full"
                and st.checkbox(phrase("train.from_active"), help=phrase("train.from_active_help"))
            )
            look = st.checkbox(phrase("train.then_predict"), value=True)
            with st.expander(phrase("train.advanced")):
                seen = (
                    terrain([scenes[scene_id] for scene_id in chosen])
                    if tier == "full" and chosen and not goes_on
                    else {}
                )
                settings = st.text_area(
                    phrase("train.settings"),
                    placeholder="rounds=1\nsegment.steps=120",
                    help=phrase("train.settings_help"),
                )
            if st.button(phrase("train.retrain"), type="primary", disabled=not ready.ready):
                with frame.told():
                    overrides = seen | pairs(settings.splitlines())
                    looks = chosen if look else []
                    actions.start_run(
                        ws,
                        chosen,
                        quick=tier == "quick",
                        from_active=goes_on,
                        then_predict=looks,
                        overrides=overrides,
                    )
                    st.rerun()
    with right:
        known = scenes | {scene.id: scene for scene in actions.list_scenes(ws, removed=True)}
        results.last_run(ws, known, busy=bool(running))
    ledger.ledger(ws, known)
    crossval.section(ws, scenes)
