"""Whether people who were invited stay longer than people who came by themselves. Association only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from segtool.community.sharing.trees import Forest
from segtool.community.tables import DAY

MORE, LESS, SAME, FEW = (
    "more than those alone",
    "less than those alone",
    "no difference to be told",
    "too few",
)
STAYED, WROTE = "still there", "wrote again"
SHOWN_INVITERS = 20
LARGEST_PART = 0.8  # of those brought into a group by one inviter, as far as what cannot be seen is made good
QUALITY = [
    "by", "value", "measure", "days", "n_invited", "n_alone", "n_inviters", "invited", "invited_lo",
    "invited_hi", "alone", "alone_lo", "alone_hi", "difference", "lo", "hi", "p", "n_too_new", "verdict",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What became of members some days after joining.

    Parameters
    ----------
    value : ndarray of float, shape (n,)
        1 yes, 0 no, missing where it cannot be known.
    too_new : ndarray of bool, shape (n,)
        Joined too recently to tell.
    days : float
    measure : str
    """

    value: np.ndarray
    too_new: np.ndarray
    days: float
    measure: str


def read_outcomes(forest: Forest, talk, stay_days: float) -> tuple[list[Outcomes], list[str]]:
    """Return what became of members, and why a measure is missing.

    Parameters
    ----------
    forest : Forest
        Of the roster.
    talk : Talk
    stay_days : float

    Returns
    -------
    outcomes : list of Outcomes
        "still there" after so many days, and "wrote again" in as many days after these.
    missing : list of str
        Why one of them cannot be told.
    """
    roster, messages = talk.roster, talk.messages
    usable = forest.counted & (forest.came >= 0) & ~np.isnan(forest.joined)
    age = -forest.joined / DAY
    found, missing = [], []
    left = roster["left"].to_numpy(dtype=float)
    if np.isfinite(left).any():
        with np.errstate(invalid="ignore"):
            stayed = np.isnan(left) | (left - forest.joined > stay_days * DAY)
            old = usable & (age >= stay_days)
        found.append(Outcomes(np.where(old, stayed, np.nan), usable & ~old, stay_days, STAYED))
    else:
        missing.append("nobody is on record as having left, so whether those invited stay is not known")
    if len(messages):
        start = float(messages["second"].min())
        again = _wrote_between(forest, messages, stay_days * DAY, 2 * stay_days * DAY)
        with np.errstate(invalid="ignore"):
            old = usable & (age >= 2 * stay_days)
            seen = old & (forest.joined + stay_days * DAY >= start)
        found.append(Outcomes(np.where(seen, again, np.nan), usable & ~old, stay_days, WROTE))
    else:
        missing.append("there are no messages, so whether those invited write is not known")
    return found, missing


def _wrote_between(forest: Forest, messages: pd.DataFrame, start: float, end: float) -> np.ndarray:
    """Return whether each row's person wrote in the group between so many seconds after joining."""
    span = int(max(forest.user.max(), messages["user"].max())) + 1
    row_key = forest.group.astype(np.int64) * span + forest.user
    keys = messages["group"].to_numpy(np.int64) * span + messages["user"].to_numpy(np.int64)
    _, inverse = np.unique(np.r_[row_key, keys], return_inverse=True)
    second = messages["second"].to_numpy(dtype=float)
    width = -second.min() + 1.0  # times of one row stay apart from those of the next
    times = np.sort(inverse[len(row_key) :] * width + (second - second.min()))

    def count_before(moment):
        inside = np.clip(moment - second.min(), 0, width - 0.5)
        return np.searchsorted(times, inverse[: len(row_key)] * width + inside, side="left")

    joined = np.nan_to_num(forest.joined, nan=0.0)
    return (count_before(joined + end) > count_before(joined + start)).astype(float)


