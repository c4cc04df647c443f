"""Write labels with their whole record, and candidates, as vector files for other programs."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from icssn import landslide_record
from icssn.durable import require_folder, whole_file, write_text, written_to
from icssn.errors import DiskFullError, LabelsRefusedError, UnwritableError
from icssn.geo import crs
from icssn.records import Candidate, ExportedLabels, LabelClass, LabelRecord, RasterFacts
from icssn.vectors import coco, columns, geojson, kml, ours, style, table
from icssn.vectors.features import LONLAT, as_text
from icssn.vectors.mapping import OURS
from icssn.vectors.source import OUR_LAYERS

ENDINGS = (".gpkg", ".geojson", ".json", ".shp", ".zip", ".kml", ".csv", ".coco.json")
_IN_SCENE_CRS = (".gpkg", ".shp", ".zip")
_TAKEN = ("fid", "ogc_fid", "geom", "geometry", "the_geom", "wkt", "wkt_geom", *OURS)  # names that formats use
_DBF_BYTES = 254  # of a text in a Shapefile
_KEPT = "The style '{name}' is none of ours and was kept."
_FULL = ("disk is full", "No space left", "quota")  # in what GDAL says of a disk, or a person's share, without room
_LEAST_ROOM = 1 << 20  # bytes of a file with few features, and of its style
_DECIMALS = 3  # of measures: a millimetre, a thousandth of a degree


def write_labels(
    path: Path, records: Sequence[LabelRecord], *, facts: RasterFacts, scene_name: str = "scene"
) -> ExportedLabels:
    """Write labels with everything their records say, in the format of the file's ending.

    GeoPackage and Shapefile (.shp, or zipped) are in the scene's CRS; GeoJSON, KML, CSV with WKT and COCO
    (.coco.json) in longitude/latitude. GeoPackage, Shapefile and GeoJSON open styled in QGIS.

    Args:
        path: Written whole or not at all; a Shapefile's parts one after the other, the .shp last. A style beside it
            that is none of ours stays.
        records: Of the labels; see `icssn.actions.label_records`.
        facts: Of the scene.
        scene_name: Names the image in COCO.

    Raises:
        LabelsRefusedError: The ending is none that is known.
        UnwritableError: What stands there is no export of ours, the folder cannot be made, or no file be written there.
        DiskFullError: The disk is full.
    """
    suffix = ".coco.json" if path.name.lower().endswith(".coco.json") else path.suffix.lower()
    if suffix not in ENDINGS:
        raise LabelsRefusedError(
            path.name,
            found=f"the ending '{path.suffix}'",
            needed="one of " + ", ".join(ENDINGS),
            remedy="Choose another file name.",
        )
    ours.require_export(path)
    rows = [row_of(record) for record in records]
    outlines = [record.label.geometry_lonlat for record in records]
    files, notices = [path], list[str]()
    if suffix == ".gpkg":
        with whole_file(path) as draft, _told_of_gdal(path.parent, rows, outlines):
            _geopackage(draft, rows, outlines, facts)
    elif suffix in (".shp", ".zip"):
        require_folder(path.parent)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".icssn-") as folder:
            stem = OUR_LAYERS[0] if suffix == ".zip" else path.stem
            with _told_of_gdal(path.parent, rows, outlines):
                parts, notices = _shapefile(Path(folder), stem, rows, outlines, facts)
            files, kept = (_zipped if suffix == ".zip" else _moved)(path, parts)
        notices += kept
    else:
        with whole_file(path) as draft:
            if suffix == ".kml":
                kml.write(draft, rows, outlines)
            elif suffix == ".csv":
                table.write(draft, rows, outlines)
            elif suffix == ".coco.json":
                coco.write(draft, rows, outlines, facts=facts, image=scene_name)
            else:
                geojson.write(draft, rows, outlines)
    if suffix in (".gpkg", ".geojson", ".json"):
        styles, kept = _styled(path.with_suffix(".qml"))
        files, notices = files + styles, notices + kept
    return ExportedLabels(
        count=len(rows),
        files=tuple(str(file) for file in files),
        crs_name=facts.crs_name if suffix in _IN_SCENE_CRS else f"EPSG:4326 · {LONLAT.name}",
        notices=tuple(notices),
    )


def row_of(record: LabelRecord) -> dict[str, Any]:
    """Give all that is known of a label by column: number, class and state, the record in its order, other fields."""
    label, values = record.label, record.values()
    row = {
        "uid": label.uid,
        "class": label.cls.value,
        "status": label.status.value,
        "source": label.source.value,
        "version": label.version,
        "updated_at": label.updated_at.astimezone(dt.UTC).isoformat(),
    }
    for key, field in landslide_record.fields().items():
        if key in values or field.mandatory:  # these are there in every file: its style asks for them
            row[key] = _rounded(values.get(key))
    for key, value in values.items():
        if key not in landslide_record.fields():
            name = key
            while name.lower() in _TAKEN or name in row:
                name += "_"
            row[name] = value
    return row


def write_candidates(path: Path, candidates: Sequence[Candidate], *, facts: RasterFacts) -> int:
    """Write candidates with their scores to a GeoPackage in the scene's CRS; gives their count."""
    rows = [
        {
            "id": candidate.id,
            "score": candidate.score,
            "mask_score": candidate.mask_score,
            "classifier_score": candidate.classifier_score,
            "area_m2": round(candidate.area_m2, 1),
            "status": candidate.status.value,
            "look_alike": candidate.look_alike,
        }
        for candidate in candidates
    ]
    outlines = [candidate.geometry_lonlat for candidate in candidates]
    with whole_file(path) as draft, _told_of_gdal(path.parent, rows, outlines):
        _layer(draft, rows, outlines, facts, layer="candidates")
    return len(rows)


