"""One stage of a round, step by step: take a batch, learn from it, judge now and then, write the state."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from icssn.errors import CancelledError
from icssn.nets.device import autocast
from icssn.training import together
from icssn.training.classify import classification_batch, classification_loss
from icssn.training.progress import Pace, looks_in
from icssn.training.segment import segmentation_batch, segmentation_loss
from icssn.training.sitting import Sitting
from icssn.training.validate import ask_classes, ask_pixels, judge_classes, judge_pixels

STEPS_ON_A_CARD = 20  # about as many take as long as one on a processor; writing a state takes as long on both


def learn_stage(sitting: Sitting, *, pace: Pace, stop: Callable[[], bool]) -> None:
    """Run the stage at ``sitting.position`` to its end, from wherever in it the sitting stands.

    Afterwards the learner holds the averaged weights of the stage's last step. Held-out ground is asked on the way, to
    be shown; it chooses nothing (decision 24).

    Args:
        pace: Told of every step.
        stop: Asked before each step.

    Raises:
        CancelledError: `stop` was true; the state is written.
        DiskFullError: The disk is full.
    """
    config, learner = sitting.config, sitting.learner
    settings = config.stage(sitting.position.stage)
    rate = config.later_round_rate ** (sitting.position.round - 1)
    learner.begin(
        _heads(sitting),
        settings=settings,
        rate=rate,
        encoder_rate=config.encoder_rate,
        frozen_stages=config.frozen_stages if sitting.parent else 0,
        follower=learner.model.classifier.linear if sitting.position.stage == "segment" else None,
        contrast=config.contrast,
    )
    if sitting.resumed is not None:
        learner.restore(sitting.resumed)
        sitting.resumed = None
    pace.tell(sitting.position, figures={}, always=True)
    looks = looks_in(config, sitting.position.stage)
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
    learner.end(learner.weights())


def _heads(sitting: Sitting) -> list[nn.Module]:
    """Give what learns beside the encoder."""
    model = sitting.learner.model
    match sitting.position.stage:
        case "classify":
            return [model.classifier]
        case "segment":
            return [model.segmenter]
        case "joint":
            return [model.segmenter, model.classifier]


def _loss(sitting: Sitting) -> tuple[Tensor, dict[str, Tensor]]:
    """Make the batches of the step and judge the model on them; all chance comes from seed and position."""
    config, learner, stage, step = sitting.config, sitting.learner, sitting.position.stage, sitting.position.step
    if stage == "joint":
        config = config.model_copy(update={"classify": config.segment})
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
    """Judge the averaged weights in all that the stage learns."""
    figures = together.by_leader(lambda: _figures(sitting))
    sitting.looked(figures)
    return figures


def _figures(sitting: Sitting) -> dict[str, float]:
    model, device = sitting.learner.average, sitting.learner.device
    chips, cut = sitting.chips, sitting.config.chips
    classes = ask_classes(model, chips, size_px=cut.size_px, min_fraction=cut.min_landslide_fraction, device=device)
    figures = judge_classes(classes)
    if sitting.position.stage != "classify":
        pixels = ask_pixels(model, chips, device=device)
        figures |= judge_pixels(pixels)[0]
    return figures
