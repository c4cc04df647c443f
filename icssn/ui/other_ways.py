"""Other ways to predict a scene than the usual one: in high quality, or with a threshold that misses few."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import Checkpoint, Prediction, Scene
from icssn.store.workspace import Workspace
from icssn.ui.wording import phrase


def offer(ws: Workspace, scene: Scene, model: Checkpoint, *, shown: Prediction | None) -> None:
    """Offer them, each with what it is good for; not a way in which the model made the shown prediction of the scene.

    Args:
        ws: Where.
        scene: To predict.
        model: The one that would.
        shown: What the page shows; one of a part of the scene, or by another model, takes no way off the list.
    """
    own = shown if shown and shown.checkpoint_id == model.id and shown.bounds_lonlat is None else None
    if own is None or own.uncertainty is None:
        st.divider()
        st.markdown(phrase("review.high"))
        if st.button(phrase("review.high_button")):
            actions.predict_scene(ws, scene.id, settings={"quality": "high"})
            st.rerun()
    figures = model.metrics
    lower = figures.get("val_search_threshold", 1.0)
    if lower < (model.threshold if own is None else own.threshold):
        st.divider()
        st.markdown(
            phrase(
                "review.search",
                count=int(figures["val_landslides"]),
                found=int(figures["val_search_found"]),
                false=int(figures["val_search_false"]),
                threshold=f"{lower:.2f}",
                usual_found=int(figures["val_found"]),
                usual_false=int(figures["val_false"]),
                usual=f"{model.threshold:.2f}",
            )
        )
        if st.button(phrase("review.search_button")):
            actions.predict_scene(ws, scene.id, settings={"aim": "search"})
            st.rerun()
