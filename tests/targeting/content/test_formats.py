"""Formats and lengths: what is measured, planted differences, and what cannot be known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.personas import Personas
from segtool.targeting.content.formats import length_bands, plan_formats
from segtool.targeting.counts import sql_users
from segtool.targeting.members import align_personas
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE, ASSUMPTION
from tests.targeting.fan_studies import days_ago, fan_events, fan_personas, read

ITEMS = pd.DataFrame(
    {
        "item_id": [f"i{i}" for i in range(40)],
        "topic": "stocks",
        "format": ["video", "article"] * 20,
        "duration_seconds": [20.0, 400.0] * 20,
    }
)


def views(n_users=40, per_user=30, seed=0, **columns):
    generator = np.random.default_rng(seed)
    n = n_users * per_user
    item = generator.integers(0, 40, n)
    first = np.repeat(np.arange(n_users), per_user) < n_users / 2
    likes = np.where(item % 2 == 0, 0.6, 0.2)  # the first half watch videos to the end, the others articles
    far = np.clip(generator.normal(np.where(first, likes, 0.8 - likes), 0.1), 0, 1)
    return pd.DataFrame(
        {
            "user_id": [f"u{i:02d}" for i in np.repeat(np.arange(n_users), per_user)],
            "event_time": days_ago(generator.integers(1, 60, n), generator.integers(0, 24, n)),
            "event": np.where(generator.random(n) < far, "like", "view"),
            "item_id": [f"i{i}" for i in item],
            **{name: scale * far for name, scale in columns.items()},
        }
    ).drop_duplicates(["user_id", "event_time", "item_id"])


def plan(personas=None, settings=None, **tables):
    sources = read(**tables)
    users = sql_users(sources.engine)
    members = align_personas(personas or fan_personas(), users)
    return plan_formats(sources, members, users, SendLog.look(sources), settings or TargetingSettings())


@pytest.mark.parametrize(
    ("column", "scale", "unit"),
    [
        ("completion", 1, "share watched"),
        ("progress", 100, "share watched"),
        ("watch_seconds", 200, "seconds per view"),
    ],
)
def test_what_was_watched_counts_where_it_is_on_record(column, scale, unit):
    found = plan(events=views(**{column: scale}), content=ITEMS)
    first = found.advice[found.advice["rank"] == 1].set_index(["persona", "aspect"])
    assert list(found.advice.columns) == ADVICE and set(first["unit"]) == {unit}
    assert first.loc[("traders", "format"), "advice"] == "video"
    assert first.loc[("jokers", "format"), "advice"] == "article"
    truth = 0.6 * (200 if unit == "seconds per view" else 1)
    video = first.loc[("traders", "format")]
    assert video["lo"] <= truth * 1.03 and video["hi"] >= truth * 0.97 and video["hi"] < truth * 1.2
    assert "surely more than the next" in video["reason"] and video["n_users"] == 20


def test_else_what_was_done_with_what_was_met():
    found = plan(events=views(), content=ITEMS)
    assert set(found.table["measure"]) == {"acted on per item met"}
    best = found.advice[found.advice["rank"] == 1].set_index(["persona", "aspect"])["advice"]
    assert best["traders", "format"] == "video" and best["jokers", "length"] == "over 3 min"


def test_answers_to_sends_come_before_deeds():
    generator = np.random.default_rng(1)
    n = 2000
    user, item = generator.integers(0, 40, n), generator.integers(0, 40, n)
    hit = generator.random(n) < np.where((item % 2 == 0) == (user < 20), 0.4, 0.1)
    sent = days_ago(generator.integers(5, 90, n))
    sends = pd.DataFrame(
        {
            "send_id": [f"s{i}" for i in range(n)],
            "user_id": [f"u{i:02d}" for i in user],
            "sent_at": sent,
            "item_id": [f"i{i}" for i in item],
            "responded_at": pd.Series(sent + pd.Timedelta(hours=1)).where(hit),
        }
    )
    found = plan(events=views(), sends=sends, content=ITEMS)
    assert set(found.advice["unit"]) == {"answers per send"}
    row = found.advice.query("persona == 'traders' and advice == 'video'").iloc[0]
    assert row["lo"] < 0.4 < row["hi"] and row["n_events"] > 300


def test_ninety_percent_intervals_of_watched_shares_hold():
    from segtool.targeting.content.attention import means_by_persona
    from segtool.targeting.members import Members

    held = []
    for seed in range(80):
        generator = np.random.default_rng(seed)
        sizes = np.array([5, 20, 60, 60])
        home = np.repeat(np.arange(4), sizes)
        means = generator.uniform(0.3, 0.6, 4)
        user = np.clip(generator.normal(means[home], 0.1), 0.02, 0.98)
        n = 1 + generator.negative_binomial(1, 0.15, len(home))
        seen = [np.clip(generator.normal(m, 0.15, k), 0, 1) for m, k in zip(user, n, strict=True)]
        sums = pd.DataFrame(
            {"code": np.arange(len(home)), "slot": "x", "n": n.astype(float), "total": [x.sum() for x in seen],
             "squares": [(x**2).sum() for x in seen]}
        )  # fmt: skip
        members = Members((home[:, None] == np.arange(4)).astype(float), (1, 2, 3, 4), tuple("abcd"), home)
        table = means_by_persona(sums, members, len(home), 0.9, 1.0)
        held.append((table["lo"].to_numpy() <= means) & (means <= table["hi"].to_numpy()))
    assert 0.84 < np.mean(held) < 0.97


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ({"events": views()}, "no content table"),
        ({"events": views(), "content": ITEMS[["item_id", "topic"]]}, "no two formats and no lengths"),
        ({"events": fan_events().drop(columns="item_id"), "content": ITEMS}, "too little was seen"),
    ],
)
def test_what_cannot_be_known_is_said(tables, why):
    found = plan(**tables)
    assert found.advice.empty and list(found.advice.columns) == ADVICE
    assert len(found.notes) == 1 and why in found.notes[0] and found.notes[0].startswith("Not known")


def test_one_persona_is_not_compared_with_itself_and_a_small_one_speaks_for_nobody():
    users = [f"u{i:02d}" for i in range(40)]
    one = plan(Personas.from_assignments(users, [1] * 40, names={1: "all"}), events=views(), content=ITEMS)
    assert one.table["lift"].isna().all() and not one.advice["reason"].str.contains("everyone").any()
    single = Personas.from_assignments(users, [1] * 39 + [2], names={1: "many", 2: "lone"})
    found = plan(single, events=views(), content=ITEMS).advice
    lone = found[found["persona"] == "lone"]
    assert set(lone["level"]) == {"everyone"} and set(lone["verdict"]) == {ASSUMPTION}


def test_bands_join_until_each_has_items_enough():
    seconds = pd.Series([5.0] * 6 + [20.0] * 2 + [40.0] * 6 + [4000.0])
    assert length_bands(seconds).value_counts().min() >= 5
    assert length_bands(seconds).unique().tolist() == ["under 30 s", "over 30 s"]
    assert length_bands(pd.Series([5.0, 6.0])).unique().tolist() == ["any length"]
