"""The catalogue of phrases, one file per language, read without any browser library."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

_FOLDER = Path(__file__).parent / "ui" / "catalogue"


@functools.cache
def catalogue(language: str) -> dict[str, str]:
    """Give all phrases of a language (``en`` or ``zh``) by dotted key, e.g. ``home.title``."""
    tables = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{table}.{key}": text for table, phrases in tables.items() for key, text in phrases.items()}
