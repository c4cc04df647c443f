"""Scenes to judge the method on, composed from labelled tiles: off-centre crops on a grid, randomly turned."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
import shapely
from affine import Affine
from shapely.geometry import box

from icssn.chips.cut import ChipSource
from icssn.chips.ground import to_lonlat
from icssn.datasets import bijie
from icssn.datasets.mosaic import write_mosaic
from icssn.datasets.sample import Mask, Pixels
from icssn.imagery.open import inspect
from icssn.records import Label, LabelClass, LabelStatus, RasterFacts

CELL_PX = 168  # of a tile's 224: landslides are no longer in the middle
TEST_LANDSLIDES, TEST_BACKGROUND = 100, 80  # tiles of the test scene, the same for every seed
BACKGROUND_PER_LANDSLIDE = 1.25  # as in the given scenes, which have 64 landslides on 144 cells


@dataclass(frozen=True)
class Scene:
    """A raster and its truth on the same grid."""

    name: str
    raster: Path
    mask: Path
    facts: RasterFacts
    cell_px: int


@dataclass(frozen=True)
class Task:
    """Where to learn and where to be judged."""

    source: ChipSource
    tests: tuple[Scene, ...]


def given_scenes(data: Path, folder: Path, seed: int) -> Task:
    """Learn from the composed training scene, be judged on the test scene; the same for every seed."""
    root = data / "bijie_scenes"
    train, test = (
        Scene(f"{side}_scene", root / f"{side}_scene.tif", root / f"{side}_scene_mask.tif", facts, CELL_PX)
        for side in ("train", "test")
        for facts in (inspect(root / f"{side}_scene.tif"),)
    )
    return Task(source_of(train), (test,))


def bijie_tiles(landslides: int) -> Callable[[Path, Path, int], Task]:
    """Learn from so many landslides; be judged on 100 others, and on those of low contrast that are left."""

    def compose(data: Path, folder: Path, seed: int) -> Task:
        root = data / "bijie"
        samples_of = {sample.name: sample for sample in bijie.samples(root)}
        with (root / "index.csv").open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        chance = np.random.default_rng(0)  # which tiles judge does not depend on the seed
        slides = chance.permutation([row["name"] for row in rows if row["landslide"] == "1"])
        empty = chance.permutation([row["name"] for row in rows if row["landslide"] == "0"])
        dim = {row["name"] for row in rows if row["low_contrast"] == "1"}
        judging, left = slides[:TEST_LANDSLIDES], slides[TEST_LANDSLIDES:]
        dim_judging = [name for name in slides if name in dim][: TEST_LANDSLIDES // 2]
        free = [name for name in left if name not in dim_judging]
        learning = np.random.default_rng([1, seed]).permutation(free)[:landslides]
        background = np.resize(empty[TEST_BACKGROUND:], round(BACKGROUND_PER_LANDSLIDE * landslides))
        plans = {
            "train": (seed, [*learning, *background]),
            "test": (0, [*judging, *empty[:TEST_BACKGROUND]]),
            "low_contrast": (0, [*dim_judging, *empty[: TEST_BACKGROUND // 2]]),
        }
        train, *tests = (
            _mosaic(folder, name, [samples_of[tile].read() for tile in tiles], seed=of_plan, cell_px=CELL_PX)
            for name, (of_plan, tiles) in plans.items()
        )
        return Task(source_of(train), tuple(tests))

    return compose


def bijie_points(outlined: int, pointed: int) -> Callable[[Path, Path, int], Task]:
    """Learn from so many outlines and so many points, "a landslide is here, its boundary unknown"; judged likewise."""

    def compose(data: Path, folder: Path, seed: int) -> Task:
        task = bijie_tiles(outlined + pointed)(data, folder, seed)
        scene = Scene(
            "train", task.source.raster, task.source.raster.with_name("train_mask.tif"), task.source.facts, CELL_PX
        )
        return replace(task, source=partly_outlined(scene, outlined, seed=seed))

    return compose


def tianshui(data: Path, folder: Path, seed: int) -> Task:
    """Learn from four tiles of the Loess Plateau's margin (near infrared, red, green), be judged on the other two."""
    samples_of = {sample.name: sample for sample in bijie.samples(data / "tianshui_geoeye1")}  # the same two folders
    order = np.random.default_rng([2, seed]).permutation(sorted(samples_of))
    train, test = (
        _mosaic(folder, side, [samples_of[name].read() for name in part], seed=seed, cell_px=600)
        for side, part in (("train", order[:4]), ("test", order[4:]))
    )
    return Task(source_of(train), (test,))


