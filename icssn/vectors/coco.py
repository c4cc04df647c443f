"""COCO annotations of one image: outlines in its pixels, with all that leads back to the ground."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS
from rasterio.transform import Affine
from shapely.affinity import affine_transform
from shapely.errors import ShapelyError
from shapely.geometry import Point, Polygon, box, shape
from shapely.geometry.base import BaseGeometry

from icssn.durable import write_text
from icssn.errors import LabelsRefusedError
from icssn.geo import crs, shapes
from icssn.records import LabelClass, RasterFacts
from icssn.vectors.features import LONLAT, Features, refused, unreadable
from icssn.vectors.geojson import geometry_of

_CATEGORIES = {cls.value: number for number, cls in enumerate(LabelClass, start=1)}
_MOST_NAMED = 6  # images in a message
_MOST_PIXELS = 1 << 30  # of an image with run lengths, which are unrolled


def read(path: Path, document: Any, *, facts: RasterFacts, scene_name: str = "") -> Features:
    """Read annotations; places come from the annotations themselves where we wrote them, else from the scene's grid.

    Of several images the one named like the scene is read, else the only one that is annotated.

    Raises:
        LabelsRefusedError: The image is not the scene's size, none of several is the scene's, or an outline cannot be
            read.
    """
    try:
        images = {image["id"]: image for image in document["images"]}
        names = {category["id"]: category["name"] for category in document["categories"]}
        foreign = [item["image_id"] for item in document["annotations"] if not _is_ours(item)]
        chosen = _image(path, images, foreign, scene_name)
        geometries, rows = [], []
        for item in document["annotations"]:
            if _is_ours(item):
                own = {}
            elif item["image_id"] != chosen:
                continue
            else:
                _check_size(path, images[chosen], facts)
                own = {"category": names[item["category_id"]], "coco_id": item["id"]}
            geometries.append(_place(path, item, facts))
            rows.append({**own, **item.get("attributes", {})})
    except (KeyError, TypeError, IndexError, AttributeError) as err:
        raise unreadable(path, "COCO") from err
    return Features(geometries=geometries, rows=rows, crs=LONLAT)


def write(
    path: Path,
    rows: Sequence[dict[str, Any]],
    geometries_lonlat: Sequence[BaseGeometry],
    *,
    facts: RasterFacts,
    image: str,
) -> None:
    """Write one image and its annotations, a category for each class of labels.

    Outlines are polygons in pixels, clipped to the image; those with holes are run lengths. Every annotation also
    carries `geometry_lonlat` and `attributes`, the image `crs_wkt` and `transform`; other readers pass them over.
    """
    pixels = [_to_pixels(geometry, facts) for geometry in geometries_lonlat]
    annotations = [
        {
            "id": number,
            "image_id": 1,
            "category_id": _CATEGORIES[row["class"]],
            "iscrowd": 0,
            "geometry_lonlat": geometry_of(geometry),
            "attributes": row,
            **_drawn(outline, facts),
        }
        for number, (row, geometry, outline) in enumerate(zip(rows, geometries_lonlat, pixels, strict=True), start=1)
    ]
    document = {
        "info": {"description": "Landslide labels", "version": "1.0"},
        "images": [
            {
                "id": 1,
                "file_name": image,
                "width": facts.width,
                "height": facts.height,
                "crs_wkt": facts.crs_wkt,
                "transform": facts.transform,
            }
        ],
        "categories": [
            {"id": number, "name": name, "supercategory": "ground"}
            | ({"keypoints": ["place"], "skeleton": []} if name == LabelClass.landslide_point else {})
            for name, number in _CATEGORIES.items()
        ],
        "annotations": annotations,
    }
    write_text(path, json.dumps(document, ensure_ascii=False, allow_nan=False))


def _drawn(outline: BaseGeometry, facts: RasterFacts) -> dict[str, Any]:
    """Give segmentation, box and area in pixels of an outline, or the keypoint of a point."""
    if outline.geom_type == "Point":
        x, y = round(outline.x, 2), round(outline.y, 2)
        spot = [max(x - 0.5, 0.0), max(y - 0.5, 0.0), 1.0, 1.0]
        return {"segmentation": [], "bbox": spot, "area": 1.0, "keypoints": [x, y, 2], "num_keypoints": 1}
    clipped, _ = shapes.repair(outline.intersection(box(0, 0, facts.width, facts.height)))
    if clipped.is_empty:
        return {"segmentation": [], "bbox": [0.0, 0.0, 0.0, 0.0], "area": 0.0}
    west, north, east, south = clipped.bounds
    parts = shapely.get_parts(clipped)
    holed = any(len(part.interiors) for part in parts)
    return {
        "segmentation": _runs(clipped, facts) if holed else [_flat(part) for part in parts],
        "bbox": [round(value, 2) for value in (west, north, east - west, south - north)],
        "area": round(clipped.area, 2),
    }


def _flat(part: Polygon) -> list[float]:
    return [float(value) for value in shapely.get_coordinates(part.exterior)[:-1].round(2).ravel()]


def _runs(outline: BaseGeometry, facts: RasterFacts) -> dict[str, Any]:
    """Give COCO's run lengths: down the columns of the whole image, first of 0, then of 1, and so on."""
    west, north, east, south = outline.bounds
    left, top = math.floor(west), math.floor(north)
    right, bottom = min(math.ceil(east), facts.width), min(math.ceil(south), facts.height)
    transform = Affine.translation(left, top)
    mask = shapes.rasterise([outline], transform=transform, width=right - left, height=bottom - top)
    cols, rows = np.nonzero(mask.T)
    places = (cols + left).astype(np.int64) * facts.height + rows + top
    begins = places[np.flatnonzero(np.diff(places, prepend=-2) > 1)]
    ends = places[np.flatnonzero(np.diff(places, append=places[-1:] + 2) > 1)] + 1
    edges = np.stack([begins, ends], axis=1).ravel()
    counts = [int(count) for count in np.diff(edges, prepend=0, append=facts.width * facts.height)]
    return {"size": [facts.height, facts.width], "counts": counts}


