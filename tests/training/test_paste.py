"""Landslides pasted onto background."""

from __future__ import annotations

import pytest
import torch

from icssn.chips.ground import SPOT
from icssn.training.paste import SOFT_PX, paste_landslides


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Give a dark landslide on bright ground, and three views of other ground without one."""
    images = torch.full((4, 3, 40, 40), 150.0)
    masks = torch.zeros(4, 40, 40, dtype=torch.uint8)
    masks[0, 10:30, 12:28] = 1
    images[0, :, 10:30, 12:28] = 40
    images[1:] = 110
    masks[2, :, :20] = 255
    return images, masks


def _pasted(share: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return paste_landslides(*_batch(), bands=3, share=share, generator=torch.Generator().manual_seed(seed))


def test_every_view_without_a_landslide_gets_one_where_it_was_in_its_own_view() -> None:
    images, masks = _pasted(1.0)
    before = _batch()
    assert torch.equal(images[0], before[0][0])
    assert torch.equal(masks[0], before[1][0])
    for view in (1, 2, 3):
        assert torch.equal(masks[view] == 1, masks[0] == 1)
    assert (masks[2][:, :12] == 255).all()  # the rest of what is unknown stays unknown


def test_inside_it_looks_like_the_landslide_outside_like_the_ground_and_the_edge_is_soft() -> None:
    images, _ = _pasted(1.0)
    inside, outside, edge = images[1, 0, 20, 20], images[1, 0, 3, 3], images[1, 0, 20, 12]
    assert outside == 110
    assert inside < 40  # drawn to the darker ground
    assert inside < edge < outside
    reach = SOFT_PX // 2
    assert (images[1, :, : 10 - reach] == 110).all()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_only_the_share_asked_for_is_changed(share: float) -> None:
    changed = sum(int((_pasted(share, seed)[1][1:] == 1).flatten(1).any(1).sum()) for seed in range(200))
    assert changed / 600 == pytest.approx(share, abs=0.06)


def test_without_a_donor_nothing_changes() -> None:
    images, masks = _batch()
    same = paste_landslides(images[1:], masks[1:], bands=3, share=1.0, generator=torch.Generator().manual_seed(0))
    assert torch.equal(same[0], images[1:])
    assert torch.equal(same[1], masks[1:])


def test_equal_chance_pastes_alike() -> None:
    assert all(torch.equal(one, other) for one, other in zip(_pasted(0.5, 3), _pasted(0.5, 3), strict=True))


def test_terrain_comes_along_with_its_landslide_and_is_not_toned() -> None:
    images, masks = _batch()
    terrain = torch.full((4, 1, 40, 40), 200.0)
    terrain[0, :, 10:30, 12:28] = 90
    generator = torch.Generator().manual_seed(0)
    pasted, _ = paste_landslides(torch.cat([images, terrain], dim=1), masks, bands=3, share=1.0, generator=generator)
    assert (pasted[1:, 3, 16:24, 18:22] == 90).all()
    assert (pasted[1:, 3, :6] == 200).all()
    assert torch.equal(pasted[:, :3], _pasted(1.0)[0])


def test_a_view_on_a_landslide_point_gets_none() -> None:
    images, masks = _batch()
    masks[1, 5, 5] = SPOT
    pasted, seen = paste_landslides(images, masks, bands=3, share=1.0, generator=torch.Generator().manual_seed(0))
    assert torch.equal(pasted[1], images[1])
    assert torch.equal(seen[1], masks[1])
    assert (seen[3] == 1).any()
