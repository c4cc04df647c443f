"""What is running, live: a bar per job that reads one row a second, and a sentence when the job has ended."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from icssn import actions
from icssn.records import Job, JobKind, JobState
from icssn.store.workspace import Workspace
from icssn.ui import frame, measures, wording
from icssn.ui.palette import CHART
from icssn.ui.wording import phrase

LOSSES = ("classification", "ocl", "segmentation", "spots", "dice", "socl")
"""Parts of the loss, as training reports them."""

SCORES = ("val_f1", "val_iou", "cls_accuracy")
"""What validation finds, in [0, 1], as the run's journal keeps it."""

_EVERY_S = 1.0
_WATCHED = "watched_jobs"


def watch(ws: Workspace, kinds: Iterable[JobKind] = tuple(JobKind), *, figures: bool = False) -> list[Job]:
    """Show the active jobs of some kinds, and how the ones seen before have ended; gives the active ones."""
    wanted = tuple(kinds)
    running = [job for job in actions.active_jobs(ws) if job.kind in wanted]
    watched: dict[str, JobKind] = st.session_state.setdefault(_WATCHED, {})
    watched.update({job.id: job.kind for job in running})
    for job_id in [known for known, kind in watched.items() if kind in wanted]:
        _outcome(actions.find_job(ws, job_id))
    for job in running:
        _bar(ws, job.id, figures)
    return running


@st.fragment(run_every=_EVERY_S)
def _bar(ws: Workspace, job_id: str, figures: bool) -> None:
    job = actions.find_job(ws, job_id)
    if job.state.is_over:
        st.rerun()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(job.progress.fraction, text=_line(job))
            word = "job.cancelling" if job.cancel_requested else "job.cancel"
            if st.button(phrase(word), key=f"cancel_{job.id}", disabled=job.cancel_requested, width="content"):
                actions.cancel_job(ws, job.id)
                st.rerun(scope="fragment")
        if figures:
            _chart(ws, job)


def _line(job: Job) -> str:
    """Say in one line what a job does, how far it is and how long it may still take."""
    parts = [f"**{phrase(f'job.{job.kind}')}**"]
    if job.state is JobState.queued:
        return f"{parts[0]} · {phrase('job.queued')}"
    if job.progress.message:
        parts.append(frame.plain(wording.told(job.progress.message)))
    parts.append(measures.share(job.progress.fraction))
    if job.progress.remaining_s is not None:
        parts.append(phrase("job.remaining", time=measures.duration(job.progress.remaining_s)))
    return " · ".join(parts)


def _chart(ws: Workspace, job: Job) -> None:
    """Draw the loss as seen from this page, and every validation of the run so far."""
    import pandas as pd

    history: list[dict[str, float]] = st.session_state.setdefault(f"curve_{job.id}", [])
    share = round(job.progress.fraction * 100, 1)
    losses = {name: value for name, value in job.progress.figures.items() if name in LOSSES and value}
    if losses and (not history or history[-1]["share"] != share):
        history.append({"share": share, **losses})
    looks = actions.run_journal(ws, str(job.params["run_id"])).get("looks", [])
    scores = pd.DataFrame([{name: look["figures"].get(name) for name in SCORES} for look in looks])
    scores.index += 1
    charts = [
        ("train.loss", "train.done_share", pd.DataFrame(history).set_index("share") if len(history) > 1 else None),
        ("train.validation", "train.look", scores.dropna(axis="columns", how="all") if len(scores) > 1 else None),
    ]
    for title, x_label, table in charts:
        if table is not None:
            named = table.rename(columns={name: phrase(f"figure.{name}") for name in table})
            only = f" · {named.columns[0]}" if len(named.columns) == 1 else ""  # a single line gets no legend
            st.caption(phrase(title) + only)
            st.line_chart(named, height=210, x_label=phrase(x_label), color=[*CHART[: len(named.columns)]])


def _outcome(job: Job) -> None:
    if not job.state.is_over:
        return
    if job.state is JobState.done:
        st.success(phrase("job.done", kind=phrase(f"job.{job.kind}")))
    elif job.state is JobState.cancelled:
        word = "job.cancelled_crossval" if job.kind is JobKind.crossval else "job.cancelled"
        st.info(phrase(word, kind=phrase(f"job.{job.kind}")))
    else:
        st.error(phrase("job.failed", kind=phrase(f"job.{job.kind}"), reason=frame.plain(wording.told(job.error))))
    del st.session_state[_WATCHED][job.id]
