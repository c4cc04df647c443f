"""Small real scenes with labels whose pixels are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry

from icssn.chips.cut import ChipSource
from icssn.chips.ground import to_lonlat
from icssn.config import ChipConfig
from icssn.imagery.open import inspect
from icssn.records import Label, LabelClass, LabelStatus

UTM48 = "EPSG:32648"
NORTH_UP = Affine(2.0, 0, 400_000, 0, -2.0, 3_900_000)
ROTATED = Affine.translation(400_000, 3_900_000) * Affine.rotation(-28) * Affine.scale(2.0, -2.0)

SMALL = ChipConfig(size_px=64, margin_px=16, buffer_px=64)  # a third of the default, so that scenes stay small


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[..., ChipSource]:
    def make(
        scene_id: str = "s",
        *,
        size: tuple[int, int] = (640, 600),
        landslides: list[BaseGeometry] | None = None,
        areas: list[BaseGeometry] | None = None,
        negatives: list[BaseGeometry] | None = None,
        points: list[BaseGeometry] | None = None,
        more: list[Label] | None = None,
        transform: Affine = NORTH_UP,
        bands: int = 3,
        nodata: BaseGeometry | None = None,
        validation_bounds_px: tuple[int, int, int, int] | None = None,
    ) -> ChipSource:
        """Write a scene of noise whose labels are given in pixels."""
        width, height = size
        path = tmp_path / f"{scene_id}.tif"
        values = np.random.default_rng(7).integers(1, 256, (bands, height, width), np.uint8)
        if nodata is not None:
            left, top, right, bottom = (int(v) for v in nodata.bounds)
            values[:, top:bottom, left:right] = 0
        profile: dict[str, Any] = {
            "driver": "GTiff",
            "width": width,
            "height": height,
            "count": bands,
            "dtype": "uint8",
            "crs": UTM48,
            "transform": transform,
            "nodata": 0 if nodata is not None else None,
        }
        with rasterio.open(path, "w", **profile) as dataset:
            dataset.write(values)
        facts = inspect(path)
        labels = [
            label(scene_id, f"{cls.value}{number:03}", to_lonlat(geometry, facts), cls=cls)
            for cls, geometries in (
                (LabelClass.landslide, landslides),
                (LabelClass.label_area, areas),
                (LabelClass.hard_negative, negatives),
                (LabelClass.landslide_point, points),
            )
            for number, geometry in enumerate(geometries or [])
        ]
        return ChipSource(scene_id, path, facts, labels + (more or []), 3, validation_bounds_px)

    return make


def label(
    scene_id: str,
    uid: str,
    geometry_lonlat: BaseGeometry,
    *,
    cls: LabelClass = LabelClass.landslide,
    status: LabelStatus = LabelStatus.accepted,
) -> Label:
    return Label(uid=uid, scene_id=scene_id, geometry_lonlat=geometry_lonlat, cls=cls, status=status)


def scattered(
    count: int, *, within: BaseGeometry, radius_px: tuple[float, float], seed: int, apart_px: float = 4
) -> list[BaseGeometry]:
    """Scatter discs over a box without letting them touch."""
    rng = np.random.default_rng(seed)
    left, top, right, bottom = within.bounds
    found: list[BaseGeometry] = []
    while len(found) < count:
        radius = rng.uniform(*radius_px)
        disc = Point(rng.uniform(left + radius, right - radius), rng.uniform(top + radius, bottom - radius))
        disc = disc.buffer(radius)
        if all(disc.distance(other) > apart_px for other in found):
            found.append(disc)
    return found


WHOLE = box(0, 0, 640, 600)
