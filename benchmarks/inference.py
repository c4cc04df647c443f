"""How fast and how faithfully a scene is predicted, each figure against a reference measured in the same run.

The scene is real imagery: the Bijie test scene, laid side by side with its mirror images up to the size wanted, so
that no artificial edge appears. The network is a checkpoint given with --checkpoint, or one trained here in a few
minutes: random weights would say nothing about seams.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import inference_peers
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window
from report import parser_of, tell

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "bijie_scenes"
GRID = {"driver": "GTiff", "crs": "EPSG:32648", "transform": Affine(0.8, 0, 500_000, 0, -0.8, 3_000_000)}
REPEATS = 3
BLOCK_PX = 256
NAIVE_PX, NAIVE_BATCH = 512, 4  # the defaults of geoai's tiled inference, with its 50 % overlap


def main() -> None:
    """Measure, print, and write the figures."""
    parser = parser_of(__doc__, quick="a scene of 2048² instead of 4096²")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with train_scene.tif … test_scene_mask.tif")
    parser.add_argument("--checkpoint", type=Path, help="folder of a trained checkpoint; else one is trained")
    parser.add_argument("--peers", type=Path, help="Python of the environment with geoai and torchgeo")
    parser.add_argument("--kills", type=int, default=0, help="kill a prediction so many times; 100 is the goal")
    parser.add_argument("--large", action="store_true", help="also the peak memory of a sparse scene of 32768²")
    parser.add_argument("--peak", nargs=2, metavar=("SCENE", "CHECKPOINT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(json.dumps(predict_and_weigh(*map(Path, options.peak))))
        return
    if not options.data.is_dir():
        sys.exit(f"No imagery at {options.data}: give its folder with --data.")
    with tempfile.TemporaryDirectory() as folder:
        figures, row = measure(options, Path(folder))
    print("  ".join(f"{key} {value}" for key, value in row.items()))
    tell("inference", options, figures, [row])


def measure(options: argparse.Namespace, folder: Path) -> tuple[dict[str, float], dict[str, str]]:
    """Give the figures, and what was measured."""
    from icssn.config import InferenceConfig
    from icssn.inference.choose import choose_backend
    from icssn.nets.checkpoint import load_checkpoint

    checkpoint = options.checkpoint or train(options.data, folder / "workspace")
    side = 2048 if options.quick else 4096
    scene = mosaic(options.data / "test_scene.tif", folder / "scene.tif", side)
    model, card = load_checkpoint(checkpoint)
    fast = choose_backend(model, checkpoint, sha256=card["sha256"], config=InferenceConfig(device="cpu"))
    plain = load_checkpoint(checkpoint)[0]
    figures = measure_speed(scene, checkpoint, fast, plain, side=side, folder=folder)
    if options.peers:
        figures |= measure_peers(options.peers, scene, checkpoint, fast, side=side, folder=folder)
    figures |= measure_faith(options.data, checkpoint, fast, plain, folder=folder)
    with rasterio.open(options.data / "test_scene.tif") as dataset:
        image = dataset.read()
    figures["peak_rss_mb_4k"] = weigh(sparse(folder / "4k.tif", 4096, image), checkpoint)
    if options.large:
        figures["peak_rss_mb_32k"] = weigh(sparse(folder / "32k.tif", 32768, image), checkpoint)
    if options.kills:
        figures |= kill(scene, checkpoint, folder, times=options.kills)
    return figures, {"backend": fast.description, "scene": f"{side}², mirrored Bijie test scene"}


def measure_speed(scene: Path, checkpoint: Path, fast: Any, plain: Any, *, side: int, folder: Path) -> dict[str, float]:
    """Let whole predictions and pure forwards take turns, so that other load meets both alike; then the naive loop."""
    from icssn.imagery.open import inspect

    facts = inspect(scene)
    window = np.random.default_rng(0).integers(0, 256, (1, 3, 1024, 1024), np.uint8)
    fast.map(window)
    ours, forward = [], []
    for turn in range(REPEATS):
        ours.append(clock(lambda: predict(scene, facts, checkpoint, folder / f"out{turn}")))  # noqa: B023
        forward.append(clock(lambda: [fast.map(window) for _ in range(3)]))
    rows_px = NAIVE_PX * 2  # the naive loop is so slow that a part of the scene must do
    loop = [clock(lambda: naive(scene, plain, rows_px=rows_px))]
    figures: dict[str, float] = {}
    for number, name in enumerate(("", "_processor")):
        speed, limit, slow = (
            mpx / statistics.median(times[number] for times in spent)
            for mpx, spent in ((side**2 / 1e6, ours), (3 * 1.024**2, forward), (side * rows_px / 1e6, loop))
        )
        figures[f"share_of_pure_forward{name}"] = speed / limit
        figures[f"ratio_vs_naive{name}"] = speed / slow
        figures[f"mpx_per_s_cpu{name}"] = speed
    return figures


def measure_peers(
    python: Path, scene: Path, checkpoint: Path, fast: Any, *, side: int, folder: Path
) -> dict[str, float]:
    """Compare with geoai and torchgeo, which get a quarter of the scene; say how far their masks agree with ours."""
    from icssn.imagery.open import inspect

    facts, part = inspect(scene), inference_peers.crop(scene, folder / "part.tif", side // 2)
    out = folder / "beside-peers"
    figures, masks = inference_peers.measure(
        python,
        checkpoint,
        part,
        lambda backend: predict(scene, facts, checkpoint, out, backend=backend),
        our_mpx=side**2 / 1e6,
        precisions={"auto": fast.description.rsplit(" ", 1)[-1], "torch": cpu_arithmetic()},
        clock=clock,
        turns=REPEATS,
        folder=folder,
    )
    ours = read(predict(scene, facts, checkpoint, out).probability, 1)[: side // 2, : side // 2] >= 127
    return figures | {f"agreement_with_{name}": float((mask == ours).mean()) for name, mask in masks.items()}


def measure_faith(
    data: Path, checkpoint: Path, fast: Any, plain: Any, *, folder: Path, device: str = "cpu"
) -> dict[str, float]:
    """Compare windows with the whole scene, and the backend with torch on the processor, on the test scene itself."""
    import torch

    from icssn.imagery.open import inspect
    from icssn.inference.backend import TorchBackend

    scene = data / "test_scene.tif"
    facts, image, truth = inspect(scene), read(scene, None), read(data / "test_scene_mask.tif", 1) == 1
    done = predict(scene, facts, checkpoint, folder / "test", core_px=640, device=device)
    windows, level = read(done.probability, 1), round(done.threshold * 254)
    whole = fast.map(image[None]).probability[0]
    reference = TorchBackend(plain, torch.device("cpu")).map(image[None]).probability[0]
    figures = {
        "seam_max_dp": difference(windows, whole),
        "seam_flips": float(((windows >= level) != (whole >= level)).mean()),
        "max_dp_vs_torch": difference(whole, reference),
        "flips_vs_torch": float(((whole >= level) != (reference >= level)).mean()),
        "ap_default": average_precision(windows, truth),
    }
    by_window = []
    for side in (192, 512, 1024):  # a halo of 32 px, as in loops that use such windows
        answer = predict(scene, facts, checkpoint, folder / f"ap{side}", core_px=side - 64, halo_px=32, device=device)
        by_window.append(average_precision(read(answer.probability, 1), truth))
        figures[f"ap_window_{side}"] = by_window[-1]
    return {**figures, "ap_spread_over_windows": max(by_window) - min(by_window)}


def train(data: Path, workspace: Path) -> Path:
    """Train one short round through the command line; gives the checkpoint's folder."""

    def icssn(*words: object) -> dict[str, Any]:
        command = [sys.executable, "-c", "from icssn.cli import main; main()", *map(str, words), "--json"]
        environment = {**os.environ, "ICSSN_WORKSPACE": str(workspace)}
        done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    icssn("init")
    icssn("scene", "add", data / "train_scene.tif", "--name", "train")
    icssn("labels", "import", data / "train_scene_labels.gpkg", "--scene", "train", "--complete")
    answer = icssn("train", "--scene", "train", "--rounds", "1", "--steps", "120", "--set", "classify.steps=40")
    return workspace / "models" / str(answer["checkpoint_id"])


