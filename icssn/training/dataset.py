"""Chips on disk → batches on the device; what a batch holds depends on seed and step only, so it can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from icssn.chips.cut import load
from icssn.chips.ground import IGNORE, SPOT
from icssn.errors import NotTrainableError
from icssn.records import Manifest
from icssn.training import augment
from icssn.training.fade import fade_landslides
from icssn.training.paste import paste_landslides

KINDS = ("background", "landslide", "hard_negative")  # position = class number in the object-level loss
BACKGROUND, LANDSLIDE, HARD_NEGATIVE = range(3)
POINT, UNKNOWN = 3, -1  # of a chip only: a landslide without outline; nobody knows
CHIP_KINDS = {kind: number for number, kind in enumerate(KINDS)} | {"landslide_point": POINT, "unknown": UNKNOWN}
LANDSLIDE_SHARE = 0.5  # of a classification batch (balanced, method.md); the rest is shared by both negatives
SEGMENT_LANDSLIDE_SHARE = 0.625  # of a segmentation batch: pixels of landslides are few even in landslide chips
MOST_POINTS = 0.25  # of a segmentation batch; all others teach where landslides end
KEPT_LANDSLIDE = 0.7  # a view of a landslide chip shows at least this much of what the middle shows

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class ChipArrays:
    """The chips of a run.

    Attributes:
        manifest: What they are and where they come from.
        images: (N, C, S, S) uint8, mapped from disk: the bands, then terrain.
        masks: (N, S, S) uint8, 0 / 1 / 2 / 255 as `icssn.chips.ground.Ground.mask` draws them, mapped from disk.
        train: Class number → training chips whose masks are known.
        points: Training chips on landslide points: of their masks little more is known than that spot.
        validation: Chips that validate.
        spots: Whether points say which ground is landslide, and not only that there is some near them.
    """

    manifest: Manifest
    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    train: Mapping[int, Indices]
    points: Indices
    validation: Indices
    spots: bool = True

    @property
    def classified(self) -> Mapping[int, Indices]:
        """Class number → training chips of the classification stage: a landslide is one, outlined or not."""
        return {**self.train, LANDSLIDE: np.concatenate([self.train[LANDSLIDE], self.points])}

    @property
    def segmented(self) -> Mapping[int, Indices]:
        """Class number → training chips of the segmentation stage; those whose mask is a spot by themselves."""
        return {**self.train, POINT: self.points} if self.spots else self.train

    @property
    def stored_px(self) -> int:
        """Side of a stored chip."""
        return int(self.images.shape[-1])


@dataclass(frozen=True)
class Views:
    """What one step learns from.

    Attributes:
        images: (N, C, size, size), float32, 0..255, channels last.
        masks: (N, size, size), uint8, 0 / 1 / 2 / 255.
        kinds: (N,), int64, positions in `KINDS`; -1 where the view shows too little to say.
    """

    images: Tensor
    masks: Tensor
    kinds: Tensor


def open_chips(folder: Path, *, spots: bool = True) -> ChipArrays:
    """Map the chips that `icssn.chips.cut.cut` wrote.

    Args:
        folder: Of the chips.
        spots: Whether the spots of points are looked at; where not, nothing is known there.

    Raises:
        NotTrainableError: No training chip has a landslide, or none is without.
    """
    manifest, images, masks = load(folder)
    chosen: dict[int, list[int]] = {number: [] for number in CHIP_KINDS.values()}
    for chip in manifest.chips:
        if chip.split == "train":
            chosen[CHIP_KINDS[chip.kind]].append(chip.index)
    negatives = len(chosen[BACKGROUND]) + len(chosen[HARD_NEGATIVE])
    if not chosen[LANDSLIDE] or not negatives:
        found = f"{len(chosen[LANDSLIDE])} training chips show a landslide and {negatives} show none"
        remedy = "Label more landslides away from the held-out blocks, or draw a larger label area."
        raise NotTrainableError([f"{found}; at least one of each is needed. {remedy}"])
    validation = [chip.index for chip in manifest.chips if chip.split == "validation"]
    return ChipArrays(
        manifest=manifest,
        images=images,
        masks=masks,
        train={kind: np.array(chosen[kind], np.int64) for kind in (BACKGROUND, LANDSLIDE, HARD_NEGATIVE)},
        points=np.array(chosen[POINT], np.int64),
        validation=np.array(validation, np.int64),
        spots=spots,
    )


def batch_indices(train: Mapping[int, Indices], *, count: int, share: float, step: int, seed: int) -> Indices:
    """Choose the chips of one step: every chip of a class once before any of it again, classes in fixed shares.

    Hard negatives get half of the places of negatives however few they are (a single place every other step; of an odd
    number rounded down): they are what the model mistook. Points,
    where they stand by themselves, get up to a quarter of the batch, the fewer the fewer they are beside outlined
    landslides, from which half of it is taken (rounded down).

    Args:
        train: Class number → chips; as in `ChipArrays`.
        count: Batch size, at least 2.
        share: Of the batch, for landslides; at least one place is for an outlined one, and at least one is left for
            the negatives.
        step: From 0; batches of successive steps are successive parts of one endless sequence.
        seed: Of that sequence.

    Returns:
        (count,) chip numbers, landslides first.
    """
    places = {POINT: _places_of_points(train, count=count)}
    places[LANDSLIDE] = min(max(round(count * share) - places[POINT] // 2, 1), count - places[POINT] - 1)
    negatives = count - places[LANDSLIDE] - places[POINT]
    hard, easy = len(train[HARD_NEGATIVE]) > 0, len(train[BACKGROUND]) > 0
    in_turn = (BACKGROUND, HARD_NEGATIVE) if hard and easy and negatives == 1 else ()
    half = step % 2 if in_turn else negatives // 2
    places[HARD_NEGATIVE] = (half if easy else negatives) if hard else 0
    places[BACKGROUND] = negatives - places[HARD_NEGATIVE]
    drawn = [
        endless(
            train[kind],
            start=(step // 2 if kind in in_turn else step) * places[kind],
            count=places[kind],
            seed=(seed, kind),
        )
        for kind in (LANDSLIDE, POINT, BACKGROUND, HARD_NEGATIVE)
        if places[kind]
    ]
    return np.concatenate(drawn)


def _places_of_points(train: Mapping[int, Indices], *, count: int) -> int:
    points, outlined = len(train.get(POINT, ())), len(train[LANDSLIDE])
    if not points or count < 3:
        return 0
    return max(1, round(count * MOST_POINTS * min(1, points / outlined)))


def endless(indices: Indices, *, start: int, count: int, seed: tuple[int, ...]) -> Indices:
    """Give entries `start` to `start + count` of an endless sequence of passes over `indices`, each in a new order."""
    found = [
        np.random.default_rng([*seed, position // len(indices)]).permutation(indices)[position % len(indices)]
        for position in range(start, start + count)
    ]
    return np.array(found, np.int64)


def classification_views(
    chips: ChipArrays, indices: Indices, *, size_px: int, min_fraction: float, generator: torch.Generator
) -> Views:
    """Give two different views of each chip: rows i and i + N show chip i.

    A view that lost more than 30 % of the landslide pixels in the middle of its chip looks at the middle instead.
    The class of a view follows what it shows, see `view_kinds`.
    """
    images, masks = gather(chips, np.concatenate([indices, indices]), device=generator.device)
    kinds = chip_kinds(chips.manifest, indices).to(images.device).repeat(2)
    poses = augment.random_poses(len(images), size_px=size_px, stored_px=chips.stored_px, generator=generator)
    middle = augment.centred(poses)
    seen = augment.view_masks(masks, poses, size_px=size_px) == 1
    best = augment.view_masks(masks, middle, size_px=size_px) == 1
    lost = seen.sum((1, 2)) < KEPT_LANDSLIDE * best.sum((1, 2))
    poses = torch.where((lost & (kinds == LANDSLIDE))[:, None, None], middle, poses)
    views = _posed(images, masks, kinds, poses, size_px=size_px, min_fraction=min_fraction, spots=chips.spots)
    return _lit(views, bands=chips.manifest.bands, generator=generator)


def segmentation_views(
    chips: ChipArrays,
    indices: Indices,
    *,
    size_px: int,
    min_fraction: float,
    generator: torch.Generator,
    paste_share: float = 0.0,
    fade_share: float = 0.0,
) -> Views:
    """Give one view of each chip.

    Of those without a landslide a share gets one of another view, see `paste`; of those with one a share shows it like
    its ground, see `fade`.
    """
    images, masks = gather(chips, indices, device=generator.device)
    kinds = chip_kinds(chips.manifest, indices).to(images.device)
    poses = augment.random_poses(len(images), size_px=size_px, stored_px=chips.stored_px, generator=generator)
    views = _posed(images, masks, kinds, poses, size_px=size_px, min_fraction=min_fraction, spots=chips.spots)
    if paste_share:
        pasted = paste_landslides(
            views.images, views.masks, bands=chips.manifest.bands, share=paste_share, generator=generator
        )
        views = Views(*pasted, torch.where((pasted[1] != views.masks).flatten(1).any(dim=1), -1, views.kinds))
    if fade_share:
        faded = fade_landslides(
            views.images, views.masks, bands=chips.manifest.bands, share=fade_share, generator=generator
        )
        views = replace(views, images=faded)
    return _lit(views, bands=chips.manifest.bands, generator=generator)


def gather(chips: ChipArrays, indices: Indices, *, device: torch.device) -> tuple[Tensor, Tensor]:
    """Read whole stored chips onto the device: images (N, C, S, S) and masks (N, S, S), both uint8; see `spots`."""
    masks = chips.masks[indices]
    if not chips.spots:
        masks[masks == SPOT] = IGNORE
    return _moved(chips.images[indices], device), _moved(masks, device)


def chip_kinds(manifest: Manifest, indices: Indices) -> Tensor:
    """Give the class numbers of chips, values of `CHIP_KINDS`, (N,) int64."""
    return torch.tensor([CHIP_KINDS[manifest.chips[int(index)].kind] for index in indices], dtype=torch.int64)


def view_kinds(kinds: Tensor, seen: Tensor, stored: Tensor, *, min_fraction: float, spots: bool) -> Tensor:
    """Say what views show, given the class of their chips.

    A view shows a landslide when that covers `min_fraction` of it, or when half of a smaller one can be seen; of a chip
    on a landslide point, when it shows the point's spot, or when nobody looks at spots. A spot on nodata or on a hard
    negative is in no mask and shows nothing.

    Args:
        kinds: (N,) class numbers of the chips, `POINT` and `UNKNOWN` among them.
        seen: (N, H, W), masks of the views, 0 / 1 / 2 / 255.
        stored: (N, S, S), masks of the whole chips.
        min_fraction: Share of a view's pixels.
        spots: Whether the spots of points are looked at; as in `ChipArrays`.

    Returns:
        (N,) class numbers; -1 where there is too little of a landslide to say yes, and too much to say no.
    """
    visible = (seen == 1).sum((1, 2))
    enough = (0.5 * (stored == 1).sum((1, 2))).clamp(max=min_fraction * seen[0].numel())
    negative = torch.where((visible > 0) | (kinds == LANDSLIDE), -1, kinds)
    pointed = (kinds == POINT) & ((seen == SPOT).any(dim=(1, 2)) if spots else True)
    nothing = torch.where(kinds == POINT, -1, negative)
    return torch.where(pointed | ((visible > 0) & (visible >= enough)), LANDSLIDE, nothing)


def _posed(
    images: Tensor, masks: Tensor, kinds: Tensor, poses: Tensor, *, size_px: int, min_fraction: float, spots: bool
) -> Views:
    seen = augment.view_masks(masks, poses, size_px=size_px)
    return Views(
        images=augment.view_images(images, poses, size_px=size_px),
        masks=seen,
        kinds=view_kinds(kinds, seen, masks, min_fraction=min_fraction, spots=spots),
    )


def _lit(views: Views, *, bands: int, generator: torch.Generator) -> Views:
    shown = augment.random_light(views.images, bands=bands, generator=generator)
    return Views(shown.contiguous(memory_format=torch.channels_last), views.masks, views.kinds)


def _moved(values: NDArray[Any], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(device, non_blocking=True)
