"""The ground under an outline, as evidence and as its record tell it: the same figures, from a bounded read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from shapely.geometry import Polygon, box

from icssn.actions.evidence import relief_under
from icssn.geo import crs
from icssn.imagery.terrain import terrain

UTM = rasterio.crs.CRS.from_epsg(32648).to_wkt()
GRID = Affine(1, 0, 300_000, 0, -1, 3_800_000)


def dem_of(path: Path, heights: np.ndarray, grid: Affine = GRID) -> Path:
    height, width = heights.shape
    profile = {"width": width, "height": height, "count": 1, "dtype": "float32", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", driver="GTiff", transform=grid, **profile) as made:
        made.write(heights.astype(np.float32), 1)
    return path


def outline(left: float, top: float, right: float, bottom: float, grid: Affine = GRID) -> Polygon:
    """Give the outline of columns and rows, longitude/latitude."""
    corners = [grid * place for place in ((left, top), (right, top), (right, bottom), (left, bottom))]
    return crs.to_lonlat(Polygon(corners), UTM)


@pytest.mark.parametrize("side", [40, 900])
def test_evidence_and_record_give_the_same_figures(tmp_path: Path, side: int) -> None:
    rows, cols = np.mgrid[:1000, :1000]
    rough = 1500 - 0.6 * rows + 4 * np.sin(rows / 3) + 4 * np.cos(cols / 4)
    dem = dem_of(tmp_path / "rough.tif", rough)
    place = outline(50, 50, 50 + side, 50 + side)
    (record,) = terrain(dem, [place])
    assert record is not None
    found = relief_under(dem, place).measures
    assert found == {
        "slope_deg": record.slope_deg,
        "relief_m": record.highest_m - record.lowest_m,
        "crown_m": record.highest_m,
        "toe_m": record.lowest_m,
        "dip_deg": record.downslope_deg,
    }


def test_the_dip_is_told_from_north_on_a_turned_raster(tmp_path: Path) -> None:
    turned = Affine.translation(500_000, 3_800_000) * Affine.rotation(-35) * Affine.scale(1.0, -1.0)
    rows, cols = np.mgrid[:200, :200] + 0.5
    _, north = turned * (cols, rows)
    dem = dem_of(tmp_path / "turned.tif", 1500 + 0.4 * (north - turned.f), turned)  # falls to the south
    found = relief_under(dem, outline(80, 60, 120, 140, turned))
    assert found.measures["dip_deg"] == pytest.approx(180, abs=0.5)
    assert found.measures["slope_deg"] == pytest.approx(np.degrees(np.arctan(0.4)), abs=0.1)


def test_a_large_outline_costs_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    path = tmp_path / "wide.tif"
    profile = {"width": 7000, "height": 7000, "count": 1, "dtype": "float32", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", driver="GTiff", transform=GRID, tiled=True, sparse_ok=True, **profile) as made:
        made.write(np.full((1, 3000, 3000), 900, np.float32), window=rasterio.windows.Window(2000, 2000, 3000, 3000))
    tracemalloc.start()
    found = relief_under(path, outline(2000, 2000, 5000, 5000))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.measures["crown_m"] == pytest.approx(900)
    assert peak_bytes < 80e6, f"{peak_bytes / 1e6:.0f} MB"


def test_ground_beside_the_raster_is_unknown(tmp_path: Path) -> None:
    rows, _ = np.mgrid[:200, :200]
    dem = dem_of(tmp_path / "edge.tif", 1500 - 0.4 * rows)
    mostly_beside = relief_under(dem, outline(-100, 50, 60, 90))
    mostly_inside = relief_under(dem, outline(-20, 50, 60, 90))
    assert mostly_beside.checks == (("no_elevation", {}),)
    assert mostly_inside.measures["slope_deg"] == pytest.approx(np.degrees(np.arctan(0.4)), abs=0.1)
    far = box(90, 30, 90.001, 30.001)
    assert relief_under(dem, far).checks == (("no_elevation", {}),)
