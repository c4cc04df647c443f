"""Samples put together: every pixel and outline where its sample stands, and nothing where none does."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from icssn.datasets.mosaic import NO_GROUND, compose, write_mosaic
from icssn.datasets.sets import public_set
from icssn.errors import DatasetRefusedError
from icssn.geo import shapes
from icssn.imagery.open import inspect
from icssn.records import Progress
from tests.datasets import lookalikes
from tests.datasets.lookalikes import SIDE, ground, slide


def test_cells_stand_in_rows_and_gaps_have_no_data(tmp_path: Path) -> None:
    cells = [(ground(n), slide(left=n)) for n in range(1, 8)]
    made = write_mosaic(tmp_path, "seven", iter(cells), count=7, cell_px=(SIDE, SIDE), pixel_m=2.0)
    with rasterio.open(made.raster) as image, rasterio.open(made.mask) as truth:
        assert image.shape == truth.shape == (3 * SIDE, 3 * SIDE)
        for number, (picture, mask) in enumerate(cells):
            place = np.s_[number // 3 * SIDE :, number % 3 * SIDE :]
            assert np.array_equal(image.read()[:, *place][:, :SIDE, :SIDE], picture)
            assert np.array_equal(truth.read(1)[place][:SIDE, :SIDE], mask)
        assert (truth.read(1)[2 * SIDE :, SIDE:] == NO_GROUND).all()
        assert np.array_equal(image.dataset_mask() > 0, truth.read(1) != NO_GROUND)
    assert inspect(made.raster).pixel_size_m == pytest.approx(2.0, rel=1e-3)


def test_landslides_of_neighbouring_samples_stay_apart(tmp_path: Path) -> None:
    touching = [(ground(1), slide(left=SIDE - 10)), (ground(2), slide(left=0))]
    made = write_mosaic(tmp_path, "two", touching, count=2, cell_px=(SIDE, SIDE), pixel_m=1.0)
    assert [outline.area for outline in made.landslides] == [100, 100]
    assert shapely.union_all(made.landslides).geom_type == "Polygon"


def test_a_composed_set_is_a_scene_with_all_its_labels(tmp_path: Path) -> None:
    samples = public_set("bijie").samples(lookalikes.bijie(tmp_path / "bijie"))
    told: list[Progress] = []
    made, labels = compose(tmp_path / "out", "all", samples, colours=(1, 2, 3), report=told.append)
    assert len(told) == len(samples)
    frame = gpd.read_file(labels)
    slides = frame[frame["class"] == "landslide"].geometry
    area = frame[frame["class"] == "label_area"].geometry.union_all()
    assert len(slides) == 3
    assert all(area.covers(outline) for outline in slides)
    assert area.area == pytest.approx(sum(h * w for h, w in (sample.size_px for sample in samples)) * 0.8**2)
    with rasterio.open(made.mask) as truth:
        again = shapes.rasterise(slides, transform=truth.transform, width=truth.width, height=truth.height)
        assert np.array_equal(again == 1, truth.read(1) == 1)


def test_fourteen_bands_keep_their_values_and_name_their_colours(tmp_path: Path) -> None:
    public = public_set("landslide4sense")
    samples = public.samples(lookalikes.landslide4sense(tmp_path / "l4s"))
    made, _ = compose(tmp_path / "out", "train", samples, colours=public.colours, report=lambda _: None)
    facts = inspect(made.raster)
    assert (facts.band_count, facts.dtype, facts.stretch.bands) == (14, "float32", (4, 3, 2))
    seeds = {round(float(sample.read()[0][0, 0, 0]) * 100) for sample in samples}
    with rasterio.open(made.raster) as image:
        corners = image.read(1)[::SIDE, ::SIDE]
        assert {round(float(value) * 100) for value in corners[corners > 0]} == seeds


def test_a_sample_of_another_kind_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    mixed = [(ground(1), slide()), (ground(2, bands=4), slide())]
    with pytest.raises(DatasetRefusedError, match=r"'sample 2' was refused: it is uint8 of 4×32×32"):
        write_mosaic(tmp_path / "out", "mixed", mixed, count=2, cell_px=(SIDE, SIDE), pixel_m=1.0)
    assert list((tmp_path / "out").iterdir()) == []
