"""The most that somebody can mean by a setting: far beyond what is of use, and short of what only a slip asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True)
class Most:
    """A limit in a field's annotation. Whoever asks is held to it; what was written down earlier is read anyway."""

    value: int


WIDTH = Most(4096)  # of a layer, of a batch, of a step through a map
SIDE = Most(100_000)  # px
AREA = Most(100_000_000)  # px
COUNT = Most(1_000_000)  # steps; things remembered, drawn or looked at
WHOLE = Most(1)  # of something of which shares are named
SEED = Most(2**31 - 1)  # what the table of runs holds


def too_large(settings: BaseModel) -> Iterator[tuple[str, int, int]]:
    """Give the settings beyond their limits, those of groups with dots: name, value, and the most it may be."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from ((f"{name}.{inner}", found, most) for inner, found, most in too_large(value))
        for most in (limit.value for limit in field.metadata if isinstance(limit, Most)):
            for one in value if isinstance(value, tuple) else (value,):
                if one is not None and one > most:
                    yield name, one, most
