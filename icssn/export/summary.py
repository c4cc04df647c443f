"""What an inventory amounts to, as rows of a table: counts and areas, with an interval where the outline is unsure."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from icssn.records import Label, LabelClass, LabelRecord
from icssn.review.outline import Envelope


def rows(records: Sequence[LabelRecord], envelopes: Mapping[str, Envelope]) -> list[dict[str, Any]]:
    """Give one row per class and kind: count, areas in m², and the interval of the total.

    The interval moves every outline that a model proposed in and out by half the width of its envelope (see
    `icssn.review.outline`); outlines drawn by hand have none and count as they are.

    Args:
        records: Of all labels of a scene.
        envelopes: By uid of the label, which is that of its candidate.
    """
    kinds: dict[tuple[str, str], list[LabelRecord]] = {}
    for record in records:
        if record.measures.area_m2 is not None and record.label.cls is not LabelClass.label_area:
            kinds.setdefault((record.label.cls.value, _kind(record.label)), []).append(record)
    return [_row(cls, kind, members, envelopes) for (cls, kind), members in sorted(kinds.items())]


def as_csv(table: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV with a heading; empty without rows."""
    text = io.StringIO()
    if table:
        writer = csv.DictWriter(text, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    return text.getvalue()


def _kind(label: Label) -> str:
    if label.cls is LabelClass.hard_negative:
        return str(label.attributes.get("look_alike") or "unsaid")
    return str(label.attributes.get("confidence") or "unrated")


def _row(cls: str, kind: str, members: Sequence[LabelRecord], envelopes: Mapping[str, Envelope]) -> dict[str, Any]:
    areas = [float(record.measures.area_m2 or 0) for record in members]
    unsure = [
        float(record.measures.perimeter_m or 0) * envelopes[record.label.uid].width_m / 2
        for record in members
        if record.label.uid in envelopes
    ]
    return {
        "class": cls,
        "kind": kind,
        "count": len(areas),
        "area_m2": round(sum(areas)),
        "area_low_m2": round(max(0.0, sum(areas) - sum(unsure))),
        "area_high_m2": round(sum(areas) + sum(unsure)),
        "with_interval": len(unsure),
        "median_m2": round(statistics.median(areas)),
        "smallest_m2": round(min(areas)),
        "largest_m2": round(max(areas)),
    }
