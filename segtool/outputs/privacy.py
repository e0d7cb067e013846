"""What must not leave: counts of very few people, and ids that name someone."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable
from heapq import heappop, heappush
from pathlib import Path

import numpy as np
import pandas as pd

from segtool.checks import check_in, check_number
from segtool.errors import PrivacyError

KEY_VARIABLE = "SEGTOOL_ID_KEY"
# Shorter keys can be guessed from one known pair of id and pseudonym.
MIN_KEY_BYTES = 16
PSEUDONYM_LETTERS = 24  # 96 bits: no two of a billion users meet
MARGINS = ("both", "rows", "columns", "none")


def suppress_small_cells(counts: pd.DataFrame, *, min_cell: int = 5, margins: str = "both") -> pd.DataFrame:
    """Blank counts of few people, and as many others as keep those from being worked out.

    Parameters
    ----------
    counts : pd.DataFrame of shape (n_rows, n_columns)
        Whole numbers of people; missing cells count as not shown already.
    min_cell : int
        Counts from 1 to ``min_cell - 1`` are blanked. Zero is shown.
    margins : {"both", "rows", "columns", "none"}
        Which totals a reader has, here or elsewhere.

    Returns
    -------
    pd.DataFrame of the same shape
        Nullable integers; ``<NA>`` where blanked.

    Raises
    ------
    PrivacyError
        When a line with a published total has a single cell, so that nothing can hide it.

    Notes
    -----
    With row and column totals known, the blanked cells are the edges of a graph whose nodes are
    the rows and columns, and a cell can be solved for exactly when its edge is a bridge: on no
    cycle. So each bridge is given a cycle, along the path of cells that costs the fewest people.
    A line with its own total alone needs two blanks.

    References
    ----------
    D. Gusfield, "A graph theoretic approach to statistical data security", SIAM J. Comput. 17
    (1988), https://doi.org/10.1137/0217034

    Examples
    --------
    >>> table = pd.DataFrame({"buys": [3, 40, 50], "looks": [30, 20, 9]}, index=["a", "b", "c"])
    >>> suppress_small_cells(table)
       buys  looks
    a  <NA>   <NA>
    b    40     20
    c  <NA>   <NA>
    """
    check_number("min_cell", min_cell, low=1, integer=True)
    check_in("margins", margins, MARGINS)
    values = counts.to_numpy(dtype=float, na_value=np.nan)
    hidden = np.isnan(values) | ((values >= 1) & (values < min_cell))
    costs = np.where(np.isnan(values), 0.0, values)
    if margins == "both" and min(values.shape, default=0) > 1:
        _hide_until_no_bridge(hidden, costs)
    elif margins == "rows" or (margins == "both" and values.shape[0] == 1):
        _hide_partners(hidden, costs)
    elif margins in ("columns", "both"):
        _hide_partners(hidden.T, costs.T)
    return counts.astype("Int64").mask(hidden)


def _hide_partners(hidden: np.ndarray, costs: np.ndarray) -> None:
    """Give each row with a single blank a second one, in place: the smallest with anybody in it."""
    for row in np.flatnonzero(hidden.sum(axis=1) == 1):
        others = np.flatnonzero(~hidden[row])
        if not len(others):
            raise PrivacyError(
                "A total stands for a single group of very few people.",
                "totals over at least two groups.",
                "Leave the total out, or merge the group with another.",
            )
        hidden[row, min(others, key=lambda column: (costs[row, column] == 0, costs[row, column]))] = True


def _hide_until_no_bridge(hidden: np.ndarray, costs: np.ndarray) -> None:
    """Blank further cells, in place, until every blank one lies on a cycle."""
    n_rows = hidden.shape[0]
    for row, column in sorted(zip(*np.nonzero(hidden), strict=True)):
        for step in cheapest_way_round(hidden, costs, row, n_rows + column):
            hidden[step] = True


def cheapest_way_round(hidden, costs, row: int, target: int) -> list[tuple[int, int]]:
    """Return the cells of the cheapest path from a row to a column that avoids their own cell.

    Blanked cells are free, so a cell that lies on a cycle already costs nothing more. A zero is
    the dearest of all: hiding it hides nobody, and a reader may guess it.
    """
    n_rows, n_columns = costs.shape
    price = np.where(hidden, 0.0, np.where(costs == 0, costs.max() + 1.5, costs) + 1e-3)
    best, came_from = {row: 0.0}, {}
    queue = [(0.0, row)]
    while queue:
        paid, node = heappop(queue)
        if node == target:
            break
        if paid > best[node]:
            continue
        is_row = node < n_rows
        for other in range(n_columns if is_row else n_rows):
            cell = (node, other) if is_row else (other, node - n_rows)
            if cell == (row, target - n_rows):
                continue
            next_node = other + n_rows if is_row else other
            if paid + price[cell] < best.get(next_node, np.inf):
                best[next_node], came_from[next_node] = paid + price[cell], (node, cell)
                heappush(queue, (paid + price[cell], next_node))
    path = []
    while target != row:
        target, cell = came_from[target]
        path.append(cell)
    return path


def hide_small_sizes(sizes: pd.Series, *, min_cell: int = 5) -> pd.Series:
    """Blank sizes of small groups whose total is known, and one more if only one is small.

    Examples
    --------
    >>> hide_small_sizes(pd.Series([90, 30, 2])).tolist()
    [90, <NA>, <NA>]
    """
    if len(sizes) < 2:  # the one group is the total
        return sizes.astype("Int64").mask((sizes >= 1) & (sizes < min_cell))
    return suppress_small_cells(sizes.to_frame("n"), min_cell=min_cell, margins="columns")["n"]


def read_id_key(path: str | Path | None = None) -> bytes:
    """Return the secret key for pseudonyms, from a file or the environment.

    Parameters
    ----------
    path : path, optional
        A file that holds the key; without it the variable ``SEGTOOL_ID_KEY`` is read.

    Raises
    ------
    PrivacyError
        When there is none, or it is too short to protect anybody.
    """
    try:
        key = Path(path).read_bytes().strip() if path else os.environ.get(KEY_VARIABLE, "").encode()
    except OSError as error:
        raise PrivacyError(
            f"The file with the key for ids cannot be read: {error.strerror}.",
            "a file that holds the key, beside the study or with a full path.",
        ) from error
    if len(key) < MIN_KEY_BYTES:
        raise PrivacyError(
            "Ids are to be hashed, and there is no key for it."
            if not key
            else "The key for ids is too short.",
            f"at least {MIN_KEY_BYTES} bytes in the variable {KEY_VARIABLE} or a file.",
            f"export {KEY_VARIABLE}=$(openssl rand -hex 32), and keep it: it links one export to the next.",
        )
    return key


def hash_ids(ids: Iterable[str], key: bytes) -> list[str]:
    """Return pseudonyms: keyed hashes, so that nobody without the key can try all phone numbers.

    Parameters
    ----------
    ids : iterable of str
    key : bytes

    Returns
    -------
    list of str
        HMAC-SHA256 in hexadecimal, 24 letters; the same id and key give the same pseudonym.

    Examples
    --------
    >>> hash_ids(["u1", "u1", "u2"], b"0123456789abcdef")
    ['h_5162bddb18bda0082a7b39c4', 'h_5162bddb18bda0082a7b39c4', 'h_...']
    """
    return [
        "h_"
        + hmac.new(key, str(user).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[
            :PSEUDONYM_LETTERS
        ]
        for user in ids
    ]
