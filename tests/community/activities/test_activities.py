"""What activities did is found where it was planted, and not where nothing was, or nothing can be known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from segtool.community.activities.activities import TABLE, study_activities
from segtool.community.activities.effects import begin_study
from segtool.community.activities.noise import Expected, chance_below, lift_interval
from segtool.community.activities.panel import build_panel
from segtool.community.activities.pooled import pool_one
from segtool.community.activities.wording import LIFTED, LOWERED, MATCHED, NOT_SHOWN, OWN, UNKNOWN
from segtool.community.settings import CommunitySettings
from segtool.community.talk import read_talk
from segtool.notes import is_unknown
from segtool.sources import Sources
from segtool.sources.simulate.groups import simulate_groups
from tests.community.worlds import make_talk

AS_OF = pd.Timestamp("2026-07-01")
DAY = pd.Timedelta(days=1)


def steady(
    n_groups: int, days: int = 120, pace: float = 8.0, seed: int = 0, lifts=(), topic="tea"
) -> pd.DataFrame:
    """Return messages at a steady pace; ``lifts`` of (group or None for all, first, last day back, times)."""
    rng = np.random.default_rng(seed)
    mean = np.full((n_groups, days), pace)
    for group, first, last, times in lifts:
        mean[slice(None) if group is None else group, days - first : days - last + 1] *= times
    count = rng.poisson(mean)
    group, day = (np.repeat(place.ravel(), count.ravel()) for place in np.indices(count.shape))
    n = len(group)
    sent = (
        AS_OF
        - pd.to_timedelta(days - day, unit="D")
        + pd.to_timedelta(rng.integers(8, 23, n) * 3600, unit="s")
    )
    return pd.DataFrame(
        {"group_id": [f"g{number}" for number in group], "user_id": [f"u{number}" for number in rng.integers(0, 30, n)],
         "sent_at": sent, "topic": topic}
    )  # fmt: skip


def activity(group: str, first: int, last: int, name: str = "a", **more) -> dict:
    """Return an activity from 10 o'clock ``first`` days back to 20 o'clock ``last`` days back."""
    return {"activity_id": name, "group_id": group, "starts_at": AS_OF - first * DAY + pd.Timedelta(hours=10),
            "ends_at": AS_OF - last * DAY + pd.Timedelta(hours=20), "topic": "tea", "title": "tasting", **more}  # fmt: skip


def study(messages: pd.DataFrame, activities: list[dict], **more):
    return study_activities(make_talk(messages=messages, activities=activities, **more))


# -- what is planted is found -------------------------------------------------------------------------


def test_a_planted_lift_is_found_against_matched_groups():
    found = study(steady(8, lifts=[(0, 41, 40, 4.0)]), [activity("g0", 41, 40)])
    row = found.table.iloc[0]
    assert row["method"] == MATCHED and row["n_controls"] == 7
    assert row["verdict"] == LIFTED
    assert row["lo"] < 4.0 < row["hi"]
    assert row["expected"] == pytest.approx(16, rel=0.25)
    assert row["after_lo"] < 1 < row["after_hi"]
    assert row["n_days"] == 2 and not row["running"]
    assert "7 groups like it" in row["reason"] and "nothing of it is shown to be left" in row["reason"]


def test_a_lift_that_lasts_is_seen_in_the_weeks_after():
    found = study(steady(8, lifts=[(0, 41, 40, 4.0), (0, 39, 12, 2.0)]), [activity("g0", 41, 40)])
    row = found.table.iloc[0]
    assert row["after_lo"] > 1
    assert row["sticks"] == pytest.approx(0.5, abs=0.25)
    weeks = found.measures.query("measure == 'messages' and window.str.startswith('week')")
    assert (weeks["lift"] > 1.4).all() and len(weeks) == 4


def test_what_all_groups_share_is_no_effect_where_there_are_groups_to_compare_with():
    messages = steady(8, lifts=[(None, 41, 40, 3.0)])
    row = study(messages, [activity("g0", 41, 40)]).table.iloc[0]
    assert row["expected"] == pytest.approx(48, rel=0.2)
    assert row["lift"] < 1.6
    alone = study(messages[messages["group_id"] == "g0"], [activity("g0", 41, 40)])
    assert alone.table["method"].item() == OWN
    assert alone.table["lift"].item() > 2
    assert any("had no activity then" in note for note in alone.notes)


def test_groups_with_an_activity_of_their_own_then_are_no_controls():
    acts = [activity("g0", 41, 40, "a")] + [activity(f"g{n}", 41, 40, f"b{n}") for n in range(1, 5)]
    table = study(steady(8), acts).table
    assert table["n_controls"].tolist() == [3] * 5


def test_a_group_that_falls_silent_during_it_is_lowered():
    row = study(steady(8, lifts=[(0, 44, 38, 0.02)]), [activity("g0", 44, 38)]).table.iloc[0]
    assert row["verdict"] == LOWERED and row["hi"] < 1


def test_nothing_is_named_where_nothing_was_planted():
    acts = [activity(f"g{n % 8}", 30 + 6 * n, 29 + 6 * n, f"a{n}") for n in range(8)]
    found = study(steady(8, seed=3), acts)
    assert (found.table["verdict"] == NOT_SHOWN).all()
    whole = found.overall("messages", "during")
    assert whole["lo"] < 1 < whole["hi"]


def test_simulated_lifts_are_found_and_their_intervals_hold_them():
    world = simulate_groups(["thriving"] * 12, random_state=11, lift=4.0, n_activities=4, with_text=False)
    found = study_activities(
        read_talk(Sources.read(world.tables, as_of=world.as_of, timezone=world.timezone))
    )
    truth = world.truth["activities"].set_index("activity_id")
    table = found.table.set_index("activity_id").dropna(subset=["lift"])
    true = truth.loc[table.index, "lift"]
    assert ((table["lo"] <= true) & (true <= table["hi"])).mean() > 0.8
    named = table["verdict"] == LIFTED
    assert named.sum() > 8 and truth.loc[table.index[named], "dud"].astype(bool).mean() <= 0.1
    planted = world.truth["returned"][["activity_id", "user_id"]]
    assert len(planted.merge(found.returned)) == len(planted) > 5
    curve = found.curve.set_index("day")
    assert curve.loc[0, "lo"] > 1 and abs(np.log(curve.loc[range(-14, -3), "lift"]).mean()) < 0.15


def test_weekends_of_a_group_are_not_taken_for_what_its_saturday_activities_did():
    back = np.arange(1, 183)
    weekend = [int(day) for day in back if (AS_OF - day * DAY).weekday() >= 5]
    quiet = [int(day) for day in back if (AS_OF - day * DAY).weekday() < 5]
    lifts = [(g, day, day, 4.0 if day in weekend else 0.4) for g in range(3) for day in weekend + quiet]
    saturdays = [day for day in weekend if (AS_OF - day * DAY).weekday() == 5][5:22:4]
    acts = [activity(f"g{g}", day, day, f"a{g}_{day}") for g in range(3) for day in saturdays]
    found = study(steady(9, days=182, pace=5.0, lifts=lifts), acts)
    assert 0.8 < found.overall("messages", "during")["lift"] < 1.25
    assert (found.table["verdict"] == NOT_SHOWN).all()


def test_an_activity_begun_in_a_slump_says_so():
    messages = steady(8, days=160, lifts=[(0, 72, 42, 0.5)])
    table = study(messages, [activity("g0", 41, 40), activity("g1", 41, 40, "b")]).table
    table = table.set_index("activity_id")
    assert table.loc["a", "in_slump"] and "began in a slump" in table.loc["a", "reason"]
    assert not table.loc["b", "in_slump"] and "slump" not in table.loc["b", "reason"]


def test_what_came_after_does_not_choose_the_matched_groups():
    plain = steady(8, seed=3)
    later = plain[(plain["sent_at"] > AS_OF - 40 * DAY) & plain["group_id"].isin(["g1", "g2", "g3"])]
    talks = [plain, pd.concat([plain, *[later] * 20])]
    acts = [activity("g0", 41, 40)]
    near = []
    for messages in talks:
        talk = make_talk(messages=messages, activities=acts)
        near.append(begin_study(build_panel(talk, 30), talk.settings, 0).near)
    np.testing.assert_array_equal(*near)


# -- topic, returns -----------------------------------------------------------------------------------


def test_the_topic_is_steered():
    messages = steady(6, lifts=[(0, 42, 40, 3.0)])
    back = (AS_OF - messages["sent_at"].dt.normalize()) / DAY
    rng = np.random.default_rng(1)
    on = (messages["group_id"] == "g0") & back.between(40, 42)
    messages["topic"] = np.where(rng.random(len(messages)) < np.where(on, 0.9, 0.2), "tea", "news")
    row = study(messages, [activity("g0", 42, 40)]).table.iloc[0]
    assert row["share_before"] == pytest.approx(0.2, abs=0.08)
    assert row["share_during"] == pytest.approx(0.9, abs=0.1)
    assert 0 < row["steer_lo"] < 0.7 < row["steer_hi"]
    assert row["kept_lo"] < 0 < row["kept_hi"]


def test_who_came_back_and_who_still_writes():
    messages = steady(4)
    extra = [("back", 80, "g0"), ("back", 41, "g0"), ("back", 30, "g0"), ("gone", 81, "g0"), ("gone", 40, "g0"),
             ("short", 60, "g0"), ("short", 40, "g0"), ("new", 40, "g0")]  # fmt: skip
    more = pd.DataFrame(
        [{"user_id": user, "group_id": group, "sent_at": AS_OF - day * DAY + pd.Timedelta(hours=12), "topic": "tea"}
         for user, day, group in extra]
    )  # fmt: skip
    found = study(pd.concat([messages, more]), [activity("g0", 41, 40)])
    rows = found.returned.set_index("user_id")
    assert set(rows.index) == {"back", "gone"}
    assert rows.loc["back", ["silent_days", "n_during", "n_after", "still_writes"]].tolist() == [
        39,
        1,
        1,
        "yes",
    ]
    assert rows.loc["gone", ["silent_days", "n_during", "n_after", "still_writes"]].tolist() == [
        41,
        1,
        0,
        "no",
    ]
    assert found.table[["n_returned", "n_stayed"]].to_numpy().tolist() == [[2, 1]]
    early = study(
        pd.concat([messages, more]), [activity("g0", 41, 40)], settings=CommunitySettings(silent_days=60)
    )
    assert early.returned.empty


def test_newcomers_first_messages_are_counted_and_old_members_are_not_newcomers():
    messages = steady(4)
    more = pd.DataFrame([{"user_id": name, "group_id": "g0", "sent_at": AS_OF - 40.4 * DAY, "topic": "tea"}
                         for name in ("fresh", "old")])  # fmt: skip
    members = [{"group_id": "g0", "user_id": "fresh", "joined_at": AS_OF - 50 * DAY},
               {"group_id": "g0", "user_id": "old", "joined_at": AS_OF - 300 * DAY}]  # fmt: skip
    found = study(pd.concat([messages, more]), [activity("g0", 41, 40)], members=members)
    assert found.table["first_messages"].item() == 1


# -- what cannot be known -----------------------------------------------------------------------------


def test_overlaps_recent_early_and_unended_activities_say_so():
    acts = [
        activity("g0", 60, 59, "twin1"),
        activity("g0", 60, 59, "twin2"),
        activity("g1", 3, 2, "recent"),
        activity("g2", 118, 117, "early"),
        activity("g3", 1, -2, "running"),
        activity("g4", 50, 50, "unended", ends_at=pd.NaT, topic=None),
        activity("g5", 200, 199, "ancient"),
        activity("g6", -5, -6, "future"),
    ]
    found = study(steady(8), acts)
    table = found.table.set_index("activity_id")
    assert "future" not in table.index
    assert table.loc[["twin1", "twin2"], "mixed"].all()
    assert table.loc[["twin1", "twin2"], "verdict"].tolist() == [UNKNOWN] * 2
    assert "nother activity at the same time" in table.loc["twin1", "reason"]
    assert table.loc["recent", "verdict"] != UNKNOWN and np.isnan(table.loc["recent", "lift_after"])
    assert "too recent" in table.loc["recent", "reason"]
    assert "undisturbed days before" in table.loc["early", "reason"]
    assert np.isnan(table.loc["early", "n_returned"])
    assert table.loc["running", "running"] and "still runs" in table.loc["running", "reason"]
    assert table.loc["unended", "n_days"] == 1 and np.isnan(table.loc["unended", "steer"])
    assert table.loc["ancient", "verdict"] == UNKNOWN and "records" in table.loc["ancient", "reason"]
    assert found.overall("messages", "during")["n_activities"] == 3
    assert any(is_unknown(note) and "too recent" in note for note in found.notes)


def test_a_group_that_hardly_talks_cannot_be_told():
    messages = pd.concat([steady(5), steady(1, pace=0.1, seed=4).assign(group_id="still")])
    row = study(messages, [activity("still", 40, 39)]).table.iloc[0]
    assert row["verdict"] == UNKNOWN and row["reason"] == "Too little data before."
    assert np.isnan(row["lift"]) and np.isnan(row["lo"])


def test_talk_in_rare_bursts_cannot_be_told():
    rng = np.random.default_rng(2)
    bursts = pd.concat(
        [
            pd.DataFrame({"group_id": f"g{group}", "user_id": [f"u{n}" for n in range(25)], "topic": "tea",
                          "sent_at": AS_OF - day * DAY + pd.to_timedelta(np.arange(25), unit="min")})
            for group in range(6) for day in rng.choice(np.arange(1, 120), 9, replace=False)
        ]
    )  # fmt: skip
    row = study(bursts, [activity("g0", 41, 40)]).table.iloc[0]
    assert row["verdict"] == UNKNOWN and "rare bursts" in row["reason"]


def test_without_activities_or_messages_there_is_a_note_and_no_table():
    empty = study(steady(1, days=10), None)
    assert empty.table.empty and list(empty.table.columns) == TABLE
    assert [is_unknown(note) for note in empty.notes] == [True]
    assert empty.headline() == "No activities" and empty.overall("messages", "during") is None
    silent = study(None, [activity("g0", 5, 4)], members=[{"group_id": "g0", "user_id": "u"}])
    assert silent.table.empty and "nobody wrote" in silent.notes[0]


def test_bots_and_one_member_change_nothing():
    messages = steady(6, lifts=[(0, 41, 40, 4.0)])
    days = AS_OF - pd.to_timedelta(np.arange(1, 121), unit="D") + pd.Timedelta(hours=9)
    bot = pd.DataFrame({"user_id": "bot", "group_id": "g0", "sent_at": np.repeat(days, 5), "topic": "news"})
    lone = pd.DataFrame({"user_id": "lone", "group_id": "lonely", "sent_at": days[:3], "topic": "news"})
    acts, settings = [activity("g0", 41, 40)], CommunitySettings(bots=("bot",))
    plain = study(pd.concat([messages, lone]), acts, settings=settings)
    noisy = study(pd.concat([messages, lone, bot]), acts, settings=settings)
    pd.testing.assert_frame_equal(plain.table, noisy.table)


def test_the_order_of_rows_and_what_comes_later_change_nothing():
    messages = steady(6, lifts=[(0, 41, 40, 3.0)]).reset_index(names="place")
    messages.insert(0, "message_id", "m" + messages.pop("place").astype(str))
    acts = [activity("g0", 41, 40), activity("g1", 60, 59, "b")]
    later = messages.tail(500).assign(sent_at=AS_OF + DAY, message_id=[f"late{n}" for n in range(500)])
    one = study(messages, acts)
    other = study(pd.concat([later, messages.sample(frac=1, random_state=1)]), acts[::-1])
    for name in ("table", "measures", "pooled", "returned", "curve"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


# -- parts --------------------------------------------------------------------------------------------


def test_chances_are_those_of_the_negative_binomial():
    seen, told = np.array([3.0, 12.0, 80.0]), Expected(np.array([5.0, 5.0, 50.0]), np.array([0.2, 0.2, 0.05]))
    size = 1 / told.spread
    exact = [stats.nbinom.cdf(seen - k, size, size / (size + told.mean)) for k in (0, 1)]
    np.testing.assert_allclose(chance_below(seen, told), np.mean(exact, axis=0), atol=0.004)


def test_an_interval_inverts_the_test():
    seen, told = np.array([0.0, 4.0, 40.0]), Expected(np.array([2.0, 5.0, 30.0]), np.array([0.3, 0.2, 0.1]))
    lift, low, high = lift_interval(seen, told, (0.05, 0.1))
    np.testing.assert_allclose(chance_below(seen, Expected(told.mean * high, told.spread)), 0.05, atol=1e-6)
    np.testing.assert_allclose(chance_below(seen, Expected(told.mean * low, told.spread)), 0.9, atol=1e-6)
    assert (low < lift).all() and (lift < high).all()


def test_pooling_weighs_by_size_and_shows_how_far_activities_differ():
    def rows(lifts):
        usual = np.full(len(lifts), 40.0)
        return np.array(lifts) * usual, usual, np.full(len(lifts), 0.02), usual

    alike, apart = pool_one(*rows([2, 2.1, 1.9, 2, 2]), 0.9), pool_one(*rows([1, 4, 1, 4, 1]), 0.9)
    assert alike["lift"] == pytest.approx(2, rel=0.02) and alike["differ"] == 0
    assert apart["differ"] > 0.3 and apart["hi"] / apart["lo"] > 2 * alike["hi"] / alike["lo"]
    assert np.isnan(pool_one(*rows([2]), 0.9)["lift"])
