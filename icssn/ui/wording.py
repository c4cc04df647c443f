"""Every sentence on the screen, from one catalogue per language; the languages hold the same keys."""

from __future__ import annotations

import functools
import re
from typing import Any

import streamlit as st

from icssn.phrases import catalogue

LANGUAGES = {"en": "English", "zh": "中文"}


def phrase(key: str, *, language: str | None = None, **values: Any) -> str:
    """Give the phrase `key` with its placeholders filled, in `language` or in the reader's own."""
    return catalogue(language or current_language())[key].format(**values)


def group(table: str, *, language: str | None = None) -> dict[str, str]:
    """Give all phrases of one table, placeholders unfilled: what the scripts in the browser need."""
    phrases = catalogue(language or current_language())
    return {key.removeprefix(f"{table}."): text for key, text in phrases.items() if key.startswith(f"{table}.")}


def told(message: str) -> str:
    """Give a sentence from below the pages in the reader's language, or as it came where no template fits.

    The templates of the English table ``told`` are what the other packages write, e.g. a worker's progress.
    """
    words = group("word")
    for key, template in group("told", language="en").items():
        found = _pattern(template).fullmatch(message)
        if found:
            values = {name: words.get(value, value) for name, value in found.groupdict().items()}
            return phrase(f"told.{key}", **values)
    return message


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts)))


def preferred(locale: str | None) -> str:
    """Give the language for a browser's locale: Chinese for any ``zh``, else English."""
    return "zh" if (locale or "").lower().startswith("zh") else "en"


def current_language() -> str:
    """Give the language that the reader chose, else the browser's own."""
    chosen = st.session_state.get("lang")
    return chosen if chosen in LANGUAGES else preferred(st.context.locale)
