"""What people write as settings."""

from __future__ import annotations

import pytest

from icssn.config import train_config
from icssn.errors import ConfigError
from icssn.overrides import pairs


def test_settings_are_read_line_by_line() -> None:
    found = pairs("rounds = 1\n\n# slower\nsegment.steps=6   # few\nencoder.weights=a#b.safetensors".splitlines())
    assert found == {"rounds": "1", "segment.steps": "6   # few", "encoder.weights": "a#b.safetensors"}
    config = train_config(found)
    assert (config.rounds, config.segment.steps, config.encoder.weights) == (1, 6, "a#b.safetensors")


@pytest.mark.parametrize("line", ["rounds", "=3", "rounds: 1"])
def test_a_line_that_sets_nothing_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        pairs([line])
