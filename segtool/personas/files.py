"""Text files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from segtool.errors import InputError, OutputError


def write_whole(path: str | Path, text: str, what: str) -> Path:
    """Write a text file in one step, so that a reader never meets half of it.

    Parameters
    ----------
    path : str or Path
    text : str
    what : str
        What is written, for the message ("The personas").

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise OutputError(
            f"{what} could not be written: {error.strerror}.", "a file in a folder that exists."
        ) from error
    return path


def read_text(path: str | Path, accepted: str) -> str:
    """Return the text of a file, or say that it cannot be read.

    Raises
    ------
    InputError
        If there is no such file, or it is not UTF-8 text.
    """
    path = Path(path)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.", accepted) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not text.", accepted) from error
