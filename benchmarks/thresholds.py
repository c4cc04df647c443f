"""Which threshold should held-out chips choose? Rules side by side on the networks that ``method.py`` trained.

``method.py`` leaves in its folder ``levels`` how often each probability was given, on each held-out chip and on each
scene that judged. A rule sees the chips; what its threshold is worth, the scene says. Objects are not sieved here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from method_rows import HELD_OUT, LEVELS_FOLDER
from numpy.typing import NDArray
from report import parser_of, tell

from icssn.metrics.pixels import LEVELS, best_threshold
from icssn.training.validate import choose_threshold, middle_threshold

Counts = NDArray[np.int64]
Pixels = NDArray[np.uint8]

RULES: dict[str, Callable[[Pixels, Pixels], float]] = {
    "highest F1": lambda truth, scores: best_threshold(truth, scores)[0],
    "middle of one standard error": middle_threshold,
    "that and the next": choose_threshold,
    "half of the highest F1": lambda truth, scores: best_threshold(truth, scores)[1] / 2,
    "always .5": lambda truth, scores: 0.5,
}
"""The fourth is best where probabilities are frequencies (Lipton, Elkan & Narayanaswamy 2014, arXiv:1402.1892)."""


def main() -> None:
    """Print, for each task and scene, the mean F1 of each rule and the most that it loses to the scene's own best."""
    parser = parser_of(__doc__, quick="nothing: it takes seconds")
    parser.add_argument("--rows", type=Path, default=Path("method-rows"), help="folder given to method.py as --out")
    options = parser.parse_args()
    if not (options.rows / LEVELS_FOLDER).is_dir():
        print(f"No levels in {options.rows}: let method.py train there first.")
        return
    found: dict[tuple[str, str], list[list[float]]] = {}
    for file in sorted((options.rows / LEVELS_FOLDER).glob("*.npz")):
        task = file.name.split("_")[0]
        with np.load(file) as counted:
            truth, scores = as_pixels(counted[HELD_OUT])
            chosen = [rule(truth, scores) for rule in RULES.values()]
            for scene in set(counted.files) - {HELD_OUT}:
                f1 = f1_from(counted[scene])
                at = [f1[int(np.ceil(threshold * LEVELS - 1e-6))] for threshold in chosen]
                found.setdefault((task, scene), []).append([f1[1:].max(), *at])
    rows = []
    for (task, scene), lines in sorted(found.items()):
        best, *ruled = np.array(lines).T
        row = {"task": task, "scene": scene, "networks": len(lines), "best of the scene": float(best.mean())}
        for name, of_rule in zip(RULES, ruled, strict=True):
            row[name] = float(of_rule.mean())
            row[f"{name}, most lost"] = float((best - of_rule).max())
        rows.append(row)
        told = "  ".join(f"{name} {row[name]:.3f} (-{row[f'{name}, most lost']:.2f})" for name in RULES)
        print(f"{task} → {scene} · {len(lines)} networks · best of the scene {best.mean():.3f}  {told}")
    tell("thresholds", options, {}, rows)


def as_pixels(counts: Counts) -> tuple[Pixels, Pixels]:
    """Give truth and scores of chips that were counted by `pixels.count_levels`, (chips, pixels) each.

    Where a chip has fewer known pixels than another, the rest is unknown.
    """
    most = int(counts.sum(axis=(1, 2)).max())
    truth, scores = np.full((len(counts), most), 255, np.uint8), np.zeros((len(counts), most), np.uint8)
    for number, of_chip in enumerate(counts):
        level = np.repeat(np.tile(np.arange(of_chip.shape[1], dtype=np.uint8), 2), of_chip.ravel())
        scores[number, : len(level)] = level
        truth[number, : len(level)] = np.repeat(np.array([0, 1], np.uint8), of_chip.sum(axis=1))
    return truth, scores


def f1_from(counts: Counts) -> NDArray[np.float64]:
    """Give the F1 of all pixels at or above each level, (255,)."""
    fp, tp = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
    return np.asarray(2 * tp / np.maximum(tp + fp + counts[1].sum(), 1))


if __name__ == "__main__":
    main()
