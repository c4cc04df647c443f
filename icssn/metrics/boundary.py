"""Boundary figures: how much of each outline lies near the other, and how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree


def outline(mask: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mark the pixels of a mask that have a known pixel outside the mask beside them (connectivity 4).

    The border of the image and of what is known is no outline.

    Args:
        mask: bool (H, W).
        known: bool (H, W); nothing outside is marked.
    """
    outside = np.pad(~mask & known, 1)
    beside = outside[:-2, 1:-1] | outside[2:, 1:-1] | outside[1:-1, :-2] | outside[1:-1, 2:]
    return np.asarray(mask & known & beside)


def distances(
    truth: npt.NDArray[np.uint8], predicted: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Measure from every outline pixel to the nearest one of the other outline, px.

    Args:
        truth: uint8 (H, W), 0 / 1 / 255; outlines on or against 255 are not judged.
        predicted: bool (H, W).

    Returns:
        From the predicted outline's pixels, and from the true one's; infinite where the other is empty.
    """
    known = truth != 255
    true_outline, predicted_outline = outline(truth == 1, known), outline(predicted, known)
    return _to_nearest(predicted_outline, true_outline), _to_nearest(true_outline, predicted_outline)


def f1_of_distances(
    from_predicted: npt.NDArray[np.float64],
    from_truth: npt.NDArray[np.float64],
    *,
    tolerances_px: Sequence[float],
) -> list[float]:
    """Give the harmonic mean of the shares of each outline that lie within a distance of the other.

    Args:
        from_predicted, from_truth: As `distances` gives them.
        tolerances_px: Largest distances between pixel centres.

    Returns:
        One for each tolerance, in [0, 1]; 0 where either outline is empty.

    Source:
        Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?", boundary F1.
    """
    if not (from_predicted.size and from_truth.size):
        return [0.0 for _ in tolerances_px]
    shares = [((from_predicted <= t).mean(), (from_truth <= t).mean()) for t in tolerances_px]
    return [float(2 * p * r / (p + r)) if p + r else 0.0 for p, r in shares]


def _to_nearest(start: npt.NDArray[np.bool_], target: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    if not target.any():
        return np.full(int(start.sum()), np.inf)
    return np.asarray(KDTree(np.argwhere(target)).query(np.argwhere(start))[0])
