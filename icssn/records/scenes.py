"""Scenes: images and what is known about them."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from icssn.records.form import Affine6, Bounds, Id, Record, now

TERRAIN_LAYERS = ("slope", "shading", "curvature", "roughness", "aspect")
"""Map layers that are drawn from a scene's elevation model."""


class Stretch(Record):
    """How stored values become 0–255, band by band: clip to [low, high], scale linearly."""

    bands: tuple[int, ...]  # 1-based band numbers shown and learned from, in order
    low: tuple[float, ...]
    high: tuple[float, ...]


class RasterFacts(Record):
    """What one raster file is, found by the hardened inspection."""

    width: int
    height: int
    band_count: int
    dtype: str
    crs_wkt: str
    crs_name: str  # e.g. "EPSG:32648 · WGS 84 / UTM zone 48N"
    transform: Affine6
    nodata: float | None
    bounds_lonlat: Bounds
    pixel_size_m: float  # geometric mean of both axes at the centre
    sha256: str
    size_bytes: int
    stretch: Stretch


class Scene(Record):
    """One georeferenced image and its row in the catalogue."""

    id: Id
    name: str
    original: str  # absolute path; never changed by us
    facts: RasterFacts
    tiles: str | None = None  # web-optimised COG, relative to the workspace; None until imported
    dem: str | None = None  # absolute path of the attached elevation raster
    hillshade: str | None = None  # web-optimised COG of its hillshade, relative to the workspace
    validation_bounds_px: tuple[int, int, int, int] | None = None  # (col, row, width, height), fixed at first training
    created_at: dt.datetime = Field(default_factory=now)
    created_by: str = ""
