"""Cut scenes into training examples: chip images, chip masks and a manifest, with nothing leaking across the split.

Training chips lie on landslides, on landslide points (whose masks know a spot), on hard negatives and on varied
ground without any. Validation chips are tiles of the held-out rectangle: each of its pixels is judged exactly once,
at its true share of landslides and with landslides anywhere in the chip, so that the threshold chosen there holds for
whole scenes.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from icssn.chips.ground import IGNORE, LANDSLIDE, Ground, survey, to_lonlat, to_pixels
from icssn.chips.masks import mask_of, shows_enough
from icssn.chips.plan import Plan, background_plans, background_wanted, object_plans, validation_plans
from icssn.chips.split import HeldOut, Rectangle, hold_out, nothing_to_hold_out
from icssn.chips.stack import growing
from icssn.chips.verify import check_no_leak, require_both_sides, require_labels
from icssn.config import ChipConfig, TerrainLayer
from icssn.durable import whole_file, write_text
from icssn.errors import NotFoundError, NotTrainableError
from icssn.geo import shapes
from icssn.imagery.sight import Sight, open_sight
from icssn.records import Chip, Label, Manifest, Progress, Raster, RasterFacts

IMAGES, MASKS, MANIFEST = "images.npy", "masks.npy", "manifest.json"
MAX_EMPTY_TILES = 400  # validation tiles without any object, of a run: about half a minute of judging on two cores

_ALL_SEEN = (
    "The model that this run would go on from has learned from all of this ground, so that none is left to judge it "
    "on: train in full."
)

Pixels = npt.NDArray[np.uint8]
Report = Callable[[Progress], None]


@dataclass(frozen=True)
class ChipSource:
    """One scene to learn from: its rasters, and its labels frozen at a revision."""

    scene_id: str
    raster: Raster
    facts: RasterFacts
    labels: list[Label]
    revision: int
    validation_bounds_px: Rectangle | None = None  # (col, row, width, height); kept where given
    dem: Path | None = None  # its elevation raster, if it has one
    may_hold_out: bool = True  # else it is only trained on: the network has seen all of it before


@dataclass(frozen=True)
class _Prepared:
    """All that is decided about one scene before its pixels are read."""

    source: ChipSource
    ground: Ground
    zone: BaseGeometry  # where training masks know nothing, px
    plans: list[Plan]
    background: int  # training chips without a landslide that are wanted


def cut(
    sources: Sequence[ChipSource],
    folder: Path,
    *,
    config: ChipConfig,
    seed: int,
    terrain: tuple[TerrainLayer, ...] = (),
    report: Report | None = None,
) -> Manifest:
    """Write the chips of a run: `images.npy`, `masks.npy` and, last, `manifest.json`.

    Stored chips are squares of S = size_px + 2 · margin_px; a chip's `col` and `row` are its upper left corner, which
    may lie outside the raster. Images are uint8 (N, C, S, S): the bands in the scenes' stretch, then the terrain. Masks
    are uint8 (N, S, S): 0 background, 1 landslide, 2 spot of a landslide point (training only), 255 ignore (outside
    label areas and hard negatives, nodata, proposed landslides, else within `config.point_radius_chips` of a
    landslide point).
    Training masks know nothing within the buffer around any held-out rectangle, overlapping scenes included;
    validation masks know only their own tile of it.

    Args:
        sources: Scenes; all must have the same number of bands.
        folder: Written to; an earlier cut there is replaced.
        config: Sizes, shares and limits.
        seed: Of places and jitter; the split does not depend on it.
        terrain: Layers of the scenes' elevation rasters that the chips show as well.
        report: Told how far the work is; what it raises stops the work, and nothing is left but the empty folder.

    Raises:
        NotTrainableError: Too few landslides, no background, or nothing that can be held out; says what to do.
        RasterRefusedError: A raster cannot be read, or terrain is asked for and a scene has no elevation raster.
        DiskFullError: The disk is full.
    """
    bands = _common_bands(sources)
    radius_px = config.point_radius_chips * config.size_px
    grounds = {source.scene_id: survey(source.labels, source.facts, point_radius_px=radius_px) for source in sources}
    require_labels(grounds, config)
    held = _hold_out(sources, grounds, config)
    scenes = _prepare(sources, grounds, held, config=config, seed=seed)
    rectangles = {scene_id: h.rectangle for scene_id, h in held.items()}
    buffer_px = min(h.buffer_px for h in held.values())
    side_px = config.size_px + 2 * config.margin_px

    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)  # arrays without a manifest are no chips
    chips: list[Chip] = []
    digest = hashlib.sha256()
    with whole_file(folder / IMAGES) as image_draft, whole_file(folder / MASKS) as mask_draft:
        with (
            growing(image_draft, (bands + len(terrain), side_px, side_px)) as images,
            growing(mask_draft, (side_px, side_px)) as masks,
        ):
            for number, scene in enumerate(scenes):
                told = _share_of(report, number, len(scenes))
                for chip, image, mask in _chips(scene, terrain, first=len(chips), config=config, report=told):
                    chips.append(chip)
                    images.append(image)
                    masks.append(mask)
                    digest.update(image.tobytes() + mask.tobytes())
        digest.update(json.dumps([[chip.model_dump() for chip in chips], rectangles, buffer_px]).encode())
        manifest = Manifest(
            chips=tuple(chips),
            revisions={source.scene_id: source.revision for source in sources},
            validation_bounds_px=rectangles,
            buffer_px=buffer_px,
            bands=bands,
            terrain=terrain,
            seed=seed,
            fingerprint=digest.hexdigest(),
        )
        _verify(manifest, mask_draft, config)
    write_text(folder / MANIFEST, manifest.model_dump_json(indent=1))
    return manifest


def load(folder: Path) -> tuple[Manifest, Pixels, Pixels]:
    """Give the manifest and, mapped from disk, the images (N, C, S, S) and masks (N, S, S) of a cut.

    Raises:
        NotFoundError: The folder holds no finished cut.
    """
    if not (folder / MANIFEST).is_file():
        raise NotFoundError("set of chips", folder.name, remedy="Start the run again; it cuts them anew.")
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    return manifest, np.load(folder / IMAGES, mmap_mode="r"), np.load(folder / MASKS, mmap_mode="r")


# ---- cutting -----------------------------------------------------------------------------------------------------


def _chips(
    scene: _Prepared, terrain: tuple[TerrainLayer, ...], *, first: int, config: ChipConfig, report: Report
) -> Iterator[tuple[Chip, Pixels, Pixels]]:
    """Give one scene's chips with image and mask, numbered from `first`.

    What turns out to show too little of what it was planned for, and background beyond what is wanted, is left out.
    """
    index = first
    background = 0  # training chips so far
    every = max(1, len(scene.plans) // 20)
    source = scene.source
    with open_sight(Sight(source.raster, source.facts, source.dem, terrain)) as sight:
        for number, plan in enumerate(scene.plans):
            if number % every == 0:
                report(
                    Progress(fraction=number / len(scene.plans), message=f"cutting chip {number} of {len(scene.plans)}")
                )
            is_background = plan.split == "train" and plan.kind == "background"
            if is_background and background == scene.background:
                continue
            mask = mask_of(plan, scene.ground, hidden=scene.zone)
            if not shows_enough(mask, plan, config):  # known without the costly reading
                continue
            image, valid = sight.read(plan.window)
            mask[~valid] = IGNORE
            if not shows_enough(mask, plan, config) or (plan.kind == "landslide_point" and valid.mean() < 0.5):
                continue
            known = int((mask != IGNORE).sum())
            chip = Chip(
                index=index,
                scene_id=source.scene_id,
                col=int(plan.window.col_off),
                row=int(plan.window.row_off),
                size_px=int(plan.window.width),
                split=plan.split,
                kind=plan.kind,
                label_uid=plan.label_uid,
                landslide_fraction=int((mask == LANDSLIDE).sum()) / max(known, 1),
                known_fraction=known / mask.size,
                stands_for=plan.stands_for,
            )
            yield chip, image, mask
            index += 1
            background += is_background


# ---- the split ---------------------------------------------------------------------------------------------------


def _hold_out(sources: Sequence[ChipSource], grounds: dict[str, Ground], config: ChipConfig) -> dict[str, HeldOut]:
    """Give what each scene holds out; scenes where nothing can be are only trained on."""
    if not any(source.may_hold_out for source in sources):
        raise NotTrainableError([_ALL_SEEN])
    held = {}
    for source in (source for source in sources if source.may_hold_out):
        ground = grounds[source.scene_id]
        found = hold_out(
            ground.background, list(ground.landslides.values()), config=config, fixed=source.validation_bounds_px
        )
        if found:
            held[source.scene_id] = found
    if not held:
        raise NotTrainableError([nothing_to_hold_out(sum(len(ground.landslides) for ground in grounds.values()))])
    return held


def _prepare(
    sources: Sequence[ChipSource],
    grounds: dict[str, Ground],
    held: dict[str, HeldOut],
    *,
    config: ChipConfig,
    seed: int,
) -> list[_Prepared]:
    zones, chances, objects, free = [], [], [], []
    for source in sources:
        ground = grounds[source.scene_id]
        grid = repr((source.facts.transform, source.facts.width, source.facts.height))
        chances.append(np.random.default_rng([seed, zlib.crc32(grid.encode())]))  # whatever else takes part
        zones.append(
            shapely.union_all([_carried(held[s.scene_id].zone, s, source) for s in sources if s.scene_id in held])
        )
        objects.append(object_plans(ground, zones[-1], config=config, rng=chances[-1]))
        free.append(shapes.repair(ground.areas.difference(zones[-1]))[0])
    landslides = [sum(plan.kind in ("landslide", "landslide_point") for plan in plans) for plans in objects]
    wanted = background_wanted(landslides, [place.area for place in free], config)
    most_empty = max(1, MAX_EMPTY_TILES // len(held))
    scenes = []
    for i, source in enumerate(sources):
        ground, rng = grounds[source.scene_id], chances[i]
        plans = objects[i] + background_plans(ground, free[i], wanted=wanted[i], config=config, rng=rng)
        if source.scene_id in held:
            rectangle = held[source.scene_id].rectangle
            plans += validation_plans(ground, rectangle, most_empty=most_empty, config=config)
        scenes.append(_Prepared(source, ground, zones[i], plans, background=wanted[i]))
    return scenes


def _carried(zone: BaseGeometry, source: ChipSource, to: ChipSource) -> BaseGeometry:
    """Carry a zone from one scene's pixels to another's: scenes of the same place must not tell on each other."""
    if source.scene_id == to.scene_id:
        return zone
    if not shapely.box(*source.facts.bounds_lonlat).intersects(shapely.box(*to.facts.bounds_lonlat)):
        return shapely.Polygon()
    outline = shapely.segmentize(zone, shapely.length(zone) / 64)  # its straight sides may become curves
    return to_pixels(to_lonlat(outline, source.facts), to.facts)


def _verify(manifest: Manifest, path: Path, config: ChipConfig) -> None:
    masks = np.load(path, mmap_mode="r")  # what is on the disk, not what was meant to be
    check_no_leak(manifest, masks)
    require_both_sides(manifest, masks, config)


def _common_bands(sources: Sequence[ChipSource]) -> int:
    bands = {len(source.facts.stretch.bands) for source in sources}
    if len(bands) != 1:
        found = " and ".join(str(count) for count in sorted(bands)) or "no"
        raise NotTrainableError(
            [f"The scenes have {found} bands, but must all have the same number: train on each kind by itself."]
        )
    return bands.pop()


def _share_of(report: Report | None, number: int, count: int) -> Report:
    def tell(progress: Progress) -> None:
        if report:
            report(progress.model_copy(update={"fraction": (number + progress.fraction) / count}))

    return tell
