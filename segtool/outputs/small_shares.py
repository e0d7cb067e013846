"""Shares that would count very few people, said without counting them.

"95% of 22 known" says that one person is different. Where a share implies that 1 to
``min_cell - 1`` people have a value, or have it not, only the bound is said: "over 77%".
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from segtool.errors import NotFittedError

# Text whose number of people is not known is cut at these, the usual rounding of open tables.
LOW, HIGH = 5, 95
PROFILE = ["persona_id", "label", "value", "n_known", "share_in", "share_base", "index", "effect"]
INTERVALS = ("index_low", "index_high", "effect_low", "effect_high")
CONTRAST = ["persona_id", "share_in", "share_nearest", "n_known", "n_known_nearest"]
_OF_KNOWN = re.compile(r"(\d+)% of ([\d,]+) (known|users)(, index \d+)?")
_PEOPLE = re.compile(r"(?<!\bin )(?<!\bthan )\b(\d[\d,]*)((?: of \d[\d,]*)? users?)\b")
_INSTEAD = re.compile(r"(\d+)% instead of (\d+)%")


def percent(share: float) -> str:
    """Return a share as whole per cent; a small one is not rounded to nothing.

    Examples
    --------
    >>> percent(0.314), percent(0.005), percent(0.0)
    ('31%', '<1%', '0%')
    """
    said = f"{share:.0%}"
    return "<1%" if share > 0 and said == "0%" else said


def find_side(n_in: float, n_known: float, min_cell: int) -> str:
    """Return "<" where few have a value, ">" where all but few have it, and "" otherwise.

    Examples
    --------
    >>> find_side(3, 50, 5), find_side(49, 50, 5), find_side(25, 50, 5), find_side(50, 50, 5)
    ('<', '>', '', '')
    """
    if 0 < round(n_in) < min_cell:
        return "<"
    return ">" if 0 < round(n_known - n_in) < min_cell else ""


def bound_share(side: str, n_known: float, min_cell: int) -> float:
    """Return the share that a hidden one is under or over, in whole per cent, and true."""
    if side == "<":
        return min(1.0, np.ceil(100 * min_cell / n_known) / 100)
    return max(0.0, 100 * (n_known - min_cell) // n_known / 100)


def say_share(share: float, n_known: float, min_cell: int) -> str:
    """Return a share in words that count nobody.

    Examples
    --------
    >>> say_share(0.31, 100, 5), say_share(0.98, 100, 5), say_share(0.02, 100, 5)
    ('31%', 'over 95%', 'under 5%')
    """
    side = find_side(share * n_known, n_known, min_cell)
    return _say_bound(side, n_known, min_cell) if side else percent(share)


def _say_bound(side: str, n_known: float, min_cell: int) -> str:
    return f"{'under' if side == '<' else 'over'} {bound_share(side, n_known, min_cell):.0%}"


def read_profile(personas) -> pd.DataFrame:
    """Return the profile; that of personas given as a list of users, which have none, is empty."""
    table = getattr(personas, "profile", None)
    try:
        return table() if table else pd.DataFrame(columns=PROFILE)
    except NotFittedError:
        return pd.DataFrame(columns=PROFILE)


def read_contrast(personas) -> pd.DataFrame:
    """Return every row of the contrast with the nearest persona; empty where there is none."""
    table = getattr(personas, "contrast", None)
    try:
        return table(top=100_000) if table else pd.DataFrame(columns=CONTRAST)
    except NotFittedError:
        return pd.DataFrame(columns=CONTRAST)


def mask_profile(profile: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Return a profile whose shares and indices count nobody, with a column ``hidden``.

    ``hidden`` is "<" or ">" where share and index are bounds, "" where they are exact. Intervals of
    hidden ones are missing: from their width the count could be worked out.
    """
    n_in = profile["n_in"] if "n_in" in profile else profile["n_known"] * profile["share_in"]
    n_known = profile["n_known"].to_numpy(dtype=float)
    sides = [
        find_side(n, known, min_cell) if known > 0 and n == n else ""
        for n, known in zip(n_in, n_known, strict=True)
    ]
    shares = [
        bound_share(side, known, min_cell) if side else share
        for side, known, share in zip(sides, n_known, profile["share_in"], strict=True)
    ]
    table = profile.assign(share_in=np.array(shares, dtype=float), hidden=np.array(sides, dtype=object))
    bounds = 100 * table["share_in"] / table["share_base"]
    exact = table["hidden"] == ""
    intervals = {name: table[name].where(exact) for name in INTERVALS if name in table}
    return table.assign(index=table["index"].where(exact, bounds), **intervals)


