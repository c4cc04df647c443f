"""First steps: from an empty project to an inventory, beside every page, until it is switched off."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import CandidateStatus
from icssn.store.workspace import Workspace
from icssn.ui.next_step import newest
from icssn.ui.wording import phrase

STEPS = ("scenes", "label", "train", "review", "hand_out")

_KEY = "guide"


def show(ws: Workspace) -> None:
    """Show the steps with what is done, and what comes next and how; the switch above them hides the list."""
    done = steps_done(ws)
    shown = st.toggle(
        phrase("guide.title"),
        value=len(done) < len(STEPS),
        key=_KEY,
        bind="query-params",
        help=phrase("guide.help"),
    )
    if not shown:
        return
    following = next((step for step in STEPS if step not in done), "hand_out")
    lines = []
    for number, step in enumerate(STEPS, start=1):
        mark = "✓" if step in done else "→" if step == following else "·"
        name = phrase(f"guide.{step}")
        lines.append(f"{mark} {number}  {f'**{name}**' if step == following else name}")
    st.markdown("  \n".join(lines))
    st.caption(f"→ **{phrase(f'guide.{following}')}** · " + phrase(f"guide.{following}_how"))


def steps_done(ws: Workspace) -> set[str]:
    """Give the steps that this project has been through; cheap enough for every look at a page."""
    scenes = actions.list_scenes(ws)
    done = {"scenes"} if scenes else set()
    if actions.active_checkpoint(ws) is not None:
        done |= {"label", "train"}
    elif actions.readiness(ws, [scene.id for scene in scenes]).labels_suffice:
        done.add("label")
    looks = [made for scene in scenes if (made := newest(actions.list_predictions(ws, scene.id)))]
    if looks and not any(actions.candidate_statuses(ws, made.id)[CandidateStatus.open] for made in looks):
        done.add("review")
    if any(actions.latest_inventory(ws, scene.id) for scene in scenes):
        done.add("hand_out")
    return done
