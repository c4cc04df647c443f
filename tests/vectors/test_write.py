"""Exports open elsewhere with the same shapes and fields, and come back as they went."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from rasterio.transform import Affine
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from icssn import landslide_record
from icssn.errors import LabelsRefusedError, UnwritableError
from icssn.geo import crs, shapes
from icssn.geo.measures import measures
from icssn.records import Candidate, Label, LabelClass, LabelRecord, LabelStatus, RasterFacts
from icssn.ui import wording
from icssn.vectors.read import read_labels
from icssn.vectors.write import write_candidates, write_labels

HOSTILE = "<img src=x onerror=alert(1)> \"quoted\" 'single' </script> & `tick` $x$"
CHINESE = "黄土塬边老滑坡\n后壁清晰，“双沟同源”；滑坡舌伸入河道"
SLIDE = box(100, -300, 300, -100)
HOLED = box(400, -300, 600, -100).difference(box(450, -250, 500, -200))
PARTS = MultiPolygon([box(50, -500, 90, -400), box(120, -500, 160, -400)])
FORMATS = ["a.gpkg", "a.geojson", "a.shp", "a.zip", "a.kml", "a.csv", "a.coco.json"]


def record(facts: RasterFacts, uid: str, shape_m: BaseGeometry, **fields: Any) -> LabelRecord:
    """Give the record of a label whose shape is in m from the scene's upper left corner."""
    geometry = crs.to_lonlat(translate(shape_m, 600_000, 3_800_000), facts.crs_wkt)
    label = Label(uid=uid, scene_id="s", geometry_lonlat=geometry, **fields)
    return LabelRecord(label=label, measures=measures(geometry), provenance={"mapper": "Li", "method": "manual"})


@pytest.fixture
def records(facts: RasterFacts) -> list[LabelRecord]:
    whole = {
        "name": HOSTILE,
        "geometry_role": "whole",
        "confidence": "high",
        "movement_type": "rotational_slide",
        "depth_m": 12.25,
        "fatalities": 3,
        "event_date": "1995-01-30",
        "features": ["main_scarp", "tongue"],
        "notes": CHINESE,
    }
    return [
        record(facts, "slide", SLIDE, attributes=whole),
        record(facts, "holed", HOLED, attributes={"GRIDCODE": 7, "备注2": "甲、乙", "share": 0.125}),
        record(facts, "parts", PARTS, status=LabelStatus.proposed, attributes={"mapper": "张工"}),
        record(facts, "area", box(0, -600, 800, 0), cls=LabelClass.label_area),
        record(facts, "other", box(700, -90, 790, -10), cls=LabelClass.hard_negative, attributes={"look_alike": "fan"}),
        record(facts, "point", Point(650, -400), cls=LabelClass.landslide_point),
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_brings_back_all_labels_their_places_and_their_fields(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord], name: str
) -> None:
    done = write_labels(tmp_path / name, records, facts=facts)
    assert done.count == 6
    found = list(read_labels(tmp_path / name, facts=facts, scene_name="s").labels)
    if name == "a.shp":  # which holds one type of geometry
        assert [Path(file).name for file in done.files] == ["a.shp", "a_points.shp"]
        found += read_labels(tmp_path / "a_points.shp", facts=facts, scene_name="s").labels
    assert len(found) == 6
    back = {label.uid: label for label in found}
    shapefile = name in ("a.shp", "a.zip")
    for one in records:
        label = back[one.label.uid]
        assert (label.cls, label.status) == (one.label.cls, one.label.status)
        assert shapely.hausdorff_distance(label.geometry_lonlat, one.label.geometry_lonlat) < 1e-9  # degrees
        assert label.geometry_lonlat.geom_type == one.label.geometry_lonlat.geom_type
        expected = one.provenance | one.label.attributes
        assert label.attributes == expected, one.label.uid
    names = {"GRIDCODE", "备注2", "share"}
    assert names <= set(back["holed"].attributes)
    assert bool(done.notices) == shapefile