def compare_quality(
    forest: Forest,
    outcomes: list[Outcomes],
    talk,
    *,
    min_compared: int,
    confidence: float,
    personas: pd.DataFrame | None = None,
    roles: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Compare those invited with those who came by themselves, within groups.

    Parameters
    ----------
    forest : Forest
        Of the roster.
    outcomes : list of Outcomes
    talk : Talk
    min_compared : int
        Least people on each side.
    confidence : float
    personas : DataFrame, optional
        user_id and persona.
    roles : DataFrame, optional
        user_id and role, of inviters; the roster's when not given.

    Returns
    -------
    DataFrame
        by ("all", "group", "persona", "role of the inviter", "inviter"), value, measure, days, n_invited,
        n_alone, n_inviters, invited, alone (shares, each with lo and hi), difference (within groups) with lo
        and hi, p, n_too_new (left out, since it cannot be known yet) and verdict.

    Notes
    -----
    The difference is that within each group, weighted by Mantel and Haenszel (1959), so that a good group
    with many invitations does not make invitations look good. People brought by the same member are alike:
    they count as one cluster. Verdicts of one kind of row are held to a false share of 10 % (Benjamini and
    Hochberg 1995).
    """
    inviter = np.where(forest.parent >= 0, forest.user[np.maximum(forest.parent, 0)], -1)
    slices = _slices(forest, talk, inviter, min_compared, personas, roles)
    rows = []
    for outcome in outcomes:
        for by, value, which, of in slices:
            own = which if of is None else which[(forest.came[which] == 0) | of[which]]
            # Of one inviter nothing but those brought is spoken of, so each of them is a witness.
            alike = np.full(len(forest), -1) if by == "inviter" else inviter
            rows.append(
                {"by": by, "value": value, "measure": outcome.measure, "days": outcome.days}
                | compare_arms(forest, outcome, own, alike, min_compared, confidence)
                | {"n_too_new": int(outcome.too_new[which if of is None else of].sum())}
            )
    table = pd.DataFrame(rows, columns=QUALITY)
    table["verdict"] = _judge(table)
    return table


def _slices(forest: Forest, talk, inviter, min_compared: int, personas, roles):
    """Return by, value, rows, and rows of those invited that count (None: all)."""
    everybody = np.arange(len(forest))
    slices = [("all", "everybody", everybody, None)]
    order = np.argsort(forest.group, kind="stable")
    ends = np.searchsorted(forest.group[order], np.arange(len(talk.group_ids)), side="right")
    for code, rows in enumerate(np.split(order, ends[:-1]) if len(ends) else []):
        slices.append(("group", str(talk.group_ids[code]), rows, None))
    if personas is not None and len(personas):
        name = _per_row(personas, "persona", forest, talk)
        slices += [
            ("persona", each, np.flatnonzero(name == each), None) for each in sorted(set(name)) if each
        ]
    role = talk.roster["role"].to_numpy(dtype=object)
    if roles is not None and len(roles):
        role = _per_row(roles, "role", forest, talk)
    of = np.where(forest.parent >= 0, role[np.maximum(forest.parent, 0)], "")
    slices += [("role of the inviter", each, everybody, of == each) for each in sorted(set(of)) if each]
    brought = np.bincount(inviter[inviter >= 0], minlength=len(talk.user_ids))
    busy = np.flatnonzero(brought >= min_compared)
    busy = busy[np.argsort(-brought[busy], kind="stable")][:SHOWN_INVITERS]
    slices += [("inviter", str(talk.user_ids[code]), everybody, inviter == code) for code in busy]
    return slices


def _per_row(frame: pd.DataFrame, column: str, forest: Forest, talk) -> np.ndarray:
    """Return what a frame says of each row's user, "" for nothing."""
    own = frame.dropna(subset=[column]).drop_duplicates("user_id").set_index("user_id")[column].astype(str)
    return own.reindex(talk.user_ids[forest.user]).fillna("").to_numpy(dtype=object)


def compare_arms(
    forest: Forest, outcome: Outcomes, rows: np.ndarray, inviter, min_compared: int, confidence: float
) -> dict:
    """Compare the two arms within rows; see `compare_quality`."""
    known = rows[~np.isnan(outcome.value[rows])]
    arm = forest.came[known] == 1
    value, stratum = outcome.value[known], forest.group[known]
    # Nobody known as inviter: a cluster of one's own. Codes of users and of rows must not meet.
    cluster = np.where(inviter[known] >= 0, inviter[known], forest.user[known] + len(forest) + 10**9)
    cluster = np.unique(cluster, return_inverse=True)[1]
    found = {
        "n_invited": int(arm.sum()),
        "n_alone": int((~arm).sum()),
        "n_inviters": int((np.bincount(cluster[arm]) > 0).sum()),
    }
    for name, which in (("invited", arm), ("alone", ~arm)):
        if found[f"n_{name}"] >= min_compared:
            share = share_of(value[which], cluster[which], confidence)
            found |= dict(zip((name, f"{name}_lo", f"{name}_hi"), share, strict=True))
    if min(found["n_invited"], found["n_alone"]) >= min_compared:
        names = ("difference", "lo", "hi", "p")
        found |= dict(zip(names, difference_of(value, arm, stratum, cluster, confidence), strict=True))
    return found


def share_of(value: np.ndarray, cluster: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Return a share and its Wilson interval, with fewer people where those of one cluster are alike.

    Parameters
    ----------
    value : ndarray of float, shape (n,)
        0 or 1.
    cluster : ndarray of int, shape (n,)
        Small numbers, not negative.
    confidence : float

    Examples
    --------
    >>> [round(each, 2) for each in share_of(np.array([1.0, 1.0, 0.0, 1.0]), np.arange(4), 0.9)]
    [0.75, 0.36, 0.94]
    """
    n, share = len(value), float(value.mean())
    sums = np.bincount(cluster, value - share)
    plain = share * (1 - share) * n
    n = n / max(1.0, float((sums**2).sum()) / plain) if plain > 0 else n
    z = special.ndtri((1 + confidence) / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return share, float(max(middle - reach, 0.0)), float(min(middle + reach, 1.0))


def difference_of(
    value: np.ndarray, arm: np.ndarray, stratum: np.ndarray, cluster: np.ndarray, confidence: float
) -> tuple[float, float, float, float]:
    """Return the difference of shares within strata, its interval and p.

    Parameters
    ----------
    value : ndarray of float, shape (n,)
        0 or 1.
    arm : ndarray of bool, shape (n,)
    stratum : ndarray of int, shape (n,)
    cluster : ndarray of int, shape (n,)
        Small numbers, not negative.
    confidence : float

    Returns
    -------
    difference, lo, hi, p : float
        Missing where no stratum holds both.

    Examples
    --------
    >>> value = np.array([1, 1, 1, 0, 1, 0, 0, 0], dtype=float)
    >>> arm = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    >>> round(difference_of(value, arm, np.zeros(8, dtype=int), np.arange(8), 0.9)[0], 2)
    0.5
    """
    one = (stratum == stratum[0]).all()  # thousands of groups are compared one by one: no sorting there
    stratum = np.zeros(len(value), dtype=np.int64) if one else np.unique(stratum, return_inverse=True)[1]
    n1, n0 = np.bincount(stratum, arm).astype(float), np.bincount(stratum, ~arm).astype(float)
    weight = n1 * n0 / np.maximum(n1 + n0, 1)
    if not weight.sum():
        return (np.nan,) * 4
    weight = weight / weight.sum()
    sums = [np.bincount(stratum, value * which) for which in (arm, ~arm)]
    share1, share0 = sums[0] / np.maximum(n1, 1), sums[1] / np.maximum(n0, 1)
    difference = float((weight * (share1 - share0)).sum())
    each = weight[stratum] * (value - np.where(arm, share1[stratum], share0[stratum]))
    size = np.where(arm, n1[stratum], n0[stratum])
    # A large cluster draws the share to itself and looks too alike to it (Bell & McCaffrey 2002).
    key = (stratum * 2 + arm).astype(np.int64) * (int(cluster.max()) + 1) + cluster
    key = key if one else np.unique(key, return_inverse=True)[1]
    each = each / size / np.sqrt(1 - np.minimum(np.bincount(key)[key] / size, LARGEST_PART))
    # Of shares near 0 or 1 residuals tell too little: one more yes and no on each side (Agresti, Caffo 2000).
    floor = [
        (weight**2 * (x + 1) * (n - x + 1) / (n + 2) ** 2 / np.maximum(n, 1)).sum()
        for x, n in ((sums[0], n1), (sums[1], n0))
    ]
    variances, freedoms = [], []
    for which, least in zip((arm, ~arm), floor, strict=True):
        used = which & (weight[stratum] > 0)
        totals, counts = np.bincount(cluster[used], each[used]), np.bincount(cluster[used])
        n_clusters = int((counts > 0).sum())
        own = (totals**2).sum() * n_clusters / max(n_clusters - 1, 1)
        variances.append(max(own, least))
        # Those of the variance found: a few large clusters make it uncertain (Satterthwaite 1946).
        uneven = (totals**4).sum() / max((totals**2).sum() ** 2, 1e-300) - 1 / n_clusters
        freedoms.append(min(2 / max(uneven, 1e-9), max(n_clusters - 1, 1)))
    variance = sum(variances)
    freedom = variance**2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    reach = special.stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(variance)
    p = 2 * special.stdtr(freedom, -abs(difference) / np.sqrt(variance))
    return difference, max(difference - reach, -1.0), min(difference + reach, 1.0), float(p)


def _judge(table: pd.DataFrame) -> np.ndarray:
    from statsmodels.stats.multitest import multipletests

    verdict = np.full(len(table), FEW, dtype=object)
    for _, rows in table[table["p"].notna()].groupby(["by", "measure"], sort=True):
        places = table.index.get_indexer(rows.index)
        sure = multipletests(rows["p"].to_numpy(dtype=float), alpha=0.1, method="fdr_bh")[0]
        said = np.where(rows["difference"] > 0, MORE, LESS)
        verdict[places] = np.where(sure, said, SAME)
    return verdict
