"""What is typical of a persona: shares, indices, effects, and what sets it apart from its neighbour.

Every share is taken over the users for whom the label is known: unknown is not "no". All counts
are of whole users, each in the persona they most likely belong to, so that an analyst who counts
the exported table gets the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from segtool.personas.encode import MAX_VALUES, Encoding, LabelTable, as_levels, common_values
from segtool.personas.portrait.intervals import bound_effect, bound_index, cohens_h

PROFILE_COLUMNS = [
    "persona_id", "facet", "label", "value", "forms", "n_known", "n_in",
    "share_in", "share_base", "index", "index_low", "index_high", "effect", "effect_low",
    "effect_high", "z", "q_value", "defining",
]  # fmt: skip
CONTRAST_COLUMNS = [
    "persona_id", "nearest_id", "facet", "label", "value", "share_in", "share_nearest", "difference",
    "effect", "n_known", "n_known_nearest", "effect_low", "effect_high", "q_value",
]  # fmt: skip
# Strength of the prior, in users: an index from three users is pulled to 100, from 300 it is not.
PRIOR_USERS = 10.0
# A value defines a persona when it is likely real, clearly more common there than elsewhere, and
# common enough there to be said of it ("over-represented" alone is no portrait).
DEFINING_Q, DEFINING_INDEX, DEFINING_EFFECT, DEFINING_SHARE = 0.01, 150.0, 0.5, 0.3
DEFINING_USERS = 10  # with the value: q-values alone would let five users speak for a persona


def profile_personas(
    table: LabelTable, encoding: Encoding, codes: np.ndarray, n_personas: int
) -> pd.DataFrame:
    """Describe each persona by each value of each label, descriptors included.

    Parameters
    ----------
    table : LabelTable
    encoding : Encoding
        Says which labels form the personas and which describe them.
    codes : np.ndarray of int, shape (n_users,)
        Persona of each user, from 0.
    n_personas : int

    Returns
    -------
    pd.DataFrame
        One row per persona, label and value: ``n_known`` (users of the persona for whom the label
        is known), ``n_in`` (those with the value), ``share_in`` and ``share_base`` (0 to 1, of the
        known), ``index`` (TGI: share_in / share_base x 100), ``effect`` (Cohen's h against all
        other users: 0.2 small, 0.5 medium, 0.8 large), both with a 95 % interval (``_low``,
        ``_high``), ``z`` (log-odds ratio with a Dirichlet prior over its standard error),
        ``q_value`` (Benjamini-Hochberg, over the labels that formed the personas and over the
        others apart: `control_apart`), ``defining``, and ``forms`` (whether the label formed the
        personas).

    Notes
    -----
    For labels that formed the personas a small q_value is no discovery, since the groups were
    built to differ there; it keeps chance out of small personas. For descriptors it is one. In the
    same way the intervals take the groups as they are: `bound_index`, `bound_effect`.

    References
    ----------
    Monroe, Colaresi, Quinn (2008), Fightin' Words, Political Analysis 16(4).
    Benjamini, Hochberg (1995), Controlling the false discovery rate, JRSS B 57(1).
    """
    forming = set(encoding.basis)
    counted = list(count_values(table, [*encoding.basis, *encoding.descriptors], codes, n_personas))
    profile = compare_counts(*(np.hstack([each[part] for each in counted]) for part in (2, 3)))
    labels = [label for label, values, *_ in counted for _ in values]
    profile["persona_id"] = np.repeat(np.arange(1, n_personas + 1), len(labels))
    profile["label"] = labels * n_personas
    profile["value"] = [value for _, values, *_ in counted for value in values] * n_personas
    profile["facet"] = [table.infos[label].facet for label in profile["label"]]
    profile["forms"] = profile["label"].isin(forming)
    profile["q_value"] = control_apart(profile["z"].to_numpy(), profile["forms"].to_numpy())
    profile["defining"] = _is_defining(profile)
    return profile[PROFILE_COLUMNS]


def _is_defining(profile: pd.DataFrame) -> pd.Series:
    clear = (profile["index"] >= DEFINING_INDEX) | (profile["effect"] >= DEFINING_EFFECT)
    return (
        (profile["z"] > 0)
        & (profile["q_value"] <= DEFINING_Q)
        & clear
        & (profile["share_in"] >= DEFINING_SHARE)
        & (profile["n_in"] >= DEFINING_USERS)
    )


def count_values(
    table: LabelTable, labels: Sequence[str], codes: np.ndarray, n_groups: int
) -> Iterator[tuple[str, list[str], np.ndarray, np.ndarray]]:
    """Yield label, values, counts of shape (n_groups, n_values), known of the same shape."""
    for label in labels:
        if table.infos[label].kind == "many":
            yield label, *_count_many(table, label, codes, n_groups)
            continue
        cells = describe_cells(table, label)
        values = [str(value) for value in cells.categories]
        groups = codes * (len(values) + 1) + cells.codes + 1  # the first place is for unknown
        counts = np.bincount(groups, minlength=n_groups * (len(values) + 1)).reshape(n_groups, -1)[:, 1:]
        yield label, values, counts, np.repeat(counts.sum(axis=1, keepdims=True), len(values), axis=1)


def _count_many(table: LabelTable, label: str, codes: np.ndarray, n_groups: int):
    columns = table.columns_of(label)
    prefix = len(label) + 2
    counts, known = [], []
    for column in columns:
        cells = table.frame[column]
        is_known = cells.notna().to_numpy()
        holds = cells.to_numpy(bool, na_value=False)
        counts.append(np.bincount(codes[holds], minlength=n_groups))
        known.append(np.bincount(codes[is_known], minlength=n_groups))
    return [column[prefix:] for column in columns], np.array(counts).T, np.array(known).T


def describe_cells(table: LabelTable, label: str) -> pd.Categorical:
    """Return a single-valued label as a categorical to count: numbers in thirds, long lists cut."""
    cells = table.frame[label]
    if table.infos[label].kind == "number":
        return cut_in_thirds(cells)
    if len(cells.cat.categories) > MAX_VALUES:
        return as_levels(cells, common_values(cells))
    return cells.cat.remove_unused_categories().array


def cut_in_thirds(cells: pd.Series) -> pd.Categorical:
    """Cut numbers at their terciles into ranges a person can read; equal edges merge.

    Examples
    --------
    >>> list(cut_in_thirds(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0, None])).categories)
    ['up to 2.33', '2.33 to 3.67', 'over 3.67']
    """
    edges = np.unique(np.nanquantile(cells.to_numpy(float), [1 / 3, 2 / 3]))
    places = np.searchsorted(edges, cells.to_numpy(float), side="left").astype(int)
    places[cells.isna().to_numpy()] = -1
    middle = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    names = [f"up to {edges[0]:.3g}", *middle, f"over {edges[-1]:.3g}"]
    if len(set(names)) < len(names):  # edges closer than three digits
        names = ["low", "middle", "high"][: len(names)]
    return pd.Categorical.from_codes(places, names, ordered=True).remove_unused_categories()


def compare_counts(counts: np.ndarray, known: np.ndarray) -> pd.DataFrame:
    """Compare each group with everyone and with the rest.

    Parameters
    ----------
    counts, known : np.ndarray of shape (n_groups, n_values)
        Users with the value, and users for whom it is known whether they have it.

    Returns
    -------
    pd.DataFrame
        n_known, n_in, share_in, share_base, index, index_low, index_high, effect, effect_low,
        effect_high, z; group by group.

    Examples
    --------
    Of 10 known, 6 have it; outside 6 of 30: the base is 12 of 40.

    >>> found = compare_counts(np.array([[6], [6]]), np.array([[10], [30]]))
    >>> found[["share_in", "share_base", "index"]].round(1).values.tolist()
    [[0.6, 0.3, 200.0], [0.2, 0.3, 66.7]]
    """
    counts, known = counts.astype(float), known.astype(float)
    rest, rest_known = counts.sum(axis=0) - counts, known.sum(axis=0) - known
    with np.errstate(invalid="ignore", divide="ignore"):
        share_in = counts / known
        share_base = np.broadcast_to(counts.sum(axis=0) / known.sum(axis=0), counts.shape)
        effect = cohens_h(share_in, rest / rest_known)
        index = 100.0 * share_in / share_base
        z = _log_odds_z(counts, known, rest, rest_known, share_base)
    # Where nobody else is known there is nothing to compare with.
    effect = np.where((known > 0) & (rest_known > 0), effect, 0.0)
    z = np.where((known > 0) & (rest_known > 0) & np.isfinite(z), z, 0.0)
    index_low, index_high = bound_index(counts, known, rest, rest_known)
    effect_low, effect_high = bound_effect(counts, known, rest, rest_known)
    columns = {
        "n_known": known.astype(int), "n_in": counts.astype(int), "share_in": share_in,
        "share_base": share_base, "index": index, "index_low": index_low, "index_high": index_high,
        "effect": effect, "effect_low": effect_low, "effect_high": effect_high, "z": z,
    }  # fmt: skip
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


def _log_odds_z(counts, known, rest, rest_known, share_base) -> np.ndarray:
    prior = PRIOR_USERS * np.clip(share_base, 1e-6, 1 - 1e-6)
    yes_in, no_in = counts + prior, known - counts + PRIOR_USERS - prior
    yes_out, no_out = rest + prior, rest_known - rest + PRIOR_USERS - prior
    difference = np.log(yes_in / no_in) - np.log(yes_out / no_out)
    return difference / np.sqrt(1 / yes_in + 1 / no_in + 1 / yes_out + 1 / no_out)


def control_false_discoveries(z: np.ndarray) -> np.ndarray:
    """Return Benjamini-Hochberg q-values of two-sided z statistics.

    Examples
    --------
    >>> control_false_discoveries(np.array([3.0, 0.0, -3.0])).round(3).tolist()
    [0.004, 1.0, 0.004]
    """
    from scipy.stats import norm

    p = 2 * norm.sf(np.abs(z))
    order = np.argsort(p, kind="stable")
    stepped = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty_like(p)
    q[order] = np.minimum.accumulate(stepped[::-1])[::-1]
    return np.clip(q, 0, 1)


def control_apart(z: np.ndarray, forms: np.ndarray) -> np.ndarray:
    """Return q-values of labels that formed the personas and of all others, each among their own kind.

    The groups were built to differ by the labels that formed them: nearly all of those are rejected,
    and counted together they would let that many more descriptors through by chance.

    Examples
    --------
    >>> z, forms = np.array([9.0, 9.0, 2.1, 0.3]), np.array([True, True, False, False])
    >>> control_apart(z, forms).round(3).tolist(), control_false_discoveries(z).round(3).tolist()
    ([0.0, 0.0, 0.071, 0.764], [0.0, 0.0, 0.048, 0.764])
    """
    q, forms = np.empty(len(z)), np.asarray(forms, bool)
    for kind in (forms, ~forms):
        q[kind] = control_false_discoveries(z[kind])
    return q


def find_nearest(profile: pd.DataFrame, n_personas: int) -> np.ndarray:
    """Return the nearest persona (1..K) of each, by root mean squared Cohen's h over the basis.

    Each label counts once, whatever its number of values.
    """
    if n_personas < 2:
        return np.zeros(n_personas, int)
    forming = profile[profile["forms"]]
    shares = forming.pivot_table(
        index=["label", "value"], columns="persona_id", values="share_in", dropna=False
    )
    shares = shares.reindex(columns=range(1, n_personas + 1))
    labels = shares.index.get_level_values("label")
    distances = np.full((n_personas, n_personas), np.inf)
    for one in range(n_personas):
        squared = cohens_h(shares.to_numpy(), shares.to_numpy()[:, [one]]) ** 2
        per_label = pd.DataFrame(squared).groupby(np.asarray(labels)).mean()
        distances[one] = per_label.mean().fillna(np.inf).to_numpy()
    np.fill_diagonal(distances, np.inf)
    return distances.argmin(axis=1) + 1


def contrast_nearest(profile: pd.DataFrame, nearest: np.ndarray) -> pd.DataFrame:
    """Return each persona beside its nearest one, clearest differences first.

    Returns
    -------
    pd.DataFrame
        persona_id, nearest_id, facet, label, value, share_in, share_nearest, difference (share
        points from -1 to 1), effect (Cohen's h), n_known, n_known_nearest, effect_low, effect_high
        (95 % interval), q_value (Benjamini-Hochberg, over the labels that formed the personas and
        over the others apart: of the others' differences below 0.01, one in a hundred is chance).
    """
    if len(nearest) < 2:
        return pd.DataFrame(columns=CONTRAST_COLUMNS)
    mine = profile[
        ["persona_id", "facet", "label", "value", "forms", "share_in", "share_base", "n_in", "n_known"]
    ].copy()
    mine.insert(1, "nearest_id", nearest[mine["persona_id"].to_numpy() - 1])
    theirs = profile[["persona_id", "label", "value", "share_in", "n_in", "n_known"]].rename(
        columns={
            "persona_id": "nearest_id", "share_in": "share_nearest", "n_in": "n_in_nearest",
            "n_known": "n_known_nearest",
        }
    )  # fmt: skip
    both = mine.merge(theirs, on=["nearest_id", "label", "value"], how="left", validate="many_to_one")
    both["difference"] = both["share_in"] - both["share_nearest"]
    both["effect"] = cohens_h(both["share_in"].to_numpy(), both["share_nearest"].to_numpy())
    both = both.dropna(subset=["effect"]).reset_index(drop=True)
    names = ["n_in", "n_known", "n_in_nearest", "n_known_nearest"]
    counts = [both[name].to_numpy(float) for name in names]
    both["effect_low"], both["effect_high"] = bound_effect(*counts)
    z = _log_odds_z(*counts, both["share_base"].to_numpy())
    both["q_value"] = control_apart(np.where(np.isfinite(z), z, 0.0), both["forms"].to_numpy())
    users = 1 / both["n_known"].clip(1) + 1 / both["n_known_nearest"].clip(1)
    both["order"] = -both["effect"].abs() / np.sqrt(users)  # a z statistic: ten users prove little
    both = both.sort_values(["persona_id", "order"], kind="stable", ignore_index=True)
    return both[CONTRAST_COLUMNS]


def find_typical(
    table: LabelTable | None,
    profile: pd.DataFrame | None,
    user_ids: pd.Index,
    probabilities: np.ndarray,
    n: int,
) -> pd.DataFrame:
    """Return up to n users per persona: the surest, and among them those who are most like it.

    Returns
    -------
    pd.DataFrame
        persona_id, rank, user_id, membership, n_defining (defining values the user has).
    """
    codes = probabilities.argmax(axis=1)
    best = probabilities[np.arange(len(codes)), codes]
    held, typical = np.zeros(len(codes), int), np.zeros(len(codes))
    if table is not None and profile is not None:
        typical = measure_typicality(table, profile, codes)
        for row in profile[profile["defining"]].itertuples(index=False):
            held += (codes == row.persona_id - 1) & holds_value(table, row.label, row.value)
    users = pd.DataFrame(
        {"persona_id": codes + 1, "user_id": user_ids, "membership": best, "n_defining": held}
    )
    # Memberships near one differ by nothing a person could see: two digits decide, then typicality,
    # to six digits, so that sums in another order rank alike.
    users["rounded"], users["typical"] = best.round(2), typical.round(6)
    users = users.sort_values(
        ["persona_id", "rounded", "typical", "user_id"], ascending=[True, False, False, True], kind="stable"
    )
    top = users.groupby("persona_id").head(n).reset_index(drop=True)
    top.insert(1, "rank", top.groupby("persona_id").cumcount() + 1)
    return top.drop(columns=["rounded", "typical"])


def measure_typicality(table: LabelTable, profile: pd.DataFrame, codes: np.ndarray) -> np.ndarray:
    """Return how like their persona users are: log-likelihood of what is known, over what is expected.

    Parameters
    ----------
    table : LabelTable
    profile : pd.DataFrame
        Of the same users in the same personas.
    codes : np.ndarray of int, shape (n_users,)
        Persona of each user, from 0.

    Returns
    -------
    np.ndarray of shape (n_users,)
        0 for a user of whom nothing is known, or who is as typical as the average member; each label
        that formed the personas counts once.
    """
    typical = np.zeros(len(codes))
    forming = profile[profile["forms"]]
    for label, rows in forming.groupby("label", sort=False):
        prior = PRIOR_USERS * rows["share_base"].to_numpy().clip(1e-3, 1 - 1e-3)
        shares = (rows["n_in"] + prior) / (rows["n_known"] + PRIOR_USERS)
        grid = rows.assign(share=shares).pivot(index="persona_id", columns="value", values="share")
        if table.infos[label].kind == "many":
            typical += sum(
                _surprise(table.frame[f"{label}: {value}"].astype("Int8").fillna(-1).to_numpy(int),
                          np.column_stack([1 - grid[value], grid[value]]), codes)
                for value in grid
            ) / grid.shape[1]  # fmt: skip
            continue
        cells = describe_cells(table, label)
        grid = grid[[str(value) for value in cells.categories]]
        typical += _surprise(np.asarray(cells.codes, int), grid.to_numpy(), codes)
    return typical


def _surprise(values: np.ndarray, shares: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return log share of each user's value less its mean in the persona; 0 where it is unknown."""
    logs = np.log(shares)
    centred = logs - (shares * logs).sum(axis=1, keepdims=True) / shares.sum(axis=1, keepdims=True)
    return np.where(values >= 0, centred[codes, values], 0.0)


def holds_value(table: LabelTable, label: str, value: str) -> np.ndarray:
    """Return who is known to have a value of a label, shape (n_users,)."""
    if table.infos[label].kind == "many":
        return table.frame[f"{label}: {value}"].to_numpy(bool, na_value=False)
    cells = describe_cells(table, label)
    return cells.codes == list(map(str, cells.categories)).index(value)
