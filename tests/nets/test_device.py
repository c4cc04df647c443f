"""Devices are chosen and described, and impossible wishes are refused."""

import platform

import pytest
import torch

from icssn.errors import ConfigError
from icssn.nets.device import autocast, autocast_dtype, describe, one_thread, pick_device, tune_allocator


def test_auto_gives_a_device_that_computes() -> None:
    device = pick_device("auto")
    assert torch.ones(3, device=device).sum().item() == 3


def test_the_description_names_device_and_arithmetic() -> None:
    text = describe(torch.device("cpu"))
    assert text.startswith("CPU, ")
    assert text.endswith(("bfloat16", "float32"))


@pytest.mark.parametrize("wish", ["tpu", *([] if torch.cuda.is_available() else ["cuda"])])
def test_a_device_that_is_not_there_is_refused(wish: str) -> None:
    with pytest.raises(ConfigError, match=rf"'device' is '{wish}'.*cpu"):
        pick_device(wish)


def test_autocast_computes_in_the_announced_arithmetic() -> None:
    cpu = torch.device("cpu")
    with autocast(cpu):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == autocast_dtype(cpu)


def test_the_allocator_is_tuned_on_linux_with_glibc_only() -> None:
    glibc = platform.system() == "Linux" and platform.libc_ver()[0] == "glibc"
    assert tune_allocator() is glibc


def test_one_thread_is_one_until_it_ends_or_fails() -> None:
    before = torch.get_num_threads()
    seen: list[int] = []

    def fail() -> None:
        with one_thread():
            seen.append(torch.get_num_threads())
            raise ZeroDivisionError

    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError):
            fail()
        seen.append(torch.get_num_threads())
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 2]
