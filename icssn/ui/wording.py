"""Every sentence on the screen, from one catalogue per language; the languages hold the same keys."""

from __future__ import annotations

import functools
import re
from typing import Any

import streamlit as st

from icssn.phrases import catalogue

_VERBATIM = ("name", "who", "path", "detail")  # placeholders for what people or other programs wrote: never translated

LANGUAGES = {"en": "English", "zh": "中文"}


def phrase(key: str, *, language: str | None = None, **values: Any) -> str:
    """Give the phrase `key` with its placeholders filled, in `language` or in the reader's own."""
    return catalogue(language or current_language())[key].format(**values)


def group(table: str, *, language: str | None = None) -> dict[str, str]:
    """Give all phrases of one table, placeholders unfilled: what the scripts in the browser need."""
    phrases = catalogue(language or current_language())
    return {key.removeprefix(f"{table}."): text for key, text in phrases.items() if key.startswith(f"{table}.")}


def told(message: str, *, language: str | None = None) -> str:
    """Give a sentence from below the pages in a language, else the reader's own; as it came where no template fits.

    The templates of the English table ``told`` are what the other packages write: a worker's progress, a refusal. What
    stands in a placeholder is told in the same way, so that a refusal may be put together of several phrases.
    """
    return _told(message, language or current_language())


@functools.lru_cache(maxsize=4096)
def _told(message: str, language: str) -> str:
    for key, pattern in _templates():
        if found := pattern.fullmatch(message):
            values = {name: _part(name, value, language) for name, value in found.groupdict().items()}
            return phrase(key, language=language, **values)
    return message


def _part(name: str, value: str, language: str) -> str:
    if name in _VERBATIM:
        return value
    words = group("record" if name == "field" else "word", language=language)
    return words.get(value) or _told(value, language)


@functools.cache
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    """Give the keys of the table ``told`` and what their English looks like, the vague ones last."""
    found = []
    for key, template in sorted(group("told", language="en").items(), key=lambda item: item[1].startswith("{")):
        parts = re.split(r"\{(\w+)\}", template)
        pattern = "".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
        found.append((f"told.{key}", re.compile(pattern, re.DOTALL)))
    return found


def preferred(locale: str | None) -> str:
    """Give the language for a browser's locale: Chinese for any ``zh``, else English."""
    return "zh" if (locale or "").lower().startswith("zh") else "en"


def current_language() -> str:
    """Give the language that the reader chose, else the browser's own."""
    chosen = st.session_state.get("lang")
    return chosen if chosen in LANGUAGES else preferred(st.context.locale)
