"""Every sentence on the screen, from one catalogue per language; the languages hold the same keys."""

from __future__ import annotations

import functools
import re
from typing import Any

import streamlit as st

from icssn.errors import IcssnError, NotTrainableError
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


def explained(err: IcssnError, *, language: str | None = None) -> str:
    """Give the text of a refusal in a language, else the reader's own; several reasons are told one by one.

    Names and paths in a reason hold what people wrote, so where one reason ends cannot be told from the text of all.
    """
    if not isinstance(err, NotTrainableError):
        return told(str(err), language=language)
    reasons = [told(reason, language=language) for reason in err.reasons]
    return phrase("told.not_trainable", language=language, reason=_in_a_row(reasons))


def told(message: str, *, language: str | None = None) -> str:
    """Give a sentence from below the pages in a language, else the reader's own; as it came where no template fits.

    The templates of the English table ``told`` are what the other packages write: a worker's progress, a refusal. What
    stands in a placeholder is told in the same way, so that a refusal may be put together of several phrases; what no
    template fits as a whole is told sentence by sentence.
    """
    return _told(message, language or current_language())


@functools.lru_cache(maxsize=4096)
def _told(message: str, language: str) -> str:
    for key, pattern in _templates():
        if found := pattern.fullmatch(message):
            values = {name: _part(name, value, language) for name, value in found.groupdict().items()}
            return phrase(key, language=language, **values)
    first, *rest = re.split(r"(?<=[.…]) (?=[A-Z])", message, maxsplit=1)
    if not rest:
        return message
    return _in_a_row([_told(first, language), _told(rest[0], language)])


def _in_a_row(sentences: list[str]) -> str:
    """Put sentences one after the other, with a space after one that ends as English ones do."""
    spaced = [f"{said} " if said.endswith((".", "…")) else said for said in sentences[:-1]]
    return "".join([*spaced, *sentences[-1:]])


def _part(name: str, value: str, language: str) -> str:
    if name in _VERBATIM:
        return value
    words = group("record" if name == "field" else "word", language=language)
    return words.get(value) or _told(value, language)


@functools.cache
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    """Give the keys of the table ``told`` and what their English looks like.

    Those that say most of it come first, those that begin with anything last; and after all of them come all again for
    what another program said with brackets that do not match, such as a sentence that was cut off.
    """
    templates = group("told", language="en")
    said = {key: len(re.sub(r"\{\w+\}", "", template)) for key, template in templates.items()}
    keys = sorted(templates, key=lambda key: (templates[key].startswith("{"), -said[key]))
    return [(f"told.{key}", _pattern(templates[key], gap)) for gap in (_WHOLE, ".+") for key in keys]


def _pattern(template: str, gap: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(f"(?P<{p}>{gap})" if i % 2 else re.escape(p) for i, p in enumerate(parts)), re.DOTALL)


_INNER = r"\([^()]*\)"
_WHOLE = rf"(?:[^()]|\((?:[^()]|{_INNER})*\))+?"  # as little as fits, but never a part of what stands in brackets


def preferred(locale: str | None) -> str:
    """Give the language for a browser's locale: Chinese for any ``zh``, else English."""
    return "zh" if (locale or "").lower().startswith("zh") else "en"


def current_language() -> str:
    """Give the language that the reader chose, else the browser's own."""
    chosen = st.session_state.get("lang")
    return chosen if chosen in LANGUAGES else preferred(st.context.locale)
