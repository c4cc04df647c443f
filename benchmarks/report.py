"""What every benchmark shares: its command line, and the figures that it prints and writes."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil


def parser_of(description: str | None, *, quick: str) -> argparse.ArgumentParser:
    """Give a command line with ``--quick`` and ``--json``; `quick` says what is then left out."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser


def tell(
    benchmark: str,
    options: argparse.Namespace,
    figures: Mapping[str, float],
    rows: Sequence[Mapping[str, Any]] = (),
    *,
    machine: Mapping[str, Any] | None = None,
    **more: Any,
) -> None:
    """Print the figures and, where it was asked for, write them with the rows that they come from.

    Args:
        benchmark: Its name.
        options: As `parser_of` read them.
        figures: By name; one that was not measured is absent.
        rows: Single results.
        machine: What they were measured on; by default processor and cores.
        more: Further parts of the file.
    """
    for name, value in figures.items():
        print(f"{name:40} {value:.4g}")
    if options.json:
        on = machine or {
            "processor": platform.processor() or platform.machine(),
            "cores": psutil.cpu_count(logical=False),
        }
        report = {"benchmark": benchmark, "machine": on, "quick": options.quick, "figures": figures, "rows": rows}
        options.json.write_text(json.dumps({**report, **more}, indent=1), encoding="utf-8")