@pytest.mark.parametrize("name", FORMATS)
def test_what_came_back_goes_out_the_same(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord], name: str
) -> None:
    write_labels(tmp_path / name, records[:1], facts=facts)
    (label,) = read_labels(tmp_path / name, facts=facts, scene_name="s").labels
    again = LabelRecord(
        label=Label(scene_id="s", **dict(label)), measures=measures(label.geometry_lonlat), provenance={"mapper": "Li"}
    )
    write_labels(tmp_path / f"again_{name}", [again], facts=facts)
    (twice,) = read_labels(tmp_path / f"again_{name}", facts=facts, scene_name="s").labels
    assert twice.attributes == label.attributes
    assert twice.geometry_lonlat.equals_exact(label.geometry_lonlat, 1e-9)


_TEXTS = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Cn")) | st.sampled_from("\n\t"), max_size=40)


@pytest.mark.parametrize("name", FORMATS)
@settings(
    deadline=None,
    max_examples=6,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(texts=st.tuples(_TEXTS, _TEXTS, _TEXTS), number=st.floats(allow_nan=False, allow_infinity=False, width=32))
@example(texts=("007", "1.50", "true"), number=0.1)
@example(texts=("", "", ""), number=1.0000000138484279e24)
@example(texts=("1e5", "[1, 2]", "null"), number=-0.0)
def test_any_text_and_number_comes_back_from_every_format(
    tmp_path: Path, facts: RasterFacts, name: str, texts: tuple[str, str, str], number: float
) -> None:
    given_ = landslide_record.checked({"name": texts[0], "notes": texts[1], "remark": f"·{texts[2]}", "weight": number})
    write_labels(tmp_path / name, [record(facts, "a", SLIDE, attributes=given_)], facts=facts)
    (label,) = read_labels(tmp_path / name, facts=facts, scene_name="s").labels
    back = {key: label.attributes.get(key) for key in given_}
    if name in ("a.shp", "a.zip"):  # whose fields are filled up with spaces, and keep 15 digits
        given_ = {key: value.strip(" ") if isinstance(value, str) else value for key, value in given_.items()}
        back = {key: value.strip(" ") if isinstance(value, str) else value for key, value in back.items()}
        weight = back.pop("weight") or 0.0
        assert float(weight) == pytest.approx(given_.pop("weight"), rel=1e-12, abs=1e-15)
        assert isinstance(weight, str) == (abs(number) >= 1e22)
        given_, back = ({k: v for k, v in values.items() if v} for values in (given_, back))
    assert back == given_


@pytest.mark.parametrize(("name", "epsg"), [("a.gpkg", 32648), ("a.shp", 32648), ("a.geojson", 4326), ("a.kml", 4326)])
def test_other_programs_find_measures_record_and_crs(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord], name: str, epsg: int
) -> None:
    done = write_labels(tmp_path / name, records[:3], facts=facts)
    frame = gpd.read_file(tmp_path / name)
    assert frame.crs.to_epsg() == epsg
    assert str(epsg) in done.crs_name
    assert len(frame) == 3
    if name != "a.kml":  # whose reader in GDAL types every field as text
        assert frame.loc[0, "area_m2"] == pytest.approx(40_000, rel=1e-3)
        assert frame.loc[0, "confidence"] == "high"
        assert frame.loc[0, "notes"] == CHINESE
        assert frame.loc[2, "mapper"] == "张工"


def test_a_geopackage_opens_styled(tmp_path: Path, facts: RasterFacts, records: list[LabelRecord]) -> None:
    done = write_labels(tmp_path / "a.gpkg", records, facts=facts)
    with sqlite3.connect(tmp_path / "a.gpkg") as database:
        rows = database.execute(
            "select f_table_name, f_geometry_column, useAsDefault, styleQML from layer_styles"
        ).fetchall()
        columns = dict(database.execute("select table_name, column_name from gpkg_geometry_columns").fetchall())
        moments = [moment for (moment,) in database.execute("select update_time from layer_styles")]
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment) for moment in moments
    )  # GeoPackage's form
    assert [row[:3] for row in rows] == [("labels", "geom", 1), ("label_points", "geom", 1)]
    assert columns == {"labels": "geom", "label_points": "geom"}
    for row in rows:
        assert ET.fromstring(row[3]).find("renderer-v2") is not None
    outlines = ET.fromstring(rows[0][3])
    rules = outlines.findall(".//rule")
    assert len(rules) == len(outlines.findall(".//symbol")) == 6
    assert {"hard_negative", "label_area"} <= {word for rule in rules for word in rule.get("filter", "").split("'")}
    assert Path(done.files[1]).read_text("utf-8") == rows[0][3]
    assert Path(done.files[1]).name == "a.qml"


