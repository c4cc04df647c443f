"""What a second reader gets: only what others decided, drawn by seed."""

from __future__ import annotations

import pytest

from icssn.records import Candidate, CandidateStatus
from icssn.review.second import drawn, readable
from tests.store.samples import a_candidate, a_prediction

OPEN, KNOWN, UNSURE = CandidateStatus.open, CandidateStatus.known, CandidateStatus.unsure
ACCEPTED, REJECTED = CandidateStatus.accepted, CandidateStatus.rejected


def decided(status: CandidateStatus, by: str) -> Candidate:
    return a_candidate(a_prediction("s"), status=status, decided_by=by)


def test_only_what_others_decided_can_be_read_again() -> None:
    by_li = [decided(status, "Li") for status in (ACCEPTED, REJECTED, UNSURE)]
    others = [decided(ACCEPTED, "Wang"), decided(OPEN, "Li"), decided(KNOWN, "")]
    words = readable([*by_li, *others], reader="Wang", already={by_li[0].id})
    assert {word.candidate_id for word in words} == {by_li[1].id, by_li[2].id}
    assert {(word.person, word.status) for word in words} == {("Li", REJECTED), ("Li", UNSURE)}


@pytest.mark.parametrize(("share", "count"), [(0.01, 1), (0.1, 4), (0.5, 20), (1.0, 40)])
def test_a_share_is_drawn_by_seed(share: float, count: int) -> None:
    words = readable([decided(ACCEPTED, "Li") for _ in range(40)], reader="Wang")
    chosen = drawn(words, share=share, seed=7)
    assert len(chosen) == len({word.candidate_id for word in chosen}) == count
    assert chosen == drawn(words, share=share, seed=7)
    if count < 40:
        assert any(drawn(words, share=share, seed=seed) != chosen for seed in range(20))


def test_from_nothing_nothing_is_drawn() -> None:
    assert drawn([], share=0.5, seed=0) == []
