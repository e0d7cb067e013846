"""Personas as latent classes: a mixture over columns of any kind, with soft membership."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from segtool.checks import check_number
from segtool.errors import ParameterError
from segtool.personas.estimator import PersonaEstimator, order_by_size
from segtool.personas.latent.mixture import Classes, Settings, judge, memberships
from segtool.personas.latent.person_fit import person_fit
from segtool.personas.latent.softening import fit_softening
from segtool.personas.latent.starts import Fit, fit_mixture
from segtool.personas.model_json import LatentClassJson
from segtool.personas.number.choose import (
    MAX_CHOICE_ROWS,
    STABILITY_SEED,
    Choice,
    Found,
    assign,
    choose_n_classes,
    chosen_in_words,
    count_personas,
    measure_stability,
)
from segtool.personas.number.structure import group_columns
from segtool.personas.table.design import Rows
from segtool.personas.table.prepare import Prepared

USERS_PER_PERSONA = 15  # fewer users than this per persona cannot be told from chance


class LatentClassPersonas(LatentClassJson, PersonaEstimator):
    """Find personas in a table of mixed columns, and say how surely each user belongs.

    A latent class model: within a persona, columns are independent; numbers are normal after
    preparation, everything else has a probability per level. Missing cells are marginalised out,
    never imputed, so that a survey answered by few informs without becoming the segmentation.

    ``save(path)`` keeps a fitted model as a JSON file, ``LatentClassPersonas.load(path)`` reads it.

    Parameters
    ----------
    n_personas : int, optional
        Number of personas. If not given it is chosen: first a test whether labels go together at
        all, then stability as the gate and completed likelihood as the judge; the answer may be 1,
        "no structure".
    random_state : int, RandomState or None, default 0
        Seed. Same seed and users, same personas, in any process and whatever the order of users.
    n_init : int, default 20
        Starts, most of which are dropped early.
    max_iter : int, default 100
        Iterations of the starts that stay.
    tol : float, default 1e-6
        Relative gain in likelihood below which a fit has settled.
    min_personas, max_personas : int, default 1 and 12
        Range to choose from. One persona is always compared.
    min_share : float, default 0.03
        Smallest persona worth having when choosing, as a share of users.
    n_pairs : int, default 3
        Pairs of disjoint halves that measure stability.
    compare : bool, default False
        Compare numbers of personas although ``n_personas`` is given: the curve is shown, and says
        what it speaks for, but the number stays as asked.
    variance_floor : float, default 0.25
        Smallest variance of a number within a persona, as a share of its overall variance.
    select_columns : bool, default True
        Give columns that do not tell personas apart the same parameters in all of them.
    column_weights : dict or array-like of shape (n_features,), optional
        How much each column counts, 1 if not named. A label spread over 10 columns has weight one
        with 0.1 each; 0 leaves a column out.

    Attributes
    ----------
    n_personas_ : int
        Number of personas found.
    labels_ : ndarray of shape (n_users,)
        Persona of each user, 0 for the largest.
    verdict_ : str
        What was found, in words.
    choice_ : DataFrame or None
        One row per number of personas compared: how it fits, how it holds, and why it was or was
        not recommended (columns: see :func:`segtool.personas.number.choose.choose_n_classes`). None if
        ``n_personas`` was given without ``compare``.
    structure_ : Structure or None
        Whether there is anything to segment: labels that go together, against the same labels
        shuffled among the users. None where ``choice_`` is.
    stability_ : ndarray of shape (n_personas_,) or None
        Mean Jaccard overlap of each persona with its match in halves of the users; None if
        ``n_personas`` was given (see :meth:`measure_stability`).
    columns_ : DataFrame
        column, kind, weight, relevant of the columns in use.
    left_out_ : DataFrame
        column, reason of those not in use.
    bic_, icl_ : float
        Criteria of the fit, lower is better.
    softening_ : float
        How much less sure memberships are with each further label known, because labels repeat each
        other; 0 where they do not (see `segtool.personas.latent.softening`).
    n_iter_ : int
        Iterations run by the start that won.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if they are all text.

    References
    ----------
    Vermunt, Magidson (2002), Latent class cluster analysis, in Applied Latent Class Analysis.

    Examples
    --------
    >>> import pandas as pd
    >>> users = pd.DataFrame({
    ...     "spend": [0, 5, 3, 0, 90, 120, 80, 70] * 10,
    ...     "city": ["Wuhan", "Wuhan", None, "Xi'an", "Chengdu", "Chengdu", "Chengdu", None] * 10,
    ... })
    >>> model = LatentClassPersonas(n_personas=2).fit(users)
    >>> model.predict(pd.DataFrame({"spend": [2, 100], "city": [None, "Chengdu"]}))
    array([0, 1])
    >>> LatentClassPersonas(n_personas=0).fit(users)
    Traceback (most recent call last):
    segtool.errors.ParameterError: n_personas is 0. Accepted: a whole number from 1.
    """

    def __init__(
        self,
        n_personas=None,
        *,
        random_state=0,
        n_init=20,
        max_iter=100,
        tol=1e-6,
        min_personas=1,
        max_personas=12,
        min_share=0.03,
        n_pairs=3,
        compare=False,
        variance_floor=0.25,
        select_columns=True,
        column_weights=None,
    ):
        self.n_personas = n_personas
        self.random_state = random_state
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.min_personas = min_personas
        self.max_personas = max_personas
        self.min_share = min_share
        self.n_pairs = n_pairs
        self.compare = compare
        self.variance_floor = variance_floor
        self.select_columns = select_columns
        self.column_weights = column_weights

    # --- fitting ---------------------------------------------------------------------------

    def _fit_rows(self, rows: Rows, everybody: Prepared, weights: np.ndarray) -> None:
        seed = self._draw_seed()
        choice = self._choose(rows, seed)
        asked = choice.n_classes if choice else self.n_personas
        if choice and choice.whole:
            fit = choice.fit  # the very fit the curve judged
        else:
            fit = fit_mixture(
                rows, min(asked, len(rows)), seed=(seed, asked), n_init=self.n_init, settings=self._settings()
            )
        self.softening_ = fit_softening(rows, fit.classes)
        self._keep_fit(fit, choice, everybody, weights)
        self._judge(rows, fit, asked)

    def _check_parameters(self) -> None:
        if self.n_personas is not None:
            check_number("n_personas", self.n_personas, low=1, integer=True)
        for name in ("n_init", "max_iter", "min_personas", "max_personas", "n_pairs"):
            check_number(name, getattr(self, name), low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("min_share", self.min_share, low=0, high=1, high_open=True)
        check_number("variance_floor", self.variance_floor, low=0, high=1, low_open=True)
        if self.min_personas > self.max_personas:
            raise ParameterError(
                f"min_personas is {self.min_personas} and max_personas {self.max_personas}.",
                "min_personas up to max_personas.",
            )

    def _settings(self) -> Settings:
        return Settings(
            float(self.variance_floor), bool(self.select_columns), int(self.max_iter), float(self.tol)
        )

    def _choose(self, rows: Rows, seed: int) -> Choice | None:
        if self.n_personas is not None and not self.compare:
            return None
        most = int(min(self.max_personas, rows.total // USERS_PER_PERSONA, len(rows)))
        ks = range(self.min_personas, most + 1) if rows.layout.n_design else ()
        return choose_n_classes(
            rows,
            ks,
            seed=seed,
            n_init=self.n_init,
            n_pairs=self.n_pairs,
            min_share=self.min_share,
            settings=self._settings(),
            blocks=group_columns([plan.name for plan in self._plans]),
            asked=self.n_personas,
        )

    def _keep_fit(self, fit: Fit, choice: Choice | None, everybody: Prepared, weights: np.ndarray) -> None:
        """Order personas by size, drop those nobody belongs to, and store the result."""
        classes = fit.classes
        member = self._memberships(everybody, classes)
        size = np.bincount(member.argmax(axis=1), weights=weights, minlength=classes.n_classes)
        centres = np.hstack([classes.mean, classes.probability])
        order = order_by_size(size, centres)
        self._classes = classes.keep(order)
        self.labels_ = member[:, order].argmax(axis=1)
        self.n_personas_, self.n_iter_ = len(order), fit.n_iter
        self.choice_ = None if choice is None else choice.table
        self.structure_ = None if choice is None else choice.structure
        # the fit at the chosen k starts as the one on the curve did, so its classes are those judged
        jaccard = None if choice is None else choice.jaccard
        self.stability_ = None if jaccard is None else jaccard[order]
        self._smallest = float(size[order].min() / size.sum())

    def _judge(self, rows: Rows, fit: Fit, asked: int) -> None:
        quality = fit.quality
        if self.n_personas_ < asked:
            quality, _ = judge(rows, self._classes)
            warnings.warn(
                f"Only {self.n_personas_} of {asked} personas have members: users differ too little.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.bic_, self.icl_, self._n_users = quality.bic, quality.icl, rows.total
        self.verdict_ = self._verdict(asked)

    def _verdict(self, asked: int) -> str:
        if not self._plans:
            return "No structure: no column is left that could form personas."
        if self.choice_ is not None:
            return chosen_in_words(self.choice_, self._n_users, self.stability_, self.structure_)
        n = self.n_personas_
        found = "as asked" if n == asked else f"although {asked} were asked: users differ too little for more"
        return f"{count_personas(n)}, {found}; smallest {self._smallest:.1%} of users."

    # --- using -----------------------------------------------------------------------------

    def score_samples(self, X) -> np.ndarray:
        """Give the log-likelihood of what is known of each user (nats, numbers standardised).

        Returns
        -------
        ndarray of shape (n_users,)
        """
        prepared = self._prepare(X)
        with threadpool_limits(1):
            return np.concatenate(
                [memberships(self._classes, design)[1] for design in self._designs(prepared)]
            )

    def score(self, X, y=None) -> float:
        """Give the mean log-likelihood per user; higher is better."""
        return float(self.score_samples(X).mean())

    def person_fit(self, X, personas, confidence=None) -> np.ndarray:
        """Give how well what is known of each user fits a persona (see `latent.person_fit`).

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_users, n_features)
            Same columns as in fit.
        personas : array-like of int, shape (n_users,)
            Persona of each user, from 0, as a rule that of `predict`.
        confidence : DataFrame or array-like of shape (n_users, n_features), optional
            As in fit.

        Returns
        -------
        ndarray of shape (n_users,)
            About standard normal for users of the kind the model knows; NaN where nothing is known.
        """
        prepared, personas = self._prepare(X, confidence), np.asarray(personas)
        start, fits = 0, []
        with threadpool_limits(1):
            for design in self._designs(prepared):
                fits.append(person_fit(self._classes, design, personas[start : start + len(design)]))
                start += len(design)
        return np.concatenate(fits)

    @property
    def shares_(self) -> np.ndarray:
        """Share of each persona as the mixture has it, shape (n_personas_,), adding up to 1."""
        check_is_fitted(self)
        return self._classes.share[0].copy()

    def measure_stability(self, X, sample_weight=None, *, confidence=None, n_pairs=None) -> np.ndarray:
        """Find each persona again in halves of these users.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_users, n_features)
            The users of the fit.
        sample_weight : array-like of shape (n_users,), optional
        confidence : DataFrame or array-like of shape (n_users, n_features), optional
            As in fit.
        n_pairs : int, optional
            Pairs of disjoint halves; the parameter of the model if not given.

        Returns
        -------
        ndarray of shape (n_personas_,)
            Mean Jaccard overlap with the best match: above 0.75 a persona is valid, below 0.6 it
            should not be relied on (Hennig 2007).
        """
        rows = self._plan_again(X, sample_weight, confidence).sample(MAX_CHOICE_ROWS)
        with threadpool_limits(1):
            found = Found(self._classes, assign(rows, self._classes))
            return measure_stability(
                rows,
                found,
                seed=(self._draw_seed(), STABILITY_SEED),
                n_init=max(1, self.n_init // 2),
                n_pairs=n_pairs or self.n_pairs,
                settings=self._settings(),
            ).jaccard

    def _memberships(self, prepared: Prepared, classes: Classes | None = None) -> np.ndarray:
        classes = self._classes if classes is None else classes
        with threadpool_limits(1):
            return np.concatenate(
                [memberships(classes, design, self.softening_)[0] for design in self._designs(prepared)]
            )

    def _differs(self) -> np.ndarray:
        differs = np.zeros(len(self._plans), dtype=bool)
        np.logical_or.at(differs, self._layout.column_of_part, self._classes.relevant[0])
        return differs
