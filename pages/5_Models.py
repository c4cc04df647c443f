"""Models: every checkpoint with its card and its family; which one is active; sent and received."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from icssn import actions
from icssn.records import Checkpoint, CheckpointState
from icssn.store.workspace import Workspace
from icssn.ui import frame, model_card, results
from icssn.ui.wording import phrase

_TAKEN = "model_taken_up"  # its name, until it has been told


def state_of(ws: Workspace, checkpoint: Checkpoint) -> str:
    """Say what a model is used for, and whether its files are missing."""
    state = phrase(f"models.{checkpoint.state}")
    return state if actions.is_usable(ws, checkpoint.id) else phrase("models.unusable", state=state)


def packed(ws: Workspace, checkpoint_id: str) -> bytes:
    """Give a model as one zip file."""
    with tempfile.TemporaryDirectory() as folder:
        return actions.export_model(ws, checkpoint_id, Path(folder)).read_bytes()


def receive(ws: Workspace) -> None:
    """Take up a model that was downloaded here or elsewhere; the page is drawn anew, with it in the list."""
    if name := st.session_state.pop(_TAKEN, ""):
        st.success(phrase("models.imported", model=name))
    with st.expander(phrase("models.import")):
        file = st.file_uploader(phrase("models.import_file"), type="zip")
        if file is not None and st.button(phrase("models.import_button")):
            with frame.told(), st.spinner(phrase("models.importing")), tempfile.TemporaryDirectory() as folder:
                source = Path(folder) / Path(file.name).name
                source.write_bytes(file.getvalue())
                st.session_state[_TAKEN] = model_card.named(actions.import_model(ws, source))
                st.rerun()


with frame.page("models") as ws:
    checkpoints = actions.list_checkpoints(ws)
    if not checkpoints:
        receive(ws)
        frame.way(phrase("models.empty"), "train")
        st.stop()

    st.table(
        [
            {
                phrase("models.model"): model_card.named(item),
                phrase("models.state"): state_of(ws, item),
                phrase("figure.f1"): results.with_interval(item.metrics, "val_f1"),
                phrase("models.threshold"): f"{item.threshold:.2f}",
            }
            for item in checkpoints
        ]
    )
    index = st.selectbox(
        phrase("models.choose"),
        range(len(checkpoints)),
        format_func=lambda number: model_card.named(checkpoints[number]),
        width=420,
    )
    chosen = checkpoints[index or 0]
    with st.container(border=True):
        state, promote, download = st.columns([4, 1, 1], vertical_alignment="center")
        state.markdown(f"**{phrase(f'models.{chosen.state}')}** · {phrase(f'models.{chosen.state}_means')}")
        if promote.button(phrase("models.promote"), disabled=chosen.state is CheckpointState.active, width="stretch"):
            with frame.told():
                actions.promote(ws, chosen.id)
                st.rerun()
        download.download_button(
            phrase("models.download"),
            lambda: packed(ws, chosen.id),
            file_name=f"icssn_{chosen.id[:8]}.zip",
            mime="application/zip",
            on_click="ignore",
            width="stretch",
        )
        with frame.told():
            model_card.card(ws, chosen)
    receive(ws)
