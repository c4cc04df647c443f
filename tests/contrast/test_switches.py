"""The other forms of OCL, and the memory of keys, against slow twins and closed forms."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from icssn.contrast.momentum import momentum_contrast
from icssn.contrast.pair import pair_margin
from icssn.contrast.queue import KeyQueue
from icssn.contrast.simsiam import negative_cosine


def unit(rows: int, *, dimensions: int = 16, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, dimensions, generator=generator), dim=1)


def slow_pairs(embeddings: np.ndarray, labels: list[int], margin: float) -> float:
    terms = []
    for i in range(len(labels)):
        for j in range(i + 1, len(labels)):
            distance = math.sqrt(((embeddings[i] - embeddings[j]) ** 2).sum())
            terms.append((distance if labels[i] == labels[j] else max(0.0, margin - distance)) ** 2 / 2)
    return sum(terms) / len(terms)


@pytest.mark.parametrize("margin", [0.5, 1.5])
def test_pairs_equal_the_slow_sum(margin: float) -> None:
    labels = [0, 1, 1, 2, 0]
    loss = pair_margin(unit(5), torch.tensor(labels), margin=margin)
    assert loss.item() == pytest.approx(slow_pairs(unit(5).double().numpy(), labels, margin), rel=1e-5)


def test_coinciding_views_of_different_classes_cost_half_the_square_of_the_margin() -> None:
    assert pair_margin(unit(1).repeat(4, 1), torch.arange(4), margin=1.2).item() == pytest.approx(0.72, rel=1e-4)


@pytest.mark.parametrize("views", [0, 1])
def test_no_pair_costs_nothing(views: int) -> None:
    embeddings = unit(views).requires_grad_()
    loss = pair_margin(embeddings, torch.zeros(views, dtype=torch.int64), margin=1.0)
    loss.backward()
    assert loss.item() == 0
    assert embeddings.grad is not None
    assert not embeddings.grad.any()


def test_equal_views_of_two_classes_have_finite_gradients() -> None:
    embeddings = unit(1).repeat(2, 1).requires_grad_()
    pair_margin(embeddings, torch.tensor([0, 1]), margin=1.0).backward()
    assert embeddings.grad is not None
    assert embeddings.grad.isfinite().all()


def test_the_negative_cosine_equals_the_slow_mean_and_ignores_length() -> None:
    predictions, embeddings = 3 * unit(6), unit(6, seed=1)
    slow = -np.mean([float(unit(6)[i] @ embeddings[(i + 3) % 6]) for i in range(6)])
    assert negative_cosine(predictions, embeddings).item() == pytest.approx(slow, rel=1e-5)


def test_predictions_that_meet_the_other_view_cost_minus_one_and_only_they_carry_gradient() -> None:
    embeddings = unit(4).requires_grad_()
    predictions = embeddings.detach().roll(2, dims=0).requires_grad_()
    loss = negative_cosine(predictions, embeddings)
    loss.backward()
    assert loss.item() == pytest.approx(-1)
    assert embeddings.grad is None
    assert negative_cosine(unit(0), unit(0)).item() == 0


def slow_momentum(queries: np.ndarray, keys: np.ndarray, labels: list[int], past: np.ndarray, old: list[int]) -> float:
    losses = []
    for query, key, label in zip(queries, keys, labels, strict=True):
        negatives = [math.exp(query @ other / 0.2) for other, kind in zip(past, old, strict=True) if kind != label]
        if negatives:
            own = math.exp(query @ key / 0.2)
            losses.append(-math.log(own / (own + sum(negatives))))
    return sum(losses) / len(losses)


def momentum(queries: torch.Tensor, labels: list[int], past_labels: list[int]) -> torch.Tensor:
    return momentum_contrast(
        queries,
        unit(len(labels), seed=1),
        torch.tensor(labels, dtype=torch.int64),
        past=unit(len(past_labels), seed=2),
        past_labels=torch.tensor(past_labels, dtype=torch.int64),
        temperature=0.2,
    )


def test_momentum_contrast_equals_the_slow_sum() -> None:
    labels, old = [0, 1, 2, 1], [0, 1, 1, 0, 2]
    sides = (x.double().numpy() for x in (unit(4), unit(4, seed=1)))
    slow = slow_momentum(*sides, labels, unit(5, seed=2).double().numpy(), old)
    assert momentum(unit(4), labels, old).item() == pytest.approx(slow, rel=1e-5)


def test_equal_similarities_give_the_logarithm_of_the_negatives_and_one() -> None:
    same = unit(1)
    loss = momentum_contrast(
        same, same, torch.tensor([1]), past=same.repeat(9, 1), past_labels=torch.zeros(9, dtype=torch.int64),
        temperature=0.1,
    )  # fmt: skip
    assert loss.item() == pytest.approx(math.log(10))


@pytest.mark.parametrize(("labels", "old"), [([], [0, 1]), ([0, 0], []), ([0, 0], [0, 0])])
def test_without_queries_or_negatives_nothing_is_lost(labels: list[int], old: list[int]) -> None:
    queries = unit(len(labels)).requires_grad_()
    loss = momentum(queries, labels, old)
    loss.backward()
    assert loss.item() == 0
    assert queries.grad is not None
    assert not queries.grad.any()


@pytest.mark.parametrize("batches", [[3, 3, 3], [5, 1, 4, 2], [20], [0, 2]])
def test_a_queue_holds_the_last_keys_of_batches_of_any_size(batches: list[int]) -> None:
    queue = KeyQueue(7, 4, device=torch.device("cpu"))
    everything = unit(sum(batches), dimensions=4)
    labels = torch.arange(sum(batches)) % 3  # class 0 is kept like any other
    for keys, kinds in zip(everything.split(batches), labels.split(batches), strict=True):
        queue.push(keys.requires_grad_(), kinds)
    assert torch.equal(queue.keys, everything[-7:])
    assert torch.equal(queue.labels, labels[-7:])
    assert not queue.keys.requires_grad


def test_a_queue_goes_on_from_its_state() -> None:
    queue, other = (KeyQueue(5, 4, device=torch.device("cpu")) for _ in range(2))
    queue.push(unit(3, dimensions=4), torch.tensor([0, 1, 2]))
    other.restore(queue.state())
    for one in (queue, other):
        one.push(unit(4, dimensions=4, seed=3), torch.tensor([1, 1, 0, 2]))
    assert torch.equal(queue.keys, other.keys)
    assert torch.equal(queue.labels, other.labels)
