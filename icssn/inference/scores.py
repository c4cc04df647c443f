"""Object scores: the classifier's evidence inside an object is added to the mask's."""

from __future__ import annotations

import math

_SURE = 1e-4  # probabilities nearer to 0 or 1 count as this, so that neither judge alone decides


def classifier_score(evidence: float) -> float:
    """Give the classifier's probability for an object, in [0, 1], from its mean logit over the object's pixels.

    The classifier is linear in the features that it pools, so it can be asked for any shape: here for the object
    itself, with the features of the scene's own windows. docs/decisions tells why no chip is cut around the object.
    """
    return 1 / (1 + math.exp(-min(max(evidence, -700.0), 700.0)))


def fused_score(mask_score: float, classifier_score: float) -> float:
    """Combine two probabilities of one object by the sum of their logits (method.md, trial 2).

    Returns:
        In (0, 1); equals the other where one of them is 0.5.
    """
    return 1 / (1 + math.exp(-_logit(mask_score) - _logit(classifier_score)))


def _logit(probability: float) -> float:
    clipped = min(max(probability, _SURE), 1 - _SURE)
    return math.log(clipped / (1 - clipped))
