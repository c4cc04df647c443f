"""Files that mean harm, or are only odd: refused in one sentence, and nothing else happens."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from pyproj import CRS
from shapely.geometry import Point, Polygon, box, mapping

from icssn.errors import LabelsRefusedError
from icssn.vectors import archive, source
from icssn.vectors.source import features

SQUARE = box(105, 34, 105.001, 34.001)
KML = (
    """<?xml version="1.0"?>{doctype}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{inside}</Document></kml>"""
)
PLACEMARK = (
    "<Placemark><name>{name}</name><Polygon><outerBoundaryIs><LinearRing><coordinates>"
    "105,34,0 105.001,34,0 105.001,34.001,0 105,34,0</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
)


def geojson(*geometries: object, **members: object) -> str:
    items = [{"type": "Feature", "geometry": item, "properties": {}} for item in geometries]
    return json.dumps({"type": "FeatureCollection", "features": items, **members})


def kml(inside: str = PLACEMARK, doctype: str = "") -> str:
    return KML.format(inside=inside, doctype=doctype)


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "labels.gpkg").mkdir()
    refused(tmp_path / "labels.gpkg", "it is a folder")
    refused(tmp_path, "it is a folder")


def refused(path: Path, words: str) -> None:
    with pytest.raises(LabelsRefusedError, match=words) as caught:
        features(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nan.geojson", geojson({"type": "Point", "coordinates": [float("nan"), 1]}), "cannot be read"),
        ("inf.geojson", '{"type": "Point", "coordinates": [1e999, Infinity]}', "cannot be read"),
        ("deep.geojson", '{"type":' * 100_000, "cannot be read"),
        ("nested.geojson", '{"type":"Polygon","coordinates":' + "[" * 100_000 + "]" * 100_000 + "}", "cannot be read"),
        ("list.geojson", "{}", "cannot be read"),
        ("text.geojson", geojson({"type": "Polygon", "coordinates": "x"}), "cannot be read"),
        ("kind.geojson", geojson({"type": "Cube", "coordinates": [1, 2]}), "cannot be read"),
        ("crs.geojson", geojson(mapping(SQUARE), crs={"properties": {"name": "EPSG:0"}}), "cannot be read"),
        ("topo.json", '{"type": "Topology", "objects": {}}', "cannot be read"),
        ("cut.kml", kml()[:200], "cannot be read"),
        ("words.kml", kml("<Placemark><Point><coordinates>a,b</coordinates></Point></Placemark>"), "cannot be read"),
        (
            "xxe.kml",
            kml(PLACEMARK.format(name="&secret;"), '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'),
            "XML entities",
        ),
        ("laughs.kml", kml(doctype='<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>'), "XML entities"),
        ("link.kml", kml("<NetworkLink><Link><href>http://example.org/</href></Link></NetworkLink>"), "NetworkLink"),
        ("deep.kml", kml("<Folder>" * 5000 + "</Folder>" * 5000), "nest too deeply"),
        ("no.csv", "a,b\n1,2\n", "no column with geometries"),
        ("bad.csv", "wkt\nPOLYGON((0 0,\n", "cannot be read"),
        ("short.csv", "name,lon,lat\nSlide,105.5\n", "cannot be read"),
        ("long.csv", 'lon,lat,notes\n105,34,"a\nb"\n105,34,old, steep\n', "line 4 has 4 cells, the header 3"),
        (
            "site.geojson",
            geojson(mapping(SQUARE), crs={"properties": {"name": 'LOCAL_CS["site grid",UNIT["metre",1]]'}}),
            "its CRS 'site grid' has no place on the Earth",
        ),
        ("a.shp", "no shapefile at all", "cannot be read"),
        ("a.zip", "no zip at all", "cannot be read"),
        ("a.gpkg", "SQLite format 3\0 but no more", "cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 15 else "",
)
def test_a_hostile_or_broken_file_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    refused(tmp_path / name, words)


def test_an_entity_hidden_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.kml"
    path.write_bytes(b"<" + kml(doctype='<!DOCTYPE x [<!ENTITY a "b">]>').encode("utf-16"))
    refused(path, "not UTF-8|cannot be read")


def test_too_much_of_anything_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(geojson(*[mapping(SQUARE)] * 3))
    monkeypatch.setattr(source, "MAX_FEATURES", 2)
    refused(path, "3 features; at most 2")
    monkeypatch.setattr(source, "MAX_FEATURES", 100)
    monkeypatch.setattr(source, "MAX_VERTICES", 14)
    refused(path, "more than 14 corners")
    monkeypatch.setattr(source, "MAX_TEXT_BYTES", 10)
    refused(path, "at most 0 MB")


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    folder = tmp_path / "parts"
    folder.mkdir()
    gpd.GeoDataFrame({"名称": ["老滑坡"]}, geometry=[SQUARE], crs=4326).to_file(folder / "内部.shp", encoding="UTF-8")
    return folder


def packed(path: Path, folder: Path, change: Callable[[zipfile.ZipFile], None] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in sorted(folder.iterdir()):
            zipped.write(file, f"数据/{file.name}")
        if change:
            change(zipped)
    return path


def test_a_zipped_shapefile_is_read_whatever_its_folders_are_called(tmp_path: Path, shapes: Path) -> None:
    found = features(packed(tmp_path / "a.zip", shapes))
    assert [row["名称"] for row in found.rows] == ["老滑坡"]
    assert found.crs.to_epsg() == 4326


def test_a_zip_that_means_harm_is_refused_before_anything_is_unpacked(tmp_path: Path, shapes: Path) -> None:
    link = zipfile.ZipInfo("passwd.shp")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    cases: list[tuple[str, Callable[[zipfile.ZipFile], None]]] = [
        ("outside the archive", lambda z: z.writestr("../../evil.shp", b"x")),
        ("outside the archive", lambda z: z.writestr("/etc/evil.shp", b"x")),
        ("outside the archive", lambda z: z.writestr("..\\evil.shp", b"x")),
        ("outside the archive", lambda z: z.writestr("C:evil.shp", b"x")),
        ("a link", lambda z: z.writestr(link, "/etc/passwd")),
        ("beyond belief", lambda z: z.writestr("zeros.dbf", b"\0" * (8 << 20))),
        ("members; at most", lambda z: [z.writestr(f"{i}.txt", b"") for i in range(archive.MAX_MEMBERS)] and None),
        ("one vector file", lambda z: z.writestr("second.geojson", geojson(mapping(SQUARE)))),
    ]
    for number, (words, change) in enumerate(cases):
        refused(packed(tmp_path / f"{number}.zip", shapes, change), words)
    assert not list(tmp_path.glob("**/evil*"))


def test_of_several_files_in_a_zip_one_can_be_named(tmp_path: Path, shapes: Path) -> None:
    path = packed(tmp_path / "a.zip", shapes, lambda z: z.writestr("second.geojson", geojson(mapping(SQUARE))))
    assert len(features(path, layer="second").rows) == 1


def test_a_zip_without_a_vector_file_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr("readme.txt", "x")
    refused(tmp_path / "a.zip", "no vector file")


def test_a_kmz_is_a_zipped_kml(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as zipped:
        zipped.writestr("doc.kml", kml(PLACEMARK.format(name="古滑坡")))
    assert features(tmp_path / "a.kmz").rows == [{"name": "古滑坡"}]


@pytest.mark.parametrize(("encoding", "cpg"), [("UTF-8", True), ("UTF-8", False), ("GBK", True), ("GBK", False)])
def test_chinese_in_a_shapefile_is_read_with_and_without_a_cpg(tmp_path: Path, encoding: str, cpg: bool) -> None:
    path = tmp_path / "a.shp"
    frame = gpd.GeoDataFrame({"滑坡类型": ["旋转型滑坡", "黄土"], "n": [1, 2]}, geometry=[SQUARE, SQUARE], crs=4326)
    frame.to_file(path, encoding=encoding)
    if not cpg:
        path.with_suffix(".cpg").unlink()
        dbf = bytearray(path.with_suffix(".dbf").read_bytes())
        dbf[29] = 0  # nor does the table itself say it
        path.with_suffix(".dbf").write_bytes(dbf)
    rows = features(path).rows
    assert [list(row.values()) for row in rows] == [["旋转型滑坡", 1], ["黄土", 2]]
    assert next(iter(rows[0])) == ("滑坡类" if encoding == "UTF-8" else "滑坡类型")  # ten bytes of the name are kept


def test_of_several_layers_one_must_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    for layer in ("slides", "geology"):
        gpd.GeoDataFrame({"layer": [layer]}, geometry=[SQUARE], crs=4326).to_file(path, layer=layer)
    refused(path, r"the layers .*geology.* one layer is needed")
    refused_layer = pytest.raises(LabelsRefusedError, match="--layer")
    with refused_layer:
        features(path, layer="roads")
    assert features(path, layer="geology").rows == [{"layer": "geology"}]


def test_layers_of_ours_are_read_together_only_where_there_are_no_others(tmp_path: Path, shapes: Path) -> None:
    path = tmp_path / "a.gpkg"
    for layer in ("labels", "label_points", "landslides_2020"):
        gpd.GeoDataFrame({"layer": [layer]}, geometry=[SQUARE], crs=4326).to_file(path, layer=layer)
        there = features(path).rows if layer == "label_points" else []
        assert len(there) in (0, 2)
    refused(path, "landslides_2020; one layer is needed")
    assert features(path, layer="labels").rows == [{"layer": "labels"}]
    for file in list(shapes.iterdir()):
        file.with_name(f"labels{file.suffix}").write_bytes(file.read_bytes())
    path = packed(tmp_path / "a.zip", shapes)
    refused(path, "labels.shp, 内部.shp; one vector file is needed")
    assert len(features(path, layer="labels").rows) == 1


@pytest.mark.parametrize("name", ["a.gpkg", "a.zip"])
def test_layers_of_different_crs_keep_their_places(tmp_path: Path, name: str) -> None:
    slides = gpd.GeoDataFrame({"k": [1]}, geometry=[box(600_000, 3_700_000, 600_100, 3_700_100)], crs=32648)
    points = gpd.GeoDataFrame({"k": [2]}, geometry=[Point(600_200, 3_700_200)], crs=32648)
    elsewhere = points.to_crs(32649)
    if name == "a.gpkg":
        slides.to_file(tmp_path / name, layer="labels")
        elsewhere.to_file(tmp_path / name, layer="label_points")
    else:
        (tmp_path / "parts").mkdir()
        slides.to_file(tmp_path / "parts" / "labels.shp")
        elsewhere.to_file(tmp_path / "parts" / "label_points.shp")
        packed(tmp_path / name, tmp_path / "parts")
    found = features(tmp_path / name)
    assert len(found.rows) == 2
    placed = gpd.GeoSeries(found.geometries, crs=found.crs).to_crs(32648)
    kinds = {item.geom_type: item for item in placed}
    assert kinds["Point"].distance(points.geometry[0]) < 0.001  # metres
    assert kinds["Polygon"].hausdorff_distance(slides.geometry[0]) < 0.001


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp"])
def test_whole_numbers_and_truth_values_with_gaps_keep_their_digits(tmp_path: Path, name: str) -> None:
    long = 510107202000012345  # 18 digits, the most of a whole number in a Shapefile
    columns = {"村 code": [long, None, 7], "small": [3, None, -4], "none": [None] * 3, "we\"'rd": [None, long + 2, 1]}
    frame = {column: pd.array(values, "Int64") for column, values in columns.items()}
    if name == "a.gpkg":
        columns["flag"] = [None, True, False]
        frame["flag"] = pd.array(columns["flag"], "boolean")
    gpd.GeoDataFrame(frame, geometry=[SQUARE] * 3, crs=4326).to_file(tmp_path / name, encoding="UTF-8")
    rows = features(tmp_path / name).rows
    assert repr({column: [row[column] for row in rows] for column in rows[0]}) == repr(columns)  # 3.0 and 3 are equal


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp"])
def test_a_crs_without_a_place_on_the_earth_is_refused(tmp_path: Path, name: str) -> None:
    site = CRS.from_wkt('LOCAL_CS["site grid",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')
    gpd.GeoDataFrame({"k": [1]}, geometry=[SQUARE], crs=site).to_file(tmp_path / name)
    refused(tmp_path / name, "its CRS 'site grid' has no place on the Earth; a CRS that has one is needed")


def test_columns_of_one_name_or_none_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",type,type,lon,lat,\n0,one,two,105,34,x\n1,,three,105,34,,\n\n")
    rows = features(path).rows
    assert rows[0] == {"column_1": 0, "type": "one", "type_2": "two", "column_6": "x"}
    assert rows[1] == {"column_1": 1, "type": None, "type_2": "three", "column_6": None}


def test_the_id_of_a_feature_is_kept_unless_a_property_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    one = {"type": "Feature", "id": "LS-7", "geometry": mapping(SQUARE), "properties": None}
    other = {"type": "Feature", "id": 3, "geometry": mapping(SQUARE), "properties": {"id": "own", "k": 1}}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [one, other]}))
    assert features(path).rows == [{"id": "LS-7"}, {"id": "own", "k": 1}]
    path.write_text(json.dumps(one))
    assert features(path).rows == [{"id": "LS-7"}]


def test_halves_of_characters_in_a_geojson_are_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    properties = r'{"\ud800k": ["a\udc00", {"\ud801": 1}], "whole": "\ud83d\ude00"}'
    path.write_text(f'{{"type": "Feature", "geometry": {json.dumps(mapping(SQUARE))}, "properties": {properties}}}')
    assert features(path).rows == [{"k": ["a", {"": 1}], "whole": "\U0001f600"}]


def test_a_csv_of_places_gives_points_and_one_in_gbk_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('编号,经度,纬度,备注\n007,105.0,34.0,"老滑坡\n二期"\n'.encode("gb18030"))
    found = features(path)
    assert found.rows == [{"编号": "007", "备注": "老滑坡\n二期"}]
    assert list(found.geometries) == [Point(105, 34)]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("name;lon;lat\nSlide;105,5;34,25\n", "utf-8"),  # a spreadsheet of most of Europe
        ("name\tlon\tlat\nSlide\t105.5\t34.25\n", "utf-16"),  # what Excel calls Unicode text
        ("name,lng,lat\r\nSlide,105.5,34.25\r\n", "utf-8-sig"),
    ],
)
def test_a_csv_of_any_spreadsheet_is_read(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    found = features(path)
    assert found.rows == [{"name": "Slide"}]
    assert list(found.geometries) == [Point(105.5, 34.25)]


def test_an_older_geojson_may_name_its_crs(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32648"}}
    path.write_text(geojson(mapping(box(600_000, 3_700_000, 600_100, 3_700_100)), crs=named))
    assert features(path).crs.to_epsg() == 32648
    path.write_text(geojson(mapping(SQUARE), crs={"properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}))
    assert features(path).crs.to_epsg() == 4326


def test_placemarks_in_folders_and_parts_of_geometries_are_read(tmp_path: Path) -> None:
    ring = "<outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></outerBoundaryIs>"
    one = ring.format("105,34 105.1,34 105.1,34.1 105,34")
    two = ring.format("106,34 106.1,34 106.1,34.1 106,34")
    multi = f"<MultiGeometry><Polygon>{one}</Polygon><Polygon>{two}</Polygon></MultiGeometry>"
    data = (
        '<ExtendedData><SchemaData><SimpleData name="level">3</SimpleData></SchemaData>'
        '<Data name="type"><value>古滑坡</value></Data></ExtendedData>'
    )
    (tmp_path / "a.kml").write_text(kml(f"<Folder><Placemark>{data}{multi}</Placemark></Folder>"))
    found = features(tmp_path / "a.kml")
    assert found.rows == [{"level": 3, "type": "古滑坡"}]
    assert found.geometries[0] is not None
    assert found.geometries[0].geom_type == "MultiPolygon"
    assert isinstance(found.geometries[0].geoms[1], Polygon)


@pytest.mark.parametrize("values", [[5101072020000123457, 7], [5101072020000123457, None], [-4101072020000123457, 1]])
def test_whole_numbers_of_nineteen_digits_in_a_shapefile_keep_them(tmp_path: Path, values: list[int | None]) -> None:
    frame = {"first": [0.5, 1.5], "id": pd.array(values, "Int64"), "last": ["甲", "b"]}
    gpd.GeoDataFrame(frame, geometry=[SQUARE] * 2, crs=4326).to_file(tmp_path / "a.shp", encoding="UTF-8")
    rows = features(tmp_path / "a.shp").rows
    assert repr([row["id"] for row in rows]) == repr(values)
    assert [(row["first"], row["last"]) for row in rows] == [(0.5, "甲"), (1.5, "b")]


def test_fields_of_one_name_in_a_placemark_are_all_kept(tmp_path: Path) -> None:
    data = (
        "<ExtendedData><SchemaData><SimpleData name='type'>flow</SimpleData></SchemaData>"
        "<Data name='type'><value>slide</value></Data><Data name='type'><value>flow</value></Data>"
        "<Data name='Type'><value>fall</value></Data><Data name='name'><value>N</value></Data>"
        "<camp:number xmlns:camp='http://camp.com'>14</camp:number></ExtendedData>"
    )
    (tmp_path / "a.kml").write_text(kml(PLACEMARK.format(name="other").replace("<Polygon>", f"{data}<Polygon>")))
    assert features(tmp_path / "a.kml").rows == [
        {"type": "flow", "type_2": "slide", "Type": "fall", "name": "N", "number": 14, "name_2": "other"}
    ]
