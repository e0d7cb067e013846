"""The simulated community is what it says: reproducible, coherent, planted, and not too easy."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from segtool.errors import ParameterError
from segtool.sources.simulate import simulate_circle
from segtool.sources.simulate.personas import CHANNELS, PERSONAS, SHARES, TASTES
from segtool.sources.simulate.simulation import TABLES
from segtool.sources.simulate.words import TOPIC_KEYS

DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def circle():
    return simulate_circle()


@pytest.fixture(scope="module")
def users(circle):
    return circle.truth["users"].set_index("user_id")


@pytest.fixture(scope="module")
def messages(circle):
    return circle.tables["messages"].merge(circle.truth["groups"][["group_id", "fate", "charter"]])


# -- sameness ---------------------------------------------------------------------------------------


def test_the_same_seed_writes_the_same_bytes_in_another_process(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    simulate_circle(120, random_state=3).write(here)
    code = f"from segtool.sources import simulate_circle as s; s(120, random_state=3).write({str(there)!r})"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": "5", "TZ": "UTC"}
    )
    files = sorted(path.relative_to(here) for path in here.rglob("*") if path.is_file())
    assert len(files) > 15
    assert [(here / name).read_bytes() for name in files] == [(there / name).read_bytes() for name in files]


def test_another_seed_gives_another_community():
    one, other = (
        simulate_circle(50, random_state=seed, tables=("events",)).tables["events"] for seed in (1, 2)
    )
    assert not one.equals(other)


@pytest.mark.parametrize("name", TABLES)
def test_asking_for_one_table_changes_nothing_in_it(circle, name):
    alone = simulate_circle(tables=(name,)).tables[name]
    pd.testing.assert_frame_equal(alone, circle.tables[name])


def test_written_events_are_the_events(tmp_path, circle):
    for form in ("parquet", "csv"):
        path = simulate_circle(tables=("events",)).write(tmp_path, form, with_truth=False)["events"]
        read = pd.read_parquet(path) if form == "parquet" else pd.read_csv(path, parse_dates=["event_time"])
        assert len(read) == len(circle.tables["events"])
        assert read["amount"].sum() == pytest.approx(circle.tables["events"]["amount"].sum())
        assert (read["user_id"] == circle.tables["events"]["user_id"]).all()


@pytest.mark.parametrize("wrong", [{"n_users": 5}, {"days": 3}, {"as_of": "soon"}, {"tables": ("orders",)}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ParameterError, match="Accepted"):
        simulate_circle(**wrong)


# -- coherence --------------------------------------------------------------------------------------


def test_sizes_are_as_promised(circle):
    sizes = {name: len(table) for name, table in circle.tables.items()}
    assert sizes["users"] == 2000
    assert 52_000 < sizes["events"] < 68_000
    assert 160 <= sizes["survey"] <= 240
    assert circle.tables["notes"]["user_id"].nunique() == 100
    assert circle.tables["messages"]["group_id"].nunique() == 8


def test_nothing_happens_at_or_after_as_of_or_before_joining(circle):
    joined = circle.tables["users"].set_index("user_id")["joined_at"]
    for name, time in {
        "events": "event_time",
        "survey": "answered_at",
        "notes": "noted_at",
        "sends": "sent_at",
        "messages": "sent_at",
        "members": "joined_at",
    }.items():
        table = circle.tables[name]
        assert (table[time] < circle.as_of).all(), name
        assert (table[time] >= table["user_id"].map(joined).dt.floor("s")).all(), name


def test_no_two_events_are_equal(circle):
    assert not circle.tables["events"].duplicated().any()


def test_items_are_published_before_they_are_seen(circle):
    published = circle.tables["content"].set_index("item_id")["published_at"].dt.floor("D")
    for name, time in {"events": "event_time", "sends": "sent_at"}.items():
        table = circle.tables[name].dropna(subset="item_id")
        # Reviews and refunds follow a purchase of the same item, so the rule holds for them too.
        assert (table[time] >= table["item_id"].map(published)).all()


def test_money_is_where_money_moves(circle):
    events = circle.tables["events"]
    assert set(events.loc[events["amount"].notna(), "event"]) == {"purchase", "refund"}
    assert (events["amount"].dropna() >= 1).all()
    bought = events[events["event"] == "purchase"]
    assert bought["amount"].notna().all()
    assert bought["item_id"].notna().all()


def test_lapsed_users_have_been_silent_for_a_month(circle, users):
    last = circle.tables["events"].groupby("user_id")["event_time"].max()
    lapsed = users.index[users["lapsed"]]
    silent = (pd.Timestamp(circle.as_of) - last.reindex(lapsed).dropna()) / DAY
    assert 0.05 < len(lapsed) / len(users) < 0.2
    assert (silent > 20).all()  # a review or refund may still follow the last purchase


def test_replies_answer_an_earlier_message_of_somebody_else_in_the_group(messages):
    by_id = messages.set_index("message_id")
    replies = messages.dropna(subset="reply_to")
    answered = by_id.loc[replies["reply_to"]]
    assert (answered["group_id"].to_numpy() == replies["group_id"].to_numpy()).all()
    assert (answered["sent_at"].to_numpy() <= replies["sent_at"].to_numpy()).all()
    assert (answered["user_id"].to_numpy() != replies["user_id"].to_numpy()).all()


def test_members_are_invited_by_members_who_were_there(circle):
    members = circle.tables["members"]
    joined = members.set_index(["group_id", "user_id"])["joined_at"]
    invited = members.dropna(subset="invited_by")
    inviter = joined.loc[list(zip(invited["group_id"], invited["invited_by"], strict=True))]
    assert len(invited) > 100
    assert (inviter.to_numpy() < invited["joined_at"].to_numpy()).all()


def test_text_is_partly_chinese_with_emoji(circle):
    titles = " ".join(circle.tables["content"]["title"])
    assert "亲子" in titles and "👟" in titles


# -- what is planted --------------------------------------------------------------------------------


def test_persona_specifications_are_distributions():
    assert SHARES.sum() == pytest.approx(1)
    np.testing.assert_allclose(TASTES.sum(axis=1), 1)
    for one in PERSONAS:
        for table in (one.stages, one.life_stages, one.employers, one.cities, one.ages, one.tiers):
            assert sum(table) == pytest.approx(1), one.key
        assert sum(one.channels.values()) <= 1 and set(one.channels) <= set(CHANNELS)
        assert set(one.topics) <= set(TOPIC_KEYS)


def test_personas_have_their_shares_and_eight_percent_are_mixed(users):
    share = users["persona"].value_counts(normalize=True)
    for one in PERSONAS:
        assert share[one.key] == pytest.approx(one.share, abs=0.035)
    assert users["is_mixed"].mean() == pytest.approx(0.08, abs=0.02)


def test_activity_does_not_tell_the_persona(users):
    activity = np.log(users["events_30d"])
    between = activity.groupby(users["persona"]).transform("mean").var()
    assert between / activity.var() < 0.02


def test_taste_tells_the_persona_of_most_active_users_but_not_of_all(circle, users):
    events = circle.tables["events"].dropna(subset="topic")
    counts = pd.crosstab(events["user_id"], events["topic"]).reindex(
        index=users.index, columns=TOPIC_KEYS, fill_value=0
    )
    active = counts.sum(axis=1) >= 20
    likeliest = (counts.to_numpy() @ np.log(TASTES).T).argmax(axis=1)
    found = np.array([one.key for one in PERSONAS])[likeliest] == users["persona"]
    assert 0.80 < found[active].mean() < 0.97
    assert found[~active].mean() < 0.85


def test_latent_tastes_are_what_events_are_drawn_from(circle, users):
    events = circle.tables["events"]
    events = events[events["event"].isin(["view", "like", "comment", "click"])].dropna(subset="topic")
    counts = pd.crosstab(events["user_id"], events["topic"]).reindex(
        index=users.index, columns=TOPIC_KEYS, fill_value=0
    )
    latent = circle.truth["topics"].set_index("user_id")[list(TOPIC_KEYS)]
    expected = latent.mul(counts.sum(axis=1), axis=0).sum()
    assert (counts.sum() / expected).between(0.85, 1.15).all()


def test_latent_spending_is_what_users_spend():
    simulation = simulate_circle(8000, as_of="2026-04-01", tables=("users", "events"))
    truth = simulation.truth["users"].set_index("user_id")
    events = simulation.tables["events"]
    recent = events[(events["event"] == "purchase") & (events["event_time"] >= "2026-03-02")]
    here = truth.index[~truth["lapsed"] & (truth["tenure_days"] > 31)]
    spent = recent.groupby("user_id")["amount"].sum().reindex(here, fill_value=0)
    assert spent.sum() / truth.loc[here, "spend_rate_30d"].sum() == pytest.approx(1, abs=0.12)
    means = events[events["event"] == "purchase"].groupby("user_id")["amount"].agg(["mean", "size"])
    many = means[means["size"] >= 12]
    assert (many["mean"] / truth.loc[many.index, "order_value"]).median() == pytest.approx(1, abs=0.08)


def test_hours_follow_the_latent_hours(circle):
    hours = circle.truth["hours"].set_index("user_id")
    np.testing.assert_allclose(hours.sum(axis=1), 1, atol=2e-3)
    events = circle.tables["events"]
    expected = hours.loc[events["user_id"]].mean().to_numpy()
    seen = events["event_time"].dt.hour.value_counts(normalize=True).reindex(range(24)).to_numpy()
    np.testing.assert_allclose(seen, expected, atol=0.012)


def test_three_users_of_the_brief_are_there(users):
    mother = users[(users["persona"] == "public_sector_mother") & ~users["is_mixed"]]
    assert (mother["life_stage"] == "parent").mean() > 0.9
    assert (mother["employer"] == "public sector").mean() > 0.7
    student = users[(users["persona"] == "trendy_student") & ~users["is_mixed"]]
    assert (student["budget_month"] < 2000).mean() > 0.6
    assert (student["spending_power"] == "average").mean() > 0.5
    assert student["likes_trendy"].mean() > 0.5
    flyer = users[(users["persona"] == "luxury_frequent_flyer") & ~users["is_mixed"]]
    assert flyer["flights_per_year"].median() > 12
    assert (flyer["employer"] == "foreign company").mean() > 0.8
    assert flyer["likes_luxury"].mean() > 0.45


def test_paid_answers_are_rosier_and_worse():
    simulation = simulate_circle(12_000, tables=("survey",))
    survey = simulation.tables["survey"]
    truth = simulation.truth["users"].set_index("user_id")
    answers = {
        "student": "Student",
        "single": "Single, working",
        "couple": "Couple, no children",
        "parent": "Children at home",
        "retired": "Retired",
    }
    right = survey["q1"] == survey["user_id"].map(truth["life_stage"]).map(answers)
    right = right[survey["q1"].notna()].groupby(survey["paid"]).mean()
    assert right[False] > 0.92 > right[True]
    liking = pd.to_numeric(survey["q7"]).groupby(survey["paid"]).mean()
    assert liking[True] > liking[False] + 1


def test_one_note_in_ten_is_wrong():
    simulation = simulate_circle(20_000, tables=("notes",))
    truth = simulation.truth["users"].set_index("user_id")
    notes = simulation.tables["notes"]
    notes = notes[notes["label"] == "life_stage"]
    wrong = notes["value"] != notes["user_id"].map(truth["life_stage"])
    assert wrong.mean() == pytest.approx(0.10, abs=0.03)
    assert wrong[notes["author"] == "intern_he"].mean() > 2 * wrong[notes["author"] == "lin"].mean()


def test_opting_out_gets_likelier_with_pressure():
    sends = simulate_circle(12_000, tables=("sends",)).tables["sends"]
    gap = sends.groupby("user_id")["sent_at"].diff().dt.total_seconds() / 86400
    pressure = np.zeros(len(sends))
    for rows in sends.groupby("user_id").indices.values():
        level = 0.0
        for row in rows:
            level = level * np.exp(-gap.iat[row] / 7) if gap.iat[row] == gap.iat[row] else 0.0
            pressure[row] = level
            level += 1
    out = sends["muted_at"].notna() | sends["unsubscribed_at"].notna()
    assert out[pressure > 3].mean() > 1.8 * out[pressure < 1].mean()


def test_nobody_is_sent_anything_after_leaving(circle):
    sends = circle.tables["sends"]
    left = sends.dropna(subset="unsubscribed_at").groupby("user_id")["sent_at"].max()
    last = sends.groupby("user_id")["sent_at"].max()
    assert len(left) > 20
    assert (last.loc[left.index] == left).all()


def test_propensities_are_the_shares_of_the_arms(circle):
    sends = circle.tables["sends"]
    for _, part in sends.groupby("arm"):
        for logged, rows in part.groupby("propensity"):
            assert 0 < logged < 1 and len(rows) > 50
    # What was logged and what happened agree: inverse propensities of one arm sum to all sends.
    for _, part in sends.groupby("arm"):
        assert (1 / part["propensity"]).sum() == pytest.approx(len(sends), rel=0.08)


# -- groups -----------------------------------------------------------------------------------------


def test_groups_fare_as_planted(circle, messages):
    end = pd.Timestamp(circle.as_of)
    top3 = messages.groupby(["fate", "group_id"])["user_id"].apply(
        lambda ids: ids.value_counts(normalize=True)[:3].sum()
    )
    replied = messages.groupby(["fate", "group_id"])["reply_to"].apply(lambda ids: ids.notna().mean())
    assert (replied["thriving"] > 0.5).all() and (top3["thriving"] < 0.45).all()
    assert (top3["chat_room"] > 0.5).all() and (top3["loudspeaker"] > 0.85).all()
    assert (replied["loudspeaker"] < 0.1).all() and (replied["overgrown"] < 0.35).all()
    dead = messages[messages["fate"] == "dead"]
    assert (dead["sent_at"] > end - 60 * DAY).sum() <= 2 and len(dead) > 100
    size = circle.truth["groups"].set_index("fate")["n_members"]
    assert size["overgrown"] > 150 > size["thriving"].max()


def test_the_chat_room_talks_more_and_less_about_its_topic(circle, messages):
    room = messages[messages["fate"] == "chat_room"]
    half = room["sent_at"] > pd.Timestamp(circle.as_of) - 90 * DAY
    on_topic = room["topic"] == room["charter"]
    assert half.mean() > 0.6
    assert on_topic[~half].mean() > on_topic[half].mean() + 0.15


def test_leaders_are_answered_more_than_others(circle, messages):
    leaders = circle.truth["leaders"]
    leaders = set(zip(leaders["group_id"], leaders["user_id"], strict=True))
    thriving = messages[messages["fate"] == "thriving"]
    is_leader = np.array(
        [pair in leaders for pair in zip(thriving["group_id"], thriving["user_id"], strict=True)]
    )
    replies = thriving["message_id"].map(thriving["reply_to"].value_counts()).fillna(0)
    assert replies[is_leader].mean() > 1.4 * replies[~is_leader].mean()


# -- scale ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_more_users_than_one_chunk_are_written_part_by_part(tmp_path):
    import pyarrow.parquet as pq

    paths = simulate_circle(45_000, tables=("events", "users")).write(tmp_path, "parquet", with_truth=False)
    events = pq.read_metadata(paths["events"])
    assert events.num_row_groups >= 3
    assert 25 < events.num_rows / 45_000 < 34