def _is_ours(item: dict[str, Any]) -> bool:
    return "geometry_lonlat" in item


def _image(path: Path, images: dict[Any, dict[str, Any]], annotated: list[Any], scene_name: str) -> Any:
    """Give the id of the image whose annotations are the scene's, None where no annotation asks for one."""
    files = {number: re.split(r"[/\\]", str(images[number].get("file_name", number)))[-1] for number in images}
    called = [number for number, file in files.items() if scene_name and scene_name in (file, Path(file).stem)]
    there = list(dict.fromkeys(annotated))
    if len(called) == 1:
        return called[0]
    if len(there) > 1:
        listed = ", ".join(files[number] for number in there[:_MOST_NAMED])
        raise refused(
            path,
            f"annotations of {len(there)} images ({listed}{', …' if len(there) > _MOST_NAMED else ''})",
            "one annotated image, or one named like the scene",
            "Export the annotations of the scene's image alone.",
        )
    return there[0] if there else None


def _check_size(path: Path, image: dict[str, Any], facts: RasterFacts) -> None:
    if (image["width"], image["height"]) != (facts.width, facts.height):
        raise refused(
            path,
            f"an image of {image['width']} × {image['height']} px",
            f"the scene's {facts.width} × {facts.height} px",
            "Choose the scene that was annotated.",
        )


def _place(path: Path, item: dict[str, Any], facts: RasterFacts) -> BaseGeometry:
    """Give what an annotation outlines in longitude/latitude."""
    try:
        if _is_ours(item):
            return shape(item["geometry_lonlat"])
        outline = _outline(path, item, facts)
    except LabelsRefusedError:
        raise
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, OverflowError, ShapelyError) as err:
        raise refused(
            path,
            f"annotation {item['id']} has no outline that can be read",
            "polygons of at least three corners, run lengths or one keypoint",
            "Correct or delete it.",
        ) from err
    a, b, c, d, e, f = facts.transform
    return crs.to_lonlat(affine_transform(outline, [a, b, d, e, c, f]), facts.crs_wkt)


def _outline(path: Path, item: dict[str, Any], facts: RasterFacts) -> BaseGeometry:
    segmentation = item["segmentation"]
    if isinstance(segmentation, dict):
        return _of_runs(path, segmentation, facts)
    if segmentation:
        rings = [Polygon(np.asarray(flat, np.float64).reshape(-1, 2)) for flat in segmentation]
        return rings[0] if len(rings) == 1 else shapely.multipolygons(rings)
    x, y = item["keypoints"][:2]
    return Point(x, y)


def _of_runs(path: Path, runs: dict[str, Any], facts: RasterFacts) -> BaseGeometry:
    if not isinstance(runs["counts"], list):
        raise refused(
            path, "compressed run lengths", "polygons or plain run lengths", "Export the polygons of the annotations."
        )
    counts, pixels = np.asarray(runs["counts"], np.int64), facts.height * facts.width
    fits = runs["size"] == [facts.height, facts.width] and counts.sum() == pixels and (counts >= 0).all()
    if not fits or pixels > _MOST_PIXELS:
        raise refused(path, "run lengths that do not fit the image", "as many pixels as the image has", "Export again.")
    if not counts[1::2].any():
        raise ValueError("the run lengths enclose nothing")
    values: npt.NDArray[np.uint8] = np.repeat(np.arange(len(counts), dtype=np.uint8) % 2, counts)
    traced = shapes.polygons(values.reshape(facts.width, facts.height).T.copy(), transform=Affine.identity())
    return traced[0] if len(traced) == 1 else shapely.multipolygons(traced)


def _to_pixels(geometry_lonlat: BaseGeometry, facts: RasterFacts) -> BaseGeometry:
    grid = ~Affine(*facts.transform)
    in_crs = crs.from_lonlat(geometry_lonlat, CRS.from_wkt(facts.crs_wkt).to_wkt())
    return affine_transform(in_crs, [grid.a, grid.b, grid.d, grid.e, grid.c, grid.f])
