"""What stands around every page: its set-up, the navigation, the language, and how errors are told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from icssn.errors import IcssnError
from icssn.store.workspace import Workspace
from icssn.ui import guide, wording
from icssn.ui.session import workspace
from icssn.ui.wording import phrase

PAGES = {
    "home": "app.py",
    "scenes": "pages/1_Scenes.py",
    "label": "pages/2_Label.py",
    "train": "pages/3_Train.py",
    "review": "pages/4_Review.py",
    "models": "pages/5_Models.py",
}
"""Script of every page, in the order of the navigation."""

_LOG = logging.getLogger(__name__)
_HERE = Path(__file__).parent


@contextmanager
def page(name: str, *, headline: bool = True) -> Iterator[Workspace]:
    """Set up a page and give it the open workspace; whatever goes wrong inside is told in one sentence.

    Args:
        name: A key of `PAGES`; the title and the headline come from the catalogue.
        headline: Write title and introduction; a page that needs the room for its map does without.
    """
    _navigation()  # first of all: it knows the language
    title = phrase(f"{name}.title")
    st.set_page_config(page_title=f"{title} · ICSSN", page_icon=str(_HERE / "icon.png"), layout="wide")
    st.html(_HERE / "frame.css")
    if headline:
        st.title(title, anchor=False)
        st.markdown(phrase(f"{name}.introduction"))
    begun = False
    try:
        ws = workspace()
        with st.sidebar:
            guide.show(ws)
        begun = True
        yield ws
    except Exception as err:  # the boundary of a page: nothing below may reach the reader as a traceback
        explain(err)
        if not begun:
            st.stop()


@contextmanager
def told() -> Iterator[None]:
    """Tell a refusal inside the block in one sentence, where it happened; the rest of the page goes on."""
    try:
        yield
    except IcssnError as err:
        explain(err)


def explain(err: Exception) -> bool:
    """Tell an error in one sentence; what is not one of ours goes to the log in full. Gives True: it is told."""
    if isinstance(err, IcssnError):
        st.error(plain(wording.explained(err)))
    else:
        _LOG.error("A page failed", exc_info=err)
        st.error(phrase("frame.unexpected", kind=type(err).__name__))
    return True


def plain(text: str) -> str:
    """Escape what Streamlit would read as Markdown, so that names and messages are shown as they are."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#$~|:" else sign for sign in text)


def go(name: str) -> None:
    """Open another page."""
    st.switch_page(PAGES[name])


def way(reason: str, name: str) -> None:
    """Say why a page has nothing to show yet, and offer the way to the page that mends it."""
    with st.container(border=True):
        st.markdown(reason)
        if st.button(phrase(f"{name}.open"), type="primary", key=f"way_{name}"):
            go(name)


def _navigation() -> None:
    with st.sidebar:
        st.markdown(f"### {phrase('frame.product')}")
        links = st.container(gap="xxsmall")
        st.segmented_control(
            phrase("frame.language"),
            list(wording.LANGUAGES),
            format_func=wording.LANGUAGES.__getitem__,
            default=wording.preferred(st.context.locale),
            required=True,
            key="lang",
            bind="query-params",
            label_visibility="collapsed",
            width="stretch",
            wrap=False,
        )
        with links:
            for name, script in PAGES.items():
                st.page_link(script, label=phrase(f"nav.{name}"), width="stretch")
