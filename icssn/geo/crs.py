"""The only crossing between longitude/latitude and the coordinate reference systems (CRSs) of scenes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import ProjError
from rasterio.transform import Affine
from shapely.geometry.base import BaseGeometry

from icssn.errors import LabelsRefusedError
from icssn.records import Affine6, Bounds

Geometries = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
Step = tuple[float, float]  # length on the ground, m; direction, degrees clockwise from north

_LONLAT = CRS.from_epsg(4326)
_WGS84 = Geod(ellps="WGS84")
_DENSIFY = 21  # points added to each side of a box before it is transformed; GDAL's and rasterio's own default


def crs_name(wkt: str) -> str:
    """Give a CRS's name for people: ``EPSG:32648 · WGS 84 / UTM zone 48N``, or the name alone without a code."""
    crs = CRS.from_wkt(wkt)
    authority = crs.to_authority()
    return f"{':'.join(authority)} · {crs.name}" if authority else str(crs.name)


def bounds_lonlat(wkt: str, bounds: Bounds) -> Bounds:
    """Give the box in longitude/latitude around a box in a CRS; its sides are densified, so nothing bulges out.

    Args:
        wkt: The CRS of `bounds`.
        bounds: (west, south, east, north) in that CRS.

    Returns:
        (west, south, east, north) in degrees, EPSG:4326; west > east when the box crosses the 180° meridian.

    Raises:
        pyproj.exceptions.ProjError: The CRS is not tied to the Earth, or the box leaves its area of use.
    """
    to_lonlat_, _ = _transformers(wkt)
    # No errcheck: PROJ also asks whether the box holds a pole, and conic projections cannot place the farther one.
    west, south, east, north = to_lonlat_.transform_bounds(*bounds, densify_pts=_DENSIFY)
    if not np.isfinite((west, south, east, north)).all():
        raise ProjError(f"the box {bounds} leaves the area where '{crs_name(wkt)}' can be used")
    return float(west), float(south), float(east), float(north)


def to_lonlat(geometry: BaseGeometry, wkt: str) -> BaseGeometry:
    """Carry a geometry from a CRS to EPSG:4326 longitude/latitude, vertex by vertex.

    Raises:
        LabelsRefusedError: A vertex lies where the CRS cannot be used.
    """
    return _carry(geometry, _transformers(wkt)[0], wkt)


def from_lonlat(geometry: BaseGeometry, wkt: str) -> BaseGeometry:
    """Carry a geometry from EPSG:4326 longitude/latitude to a CRS, vertex by vertex.

    Raises:
        LabelsRefusedError: A vertex lies where the CRS cannot be used.
    """
    return _carry(geometry, _transformers(wkt)[1], wkt)


def carry(xs: Floats, ys: Floats, *, from_wkt: str, to_wkt: str) -> tuple[Floats, Floats]:
    """Carry points from one CRS to another, each by itself; infinite where one of them cannot be used.

    Args:
        xs: East, any shape.
        ys: North, of the same shape.
        from_wkt: The CRS of the points.
        to_wkt: Another CRS, or the same: then the points are given back as they are.
    """
    if from_wkt == to_wkt:
        return xs, ys
    lon, lat = _transformers(from_wkt)[0].transform(xs, ys)
    there: tuple[Floats, Floats] = _transformers(to_wkt)[1].transform(lon, lat)
    return there


def area_m2(geometry_lonlat: BaseGeometry) -> float:
    """Give the geodesic area of a (Multi)Polygon on the WGS 84 ellipsoid, holes taken off, in m² (≥ 0)."""
    oriented = shapely.orient_polygons(geometry_lonlat)  # rings of either turn would cancel out otherwise
    return abs(float(_WGS84.geometry_area_perimeter(oriented)[0]))


def to_plane(geometries_lonlat: Sequence[BaseGeometry], origin_lonlat: tuple[float, float]) -> Geometries:
    """Carry geometries to a plane in metres that touches the ellipsoid at `origin_lonlat`; x east, y north.

    Azimuthal equidistant on WGS 84: within 50 km of the origin, lengths are true to 1 part in 10⁵.
    """
    return _moved(geometries_lonlat, _plane(*origin_lonlat)[0])


