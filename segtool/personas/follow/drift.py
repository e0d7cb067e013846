"""What changed within a persona between two periods, label value by label value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from segtool.labels.change.shares import share_difference, wilson
from segtool.personas.encode import LabelTable
from segtool.personas.portrait.portray import control_false_discoveries, count_values

CHANGED_Q, CHANGED_SHARE = 0.05, 0.05
DRIFT_COLUMNS = [
    "before_id", "after_id", "label", "value", "n_known_before", "share_before", "n_known_after",
    "share_after", "difference", "low", "high", "difference_base", "index_before", "index_after",
    "index_low", "index_high", "q_value", "changed", "own",
]  # fmt: skip


def label_drift(
    then: LabelTable,
    codes_then: np.ndarray,
    now: LabelTable,
    codes_now: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    shape: tuple[int, int],
) -> pd.DataFrame:
    """Compare the labels of personas then with those of the personas they became.

    Parameters
    ----------
    then, now : LabelTable
    codes_then, codes_now : np.ndarray of int, shape (n_users_then,), (n_users_now,)
        Persona of each user at either time, from 0.
    pairs : sequence of (int, int)
        Older and newer persona to compare, from 0.
    shape : (int, int)
        Numbers of personas at either time; some may have nobody.

    Returns
    -------
    pd.DataFrame
        One row per pair, label and value: users known, share and index (share in the persona over
        share in everyone x 100) at both times; ``difference`` of the shares with its 95 % interval
        (``low``, ``high``), ``difference_base`` the same among everyone, ``index_low`` and
        ``index_high`` the interval of the newer index, ``q_value`` (Benjamini-Hochberg over all
        rows, two-sided test of two shares), ``changed`` (q up to 0.05 and at least 5 points), ``own``
        (changed, and everyone's change lies outside its interval). Own changes first, the clearest of
        them before the others.

    Notes
    -----
    Numbers are cut at the thirds of both periods together. Intervals and tests take both periods
    as independent; where the same people are in both they are rather too wide.
    """
    labels = [name for name, info in now.infos.items() if _comparable(then, now, name, info.kind)]
    if not pairs or not labels:
        return pd.DataFrame(columns=DRIFT_COLUMNS)
    table = _stack(then, now, labels)
    n_then = shape[0]  # of the model, not of those who are there: the last personas may be empty
    codes = np.concatenate([codes_then, codes_now + n_then])
    parts = []
    for label, values, counts, known in count_values(table, labels, codes, sum(shape)):
        parts += [_compare(label, values, counts, known, old, new, n_then) for old, new in pairs]
    found = pd.concat(parts, ignore_index=True)
    found["q_value"] = control_false_discoveries(found.pop("z").to_numpy())
    found["changed"] = (found["q_value"] <= CHANGED_Q) & (found["difference"].abs() >= CHANGED_SHARE)
    outside = (found["difference_base"] < found["low"]) | (found["difference_base"] > found["high"])
    found["own"] = found["changed"] & outside
    order = found.assign(first=~found["own"], order=-found["difference"].abs().fillna(-1))
    order = order.sort_values(["first", "q_value", "order"], kind="stable")
    return order[DRIFT_COLUMNS].reset_index(drop=True)


def _comparable(then: LabelTable, now: LabelTable, label: str, kind: str) -> bool:
    return (
        label in then.infos
        and then.infos[label].kind == kind
        and bool(then.known(label).any())
        and bool(now.known(label).any())
    )


def _stack(then: LabelTable, now: LabelTable, labels: Sequence[str]) -> LabelTable:
    """Put the users of both periods below each other, so that both are counted in the same values."""
    n = len(then.frame) + len(now.frame)
    columns = {}
    for label in labels:
        names = dict.fromkeys([*now.columns_of(label), *then.columns_of(label)])
        for name in names:
            cells = [_cells(table, label, name) for table in (then, now)]
            if isinstance(cells[0].dtype, pd.CategoricalDtype):
                values = dict.fromkeys([*cells[1].cat.categories, *cells[0].cat.categories])
                typed = pd.CategoricalDtype(list(values), ordered=now.infos[label].kind == "ordered")
                cells = [each.astype(typed) for each in cells]
            columns[name] = pd.concat(cells, ignore_index=True)
    infos = {}
    for label in labels:
        extra = [value for value in then.infos[label].values if value not in now.infos[label].values]
        values = (*now.infos[label].values, *extra) if now.infos[label].values else ()
        infos[label] = type(now.infos[label])(**{**vars(now.infos[label]), "values": values})
    return LabelTable(pd.DataFrame(columns, index=pd.RangeIndex(n)), infos)


def _cells(table: LabelTable, label: str, column: str) -> pd.Series:
    """Return a column; of a many-valued label, a value never seen is "no" where all others are known."""
    if column in table.frame:
        return table.frame[column].reset_index(drop=True)
    no = table.said_no(label)
    return pd.Series(pd.array(np.zeros(len(no), bool), "boolean")).mask(~no)


def _compare(label, values, counts, known, old: int, new: int, n_then: int) -> pd.DataFrame:
    new = n_then + new
    base = [
        (part.sum(axis=0), whole.sum(axis=0))
        for part, whole in ((counts[:n_then], known[:n_then]), (counts[n_then:], known[n_then:]))
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        bases = [part / whole for part, whole in base]
        shares = [counts[each] / known[each] for each in (old, new)]
        pooled = (counts[old] + counts[new]) / (known[old] + known[new])
        error = np.sqrt(pooled * (1 - pooled) * (1 / known[old] + 1 / known[new]))
        z = np.where(error > 0, (shares[1] - shares[0]) / error, 0.0)
        difference, low, high = share_difference(counts[old], known[old], counts[new], known[new])
        _, share_low, share_high = wilson(counts[new], known[new])
        columns = {
            "before_id": old + 1, "after_id": new - n_then + 1, "label": label, "value": list(values),
            "n_known_before": known[old], "share_before": shares[0],
            "n_known_after": known[new], "share_after": shares[1],
            "difference": difference, "low": low, "high": high, "difference_base": bases[1] - bases[0],
            "index_before": 100 * shares[0] / bases[0], "index_after": 100 * shares[1] / bases[1],
            "index_low": 100 * share_low / bases[1], "index_high": 100 * share_high / bases[1],
            "z": np.where(np.isfinite(z), z, 0.0),
        }  # fmt: skip
    return pd.DataFrame(columns)
