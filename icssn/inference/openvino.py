"""The network in OpenVINO, for processors: exported once from torch, kept beside the checkpoint, checked at each load.

Importing openvino would send usage statistics to another host; the package that does it is kept from being imported.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from icssn.durable import whole_file
from icssn.errors import MissingPartError
from icssn.imagery.write import PROBABILITY_STEPS
from icssn.inference.backend import Answers, Maps
from icssn.inference.narrow import narrowed
from icssn.nets.device import one_thread
from icssn.nets.icssn import Icssn

_MULTIPLE = 32  # px; the graph takes sides that are multiples of it, as the network would grow them itself
_EXAMPLE_PX = 64
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

    window_px = 2560  # takes 0.6 GB in float32 (95 bytes a pixel, measured)

    def __init__(self, model: Icssn, kept: Path) -> None:
        openvino = _import_openvino()
        core = openvino.Core()
        core.set_property({"ENABLE_MMAP": False})  # its file may go while it is used
        self.cell_px: int = model.stride
        arithmetic = "bfloat16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "float32"
        try:
            self._graph = _read_or_export(openvino, core, model, kept)
            self._core, self._arithmetic = core, arithmetic
            self._shape: tuple[int, ...] = ()
            self._network: Any = None
            self.description = f"OpenVINO, CPU, {arithmetic}"
            self._require_agreement(Answers(model), tolerance=_TOLERANCE[arithmetic])
        except MissingPartError:
            raise
        except RuntimeError as err:  # openvino's own errors derive from it
            raise MissingPartError(
                f"OpenVINO's form of this network ({str(err).splitlines()[0][:100]})",
                remedy="Set the backend to 'torch'.",
            ) from err

    def map(self, images: NDArray[np.uint8]) -> Maps:
        """See `Backend`."""
        height, width = images.shape[-2:]
        rows, columns = math.ceil(height / self.cell_px), math.ceil(width / self.cell_px)
        probability, cells = self._compiled(_grow(images))
        return Maps(probability[:, :height, :width], cells[:, :rows, :columns])

    def _compiled(self, images: NDArray[np.uint8]) -> list[Any]:
        """Run the network compiled for this very shape: it needs a third of the memory that any shape would need.

        The windows of a scene have one shape (its last ones grow to it).
        """
        if images.shape != self._shape:
            self._network = None  # its memory goes before the next one comes
            graph = self._graph.clone()
            graph.reshape(list(images.shape))
            precision = {"bfloat16": "bf16", "float32": "f32"}[self._arithmetic]
            hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
            self._network, self._shape = self._core.compile_model(graph, "CPU", hints), images.shape
        return list(self._network(images, share_inputs=True).values())

    def _require_agreement(self, answers: Answers, *, tolerance: float) -> None:
        """Refuse a compiled network that answers otherwise than torch on a fixed image of noise."""
        count, height, width = _CHECK_SHAPE
        bands = next(answers.model.encoder.parameters()).shape[1]
        noise = np.random.default_rng(0).integers(0, 256, (count, bands, height // 8, width // 8), np.uint8)
        images = np.ascontiguousarray(noise.repeat(8, axis=2).repeat(8, axis=3))
        with torch.inference_mode(), one_thread():
            wanted, wanted_cells = answers(torch.from_numpy(images))
        found = self.map(images)
        by_pixel = np.abs(found.probability.astype(int) - wanted.numpy()).max() / PROBABILITY_STEPS
        by_cell = np.abs(expit(found.cells) - expit(wanted_cells.numpy())).max()
        difference = max(float(by_pixel), float(by_cell))
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
    name = f"narrow-{openvino.__version__.split('-')[0]}.xml"
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
        traced = torch.jit.trace(narrowed(Answers(model)), example, check_trace=False)  # type: ignore[no-untyped-call]
        return openvino.convert_model(traced, example_input=example, input=[openvino.PartialShape([-1, bands, -1, -1])])


def _grow(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the right and lower border up to multiples of 32 px."""
    height, width = images.shape[-2:]
    down, right = -height % _MULTIPLE, -width % _MULTIPLE
    if not down and not right:
        return np.ascontiguousarray(images)
    return np.pad(images, ((0, 0), (0, 0), (0, down), (0, right)), mode="edge")
