"""Tiny chips on disk: dark discs on noisy ground are the landslides, bright ones look alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from icssn.chips.cut import IMAGES, MANIFEST, MASKS
from icssn.config import ChipConfig, ContrastConfig, EncoderConfig, StageConfig, TrainConfig
from icssn.records import Chip, Manifest

STORED_PX = 80

WriteChips = Callable[..., Path]


@pytest.fixture(autouse=True)
def always_one_thread(one_thread: None) -> None:
    """Compute on one thread in all tests of training."""


@pytest.fixture
def write_chips(tmp_path: Path) -> WriteChips:
    """Give a function that writes so many chips of each kind and split, and gives their folder."""

    def write(
        *,
        train: tuple[int, int, int] = (4, 4, 2),
        validation: tuple[int, int] = (2, 2),
        bands: int = 3,
        terrain: tuple[str, ...] = (),
        seed: int = 0,
        name: str = "chips",
    ) -> Path:
        rng = np.random.default_rng(seed)
        kinds = [("train", "landslide")] * train[0] + [("train", "background")] * train[1]
        kinds += [("train", "hard_negative")] * train[2]
        kinds += [("validation", "landslide")] * validation[0] + [("validation", "background")] * validation[1]
        images, masks, chips = [], [], []
        for index, (split, kind) in enumerate(kinds):
            image, mask = _chip(rng, kind, bands)
            even = np.full((len(terrain), *mask.shape), 100 + index, np.uint8)
            images.append(np.concatenate([image, even]))
            masks.append(mask)
            chips.append(
                Chip(
                    index=index,
                    scene_id="scene",
                    col=index * STORED_PX,
                    row=0,
                    size_px=STORED_PX,
                    split=split,
                    kind=kind,
                    landslide_fraction=float((mask == 1).mean()),
                    known_fraction=float((mask != 255).mean()),
                )
            )
        folder = tmp_path / name
        folder.mkdir()
        np.save(folder / IMAGES, np.stack(images))
        np.save(folder / MASKS, np.stack(masks))
        manifest = Manifest(
            chips=tuple(chips),
            revisions={"scene": 7},
            validation_bounds_px={"scene": (0, 0, len(chips) * STORED_PX, STORED_PX)},
            buffer_px=0,
            bands=bands,
            terrain=terrain,
            seed=seed,
            fingerprint=f"{train}{validation}{bands}{seed}",
        )
        (folder / MANIFEST).write_text(manifest.model_dump_json())
        return folder

    return write


@pytest.fixture
def tiny_config() -> TrainConfig:
    """Give settings with which a whole run takes a few seconds."""
    return TrainConfig(
        encoder=EncoderConfig(name="tu-test_efficientnet", weights="none"),  # the same family, much smaller
        chips=ChipConfig(size_px=64, margin_px=8),
        contrast=ContrastConfig(dimensions=8, warmup_share=0.3),
        rounds=2,
        classify=StageConfig(steps=2, batch_size=3),
        segment=StageConfig(steps=3, batch_size=3),
        decoder_channels=16,
        device="cpu",
        checkpoint_every_steps=2,
    )


def _chip(rng: np.random.Generator, kind: str, bands: int) -> tuple[np.ndarray, np.ndarray]:
    image = rng.normal(120, 8, (bands, STORED_PX, STORED_PX))
    mask = np.zeros((STORED_PX, STORED_PX), np.uint8)
    rows, cols = np.indices(mask.shape)
    row, col = rng.uniform(30, 50, 2)
    disc = (rows - row) ** 2 + (cols - col) ** 2 < rng.uniform(11, 16) ** 2
    if kind == "landslide":
        mask[disc] = 1
        image[:, disc] -= 70
    elif kind == "hard_negative":
        image[:, disc] += 70
    mask[:2] = 255
    return image.clip(0, 255).astype(np.uint8), mask
