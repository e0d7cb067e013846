"""What a campaign did: lift over a control group, for everyone and for each persona."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_number
from segtool.display import Shown
from segtool.measurement.conduct import check_attrition, check_reach, check_shares, standing_notes
from segtool.measurement.effects import Effects, Outcome, measure_effects
from segtool.measurement.intake import Trial, read_trial
from segtool.measurement.judge import (
    READ_LATER,
    adjust,
    describe_differences,
    judge_overall,
    judge_personas,
    share_alpha,
    smallest_seen,
)
from segtool.measurement.policy import PolicyComparison, compare_policies
from segtool.measurement.sequential import boundary, mixture_p, tune_spread
from segtool.measurement.shrinkage import Heterogeneity, Shrunk, measure_heterogeneity, shrink_effects
from segtool.measurement.srm import RatioCheck
from segtool.measurement.verdicts import DIFFER_SHARE, HARM, NOTHING, PROVED
from segtool.measurement.wording import is_rate

COLUMNS = [
    "persona_id", "persona", "metric", "arm", "n_treated", "n_control", "rate_treated", "rate_control",
    "raw", "raw_lo", "raw_hi", "estimate", "lo", "hi", "p", "q", "smallest", "verdict", "reason",
]  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class Lift(Shown):
    """Effects of the arms of a test.

    Attributes
    ----------
    table : DataFrame
        One row per persona, metric and arm: persona_id, persona, metric, arm, n_treated, n_control,
        rate_treated, rate_control, raw (with raw_lo, raw_hi), estimate (drawn towards what personas
        share, with lo, hi), p, q (false-discovery adjusted), smallest (effect that would have been found
        in four tests of five, this persona alone having one), verdict, reason.
    overall : DataFrame
        The same for everyone; estimate equals raw.
    heterogeneity : DataFrame
        metric, arm, n_personas, q, df, p, i2, tau, mean, says: whether personas differ.
    srm : RatioCheck
    policy : PolicyComparison or None
        None where it cannot be compared; a note says why.
    best : DataFrame
        metric, arm, persona, raw, estimate, overstated: the persona with the largest raw effect, and what
        is left of it once it is known that it was picked for being the largest.
    notes : tuple of str
    primary : str
        The metric that verdicts on everyone rest on.
    alpha, confidence : float
    stopped : str
        Why nothing is to be read from this test; empty where it may be read.
    """

    table: pd.DataFrame
    overall: pd.DataFrame
    heterogeneity: pd.DataFrame
    srm: RatioCheck
    policy: PolicyComparison | None
    best: pd.DataFrame
    notes: tuple[str, ...]
    primary: str
    alpha: float
    confidence: float
    stopped: str = ""

    def to_pandas(self) -> pd.DataFrame:
        """Return everyone's rows, then the personas'."""
        first = self.overall.assign(persona_id=pd.NA, persona="everyone")
        tables = [first[COLUMNS], self.table[COLUMNS]] if len(self.table) else [first[COLUMNS]]
        tables = [t.astype({"persona_id": "Int64"}) for t in tables]
        return pd.concat(tables, ignore_index=True)

    def headline(self) -> str:
        """Say what the test found, everyone first."""
        if not self.srm.passed:
            return self.srm.headline()
        if self.stopped:
            return f"Stop: {self.stopped}. No result of this test is to be read."
        main = self.overall[self.overall["metric"] == self.primary]
        said = [f"{row['arm']}: {row['verdict']}; {row['reason']}" for row in main.to_dict("records")]
        parts = said
        if len(self.table):
            found = self.heterogeneity.loc[self.heterogeneity["metric"] == self.primary, "says"]
            parts += [*found, self._count_personas()]
        if self.policy is not None:
            parts.append(self.policy.headline().rstrip("."))
        return ". ".join(f"{part[:1].upper()}{part[1:]}" for part in parts) + "."

    def _count_personas(self) -> str:
        rows = self.table[self.table["metric"] == self.primary]
        counts = rows["verdict"].value_counts()
        words = ((PROVED, "proved"), (HARM, "harmed"), (NOTHING, "without an effect that could be found"))
        return "personas: " + ", ".join(f"{counts.get(v, 0)} {word}" for v, word in words)


def measure_lift(
    outcomes: pd.DataFrame,
    *,
    control: str = "control",
    outcome: str | Sequence[str] = "outcome",
    denominator: str | Mapping[str, str] | None = None,
    covariates: str | Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    personas=None,
    expected: Mapping[str, float] | None = None,
    cost: float | Mapping[str, float] = 0.0,
    alpha: float = 0.05,
    confidence: float = 0.9,
    always_valid: bool = False,
    planned_users: int | None = None,
) -> Lift:
    """Measure what the arms of a randomised test did, for everyone and for each persona.

    Parameters
    ----------
    outcomes : DataFrame, one row per user
        ``user_id``, ``arm``, one column per metric; optionally denominators, covariates measured
        before the arms were drawn, ``persona_id`` and ``persona`` (as they were before the start),
        ``sent`` (sends received) and ``opted_out`` (before the start). As from `read_outcomes`. Leave
        out ``sent`` where control was meant to get what is usual: with it, control is to be left alone.
    control : str
        The arm that was left alone, or got what was usual.
    outcome : str or sequence of str
        Metrics, the primary one first. A missing outcome is not known, never 0.
    denominator : str or mapping, optional
        Column that a metric is per: answers per send, amount per order. A text is for the primary one;
        by default ``<metric>_per`` where there is such a column.
    covariates : str, sequence or mapping, optional
        Columns for all metrics, or metric -> columns; () for none. By default ``<metric>_before``, that
        is the metric itself before the start, where there is such a column.
    personas : Personas or DataFrame, optional
        In place of the columns.
    expected : mapping, optional
        Planned share of each arm, for the sample-ratio check.
    cost : float or mapping
        What reaching one user costs in units of the primary metric, for the comparison of policies.
    alpha : float
        Chance of any false claim, all metrics and personas together.
    confidence : float
        Of all intervals.
    always_valid : bool
        For a test that is looked at before its end; see `price_peeking` for what it costs. Whether the
        personas differ, and which policy is best, are then read at the planned end only.
    planned_users : int, optional
        With ``always_valid``: users of the whole test; once there are as many, its end is reached. Where
        it is not given, those at hand set the width, and the end is taken to be still ahead.

    Returns
    -------
    Lift

    Raises
    ------
    InputError
        If a column is missing, a user occurs twice or in two arms, or there is no control or one arm only.
    ParameterError
        If a number is out of range.

    Notes
    -----
    Users are compared as they were assigned (intention to treat), whoever was in fact reached. Order of
    reading: sample ratio, everyone's effect on the primary metric (half of ``alpha``), whether
    personas differ (a tenth), then personas and further metrics by false-discovery rate (the rest, and
    all of ``alpha`` once the first is proved). Where ``sent`` tells that control was reached nearly as
    much as the others, or that they hardly were, nothing is read: that was no holdout. Shrinkage is Paule
    and Mandel's with Hartung and Knapp's error, the spread between personas integrated over.

    References
    ----------
    Bretz et al. (2009), A graphical approach to sequentially rejective tests. https://doi.org/10.1002/sim.3495
    Benjamini and Hochberg (1995). https://doi.org/10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> n = 20_000
    >>> arm = np.where(rng.random(n) < 0.2, "control", "spring")
    >>> bought = rng.random(n) < np.where(arm == "spring", 0.13, 0.10)
    >>> outcomes = pd.DataFrame({"user_id": [f"u{i}" for i in range(n)], "arm": arm, "outcome": bought,
    ...                          "persona_id": rng.integers(1, 5, n)})
    >>> lift = measure_lift(outcomes, expected={"control": 0.2, "spring": 0.8})
    >>> lift.overall.loc[0, "verdict"], lift.heterogeneity.loc[0, "says"]
    ('proved by test', 'no sign that the personas differ (p = 0.92)')
    >>> lift.policy.verdict
    'send the same to everyone (spring)'
    """
    check_number("alpha", alpha, low=0, high=0.5, low_open=True)
    check_number("confidence", confidence, low=0.5, high=0.999)
    trial = read_trial(
        outcomes, control=control, outcome=outcome, denominator=denominator, covariates=covariates,
        personas=personas,
    )  # fmt: skip
    if planned_users is not None:
        check_number("planned_users", planned_users, low=1, integer=True)
    planned = (planned_users or len(trial.table)) if always_valid else None
    srm = check_shares(trial, expected)
    stopped = (
        ""
        if srm.passed
        else "the arms do not have the users they should have: nothing can be read from this test"
    )
    reach, no_holdout = check_reach(trial)
    stopped = stopped or no_holdout
    early = always_valid and (planned_users is None or len(trial.table) < planned_users)
    limits = share_alpha(alpha, len(trial.arms) - 1, len(trial.metrics), len(trial.persona_ids))
    parts, losses = [], []
    for metric in trial.metrics:
        known_outcome, known = trial.outcome(metric)
        losses.append(check_attrition(trial, metric, known))
        stopped = stopped or losses[-1][1]
        parts += [
            _measure(trial, metric, known_outcome, known, code, limits, confidence, planned)
            for code in range(1, len(trial.arms))
        ]
    overall, table = _judge(parts, trial, alpha, stopped, early)
    differences = _differences(parts, alpha, stopped, early)
    policy, no_policy = None, ["Policies are compared once, at the planned end."] if early else []
    if not stopped and not early:
        policy, no_policy = _policy(trial, overall, differences, expected, cost, alpha, confidence)
    notes = [*trial.notes, *(note for note, _ in losses if note), *reach, *no_policy]
    notes += standing_notes(trial, always_valid, confidence)
    return Lift(
        table, overall, differences, srm, policy, _best(table), tuple(notes),
        trial.metrics[0], alpha, confidence, stopped,
    )  # fmt: skip


@dataclass(frozen=True)
class _Part:
    metric: str
    arm: str
    overall: dict
    personas: pd.DataFrame
    found: Heterogeneity


def _measure(trial: Trial, metric, outcome: Outcome, known, code, limits, confidence, planned) -> _Part:
    """Measure one metric and arm, for everyone and by persona."""
    limit_primary, limit_others = limits
    yes_no = outcome.per is None and is_rate(outcome.y)
    limit = limit_primary if metric == trial.metrics[0] else limit_others
    nobody = np.zeros(len(outcome.y), dtype=np.int64)
    one = measure_effects(outcome, code, nobody, 1)
    everyone = _rows(
        one, Shrunk(one.value, *one.interval(confidence)), limit, confidence, planned, len(known), yes_no
    )
    arm = trial.arms[code]
    persona = trial.persona[known]
    inside = np.flatnonzero(persona >= 0)
    k = len(trial.persona_ids)
    each = measure_effects(outcome.only(inside), code, persona[inside], k)
    value = np.where(each.thin, np.nan, each.value)
    found = measure_heterogeneity(value, each.variance, each.df)
    if (np.isfinite(value) & (each.variance > 0)).sum() >= 2:
        shrunk = shrink_effects(value, each.variance, each.df, found, confidence)
    else:  # nothing to compare with: what is known of everyone, without an interval of its own
        nothing = np.full(k, np.nan)
        shrunk = Shrunk(np.full(k, one.value[0]), nothing, nothing)
        if k == 1 and np.isfinite(each.value[0]) and not each.thin[0]:
            shrunk = Shrunk(each.value, *each.interval(confidence))
    table = _rows(each, shrunk, limit_others, confidence, planned, len(known), yes_no)
    table.insert(0, "persona", list(trial.names))
    table.insert(0, "persona_id", list(trial.persona_ids))
    said = {"metric": metric, "arm": arm, "rate": is_rate(outcome.y, outcome.per)}
    return _Part(metric, arm, everyone.to_dict("records")[0] | said, table.assign(**said), found)


def _rows(effects: Effects, shrunk: Shrunk, limit, confidence, planned, n_users, yes_no) -> pd.DataFrame:
    raw_lo, raw_hi = effects.interval(confidence)
    lo, hi, p, asked = shrunk.lo, shrunk.hi, effects.p, None
    # Where nothing varies (everybody 0) there is no error to speak of, and no interval.
    flat = ~(np.nan_to_num(effects.variance) > 0)
    if planned is not None:
        n = np.maximum(effects.n_treated + effects.n_control, 1)
        rho = np.array([tune_spread(max(planned * k / max(n_users, 1), 2), 1 - confidence) for k in n])
        raw_lo, raw_hi, lo, hi, p = _at_any_look(effects, shrunk, confidence, n, rho)
        asked = boundary(n, rho, limit)
    p = np.where(effects.thin & ~flat, np.nan, p)
    return pd.DataFrame(
        {
            "n_treated": effects.n_treated.astype(int),
            "n_control": effects.n_control.astype(int),
            "rate_treated": effects.rate_treated,
            "rate_control": effects.rate_control,
            "raw": effects.value,
            "raw_lo": np.where(flat, np.nan, raw_lo),
            "raw_hi": np.where(flat, np.nan, raw_hi),
            "estimate": shrunk.estimate,
            "lo": lo,
            "hi": hi,
            "p": p,
            "smallest": smallest_seen(effects, limit, at_any_look=asked, yes_no=yes_no),
        }
    )


def _at_any_look(effects: Effects, shrunk: Shrunk, confidence, n, rho):
    """Widen intervals and p-values so that they hold whenever one looks."""
    from scipy import stats

    limit = boundary(n, rho, 1 - confidence)
    reach = limit * np.sqrt(effects.variance)
    wider = limit / stats.norm.ppf(0.5 + confidence / 2)
    lo = shrunk.estimate - (shrunk.estimate - shrunk.lo) * wider
    hi = shrunk.estimate + (shrunk.hi - shrunk.estimate) * wider
    p = np.fmax(effects.p, mixture_p(effects.value, effects.variance, effects.variance * n * rho**2))
    return effects.value - reach, effects.value + reach, lo, hi, np.where(np.isfinite(effects.p), p, np.nan)


def _judge(
    parts: list[_Part], trial: Trial, alpha: float, stopped: str, early: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    primary = trial.metrics[0]
    overall = pd.DataFrame([part.overall for part in parts])
    table = pd.concat([part.personas for part in parts], ignore_index=True)
    # One family: every persona under every metric and arm, and everyone under the further metrics.
    further = (overall["metric"] != primary).to_numpy()
    q = adjust(np.concatenate([overall.loc[further, "p"].to_numpy(float), table["p"].to_numpy(float)]))
    overall["q"] = np.nan
    overall["n_compared"] = table["n_compared"] = int(np.isfinite(q).sum())
    overall.loc[further, "q"] = q[: further.sum()]
    table["q"] = q[further.sum() :]
    overall = judge_overall(overall, primary, alpha, stopped)
    found = {(part.metric, part.arm): part.found for part in parts}
    table = judge_personas(table, overall, found, primary, alpha, stopped, early)
    order = {metric: place for place, metric in enumerate(trial.metrics)}
    table = table.sort_values(
        ["metric", "arm", "persona_id"], key=lambda c: c.map(order) if c.name == "metric" else c
    )
    return overall[COLUMNS[2:]], table[COLUMNS].reset_index(drop=True)


def _differences(parts: list[_Part], alpha: float, stopped: str, early: bool) -> pd.DataFrame:
    unread = "not read: nothing is to be read from this test" if stopped else READ_LATER if early else ""
    return pd.DataFrame(
        [
            {
                "metric": part.metric, "arm": part.arm, "n_personas": part.found.n_personas,
                "q": part.found.q, "df": max(part.found.n_personas - 1, 0), "p": part.found.p,
                "i2": part.found.i2, "tau": part.found.tau, "mean": part.found.mean,
                "says": unread or describe_differences(part.found, alpha),
            }
            for part in parts
        ]
    )  # fmt: skip


def _best(table: pd.DataFrame) -> pd.DataFrame:
    """Return the personas with the largest raw effects, and what is left of these."""
    columns = ["metric", "arm", "persona_id", "persona", "raw", "estimate"]
    known = table.dropna(subset=["raw", "lo"])
    if known.empty:
        return known[columns].assign(overstated=[])
    best = known.loc[known.groupby(["metric", "arm"], sort=False)["raw"].idxmax(), columns]
    return best.assign(overstated=best["raw"] - best["estimate"]).reset_index(drop=True)


def _policy(
    trial: Trial, overall, differences, expected, cost, alpha, confidence
) -> tuple[PolicyComparison | None, list[str]]:
    metric = trial.metrics[0]
    if metric in trial.per:
        return None, ["Policies are not compared on a ratio: name a metric counted per user."]
    if not trial.persona_ids:
        return None, ["Policies are not compared: there are no personas."]
    outcome, known = trial.outcome(metric)
    if np.bincount(outcome.arm, minlength=len(trial.arms)).min() < 50:
        return None, ["Policies are not compared: an arm has fewer than 50 users."]
    user_ids = trial.table["user_id"].to_numpy(dtype=object)[known]
    main = overall["metric"] == metric
    found = compare_policies(
        outcome, trial.arms, trial.persona[known], trial.persona_ids, trial.names, user_ids,
        expected=expected, cost=cost, confidence=confidence, alpha=alpha,
        proved=set(overall.loc[main & (overall["verdict"] == PROVED), "arm"]),
        differ=bool((differences.loc[main, "p"] < alpha * DIFFER_SHARE).any()),
    )  # fmt: skip
    return found, []
