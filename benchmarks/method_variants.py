"""The method, its controls, and the method with one setting changed, as settings of a training."""

from __future__ import annotations

from typing import Any

from icssn.config import TrainConfig

OPTIONS: dict[str, dict[str, Any]] = {
    "no fading": {"fade_share": 0.0},
    "no spots": {"point_weight": 0.0},
    "dice": {"dice_weight": 0.5},
    "paste": {"paste_share": 0.5},
    "wide": {"wide_share": 0.3},
    "no averaging": {"ema_decay": 0.0},
    "slow encoder": {"encoder_rate": 0.3},
    "output stride 8": {"encoder.output_stride": 8},
    "output stride 16": {"encoder.output_stride": 16},
    "tap 8": {"contrast.tap_stride": 8},
    "tap 4": {"contrast.tap_stride": 4},
    "socl queue": {"contrast.socl_queue": 4096},
    "socl .3": {"contrast.socl_weight": 0.3},
    "random anchors": {"contrast.anchors": "random"},
    "moco": {"contrast.ocl": "moco"},
    "simsiam": {"contrast.ocl": "simsiam"},
    "pair": {"contrast.ocl": "pair"},
}
"""The full method with one setting changed, for each setting whose default the data must decide."""


def variants(config: TrainConfig) -> dict[str, TrainConfig]:
    """Give every variant with the optimiser steps of the full method; a joint step takes two batches and counts twice.

    ``matched`` is the baseline: segmentation alone. ``trivial``, which learns nothing, stands beside every row.
    """
    rounds_, classify, segment = config.rounds, config.classify.steps, config.segment.steps
    every = rounds_ * (classify + segment)

    def of(*, ocl: bool = False, socl: bool = False, **changes: Any) -> TrainConfig:
        off = {} if ocl else {"ocl_weight": 0.0}
        off |= {} if socl else {"socl_weight": 0.0}
        given = {"contrast": config.contrast.model_copy(update=off), **changes}
        return config.model_copy(update=given)

    def steps(*, classify_steps: int, segment_steps: int) -> dict[str, Any]:
        return {
            "classify": config.classify.model_copy(update={"steps": classify_steps}),
            "segment": config.segment.model_copy(update={"steps": segment_steps}),
        }

    alone: dict[str, Any] = {"course": ("segment",), **steps(classify_steps=0, segment_steps=every), "rounds": 1}
    once = {**steps(classify_steps=rounds_ * classify, segment_steps=rounds_ * segment), "rounds": 1}
    restarts = {"course": ("segment",), **steps(classify_steps=0, segment_steps=classify + segment)}
    joint: dict[str, Any] = {"course": ("joint",), **steps(classify_steps=0, segment_steps=every // 2), "rounds": 1}
    return {
        "full": of(ocl=True, socl=True),
        "matched": of(**alone),
        "matched+socl": of(socl=True, **alone),
        "restarts": of(**restarts),
        "one-way": of(ocl=True, socl=True, **once),
        "joint": of(ocl=True, socl=True, **joint),
        "no contrast": of(),
        "+ocl": of(ocl=True),
        "+socl": of(socl=True),
    }
