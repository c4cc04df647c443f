"""The evidence about one candidate: its terrain, how scores like its own turned out, what other predictions said."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import shapely
from rasterio.io import DatasetReader
from rasterio.windows import Window

from icssn.actions.whereabouts import heights_of
from icssn.geo import crs
from icssn.imagery.limits import georeference
from icssn.imagery.open import open_raster
from icssn.imagery.read import read_values
from icssn.records import Candidate, CandidateStatus, Prediction
from icssn.review import history, terrain
from icssn.review.history import Calibration, Sighting
from icssn.review.terrain import Ground, Relief
from icssn.store import predictions, scenes
from icssn.store.workspace import Workspace

_MARGIN = 0.6  # of a candidate's longer side, read around it for the profile
_MOST_PX = 400  # of an elevation window; a longer one is read coarser
_EARLIER = 5  # predictions looked back upon


def candidate_terrain(ws: Workspace, candidate_id: str) -> Relief | None:
    """Read the ground under a candidate; None where its scene has no elevation model, or that is gone.

    Raises:
        NotFoundError: No such candidate.
        RasterRefusedError: The elevation model cannot be read.
    """
    candidate = predictions.candidate(ws.db, candidate_id)
    scene = scenes.get(ws.db, candidate.scene_id)
    dem = heights_of(scene)
    return relief_under(dem, candidate.geometry_lonlat) if dem else None


def relief_under(dem: Path, geometry_lonlat: shapely.Geometry) -> Relief:
    """Measure an elevation raster under an outline, from a window of bounded size.

    Raises:
        RasterRefusedError: The raster cannot be read or has no place on the Earth.
    """
    with open_raster(dem) as dataset:
        wkt, _ = georeference(dataset, dem.name)
        to_px = ~dataset.transform
        outline_px = shapely.transform(
            crs.from_lonlat(geometry_lonlat, wkt), lambda x, y: to_px * (x, y), interleaved=False
        )
        west, north, east, south = outline_px.bounds
        margin = max(3.0, _MARGIN * max(east - west, south - north))
        left, top = math.floor(west - margin), math.floor(north - margin)
        window = Window(left, top, math.ceil(east + margin) - left, math.ceil(south + margin) - top)
        across_m, down_m = crs.pixel_axes_m(
            wkt, tuple(dataset.transform)[:6], col=(west + east) / 2, row=(north + south) / 2
        )
        step = max(1, math.ceil(max(window.width, window.height) / _MOST_PX))
        ground = Ground(_elevations(dataset, window)[::step, ::step], across_m * step, down_m * step)
        outline_m = shapely.transform(outline_px, lambda points: (points - [left, top]) * [across_m, down_m])
        return terrain.look(ground, outline_m)


def candidate_history(ws: Workspace, candidate_id: str) -> list[tuple[Prediction, Sighting | None]]:
    """Give what the other predictions of the scene said about a candidate's place, newest first.

    Those that looked at a part of the scene have no say where they did not look.
    """
    candidate = predictions.candidate(ws.db, candidate_id)
    others = [
        item
        for item in predictions.of_scene(ws.db, candidate.scene_id)
        if item.id != candidate.prediction_id
        and (item.bounds_lonlat is None or shapely.box(*item.bounds_lonlat).covers(candidate.geometry_lonlat))
    ]
    return [
        (other, history.sighting(candidate.geometry_lonlat, predictions.candidates(ws.db, other.id)))
        for other in others[:_EARLIER]
    ]


def score_calibration(ws: Workspace, candidate: Candidate) -> Calibration | None:
    """Give how candidates of a like score were decided on this scene; None where there are too few to say."""
    decided = [
        other
        for item in predictions.of_scene(ws.db, candidate.scene_id)
        for other in predictions.candidates(ws.db, item.id)
        if other.status in (CandidateStatus.accepted, CandidateStatus.rejected) and other.id != candidate.id
    ]
    return history.calibration(candidate.score, decided)


def _elevations(dataset: DatasetReader, window: Window) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    values, valid = read_values(dataset, window, (1,))
    return np.where(valid, values[0], np.nan).astype(np.float32)
