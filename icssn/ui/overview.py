"""What a project holds: a row for each scene, and how large its landslides are."""

from __future__ import annotations

import itertools
from collections import Counter

import pandas as pd
import streamlit as st

from icssn import actions
from icssn.geo import crs
from icssn.records import CandidateStatus, Label, LabelClass, LabelStatus
from icssn.store.workspace import Workspace
from icssn.ui import frame, measures
from icssn.ui.next_step import newest
from icssn.ui.palette import CHART
from icssn.ui.wording import phrase

_SIZES_M2 = (1e3, 1e4, 1e5, 1e6)  # limits between the bars


def overview(ws: Workspace) -> None:
    """Show a table of the scenes and, where there are landslides, their sizes."""
    slides: list[Label] = []
    rows = []
    for scene in actions.list_scenes(ws):
        labels = actions.list_labels(ws, scene.id)
        own = [label for label in labels if label.cls is LabelClass.landslide and label.status is LabelStatus.accepted]
        slides += own
        made = newest(actions.list_predictions(ws, scene.id))
        status = actions.candidate_statuses(ws, made.id) if made else Counter()
        decided = sum(
            status[one] for one in (CandidateStatus.accepted, CandidateStatus.rejected, CandidateStatus.unsure)
        )
        width_m, height_m = (side * scene.facts.pixel_size_m for side in (scene.facts.width, scene.facts.height))
        rows.append(
            {
                phrase("home.scene"): frame.plain(scene.name),
                phrase("facts.area"): measures.area(width_m * height_m),
                phrase("home.landslides"): str(len(own)),
                phrase("home.of_model"): str(sum(label.source == "predicted" for label in own)),
                phrase("home.decided"): f"{decided} / {decided + status[CandidateStatus.open]}" if made else "–",
            }
        )
    table, chart = st.columns([3, 2], gap="large")
    table.subheader(phrase("home.in_project"), anchor=False)
    table.table(rows)
    if slides:
        chart.subheader(phrase("home.sizes"), anchor=False)
        chart.bar_chart(
            sizes([crs.area_m2(label.geometry_lonlat) for label in slides]),
            height=230,
            color=CHART[0],
            horizontal=True,
            sort=False,
        )


def sizes(areas_m2: list[float]) -> pd.DataFrame:
    """Count areas by size class, from small to large; classes are named by their limits."""
    limits = [0.0, *_SIZES_M2, float("inf")]
    names = [f"< {measures.area(_SIZES_M2[0])}"]
    names += [f"{measures.area(low)} – {measures.area(high)}" for low, high in itertools.pairwise(_SIZES_M2)]
    names.append(f"> {measures.area(_SIZES_M2[-1])}")
    counts = [sum(low <= area < high for area in areas_m2) for low, high in itertools.pairwise(limits)]
    return pd.DataFrame({phrase("home.landslides"): counts}, index=pd.Index(names))
