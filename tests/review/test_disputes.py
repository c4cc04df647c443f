"""Disputes: a label the model does not see, ground it sees a landslide on, and nothing where both agree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rasterio.transform import Affine
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from icssn.geo import shapes
from icssn.review.disputes import doubted_ground, doubted_labels

SIDE = 200
SEEN, UNSEEN = box(10, 10, 40, 40), box(60, 10, 90, 40)
LEFT_OUT, FAINT, SMALL = box(10, 100, 40, 130), box(60, 100, 90, 130), box(110, 100, 117, 107)
SPILLS = box(40, 10, 55, 40)  # beside the label that is seen


def drawn(*outlines: BaseGeometry) -> npt.NDArray[np.uint8]:
    return shapes.rasterise(outlines, transform=Affine.identity(), width=SIDE, height=SIDE)


def judged(**probabilities: tuple[BaseGeometry, float]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Probability of .04 everywhere but where it is given, and the mask at .4."""
    stored = np.full((SIDE, SIDE), 10, np.uint8)
    for outline, probability in probabilities.values():
        stored[drawn(outline) == 1] = round(probability * 254)
    return stored, stored >= round(0.4 * 254)


def test_a_label_of_which_the_model_finds_nothing_is_doubted() -> None:
    stored, mask = judged(seen=(SEEN, 0.9))
    (doubt,) = doubted_labels({"seen": SEEN, "unseen": UNSEEN}, stored, mask)
    assert (doubt.uid, doubt.found) == ("unseen", 0)
    assert abs(doubt.probability - 10 / 254) < 1e-9


def test_the_least_probable_label_comes_first() -> None:
    stored, mask = judged(doubtful=(UNSEEN, 0.3))
    assert [doubt.uid for doubt in doubted_labels({"a": UNSEEN, "b": SEEN}, stored, mask)] == ["b", "a"]


def test_a_label_that_was_hardly_judged_is_left_alone() -> None:
    stored, mask = judged()
    stored[:, 70:] = 255  # a third of it is known
    mask[:, 70:] = False
    assert doubted_labels({"unseen": UNSEEN, "gone": box(300, 300, 320, 320)}, stored, mask) == []
    stored[:, 70:80] = 10  # two thirds
    assert len(doubted_labels({"unseen": UNSEEN}, stored, mask)) == 1


def test_ground_where_the_model_is_sure_is_doubted_the_surest_first() -> None:
    stored, mask = judged(a=(LEFT_OUT, 0.7), b=(FAINT, 0.45), c=(SMALL, 0.9), d=(UNSEEN, 0.95))
    found = doubted_ground(drawn(SEEN), stored, mask)
    assert [round(doubt.probability, 2) for doubt in found] == [0.95, 0.7]  # neither the faint nor the small one
    assert found[1].outline_px.equals(LEFT_OUT)


def test_ground_that_touches_a_label_is_a_matter_of_its_outline() -> None:
    stored, mask = judged(spills=(SPILLS, 0.9))
    assert doubted_ground(drawn(SEEN), stored, mask) == []
    assert len(doubted_ground(drawn(UNSEEN), stored, mask)) == 1


def test_nothing_is_doubted_where_the_labels_say_nothing() -> None:
    stored, mask = judged(a=(LEFT_OUT, 0.9))
    truth = drawn(SEEN)
    truth[90:] = 255
    assert doubted_ground(truth, stored, mask) == []
