"""Poses and light."""

from __future__ import annotations

import pytest
import torch

from icssn.training import augment

STORED, SIZE = 14, 8


def _chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _poses(count: int, *, stored: int = STORED, size: int = SIZE, seed: int = 0) -> torch.Tensor:
    return augment.random_poses(count, size_px=size, stored_px=stored, generator=_chance(seed))


def _is_plain(poses: torch.Tensor, zoom: float) -> torch.Tensor:
    turned = poses[:, :, :2].abs().amax((1, 2))
    return torch.isclose(turned, torch.tensor(zoom), rtol=1e-6, atol=0)


def test_a_view_that_is_only_moved_turned_by_quarters_and_mirrored_copies_pixels() -> None:
    image = torch.randint(0, 256, (1, 2, STORED, STORED), generator=_chance(1)).float()
    crops = [image[0, :, r : r + SIZE, c : c + SIZE] for r in range(7) for c in range(7)]
    turned = [torch.rot90(crop, k, (1, 2)) for crop in crops for k in range(4)]
    possible = torch.stack(turned + [crop.flip(2) for crop in turned])
    poses = _poses(200)
    poses = poses[_is_plain(poses, SIZE / STORED)]
    found = augment.view_images(image.expand(len(poses), -1, -1, -1), poses, size_px=SIZE)
    nearest = torch.cdist(found.flatten(1), possible.flatten(1), p=torch.inf)
    assert len(poses) > 40
    assert nearest.amin(1).max() < 0.01
    assert len(nearest.argmin(1).unique()) > 40  # many places and turns


def test_plain_views_never_look_beyond_the_chip_and_reach_its_border() -> None:
    poses = _poses(400)
    poses = poses[_is_plain(poses, SIZE / STORED)]
    border = torch.zeros(len(poses), STORED, STORED, dtype=torch.uint8)
    border[:, 0] = border[:, -1] = border[:, :, 0] = border[:, :, -1] = 1
    seen = augment.view_masks(border, poses, size_px=SIZE)
    assert not (seen == 255).any()
    assert (seen == 1).any((1, 2)).float().mean() > 0.2


def test_image_and_mask_of_a_view_stay_together() -> None:
    mask = torch.zeros(64, 96, 96, dtype=torch.uint8)
    mask[:, 30:70, 20:60] = 1
    poses = _poses(64, stored=96, size=64)
    seen = augment.view_masks(mask, poses, size_px=64)
    shown = augment.view_images(mask[:, None] * 255, poses, size_px=64)[:, 0]
    differ = ((shown > 127.5) != (seen == 1)) & (seen != 255)
    assert differ.float().mean() < 0.01
    assert (seen == 1).any((1, 2)).all()


def test_beyond_the_chip_nothing_is_known_and_no_black_is_shown() -> None:
    away = torch.tensor([[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])  # half a chip to the right
    seen = augment.view_masks(torch.zeros(1, 8, 8, dtype=torch.uint8), away, size_px=8)
    shown = augment.view_images(torch.full((1, 3, 8, 8), 90, dtype=torch.uint8), away, size_px=8)
    assert (seen[..., :4] == 0).all()
    assert (seen[..., 4:] == 255).all()
    torch.testing.assert_close(shown, torch.full((1, 3, 8, 8), 90.0))


def test_unknown_pixels_stay_unknown_and_values_are_never_mixed() -> None:
    mask = torch.tensor([0, 1, 255], dtype=torch.uint8)[torch.randint(0, 3, (32, 20, 20), generator=_chance())]
    seen = augment.view_masks(mask, _poses(32, stored=20, size=12), size_px=12)
    assert set(seen.unique().tolist()) == {0, 1, 255}


def test_a_centred_pose_looks_at_the_middle() -> None:
    image = torch.zeros(20, 1, 15, 15)
    image[:, :, 7, 7] = 100
    shown = augment.view_images(image, augment.centred(_poses(20, stored=15, size=9)), size_px=9)
    assert (shown.flatten(1).argmax(1) == 4 * 9 + 4).all()


def test_equal_chance_gives_equal_views() -> None:
    images = torch.rand(4, 3, 16, 16, generator=_chance()) * 255
    assert torch.equal(_poses(9), _poses(9))
    assert not torch.equal(_poses(9), _poses(9, seed=1))
    lit = [augment.random_light(images, bands=3, generator=_chance(seed)) for seed in (5, 5, 6)]
    assert torch.equal(lit[0], lit[1])
    assert not torch.equal(lit[0], lit[2])


@pytest.mark.parametrize("bands", [1, 3, 5])
def test_light_changes_every_image_within_its_range(bands: int) -> None:
    images = torch.rand(16, bands, 24, 24, generator=_chance()) * 255
    lit = augment.random_light(images, bands=bands, generator=_chance(3))
    assert lit.shape == images.shape
    assert lit.min() >= 0
    assert lit.max() <= 255
    change = (lit - images).abs().mean((1, 2, 3))
    assert (change > 0.5).all()
    assert change.mean() < 40  # still the same picture


def test_light_leaves_terrain_as_it_is_and_does_to_the_bands_what_it_does_without() -> None:
    images = torch.rand(16, 5, 24, 24, generator=_chance()) * 255
    lit = augment.random_light(images, bands=3, generator=_chance(3))
    assert torch.equal(lit[:, 3:], images[:, 3:])
    assert torch.equal(lit[:, :3], augment.random_light(images[:, :3], bands=3, generator=_chance(3)))
