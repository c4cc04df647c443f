"""COCO annotations of other programs: of the right image, whole, or refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box

from icssn.errors import LabelsRefusedError
from icssn.geo import crs
from icssn.records import RasterFacts
from icssn.vectors.read import read_labels

SCENE = ("hill", "images/hill.tif")
OTHER = ("valley", "images\\valley.png")


def square(x: float, y: float) -> list[float]:
    return [x, y, x + 20, y, x + 20, y + 20, x, y + 20]


def coco(path: Path, *annotations: dict[str, Any], images: tuple[tuple[Any, str], ...] = (SCENE,)) -> Path:
    document = {
        "images": [{"id": number, "file_name": name, "width": 400, "height": 300} for number, name in images],
        "categories": [{"id": 1, "name": "scar"}],
        "annotations": [
            {"id": number, "image_id": "hill", "category_id": 1, **item}
            for number, item in enumerate(annotations, start=1)
        ],
    }
    path.write_text(json.dumps(document))
    return path


def corners(path: Path, facts: RasterFacts, scene_name: str = "hill") -> list[tuple[int, int]]:
    """Give the upper left corners of the outlines in px."""
    labels = read_labels(path, facts=facts, scene_name=scene_name).labels
    places = [crs.from_lonlat(label.geometry_lonlat, facts.crs_wkt).bounds for label in labels]
    return [(round((west - 600_000) / 2), round((3_800_000 - north) / 2)) for west, _, _, north in places]


def test_of_several_images_the_one_is_read_that_is_called_as_the_scene(tmp_path: Path, facts: RasterFacts) -> None:
    both = [{"segmentation": [square(10, 30)]}, {"segmentation": [square(60, 80)], "image_id": "valley"}]
    path = coco(tmp_path / "a.json", *both, images=(SCENE, OTHER))
    assert corners(path, facts) == [(10, 30)]
    assert corners(path, facts, "valley") == [(60, 80)]
    assert corners(path, facts, "valley.png") == [(60, 80)]
    with pytest.raises(LabelsRefusedError, match=r"annotations of 2 images \(hill.tif, valley.png\); one annotated"):
        corners(path, facts, "mountain")
    many = [{"segmentation": [square(10, 30)], "image_id": number} for number in range(9)]
    path = coco(tmp_path / "a.json", *many, images=tuple((number, f"{number}.tif") for number in range(9)))
    with pytest.raises(LabelsRefusedError, match=r"of 9 images \(0.tif, 1.tif, 2.tif, 3.tif, 4.tif, 5.tif, …\)"):
        corners(path, facts)


def test_the_only_annotated_image_is_read_whatever_it_is_called(tmp_path: Path, facts: RasterFacts) -> None:
    path = coco(tmp_path / "a.json", {"segmentation": [square(10, 30)]}, images=(SCENE, OTHER))
    assert corners(path, facts, "mountain") == [(10, 30)]
    with pytest.raises(LabelsRefusedError, match="no features"):  # the scene's own image has no annotation
        corners(path, facts, "valley")


def test_attributes_of_another_program_leave_category_and_number(tmp_path: Path, facts: RasterFacts) -> None:
    path = coco(tmp_path / "a.json", {"segmentation": [square(10, 30)], "attributes": {"occluded": False}})
    (label,) = read_labels(path, facts=facts, scene_name="hill").labels
    assert label.attributes == {"category": "scar", "coco_id": 1, "occluded": False}


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, 6, 7]],
        [["a", "b", "c", "d", "e", "f"]],
        [],
        "x",
        {"size": [300, 400], "counts": [120_000]},
        {"size": [300, 400], "counts": ["a"]},
    ],
    ids=["two corners", "odd", "text", "none", "no list", "nothing enclosed", "text in runs"],
)
def test_an_annotation_without_an_outline_is_refused_by_its_number(
    tmp_path: Path, facts: RasterFacts, segmentation: Any
) -> None:
    path = coco(tmp_path / "a.json", {"segmentation": [square(10, 30)]}, {"segmentation": segmentation})
    with pytest.raises(LabelsRefusedError, match="annotation 2 has no outline that can be read"):
        corners(path, facts)


def test_run_lengths_of_another_size_are_refused(tmp_path: Path, facts: RasterFacts) -> None:
    runs = {"size": [300, 400], "counts": [300 * 10 + 30, 20, 120_000 - 300 * 10 - 50]}
    path = coco(tmp_path / "a.json", {"segmentation": runs})
    assert corners(path, facts) == [(10, 30)]
    for size in ([400, 300], [150, 800], [300, 401]):
        coco(path, {"segmentation": {**runs, "size": size}})
        with pytest.raises(LabelsRefusedError, match="run lengths that do not fit the image"):
            corners(path, facts)


@pytest.mark.parametrize("depth", [960, 20_000])
def test_attributes_that_nest_too_deeply_are_refused(tmp_path: Path, facts: RasterFacts, depth: int) -> None:
    path = coco(tmp_path / "a.json", {"segmentation": [square(10, 30)], "attributes": {"deep": "X"}})
    path.write_text(path.read_text().replace('"X"', "[" * depth + "]" * depth))
    with pytest.raises(LabelsRefusedError, match=r"cannot be read|Field 'deep'"):
        read_labels(path, facts=facts, scene_name="hill")


def test_our_own_annotations_need_no_image(tmp_path: Path, facts: RasterFacts) -> None:
    place = crs.to_lonlat(box(600_100, 3_799_500, 600_300, 3_799_700), facts.crs_wkt)
    ours = {"geometry_lonlat": place.__geo_interface__, "attributes": {"name": "A"}, "segmentation": []}
    path = coco(tmp_path / "a.json", ours, {"segmentation": [square(10, 30)]})
    assert corners(path, facts) == [(50, 150), (10, 30)]
    labels = read_labels(path, facts=facts, scene_name="hill").labels
    assert labels[0].attributes == {"name": "A"}
