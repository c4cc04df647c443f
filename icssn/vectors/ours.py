"""Which files are exports of ours, by what they themselves hold: so that none of anybody else's is written over."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from icssn.errors import UnwritableError
from icssn.vectors import style

# Layers that we write, and a column by which each is known; one without any features has no columns at all.
LABEL_LAYERS = {"labels": "uid", "label_points": "uid", "layer_styles": "styleQML"}
CANDIDATE_LAYERS = {"candidates": "mask_score"}
_OF_THE_FORMAT = ("gpkg_", "rtree_", "sqlite_")
_TAKEN = "a file stands there already, and it is no earlier result"
_PLACE = {"fid", "geom"}


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


def require_shapefile(path: Path) -> None:
    """Refuse to write over a Shapefile that is no export of ours.

    Raises:
        UnwritableError: One stands there that has not the number and class of labels.
    """
    if path.exists() and not {"uid", "class"} <= _shapefile_columns(path):
        raise UnwritableError(str(path), found=_TAKEN)


def _shapefile_columns(path: Path) -> set[str]:
    import pyogrio  # with pandas a second to import

    try:
        return set(pyogrio.read_info(path)["fields"])
    except pyogrio.errors.DataSourceError:
        return set()


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
