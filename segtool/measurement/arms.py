"""Which user gets which version: drawn by a hash, so that anybody can draw it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from segtool.checks import check_number
from segtool.errors import InputError, ParameterError
from segtool.measurement.holdout import HEX_DIGITS, assign_holdout, hash_place, read_ids

HELD_OUT = "holdout"  # the arm of those whom no campaign reaches
FEW_HELD_OUT = 20  # fewer held-out users may lie low by chance, so one salt for both is not looked for


def assign_arms(
    user_ids: Iterable, *, arms: Mapping[str, float], salt: str, holdout: pd.Series | None = None
) -> pd.Series:
    """Give every user an arm of a test, by a hash that any process can repeat.

    As with `assign_holdout`, a user's arm depends on the salt and the id alone. Users held out of
    everything stay so: they are in no arm, which keeps them comparable from campaign to campaign.

    Parameters
    ----------
    user_ids : iterable of str or int, shape (n_users,)
    arms : mapping
        Name -> share, in order; the shares sum to at most 1, and whoever is beyond gets none.
    salt : str
        Names the campaign; not the one of the universal holdout.
    holdout : Series of bool, index user_id, optional
        The universal holdout, as from `assign_holdout`. Users it does not list count as reachable.

    Returns
    -------
    pandas.Series of str, shape (n_users,)
        The arm; "holdout" for the universal holdout, missing outside the test. Index user_id, as text.

    Raises
    ------
    ParameterError
        If there are fewer than two arms, shares that are no shares, or the salt is that of the holdout.
    InputError
        If an id occurs twice, is missing, or is neither text nor a whole number.

    Notes
    -----
    With ``place`` the number of `assign_holdout` divided by 2^60, the arm is the first one whose
    cumulated share lies above it. A first arm that grows from one launch to the next therefore
    keeps its users.

    Examples
    --------
    >>> everyone = [f"u{i}" for i in range(1000)]
    >>> universal = assign_holdout(everyone, share=0.05, salt="house 2026")
    >>> shares = {"control": 0.1, "a": 0.45, "b": 0.45}
    >>> arms = assign_arms(everyone, arms=shares, salt="spring", holdout=universal)
    >>> arms.value_counts(sort=False).sort_index().to_dict()
    {'a': 419, 'b': 435, 'control': 97, 'holdout': 49}
    """
    shares = check_arms(arms)
    assign_holdout([], share=0, salt=salt)  # checks the salt
    ids = read_ids(list(user_ids))
    index = pd.Index(ids, name="user_id", dtype="str")
    if index.has_duplicates:
        raise InputError(
            f"{int(index.duplicated().sum())} user ids occur more than once.", "one row per user."
        )
    place = np.array([hash_place(salt, user_id) for user_id in ids], dtype=float) / 16**HEX_DIGITS
    number = np.searchsorted(np.cumsum(list(shares.values())), place, side="right")
    named = np.array([*shares, None], dtype=object)[np.minimum(number, len(shares))]
    if holdout is not None:
        held = _held_out(holdout, index)
        _check_salts(place, held)
        named[held] = HELD_OUT
    return pd.Series(named, index=index, name="arm", dtype="str")


def check_arms(arms: Mapping[str, float]) -> dict[str, float]:
    """Check names and shares of arms; the last share is rounded up where all sum to 1."""
    accepted = 'two or more names with shares that sum to at most 1, like {"control": 0.1, "a": 0.9}.'
    if not isinstance(arms, Mapping) or len(arms) < 2:
        raise ParameterError(f"arms is {arms!r}.", accepted, "One arm alone has nothing to be compared with.")
    for name, share in arms.items():
        if not isinstance(name, str) or not name or name == HELD_OUT:
            raise ParameterError(f"An arm is named {name!r}.", f'text other than "{HELD_OUT}".')
        check_number(f"the share of arm {name!r}", share, low=0, high=1, low_open=True)
    total = sum(arms.values())
    if total > 1 + 1e-9:
        raise ParameterError(f"The shares of the arms sum to {total:g}.", accepted)
    if total > 1 - 1e-9:  # nobody falls out of a full test because 0.1 + 0.2 + 0.7 is not quite 1
        arms = {**arms, list(arms)[-1]: 1.0}
    return {name: float(share) for name, share in arms.items()}


def _held_out(holdout: pd.Series, index: pd.Index) -> np.ndarray:
    if not isinstance(holdout, pd.Series) or holdout.index.has_duplicates:
        raise InputError(
            "holdout is not one value per user.", "a Series of True and False by user_id.",
            "Make it with assign_holdout.",
        )  # fmt: skip
    known = pd.Series(holdout.to_numpy(dtype=bool, na_value=False), index=holdout.index.astype("str"))
    return known.reindex(index, fill_value=False).to_numpy(dtype=bool)


def _check_salts(place: np.ndarray, held: np.ndarray) -> None:
    """Refuse one salt for both: the holdout would be exactly the users of the first arm."""
    if held.sum() >= FEW_HELD_OUT and not held.all() and place[held].max() < place[~held].min():
        raise ParameterError(
            "The universal holdout was drawn with this salt, so it is the start of the first arm.",
            "another salt.", "Give each campaign a salt of its own.",
        )  # fmt: skip
