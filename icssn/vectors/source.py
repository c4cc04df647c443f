"""The one hardened door for vector files: what a file is decides its content, never GDAL's guess."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry.base import BaseGeometry

from icssn.records import RasterFacts
from icssn.vectors import archive, coco, dbf, geojson, kml, table
from icssn.vectors.features import LONLAT, Features, plain, refused, unreadable

# How the content of each format begins: GDAL looks at content only, so a disguised file must not reach it.
_BEGINS = {
    ".gpkg": (b"SQLite format 3\0",),
    ".shp": (b"\x00\x00\x27\x0a",),
    ".geojson": (b"{",),
    ".json": (b"{",),
    ".kml": (b"<",),
    ".kmz": (b"PK\x03\x04",),
    ".zip": (b"PK\x03\x04",),
}
ENDINGS = (*_BEGINS, ".csv")
OUR_LAYERS = ("labels", "label_points")  # what an export of ours holds; read together
MAX_BYTES = 500 << 20  # the largest public inventory we know of has 60 MB
MAX_TEXT_BYTES = 200 << 20  # of GeoJSON, KML and CSV, which are read whole
MAX_FEATURES = 200_000
MAX_VERTICES = 20_000_000  # of all features together: 320 MB
_EXACT = 1 << 53  # a float holds whole numbers below this one to the last digit


def features(path: Path, *, layer: str = "", facts: RasterFacts | None = None, scene_name: str = "") -> Features:
    """Give all features of a vector file: GeoPackage, Shapefile, GeoJSON, KML, CSV with WKT, COCO, or a zip of one.

    Args:
        path: Of the file; its ending says which format.
        layer: Which layer of a GeoPackage or member of a zip, where there are several.
        facts: The scene, in whose pixels COCO annotations are given.
        scene_name: Its name, by which its image is found where several are annotated.

    Raises:
        LabelsRefusedError: The file cannot be read, is too large, declares no CRS, or is not what it says it is.
    """
    path = Path(path)
    _check(path)
    suffix = path.suffix.lower()
    if suffix in (".gpkg", ".shp"):
        found = _by_gdal(path, layer)
    elif suffix in (".geojson", ".json"):
        found = _json(path, facts, scene_name)
    elif suffix == ".kml":
        found = kml.read(path)
    elif suffix == ".csv":
        found = table.read(path)
    else:
        return _archived(path, layer, facts, scene_name)
    if len(found.rows) > MAX_FEATURES:
        raise refused(path, f"{len(found.rows):,} features", f"at most {MAX_FEATURES:,}", "Cut it to your area.")
    if sum(shapely.get_num_coordinates(item) for item in found.geometries if item is not None) > MAX_VERTICES:
        raise refused(path, f"more than {MAX_VERTICES:,} corners", "fewer", "Cut it to your area, or simplify it.")
    return found


def _check(path: Path) -> None:
    if path.is_dir():
        raise refused(path, "it is a folder", "a file", "Give one of the files in it.")
    if not path.is_file():
        raise refused(path, "there is no such file", "an existing file", "Check the path.")
    suffix = path.suffix.lower()
    if suffix not in ENDINGS:
        raise refused(path, f"the ending '{path.suffix}'", "one of " + ", ".join(ENDINGS), "Export it as a GeoPackage.")
    most = MAX_BYTES if suffix in (".gpkg", ".shp", ".zip", ".kmz") else MAX_TEXT_BYTES
    if path.stat().st_size > most:
        raise refused(path, f"{path.stat().st_size >> 20} MB", f"at most {most >> 20} MB", "Cut it to your area.")
    with path.open("rb") as file:
        begin = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if suffix in _BEGINS and not begin.startswith(_BEGINS[suffix]):
        raise unreadable(path, suffix.removeprefix("."))


def _json(path: Path, facts: RasterFacts | None, scene_name: str) -> Features:
    document = geojson.parse(path)
    if isinstance(document, dict) and "annotations" in document:
        if facts is None:
            raise refused(path, "COCO annotations", "polygons on the ground", "Import them onto their scene first.")
        found = coco.read(path, document, facts=facts, scene_name=scene_name)
        return replace(found, rows=_encodable(path, found.rows))
    found = geojson.read(path, document)
    _check_crs(path, found.crs)
    items = document["features"] if document["type"] == "FeatureCollection" else [document]
    rows = [
        {"id": item["id"], **row}
        if isinstance(item.get("id"), str | int | float) and not {"uid", "class"} <= row.keys()  # an export of ours
        else row
        for item, row in zip(items, found.rows, strict=True)
    ]
    return replace(found, rows=_encodable(path, rows))


def _encodable(path: Path, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Give rows without halves of characters, which JSON can name but no other file can hold."""
    try:
        text = json.dumps(rows, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        whole: list[dict[str, Any]] = json.loads(text.encode("utf-8", "ignore"))
        return whole
    except RecursionError as err:
        raise unreadable(path, "JSON") from err
    return rows


def _archived(path: Path, layer: str, facts: RasterFacts | None, scene_name: str) -> Features:
    inner = tuple(ending for ending in ENDINGS if ending not in (".zip", ".kmz"))
    there = [name for ending in inner for name in archive.members(path, ending)]
    ours = there if not layer and set(there) <= set(OUR_LAYERS) else []
    parts = []
    for stem in ours or [layer]:
        with archive.unpacked(path, endings=inner, stem=stem) as file:
            parts.append(features(file, facts=facts, scene_name=scene_name))
    return _together(parts)


def _by_gdal(path: Path, layer: str) -> Features:
    import pyogrio  # with pandas a second to import, and only some formats need it

    kind = "GeoPackage" if path.suffix.lower() == ".gpkg" else "Shapefile"
    try:
        names = [str(name) for name, geometry in pyogrio.list_layers(path) if geometry]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as err:
        raise unreadable(path, kind) from err
    wanted = [name for name in names if name == layer] if layer else names
    if not wanted or (len(wanted) > 1 and not set(wanted) <= set(OUR_LAYERS)):
        raise refused(
            path, f"the layers {', '.join(names) or '(none)'}", "one layer", "Say which one to read (--layer)."
        )
    return _together([_layer(path, name, kind) for name in wanted])


def _layer(path: Path, layer: str, kind: str) -> Features:
    import pyogrio

    shapefile = kind == "Shapefile"
    encoding = "ISO-8859-1" if shapefile else None
    try:
        facts = pyogrio.read_info(path, layer=layer, encoding=encoding)
        if not facts["crs"]:
            raise refused(
                path, "no coordinate system is declared", "a CRS", "Set it in your GIS (of a Shapefile: the .prj file)."
            )
        if facts["features"] > MAX_FEATURES:
            raise refused(path, f"{facts['features']:,} features", f"at most {MAX_FEATURES:,}", "Cut it to your area.")
        meta, fids, wkb, fields = pyogrio.raw.read(
            path, layer=layer, force_2d=True, encoding=encoding, return_fids=True
        )
        whole = {
            name: _whole(path, values, fids=fids, column=name, layer=layer, encoding=encoding, kind=kind)
            for name, kind, values in zip(meta["fields"], meta["dtypes"], fields, strict=True)
            if values.dtype == "float64" and kind.startswith(("int", "uint", "bool"))
        }
        geometries = list(shapely.from_wkb(wkb))
        crs = CRS.from_user_input(facts["crs"])
        _check_crs(path, crs)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.FeatureError,
        shapely.errors.GEOSException,
        CRSError,
    ) as err:
        raise unreadable(path, kind) from err
    text = _reader_of_texts(path) if shapefile else str
    columns = [text(str(column)) for column in meta["fields"]]
    filled = [whole.get(name, values) for name, values in zip(meta["fields"], fields, strict=True)]
    for number, values in dbf.long_numbers(path, fids.tolist()).items() if shapefile else ():
        filled[number] = values
    rows = [
        {column: _value(values[row], text) for column, values in zip(columns, filled, strict=True)}
        for row in range(len(geometries))
    ]
    return Features(geometries=geometries, rows=rows, crs=crs)