def mask_sentences(personas, portraits: pd.DataFrame, min_cell: int) -> list[str]:
    """Return each persona's sentence without shares that count few people."""
    profile, contrast = read_profile(personas), read_contrast(personas)
    return [
        mask_sentence(
            str(row.sentence or ""),
            profile[profile["persona_id"] == row.persona_id],
            contrast[contrast["persona_id"] == row.persona_id],
            min_cell,
        )
        for row in portraits.itertuples(index=False)
    ]


def mask_sentence(text: str, profile: pd.DataFrame, contrast: pd.DataFrame, min_cell: int) -> str:
    """Return one persona's sentence without shares that count few people.

    Parameters
    ----------
    text : str
        With parts such as "88% of 40 known, index 343" and "48% instead of 1%".
    profile, contrast : pd.DataFrame
        That persona's rows: where the shares in the text come from.
    min_cell : int
    """
    text = mask_counts(text, min_cell, profile)
    return _INSTEAD.sub(lambda match: _mask_instead(match, contrast, min_cell), text)


def mask_counts(text: str, min_cell: int, profile: pd.DataFrame | None = None) -> str:
    """Return a text with parts such as "95% of 22 known" said without counting anybody.

    Examples
    --------
    >>> mask_counts("student (95% of 22 known, index 461)", 5)
    'student (over 77% of 22 known)'
    >>> mask_counts("4% of 532 users", 5)
    '4% of 532 users'
    """

    def mask(match: re.Match) -> str:
        n_known = int(match[2].replace(",", ""))
        counts = _exact_counts(profile, match[1], n_known)
        counts = counts or _possible_few(int(match[1]), n_known, min_cell)
        sides = [side for n in counts if (side := find_side(n, n_known, min_cell))]
        return f"{_say_bound(sides[0], n_known, min_cell)} of {match[2]} {match[3]}" if sides else match[0]

    return _OF_KNOWN.sub(mask, text)


def mask_people(text: str, min_cell: int) -> str:
    """Return a text that names no number of very few users.

    Examples
    --------
    >>> mask_people("only 3 of 70 users were seen", 5), mask_people("9 in 10 users; 40 users", 20)
    ('only fewer than 5 of 70 users were seen', '9 in 10 users; 40 users')
    """

    def mask(match: re.Match) -> str:
        few = 0 < int(match[1].replace(",", "")) < min_cell
        return f"fewer than {min_cell}{match[2].removesuffix('s')}s" if few else match[0]

    return _PEOPLE.sub(mask, text)


def _exact_counts(profile: pd.DataFrame | None, said: str, n_known: int) -> list[float]:
    if profile is None:
        return []
    rows = profile[profile["n_known"] == n_known]
    shares = [share for share in rows["share_in"] if f"{share:.0%}" == f"{said}%"]
    return [share * n_known for share in shares]


def _possible_few(said: int, n_known: int, min_cell: int) -> list[int]:
    """Return the small counts, or all but a small count, that a rounded share may stand for."""
    few = range(1, min(min_cell, n_known + 1))
    candidates = (*few, *(n_known - n for n in few))
    return [n for n in candidates if abs(100 * n - said * n_known) <= 0.5 * n_known]


def _mask_instead(match: re.Match, contrast: pd.DataFrame, min_cell: int) -> str:
    rows = [
        row
        for row in contrast.itertuples(index=False)
        if f"{row.share_in:.0%} instead of {row.share_nearest:.0%}" == match[0]
    ]
    if not rows:
        return f"{_cut(int(match[1]))} instead of {_cut(int(match[2]))}"
    # Two labels may be said alike: what must be hidden for one of them is hidden.
    mine = {say_share(row.share_in, row.n_known, min_cell) for row in rows} - {f"{match[1]}%"}
    theirs = {say_share(row.share_nearest, row.n_known_nearest, min_cell) for row in rows} - {f"{match[2]}%"}
    return f"{min(mine, default=match[1] + '%')} instead of {min(theirs, default=match[2] + '%')}"


def _cut(said: int) -> str:
    if said < LOW:
        return f"under {LOW}%"
    return f"over {HIGH}%" if said > HIGH else f"{said}%"
