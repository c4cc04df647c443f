"""Landslides in the tone of their ground."""

from __future__ import annotations

import pytest
import torch

from icssn.training.fade import LEAST, SOFT_PX, fade_landslides


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Give four views of textured ground with a brighter landslide each, and one without."""
    texture = torch.randn(5, 3, 40, 40, generator=torch.Generator().manual_seed(1)) * 5
    images, masks = 100 + texture, torch.zeros(5, 40, 40, dtype=torch.uint8)
    images[:4, :, 10:30, 12:28] += torch.tensor([60.0, 40.0, 20.0])[:, None, None]
    masks[:4, 10:30, 12:28] = 1
    return images, masks


def _faded(share: float, seed: int = 0, **given: torch.Tensor) -> torch.Tensor:
    images, masks = _batch()
    chance = torch.Generator().manual_seed(seed)
    return fade_landslides(
        given.get("images", images), given.get("masks", masks), bands=3, share=share, generator=chance
    )


def _contrast(images: torch.Tensor) -> torch.Tensor:
    """Difference of the mean colours of landslide (without its edge) and ground far from it, (4, 3)."""
    return images[:4, :, 14:26, 16:24].mean((2, 3)) - images[:4, :, :5].mean((2, 3))


def test_tone_is_lost_and_texture_stays() -> None:
    before, after = _batch()[0], _faded(1.0)
    left = _contrast(after) / _contrast(before)
    assert (left < 1 - LEAST + 0.1).all()
    assert (left > -0.1).all()  # never beyond the tone of the ground
    assert left.std() > 0.05  # by more in one view than in another
    inside = slice(14, 26), slice(16, 24)
    torch.testing.assert_close(after[:4, :, *inside].std((2, 3)), before[:4, :, *inside].std((2, 3)))


def test_ground_further_than_the_soft_edge_and_views_without_a_landslide_are_as_they_were() -> None:
    before, after, reach = _batch()[0], _faded(1.0), SOFT_PX // 2
    assert torch.equal(after[4], before[4])
    assert torch.equal(after[:, :, : 10 - reach], before[:, :, : 10 - reach])
    edge, middle = (after - before)[0, 0, 20, 12].abs(), (after - before)[0, 0, 20, 20].abs()
    assert 0 < edge < middle


def test_terrain_stays() -> None:
    images, masks = _batch()
    four = torch.cat([images, images[:, :1]], 1)
    assert torch.equal(_faded(1.0, images=four, masks=masks)[:, 3], four[:, 3])


def test_where_the_ground_is_not_known_nothing_changes() -> None:
    images, masks = _batch()
    unknown = torch.where(masks == 1, masks, torch.full_like(masks, 255))
    assert torch.equal(_faded(1.0, masks=unknown), images)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_only_the_share_asked_for_is_changed(share: float) -> None:
    before = _batch()[0]
    changed = sum(int((_faded(share, seed)[:4] != before[:4]).flatten(1).any(1).sum()) for seed in range(200))
    assert changed / 800 == pytest.approx(share, abs=0.06)


def test_equal_chance_fades_alike() -> None:
    assert torch.equal(_faded(0.5, 3), _faded(0.5, 3))
