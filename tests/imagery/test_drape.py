"""Terrain on a scene's grid: what is known of the ground comes out, wherever and however the rasters lie."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import Affine
from rasterio.windows import Window
from scipy.interpolate import RegularGridInterpolator
from shapely.geometry import Polygon

from icssn.config import TerrainLayer
from icssn.errors import RasterRefusedError
from icssn.geo import crs
from icssn.imagery.drape import drape
from icssn.imagery.landform import MEASURES, STEEPEST_DEG, north_up
from icssn.imagery.open import inspect, open_raster
from icssn.imagery.terrain import terrain
from icssn.records import RasterFacts
from tests.imagery.conftest import RasterMaker

UTM, LONLAT = "EPSG:32648", "EPSG:4326"
ALL: tuple[TerrainLayer, ...] = ("slope", "curvature", "roughness", "shading")
EAST, NORTH = 600_000, 3_800_000
LON, LAT = Transformer.from_crs(UTM, LONLAT, always_xy=True).transform(EAST, NORTH)
SCENES = {
    "north up": Affine(2.0, 0, EAST, 0, -2.0, NORTH),
    "rotated": Affine.translation(EAST + 200, NORTH) * Affine.rotation(-28) * Affine.scale(2.0, -2.0),
}
DEMS: dict[str, tuple[str, Affine, tuple[int, int]]] = {  # each covers the scenes with some room, but for the hole
    "coarser": (UTM, Affine(9.0, 0, EAST - 700, 0, -9.0, NORTH + 900), (300, 300)),
    "as fine": (UTM, Affine(2.0, 0, EAST - 601, 0, -2.0, NORTH + 801), (1200, 1200)),
    "finer": (UTM, Affine(0.6, 0, EAST - 200, 0, -0.6, NORTH + 300), (2200, 2200)),
    "in degrees": (LONLAT, Affine(6e-5, 0, LON - 0.01, 0, -5e-5, LAT + 0.01), (500, 500)),
    "south up": (UTM, Affine(5.0, 0, EAST - 700, 0, 5.0, NORTH - 1900), (520, 520)),
    "rotated": (
        UTM,
        Affine.translation(EAST + 350, NORTH - 350)
        * Affine.rotation(40)
        * Affine.scale(5.0, -5.0)
        * Affine.translation(-150, -150),
        (300, 300),
    ),
}
Ground = Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[Any]]


def plane(east: npt.NDArray[Any], north: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Ground that rises by 20° towards 30° west of north."""
    return 1500 + np.tan(np.deg2rad(20)) * (np.cos(np.deg2rad(30)) * north - np.sin(np.deg2rad(30)) * east)


def hills(east: npt.NDArray[Any], north: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return 1500 + 12 * np.sin(east / 31) + 9 * np.cos(north / 23 + east / 47) + 2 * np.sin(east / 5) * np.sin(north / 4)


@pytest.fixture
def make_scene(make_raster: RasterMaker) -> Callable[..., RasterFacts]:
    def make(transform: Affine = SCENES["north up"], *, width: int = 330, height: int = 290) -> RasterFacts:
        image = np.full((1, height, width), 9, np.uint8)
        return inspect(make_raster(image, crs=UTM, transform=transform))

    return make


@pytest.fixture
def make_dem(make_raster: RasterMaker) -> Callable[..., Path]:
    def make(kind: str, ground: Ground, *, hole: bool = False) -> Path:
        system, transform, (height, width) = DEMS[kind]
        xs, ys = transform * tuple(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5))
        if system != UTM:
            xs, ys = Transformer.from_crs(system, UTM, always_xy=True).transform(xs, ys)
        heights = ground(xs - EAST, ys - NORTH).astype(np.float32)
        if hole:
            heights[np.hypot(xs - EAST - 300, ys - NORTH + 300) < 60] = -9999
        return make_raster(heights[None], "dem.tif", crs=system, transform=transform, nodata=-9999, tiled=True)

    return make


def read(
    dem: Path, facts: RasterFacts, window: Window, layers: tuple[TerrainLayer, ...] = ALL
) -> npt.NDArray[np.uint8]:
    with open_raster(dem) as dataset:
        return drape(dataset, facts, layers).read(window)


def whole(facts: RasterFacts) -> Window:
    return Window(0, 0, facts.width, facts.height)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("kind", DEMS)
def test_a_plane_has_its_slope_everywhere_and_its_light_comes_from_the_north(
    make_scene: Callable[..., RasterFacts], make_dem: Callable[..., Path], scene: str, kind: str
) -> None:
    facts = make_scene(SCENES[scene])
    slope, curvature, roughness, shading = read(make_dem(kind, plane), facts, whole(facts)).astype(int)
    assert np.abs(slope - 255 * (1 - 20 / STEEPEST_DEG)).max() <= 2
    assert np.abs(curvature - 127.5).max() <= 2
    assert roughness.min() >= 245
    rows, cols = np.mgrid[:7, :7] * 1.0
    alone = MEASURES["shading"](plane(cols, -rows).astype(np.float32), north_up(1.0))[3, 3]
    assert np.abs(shading - 255 * alone).max() <= 3


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("kind", DEMS)
def test_a_pixel_is_the_same_bytes_whichever_window_reads_it(
    make_scene: Callable[..., RasterFacts], make_dem: Callable[..., Path], scene: str, kind: str
) -> None:
    facts = make_scene(SCENES[scene])
    dem = make_dem(kind, hills, hole=True)
    around = read(dem, facts, Window(-40, -40, 420, 380))
    assert all(np.ptp(layer) > 20 for layer in around)
    chance = np.random.default_rng(1)
    places = [
        (0, 0, 1, 1),
        (-40, -40, 3, 200),
        (63, 64, 257, 2),
        *chance.integers(1, (300, 260, 80, 80), (8, 4)).tolist(),
    ]
    for col, row, width, height in places:
        found = read(dem, facts, Window(col, row, width, height))
        assert np.array_equal(found, around[:, row + 40 :, col + 40 :][:, :height, :width])


