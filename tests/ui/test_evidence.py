"""The evidence route: terrain, history and calibration of a candidate as JSON, and one 404 for all that is unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from starlette.applications import Starlette
from starlette.testclient import TestClient

from icssn import actions
from icssn.records import Candidate, CandidateStatus, Decision, Prediction, Scene, new_id
from icssn.store import predictions
from icssn.store.workspace import Workspace
from icssn.ui import evidence
from tests.ui.conftest import inside


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return TestClient(Starlette(routes=evidence.routes("base")), raise_server_exceptions=True)


@pytest.fixture
def sloping(ws: Workspace, tmp_path: Path) -> Scene:
    """A scene with an elevation model that falls to the south by 20°."""
    profile = {"driver": "GTiff", "width": 256, "height": 256, "crs": "EPSG:32648"}
    place = rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)
    image, dem = tmp_path / "slope.tif", tmp_path / "slope_dem.tif"
    with rasterio.open(image, "w", count=3, dtype="uint8", transform=place, **profile) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, 256, 256), dtype=np.uint8))
    with rasterio.open(dem, "w", count=1, dtype="float32", transform=place, **profile) as out:
        out.write(1500 - np.tan(np.deg2rad(20)) * np.repeat(np.arange(256.0)[:, None], 256, axis=1), 1)
    return actions.register_scene(ws, image, name="slope", dem=dem)


def proposed(ws: Workspace, scene: Scene, *, count: int = 1, at: float = 0.3) -> list[Candidate]:
    made = Prediction(scene_id=scene.id, checkpoint_id="c", probability="none.tif", mask="none.tif", threshold=0.5)
    found = [
        Candidate(
            id=new_id(),
            prediction_id=made.id,
            scene_id=scene.id,
            geometry_lonlat=inside(scene, at + 0.01 * number, 0.3),
            score=0.8,
            mask_score=0.8,
            classifier_score=0.8,
            area_m2=5898.0,
        )
        for number in range(count)
    ]
    predictions.add(ws.db, made, found)
    return found


def test_terrain_is_measured_and_judged(ws: Workspace, sloping: Scene, client: TestClient) -> None:
    [candidate] = proposed(ws, sloping)
    found = client.get(f"/base/evidence/{candidate.id}.json").json()
    assert found["measures"]["slope_deg"] == pytest.approx(20, abs=0.3)
    assert found["measures"]["azimuth_deg"] == pytest.approx(180, abs=2)
    assert found["measures"]["length_m"] == pytest.approx(77, abs=3)
    assert [check["key"] for check in found["checks"]] == ["plausible"]
    assert found["profile"]["elevation_m"][0] > found["profile"]["elevation_m"][-1] + 30
    assert found["history"] == []
    assert found["calibration"] is None


def test_other_predictions_and_decisions_on_like_scores_are_told(
    ws: Workspace, scene: Scene, client: TestClient
) -> None:
    earlier = proposed(ws, scene, count=6)
    decisions = [Decision(candidate_id=item.id, status=CandidateStatus.accepted) for item in earlier]
    actions.review(ws, scene.id, decisions)
    [candidate] = proposed(ws, scene)
    found = client.get(f"/base/evidence/{candidate.id}.json").json()
    assert found["calibration"] == {"right": 6, "count": 6}
    [seen] = found["history"]
    assert seen["overlap"] == pytest.approx(1)
    assert found["profile"] is None
    assert found["measures"]["length_m"] == pytest.approx(77, abs=3)


def test_a_damaged_elevation_model_leaves_the_rest_standing(ws: Workspace, sloping: Scene, client: TestClient) -> None:
    [candidate] = proposed(ws, sloping)
    Path(str(sloping.dem)).write_bytes(b"no raster")
    found = client.get(f"/base/evidence/{candidate.id}.json").json()
    assert [check["key"] for check in found["checks"]] == ["no_elevation"]
    assert found["measures"]["width_m"] == pytest.approx(77, abs=3)


def test_an_unknown_candidate_is_a_404(ws: Workspace, client: TestClient) -> None:
    assert client.get("/base/evidence/nobody.json").status_code == 404
