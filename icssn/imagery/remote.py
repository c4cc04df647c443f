"""A raster in a store as a file that GDAL reads: in pieces, kept for a while, all of one version.

GDAL itself is allowed no network (`icssn.gdal_environment`): it asks such a file for bytes, and that asks the store.
"""

from __future__ import annotations

import io
from collections import OrderedDict

from icssn import stores
from icssn.errors import RasterRefusedError, StoreError
from icssn.records import RemoteRaster

_PIECE_BYTES = 1 << 20  # asked for at once, at least: some blocks of a scene, or all of its header
_KEPT_PIECES = 16  # of each open raster, 16 MB


class RemoteBytes:
    """The bytes of a remote raster, for one thread.

    Attributes:
        size_bytes: Of the whole file.
        version: That every byte is of.
    """

    def __init__(self, raster: RemoteRaster) -> None:
        """Look the raster up in its store.

        Raises:
            RasterRefusedError: The store does not give it, or holds another version.
        """
        self._raster = raster
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._trouble: StoreError | None = None
        try:
            found = stores.look_up(raster.address)
            if raster.version not in (None, found.version):
                raise stores.changed(raster.address)
        except StoreError as err:
            raise self._refused(err) from err
        self.size_bytes, self.version = found.size_bytes, found.version

    def between(self, begin: int, end: int) -> bytes:
        """Give the bytes from `begin` up to `end`: fewer at the file's end, none after trouble (`raise_trouble`)."""
        end = min(end, self.size_bytes)
        if self._trouble is not None or end <= begin:
            return b""
        first, last = begin // _PIECE_BYTES, (end - 1) // _PIECE_BYTES
        try:
            pieces = self._pieces(first, last)
        except StoreError as err:
            self._trouble = err
            return b""
        return b"".join(pieces)[begin - first * _PIECE_BYTES : end - first * _PIECE_BYTES]

    def raise_trouble(self) -> None:
        """Raise what went wrong in a read so far; GDAL knows no more of it than that bytes are missing.

        Raises:
            RasterRefusedError: The store did not give what was asked for.
        """
        if self._trouble is not None:
            raise self._refused(self._trouble) from self._trouble

    def _pieces(self, first: int, last: int) -> list[bytes]:
        """Give pieces by number; those that are not kept are asked for together."""
        numbers = range(first, last + 1)
        missing = [number for number in numbers if number not in self._kept]
        pieces = {number: self._kept[number] for number in numbers if number in self._kept}
        if missing:
            begin, end = missing[0] * _PIECE_BYTES, (missing[-1] + 1) * _PIECE_BYTES
            given = stores.read(self._raster.address, begin, min(end, self.size_bytes), version=self.version)
            pieces |= {number: given[number * _PIECE_BYTES - begin :][:_PIECE_BYTES] for number in missing}
        for number in numbers:
            self._kept[number] = pieces[number]
            self._kept.move_to_end(number)
        while len(self._kept) > _KEPT_PIECES:
            self._kept.popitem(last=False)
        return [pieces[number] for number in numbers]

    def _refused(self, err: StoreError) -> RasterRefusedError:
        needed = "a file that its store gives"
        return RasterRefusedError(self._raster.name, found=err.found, needed=needed, remedy=err.remedy)


class RemoteFile(io.RawIOBase):
    """Remote bytes with a place where the next read begins: what GDAL opens, more than once if it likes."""

    def __init__(self, remote: RemoteBytes) -> None:
        """Begin at the first byte."""
        super().__init__()
        self._remote = remote
        self._at = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read anywhere."""
        return True

    def tell(self) -> int:
        """Give where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set where the next read begins."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._remote.size_bytes}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes: fewer at the end, none after trouble."""
        given = self._remote.between(self._at, self._remote.size_bytes if size < 0 else self._at + size)
        self._at += len(given)
        return given
