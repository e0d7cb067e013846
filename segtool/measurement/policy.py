"""Would choosing by persona have paid: what each rule of sending is worth, on users it was not made from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from segtool.display import Shown
from segtool.measurement.effects import Outcome, measure_effects
from segtool.measurement.shrinkage import shrink_means
from segtool.measurement.verdicts import DIFFER_SHARE, OVERALL_SHARE
from segtool.measurement.wording import is_rate, say_between

FOLDS = 5
# A rule that is chosen on the users of the same test varies with them, which the spread of the values does
# not show: intervals of such rules held 80 % where 90 % were meant, and hold 90 % with this factor (120
# generated tests in which personas differ by as much as the noise).
CHOICE_FACTOR = 1.25
PRIOR_USERS = 20.0  # users' worth of everyone's mean in the mean of a persona's control users
NOBODY, BY_PERSONA, SAME = "nobody", "chosen by persona", "the same to everyone"


@dataclass(frozen=True, repr=False, eq=False)
class PolicyComparison(Shown):
    """What each rule of sending is worth per user, its costs taken off.

    Attributes
    ----------
    table : DataFrame
        policy, value, lo, hi, gain, gain_lo, gain_hi (over sending to nobody), share_sent. The last two
        rows are chosen on other users than they are valued on: "the same to everyone" (the best single
        arm, or none) and "chosen by persona".
    choices : DataFrame
        persona_id, persona, arm: whom one would send what, from all users.
    gain, gain_lo, gain_hi : float
        Of choosing by persona over the same to everyone.
    verdict, reason : str
    """

    table: pd.DataFrame
    choices: pd.DataFrame
    gain: float
    gain_lo: float
    gain_hi: float
    verdict: str
    reason: str

    def to_pandas(self) -> pd.DataFrame:
        """Return `table`."""
        return self.table.copy()

    def headline(self) -> str:
        """Say which rule to follow, and why."""
        return f"{self.verdict[:1].upper()}{self.verdict[1:]}: {self.reason}."


def compare_policies(
    outcome: Outcome,
    arms: tuple[str, ...],
    persona: np.ndarray,
    persona_ids: tuple,
    names: tuple[str, ...],
    user_ids: np.ndarray,
    *,
    expected: Mapping[str, float] | None = None,
    cost: float | Mapping[str, float] = 0.0,
    confidence: float = 0.9,
    alpha: float = 0.05,
    proved: Collection[str] | None = None,
    differ: bool = True,
) -> PolicyComparison:
    """Compare sending to nobody, one arm to all, and the arm that suits each persona.

    Parameters
    ----------
    outcome : Outcome
        A metric counted per user, without denominator.
    arms : tuple of str
        Control first.
    persona : ndarray of int, shape (n_users,)
        Place in ``persona_ids``, -1 for none.
    persona_ids, names : tuple
    user_ids : ndarray of str, shape (n_users,)
        They alone decide who is in which fold.
    expected : mapping, optional
        Arm -> chance of being drawn; the shares seen where it is not given.
    cost : float or mapping
        What reaching one user costs, in units of the outcome.
    confidence : float
    alpha : float
        Chance of any false claim of the whole test; choosing by persona needs the share of it that the
        claim "personas differ" has.
    proved : collection of str, optional
        Arms whose effect on everyone is proved; the others are not advised, whatever their value.
    differ : bool
        Whether the personas were found to differ: else choosing by persona is not advised.

    Returns
    -------
    PolicyComparison

    Notes
    -----
    Augmented inverse-propensity values. Both the persona's choice and the means that take noise out of
    the value are fitted on four fifths of the users and applied to the last: a rule valued on the users
    it was chosen on looks better than it is, the more so the more personas there are.
    Intervals of chosen rules are widened by a quarter, since the choice itself varies with the users.

    References
    ----------
    Dudik, Langford, Li (2011), Doubly robust policy evaluation and learning. https://arxiv.org/abs/1103.4601
    Athey and Wager (2021), Policy learning with observational data. https://doi.org/10.3982/ECTA15732
    """
    n_arms, n_personas = len(arms), len(persona_ids)
    chance = _chances(outcome.arm, arms, expected)
    costs = np.array([0.0, *(cost.get(a, 0.0) if isinstance(cost, Mapping) else cost for a in arms[1:])])
    fold = pd.util.hash_array(np.asarray(user_ids, dtype=object)) % FOLDS
    scores = np.zeros((len(outcome.y), n_arms))
    chosen, single = (np.zeros(len(outcome.y), dtype=np.int64) for _ in range(2))
    for number in range(FOLDS):
        out = fold == number
        means = _fit_means(outcome.only(~out), persona[~out], n_arms, n_personas)
        net = means - costs
        expectation = means[persona[out]]
        seen = outcome.arm[out][:, None] == np.arange(n_arms)
        scores[out] = expectation + seen / chance * (outcome.y[out][:, None] - expectation)
        chosen[out] = net.argmax(axis=1)[persona[out]]
        single[out] = net[-1].argmax()
    net_scores = scores - costs
    rows = np.arange(len(scores))
    values = {NOBODY: net_scores[:, 0]}
    values |= {f"all {name}": net_scores[:, k + 1] for k, name in enumerate(arms[1:])}
    values |= {SAME: net_scores[rows, single], BY_PERSONA: net_scores[rows, chosen]}
    sent = {SAME: (single > 0).mean(), BY_PERSONA: (chosen > 0).mean(), NOBODY: 0.0}
    table = pd.DataFrame(
        [_valued(name, v, values[NOBODY], sent.get(name, 1.0), confidence) for name, v in values.items()]
    )
    over_same = values[BY_PERSONA] - values[SAME]
    gain = _interval(over_same, confidence, CHOICE_FACTOR)
    best = (_fit_means(outcome, persona, n_arms, n_personas) - costs).argmax(axis=1)
    choices = pd.DataFrame({"persona_id": persona_ids, "persona": names, "arm": [arms[k] for k in best[:-1]]})
    sure = (
        differ and n_personas > 1 and _interval(over_same, 1 - 2 * alpha * DIFFER_SHARE, CHOICE_FACTOR)[1] > 0
    )
    pays = best[-1] > 0 and (proved is None or arms[best[-1]] in proved)
    pays = pays and _interval(values[SAME] - values[NOBODY], 1 - alpha * OVERALL_SHARE, 1.0)[1] > 0
    return PolicyComparison(
        table,
        choices,
        *gain,
        *_verdict(table, gain, sure, arms[best[-1]] if pays else "", is_rate(outcome.y, outcome.per)),
    )


def _chances(arm: np.ndarray, arms, expected) -> np.ndarray:
    if expected is None:
        return np.bincount(arm, minlength=len(arms)) / len(arm)
    shares = np.array([float(expected[name]) for name in arms])
    return shares / shares.sum()


def _fit_means(outcome: Outcome, persona: np.ndarray, n_arms: int, n_personas: int) -> np.ndarray:
    """Return expected outcomes by persona and arm, shape (n_personas + 1, n_arms); everyone's last."""
    plain = Outcome(outcome.y, outcome.arm)
    nobody = plain.arm == 0
    overall = plain.y[nobody].mean() if nobody.any() else plain.y.mean()
    inside = nobody & (persona >= 0)
    n = np.bincount(persona[inside], minlength=n_personas)
    sums = np.bincount(persona[inside], weights=plain.y[inside], minlength=n_personas)
    means = np.zeros((n_personas + 1, n_arms))
    means[:n_personas, 0] = (sums + PRIOR_USERS * overall) / (n + PRIOR_USERS)
    means[n_personas, 0] = overall
    placed = persona >= 0
    for arm in range(1, n_arms):
        for_all = measure_effects(plain, arm, np.zeros(len(persona), dtype=np.int64), 1, tested=False).value[
            0
        ]
        shrunk = shrunk_effects(plain.only(placed), arm, persona[placed], n_personas) if n_personas else []
        effect = np.where(np.isfinite(shrunk), shrunk, np.nan_to_num(for_all))
        means[:n_personas, arm] = means[:n_personas, 0] + effect
        means[n_personas, arm] = overall + np.nan_to_num(for_all)
    return means


