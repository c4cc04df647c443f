"""Choose the processor to compute on, say what it is, and set it up for dense convolutions."""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from icssn.errors import ConfigError

# glibc's mallopt parameters (malloc.h) with the values measured best for torch on the CPU: activations over 32 MB
# would otherwise be mapped, faulted in page by page and unmapped again at every operator (1.8-2 times slower).
_MALLOPT = {
    -4: 0,  # M_MMAP_MAX: never map single blocks
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: keep freed memory
    -2: 256 * 2**20,  # M_TOP_PAD: grow in large steps, bytes
}


def pick_device(wish: str = "auto") -> torch.device:
    """Give the device to compute on.

    Args:
        wish: ``auto`` (cuda, else mps, else cpu), ``cpu``, ``cuda`` or ``mps``.

    Raises:
        ConfigError: The device wished for is unknown or not in this machine.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wish == "auto":
        return torch.device(next(name for name, here in present.items() if here))
    if not present.get(wish, False):
        here = ", ".join(name for name, here in present.items() if here)
        raise ConfigError("device", wish, f"auto or a device that torch finds in this machine ({here})")
    return torch.device(wish)


def describe(device: torch.device) -> str:
    """Name the device and the arithmetic used on it, e.g. ``CPU, 2 threads, bfloat16``."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    elif device.type == "mps":
        name = "Apple GPU"
    else:
        name = f"CPU, {torch.get_num_threads()} threads"
    return f"{name}, {str(autocast_dtype(device)).removeprefix('torch.')}"


def autocast_dtype(device: torch.device) -> torch.dtype:
    """Give the arithmetic that is fast on `device` without harm: bfloat16, float16 or float32.

    The CPU computes in bfloat16 only where it has instructions for it (AVX512-BF16, which every AMX processor has
    too); elsewhere emulation is slower than float32. CUDA has bfloat16 from compute capability 8 on.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return torch.float32


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Give a context in which torch computes in `autocast_dtype`; it changes nothing where that is float32."""
    dtype = autocast_dtype(device)
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute something small in the calling thread alone.

    Waking others costs more than they bring, and on a busy processor, where they are waited for, five to ten times it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@functools.cache
def tune_allocator() -> bool:
    """Make glibc keep large blocks instead of giving them back at every operator; call before the first forward.

    It acts on the whole process and cannot be undone: memory once used is kept until the process ends.

    Returns:
        True where it took effect (Linux with glibc), False elsewhere.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return all(libc.mallopt(parameter, value) == 1 for parameter, value in _MALLOPT.items())
