"""What is running, live: a bar per job that reads one row a second, and a sentence when the job has ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import streamlit as st

from icssn import actions
from icssn.records import Job, JobKind, JobState, now
from icssn.store.workspace import Workspace
from icssn.ui import frame, measures, wording
from icssn.ui.palette import CHART
from icssn.ui.wording import phrase

LOSSES = ("classification", "ocl", "segmentation", "spots", "dice", "socl")
"""Parts of the loss, as training reports them."""

SCORES = ("val_f1", "val_iou", "cls_accuracy")
"""What validation finds, in [0, 1], as the run's journal keeps it."""

SILENT_S = 20.0
"""A worker gives a sign of life every 5 s; one that was silent for longer has ended or stands still."""

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
    waits = job.state is JobState.queued
    stands_still = standstill(job, its_turn_since=_turn(ws, job) if waits else None, at=now())
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(job.progress.fraction, text=_line(job, moves=not stands_still))
            word = "job.cancelling" if job.cancel_requested else "job.cancel"
            if st.button(phrase(word), key=f"cancel_{job.id}", disabled=job.cancel_requested, width="content"):
                actions.cancel_job(ws, job.id)
                st.rerun(scope="fragment")
        if stands_still:
            st.info(stands_still)
        elif job.deaths:
            st.caption(phrase("job.interrupted" if waits else "job.resumed"))
        if figures:
            _chart(ws, job)


def _turn(ws: Workspace, job: Job) -> dt.datetime | None:
    """Say since when nothing but a worker is missing to a queued job; None while another job is running."""
    if any(other.state is JobState.running for other in actions.active_jobs(ws)):
        return None
    ends = [other.ended_at for other in actions.recent_jobs(ws) if other.ended_at]
    return max(job.created_at, job.started_at or job.created_at, *ends)


def standstill(job: Job, *, its_turn_since: dt.datetime | None, at: dt.datetime) -> str:
    """Say that no worker is at a job, and what to do; nothing while one is, or is expected any moment.

    Args:
        job: A job that is not over.
        its_turn_since: Of a queued one: since when no other is before it; None while one is.
        at: The moment of the look.
    """
    if job.state is JobState.running:
        word, since = "job.silent", job.heartbeat_at
    else:
        word, since = "job.no_worker", its_turn_since
    silent_s = (at - since).total_seconds() if since else 0.0
    return phrase(word, time=measures.duration(silent_s)) if silent_s > SILENT_S else ""


def _line(job: Job, *, moves: bool) -> str:
    """Say in one line what a job does, how far it is and, where it moves, how long it may still take."""
    parts = [f"**{phrase(f'job.{job.kind}')}**"]
    if job.state is JobState.queued:
        return f"{parts[0]} · {phrase('job.queued')}"
    if job.progress.message:
        parts.append(frame.plain(wording.told(job.progress.message)))
    parts.append(measures.share(job.progress.fraction))
    if moves and job.progress.remaining_s is not None:
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
