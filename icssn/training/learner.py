"""Weights in motion: the model, its running average, the optimiser of the present stage and the rule for its rate."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from icssn.config import ContrastConfig, StageConfig
from icssn.contrast.queue import KeyQueue
from icssn.errors import ConfigError
from icssn.nets.device import autocast_dtype
from icssn.nets.encoder import freeze
from icssn.nets.graphs import recorded
from icssn.nets.icssn import Icssn
from icssn.nets.spread import add_gradients, over_all, processes, spread

RATE_WARMUP_SHARE = 0.05  # of a stage's steps in which the rate rises: a fresh Adam has no variances yet
MAX_GRADIENT_NORM = 5.0  # exceeded in the first steps of a run; later a twentieth of it is usual


class Learner:
    """One model that learns stage by stage; between stages it holds nothing but weights.

    Attributes:
        model: The weights that learn, on the device.
        average: Exponential average of the stage's weights and BatchNorm statistics; what is judged and handed on,
            and the momentum encoder of contrastive learning.
        objects: Past keys of objects, if OCL remembers any.
        cells: Past keys of boundary cells, if SOCL does.
        records: Whether what a stage computes is recorded, see `compute`.
    """

    def __init__(self, model: Icssn, *, device: torch.device, records: bool = True) -> None:
        self.device = device
        self.records = records and device.type == "cuda" and processes() == 1
        spread(model)
        self.model: Icssn = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.model).requires_grad_(False).eval()
        both = list(zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True))
        self._moving = [pair for pair in both if pair[0].is_floating_point()]
        self._counters = [pair for pair in both if not pair[0].is_floating_point()]  # BatchNorm's
        # Only half precision underflows; bfloat16 has the range of float32.
        self.scaler = torch.amp.GradScaler(device.type, enabled=autocast_dtype(device) == torch.float16)
        self.optimiser: torch.optim.Optimizer | None = None
        self.objects: KeyQueue | None = None
        self.cells: KeyQueue | None = None
        self._recorded: tuple[object, Callable[..., tuple[Tensor, ...]]] | None = None

    def begin(
        self,
        heads: list[nn.Module],
        *,
        settings: StageConfig,
        rate: float,
        encoder_rate: float,
        frozen_stages: int = 0,
        follower: nn.Module | None = None,
        contrast: ContrastConfig | None = None,
    ) -> None:
        """Begin a stage: the encoder and `heads` learn with a fresh optimiser, the rest of the model rests.

        Args:
            contrast: Says which keys are remembered; at the beginning of a stage there are none.
            rate: Factor of the stage's learning rate (of a later round).
            encoder_rate: Further factor, for the encoder; at 0 it rests, its BatchNorm statistics too.
            frozen_stages: So many of the encoder's first stages rest in any case, see `encoder.freeze`.
            follower: A head that learns from the others' features and that they do not feel: its gradient, often the
                larger one, is limited by itself.
        """
        self.settings = settings
        self._recorded = None
        self.objects = self.cells = None
        if contrast and contrast.ocl == "moco":
            self.objects = KeyQueue(contrast.ocl_queue, contrast.dimensions, device=self.device)
        if contrast and contrast.socl_queue:
            self.cells = KeyQueue(contrast.socl_queue, contrast.dimensions, device=self.device)
        self.average.load_state_dict(self.model.state_dict())
        self.model.requires_grad_(False).eval()
        groups: list[dict[str, Any]] = []
        self._limited: list[list[Tensor]] = [[], []]
        parts = ((self.model.encoder, rate * encoder_rate, 0), (nn.ModuleList(heads), rate, 0), (follower, rate, 1))
        for part, factor, crew in parts:
            if part is None or not factor:
                continue
            part.train().requires_grad_()
            if part is self.model.encoder:
                freeze(part, frozen_stages)
            weights = [weight for weight in part.parameters() if weight.requires_grad]
            self._limited[crew] += weights
            # Biases and BatchNorm are not decayed (He et al. 2019, arXiv:1812.01187, section 3.1).
            matrices = [weight for weight in weights if weight.ndim > 1]
            vectors = [weight for weight in weights if weight.ndim <= 1]
            groups.append({"params": matrices, "factor": factor, "weight_decay": settings.weight_decay})
            groups.append({"params": vectors, "factor": factor, "weight_decay": 0.0})
        self.optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate)

    def compute(self, what: Callable[..., tuple[Tensor, ...]], *batch: Tensor) -> tuple[Tensor, ...]:
        """Compute something of the model and of every row of a batch, to learn from it.

        On a graphics card what a stage asks for first is recorded, then replayed: a step of these small networks takes
        the card less time than starting its kernels one by one takes the processor. Recording anything else while the
        first is kept fails (torch 2.11), so it is computed plainly: a second loss of joint learning, wider views.

        Args:
            what: Called with the model and the batch; see `spread.over_all` and `graphs.recorded`.
            batch: (N, …) each.

        Raises:
            ConfigError: The card cannot record.
        """
        key = (what, *(part.shape for part in batch))
        if self._recorded is None and self.records:
            try:
                self._recorded = key, recorded(self.model, what, batch)
            except RuntimeError as err:
                needed = f"false where the graphics card cannot record what it computes ({err})"
                raise ConfigError("cuda_graphs", True, needed) from err
        if self._recorded is not None and self._recorded[0] == key:
            return self._recorded[1](*batch)
        return over_all(partial(what, self.model), *batch)

    def learn(self, loss: Tensor, *, step: int, ema_decay: float) -> None:
        """Take one optimiser step down the gradient of `loss`, then average.

        Args:
            step: Of the stage, from 0.
            ema_decay: Of the average at most; early steps of a stage forget faster.
        """
        if self.optimiser is None:
            raise RuntimeError("learn() was called outside a stage")
        for group in self.optimiser.param_groups:
            share = rate_at(step, steps=self.settings.steps)
            group["lr"] = self.settings.learning_rate * group["factor"] * share
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        add_gradients([weight for group in self.optimiser.param_groups for weight in group["params"]])
        self.scaler.unscale_(self.optimiser)
        for weights in self._limited:
            nn.utils.clip_grad_norm_(weights, MAX_GRADIENT_NORM)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._average(min(ema_decay, (1 + step) / (10 + step)))  # ramp of TensorFlow's ExponentialMovingAverage

    def end(self, weights: dict[str, Tensor]) -> None:
        """End the stage: go on from `weights`, forget the optimiser."""
        self.model.load_state_dict(weights)
        self.average.load_state_dict(weights)
        self.optimiser = None

    def weights(self) -> dict[str, Tensor]:
        """Copy the averaged weights to the CPU."""
        return {name: tensor.detach().to("cpu", copy=True) for name, tensor in self.average.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """Give all that is needed to go on exactly, in a stage or between two."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict() if self.optimiser else None,
            "scaler": self.scaler.state_dict(),
            "objects": self.objects.state() if self.objects else None,
            "cells": self.cells.state() if self.cells else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave; `begin` the stage first."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        if self.optimiser and state["optimiser"]:
            self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        for queue, found in ((self.objects, state["objects"]), (self.cells, state["cells"])):
            if queue and found:
                queue.restore(found)

    @torch.no_grad()
    def _average(self, decay: float) -> None:
        olds, news = zip(*self._moving, strict=True)
        torch._foreach_lerp_(olds, news, 1 - decay)
        olds, news = zip(*self._counters, strict=True)
        torch._foreach_copy_(olds, news)


def rate_at(step: int, *, steps: int) -> float:
    """Give the share of the peak rate at `step` of `steps`: a short linear rise, then half a cosine down to 0."""
    warmup = max(1, round(RATE_WARMUP_SHARE * steps))
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / max(steps, 1)))
