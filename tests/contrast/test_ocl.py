import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from icssn.contrast.ocl import supervised_contrastive


def unit(rows: int, *, dimensions: int = 16, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, dimensions, generator=generator), dim=1)


def slow_loss(embeddings: np.ndarray, labels: list[int], temperature: float) -> float:
    losses = []
    for i, anchor in enumerate(embeddings):
        others = [j for j in range(len(labels)) if j != i]
        positives = [j for j in others if labels[j] == labels[i]]
        if not positives or len(positives) == len(others):
            continue
        total = sum(math.exp(anchor @ embeddings[j] / temperature) for j in others)
        terms = [-math.log(math.exp(anchor @ embeddings[j] / temperature) / total) for j in positives]
        losses.append(sum(terms) / len(terms))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_loss_equals_the_slow_sum(temperature: float) -> None:
    labels = [0, 1, 1, 0, 2, 2, 1, 0, 2, 1]
    embeddings = unit(10)
    loss = supervised_contrastive(embeddings, torch.tensor(labels), temperature=temperature)
    assert loss.item() == pytest.approx(slow_loss(embeddings.double().numpy(), labels, temperature), rel=1e-5)


def test_equal_similarities_give_the_logarithm_of_the_other_views() -> None:
    embeddings = F.normalize(torch.ones(12, 8), dim=1)
    loss = supervised_contrastive(embeddings, torch.arange(12) % 2, temperature=0.1)
    assert loss.item() == pytest.approx(math.log(11), rel=1e-5)


def test_well_separated_classes_cost_almost_the_logarithm_of_their_positives() -> None:
    embeddings = torch.eye(2).repeat_interleave(4, dim=0)
    loss = supervised_contrastive(embeddings, torch.arange(8) // 4, temperature=0.05)
    assert loss.item() == pytest.approx(math.log(3), abs=1e-6)


def test_hard_negatives_and_background_repel_each_other() -> None:
    together = torch.tensor([[1.0, 0.0]] * 4)
    apart = torch.tensor([[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2)
    labels = torch.tensor([0, 0, 2, 2])
    near = supervised_contrastive(together, labels, temperature=0.1)
    far = supervised_contrastive(apart, labels, temperature=0.1)
    assert far < near


def test_a_view_alone_in_its_class_only_repels() -> None:
    embeddings = unit(5)
    labels = [0, 0, 1, 1, 2]
    loss = supervised_contrastive(embeddings, torch.tensor(labels), temperature=0.1)
    assert loss.item() == pytest.approx(slow_loss(embeddings.double().numpy(), labels, 0.1), rel=1e-5)


@pytest.mark.parametrize("labels", [[], [1], [0, 0, 0, 0], [0, 1], [0, 1, 2]])
def test_nothing_to_contrast_gives_zero_and_zero_gradients(labels: list[int]) -> None:
    embeddings = unit(len(labels)).requires_grad_()
    loss = supervised_contrastive(embeddings, torch.tensor(labels, dtype=torch.long), temperature=0.1)
    loss.backward()
    assert loss.item() == 0
    assert embeddings.grad is not None
    assert torch.equal(embeddings.grad, torch.zeros_like(embeddings))


def test_gradients_are_those_of_finite_differences() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    embeddings = unit(6, dimensions=4).requires_grad_()
    supervised_contrastive(embeddings, labels, temperature=0.5).backward()
    assert embeddings.grad is not None
    step = torch.zeros_like(embeddings)
    step[2, 1] = 1e-2
    with torch.no_grad():
        up, down = (supervised_contrastive(embeddings + s * step, labels, temperature=0.5) for s in (1, -1))
    assert embeddings.grad[2, 1].item() == pytest.approx((up - down).item() / 2e-2, rel=1e-2)


def test_half_precision_is_computed_in_float32() -> None:
    embeddings = unit(16)
    labels = torch.arange(16) % 3
    full = supervised_contrastive(embeddings.bfloat16().float(), labels, temperature=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = supervised_contrastive(embeddings.bfloat16(), labels, temperature=0.1)
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(full.item(), rel=1e-6)


def test_identical_views_at_a_small_temperature_stay_finite() -> None:
    embeddings = torch.cat([unit(1)] * 8).requires_grad_()
    loss = supervised_contrastive(embeddings, torch.arange(8) % 2, temperature=0.001)
    loss.backward()
    assert loss.isfinite()
    assert embeddings.grad is not None
    assert embeddings.grad.isfinite().all()
