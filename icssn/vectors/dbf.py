"""The table of a Shapefile, where GDAL's reading of it is not enough: how its texts are written, and long numbers."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

_LONGEST_WHOLE = 18  # digits; GDAL gives wider whole numbers as floats, which keep 15
_MOST_BYTES = 500 << 20
_WHOLE = re.compile(rb"[-+]?\d+")


def encoding(shp: Path) -> str:
    """Give how a Shapefile's texts are written: by its .cpg, else a guess of UTF-8, then of GBK."""
    for cpg in (shp.with_suffix(".cpg"), shp.with_suffix(".CPG")):
        if cpg.is_file():
            said = cpg.read_bytes()[:40].decode("ascii", "ignore").strip().upper().removeprefix("ANSI ")
            with contextlib.suppress(LookupError):
                return codecs.lookup(f"cp{said}" if said.isdigit() else said).name
    content = _content(shp)
    texts = content[int.from_bytes(content[8:10], "little") :]  # behind the header, whose padding is arbitrary
    for name in ("utf-8", "gbk") if content else ():
        with contextlib.suppress(UnicodeDecodeError):
            texts.decode(name)
            return name
    return "latin-1"


def long_numbers(shp: Path, fids: Iterable[int]) -> dict[int, list[int | float | None]]:
    """Give the columns of whole numbers of more than 18 digits, to the last digit, by their place in the table.

    Args:
        shp: The Shapefile, whose table lies beside it.
        fids: Of the rows wanted: their places in the table.

    Returns:
        For each such column as many values as `fids`; a number that is written with decimals stays a float. None of
        the columns where the table is cut.
    """
    content = _content(shp)
    header, length = int.from_bytes(content[8:10], "little"), int.from_bytes(content[10:12], "little")
    places: dict[int, slice] = {}
    begin = 1  # behind the mark of a deleted row
    for number in range(max(header - 33, 0) // 32):
        described = content[32 + 32 * number : 64 + 32 * number]
        if len(described) < 32 or described[:1] == b"\r":  # the end of the columns; what follows is padding
            break
        kind, width, decimals = described[11:12], described[16], described[17]
        if kind in (b"N", b"F") and width > _LONGEST_WHOLE and decimals == 0:
            places[number] = slice(begin, begin + width)
        begin += width
    rows = [content[header + fid * length : header + (fid + 1) * length] for fid in fids] if places else []
    if any(len(row) != length for row in rows):
        return {}
    return {number: [_number(row[place]) for row in rows] for number, place in places.items()}


def _content(shp: Path) -> bytes:
    dbf = next((file for file in (shp.with_suffix(".dbf"), shp.with_suffix(".DBF")) if file.is_file()), None)
    return b"" if dbf is None or dbf.stat().st_size > _MOST_BYTES else dbf.read_bytes()


def _number(cell: bytes) -> int | float | None:
    text = cell.strip(b" \0")
    if _WHOLE.fullmatch(text):
        return int(text)
    with contextlib.suppress(ValueError):
        return float(text)
    return None
