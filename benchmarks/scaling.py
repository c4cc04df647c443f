"""What a megapixel costs to predict in small and large scenes, and what a second process on the same machine brings.

Scenes are real imagery, mirrored side by side as in `inference.py`, and written by rows, so that nothing but the
prediction could let memory grow. One process computes with all cores already: a second one can only fill the times in
which the first one reads, packs and outlines on one core, and must import and compile everything again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import inference
import psutil
from report import parser_of, tell

SIDES = {"1k": 1024, "8k": 8192, "32k": 32_768}
REPEATS = {"1k": 3, "8k": 3, "32k": 1}  # the largest takes many minutes
QUICK_REPEATS = {"1k": 3, "8k": 1}
WORKERS_PX, QUICK_WORKERS_PX = 8192, 4096


def main() -> None:
    """Measure and print or write the figures."""
    parser = parser_of(__doc__, quick="no scene of 32768² px; workers on a smaller scene")
    parser.add_argument("--data", type=Path, default=inference.DATA, help="folder with test_scene.tif")
    parser.add_argument("--checkpoint", type=Path, help="folder of a trained checkpoint; else one is trained")
    parser.add_argument("--only", nargs="+", choices=(*SIDES, "workers"), help="only these")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"No imagery at {options.data}: give its folder with --data.")
    with tempfile.TemporaryDirectory() as folder:
        figures, rows = measure(options, Path(folder))
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    tell("scaling", options, figures, rows)


def measure(options: argparse.Namespace, folder: Path) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Give all figures, and what was predicted how often."""
    checkpoint = options.checkpoint or inference.train(options.data, folder / "workspace")
    source = options.data / "test_scene.tif"
    figures: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    for name, times in (QUICK_REPEATS if options.quick else REPEATS).items():
        if not options.only or name in options.only:
            scene = inference.mosaic(source, folder / "scene.tif", SIDES[name])
            figures |= cost(scene, checkpoint, name, times=times, folder=folder, rows=rows)
    if not options.only or "workers" in options.only:
        scene = inference.mosaic(source, folder / "scene.tif", QUICK_WORKERS_PX if options.quick else WORKERS_PX)
        figures["speedup_2_workers"] = speedup(scene, checkpoint, folder)
    return figures, rows


def cost(
    scene: Path, checkpoint: Path, name: str, *, times: int, folder: Path, rows: list[dict[str, Any]]
) -> dict[str, float]:
    """Give the seconds a megapixel, by wall and by processor time, with all that is loaded and compiled."""
    from icssn.imagery.open import inspect

    facts = inspect(scene)
    spent = [inference.clock(lambda: inference.predict(scene, facts, checkpoint, folder / "out")) for _ in range(times)]
    wall, processor = (statistics.median(turn[number] for turn in spent) for number in range(2))
    mpx = facts.width * facts.height / 1e6
    rows.append({"scene": f"{facts.width}²", "times": times, "wall_s": round(wall, 1), "load": psutil.getloadavg()[0]})
    return {f"s_per_mpx_{name}": wall / mpx, f"s_per_mpx_{name}_processor": processor / mpx}


def speedup(scene: Path, checkpoint: Path, folder: Path) -> float:
    """Give how many times as fast two processes predict as one; they take turns."""
    from icssn.imagery.open import inspect

    facts = inspect(scene)
    spent: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(inference.REPEATS):
        for workers, walls in spent.items():
            out = folder / f"by-{workers}"
            wall, _ = inference.clock(
                lambda: inference.predict(scene, facts, checkpoint, out, workers=workers)  # noqa: B023
            )
            walls.append(wall)
    return statistics.median(spent[1]) / statistics.median(spent[2])


if __name__ == "__main__":
    main()