def _whole(
    path: Path, values: Any, *, fids: Any, column: str, layer: str, encoding: str | None, kind: str
) -> list[int | bool | None]:
    """Give a column of whole numbers or truth values that has gaps, and so came as floats, to its last digit.

    Args:
        values: As they came, NaN in a gap.
        fids: The features' numbers in the file.
        kind: Of the values, as the file declares it.
    """
    import pyogrio

    exact: dict[int, int] = {}
    if (abs(values) >= _EXACT).any():  # only where it matters: every such column is read again
        quote = '""' if path.suffix.lower() == ".gpkg" else '\\"'  # SQLite's, and GDAL's own language
        there = f'"{column.replace(chr(34), quote)}" IS NOT NULL'
        _, numbers, _, [found] = pyogrio.raw.read(
            path,
            layer=layer,
            encoding=encoding,
            columns=[column],
            where=there,
            read_geometry=False,
            return_fids=True,
        )
        exact = dict(zip(numbers.tolist(), found.tolist(), strict=True))
    of = bool if kind == "bool" else int
    return [
        exact.get(fid, None if math.isnan(value) else of(value))
        for fid, value in zip(fids.tolist(), values.tolist(), strict=True)
    ]


def _check_crs(path: Path, crs: CRS) -> None:
    try:
        Transformer.from_crs(crs, LONLAT, always_xy=True)
    except ProjError as err:
        raise refused(
            path,
            f"its CRS '{crs.name}' has no place on the Earth",
            "a CRS that has one",
            "Set the CRS in your GIS, and export it again.",
        ) from err


def _value(value: Any, text: Callable[[str], str]) -> Any:
    value = plain(value)
    return text(value) if isinstance(value, str) else value


def _reader_of_texts(shp: Path) -> Callable[[str], str]:
    """Give how to read a Shapefile's texts, which come as Latin-1: a name may be cut in the middle of a character."""
    encoding = dbf.encoding(shp)
    return lambda text: text.encode("latin-1").decode(encoding, "ignore")


def _together(parts: list[Features]) -> Features:
    """Give the features of all parts in the CRS of the first."""
    crs = parts[0].crs
    return Features(
        geometries=[geometry for part in parts for geometry in _carried(part, crs)],
        rows=[row for part in parts for row in part.rows],
        crs=crs,
    )


def _carried(part: Features, crs: CRS) -> Sequence[BaseGeometry | None]:
    if part.crs == crs:
        return part.geometries
    carry = Transformer.from_crs(part.crs, crs, always_xy=True).transform
    return [None if item is None else shapely.transform(item, carry, interleaved=False) for item in part.geometries]
