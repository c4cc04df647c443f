"""Whole runs: what they leave behind, and that they can be stopped and killed anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from icssn.chips.cut import MANIFEST, MASKS
from icssn.chips.ground import IGNORE, SPOT
from icssn.config import MIN_OBJECT_PX, Stage, TrainConfig
from icssn.errors import CancelledError, CheckpointRefusedError, NotTrainableError
from icssn.nets.checkpoint import load_checkpoint, save_checkpoint
from icssn.nets.icssn import build
from icssn.records import Manifest, Progress
from icssn.training.rounds import RoundResult, TrainResult, train
from icssn.training.state import STATE_NAME
from tests.training.conftest import WriteChips

Never: Callable[[], bool] = lambda: False  # noqa: E731


def _train(
    folder: Path,
    chips: Path,
    config: TrainConfig,
    *,
    parent: Path | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    on_round: Callable[[RoundResult], None] = lambda _: None,
    stop: Callable[[], bool] = Never,
) -> TrainResult:
    return train(folder, chips, config=config, parent=parent, report=report, on_round=on_round, stop=stop)


def _still(config: TrainConfig, *, rounds: int = 1) -> TrainConfig:
    """Give settings that train nothing."""
    none = {"steps": 0}
    classify, segment = config.classify.model_copy(update=none), config.segment.model_copy(update=none)
    return config.model_copy(update={"classify": classify, "segment": segment, "rounds": rounds})


def test_a_run_explains_itself(tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig) -> None:
    reports: list[Progress] = []
    told: list[RoundResult] = []
    chance = torch.get_rng_state()
    result = _train(tmp_path / "run", write_chips(), tiny_config, report=reports.append, on_round=told.append)
    assert torch.equal(torch.get_rng_state(), chance)

    assert tuple(told) == result.rounds
    assert [finished.number for finished in told] == [1, 2]
    assert result.last == told[-1]
    assert result.device.startswith("CPU")
    wanted = {"val_f1", "val_iou", "val_ap", "val_threshold", "cls_accuracy", "cls_f1", "seconds"}
    for finished in told:
        assert wanted <= set(finished.metrics)
        _, card = load_checkpoint(finished.folder)
        assert card["sha256"] == finished.sha256
        assert card["threshold"] == finished.threshold == finished.metrics["val_threshold"]
        assert (
            card["min_object_px"] == finished.metrics["val_min_object_px"] == MIN_OBJECT_PX
        )  # one chip says too little
        assert card["metrics"] == finished.metrics
        assert card["round"] == finished.number
        assert [sum(chip["tp_fp_fn_tn"]) for chip in card["validation"]] == [78 * 80] * 4  # two rows are unknown
        assert card["revisions"] == {"scene": 7}
        assert TrainConfig.model_validate(card["config"]) == tiny_config
        assert {"manifest_fingerprint", "seed", "device", "code_version", "bands", "normalisation"} <= set(card)

    assert {file.name for file in (tmp_path / "run").iterdir()} == {
        "config.json", "journal.json", "round-1", "round-2"
    }  # fmt: skip
    journal = json.loads((tmp_path / "run" / "journal.json").read_text())
    assert journal["done"]
    places = [(look["round"], look["stage"], look["step"]) for look in journal["looks"]]
    stages = [("classify", 2), ("segment", 3)]
    assert places == [(number, *stage) for number in (1, 2) for stage in stages]

    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == pytest.approx(1)
    assert reports[0].message == "round 1 of 2 · classify · step 0 of 2"
    figures = [set(report.figures) for report in reports]
    assert any({"cls_accuracy", "cls_f1", "cls_loss"} <= names and "val_f1" not in names for names in figures)
    assert "val_f1" in figures[-1]
    assert reports[-1].remaining_s == pytest.approx(0, abs=0.1)

    again = _train(tmp_path / "run", write_chips(name="same"), tiny_config, on_round=told.append)
    assert again == result
    assert len(told) == 2


def test_a_run_stopped_before_every_step_and_killed_in_between_equals_the_uninterrupted_run(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    chips = write_chips()
    whole = _train(tmp_path / "whole", chips, tiny_config)

    asked = 0

    def every_third() -> bool:
        nonlocal asked
        asked += 1
        return asked % 3 == 0

    sittings = 0
    stopped: TrainResult | None = None
    while stopped is None:
        sittings += 1
        torch.rand(sittings)  # what happened elsewhere in the process plays no part
        try:
            stopped = _train(tmp_path / "stopped", chips, tiny_config, stop=every_third)
        except CancelledError:
            assert (tmp_path / "stopped" / STATE_NAME).exists()
    assert sittings == 5  # of two steps, so that both middle and end of every stage are met

    killed: TrainResult | None = None
    lives = 0
    while killed is None:
        lives += 1
        try:
            killed = _train(tmp_path / "killed", chips, tiny_config, report=_killer(after=3))
        except KeyboardInterrupt:
            continue
    assert lives > 1

    for result in (stopped, killed):
        assert [finished.sha256 for finished in result.rounds] == [finished.sha256 for finished in whole.rounds]
        for finished, expected in zip(result.rounds, whole.rounds, strict=True):
            assert {**finished.metrics, "seconds": 0} == {**expected.metrics, "seconds": 0}


def _killer(*, after: int) -> Callable[[Progress], None]:
    reports = 0

    def report(_: Progress) -> None:
        nonlocal reports
        reports += 1
        if reports > after:
            raise KeyboardInterrupt

    return report


@pytest.mark.parametrize(
    ("course", "stages"),
    [(("segment",), ["segment"]), (("joint",), ["joint"]), (("classify", "joint"), ["classify", "joint"])],
)
def test_another_course_is_run_by_the_same_loop(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig, course: tuple[Stage, ...], stages: list[str]
) -> None:
    config = tiny_config.model_copy(update={"course": course})
    told: list[Progress] = []
    result = _train(tmp_path / "run", write_chips(), config, report=told.append)
    journal = json.loads((tmp_path / "run" / "journal.json").read_text())
    places = list(dict.fromkeys((look["round"], look["stage"]) for look in journal["looks"]))
    assert places == [(number, stage) for number in (1, 2) for stage in stages]
    assert {"val_f1", "cls_f1"} <= set(result.last.metrics)
    assert told[-1].fraction == pytest.approx(1)


def test_the_only_look_at_a_round_is_its_end(tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig) -> None:
    config = tiny_config.model_copy(update={"rounds": 1})
    result = _train(tmp_path / "run", write_chips(), config)
    looks = json.loads((tmp_path / "run" / "journal.json").read_text())["looks"]
    assert [look["stage"] for look in looks] == ["classify", "segment"]
    assert looks[-1]["figures"].items() <= result.last.metrics.items()


def test_looks_teach_nothing_and_a_run_goes_on_with_others(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    chips = write_chips()
    whole = _train(tmp_path / "whole", chips, tiny_config)
    often = tiny_config.model_copy(update={"looks": (0.5, 1.0)})
    answers = iter([False] * 3)  # two steps of the classifier, one of the segmenter
    with pytest.raises(CancelledError):
        _train(tmp_path / "run", chips, often, stop=lambda: next(answers, True))
    unwatched = tiny_config.model_copy(update={"looks": ()})
    assert _train(tmp_path / "run", chips, unwatched).last.sha256 == whole.last.sha256
    looks = json.loads((tmp_path / "run" / "journal.json").read_text())["looks"]
    places = [(look["round"], look["stage"], look["step"]) for look in looks]
    assert places == [(1, "classify", 1), (1, "classify", 2), (1, "segment", 3), (2, "segment", 3)]


def test_another_seed_gives_another_model(tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig) -> None:
    config = tiny_config.model_copy(update={"rounds": 1})
    chips = write_chips()
    first = _train(tmp_path / "a", chips, config)
    other = _train(tmp_path / "b", chips, config.model_copy(update={"seed": 1}))
    assert first.last.sha256 != other.last.sha256


def test_spots_without_weight_are_as_unknown_as_their_surroundings(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    chips = write_chips()
    manifest = Manifest.model_validate_json((chips / MANIFEST).read_text())
    points = tuple(chip.model_copy(update={"kind": "landslide_point"}) for chip in manifest.chips[:2])
    (chips / MANIFEST).write_text(manifest.model_copy(update={"chips": points + manifest.chips[2:]}).model_dump_json())
    masks = np.load(chips / MASKS)
    weights = {}
    for said, weight in ((IGNORE, 0.0), (SPOT, 0.0), (SPOT, 0.2)):
        masks[:2] = IGNORE
        masks[:2, 38:42, 38:42] = said
        np.save(chips / MASKS, masks)
        config = tiny_config.model_copy(update={"rounds": 1, "point_weight": weight})
        result = _train(tmp_path / f"{said} {weight}", chips, config)
        weights[said, weight] = load_file(result.last.folder / "model.safetensors")
    nothing, passed_over, looked_at = weights.values()
    assert all(torch.equal(passed_over[name], tensor) for name, tensor in nothing.items())
    assert not all(torch.equal(looked_at[name], tensor) for name, tensor in nothing.items())


def test_a_warm_start_begins_with_the_weights_of_its_parent(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    parent = tmp_path / "parent"
    other = build(tiny_config.model_copy(update={"seed": 5}))
    sha256 = save_checkpoint(parent, other, {"config": tiny_config.model_dump(mode="json"), "threshold": 0.5})
    result = _train(tmp_path / "run", write_chips(), _still(tiny_config), parent=parent)
    found, expected = load_file(result.last.folder / "model.safetensors"), other.state_dict()
    last = {"segmenter.head.weight", "segmenter.head.bias"}  # divided by a temperature when the round ends
    last |= {"classifier.linear.weight", "classifier.linear.bias"}  # fitted again
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items() if name not in last)
    ratio = found["segmenter.head.weight"] / expected["segmenter.head.weight"]
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio))
    assert load_checkpoint(result.last.folder)[1]["parent_sha256"] == sha256


@pytest.mark.parametrize("warm", [True, False])
def test_stages_are_frozen_only_as_a_parent_left_them(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig, warm: bool
) -> None:
    begun = build(tiny_config)
    save_checkpoint(tmp_path / "parent", begun, {"config": tiny_config.model_dump(mode="json"), "threshold": 0.5})
    frozen = tiny_config.model_copy(update={"frozen_stages": 2})
    result = _train(tmp_path / "run", write_chips(), frozen, parent=tmp_path / "parent" if warm else None)
    found, before = load_file(result.last.folder / "model.safetensors"), begun.encoder.state_dict()
    kept = {name for name, tensor in before.items() if torch.equal(found[f"encoder.{name}"], tensor)}
    first = {name for name in before if not name.startswith(("model.blocks.2", "model.blocks.3", "model.blocks.4"))}
    assert kept == (first if warm else set())


@pytest.mark.parametrize("shown", [{"bands": 1}, {"terrain": ("slope",)}])
def test_chips_with_other_channels_than_the_settings_are_refused_before_anything_is_learned(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig, shown: dict[str, Any]
) -> None:
    with pytest.raises(NotTrainableError, match=r"The chips show . band\(s\) and . layer\(s\) of terrain"):
        _train(tmp_path / "run", write_chips(**shown), tiny_config)
    assert not (tmp_path / "run").exists()


def test_a_parent_of_another_architecture_is_refused(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    wider = tiny_config.model_copy(update={"decoder_channels": 32})
    save_checkpoint(tmp_path / "parent", build(wider), {"config": wider.model_dump(mode="json")})
    with pytest.raises(CheckpointRefusedError, match="another encoder, number of bands, terrain or decoder"):
        _train(tmp_path / "run", write_chips(), tiny_config, parent=tmp_path / "parent")


def test_a_round_offers_the_mean_of_its_weights_and_those_of_the_rounds_before(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    config = tiny_config.model_copy(update={"rounds": 3, "checkpoint_every_steps": 1})
    chips, last_steps, killed = write_chips(), list[dict[str, torch.Tensor]](), 0

    def report(progress: Progress) -> None:
        """Kill the run at the end of every round, when the state is that after its last step."""
        nonlocal killed
        if "val_min_object_px" in progress.figures and len(last_steps) < int(progress.message.split()[1]):
            killed += 1
            last_steps.append(torch.load(tmp_path / "run" / STATE_NAME, weights_only=True)["learner"]["average"])
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            _train(tmp_path / "run", chips, config, report=report)
    result = _train(tmp_path / "run", chips, config, report=report)
    assert killed == 3

    heads = ("classifier.linear.", "segmenter.head.")  # fitted, calibrated
    offered = [load_file(finished.folder / "model.safetensors") for finished in result.rounds]
    shared = [name for name, tensor in offered[0].items() if tensor.is_floating_point() and not name.startswith(heads)]
    assert any("running_var" in name for name in shared)
    for name in shared:
        ends = [weights[name] for weights in last_steps]
        for number, weights in enumerate(offered, start=1):
            torch.testing.assert_close(weights[name], torch.stack(ends[:number]).mean(dim=0))
    assert not torch.equal(last_steps[0][shared[0]], last_steps[1][shared[0]])


def test_an_unfinished_run_is_not_continued_with_other_settings(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    chips = write_chips()
    with pytest.raises(CancelledError):
        _train(tmp_path / "run", chips, tiny_config, stop=lambda: True)
    with pytest.raises(CheckpointRefusedError, match="other settings"):
        _train(tmp_path / "run", chips, tiny_config.model_copy(update={"seed": 1}))
