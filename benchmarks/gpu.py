"""What a graphics card gives: a whole training, a whole prediction, and how close both come to the card's own limits.

Trains with the default settings on a given training scene, predicts a large scene with the checkpoint, and compares
the answers with those of the processor in float32. The limits are measured in the same call: a large matrix product
and a large copy.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import inference
import numpy as np
import torch
from method_scenes import given_scenes
from numpy.typing import NDArray
from report import parser_of, tell
from torch.utils.flop_counter import FlopCounterMode

from icssn.chips.cut import cut
from icssn.config import QUICK, TrainConfig, train_config
from icssn.imagery.open import inspect
from icssn.inference.backend import Answers, TorchBackend
from icssn.nets.checkpoint import load_checkpoint
from icssn.nets.device import autocast, describe
from icssn.training import rounds

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
SIDE_PX, REPEATS = 8192, 5


def main() -> None:
    """Measure, print and write the figures; without a card say so."""
    parser = parser_of(__doc__, quick="few steps of training, a scene of 4096²")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with bijie_scenes")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("No graphics card that torch can use: nothing measured.")
        return
    if not options.data.is_dir():
        sys.exit(f"No imagery at {options.data}: give its folder with --data.")
    with tempfile.TemporaryDirectory() as folder:
        figures, rows = measure(options.data, Path(folder), quick=options.quick)
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    card = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    tell("gpu", options, figures, rows, machine=card)


def measure(data: Path, folder: Path, *, quick: bool) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Give the figures, and one row for each way of computing a forward."""
    figures = limits()
    config = train_config({"device": "cuda", **({"classify.steps": 10, "segment.steps": 30} if quick else {})})
    checkpoint, of_training = measure_training(data, folder, config)
    figures |= of_training
    model, _ = load_checkpoint(checkpoint)
    card = TorchBackend(model, torch.device("cuda"))
    figures |= inference.measure_faith(
        data / "bijie_scenes", checkpoint, card, load_checkpoint(checkpoint)[0], folder=folder, device="cuda"
    )
    of_forward, rows = measure_forward(checkpoint, card)
    figures |= of_forward
    side = SIDE_PX // 2 if quick else SIDE_PX
    scene = inference.mosaic(data / "bijie_scenes" / "test_scene.tif", folder / "large.tif", side)
    facts = inspect(scene)
    spent = [
        inference.clock(lambda: inference.predict(scene, facts, checkpoint, folder / f"large{turn}", device="cuda"))  # noqa: B023
        for turn in range(2)
    ]
    figures["mpx_per_s_gpu"] = side**2 / 1e6 / min(wall for wall, _ in spent)
    figures["share_of_pure_forward"] = figures["mpx_per_s_gpu"] / figures["forward_mpx_per_s"]
    return figures, [{"device": describe(torch.device("cuda"))}, *rows]


def limits() -> dict[str, float]:
    """Give the measured rate of a bfloat16 matrix product, TFLOP/s, and of a copy, TB/s of bytes read and written."""
    side = 8192
    one, other = (torch.randn(side, side, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    source = torch.randint(0, 255, (2**31,), device="cuda", dtype=torch.uint8)
    target = torch.empty_like(source)
    product_s, copy_s = seconds(lambda: one @ other), seconds(lambda: target.copy_(source))
    return {"matmul_tflop_per_s": 2 * side**3 / product_s / 1e12, "copy_tb_per_s": 2 * 2**31 / copy_s / 1e12}


def measure_training(data: Path, folder: Path, config: TrainConfig) -> tuple[Path, dict[str, float]]:
    """Train with the settings, then quickly once more from there; give the checkpoint and the seconds."""
    task = given_scenes(data, folder / "task", config.seed)
    chips = folder / "chips"
    cut([task.source], chips, config=config.chips, seed=config.seed)

    def train(name: str, settings: TrainConfig, parent: Path | None) -> tuple[Path, float, float]:
        begun_s = time.monotonic()
        result = rounds.train(
            folder / name,
            chips,
            config=settings,
            parent=parent,
            report=lambda _: None,
            on_round=lambda _: None,
            stop=lambda: False,
        )
        journal = json.loads((folder / name / "journal.json").read_text(encoding="utf-8"))
        return result.last.folder, time.monotonic() - begun_s, journal["data_seconds"] / journal["seconds"]

    checkpoint, whole_s, data_share = train("run", config, None)
    _, quick_s, _ = train("quick", train_config({**QUICK, "device": "cuda"}), checkpoint)
    steps = config.rounds * (config.classify.steps + config.segment.steps)
    figures = {"training_s": whole_s, "training_step_ms": whole_s / steps * 1e3, "data_time_share": data_share}
    return checkpoint, {**figures, "quick_training_s": quick_s, "peak_gpu_mb": torch.cuda.max_memory_allocated() / 1e6}


def measure_forward(checkpoint: Path, card: TorchBackend) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Give the rate of the forward as the application calls it, and of other ways of computing the same."""
    side = card.window_px
    window = np.random.default_rng(0).integers(0, 256, (1, 3, side, side), np.uint8)
    called_s = seconds(lambda: card.map(window))
    rows = [
        {"layout": layout, "dtype": dtype, "mpx_per_s": round(rate, 1)}
        for layout in ("channels_last", "contiguous_format")
        for dtype in ("autocast", "bfloat16", "float16", "float32")
        for rate in (forward_rate(checkpoint, window, layout, dtype),)
    ]
    model, _ = load_checkpoint(checkpoint)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        Answers(model.cuda())(torch.from_numpy(window[:, :, :512, :512]).cuda())
    tflop_per_mpx = counter.get_total_flops() / 1e12 / (512**2 / 1e6)
    figures = {"forward_mpx_per_s": side**2 / 1e6 / called_s, "gflop_per_mpx": tflop_per_mpx * 1e3}
    return figures, rows


def forward_rate(checkpoint: Path, window: NDArray[np.uint8], layout: str, dtype: str) -> float:
    """Give Mpx/s of the network alone, its input and answers on the card."""
    model, _ = load_checkpoint(checkpoint)
    model.cuda().to(memory_format=getattr(torch, layout))  # type: ignore[call-overload]
    answers = Answers(model)
    batch = torch.from_numpy(window).cuda().contiguous(memory_format=getattr(torch, layout))
    if dtype not in ("autocast", "float32"):
        model.to(getattr(torch, dtype))

    def forward() -> object:
        if dtype == "autocast":
            with autocast(torch.device("cuda")):
                return answers(batch)
        return answers(batch)

    try:
        with torch.inference_mode():
            return window.shape[2] ** 2 / 1e6 / seconds(forward)
    except RuntimeError as err:
        print(layout, dtype, str(err)[:200])
        return float("nan")


def seconds(work: Callable[[], object], *, times: int = REPEATS) -> float:
    """Give the median time of some work on the card, after two turns to warm up."""
    spent: list[float] = []
    for turn in range(times + 2):
        torch.cuda.synchronize()
        begun_s = time.perf_counter()
        work()
        torch.cuda.synchronize()
        if turn > 1:
            spent.append(time.perf_counter() - begun_s)
    return statistics.median(spent)


if __name__ == "__main__":
    main()
