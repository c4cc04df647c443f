"""The method against its controls at equal optimiser steps, on real imagery: does iteration help, and which part?

One row is one variant, learned from one set of scenes with one seed, and judged on scenes it never saw. Rows are
appended to ``rows.jsonl`` in the folder given by --out as they come; a call goes on where the last one ended, in the
middle of a training if need be, so that the whole table can be filled in pieces (--minutes) or a row at a time
(--variant, --seeds, --task). On a graphics card fifteen rows at once (--processes) take little longer than one, more so
where NVIDIA's MPS runs. Each call prints the table of all rows found so far.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

import method_rows
import numpy as np
import rasterio
import torch
from method_scenes import TASKS, Scene
from method_variants import OPTIONS, variants
from report import parser_of, tell

from icssn.chips.cut import MANIFEST, cut
from icssn.config import MIN_OBJECT_PX, InferenceConfig, TrainConfig, train_config
from icssn.errors import CancelledError
from icssn.inference.evaluate import Scored, rank_candidates
from icssn.inference.predict import ScenePrediction, predict_scene
from icssn.metrics import intervals, objects, pixels
from icssn.metrics.report import judge
from icssn.nets.checkpoint import load_checkpoint
from icssn.nets.device import pick_device
from icssn.training import rounds
from icssn.training.dataset import open_chips
from icssn.training.validate import ask_pixels

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
WINDOWS_PX = (192, 512, 1024)  # predicted without any halo: what a score owes to its window
SWEPT = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BLOCK_PX = 168  # of the bootstrap: one cell of a composed scene, one landslide
QUICK = {"rounds": 1, "classify.steps": 10, "segment.steps": 30}


def main() -> None:
    """Fill the rows asked for, then print and write what all rows say."""
    options = _options()
    overrides = {**(QUICK if options.quick else {}), **dict(pair.split("=", 1) for pair in options.set)}
    table = variants(train_config(overrides))
    chosen = table | {f"full, {name}": train_config({**overrides, **change}) for name, change in OPTIONS.items()}
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    there = {(row["task"], row["variant"], row["seed"]) for row in method_rows.read(out)}
    deadline_s = time.monotonic() + options.minutes * 60 if options.minutes else math.inf
    wanted = [
        partial(row_before, deadline_s, out, task=task, variant=variant, config=config, data=options.data)
        for seed in options.seeds
        for task in options.task
        for variant in options.variant or (("full", "matched") if options.quick else table)
        if (task, variant, seed) not in there
        for config in [chosen[variant].model_copy(update={"seed": seed})]
    ]
    if wanted:
        method_rows.require_comparable(method_rows.read(out))
    for made in at_once(wanted, options.processes):
        with (out / "rows.jsonl").open("a", encoding="utf-8") as lines:
            lines.write("".join(json.dumps(row) + "\n" for row in made))
    _report(out, options)


def at_once(wanted: Sequence[Callable[[], list[dict[str, Any]]]], processes: int) -> Iterator[list[dict[str, Any]]]:
    """Give the rows as they come, of one process or of so many that compute with one thread each."""
    if processes == 1:
        yield from (row() for row in wanted)
        return
    alone = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, alone, torch.set_num_threads, (1,)) as pool:
        yield from (done.result() for done in as_completed([pool.submit(row) for row in wanted]))


def row_before(deadline_s: float, out: Path, **row: Any) -> list[dict[str, Any]]:
    """Learn and judge one variant, see `run_row`; give nothing where the monotonic clock passes `deadline_s` before."""

    def late() -> bool:
        return time.monotonic() > deadline_s

    try:
        return [] if late() else run_row(out, **row, stop=late)
    except CancelledError:
        print(f"{row['task']} · {row['variant']} · seed {row['config'].seed} stopped: the same command goes on there")
        return []


def run_row(
    out: Path, *, task: str, variant: str, config: TrainConfig, data: Path, stop: Callable[[], bool]
) -> list[dict[str, Any]]:
    """Learn one variant and judge it: one row for each scene that judges.

    Raises:
        CancelledError: `stop` was true; the same call goes on where this one ended.
    """
    place = out / "work" / task / f"seed-{config.seed}" / variant.replace(" ", "-")
    learned = TASKS[task](data, place, config.seed)
    bands = len(learned.source.facts.stretch.bands)
    config = config.model_copy(update={"encoder": config.encoder.model_copy(update={"bands": bands}), "looks": ()})
    chips, folder = place / "chips", place / "run"
    if not (chips / MANIFEST).exists():
        cut([learned.source], chips, config=config.chips, seed=config.seed)
    begun_s = time.process_time()
    result = rounds.train(
        folder, chips, config=config, parent=None, report=lambda _: None, on_round=lambda _: None, stop=stop
    )
    trained_s = time.process_time() - begun_s
    rows, levels = [], {method_rows.HELD_OUT: levels_held_out(result.last.folder, chips)}
    for scene in learned.tests:
        figures, blocks, levels[scene.name] = judge_scene(scene, result.last, folder / scene.name)
        figures |= {
            name: result.last.metrics[name] for name in ("val_f1", "val_ap", "cls_f1", "cls_accuracy", "cls_loss")
        }
        row = {"task": task, "variant": variant, "seed": config.seed, "test": scene.name, "judged": method_rows.JUDGED}
        told = {"config": config.model_dump(mode="json"), "device": result.device, "seconds": result.seconds}
        rows.append({**row, **told, "processor_s_of_last_sitting": trained_s, "figures": figures, "blocks": blocks})
    counted = out / method_rows.LEVELS_FOLDER / f"{task} seed {config.seed} {variant}.npz".replace(" ", "_")
    counted.parent.mkdir(exist_ok=True)
    np.savez_compressed(counted, **levels)
    shutil.rmtree(place)
    return rows


def levels_held_out(checkpoint: Path, chips: Path) -> np.ndarray:
    """Count what a checkpoint says of the chips that were held out, see `pixels.count_levels`: (chips, 2, 255)."""
    model, _ = load_checkpoint(checkpoint)
    device = pick_device("auto")
    answers = ask_pixels(model.to(device), open_chips(chips), device=device)
    return np.array([pixels.count_levels(*pair) for pair in zip(answers.truth, answers.scores(), strict=True)])


def judge_scene(
    scene: Scene, offered: rounds.RoundResult, folder: Path
) -> tuple[dict[str, float], list[tuple[int, int, int, int]], np.ndarray]:
    """Predict a scene as the application does.

    Returns:
        Its figures, the pooled counts of each block, and how often each level occurs (see `pixels.count_levels`).
    """
    config = InferenceConfig(min_object_px=MIN_OBJECT_PX)  # one size for all variants

    def predicted(name: str, **windows: int) -> tuple[ScenePrediction, np.ndarray]:
        done = predict_scene(
            scene.raster,
            facts=scene.facts,
            checkpoint=offered.folder,
            out=folder / name,
            config=config.model_copy(update=windows),
            report=lambda _: None,
            stop=lambda: False,
        )
        with rasterio.open(done.probability) as dataset:
            return done, dataset.read(1)

    with rasterio.open(scene.mask) as dataset:
        truth = dataset.read(1)
    done, found = predicted("windows")
    figures = judge(
        truth,
        found,
        threshold=offered.threshold,
        min_object_px=config.least_object_px,
        pixel_size_m=scene.facts.pixel_size_m,
        tile_px=scene.cell_px,
    )
    figures |= most_found(truth, found, min_object_px=config.least_object_px)
    figures["f1_half"] = pixels.confusion(truth, objects.sieve(pixels.exceeds(found, 0.5), config.least_object_px)).f1
    candidates = [Scored(of.geometry, of.score, of.mask_score, of.classifier_score) for of in done.objects]
    figures |= rank_candidates(truth, candidates, facts=scene.facts)
    precisions = [
        pixels.average_precision(truth, predicted(f"{size}", core_px=size, halo_px=0)[1]) for size in WINDOWS_PX
    ]
    figures["ap_spread_over_windows"] = max(precisions) - min(precisions)
    mask = objects.sieve(pixels.exceeds(found, offered.threshold), config.least_object_px)
    blocks = intervals.confusion_blocks(truth, mask, block_px=min(BLOCK_PX, scene.cell_px))
    counts = [(block.tp, block.fp, block.fn, block.tn) for block in blocks]
    return figures, counts, pixels.count_levels(truth, found)


def most_found(truth: np.ndarray, found: np.ndarray, *, min_object_px: int) -> dict[str, float]:
    """Give the most objects that a threshold finds with one false object per true one at most, and that threshold.

    Chosen on the very truth, as on a free-response curve: it says what the probabilities hold, not what to expect.
    """
    best = {"most_found_at_one_false": 0.0}
    for threshold in SWEPT:
        mask = objects.sieve(pixels.exceeds(found, threshold), min_object_px)
        told = objects.match_objects(truth, mask, pixel_area_m2=1)
        if told["false_objects_per_true_cov30"] <= 1 and told["object_recall_cov30"] > best["most_found_at_one_false"]:
            best = {"most_found_at_one_false": told["object_recall_cov30"], "most_found_threshold": threshold}
    return best


def _report(out: Path, options: argparse.Namespace) -> None:
    rows = method_rows.read(out)
    lines = method_rows.summary(rows, against=options.against)
    for line in sorted(lines, key=lambda line: (line["task"], line["test"], line["variant"])):
        delta = line.get("delta_f1")
        told = f"  ΔF1 {delta[0]:+.3f} ({delta[1]:+.3f} to {delta[2]:+.3f})" if delta else ""
        shown = "  ".join(f"{name} {line[name]:.3f}" for name in method_rows.SHOWN if name in line)
        print(f"{line['task']} → {line['test']} · {line['variant']} · {line['seeds']} seed(s){told}\n    {shown}")
    parts = method_rows.effects(rows)
    for part, of_figure in parts.items():
        shown = "  ".join(
            "{} {:+.3f} ± {:.3f}".format(name, *of_figure[name]) for name in method_rows.MOVED if name in of_figure
        )
        print(f"{part}: {of_figure['pairs'][0]:.0f} pairs\n    {shown}")
    figures = method_rows.goal_figures(method_rows.summary(rows))
    kept = [{name: value for name, value in row.items() if name != "blocks"} for row in rows]
    tell("method", options, figures, kept, summary=lines, effects=parts)


def _options() -> argparse.Namespace:
    parser = parser_of(__doc__, quick="full and matched only, few steps")
    names = [*variants(TrainConfig()), *(f"full, {name}" for name in OPTIONS)]
    parser.add_argument("--out", type=Path, default=Path("method-rows"), help="folder of the rows and unfinished runs")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with bijie_scenes, bijie, tianshui_geoeye1")
    parser.add_argument("--task", nargs="+", choices=TASKS, default=["scene"], metavar="TASK", help=", ".join(TASKS))
    parser.add_argument(
        "--variant",
        nargs="+",
        choices=names,
        metavar="VARIANT",
        help=f"{'; '.join(names)}. Default: the first {len(names) - len(OPTIONS)}",
    )
    parser.add_argument(
        "--against", choices=names, metavar="VARIANT", default="matched", help="what differences are taken to"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of every variant")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long; 0 never")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves its own choice")
    parser.add_argument("--processes", type=int, default=1, help="rows at once, with one thread each if more than one")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"No imagery at {options.data}: give its folder with --data.")
    if options.threads:
        torch.set_num_threads(options.threads)
    return options


if __name__ == "__main__":
    main()
