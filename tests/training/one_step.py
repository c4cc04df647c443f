"""One step of each stage: its loss, the gradients, and BatchNorm's statistics afterwards, into a file.

Under torchrun the processes share the batch; the first writes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from icssn.config import Stage, TrainConfig
from icssn.contrast.queue import KeyQueue
from icssn.nets.icssn import build
from icssn.nets.spread import add_gradients
from icssn.training import together
from icssn.training.dataset import ChipArrays, open_chips
from icssn.training.learner import Learner
from icssn.training.sitting import Journal, Sitting
from icssn.training.stage import _heads, _loss
from icssn.training.state import Position

CPU = torch.device("cpu")


def main(folder: Path, out: Path) -> None:
    """Take the steps of a run's folder."""
    chips = open_chips(folder / "chips")
    config = TrainConfig.model_validate_json((folder / "config.json").read_text())
    contrast = config.contrast.model_copy(update={"warmup_share": 0.0, "socl_queue": 16})
    found = {}
    with together.joined(CPU):
        for ocl in ("supcon", "pair", "simsiam", "moco"):
            one = config.model_copy(update={"contrast": contrast.model_copy(update={"ocl": ocl})})
            found[f"classify {ocl}"] = stepped(folder, chips, one, "classify")
        found["segment"] = stepped(folder, chips, config.model_copy(update={"contrast": contrast}), "segment")
        if together.leads():
            torch.save(found, out)


def stepped(folder: Path, chips: ChipArrays, config: TrainConfig, stage: Stage) -> dict[str, Any]:
    """Compute one step of a stage."""
    torch.manual_seed(0)
    learner = Learner(build(config), device=CPU)
    sitting = Sitting(folder, chips, config, learner, Journal(""), parent="", position=Position(stage=stage))
    learner.begin(_heads(sitting), settings=config.stage(stage), rate=1.0, encoder_rate=1.0, contrast=config.contrast)
    for queue in (learner.objects, learner.cells):
        if isinstance(queue, KeyQueue):
            keys = torch.nn.functional.normalize(torch.randn(8, config.contrast.dimensions), dim=1)
            queue.push(keys, torch.arange(8) % 2)
    loss, _ = _loss(sitting)
    loss.backward()
    weights = [weight for weight in learner.model.parameters() if weight.grad is not None]
    add_gradients(weights)
    buffers = [buffer.flatten() for name, buffer in learner.model.named_buffers() if "running" in name]
    return {
        "loss": loss.item(),
        "gradients": torch.cat([weight.grad.flatten() for weight in weights if weight.grad is not None]),
        "statistics": torch.cat(buffers),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
