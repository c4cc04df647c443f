"""Choosing a scene, the same one on every page, and reading what is known about it."""

from __future__ import annotations

import streamlit as st

from icssn import actions
from icssn.records import Scene
from icssn.ui import frame, measures
from icssn.ui.session import workspace
from icssn.ui.wording import phrase

_KEY = "scene"


def choose(scenes: list[Scene], *, width: int = 320) -> Scene | None:
    """Let the reader choose a scene; the choice holds on all pages, and in the address, so that a reload keeps it.

    Gives None where there is none. An address that leads to a scene that was removed is told what became of it.
    """
    known = {scene.id: scene for scene in scenes}
    if st.session_state.get(_KEY) not in known:
        asked = st.query_params.get(_KEY)
        if asked and asked not in known:
            _tell_removed(asked)
        if not known:
            return None
        st.session_state[_KEY] = asked if asked in known else scenes[-1].id
    chosen = st.selectbox(
        phrase("frame.scene"),
        list(known),
        format_func=lambda scene_id: known[scene_id].name,
        key=_KEY,
        persist_state="session",
        label_visibility="collapsed",
        width=width,
    )
    if chosen and st.query_params.get(_KEY) != chosen:
        st.query_params[_KEY] = chosen
    return known.get(chosen)


def show_next(scene: Scene) -> None:
    """Make a scene the chosen one; only before `choose` has run on the page."""
    st.session_state[_KEY] = scene.id


def facts(scene: Scene) -> list[tuple[str, str]]:
    """Give the facts of a scene as (name, value) in the reader's language."""
    found = scene.facts
    width_m, height_m = found.width * found.pixel_size_m, found.height * found.pixel_size_m
    rows = {
        "crs": found.crs_name,
        "pixel": f"{found.pixel_size_m:.3g} m",
        "size": f"{found.width} × {found.height} px",
        "extent": f"{width_m / 1000:.2f} × {height_m / 1000:.2f} km",
        "area": measures.area(width_m * height_m),
        "bands": f"{found.band_count} × {found.dtype}",
        "nodata": phrase("scenes.none") if found.nodata is None else f"{found.nodata:g}",
        "file_size": measures.size(found.size_bytes),
        "dem": phrase("scenes.attached" if scene.dem else "scenes.none"),
        "added": measures.moment(scene.created_at),
    }
    return [(phrase(f"facts.{word}"), value) for word, value in rows.items()]


def _tell_removed(scene_id: str) -> None:
    for scene in actions.list_scenes(workspace(), removed=True):
        if scene.id == scene_id and scene.removed:
            who, when = frame.plain(scene.removed.by), measures.moment(scene.removed.at)
            st.info(phrase("scenes.was_removed", scene=frame.plain(scene.name), who=who, when=when))
