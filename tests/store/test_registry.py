"""Checkpoints enter, leave and come back whole; what is damaged, changed or no checkpoint is refused."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from safetensors.numpy import save

from icssn.config import TrainConfig
from icssn.errors import CheckpointRefusedError, DiskFullError, UnwritableError
from icssn.records import Checkpoint
from icssn.store import registry, stac


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder of a checkpoint as training writes it, with one small tensor."""
    folder = tmp_path / "round-1"
    folder.mkdir()
    weights = save({"encoder.weight": np.ones((4, 3), np.float32)})
    (folder / registry.WEIGHTS).write_bytes(weights)
    card = {
        "config": TrainConfig().model_dump(mode="json"),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "metrics": {"val_f1": 0.7},
        "threshold": 0.4,
        "revisions": {"hill": 3},
        "manifest_fingerprint": "ab",
        "seed": 0,
        "device": "CPU",
        "seconds": 12.0,
    }
    (folder / registry.CARD).write_text(json.dumps(card))
    return folder


def told(source: Path, **changes: Any) -> dict[str, Any]:
    card = registry.card(source)
    row = {"id": "a" * 32, "run_id": "b" * 32, "round": 1, "sha256": card["sha256"], "threshold": 0.4}
    return stac.item(Checkpoint.model_validate(row | changes), card, bounds=[(105, 35, 106, 36), (104, 34, 105.5, 35)])


def test_a_checkpoint_is_a_valid_stac_item_with_the_fields_of_the_model_extension(source: Path) -> None:
    item = told(source, parent="c" * 32)
    JsonSchemaSTACValidator().validate_core(item, pystac.STACObjectType.ITEM, "1.1.0")
    assert item["bbox"] == [104, 34, 106, 36]
    properties = item["properties"]
    assert {"mlm:name", "mlm:architecture", "mlm:tasks", "mlm:input", "mlm:output"} <= set(properties)
    [given] = properties["mlm:input"]
    assert given["input"]["shape"] == [-1, 3, 192, 192]
    assert len(given["value_scaling"]) == 3
    assert properties["mlm:hyperparameters"]["rounds"] == TrainConfig().rounds
    assert (properties["icssn:revisions"], properties["icssn:parent"]) == ({"hill": 3}, "c" * 32)
    weights = item["assets"]["model"]
    assert "mlm:model" in weights["roles"]
    assert weights["mlm:artifact_type"].startswith("safetensors")
    assert weights["file:checksum"].removeprefix("1220") == registry.card(source)["sha256"]
    json.dumps(item, allow_nan=False)


