"""A .npy file that grows by one array at a time, for stacks whose length is known only at the end."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt


class Stack:
    """An open .npy file of uint8 arrays of one shape."""

    def __init__(self, stream: BinaryIO, shape: tuple[int, ...]) -> None:
        self._stream, self._shape, self.count = stream, shape, 0
        stream.write(_header((0, *shape)))

    def append(self, array: npt.NDArray[np.uint8]) -> None:
        """Write one more array at the end.

        Raises:
            ValueError: The array has another shape or type than the stack.
        """
        if array.shape != self._shape or array.dtype != np.uint8:
            raise ValueError(f"an array {array.dtype}{array.shape} does not fit a stack of uint8{self._shape}")
        self._stream.write(np.ascontiguousarray(array).data)
        self.count += 1

    def finish(self) -> None:
        """Write the true length into the header; numpy leaves room there for any number of 21 digits."""
        self._stream.seek(0)
        self._stream.write(_header((self.count, *self._shape)))


@contextmanager
def growing(path: Path, shape: tuple[int, ...]) -> Iterator[Stack]:
    """Give a stack that is complete on disk when the block ends well.

    Args:
        path: Of the .npy file.
        shape: Of each array.
    """
    with path.open("wb") as stream:
        stack = Stack(stream, shape)
        yield stack
        stack.finish()


def _header(shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
    )
    return header.getvalue()
