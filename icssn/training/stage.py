"""One stage of a round, step by step: take a batch, learn from it, judge now and then, write the state."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from icssn.errors import CancelledError
from icssn.nets.device import autocast
from icssn.nets.icssn import Icssn
from icssn.training import together
from icssn.training.calibrate import calibrate
from icssn.training.classify import classification_batch, classification_loss
from icssn.training.finding import judge_objects
from icssn.training.progress import Pace
from icssn.training.refit import refit_classifier
from icssn.training.segment import segmentation_batch, segmentation_loss
from icssn.training.sheets import put_together
from icssn.training.sitting import Look, Sitting
from icssn.training.smallest import smallest_object_px
from icssn.training.validate import ClassAnswers, ask_classes, ask_pixels, judge_classes, judge_pixels

STEPS_ON_A_CARD = 20  # about as many take as long as one on a processor; writing a state takes as long on both


def learn_stage(sitting: Sitting, *, pace: Pace, stop: Callable[[], bool]) -> dict[str, float]:
    """Run the stage at ``sitting.position`` to its end, from wherever in it the sitting stands.

    Afterwards the learner holds the weights of the stage that validation liked best. Those of a round's last stage are
    settled: the classifier's last layer fitted to the encoder as it is now, then both heads calibrated; then the
    smallest object worth keeping is chosen.

    Args:
        pace: Told of every step.
        stop: Asked before each step.

    Returns:
        What validation found of these weights.

    Raises:
        CancelledError: `stop` was true; the state is written.
        DiskFullError: The disk is full.
    """
    config, learner = sitting.config, sitting.learner
    settings = config.stage(sitting.position.stage)
    rate = config.later_round_rate ** (sitting.position.round - 1)
    learner.begin(
        _heads(sitting), settings=settings, rate=rate, encoder_rate=config.encoder_rate, contrast=config.contrast
    )
    if sitting.resumed is not None:
        learner.restore(sitting.resumed)
        sitting.resumed = None
    pace.tell(sitting.position, figures={}, always=True)
    ends_round = sitting.position.next_in(config.course) is None
    looks = {round(share * settings.steps) for share in config.looks}
    if ends_round and looks == {settings.steps}:
        looks = set()  # nothing to choose from; the round's end is judged anyway
    between_states = config.checkpoint_every_steps * (STEPS_ON_A_CARD if learner.device.type == "cuda" else 1)
    while sitting.position.step < settings.steps:
        if together.agreed(stop()):
            sitting.save()
            raise CancelledError("Training")
        step = sitting.position.step
        loss, parts = _loss(sitting)
        learner.learn(loss, step=step, ema_decay=config.ema_decay)
        sitting.position = replace(sitting.position, step=step + 1)
        looked = step + 1 in looks
        pace.tell(sitting.position, figures=_look(sitting) if looked else parts, always=looked)
        if (step + 1) % between_states == 0:
            sitting.save()
    if not ends_round:
        if sitting.best is None:  # a stage without steps
            _look(sitting)
        assert sitting.best is not None
        learner.end(sitting.best.weights)
        return sitting.best.figures
    learner.end(sitting.best.weights if sitting.best else learner.weights())
    weights, figures = together.by_leader(lambda: _settled(sitting))
    learner.end(weights)
    if sitting.best is None:
        sitting.journal.looks.append(_entry(sitting, figures))
        pace.tell(sitting.position, figures=figures, always=True)
    return figures


def _heads(sitting: Sitting) -> list[nn.Module]:
    """Give what learns beside the encoder."""
    model = sitting.learner.model
    match sitting.position.stage:
        case "classify":
            return [model.classifier]
        case "segment":
            return [model.segmenter, model.classifier.linear]
        case "joint":
            return [model.segmenter, model.classifier]


def _loss(sitting: Sitting) -> tuple[Tensor, dict[str, Tensor]]:
    """Make the batches of the step and judge the model on them; all chance comes from seed and position."""
    config, learner, stage, step = sitting.config, sitting.learner, sitting.position.stage, sitting.position.step
    order, chance = sitting.position.seeds(config.seed)
    torch.manual_seed(chance)  # dropout
    generator = torch.Generator(learner.device).manual_seed(chance)
    loss, parts = torch.zeros((), device=learner.device), dict[str, Tensor]()
    for task in ("classify", "segment") if stage == "joint" else (stage,):
        started_s = time.monotonic()
        batch = classification_batch if task == "classify" else segmentation_batch
        views = batch(sitting.chips, config=config, step=step, order=order, generator=generator)
        sitting.journal.data_seconds += time.monotonic() - started_s
        with autocast(learner.device):
            if task == "classify":
                one, of_it = classification_loss(learner, views, config=config)
            else:
                one, of_it = segmentation_loss(learner, views, config=config, step=step, generator=generator)
        loss, parts = loss + one, parts | of_it
    return loss, parts


def _look(sitting: Sitting) -> dict[str, float]:
    """Judge the averaged weights, keep them if they are the best of the stage so far; the later one wins a tie."""
    position, figures = sitting.position, together.by_leader(lambda: _figures(sitting))
    score = -figures["cls_loss"] if position.stage == "classify" else figures["val_f1"]
    sitting.journal.looks.append(_entry(sitting, figures))
    if sitting.best is None or score >= sitting.best.score:
        sitting.best = Look(score=score, figures=figures, weights=sitting.learner.weights())
    return figures


def _entry(sitting: Sitting, figures: dict[str, float]) -> dict[str, Any]:
    position = sitting.position
    return {"round": position.round, "stage": position.stage, "step": position.step, "figures": figures}


def _settled(sitting: Sitting) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Fit and calibrate the heads of the learner's model; gives its weights then, on the CPU, and its figures."""
    config, learner, chips = sitting.config, sitting.learner, sitting.chips
    size_px, fraction = config.chips.size_px, config.chips.min_landslide_fraction
    refit_classifier(
        learner.model, chips, size_px=size_px, min_fraction=fraction, seed=config.seed, device=learner.device
    )
    pixels = ask_pixels(learner.model, chips, device=learner.device)
    pixels, classes = calibrate(learner.model, pixels, _classes(sitting, learner.model))
    weights = {name: tensor.cpu() for name, tensor in learner.model.state_dict().items()}
    scores = pixels.scores()
    figures, sitting.counted = judge_pixels(pixels.truth, scores)
    judged = [chips.manifest.chips[int(index)] for index in chips.validation]
    sheets = put_together(pixels.truth, scores, judged)
    threshold = figures["val_threshold"]
    least_px = smallest_object_px(sheets, threshold=threshold)
    found = judge_objects(sheets, threshold=threshold, least_px=least_px)
    return weights, judge_classes(classes) | figures | {"val_min_object_px": float(least_px)} | found


def _figures(sitting: Sitting) -> dict[str, float]:
    """Judge the averaged weights in all that the stage learns."""
    model = sitting.learner.average
    figures = judge_classes(_classes(sitting, model))
    if sitting.position.stage != "classify":
        pixels = ask_pixels(model, sitting.chips, device=sitting.learner.device)
        found, sitting.counted = judge_pixels(pixels.truth, pixels.scores())
        figures |= found
    return figures


def _classes(sitting: Sitting, model: Icssn) -> ClassAnswers:
    cut = sitting.config.chips
    return ask_classes(
        model,
        sitting.chips,
        size_px=cut.size_px,
        min_fraction=cut.min_landslide_fraction,
        device=sitting.learner.device,
    )