def mosaic(source: Path, target: Path, side: int) -> Path:
    """Lay a scene and its mirror images side by side up to `side` px."""
    with rasterio.open(source) as dataset:
        image = dataset.read()
    wide = np.concatenate([image, image[:, :, ::-1]], axis=2)
    tile = np.concatenate([wide, wide[:, ::-1]], axis=1)
    shape = {"count": 3, "width": side, "height": side, "dtype": "uint8", "tiled": True, "compress": "deflate"}
    columns = np.arange(side) % tile.shape[2]
    with rasterio.open(target, "w", **GRID, **shape, bigtiff="IF_SAFER") as made:
        for row in range(0, side, BLOCK_PX):  # memory stays flat
            rows = np.arange(row, min(row + BLOCK_PX, side)) % tile.shape[1]
            made.write(tile[:, rows[:, None], columns], window=Window(0, row, side, len(rows)))
    return target


def sparse(target: Path, side: int, image: NDArray[np.uint8]) -> Path:
    """Make a scene of which only a few patches hold imagery; the rest is nodata and takes no room in the file."""
    shape = {"count": 3, "width": side, "height": side, "dtype": "uint8", "nodata": 0, "tiled": True, "sparse_ok": True}
    patch = np.maximum(image[:, :512, :512], 1)
    with rasterio.open(target, "w", **GRID, **shape, bigtiff="IF_SAFER", compress="deflate") as made:
        for place in range(0, side - 512, side // 4):
            made.write(patch, window=Window(place, place, 512, 512))
    return target


def predict(scene: Path, facts: Any, checkpoint: Path, out: Path, *, device: str = "cpu", **changes: Any) -> Any:
    """Apply the checkpoint as the application does."""
    from icssn.config import InferenceConfig
    from icssn.inference.predict import predict_scene

    return predict_scene(
        scene,
        facts=facts,
        checkpoint=checkpoint,
        out=out,
        config=InferenceConfig.model_validate({"device": device, **changes}),
        report=lambda progress: None,
        stop=lambda: False,
    )


def naive(scene: Path, model: Any, *, rows_px: int) -> None:
    """Predict as a first script would: 512 px, half overlapping, batch 4, float32, averaged in memory."""
    import torch

    step = NAIVE_PX // 2
    with rasterio.open(scene) as dataset, torch.inference_mode():
        total = np.zeros((rows_px, dataset.width), np.float32)
        count = np.zeros_like(total)
        places = [
            (row, col)
            for row in range(0, rows_px - NAIVE_PX + 1, step)
            for col in range(0, dataset.width - NAIVE_PX + 1, step)
        ]
        for start in range(0, len(places), NAIVE_BATCH):
            batch = places[start : start + NAIVE_BATCH]
            images = [dataset.read(window=Window(col, row, NAIVE_PX, NAIVE_PX)) for row, col in batch]
            probabilities = torch.sigmoid(model.segment(torch.from_numpy(np.stack(images)).float())[0]).numpy()
            for (row, col), probability in zip(batch, probabilities, strict=True):
                total[row : row + NAIVE_PX, col : col + NAIVE_PX] += probability
                count[row : row + NAIVE_PX, col : col + NAIVE_PX] += 1
        np.divide(total, count, out=total, where=count > 0)


def cpu_arithmetic() -> str:
    """Name the arithmetic of torch on this processor."""
    import torch

    from icssn.nets.device import autocast_dtype

    return str(autocast_dtype(torch.device("cpu"))).removeprefix("torch.")


def clock(work: Callable[[], object]) -> tuple[float, float]:
    """Give wall time and processor time of some work, s."""
    wall, processor = time.monotonic(), time.process_time()
    work()
    return time.monotonic() - wall, time.process_time() - processor


def read(path: Path, band: int | None) -> NDArray[np.uint8]:
    """Read one band, or all of them."""
    with rasterio.open(path) as dataset:
        values: NDArray[np.uint8] = dataset.read(band)
    return values


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Give the largest difference of two probability rasters."""
    return float(np.abs(one.astype(int) - other).max() / 254)


def average_precision(values: NDArray[np.uint8], truth: NDArray[np.bool_]) -> float:
    """Give the average precision of stored probabilities over all pixels."""
    found = np.bincount(values[truth], minlength=256)[254::-1].cumsum()
    called = np.bincount(values.ravel(), minlength=256)[254::-1].cumsum()
    recall = found / found[-1]
    return float(np.sum(np.diff(recall, prepend=0) * found / np.maximum(called, 1)))


def weigh(scene: Path, checkpoint: Path) -> float:
    """Give the peak memory of a process that predicts a scene, MB."""
    command = [sys.executable, __file__, "--peak", str(scene), str(checkpoint)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return float(json.loads(done.stdout)["mb"])


def predict_and_weigh(scene: Path, checkpoint: Path) -> dict[str, float]:
    """Predict in this process and give its peak memory."""
    from icssn.imagery.open import inspect

    with tempfile.TemporaryDirectory() as out:
        predict(scene, inspect(scene), checkpoint, Path(out))
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())  # getrusage would tell the parent's
    return {"mb": int(peak[1]) * 1024 / 1e6} if peak else {}


def kill(scene: Path, checkpoint: Path, folder: Path, *, times: int) -> dict[str, float]:
    """Kill predictions at moments drawn by chance; count files that cannot be read, and compare the final bytes."""
    from icssn.imagery.open import inspect

    out, rng, unreadable = folder / "killed", np.random.default_rng(0), 0
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import inference as b;"
        "from icssn.imagery.open import inspect; s = Path(sys.argv[2]); f = inspect(s); print('ready', flush=True);"
        "b.predict(s, f, Path(sys.argv[3]), Path(sys.argv[4]), core_px=256)"
    )
    whole = predict(scene, inspect(scene), checkpoint, folder / "reference", core_px=256)
    command = [sys.executable, "-c", program, str(Path(__file__).parent), str(scene), str(checkpoint), str(out)]
    longest_s = 10.0
    for _ in range(times):
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        begun = time.monotonic()
        try:
            child.wait(timeout=float(rng.uniform(0, longest_s)))
            longest_s = max(1.0, time.monotonic() - begun)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
        for file in out.glob("*.tif"):
            try:
                read(file, 1)
            except rasterio.RasterioIOError:
                unreadable += 1
    done = predict(scene, inspect(scene), checkpoint, out, core_px=256)
    same = all(
        getattr(done, name).read_bytes() == getattr(whole, name).read_bytes() for name in ("probability", "mask")
    )
    return {f"unreadable_{times}_kills": float(unreadable), "same_bytes_after_kills": float(same)}


if __name__ == "__main__":
    main()
