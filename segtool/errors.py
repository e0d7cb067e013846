"""One root for everything segtool refuses, with the exit code the command line gives it.

A message says what was found, what is accepted and what to do next, in that order, and never
repeats a value out of the user's data: column names and counts may appear, a person's row may not.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SegtoolError(Exception):
    """Root of all refusals.

    Parameters
    ----------
    found : str
        What segtool met, as one sentence.
    accepted : str, optional
        What would have been fine.
    fix : str, optional
        What to do next.

    Examples
    --------
    >>> raise InputError("events has no column 'user'.", "user_id is required.", "Map it.")
    Traceback (most recent call last):
    segtool.errors.InputError: events has no column 'user'. Accepted: user_id is required. Do: Map it.
    """

    exit_code = 1

    def __init__(self, found: str, accepted: str | None = None, fix: str | None = None):
        self.found, self.accepted, self.fix = found, accepted, fix
        parts = [found]
        if accepted:
            parts.append(f"Accepted: {accepted}")
        if fix:
            parts.append(f"Do: {fix}")
        super().__init__(" ".join(parts))


class InputError(SegtoolError, ValueError):
    """Data that cannot be read or used: a missing file or column, too many bad rows."""

    exit_code = 3


class DefinitionError(SegtoolError, ValueError):
    """A study, catalogue, label or expression that is not well formed."""

    exit_code = 3


class ParameterError(SegtoolError, ValueError):
    """An argument out of range, in a script or a notebook."""

    exit_code = 2


class MissingExtraError(SegtoolError, ImportError):
    """An optional part was asked for that is not installed."""

    exit_code = 2


class PrivacyError(SegtoolError):
    """An export that would say too much about too few people."""

    exit_code = 4


class OutputError(SegtoolError, OSError):
    """A folder that cannot be written: locked, existing, full."""

    exit_code = 5

    def __str__(self) -> str:  # OSError would print its own argument tuple
        return str(self.args[0])


class NotFittedError(SegtoolError, AttributeError):
    """A result was asked for before the step that makes it."""

    exit_code = 2


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Name the nearest option, and list all when there are few.

    Examples
    --------
    >>> did_you_mean("amuont", ["amount", "topic"])
    "did you mean 'amount'? There are: amount, topic."
    >>> did_you_mean("x", [])
    'there are none.'
    """
    options = sorted(map(str, options))
    if not options:
        return "there are none."
    near = difflib.get_close_matches(str(name), options, n=1, cutoff=0.6)
    lead = f"did you mean {near[0]!r}? " if near else ""
    shown = ", ".join(options[:20]) + (f" and {len(options) - 20} more" if len(options) > 20 else "")
    return f"{lead}There are: {shown}." if lead else f"there are: {shown}."


def require(module: str, extra: str, what_for: str):
    """Import an optional package, or say which extra brings it.

    Parameters
    ----------
    module : str
        Name as imported.
    extra : str
        The extra of segtool that installs it.
    what_for : str
        What the user was about to do.

    Returns
    -------
    module

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{what_for} needs the package {module!r}, which is not installed.",
            fix=f'pip install "segtool[{extra}]"',
        ) from error
