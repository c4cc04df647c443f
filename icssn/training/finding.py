"""How many held-out landslides are found: at the threshold of the map, and at one for searching."""

from __future__ import annotations

from collections.abc import Sequence

from icssn.training.sheets import Sheet, count_objects

FEWEST = 5  # landslides on held-out ground, below which no threshold is chosen by them
FALSE_PER_TRUE = 1.0  # that a search may bring
_STEP = 0.05  # between the thresholds that are tried


def judge_objects(sheets: Sequence[Sheet], *, threshold: float, least_px: int) -> dict[str, float]:
    """Count held-out landslides that are found (30 % covered), and objects that are none.

    The *search threshold* is the lowest one, in steps of .05 below that of the map, down to which there are no more
    false objects than landslides. It misses fewer landslides, with looser outlines (decision 19).

    Args:
        sheets: The held-out ground.
        threshold: Of the map, in (0, 1].
        least_px: Smaller objects are left out.

    Returns:
        ``val_landslides``, and of them ``val_found``, with ``val_false`` objects that are none;
        ``val_search_threshold`` and, there, ``val_search_found`` and ``val_search_false``. Nothing where no landslide
        is held out; no search threshold where fewer than `FEWEST` are, or where the map itself has more false objects
        than there are landslides.
    """
    there = count_objects(sheets, threshold=threshold, least_px=least_px)
    if not there.true:
        return {}
    figures: dict[str, float] = {"val_landslides": there.true, "val_found": there.found, "val_false": there.false}
    if there.true >= FEWEST and there.false <= FALSE_PER_TRUE * there.true:
        at, lower = threshold, round(threshold - _STEP, 6)
        while lower > 0:
            tried = count_objects(sheets, threshold=lower, least_px=least_px)
            if tried.false > FALSE_PER_TRUE * tried.true:
                break
            at, there, lower = lower, tried, round(lower - _STEP, 6)
        figures |= {"val_search_threshold": at, "val_search_found": there.found, "val_search_false": there.false}
    return {name: float(value) for name, value in figures.items()}
