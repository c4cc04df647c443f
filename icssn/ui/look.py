"""The look of a scene, to be chosen: which bands are red, green and blue, and how much contrast."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.imagery.stretch import percent_of
from icssn.records import Scene
from icssn.store.workspace import Workspace
from icssn.ui import frame
from icssn.ui.wording import phrase

_COLOURS = ("red", "green", "blue")


def choose(ws: Workspace, scene: Scene) -> None:
    """Let the reader choose bands and contrast of a scene; its map is then drawn anew."""
    percent = percent_of(scene.facts)
    numbers = list(range(1, scene.facts.band_count + 1))
    shown = scene.facts.stretch.bands
    with st.popover(phrase("look.open")), st.form(f"look_{scene.id}", border=False):
        st.markdown(phrase("look.means"))
        if len(numbers) >= 3:
            columns = st.columns(3)
            now = shown if len(shown) >= 3 else (1, 2, 3)
            bands = tuple(
                column.selectbox(phrase(f"look.{colour}"), numbers, index=band - 1)
                for column, colour, band in zip(columns, _COLOURS, now, strict=False)
            )
        else:
            bands = (st.selectbox(phrase("look.grey"), numbers, index=shown[0] - 1),)
        chosen = st.slider(phrase("look.percent"), 0.0, 100.0, percent, step=0.5, format="%g %%")
        if st.form_submit_button(phrase("look.apply"), type="primary"):
            with frame.told(), st.spinner(phrase("look.measuring")):
                actions.set_stretch(ws, scene.id, bands=bands, percent=chosen)
                st.rerun()
