"""The geometry column: shapely polygons on our side, a GeoPackage blob on SQLite, `geometry` on PostGIS."""

from __future__ import annotations

import struct
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Boolean, ClauseElement, ColumnElement, Dialect, FunctionElement, literal_column
from sqlalchemy import func as sql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

SRID = 4326
"""EPSG code of every geometry at rest: WGS 84 longitude/latitude."""

# GeoPackage 1.3 (OGC 12-128r17), 2.1.3: "GP", version 0, flags (bit 0 little endian, bits 1–3 envelope), srs_id,
# envelope (min x, max x, min y, max y), then ISO WKB.
_HEADER = struct.Struct("<2sBBi4d")
_LITTLE_ENDIAN_WITH_XY_ENVELOPE = 0b011
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)


def to_blob(geometry: BaseGeometry) -> bytes:
    """Encode a geometry as a GeoPackage blob; a height is dropped, since the column is declared flat."""
    west, south, east, north = geometry.bounds
    header = _HEADER.pack(b"GP", 0, _LITTLE_ENDIAN_WITH_XY_ENVELOPE, SRID, west, east, south, north)
    wkb: bytes = shapely.to_wkb(shapely.force_2d(geometry), byte_order=1, flavor="iso")
    return header + wkb


def from_blob(blob: bytes) -> BaseGeometry:
    """Decode a GeoPackage blob, by whomever written."""
    return shapely.from_wkb(blob[8 + _ENVELOPE_BYTES[(blob[3] >> 1) & 7] :])


class LonLatGeometry(TypeDecorator[BaseGeometry]):
    """A column of shapely geometries in EPSG:4326."""

    impl = UserDefinedType
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the storage by database."""
        return _Postgis() if dialect.name == "postgresql" else _GeoPackage()


def touches_bounds(
    column: ColumnElement[Any], bounds_lonlat: tuple[float, float, float, float]
) -> FunctionElement[bool]:
    """Give the SQL condition that a geometry's bounding box touches bounds, answered by the spatial index.

    The index of SQLite keeps 32-bit floats rounded outward, so a neighbour within about a metre may slip in.
    """
    return _TouchesBounds(column, *bounds_lonlat)


class _GeoPackage(UserDefinedType[BaseGeometry]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "GEOMETRY"

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda geometry: None if geometry is None else to_blob(geometry)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda blob: None if blob is None else from_blob(blob)


class _Postgis(UserDefinedType[BaseGeometry]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return f"geometry(Geometry,{SRID})"

    def bind_expression(self, bindvalue: Any) -> ColumnElement[Any]:
        return sql.ST_GeomFromWKB(bindvalue, literal_column(str(SRID)), type_=self)

    def column_expression(self, colexpr: Any) -> ColumnElement[Any]:
        return sql.ST_AsBinary(colexpr, type_=self)

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda geometry: None if geometry is None else shapely.to_wkb(shapely.force_2d(geometry))

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda wkb: None if wkb is None else shapely.from_wkb(bytes(wkb))


class _TouchesBounds(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> ClauseElement:  # type: ignore[override]
        """Stand in a condition as it is: `… = 1`, as SQLAlchemy writes it for SQLite, would hide the spatial index."""
        return self


@compiles(_TouchesBounds, "postgresql")
def _touches_on_postgis(element: _TouchesBounds, compiler: SQLCompiler, **options: Any) -> str:
    column, *bounds = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} && ST_MakeEnvelope({', '.join(bounds)}, {SRID})"


@compiles(_TouchesBounds, "sqlite")
def _touches_on_geopackage(element: _TouchesBounds, compiler: SQLCompiler, **options: Any) -> str:
    column = next(iter(element.clauses))
    west, south, east, north = (compiler.process(part, **options) for part in list(element.clauses)[1:])
    table = column.table.name
    return (
        f"{table}.fid IN (SELECT id FROM rtree_{table}_{column.name} "
        f"WHERE maxx >= {west} AND minx <= {east} AND maxy >= {south} AND miny <= {north})"
    )
