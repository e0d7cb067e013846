"""A budget over all users: every send above one price, found by bisection."""

from __future__ import annotations

import numpy as np

STEPS = 60  # halvings: the price is exact to a billionth of the highest value


def spend_budget(
    value: np.ndarray, cost: np.ndarray, budget: float | None, order: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Choose the sends worth more than they cost at the price that just spends a budget.

    Parameters
    ----------
    value : ndarray, shape (n_sends,)
    cost : ndarray, shape (n_sends,)
        Above 0; 1 where a budget is a number of sends.
    budget : float or None
        None: every send worth more than nothing.
    order : ndarray, shape (n_sends,), optional
        Who goes first among sends of one value; by position otherwise.

    Returns
    -------
    keep : ndarray of bool, shape (n_sends,)
    price : float
        lambda, in value per unit of cost: a send is kept if value - lambda x cost > 0. Of those exactly
        at the price as many are kept as the budget has room for.

    Notes
    -----
    The dual of the knapsack with one multiplier [1]_; one send at most is left undecided by it.

    References
    ----------
    .. [1] Zhang et al., "Solving Billion-Scale Knapsack Problems", 2020, https://arxiv.org/abs/2002.00352

    Examples
    --------
    >>> keep, price = spend_budget(np.array([3.0, 1.0, 2.0, -1.0]), np.ones(4), 2)
    >>> keep.tolist(), 1.0 <= price < 2.0
    ([True, False, True, False], True)
    """
    keep = value > 0
    if budget is None or cost[keep].sum() <= budget:
        return keep, 0.0
    worth = value / cost
    low, high = 0.0, float(worth.max())
    for _ in range(STEPS):
        middle = (low + high) / 2
        if cost[worth > middle].sum() > budget:
            low = middle
        else:
            high = middle
    keep = worth > high
    level = np.flatnonzero((worth > low) & ~keep)
    level = level[np.argsort(level if order is None else order[level], kind="stable")]
    room = budget - cost[keep].sum()
    keep[level[np.cumsum(cost[level]) <= room + 1e-9]] = True
    return keep, high
