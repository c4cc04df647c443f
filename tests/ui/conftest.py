"""A real workspace with one small scene whose map is ready."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely.geometry import Polygon, box

from icssn import actions, handlers
from icssn.jobs import engine, platform
from icssn.records import Actor, Edits, Job, JobKind, Label, NewLabel, Scene
from icssn.store.workspace import Workspace


@pytest.fixture(scope="session")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace with the scene "hill", 256 × 256 px of 1 m with map tiles; tests get copies."""
    folder = tmp_path_factory.mktemp("mapped")
    path = folder / "hill.tif"
    profile = {"driver": "GTiff", "width": 256, "height": 256, "count": 3, "dtype": "uint8", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(600_000, 3_800_000, 1, 1), **profile) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, 256, 256), dtype=np.uint8))
    workspace = actions.open_workspace(folder / "workspace", actor=Actor(name="Li"))
    known = actions.register_scene(workspace, path, name="hill")
    job = Job(kind=JobKind.import_scene, params={"scene_id": known.id})
    handlers.perform(workspace, job, report=lambda _: None, stop=lambda: False)
    workspace.close()
    return workspace.folder


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A workspace that ``ICSSN_WORKSPACE`` names; its worker's lock is held here, so queued jobs stay queued."""
    if "scene" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("mapped"), tmp_path / "workspace")
    monkeypatch.setenv("ICSSN_WORKSPACE", str(tmp_path / "workspace"))
    workspace = actions.open_workspace(actor=Actor(name="Li"))
    with platform.try_lock(engine.lock_path(workspace.folder)):  # type: ignore[union-attr]
        yield workspace
    workspace.close()


@pytest.fixture
def scene(ws: Workspace) -> Scene:
    """The scene "hill"."""
    return actions.find_scene(ws, "hill")


def inside(scene: Scene, share: float, size: float = 0.1) -> Polygon:
    """A square on the scene whose lower left corner lies at a share of its sides."""
    west, south, east, north = scene.facts.bounds_lonlat
    across, up = east - west, north - south
    left, bottom = west + share * across, south + share * up
    return box(left, bottom, left + size * across, bottom + size * up)


@pytest.fixture
def label(ws: Workspace, scene: Scene) -> Label:
    """One landslide on the scene."""
    return actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=inside(scene, 0.4)),))).labels[0]
