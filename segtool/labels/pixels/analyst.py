"""What an analyst says about conjunctions: pinned, forbidden and named ones, by definition.

A definition is label = value for each part, so it means the same in the next run, whatever the
data then say of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segtool.errors import InputError, did_you_mean
from segtool.labels.frames import LabelInfo
from segtool.labels.pixels.judge import Judged, judge
from segtool.labels.pixels.parts import Bits, Part
from segtool.labels.pixels.settings import Parts, PixelSettings


def check_said(infos: Sequence[LabelInfo], left_out: Sequence[str], settings: PixelSettings) -> None:
    """Check that what an analyst says speaks of labels and values that exist.

    A label that could not be computed this time, and a value that nobody has this time, are no
    mistake: a definition outlives the data.

    Raises
    ------
    InputError
        Names the label or value, and the nearest one.
    """
    by_name = {info.name: info for info in infos}
    said = [*settings.pin, *settings.forbid, *(named.parts for named in settings.name)]
    for label, value in (item for parts in said for item in parts.items()):
        if label in left_out and label not in by_name:
            continue
        if label not in by_name:
            raise InputError(
                f"A pixel is said to hold the label {label!r}, which does not exist.",
                did_you_mean(label, by_name),
            )
        values = by_name[label].values
        if values and by_name[label].kind != "many" and value not in values:
            raise InputError(
                f"A pixel is said to hold {label} = {value!r}, which is not one of its values.",
                did_you_mean(value, values),
            )
    most = {"none": 0, "one": 1, "any": len(by_name)}[settings.sensitive]
    for parts in settings.pin:
        held = [label for label in parts if label in by_name and by_name[label].sensitive]
        if len(held) > most:
            raise InputError(
                f"A pinned pixel holds the sensitive label {held[0]!r}.",
                "sensitive labels only as far as the option sensitive allows.",
                'Set sensitive = "one" or "any", or pin it without that label.',
            )


def keep_apart(bits: Bits, may: np.ndarray, settings: PixelSettings) -> np.ndarray:
    """Return which parts may stand together when what is forbidden never does.

    Notes
    -----
    A forbidden part stands in no conjunction, and two forbidden parts never stand together. Of three
    or more the search may find the first two; those conjunctions are dropped by `is_forbidden`.
    """
    may = may.copy()
    for parts in settings.forbid:
        numbers = [bits.find(key) for key in parts.items()]
        if None in numbers:
            continue
        if len(numbers) == 1:
            may[numbers[0], :] = may[:, numbers[0]] = False
        elif len(numbers) == 2:
            may[numbers[0], numbers[1]] = may[numbers[1], numbers[0]] = False
    return may


def is_forbidden(bits: Bits, items: Sequence[int], settings: PixelSettings) -> bool:
    """Return whether a conjunction holds all parts of a forbidden one."""
    keys = {bits.parts[item].key for item in items}
    return any(keys >= set(parts.items()) for parts in settings.forbid)


def judge_pinned(
    bits: Bits, infos: Sequence[LabelInfo], settings: PixelSettings
) -> list[tuple[tuple[Part, ...], Judged | None]]:
    """Return what the data say of each pinned conjunction; None where nobody has one of its parts."""
    found = {}
    for said in settings.pin:
        numbers = [bits.find(key) for key in said.items()]
        if None in numbers:
            found[frozenset(said.items())] = (_invent(said, infos), None)
            continue
        items = sorted(number for number in numbers if number is not None)
        parts = tuple(bits.parts[item] for item in items)
        judged = judge(bits, [items], retest_lift=settings.retest_lift)[0]
        found[frozenset(said.items())] = (parts, judged)
    return list(found.values())


def _invent(said: Parts, infos: Sequence[LabelInfo]) -> tuple[Part, ...]:
    """Return parts that no user has, so that the conjunction can still be named and shown."""
    by_name = {info.name: info for info in infos}
    unknown = {label: LabelInfo(label, label.replace("_", " "), "other", "nominal") for label in said}
    return tuple(Part({**unknown, **by_name}[label], value) for label, value in said.items())
