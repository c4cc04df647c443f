"""The map's own files and Leaflet's, served by Streamlit's component route: no request leaves the machine.

Leaflet comes out of the installed ``django-leaflet`` wheel, which is located but never imported.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path

import streamlit.components.v1 as components

from icssn.errors import MissingPartError

_BROWSER = Path(__file__).parent / "browser"


@functools.cache
def leaflet_folder() -> Path:
    """Give the folder with ``leaflet.js``.

    Raises:
        MissingPartError: The wheel is not installed, or incomplete.
    """
    found = importlib.util.find_spec("leaflet")
    for place in (found and found.submodule_search_locations) or ():
        folder = Path(place) / "static" / "leaflet"
        if (folder / "leaflet.js").is_file() and (folder / "leaflet.css").is_file():
            return folder
    raise MissingPartError("the Leaflet map files", remedy="Run: pip install -r requirements.txt")


def script_urls(*names: str) -> list[tuple[str, str]]:
    """Give (name, URL) of Leaflet and of our own scripts, relative to the map's frame, in loading order."""
    return [("leaflet", _url("leaflet", leaflet_folder(), "leaflet.js"))] + [
        (name, _url("browser", _BROWSER, f"{name}.js")) for name in names
    ]


def style_urls() -> list[tuple[str, str]]:
    """Give (name, URL) of Leaflet's style sheet and of ours."""
    return [
        ("leaflet_css", _url("leaflet", leaflet_folder(), "leaflet.css")),
        ("map_css", _url("browser", _BROWSER, "map.css")),
    ]


def serve() -> None:
    """Register both folders with Streamlit's component route; must run inside a page script."""
    components.declare_component("leaflet", path=str(leaflet_folder()))
    components.declare_component("browser", path=str(_BROWSER))


def _url(component: str, folder: Path, name: str) -> str:
    return f"../{__name__}.{component}/{name}?v={_fingerprint(folder / name)}"


@functools.cache
def _fingerprint(path: Path) -> str:
    if not path.is_file():
        raise MissingPartError(f"the map file {path.name}", remedy="Install ICSSN again.")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
