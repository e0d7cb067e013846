"""Find the pixel labels of users: read, search, judge, choose, in that order."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pydantic import ValidationError

from segtool.errors import ParameterError, did_you_mean
from segtool.labels.frames import infer_info, prepare_frame
from segtool.labels.pixels.analyst import check_said, is_forbidden, judge_pinned, keep_apart
from segtool.labels.pixels.choose import drop_explained, pick_diverse
from segtool.labels.pixels.judge import Judged, correct_p_values, judge, screen
from segtool.labels.pixels.parts import Bits, pair_up, read_bits, read_facts, read_unsure
from segtool.labels.pixels.pixels import Pixel, Pixels, define, why_not
from segtool.labels.pixels.search import Frequent, find_frequent
from segtool.labels.pixels.settings import PixelSettings

# More conjunctions than this are not looked through: the least support is doubled instead.
MAX_SETS = 400_000
# Conjunctions that are judged, of those that pass the screen; where there are more, the rest are
# weaker than all of these by lift x log(users), and their tests count as failed.
MAX_JUDGED = 3000


def find_pixels(labels, settings: PixelSettings | None = None, **options) -> Pixels:
    """Find conjunctions of labels that more users satisfy than chance pairing of the parts gives.

    Parameters
    ----------
    labels : Labels or pd.DataFrame
        A table has one row per user, as for `Labels.from_frame`.
    settings : PixelSettings, optional
    **options
        Fields of `PixelSettings` that replace those of ``settings``.

    Returns
    -------
    Pixels

    Raises
    ------
    ParameterError
        If an option does not exist or is out of its range.
    InputError
        If a pinned, forbidden or named conjunction speaks of a label or value that does not exist.

    Notes
    -----
    Every conjunction of two to four parts that enough users satisfy is counted on the users of whom
    all parts are known. It must beat the best way to split its parts in two by ``min_lift`` (so
    that every part earns its place), pass an exact test under false-discovery control over all
    conjunctions counted, hold in the halves of the users, and not be there only because a longer
    one is. Of what remains the best by lift x log(users) are shown, none about the same users as a
    better one. Nothing depends on the order of rows.

    References
    ----------
    G. I. Webb, "Self-sufficient itemsets", ACM TKDD 4 (2010), https://doi.org/10.1145/1644873.1644876

    Examples
    --------
    >>> from itertools import product
    >>> rows = list(product([True, False, False], repeat=3)) * 50 + [(True, True, True)] * 150
    >>> wide = pd.DataFrame(rows, columns=["student", "thrifty", "night person"])
    >>> wide.index = [f"u{number}" for number in wide.index]
    >>> find_pixels(wide).to_pandas()[["parts", "n_users", "n_known", "lift"]].round(2)
                                parts  n_users  n_known  lift
    0  student + thrifty + night person      200     1500  1.67
    """
    settings = read_settings(settings, options)
    bits, infos = _read(labels, settings)
    check_said(infos, _left_out(labels), settings)
    may = keep_apart(bits, pair_up(bits.parts, settings), settings)
    frequent = find_frequent(
        bits,
        may,
        min_users=settings.min_users,
        min_support=settings.min_support,
        max_length=settings.max_length,
        max_share=1 / settings.min_lift,
        max_sets=MAX_SETS,
    )
    pinned = judge_pinned(bits, infos, settings)
    first = [one for _, one in pinned if one]
    passed, q_values = _test(bits, frequent, settings, first)
    picks = _choose(bits, passed, settings, first)
    found = [_describe(bits, one, q_values[one.items], settings) for one in picks]
    held = [_describe_pinned(bits, parts, one, q_values, settings) for parts, one in pinned]
    kept = None if isinstance(labels, pd.DataFrame) else labels
    return Pixels((*held, *found), bits, settings, frequent, kept)


def read_settings(settings: PixelSettings | None, options: dict[str, Any]) -> PixelSettings:
    """Return settings with some fields replaced, checked.

    Examples
    --------
    >>> read_settings(None, {"min_lifts": 2})
    Traceback (most recent call last):
    segtool.errors.ParameterError: There is no option 'min_lifts' of pixels. Accepted: did you mean 'min_lift'? ...
    """
    for name in options:
        if name not in PixelSettings.model_fields:
            raise ParameterError(
                f"There is no option {name!r} of pixels.", did_you_mean(name, PixelSettings.model_fields)
            )
    said = {} if settings is None else settings.model_dump(exclude_unset=True)
    try:
        return PixelSettings.model_validate({**said, **options})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ParameterError(f"The option {place} of pixels is not accepted: {first['msg']}.") from error


def _read(labels, settings: PixelSettings) -> tuple[Bits, tuple]:
    if isinstance(labels, pd.DataFrame):
        frame = prepare_frame(labels)
        infos = tuple(infer_info(frame, None, None))
        return read_bits(frame, infos, settings), infos
    unsure = read_unsure(labels, settings)
    return read_bits(labels.wide(), labels.infos, settings, read_facts(labels), unsure), labels.infos


def _left_out(labels) -> tuple[str, ...]:
    return () if isinstance(labels, pd.DataFrame) else tuple(labels.left_out()["label"])


def _test(bits: Bits, frequent: Frequent, settings: PixelSettings, pinned: list[Judged]):
    """Return the conjunctions that pass every test, and the q-values of all that were judged."""
    candidates = screen(bits, frequent, min_lift=settings.min_lift, room=MAX_JUDGED)
    candidates = [items for items in candidates if not is_forbidden(bits, items, settings)]
    judged = judge(bits, candidates, retest_lift=settings.retest_lift)
    among = set(candidates)
    family = [*judged, *(one for one in pinned if one.items not in among)]
    corrected = correct_p_values([one.p_value for one in family], frequent.n_candidates)
    q_values = {one.items: float(q) for one, q in zip(family, corrected, strict=True)}
    return [one for one in judged if not why_not(one, q_values[one.items], settings)], q_values


def _choose(bits: Bits, passed: list[Judged], settings: PixelSettings, pinned: list[Judged]) -> list[Judged]:
    """Return what is shown beside the pinned ones, best first."""
    kept = drop_explained(bits, passed, retest_lift=settings.retest_lift, min_users=settings.min_users)
    kept = sorted(kept, key=lambda one: (-one.score, define(bits, one.items)))
    held = {one.items for one in pinned}
    rest = [one for one in kept if one.items not in held]
    return pick_diverse(bits, rest, max_overlap=settings.max_overlap, top=settings.max_pixels, first=pinned)


def _describe(bits: Bits, one: Judged, q_value: float, settings: PixelSettings) -> Pixel:
    parts = tuple(bits.parts[item] for item in one.items)
    return Pixel(parts, one, q_value, _name(parts, settings))


def _describe_pinned(bits: Bits, parts, one: Judged | None, q_values, settings: PixelSettings) -> Pixel:
    q_value = 1.0 if one is None else q_values[one.items]
    failed = ("nobody of whom all parts are known has one of them",) if one is None else ()
    failed = failed or tuple(why_not(one, q_value, settings))
    return Pixel(parts, one, q_value, _name(parts, settings), pinned=True, failed=failed)


def _name(parts, settings: PixelSettings) -> str:
    keys = {part.key for part in parts}
    names = [said.name for said in settings.name if set(said.parts.items()) == keys]
    return names[-1] if names else ""
