"""How sure outlines are is measured once; it outlives the raster, and a place that cannot be written to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from icssn import actions
from icssn.actions import envelopes
from icssn.records import Candidate, Prediction, Scene
from icssn.review.outline import Envelope
from icssn.store import predictions
from icssn.store.workspace import Workspace
from tests.rasters import noise
from tests.ui.conftest import inside

PLACE = rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)
PROFILE = {"driver": "GTiff", "width": 256, "height": 256, "crs": "EPSG:32648", "transform": PLACE}


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    workspace = actions.open_workspace(tmp_path / "workspace")
    yield workspace
    workspace.close()


@pytest.fixture
def scene(ws: Workspace, tmp_path: Path) -> Scene:
    return actions.register_scene(ws, noise(tmp_path / "hill.tif", side=256), name="hill")


@pytest.fixture
def made(ws: Workspace, scene: Scene) -> Prediction:
    """A prediction with one candidate, whose outline is soft."""
    made = Prediction(
        id="p1", scene_id=scene.id, checkpoint_id="c", probability="p/prob.tif", mask="p/mask.tif", threshold=0.5
    )
    ws.path("p").mkdir()
    soft = np.clip(np.hypot(*(np.mgrid[:256, :256] - 75.0)) / 60, 0, 1)
    with rasterio.open(ws.path("p/prob.tif"), "w", count=1, dtype="uint8", nodata=255, **PROFILE) as out:
        out.write((254 * (1 - soft)).astype(np.uint8), 1)
    outline = inside(scene, 0.2, 0.2)
    scores = {"score": 0.8, "mask_score": 0.8, "classifier_score": 0.8}
    found = Candidate(
        id="c1", prediction_id=made.id, scene_id=scene.id, geometry_lonlat=outline, area_m2=2600, **scores
    )
    predictions.add(ws.db, made, [found])
    return made


def measured(ws: Workspace, made: Prediction, scene: Scene) -> dict[str, Envelope]:
    return envelopes.of_prediction(ws, made, predictions.candidates(ws.db, made.id), facts=scene.facts)


def test_what_was_measured_outlives_the_raster(ws: Workspace, scene: Scene, made: Prediction) -> None:
    first = measured(ws, made, scene)
    assert list(first) == ["c1"]
    ws.path("p/prob.tif").unlink()
    assert measured(ws, made, scene) == first
    shutil.rmtree(ws.path("p"))
    assert measured(ws, made, scene) == {}


def test_where_they_cannot_be_kept_they_are_measured_all_the_same(
    ws: Workspace, scene: Scene, made: Prediction
) -> None:
    ws.path("p/prob_envelopes.json").mkdir()
    assert list(measured(ws, made, scene)) == ["c1"]
    [place] = actions.review_queue(ws, made.id)
    assert place.candidate.id == "c1"
