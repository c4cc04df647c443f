"""What came before: how scores like this one were decided, and whether other predictions saw the same object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from icssn.records import Candidate, CandidateStatus

_LIKE = 0.1  # scores no further apart are alike
_FEWEST = 5  # decisions on like scores below which nothing is said
_SAME = 0.1  # intersection over union from which two outlines are called one object


@dataclass(frozen=True)
class Calibration:
    """Of `count` decided candidates with a like score, `right` were landslides."""

    right: int
    count: int


@dataclass(frozen=True)
class Sighting:
    """The same object in another prediction: its score, and intersection over union of both outlines."""

    score: float
    overlap: float
    status: CandidateStatus


def calibration(score: float, decided: Sequence[Candidate]) -> Calibration | None:
    """Count how candidates with a score within .1 were decided; None for fewer than five.

    Args:
        score: In [0, 1].
        decided: Accepted and rejected candidates.
    """
    like = [item for item in decided if abs(item.score - score) <= _LIKE]
    if len(like) < _FEWEST:
        return None
    return Calibration(right=sum(item.status is CandidateStatus.accepted for item in like), count=len(like))


def sighting(geometry: BaseGeometry, candidates: Sequence[Candidate]) -> Sighting | None:
    """Find the candidate that overlaps an outline most; None where none overlaps by a tenth.

    Args:
        geometry: In the same CRS as the candidates (longitude/latitude; a ratio of areas needs no metres).
        candidates: Of one prediction.
    """
    best = None
    for candidate in candidates:
        if not candidate.geometry_lonlat.intersects(geometry):
            continue
        shared = candidate.geometry_lonlat.intersection(geometry).area
        overlap = shared / (candidate.geometry_lonlat.area + geometry.area - shared)
        if overlap >= _SAME and (best is None or overlap > best.overlap):
            best = Sighting(score=candidate.score, overlap=overlap, status=candidate.status)
    return best
