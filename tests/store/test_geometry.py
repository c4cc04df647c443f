"""The geometry column on both databases."""

from __future__ import annotations

import pytest
from shapely import from_wkt
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import CreateTable

from icssn.store.geometry import from_blob, to_blob, touches_bounds
from icssn.store.tables import label, metadata


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON ((105.1234567890123 35, 106 35, 106 36, 105.1234567890123 35))",
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))",
        "MULTIPOLYGON (((-180 -90, -179 -90, -179 -89, -180 -90)), ((1 1, 2 1, 2 2, 1 1)))",
    ],
)
def test_a_polygon_survives_the_blob_to_the_last_bit(wkt: str) -> None:
    geometry = from_wkt(wkt)
    assert from_blob(to_blob(geometry)) == geometry


def test_heights_are_dropped() -> None:
    assert from_blob(to_blob(from_wkt("POLYGON Z ((0 0 5, 1 0 5, 1 1 5, 0 0 5))"))) == from_wkt(
        "POLYGON ((0 0, 1 0, 1 1, 0 0))"
    )


def test_every_table_and_the_geometry_functions_compile_for_postgis() -> None:
    dialect = PGDialect()
    made = "".join(str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables)
    assert "geometry_lonlat geometry(Geometry,4326) NOT NULL" in made
    assert "updated_at TIMESTAMP WITH TIME ZONE NOT NULL" in made
    assert "ST_GeomFromWKB(%(geometry_lonlat)s, 4326)" in str(insert(label).compile(dialect=dialect))
    query = select(label.c.geometry_lonlat).where(touches_bounds(label.c.geometry_lonlat, (1, 2, 3, 4)))
    assert "ST_AsBinary(label.geometry_lonlat)" in str(query.compile(dialect=dialect))
    assert "label.geometry_lonlat && ST_MakeEnvelope(" in str(query.compile(dialect=dialect))
    assert "rtree_label_geometry_lonlat" in str(query.compile(dialect=SQLiteDialect()))
