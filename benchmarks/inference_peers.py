"""Other libraries' tiled inference beside ours: the same network and raster, in turns within one run.

geoai and torchgeo live in an environment of their own (`make bench-peers`). A process there, which runs `serve`, is
told which loop to run on which raster; it loads everything before its clock starts. The network goes there as
TorchScript, so that nothing of ours runs in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

ROOT = Path(__file__).resolve().parents[1]
WINDOW_PX, BATCH = 512, 4
LOOPS = {
    "geoai_default": ("geoai", 256),
    "geoai_no_overlap": ("geoai", 0),
    "torchgeo_grid": ("torchgeo", 256),
    "torchgeo_grid_no_overlap": ("torchgeo", 0),
}
"""Name → library, and overlap of its windows of 512 px; 256 px and batches of four are geoai's defaults."""

Clock = Callable[[Callable[[], object]], tuple[float, float]]


def measure(
    python: Path,
    checkpoint: Path,
    part: Path,
    ours: Callable[[str], object],
    *,
    our_mpx: float,
    precisions: dict[str, str],
    clock: Clock,
    turns: int,
    folder: Path,
) -> tuple[dict[str, float], dict[str, NDArray[np.uint8]]]:
    """Let our predictions and the peers' loops take turns.

    Args:
        python: Of the environment with the peers.
        checkpoint: Folder of the network that all apply.
        part: The raster for the peers, which are too slow for a whole scene.
        ours: Predicts our scene with the backend named.
        our_mpx: Size of that scene.
        precisions: Backends of ours to measure, with their arithmetic.
        clock: Gives wall and processor time of some work, s.
        turns: Of which the medians are taken.
        folder: For files.

    Returns:
        Megapixels a second of each peer and the ratio of ours to it, by wall time and by processor time; and the mask
        that each loop wrote.
    """
    network = export(checkpoint, folder / "network.pt")
    with rasterio.open(part) as dataset:
        part_mpx = dataset.width * dataset.height / 1e6
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in (*LOOPS, *precisions)}
    masks = {name: folder / f"{name}.tif" for name in LOOPS}
    with peer(python, network) as ask:
        for _ in range(turns):
            for name in precisions:
                spent[name].append(clock(lambda: ours(name)))  # noqa: B023
            for name, mask in masks.items():
                spent[name].append(ask(name, part, mask))
    figures: dict[str, float] = {}
    for number, kind in enumerate(("", "_processor")):
        speed = {
            name: (part_mpx if name in LOOPS else our_mpx) / statistics.median(turn[number] for turn in turns_spent)
            for name, turns_spent in spent.items()
        }
        for name in LOOPS:
            figures[f"mpx_per_s_{name}{kind}"] = speed[name]
            figures[f"ratio_vs_{name}{kind}"] = speed["auto"] / speed[name]
            same = [speed[backend] for backend, precision in precisions.items() if precision == "float32"]
            if same:
                figures[f"ratio_vs_{name}_same_precision{kind}"] = max(same) / speed[name]
            if "torch" in precisions:
                figures[f"ratio_vs_{name}_torch{kind}"] = speed["torch"] / speed[name]
    return figures, {name: _read(mask) for name, mask in masks.items()}


