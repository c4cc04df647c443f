"""The ground at the resolution of the image: its height, and what lies where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage
from shapely.geometry import Polygon

from icssn.demo.canvas import Canvas
from icssn.demo.landslides import Slipped
from icssn.demo.noise import Field, ramp
from icssn.demo.settlement import Settlement
from icssn.demo.terraces import lay_terraces
from icssn.demo.terrain import CELL_M, drainage, river_line, slope_of

_ROAD_HALF_M, _TRACK_HALF_M, _BED_HALF_M = 2.2, 1.2, 3.5  # a lane of concrete, a cart's width, the levelled strip


@dataclass(frozen=True)
class Ground:
    """Layers of one size; 0–1 unless said otherwise."""

    height_m: Field  # bare ground: the DEM
    terraced: Field
    riser: Field
    plot: NDArray[np.int64]  # number of the plot
    edge: Field  # borders between plots
    abandoned: Field  # terraces that nobody works any more: look like an old landslide, are none
    planted: Field  # dense young forest
    gully: Field  # steep, uncultivated flanks
    wet: Field  # hollows and gully bottoms
    floor: Field  # of the main valley
    river: Field
    disturbed: Field  # by landslides
    scarp: Field
    works: Works


@dataclass(frozen=True)
class Works:
    """What people built, as layers 0–1."""

    road: Field
    track: Field
    yard: Field
    quarry: Field
    roof: NDArray[np.uint8]  # 0 none, else kind of roof + 1


def shape_ground(canvas: Canvas, slipped: Slipped, *, built: Settlement) -> Ground:
    """Refine the 4 m terrain to pixels, terrace what can be tilled, and find out what lies where.

    Args:
        canvas: The pixel grid.
        slipped: Terrain after the landslides.
        built: Roads, hamlets and quarry.
    """
    coarse = _quarried(slipped.height_m, built.quarry)
    steep = slope_of(ndimage.gaussian_filter(coarse, 1.2), CELL_M)
    works = _works(canvas, built)
    bare = (1 - works.quarry) * (1 - works.yard)
    slope = canvas.fine(slope_of(ndimage.gaussian_filter(coarse, 5), CELL_M))
    disturbed, scarp = canvas.fine_share(slipped.disturbed), canvas.fine_share(slipped.scarp)
    gully = canvas.fine_share(ramp(ndimage.gaussian_filter((steep > 0.56).astype(np.float32), 1.5), 0.25, 0.6))
    wet = canvas.fine_share(ramp(np.log10(drainage(coarse, cell_m=CELL_M)), 3.6, 4.8), blur_m=5)
    river, floor = _valley(canvas, canvas.fine(steep))
    patchy = canvas.fractal(260, slope=1.8)
    tilled_again = canvas.band(95) * ramp(disturbed, 0.05, 0.3)  # much of an old landslide is terraced once more
    planted = ramp(canvas.band(300) + 0.15 * patchy, 1.5, 1.56) * ramp(slope, 0.15, 0.22) * (1 - floor) * bare
    terraced = (
        ramp(slope + 0.05 * patchy, 0.52, 0.40)
        * (1 - gully)
        * (1 - floor)
        * (1 - 0.92 * ramp(0.6 * disturbed + 0.33 * tilled_again, 0.12, 0.5))
        * (1 - 0.7 * planted)
        * bare
    )
    hill, walked = canvas.fine(coarse, blur_m=48), canvas.fine(coarse, blur_m=6.4)
    terraces = lay_terraces(canvas, walked, slope=slope, hill_m=hill, disturbed=disturbed)
    height = canvas.fine(coarse) + terraced * terraces.lift_m + (0.10 + 0.25 * gully) * patchy
    height += 0.30 * disturbed * canvas.band(11) + 0.35 * gully * canvas.band(9) - 1.6 * river
    bed = canvas.drawn([way.buffer(_BED_HALF_M) for way in (*built.roads, *built.tracks)], blur_m=2)
    height += bed * (canvas.blurred(height, 5) - height)
    return Ground(
        height_m=height,
        terraced=terraced,
        riser=terraced * terraces.riser,
        plot=terraces.plot,
        edge=terraces.edge,
        abandoned=terraced * ramp(canvas.band(190), 1.0, 1.5),
        planted=planted,
        gully=gully,
        wet=wet,
        floor=floor,
        river=river,
        disturbed=disturbed,
        scarp=scarp,
        works=works,
    )


def _works(canvas: Canvas, built: Settlement) -> Works:
    return Works(
        road=canvas.drawn(road.buffer(_ROAD_HALF_M) for road in built.roads),
        track=canvas.drawn(track.buffer(_TRACK_HALF_M) for track in built.tracks),
        yard=canvas.drawn(built.yards),
        quarry=canvas.drawn([built.quarry], blur_m=1.0),
        roof=canvas.burnt((house.roof, house.kind + 1) for house in built.houses),
    )


def _quarried(height_m: Field, quarry: Polygon) -> Field:
    """Cut the quarry: benches of 6 m down to a floor that is open on the valley side."""
    if quarry.is_empty:
        return height_m
    mask = rasterize([quarry], out_shape=height_m.shape, transform=Affine(CELL_M, 0, 0, 0, CELL_M, 0))
    deep = (ndimage.distance_transform_edt(mask) * CELL_M).astype(np.float32)
    depth = 6 * (ramp(deep, 0, 6) + ramp(deep, 13, 19) + ramp(deep, 25, 31))
    floor = np.percentile(height_m[mask > 0], 20)
    lowered: Field = np.maximum(height_m - depth, np.minimum(height_m, floor)).astype(np.float32)
    return lowered


def _valley(canvas: Canvas, steep: Field) -> tuple[Field, Field]:
    """The river in its bends, and the floor of its valley."""
    x, y = canvas.x_m, canvas.y_m
    away = np.abs(y - river_line(x)) + 5 * canvas.band(60)
    floor = ramp(away, 85, 60) * ramp(steep, 0.22, 0.12)
    middle = river_line(x) + 13 * np.sin(x / 41 + 0.6 * np.sin(x / 97)) + 6 * np.sin(x / 17)
    width = (2.6 + 1.2 * np.sin(x / 23) + 0.9 * np.sin(x / 9 + y / 7)).astype(np.float32)
    return ramp(np.abs(y - middle), width + 1.5, 0.6 * width), floor
