"""People to look at: the typical ones of each persona, those between two, and who is unsure and why."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.checks import check_number
from segtool.errors import NotFittedError
from segtool.personas.found import FoundPersonas
from segtool.personas.portrait.portray import (
    DEFINING_Q,
    compare_counts,
    control_apart,
    count_values,
    find_typical,
)

EXEMPLAR_COLUMNS = [
    "persona_id", "persona", "kind", "rank", "user_id", "membership", "n_defining", "other_id", "other",
    "other_membership",
]  # fmt: skip
UNSURE_COLUMNS = [
    "reason", "persona_id", "persona", "other_id", "other", "n_users", "share", "mean_membership",
    "mean_known",
]  # fmt: skip
MIN_OTHER = 0.2  # membership in a second persona: below it nobody sits between two
TOO_LITTLE, BETWEEN = "too little is known", "between two personas"


def find_exemplars(personas: FoundPersonas, n: int = 5, n_borderline: int = 2) -> pd.DataFrame:
    """Return users worth reading up on: typical ones, and those who nearly belong elsewhere.

    Parameters
    ----------
    personas : Personas
        With users.
    n, n_borderline : int
        Users of each kind per persona; fewer where there are no more.

    Returns
    -------
    pd.DataFrame
        persona_id, persona, kind ("typical" or "borderline"), rank, user_id, membership, n_defining
        (defining values a typical user has), and of borderline users other_id, other and
        other_membership: the second persona they sit between.

    Raises
    ------
    NotFittedError
        If the personas hold no users.
    """
    check_number("n", n, low=0, integer=True)
    check_number("n_borderline", n_borderline, low=0, integer=True)
    _need_users(personas)
    typical = find_typical(
        personas.table, personas.profile_table, personas.user_ids, personas.probabilities, n
    )
    parts = [typical.assign(kind="typical"), _find_borderline(personas, n_borderline)]
    found = pd.concat([part for part in parts if len(part)] or [typical], ignore_index=True)
    found = found.reindex(columns=EXEMPLAR_COLUMNS)
    for number, name in (("persona_id", "persona"), ("other_id", "other")):
        found[name] = found[number].map(personas.names).astype("str")
    found["other_id"] = found["other_id"].astype("Int64")
    found["n_defining"] = found["n_defining"].astype("Int64")
    found["typical_first"] = found["kind"] != "typical"
    found = found.sort_values(["persona_id", "typical_first", "rank"], kind="stable", ignore_index=True)
    return found[EXEMPLAR_COLUMNS]


def _find_borderline(personas: FoundPersonas, n: int) -> pd.DataFrame:
    """Return the users with the least lead over a second persona, of those about whom enough is known."""
    best, second, lead = rank_two(personas.probabilities)
    rows = np.arange(len(best))
    users = pd.DataFrame(
        {
            "persona_id": best + 1,
            "kind": "borderline",
            "user_id": personas.user_ids,
            "membership": personas.probabilities[rows, best],
            "other_id": second + 1,
            "other_membership": personas.probabilities[rows, second],
            "lead": lead.round(6),
        }
    )
    enough = ~too_little_known(personas) & (second != best) & (users["other_membership"] >= MIN_OTHER)
    users = users[enough].sort_values(["persona_id", "lead", "user_id"], kind="stable")
    users = users.groupby("persona_id").head(n).reset_index(drop=True)
    users["rank"] = users.groupby("persona_id").cumcount() + 1
    return users.drop(columns="lead")


def rank_two(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return likeliest persona, second one and the lead of the first, each of shape (n_users,).

    With one persona the second is the first, and the lead is one.

    Examples
    --------
    >>> best, second, lead = rank_two(np.array([[0.1, 0.5, 0.4]]))
    >>> best.tolist(), second.tolist(), lead.round(2).tolist()
    ([1], [2], [0.1])
    """
    rows, best = np.arange(len(probabilities)), probabilities.argmax(axis=1)
    if probabilities.shape[1] < 2:
        return best, best, np.ones(len(best))
    others = probabilities.copy()
    others[rows, best] = -1.0
    second = others.argmax(axis=1)
    return best, second, probabilities[rows, best] - probabilities[rows, second]


