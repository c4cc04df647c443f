"""The state of an unfinished run on disk."""

from __future__ import annotations

import errno
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from icssn.config import Stage, TrainConfig
from icssn.errors import CheckpointRefusedError
from icssn.training import state
from icssn.training.state import STAGES, STATE_NAME, Position, identity, load_state, save_state


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {"run": "a", "weights": torch.randn(3), "nested": [{"x": 1.5}, None]}
    save_state(tmp_path, state)
    found = load_state(tmp_path, run="a")
    assert found is not None
    assert torch.equal(found.pop("weights"), state.pop("weights"))
    assert found == state
    assert [file.name for file in tmp_path.iterdir()] == [STATE_NAME]


def test_no_state_is_none(tmp_path: Path) -> None:
    assert load_state(tmp_path, run="a") is None


def test_the_state_of_another_run_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path, {"run": "a"})
    with pytest.raises(CheckpointRefusedError, match=r"another version .* other settings, .* Start a new run\.$"):
        load_state(tmp_path, run="b")


@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps(_Bomb())], ids=["empty", "junk", "pickle"])
def test_a_damaged_or_malicious_state_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / STATE_NAME).write_bytes(content)
    with pytest.raises(CheckpointRefusedError, match="cannot be read"):
        load_state(tmp_path, run="a")
    assert not (tmp_path / "exploded").exists()


def test_a_state_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path, {"run": "a", "weights": torch.randn(1000)})
    file = tmp_path / STATE_NAME
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(CheckpointRefusedError, match="cannot be read"):
        load_state(tmp_path, run="a")


def test_a_run_is_known_by_all_that_decides_what_it_learns() -> None:
    def of(fingerprint: str = "f", parent: str = "", **changes: object) -> str:
        return identity(TrainConfig().model_copy(update=changes), fingerprint=fingerprint, parent=parent)

    assert of() == of(device="cuda", cuda_graphs=False, checkpoint_every_steps=3)
    assert len({of(), of("g"), of(parent="p"), of(seed=1), of(dice_weight=9.0)}) == 5


@pytest.mark.parametrize(("name", "other"), [("__version__", "0.0.9"), ("LEARNS_LIKE", 1)])
def test_no_version_goes_on_with_what_another_began(
    monkeypatch: pytest.MonkeyPatch, name: str, other: str | int
) -> None:
    today = identity(TrainConfig(), fingerprint="f", parent="")
    monkeypatch.setattr(state, name, other)
    assert identity(TrainConfig(), fingerprint="f", parent="") != today


def test_every_step_has_its_own_chance_and_every_stage_its_own_order() -> None:
    places = [Position(round_, stage, step) for round_ in (1, 2) for stage in STAGES for step in range(50)]
    seeds = [place.seeds(seed) for place in places for seed in (0, 1)]
    assert len({chance for _, chance in seeds}) == len(seeds)
    assert len({order for order, _ in seeds}) == 12
    assert Position(2, "segment", 7).seeds(3) == Position(2, "segment", 7).seeds(3)
    assert all(0 <= number < 2**63 for pair in seeds for number in pair)


def test_a_round_goes_through_its_course() -> None:
    course: tuple[Stage, ...] = ("classify", "segment")
    assert Position(2, "classify", 80).next_in(course) == Position(2, "segment", 0)
    assert Position(2, "segment", 220).next_in(course) is None
    assert Position(1, "joint", 9).next_in(("joint",)) is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files, which Windows has not")
def test_a_state_that_meets_a_full_disk_leaves_the_earlier_one_and_says_so(tmp_path: Path) -> None:
    save_state(tmp_path, {"run": "a", "weights": torch.zeros(10)})
    code = (
        "import resource, sys, torch; from pathlib import Path\n"
        "from icssn.training.state import save_state\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: save_state(Path(sys.argv[1]), {'run': 'b', 'weights': torch.zeros(100_000)})\n"
        "except OSError as err: print(type(err).__name__, err.errno)\n"
    )
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["OSError", str(errno.EFBIG)]  # what the system itself says, not torch's own words
    state = load_state(tmp_path, run="a")
    assert state is not None
    assert [file.name for file in tmp_path.iterdir()] == [STATE_NAME]
