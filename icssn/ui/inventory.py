"""The inventory on the page: have it written, see of when it is, download it."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import Scene
from icssn.store.workspace import Workspace
from icssn.ui import frame, measures, wording
from icssn.ui.wording import phrase


def hand_out(ws: Workspace, scene: Scene, *, busy: bool) -> None:
    """Offer the newest inventory of a scene, and to write another, sheets in the reader's language.

    Args:
        ws: Where.
        scene: The scene.
        busy: An inventory is being written.
    """
    st.markdown(phrase("review.inventory"))
    if actions.elevation_gone(scene):
        st.caption(phrase("scenes.elevation_gone", path=frame.plain(scene.dem or "")))
    predicted = [prediction for prediction in actions.list_predictions(ws, scene.id) if not prediction.bounds_lonlat]
    if predicted and actions.prediction_gone(ws, predicted[0]):
        st.caption(phrase("review.inventory_without_rasters"))
    made = actions.latest_inventory(ws, scene.id)
    if made:
        of, now = int(made.result["revision"]), actions.label_revision(ws, scene.id)
        st.caption(phrase("review.inventory_written", when=measures.moment(made.created_at), revision=of))
        if now != of:
            st.caption(phrase("review.inventory_stale", revision=now))
        st.download_button(
            phrase("review.inventory_download"),
            lambda: actions.inventory_file(ws, made.id).read_bytes(),
            file_name=f"{scene.name}_inventory.zip",
            on_click="ignore",
            type="primary",
        )
    word = "review.inventory_again" if made else "review.inventory_button"
    if st.button(phrase(word), type="secondary" if made else "primary", disabled=busy):
        actions.export_inventory(ws, scene.id, language=wording.current_language())
        st.rerun()
