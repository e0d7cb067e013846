"""Carries the answers of some users to those who did not answer, value by value, or says why not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from segtool.labels.inference.calibrate import Calibration, auc_with_interval, calibrate
from segtool.labels.inference.crossfit import CrossFit, cross_fit
from segtool.labels.inference.curve import HeldOut, certify, precision_curve
from segtool.labels.inference.response import (
    LIKELIER,
    Response,
    differs,
    effective_number,
    odds_to_margin,
    precision_if,
    weigh_response,
)
from segtool.labels.inference.tasks import Standards

# A lower bound may be too high once in twenty. Once in ten kept the promise on planted data too, but on
# real answers that behaviour hardly tells, the few runs that published did so by luck.
RISK = 0.05
# Below, behaviour does not tell: attitudes mostly end here.
MIN_AUC = 0.65
MIN_FOR_LIKELY = 50
# Scores are compared after rounding: products of matrices of another shape differ in their last bits.
DIGITS = 6


@dataclass(frozen=True)
class Examples:
    """What some users said.

    Parameters
    ----------
    values : tuple of str
    gave : np.ndarray of bool, shape (n_respondents, n_values)
    weights : np.ndarray of shape (n_respondents,)
        Of the survey; ones where it has none.
    is_many : bool
        Whether a user can have several values.
    """

    values: tuple[str, ...]
    gave: np.ndarray
    weights: np.ndarray
    is_many: bool


@dataclass
class CarriedValue:
    """One value: its model, its threshold, and all that is reported of it.

    ``threshold`` is None where nothing can be promised; ``likely`` is the probability from which
    the value is called likely, or None.
    """

    value: str
    report: dict[str, object]
    model: CrossFit | None = None
    calibration: Calibration | None = None
    threshold: float | None = None
    likely: float | None = None
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Carried:
    """All values of a label.

    Parameters
    ----------
    values : tuple of CarriedValue
    response : Response
    is_many : bool
    """

    values: tuple[CarriedValue, ...]
    response: Response
    is_many: bool

    @property
    def speaks(self) -> bool:
        """Whether any value is said of anybody."""
        return any(each.threshold is not None or each.likely is not None for each in self.values)

    def judge(self, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Judge users.

        Parameters
        ----------
        design : np.ndarray of shape (n_users, n_columns)

        Returns
        -------
        probabilities : np.ndarray of shape (n_users, n_values)
            NaN for values without a model.
        grades : np.ndarray of int8, shape (n_users, n_values)
            2 certified, 1 likely, 0 nothing is said.
        """
        shape = (len(design), len(self.values))
        scores, probabilities = np.full(shape, np.nan), np.full(shape, np.nan)
        for place, each in enumerate(self.values):
            if each.model is not None:
                scores[:, place] = np.round(each.model.score(design), DIGITS)
                probabilities[:, place] = each.calibration.probability(scores[:, place])
        candidates = find_candidates(probabilities, self.is_many)
        grades = np.zeros(shape, np.int8)
        for place, each in enumerate(self.values):
            if each.likely is not None:
                grades[candidates[:, place] & (probabilities[:, place] >= each.likely), place] = 1
            if each.threshold is not None:
                grades[candidates[:, place] & (scores[:, place] >= each.threshold), place] = 2
        return probabilities, grades


def find_candidates(probabilities: np.ndarray, is_many: bool) -> np.ndarray:
    """Return which value may be said of whom: of a label with one value, only the likeliest."""
    has_model = ~np.isnan(probabilities)
    if is_many:
        return has_model
    filled = np.where(has_model, probabilities, -1.0)
    best = filled.argmax(axis=1) if filled.shape[1] else np.zeros(len(filled), int)
    return has_model & (np.arange(filled.shape[1]) == best[:, None])


