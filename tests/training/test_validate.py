"""Figures on held-out chips."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from icssn.chips.cut import MANIFEST, MASKS
from icssn.config import TrainConfig
from icssn.metrics.intervals import standard_error
from icssn.metrics.pixels import Confusion, best_threshold, confusion, exceeds
from icssn.nets.icssn import Icssn, build
from icssn.training.dataset import ChipArrays, open_chips
from icssn.training.validate import (
    ClassAnswers,
    PixelAnswers,
    ask_classes,
    ask_pixels,
    choose_threshold,
    judge_classes,
    judge_pixels,
    middle_threshold,
)
from tests.training.conftest import WriteChips

CPU = torch.device("cpu")
KEYS = {"val_f1", "val_iou", "val_precision", "val_recall", "val_f1_half", "val_ap", "val_threshold"}


@pytest.fixture
def model(tiny_config: TrainConfig) -> Icssn:
    """A net with random weights."""
    return build(tiny_config)


def _classes(model: Icssn, chips: ChipArrays) -> dict[str, float]:
    return judge_classes(ask_classes(model, chips, size_px=64, min_fraction=0.01, device=CPU))


def _pixels(model: Icssn, chips: ChipArrays) -> tuple[dict[str, float], list[Confusion]]:
    answers = ask_pixels(model, chips, device=CPU)
    return judge_pixels(answers)


def test_every_validation_chip_is_judged_and_no_other(write_chips: WriteChips, model: Icssn) -> None:
    chips = open_chips(write_chips(validation=(7, 3)))  # more than one batch
    pixels = ask_pixels(model, chips, device=CPU)
    assert pixels.truth.shape == pixels.scores().shape == (10, 80, 80)
    assert (pixels.truth == chips.masks[-10:]).all()
    classes = ask_classes(model, chips, size_px=64, min_fraction=0.01, device=CPU)
    assert classes.truth.tolist() == [True] * 7 + [False] * 3
    assert len(set(classes.logits.tolist())) == 10


def test_a_landslide_is_judged_by_its_own_cells(write_chips: WriteChips, model: Icssn) -> None:
    folder = write_chips(validation=(2, 1))
    masks = np.load(folder / MASKS)
    masks[-3:] = 0
    masks[-3:-1, 8:24, 8:24] = 1  # in one of the four cells of the middle
    np.save(folder / MASKS, masks)
    chips = open_chips(folder)
    answers = ask_classes(model, chips, size_px=64, min_fraction=0.01, device=CPU)
    assert answers.truth.tolist() == [True, True, False]
    images = torch.from_numpy(np.array(chips.images[chips.validation]))[:, :, 8:72, 8:72]
    with torch.no_grad():
        cells = model.eval().map(images.float())[1]
    asked = torch.stack([cells[0, 0, 0], cells[1, 0, 0], cells[2].mean()])
    np.testing.assert_allclose(answers.logits, asked.numpy(), rtol=1e-4, atol=1e-4)


def test_answers_are_those_of_the_net_for_each_chip(write_chips: WriteChips, model: Icssn) -> None:
    chips = open_chips(write_chips(validation=(7, 3)))
    answers = ask_pixels(model, chips, device=CPU)
    for place in (0, 9):
        image = torch.from_numpy(np.array(chips.images[chips.validation[place]]))
        with torch.no_grad():
            logits = model.eval().segment(image[None].float())[0][0]
        np.testing.assert_allclose(answers.logits[place], logits.numpy(), rtol=2e-3, atol=2e-3)
        assert np.abs(answers.scores()[place] - 254 * logits.sigmoid().numpy()).max() < 1


def test_figures_agree_with_each_other(write_chips: WriteChips, model: Icssn) -> None:
    figures, each = _pixels(model, open_chips(write_chips()))
    assert len(each) == 4
    assert sum(each, start=Confusion()).f1 == pytest.approx(figures["val_f1"])
    assert set(figures) == KEYS  # no interval from four chips
    precision, recall, iou = figures["val_precision"], figures["val_recall"], figures["val_iou"]
    assert figures["val_f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert figures["val_f1"] == pytest.approx(2 * iou / (1 + iou))


def test_enough_chips_bring_an_interval(write_chips: WriteChips, model: Icssn) -> None:
    figures, each = _pixels(model, open_chips(write_chips(validation=(4, 3))))
    assert len(each) == 7
    assert set(figures) == KEYS | {"val_f1_low", "val_f1_high"}
    assert figures["val_f1_low"] <= figures["val_f1"] <= figures["val_f1_high"]
    assert figures["val_f1_low"] < figures["val_f1_high"]


def _one_each(truth: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number landslides where each chip shows its own."""
    return np.repeat(np.arange(len(truth)), (truth == 1).sum((1, 2)))