def test_measures_of_a_coarser_raster_are_carried_and_not_its_heights(
    make_scene: Callable[..., RasterFacts], make_dem: Callable[..., Path]
) -> None:
    facts = make_scene()
    dem = make_dem("coarser", hills)
    with rasterio.open(dem) as dataset:
        heights, to_dem = dataset.read(1), ~dataset.transform
        wkt, transform = dataset.crs.to_wkt(), tuple(dataset.transform)[:6]
    steps = crs.pixel_steps(wkt, transform, col=100, row=100)
    xs, ys = Affine(*facts.transform) * tuple(np.meshgrid(np.arange(330) + 0.5, np.arange(290) + 0.5))
    cols, rows = to_dem * (xs, ys)
    for layer, found in zip(ALL, read(dem, facts, whole(facts)).astype(float), strict=True):
        measured = MEASURES[layer](heights, steps).astype(float)
        middles = np.arange(len(heights)) + 0.5
        wanted = 255 * RegularGridInterpolator((middles, middles), measured)((rows, cols))
        assert np.abs(found - wanted).max() < 1


def test_a_finer_raster_is_averaged_to_blocks_from_its_own_corner(
    make_scene: Callable[..., RasterFacts], make_dem: Callable[..., Path], make_raster: RasterMaker
) -> None:
    facts = make_scene()
    dem = make_dem("finer", hills)  # 0.6 m, three of which come nearest to 2 m from below
    with rasterio.open(dem) as dataset:
        blocks = dataset.read(1)[:2199, :2199].reshape(733, 3, 733, 3).mean(axis=(1, 3))
        coarse = dataset.transform * Affine.scale(3)
    averaged = make_raster(blocks[None].astype(np.float32), "blocks.tif", crs=UTM, transform=coarse)
    difference = read(dem, facts, whole(facts)).astype(int) - read(averaged, facts, whole(facts))
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("kind", DEMS)
def test_where_the_height_is_unknown_the_ground_counts_as_level(
    make_scene: Callable[..., RasterFacts], make_dem: Callable[..., Path], kind: str
) -> None:
    facts = make_scene()
    found = read(make_dem(kind, plane, hole=True), facts, Window(-900, -900, 1130, 1130))
    beside, inside = found[:, :100, :100], found[:, 1045:1055, 1045:1055]
    wanted = np.array([255, 128, 255, 180])[:, None, None]
    assert (beside == wanted).all()
    assert (inside == wanted).all()
    assert (found[0, 970:1000, 970:1000] < 180).all()


@pytest.mark.parametrize("trouble", ["beside", "no place"])
def test_a_raster_that_cannot_lie_under_the_scene_is_refused(
    make_scene: Callable[..., RasterFacts], make_raster: RasterMaker, trouble: str
) -> None:
    place = {"crs": UTM, "transform": Affine(2, 0, EAST + 9000, 0, -2, NORTH)}
    if trouble == "no place":
        place["crs"] = None
    dem = make_raster(np.zeros((1, 40, 40), np.float32), "dem.tif", **place)
    with pytest.raises(RasterRefusedError, match=r"dem\.tif.*(beside the scene|no CRS)"):
        read(dem, make_scene(), Window(0, 0, 9, 9))


def test_memory_does_not_grow_with_the_window(
    make_scene: Callable[..., RasterFacts], make_dem: Callable[..., Path]
) -> None:
    facts, dem = make_scene(width=1200, height=1200), make_dem("as fine", hills)
    beyond = []
    for side in (256, 1100):
        tracemalloc.start()
        found = read(dem, facts, Window(0, 0, side, side), ("roughness",))
        beyond.append(tracemalloc.get_traced_memory()[1] - found.nbytes)
        tracemalloc.stop()
    assert beyond[1] < 1.2 * beyond[0]


@pytest.mark.real
def test_a_real_raster_gives_the_slopes_that_are_measured_under_outlines(
    real_data: Path, make_raster: RasterMaker
) -> None:
    dem = real_data / "kashmir_dem_inventory" / "AW3D30.tif"
    with rasterio.open(dem) as dataset:
        middle = dataset.transform * (dataset.width // 2, dataset.height // 2)
    transform = Affine(5.0, 0, middle[0], 0, -5.0, middle[1]) * Affine.rotation(20)
    scene = make_raster(np.ones((1, 500, 600), np.uint8), crs="EPSG:32643", transform=transform)
    facts = inspect(scene)
    found = read(dem, facts, whole(facts))
    corners = [transform * place for place in ((0, 0), (600, 0), (600, 500), (0, 500))]
    [under] = terrain(dem, [crs.to_lonlat(Polygon(corners), facts.crs_wkt)])
    assert under
    assert under.slope_deg == pytest.approx(STEEPEST_DEG * (1 - found[0].mean() / 255), abs=1.5)
    assert np.array_equal(read(dem, facts, Window(301, 77, 60, 300)), found[:, 77:377, 301:361])