def test_a_checkpoint_enters_once_and_whole(source: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    registry.enter(models, "m", source, item=told(source))
    registry.enter(models, "m", source, item={})
    assert {file.name for file in (models / "m").iterdir()} == {registry.WEIGHTS, registry.CARD, registry.ITEM}
    assert [folder.name for folder in models.iterdir()] == ["m"]
    assert registry.verify(models / "m")["threshold"] == 0.4
    assert json.loads((models / "m" / registry.ITEM).read_text())["id"] == "a" * 32


def test_an_exported_checkpoint_comes_back_the_same(source: Path, tmp_path: Path) -> None:
    packed = registry.export(source, tmp_path / "out.zip")
    with registry.unpacked(packed, into=tmp_path / "models") as folder:
        assert (folder / registry.WEIGHTS).read_bytes() == (source / registry.WEIGHTS).read_bytes()
        assert registry.card(folder) == registry.card(source)
    assert list((tmp_path / "models").iterdir()) == []
    with registry.unpacked(source, into=tmp_path / "models") as folder:
        assert registry.card(folder) == registry.card(source)


def test_two_files_of_one_name_are_taken_up_beside_each_other(source: Path, tmp_path: Path) -> None:
    packed = registry.export(source, tmp_path / "a" / "model.zip")
    other = registry.export(source, tmp_path / "b" / "model.zip")
    with registry.unpacked(packed, into=tmp_path / "models") as first:
        with registry.unpacked(other, into=tmp_path / "models") as second:
            assert first != second
        assert registry.verify(first)


def test_a_full_disk_is_no_fault_of_the_file(source: Path, tmp_path: Path) -> None:
    weights = save({"encoder.weight": np.ones((1000, 1000), np.float32)})
    (source / registry.WEIGHTS).write_bytes(weights)
    changed = registry.card(source) | {"sha256": hashlib.sha256(weights).hexdigest()}
    (source / registry.CARD).write_text(json.dumps(changed))
    packed = registry.export(source, tmp_path / "model.zip")
    models = tmp_path / "models"
    models.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", models]
    if sys.platform != "linux" or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        for given in (packed, source):
            with pytest.raises(DiskFullError, match="free some space"), registry.unpacked(given, into=models):
                pass
        assert list(models.iterdir()) == []
    finally:
        subprocess.run(["umount", "--lazy", models], check=True)


def test_a_place_that_cannot_hold_models_is_named(source: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with (
        pytest.raises(UnwritableError, match="a file stands in the place"),
        registry.unpacked(source, into=tmp_path / "models"),
    ):
        pass


def test_changed_weights_are_refused_wherever_they_are_looked_at(source: Path, tmp_path: Path) -> None:
    (source / registry.WEIGHTS).write_bytes(save({"encoder.weight": np.zeros((4, 3), np.float32)}))
    with pytest.raises(CheckpointRefusedError, match="changed or damaged"):
        registry.verify(source)
    with pytest.raises(CheckpointRefusedError, match="changed or damaged"):
        registry.export(source, tmp_path / "out.zip")
    with (
        pytest.raises(CheckpointRefusedError, match=r"'round-1'.*changed or damaged"),
        registry.unpacked(source, into=tmp_path / "models"),
    ):
        pass


def test_what_is_no_checkpoint_is_refused_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.zip").write_text("no archive")
    with zipfile.ZipFile(tmp_path / "climbing.zip", "w") as packed:
        packed.writestr("../../model.safetensors", b"x")
        packed.writestr("../../card.json", b"{}")
    pickled = tmp_path / "pickled.zip"
    with zipfile.ZipFile(pickled, "w") as packed:
        packed.writestr(registry.WEIGHTS, b"\x80\x04N.")
        packed.write(source / registry.CARD, registry.CARD)
    for file in (tmp_path / "notes.zip", tmp_path / "climbing.zip", pickled):
        with (
            pytest.raises(CheckpointRefusedError, match=file.name),
            registry.unpacked(file, into=tmp_path / "models"),
        ):
            pass
    assert list((tmp_path / "models").iterdir()) == []
    assert not (tmp_path.parent / registry.WEIGHTS).exists()


@pytest.mark.parametrize("method", ["ZIP_STORED", "ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"])
def test_a_damaged_archive_is_refused_and_not_the_folder_of_models(tmp_path: Path, method: str) -> None:
    models, damaged = tmp_path / "models", tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w", getattr(zipfile, method)) as packed:
        packed.writestr(registry.WEIGHTS, random.Random(0).randbytes(500) + bytes(range(256)) * 4)
        packed.writestr(registry.CARD, "{}")
    whole = damaged.read_bytes()
    for place in (*range(48, 400, 32), *range(len(whole) - 160, len(whole), 4)):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(CheckpointRefusedError, match=r"damaged\.zip"), registry.unpacked(damaged, into=models):
            pass
        registry.is_export(damaged)
    assert list(models.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that can be opened and not be read")
def test_a_folder_that_cannot_be_read_is_refused_and_not_the_folder_of_models(source: Path, tmp_path: Path) -> None:
    (source / registry.WEIGHTS).unlink()
    missing = r"'round-1' was refused: model\.safetensors is missing"
    with pytest.raises(CheckpointRefusedError, match=missing), registry.unpacked(source, into=tmp_path / "models"):
        pass
    (source / registry.WEIGHTS).symlink_to("/proc/self/mem")
    unread = r"'round-1' was refused: model\.safetensors cannot be read \(Input/output error\)"
    with pytest.raises(CheckpointRefusedError, match=unread), registry.unpacked(source, into=tmp_path / "models"):
        pass


def test_a_checkpoint_that_cannot_enter_leaves_nothing(source: Path, tmp_path: Path) -> None:
    (source / registry.CARD).unlink()
    with pytest.raises(FileNotFoundError):
        registry.enter(tmp_path / "models", "m", source, item={})
    assert list((tmp_path / "models").iterdir()) == []


def test_a_card_of_another_version_is_refused(source: Path) -> None:
    card = registry.card(source) | {"config": {"unheard_of": 1}}
    (source / registry.CARD).write_text(json.dumps(card))
    with pytest.raises(CheckpointRefusedError, match="settings on its card"):
        registry.verify(source)