def carry(
    design: np.ndarray,
    answered: np.ndarray,
    examples: Examples,
    standards: Standards,
    n_users: int,
    *,
    random_state: int = 0,
) -> Carried:
    """Learn a label from those who answered.

    Parameters
    ----------
    design : np.ndarray of shape (n_sampled, n_columns)
        Respondents and a fair sample of all others (or everybody), sorted by user.
    answered : np.ndarray of bool, shape (n_sampled,)
    examples : Examples
        Of the respondents, in the order of their rows in ``design``.
    standards : Standards
    n_users : int
        Of how many users the sample is one.
    random_state : int

    Returns
    -------
    Carried
    """
    fits = {
        place: cross_fit(design[answered], examples.gave[:, place], random_state=random_state)
        for place in range(len(examples.values))
        if _why_not(examples, place, standards, design.shape[1]) is None
    }
    response = _even(examples)
    if fits:
        response = weigh_response(design, answered, random_state=random_state)
        if np.ptp(examples.weights) > 1e-9:
            # The survey's own weights know what behaviour does not; both together would repair twice.
            response = replace(response, weights=_even(examples).weights)
    judge = _Judge(examples, standards, response, n_users)
    values = [judge.describe(place, fits.get(place)) for place in range(len(examples.values))]
    _calibrate(judge, values, fits)
    probabilities = np.full(examples.gave.shape, np.nan)
    for place, fit in fits.items():
        held_out = np.round(fit.held_out, DIGITS)
        probabilities[:, place] = values[place].calibration.probability(held_out)
    candidates = find_candidates(probabilities, examples.is_many)
    for place in fits:
        others = fits[place].score(design[~answered])
        judge.decide(values[place], place, probabilities[:, place], candidates[:, place], others)
    return Carried(tuple(values), response, examples.is_many)


def _even(examples: Examples) -> Response:
    return Response(np.ones(len(examples.gave)), np.nan, False)


def _why_not(examples: Examples, place: int, standards: Standards, n_columns: int) -> str | None:
    """Return why a value gets no model, or None."""
    n, n_yes = len(examples.gave), int(examples.gave[:, place].sum())
    if standards.only and examples.values[place] not in standards.only:
        return "not asked for"
    least = standards.min_positives
    if n_yes < least:
        return f"{n_yes} positives among {n} answers; {least} are needed"
    if n - n_yes < least:
        return f"{n - n_yes} of {n} answers are something else; {least} are needed to tell the difference"
    if not n_columns:
        return "there is no measure or profile column to infer it from"
    return None


def _calibrate(judge: _Judge, values: list[CarriedValue], fits: dict[int, CrossFit]) -> None:
    for place, fit in fits.items():
        each, is_yes = values[place], judge.examples.gave[:, place]
        ratio = judge.odds[place] or 1.0
        # A known margin shifts the classes before calibrating: probabilities then fit those who did not answer.
        weights = judge.weights(place) * np.where(is_yes, ratio, 1.0)
        each.model = fit
        each.calibration = calibrate(np.round(fit.held_out, DIGITS), is_yes, weights)


