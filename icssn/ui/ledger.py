"""The ledger of runs: which learned what, how they compare on the same held-out ground, and what can be done again."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from icssn import actions
from icssn.records import Comparison, JobState, Run, Scene
from icssn.store.workspace import Workspace
from icssn.ui import frame, measures, results, wording
from icssn.ui.palette import CHART
from icssn.ui.wording import phrase

_SHOWN = 50


def ledger(ws: Workspace, scenes: Mapping[str, Scene]) -> None:
    """Show all runs, filtered; compare the chosen one with another; offer to go back, repeat or go on."""
    every = actions.list_runs(ws)
    if not every:
        return
    st.subheader(phrase("ledger.title"), anchor=False)
    runs = _filtered(every, scenes)
    if not runs:
        st.markdown(phrase("ledger.none"))
        return
    picked = st.dataframe(
        [_row(ws, run, scenes) for run in runs[:_SHOWN]],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="ledger_table",
    )
    rows = picked.selection.rows
    chosen = runs[rows[0]] if rows and rows[0] < len(runs) else runs[0]
    with st.container(border=True):
        st.markdown(f"**{frame.plain(results.line(chosen, scenes))}**")
        _what_can_be_done(ws, chosen)
        finished = [run for run in every if run.checkpoint_id and run.id != chosen.id]
        if chosen.checkpoint_id and finished:
            _comparison(ws, chosen, finished, scenes)
        _explanation(ws, chosen)


def _filtered(runs: list[Run], scenes: Mapping[str, Scene]) -> list[Run]:
    where, how = st.columns(2)
    scene = where.selectbox(
        phrase("ledger.scene"),
        ["", *scenes],
        format_func=lambda item: scenes[item].name if item else phrase("ledger.all"),
    )
    tier = how.selectbox(
        phrase("ledger.tier"),
        ["", "full", "quick"],
        format_func=lambda item: phrase(f"train.{item}_short") if item else phrase("ledger.all"),
    )
    return [run for run in runs if (not scene or scene in run.scene_ids) and tier in ("", run.tier)]


def _row(ws: Workspace, run: Run, scenes: Mapping[str, Scene]) -> dict[str, str]:
    metrics = run.summary.get("metrics", {})
    names = (f"{scenes[item].name} · {run.revisions.get(item, 0)}" for item in run.scene_ids if item in scenes)
    return {
        phrase("ledger.run"): run.id[:4],
        phrase("ledger.when"): measures.moment(run.created_at),
        phrase("ledger.tier"): phrase(f"train.{run.tier}_short"),
        phrase("ledger.learned_from"): ", ".join(names),
        phrase("figure.f1"): results.stopped(ws, run) or results.with_interval(metrics, "val_f1"),
        phrase("figure.precision"): measures.two(metrics.get("val_precision")),
        phrase("figure.recall"): measures.two(metrics.get("val_recall")),
        phrase("figure.time"): measures.duration(run.summary["seconds"]) if "seconds" in run.summary else "–",
    }


def _what_can_be_done(ws: Workspace, run: Run) -> None:
    """Offer what fits the state of a run: use its model again, repeat it, or go on with it."""
    active = actions.active_checkpoint(ws)
    back, again, on = st.columns(3)
    in_use = active is not None and active.id == run.checkpoint_id
    if run.checkpoint_id and back.button(phrase("ledger.revert"), disabled=in_use, width="stretch"):
        with frame.told():
            actions.promote(ws, run.checkpoint_id)
            st.rerun()
    if run.checkpoint_id and again.button(phrase("ledger.repeat"), help=phrase("ledger.repeat_help"), width="stretch"):
        with frame.told():
            actions.repeat_run(ws, run.id)
            st.rerun()
    job = actions.find_job(ws, run.job_id)
    stopped = job.state in (JobState.cancelled, JobState.failed) and not run.checkpoint_id
    if stopped and on.button(phrase("ledger.resume"), type="primary", width="stretch"):
        with frame.told():
            actions.resume_run(ws, run.id)
            st.rerun()
    if stopped and job.error:
        st.caption(frame.plain(wording.told(job.error)))


def _comparison(ws: Workspace, run: Run, others: list[Run], scenes: Mapping[str, Scene]) -> None:
    """Say how a run's model does beside another's, with the interval, and on how much ground it became worse."""
    before = [other for other in others if other.created_at < run.created_at]
    ordered = [*before, *(other for other in others if other not in before)]
    baseline = st.selectbox(
        phrase("ledger.compare"), ordered, format_func=lambda other: results.line(other, scenes), key="ledger_baseline"
    )
    with frame.told():
        found = actions.compare_runs(ws, run.id, baseline.id) if baseline else None
        if found is None:
            st.caption(phrase("ledger.incomparable"))
        else:
            _verdict(found)


def _verdict(found: Comparison) -> None:
    verdict = "better" if found.low > 0 else "worse" if found.high < 0 else "same"
    st.markdown(
        phrase(
            f"ledger.{verdict}",
            difference=f"{found.f1:+.3f}",
            low=f"{found.low:+.3f}",
            high=f"{found.high:+.3f}",
        )
    )
    st.caption(phrase("ledger.chips", chips=found.chips, better=found.better, worse=found.worse))


def _explanation(ws: Workspace, run: Run) -> None:
    """Show the curve of a run, and what its folder says of it."""
    import pandas as pd

    with st.expander(phrase("ledger.explain")):
        journal = actions.run_journal(ws, run.id)
        looks = [look["figures"] for look in journal.get("looks", []) if "val_f1" in look["figures"]]
        if len(looks) > 1:
            curve = pd.DataFrame({phrase("figure.val_f1"): [figures["val_f1"] for figures in looks]})
            curve.index += 1
            st.line_chart(curve, height=180, x_label=phrase("train.look"), color=CHART[0])
        seconds, loading = journal.get("seconds", 0.0), journal.get("data_seconds", 0.0)
        facts = {
            phrase("card.seed"): str(run.seed),
            phrase("card.device"): run.device or "–",
            phrase("card.code_version"): run.code_version,
            phrase("ledger.folder"): run.folder,
            phrase("ledger.timing"): phrase(
                "ledger.split", compute=measures.duration(seconds - loading), data=measures.duration(loading)
            ),
            phrase("ledger.parent"): run.parent_checkpoint[:8] or "–",
        }
        st.table(facts)
        st.code(actions.job_log(ws, run.job_id) or phrase("train.no_log"), language=None, height=220)