def export(checkpoint: Path, target: Path) -> Path:
    """Write the network as TorchScript: images in 0-1, (N, C, 512, 512), to logits of two classes (N, 2, 512, 512)."""
    import torch

    from icssn.nets.checkpoint import load_checkpoint

    model, _ = load_checkpoint(checkpoint)

    class TwoClasses(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits, _ = self.model.map(images * 255)
            return torch.stack([torch.zeros_like(logits), logits], dim=1)

    example = torch.zeros((BATCH, next(model.encoder.parameters()).shape[1], WINDOW_PX, WINDOW_PX))
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all windows have this size, so no branch differs
        traced = torch.jit.trace(TwoClasses().eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
        traced.save(str(target))
    return target


@contextlib.contextmanager
def peer(python: Path, network: Path) -> Iterator[Callable[[str, Path, Path], tuple[float, float]]]:
    """Run the peers' process; gives what asks it to run a loop on a raster, and answers wall and processor time, s."""
    path = os.pathsep.join((str(Path(__file__).parent), str(ROOT)))
    command = [str(python), "-c", "import sys, inference_peers; inference_peers.serve(sys.argv[1])", str(network)]
    environment = {**os.environ, "PYTHONPATH": path}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdin is not None
    assert process.stdout is not None
    questions, answers = process.stdin, process.stdout

    def ask(name: str, raster: Path, mask: Path) -> tuple[float, float]:
        questions.write(json.dumps([name, str(raster), str(mask)]) + "\n")
        questions.flush()
        answer = answers.readline()
        if not answer:
            sys.exit(f"The peers' process ended while it ran {name}.")
        wall, processor = json.loads(answer)
        return wall, processor

    try:
        yield ask
    finally:
        questions.close()
        process.wait(60)


def serve(network: str) -> None:
    """Run the loops that standard input asks for, in the peers' environment; answers go to standard output alone."""
    answers = sys.stdout
    sys.stdout = sys.stderr
    import torch

    from icssn.nets.vision_ops import declare_missing_operators

    declare_missing_operators()  # torchvision of the CUDA build beside torch of the CPU build
    from geoai.train import semantic_inference_on_geotiff

    model = torch.jit.load(network).eval()
    with torch.inference_mode():
        for _ in range(3):  # TorchScript optimises itself in its first calls
            model(torch.zeros((BATCH, 3, WINDOW_PX, WINDOW_PX)))
    for line in sys.stdin:
        name, raster, mask = json.loads(line)
        library, overlap = LOOPS[name]
        wall, processor = time.monotonic(), time.process_time()
        if library == "geoai":
            semantic_inference_on_geotiff(model, raster, mask, overlap=overlap, quiet=True)
        else:
            torchgeo_loop(model, raster, mask, overlap=overlap)
        print(json.dumps([time.monotonic() - wall, time.process_time() - processor]), file=answers, flush=True)


def torchgeo_loop(model: Any, raster: str, mask: str, *, overlap: int) -> None:
    """Predict with torchgeo's dataset and grid sampler; windows are averaged and written as geoai does."""
    import torch
    from torch.utils.data import DataLoader
    from torchgeo.datasets import RasterDataset, stack_samples
    from torchgeo.samplers import GridGeoSampler

    with rasterio.open(raster) as opened:
        profile, to_pixels = opened.profile, ~opened.transform
    dataset = RasterDataset(raster)
    sampler = GridGeoSampler(dataset, size=WINDOW_PX, stride=WINDOW_PX - overlap)
    total = np.zeros((2, profile["height"], profile["width"]), np.float32)
    for batch in DataLoader(dataset, batch_size=BATCH, sampler=sampler, collate_fn=stack_samples):
        with torch.inference_mode():
            probabilities = torch.softmax(model(batch["image"] / 255), dim=1)[:, 1].numpy()
        for (x, y, _), probability in zip(batch["bounds"], probabilities, strict=True):
            left, top = map(round, to_pixels * (x.start, y.stop))
            place = total[:, top : top + WINDOW_PX, left : left + WINDOW_PX]
            place += np.stack([probability, np.ones_like(probability)])[:, : place.shape[1], : place.shape[2]]
    found = total[0] >= 0.5 * np.maximum(total[1], 1)
    with rasterio.open(mask, "w", **{**profile, "count": 1}) as made:
        made.write(found.astype(np.uint8), 1)


def crop(scene: Path, target: Path, side: int) -> Path:
    """Copy the upper left part of a scene."""
    with rasterio.open(scene) as dataset:
        profile, values = dataset.profile, dataset.read(window=Window(0, 0, side, side))
    with rasterio.open(target, "w", **{**profile, "width": side, "height": side}) as made:
        made.write(values)
    return target


def _read(path: Path) -> NDArray[np.uint8]:
    with rasterio.open(path) as dataset:
        values: NDArray[np.uint8] = dataset.read(1)
    return values
