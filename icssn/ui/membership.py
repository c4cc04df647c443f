"""A scene's name and its place in the project: renamed, removed, restored."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import Scene
from icssn.store.workspace import Workspace
from icssn.ui import frame, measures, scene_view
from icssn.ui.wording import phrase


def change(ws: Workspace, scene: Scene) -> None:
    """Let the reader rename a scene, or remove it from the project."""
    with st.popover(phrase("scenes.change")):
        with st.form(f"name_{scene.id}", border=False):
            name = st.text_input(phrase("scenes.name_of"), value=scene.name)
            if st.form_submit_button(phrase("scenes.rename"), type="primary"):
                with frame.told():
                    actions.rename_scene(ws, scene.id, name)
                    st.rerun()
        st.caption(phrase("scenes.remove_means"))
        if st.button(phrase("scenes.remove"), key=f"remove_{scene.id}"):
            with frame.told():
                actions.remove_scene(ws, scene.id)
                st.rerun()


def removed(ws: Workspace) -> None:
    """List the removed scenes, if there are any, each with the way back; only before a scene is chosen on the page."""
    gone = actions.list_scenes(ws, removed=True)
    if not gone:
        return
    with st.expander(phrase("scenes.removed", count=len(gone))):
        for scene in gone:
            if scene.removed is None:
                continue
            with st.container(horizontal=True, vertical_alignment="center"):
                who, when = frame.plain(scene.removed.by), measures.moment(scene.removed.at)
                said = phrase("scenes.removed_by", who=who, when=when)
                st.markdown(f"**{frame.plain(scene.name)}** · {said}", width="content")
                if st.button(phrase("scenes.restore"), key=f"restore_{scene.id}"):
                    with frame.told():
                        scene_view.show_next(actions.restore_scene(ws, scene.id))
                        st.rerun()
