"""The elevation model of a scene, attached after the scene was added, or put in the place of another."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import Scene
from icssn.store.workspace import Workspace
from icssn.ui import frame, uploads
from icssn.ui.wording import phrase


def attach(ws: Workspace, scene: Scene) -> None:
    """Let the reader name or upload an elevation model; the map then gets its relief."""
    with st.popover(phrase("facts.dem")), st.form(f"heights_{scene.id}", border=False):
        st.markdown(phrase("scenes.heights"))
        path = st.text_input(phrase("scenes.heights_path"), help=phrase("scenes.path_help"))
        given = st.file_uploader(phrase("scenes.heights_file"), type=["tif", "tiff"])
        if st.form_submit_button(phrase("scenes.attach"), type="primary"):
            with frame.told(), st.spinner(phrase("scenes.checking")):
                with uploads.kept(ws, given, "dem.tif") as uploaded:
                    actions.set_elevation(ws, scene.id, uploaded if given else uploads.server_path(path))
                st.rerun()
