"""Label: draw and correct landslides, label areas and look-alikes on the map."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from icssn import actions
from icssn.ui import frame, label_map, scene_view, uploads
from icssn.ui.wording import phrase

with frame.page("label", headline=False) as ws:
    head, choice, tools = st.columns([2, 3, 2], vertical_alignment="center")
    head.title(phrase("label.title"), anchor=False)
    with choice:
        scene = scene_view.choose(actions.list_scenes(ws))
    if scene is None:
        frame.way(phrase("frame.no_scene"), "scenes")
    else:
        with tools.popover(phrase("label.files"), width="stretch"), frame.told():
            given = st.file_uploader(phrase("label.import"), type=["gpkg", "geojson", "json"])
            complete = st.checkbox(phrase("label.complete"), help=phrase("label.complete_help"))
            if st.button(phrase("label.import_button"), disabled=given is None) and given is not None:
                with uploads.kept(ws, given, f"labels{Path(given.name).suffix.lower()}") as path:
                    done = actions.import_labels(ws, scene.id, path, complete=complete)
                known, crs = done.already_there, frame.plain(done.crs_name)
                st.success(phrase("label.imported", count=done.count, known=known, repaired=done.repaired, crs=crs))
            st.divider()
            formats = {"gpkg": "GeoPackage", "geojson": "GeoJSON"}
            kind = st.radio(phrase("label.export"), list(formats), format_func=formats.get, horizontal=True)

            def exported(scene_id: str = scene.id, suffix: str = kind) -> bytes:
                with tempfile.TemporaryDirectory() as folder:
                    file = Path(folder) / f"labels.{suffix}"
                    actions.export_labels(ws, scene_id, file)
                    return file.read_bytes()

            st.download_button(
                phrase("label.export_button"), exported, file_name=f"{scene.name}_labels.{kind}", on_click="ignore"
            )
        if not scene.tiles:
            st.info(phrase("scenes.not_ready"))
        label_map.edit(ws, scene)