def _geopackage(draft: Path, rows: list[dict[str, Any]], outlines: list[BaseGeometry], facts: RasterFacts) -> None:
    import pandas as pd
    import pyogrio

    names = columns.once(columns.in_order(rows))
    rows = [{names[column]: value for column, value in row.items()} for row in rows]
    polygons, points = _by_kind(rows)
    styles = [(OUR_LAYERS[0], "Landslides", style.outlines_qml())]
    _layer(draft, [rows[i] for i in polygons], [outlines[i] for i in polygons], facts, layer=OUR_LAYERS[0])
    if points:
        placed = [outlines[i] for i in points]
        _layer(draft, [rows[i] for i in points], placed, facts, layer=OUR_LAYERS[1], append=True)
        styles.append((OUR_LAYERS[1], "Landslide points", style.points_qml()))
    shown = pd.DataFrame(  # the table in which QGIS keeps styles in a GeoPackage
        [
            {
                "f_table_catalog": "",
                "f_table_schema": "",
                "f_table_name": name,
                "f_geometry_column": "geom",
                "styleName": title,
                "styleQML": qml,
                "styleSLD": "",
                "useAsDefault": True,
                "description": title,
                "owner": "",
                "ui": None,
                "update_time": dt.datetime.now(dt.UTC),
            }
            for name, title, qml in styles
        ]
    )
    pyogrio.write_dataframe(shown, draft, driver="GPKG", layer="layer_styles", append=True, FID="id")


def _shapefile(
    folder: Path, stem: str, rows: list[dict[str, Any]], outlines: list[BaseGeometry], facts: RasterFacts
) -> tuple[list[Path], list[str]]:
    """Write the parts of one Shapefile for outlines and, where there are any, one for points; give notices, too."""
    names = columns.dbf_names(columns.in_order(rows))
    short = [{names[column]: columns.for_dbf(value) for column, value in row.items()} for row in rows]
    cut = 0
    for row in short:
        for column, value in row.items():
            if isinstance(value, str | list | dict) and len(as_text(value).encode()) > _DBF_BYTES:
                row[column] = as_text(value).encode()[:_DBF_BYTES].decode("utf-8", "ignore")
                cut += 1
    polygons, points = _by_kind(rows)
    point_stem = OUR_LAYERS[1] if stem == OUR_LAYERS[0] else f"{stem}_points"
    for kind, name, qml in ((polygons, stem, style.outlines_qml()), (points, point_stem, style.points_qml())):
        if kind or name == stem:
            file = folder / f"{name}.shp"
            _layer(file, [short[i] for i in kind], [outlines[i] for i in kind], facts, layer=name)
            file.with_suffix(".qml").write_text(qml, "utf-8")
    renamed = [f"{column} → {name}" for column, name in names.items() if column != name]
    notices = [f"Names longer than {columns.DBF_NAME} characters became: {', '.join(renamed)}."] if renamed else []
    if cut:
        notices.append(f"{cut} text(s) were cut to the {_DBF_BYTES} bytes that a Shapefile can hold.")
    if points:
        notices.append(f"Points stand in a Shapefile of their own, '{point_stem}.shp'.")
    return sorted(folder.iterdir(), key=lambda file: (file.suffix == ".shp", file.name)), notices


