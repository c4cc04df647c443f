"""How many labels it takes: ground chosen by *Where next* against ground chosen by chance, on a real scene.

The geologist labels windows of 512 px completely: every landslide that touches one, and the window as label area. Both
orders begin with the same windows, drawn at random. Then one takes what the tool suggests after each training, the
other draws on. After each step the model is trained anew and judged on a scene it never saw by its objects (F1, 30 %
covered). What all labels of the scene give is 1; ``label_share_for_95`` is the share of the landslides that had to be
labelled for .95 of it, with a straight line between two steps. It is absent where the last step did not reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from icssn import actions
from icssn.geo import crs
from icssn.records import Edits, LabelClass, NewLabel, Scene
from icssn.vectors.read import read_labels

WINDOW_PX = 512  # as large as the windows that the tool suggests
BEGIN, STEPS = 4, (4, 4, 4)  # windows at first, and added after each training
QUICK_STEPS = (2,)
WANTED = 0.95

Icssn = Callable[..., dict[str, Any]]


def label_share(
    folder: Path,
    data: Path,
    *,
    icssn: Icssn,
    training: Sequence[str],
    seeds: Sequence[int],
    steps: Sequence[int],
    tell: Callable[[dict[str, Any]], None],
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Run both orders for every seed.

    Args:
        folder: For one workspace each.
        data: Holds ``train_scene.tif``, ``train_scene_labels.gpkg``, ``test_scene.tif`` and ``test_scene_mask.tif``.
        icssn: Runs a command in a workspace and gives its answer.
        training: Words for ``icssn train``.
        seeds: Of the windows that begin.
        steps: Windows added after each training.
        tell: Given each row as it comes.

    Returns:
        Figures, and one row for each training.
    """
    rows: list[dict[str, Any]] = []

    def add(row: dict[str, Any]) -> None:
        rows.append(row)
        tell(row)

    everything = _Geologist(folder / "all", data, icssn, training)
    everything.label([everything.whole])
    add(everything.row("all", seed=0))
    for seed in seeds:
        for order in ("ranked", "random"):
            sitting = _Geologist(folder / f"{order}-{seed}", data, icssn, training)
            drawn = np.random.default_rng(seed).permutation(np.array(sitting.grid(), object)).tolist()
            sitting.label(drawn[:BEGIN])
            add(sitting.row(order, seed=seed))
            done = BEGIN
            for more in steps:
                sitting.label(sitting.suggested(more) if order == "ranked" else drawn[done : done + more])
                add(sitting.row(order, seed=seed))
                done += more
    figures = {"object_f1_of_all_labels": rows[0]["object_f1"]}
    for order in ("ranked", "random"):
        reached = [_reached([row for row in rows if (row["order"], row["seed"]) == (order, s)], rows[0]) for s in seeds]
        if all(share is not None for share in reached):
            figures[f"label_share_for_95_{order}"] = float(np.mean([share for share in reached if share is not None]))
    return figures, rows


def _reached(rows: list[dict[str, Any]], everything: dict[str, Any]) -> float | None:
    """Give the share of labels at which the wanted F1 was first reached, None where it never was."""
    wanted = WANTED * everything["object_f1"]
    before: dict[str, Any] | None = None
    for row in rows:
        if row["object_f1"] >= wanted:
            if before is None or row["object_f1"] == before["object_f1"]:
                return float(row["landslides"] / everything["landslides"])
            part = (wanted - before["object_f1"]) / (row["object_f1"] - before["object_f1"])
            count = before["landslides"] + part * (row["landslides"] - before["landslides"])
            return float(count / everything["landslides"])
        before = row
    return None


class _Geologist:
    """One workspace in which windows of the training scene are labelled bit by bit."""

    def __init__(self, workspace: Path, data: Path, icssn: Icssn, training: Sequence[str]) -> None:
        self._run, self._workspace, self._training, self._data = icssn, workspace, training, data
        for side in ("train", "test"):
            icssn(workspace, "scene", "add", data / f"{side}_scene.tif", "--name", side)
        self._ws = actions.open_workspace(workspace)
        self.scene: Scene = actions.find_scene(self._ws, "train")
        truth = read_labels(data / "train_scene_labels.gpkg", facts=self.scene.facts, scene_name="train").labels
        self._truth = {f"slide{i}": label.geometry_lonlat for i, label in enumerate(truth)}

    @property
    def whole(self) -> BaseGeometry:
        """The scene's ground."""
        return self._ground(0, 0, self.scene.facts.width, self.scene.facts.height)

    def grid(self) -> list[BaseGeometry]:
        """Give all windows side by side; the last ones of a row or column may be narrower."""
        facts = self.scene.facts
        places = [(col, row) for row in range(0, facts.height, WINDOW_PX) for col in range(0, facts.width, WINDOW_PX)]
        ends = [(min(col + WINDOW_PX, facts.width), min(row + WINDOW_PX, facts.height)) for col, row in places]
        return [self._ground(*place, *end) for place, end in zip(places, ends, strict=True)]

    def label(self, windows: Sequence[BaseGeometry]) -> None:
        """Label every landslide that touches the windows, and the windows as label areas."""
        there = {label.uid for label in actions.list_labels(self._ws, self.scene.id)}
        touched = shapely.union_all(list(windows))
        new = [
            NewLabel(uid=uid, geometry_lonlat=outline)
            for uid, outline in self._truth.items()
            if uid not in there and outline.intersects(touched)
        ]
        new += [NewLabel(geometry_lonlat=window, cls=LabelClass.label_area) for window in windows]
        actions.save_edits(self._ws, self.scene.id, Edits(created=tuple(new)))

    def suggested(self, count: int) -> list[BaseGeometry]:
        """Predict the scene with the model as it is and give the windows that the tool suggests."""
        self._run(self._workspace, "predict", "--scene", "train")
        prediction = actions.latest_prediction(self._ws, self.scene.id)
        return [item.geometry_lonlat for item in actions.suggest_areas(self._ws, prediction.id, count=count)]

    def row(self, order: str, *, seed: int) -> dict[str, Any]:
        """Train on the labels as they are, judge the model on the test scene."""
        self._run(self._workspace, "train", "--scene", "train", *self._training)
        truth = self._data / "test_scene_mask.tif"
        judged = self._run(self._workspace, "evaluate", "--scene", "test", "--truth", truth)["metrics"]
        recall, precision = judged.get("object_recall_cov30", 0.0), judged.get("object_precision_cov30", 0.0)
        both = recall + precision
        slides = actions.list_labels(self._ws, self.scene.id, cls=LabelClass.landslide)
        return {
            "order": order,
            "seed": seed,
            "landslides": len(slides),
            "object_f1": 2 * recall * precision / both if both else 0.0,
            "f1": judged.get("f1", 0.0),
        }

    def _ground(self, left: int, top: int, right: int, bottom: int) -> BaseGeometry:
        a, b, c, d, e, f = self.scene.facts.transform
        corners = box(left, top, right, bottom)
        placed = shapely.transform(corners, lambda x, y: (a * x + b * y + c, d * x + e * y + f), interleaved=False)
        return crs.to_lonlat(placed, self.scene.facts.crs_wkt)
