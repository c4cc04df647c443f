"""Scenes: images and what is known about them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path, PurePosixPath

from pydantic import Field

from icssn.records.form import Affine6, Bounds, Id, Record, now

TERRAIN_LAYERS = ("slope", "shading", "curvature", "roughness", "aspect")
"""Map layers that are drawn from a scene's elevation model."""


class Stretch(Record):
    """How stored values become 0–255, band by band: clip to [low, high], scale linearly."""

    bands: tuple[int, ...]  # 1-based band numbers shown and learned from, in order
    low: tuple[float, ...]
    high: tuple[float, ...]
    percent: tuple[float, float] | None = None  # of the values, asked for as these; None: those of the import


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
    sha256: str | None  # of the whole file; None for one in a store, which is not read as a whole
    version: str | None = None  # what a store calls this state of the file; None for a local one
    size_bytes: int
    modified_ns: int | None = None  # when the file was last written, since 1970; None for one in a store
    sample_sha256: str | None = None  # of a sample of its pixels, however they are stored; None for one in a store
    stretch: Stretch


class RemoteRaster(Record):
    """A raster that stays in an object store (`icssn.stores`) and is read from there, window by window."""

    address: str  # e.g. "s3://survey/2024/valley.tif"
    version: str | None = None  # the only one that may be read; None: what stands there at the time

    @property
    def name(self) -> str:
        """Give its last part, as a path has one."""
        return PurePosixPath(self.address).name

    @property
    def stem(self) -> str:
        """Give its last part without the ending, as a path has one."""
        return PurePosixPath(self.address).stem


Raster = Path | RemoteRaster


class Removal(Record):
    """When a scene was taken out of the project, and by whom."""

    at: dt.datetime = Field(default_factory=now)
    by: str

    def refusal(self, remedy: str) -> str:
        """Say it where a scene is refused, and what to do; the day is that of UTC."""
        return f"It was removed by {self.by} on {self.at:%Y-%m-%d}, and nothing of it was deleted. {remedy}"


class Scene(Record):
    """One georeferenced image and its row in the catalogue."""

    id: Id
    name: str
    original: str  # absolute path, or address in a store; never changed by us
    facts: RasterFacts
    tiles: str | None = None  # web-optimised COG, relative to the workspace; None until imported
    dem: str | None = None  # absolute path of the attached elevation raster
    hillshade: str | None = None  # web-optimised COG, relative to the workspace; `TERRAIN_LAYERS` lie beside it
    validation_bounds_px: tuple[int, int, int, int] | None = None  # (col, row, width, height), fixed at first training
    created_at: dt.datetime = Field(default_factory=now)
    created_by: str = ""
    removed: Removal | None = None  # None: it is in the project

    @property
    def raster(self) -> Raster:
        """Give its image as it was added."""
        if self.facts.version is None:
            return Path(self.original)
        return RemoteRaster(address=self.original, version=self.facts.version)
