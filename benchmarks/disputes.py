"""Whether wrong labels are found: labels planted where nothing slid, and true ones left out, on a real scene.

A model learns from one scene (or is taken with a trained workspace) and predicts another, of which it knows nothing, as
in a fold of the cross-validation. In each of twenty trials ten of the true labels are left out and ten others are
planted elsewhere, in the shape of true ones. Counted is how many of both stand in the lists of `review.disputes`, how
long these lists are, and how many of their first ten entries are right. What is disputed of the untouched labels stands
beside it: some of those are wrong as well.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.transform import Affine
from report import parser_of, tell
from review import DATA, icssn, prepared
from shapely import affinity
from shapely.geometry import Polygon

from icssn import actions
from icssn.geo import shapes
from icssn.metrics.pixels import exceeds
from icssn.review.disputes import doubted_ground, doubted_labels

PLANTED, TRIALS, FIRST = 10, 20, 10

Pixels = npt.NDArray[np.uint8]


def main() -> None:
    """Measure and print or write the figures."""
    parser = parser_of(__doc__, quick="one short round of training, three trials")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with train_scene.tif … test_scene_mask.tif")
    parser.add_argument("--workspace", type=Path, help="a workspace with a trained model and the scene 'test'")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"No imagery at {options.data}: give its folder with --data.")
    with ExitStack() as ends:
        workspace = options.workspace or prepared(
            Path(ends.enter_context(tempfile.TemporaryDirectory())), options.data, quick=options.quick
        )
        icssn(workspace, "predict", "--scene", "test")
        ws = actions.open_workspace(workspace)
        prediction = actions.latest_prediction(ws, actions.find_scene(ws, "test").id)
        with rasterio.open(ws.path(prediction.probability)) as stored:
            probability: Pixels = stored.read(1)
        ws.close()
    with rasterio.open(options.data / "test_scene_mask.tif") as dataset:
        truth: Pixels = dataset.read(1)
    figures = planted(
        truth, probability, exceeds(probability, prediction.threshold), trials=3 if options.quick else TRIALS
    )
    tell("disputes", options, figures)


def planted(truth: Pixels, probability: Pixels, mask: npt.NDArray[np.bool_], *, trials: int) -> dict[str, float]:
    """Give means over the trials."""
    outlines = shapes.polygons(truth, transform=Affine.identity())
    untouched = doubted_labels({str(i): outline for i, outline in enumerate(outlines)}, probability, mask)
    sums: Counter[str] = Counter()
    for trial in range(trials):
        chance = np.random.default_rng(trial)
        order = chance.permutation(len(outlines))
        left_out = [outlines[i] for i in order[:PLANTED]]
        labels = {f"true {i}": outlines[i] for i in order[PLANTED:]}
        labels |= {f"false {i}": outline for i, outline in enumerate(_elsewhere(outlines, truth, chance))}
        disputed = [doubt.uid.startswith("false") for doubt in doubted_labels(labels, probability, mask)]
        ground = [item.outline_px for item in doubted_ground(_drawn(labels.values(), truth), probability, mask)]
        right = [any(place.intersects(outline) for outline in left_out) for place in ground]
        sums.update(
            {
                "false_labels_found": sum(disputed),
                "disputed_labels": len(disputed),
                "false_in_first_ten": sum(disputed[:FIRST]),
                "left_out_found": sum(any(place.intersects(outline) for place in ground) for outline in left_out),
                "overlooked_places": len(ground),
                "left_out_in_first_ten": sum(right[:FIRST]),
            }
        )
    figures = {name: count / trials for name, count in sums.items()}
    return figures | {
        "labels": len(outlines),
        "disputed_untouched": len(untouched),
        "overlooked_untouched": len(doubted_ground(truth, probability, mask)),
    }


def _elsewhere(outlines: list[Polygon], truth: Pixels, chance: np.random.Generator) -> list[Polygon]:
    """Give outlines moved to where nothing slid."""
    height, width = truth.shape
    found: list[Polygon] = []
    while len(found) < PLANTED:
        outline = outlines[chance.integers(len(outlines))]
        left, top, right, bottom = outline.bounds
        moved = affinity.translate(outline, chance.uniform(-left, width - right), chance.uniform(-top, height - bottom))
        if not truth[_drawn([moved], truth) == 1].any() and not any(moved.intersects(other) for other in found):
            found.append(moved)
    return found


def _drawn(outlines: Iterable[Polygon], like: Pixels) -> Pixels:
    return shapes.rasterise(
        outlines,
        transform=Affine.identity(),
        width=like.shape[1],
        height=like.shape[0],
    )


if __name__ == "__main__":
    main()
