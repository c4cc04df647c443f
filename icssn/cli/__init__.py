"""The command line: the same actions as the browser, for scripts and machines without a screen."""

from icssn.cli.commands import main

__all__ = ["main"]
