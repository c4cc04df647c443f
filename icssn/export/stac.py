"""The inventory as a STAC item, so that catalogues of imagery find it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shapely.geometry import box, mapping

from icssn.records import Scene

_TYPES = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".gpkg": "application/geopackage+sqlite3",
    ".json": "application/json",
    ".csv": "text/csv",
    ".html": "text/html",
}


def item(scene: Scene, files: Mapping[str, Path], *, at: dt.datetime, methods: list[str]) -> dict[str, Any]:
    """Give a STAC 1.1 item of a scene's inventory.

    The fields ``label:…`` are those of the label extension, written as plain fields: its schema is not needed to read
    the item, which stays valid without a network.

    Args:
        scene: What the landslides were mapped on.
        files: Assets by key, paths relative to the item.
        at: When the inventory was written.
        methods: ``manual``, ``automated`` or both.

    Source:
        github.com/radiantearth/stac-spec, item-spec 1.1; stac-extensions/label 1.0.1.
    """
    west, south, east, north = scene.facts.bounds_lonlat
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": f"landslides-{scene.id}",
        "bbox": [west, south, east, north],
        "geometry": mapping(box(west, south, east, north)),
        "properties": {
            "datetime": at.isoformat().replace("+00:00", "Z"),
            "title": scene.name,
            "description": "Inventory of old landslides",
            "gsd": round(scene.facts.pixel_size_m, 4),
            "label:type": "vector",
            "label:tasks": ["segmentation"],
            "label:methods": methods,
            "label:properties": ["class"],
            "label:description": "Outlines of landslides accepted by a geologist",
        },
        "links": [],
        "assets": {
            key: {"href": f"./{path.as_posix()}", "type": _TYPES[path.suffix], "roles": ["data"]}
            for key, path in files.items()
        },
    }
