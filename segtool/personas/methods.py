"""The estimators by the names people know them by, and a saved one of any kind read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from segtool.checks import check_in
from segtool.errors import InputError, ParameterError
from segtool.personas.clusterers import (
    BisectingKMeansPersonas,
    GaussianMixturePersonas,
    HDBSCANPersonas,
    KMeansPersonas,
)
from segtool.personas.estimator import PersonaEstimator
from segtool.personas.latent_class import LatentClassPersonas

LATENT_CLASS = "latent class"
METHODS: dict[str, type[PersonaEstimator]] = {
    LATENT_CLASS: LatentClassPersonas,
    "k-means": KMeansPersonas,
    "bisecting k-means": BisectingKMeansPersonas,
    "gaussian mixture": GaussianMixturePersonas,
    "hdbscan": HDBSCANPersonas,
}
KINDS = {kind.json_format: kind for kind in METHODS.values()}


def make_estimator(
    method: str = LATENT_CLASS,
    *,
    n_personas: int | None = None,
    random_state: int = 0,
    min_share: float | None = None,
    column_weights: Mapping[str, float] | None = None,
    **parameters: Any,
) -> PersonaEstimator:
    """Return an estimator by the name of its method.

    Parameters
    ----------
    method : {"latent class", "k-means", "bisecting k-means", "gaussian mixture", "hdbscan"}
    n_personas : int, optional
        "latent class" chooses it if not given, "hdbscan" always does, the others need it.
    random_state : int
        "hdbscan" leaves nothing to chance and does not need it.
    min_share : float, optional
        Smallest persona, for the two that choose their number; their own default if not given.
    column_weights : Mapping of str to float, optional
        How much each column counts.
    **parameters
        Others of the estimator.

    Returns
    -------
    PersonaEstimator
        Not fitted.

    Raises
    ------
    ParameterError
        If there is no such method, it needs a number of personas or takes none, or does not know a
        parameter.

    Examples
    --------
    >>> make_estimator("k-means", n_personas=4)
    KMeansPersonas(n_personas=4)
    >>> make_estimator("k-means")
    Traceback (most recent call last):
    segtool.errors.ParameterError: The method 'k-means' does not choose the number of personas. Accepted: ...
    """
    kind = METHODS[check_in("method", method, METHODS)]
    known = set(kind().get_params())
    wanted = {"random_state": random_state, "min_share": min_share, "column_weights": column_weights}
    wanted = {name: value for name, value in wanted.items() if name in known and value is not None}
    if n_personas is None and "n_personas" in known and kind is not LatentClassPersonas:
        raise ParameterError(
            f"The method {method!r} does not choose the number of personas.",
            "n_personas, a whole number from 1.",
            "Give n_personas; the method 'latent class' recommends one.",
        )
    if n_personas is not None:
        if "n_personas" not in known:
            raise ParameterError(
                f"The method {method!r} finds its own number of personas.",
                "n_personas left out.",
                "Leave out n_personas, or take another method: 'k-means', for one.",
            )
        wanted["n_personas"] = n_personas
    for name in parameters:
        check_in(f"parameter of the method {method!r}", name, sorted(known))
    return kind(**wanted, **parameters)


def read_estimator(data: Mapping[str, Any] | str) -> PersonaEstimator:
    """Return a fitted estimator of whatever kind from its JSON.

    Parameters
    ----------
    data : dict, or str of JSON
        What ``to_json`` wrote.

    Returns
    -------
    PersonaEstimator
        Fitted, without ``labels_``, which belong to the users of the fit.

    Raises
    ------
    InputError
        If it is of no known kind, or anything in it is not as it should be.

    Examples
    --------
    >>> read_estimator({"format": "segtool.horoscope"})
    Traceback (most recent call last):
    segtool.errors.InputError: The model file is not usable: it is of no known kind. Accepted: ...
    """
    try:
        data = json.loads(data) if isinstance(data, str) else data
    except ValueError:
        data = None
    name = data.get("format") if isinstance(data, Mapping) else None
    if not isinstance(name, str) or name not in KINDS:
        raise InputError(
            "The model file is not usable: it is of no known kind.",
            f"a model of one of the methods {', '.join(METHODS)}.",
            "Save the model again with this version of segtool.",
        )
    return KINDS[name].from_json(data)
