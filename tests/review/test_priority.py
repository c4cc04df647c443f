"""The queue begins with what is probably wrong, and says why."""

from __future__ import annotations

from shapely.geometry import box

from icssn.records import Candidate
from icssn.review.outline import Envelope
from icssn.review.priority import Ranked, rank

THRESHOLD = 0.4


def candidate(name: str, *, mask: float = 0.8, classifier: float = 0.95, area_m2: float = 5000) -> Candidate:
    return Candidate(
        id=name,
        prediction_id="p",
        scene_id="s",
        geometry_lonlat=box(0, 0, 1, 1),
        score=mask * classifier,
        mask_score=mask,
        classifier_score=classifier,
        area_m2=area_m2,
    )


def ranked(*items: tuple[Candidate, float]) -> list[Ranked]:
    sure = {item.id: Envelope(agreement=agreement, width_m=2) for item, agreement in items}
    return rank([item for item, _ in items], sure, threshold=THRESHOLD)


def names(found: list[Ranked]) -> list[str]:
    return [place.candidate.id for place in found]


def test_disagreement_comes_before_agreement() -> None:
    found = ranked((candidate("agreed"), 0.7), (candidate("split", classifier=0.1), 0.7))
    assert names(found) == ["split", "agreed"]
    assert found[0].reasons == ("mask_only",)
    assert found[1].reasons == ("sure",)


def test_of_two_that_the_classifier_likes_the_looser_outline_comes_first() -> None:
    found = ranked((candidate("sharp"), 0.8), (candidate("loose"), 0.1))
    assert names(found) == ["loose", "sharp"]
    assert "loose_edge" in found[0].reasons


def test_weak_hints_come_after_what_is_probably_wrong_and_before_what_is_surely_right() -> None:
    found = ranked(
        (candidate("right", classifier=1.0), 0.9),
        (candidate("hint", mask=0.2, classifier=0.9), 0.0),
        (candidate("wrong", classifier=0.5), 0.1),
    )
    assert names(found) == ["wrong", "hint", "right"]
    assert "classifier_only" in found[1].reasons


def test_a_weak_hint_below_a_high_threshold_that_the_classifier_denies_says_so() -> None:
    denied = candidate("denied", mask=0.8, classifier=0.25)
    [only] = rank([denied], {}, threshold=0.89)
    assert only.reasons == ("mask_only",)


def test_a_small_unsure_candidate_says_so() -> None:
    [only] = ranked((candidate("small", classifier=0.5, area_m2=100), 0.7))
    assert only.reasons == ("both_unsure", "small")


def test_priorities_are_shares_and_the_order_is_the_same_each_time() -> None:
    items = [
        (
            candidate(f"c{mask * 1000 + classifier * 100 + agreement * 10:.0f}", mask=mask, classifier=classifier),
            agreement,
        )
        for mask in (0.1, 0.5, 0.9)
        for classifier in (0.0, 0.5, 1.0)
        for agreement in (0.0, 0.5, 1.0)
    ]
    found = ranked(*items)
    assert all(0 <= place.priority <= 1 for place in found)
    assert names(found) == names(ranked(*reversed(items)))


def test_without_a_raster_the_scores_alone_decide() -> None:
    found = rank([candidate("a", classifier=0.9), candidate("b", classifier=0.2)], {}, threshold=THRESHOLD)
    assert names(found) == ["b", "a"]
    assert found[0].envelope is None
