"""What to do next for the model: ground worth labelling, and what more labels would bring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.warp import transform as carry
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from icssn.actions.permission import require
from icssn.geo import crs
from icssn.geo.shapes import rasterise
from icssn.imagery.open import open_raster
from icssn.records import (
    Edits,
    LabelClass,
    LabelStatus,
    NewLabel,
    Prediction,
    RasterFacts,
    Role,
    SavedEdits,
    Scene,
)
from icssn.review import areas, curve
from icssn.review.areas import Cells
from icssn.review.curve import Gain
from icssn.store import labels, predictions, runs, scenes
from icssn.store.workspace import Workspace

_SIDE_PX = 512  # of a proposed window: a few chips, labelled completely within minutes
_CELLS = 8  # per side of a window
_MOST_PX = 1024  # longer side of the image from which looks are taken


@dataclass(frozen=True)
class Suggestion:
    """Ground to label next, with the reasons as keys of the catalogue."""

    geometry_lonlat: BaseGeometry
    reasons: tuple[str, ...]


def suggest_areas(ws: Workspace, prediction_id: str, *, count: int = 3) -> list[Suggestion]:
    """Choose windows in which labels would teach the model most.

    Raises:
        NotFoundError: No such prediction.
        RasterRefusedError: A raster of the scene is gone or damaged.
    """
    prediction = predictions.get(ws.db, prediction_id)
    scene = scenes.get(ws.db, prediction.scene_id)
    cell_px = _SIDE_PX // _CELLS
    if min(scene.facts.width, scene.facts.height) < cell_px:
        return []
    cells = _cells(ws, scene, prediction, cell_px=cell_px)
    side = min(_CELLS, *cells.doubt.shape)
    return [
        Suggestion(_outline(scene.facts, window.col, window.row, window.side, cell_px), window.reasons)
        for window in areas.propose(cells, side=side, count=count)
    ]


def propose_area(ws: Workspace, scene_id: str, geometry_lonlat: BaseGeometry, *, nonce: str) -> SavedEdits:
    """Keep a suggested window as a proposed label area, which says nothing until it is accepted."""
    require(ws, Role.annotator, "propose a label area")
    area = NewLabel(geometry_lonlat=geometry_lonlat, cls=LabelClass.label_area, status=LabelStatus.proposed)
    return labels.save(ws.db, scene_id, Edits(nonce=nonce, created=(area,)), actor=ws.actor.name)


def expected_gain(ws: Workspace, *, more: int = 20) -> Gain | None:
    """Give what more labelled landslides may add to the score on held-out ground; None while it cannot be said."""
    points = [
        (
            sum(
                label.status is LabelStatus.accepted and label.cls is LabelClass.landslide
                for scene_id in run.scene_ids
                for label in labels.at_revision(ws.db, scene_id, run.revisions.get(scene_id, 0))
            ),
            float(run.summary["metrics"]["val_f1"]),
        )
        for run in runs.every(ws.db)
        if run.summary.get("metrics", {}).get("val_f1") is not None
    ]
    return curve.gain(points, more=more)


def _cells(ws: Workspace, scene: Scene, prediction: Prediction, *, cell_px: int) -> Cells:
    facts = scene.facts
    shape = max(1, facts.height // cell_px), max(1, facts.width // cell_px)
    doubt = np.zeros(shape)
    valid = np.zeros(shape, np.bool_)
    with open_raster(ws.path(prediction.probability)) as dataset:
        for row in range(shape[0]):  # a strip of cells at a time: memory does not grow with the scene
            strip = dataset.read(1, window=((row * cell_px, (row + 1) * cell_px), (0, shape[1] * cell_px)))
            known = strip != 255
            p = strip / 254
            parts = (strip.shape[0], shape[1], -1)
            doubt[row] = np.where(known, 4 * p * (1 - p), 0).reshape(parts).mean(axis=(0, 2))
            valid[row] = known.reshape(parts).mean(axis=(0, 2)) > 0.9
    to_crs = Affine(*facts.transform) * Affine.scale(cell_px)
    seen = rasterise(
        [
            crs.from_lonlat(label.geometry_lonlat, facts.crs_wkt)
            for label in labels.current(ws.db, scene.id, cls=LabelClass.label_area)
            if label.status is not LabelStatus.rejected
        ],
        transform=to_crs,
        width=shape[1],
        height=shape[0],
    )
    looks = _looks(ws.path(scene.tiles), facts, to_crs, shape) if scene.tiles else np.zeros((*shape, 1))
    return Cells(doubt=doubt, looks=looks, seen=seen > 0, valid=valid)


def _looks(tiles: Path, facts: RasterFacts, to_crs: Affine, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Give colour and roughness of the ground in each cell, standardised, from the map's copy of the image."""
    with open_raster(tiles) as dataset:
        step = max(1, math.ceil(max(dataset.width, dataset.height) / _MOST_PX))
        small = (dataset.count, dataset.height // step, dataset.width // step)
        image = dataset.read(out_shape=small, resampling=Resampling.average).astype(np.float64)
        cols, rows = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
        x, y = to_crs * (cols.ravel(), rows.ravel())
        east, north = carry(facts.crs_wkt, dataset.crs, x, y)
        at_col, at_row = ~dataset.transform * (np.array(east), np.array(north))
    size = max(3, image.shape[1] // (2 * shape[0]))
    smooth = np.array([scipy.ndimage.uniform_filter(band, size) for band in image])
    rough = np.sqrt(np.maximum(0, scipy.ndimage.uniform_filter(image[0] ** 2, size) - smooth[0] ** 2))
    at = (
        np.clip(at_row / step, 0, image.shape[1] - 1).astype(int),
        np.clip(at_col / step, 0, image.shape[2] - 1).astype(int),
    )
    values = np.stack([band[at] for band in (*smooth, rough)], axis=-1).reshape(*shape, -1)
    return np.asarray((values - values.mean(axis=(0, 1))) / (values.std(axis=(0, 1)) + 1e-9))


def _outline(facts: RasterFacts, col: int, row: int, side: int, cell_px: int) -> BaseGeometry:
    to_crs = Affine(*facts.transform) * Affine.scale(cell_px)
    corners = [(col, row), (col + side, row), (col + side, row + side), (col, row + side)]
    return crs.to_lonlat(Polygon([to_crs * corner for corner in corners]), facts.crs_wkt)
