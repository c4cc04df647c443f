"""Train: one button, what it needs, and how it goes."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import JobKind
from icssn.ui import frame, measures, payload, progress, results
from icssn.ui.wording import phrase

with frame.page("train") as ws:
    scenes = {scene.id: scene for scene in actions.list_scenes(ws)}
    if not scenes:
        st.info(phrase("frame.no_scene"))
        frame.link("scenes")
        st.stop()

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
            counts = {"landslides": ready.landslides, "areas": ready.label_areas, "negatives": ready.hard_negatives}
            st.markdown(phrase("train.from", **counts))
            for reason in ready.reasons:
                st.warning(frame.plain(reason))
            can_be_quick = actions.active_checkpoint(ws) is not None
            estimate = {"full": ready.estimate_full_s, "quick": ready.estimate_quick_s}
            tier = st.radio(
                phrase("train.tier"),
                ["full", "quick"] if can_be_quick else ["full"],
                format_func=lambda name: phrase(f"train.{name}"),
                captions=[
                    phrase("train.estimate", time=measures.duration(seconds)) if seconds else phrase("train.no_estimate")
                    for seconds in list(estimate.values())[: 2 if can_be_quick else 1]
                ],
            )
            with st.expander(phrase("train.advanced")):
                settings = st.text_area(
                    phrase("train.settings"), placeholder="rounds=1\nsegment.steps=120", help=phrase("train.settings_help")
                )
            if st.button(phrase("train.retrain"), type="primary", disabled=not ready.ready), frame.told():
                actions.start_run(ws, chosen, quick=tier == "quick", overrides=payload.settings(settings))
                st.rerun()
    with right:
        results.last_run(ws, scenes, busy=bool(running))
