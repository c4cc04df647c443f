"""KML: placemarks with polygons or points; fields travel as ExtendedData. Nothing a file links to is fetched."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from icssn.errors import LabelsRefusedError
from icssn.vectors.features import LONLAT, Features, as_text, refused, typed, unreadable

_NAMESPACE = "http://www.opengis.net/kml/2.2"
_NO_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DEEPEST = 64  # nesting of elements; folders within folders need a dozen
# KML colours are aabbggrr. Okabe & Ito's yellow, purple and white, as on our maps.
_STYLES = {
    "landslide": "ff42e4f0",
    "landslide_point": "ff42e4f0",
    "hard_negative": "ffa779cc",
    "label_area": "ffffffff",
}


def read(path: Path) -> Features:
    """Read all placemarks of a file.

    Raises:
        LabelsRefusedError: It is no KML, declares entities, links to another file, or nests too deeply.
    """
    content = path.read_bytes()
    if b"\0" in content or b"<!DOCTYPE" in content.upper() or b"<!ENTITY" in content.upper():
        raise refused(path, "it declares XML entities or is not UTF-8", "plain KML", "Export it again from your GIS.")
    geometries, rows = [], []
    try:
        for placemark in _placemarks(path, content):
            geometries.append(_geometry(placemark))
            rows.append(_fields(placemark))
    except (ET.ParseError, ValueError, TypeError, IndexError, LookupError, shapely.errors.ShapelyError) as err:
        if isinstance(err, LabelsRefusedError):
            raise
        raise unreadable(path, "KML") from err
    return Features(geometries=geometries, rows=typed(rows), crs=LONLAT)


def write(path: Path, rows: Sequence[dict[str, Any]], geometries_lonlat: Sequence[BaseGeometry]) -> None:
    """Write placemarks, coloured by their class; name and number stand in the tree of Google Earth."""
    ET.register_namespace("", _NAMESPACE)
    root = ET.Element(_tag("kml"))
    document = ET.SubElement(root, _tag("Document"))
    for name, colour in _STYLES.items():
        style = ET.SubElement(document, _tag("Style"), id=name)
        line = ET.SubElement(style, _tag("LineStyle"))
        _text(line, "color", colour)
        _text(line, "width", "2")
        _text(ET.SubElement(style, _tag("PolyStyle")), "fill", "0")
    for row, geometry in zip(rows, geometries_lonlat, strict=True):
        placemark = ET.SubElement(document, _tag("Placemark"))
        _text(placemark, "name", as_text(row.get("name") or row.get("uid")))
        _text(placemark, "styleUrl", f"#{row.get('class')}")
        extended = ET.SubElement(placemark, _tag("ExtendedData"))
        for key, value in row.items():
            _text(ET.SubElement(extended, _tag("Data"), name=_printable(key)), "value", as_text(value))
        _draw(placemark, shapely.orient_polygons(geometry))
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _placemarks(path: Path, content: bytes) -> Iterator[ET.Element]:
    depth = 0
    for event, element in ET.iterparse(io.BytesIO(content), events=("start", "end")):
        depth += 1 if event == "start" else -1
        name = _name(element)
        if depth > _DEEPEST:
            raise refused(path, "its elements nest too deeply", f"at most {_DEEPEST} levels", "Export it again.")
        if name == "NetworkLink":
            raise refused(
                path, "it links to another file (NetworkLink)", "a KML that holds its polygons", "Save them as KML."
            )
        if event == "end" and name == "Placemark":
            yield element
            element.clear()


def _fields(placemark: ET.Element) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for extended in placemark:
        for name, text in _extended(extended) if _name(extended) == "ExtendedData" else ():
            _add(found, name, text)
    for item in placemark:
        if _name(item) in ("name", "description") and "uid" not in found:
            _add(found, _name(item), item.text)
    return found


def _extended(element: ET.Element) -> Iterator[tuple[str, str | None]]:
    """Give the fields of a placemark, also those that another program gave elements of its own."""
    for child in element:
        match _name(child):
            case "Data":
                yield child.get("name", ""), next((item.text for item in child if _name(item) == "value"), None)
            case "SimpleData":
                yield child.get("name", ""), child.text
            case "SchemaData":
                yield from _extended(child)
            case name:
                leaves = [item.text for item in child.iter() if not len(item) and (item.text or "").strip()]
                yield child.get("name", name), ";".join(filter(None, leaves))


def _add(found: dict[str, str | None], name: str, text: str | None) -> None:
    """Add a field; one of a name that is taken by another value has a number at the end of its own."""
    free, count = name, 2
    while found.get(free) not in (None, "", text):
        free, count = f"{name}_{count}", count + 1
    if text or free not in found:
        found[free] = text


def _geometry(element: ET.Element) -> BaseGeometry | None:
    for child in element:
        match _name(child):
            case "Polygon":
                return _polygon(child)
            case "Point":
                return Point(_coordinates(child)[0])
            case "LineString":
                return shapely.LineString(_coordinates(child))
            case "MultiGeometry":
                parts = [part for part in map(_geometry, _wrapped(child)) if part is not None]
                same = {part.geom_type for part in parts}
                if same == {"Polygon"}:
                    return MultiPolygon(parts)
                return parts[0] if len(parts) == 1 else shapely.GeometryCollection(parts)
    return None


def _wrapped(multi: ET.Element) -> Iterator[ET.Element]:
    for child in multi:
        holder = ET.Element("holder")
        holder.append(child)
        yield holder


def _polygon(element: ET.Element) -> Polygon:
    outer = [_coordinates(item) for item in element if _name(item) == "outerBoundaryIs"]
    inner = [_coordinates(item) for item in element if _name(item) == "innerBoundaryIs"]
    return Polygon(outer[0], inner)


def _coordinates(element: ET.Element) -> list[tuple[float, float]]:
    text = next(item.text for item in element.iter() if _name(item) == "coordinates") or ""
    corners = [corner.split(",") for corner in text.split()]
    return [(float(corner[0]), float(corner[1])) for corner in corners]


def _draw(parent: ET.Element, geometry: BaseGeometry) -> None:
    if geometry.geom_type == "MultiPolygon":
        multi = ET.SubElement(parent, _tag("MultiGeometry"))
        for part in geometry.geoms:
            _draw(multi, part)
    elif geometry.geom_type == "Point":
        _text(ET.SubElement(parent, _tag("Point")), "coordinates", _corners(geometry))
    else:
        polygon = ET.SubElement(parent, _tag("Polygon"))
        for name, ring in (
            ("outerBoundaryIs", geometry.exterior),
            *(("innerBoundaryIs", r) for r in geometry.interiors),
        ):
            boundary = ET.SubElement(ET.SubElement(polygon, _tag(name)), _tag("LinearRing"))
            _text(boundary, "coordinates", _corners(ring))


def _corners(geometry: BaseGeometry) -> str:
    return " ".join(f"{x!r},{y!r}" for x, y in np.asarray(shapely.get_coordinates(geometry)).tolist())


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, _tag(name)).text = _printable(text)


def _printable(text: str) -> str:
    """Leave out the characters that XML cannot hold."""
    return _NO_XML.sub("", text)


def _tag(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"


def _name(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
