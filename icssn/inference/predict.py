"""Apply a checkpoint to a scene: probability raster, mask raster and scored objects, all or nothing."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from icssn.ahead import AT_ONCE
from icssn.config import InferenceConfig
from icssn.durable import whole_file
from icssn.errors import RasterRefusedError
from icssn.geo.shapes import repair
from icssn.imagery.open import state
from icssn.imagery.sight import OpenSight, Sight, open_sight
from icssn.imagery.write import PROBABILITY_NODATA, PROBABILITY_TAGS, UNCERTAINTY_TAGS, write_grid
from icssn.inference.choose import prepared
from icssn.inference.course import Course
from icssn.inference.handover import handed_over
from icssn.inference.hints import weak_outlines
from icssn.inference.mask import write_mask
from icssn.inference.objects import Cells, Outline, survey
from icssn.inference.parts import Part, in_cells, load, plan, predicted_parts, strips, within
from icssn.inference.scores import classifier_score, fused_score
from icssn.inference.workers import Order, predict_elsewhere
from icssn.metrics.pixels import level_of
from icssn.nets.checkpoint import config_of, least_object_px, read_card, threshold_for
from icssn.records import Progress, Raster, RasterFacts

PROBABILITY_NAME = "probability.tif"
MASK_NAME = "mask.tif"
UNCERTAINTY_NAME = "uncertainty.tif"

_WINDOWS_END = 0.92  # share of the work, measured at one object per 50,000 px
_READERS = max(1, AT_ONCE // 2)  # threads that read the next part
_CACHE_BYTES = 32 << 20  # of GDAL's blocks; its own limit, 5 % of all memory, would let memory grow with the scene


@dataclass(frozen=True)
class ScoredObject:
    """One object that the checkpoint proposes.

    Attributes:
        geometry: Outline in the scene's CRS.
        score: Mask and classifier together (mean of logits), in [.05, .95].
        mask_score: Mean probability inside.
        classifier_score: The classifier's probability for the ground inside the outline.
        area_px: Pixels inside, before the outline was simplified.
    """

    geometry: BaseGeometry
    score: float
    mask_score: float
    classifier_score: float
    area_px: int


@dataclass(frozen=True)
class ScenePrediction:
    """One checkpoint applied to one scene; the rasters are as in `records.Prediction`."""

    probability: Path
    mask: Path
    uncertainty: Path | None  # only in high quality
    objects: list[ScoredObject]  # of the mask, by falling score
    hints: list[ScoredObject]  # places below the threshold that both scores together take for landslides, likewise
    threshold: float
    seconds: float
    backend: str  # what computed it, for the user


def predict_scene(
    raster: Raster,
    *,
    facts: RasterFacts,
    checkpoint: Path,
    out: Path,
    config: InferenceConfig,
    report: Callable[[Progress], None],
    stop: Callable[[], bool],
    dem: Path | None = None,
    region: BaseGeometry | None = None,
    scratch: Path | None = None,
) -> ScenePrediction:
    """Map one scene with one checkpoint.

    A prediction that was killed goes on where it was when it is called again with the same arguments; one that was
    stopped, if it has a folder for what is finished.

    Args:
        raster: The scene.
        facts: What the inspection found about it; its stretch is applied.
        checkpoint: Folder of weights and card.
        out: Folder of this prediction alone, for ``probability.tif`` (uint8: value / 254, 255 nodata) and
            ``mask.tif`` (0 background, 1 landslide, 255 nodata; without objects smaller than `config.min_object_px`,
            or where that is None than the checkpoint's own size), both on the scene's own grid; in high quality also
            ``uncertainty.tif`` (uint8: value / 254 is the standard deviation of the probability over eight views, 255
            nodata).
        config: Windows, threshold and objects.
        report: Told how far the work is, a few times a second at most.
        stop: Asked at every window; when true the work ends.
        dem: The scene's elevation raster; needed where the checkpoint looks at terrain.
        region: In the scene's CRS; what lies outside gets no probability. None: the whole scene.
        scratch: Folder of this prediction alone, for what is finished of one that does not come to its end; whoever
            does not go on with it removes that. None: hidden in `out`, where only a killed process leaves it.

    Raises:
        CancelledError: `stop` was true; no file was published.
        CheckpointRefusedError: The checkpoint cannot be loaded.
        RasterRefusedError: A raster cannot be opened, the scene changed since its inspection, or it has other bands
            than the checkpoint learned from or no elevation raster where that looks at terrain.
        DiskFullError: The disk is full; no file was published.
        ConfigError: The device that `config` names is not there, or the checkpoint knows no threshold for its aim.
        MissingPartError: The backend that `config` names is not there.
        WorkersError: Other processes were to predict, and could not.
        StoreError: They were to leave parts in a store that cannot be used.
    """
    course = Course(report, stop)
    card = read_card(checkpoint)
    learned = config_of(card, name=checkpoint.name)
    threshold = threshold_for(config.aim, card) if config.threshold is None else config.threshold
    if config.min_object_px is None:
        config = config.model_copy(update={"min_object_px": least_object_px(card)})
    backend = prepared(checkpoint, config)
    source = {"ICSSN_CHECKPOINT": checkpoint.name, "ICSSN_WEIGHTS_SHA256": str(card["sha256"])}
    sizes = {"core_px": config.core_px or max(64, backend.window_px - 2 * config.halo_px), "halo_px": config.halo_px}
    parts = plan(facts.width, facts.height, **sizes)
    computed_by, cell_px = backend.description, backend.cell_px
    sight = Sight(raster, facts, dem, learned.encoder.terrain)
    with (
        rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES),
        _open_often(sight, _READERS) as seen,
        whole_file(out / PROBABILITY_NAME) as probability,
        whole_file(out / MASK_NAME) as mask,
        whole_file(out / UNCERTAINTY_NAME) if config.quality == "high" else nullcontext() as uncertainty,
        _kept_parts(
            out,
            scratch,
            sha256=str(card["sha256"]),
            sight=sight,
            config=config,
            computed_by=computed_by,
            window_px=backend.window_px,
            region=region,
        ) as kept,
    ):
        _require_bands(facts, bands=learned.encoder.bands, name=raster.name)
        cells = Cells(np.zeros(in_cells(facts, cell_px), np.float16), cell_px)
        tell = course.stage("Predicting windows", 0, _WINDOWS_END)
        if config.workers > 1 or config.scheduler:
            with handed_over(config, f"{out.name}-{kept.name.removeprefix('.')}") as handover:
                order = Order(sight, checkpoint, config, computed_by, region, folder=kept, handover=handover)
                predict_elsewhere(order, parts, cell_px=cell_px, tell=tell)
        ready = predicted_parts(seen, backend, parts=parts, folder=kept, region=region, tell=tell)
        with closing(ready):  # whatever happens, its readers end before the datasets are closed
            for part, predicted in ready:
                cells.logits[within(part.area, Window(0, 0, 0, 0), cell_px)] = predicted.cells
        del ready, predicted, backend  # the memory of a window goes before objects need theirs
        look = partial(strips, kept, parts)
        tell = course.stage("Outlining objects", _WINDOWS_END, 1)
        layer = partial(_layer, kept, parts, cell_px=cell_px)
        write = partial(write_grid, like=facts, nodata=PROBABILITY_NODATA)
        with ThreadPoolExecutor() as pool:
            packed = [pool.submit(write, probability, layer("probability"), tags={**PROBABILITY_TAGS, **source})]
            if uncertainty is not None:
                packed.append(pool.submit(write, uncertainty, layer("spread"), tags={**UNCERTAINTY_TAGS, **source}))
            found = survey(look(tell=lambda share: tell(share / 2)), level=level_of(threshold), cells=cells)
            weak = pool.submit(weak_outlines, look, found, threshold=threshold, config=config, cells=cells)
            objects = write_mask(
                look(tell=lambda share: tell(0.5 + share / 2)),
                mask,
                found=found,
                facts=facts,
                threshold=threshold,
                config=config,
                tags=source,
            )
            hints = weak.result()
            for item in packed:
                item.result()
    to_crs = Affine(*facts.transform)
    proposed = [_scored(outline, to_crs) for outline in objects]
    hinted = [item for item in (_scored(outline, to_crs) for outline in hints) if item.score >= config.hint_score]
    report(Progress(fraction=1, message="Done", remaining_s=0))
    return ScenePrediction(
        probability=out / PROBABILITY_NAME,
        mask=out / MASK_NAME,
        uncertainty=out / UNCERTAINTY_NAME if config.quality == "high" else None,
        objects=sorted(proposed, key=lambda item: -item.score),
        hints=sorted(hinted, key=lambda item: -item.score),
        threshold=threshold,
        seconds=course.elapsed_s,
        backend=computed_by,
    )


@contextmanager
def _open_often(sight: Sight, times: int) -> Iterator[list[OpenSight]]:
    with ExitStack() as opened:
        yield [opened.enter_context(open_sight(sight)) for _ in range(times)]


@contextmanager
def _kept_parts(
    out: Path,
    scratch: Path | None,
    *,
    sha256: str,
    sight: Sight,
    config: InferenceConfig,
    computed_by: str,
    window_px: int,
    region: BaseGeometry | None,
) -> Iterator[Path]:
    """Give a hidden folder for parts, for the same work to go on with; in `scratch` it stays until that is done.

    Its name tells all that the parts depend on; who computes them changes nothing. Other hidden leftovers in `out` are
    removed.
    """
    depends_on = (
        sha256,
        sight.facts.model_dump_json(),
        state(sight.raster),
        state(sight.dem) if sight.dem and sight.terrain else None,
        config.model_dump_json(exclude={"workers", "scheduler", "handover"}),
        computed_by,
        window_px,
        None if region is None else region.wkb_hex,
    )
    folder = (scratch or out) / f".parts-{hashlib.sha256(repr(depends_on).encode()).hexdigest()[:16]}"
    for leftover in out.glob(".*") if out.is_dir() else ():
        if leftover.is_dir() and leftover != folder:
            shutil.rmtree(leftover, ignore_errors=True)
        elif leftover.is_file():
            leftover.unlink(missing_ok=True)
    stays = scratch is not None
    try:
        yield folder
        stays = False
    finally:
        if not stays:
            shutil.rmtree(folder, ignore_errors=True)


def _layer(
    folder: Path, parts: Sequence[Part], name: Literal["probability", "spread"], *, cell_px: int
) -> Iterator[tuple[Window, NDArray[np.uint8]]]:
    """Give one layer of every kept part; where nothing was predicted there is no spread, and nodata stays."""
    for part in parts:
        kept = load(folder, part, cell_px=cell_px)
        values = kept and getattr(kept, name)
        if values is not None:
            yield part.area, values


def _require_bands(facts: RasterFacts, *, bands: int, name: str) -> None:
    if len(facts.stretch.bands) != bands:
        raise RasterRefusedError(
            name,
            found=f"{len(facts.stretch.bands)} band(s) of it are used",
            needed=f"a scene with the {bands} bands that the checkpoint learned from",
            remedy="Choose a checkpoint that was trained on such scenes.",
        )


def _scored(outline: Outline, transform: Affine) -> ScoredObject:
    judged = classifier_score(outline.evidence)
    a, b, c, d, e, f = transform[:6]
    geometry, _ = repair(affine_transform(outline.polygon_px, [a, b, d, e, c, f]))
    return ScoredObject(
        geometry=geometry,
        score=fused_score(outline.mask_score, judged),
        mask_score=outline.mask_score,
        classifier_score=judged,
        area_px=outline.area_px,
    )
