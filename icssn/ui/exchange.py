"""Labels in and out beside the map: a file is looked at before it is imported; all labels are downloaded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from icssn import actions, landslide_record
from icssn.errors import LabelsRefusedError
from icssn.records import ImportPreview, Scene
from icssn.store.workspace import Workspace
from icssn.ui import frame, uploads, wording
from icssn.ui.wording import phrase
from icssn.vectors.mapping import OURS

TAKEN = ["gpkg", "zip", "geojson", "json", "kml", "kmz", "csv"]
FORMATS = {
    "gpkg": "GeoPackage",
    "zip": "Shapefile (.zip)",
    "geojson": "GeoJSON",
    "kml": "KML",
    "csv": "CSV · WKT",
    "coco.json": "COCO",
}


def take_in(ws: Workspace, scene: Scene) -> None:
    """Offer to import a file: what it holds and how its columns are understood is shown before anything happens."""
    given = st.file_uploader(phrase("label.import"), type=TAKEN)
    points = st.checkbox(phrase("label.points"), help=phrase("label.points_help"))
    complete = st.checkbox(phrase("label.complete"), help=phrase("label.complete_help"))
    layer = st.text_input(phrase("label.layer"), help=phrase("label.layer_help"))
    if given is None:
        st.button(phrase("label.import_button"), disabled=True)
        return
    seen = _preview(ws, scene, given, points=points, layer=layer)
    crs = frame.plain(seen.crs_name)
    st.markdown(phrase("label.seen", count=seen.count, crs=crs, repaired=seen.repaired, off=seen.off_scene))
    for problem in seen.problems[:3]:
        st.error(frame.plain(wording.told(problem)))
    if seen.refused > 3:
        st.error(phrase("label.more_problems", count=seen.refused - 3))
    chosen = _columns(seen, key=f"columns_{scene.id}_{given.file_id}")
    if not seen.refused:
        _tell_returned(ws, scene, given, points=points, columns=chosen, layer=layer)
    if st.button(phrase("label.import_button"), disabled=bool(seen.refused), type="primary"):
        with st.spinner(phrase("label.importing")), _kept(given) as path:
            done = actions.import_labels(
                ws, scene.id, path, complete=complete, points=points, columns=chosen, layer=layer, called=given.name
            )
        known = done.already_there
        st.success(phrase("label.imported", count=done.count, known=known, repaired=done.repaired, crs=crs))
        if done.updated:
            st.info(phrase("label.updated", count=done.updated))
        if done.left:
            st.warning(phrase("label.left", count=done.left))
        if done.strange:
            st.warning(phrase("label.strange", columns=frame.plain(", ".join(done.strange))))


def hand_out(ws: Workspace, scene: Scene) -> None:
    """Offer all labels of a scene, with their whole records, in each format."""
    ending = st.selectbox(phrase("label.export"), list(FORMATS), format_func=FORMATS.__getitem__)

    def exported() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"labels.{ending}"
            actions.export_labels(ws, scene.id, file)
            return file.read_bytes()

    if ending == "zip":
        st.caption(phrase("label.shapefile_limits"))
    if actions.elevation_gone(scene):
        st.caption(phrase("scenes.elevation_gone", path=frame.plain(scene.dem or "")))
    st.download_button(
        phrase("label.export_button"), exported, file_name=f"{scene.name}_labels.{ending}", on_click="ignore"
    )


def field_names() -> dict[str | None, str]:
    """Give what a column can become, in the reader's language: kept (None), left out (""), or a field of the record."""
    kept: dict[str | None, str] = {None: phrase("label.as_is"), "": phrase("label.left_out")}
    fields = landslide_record.fields().values()
    return kept | {
        field.key: phrase(f"record.{field.key}")
        for field in fields
        if field.origin != "measured" and field.key != "uid"
    }


def _columns(seen: ImportPreview, *, key: str) -> dict[str, str | None]:
    """Show the columns of a file and give those of which a reader wishes something else than was suggested.

    What only our own exports have, and what is read from there as it is, is no choice and not shown.
    """
    open_to_choice = [item for item in seen.columns if item.key != "" or item.name not in ("uid", *OURS)]
    if not open_to_choice:
        return {}
    names = field_names()
    keys = {name: key for key, name in names.items()}
    column, field, sample = (phrase(f"label.{word}") for word in ("column", "field", "sample"))
    rows = [
        {column: item.name, field: names.get(item.key, names[None]), sample: " · ".join(item.samples)}
        for item in open_to_choice
    ]
    edited = st.data_editor(
        rows,
        key=key,
        hide_index=True,
        disabled=[column, sample],
        column_config={field: st.column_config.SelectboxColumn(options=list(keys), required=True)},
    )
    return {
        row[column]: keys[row[field]] for row, before in zip(edited, rows, strict=True) if row[field] != before[field]
    }


def _preview(ws: Workspace, scene: Scene, given: Any, *, points: bool, layer: str) -> ImportPreview:
    """Look at a file once, not at every run of the page."""
    asked = (scene.id, given.file_id, points, layer)
    if st.session_state.get("import_asked") != asked:
        with st.spinner(phrase("label.reading")), _kept(given) as path:
            st.session_state["import_seen"] = actions.preview_import(ws, scene.id, path, points=points, layer=layer)
        st.session_state["import_asked"] = asked
    seen: ImportPreview = st.session_state["import_seen"]
    return seen


def _tell_returned(
    ws: Workspace,
    scene: Scene,
    given: Any,
    *,
    points: bool,
    columns: Mapping[str, str | None],
    layer: str,
) -> None:
    """Say what an import would do with labels that the scene has; looked up anew when labels or wishes change."""
    asked = (scene.id, given.file_id, points, layer, tuple(columns.items()), actions.label_revision(ws, scene.id))
    if st.session_state.get("import_returned_asked") != asked:
        try:
            with st.spinner(phrase("label.reading")), _kept(given) as path:
                found = actions.preview_return(ws, scene.id, path, points=points, columns=columns, layer=layer)
        except LabelsRefusedError as refusal:  # two columns are to become one field
            st.error(frame.plain(wording.told(str(refusal))))
            return
        st.session_state["import_returned"], st.session_state["import_returned_asked"] = found, asked
    known: actions.Returned = st.session_state["import_returned"]
    if known.edited:
        st.info(phrase("label.would_update", count=len(known.edited), outlines=known.outlines))
    if left := known.left + known.deleted:
        st.warning(phrase("label.left", count=left))


@contextmanager
def _kept(given: uploads.Upload) -> Iterator[Path]:
    """Write an upload into a folder of its own, under a name of ours, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="icssn-labels-") as folder:
        path = Path(folder) / f"labels{Path(given.name).suffix.lower()}"
        path.write_bytes(given.getbuffer())
        yield path
