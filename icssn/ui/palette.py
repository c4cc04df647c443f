"""Colours and line styles, the same on every map and chart; told apart by colour-blind readers and by line alone.

Source: Okabe & Ito 2008, "Color Universal Design"; every class also has its own dash pattern.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE, WHITE = "#0072B2", "#D55E00", "#CC79A7", "#FFFFFF"

STYLES: dict[str, dict[str, Any]] = {
    "landslide": {"color": YELLOW, "weight": 2.5, "fillOpacity": 0.12},
    "landslide_moderate": {"color": YELLOW, "weight": 2.5, "dashArray": "18 9", "fillOpacity": 0.12},
    "landslide_low": {"color": YELLOW, "weight": 2.5, "dashArray": "8 8 1 8", "fillOpacity": 0.12},
    "hard_negative": {"color": PURPLE, "weight": 2.5, "dashArray": "2 6", "fillOpacity": 0.12},
    "label_area": {"color": WHITE, "weight": 2.5, "dashArray": "14 7", "fill": False},
    "landslide_point": {"color": YELLOW, "weight": 2.5, "fillOpacity": 0.35, "round": True},
    "open": {"color": ORANGE, "weight": 2.5, "dashArray": "8 5", "fillOpacity": 0.06},
    "faint": {"color": SKY, "weight": 2, "dashArray": "1 5", "fillOpacity": 0.0},
    "unsure": {"color": GREEN, "weight": 2, "dashArray": "8 5", "fillOpacity": 0.0},
    "known": {"color": ORANGE, "weight": 1.2, "dashArray": "3 4", "fillOpacity": 0.0},
    "accepted": {"color": YELLOW, "weight": 2.5, "fillOpacity": 0.12},
    "rejected": {"color": PURPLE, "weight": 1.5, "dashArray": "2 6", "fillOpacity": 0.0},
    "proposed_area": {"color": WHITE, "weight": 2, "dashArray": "3 7", "fill": False},
    "held_out": {"color": SKY, "weight": 1.5, "dashArray": "12 4 2 4", "fill": False},
    "part": {"color": WHITE, "weight": 2, "fill": False},
    "other": {"color": SKY, "weight": 2, "dashArray": "8 5", "fillOpacity": 0.0},
    "before": {"color": ORANGE, "weight": 2.5, "dashArray": "2 6", "fillOpacity": 0.0},
}
"""Leaflet path options by label class or candidate status, a landslide's also by how sure its mapper was; ``other``
is the prediction or the version compared with, ``before`` the version before that. What is ``round`` has a circle in
the legend."""

TINTS = {
    "band": VERMILLION,
    "gained": GREEN,
    "lost": VERMILLION,
    "same": WHITE,
    "hit": GREEN,
    "missed": SKY,
    "false_alarm": VERMILLION,
}
"""Pixels of the overlays that compare: the uncertainty band, two predictions, a prediction and the labels."""

CHART = [BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY]
"""Lines of a chart, in order."""


def mask_colour() -> str:
    """Give the colour of the predicted mask, as in tiles and files."""
    from icssn.imagery.colours import MASK_COLOUR

    return _hex(MASK_COLOUR[:3])


def probability_ramp() -> list[str]:
    """Give nine steps of the colours of probability from 0 to 1, as in tiles."""
    from icssn.imagery.colours import probability_colours

    table = probability_colours()
    return [_hex(table[round(step * 255 / 8)][:3]) for step in range(9)]


def _hex(colour: Iterable[int]) -> str:
    return "#" + "".join(f"{int(value):02x}" for value in colour)