def from_plane(geometries: Sequence[BaseGeometry], origin_lonlat: tuple[float, float]) -> Geometries:
    """Carry geometries back from the plane of `to_plane`."""
    return _moved(geometries, _plane(*origin_lonlat)[1])


def pixel_size_m(wkt: str, transform: Affine6, width: int, height: int) -> float:
    """Give the side of a pixel on the ground: geometric mean of both axes at the raster's centre, geodesic, in m.

    Raises:
        pyproj.exceptions.ProjError: The CRS is not tied to the Earth, or the centre leaves its area of use.
    """
    across_m, down_m = pixel_axes_m(wkt, transform, col=width / 2, row=height / 2)
    return math.sqrt(across_m * down_m)


def pixel_axes_m(wkt: str, transform: Affine6, *, col: float, row: float) -> tuple[float, float]:
    """Give the length on the ground of one step along the columns and one along the rows; see `pixel_steps`."""
    (across_m, _), (down_m, _) = pixel_steps(wkt, transform, col=col, row=row)
    return across_m, down_m


def pixel_steps(wkt: str, transform: Affine6, *, col: float, row: float) -> tuple[Step, Step]:
    """Give length on the ground and direction of one step along the columns and of one along the rows.

    Lengths are geodesic, in m; directions in degrees clockwise from north.

    Args:
        wkt: The raster's CRS.
        transform: Pixel → CRS.
        col: Where to measure, px from the left.
        row: Where to measure, px from the top.

    Raises:
        pyproj.exceptions.ProjError: The CRS is not tied to the Earth, or the place leaves its area of use.
    """
    cols = col + np.array([-0.5, 0.5, 0.0, 0.0])
    rows = row + np.array([0.0, 0.0, -0.5, 0.5])
    xs, ys = Affine(*transform[:6]) * (cols, rows)
    lon, lat = _transformers(wkt)[0].transform(xs, ys, errcheck=True)
    directions, _, lengths_m = _WGS84.inv(lon[[0, 2]], lat[[0, 2]], lon[[1, 3]], lat[[1, 3]])
    return (float(lengths_m[0]), float(directions[0])), (float(lengths_m[1]), float(directions[1]))


@lru_cache(maxsize=64)
def _transformers(wkt: str) -> tuple[Transformer, Transformer]:
    """Give (CRS → lon/lat, lon/lat → CRS), x before y in both. pyproj keeps one PROJ context per thread itself."""
    crs = CRS.from_wkt(wkt)
    if crs.is_compound:
        crs = crs.sub_crs_list[0]  # heights have no say in where a place lies, and PROJ has no box of degrees with one
    return (
        Transformer.from_crs(crs, _LONLAT, always_xy=True),
        Transformer.from_crs(_LONLAT, crs, always_xy=True),
    )


@lru_cache(maxsize=64)
def _plane(lon: float, lat: float) -> tuple[Transformer, Transformer]:
    """Give (lon/lat → plane, plane → lon/lat)."""
    plane = CRS.from_proj4(f"+proj=aeqd +lon_0={lon!r} +lat_0={lat!r} +datum=WGS84 +units=m")
    return (
        Transformer.from_crs(_LONLAT, plane, always_xy=True),
        Transformer.from_crs(plane, _LONLAT, always_xy=True),
    )


def _moved(geometries: Sequence[BaseGeometry], transformer: Transformer) -> Geometries:
    return np.asarray(shapely.transform(np.array(geometries, object), transformer.transform, interleaved=False))


def _carry(geometry: BaseGeometry, transformer: Transformer, wkt: str) -> BaseGeometry:
    def move(x: Any, y: Any) -> tuple[Any, Any]:
        moved: tuple[Any, Any] = transformer.transform(x, y, errcheck=True)
        if not all(np.isfinite(axis).all() for axis in moved):
            raise ProjError("not finite")
        return moved

    try:
        return shapely.transform(shapely.force_2d(geometry), move, interleaved=False)
    except ProjError as err:
        raise LabelsRefusedError(
            geometry.geom_type,
            found=f"it reaches outside the area where '{crs_name(wkt)}' can be used",
            needed="a geometry near its scene",
            remedy="Check the CRS of the labels and of the scene.",
        ) from err