def test_geojson_keeps_to_rfc_7946(tmp_path: Path, facts: RasterFacts, records: list[LabelRecord]) -> None:
    write_labels(tmp_path / "a.geojson", records, facts=facts)
    document = json.loads((tmp_path / "a.geojson").read_text("utf-8"))
    assert set(document) == {"type", "features"}  # no "crs"
    for feature in document["features"]:
        geometry = shapely.geometry.shape(feature["geometry"])
        for part in shapely.get_parts(geometry):
            if isinstance(part, Polygon):
                assert part.exterior.is_ccw
                assert not any(ring.is_ccw for ring in part.interiors)


def test_a_shapefile_says_its_encoding_and_keeps_ten_characters(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord]
) -> None:
    long = record(facts, "long", SLIDE, attributes={"a_very_long_name": 1, "a_very_long_other": 2, "notes": "滑" * 200})
    done = write_labels(tmp_path / "a.zip", [records[0], long], facts=facts)
    assert "a_very_long_name → a_very_lon" in done.notices[0]
    assert "geometry_role → geom_role" in done.notices[0]
    assert any(notice.startswith("1 text(s) were cut") for notice in done.notices)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = set(archive.namelist())
        assert {"labels.shp", "labels.dbf", "labels.shx", "labels.prj", "labels.cpg", "labels.qml"} <= names
        assert archive.read("labels.cpg") == b"UTF-8"
        archive.extractall(tmp_path / "out")
    fields = list(pyogrio.read_info(tmp_path / "out" / "labels.shp")["fields"])
    assert all(len(name.encode()) <= 10 for name in fields)
    assert len(set(fields)) == len(fields)
    back = {label.uid: label for label in read_labels(tmp_path / "a.zip", facts=facts, scene_name="s").labels}
    assert back["long"].attributes["notes"] == "滑" * 84  # 252 of 254 bytes


def test_spreadsheets_read_the_csv(tmp_path: Path, facts: RasterFacts, records: list[LabelRecord]) -> None:
    write_labels(tmp_path / "a.csv", records, facts=facts)
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["notes"], rows[0]["name"]) == (CHINESE, HOSTILE)
    assert shapely.from_wkt(rows[5]["wkt"]).geom_type == "Point"


def test_coco_is_what_its_own_reader_expects(tmp_path: Path, facts: RasterFacts, records: list[LabelRecord]) -> None:
    write_labels(tmp_path / "a.coco.json", records, facts=facts, scene_name="hill")
    dataset = COCO(str(tmp_path / "a.coco.json"))
    assert dataset.loadImgs([1])[0]["file_name"] == "hill"
    for number, one in enumerate(records, start=1):
        annotation = dataset.loadAnns([number])[0]
        if one.label.cls is LabelClass.landslide_point:
            assert annotation["keypoints"] == [325.0, 200.0, 2]
            continue
        mask = dataset.annToMask(annotation)
        outline = crs.from_lonlat(one.label.geometry_lonlat, facts.crs_wkt)
        truth = shapes.rasterise([outline], transform=Affine(*facts.transform), width=400, height=300)
        assert (mask != truth).mean() < 0.01  # the reader's own rule for edges
        image = box(600_000, 3_799_400, 600_800, 3_800_000)
        assert annotation["area"] == pytest.approx(outline.intersection(image).area / 4, rel=1e-3)
        assert dataset.annToRLE(annotation)["size"] == [300, 400]
    assert np.asarray(dataset.annToMask(dataset.loadAnns([2])[0]))[112, 237] == 0  # the hole


