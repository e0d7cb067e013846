"""How many others a member brings, how soon, and whether a group grows by that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.sharing.growth import GROWS, GROWS_NOT, OPEN, measure_growth, watch_members
from segtool.community.sharing.renewal import (
    Watch,
    count_brought,
    cycle_time,
    doubling_days,
    draw_curve,
    interval_of,
    longest_age,
)
from segtool.community.sharing.trees import grow_forest, join_groups

NAMES = pd.DataFrame({"group_id": ["g"], "title": ["t"]})


def draw_watch(n=400, mean=0.5, seed=0, by_day=30.0) -> Watch:
    """Members who joined evenly over 200 days; each brings Poisson many at exponential ages."""
    rng = np.random.default_rng(seed)
    days = rng.uniform(0, 200, n)
    owner = np.repeat(np.arange(n), rng.poisson(mean, n))
    return Watch.of(days, owner, rng.exponential(by_day, len(owner)))


def make_roster(n, children, age=30.0, joined=150.0):
    """n members who joined so many days ago, of whom some brought one each at an age."""
    first = pd.DataFrame({"user": range(n), "inviter": -1, "joined": -joined})
    brought = pd.DataFrame(
        {"user": range(n, n + children), "inviter": range(children), "joined": age - joined}
    )
    roster = pd.concat([first, brought], ignore_index=True).assign(
        group=0, left=np.nan, stated=True, bot=False
    )
    roster.loc[len(roster) - 1, "left"] = -1.0  # leaving is on record
    return roster.assign(joined=roster["joined"] * 86400.0)


def measure(roster, window=90.0):
    return measure_growth(grow_forest(roster), np.zeros(1, dtype=int), NAMES, window, 0.9).iloc[0]


def test_without_censoring_it_is_the_plain_mean():
    watch = Watch.of([500.0] * 4, [0, 0, 1], [10.0, 20.0, 300.0])
    assert count_brought(watch, 100)[0] == pytest.approx(2 / 4)
    assert count_brought(watch, 400)[0] == pytest.approx(3 / 4)


def test_those_who_joined_lately_do_not_pull_it_down():
    means = [count_brought(draw_watch(seed=seed), 60)[0] for seed in range(40)]
    assert np.mean(means) == pytest.approx(0.5 * (1 - np.exp(-2)), abs=0.02)


def test_the_influence_adds_up_to_nothing_and_its_squares_to_the_variance():
    influence = [count_brought(draw_watch(seed=seed), 60)[1] for seed in range(60)]
    spread = np.std([count_brought(draw_watch(seed=seed), 60)[0] for seed in range(60)])
    assert max(abs(each.sum()) for each in influence) < 1e-9
    assert np.mean([np.sqrt((each**2).sum()) for each in influence]) == pytest.approx(spread, rel=0.25)


def test_nobody_brought_still_has_an_upper_end():
    mean, lo, hi = interval_of(Watch.of([100.0] * 20, [], []), 90, 0.9)
    assert (mean, lo) == (0, 0) and hi == pytest.approx(-np.log(0.05) / 20, rel=1e-6)
    wider = interval_of(Watch.of([100.0] * 20, [], []), 90, 0.9, spread=3.0)[2]
    assert wider == pytest.approx(3 * hi)


def test_the_cycle_is_not_cut_short_by_who_joined_lately():
    watches = [draw_watch(2000, 1.0, seed, 60.0) for seed in range(15)]
    true = -60 * np.log(1 - (1 - np.exp(-2)) / 2)  # of what comes within 120 days
    found = np.mean([cycle_time(watch, 120, 0.9)[0] for watch in watches])
    seen = np.mean([np.median(watch.age[watch.age <= 120]) for watch in watches])
    assert found == pytest.approx(true, abs=1.5)
    assert seen < true - 4


def test_doubling_is_that_of_euler_and_lotka():
    watch = Watch.of([1000.0] * 10, np.repeat(range(10), 2), [50.0] * 20)  # two each, after 50 days
    assert doubling_days(watch, 100) == pytest.approx(50)
    assert doubling_days(Watch.of([1000.0] * 10, range(10), [50.0] * 10), 100) == np.inf


def test_ages_beyond_the_watched_time_are_not_seen():
    watch = Watch.of([10.0, 50.0], [0, 1, 1], [20.0, 20.0, -1.0])
    assert watch.age.tolist() == [20.0] and watch.at_risk.tolist() == [1]
    assert longest_age(watch, 2) == 10.0 and longest_age(watch, 3) == 0.0


def test_few_invite_so_it_does_not_grow():
    row = measure(make_roster(100, 20))
    assert row["verdict"] == GROWS_NOT and np.isnan(row["doubling_days"])
    assert row["k"] == pytest.approx(20 / 120) and row["lo"] < row["k"] < row["hi"]
    assert "does not grow by itself" in row["sentence"]


def test_a_roster_of_those_still_there_never_says_that_it_does_not_grow():
    roster = make_roster(100, 20).assign(left=np.nan)
    row = measure(roster)
    assert row["verdict"] == OPEN and np.isnan([row["hi"], row["longest_hi"], row["doubling_days"]]).all()
    assert row["k"] == pytest.approx(20 / 120) and row["lo"] > 0
    assert "lower bounds: nobody is on record as having left" in row["sentence"]


@pytest.mark.parametrize(("n_lost", "verdict"), [(1, GROWS_NOT), (2, OPEN)])
def test_where_inviters_are_missing_it_is_a_lower_bound(n_lost, verdict):
    strangers = np.zeros(120, dtype=bool)
    strangers[:n_lost] = True
    forest = grow_forest(make_roster(100, 20), strangers)
    row = measure_growth(forest, np.zeros(1, dtype=int), NAMES, 90.0, 0.9).iloc[0]
    assert row["verdict"] == verdict and bool(row["at_least"]) == (verdict == OPEN)


def test_somebody_who_stays_in_another_group_is_a_leaving_on_record():
    roster = make_roster(50, 10).assign(left=np.nan)
    other = roster.iloc[[0]].assign(group=1, left=-1.0)
    people = join_groups(pd.concat([roster, other], ignore_index=True))
    assert people.tells_leaving


def test_a_surely_growing_group_doubles():
    rng = np.random.default_rng(3)
    joined, inviter = [-200.0] * 5, [-1] * 5
    user = 0
    while user < len(joined):  # everybody brings two at an age of 25 to 35 days
        born = joined[user] + rng.uniform(25, 35, 2)
        joined += [each for each in born if each < 0]
        inviter += [user] * int((born < 0).sum())
        user += 1
    roster = pd.DataFrame({"group": 0, "user": range(len(joined)), "inviter": inviter,
                           "joined": 86400 * np.array(joined), "left": np.nan, "stated": True, "bot": False})  # fmt: skip
    row = measure(roster)
    assert row["verdict"] == GROWS and row["doubling_days"] == pytest.approx(30, abs=3)
    assert "or sooner" in row["sentence"]  # nobody is on record as having left: it is at least as much


@pytest.mark.parametrize(
    ("n", "joined", "why"),
    [(1, 150.0, "only 1 members"), (9, 150.0, "only 9 members"), (40, 3.0, "too recently")],
)
def test_too_little_data_is_not_zero(n, joined, why):
    row = measure(make_roster(n, 0, joined=joined))
    assert np.isnan(row["k"]) and row["verdict"] == OPEN and why in row["sentence"]


def test_no_invitation_on_record_is_no_verdict():
    row = measure(make_roster(50, 0))
    assert row["verdict"] == OPEN and row["k"] == 0 and row["hi"] > 0
    assert "not written down" in row["sentence"]


def test_leaving_does_not_shorten_the_time_watched():
    roster = make_roster(50, 10)
    gone = roster.assign(left=roster["joined"] + 86400)
    assert measure(gone)["k"] == measure(roster)["k"]


def test_bots_and_members_without_a_date_are_not_watched():
    roster = make_roster(50, 10)
    roster.loc[0, "bot"] = True
    roster.loc[1, "joined"] = np.nan
    watch = watch_members(grow_forest(roster))
    assert len(watch.days) == 58 and len(watch.age) == 8


def test_the_curve_rises_and_ends_at_all_that_is_brought():
    curve = draw_curve(draw_watch(), np.array([10.0, 50.0, 150.0]), 0.9)
    assert curve["brought"].is_monotonic_increasing and curve["cycle_share"].iloc[-1] == 1
    assert (curve["inviting"] <= curve["brought"]).all()
    assert curve["n_watched"].is_monotonic_decreasing
