"""A scene to label: 400 × 300 px of 2 m in UTM zone 48N."""

from __future__ import annotations

import pytest
from pyproj import CRS

from icssn.geo import crs
from icssn.records import RasterFacts, Stretch


@pytest.fixture
def facts() -> RasterFacts:
    wkt = CRS.from_epsg(32648).to_wkt()
    transform = (2.0, 0.0, 600_000.0, 0.0, -2.0, 3_800_000.0)
    bounds = (600_000.0, 3_799_400.0, 600_800.0, 3_800_000.0)
    return RasterFacts(
        width=400,
        height=300,
        band_count=3,
        dtype="uint8",
        crs_wkt=wkt,
        crs_name="EPSG:32648",
        transform=transform,
        nodata=None,
        bounds_lonlat=crs.bounds_lonlat(wkt, bounds),
        pixel_size_m=2.0,
        sha256="0" * 64,
        size_bytes=1,
        stretch=Stretch(bands=(1, 2, 3), low=(0, 0, 0), high=(255, 255, 255)),
    )