def test_annotations_of_others_are_placed_by_the_scenes_grid(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord]
) -> None:
    write_labels(tmp_path / "a.coco.json", records, facts=facts)
    document = json.loads((tmp_path / "a.coco.json").read_text("utf-8"))
    for annotation in document["annotations"]:
        del annotation["geometry_lonlat"], annotation["attributes"]
    foreign = tmp_path / "b.json"
    foreign.write_text(json.dumps(document))
    found = read_labels(foreign, facts=facts, scene_name="s", points=True).labels
    assert [label.attributes["category"] for label in found] == [one.label.cls for one in records]
    for label, one in zip(found, records, strict=True):
        there, here = (crs.from_lonlat(item.geometry_lonlat, facts.crs_wkt) for item in (label, one.label))
        if there.geom_type == "Point":
            assert there.distance(here) < 0.05
        else:
            assert there.symmetric_difference(here).area / here.area < 0.01
    document["images"][0]["width"] = 500
    foreign.write_text(json.dumps(document))
    with pytest.raises(LabelsRefusedError, match="500 × 300 px; the scene's 400 × 300 px is needed"):
        read_labels(foreign, facts=facts, scene_name="s", points=True)


@pytest.mark.parametrize("name", FORMATS)
def test_no_labels_make_an_empty_file(tmp_path: Path, facts: RasterFacts, name: str) -> None:
    assert write_labels(tmp_path / name, [], facts=facts).count == 0
    if name in ("a.gpkg", "a.shp", "a.geojson"):
        assert len(gpd.read_file(tmp_path / name)) == 0


def test_candidates_carry_their_scores(tmp_path: Path, facts: RasterFacts) -> None:
    outline = crs.to_lonlat(translate(SLIDE, 600_000, 3_800_000), facts.crs_wkt)
    candidate = Candidate(
        id="c1",
        prediction_id="p",
        scene_id="s",
        geometry_lonlat=outline,
        score=0.8,
        mask_score=0.7,
        classifier_score=0.6,
        area_m2=40_000,
    )
    write_candidates(tmp_path / "candidates.gpkg", [candidate], facts=facts)
    frame = gpd.read_file(tmp_path / "candidates.gpkg")
    assert frame.loc[0, ["score", "mask_score", "classifier_score"]].tolist() == [0.8, 0.7, 0.6]


@pytest.mark.parametrize("name", FORMATS)
def test_a_number_of_another_inventory_never_takes_the_place_of_ours(
    tmp_path: Path, facts: RasterFacts, name: str
) -> None:
    one = record(facts, "ours", SLIDE, attributes={"uid": "theirs", "event_id": "LS684"})
    assert (one.values()["uid"], one.values()["uid_as_given"]) == ("ours", "theirs")
    write_labels(tmp_path / name, [one], facts=facts)
    (label,) = read_labels(tmp_path / name, facts=facts, scene_name="s").labels
    assert (label.uid, label.attributes["event_id"]) == ("ours", "LS684")


def test_a_column_that_a_format_needs_for_itself_is_renamed(tmp_path: Path, facts: RasterFacts) -> None:
    one = record(facts, "a", SLIDE, attributes={"fid": 9, "status": "checked", "wkt": "x"})
    write_labels(tmp_path / "a.gpkg", [one], facts=facts)
    frame = gpd.read_file(tmp_path / "a.gpkg")
    assert frame.loc[0, ["fid_", "status", "status_", "wkt_"]].tolist() == [9, "accepted", "checked", "x"]


def test_an_unknown_format_is_refused_and_nothing_is_written(tmp_path: Path, facts: RasterFacts) -> None:
    with pytest.raises(LabelsRefusedError, match=r"the ending '\.doc'"):
        write_labels(tmp_path / "labels.doc", [], facts=facts)
    assert list(tmp_path.iterdir()) == []


def test_a_geopackage_with_layers_of_others_is_not_replaced(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord]
) -> None:
    path = tmp_path / "a.gpkg"
    for _ in range(2):  # an export of ours is
        assert write_labels(path, records, facts=facts).count == 6
    for name in ("lakes", "roads"):
        gpd.GeoDataFrame({"name": [1]}, geometry=[SLIDE], crs=32648).to_file(path, layer=name)
    before = path.read_bytes()
    with pytest.raises(UnwritableError, match=r"it holds layers of others \(lakes, roads\)\. Choose") as caught:
        write_labels(path, records, facts=facts)
    assert path.read_bytes() == before
    assert "其中有他人的图层（lakes, roads）" in wording.told(str(caught.value), language="zh")


