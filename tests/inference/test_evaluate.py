"""Figures agree with what can be counted by hand, and a truth on another grid is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window
from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry

from icssn.chips.ground import to_lonlat
from icssn.errors import RasterRefusedError
from icssn.geo.measures import measures
from icssn.imagery.write import write_grid
from icssn.inference.evaluate import Scored, drawn, evaluate, reliability_curve
from icssn.records import Label, LabelClass, LabelRecord, LabelStatus, RasterFacts, Scene, new_id
from icssn.vectors.truth import read_truth
from icssn.vectors.write import write_labels
from tests.inference.conftest import NORTH_UP

SIDE = 100


@pytest.fixture
def facts(write_scene: Callable[..., tuple[Path, RasterFacts]]) -> RasterFacts:
    return write_scene(np.full((3, SIDE, SIDE), 100, np.uint8))[1]


@pytest.fixture
def probability(tmp_path: Path, facts: RasterFacts) -> Path:
    """Rows 20-39 are predicted as landslide, and a speck of 9 px; the last ten rows are nodata."""
    values = np.full((SIDE, SIDE), 25, np.uint8)
    values[20:40] = 200
    values[60:63, 60:63] = 200
    values[90:] = 255
    path = tmp_path / "probability.tif"
    write_grid(path, [(Window(0, 0, SIDE, SIDE), values)], like=facts, nodata=255, tags={})
    return path


def truth_of(row: int, rows: int) -> NDArray[np.uint8]:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[row : row + rows] = 1
    return mask


def write(
    path: Path, mask: NDArray[Any], *, crs: str = "EPSG:32648", transform: Affine = NORTH_UP, **kind: Any
) -> Path:
    shape = {"count": 1, "height": mask.shape[0], "width": mask.shape[1], "dtype": mask.dtype, **kind}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **shape) as made:
        made.write(mask, 1)
    return path


def test_half_shifted_truth_gives_an_iou_of_a_third(probability: Path, facts: RasterFacts, tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.tif", truth_of(30, 20))
    figures = evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10)
    assert figures["iou"] == pytest.approx(1 / 3)
    assert figures["f1"] == figures["precision"] == figures["recall"] == pytest.approx(0.5)
    assert figures["pixel_accuracy"] == pytest.approx(1 - 20 / 90)  # nodata is not judged


def test_small_objects_count_unless_they_are_sieved(probability: Path, facts: RasterFacts, tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.tif", truth_of(20, 20))
    assert evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10)["precision"] == 1
    assert evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=0)["precision"] < 1


def label(facts: RasterFacts, outline_px: BaseGeometry, cls: str = "landslide", status: str = "accepted") -> Label:
    place = to_lonlat(outline_px, facts)
    return Label(uid=new_id(), scene_id="s", geometry_lonlat=place, cls=LabelClass(cls), status=LabelStatus(status))


def exported(path: Path, labels: list[Label], facts: RasterFacts) -> tuple[Label, ...]:
    """Export labels and read them back as truth."""
    records = [LabelRecord(label=one, measures=measures(one.geometry_lonlat), provenance={}) for one in labels]
    write_labels(path, records, facts=facts)
    return read_truth(path, scene=Scene(id="s", name="s", original="", facts=facts)).labels


def test_outlines_and_mask_of_the_same_landslides_give_the_same(
    probability: Path, facts: RasterFacts, tmp_path: Path
) -> None:
    truth = write(tmp_path / "truth.tif", truth_of(30, 20))
    labels = [label(facts, box(0, 30, SIDE, 50)), label(facts, box(0, 0, SIDE, SIDE), "label_area")]
    mask = drawn(labels, facts=facts, point_radius_px=8)
    figures = evaluate(probability, mask, facts=facts, threshold=0.5, min_object_px=10)
    assert figures == evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10)
    assert reliability_curve(probability, mask, facts=facts) == reliability_curve(probability, truth, facts=facts)


def test_a_perfect_map_is_perfect_against_our_own_export(probability: Path, facts: RasterFacts, tmp_path: Path) -> None:
    labels = [
        label(facts, box(0, 20, SIDE, 40)),
        label(facts, box(0, 0, SIDE, SIDE), "label_area"),
        label(facts, box(10, 45, 40, 55), "hard_negative"),
        label(facts, box(50, 45, 90, 55), status="rejected"),
        label(facts, box(50, 60, 90, 70), status="proposed"),
        label(facts, Point(20, 75), "landslide_point"),
    ]
    for name in ("a.gpkg", "a.geojson", "a.zip", "a.csv", "a.kml", "a.coco.json"):
        mask = drawn(exported(tmp_path / name, labels, facts), facts=facts, point_radius_px=8)
        figures = evaluate(probability, mask, facts=facts, threshold=0.5, min_object_px=10)
        assert (figures["f1"], figures["true_objects"]) == (1, 1), name
        unknown = 40 * 10 + np.pi * 8**2
        assert figures["judged_px"] == pytest.approx(90 * SIDE - unknown, abs=10), name


def test_what_labels_leave_unknown_is_not_judged(facts: RasterFacts) -> None:
    labels = [
        label(facts, box(10, 10, 60, 60), "label_area"),
        label(facts, box(60, 60, 90, 90), "label_area", "proposed"),
        label(facts, box(20, 20, 30, 30)),
        label(facts, box(55, 20, 70, 30)),  # partly outside of the area
        label(facts, box(70, 10, 80, 20), "hard_negative"),
        label(facts, box(25, 25, 40, 40), status="proposed"),
        label(facts, Point(50, 50), "landslide_point"),
        label(facts, Point(25, 22), "landslide_point"),  # of an outlined landslide
        label(facts, Point(15, 55), "landslide_point", "rejected"),
    ]
    truth = np.full((SIDE, SIDE), 255, np.uint8)
    truth[10:60, 10:60] = 0
    rows, cols = np.indices(truth.shape) + 0.5
    truth[np.hypot(rows - 50, cols - 50) < 4] = 255
    truth[25:40, 25:40] = 255
    truth[20:30, 20:30] = truth[20:30, 55:60] = 1
    assert np.array_equal(drawn(labels, facts=facts, point_radius_px=4), truth)


@pytest.mark.parametrize("nodata", [None, 255])
def test_255_in_the_truth_is_not_judged(
    probability: Path, facts: RasterFacts, tmp_path: Path, nodata: int | None
) -> None:
    mask = truth_of(30, 20)
    mask[:30] = 255
    truth = write(tmp_path / "truth.tif", mask, nodata=nodata)
    figures = evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10)
    assert (figures["precision"], figures["recall"]) == (1, 0.5)


def test_background_declared_as_nodata_is_background(probability: Path, facts: RasterFacts, tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.tif", truth_of(30, 20), nodata=0)
    figures = evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10)
    assert figures["iou"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"mask": np.ones((SIDE, SIDE + 1), np.uint8)}, "its size is 101 × 100 px"),
        ({"crs": "EPSG:32647"}, "its CRS is another one"),
        ({"transform": NORTH_UP @ Affine.translation(0.5, 0)}, "its pixels lie elsewhere"),
        ({"transform": NORTH_UP @ Affine.scale(1.001)}, "its pixels lie elsewhere"),
        ({"mask": truth_of(30, 20) * 2}, "it holds the value 2"),
        ({"mask": truth_of(30, 20) * 255}, "it holds 255 where 1 is expected"),
    ],
)
def test_a_truth_that_does_not_fit_is_refused_with_the_reason(
    probability: Path, facts: RasterFacts, tmp_path: Path, changes: dict[str, Any], found: str
) -> None:
    truth = write(tmp_path / "truth.tif", **{"mask": truth_of(30, 20), **changes})
    with pytest.raises(RasterRefusedError, match=found):
        evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10)


def test_scores_of_candidates_are_judged_by_how_they_rank(
    probability: Path, facts: RasterFacts, tmp_path: Path
) -> None:
    truth = write(tmp_path / "truth.tif", truth_of(30, 20))

    def across(row: int) -> Any:
        left, top = NORTH_UP @ (0, row)
        return box(left, top - 10, left + SIDE, top)

    candidates = [
        Scored(across(30), 0.9, 0.2, 0.9),  # true
        Scored(across(44), 0.8, 0.9, 0.1),  # 60 % of it true
        Scored(across(70), 0.1, 0.5, 0.5),  # false
    ]
    figures = evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10, candidates=candidates)
    areas = [figures[f"object_auc_{name}"] for name in ("fused", "mask", "classifier")]
    assert areas == [1.0, 0.5, 0.5]
    alone = evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10, candidates=candidates[:1])
    assert not any(name.startswith("object_auc") for name in alone)


def test_candidates_on_ground_that_is_not_judged_do_not_count(
    probability: Path, facts: RasterFacts, tmp_path: Path
) -> None:
    mask = truth_of(30, 20)
    mask[50:] = 255
    truth = write(tmp_path / "truth.tif", mask)
    candidates = [
        Scored(box(*(NORTH_UP @ (0, row + 10)), *(NORTH_UP @ (SIDE, row))), score, score, score)
        for row, score in ((30, 0.7), (5, 0.4), (60, 0.9), (45, 0.8), (75, 0.95))  # true, false, unknown, half, unknown
    ]
    figures = evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10, candidates=candidates)
    assert [figures[f"object_auc_{name}"] for name in ("fused", "mask", "classifier")] == [1, 1, 1]
    both = [candidates[0], candidates[2]]
    alone = evaluate(probability, truth, facts=facts, threshold=0.5, min_object_px=10, candidates=both)
    assert not any(name.startswith("object_auc") for name in alone)


def test_the_reliability_curve_counts_every_judged_pixel(probability: Path, facts: RasterFacts, tmp_path: Path) -> None:
    truth = write(tmp_path / "truth.tif", truth_of(30, 20))
    low, high = reliability_curve(probability, truth, facts=facts)
    assert low["count"] + high["count"] == 90 * SIDE
    assert low["probability"] == pytest.approx(25 / 254)
    assert high["frequency"] == pytest.approx(10 * SIDE / (20 * SIDE + 9))
