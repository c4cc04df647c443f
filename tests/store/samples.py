"""Small records for the tests of the store."""

from __future__ import annotations

from typing import Any

from shapely.geometry import Polygon, box

from icssn.records import (
    Candidate,
    Checkpoint,
    Edits,
    Label,
    NewLabel,
    Prediction,
    RasterFacts,
    Scene,
    Stretch,
    new_id,
)
from icssn.store import labels
from icssn.store.database import Database

FACTS = RasterFacts(
    width=640,
    height=480,
    band_count=3,
    dtype="float32",
    crs_wkt='PROJCS["…"]',
    crs_name="EPSG:32648 · WGS 84 / UTM zone 48N",
    transform=(1.0, 0.0, 500_000.0, 0.0, -1.0, 3_900_000.0),
    nodata=float("-inf"),
    bounds_lonlat=(105.0, 35.0, 105.01, 35.01),
    pixel_size_m=1.0,
    sha256="0" * 64,
    size_bytes=921_600,
    stretch=Stretch(bands=(1, 2, 3), low=(0.0, 0.0, 0.0), high=(255.0, 255.0, 255.0)),
)


def a_scene(**fields: Any) -> Scene:
    """Give a scene with a name of its own."""
    scene_id = new_id()
    return Scene(**({"id": scene_id, "name": scene_id, "original": "/data/a.tif", "facts": FACTS} | fields))


def square(column: float = 0, row: float = 0, *, side: float = 0.5) -> Polygon:
    """Give a square whose lower left corner is so many hundredths of a degree from 105° E 35° N."""
    return box(105 + column / 100, 35 + row / 100, 105 + (column + side) / 100, 35 + (row + side) / 100)


def drawn(db: Database, scene_id: str, count: int = 1, **fields: Any) -> list[Label]:
    """Save so many new labels, in a row from west to east, and give them."""
    created = tuple(NewLabel(geometry_lonlat=square(column), **fields) for column in range(count))
    return list(labels.save(db, scene_id, Edits(created=created), actor="ann").labels)


def a_checkpoint(**fields: Any) -> Checkpoint:
    """Give a checkpoint."""
    return Checkpoint(**({"id": new_id(), "run_id": "r", "round": 1, "sha256": "0" * 64} | fields))


def a_prediction(scene_id: str, **fields: Any) -> Prediction:
    """Give a prediction of a scene."""
    paths = {"probability": "p.tif", "mask": "m.tif"}
    return Prediction(**({"scene_id": scene_id, "checkpoint_id": "c", "threshold": 0.5} | paths | fields))


def a_candidate(prediction: Prediction, score: float = 0.9, **fields: Any) -> Candidate:
    """Give a candidate of a prediction."""
    whose = {"id": new_id(), "prediction_id": prediction.id, "scene_id": prediction.scene_id}
    scores = {"score": score, "mask_score": score, "classifier_score": score, "area_m2": 2500.0}
    return Candidate(**(whose | scores | {"geometry_lonlat": square()} | fields))