def shrunk_effects(outcome: Outcome, arm: int, persona: np.ndarray, n_personas: int) -> np.ndarray:
    """Return the personas' shrunk effects, missing where too few personas can be compared."""
    effects = measure_effects(outcome, arm, persona, n_personas, tested=False)
    value = np.where(effects.thin, np.nan, effects.value)
    return shrink_means(value, effects.variance, effects.df)


def _valued(name: str, values, nobody, share_sent: float, confidence: float) -> dict:
    factor = CHOICE_FACTOR if name in (SAME, BY_PERSONA) else 1.0
    value, lo, hi = _interval(values, confidence, factor)
    gain, gain_lo, gain_hi = _interval(values - nobody, confidence, factor)
    return {
        "policy": name, "value": value, "lo": lo, "hi": hi,
        "gain": gain, "gain_lo": gain_lo, "gain_hi": gain_hi, "share_sent": float(share_sent),
    }  # fmt: skip


def _interval(values: np.ndarray, confidence: float, factor: float) -> tuple[float, float, float]:
    mean = float(values.mean())
    error = values.std(ddof=1) / np.sqrt(len(values)) * factor
    reach = float(stats.norm.ppf(0.5 + confidence / 2) * error)
    return mean, mean - reach, mean + reach


def _verdict(table: pd.DataFrame, gain, sure: bool, arm: str, rate: bool) -> tuple[str, str]:
    singles = table[table["policy"].str.startswith("all ")]
    same = (
        singles.loc[singles["gain"].idxmax()] if not arm else table[table["policy"] == f"all {arm}"].iloc[0]
    )
    per_user = "" if rate else " per user"
    between = say_between(*gain, rate, after=per_user)
    if sure:
        return "send by persona", f"it gains {between}, over the same to everyone"
    of_all = say_between(same["gain"], same["gain_lo"], same["gain_hi"], rate, after=per_user)
    of_personas = f"choosing by persona gains {between}, over the same to everyone, which may be nothing"
    if arm:
        return f"send the same to everyone ({arm})", f"it gains {of_all}, over nobody; {of_personas}"
    return "nothing beats sending to nobody for sure", f"{same['policy']} gains {of_all}; {of_personas}"
