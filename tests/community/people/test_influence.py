"""Influence: answers against what a typical member would have had at the same moments, people before answers."""

from __future__ import annotations

import numpy as np
import pytest

from segtool.community.people import influence as module
from segtool.community.people.answers import Answers, count_distinct
from segtool.community.people.influence import estimate_influence
from segtool.community.people.reach import find_roots, shrink_shares

DAY, WEEK = 86_400, 7 * 86_400


def make_answers(days, answered_on=None, *, by=None) -> Answers:
    """Two members (0 and 1) write each day; others answer 0 on some days and 1 on others.

    Parameters
    ----------
    days : int
    answered_on : list of (day, member)
    by : list of int, optional
        Who answers each time; members 2, 3, ... in turn when not given.
    """
    rows = []
    for number in range(days):
        at = -(days - number) * DAY
        first, second = (0, 1) if number % 2 else (1, 0)
        rows += [(at, first, -1), (at + 60, second, -1)]
        place = {first: len(rows) - 2, second: len(rows) - 1}
        for turn, (day, member) in enumerate(answered_on):
            if day == number:
                rows.append((at + 120 + turn, 2 + turn % 20 if by is None else by[turn], place[member]))
    second, member, reply = (np.array(one) for one in zip(*rows, strict=True))
    return Answers(
        rows=np.arange(len(rows)), member=member, group=np.zeros(len(rows), dtype=np.int64), second=second,
        week=(-second - 1) // WEEK, reply=reply, sure=(reply >= 0).astype(float), starts=reply < 0,
        n_members=int(member.max()) + 1, n_groups=1,
    )  # fmt: skip


def influence_of(answers: Answers):
    return estimate_influence(answers, np.zeros(len(answers), dtype=bool), np.zeros((answers.n_members, 1)))


def test_who_is_answered_more_often_has_more_influence_and_silence_has_little():
    rate = influence_of(
        make_answers(60, [(day, 0) for day in range(40)] + [(day, 1) for day in range(40, 45)])
    ).rate
    assert rate[0] > 2 * rate[1] and rate[1] < 1


def test_as_many_answers_by_one_friend_are_worth_less_than_by_twenty_people():
    spread = [(2 * day, 0) for day in range(30)]
    many, friend = influence_of(make_answers(70, spread)), influence_of(make_answers(70, spread, by=[2] * 30))
    assert friend.answers[0] < 0.4 * many.answers[0]
    assert friend.rate[0] < many.rate[0] and friend.quantile(0.05)[0] < many.quantile(0.05)[0]


def test_one_week_far_above_the_others_is_cut():
    burst = influence_of(make_answers(140, [(70 + turn % 5, 0) for turn in range(60)]))
    steady = influence_of(make_answers(140, [(2 * turn, 0) for turn in range(60)]))
    assert burst.answers[0] < 0.6 * steady.answers[0] and burst.rate[0] < steady.rate[0]


def test_announcements_into_silence_expect_nothing_and_bring_nothing():
    answers = make_answers(60, [(day, 0) for day in range(40)])
    late = answers.second + np.where(answers.member == 1, 8 * 3600, 0)  # hours after the talk
    order = np.argsort(late, kind="stable")
    place = np.argsort(order)
    moved = Answers(
        answers.rows, answers.member[order], answers.group, late[order], (-late[order] - 1) // WEEK,
        np.where(answers.reply[order] >= 0, place[answers.reply[order]], -1), answers.sure[order],
        answers.starts[order], answers.n_members, 1,
    )  # fmt: skip
    found = influence_of(moved)
    assert found.answers[1] == 0 and found.expected[1] < 0.25 * influence_of(answers).expected[1]


def test_a_trait_counts_only_as_far_as_it_tells():
    rng = np.random.default_rng(2)
    days = [
        (int(day), int(member))
        for day, member in zip(rng.integers(0, 90, 120), rng.random(120) < 0.2, strict=True)
    ]
    answers = make_answers(90, days)
    trait = np.zeros((answers.n_members, 2))
    trait[0, 0] = 1.0
    slopes, prior = module._fit_prior(
        np.array([90.0, 10]), np.array([50.0, 50]), trait[:2], np.ones(2, dtype=bool)
    )
    assert slopes[0] > 0.1 and slopes[1] == 0 and prior in module.PRIORS


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_message_gives_no_error(n):
    zero = np.zeros(n, dtype=np.int64)
    answers = Answers(zero, zero, zero, zero - 1, zero, zero - 1, np.zeros(n), zero == 0, 1, 1)
    rate = influence_of(answers).rate
    assert np.isnan(rate).all() if not n else (rate > 0).all()


def test_roots_are_found_through_long_threads_and_loops_of_wrong_clocks_end():
    assert find_roots(np.arange(-1, 999)).tolist() == [0] * 1000
    assert len(find_roots(np.array([1, 0]))) == 2


def test_few_messages_are_shrunk_more_and_none_is_missing():
    hit, count = np.array([10.0, 1, 0, *[3] * 20]), np.array([10.0, 1, 0, *[10] * 20])
    share, lo, hi = shrink_shares(hit, count, np.zeros(23, dtype=int), 1, 0.9)
    assert share[0] > share[1] > 71 / 211 and np.isnan(share[2]) and (hi - lo)[1] > (hi - lo)[0]


def test_different_people_are_counted_once():
    assert count_distinct(np.array([], dtype=int), np.array([], dtype=int), 2).tolist() == [0, 0]


def test_a_quarrel_of_one_evening_counts_once():
    quiet = [(2 * day, 0) for day in range(20)]
    once = influence_of(make_answers(60, [*quiet, (41, 1)], by=[*range(2, 22), 2]))
    often = influence_of(make_answers(60, [*quiet, *[(41, 1)] * 9], by=[*range(2, 22), *[2] * 9]))
    assert often.answers[1] == pytest.approx(once.answers[1], abs=0.05)


def test_a_group_that_overlooks_newcomers_does_not_make_them_unheard_for_good():
    # Member 0 is overlooked while new, then answered as member 1 is; so are eighteen others.
    answers = make_answers(
        120, [*((day, 1) for day in range(60)), *((day, day % 2) for day in range(60, 120))]
    )
    new = (answers.second < -60 * DAY) & (answers.member != 1)
    traits = np.zeros((answers.n_members, 1))
    told, untold = (estimate_influence(answers, one, traits).rate for one in (new, np.zeros_like(new)))
    assert told[0] / told[1] > 1.3 * untold[0] / untold[1]
