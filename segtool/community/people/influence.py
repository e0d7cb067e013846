"""Whom people answer when they could as well have answered somebody else: influence apart from volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from segtool.community.people.answers import Answers
from segtool.community.people.tenure import DAY

LOOK_BACK = 15  # 98 of 100 annotated chat messages answer one of the fifteen before them
GAPS = np.array([60, 180, 600, 1800, 7200, 28_800, 86_400])  # seconds: edges of how long ago it was
ROUNDS = 10  # the ranking of members is still after eight
NEW_PRIOR = 20.0  # answers' worth of the belief that newcomers are answered like others
PRIORS = np.geomspace(0.5, 20, 16)  # how alike members are: a Gamma's shape
ALIKE = 0.2  # how much an answer tells of the next one by the same person to the same author
SLOPE_SPREAD = 0.5  # of the prior's slopes: a trait changes influence by a factor of e only on strong proof
WEEK_SLACK = 3.0  # answers in a week up to which nothing is cut


@dataclass(frozen=True, eq=False)
class Influence:
    """How much more each member is answered than a typical one who wrote at the same moments.

    Parameters
    ----------
    rate : ndarray of float, shape (n_members,)
        Times a typical member of the group; missing for those who wrote nothing.
    shape, scale : ndarray of float, shape (n_members,)
        Of the Gamma that ``rate`` is the mean of.
    answers, expected : ndarray of float, shape (n_members,)
        Answers in effective people, and how many a typical member would have had.
    """

    rate: np.ndarray
    shape: np.ndarray
    scale: np.ndarray
    answers: np.ndarray
    expected: np.ndarray

    def quantile(self, level: float) -> np.ndarray:
        """Return a quantile of what the rate may be."""
        return special.gammaincinv(self.shape, level) * self.scale


def estimate_influence(answers: Answers, is_new: np.ndarray, traits: np.ndarray) -> Influence:
    """Estimate how much each member is answered, beside others who could have been answered instead.

    Parameters
    ----------
    answers : Answers
    is_new : ndarray of bool, shape (n,)
        Whether each message's author was a newcomer then: groups greet or overlook them.
    traits : ndarray of float, shape (n_members, n_traits)
        What may tell of influence before any answer is seen (early joining, people invited, weeks
        active), each about standard; its weight is estimated, and is near nothing where it tells nothing.

    Returns
    -------
    Influence

    Notes
    -----
    Each message is a choice: to answer one of the fifteen messages before it, or none of them. The
    chance of each is proportional to its author's influence, to how far back it stands and how long ago
    it was written (both estimated), so writing much brings as much expectation as answers, and an
    announcement into silence expects next to none. Somebody's answers to the same author on one day count
    as one, and answers are worth as many as the people they come from (Kish's effective number): a pair
    of friends is no audience. A week that is far above a member's other weeks is
    cut: one viral post does not make a leader. Estimated by minorisation-maximisation (multinomial logit
    with a Gamma prior); the prior's shape and slopes by maximum marginal likelihood over all groups.

    References
    ----------
    Hunter (2004), MM algorithms for generalized Bradley-Terry models. Annals of Statistics 32.
    Clayton and Kaldor (1987), Empirical Bayes estimates of standardized rates. Biometrics 43.
    Kish (1965), Survey Sampling, section 8.2 (effective numbers).
    """
    n = answers.n_members
    wrote = np.bincount(answers.member, minlength=n) > 0
    choices = _Choices(answers, is_new)
    for _ in range(ROUNDS):
        choices.step()
    seen, expected = choices.seen, choices.expected()
    slopes, prior = _fit_prior(seen, expected, traits, wrote)
    mean = np.exp(traits @ slopes)
    rate = (seen + prior) / (expected + prior / mean)
    people = _people_worth(answers, choices)
    seen, expected = _cut_weeks(answers, choices, rate) * people, expected * people
    shape, worth = seen + prior, expected + prior / mean
    rate = np.where(wrote, shape / worth, np.nan)
    return Influence(rate, shape, 1 / worth, np.where(wrote, seen, 0.0), np.where(wrote, expected, 0.0))


class _Choices:
    """The multinomial logit: rates of members, weights of places and gaps, and of answering nothing."""

    def __init__(self, answers: Answers, is_new: np.ndarray):
        n = len(answers)
        self.answers, self.n = answers, n
        self.look_back = min(LOOK_BACK, max(n - 1, 0))
        self.cell = answers.group * 2 + is_new  # a group's newcomers, and its others
        self.rate = np.ones(answers.n_members)
        self.place = np.ones(LOOK_BACK + 1)
        self.gap = np.ones(len(GAPS) + 1)
        self.new = np.ones(2 * answers.n_groups)
        self.none = np.full(answers.n_groups, 5.0)
        self._find_candidates()
        back = np.arange(n) - answers.reply
        inside = (answers.reply >= 0) & (back >= 1) & (back <= self.look_back)
        inside[inside] = self.bucket[back[inside], np.flatnonzero(inside)] >= 0
        self.chosen = np.where(inside, answers.reply, -1)
        self.weight = np.where(inside, answers.sure * _once_a_day(answers, inside), 1.0)
        hit = np.flatnonzero(inside)
        target, weight = answers.reply[hit], self.weight[hit]
        self.heard = np.bincount(target, weight, n)  # per message
        self.seen = np.bincount(answers.member, self.heard, answers.n_members)
        self.seen_place = np.bincount(back[hit], weight, LOOK_BACK + 1)
        self.seen_gap = np.bincount(self.bucket[back[hit], hit], weight, len(GAPS) + 1)
        self.seen_new = np.bincount(self.cell, self.heard, 2 * answers.n_groups)
        self.seen_none = np.bincount(answers.group[~inside], minlength=answers.n_groups) + 1e-3

    def _find_candidates(self) -> None:
        """Bucket of the gap to the message that stands so many places before, -1 where it is no choice."""
        answers = self.answers
        self.bucket = np.full((self.look_back + 1, self.n), -1, dtype=np.int8)
        for back in range(1, self.look_back + 1):
            now, then = slice(back, None), slice(None, -back)
            gap = answers.second[now] - answers.second[then]
            able = (
                (answers.group[now] == answers.group[then])
                & (answers.member[now] != answers.member[then])
                & (gap <= 2 * GAPS[-1])
            )
            self.bucket[back, now] = np.where(able, np.searchsorted(GAPS, gap, side="left"), -1)

    def step(self) -> None:
        """Improve all weights once."""
        answers, pull = self.answers, self.rate[self.answers.member] * self.new[self.cell]
        total = self._total(pull)
        each = self.weight / total
        gaps, places = np.zeros(len(self.gap) + 1), np.zeros(len(self.place))
        chance = np.zeros(self.n)  # of each message, at a rate of one
        kernel = np.append(self.gap, 0.0)
        for back in range(1, self.look_back + 1):
            bucket = self.bucket[back, back:]
            share = self.place[back] * kernel[bucket] * each[back:]
            chance[:-back] += share
            share = share * pull[:-back]
            gaps += np.bincount(np.where(bucket < 0, len(self.gap), bucket), share, len(gaps))
            places[back] = share.sum()
        place, worth = self.place * (self.seen_place + 1) / (places + 1), places + 1
        self.place[1:] = _falling(place[1:], worth[1:])
        self.gap = _falling(self.gap * (self.seen_gap + 1) / (gaps[:-1] + 1), gaps[:-1] + 1)
        self.none = self.seen_none / np.maximum(np.bincount(answers.group, 1 / total, answers.n_groups), 1e-9)
        by_new = np.bincount(self.cell, chance * self.rate[answers.member], len(self.new))
        new = ((self.seen_new + NEW_PRIOR) / (by_new + NEW_PRIOR)).reshape(-1, 2)
        self.chance = chance * self.new[self.cell]
        self.new = (new / new[:, :1]).ravel()  # beside those who are no newcomers
        self.rate = (self.seen + 1) / (self.expected() + 1)

    def _total(self, pull: np.ndarray) -> np.ndarray:
        total = self.none[self.answers.group].copy()
        kernel = np.append(self.gap, 0.0)
        for back in range(1, self.look_back + 1):
            total[back:] += self.place[back] * kernel[self.bucket[back, back:]] * pull[:-back]
        return total

    def expected(self) -> np.ndarray:
        """Return the answers a typical member would have had at the same moments, shape (n_members,)."""
        return np.bincount(self.answers.member, self.chance, self.answers.n_members)


def _falling(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the nearest values that do not rise: what is further back or longer ago is not answered more.

    Without it, whoever always writes at the same place of a talk would lend the place their influence.
    """
    return optimize.isotonic_regression(values, weights=weight, increasing=False).x


def _once_a_day(answers: Answers, inside: np.ndarray) -> np.ndarray:
    """Return one over how often the same person answered the same member on that day, shape (n,)."""
    weight = np.ones(len(answers))
    hit = np.flatnonzero(inside)
    if not len(hit):
        return weight
    day = (-answers.second[hit] - 1) // int(DAY)
    key = (answers.member[hit] * answers.n_members + answers.member[answers.reply[hit]]) * (
        day.max() + 1
    ) + day
    _, place, count = np.unique(key, return_inverse=True, return_counts=True)
    weight[hit] = 1 / count[place]
    return weight


def _people_worth(answers: Answers, choices: _Choices) -> np.ndarray:
    """Return what each member's answers are worth as evidence, over their number, shape (n_members,).

    One over it is Kish's design effect with the people who answer as clusters: 1 where each answered once.
    """
    n = answers.n_members
    hit = np.flatnonzero(choices.chosen >= 0)
    member, weight = answers.member[choices.chosen[hit]], choices.weight[hit]
    pair, place = np.unique(member * n + answers.member[hit], return_inverse=True)
    by_pair = np.bincount(place, weight, len(pair))
    total = np.bincount(member, weight, n)
    squares = np.bincount(pair // n, by_pair * np.maximum(by_pair, 1.0), n)
    size = squares / np.maximum(total, 1e-9)  # answers by the same person, as an answer meets them
    return 1 / (1 + ALIKE * np.maximum(size - 1, 0))


def _fit_prior(seen, expected, traits, wrote) -> tuple[np.ndarray, float]:
    """Return slopes of the log rate on traits, and the shape of the Gamma around what they say."""
    used = wrote & (expected > 1e-9)
    slopes, prior = np.zeros(traits.shape[1]), 2.0
    if not used.any():
        return slopes, prior
    seen, expected, traits = seen[used], expected[used], traits[used]
    for _ in range(8):
        mean = expected * np.exp(traits @ slopes)
        prior = float(PRIORS[np.argmax([_log_likelihood(seen, mean, one) for one in PRIORS])])
        # One Newton step of the negative binomial with a normal prior on the slopes.
        weight = prior / (prior + mean)
        slope = traits.T @ (weight * (seen - mean)) - slopes / SLOPE_SPREAD**2
        bend = (traits * (weight * mean)[:, None]).T @ traits + np.eye(len(slopes)) / SLOPE_SPREAD**2
        slopes = np.clip(slopes + np.linalg.solve(bend, slope), -2, 2)
    return np.round(slopes, 6), prior


def _log_likelihood(seen: np.ndarray, mean: np.ndarray, prior: float) -> float:
    """Return the log likelihood of counts under a Poisson whose rate is Gamma, but for a constant."""
    return float(
        (special.gammaln(seen + prior) - special.gammaln(prior) + prior * np.log(prior / (prior + mean))
         + seen * np.log(mean / (prior + mean))).sum()
    )  # fmt: skip


def _cut_weeks(answers: Answers, choices: _Choices, rate: np.ndarray) -> np.ndarray:
    """Return answers per member without what one week has far above all others of the same member."""
    n = answers.n_members
    weeks = int(answers.week.max()) + 1 if len(answers) else 1
    key, place = np.unique(answers.member * weeks + answers.week, return_inverse=True)
    member = key // weeks
    seen, expected = np.bincount(place, choices.heard), np.bincount(place, choices.chance)
    all_seen, all_expected = np.bincount(member, seen, n), np.bincount(member, expected, n)
    # What the other weeks say of this one; a member seen in one week alone is taken as typical.
    others = (all_seen[member] - seen + 1) / (all_expected[member] - expected + 1)
    usual = others * expected
    most = WEEK_SLACK + usual + 3 * np.sqrt(usual)
    return np.bincount(member, np.minimum(seen, most), n)
