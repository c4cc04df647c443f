"""CSV with one geometry column in WKT, longitude/latitude, as spreadsheets of many countries write it.

Written is UTF-8 with commas. Read are also GBK and UTF-16, semicolons and tabs, and decimal commas.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from icssn.vectors.features import LONLAT, Features, as_text, refused, typed, unreadable

_WKT = ("wkt", "geometry", "geom", "the_geom", "wkt_geom")
_LON, _LAT = ("lon", "longitude", "long", "lng", "x", "经度"), ("lat", "latitude", "y", "纬度")
_SEPARATORS = (",", ";", "\t")
_LONGEST_FIELD = 16 << 20  # characters; the WKT of 100,000 corners has 4 million
_DECIMALS = 20  # of degrees: they come back exactly


def read(path: Path) -> Features:
    """Read rows with a WKT column, or with a longitude and a latitude column as points.

    Raises:
        LabelsRefusedError: There is no such column, a geometry cannot be read, or a row is longer than the header.
    """
    text = decoded(path.read_bytes())
    header = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=header.count)
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        names = _distinct(next(lines, []))
        rows = [_row(path, lines.line_num, names, cells) for cells in lines if cells]
    except csv.Error as err:
        raise unreadable(path, "CSV") from err
    columns = {column.strip().lower(): column for column in rows[0]} if rows else {}
    wkt = next((columns[name] for name in _WKT if name in columns), None)
    lon, lat = (next((columns[name] for name in names if name in columns), None) for names in (_LON, _LAT))
    if rows and wkt is None and (lon is None or lat is None):
        raise refused(
            path,
            "no column with geometries",
            f"a column '{_WKT[0]}' in longitude/latitude, or '{_LON[0]}' and '{_LAT[0]}' for points",
            "Rename the column.",
        )
    try:
        geometries: list[BaseGeometry | None] = [
            (shapely.from_wkt(row[wkt]) if row[wkt] else None) if wkt else Point(_degrees(row[lon]), _degrees(row[lat]))
            for row in rows
        ]
    except (shapely.errors.GEOSException, ValueError, TypeError) as err:
        raise unreadable(path, "CSV") from err
    placed = (wkt,) if wkt else (lon, lat)
    kept = [{column: value for column, value in row.items() if column not in placed} for row in rows]
    return Features(geometries=geometries, rows=typed(kept), crs=LONLAT)


def write(path: Path, rows: Sequence[dict[str, Any]], geometries_lonlat: Sequence[BaseGeometry]) -> None:
    """Write all fields and the WKT last; the byte order mark lets spreadsheets read Chinese."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow([*columns, _WKT[0]])
        for row, geometry in zip(rows, geometries_lonlat, strict=True):
            wkt = shapely.to_wkt(geometry, rounding_precision=_DECIMALS)
            table.writerow([*(as_text(row.get(column)) for column in columns), wkt])


def _distinct(header: Sequence[str]) -> list[str]:
    """Give the names of columns, each once: a number stands at the end of a second one, and for a missing one."""
    names: list[str] = []
    for number, given in enumerate(header, start=1):
        name = wanted = given if given.strip() else f"column_{number}"
        count = 2
        while name in names:
            name, count = f"{wanted}_{count}", count + 1
        names.append(name)
    return names


def _row(path: Path, line: int, names: Sequence[str], cells: Sequence[str]) -> dict[Any, str | None]:
    if any(cell.strip() for cell in cells[len(names) :]):
        raise refused(
            path,
            f"line {line} has {len(cells)} cells, the header {len(names)}",
            "a name for every cell",
            "Put texts that hold the separator in quotation marks, or name the columns.",
        )
    return dict(itertools.zip_longest(names, cells[: len(names)]))


def _degrees(text: str | None) -> float:
    if text is None:
        raise ValueError("the row is shorter than the header")
    return float(text.replace(",", "."))


def decoded(content: bytes) -> str:
    """Give text of UTF-16 with its mark, of UTF-8, else of GBK bytes; what is neither is read as Latin-1.

    Latin-1 takes everything.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")
