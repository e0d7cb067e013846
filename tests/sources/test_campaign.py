import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.sources.simulate import simulate_campaign, simulate_circle


@pytest.fixture(scope="module")
def circle():
    return simulate_circle(600, days=90, random_state=5)


def send_list(circle, share=0.8, n=6, topic="topic_1"):
    """Sends every four days of each user's favourite topic; the last users get nothing."""
    users = circle.truth["users"].head(int(share * circle.n_users))
    parts = [
        pd.DataFrame(
            {
                "user_id": users["user_id"],
                "sent_at": pd.Timestamp(circle.as_of) + pd.Timedelta(days=4 * i, hours=12),
                "channel": ["app_push", "wecom_group", "service_account"][i % 3],
                "topic": users[topic],
            }
        )
        for i in range(n)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def campaign(circle):
    return simulate_campaign(circle, send_list(circle), weeks=4, seed=1)


def test_everybody_lives_on_after_the_data_ends(circle, campaign):
    events = campaign.events
    assert (events["event_time"] >= circle.as_of).all() and (events["event_time"] < campaign.as_of).all()
    held_out = set(circle.truth["users"]["user_id"].tail(120))
    assert held_out & set(events["user_id"]) and not held_out & set(campaign.sends["user_id"])
    assert list(events.columns) == list(circle.tables["events"].columns)
    assert (events.dtypes == circle.tables["events"].dtypes).all()


def test_the_same_people_keep_their_tastes(circle, campaign):
    before, after = (table.dropna(subset="topic") for table in (circle.tables["events"], campaign.events))
    tops = [table.groupby("user_id")["topic"].agg(lambda t: t.mode()[0]) for table in (before, after)]
    both = pd.concat(tops, axis=1, join="inner")
    assert (
        both.iloc[:, 0] == both.iloc[:, 1]
    ).mean() > 0.2  # one in sixteen by chance, and a month of events has many ties


def test_every_send_is_delivered_or_met_a_closed_door(circle, campaign):
    assert len(campaign.sends) + len(campaign.undelivered) == len(send_list(circle))
    assert campaign.sends["send_id"].is_unique
    gone = circle.tables["sends"].dropna(subset="unsubscribed_at")["user_id"]
    assert not set(gone) & set(campaign.sends["user_id"])
    assert set(campaign.undelivered["why"]) == {"muted", "unsubscribed"}


def test_nobody_is_sent_to_after_leaving(campaign):
    left = campaign.sends.dropna(subset="unsubscribed_at").groupby("user_id")["sent_at"].max()
    last = campaign.sends.groupby("user_id")["sent_at"].max()
    assert len(left) and (last[left.index] == left).all()


def test_without_the_list_the_same_days_would_have_passed(circle, campaign):
    nothing = simulate_campaign(circle, send_list(circle).head(0), weeks=4, seed=1)
    with_list = campaign.user_truth["events"] - campaign.user_truth["events_caused"]
    assert (with_list == nothing.user_truth["events"]).all()
    keys = list(nothing.events.columns)
    both = nothing.events.merge(campaign.events, on=keys, how="inner")
    assert len(both) == len(nothing.events) < len(campaign.events)


def test_effects_differ_by_persona_and_fit(circle, campaign):
    truth = campaign.truth.set_index("persona")
    per_user = truth["visits_caused"] / truth["n_reached"]
    assert per_user["public_sector_mother"] > 1.5 * per_user["bargain_office_worker"] > 0
    assert per_user["trendy_student"] < 0.2
    unwanted = send_list(circle).assign(topic=circle.truth["users"].set_index("user_id")["disliked_topic"].reindex(
        send_list(circle)["user_id"]).to_numpy())  # fmt: skip
    assert (
        simulate_campaign(circle, unwanted, weeks=4).truth["visits_caused"].sum()
        < 0.1 * truth["visits_caused"].sum()
    )


def test_the_truth_is_what_was_drawn(campaign):
    users = campaign.user_truth
    caused, expected = users["visits_caused"].sum(), users["expected_visits_caused"].sum()
    assert abs(caused - expected) < 4 * np.sqrt(expected)
    bought = users["purchases_caused"].sum(), users["expected_purchases_caused"].sum()
    assert abs(bought[0] - bought[1]) < 6 * np.sqrt(bought[1])
    purchases = (campaign.events["event"] == "purchase").sum()
    assert purchases == users["purchases"].sum() == campaign.truth["purchases"].sum()
    spent = campaign.events.loc[campaign.events["event"] == "purchase", "amount"].sum()
    assert spent == pytest.approx(users["spend"].sum(), abs=0.5)


def test_a_holdout_drawn_at_random_finds_the_truth():
    big = simulate_circle(4000, days=60, random_state=2)
    users = big.truth["users"]
    treated = np.random.default_rng(0).random(4000) < 0.5
    mail = send_list(big, share=1.0, n=7)
    campaign = simulate_campaign(big, mail[mail["user_id"].isin(users["user_id"][treated])], weeks=4)
    truth = campaign.user_truth
    days = campaign.events.assign(day=campaign.events["event_time"].dt.date)
    active = days.groupby("user_id")["day"].nunique().reindex(users["user_id"]).fillna(0).to_numpy()
    assert (active == truth["active_days"]).all()
    difference = active[treated].mean() - active[~treated].mean()
    noise = np.sqrt(active[treated].var() / treated.sum() + active[~treated].var() / (~treated).sum())
    assert abs(difference - truth.loc[treated, "active_days_caused"].mean()) < 3 * noise
    assert truth.loc[~treated, "active_days_caused"].eq(0).all()


def test_same_seed_same_campaign_and_row_order_does_not_matter(circle, campaign):
    again = simulate_campaign(circle, send_list(circle), weeks=4, seed=1)
    pd.testing.assert_frame_equal(again.events, campaign.events)
    pd.testing.assert_frame_equal(again.user_truth, campaign.user_truth)
    assert not simulate_campaign(circle, send_list(circle), weeks=4, seed=2).events.equals(campaign.events)


def test_a_campaign_changes_nothing_of_the_sample_data():
    plain, used = (simulate_circle(100, days=60, random_state=3) for _ in range(2))
    simulate_campaign(used, send_list(used), weeks=4)
    for name, table in plain.tables.items():
        pd.testing.assert_frame_equal(table, used.tables[name])


def test_what_the_list_says_of_a_send_is_kept(circle):
    mail = send_list(circle, n=1).assign(arm="matched", propensity=0.3)
    mail["send_id"] = [f"x{i}" for i in range(len(mail))]
    mail["send_at"] = mail.pop("sent_at").dt.tz_localize(circle.timezone).dt.tz_convert("UTC")
    sends = simulate_campaign(circle, mail, weeks=1).sends
    assert (sends["arm"] == "matched").all() and (sends["propensity"] == 0.3).all()
    assert sends["send_id"].str.startswith("x").all() and (sends["sent_at"].dt.hour == 12).all()


def test_items_stand_for_their_topics(circle):
    content = circle.tables["content"]
    mail = send_list(circle, n=1).drop(columns="topic").assign(item_id=content["item_id"].iloc[0])
    sends = simulate_campaign(circle, mail, weeks=1).sends
    assert (sends["topic"] == content["topic"].iloc[0]).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"user_id": "nobody"}, "unknown user_id"),
        ({"channel": "pigeon"}, "unknown channel"),
        ({"topic": "astrology"}, "unknown topic"),
        ({"sent_at": "2020-01-01"}, "outside the campaign"),
        ({"send_id": "s1"}, "more than once"),
    ],
)
def test_lists_that_do_not_fit_are_refused(circle, change, says):
    with pytest.raises(InputError, match=says):
        simulate_campaign(circle, send_list(circle, n=1).assign(**change))


def test_a_schedule_names_days_and_hours(circle):
    mail = send_list(circle, n=1).drop(columns="sent_at").assign(send_date="2026-07-02", send_hour_local=9)
    sends = simulate_campaign(circle, mail, weeks=1).sends
    assert (sends["sent_at"].dt.floor("h") == "2026-07-02 09:00").all()
    assert sends["sent_at"].dt.minute.nunique() > 30
