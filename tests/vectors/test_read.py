"""Label files: what comes in, in which place, and what is refused with which sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from shapely.geometry import LineString, Point, Polygon, box

from icssn.errors import LabelsRefusedError
from icssn.geo import crs
from icssn.imagery.open import inspect
from icssn.records import LabelClass, LabelSource, LabelStatus, RasterFacts
from icssn.vectors.read import read_labels
from icssn.vectors.source import features

SLIDE = box(600_100, 3_799_500, 600_300, 3_799_700)
BOW_TIE = Polygon([(600_400, 3_799_500), (600_500, 3_799_600), (600_500, 3_799_500), (600_400, 3_799_600)])


def write(path: Path, geometries: list[Any], epsg: int | None = 32648, **columns: list[Any]) -> Path:
    gpd.GeoDataFrame(columns, geometry=geometries, crs=epsg).to_file(path)
    return path


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp"])
def test_polygons_come_in_at_their_place_with_their_attributes(tmp_path: Path, facts: RasterFacts, name: str) -> None:
    epsg = 4326 if name.endswith("geojson") else 32648
    slide = crs.to_lonlat(SLIDE, facts.crs_wkt) if epsg == 4326 else SLIDE
    path = write(tmp_path / name, [slide], epsg, mapper=["李"], depth=[12.5])
    found = read_labels(path, facts=facts, scene_name="demo")
    (label,) = found.labels
    assert (label.cls, label.source) == (LabelClass.landslide, LabelSource.imported)
    assert label.attributes == {"mapper": "李", "depth_m": 12.5}
    back = crs.from_lonlat(label.geometry_lonlat, facts.crs_wkt)
    assert shapely.hausdorff_distance(back, SLIDE) < 0.001  # metres
    assert found.repaired == 0


def test_a_self_crossing_outline_is_repaired_and_counted(tmp_path: Path, facts: RasterFacts) -> None:
    found = read_labels(write(tmp_path / "a.gpkg", [SLIDE, BOW_TIE]), facts=facts, scene_name="demo")
    assert found.repaired == 1
    assert all(label.geometry_lonlat.is_valid for label in found.labels)


@pytest.mark.parametrize(
    ("geometries", "epsg", "words"),
    [
        ([Point(600_100, 3_799_500)], 32648, "type Point"),
        ([LineString([(600_100, 3_799_500), (600_200, 3_799_600)])], 32648, "LineString"),
        ([box(500_000, 3_000_000, 500_100, 3_000_100)], 32648, "none on scene 'demo'"),
        ([SLIDE], None, "no coordinate system"),
        ([Polygon([(600_100, 3_799_500), (600_200, 3_799_600), (600_300, 3_799_700)])], 32648, "without area"),
        ([SLIDE, None], 32648, "no geometry"),
    ],
)
def test_what_cannot_be_a_label_is_refused_with_the_reason(
    tmp_path: Path, facts: RasterFacts, geometries: list[Any], epsg: int | None, words: str
) -> None:
    path = write(tmp_path / "a.gpkg", geometries, epsg)
    with pytest.raises(LabelsRefusedError, match=words):
        read_labels(path, facts=facts, scene_name="demo")


def test_an_export_of_ours_with_a_list_for_a_status_is_accepted(tmp_path: Path, facts: RasterFacts) -> None:
    path = tmp_path / "a.geojson"
    slide = crs.to_lonlat(SLIDE, facts.crs_wkt).__geo_interface__
    own = {"uid": "q", "class": "landslide", "status": ["rejected"]}
    path.write_text(json.dumps({"type": "Feature", "geometry": slide, "properties": own}))
    (label,) = read_labels(path, facts=facts, scene_name="demo").labels
    assert (label.uid, label.status) == ("q", LabelStatus.accepted)


def test_an_outline_across_180_degrees_is_refused(tmp_path: Path, facts: RasterFacts) -> None:
    path = write(tmp_path / "a.gpkg", [box(817_000, 8_171_000, 821_000, 8_172_000)], 32760)
    with pytest.raises(LabelsRefusedError, match="feature 1' were refused: a polygon across 180°"):
        read_labels(path, facts=facts, scene_name="demo")


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        (0, "longitude comes before latitude"),  # no latitude is as high as this longitude
        (-60, "Longitude and latitude are exchanged"),
    ],
)
def test_places_with_latitude_first_are_told_so(tmp_path: Path, facts: RasterFacts, moved: float, words: str) -> None:
    west, south, east, north = facts.bounds_lonlat
    west, east = west + moved, east + moved
    there = facts.model_copy(update={"bounds_lonlat": (west, south, east, north)})
    exchanged = box(south, west, (south + north) / 2, (west + east) / 2)
    with pytest.raises(LabelsRefusedError, match=words):
        read_labels(write(tmp_path / "a.gpkg", [exchanged], 4326), facts=there, scene_name="demo")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.gpkg", b"no geopackage", "cannot be read"),
        ("a.geojson", b"{", "cannot be read"),
        ("a.gpkg", b"<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>", "cannot be read"),
        ("a.txt", b"x", "the ending '.txt'"),
        ("a.geojson", json.dumps({"type": "FeatureCollection", "features": []}).encode(), "no features"),
    ],
)
def test_a_file_that_is_none_is_refused(
    tmp_path: Path, facts: RasterFacts, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LabelsRefusedError, match=words):
        read_labels(path, facts=facts, scene_name="demo")
    with pytest.raises(LabelsRefusedError, match="no such file"):
        read_labels(tmp_path / "missing.gpkg", facts=facts, scene_name="demo")


@pytest.mark.real
def test_the_labels_of_the_real_scene_lie_on_it(real_data: Path) -> None:
    folder = real_data / "bijie_scenes"
    facts = inspect(folder / "train_scene.tif")
    found = read_labels(folder / "train_scene_labels.gpkg", facts=facts, scene_name="train")
    assert len(found.labels) == 64
    scene = box(*facts.bounds_lonlat)
    assert all(label.geometry_lonlat.intersection(scene).area > 0 for label in found.labels)


@pytest.mark.real
@pytest.mark.parametrize(("name", "count"), [("Wenchuan_2014", 560), ("Nepal_2015", 98), ("PNG_2017", 95)])
def test_real_inventories_are_read_whole(real_data: Path, name: str, count: int) -> None:
    path = real_data / "inventories_wenchuan_nepal_png" / f"{name}.shp"
    assert len(features(path).rows) == count


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1,234", "12,5"], [1.234, 12.5]),
        (["1,234", "0,5"], [1.234, 0.5]),
        (["1,234", "1,234,567"], [1234, 1_234_567]),
        (["1,234", "1,234.5"], [1234, 1234.5]),
        (["1.234", "12,5"], [None, 12.5]),  # a comma parts decimals, and of the point nothing is told
        (["1.234", "1.250.000"], [1234, 1_250_000]),
        (["1.234", "7"], [1.234, 7]),
        (["1,234", "2,500"], [None, None]),
        (["1,234", "12.5"], [None, 12.5]),
        (["1,234", "12,5", "1,234,567"], [None, 12.5, 1_234_567]),  # they tell both
    ],
)
def test_what_a_comma_means_is_told_by_the_whole_column_or_the_text_is_kept_and_said(
    tmp_path: Path, facts: RasterFacts, texts: list[str], expected: list[float | None]
) -> None:
    path = write(tmp_path / "a.gpkg", [SLIDE] * len(texts), volume_m3=texts)
    found = read_labels(path, facts=facts, scene_name="demo")
    assert [label.attributes.get("volume_m3") for label in found.labels] == expected
    kept = [label.attributes.get("volume_m3_as_given") for label in found.labels]
    assert kept == [text if number is None else None for text, number in zip(texts, expected, strict=True)]
    assert found.strange == ({"volume_m3": expected.count(None)} if None in expected else {})


def test_a_feature_that_was_added_to_an_export_is_a_landslide_and_the_file_still_ours(
    tmp_path: Path, facts: RasterFacts
) -> None:
    rows = {"uid": ["a", None], "class": ["label_area", None], "status": ["proposed", None], "version": [2.0, None]}
    found = read_labels(write(tmp_path / "a.gpkg", [SLIDE, SLIDE], **rows), facts=facts, scene_name="demo")
    assert found.ours
    assert [(label.cls, label.status) for label in found.labels] == [
        (LabelClass.label_area, LabelStatus.proposed),
        (LabelClass.landslide, LabelStatus.accepted),
    ]
    assert [(said.cls is None, said.version) for said in found.stated] == [(False, 2), (True, None)]
