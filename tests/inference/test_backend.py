"""Whatever computes a prediction gives the same answers, and says what it is."""

import copy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit

from icssn.config import InferenceConfig
from icssn.errors import MissingPartError
from icssn.inference import openvino
from icssn.inference.backend import Answers, Backend, TorchBackend, window_that_fits
from icssn.inference.choose import choose_backend
from icssn.inference.openvino import OpenvinoBackend
from icssn.metrics.pixels import levels
from icssn.nets.checkpoint import read_card
from icssn.nets.icssn import Icssn
from tests.inference.conftest import landscape


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoint") / "openvino"


@pytest.fixture(scope="module")
def fast(net: Icssn, kept: Path) -> OpenvinoBackend:
    return OpenvinoBackend(net, kept)


@pytest.mark.parametrize("shape", [(128, 192), (101, 75), (17, 40)])
def test_openvino_answers_as_torch_on_any_size(
    fast: OpenvinoBackend, backend: TorchBackend, shape: tuple[int, int]
) -> None:
    images = np.stack([landscape(*shape, seed=seed) for seed in range(3)])
    by_torch, by_openvino = backend.map(images), fast.map(images)
    assert by_torch.probability.std() > 20  # else equality says nothing
    assert by_openvino.probability.shape == (3, *shape)
    assert np.abs(by_openvino.probability.astype(int) - by_torch.probability).max() <= 2
    assert by_openvino.cells.shape == by_torch.cells.shape == (3, -(-shape[0] // 32), -(-shape[1] // 32))
    assert np.abs(by_openvino.cells - by_torch.cells).max() < 0.01 * np.abs(by_torch.cells).max()


@pytest.mark.parametrize("name", ["fast", "backend"])
def test_one_forward_takes_several_images(name: str, request: pytest.FixtureRequest) -> None:
    chosen: Backend = request.getfixturevalue(name)
    images = np.stack([landscape(64, 96, seed=seed) for seed in range(3)])
    alone = np.concatenate([chosen.map(image[None]).probability for image in images])
    assert np.abs(chosen.map(images).probability.astype(int) - alone).max() <= 2


def test_a_map_and_the_choice_of_its_threshold_round_probabilities_alike(net: Icssn, backend: TorchBackend) -> None:
    image = landscape(128, 192, seed=3)[None]
    with torch.inference_mode():
        logits = net.map(torch.from_numpy(image).contiguous(memory_format=torch.channels_last))[0].float().numpy()
    stored, judged = backend.map(image).probability, levels(expit(logits))
    assert stored.std() > 20  # else equality says nothing
    assert (stored != judged).mean() < 0.001  # those that lie between two levels, but for the rounding of float32


def test_a_network_in_half_precision_answers_in_types_that_numpy_knows(net: Icssn) -> None:
    half = Answers(copy.deepcopy(net).to(torch.bfloat16))
    with torch.inference_mode():
        probability, cells = half(torch.from_numpy(landscape(64, 96, seed=1)[None]))
    assert (probability.dtype, cells.dtype) == (torch.uint8, torch.float32)
    assert probability.numpy().shape == (1, 64, 96)


@pytest.mark.parametrize(("free_gb", "side"), [(0.5, 864), (4, 2432), (24, 3200), (80, 3200)])
def test_a_window_fits_the_graphics_card(free_gb: float, side: int) -> None:
    assert window_that_fits(int(free_gb * 1e9)) == side
    assert side**2 * 400 <= free_gb * 1e9


def test_the_exported_network_is_kept_and_read_again(
    net: Icssn, kept: Path, fast: OpenvinoBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [file.suffix for file in sorted(kept.iterdir())] == [".bin", ".xml"]
    monkeypatch.setattr(openvino, "_export", None)  # any export would fail
    images = landscape(64, 96)[None]
    assert np.array_equal(OpenvinoBackend(net, kept).map(images).probability, fast.map(images).probability)


def test_a_damaged_export_is_made_again(net: Icssn, kept: Path, fast: OpenvinoBackend, tmp_path: Path) -> None:
    damaged = tmp_path / "openvino"
    shutil.copytree(kept, damaged)
    (file,) = damaged.glob("*.xml")
    file.write_text(file.read_text()[:500])
    images = landscape(64, 96)[None]
    assert np.array_equal(OpenvinoBackend(net, damaged).map(images).probability, fast.map(images).probability)
    assert file.stat().st_size > 500


def test_a_folder_that_cannot_hold_the_export_does_no_harm(net: Icssn, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert OpenvinoBackend(net, tmp_path / "file" / "openvino").map(landscape(64, 64)[None]).probability.shape == (
        1,
        64,
        64,
    )


def test_another_networks_export_is_noticed_and_torch_predicts(
    backend: TorchBackend, kept: Path, fast: OpenvinoBackend, tmp_path: Path, net: Icssn
) -> None:
    other = _with_other_head(net)
    shutil.copytree(kept, tmp_path / "openvino-0123456789ab")
    chosen = choose_backend(other, tmp_path, sha256="0123456789abcdef", config=InferenceConfig(device="cpu"))
    assert chosen.description.startswith("torch, CPU")
    assert "an OpenVINO that agrees with torch (its probabilities differ by up to" in chosen.description
    with pytest.raises(MissingPartError, match="agrees with torch"):
        choose_backend(
            other, tmp_path, sha256="0123456789abcdef", config=InferenceConfig(device="cpu", backend="openvino")
        )


def _with_other_head(net: Icssn) -> Icssn:

    other = copy.deepcopy(net)
    assert other.segmenter.head.bias is not None
    with torch.no_grad():
        other.segmenter.head.bias.add_(1.0)
    return other


def test_the_config_chooses_the_backend(net: Icssn, checkpoint: Path) -> None:
    sha256 = str(read_card(checkpoint)["sha256"])
    for name, kind in {"torch": TorchBackend, "openvino": OpenvinoBackend, "auto": OpenvinoBackend}.items():
        config = InferenceConfig.model_validate({"device": "cpu", "backend": name})
        assert isinstance(choose_backend(net, checkpoint, sha256=sha256, config=config), kind)


NO_CALL_HOME = """
import socket, sys
def refuse(*args): raise AssertionError("a connection was opened")
socket.socket.connect = socket.getaddrinfo = refuse
from icssn.inference.openvino import _import_openvino
_import_openvino().Core()
from openvino.tools.ovc import telemetry_utils
loaded = [name for name, module in sys.modules.items() if module and "openvino_telemetry" in name]
print(telemetry_utils.tm.__name__, loaded)
"""


def test_openvino_sends_no_statistics() -> None:
    done = subprocess.run([sys.executable, "-c", NO_CALL_HOME], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "openvino.tools.ovc.telemetry_stub []"


def test_without_openvino_torch_predicts(net: Icssn, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # as on a machine where it is not installed
    chosen = choose_backend(net, checkpoint, sha256="b" * 64, config=InferenceConfig(device="cpu"))
    assert "A part of the installation is missing: OpenVINO. Install it: pip install openvino" in chosen.description
    with pytest.raises(MissingPartError, match="OpenVINO"):
        choose_backend(net, checkpoint, sha256="b" * 64, config=InferenceConfig(device="cpu", backend="openvino"))
