"""What the rows of ``method.py`` say: means over seeds, and differences to a control paired by seed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from icssn.metrics import intervals, pixels

JUDGED = 5  # raised when rows can no longer be compared; 2: threshold of decision 17, 3: scores of 22, 4: 23, 24, 5: 25
LEVELS_FOLDER = "levels"  # beside the rows: files that say how often which probability was given …
HELD_OUT = "validation"  # … on each held-out chip, and, by its name, on each scene that judged
OUTLINED = ("tiles-16", "tiles-32", "tiles-64", "tiles-128", "scene", "tianshui")
CONTROLLED = ("tiles-64", "scene", "tianshui")  # tasks with all controls
PARTS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "whole method": (OUTLINED, (("full", "matched"),)),
    "SOCL": (CONTROLLED, (("full", "+ocl"), ("+socl", "no contrast"), ("matched+socl", "matched"))),
    "OCL": (CONTROLLED, (("full", "+socl"), ("+ocl", "no contrast"))),
    "second round": (CONTROLLED, (("full", "one-way"),)),
    "classification stage": (CONTROLLED, (("no contrast", "restarts"),)),
    "restarts": (CONTROLLED, (("restarts", "matched"),)),
    "both tasks in every step": (CONTROLLED, (("joint", "matched"),)),
}
"""For each part the tasks, and the variants that differ in it alone: with it, without it."""
GOAL_TASKS = ("tiles-64", "scene")  # the figures come from the first of them that has rows
SHOWN = ("f1", "f1_half", "average_precision", "iou", "object_recall_cov30", "false_objects_per_true",
         "object_recall_iou50", "boundary_f1_2px", "ece", "object_auc_fused", "object_auc_mask", "cls_f1")  # fmt: skip
MOVED = (
    "val_f1",
    "val_ap",
    "cls_f1",
    "f1",
    "best_f1",
    "average_precision",
    "iou",
    "boundary_f1_2px",
    "object_recall_cov30",
)


def read(out: Path) -> list[dict[str, Any]]:
    """Give the rows found in a folder."""
    file = out / "rows.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def require_comparable(rows: Sequence[dict[str, Any]]) -> None:
    """End the program where rows were judged otherwise than those that would join them."""
    if any(row.get("judged", 1) != JUDGED for row in rows):
        sys.exit("The rows there were judged by an earlier rule: give another folder with --out.")


def summary(rows: Sequence[dict[str, Any]], *, against: str = "matched") -> list[dict[str, Any]]:
    """Give mean, standard deviation and number of seeds of every figure, and paired differences to a variant."""
    groups: dict[tuple[str, str, str], dict[int, dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["test"], row["variant"]), {})[row["seed"]] = row
    told = []
    for (task, test, variant), of_seed in groups.items():
        line: dict[str, Any] = {"task": task, "test": test, "variant": variant, "seeds": len(of_seed)}
        for name in sorted(set.intersection(*(set(row["figures"]) for row in of_seed.values()))):
            values = [row["figures"][name] for row in of_seed.values()]
            line[name] = float(np.mean(values))
            line[f"{name}_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
        baseline = groups.get((task, test, against), {})
        both = sorted(set(of_seed) & set(baseline))
        if both and variant != against:
            sides = [
                [[pixels.Confusion(*block) for block in of[s]["blocks"]] for s in both] for of in (of_seed, baseline)
            ]
            for name, figure in (("f1", intervals.f1), ("iou", lambda pooled: pooled.iou)):
                line[f"delta_{name}"] = intervals.paired_difference_of_runs(*sides, figure=figure)
            for name in ("boundary_f1_2px", "cls_f1", "average_precision", "val_f1", "val_ap"):
                pairs = [of_seed[s]["figures"][name] - baseline[s]["figures"][name] for s in both]
                line[f"delta_{name}"] = float(np.mean(pairs))
        told.append(line)
    return told


def effects(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, tuple[float, float]]]:
    """Give what each of `PARTS` does to each figure: mean difference over all pairs of rows, and 1.96 standard errors.

    Pairs have task, seed and scene in common; ``pairs`` says how many there are. Parts with fewer than two are absent.
    """
    of_row = {
        (row["task"], row["variant"], row["seed"]): row["figures"] for row in rows if row["test"] != "low_contrast"
    }
    told: dict[str, dict[str, tuple[float, float]]] = {}
    for part, (tasks, variants) in PARTS.items():
        pairs = [
            (figures, of_row[task, without, seed])
            for having, without in variants
            for (task, variant, seed), figures in of_row.items()
            if variant == having and task in tasks and (task, without, seed) in of_row
        ]
        if len(pairs) < 2:
            continue
        told[part] = {"pairs": (float(len(pairs)), 0.0)}
        for name in set.intersection(*(set(figures) for pair in pairs for figures in pair)):
            apart = np.array([one[name] - other[name] for one, other in pairs])
            told[part][name] = float(apart.mean()), float(1.96 * apart.std(ddof=1) / np.sqrt(len(apart)))
    return told


def goal_figures(lines: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Give the figures that have a goal; those that were not measured are absent."""
    for task in GOAL_TASKS:
        of = {line["variant"]: line for line in lines if line["task"] == task and not line["test"].startswith("low")}
        if "full" in of:
            break
    else:
        return {}
    full = of["full"]
    names = ("object_recall_cov30", "object_auc_fused", "object_auc_mask", "ap_spread_over_windows",
             "delta_boundary_f1_2px", "delta_cls_f1", "false_objects_per_true", "most_found_at_one_false")  # fmt: skip
    figures = {"f1_full": full["f1"], "f1_trivial": full["trivial_f1"], "seeds": float(full["seeds"])}
    figures |= {name: full[name] for name in names if name in full}
    if "matched" in of and "delta_f1" in full:
        figures |= {
            "f1_matched": of["matched"]["f1"],
            "delta_f1": full["delta_f1"][0],
            "delta_iou": full["delta_iou"][0],
        }
        figures["delta_f1_ci_low"] = full["delta_f1"][1]
    return figures
