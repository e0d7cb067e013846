"""What was found, and which numbers of personas were compared, said without counting few people.

"The smallest persona holds 0.8% of the users" of 600 says that it has 5: who reads the verdict, or
the reason why a number was not taken, is not to learn more than who reads the portraits.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from segtool.outputs.small_shares import bound_share, find_side, mask_people, percent, read_profile

_SHARE = r"(\d+(?:\.\d+)?)%"
_SMALLEST = re.compile(_SHARE + r" of the users \((\d[\d,]*); at least")
_OF_ALL = re.compile(r"(?<!under )(?<!over )(?<![\d.])" + _SHARE + r"(?= of (?:the |all )?users\b)")
_HOLDS = re.compile(r"(?<=smallest holds )" + _SHARE + r"(?! of)")
_ANY = re.compile(_SHARE)


def mask_verdict(personas, min_cell: int) -> str:
    """Return the verdict of personas without shares of users that count few of them.

    Parameters
    ----------
    personas : Personas
    min_cell : int
        1 to ``min_cell - 1`` people, or all but so many, are said as a bound.

    Returns
    -------
    str
        Where there are no personas also the single labels it names are masked.
    """
    text = mask_shares(personas.verdict, count_users(personas), min_cell)
    if personas.n_personas > 1:
        return text
    profile = read_profile(personas)
    for row in profile[profile["persona_id"] == 1].itertuples(index=False):
        if side := find_side(row.share_in * row.n_known, row.n_known, min_cell):
            bound = f"{'under' if side == '<' else 'over'} {bound_share(side, row.n_known, min_cell):.0%}"
            text = re.sub(rf"(?<=[(\s]){re.escape(f'{row.value} {row.share_in:.0%}')}(?=[,)])",
                          lambda match, said=f"{row.value} {bound}": said, text)  # fmt: skip
    return text


def mask_choice(personas, min_cell: int) -> pd.DataFrame:
    """Return the numbers of personas that were compared; none of their sizes counts few people.

    Parameters
    ----------
    personas : Personas
    min_cell : int

    Returns
    -------
    pd.DataFrame
        As ``personas.choice()``: ``min_share`` is missing where the smallest persona is small, and
        ``reason`` and ``change`` say bounds.
    """
    return mask_choice_table(personas.choice(), count_users(personas), min_cell)


def mask_choice_table(choice: pd.DataFrame, n_users: int, min_cell: int) -> pd.DataFrame:
    """Return a table of numbers of personas without small sizes; see `mask_choice`.

    Examples
    --------
    >>> table = pd.DataFrame({"k": [2, 3], "min_share": [0.4, 0.005], "change": ["", "a new one of 1%"]})
    >>> mask_choice_table(table, 600, 5).values.tolist()
    [[2, 0.4, ''], [3, nan, 'a new one of under 1%']]
    """
    table = choice.copy()
    if "min_share" in table and len(table):
        sizes = table["min_share"].astype(float) * n_users
        table["min_share"] = table["min_share"].mask([find_side(n, n_users, min_cell) == "<" for n in sizes])
    if "reason" in table:
        table["reason"] = [mask_shares(str(text), n_users, min_cell) for text in table["reason"]]
    if "change" in table:  # every share there is one of all users
        table["change"] = [_mask(_ANY, str(text), n_users, min_cell) for text in table["change"]]
    return table


def mask_shares(text: str, n_users: int, min_cell: int) -> str:
    """Return a text whose shares and numbers of users count nobody; other shares stay as they are.

    Parameters
    ----------
    text : str
    n_users : int
        Of whom the shares are.
    min_cell : int

    Examples
    --------
    >>> mask_shares("4 personas, as asked; smallest 0.7% of users.", 600, 5)
    '4 personas, as asked; smallest under 1% of users.'
    >>> mask_shares("holds 0.7% of the users (4; at least 3% and 5 are asked for)", 600, 5)
    'holds under 1% of the users (fewer than 5; at least 3% and 5 are asked for)'
    >>> mask_shares("each and its match share 99% of their users", 600, 5)
    'each and its match share 99% of their users'
    """

    def mask_both(match: re.Match) -> str:
        if not 0 < int(match[2].replace(",", "")) < min_cell:
            return match[0]
        bound = bound_share("<", max(n_users, 1), min_cell)
        return f"under {bound:.0%} of the users (fewer than {min_cell}; at least"

    text = _SMALLEST.sub(mask_both, text)
    for pattern in (_OF_ALL, _HOLDS):
        text = _mask(pattern, text, n_users, min_cell)
    return mask_people(text, min_cell)


def count_users(personas) -> int:
    """Return how many users personas were formed on."""
    return int(personas.portraits()["n_users"].sum())


def _mask(pattern: re.Pattern, text: str, n_users: int, min_cell: int) -> str:
    return pattern.sub(lambda match: _bound(match[1], n_users, min_cell) or match[0], text)


def _bound(said: str, n_users: int, min_cell: int) -> str:
    """Return the bound to say instead of a rounded share; empty where no small count may be behind it."""
    half = 0.5 / 10 ** len(said.partition(".")[2])
    few = np.arange(1, min(min_cell, n_users + 1))
    for side, counts in (("<", few), (">", n_users - few)):
        close = np.abs(100 * counts / max(n_users, 1) - float(said)) <= half + 1e-9
        if close.any():
            bound = percent(bound_share(side, n_users, min_cell))
            return f"{'under' if side == '<' else 'over'} {bound}"
    return ""
