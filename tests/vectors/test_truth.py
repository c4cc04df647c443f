"""What a vector file says of a scene's ground: our exports by class and status, others by their polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from shapely.affinity import translate
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from icssn.errors import LabelsRefusedError
from icssn.geo import crs
from icssn.geo.measures import measures
from icssn.records import Label, LabelClass, LabelRecord, LabelStatus, RasterFacts, Scene
from icssn.vectors import check
from icssn.vectors.truth import Truth, read_truth
from icssn.vectors.write import write_labels

SLIDE = box(600_100, 3_799_500, 600_300, 3_799_700)
BOW_TIE = Polygon([(600_400, 3_799_500), (600_500, 3_799_600), (600_500, 3_799_500), (600_400, 3_799_600)])
FAR = translate(SLIDE, 5_000, 0)


@pytest.fixture
def scene(facts: RasterFacts) -> Scene:
    return Scene(id="s", name="demo", original="demo.tif", facts=facts)


def foreign(path: Path, geometries: list[Any], **columns: list[Any]) -> Path:
    gpd.GeoDataFrame(columns, geometry=geometries, crs=32648).to_file(path)
    return path


def ours(path: Path, scene: Scene, *labels: tuple[BaseGeometry, str, str]) -> Path:
    records = []
    for number, (place, cls, status) in enumerate(labels):
        lonlat = crs.to_lonlat(place, scene.facts.crs_wkt)
        label = Label(
            uid=f"l{number}", scene_id="s", geometry_lonlat=lonlat, cls=LabelClass(cls), status=LabelStatus(status)
        )
        records.append(LabelRecord(label=label, measures=measures(lonlat), provenance={}))
    write_labels(path, records, facts=scene.facts)
    return path


def said(truth: Truth) -> list[tuple[str, str]]:
    return [(label.cls.value, label.status.value) for label in truth.labels]


def test_every_polygon_of_another_file_is_a_landslide_and_the_whole_scene_is_known(
    tmp_path: Path, scene: Scene
) -> None:
    shapes = [SLIDE, BOW_TIE, FAR, Point(600_100, 3_799_500), LineString([(600_100, 3_799_500), (600_200, 3_799_600)])]
    path = foreign(tmp_path / "a.geojson", shapes, status=["rejected"] * 5)
    truth = read_truth(path, scene=scene)
    assert said(truth) == [("landslide", "accepted")] * 2 + [("label_area", "accepted")]
    assert (truth.features, truth.landslides) == (5, 2)
    *slides, area = (label.geometry_lonlat for label in truth.labels)
    assert shapely.hausdorff_distance(crs.from_lonlat(slides[0], scene.facts.crs_wkt), SLIDE) < 0.001  # metres
    assert slides[1].is_valid
    assert area == check.scene_outline(scene.facts)


def test_our_export_keeps_classes_and_states_and_its_label_areas(tmp_path: Path, scene: Scene) -> None:
    beside = translate(SLIDE, 400, 0)
    labels = [
        (SLIDE, "landslide", "accepted"),
        (beside, "landslide", "accepted"),  # outside of the label area
        (FAR, "landslide", "accepted"),  # off the scene
        (translate(SLIDE, 0, 210), "landslide", "proposed"),
        (translate(SLIDE, 210, 0), "landslide", "rejected"),
        (box(600_000, 3_799_400, 600_400, 3_799_900), "label_area", "accepted"),
        (BOW_TIE.buffer(0), "hard_negative", "accepted"),
        (Point(600_050, 3_799_800), "landslide_point", "accepted"),
    ]
    truth = read_truth(ours(tmp_path / "a.gpkg", scene, *labels), scene=scene)
    assert said(truth) == [(cls, status) for place, cls, status in labels if place is not FAR]
    assert (truth.features, truth.landslides) == (8, 1)


@pytest.mark.parametrize("status", ["proposed", "rejected"])
def test_our_export_without_a_label_area_tells_of_the_whole_scene(tmp_path: Path, scene: Scene, status: str) -> None:
    labels = [(SLIDE, "landslide", "accepted"), (box(*SLIDE.buffer(50).bounds), "label_area", status)]
    truth = read_truth(ours(tmp_path / "a.gpkg", scene, *labels), scene=scene)
    assert said(truth)[-1] == ("label_area", "accepted")
    assert truth.labels[-1].geometry_lonlat == check.scene_outline(scene.facts)
    assert truth.landslides == 1


def test_an_export_of_another_scene_leaves_nothing_that_could_be_judged(tmp_path: Path, scene: Scene) -> None:
    area = (box(*FAR.buffer(50).bounds), "label_area", "accepted")
    truth = read_truth(ours(tmp_path / "a.gpkg", scene, (FAR, "landslide", "accepted"), area), scene=scene)
    assert truth == Truth(labels=(), features=2, landslides=0)


def test_a_feature_without_a_geometry_is_refused(tmp_path: Path, scene: Scene) -> None:
    with pytest.raises(LabelsRefusedError, match="feature 2 has no geometry"):
        read_truth(foreign(tmp_path / "a.gpkg", [SLIDE, None]), scene=scene)
