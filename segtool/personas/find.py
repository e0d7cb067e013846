"""From labels to personas: encode, fit, assign, portray, name. The main function is the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segtool.errors import InputError, ParameterError
from segtool.personas.encode import MIN_KNOWN_SHARE, Encoding, LabelTable, fit_encoding
from segtool.personas.estimator import PersonaEstimator
from segtool.personas.membership import UnsureRule, find_informative, predict_memberships
from segtool.personas.methods import LATENT_CLASS, make_estimator
from segtool.personas.personas import Personas
from segtool.personas.portrait.naming import describe_contrast, describe_typical, list_defining, name_personas
from segtool.personas.portrait.notes import write_notes, write_verdict
from segtool.personas.portrait.portray import (
    contrast_nearest,
    find_nearest,
    profile_personas,
)
from segtool.personas.portrait.rules import find_rules

if TYPE_CHECKING:
    from segtool.labels.labels import Labels

COUNTING = ("gaussian mixture", "hdbscan")
WEIGHTED = (
    "The personas were formed by the people that users stand for. Sizes, shares, indices and questions count "
    "the users there are; weighted_share says what share of the people a persona is."
)


def find_personas(
    labels: Labels | pd.DataFrame,
    *,
    n_personas: int | None = None,
    random_state: int = 0,
    basis: Iterable[str] | None = None,
    descriptors: Iterable[str] | None = None,
    min_share: float = 0.03,
    max_personas: int = 12,
    min_known_share: float = MIN_KNOWN_SHARE,
    min_membership: float = 0.6,
    min_margin: float = 0.2,
    n_init: int = 20,
    weights: Mapping[str, float] | None = None,
    use_confidence: bool = True,
    sample_weight: pd.Series | None = None,
    method: str = LATENT_CLASS,
    names: Mapping[int, str] | None = None,
    compare: bool = False,
) -> Personas:
    """Find groups of users with roughly the same labels, name and portray them.

    Parameters
    ----------
    labels : Labels, or DataFrame of shape (n_users, n_labels)
        A DataFrame is wide: one row per user with the ids in the index or in ``user_id``;
        categorical, text, boolean or number columns; missing means unknown.
    n_personas : int, optional
        Chosen by stability and completed likelihood if not given; the answer may be 1.
    random_state : int
        Same seed and users, same personas.
    basis : iterable of str, optional
        Labels that form the personas; by default all but those of activity, lifecycle, funnel,
        response, sharing and role, which would turn personas into activity tiers.
    descriptors : iterable of str, optional
        Labels that only describe them; by default all others.
    min_share : float
        Smallest persona worth having when choosing their number, as a share of users.
    max_personas : int
        Largest number compared.
    min_known_share : float
        Labels known for a smaller share of users are left out, and reported in ``notes``.
    min_membership, min_margin : float
        Users below are ``unsure`` (see `UnsureRule`).
    n_init : int
        Starts of the estimator.
    weights : Mapping of str to float, optional
        What a facet or a label counts for, 1 if not named: ``{"taste": 2, "city_tier": 0.5}``.
    use_confidence : bool
        Whether a value that is surer than usual for its label counts for more.
    sample_weight : pd.Series of shape (n_users,), index user_id, optional
        How many people each user stands for, such as survey weights. Personas are formed by the
        weighted users; sizes and counts are of the users there are, ``weighted_share`` says what
        they stand for.
    method : {"latent class", "k-means", "bisecting k-means", "gaussian mixture", "hdbscan"}
        The first chooses how many personas there are and reads missing labels as unknown; the
        others are scikit-learn's, for comparison. ``max_personas``, ``min_share`` and ``n_init`` are
        the first's.
    names : Mapping of int to str, optional
        Names of your own by persona_id; they win, and automatic ones avoid them.
    compare : bool
        Compare other numbers too where ``n_personas`` is given (``personas.choice()``).

    Returns
    -------
    Personas

    Raises
    ------
    InputError
        If there is no user, or if a number or a basis was asked for and no label can form personas,
        or a user has no sample weight.
    ParameterError
        If an argument is out of range or names a label that does not exist.

    Examples
    --------
    >>> wide = pd.DataFrame({
    ...     "life_stage": ["student"] * 40 + ["parent"] * 40,
    ...     "taste": ["brands"] * 36 + ["toys"] * 44,
    ...     "hours": (["night"] * 3 + ["day"]) * 10 + ["day"] * 40,
    ... }, index=[f"u{number:02}" for number in range(80)])
    >>> personas = find_personas(wide, n_personas=2)
    >>> personas.portraits()[["n_users", "share"]].round(2).values.tolist()
    [[40.0, 0.5], [40.0, 0.5]]
    """
    table = LabelTable.read(labels)
    try:
        encoding = fit_encoding(
            table, basis=basis, descriptors=descriptors, min_known_share=min_known_share, weights=weights,
            use_confidence=use_confidence,
        )  # fmt: skip
    except InputError as error:
        if n_personas is not None or basis is not None:
            raise
        return everyone(table, error.found, names)  # nothing can be told apart: that is an answer, not a failure
    stands_for = read_sample_weight(table, sample_weight, method)
    own = {"max_personas": max_personas, "n_init": n_init, "min_share": min_share, "compare": compare}
    own = own if method == LATENT_CLASS else {}
    model = fit_model(
        table, encoding, stands_for, method, n_personas=n_personas, random_state=random_state, **own,
    )  # fmt: skip
    probabilities = predict_memberships(model, encoding, table)
    codes = probabilities.argmax(axis=1)
    profile = profile_personas(table, encoding, codes, model.n_personas_)
    rule = UnsureRule(min_membership, min_margin, informative=find_informative(profile))
    unsure = rule.find_unsure(probabilities, table)
    summary = summarize(table, encoding, model, profile, probabilities, unsure, random_state, stands_for)
    return Personas(
        names=name_personas(
            profile, table.infos, model.n_personas_, summary["n_users"].tolist(), kept=names
        ),
        renamed=frozenset(names or ()),
        verdict=write_verdict(model, profile, table, weighted=stands_for is not None),
        summary=summary,
        model=model,
        encoding=encoding,
        unsure_rule=rule,
        labels=labels,
        notes=(
            *write_notes(table, encoding, codes, summary, profile, model.choice_),
            *([WEIGHTED] if stands_for is not None else []),
        ),
        choice_table=order_choice(model.choice_),
        profile_table=profile,
        table=table,
        user_ids=table.frame.index,
        probabilities=probabilities,
        unsure=unsure,
    )


def everyone(table: LabelTable, why: str, names: Mapping[int, str] | None = None) -> Personas:
    """Return the one persona there is when no label tells users apart."""
    name = {1: "Everyone", **{number: said for number, said in (names or {}).items() if number == 1}}
    one = Personas.from_assignments(table.frame.index, np.ones(len(table.frame), int), name)
    return replace(one, verdict=f"No stable personas: {why.rstrip('.')}", table=table)


def read_sample_weight(
    table: LabelTable, sample_weight: pd.Series | None, method: str = LATENT_CLASS
) -> np.ndarray | None:
    """Return the weight of each user of the table, shape (n_users,), or None.

    Scaled to a mean of one, or the fit would believe that it has seen the whole population; but not
    for methods that count users, and so take whole weights only.
    """
    if sample_weight is None:
        return None
    if not isinstance(sample_weight, pd.Series):
        raise ParameterError(
            f"sample_weight is a {type(sample_weight).__name__}.",
            "a pandas Series with user_id as its index.",
        )
    given = pd.Series(sample_weight.to_numpy(float), index=sample_weight.index.astype(str))
    if given.index.has_duplicates:
        raise InputError("sample_weight has users more than once.", "one weight per user.")
    found = given.reindex(table.frame.index)
    if found.isna().any():
        raise InputError(
            f"{int(found.isna().sum()):,} of {len(found):,} users have no sample weight.",
            "a weight for every user.",
            "Give the others a weight of their own, or leave them out of the labels.",
        )
    if (found < 0).any() or not np.isfinite(found).all() or found.sum() <= 0:
        raise InputError(
            "sample_weight holds negative or infinite weights, or only zeros.", "weights from 0."
        )
    return (found if method in COUNTING else found / found.mean()).to_numpy()


def fit_model(
    table: LabelTable,
    encoding: Encoding,
    sample_weight: np.ndarray | None = None,
    method: str = LATENT_CLASS,
    **parameters,
) -> PersonaEstimator:
    """Fit the estimator on the encoded labels, each with the weight of its column and its cells."""
    model = make_estimator(method, column_weights=encoding.weights, **parameters)
    return model.fit(
        encoding.encode(table), sample_weight=sample_weight, confidence=encoding.confidences(table)
    )


def summarize(
    table: LabelTable,
    encoding: Encoding,
    model,
    profile,
    probabilities,
    unsure,
    random_state: int,
    sample_weight: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return one row per persona with everything `Personas.portraits` says, names apart."""
    n = model.n_personas_
    codes = probabilities.argmax(axis=1)
    sizes = np.bincount(codes, minlength=n)
    nearest = find_nearest(profile, n)
    contrast = contrast_nearest(profile, nearest)
    rules = find_rules(table, encoding, codes, n, random_state=random_state)
    if n == 1:  # everybody: there is nothing to pick out
        rules[["rule", "precision", "recall"]] = ["", np.nan, np.nan]
    best = probabilities[np.arange(len(codes)), codes]
    weighted = np.bincount(codes, weights=sample_weight, minlength=n)
    ids = range(1, n + 1)
    return pd.DataFrame(
        {
            "persona_id": ids,
            "n_users": sizes,
            "share": sizes / len(codes),
            "weighted_share": weighted / weighted.sum(),
            "n_unsure": np.bincount(codes, weights=unsure, minlength=n).astype(int),
            "mean_membership": np.bincount(codes, weights=best, minlength=n) / np.maximum(sizes, 1),
            "stability": measure_stability(model, encoding, table, sample_weight),
            "defining": [list_defining(profile, table.infos, k) for k in ids],
            "rule": rules["rule"],
            "rule_precision": rules["precision"],
            "rule_recall": rules["recall"],
            "rule_caught": rules["n_caught"],
            "rule_members": rules["n_members"],
            "nearest_id": nearest,
            "typical": [describe_typical(profile, table.infos, k) for k in ids],
            "contrast": [describe_contrast(contrast, table.infos, k) for k in ids],
        }
    )


def measure_stability(
    model, encoding: Encoding, table: LabelTable, sample_weight: np.ndarray | None = None
) -> np.ndarray:
    """Return how well each persona comes back in halves of the users, shape (n_personas,)."""
    if model.n_personas_ == 1:
        return np.array([np.nan])
    if model.stability_ is not None:
        return np.asarray(model.stability_, dtype=float)
    found = model.measure_stability(
        encoding.encode(table), sample_weight, confidence=encoding.confidences(table)
    )
    return np.asarray(found, dtype=float)


def order_choice(choice: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the table of compared numbers with the columns everybody reads first."""
    if choice is None:
        return None
    first = ["k", "icl", "bic", "stability", "min_share", "chosen", "passes", "recommended", "reason"]
    return choice[[*first, *[name for name in choice if name not in first]]].reset_index(drop=True)
