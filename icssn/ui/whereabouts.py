"""Files of a scene that are not where they were: said calmly, with a field to say where they are now."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import Scene
from icssn.store.workspace import Workspace
from icssn.ui import frame, uploads
from icssn.ui.wording import phrase


def ask(ws: Workspace, scene: Scene) -> None:
    """Say that a scene's image or elevation model is gone, where it was, and let the reader say where it is now.

    Nothing is shown where both are in their places.
    """
    if actions.elevation_gone(scene):
        st.info(phrase("scenes.elevation_gone", path=frame.plain(scene.dem or "")))
    if not actions.image_gone(scene):
        return
    st.info(phrase("scenes.image_gone", path=frame.plain(scene.original)))
    with st.form(f"whereabouts_{scene.id}"):
        image, elevation = st.columns(2)
        path = image.text_input(phrase("scenes.where_image"), help=phrase("scenes.path_help"))
        dem = ""
        if actions.elevation_gone(scene):
            dem = elevation.text_input(phrase("scenes.where_elevation"), help=phrase("scenes.dem_help"))
        if st.form_submit_button(phrase("scenes.is_there"), type="primary"):
            with frame.told(), st.spinner(phrase("scenes.checking")):
                actions.move_scene(ws, scene.id, uploads.server_path(path), dem=uploads.optional(dem))
                st.rerun()
