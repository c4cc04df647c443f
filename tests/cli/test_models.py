"""``icssn models``, as people read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from icssn import actions
from icssn.cli import main
from icssn.store import checkpoints
from tests.store.samples import a_checkpoint


def test_a_model_that_was_not_judged_has_a_dash_for_its_f1(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = actions.open_workspace(workspace)
    for number, metrics in enumerate(({"val_f1": 0.7}, {"val_iou": 0.5})):
        checkpoints.add(opened.db, a_checkpoint(id=f"{number}" * 32, metrics=metrics))
    opened.close()
    monkeypatch.setattr("sys.argv", ["icssn", "models", "--workspace", str(workspace)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    shown = {line.split()[0][0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]}
    assert shown == {"0": "0.700", "1": "–"}


def test_a_word_that_is_not_utf_8_is_refused_in_a_sentence(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    word = os.fsdecode(b"a\xff")
    monkeypatch.setattr("sys.argv", ["icssn", "model", "show", word, "--workspace", str(workspace), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "'a\\\\xff' is not written in UTF-8." in capsys.readouterr().out
    assert not workspace.exists()
