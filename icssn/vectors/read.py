"""Read label polygons from GeoPackage, GeoJSON and Shapefile through one hardened door."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyogrio
import shapely
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from icssn.errors import LabelsRefusedError
from icssn.records import LabelSource, NewLabel, RasterFacts
from icssn.vectors import check

# How the content of each format begins: GDAL looks at content only, so a disguised file must not reach it.
SUFFIXES = {".gpkg": b"SQLite format 3\0", ".geojson": b"{", ".json": b"{", ".shp": b"\x00\x00\x27\x0a"}
MAX_BYTES = 500 << 20  # the largest public inventory we know of has 60 MB
MAX_FEATURES = 200_000


@dataclass(frozen=True)
class FoundLabels:
    """What a vector file held.

    Attributes:
        labels: One landslide per feature, longitude/latitude, attributes kept.
        repaired: How many geometries had to be made valid.
        crs_name: The coordinate system that the file declares.
    """

    labels: tuple[NewLabel, ...]
    repaired: int
    crs_name: str


def read_labels(path: Path, *, facts: RasterFacts, scene_name: str) -> FoundLabels:
    """Read every polygon of a file as a landslide label.

    Raises:
        LabelsRefusedError: The file cannot be read, declares no CRS, holds other geometries than polygons, or none
            of its polygons touches the scene.
    """
    layer, crs_text = _door(path)
    columns, geometries, fields = _features(path, layer)
    if not len(geometries):
        raise _refused(path, "no features", "at least one polygon", "Choose the layer that holds the landslides.")
    to_lonlat = Transformer.from_crs(CRS.from_user_input(crs_text), CRS.from_epsg(4326), always_xy=True)
    labels, repaired = [], 0
    for row, geometry in enumerate(geometries):
        lonlat = shapely.transform(geometry, to_lonlat.transform, interleaved=False)
        polygon, was_repaired = check.repaired_polygon(lonlat, name=f"{path.name}, feature {row + 1}")
        repaired += was_repaired
        attributes = {column: _plain(fields[index][row]) for index, column in enumerate(columns)}
        labels.append(
            NewLabel(
                geometry_lonlat=polygon,
                source=LabelSource.imported,
                attributes={key: value for key, value in attributes.items() if value is not None},
            )
        )
    _require_on_scene(path, [label.geometry_lonlat for label in labels], facts=facts, scene_name=scene_name)
    return FoundLabels(labels=tuple(labels), repaired=repaired, crs_name=CRS.from_user_input(crs_text).name)


def read_polygons(path: Path, *, crs_wkt: str) -> list[BaseGeometry]:
    """Read the polygons of a file in another CRS, e.g. truth polygons in the CRS of a scene.

    Raises:
        LabelsRefusedError: As `read_labels`, but the place is not checked.
    """
    layer, crs_text = _door(path)
    _, geometries, _ = _features(path, layer)
    transformer = Transformer.from_crs(CRS.from_user_input(crs_text), CRS.from_wkt(crs_wkt), always_xy=True)
    return [shapely.transform(geometry, transformer.transform, interleaved=False) for geometry in geometries]


def _door(path: Path) -> tuple[str, str]:
    """Check file, format, size, layer and CRS; give the layer's name and its CRS."""
    if not path.is_file():
        raise _refused(path, "there is no such file", "an existing file", "Check the path.")
    if path.suffix.lower() not in SUFFIXES:
        raise _refused(
            path, f"the ending '{path.suffix}'", "one of " + ", ".join(SUFFIXES), "Export it as a GeoPackage."
        )
    if path.stat().st_size > MAX_BYTES:
        raise _refused(path, f"{path.stat().st_size >> 20} MB", f"at most {MAX_BYTES >> 20} MB", "Cut it to your area.")
    unreadable = _refused(
        path,
        "its content cannot be read as vector features",
        "a GeoPackage, GeoJSON or Shapefile",
        "Export it again from your GIS.",
    )
    with path.open("rb") as handle:
        if not handle.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(SUFFIXES[path.suffix.lower()]):
            raise unreadable
    try:
        layers = pyogrio.list_layers(path)
        polygon_layers = [name for name, kind in layers if kind and "Polygon" in kind] or [name for name, _ in layers]
        facts = pyogrio.read_info(path, layer=polygon_layers[0])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, IndexError) as err:
        raise unreadable from err
    if not facts["crs"]:
        raise _refused(
            path, "no coordinate system is declared", "a CRS", "Set it in your GIS (for a Shapefile: the .prj file)."
        )
    if facts["features"] > MAX_FEATURES:
        raise _refused(path, f"{facts['features']:,} features", f"at most {MAX_FEATURES:,}", "Cut it to your area.")
    return str(polygon_layers[0]), str(facts["crs"])


def _features(path: Path, layer: str) -> tuple[list[str], list[BaseGeometry], list[Any]]:
    try:
        meta, _, wkb, fields = pyogrio.raw.read(path, layer=layer, force_2d=True)
        geometries = list(shapely.from_wkb(wkb))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, shapely.errors.GEOSException) as err:
        raise _refused(
            path, "a feature cannot be read", "sound features", "Repair the file in your GIS and export it again."
        ) from err
    if any(geometry is None for geometry in geometries):
        raise _refused(
            path, "a feature has no geometry", "a polygon in every feature", "Delete the empty features in your GIS."
        )
    return [str(column) for column in meta["fields"]], geometries, list(fields)


def _require_on_scene(path: Path, polygons: list[BaseGeometry], *, facts: RasterFacts, scene_name: str) -> None:
    outline = check.scene_outline(facts)
    if any(polygon.intersects(outline) for polygon in polygons):
        return
    west, south, east, north = shapely.total_bounds(polygons)
    left, bottom, right, top = facts.bounds_lonlat
    raise _refused(
        path,
        f"its polygons lie at {west:.3f}–{east:.3f}° E, {south:.3f}–{north:.3f}° N, none on scene '{scene_name}'",
        f"at least one polygon within {left:.3f}–{right:.3f}° E, {bottom:.3f}–{top:.3f}° N",
        "Choose the scene they belong to, or check the CRS that the file declares.",
    )


def _plain(value: Any) -> Any:
    """Give a JSON value of a field: text, number, boolean or None."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float | bool) else json.loads(json.dumps(value, default=str))


def _refused(path: Path, found: str, needed: str, remedy: str) -> LabelsRefusedError:
    return LabelsRefusedError(path.name, found=found, needed=needed, remedy=remedy)
