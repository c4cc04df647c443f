"""Let torchvision be imported beside a torch build that its binary part does not fit.

The common wheels of torchvision are built for CUDA. Beside the CPU build of torch their binary library cannot be
loaded, and the import stops with "operator torchvision::nms does not exist" (torchvision 0.28, torch 2.13), although
timm and segmentation_models_pytorch only need torchvision's Python part.
"""

from __future__ import annotations

import importlib

import torch

_SCHEMAS = {  # the two operators that torchvision's import describes whether or not its binary library was loaded
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declarations: list[torch.library.Library] = []  # a declaration lives as long as its library object


def declare_missing_operators() -> tuple[str, ...]:
    """Import torchvision, declaring the signatures of its operators first where they are missing.

    A declared operator has no implementation: calling it fails, importing torchvision works. Where torchvision imports
    by itself (a fitting CUDA or CPU build), or is absent, nothing is declared.

    Returns:
        Names of the operators declared by this call.
    """
    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError:
        return ()
    except RuntimeError as err:
        if "torchvision::" not in str(err) or _declarations:
            raise
    else:
        return ()
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    _declarations.append(library)
    missing = tuple(name for name in _SCHEMAS if not hasattr(torch.ops.torchvision, name))
    for name in missing:
        library.define(_SCHEMAS[name])  # type: ignore[no-untyped-call]
    importlib.import_module("torchvision")
    return missing
