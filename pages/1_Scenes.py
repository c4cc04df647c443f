"""Scenes: add an image, watch its import, look at it and at what is known about it."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import JobKind
from icssn.ui import frame, heights, look, membership, progress, scene_view, uploads, whereabouts
from icssn.ui import map as maps
from icssn.ui.wording import phrase

with frame.page("scenes") as ws:
    scenes = actions.list_scenes(ws)
    progress.watch(ws, [JobKind.import_scene, JobKind.demo])

    with st.expander(phrase("scenes.add"), expanded=not scenes):
        by_path, by_upload = st.tabs([phrase("scenes.by_path"), phrase("scenes.by_upload")])
        with by_path, st.form("path", border=False):
            path = st.text_input(phrase("scenes.path"), help=phrase("scenes.path_help"))
            name, dem = st.columns(2)
            path_name = name.text_input(phrase("scenes.name"), help=phrase("scenes.name_help"))
            path_dem = dem.text_input(phrase("scenes.dem"), help=phrase("scenes.dem_help"))
            if st.form_submit_button(phrase("scenes.add_button"), type="primary"):
                if not path.strip():
                    st.info(phrase("scenes.choose_file"))
                else:
                    with frame.told(), st.spinner(phrase("scenes.checking")):
                        chosen = uploads.named(path)
                        added = actions.add_scene(ws, chosen, name=path_name.strip(), dem=uploads.optional(path_dem))
                        scene_view.show_next(added[0])
                        st.rerun()
        with by_upload, st.form("upload", border=False):
            given = st.file_uploader(phrase("scenes.file"), type=["tif", "tiff"])
            name, dem = st.columns(2)
            upload_name = name.text_input(phrase("scenes.name"), help=phrase("scenes.name_help"), key="upload_name")
            given_dem = dem.file_uploader(phrase("scenes.dem_file"), type=["tif", "tiff"])
            if st.form_submit_button(phrase("scenes.add_button"), type="primary"):
                if given is None:
                    st.info(phrase("scenes.choose_file"))
                else:
                    with frame.told(), st.spinner(phrase("scenes.checking")):
                        with uploads.kept(ws, given) as image, uploads.kept(ws, given_dem, "dem.tif") as terrain:
                            name_given = upload_name.strip() or uploads.stem(given)
                            added = actions.add_scene(ws, image, name=name_given, dem=terrain if given_dem else None)
                        scene_view.show_next(added[0])
                        st.rerun()

    membership.removed(ws)
    chosen_scene, its_look = st.columns([1, 2], vertical_alignment="center")
    with chosen_scene:
        scene = scene_view.choose(scenes)
    if scene is None:
        st.info(phrase("scenes.empty"))
    else:
        with its_look, st.container(horizontal=True):
            look.choose(ws, scene)
            heights.attach(ws, scene)
            membership.change(ws, scene)
        whereabouts.ask(ws, scene)
        if not scene.tiles:
            st.info(phrase("scenes.not_ready"))
        facts = {"facts": scene_view.facts(scene)}
        maps.show("preview", scene, key=f"preview_{scene.id}", legend=[], options=facts)