@pytest.mark.parametrize("case", ["labels", "tiles", "text"])
def test_what_only_looks_like_an_export_is_not_replaced(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord], case: str
) -> None:
    path = tmp_path / "a.gpkg"
    if case == "labels":
        gpd.GeoDataFrame({"name": [1]}, geometry=[SLIDE], crs=32648).to_file(path, layer="labels")
    elif case == "text":
        path.write_text("mine")
    else:
        grid = {"width": 64, "height": 64, "count": 3, "dtype": "uint8", "crs": "EPSG:32648"}
        with rasterio.open(path, "w", driver="GPKG", transform=Affine(2, 0, 0, 0, -2, 0), **grid) as raster:
            raster.write(np.ones((3, 64, 64), np.uint8))
    before = path.read_bytes()
    with pytest.raises(UnwritableError):
        write_labels(path, records, facts=facts)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp"])
def test_a_style_of_others_is_kept_and_that_is_said(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord], name: str
) -> None:
    mine = tmp_path / "a.qml"
    mine.write_text("my style")
    done = write_labels(tmp_path / name, records, facts=facts)
    assert mine.read_text() == "my style"
    assert "The style 'a.qml' is none of ours and was kept." in done.notices
    assert str(mine) not in done.files
    mine.unlink()
    for _ in range(2):
        done = write_labels(tmp_path / name, records, facts=facts)
        assert not any("style" in notice for notice in done.notices)
    assert "renderer-v2" in mine.read_text("utf-8")


def test_a_shapefile_of_points_of_others_is_not_replaced(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord]
) -> None:
    gpd.GeoDataFrame({"name": [1]}, geometry=[Point(1, 1)], crs=32648).to_file(tmp_path / "a_points.shp")
    before = (tmp_path / "a_points.dbf").read_bytes()
    with pytest.raises(UnwritableError, match=r"a_points\.shp' cannot be written to"):
        write_labels(tmp_path / "a.shp", records, facts=facts)
    assert (tmp_path / "a_points.dbf").read_bytes() == before
    assert not (tmp_path / "a.shp").exists()


def test_points_alone_stand_in_a_shapefile_that_is_named(
    tmp_path: Path, facts: RasterFacts, records: list[LabelRecord]
) -> None:
    for _ in range(2):
        done = write_labels(tmp_path / "a.shp", records[-1:], facts=facts)
        assert "Points stand in a Shapefile of their own, 'a_points.shp'." in done.notices
        assert [Path(file).name for file in done.files] == ["a.shp", "a_points.shp"]


@pytest.mark.parametrize("name", FORMATS)
def test_columns_that_differ_in_case_and_numbers_beyond_all_measure_go_out(
    tmp_path: Path, facts: RasterFacts, name: str
) -> None:
    ones = [
        record(facts, "a", SLIDE, attributes={"ID": "a1", "big": 10**400, "Name": "x", "Ä": 1}),
        record(facts, "b", HOLED, attributes={"Id": "b1", "big": 2.5, "name": "the field", "ä": 2, "Id_1": 7}),
        record(facts, "c", Point(650, -400), cls=LabelClass.landslide_point, attributes={"iD": "c1"}),
    ]
    write_labels(tmp_path / name, ones, facts=facts)
    found = list(read_labels(tmp_path / name, facts=facts, scene_name="s").labels)
    back = {label.uid: label.attributes for label in found}
    assert back["a"]["ID"] == "a1"
    assert "b1" in back["b"].values()
    assert back["b"]["Id_1"] == 7 or name.endswith((".gpkg", ".shp", ".zip"))
    assert back["b"]["name"] == "the field"
    assert "x" in back["a"].values()
    if name != "a.shp":
        assert "c1" in back["c"].values()
    assert name.endswith((".shp", ".zip")) or str(back["a"]["big"]) == str(10**400)


def test_a_name_or_text_with_control_characters_leaves_the_kml_readable(tmp_path: Path, facts: RasterFacts) -> None:
    write_labels(
        tmp_path / "a.kml", [record(facts, "a", SLIDE, attributes={"re\x0bmark\x01": "te\x02xt"})], facts=facts
    )
    (label,) = read_labels(tmp_path / "a.kml", facts=facts, scene_name="s").labels
    assert label.attributes["remark"] == "text"
