"""Labels of one scene, 3,000 of 60 corners: checked, measured on a terrain, and carried out to and in from each format.

Seconds are processor time of this one process, so that another load on the machine shows little.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from report import parser_of, tell
from shapely.geometry import Polygon

from icssn import actions
from icssn.geo import crs
from icssn.records import Edits, NewLabel, Scene
from icssn.store.workspace import Workspace

FORMATS = ("gpkg", "zip", "geojson", "kml", "csv", "coco.json")
SIDE_PX, CORNERS = 4000, 60


def main() -> None:
    """Run everything once and print or write the figures."""
    parser = parser_of(__doc__, quick="300 labels instead of 3,000")
    options = parser.parse_args()
    count = 300 if options.quick else 3000
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        ws = actions.open_workspace(Path(folder) / "workspace")
        scene = a_scene(ws, Path(folder), count)
        figures["check_s"] = seconds(lambda: actions.check_labels(ws, scene.id))
        figures["records_s"] = seconds(lambda: actions.label_records(ws, scene.id))
        for ending in FORMATS:
            file = Path(folder) / f"labels.{ending}"
            figures[f"export_{ending}_s"] = seconds(lambda file=file: actions.export_labels(ws, scene.id, file))
            figures[f"preview_{ending}_s"] = seconds(lambda file=file: actions.preview_import(ws, scene.id, file))
        ws.close()
    tell("labels", options, figures, count=count)


def a_scene(ws: Workspace, folder: Path, count: int) -> Scene:
    """Register a scene with terrain and give it so many outlines."""
    rng = np.random.default_rng(0)
    grid = rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)
    profile: dict[str, Any] = {"driver": "GTiff", "width": SIDE_PX, "height": SIDE_PX, "count": 1, "crs": "EPSG:32648"}
    with rasterio.open(folder / "image.tif", "w", dtype="uint8", transform=grid, **profile) as out:
        out.write(rng.integers(1, 255, (1, SIDE_PX, SIDE_PX), dtype=np.uint8))
    hills = 50 * np.sin(np.arange(SIDE_PX) / 100)[:, None] + 50 * np.cos(np.arange(SIDE_PX) / 130)[None]
    with rasterio.open(folder / "dem.tif", "w", dtype="float32", transform=grid, **profile) as out:
        out.write(hills.astype(np.float32)[None])
    scene = actions.register_scene(ws, folder / "image.tif", name="scene", dem=folder / "dem.tif")
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    new = []
    for _ in range(count):
        x, y, radius = *rng.uniform(60, SIDE_PX - 60, 2), rng.uniform(10, 50)
        ring = np.stack([600_000 + x + radius * np.cos(turn), 3_800_000 - y + radius * np.sin(turn)], axis=1)
        attributes = {"confidence": "high", "notes": "老滑坡", "GRIDCODE": 7}
        new.append(NewLabel(geometry_lonlat=crs.to_lonlat(Polygon(ring), scene.facts.crs_wkt), attributes=attributes))
    actions.save_edits(ws, scene.id, Edits(created=tuple(new)))
    return scene


def seconds(work: Callable[[], object]) -> float:
    """Give the processor time that some work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