def count_known(personas: FoundPersonas) -> np.ndarray:
    """Return how many of the labels that tell these personas apart are known of each user."""
    labels = personas.unsure_rule.informative
    if personas.table is None:
        return np.zeros(len(personas.probabilities), int)
    return sum(
        (personas.table.known(label).astype(int) for label in labels if label in personas.table.infos),
        np.zeros(len(personas.probabilities), int),
    )


def too_little_known(personas: FoundPersonas) -> np.ndarray:
    """Return of which users fewer labels are known than the unsure rule asks for, shape (n_users,)."""
    rule = personas.unsure_rule
    return count_known(personas) < min(rule.min_known, len(rule.informative))


def describe_unsure(personas: FoundPersonas) -> pd.DataFrame:
    """Return who the unsure users are: too little known of them, or between which two personas.

    Parameters
    ----------
    personas : Personas
        With users.

    Returns
    -------
    pd.DataFrame
        reason, persona_id, persona, other_id, other (the two they sit between, in either order; none
        where too little is known), n_users, share (of all users), mean_membership (in the likeliest
        persona), mean_known (labels known of them, of those that tell personas apart); most first.
        The users of all rows are all who are unsure; no rows when nobody is.

    Raises
    ------
    NotFittedError
        If the personas hold no users.
    """
    _need_users(personas)
    unsure = np.asarray(personas.unsure, bool)
    best, second, _ = rank_two(personas.probabilities)
    little = too_little_known(personas)
    users = pd.DataFrame(
        {
            "reason": np.where(little, TOO_LITTLE, BETWEEN),
            "persona_id": np.where(little, 0, np.minimum(best, second) + 1),
            "other_id": np.where(little, 0, np.maximum(best, second) + 1),
            "membership": personas.probabilities.max(axis=1),
            "known": count_known(personas),
        }
    )[unsure]
    table = users.groupby(["reason", "persona_id", "other_id"], as_index=False).agg(
        n_users=("known", "size"), mean_membership=("membership", "mean"), mean_known=("known", "mean")
    )
    table["share"] = table["n_users"] / max(len(unsure), 1)
    table = table.sort_values(
        ["n_users", "persona_id", "other_id"], ascending=[False, True, True], kind="stable", ignore_index=True
    )
    for number, name in (("persona_id", "persona"), ("other_id", "other")):
        table[name] = table[number].map(personas.names).astype("str")
        table[number] = table[number].astype("Int64").mask(table[number] == 0)
    return table[UNSURE_COLUMNS]


def profile_unsure(personas: FoundPersonas) -> pd.DataFrame:
    """Return what unsure users have more of than the others, clearest first.

    Returns
    -------
    pd.DataFrame
        label, value, n_known, n_in, share_in, share_base, index with its interval, effect with its
        interval and q_value; only values more common among them with q_value up to 0.01, and no
        label marked sensitive.

    Raises
    ------
    NotFittedError
        If the personas hold no labels.
    """
    _need_users(personas)
    if personas.table is None or personas.encoding is None:
        raise NotFittedError(
            "These personas hold no labels.", fix="find_personas(labels) keeps those it was given."
        )
    groups = np.where(personas.unsure, 0, 1)
    labels = [
        label
        for label in (*personas.encoding.basis, *personas.encoding.descriptors)
        if not personas.table.infos[label].sensitive
    ]
    parts = []
    for label, values, counts, known in count_values(personas.table, labels, groups, 2):
        part = compare_counts(counts, known).head(len(values))
        parts.append(part.assign(label=label, value=values))
    table = pd.concat(parts, ignore_index=True)
    forms = table["label"].isin(personas.encoding.basis).to_numpy()
    table["q_value"] = control_apart(table["z"].to_numpy(), forms)
    table = table[(table["q_value"] <= DEFINING_Q) & (table["z"] > 0)]
    table = table.sort_values("effect", ascending=False, kind="stable", ignore_index=True)
    order = [
        "label",
        "value",
        "n_known",
        "n_in",
        "share_in",
        "share_base",
        "index",
        "index_low",
        "index_high",
    ]
    return table[[*order, "effect", "effect_low", "effect_high", "q_value"]]


def _need_users(personas: FoundPersonas) -> None:
    if personas.probabilities is None:
        raise NotFittedError(
            "These personas were loaded from a file, which keeps no users.",
            fix="find_personas(labels) makes personas with users.",
        )
