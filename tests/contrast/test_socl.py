import math
import time

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from icssn.config import ContrastConfig
from icssn.contrast.cells import band
from icssn.contrast.socl import boundary_contrastive, draw_pairs

ALL = ContrastConfig(anchors_per_class=10_000)  # nothing left to chance


def scene(images: int = 3, side: int = 8, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give unit cells (N, 16, side, side), classes with a landslide and a belt of neither, and predictions."""
    generator = torch.Generator().manual_seed(seed)
    cells = F.normalize(torch.randn(images, 16, side, side, generator=generator), dim=1)
    classes = torch.zeros(images, side, side, dtype=torch.int8)
    for i in range(images):
        classes[i, 1 : side // 2 + i, 1 : side // 2] = 1
        classes[i, 1 : side // 2 + i, side // 2] = -1
    predicted = torch.rand(images, side, side, generator=generator) > 0.5
    return cells, classes, predicted


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def slow_loss(cells: np.ndarray, classes: np.ndarray, predicted: np.ndarray, config: ContrastConfig) -> float:
    near = band(torch.from_numpy(classes), config.band_radius_cells).numpy()
    places = [tuple(place) for place in np.argwhere(classes >= 0)]

    def similarity(one: tuple[int, ...], other: tuple[int, ...]) -> float:
        (n, y, x), (m, v, u) = one, other
        return math.exp(cells[n, :, y, x] @ cells[m, :, v, u] / config.temperature)

    losses = []
    for anchor in places:
        if not near[anchor]:
            continue
        positives = [p for p in places if p != anchor and near[p] and classes[p] == classes[anchor]]
        negatives = [
            p for p in places if classes[p] != classes[anchor] and (near[p] or (classes[p] == 0 and predicted[p]))
        ]
        repulsion = sum(similarity(anchor, p) for p in negatives)
        terms = []
        for positive in positives:
            attraction = similarity(anchor, positive)
            terms.append(-math.log(attraction / (attraction + repulsion)))
        losses.append(sum(terms) / len(terms))
    return sum(losses) / len(losses)


def test_loss_equals_the_slow_sum() -> None:
    cells, classes, predicted = scene()
    loss = boundary_contrastive(cells, classes, predicted=predicted, config=ALL, generator=chance())
    slow = slow_loss(cells.double().numpy(), classes.numpy(), predicted.numpy(), ALL)
    assert loss.item() == pytest.approx(slow, rel=1e-5)


def test_equal_similarities_give_the_logarithm_of_the_negatives_and_one() -> None:
    cells = F.normalize(torch.ones(1, 8, 1, 4), dim=1)
    classes = torch.tensor([[[1, 1, 0, 0]]], dtype=torch.int8)
    predicted = torch.zeros(1, 1, 4, dtype=torch.bool)
    loss = boundary_contrastive(cells, classes, predicted=predicted, config=ALL, generator=chance())
    assert loss.item() == pytest.approx(math.log(2 + 1), rel=1e-5)


def test_cells_that_lie_apart_by_class_cost_nothing() -> None:
    _, classes, predicted = scene()
    axes = torch.eye(2)[(classes == 1).long()].movedim(-1, 1)
    loss = boundary_contrastive(axes, classes, predicted=predicted, config=ContrastConfig(), generator=chance())
    assert 0 <= loss.item() < 0.01


def test_background_predicted_as_landslide_far_from_the_boundary_repels_landslide_only() -> None:
    classes = torch.zeros(1, 3, 12, dtype=torch.int8)
    classes[0, :, :2] = 1
    predicted = torch.zeros_like(classes, dtype=torch.bool)
    predicted[0, 1, 11] = True
    pairs = draw_pairs(classes, predicted=predicted, config=ALL, generator=chance())
    place = (pairs.pool == 1 * 12 + 11).nonzero().item()
    is_landslide = classes.flatten()[pairs.pool[pairs.anchors]] == 1
    assert place not in pairs.anchors
    assert pairs.negatives[is_landslide][:, place].all()
    assert not pairs.negatives[~is_landslide][:, place].any()
    assert not pairs.positives[:, place].any()


def test_anchors_are_limited_per_image_and_class_and_half_of_them_misclassified() -> None:
    _, classes, predicted = scene(images=4, side=12)
    config = ContrastConfig(anchors_per_class=6)
    pairs = draw_pairs(classes, predicted=predicted, config=config, generator=chance())
    places = pairs.pool[pairs.anchors]
    wrong = (predicted != (classes == 1)).flatten()[places]
    assert band(classes, 2).flatten()[places].all()
    for image in range(4):
        for kind in (0, 1):
            group = (places // 144 == image) & (classes.flatten()[places] == kind)
            assert group.sum() == 6
            assert wrong[group].sum() == 3


def test_too_few_misclassified_cells_are_filled_up_with_others_and_the_reverse() -> None:
    _, classes, _ = scene(images=1, side=12)
    config = ContrastConfig(anchors_per_class=6)
    for share, wanted in ((0.0, 0), (1.0, 6)):
        truth = classes == 1
        predicted = ~truth if share else truth
        pairs = draw_pairs(classes, predicted=predicted, config=config, generator=chance())
        wrong = (predicted != truth).flatten()[pairs.pool[pairs.anchors]]
        assert len(wrong) == 12
        assert wrong.sum() == 2 * wanted


def test_negatives_of_the_same_image_come_first() -> None:
    _, classes, predicted = scene(images=4, side=12)
    config = ContrastConfig(anchors_per_class=8)
    pairs = draw_pairs(classes, predicted=predicted, config=config, generator=chance())
    image = pairs.pool // 144
    assert torch.equal(pairs.negatives.sum(dim=1), torch.full_like(pairs.anchors, 8))
    assert (image.expand_as(pairs.negatives)[pairs.negatives].view(-1, 8) == image[pairs.anchors][:, None]).all()


def test_negatives_of_other_images_fill_up() -> None:
    classes = torch.zeros(2, 1, 6, dtype=torch.int8)
    classes[0, 0, 0] = 1  # one landslide cell here
    classes[1, 0, :3] = 1  # three there
    predicted = torch.zeros_like(classes, dtype=torch.bool)
    config = ContrastConfig(anchors_per_class=3)
    pairs = draw_pairs(classes, predicted=predicted, config=config, generator=chance())
    image, kind = pairs.pool // 6, classes.flatten()[pairs.pool]
    here = (image[pairs.anchors] == 0) & (kind[pairs.anchors] == 0)
    assert here.any()
    for row in pairs.negatives[here]:
        assert sorted(image[row].tolist()) == [0, 1, 1]


def test_equal_generators_draw_equal_pairs_and_others_do_not() -> None:
    _, classes, predicted = scene(images=4, side=12)
    config = ContrastConfig(anchors_per_class=4)
    one, same, other = (
        draw_pairs(classes, predicted=predicted, config=config, generator=chance(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one.anchors, same.anchors)
    assert torch.equal(one.negatives, same.negatives)
    assert not torch.equal(one.anchors, other.anchors)


@pytest.mark.parametrize("images", [0, 1, 3])
@pytest.mark.parametrize("value", [-1, 0, 1])
@pytest.mark.parametrize("seen", [False, True])
def test_one_class_gives_zero_and_zero_gradients(images: int, value: int, seen: bool) -> None:
    cells = scene(images)[0].requires_grad_()
    classes = torch.full((images, 8, 8), value, dtype=torch.int8)
    predicted = torch.full(classes.shape, seen)
    loss = boundary_contrastive(cells, classes, predicted=predicted, config=ContrastConfig(), generator=chance())
    loss.backward()
    assert loss.item() == 0
    assert cells.grad is not None
    assert torch.equal(cells.grad, torch.zeros_like(cells))


def test_a_class_with_a_single_cell_gives_no_anchor_of_that_class() -> None:
    cells, classes, predicted = scene(images=1)
    classes.zero_()[0, 4, 4] = 1
    loss = boundary_contrastive(
        cells.requires_grad_(), classes, predicted=predicted, config=ContrastConfig(), generator=chance()
    )
    loss.backward()
    assert loss > 0
    assert cells.grad is not None
    assert cells.grad.isfinite().all()


def test_descending_the_gradient_separates_the_classes() -> None:
    cells, classes, predicted = scene()
    free = cells.clone().requires_grad_()
    optimiser = torch.optim.Adam([free], lr=0.05)
    losses = []
    for step in range(60):
        loss = boundary_contrastive(
            F.normalize(free, dim=1),
            classes,
            predicted=predicted,
            config=ContrastConfig(),
            generator=chance(step),
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 3
    assert losses[-1] < 0.05


def test_half_precision_is_computed_in_float32() -> None:
    cells, classes, predicted = scene()
    full = boundary_contrastive(
        cells.bfloat16().float(), classes, predicted=predicted, config=ContrastConfig(), generator=chance()
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = boundary_contrastive(
            cells.bfloat16(), classes, predicted=predicted, config=ContrastConfig(), generator=chance()
        )
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(full.item(), rel=1e-6)


def test_a_usual_batch_takes_milliseconds_of_processor_time() -> None:
    cells, classes, predicted = scene(images=8, side=12)
    cells = F.normalize(torch.randn(8, 128, 12, 12, generator=chance()), dim=1).requires_grad_()
    spent = []
    for _ in range(10):
        start = time.thread_time()
        boundary_contrastive(
            cells, classes, predicted=predicted, config=ContrastConfig(), generator=chance()
        ).backward()
        spent.append(time.thread_time() - start)
    assert min(spent) < 0.06  # about 0.008 on the machine it was written on; a loop over cells takes seconds
