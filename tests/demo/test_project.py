from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.features import geometry_mask
from shapely.geometry import box

from icssn import landslide_record
from icssn.demo import project
from icssn.demo.project import DemoFiles, make_project
from icssn.errors import DiskFullError
from icssn.geo import crs
from icssn.records import Progress
from tests.demo.conftest import SIZE_PX


def _pixels(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read()


def test_the_same_seed_gives_the_same_pixels(files: DemoFiles, tmp_path: Path) -> None:
    again = make_project(tmp_path, size_px=SIZE_PX)
    for first, second in ((files.image, again.image), (files.dem, again.dem), (files.truth_mask, again.truth_mask)):
        assert _pixels(first).tobytes() == _pixels(second).tobytes()
    assert [label.geometry_lonlat.wkb for label in files.start_labels] == [
        label.geometry_lonlat.wkb for label in again.start_labels
    ]


def test_rasters_share_one_grid_of_two_kilometres_in_gansu(files: DemoFiles) -> None:
    for path, dtype, count in ((files.image, "uint8", 3), (files.dem, "float32", 1), (files.truth_mask, "uint8", 1)):
        with rasterio.open(path) as dataset:
            assert dataset.crs.to_epsg() == 32648
            assert (dataset.width, dataset.height, dataset.count) == (SIZE_PX, SIZE_PX, count)
            assert dataset.dtypes[0] == dtype
            assert dataset.transform.a * SIZE_PX == pytest.approx(2048)
            assert dataset.is_tiled
            west, south, east, north = crs.bounds_lonlat(dataset.crs.to_wkt(), tuple(dataset.bounds))
    assert west < 105.91 < east
    assert south < 34.70 < north


def test_twenty_landslides_are_known_and_eight_are_labelled(files: DemoFiles, truth: gpd.GeoDataFrame) -> None:
    assert truth.crs.to_epsg() == 32648
    assert len(truth) == 20
    assert truth.labelled.sum() == len(files.start_labels) == 8
    assert truth.length_m.between(60, 350).all()


def test_the_records_of_the_labels_lack_nothing_and_the_plainer_landslide_is_the_surer_one(
    files: DemoFiles, truth: gpd.GeoDataFrame
) -> None:
    records = [label.attributes for label in files.start_labels]
    assert [landslide_record.checked(record) for record in records] == records
    assert [landslide_record.missing(record) for record in records] == [()] * len(records)
    freshness = truth.freshness[truth.labelled == 1].tolist()
    sure = [("low", "moderate", "high").index(str(record["confidence"])) for record in records]
    assert {0, 1, 2} == set(sure)
    ranked = [one for _, one in sorted(zip(freshness, sure, strict=True))]
    assert ranked == sorted(sure)


def test_outlines_are_valid_apart_and_inside_the_scene(files: DemoFiles, truth: gpd.GeoDataFrame) -> None:
    with rasterio.open(files.image) as dataset:
        scene = box(*dataset.bounds)
    outlines = list(truth.geometry)
    for index, outline in enumerate(outlines):
        assert outline.is_valid
        assert outline.geom_type == "Polygon"
        assert scene.contains(outline)
        assert not any(outline.intersects(other) for other in outlines[index + 1 :])


def test_every_landslide_that_touches_the_label_area_is_labelled_and_lies_inside_it(
    files: DemoFiles, truth: gpd.GeoDataFrame
) -> None:
    area = crs.from_lonlat(files.label_area, truth.crs.to_wkt())
    for outline, labelled in zip(truth.geometry, truth.labelled, strict=True):
        assert area.contains(outline) if labelled else not area.intersects(outline)
    for label in files.start_labels:
        assert files.label_area.contains(label.geometry_lonlat)


def test_the_mask_counts_only_what_was_not_labelled(files: DemoFiles, truth: gpd.GeoDataFrame) -> None:
    with rasterio.open(files.truth_mask) as dataset:
        mask, transform = dataset.read(1), dataset.transform
        assert dataset.nodata == 255
    hidden = geometry_mask(truth.geometry[truth.labelled == 0], out_shape=mask.shape, transform=transform, invert=True)
    area = geometry_mask(
        [crs.from_lonlat(files.label_area, truth.crs.to_wkt())], out_shape=mask.shape, transform=transform, invert=True
    )
    assert (mask == np.where(area, 255, hidden)).all()


def test_the_image_is_neither_dark_nor_burnt_out(files: DemoFiles) -> None:
    image = _pixels(files.image).astype(float)
    assert (image.mean((1, 2)) > 90).all()
    assert (image.mean((1, 2)) < 160).all()
    assert (image.std((1, 2)) > 20).all()
    assert ((image < 2) | (image > 253)).mean() < 0.02
    red, green, blue = image.mean((1, 2))
    assert red > green > blue  # loess


def test_elevation_is_finite_and_hilly(files: DemoFiles) -> None:
    dem = _pixels(files.dem)
    assert np.isfinite(dem).all()
    assert 120 < np.ptp(dem) < 400


def test_progress_rises_to_the_end(files: DemoFiles, told: list[Progress]) -> None:
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert all(progress.message for progress in told)


def test_a_disk_without_room_is_told_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "_NEEDED_MB", 1e12)
    with pytest.raises(DiskFullError, match="free some space"):
        make_project(tmp_path)
    assert not list(tmp_path.iterdir())
