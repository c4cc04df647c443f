"""How sure a prediction is of an outline: the envelope between the contours of probability .25 and .75."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

INNER, OUTER = 0.75, 0.25
"""Probabilities of the two contours; ground truth is expected between them as often as not."""

REACH_PX = 24
"""How far from a candidate its envelope is followed, px: farther out it belongs to a neighbour."""

_FULL, _NODATA = 254, 255  # of a probability raster: value / 254


@dataclass(frozen=True)
class Envelope:
    """How sure an outline is.

    Attributes:
        agreement: Area inside the inner contour ÷ area inside the outer one, in [0, 1]: the overlap that the outline
            is expected to reach at worst. 1 is a sharp edge.
        width_m: Mean distance between both contours.
        unknown: Share of the candidate's border that lies beside ground without data.
    """

    agreement: float
    width_m: float
    unknown: float = 0.0


def envelope(
    values: npt.NDArray[np.uint8], inside: npt.NDArray[np.bool_], *, pixel_m: float, reach_px: float = REACH_PX
) -> Envelope:
    """Measure the envelope of one candidate.

    Args:
        values: Probability raster (H, W) around the candidate with a margin of `REACH_PX`: value / 254, 255 nodata.
        inside: bool (H, W), the candidate's own pixels.
        pixel_m: Side of a pixel on the ground.
        reach_px: How far from the candidate its envelope is followed.

    Returns:
        Agreement 0 and width 0 where the candidate has no pixel here.
    """
    if not inside.any():
        return Envelope(agreement=0.0, width_m=0.0)
    known = values != _NODATA
    near = np.asarray(scipy.ndimage.distance_transform_edt(~inside)) <= reach_px
    outer = _touching((values >= np.ceil(OUTER * _FULL)) & known & near | inside, inside)
    inner = (values >= np.ceil(INNER * _FULL)) & known & outer
    length_px = _outline_px(inside)
    between = int(outer.sum()) - int(inner.sum())
    rim = np.asarray(scipy.ndimage.binary_dilation(inside)) & ~inside
    unknown = float((rim & ~known).sum() / rim.sum()) if rim.any() else 0.0
    return Envelope(float(inner.sum() / outer.sum()), between / length_px * pixel_m, unknown)


def _touching(mask: npt.NDArray[np.bool_], seed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Keep the connected parts of a mask that touch a seed."""
    parts, count = scipy.ndimage.label(mask)
    kept = np.zeros(count + 1, np.bool_)
    kept[np.unique(parts[seed])] = True
    kept[0] = False
    return np.asarray(kept[parts])


def _outline_px(mask: npt.NDArray[np.bool_]) -> float:
    """Give the length of a mask's outline, px.

    Source:
        Pixel sides overestimate a slanting line; their mean over all directions is 4 / π times its length.
    """
    framed = np.pad(mask, 1)
    sides = int((framed[1:] != framed[:-1]).sum()) + int((framed[:, 1:] != framed[:, :-1]).sum())
    return sides * np.pi / 4