class _Judge:
    """Holds one label's answers against the standards."""

    def __init__(self, examples: Examples, standards: Standards, response: Response, n_users: int):
        self.examples, self.standards, self.response = examples, standards, response
        self.n_users, self.margin = n_users, dict(standards.margin)
        self.both = examples.weights * response.weights
        self.odds: dict[int, float | None] = {}
        for place, value in enumerate(examples.values):
            self.odds[place] = self._odds(place, value)

    def weights(self, place: int) -> np.ndarray:
        """Return the weights of respondents; a known margin replaces those for uneven answering."""
        return self.examples.weights if self.examples.values[place] in self.margin else self.both

    def _odds(self, place: int, value: str) -> float | None:
        if value not in self.margin:
            return 1.0
        is_yes = self.examples.gave[:, place]
        share = _share(is_yes, self.examples.weights)
        return odds_to_margin(self.margin[value], self.n_users, int(is_yes.sum()), len(is_yes), share)

    def describe(self, place: int, fit: CrossFit | None) -> CarriedValue:
        """Return a value with what is known before a threshold is looked for."""
        examples, value = self.examples, self.examples.values[place]
        is_yes = examples.gave[:, place]
        scores = fit.held_out if fit is not None else np.zeros(0)
        auc, low, high = auc_with_interval(scores, is_yes) if fit is not None else (np.nan,) * 3
        reason = _why_not(examples, place, self.standards, 1) if fit is None else ""
        report = {
            "value": value,
            "n_respondents": len(is_yes),
            "n_positive": int(is_yes.sum()),
            "n_effective": effective_number(self.weights(place)) if len(is_yes) else 0.0,
            "auc": auc, "auc_low": low, "auc_high": high,
            "model": fit.kind if fit is not None else "",
            "share_raw": float(is_yes.mean()) if len(is_yes) else np.nan,
            "share_weighted": _share(is_yes, self.both),
            "share_known": self.margin.get(value, np.nan),
            "verdict": "abstains", "flag": "",
            "reason": reason or "there is no measure or profile column to infer it from",
        }  # fmt: skip
        return CarriedValue(value, report)

    def decide(self, each: CarriedValue, place: int, probabilities, candidates, others: np.ndarray) -> None:
        """Look for a threshold, and say in words what came of it."""
        is_yes, report, target = self.examples.gave[:, place], each.report, self.standards.precision
        weights, odds = self.weights(place), self.odds[place]
        shifted = weights * np.where(is_yes, odds or 1.0, 1.0)
        report["brier"] = float(np.average((probabilities - is_yes) ** 2, weights=shifted))
        scores = np.round(each.model.held_out, DIGITS)
        each.curve = precision_curve(HeldOut(scores, is_yes, candidates, weights, odds or 1.0), RISK)
        each.curve["probability"] = each.calibration.probability(each.curve["threshold"].to_numpy())
        report["flag"] = self._flag(each.value, scores, others)
        if odds is None:
            report["reason"] = (
                f"the known share of {self.margin[each.value]:.3f} cannot be: "
                f"{int(is_yes.sum())} of {self.n_users} users gave this answer"
            )
            return
        if report["auc"] < MIN_AUC:
            report["reason"] = (
                f"behaviour does not tell this: AUC {report['auc']:.2f} on {len(is_yes)} held-out answers, "
                f"{MIN_AUC} is needed"
            )
            return
        row = certify(each.curve, target)
        if row is not None:
            each.threshold = float(row["threshold"])
            self._report_threshold(report, row)
        else:
            report["reason"] = self._shortfall(each.curve, is_yes)
        if self.standards.likely and is_yes.sum() >= MIN_FOR_LIKELY:
            each.likely = target

    def _report_threshold(self, report: dict, row: pd.Series) -> None:
        precision = float(row["precision"])
        report |= {
            "verdict": "infers",
            "threshold": float(row["probability"]),
            "precision": precision,
            "precision_low": float(row["low"]),
            "precision_high": float(row["high"]),
            "reason": f"{int(row['n_right'])} of {int(row['n'])} held-out respondents above the threshold were right",
        }
        if report["value"] in self.margin:
            report["reason"] += f"; {precision:.2f} when the value is as frequent as is known"
            return
        report |= {f"precision_if_{times}x": precision_if(precision, times) for times in LIKELIER}

    def _shortfall(self, curve: pd.DataFrame, is_yes: np.ndarray) -> str:
        best = (
            f"best provable precision {curve['low'].max():.2f}"
            if len(curve)
            else "too few above any threshold"
        )
        return f"{int(is_yes.sum())} positives among {len(is_yes)} answers; {best}, {self.standards.precision} is asked"

    def _flag(self, value: str, scores: np.ndarray, others: np.ndarray) -> str:
        if value in self.margin:
            return ""
        uneven = self.response.is_uneven or differs(scores, others)
        return "uneven answering, share not known" if uneven else "share not known"


def _share(is_yes: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(is_yes, weights=weights)) if len(is_yes) else np.nan
