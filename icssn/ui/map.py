"""The one place with leafmap and folium: an offline map of a scene, driven by our own scripts.

A map is drawn once per script and settings; what changes (labels, candidates, answers) goes in through a small
dynamic group, so that the map is never built again and the view stays where the geologist left it.
"""

from __future__ import annotations

import functools
import html
import json
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from icssn.records import TERRAIN_LAYERS, Scene
from icssn.ui import assets, palette, wording

_HEIGHT_PX = 560  # where the style sheet of the page cannot stretch the frame to the rest of the window
SCRIPTS = (
    *("map", "geometry", "server", "outlines", "handles"),
    *(
        "ledger",
        "snap",
        "trace",
        "pen",
        "crossed",
        "verbs",
        "table",
        "deleted",
        "form",
        "versions",
        "warnings",
        "drafts",
    ),
    *("clipboard", "toolbar", "nudge", "editor"),
    *("overlays", "part", "swipe", "evidence", "suggest", "share", "correction", "review"),
)
"""The scripts in loading order: what all maps share, the label editor, the review."""
_EQUATOR_M = 2 * math.pi * 6378137.0


def show(
    view: str,
    scene: Scene,
    *,
    key: str,
    legend: list[tuple[str, str]],
    keys: list[tuple[str, str]] | None = None,
    options: Mapping[str, Any] | None = None,
    contents: Mapping[str, Any] | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Show a scene on the offline map under one of our scripts.

    Args:
        view: The function of ``window.icssn`` that takes over: ``preview``, ``editor`` or ``review``.
        key: Names this map on its page.
        legend: (phrase of the ``map`` table, style of the palette or colour) for the legend.
        keys: (key, phrase) for the key sheet.
        options: Fixed settings for the script; another value builds the map again.
        contents: JSON-ready values that the script shows now.
        on_event: Told what the script sends, once per message and before the page runs again.
    """
    from streamlit_folium import st_folium

    parts = _parts()
    assets.serve()
    west, south, east, north = scene.facts.bounds_lonlat
    bounds = [[south, west], [north, east]]
    canvas = parts["Map"](
        center=[(south + north) / 2, (west + east) / 2],
        zoom=14,
        tiles=None,
        fullscreen_control=False,
        prefer_canvas=True,
    )
    if scene.tiles:
        canvas.add_tile_layer(
            tile_url("scene", scene.id),
            name="scene",
            attribution=html.escape(scene.name),
            overlay=False,
            max_native_zoom=native_zoom(scene),
            max_zoom=24,
            bounds=bounds,
        )
    settings = {
        "scene": scene.id,
        "bounds": bounds,
        "language": wording.current_language(),
        "words": wording.group("map"),
        "styles": palette.STYLES,
        "legend": legend,
        "keys": keys or [],
        "hillshade": tile_url("hillshade", scene.id) if scene.hillshade else None,
        "terrain": {layer: tile_url(layer, scene.id) for layer in TERRAIN_LAYERS} if scene.hillshade else None,
        "zoom": native_zoom(scene),
        **(options or {}),
    }
    parts["Script"](view, settings).add_to(canvas)
    group = parts["FeatureGroup"](name="contents", control=False)
    group.add_child(parts["Contents"](dict(contents or {})))
    st_folium(
        canvas,
        key=key,
        height=_HEIGHT_PX,
        use_container_width=True,
        returned_objects=[],
        feature_group_to_add=group,
        on_change=(lambda: on_event(st.session_state.get(key) or {})) if on_event else None,
    )


def tile_url(kind: str, item_id: str) -> str:
    """Give the URL template of a tile layer, relative to the map's frame."""
    return f"../../tiles/{kind}/{item_id}/{{z}}/{{x}}/{{y}}.webp"


def native_zoom(scene: Scene) -> int:
    """Give the zoom level whose pixels are about as fine as the scene's own; finer views enlarge its tiles."""
    _, south, _, north = scene.facts.bounds_lonlat
    pixel_m = scene.facts.pixel_size_m / math.cos(math.radians((south + north) / 2))
    return min(max(math.ceil(math.log2(_EQUATOR_M / 256 / pixel_m) - 0.25), 0), 24)


def warm() -> None:
    """Import ahead of the first map what it needs; safe in a thread."""
    import icssn.imagery.tiles  # noqa: F401

    _parts()


@functools.cache
def _parts() -> dict[str, Any]:
    os.environ.setdefault("USE_MKDOCS", "1")  # else leafmap loads its Jupyter half: seconds on a slow machine
    import folium
    import leafmap.foliumap as leafmap
    from branca.element import MacroElement
    from folium.template import Template

    class OfflineMap(leafmap.Map):  # type: ignore[misc]
        """A leafmap map whose files all come from this machine."""

        default_js = assets.script_urls(*SCRIPTS)
        default_css = assets.style_urls()

    class Script(MacroElement):
        """Hands the map over to one of our scripts."""

        _template = Template(
            "{% macro script(this, kwargs) %}"
            "icssn.{{ this.view }}({{ this._parent.get_name() }}, {{ this.settings }});"
            "{% endmacro %}"
        )

        def __init__(self, view: str, settings: dict[str, Any]) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._name, self.view, self.settings = "Script", view, _json(settings)

    class Contents(MacroElement):
        """Hands the script what to show now."""

        _template = Template("{% macro script(this, kwargs) %}icssn.load({{ this.contents }});{% endmacro %}")

        def __init__(self, contents: dict[str, Any]) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._name, self.contents = "Contents", _json(contents)

    return {"Map": OfflineMap, "Script": Script, "Contents": Contents, "FeatureGroup": folium.FeatureGroup}


def _json(value: Any) -> str:
    """Write JSON that may stand inside a script element."""
    return json.dumps(value).replace("<", "\\u003c").replace("{{", "{ {")
