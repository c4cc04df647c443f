"""How a run ended: its rounds and what validation said of them, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from icssn import actions
from icssn.records import Run, Scene
from icssn.store.workspace import Workspace
from icssn.ui import frame, measures
from icssn.ui.wording import phrase


def last_run(ws: Workspace, scenes: Mapping[str, Scene], *, busy: bool) -> None:
    """Show the newest run with its rounds and log, the way to its result, and the runs before it."""
    runs = actions.list_runs(ws)
    if not runs:
        st.markdown(phrase("train.no_run"))
        return
    newest = runs[0]
    st.subheader(phrase("train.this_run" if busy else "train.last_run"), anchor=False)
    st.caption(_line(newest, scenes))
    rounds(ws, newest)
    if newest.checkpoint_id and not busy and st.button(phrase("train.see_result"), type="primary"):
        frame.go("review")
    with st.expander(phrase("train.log")):
        st.code(actions.job_log(ws, newest.job_id) or phrase("train.no_log"), language=None, height=260)
    finished = [run for run in runs[1:] if run.checkpoint_id]
    if finished:
        st.markdown(f"**{phrase('train.earlier')}**")
    for run in finished[:8]:
        metrics = run.summary.get("metrics", {})
        st.caption(f"{_line(run, scenes)} · {summary(metrics)}")


def rounds(ws: Workspace, run: Run) -> None:
    """Show the finished rounds of a run as a table."""
    done = actions.list_rounds(ws, run.id)
    if not done:
        return
    columns = {"val_f1": "f1", "val_precision": "precision", "val_recall": "recall", "val_iou": "iou"}
    st.table(
        [
            {phrase("figure.round"): str(item.number)}
            | {phrase(f"figure.{word}"): f"{item.metrics.get(name, 0):.2f}" for name, word in columns.items()}
            | {phrase("figure.time"): measures.duration(item.seconds)}
            for item in done
        ]
    )
    st.caption(phrase("train.metrics_note"))


def summary(metrics: Mapping[str, float]) -> str:
    """Say what validation found, in one line."""
    if "val_f1" not in metrics:
        return phrase("models.no_metrics")
    return phrase(
        "models.metrics",
        f1=f"{metrics['val_f1']:.2f}",
        precision=measures.share(metrics.get("val_precision", 0)),
        recall=measures.share(metrics.get("val_recall", 0)),
    )


def _line(run: Run, scenes: Mapping[str, Scene]) -> str:
    names = ", ".join(scenes[scene_id].name for scene_id in run.scene_ids if scene_id in scenes)
    parts = [phrase("train.run", run=run.id[:4]), phrase(f"train.{run.tier}_short"), frame.plain(names)]
    parts += [measures.moment(run.created_at), frame.plain(run.device)]
    return " · ".join(part for part in parts if part)