def _layer(
    path: Path,
    rows: list[dict[str, Any]],
    outlines: list[BaseGeometry],
    facts: RasterFacts,
    *,
    layer: str,
    append: bool = False,
) -> None:
    import geopandas as gpd  # a second to import, and only exports need it
    import pyogrio

    carried = [crs.from_lonlat(outline, facts.crs_wkt) for outline in outlines]
    is_points = bool(outlines) and outlines[0].geom_type == "Point"
    frame = gpd.GeoDataFrame(columns.typed(rows), geometry=carried, crs=facts.crs_wkt)
    pyogrio.write_dataframe(
        frame,
        path,
        driver="ESRI Shapefile" if path.suffix == ".shp" else "GPKG",
        layer=layer,
        geometry_type="Point" if is_points else "Polygon" if path.suffix == ".shp" else "MultiPolygon",
        promote_to_multi=path.suffix != ".shp" and not is_points,
        append=append,
        encoding="UTF-8",
    )


@contextmanager
def _told_of_gdal(folder: Path, rows: list[dict[str, Any]], outlines: list[BaseGeometry]) -> Iterator[None]:
    """Say in a sentence why features could not be written; GDAL has many words for a full disk, and none for some."""
    import pyogrio

    try:
        with written_to(folder):
            yield
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as err:
        needed = _LEAST_ROOM + sum(map(len, shapely.to_wkb(outlines))) + sum(len(as_text(row)) for row in rows)
        if shutil.disk_usage(folder).free < 2 * needed or any(word in str(err) for word in _FULL):
            raise DiskFullError(str(folder)) from err
        raise UnwritableError(str(folder), found=f"GDAL could not write it ({err})") from err


def _by_kind(rows: list[dict[str, Any]]) -> tuple[list[int], list[int]]:
    """Give the numbers of the outlines and of the points."""
    points = [i for i, row in enumerate(rows) if row["class"] == LabelClass.landslide_point]
    return sorted(set(range(len(rows))) - set(points)), points


def _styled(qml: Path) -> tuple[list[Path], list[str]]:
    """Write the QGIS style of outlines unless another is there; give the files written, and notices."""
    if _is_of_others(qml):
        return [], [_KEPT.format(name=qml.name)]
    write_text(qml, style.outlines_qml())
    return [qml], []


def _is_of_others(qml: Path) -> bool:
    return os.path.lexists(qml) and not ours.is_style(qml)


def _zipped(path: Path, parts: list[Path]) -> tuple[list[Path], list[str]]:
    with whole_file(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            archive.write(part, part.name)
    return [path], []


def _moved(path: Path, parts: list[Path]) -> tuple[list[Path], list[str]]:
    """Move the parts of Shapefiles to their place, but for styles where others are; give the files, and notices."""
    others = [path.parent / part.name for part in parts if part.suffix == ".shp" and part.stem != path.stem]
    for other in others:
        ours.require_export(other)
    notices = []
    for part in parts:
        if part.suffix == ".qml" and _is_of_others(path.parent / part.name):
            notices.append(_KEPT.format(name=part.name))
        else:
            with written_to(path.parent / part.name):
                part.replace(path.parent / part.name)
    return [path, *others], notices


def _rounded(value: Any) -> Any:
    return round(value, _DECIMALS) if isinstance(value, float) else value
