"""The simulated world of groups is what it says: reproducible, readable, and planted as told."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from segtool.errors import ParameterError
from segtool.sources import Sources
from segtool.sources.simulate.groups import simulate_groups
from segtool.sources.simulate.groups_fates import FATES

HEALTHY = ["thriving"] * 8
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def world():
    return simulate_groups([*HEALTHY, *FATES], random_state=4)


@pytest.fixture(scope="module")
def talk(world):
    messages = world.tables["messages"].merge(world.truth["groups"][["group_id", "fate", "charter"]])
    author = messages.set_index("message_id")["user_id"]
    return messages.assign(
        answered=messages["message_id"].isin(messages["reply_to"].dropna()),
        answers=messages["reply_to"].map(author),
        age=(pd.Timestamp(world.as_of) - messages["sent_at"]) / DAY,
    )


def test_the_same_seed_gives_the_same_world_in_another_process():
    code = (
        "import pandas as pd; from segtool.sources.simulate.groups import simulate_groups as s;"
        "w = s(['thriving', 'overgrown'], random_state=9, n_bots=1, deleted_share=.1, skewed_share=.1);"
        "print([int(pd.util.hash_pandas_object(t.astype(str)).sum()) for t in (*w.tables.values(), *w.truth.values())])"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert runs[0].count(",") > 8


def test_the_tables_are_read_without_a_rejected_row(world):
    with Sources.read(world.tables, as_of=world.as_of, timezone=world.timezone) as sources:
        for name, table in world.tables.items():
            n = sources.engine.query(f"SELECT count(*) AS n FROM {name}")["n"].iloc[0]
            assert n == len(table), name


def test_nothing_happens_after_the_end_or_before_joining(world):
    messages = world.tables["messages"].merge(world.tables["members"], on=["group_id", "user_id"], how="left")
    assert messages["joined_at"].notna().all()
    assert (messages["sent_at"] >= messages["joined_at"]).all()
    assert (messages["sent_at"] < pd.Timestamp(world.as_of)).all()
    assert not (messages["sent_at"] > messages["left_at"] + 2 * DAY).any()


def test_an_answer_comes_after_what_it_answers_by_someone_else_in_the_same_group(world):
    messages = world.tables["messages"].set_index("message_id")
    answers = messages[messages["reply_to"].notna()]
    answered = messages.loc[answers["reply_to"]]
    assert (answers["sent_at"].to_numpy() >= answered["sent_at"].to_numpy()).all()
    assert (answers["group_id"].to_numpy() == answered["group_id"].to_numpy()).all()
    assert (answers["user_id"].to_numpy() != answered["user_id"].to_numpy()).all()


def test_influence_decides_answers_and_not_how_much_is_written(world, talk):
    own = talk[talk["fate"] == "thriving"].groupby(["group_id", "user_id"])["answered"].agg(["mean", "size"])
    own = own.join(world.truth["members"].set_index(["group_id", "user_id"])[["influence", "leader"]])
    spoke = own[own["size"] >= 10]
    assert spoke["mean"].corr(spoke["influence"], method="spearman") > 0.4
    assert abs(own.loc[~own["leader"], "size"].corr(own["influence"], method="spearman")) < 0.2


@pytest.mark.parametrize("fate", ["thriving", "quiet", "dead", "chat_room", "overgrown", "loudspeaker"])
def test_each_fate_reads_as_it_is_called(world, talk, fate):
    group = world.truth["groups"].query("fate == @fate").iloc[-1]
    own = talk[talk["group_id"] == group["group_id"]]
    late = own[own["age"] <= 28]
    share = own["user_id"].value_counts(normalize=True)
    on_topic = (late["topic"] == group["charter"]).mean()
    answers = own["reply_to"].notna().mean()
    assert {
        "thriving": lambda: answers > 0.5 and share.iloc[:3].sum() < 0.5 and on_topic > 0.5,
        "quiet": lambda: 0 < len(late) < 70 and answers > 0.4,
        "dead": lambda: len(late) <= 3 and len(own) > 30,
        "chat_room": lambda: on_topic < 0.5 and share.iloc[:3].sum() > 0.4 and len(late) > 80,
        "overgrown": lambda: group["n_members"] >= 200 and answers < 0.3,
        "loudspeaker": lambda: share.iloc[0] > 0.85 and answers < 0.1,
    }[fate]()


def test_a_third_lurks(world):
    members = world.truth["members"]
    assert 0.28 < members["lurker"].mean() < 0.38
    assert members.loc[members["lurker"], "n_messages"].sum() == 0


@pytest.mark.parametrize("lift", [1.0, 3.0])
def test_activities_lift_by_what_was_planted(lift):
    world = simulate_groups(HEALTHY * 2, random_state=1, n_activities=5, lift=lift, dud_share=0.0, n_waves=0)
    messages, logs = world.tables["messages"], []
    for row in world.truth["activities"].to_dict("records"):
        own = messages.loc[messages["group_id"] == row["group_id"], "sent_at"].dt.normalize()
        start, end = row["starts_at"].normalize(), row["ends_at"].normalize()
        n_days = (end - start).days + 1
        usual = own.between(start - 30 * DAY, start - 3 * DAY).sum() / 28
        if start - 30 * DAY >= pd.Timestamp(world.as_of) - 182 * DAY and usual > 0:
            logs.append(np.log((own.between(start, end).sum() + 0.5) / (usual * n_days)))
    assert np.mean(logs) == pytest.approx(np.log(lift), abs=0.35)


def test_who_came_back_had_been_silent(world):
    returned = world.truth["returned"].merge(
        world.truth["activities"][["activity_id", "starts_at", "ends_at"]]
    )
    messages = world.tables["messages"].merge(returned, on=["group_id", "user_id"])
    start = messages["starts_at"].dt.normalize()
    silent = messages["sent_at"].between(start - 30 * DAY, start, inclusive="left")
    during = (messages["sent_at"] >= start) & (messages["sent_at"] < messages["ends_at"].dt.normalize() + DAY)
    keys = [messages["activity_id"], messages["user_id"]]
    assert len(returned) > 5
    assert not silent.any()
    assert during.groupby(keys).any().all()


def test_trouble_is_a_burst_of_several_people(world):
    troubled = simulate_groups(HEALTHY, random_state=2, n_troubles=1)
    told = troubled.truth["troubles"]
    assert len(told) >= 7
    assert (told["n_people"] >= 3).all() and (told["ends_at"] - told["starts_at"] < 6 * DAY).all()
    calm = simulate_groups(HEALTHY, random_state=2, n_troubles=0)
    assert calm.truth["troubles"].empty
    assert len(calm.tables["messages"]) < len(troubled.tables["messages"])


def test_bots_deleted_messages_and_wrong_clocks_come_when_asked_for():
    world = simulate_groups(["thriving"], random_state=3, n_bots=1, deleted_share=0.1, skewed_share=0.2)
    messages = world.tables["messages"]
    assert (messages["user_id"] == "bot1").sum() > 100
    assert world.truth["members"].query("bot")["user_id"].tolist() == ["bot1"]
    lost = messages["reply_to"].notna() & ~messages["reply_to"].isin(messages["message_id"])
    assert 0.05 < lost.sum() / messages["reply_to"].notna().sum() < 0.15
    sent = messages.set_index("message_id")["sent_at"]
    delay = messages["sent_at"] - messages["reply_to"].map(sent)
    assert (delay < pd.Timedelta(0)).any()
    assert delay.min() > pd.Timedelta(minutes=-21)


def test_waves_come_at_once(world):
    waves = world.truth["waves"]
    joined = world.truth["members"].query("wave >= 0 and not bot")
    assert waves["n_joined"].sum() == len(joined)
    assert (waves.query("veterans_lost > 0")["n_joined"] > 20).any()


@pytest.mark.parametrize(
    "wrong",
    [{"fates": []}, {"fates": ["happy"]}, {"days": 3}, {"n_members": (50, 40)}, {"as_of": "soon"},
     {"deleted_share": 2}, {"n_bots": -1}],
    ids=["no group", "fate", "days", "range", "day", "share", "bots"],
)  # fmt: skip
def test_wrong_parameters_of_a_world_are_refused(wrong):
    with pytest.raises(ParameterError, match="Accepted"):
        simulate_groups(**{"fates": ["quiet"], **wrong})
