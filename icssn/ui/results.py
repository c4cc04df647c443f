"""How a run ended: its rounds and what validation said of them, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from icssn import actions
from icssn.records import JobState, Run, Scene
from icssn.store.workspace import Workspace
from icssn.ui import frame, measures
from icssn.ui.wording import phrase


def last_run(ws: Workspace, scenes: Mapping[str, Scene], *, busy: bool) -> None:
    """Show the newest run with its rounds and log, and the way to its result."""
    runs = actions.list_runs(ws)
    if not runs:
        st.markdown(phrase("train.no_run"))
        return
    newest = runs[0]
    st.subheader(phrase("train.this_run" if busy else "train.last_run"), anchor=False)
    st.caption(frame.plain(line(newest, scenes)))
    if not busy and (word := stopped(ws, newest)):
        st.caption(word)
    rounds(ws, newest)
    if newest.checkpoint_id and not busy and st.button(phrase("train.see_result"), type="primary"):
        frame.go("review")
    with st.expander(phrase("train.log")):
        st.code(actions.job_log(ws, newest.job_id) or phrase("train.no_log"), language=None, height=260)


def stopped(ws: Workspace, run: Run) -> str:
    """Say in a word how a run ended that brought no model; nothing of one that did, or that is not at its end."""
    if run.checkpoint_id:
        return ""
    state = actions.find_job(ws, run.job_id).state
    return phrase(f"word.{state}") if state in (JobState.cancelled, JobState.failed) else ""


def rounds(ws: Workspace, run: Run) -> None:
    """Show the finished rounds of a run as a table."""
    done = actions.list_rounds(ws, run.id)
    if not done:
        return
    columns = {"val_f1": "f1", "val_precision": "precision", "val_recall": "recall", "val_iou": "iou"}
    st.table(
        [
            {phrase("figure.round"): str(item.number)}
            | {phrase(f"figure.{word}"): with_interval(item.metrics, name) for name, word in columns.items()}
            | {phrase("figure.time"): measures.duration(item.seconds)}
            for item in done
        ]
    )
    st.caption(phrase("train.metrics_note"))


def summary(metrics: Mapping[str, float]) -> str:
    """Say what validation found, in one line; what it did not say is a dash."""
    if "val_f1" not in metrics:
        return phrase("models.no_metrics")
    return phrase(
        "models.metrics",
        f1=f"{metrics['val_f1']:.2f}",
        precision=_share(metrics.get("val_precision")),
        recall=_share(metrics.get("val_recall")),
    )


def with_interval(metrics: Mapping[str, float], name: str) -> str:
    """Give a figure with its interval of 95 % where there is one, or a dash."""
    if name not in metrics:
        return "–"
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    interval = "" if low is None or high is None else f" ({low:.2f}–{high:.2f})"
    return f"{metrics[name]:.2f}{interval}"


def line(run: Run, scenes: Mapping[str, Scene]) -> str:
    """Name a run in one line, as plain text: number, tier, scenes, moment, device."""
    names = ", ".join(scenes[scene_id].name for scene_id in run.scene_ids if scene_id in scenes)
    parts = [phrase("train.run", run=run.id[:4]), phrase(f"train.{run.tier}_short"), names]
    parts += [measures.moment(run.created_at), run.device]
    return " · ".join(part for part in parts if part)


def _share(value: float | None) -> str:
    return "–" if value is None else measures.share(value)
