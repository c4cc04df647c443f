"""GeoJSON (RFC 7946): longitude/latitude, outer rings counter-clockwise; an older file may name another CRS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from icssn.errors import LabelsRefusedError
from icssn.vectors.features import LONLAT, Features, plain, unreadable

_CRS84 = "CRS84"  # longitude/latitude by its OGC name, which pyproj does not take in every spelling


def parse(path: Path) -> Any:
    """Give the JSON value of a file.

    Raises:
        LabelsRefusedError: It is no JSON, nests too deeply, or holds NaN or Infinity.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"), parse_constant=_no_number)
    except (ValueError, RecursionError) as err:
        raise unreadable(path, "GeoJSON") from err


def read(path: Path, document: Any) -> Features:
    """Read the features of a parsed GeoJSON document.

    Raises:
        LabelsRefusedError: It is no GeoJSON.
    """
    try:
        items = document["features"] if document["type"] == "FeatureCollection" else [document]
        features = [item if item["type"] == "Feature" else {"geometry": item} for item in items]
        return Features(
            geometries=[None if item["geometry"] is None else shape(item["geometry"]) for item in features],
            rows=[{key: plain(value) for key, value in (item.get("properties") or {}).items()} for item in features],
            crs=_crs(document.get("crs")),
        )
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError, ShapelyError, CRSError) as err:
        raise unreadable(path, "GeoJSON") from err


def write(path: Path, rows: Sequence[dict[str, Any]], geometries_lonlat: Sequence[BaseGeometry]) -> None:
    """Write features; coordinates come back exactly."""
    features = [
        {"type": "Feature", "geometry": geometry_of(geometry), "properties": row}
        for row, geometry in zip(rows, geometries_lonlat, strict=True)
    ]
    document = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), "utf-8")


def geometry_of(geometry_lonlat: BaseGeometry) -> dict[str, Any]:
    """Give a geometry as RFC 7946 wants it: rings turned."""
    return dict(mapping(shapely.orient_polygons(geometry_lonlat)))


def _crs(member: Any) -> CRS:
    if not member:
        return LONLAT
    name = member["properties"]["name"]
    if not isinstance(name, str):
        raise LabelsRefusedError("crs", found="no name", needed="a CRS name", remedy="Export as RFC 7946.")
    return LONLAT if _CRS84 in name else CRS.from_user_input(name)


def _no_number(text: str) -> None:
    raise ValueError(text)
