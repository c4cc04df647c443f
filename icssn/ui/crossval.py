"""The honest figure on the page: have the method judged on ground that it never saw, and read what came of it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from icssn import actions
from icssn.errors import IcssnError
from icssn.overrides import pairs
from icssn.records import CrossValidation, JobKind, Scene
from icssn.store.workspace import Workspace
from icssn.ui import fold_map, frame, measures, progress, results, scene_view, wording
from icssn.ui.wording import phrase

_MOST_FOLDS = 10
_FOLDS, _SETTINGS = "crossval_folds", "crossval_settings"  # what was chosen to start with
_FIGURES = (
    "precision",
    "recall",
    "iou",
    "object_recall_cov30",
    "false_objects_per_true",
    "boundary_f1_2px",
)
"""Rows of the table, phrases of the ``crossval`` table."""


def section(ws: Workspace, scenes: Mapping[str, Scene]) -> None:
    """Show the newest cross-validation of a scene beside what starts another, or its bar while one runs."""
    st.subheader(phrase("crossval.title"), anchor=False)
    st.caption(phrase("crossval.introduction"))
    left, right = st.columns([2, 3], gap="large")
    for key in (_FOLDS, _SETTINGS):  # kept while the bar of a job stands in their place
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]
    with left:
        judged = [scene_id for scene_id in scenes if actions.latest_cross_validation(ws, scene_id)]
        labelled = [scene_id for scene_id in scenes if actions.list_labels(ws, scene_id)]
        first = next(iter([*judged, *labelled, *scenes]))
        chosen = first
        if len(scenes) > 1:
            chosen = st.selectbox(
                phrase("frame.scene"),
                list(scenes),
                index=list(scenes).index(first),
                format_func=lambda scene_id: scenes[scene_id].name,
                key="crossval_scene",
            )
        if not progress.watch(ws, [JobKind.crossval]):
            _start(ws, chosen)
    with right:
        found = actions.latest_cross_validation(ws, chosen)
        if found is None:
            st.markdown(phrase("crossval.none"))
        else:
            _result(ws, scenes[chosen], found)


def _start(ws: Workspace, scene_id: str) -> None:
    """Offer to start: how many blocks, how long it would take, or why it cannot."""
    folds = st.slider(
        phrase("crossval.folds"),
        2,
        _MOST_FOLDS,
        actions.FOLDS,
        help=phrase("crossval.folds_help"),
        key=_FOLDS,
    )
    with st.popover(phrase("crossval.settings_open")):
        text = st.text_area(
            phrase("train.settings"),
            placeholder="rounds=1\nsegment.steps=120",
            help=phrase("train.settings_help"),
            key=_SETTINGS,
        )
    try:
        overrides = pairs(text.splitlines())
        state = actions.crossval_readiness(ws, scene_id, folds=folds, overrides=overrides)
    except IcssnError as err:
        frame.explain(err)
        return
    for reason in state.reasons:
        st.warning(frame.plain(wording.told(reason)))
    if state.ready:
        time = state.estimate_full_s
        st.caption(
            phrase("crossval.estimate", trainings=folds + 1, time=measures.duration(time))
            if time
            else phrase("crossval.no_estimate", trainings=folds + 1)
        )
    if st.button(phrase("crossval.start"), disabled=not state.ready):
        with frame.told():
            actions.cross_validate(ws, scene_id, folds=folds, overrides=overrides)
            st.rerun()


def _result(ws: Workspace, scene: Scene, found: CrossValidation) -> None:
    """Show what a cross-validation says: the figure, what a random split would have said, the blocks, the doubts."""
    st.caption(
        phrase(
            "crossval.of",
            scene=frame.plain(scene.name),
            revision=found.revision,
            folds=len(found.folds),
            when=measures.moment(found.ended_at),
            time=measures.duration(found.seconds),
        )
    )
    now = actions.label_revision(ws, scene.id)
    if now != found.revision:
        st.caption(phrase("crossval.stale", revision=now))
    honest, optimistic = st.columns(2)
    blocks = found.blocks
    with honest:
        st.metric(phrase("crossval.honest"), measures.two(blocks.get("f1")))
        st.caption(_doubt(blocks))
    with optimistic:
        st.metric(phrase("crossval.optimistic"), f"({measures.two(found.random_split_f1)})")
        st.caption(phrase("crossval.optimistic_means"))
    picture, table = st.columns([2, 3], gap="medium")
    with picture, frame.told():
        if scene.tiles:
            st.image(fold_map.drawn(ws, scene, found.folds), caption=phrase("crossval.picture"))
    table.table(
        {phrase(f"crossval.{name}"): results.with_interval(blocks, name) for name in _FIGURES if name in blocks}
    )
    _disputes(ws, scene)


def _doubt(blocks: Mapping[str, float]) -> str:
    """Give the interval of the F1 in words, or why there is none."""
    if "f1" not in blocks:
        return phrase("crossval.nothing")
    if "f1_low" not in blocks:
        return phrase("crossval.no_interval")
    return phrase("crossval.interval", low=measures.two(blocks["f1_low"]), high=measures.two(blocks["f1_high"]))


def _disputes(ws: Workspace, scene: Scene) -> None:
    disputes = actions.disputed_labels(ws, scene.id)
    if not disputes:
        st.markdown(phrase("crossval.undisputed"))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(phrase("crossval.disputed", count=len(disputes)))
        if st.button(phrase("crossval.to_label"), key="crossval_to_label"):
            scene_view.show_next(scene)
            frame.go("label")
