"""Review shared between people: who may give what to whom, and what a second reading says in the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from icssn import actions
from icssn.environment import person
from icssn.errors import ConfigError, NotAllowedError, NotFoundError, ReadingRefusedError
from icssn.records import Actor, Candidate, CandidateStatus, Decision, Prediction, Role
from icssn.store import predictions, scenes
from icssn.store.workspace import Workspace
from tests.store.samples import a_candidate, a_prediction, a_scene, square

ACCEPTED, REJECTED, UNSURE = CandidateStatus.accepted, CandidateStatus.rejected, CandidateStatus.unsure
LI, WANG = Actor(name="Li"), Actor(name="Wang")


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    workspace = actions.open_workspace(tmp_path / "workspace", actor=LI)
    yield workspace
    workspace.close()


@pytest.fixture
def prediction(ws: Workspace) -> Prediction:
    """A prediction with twenty candidates on a scene."""
    scene = scenes.add(ws.db, a_scene())
    made = a_prediction(scene.id, candidate_count=20)
    found = [
        a_candidate(made, id=f"c{n:02}", geometry_lonlat=square(n % 5 / 9, n // 5 / 9, side=0.05)) for n in range(20)
    ]
    predictions.add(ws.db, made, found)
    return made


def decide(ws: Workspace, made: Prediction, status: CandidateStatus, ids: list[str]) -> None:
    predictions.decide(
        ws.db, made.scene_id, [Decision(candidate_id=one, status=status) for one in ids], actor=ws.actor.name
    )


def candidates(ws: Workspace, made: Prediction) -> dict[str, Candidate]:
    return {item.id: item for item in actions.list_candidates(ws, made.id)}


def test_candidates_are_given_taken_and_given_back(ws: Workspace, prediction: Prediction) -> None:
    assert actions.assign(ws, prediction.scene_id, ["c00", "c01"], person=" Wang ") == 2
    assert actions.assign(ws, prediction.scene_id, ["c02"], person="Li") == 1
    assert actions.assign(ws, prediction.scene_id, ["c01"], person="") == 1
    assert actions.list_assignments(ws, prediction.id) == {"c00": "Wang", "c02": "Li"}
    assert actions.people(ws) == ["Li", "Wang"]


@pytest.mark.parametrize("name", ["x" * 81, "Li\nWang", "\x00"])
def test_a_name_that_cannot_be_is_refused(ws: Workspace, prediction: Prediction, name: str) -> None:
    with pytest.raises(ConfigError, match="1 to 80 characters"):
        actions.assign(ws, prediction.scene_id, ["c00"], person=name)
    assert actions.list_assignments(ws, prediction.id) == {}


def test_an_annotator_takes_but_does_not_give_to_others(ws: Workspace, prediction: Prediction) -> None:
    ws.actor = Actor(name="Zhao", role=Role.annotator)
    assert actions.assign(ws, prediction.scene_id, ["c00"], person="Zhao") == 1
    with pytest.raises(NotAllowedError, match="reviewer"):
        actions.assign(ws, prediction.scene_id, ["c00"], person="Li")
    with pytest.raises(NotAllowedError, match="reviewer"):
        actions.draw_second_reading(ws, prediction.id, reader="Li")
    ws.actor = Actor(name="Wu", role=Role.viewer)
    with pytest.raises(NotAllowedError):
        actions.assign(ws, prediction.scene_id, ["c00"], person="Wu")


def test_a_share_is_read_blind_and_compared_when_all_is_read(ws: Workspace, prediction: Prediction) -> None:
    ids = sorted(candidates(ws, prediction))
    decide(ws, prediction, ACCEPTED, ids[:10])
    decide(ws, prediction, REJECTED, ids[10:16])
    reading = actions.draw_second_reading(ws, prediction.id, reader="Wang", share=0.5, seed=1)
    assert len(reading.items) == 8
    assert {word.person for word in reading.items} == {"Li"}
    assert actions.reading_to_do(ws, prediction.id) is None  # it waits for Wang, not for Li
    before = candidates(ws, prediction)

    ws.actor = WANG
    assert actions.reading_to_do(ws, prediction.id) == reading
    *most, last = reading.items
    same = [Decision(candidate_id=word.candidate_id, status=word.status) for word in most]
    actions.read_again(ws, reading.id, same)
    [outcome] = actions.reading_outcomes(ws, prediction.id)
    assert (outcome.left, outcome.agreement) == (1, None)  # no figure before all is read
    other = REJECTED if last.status is ACCEPTED else ACCEPTED
    actions.read_again(ws, reading.id, [Decision(candidate_id=last.candidate_id, status=other, look_alike="gully")])
    [outcome] = actions.reading_outcomes(ws, prediction.id)
    assert outcome.agreement
    assert (outcome.agreement.count, outcome.agreement.agreed) == (8, 7)
    assert outcome.agreement.kappa is not None
    assert outcome.agreement.kappa_low is not None
    assert outcome.agreement.kappa_low < outcome.agreement.kappa < 1
    [disagreement] = outcome.disagreements
    assert (disagreement.candidate_id, disagreement.first, disagreement.second) == (
        last.candidate_id,
        last.status,
        other,
    )
    assert actions.reading_to_do(ws, prediction.id) is None
    assert candidates(ws, prediction) == before  # the labels stay as the first decision made them
    with pytest.raises(ReadingRefusedError, match="all of it is read"):
        actions.read_again(ws, reading.id, [Decision(candidate_id=last.candidate_id, status=last.status)])


def test_nothing_is_read_twice_by_one_reader_nor_ones_own_decisions(ws: Workspace, prediction: Prediction) -> None:
    with pytest.raises(ReadingRefusedError, match="nothing is left that others than Wang have decided"):
        actions.draw_second_reading(ws, prediction.id, reader="Wang")
    decide(ws, prediction, UNSURE, ["c00", "c01", "c02"])
    first = actions.draw_second_reading(ws, prediction.id, reader="Wang", share=0.34)
    second = actions.draw_second_reading(ws, prediction.id, reader="Wang", share=1)
    drawn = [{word.candidate_id for word in reading.items} for reading in (first, second)]
    assert (len(drawn[0]), drawn[0] & drawn[1], drawn[0] | drawn[1]) == (1, set(), {"c00", "c01", "c02"})
    for reader in ("Wang", "Li"):
        with pytest.raises(ReadingRefusedError, match="nothing is left"):
            actions.draw_second_reading(ws, prediction.id, reader=reader, share=1)
    with pytest.raises(ConfigError, match="share"):
        actions.draw_second_reading(ws, prediction.id, reader="Zhao", share=0)
    with pytest.raises(NotFoundError):
        actions.draw_second_reading(ws, "x", reader="Zhao")


def test_the_environment_says_who_works_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ICSSN_PERSON", " 王地质 ")
    assert person() == "王地质"
    workspace = actions.open_workspace(tmp_path / "other")
    assert workspace.actor.name == "王地质"
    workspace.close()
