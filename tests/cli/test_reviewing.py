"""``icssn review …``: candidates change hands, and a second reader's word is compared with the first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from icssn import actions
from icssn.cli import main
from icssn.records import Actor, CandidateStatus, Decision, Prediction
from icssn.store import predictions
from icssn.store.workspace import Workspace
from tests.cli.conftest import Icssn
from tests.store.samples import a_candidate, a_prediction
from tests.ui.conftest import inside

COUNT = 6
HILL = ("--scene", "hill")


@pytest.fixture
def wang(raster: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Wang's look at a workspace with a scene; Li works at the command line."""
    monkeypatch.setenv("ICSSN_PERSON", "Li")
    opened = actions.open_workspace(workspace, actor=Actor(name="Wang"))
    actions.register_scene(opened, raster, name="hill")
    yield opened
    opened.close()


@pytest.fixture
def prediction(wang: Workspace) -> Prediction:
    """Six candidates on it, c0 with the highest score."""
    scene = actions.find_scene(wang, "hill")
    made = a_prediction(scene.id, candidate_count=COUNT)
    found = [
        a_candidate(made, id=f"c{n}", geometry_lonlat=inside(scene, n / 8, 0.05), score=0.9 - n / 100)
        for n in range(COUNT)
    ]
    predictions.add(wang.db, made, found)
    return made


def test_candidates_are_given_taken_back_and_counted(icssn: Icssn, prediction: Prediction) -> None:
    assert icssn("review", "assign", *HILL, "--to", " Wang ", "c4", "c5") == (
        0,
        {"person": "Wang", "candidates": ["c4", "c5"], "changed": 2},
    )
    status, taken = icssn("review", "assign", *HILL, "--to", "Li", "--next", 3)
    assert (status, taken["changed"], len(set(taken["candidates"]) - {"c4", "c5"})) == (0, 3, 3)
    assert icssn("candidates", "accept", *HILL, "c4")[0] == 0
    assert icssn("review", "release", *HILL, "c5")[1]["changed"] == 1
    status, answer = icssn("review", "assignments", *HILL)
    assert answer["assignments"] == {"c4": "Wang"} | dict.fromkeys(taken["candidates"], "Li")
    assert answer["people"] == [
        {"person": "", "open": 2, "all": 2},
        {"person": "Li", "open": 3, "all": 3},
        {"person": "Wang", "open": 0, "all": 1},
    ]
    assert icssn("review", "assign", *HILL, "--to", "Zhao", "--next", 9)[1]["changed"] == 2  # no more are nobody's


def test_a_second_reading_shows_nothing_of_the_first_before_its_figures_come(
    icssn: Icssn, prediction: Prediction, wang: Workspace
) -> None:
    icssn("candidates", "accept", *HILL, "c0", "c1", "c2")
    icssn("candidates", "reject", *HILL, "c3")
    status, drawn = icssn("review", "second", *HILL, "--reader", "Wang", "--share", 1)
    assert (status, drawn["candidates"]) == (0, ["c0", "c1", "c2", "c3"])
    status, waiting = icssn("review", "agreement", *HILL)
    [reading] = waiting["readings"]
    assert (reading["left"], reading["agreement"], reading["disagreements"]) == (4, None, [])
    assert not {"accepted", "rejected"} & set(str(waiting | drawn).replace("'", " ").split())
    said = [Decision(candidate_id=f"c{n}", status=CandidateStatus.accepted) for n in range(4)]
    actions.read_again(wang, drawn["reading_id"], said)
    [reading] = icssn("review", "agreement", *HILL)[1]["readings"]
    assert (reading["left"], reading["agreement"]["agreed"], reading["agreement"]["count"]) == (0, 3, 4)
    assert reading["disagreements"] == [{"candidate_id": "c3", "first": "rejected", "second": "accepted"}]


def test_bad_wishes_are_refused_in_one_sentence_and_change_nothing(icssn: Icssn, prediction: Prediction) -> None:
    for words, told in (
        (("review", "assign", "--to", "Wang"), "'--next' is 0"),
        (("review", "assign", "--to", "Wang", "c0", "--next", 2), "'--next' is 2"),
        (("review", "assign", "--to", " ", "c0"), "review release"),
        (("review", "assign", "--to", "Wang", "c0", "nobody"), "no candidate 'nobody'"),
        (("review", "second", "--reader", "Wang"), "nothing is left"),
        (("review", "second", "--reader", "Wang", "--share", 2), "'share' is 2"),
        (("candidates", "reject", "c0", "--look-alike", "castle"), "terrace, quarry"),
    ):
        status, answer = icssn(*words, *HILL)
        assert status == 1, words
        assert told in answer["error"]
    assert icssn("review", "assignments", *HILL)[1]["assignments"] == {}
    assert icssn("review", "agreement", *HILL)[1]["readings"] == []
    assert {item["status"] for item in icssn("candidates", "list", *HILL)[1]["candidates"]} == {"open"}


def test_kappa_of_few_candidates_stands_without_an_interval(
    icssn: Icssn,
    prediction: Prediction,
    wang: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    icssn("candidates", "accept", *HILL, "c0", "c1")
    icssn("candidates", "reject", *HILL, "c2", "c3")
    reading_id = icssn("review", "second", *HILL, "--reader", "Wang", "--share", 1)[1]["reading_id"]
    words = [CandidateStatus.accepted] * 3 + [CandidateStatus.rejected]
    actions.read_again(
        wang, reading_id, [Decision(candidate_id=f"c{n}", status=status) for n, status in enumerate(words)]
    )
    monkeypatch.setattr("sys.argv", ["icssn", "review", "agreement", *HILL])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    [row] = [line for line in capsys.readouterr().out.splitlines() if "4 of 4" in line]
    assert row.split() == ["Wang", "4", "of", "4", "75%", "(30%", "to", "95%)", "0.50"]
