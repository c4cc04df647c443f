"""Label: draw and correct landslides, label areas and look-alikes on the map."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.ui import exchange, frame, label_map, scene_view
from icssn.ui.wording import phrase

with frame.page("label", headline=False) as ws:
    head, choice, tools = st.columns([2, 3, 2], vertical_alignment="center")
    head.title(phrase("label.title"), anchor=False)
    with choice:
        scene = scene_view.choose(actions.list_scenes(ws))
    if scene is None:
        frame.way(phrase("frame.no_scene"), "scenes")
    else:
        with tools.popover(phrase("label.files"), width="stretch"):
            with frame.told():
                exchange.take_in(ws, scene)
            st.divider()
            with frame.told():
                exchange.hand_out(ws, scene)
        if not scene.tiles:
            st.info(phrase("scenes.not_ready"))
        if kept := actions.kept_from(ws, scene.id):
            st.info(phrase("label.kept_from", count=len(kept)))
        label_map.edit(ws, scene)
