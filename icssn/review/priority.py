"""The order of the queue: what the model most probably got wrong comes first, and why, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from icssn.records import Candidate
from icssn.review.outline import Envelope

_DOUBT, _SURE = 0.35, 0.65  # below the first a judge says no, above the second yes
_LOOSE = 0.3  # agreement of the contours below which an outline is called loose
_SMALL_M2 = 300.0  # objects below this are fragments more often than landslides
_SOFT, _SHARP = 0.3, 0.8  # share of candidates that hold where the contours agree not at all, and its rise
_FAINT = 0.15  # share of weak hints of a certain classifier that are missed landslides
# The last three are round numbers from 83 candidates and 62 hints on three scenes put together from tiles of the
# Bijie data that neither train nor test scene use; see decision 9.


@dataclass(frozen=True)
class Ranked:
    """One candidate in its place in the queue.

    Attributes:
        candidate: As proposed.
        priority: Expected error, in [0, 1]: how probably the model's word about this place is wrong.
        reasons: Words for it, keys of the catalogue, ``map.why_…``, the weightiest first.
        envelope: How sure its outline is, None where the raster is gone.
    """

    candidate: Candidate
    priority: float
    reasons: tuple[str, ...]
    envelope: Envelope | None


def rank(candidates: Sequence[Candidate], envelopes: Mapping[str, Envelope], *, threshold: float) -> list[Ranked]:
    """Order candidates by expected error, the largest first.

    Two judges speak of every place: the mask (how sure its pixels are) and the classifier (what it sees as a whole).
    A candidate is an error when it is no landslide, or when its outline misses half of it. A *faint* one, which the
    mask alone would not have proposed, is an error when it is a landslide.

    Args:
        candidates: Of one prediction.
        envelopes: How sure each outline is, by candidate id; one that is absent counts as neither sharp nor loose.
        threshold: Of the prediction's mask.
    """
    ranked = [_judged(candidate, envelopes.get(candidate.id), threshold) for candidate in candidates]
    return sorted(ranked, key=lambda item: (-item.priority, -item.candidate.score, item.candidate.id))


def is_faint(candidate: Candidate, threshold: float) -> bool:
    """Tell whether a candidate lies below the mask's threshold: a weak hint."""
    return candidate.mask_score < threshold


def _judged(candidate: Candidate, envelope: Envelope | None, threshold: float) -> Ranked:
    faint = is_faint(candidate, threshold)
    agreement = envelope.agreement if envelope else _LOOSE
    if faint:
        wrong = _FAINT * candidate.classifier_score
    else:
        wrong = 1 - candidate.classifier_score * min(1.0, _SOFT + _SHARP * agreement)
    return Ranked(candidate, wrong, _reasons(candidate, agreement, faint=faint), envelope)


def _reasons(candidate: Candidate, agreement: float, *, faint: bool) -> tuple[str, ...]:
    mask, classifier = candidate.mask_score, candidate.classifier_score
    found: list[str] = []
    if faint and classifier > _SURE:
        found.append("classifier_only")
    elif classifier < _DOUBT and (not faint or mask > _SURE):
        found.append("mask_only")
    elif _DOUBT <= classifier <= _SURE or (faint and mask < _SURE):
        found.append("both_unsure")
    if not faint and agreement < _LOOSE:
        found.append("loose_edge")
    if candidate.area_m2 < _SMALL_M2:
        found.append("small")
    return tuple(found) or ("sure",)
