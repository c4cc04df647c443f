"""Settings: defaults, overrides, and sentences for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from annotated_types import Le, Lt
from pydantic import BaseModel, ValidationError

from icssn.config import QUICK, InferenceConfig, Settings, TrainConfig, inference_config, train_config
from icssn.errors import ConfigError
from icssn.limits import Most


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
        ("atrous_rates", [0, 2, 3]),
    ],
)
def test_an_unknown_or_impossible_setting_is_named(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key.split(".", maxsplit=1)[0]):
        train_config({key: value})


def limited(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Give every setting that is made of integers, and whether it has a largest value."""
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from limited(field.annotation, f"{prefix}{name}.")
        elif re.search(r"\bint\b", str(field.annotation)):
            yield prefix + name, any(isinstance(one, Most | Le | Lt) for one in field.metadata)


@pytest.mark.parametrize(
    ("build", "kind", "count"), [(train_config, TrainConfig, 20), (inference_config, InferenceConfig, 5)]
)
def test_a_slip_of_a_billion_is_refused_for_every_integer(
    build: Callable[..., Settings], kind: type[Settings], count: int
) -> None:
    settings = dict(limited(kind))
    assert len(settings) >= count
    assert all(settings.values())
    for name in settings:
        slip = [3, 6, 10**9 * 3] if name == "atrous_rates" else 10**9 * 3
        with pytest.raises(
            ConfigError, match=rf"Setting '{name}' is 3000000000, but must be less than or equal to \d+\."
        ):
            build({name: slip})


def floats(kind: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Give every setting that is made of real numbers."""
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from floats(field.annotation, f"{prefix}{name}.")
        elif re.search(r"\bfloat\b", str(field.annotation)):
            yield prefix + name


@pytest.mark.parametrize(
    ("build", "kind", "count"), [(train_config, TrainConfig, 20), (inference_config, InferenceConfig, 4)]
)
@pytest.mark.parametrize("value", ["inf", "nan"])
def test_no_setting_is_without_end(
    build: Callable[..., Settings], kind: type[Settings], count: int, value: str
) -> None:
    names = list(floats(kind))
    assert len(names) >= count
    for name in names:
        with pytest.raises(ConfigError, match=f"Setting '{name}"):
            build({name: f"[{value}]" if name == "looks" else value})


def test_no_stage_is_judged_after_its_end() -> None:
    with pytest.raises(ConfigError, match=r"Setting 'looks' is 2\.0, but must be less than or equal to 1\."):
        train_config({"looks": "[0.5, 2.0]"})
    assert TrainConfig(looks=(2.0,)).looks == (2.0,)  # as some card may say


def test_what_was_written_down_before_landslides_faded_had_no_fading_and_who_asks_now_has() -> None:
    old = TrainConfig(paste_share=0.3).model_dump(mode="json")
    for later in ("fade_share", "point_weight", "cuda_graphs"):
        del old[later]
    read = TrainConfig.model_validate(old)
    assert (read.paste_share, read.fade_share, read.point_weight) == (0.3, 0, 0)
    usual = TrainConfig()
    for asked in (TrainConfig(paste_share=0.3), TrainConfig(rounds=1, paste_share=0.3, seed=2)):
        assert (asked.fade_share, asked.point_weight) == (usual.fade_share, usual.point_weight)


def test_what_was_written_down_before_there_were_limits_is_read() -> None:
    old = TrainConfig().model_dump(mode="json")
    old["segment"]["steps"] = 10**9
    assert TrainConfig.model_validate(old).segment.steps == 10**9
    assert train_config({"segment.steps": 1_000_000, "chips.buffer_px": 100_000}).segment.steps == 1_000_000


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
