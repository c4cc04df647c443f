"""What every cut must hold: enough labels, both classes on both sides of the split, and no leak between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from icssn.chips.ground import BACKGROUND, IGNORE, LANDSLIDE, Ground
from icssn.chips.split import Rectangle
from icssn.config import ChipConfig
from icssn.errors import NotTrainableError
from icssn.records import Chip, Manifest

Pixels = npt.NDArray[np.uint8]


def check_no_leak(manifest: Manifest, masks: Pixels) -> None:
    """Make sure that no training pixel is known in or near the held-out rectangle of its scene, and no validation pixel
    outside. What another scene of the same ground holds out is not looked at.

    Args:
        manifest: Where each chip lies, the rectangles and the buffer.
        masks: (N, S, S), 255 where nothing is known.

    Raises:
        NotTrainableError: Something leaks; names the first such chip.
    """
    for chip in manifest.chips:
        known = masks[chip.index] != IGNORE
        rectangle = manifest.validation_bounds_px.get(chip.scene_id)
        if chip.split == "train":
            leak = 0 if rectangle is None else int(known[_slices(chip, rectangle, by_px=manifest.buffer_px)].sum())
        else:
            leak = int(known.sum())
            leak -= 0 if rectangle is None else int(known[_slices(chip, rectangle, by_px=0)].sum())
        if leak:
            where = "within the buffer around" if chip.split == "train" else "outside"
            raise NotTrainableError(
                [
                    f"{chip.split.capitalize()} chip {chip.index} of scene {chip.scene_id} knows {leak} pixel(s) "
                    f"{where} the held-out rectangle, so its figures would be too good to be true. "
                    f"Start the run again; if this returns, report it as a fault of ICSSN."
                ]
            )


def require_labels(grounds: dict[str, Ground], config: ChipConfig) -> None:
    landslides = sum(len(ground.landslides) for ground in grounds.values())
    reasons = []
    if landslides < config.min_landslides:
        reasons.append(
            f"At least {config.min_landslides} labelled landslides are needed, but only {landslides} lie on the "
            f"image: draw or import more, or accept candidates."
        )
    if all(ground.background.is_empty for ground in grounds.values()):
        reasons.append(
            "Nothing says where there is no landslide: draw a label area inside which every landslide is labelled, "
            "import with --complete if that holds for the whole image, or reject candidates."
        )
    if reasons:
        raise NotTrainableError(reasons)


def require_both_sides(manifest: Manifest, masks: Pixels, config: ChipConfig) -> None:
    kinds = {(chip.split, chip.kind) for chip in manifest.chips}
    validation = [chip.index for chip in manifest.chips if chip.split == "validation"]
    reasons = []
    if ("train", "landslide") not in kinds:
        reasons.append(
            "No landslide is left to train on outside the held-out rectangle: label more of them away from it."
        )
    if not {("train", "background"), ("train", "hard_negative")} & kinds:
        reasons.append(
            f"No place of {config.size_px} px without a landslide was found outside the held-out rectangle: draw a "
            f"larger label area, add another one, or reject candidates there."
        )
    if not any((masks[index] == LANDSLIDE).any() for index in validation):
        reasons.append(
            f"No labelled landslide lies in the held-out rectangle ({_listed(manifest)}), which stays the same from "
            f"run to run so that runs can be compared: label at least one there."
        )
    if not any((masks[index] == BACKGROUND).any() for index in validation):
        reasons.append(
            f"No background is known in the held-out rectangle ({_listed(manifest)}): draw a label area over it."
        )
    if reasons:
        raise NotTrainableError(reasons)


def _listed(manifest: Manifest) -> str:
    return "; ".join(
        f"columns {col}–{col + width}, rows {row}–{row + height} of scene {scene_id}"
        for scene_id, (col, row, width, height) in manifest.validation_bounds_px.items()
    )


def _slices(chip: Chip, rectangle: Rectangle, *, by_px: int) -> tuple[slice, slice]:
    """Give the part of a chip's arrays that lies in a rectangle grown by `by_px`."""
    col, row, width, height = rectangle

    def span(start: int, length: int, origin: int) -> slice:
        return slice(
            int(np.clip(start - by_px - origin, 0, chip.size_px)),
            int(np.clip(start + length + by_px - origin, 0, chip.size_px)),
        )

    return span(row, height, chip.row), span(col, width, chip.col)
