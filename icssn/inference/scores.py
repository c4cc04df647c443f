"""Object scores: what mask and classifier think of an object, each by itself and together."""

from __future__ import annotations

import math

_SUREST = 0.95  # what a judge can be, one way or the other, who learned from tens of labels (decision 22)


def classifier_score(evidence: float) -> float:
    """Give the classifier's probability for an object, in [0, 1], from its mean logit over the object's pixels.

    The classifier is linear in the features that it pools, so it can be asked for any shape: here for the object
    itself, with the features of the scene's own windows. docs/decisions tells why no chip is cut around the object.
    """
    return 1 / (1 + math.exp(-min(max(evidence, -700.0), 700.0)))


def fused_score(mask_score: float, classifier_score: float) -> float:
    """Combine two probabilities of one object by the mean of their logits, each taken for 5 to 95 % at most.

    The order is that of their sum. But a sum counts evidence twice that both judges read from the same features: it was
    far too sure (decision 7). And a judge who is surer than few labels allow would decide alone, as the classifier did
    by differences between 99.9 and 99.99 % that mean nothing (decision 22).

    Returns:
        In [0.05, 0.95].
    """
    return 1 / (1 + math.exp(-(_logit(mask_score) + _logit(classifier_score)) / 2))


def _logit(probability: float) -> float:
    clipped = min(max(probability, 1 - _SUREST), _SUREST)
    return math.log(clipped / (1 - clipped))
