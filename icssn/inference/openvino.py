"""The network in OpenVINO, for processors: exported once from torch, kept beside the checkpoint, checked at each load.

Importing openvino would send usage statistics to another host; the package that does it is kept from being imported.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from icssn.durable import whole_file
from icssn.errors import MissingPartError
from icssn.inference.backend import Answers
from icssn.nets.icssn import Icssn

_MULTIPLE = 32  # px; the graph takes sides that are multiples of it, as the network would grow them itself
_EXAMPLE_PX = 64
_SHAPES_READY = 2  # compiled networks in memory; a scene needs one for its windows and one for chips
_CHECK_SHAPE = (2, 128, 192)  # images, rows and columns on which both must agree
_TOLERANCE = {"float32": 0.012, "bfloat16": 0.06}  # of a probability; one step of uint8 is .004


class OpenvinoBackend:
    """The network compiled by OpenVINO for this machine's processor.

    Args:
        model: In evaluation mode, on the CPU.
        kept: Folder for the exported network; read where it is there, else made.

    Raises:
        MissingPartError: OpenVINO is not installed, cannot run the network, or answers otherwise than torch.
    """

    windows_per_forward = 1
    window_px = 2368  # takes 0.7 GB in float32 (120 bytes a pixel, measured)

    def __init__(self, model: Icssn, kept: Path) -> None:
        openvino = _import_openvino()
        core = openvino.Core()
        core.set_property({"ENABLE_MMAP": False})  # its file may go while it is used
        arithmetic = "bfloat16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "float32"
        try:
            graph = _read_or_export(openvino, core, model, kept)
            self._pixels, self._objects = (
                openvino.Model([result], graph.get_parameters(), name)
                for result, name in zip(graph.get_results(), ("pixels", "objects"), strict=True)
            )
            self._core, self._arithmetic = core, arithmetic
            self._ready: dict[tuple[str, tuple[int, ...]], Any] = {}
            self.description = f"OpenVINO, CPU, {arithmetic}"
            self._require_agreement(Answers(model), tolerance=_TOLERANCE[arithmetic])
        except MissingPartError:
            raise
        except RuntimeError as err:  # openvino's own errors derive from it
            raise MissingPartError(
                f"OpenVINO's form of this network ({str(err).splitlines()[0][:100]})",
                remedy="Set the backend to 'torch'.",
            ) from err

    def segment(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """See `Backend`."""
        height, width = images.shape[-2:]
        values: NDArray[np.uint8] = self._answer(self._pixels, _grow(images))
        return values[:, :height, :width]

    def classify(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Backend`."""
        values: NDArray[np.float32] = self._answer(self._objects, _grow(images))
        return values

    def _answer(self, graph: Any, images: NDArray[np.uint8]) -> Any:
        """Run the graph compiled for this very shape: it keeps its memory, a third of what any shape would need."""
        key = graph.get_friendly_name(), images.shape
        if key not in self._ready:
            while len(self._ready) >= _SHAPES_READY:
                del self._ready[next(iter(self._ready))]
            fixed = graph.clone()
            fixed.reshape(list(images.shape))
            precision = {"bfloat16": "bf16", "float32": "f32"}[self._arithmetic]
            hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
            self._ready[key] = self._core.compile_model(fixed, "CPU", hints)
        return self._ready[key](images, share_inputs=True)[0]

    def _require_agreement(self, answers: Answers, *, tolerance: float) -> None:
        """Refuse a compiled network that answers otherwise than torch on a fixed image of noise."""
        count, height, width = _CHECK_SHAPE
        bands = next(answers.model.encoder.parameters()).shape[1]
        noise = np.random.default_rng(0).integers(0, 256, (count, bands, height // 8, width // 8), np.uint8)
        images = np.ascontiguousarray(noise.repeat(8, axis=2).repeat(8, axis=3))
        with torch.inference_mode():
            pixels, objects = answers(torch.from_numpy(images))
        by_pixel = np.abs(self.segment(images).astype(int) - pixels.numpy()).max() / 254
        by_object = np.abs(self.classify(images) - objects.numpy()).max()
        difference = max(float(by_pixel), float(by_object))
        if not difference <= tolerance:
            raise MissingPartError(
                f"an OpenVINO that agrees with torch (its probabilities differ by up to {difference:.3f})",
                remedy="Set the backend to 'torch', or install another release of openvino.",
            )


def _import_openvino() -> Any:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # Python's way to forbid an import
    try:
        import openvino
    except ImportError as err:
        raise MissingPartError("OpenVINO", remedy="Install it: pip install openvino") from err
    return openvino


def _read_or_export(openvino: Any, core: Any, model: Icssn, kept: Path) -> Any:
    """Give the exported network: kept from an earlier time, or exported now (4 s) and kept if the folder allows.

    It is always read from its file, since a fresh export rounds a little differently.
    """
    name = f"openvino-{openvino.__version__.split('-')[0]}.xml"
    if (kept / name).is_file():
        with contextlib.suppress(RuntimeError):  # damaged: made again
            return core.read_model(kept / name)
    with TemporaryDirectory() as folder:
        file = Path(folder) / name
        openvino.save_model(_export(openvino, model), file, compress_to_fp16=False)
        graph = core.read_model(file)
        with contextlib.suppress(OSError):  # a folder that cannot be written to: exported again next time
            for part in (file.with_suffix(".bin"), file):  # the one that is looked for comes last
                with whole_file(kept / part.name) as draft:
                    shutil.copyfile(part, draft)
    return graph


def _export(openvino: Any, model: Icssn) -> Any:
    bands = next(model.encoder.parameters()).shape[1]
    example = torch.zeros((1, bands, _EXAMPLE_PX, _EXAMPLE_PX), dtype=torch.uint8)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes are multiples of 32, so no branch differs
        traced = torch.jit.trace(Answers(model), example, check_trace=False)  # type: ignore[no-untyped-call]
        return openvino.convert_model(traced, example_input=example, input=[openvino.PartialShape([-1, bands, -1, -1])])


def _grow(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the right and lower border up to multiples of 32 px."""
    height, width = images.shape[-2:]
    down, right = -height % _MULTIPLE, -width % _MULTIPLE
    if not down and not right:
        return np.ascontiguousarray(images)
    return np.pad(images, ((0, 0), (0, 0), (0, down), (0, right)), mode="edge")
