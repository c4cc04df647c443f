"""Exports open elsewhere with the same shapes, in the right CRS."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from icssn.errors import LabelsRefusedError
from icssn.geo import crs
from icssn.records import Candidate, Label, RasterFacts
from icssn.vectors.write import write_candidates, write_labels

SLIDE = shapely.box(600_100, 3_799_500, 600_300, 3_799_700)


@pytest.mark.parametrize(("name", "epsg"), [("labels.gpkg", 32648), ("labels.geojson", 4326)])
def test_labels_round_trip(tmp_path: Path, facts: RasterFacts, name: str, epsg: int) -> None:
    outline = crs.to_lonlat(SLIDE, facts.crs_wkt)
    label = Label(uid="a1", scene_id="s", geometry_lonlat=outline, attributes={"depth": 3.5, "fid": 9})
    assert write_labels(tmp_path / name, [label], facts=facts) == 1
    frame = gpd.read_file(tmp_path / name)
    assert frame.crs.to_epsg() == epsg
    assert frame.loc[0, ["uid", "class", "depth"]].tolist() == ["a1", "landslide", 3.5]
    assert frame.loc[0, "area_m2"] == pytest.approx(40_000, rel=1e-3)
    back = crs.to_lonlat(frame.geometry[0], frame.crs.to_wkt())
    assert shapely.hausdorff_distance(back, outline) < 1e-8  # degrees


def test_no_labels_make_an_empty_file_that_opens(tmp_path: Path, facts: RasterFacts) -> None:
    assert write_labels(tmp_path / "labels.gpkg", [], facts=facts) == 0
    assert len(gpd.read_file(tmp_path / "labels.gpkg")) == 0


def test_candidates_carry_their_scores(tmp_path: Path, facts: RasterFacts) -> None:
    outline = crs.to_lonlat(SLIDE, facts.crs_wkt)
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


def test_an_unknown_format_is_refused_and_nothing_is_written(tmp_path: Path, facts: RasterFacts) -> None:
    with pytest.raises(LabelsRefusedError, match=r"the ending '\.doc'"):
        write_labels(tmp_path / "labels.doc", [], facts=facts)
    assert list(tmp_path.iterdir()) == []
