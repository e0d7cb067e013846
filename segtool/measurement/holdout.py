"""Who is left alone, so that what happens to the others can be compared with something."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from segtool.checks import check_number
from segtool.errors import InputError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

# 60 bits: fine enough for any share, and still a signed 64-bit integer in every SQL dialect,
# so a warehouse can assign the same users (see Notes).
HEX_DIGITS = 15


def assign_holdout(user_ids: Iterable, *, share: float, salt: str) -> pd.Series:
    """Mark the users who receive nothing, by a hash that any process can repeat.

    A user's place depends on the salt and the id alone: not on the other users, their order,
    the random seed or the machine. A user who joins later gets a place without moving anyone,
    and a larger share keeps everybody who was held out under a smaller one.

    Parameters
    ----------
    user_ids : iterable of str or int, shape (n_users,)
        Whole numbers are read as their text.
    share : float
        Expected share of users held out, 0 to 1.
    salt : str
        Names the experiment. Two salts give independent holdouts: give every campaign its own,
        or the same unlucky users are left out each time.

    Returns
    -------
    pandas.Series of bool, shape (n_users,)
        ``True`` is held out; the index is the ids as text, in the order given; named "holdout".

    Raises
    ------
    ParameterError
        If the share is out of range or the salt is empty.
    InputError
        If an id is missing or is neither text nor a whole number.

    Notes
    -----
    A user is held out when the first 15 hexadecimal digits of ``SHA-256(salt + ":" + user_id)``,
    as a number divided by 2^60, fall below the share. In DuckDB that is
    ``('0x' || substr(sha256(salt || ':' || user_id), 1, 15))::BIGINT / 2.0^60 < share``.

    Examples
    --------
    >>> from segtool.measurement import assign_holdout
    >>> assign_holdout(["u1", "u2", "u3", "u4"], share=0.5, salt="spring").tolist()
    [True, False, False, False]
    """
    import pandas as pd

    check_number("share", share, low=0, high=1)
    if not isinstance(salt, str) or not salt:
        raise ParameterError("salt is empty or not text.", "a name.", 'Say salt="spring-2026".')
    ids = read_ids(list(user_ids))
    threshold = share * 16**HEX_DIGITS
    held_out = [hash_place(salt, user_id) < threshold for user_id in ids]
    return pd.Series(held_out, index=pd.Index(ids, name="user_id", dtype="str"), name="holdout", dtype=bool)


def hash_place(salt: str, user_id: str) -> int:
    """Return a user's place among 16^15, the same in every process and in SQL."""
    # The separator keeps salt "a" + id "b1" apart from salt "ab" + id "1".
    digest = hashlib.sha256(f"{salt}:{user_id}".encode()).hexdigest()
    return int(digest[:HEX_DIGITS], 16)


def read_ids(user_ids: list) -> list[str]:
    """Read ids as text; refuse those whose text is not sure, such as 7.0."""
    import numbers

    odd = [i for i in user_ids if isinstance(i, bool) or not isinstance(i, (str, numbers.Integral))]
    if odd:
        # 7.0 and "7" would hash apart, so a float column of ids must not pass unseen.
        raise InputError(
            f"{len(odd)} of {len(user_ids)} user ids are neither text nor whole numbers "
            f"(found: {', '.join(sorted({type(i).__name__ for i in odd}))}).",
            "text ids, as in the users table.",
            "Read the column as text, so that leading zeros and long numbers survive.",
        )
    return [str(i) for i in user_ids]
