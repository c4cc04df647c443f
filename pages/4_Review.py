"""Review: see what the model found, and decide candidate by candidate."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import JobKind
from icssn.ui import frame, inventory, other_ways, progress, review_map, scene_view
from icssn.ui.wording import phrase

with frame.page("review", headline=False) as ws:
    head, scene_choice, main_choice, other_choice, tools, results = st.columns(
        [1.1, 1.8, 2.8, 2.8, 1.5, 1.4], vertical_alignment="center"
    )
    head.title(phrase("review.title"), anchor=False)
    with scene_choice:
        scene = scene_view.choose(actions.list_scenes(ws))
    if scene is None:
        frame.way(phrase("frame.no_scene"), "scenes")
        st.stop()

    active = actions.active_checkpoint(ws)
    checkpoints = {checkpoint.id: checkpoint for checkpoint in actions.list_checkpoints(ws)}
    found = {prediction.id: prediction for prediction in actions.list_predictions(ws, scene.id)}
    running = progress.watch(ws, [JobKind.predict])
    writing = progress.watch(ws, [JobKind.export])

    def named(prediction_id: str) -> str:
        return review_map.prediction_name(found[prediction_id], checkpoints)

    def compared(prediction_id: str) -> str:
        return phrase("review.against", prediction=named(prediction_id)) if prediction_id else phrase("review.alone")

    main = other = ""
    if found:
        main = main_choice.selectbox(
            phrase("review.prediction"), list(found), format_func=named, label_visibility="collapsed"
        )
        others = ["", *(prediction_id for prediction_id in found if prediction_id != main)]
        other = other_choice.selectbox(
            phrase("review.compare"), others, format_func=compared, label_visibility="collapsed"
        )
    whole = [prediction for prediction in found.values() if prediction.bounds_lonlat is None]
    up_to_date = active is not None and any(prediction.checkpoint_id == active.id for prediction in whole)
    if active is None and checkpoints:
        frame.way(phrase("review.none_active"), "models")
    elif active is None:
        frame.way(phrase("review.no_model"), "train")
    elif not running:
        pressed = tools.button(
            phrase("review.predict_again" if up_to_date else "review.predict"),
            type="secondary" if up_to_date else "primary",
            width="stretch",
        )
        if pressed:
            with frame.told():
                actions.predict_scene(ws, scene.id)
                st.rerun()
        if not found:
            st.info(phrase("review.not_predicted"))
    if not scene.tiles:
        st.info(phrase("scenes.not_ready"))
    if actions.image_gone(scene):
        frame.way(phrase("scenes.image_gone", path=frame.plain(scene.original)), "scenes")
    if any(actions.prediction_gone(ws, found[shown]) for shown in (main, other) if shown):
        st.info(phrase("review.prediction_gone"))
    with results.popover(phrase("review.results"), width="stretch"), frame.told():
        inventory.hand_out(ws, scene, busy=bool(writing))
        if active is not None and not running:
            other_ways.offer(ws, scene, active, shown=found.get(main))
    review_map.review(ws, scene, found.get(main), found.get(other))