def _chips_with_scores(count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give chips whose probabilities are too high; in every fourth some ground looks like the landslide."""
    chance = np.random.default_rng(5)
    truth = np.zeros((count, 40, 40), np.uint8)
    truth[:, 10:30, 10:30] = 1
    scores = chance.normal(120, 20, truth.shape) + 70 * truth
    scores[::4, :6] += 60
    return truth, scores.clip(0, 254).astype(np.uint8)


def test_few_chips_choose_the_middle_of_what_they_cannot_tell_apart_and_are_drawn_towards_half_of_their_f1() -> None:
    truth, scores = _chips_with_scores(4)
    f1_at = [confusion(truth, exceeds(scores, cut / 254)).f1 for cut in range(1, 255)]
    best = exceeds(scores, (1 + int(np.argmax(f1_at))) / 254)
    doubt = standard_error([confusion(*pair) for pair in zip(truth, best, strict=True)])
    good = [cut / 254 for cut, f1 in enumerate(f1_at, start=1) if f1 >= max(f1_at) - doubt]
    assert len(good) > 10
    half_and_half = (np.median(good) + max(f1_at) / 2) / 2  # four landslides weigh as much as what is known before
    assert choose_threshold(truth, scores) == pytest.approx(half_and_half, abs=0.006)


def test_many_chips_choose_the_best_threshold() -> None:
    few, many = _chips_with_scores(4), _chips_with_scores(800)
    assert abs(choose_threshold(*many) - best_threshold(*many)[0]) < 0.02
    assert abs(choose_threshold(*few) - best_threshold(*few)[0]) > 0.05


def test_an_undecided_classifier_loses_one_bit(write_chips: WriteChips, model: Icssn) -> None:
    torch.nn.init.zeros_(model.classifier.linear.weight)
    torch.nn.init.zeros_(model.classifier.linear.bias)
    figures = _classes(model, open_chips(write_chips(validation=(3, 1))))
    assert figures["cls_loss"] == pytest.approx(math.log(2))
    torch.nn.init.constant_(model.classifier.linear.bias, 9)
    figures = _classes(model, open_chips(write_chips(validation=(3, 1), name="again")))
    assert figures["cls_accuracy"] == 0.75
    assert figures["cls_f1"] == pytest.approx(6 / 7)
    assert [figures[f"cls_{name}"] for name in ("tp", "fp", "fn", "tn", "prevalence")] == [3, 1, 0, 0, 0.75]


def test_without_validation_chips_nothing_is_claimed(write_chips: WriteChips, model: Icssn) -> None:
    chips = open_chips(write_chips(validation=(0, 0)))
    pixels, _ = _pixels(model, chips)
    assert pixels["val_f1"] == pixels["val_ap"] == 0
    assert pixels["val_threshold"] == 0.5
    assert not any(_classes(model, chips).values())
    assert np.isfinite(list(pixels.values())).all()


def test_a_chip_counts_for_all_the_squares_that_it_stands_for() -> None:
    truth, scores = _chips_with_scores(6)
    truth[4:], scores[4:] = 0, scores[4:] // 2 + 60  # two squares without a landslide
    logits = np.log((scores + 0.5) / (254.5 - scores)).astype(np.float16)
    sampled = PixelAnswers(truth, logits, np.array([1.0] * 5 + [9.0]), landslides=_one_each(truth))
    several = [*range(5), *[5] * 9]
    every = PixelAnswers(truth[several], logits[several], np.ones(14), landslides=_one_each(truth[several]))
    (weighed, each), (counted, _) = judge_pixels(sampled), judge_pixels(every)
    for name in ("val_ap", "val_f1_half"):
        assert weighed[name] == pytest.approx(counted[name])
    at = weighed["val_threshold"]
    assert weighed["val_f1"] == pytest.approx(confusion(every.truth, exceeds(every.scores(), at)).f1)
    plain, _ = judge_pixels(PixelAnswers(truth, logits, np.ones(6), landslides=_one_each(truth)))
    assert weighed["val_precision"] < plain["val_precision"] - 0.01
    assert [one.total for one in each] == [1600] * 6, "what is kept of each chip is what was counted on it"


@pytest.mark.parametrize("weight", [1.0, 5.0])
def test_an_object_counts_for_all_the_squares_that_its_chip_stands_for(weight: float) -> None:
    chance = np.random.default_rng(4)
    truth = np.repeat([True, False], [20, 40])
    logits = np.where(truth, 2, -1.5) + chance.normal(0, 1.6, 60).astype(np.float32)
    sampled = judge_classes(ClassAnswers(truth, logits, np.where(truth, 1, weight)))
    several = np.repeat(np.arange(60), np.where(truth, 1, int(weight)))
    every = judge_classes(ClassAnswers(truth[several], logits[several], np.ones(len(several))))
    assert sampled == pytest.approx(every, rel=1e-6)
    assert sampled["cls_prevalence"] == pytest.approx(20 / (20 + 40 * weight))


def test_objects_that_stand_for_broken_numbers_of_squares_stand_for_all_of_them_together() -> None:
    logits = np.where(np.arange(420) < 30, 1, -1).astype(np.float32)  # ten of them false
    answers = ClassAnswers(np.arange(420) < 20, logits, np.repeat([1, 560 / 400], [20, 400]))
    figures = judge_classes(answers)
    assert [figures[name] for name in ("cls_tp", "cls_fp", "cls_fn", "cls_tn")] == [20, 14, 0, 546]


def test_each_object_that_is_asked_for_has_what_its_own_chip_stands_for(write_chips: WriteChips, model: Icssn) -> None:
    folder = write_chips(validation=(2, 9))  # more than one batch
    masks = np.load(folder / MASKS)
    masks[-9] = 255
    masks[-2] = 255
    np.save(folder / MASKS, masks)
    manifest = json.loads((folder / MANIFEST).read_text())
    for number, chip in enumerate(manifest["chips"][-9:]):
        chip["stands_for"] = 2.5 + number
    (folder / MANIFEST).write_text(json.dumps(manifest))
    answers = ask_classes(model, open_chips(folder), size_px=64, min_fraction=0.01, device=CPU)
    assert answers.truth.tolist() == [True] * 2 + [False] * 7
    assert answers.stands_for.tolist() == [1, 1, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 10.5]


def test_a_landslide_on_many_chips_chooses_no_threshold_as_if_it_were_many() -> None:
    truth, scores = _chips_with_scores(80)
    on_twenty_each = _one_each(truth) // 20
    four = choose_threshold(truth, scores, landslides=on_twenty_each)
    half_f1 = best_threshold(truth, scores)[1] / 2
    middle = middle_threshold(truth, scores, landslides=on_twenty_each)
    assert four == pytest.approx((middle + half_f1) / 2, abs=0.006)
    assert abs(choose_threshold(truth, scores) - middle_threshold(truth, scores)) < abs(four - middle) / 4


def test_the_parts_of_a_landslide_are_no_independent_evidence() -> None:
    chance = np.random.default_rng(11)
    truth, scores = np.zeros((36, 40, 40), np.uint8), np.zeros((36, 40, 40), np.uint8)
    truth[:, 10:30, 10:30] = 1
    for number, found in enumerate((0.9, 0.2, 0.8, 0.5)):  # four landslides on nine chips each
        scores[9 * number : 9 * number + 9] = 200 * (chance.random((9, 40, 40)) < found) * truth[:9]
    logits = np.log((scores + 0.5) / (254.5 - scores)).astype(np.float16)
    wide, each = judge_pixels(PixelAnswers(truth, logits, np.ones(36), landslides=_one_each(truth) // 9))
    narrow, _ = judge_pixels(PixelAnswers(truth, logits, np.ones(36), landslides=_one_each(truth)))
    assert wide["val_f1"] == narrow["val_f1"]
    assert [one.tp + one.fn > 0 for one in each] == [number % 9 == 0 for number in range(36)]
    assert wide["val_f1_high"] - wide["val_f1_low"] > 2 * (narrow["val_f1_high"] - narrow["val_f1_low"])
    assert sum(each, start=Confusion()) == confusion(truth, exceeds(scores, wide["val_threshold"]))


def test_a_middle_of_which_the_labels_do_not_say_what_it_shows_is_not_asked_for(
    write_chips: WriteChips, model: Icssn
) -> None:
    folder = write_chips(validation=(5, 3))
    masks = np.load(folder / MASKS)
    masks[-8:] = 0
    masks[-8, 20:40, 20:40] = 255  # chosen for a landslide that lies where the image has no data
    masks[-7, 20:40, 20:40] = 1  # a landslide
    masks[-6, 8:10, 8:18] = 1  # a sliver: 20 of 4,096 px
    masks[-5:-3] = 255
    masks[-5, 20:40, 20:40] = 1  # a landslide on ground of which else nothing is known
    masks[-2, :, :44] = 255  # known to less than a half
    np.save(folder / MASKS, masks)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["chips"][-4]["kind"] = "landslide_point"  # its spot is blanked: what its ground is, nobody said
    manifest["chips"][-1]["kind"] = "unknown"  # a proposed landslide may lie there
    (folder / MANIFEST).write_text(json.dumps(manifest))
    answers = ask_classes(model, open_chips(folder), size_px=64, min_fraction=0.01, device=CPU)
    assert answers.truth.tolist() == [True, True, False]
