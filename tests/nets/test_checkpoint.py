"""Checkpoints come back exactly, and anything doubtful is refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from icssn.config import TrainConfig
from icssn.errors import CheckpointRefusedError
from icssn.nets.checkpoint import load_checkpoint, save_checkpoint
from icssn.nets.icssn import Icssn, build

CONFIG = TrainConfig.model_validate({"encoder": {"weights": "none"}, "decoder_channels": 16, "seed": 3})
CARD: dict[str, Any] = {"config": CONFIG.model_dump(mode="json"), "threshold": 0.4}


@pytest.fixture(scope="module")
def net() -> Icssn:
    return build(CONFIG).eval()


@pytest.fixture
def folder(tmp_path: Path, net: Icssn) -> Path:
    save_checkpoint(tmp_path / "abc", net, CARD)
    return tmp_path / "abc"


def test_a_loaded_checkpoint_gives_the_same_answers(folder: Path, net: Icssn) -> None:
    loaded, card = load_checkpoint(folder)
    image = torch.arange(3 * 64 * 64, dtype=torch.float32).reshape(1, 3, 64, 64) % 255
    with torch.inference_mode():
        assert torch.equal(loaded.segment(image)[0], net.segment(image)[0])
        assert torch.equal(loaded.classify(image)[0], net.classify(image)[0])
    assert card["threshold"] == 0.4
    assert not loaded.training


def test_the_card_carries_the_hash_that_saving_returns(tmp_path: Path, net: Icssn) -> None:
    digest = save_checkpoint(tmp_path / "abc", net, CARD)
    assert json.loads((tmp_path / "abc" / "card.json").read_text())["sha256"] == digest
    assert sorted(path.name for path in (tmp_path / "abc").iterdir()) == ["card.json", "model.safetensors"]


def test_a_card_without_config_is_not_written(tmp_path: Path, net: Icssn) -> None:
    with pytest.raises(CheckpointRefusedError, match="config on its card is missing"):
        save_checkpoint(tmp_path / "abc", net, {"threshold": 0.5})
    assert not (tmp_path / "abc").exists()


@pytest.mark.parametrize("name", ["card.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointRefusedError, match=f"'abc' was refused: {name} cannot be read"):
        load_checkpoint(folder)


def test_one_changed_byte_is_noticed(folder: Path) -> None:
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(CheckpointRefusedError, match="SHA-256"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "no readable JSON"), ("[]", "no JSON object"), ("\udcff", "no readable JSON")]
)
def test_an_unreadable_card_is_refused(folder: Path, text: str, reason: str) -> None:
    (folder / "card.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointRefusedError, match=reason):
        load_checkpoint(folder)


def edit_card(folder: Path, **changes: Any) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_foreign_architecture_is_refused(folder: Path) -> None:
    edit_card(folder, architecture="unet-9")
    with pytest.raises(CheckpointRefusedError, match="'unet-9'"):
        load_checkpoint(folder)


def test_weights_that_do_not_fit_the_config_are_refused(folder: Path) -> None:
    edit_card(folder, config={**CARD["config"], "decoder_channels": 32})
    with pytest.raises(CheckpointRefusedError, match="do not fit"):
        load_checkpoint(folder)


def test_an_unknown_setting_on_the_card_is_named(folder: Path) -> None:
    edit_card(folder, config={**CARD["config"], "colour": "red"})
    with pytest.raises(CheckpointRefusedError, match="at 'colour'"):
        load_checkpoint(folder)


def test_a_card_that_still_counts_five_stages_is_read(folder: Path) -> None:
    encoder = {**CARD["config"]["encoder"], "depth": 5}
    edit_card(folder, config={**CARD["config"], "encoder": encoder})
    assert load_checkpoint(folder)[0].stride == CARD["config"]["encoder"]["output_stride"]
    edit_card(folder, config={**CARD["config"], "encoder": {**encoder, "depth": 4}})
    with pytest.raises(CheckpointRefusedError, match=r"at 'encoder\.depth'"):
        load_checkpoint(folder)
