import subprocess
import sys

import torch

from icssn.nets.vision_ops import declare_missing_operators


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_torchvision_can_be_imported_after_the_nets() -> None:
    assert "imported" in run("import icssn.nets; import torchvision.ops; print('imported')")


def test_nothing_is_declared_twice() -> None:
    assert declare_missing_operators() == ()
    assert hasattr(torch.ops.torchvision, "nms")


def test_real_operators_stay_in_force() -> None:
    out = run(
        "import torch\n"
        "real = torch.library.Library('torchvision', 'DEF')\n"
        "for name in ('nms', 'qnms'):\n"
        "    real.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "    real.impl(name, lambda dets, scores, iou_threshold: dets + 1, 'CPU')\n"
        "from icssn.nets.vision_ops import declare_missing_operators\n"
        "print(declare_missing_operators())\n"
        "one = torch.ones(1, 4)\n"
        "print(torch.ops.torchvision.nms(one, one[0], 0.5).sum().item())\n"
    )
    assert out.splitlines() == ["()", "8.0"]
