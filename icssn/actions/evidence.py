"""The evidence about one candidate: its terrain, how scores like its own turned out, what other predictions said."""

from __future__ import annotations

import math
from pathlib import Path

import shapely
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from icssn.actions.whereabouts import heights_of
from icssn.geo import crs
from icssn.imagery.limits import georeference
from icssn.imagery.open import open_raster
from icssn.imagery.terrain import read_elevation, terrain
from icssn.records import Candidate, CandidateStatus, Prediction
from icssn.review import history
from icssn.review.history import Calibration, Sighting
from icssn.review.terrain import Ground, Relief, look
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
    """Measure an elevation raster under an outline as its record does, and look at the ground around it.

    Of a large outline the ground is read in coarser pixels: what is held does not grow with it.

    Raises:
        RasterRefusedError: The raster cannot be read or has no place on the Earth.
    """
    (under,) = terrain(dem, [geometry_lonlat])
    with open_raster(dem) as dataset:
        wkt, _ = georeference(dataset, dem.name)
        outline = crs.from_lonlat(geometry_lonlat, wkt)
        elevation, to_crs = read_elevation(dataset, _around(dataset, outline), most_px=_MOST_PX)
    outline_px = _in_pixels(outline, to_crs)
    west, north, east, south = outline_px.bounds
    across_m, down_m = crs.pixel_axes_m(wkt, tuple(to_crs)[:6], col=(west + east) / 2, row=(north + south) / 2)
    outline_m = shapely.transform(outline_px, lambda points: points * [across_m, down_m])
    return look(Ground(elevation, across_m, down_m), outline_m, under)


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


def _around(dataset: DatasetReader, outline: shapely.Geometry) -> Window:
    """Give the window of an outline in the raster's CRS, with a margin; it may reach outside the raster."""
    west, north, east, south = _in_pixels(outline, dataset.transform).bounds
    margin = max(3.0, _MARGIN * max(east - west, south - north))
    left, top = math.floor(west - margin), math.floor(north - margin)
    return Window(left, top, math.ceil(east + margin) - left, math.ceil(south + margin) - top)


def _in_pixels(outline: shapely.Geometry, to_crs: Affine) -> shapely.Geometry:
    to_px = ~to_crs
    return shapely.transform(outline, lambda x, y: to_px * (x, y), interleaved=False)
