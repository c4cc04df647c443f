"""Where to label next: compact windows of ground that the model doubts, that look like nothing labelled so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_HIGH = 0.75  # quantile over all windows from which a share is called high
_SEEN = 0.5  # a window with more labelled ground than this is not proposed


@dataclass(frozen=True)
class Cells:
    """A scene in coarse cells.

    Attributes:
        doubt: (H, W), mean of 4 p (1 - p) over the pixels of a cell: 0 where all are sure, 1 where none is.
        looks: (H, W, F), what the ground looks like, each feature standardised.
        seen: bool (H, W), inside a label area.
        valid: bool (H, W), image data is there.
    """

    doubt: npt.NDArray[np.float64]
    looks: npt.NDArray[np.float64]
    seen: npt.NDArray[np.bool_]
    valid: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """One proposal: cells [row, row + side) × [col, col + side), with the reasons as keys of the catalogue."""

    row: int
    col: int
    side: int
    doubt: float
    reasons: tuple[str, ...]


def propose(cells: Cells, *, side: int, count: int) -> list[Window]:
    """Choose windows one after the other: doubtful × unlike what is labelled or already chosen × not yet labelled.

    Whole windows, not scattered places, since a label area must be labelled completely.

    Args:
        cells: The scene.
        side: Of a window, cells.
        count: How many at most.

    Returns:
        Windows that do not overlap, the most valuable first; fewer where the scene has no room for more.
    """
    places = _places(cells, side)
    if not places:
        return []
    doubt = np.array([float(_part(cells.doubt, place, side).mean()) for place in places])
    looks = np.array([_part(cells.looks, place, side).mean(axis=(0, 1)) for place in places])
    unseen = np.array([1 - float(_part(cells.seen, place, side).mean()) for place in places])
    known = cells.looks[cells.seen & cells.valid]
    reference = [known.mean(axis=0)] if len(known) else []
    chosen: list[Window] = []
    free = np.ones(len(places), np.bool_)
    for _ in range(count):
        strange = _distance(looks, reference)
        value = np.where(free, (doubt + 1e-6) * (0.25 + strange) * unseen, -1)
        best = int(value.argmax())
        if value[best] <= 0:
            break
        reasons = [
            name
            for name, values in (("doubtful", doubt), ("strange", strange))
            if values[best] >= np.quantile(values, _HIGH) and values[best] > 0
        ]
        row, col = places[best]
        chosen.append(Window(row, col, side, float(doubt[best]), (*reasons, "unseen")))
        reference.append(looks[best])
        free &= np.array([abs(r - row) >= side or abs(c - col) >= side for r, c in places])
    return chosen


def _places(cells: Cells, side: int) -> list[tuple[int, int]]:
    """Give the upper left corners of windows on a grid of half their side that are free and mostly valid."""
    height, width = cells.doubt.shape
    step = max(1, side // 2)
    return [
        (row, col)
        for row in range(0, height - side + 1, step)
        for col in range(0, width - side + 1, step)
        if _part(cells.valid, (row, col), side).mean() > 0.9 and _part(cells.seen, (row, col), side).mean() < _SEEN
    ]


def _part(values: npt.NDArray[np.generic], place: tuple[int, int], side: int) -> npt.NDArray[np.float64]:
    row, col = place
    return values[row : row + side, col : col + side].astype(np.float64)


def _distance(looks: npt.NDArray[np.float64], reference: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Give the distance of each window to the nearest reference, 0–1; 1 for all where there is none."""
    if not reference:
        return np.ones(len(looks))
    far = np.min([np.linalg.norm(looks - other, axis=1) for other in reference], axis=0)
    return np.asarray(far / max(float(far.max()), 1e-9))
