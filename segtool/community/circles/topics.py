"""Which topics a circle turns to more than everybody does, and what it is called for that."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse, stats

from segtool.pooling import paule_mandel

TYPICAL = 120.0  # index from which a topic is called typical of a group, as agencies do
FALSE_SHARE = 0.05  # of the topics called typical, how many may be so by chance (Benjamini and Hochberg)
MODERATION = 10.0  # people: the spread of interests in a circle of three is mostly that of everybody
NAMED = 2  # topics in a name: a third is rarely said
NOTHING = "no topic stands out"


def find_topics(weights: sparse.csr_matrix, topics: np.ndarray, circle: np.ndarray) -> pd.DataFrame:
    """Compare each circle's interests with everybody's.

    Parameters
    ----------
    weights : csr_matrix, shape (n_users, n_topics)
        Interests, 0 to 1; people without any are not known and count nowhere.
    topics : ndarray of str, shape (n_topics,)
    circle : ndarray of int, shape (n_users,)
        0 and up; -1 for none.

    Returns
    -------
    DataFrame
        circle, topic, n_users (members whose interests are known), seen_share (their mean weight), share (the same,
        shrunk towards everybody's), base_share (everybody's), index (share / base_share x 100), lo, hi (its 90 %
        interval), p_adjusted, over (typical: index of 120 and above, by more than chance).

    Notes
    -----
    People are the sample. The variance of a circle's mean is that of its members, moderated by that of everybody
    with the weight of ten people; the distance from everybody shrinks by ``t / (t + v)``, t the spread between
    circles (Paule-Mandel); p is one-sided, adjusted over all circles and topics.
    """
    known = np.diff(weights.indptr) > 0
    inside = np.flatnonzero(known & (circle >= 0))
    n_circles = int(circle.max(initial=-1)) + 1
    if not n_circles or not len(topics):
        return _table(np.zeros((n_circles, len(topics))), {}, topics, np.zeros(n_circles))
    ones = np.ones(len(inside))
    member = sparse.csr_matrix(
        (ones, (circle[inside], np.arange(len(inside)))), shape=(n_circles, len(inside))
    )
    n = np.asarray(member.sum(axis=1)).ravel()
    own = weights[inside]
    everybody = weights[np.flatnonzero(known)]
    mean = (member @ own).toarray() / np.maximum(n, 1)[:, None]
    square = (member @ own.multiply(own)).toarray() / np.maximum(n, 1)[:, None]
    base = np.asarray(everybody.mean(axis=0)).ravel()
    spread = np.maximum(np.asarray(everybody.multiply(everybody).mean(axis=0)).ravel() - base**2, 1e-12)
    of_members = np.maximum(square - mean**2, 0) * (n / np.maximum(n - 1, 1))[:, None]
    variance = (n[:, None] * of_members + MODERATION * spread) / (n[:, None] + MODERATION)
    variance = variance / np.maximum(n, 1)[:, None]
    gap = mean - base
    real = n >= 2
    between = 0.0
    if real.sum() > 1:
        between = paule_mandel((gap[real] ** 2 / spread).ravel(), (variance[real] / spread).ravel())
    kept = between * spread / (between * spread + variance)
    share = base + kept * gap
    reach = stats.norm.ppf(0.95) * np.sqrt(kept * variance)
    found = {
        "seen_share": mean,
        "share": np.clip(share, 0, 1),
        "base_share": np.broadcast_to(base, mean.shape),
        "index": share / np.maximum(base, 1e-12) * 100,
        "lo": np.maximum(share - reach, 0) / np.maximum(base, 1e-12) * 100,
        "hi": (share + reach) / np.maximum(base, 1e-12) * 100,
        "p": stats.norm.sf(gap / np.sqrt(variance)),
    }
    return _table(mean, found, topics, n)


def _table(mean: np.ndarray, found: dict, topics: np.ndarray, n: np.ndarray) -> pd.DataFrame:
    from statsmodels.stats.multitest import multipletests

    rows, columns = np.indices(mean.shape)
    names = ("seen_share", "share", "base_share", "index", "lo", "hi", "p")
    table = pd.DataFrame(
        {
            "circle": rows.ravel().astype(np.int32),
            "topic": np.asarray(topics, dtype=object)[columns.ravel()],
            "n_users": n.astype(np.int64)[rows.ravel()],
            **{name: np.asarray(found.get(name, mean), dtype=float).ravel() for name in names},
        }
    )
    table = table[table["n_users"] > 0].reset_index(drop=True)
    adjusted = multipletests(table["p"], method="fdr_bh")[1] if len(table) else np.array([])
    table = table.drop(columns="p").round(6).assign(p_adjusted=np.round(adjusted, 6))
    over = (table["index"] >= TYPICAL) & (table["p_adjusted"] <= FALSE_SHARE) & (table["n_users"] >= 2)
    return table.assign(over=over.astype(bool))


def name_circles(topics: pd.DataFrame, main_group: list[str | None]) -> list[str]:
    """Name each circle by the topics it stands out with most, each name once.

    Parameters
    ----------
    topics : DataFrame
        As `find_topics` gives it.
    main_group : list of str or None
        The group most members are in, by circle; it tells apart circles of the same topics.

    Examples
    --------
    >>> topics = pd.DataFrame({"circle": [0, 1], "topic": ["home", "home"], "share": 0.5, "base_share": 0.2,
    ...                        "over": True})
    >>> name_circles(topics, ["g1", "g2"])
    ['home (g1)', 'home (g2)']
    """
    typical = topics[topics["over"]]
    typical = typical.assign(gap=typical["share"] - typical["base_share"])
    typical = typical.sort_values(["circle", "gap", "topic"], ascending=[True, False, True], kind="stable")
    said = typical.groupby("circle")["topic"].agg(
        lambda rows: " and ".join(rows.head(NAMED)).replace("_", " ")
    )
    names = [said.get(circle, NOTHING) for circle in range(len(main_group))]
    names = _tell_apart(names, [f"({group})" if group else "" for group in main_group])
    return _tell_apart(names, [str(number) for number in range(1, len(names) + 1)], all_but_first=True)


def _tell_apart(names: list[str], marks: list[str], *, all_but_first: bool = False) -> list[str]:
    twice = {name for name, times in pd.Series(names, dtype=object).value_counts().items() if times > 1}
    seen: dict[str, int] = {}
    told = []
    for name, mark in zip(names, marks, strict=True):
        seen[name] = seen.get(name, 0) + 1
        if all_but_first:
            told.append(f"{name} {seen[name]}" if name in twice and seen[name] > 1 else name)
        else:
            told.append(f"{name} {mark}".strip() if name in twice else name)
    return told
