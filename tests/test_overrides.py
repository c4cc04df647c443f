"""What people write as settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from icssn.config import inference_config, train_config
from icssn.errors import ConfigError
from icssn.overrides import pairs, parsed, read_toml


def test_settings_are_read_line_by_line() -> None:
    found = pairs("rounds = 1\n\n# slower\nsegment.steps=6   # few\nencoder.weights=a#b.safetensors".splitlines())
    assert found == {"rounds": "1", "segment.steps": "6   # few", "encoder.weights": "a#b.safetensors"}
    config = train_config(found)
    assert (config.rounds, config.segment.steps, config.encoder.weights) == (1, 6, "a#b.safetensors")


@pytest.mark.parametrize("line", ["rounds", "=3", "rounds: 1"])
def test_a_line_that_sets_nothing_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        pairs([line])


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("device=cpu # x", "cpu"),
        ("device=cpu\t#x # y", "cpu"),
        ("device= # nothing", ""),
        ("encoder.weights=a#b.safetensors # small", "a#b.safetensors"),
        ("encoder.weights=it's # that's", "it's"),
        ('encoder.weights="a # b.safetensors"', "a # b.safetensors"),
        ("encoder.weights='a # b' # quoted", "a # b"),
        ("rounds=1 # few", 1),
    ],
)
def test_a_comment_ends_a_value_unless_it_stands_in_a_word_or_in_quotes(line: str, value: object) -> None:
    [said] = pairs([line]).values()
    assert parsed(said) == value


def test_a_comment_behind_a_bare_word_does_not_reach_the_settings() -> None:
    assert inference_config(dict(pairs(["device=cpu # the small machine"]))).device == "cpu"


ENDLESS = ["[" * 50_000, "9" * 5_000]


@pytest.mark.parametrize("text", ENDLESS, ids=["deep", "long"])
def test_what_is_too_deep_or_too_long_to_be_read_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    assert parsed(text) == text
    with pytest.raises(ConfigError, match="Setting 'rounds' is"):
        train_config(dict(pairs([f"rounds={text}"])))
    file = tmp_path / "settings.toml"
    file.write_text(f"rounds = {text}")
    with pytest.raises(ConfigError, match=r"settings\.toml' is 'no TOML"):
        read_toml(file)
