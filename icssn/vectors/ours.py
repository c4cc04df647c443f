"""Which files are exports of ours, by what they themselves hold: so that none of anybody else's is written over."""

from __future__ import annotations

import sqlite3
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from icssn.errors import LabelsRefusedError, UnwritableError
from icssn.vectors import geojson, kml, source, style, table
from icssn.vectors.mapping import OURS

# Layers that we write, and a column by which each is known; one without any features has no columns at all.
LABEL_LAYERS = {"labels": "uid", "label_points": "uid", "layer_styles": "styleQML"}
CANDIDATE_LAYERS = {"candidates": "mask_score"}
_OF_THE_FORMAT = ("gpkg_", "rtree_", "sqlite_")
_TAKEN = "a file stands there already, and it is no earlier result"
_PLACE = {"fid", "geom"}
_OF_A_LABEL = {"uid", *OURS}  # columns that every label of an export has
_SHAPEFILE = (".shp", ".dbf", ".shx", ".prj", ".cpg")


def other_layers(path: Path, known: Mapping[str, str]) -> list[str] | None:
    """Give the layers and tables of a GeoPackage that we did not write; None where the file is no GeoPackage.

    Args:
        path: Of the file, which is there.
        known: Layers of ours, and a column of each.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
            tables = file.execute("select name from sqlite_master where type in ('table', 'view')").fetchall()
            names = [name for (name,) in tables if not name.startswith(_OF_THE_FORMAT)]
            columns = {
                name: {column for (column,) in file.execute("select name from pragma_table_info(?)", (name,))}
                for name in names
            }
            file.execute("select 1 from gpkg_contents")
    except sqlite3.Error:
        return None
    return [name for name in names if known.get(name) not in columns[name] and not columns[name] <= _PLACE]


def require_export(path: Path) -> None:
    """Refuse to write labels over a file that is no export of ours; its ending says in which format they would be.

    Raises:
        UnwritableError: A folder or such a file stands there; the layers of others in a GeoPackage are named.
    """
    if path.is_dir():
        raise UnwritableError(str(path), found="a folder stands in the place of the file")
    if path.exists() and not path.is_file():  # a pipe, a device
        raise UnwritableError(str(path), found=_TAKEN)
    suffix = path.suffix.lower()
    if suffix == ".gpkg":
        require_geopackage(path, LABEL_LAYERS)
    elif suffix == ".shp":
        require_shapefile(path)
    elif path.exists() and not _is_export(path):
        raise UnwritableError(str(path), found=_TAKEN)


def require_shapefile(path: Path) -> None:
    """Refuse to write over a Shapefile, or a part of one, that is no export of ours.

    Raises:
        UnwritableError: One stands there that has not the columns of labels.
    """
    standing = [part for part in map(path.with_suffix, _SHAPEFILE) if part.exists()]
    if standing and not _is_shapefile(path):
        raise UnwritableError(str(standing[0]), found=_TAKEN)


def _is_shapefile(path: Path) -> bool:
    import pyogrio  # with pandas a second to import

    try:
        known = pyogrio.read_info(path, force_feature_count=True)
    except pyogrio.errors.DataSourceError:
        return False
    columns = set(known["fields"])
    return columns >= _OF_A_LABEL or (not known["features"] and columns <= {"FID"})


def _is_export(path: Path) -> bool:
    """Say whether a file of text, or a zip, holds labels as we write them."""
    if path.stat().st_size > source.MAX_TEXT_BYTES:  # nor is it read whole
        return False
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as packed:
                if not {Path(name).stem for name in packed.namelist()} <= set(source.OUR_LAYERS):
                    return False
        is_json = path.suffix.lower() in (".geojson", ".json")
        rows = _rows_of_json(path) if is_json else source.features(path).rows
        return all(row.keys() >= _OF_A_LABEL for row in rows) if rows else _is_empty_export(path)
    except (LabelsRefusedError, zipfile.BadZipFile, KeyError, TypeError, AttributeError):
        return False


def _rows_of_json(path: Path) -> list[dict[str, Any]]:
    document = geojson.parse(path)
    if "annotations" in document:
        return [item["attributes"] for item in document["annotations"]]
    return [item["properties"] for item in document["features"]]


def _is_empty_export(path: Path) -> bool:
    """Say whether a file without any features is what we write where there is no label."""
    match path.suffix.lower():
        case ".zip":
            with zipfile.ZipFile(path) as packed:
                return packed.read(f"{source.OUR_LAYERS[0]}.qml") == style.outlines_qml().encode()
        case ".kml" | ".csv" as suffix:
            with tempfile.TemporaryDirectory() as folder:
                empty = Path(folder) / "empty"
                (kml if suffix == ".kml" else table).write(empty, [], [])
                return empty.read_bytes() == path.read_bytes()
        case _:
            document = geojson.parse(path)
            if "annotations" in document:
                return bool({"crs_wkt", "transform"} <= document["images"][0].keys())
            return bool(document == {"type": "FeatureCollection", "features": []})


def is_style(path: Path) -> bool:
    """Say whether a file is a QGIS style as we write it, unchanged."""
    try:
        return path.read_text("utf-8") in (style.outlines_qml(), style.points_qml())
    except (OSError, UnicodeDecodeError):
        return False


def require_geopackage(path: Path, known: Mapping[str, str]) -> None:
    """Refuse to write over a GeoPackage that holds more than an export of ours.

    Args:
        path: Where one is to be written.
        known: As `other_layers`.

    Raises:
        UnwritableError: The file holds other layers, which are named, or is no GeoPackage.
    """
    others = other_layers(path, known) if path.is_file() else []
    if others is None:
        raise UnwritableError(str(path), found=_TAKEN)
    if others:
        raise UnwritableError(str(path), found=f"it holds layers of others ({', '.join(others)})")
