"""Which decided candidates are put before a second reader."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from icssn.records import Candidate, CandidateStatus, FirstWord

DECIDED = (CandidateStatus.accepted, CandidateStatus.rejected, CandidateStatus.unsure)
"""Decisions that a second reader may agree with or not."""


def readable(candidates: Iterable[Candidate], *, reader: str, already: Collection[str] = ()) -> list[FirstWord]:
    """Give what was decided by others than the reader, and was not put before that reader already, by candidate id."""
    return sorted(
        (
            FirstWord(candidate_id=item.id, person=item.decided_by, status=item.status)
            for item in candidates
            if item.status in DECIDED and item.decided_by != reader and item.id not in already
        ),
        key=lambda word: word.candidate_id,
    )


def drawn(words: list[FirstWord], *, share: float, seed: int) -> list[FirstWord]:
    """Draw a share of them, at least one where there is any; the same seed draws the same.

    Args:
        words: As `readable` gives them.
        share: Of all, in (0, 1].
        seed: Of the draw.
    """
    count = min(len(words), max(1, round(share * len(words))))
    shuffled = np.random.default_rng(seed).permutation(len(words))
    return [words[i] for i in sorted(shuffled[:count].tolist())]
