"""Settings: defaults, overrides, and sentences for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from icssn.config import QUICK, TrainConfig, train_config
from icssn.errors import ConfigError


def test_overrides_reach_nested_settings_and_are_read_as_toml() -> None:
    config = train_config({"segment.steps": "7", "atrous_rates": "[2, 4, 6]", "encoder.weights": "none"})
    assert config.segment.steps == 7
    assert config.atrous_rates == (2, 4, 6)
    assert config.encoder.weights == "none"
    assert config.classify == TrainConfig().classify


def test_terrain_counts_among_the_channels_and_older_settings_are_without() -> None:
    encoder = train_config({"encoder.terrain": '["slope", "shading"]', "encoder.bands": 1}).encoder
    assert (encoder.terrain, encoder.channels) == (("slope", "shading"), 3)
    older = TrainConfig().model_dump(mode="json")
    del older["encoder"]["terrain"]
    assert TrainConfig.model_validate(older) == TrainConfig()


def test_the_quick_tier_gives_way_to_explicit_overrides() -> None:
    assert train_config(quick=True).segment.steps == QUICK["segment.steps"]
    assert train_config({"segment.steps": 3}, quick=True).segment.steps == 3


def test_a_file_is_read_and_overridden(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("rounds = 3\n[segment]\nsteps = 11\n")
    config = train_config({"rounds": 1}, file=file)
    assert (config.rounds, config.segment.steps) == (1, 11)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("segment.stepz", 3),
        ("rounds", 99),
        ("segment", 3),
        ("segment.steps.deep", 1),
        ("rounds", "x"),
        ("course", ["segment", "classify"]),
        ("course", ["joint", "joint"]),
        ("course", []),
        ("encoder.terrain", ["aspect"]),
        ("encoder.terrain", ["slope", "slope"]),
    ],
)
def test_an_unknown_or_impossible_setting_is_named(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key.split(".", maxsplit=1)[0]):
        train_config({key: value})


@pytest.mark.parametrize("text", ["rounds = ", "rounds = 'many'"])
def test_a_broken_file_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        train_config(file=file)
    with pytest.raises(ConfigError, match=r"missing\.toml"):
        train_config(file=tmp_path / "missing.toml")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        TrainConfig().rounds = 2  # type: ignore[misc]


@pytest.mark.parametrize("name", ["fade_share", "point_weight"])
def test_a_run_from_before_there_was_such_a_thing_had_none(name: str) -> None:
    old = TrainConfig().model_dump()
    assert old.pop(name) > 0
    assert getattr(TrainConfig.model_validate(old), name) == 0