TASKS: dict[str, Callable[[Path, Path, int], Task]] = {
    "scene": given_scenes,
    **{f"tiles-{count}": bijie_tiles(count) for count in (16, 32, 64, 128)},
    "points-16": bijie_points(16, 48),
    "tianshui": tianshui,
}


def source_of(scene: Scene) -> ChipSource:
    """Give a scene as training reads it: the outlines of its mask as labels, complete over the whole scene."""
    with rasterio.open(scene.mask) as dataset:
        mask: Mask = dataset.read(1)
    labels = [_label(scene, f"{number:04d}", outline) for number, outline in enumerate(_outlines(mask))]
    return _source(scene, [*labels, _area(scene, box(0, 0, scene.facts.width, scene.facts.height))])


def partly_outlined(scene: Scene, outlined: int, *, seed: int) -> ChipSource:
    """Give a scene on whose cells with a landslide so many, drawn by chance, have outlines and the others a point.

    Cells with a point lie in no label area: what else is there, nobody said.
    """
    with rasterio.open(scene.mask) as dataset:
        mask: Mask = dataset.read(1)
    side = scene.cell_px
    cells = [(row, col) for row in range(0, scene.facts.height, side) for col in range(0, scene.facts.width, side)]
    slides = [cell for cell in cells if (mask[cell[0] :, cell[1] :][:side, :side] == 1).any()]
    drawn = np.random.default_rng([3, seed]).permutation(len(slides))[:outlined]
    known = {slides[number] for number in drawn}
    labels, unknown = [], []
    for number, (row, col) in enumerate(slides):
        window = box(col, row, col + side, row + side)
        found = _outlines(mask[row : row + side, col : col + side], at=(row, col))
        if (row, col) in known:
            labels += [_label(scene, f"{number:04d}-{part}", outline) for part, outline in enumerate(found)]
        else:
            place = max(found, key=lambda outline: outline.area).representative_point()
            labels.append(_label(scene, f"{number:04d}", place, LabelClass.landslide_point))
            unknown.append(window)
    area = box(0, 0, scene.facts.width, scene.facts.height).difference(shapely.union_all(unknown))
    return _source(scene, [*labels, _area(scene, area)])


def _outlines(mask: Mask, *, at: tuple[int, int] = (0, 0)) -> list[shapely.Geometry]:
    """Give the outlines of the landslides of a part of a scene that begins at (row, col), in the scene's pixels."""
    row, col = at
    grid = Affine.translation(col, row)
    return [
        shapely.geometry.shape(found) for found, _ in rasterio.features.shapes(mask, mask=mask == 1, transform=grid)
    ]


def _label(scene: Scene, uid: str, geometry_px: shapely.Geometry, cls: LabelClass = LabelClass.landslide) -> Label:
    return Label(
        uid=uid,
        scene_id=scene.name,
        geometry_lonlat=to_lonlat(geometry_px, scene.facts),
        cls=cls,
        status=LabelStatus.accepted,
        source="imported",
    )


def _area(scene: Scene, geometry_px: shapely.Geometry) -> Label:
    return _label(scene, "area", geometry_px, LabelClass.label_area)


def _source(scene: Scene, labels: list[Label]) -> ChipSource:
    return ChipSource(scene_id=scene.name, raster=scene.raster, facts=scene.facts, labels=labels, revision=1)


def _mosaic(folder: Path, name: str, tiles: Sequence[Pixels], *, seed: int, cell_px: int) -> Scene:
    """Write tiles in random order on a nearly square grid, each as a random crop of `cell_px`, turned and mirrored."""
    chance = np.random.default_rng([seed, len(tiles)])
    columns = int(np.ceil(np.sqrt(len(tiles))))
    spare = -len(tiles) % columns
    tiles = [*tiles, *tiles[len(tiles) - spare :]]  # the last ones, of background, once more: no cell stays empty
    cells = _crops(tiles, cell_px, chance)
    made = write_mosaic(folder, name, cells, count=len(tiles), cell_px=(cell_px, cell_px), pixel_m=bijie.PIXEL_M)
    return Scene(name, made.raster, made.mask, inspect(made.raster), cell_px)


def _crops(tiles: Sequence[Pixels], cell_px: int, chance: np.random.Generator) -> Iterator[Pixels]:
    for number in chance.permutation(len(tiles)):
        image, mask = tiles[number]
        row, column = (chance.integers(0, side - cell_px + 1) for side in mask.shape)
        turns, mirrored = chance.integers(0, 4), chance.random() < 0.5
        whole = np.concatenate([image, mask[None]])[:, row : row + cell_px, column : column + cell_px]
        turned = np.rot90(whole, turns, (1, 2))
        turned = turned[:, :, ::-1] if mirrored else turned
        yield turned[:3], turned[3]
