"""The command line: ``segtool COMMAND``."""

from segtool.cli.commands import app, main

__all__ = ["app", "main"]
