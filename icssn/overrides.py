"""How people write settings: KEY=VALUE with dotted keys, values and files in TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from icssn.errors import ConfigError

_COMMENT = re.compile(r"(^|\s+)#.*", re.DOTALL)


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Read dotted overrides written as ``KEY=VALUE``; empty texts and comments are skipped.

    In a value a ``#`` after white space begins a comment, unless it stands in a quoted string of TOML; one inside a
    word is part of it.

    Raises:
        ConfigError: A text is no such pair.
    """
    found = {}
    for text in map(str.strip, texts):
        if not text or text.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (key and equals):
            raise ConfigError(text, text, "written as KEY=VALUE, e.g. segment.steps=300")
        found[key] = value if _read(value) is not None else _COMMENT.sub("", value)
    return found


def parsed(value: Any) -> Any:
    """Read a text as a TOML value where it is one; anything else stays as it is."""
    read = _read(value) if isinstance(value, str) else None
    return value if read is None else read


def _read(text: str) -> Any:
    """Give what a text means in TOML, which leaves comments out; None where it is none, or too long or too deep."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return None


def read_toml(file: Path) -> dict[str, Any]:
    """Read a TOML file of settings.

    Raises:
        ConfigError: It cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(file.name, "unreadable", "a TOML file of settings") from err
    except (ValueError, RecursionError) as err:
        raise ConfigError(file.name, f"no TOML ({err})", "a TOML file of settings") from err


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay nested settings over others."""
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both
