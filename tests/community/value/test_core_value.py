"""What groups talk about, from messages to a sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.settings import CommunitySettings
from segtool.community.talk import read_talk
from segtool.community.value import neighbours
from segtool.community.value.core_value import AWAY, OFF, ON, UNKNOWN, read_core_value
from segtool.sources import Sources
from tests.community.worlds import make_talk

OWN = {"g1": ("奶粉", "绘本", "辅食"), "g2": ("hotpot", "noodles", "durian"), "g3": ("耳机", "键盘", "显卡")}
TOPIC = {"g1": "parenting", "g2": "food", "g3": "gadgets"}
USUAL = ("天气", "地铁", "office", "movie", "电影", "coffee")


def make_messages(seed: int = 0, n: int = 120, people: int = 12) -> pd.DataFrame:
    """Return three groups; each says its own words in half of its messages, and leaves its topic in 1 of 5."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, own in OWN.items():
        for number in range(n):
            word = rng.choice(own) if number % 2 else rng.choice(USUAL)
            topic = TOPIC[group] if rng.random() < 0.8 else "gossip"
            user = f"{group}p{rng.integers(people)}" if rng.random() < 0.9 else f"both{rng.integers(4)}"
            rows.append((group, user, topic, f"说说 {word} @lily{number % 5}"))
    table = pd.DataFrame(rows, columns=["group_id", "user_id", "topic", "text"])
    table["sent_at"] = pd.Timestamp("2026-06-30") - pd.to_timedelta(
        rng.integers(1, 80 * 1440, len(table)), unit="min"
    )
    return table


def read(messages, settings=None, **tables):
    settings = settings or CommunitySettings(charters=TOPIC)
    return read_core_value(make_talk(messages=messages, settings=settings, **tables), settings)


@pytest.fixture(scope="module")
def value():
    return read(make_messages())


def test_own_words_are_named_and_no_others(value):
    for group, own in OWN.items():
        assert set(value.terms.loc[value.terms["group_id"] == group, "term"]) == set(own)
    assert (value.terms["n_people"] >= 5).all() and (value.terms["q"] <= 0.05).all()
    assert (value.terms["n_messages"] > 0).all() and (value.terms["index"] > 120).all()


def test_the_share_on_what_a_group_is_for_has_n_and_an_interval(value):
    messages = make_messages()
    table = value.table.set_index("group_id")
    for group, own in messages.groupby("group_id"):
        share = (own["topic"] == TOPIC[group]).mean()
        row = table.loc[group]
        assert row["core_share"] == pytest.approx(share) and row["n_topic"] == len(own)
        assert row["core_lo"] < share < row["core_hi"] and row["charter_from"] == "stated"
    assert (table["verdict"] == ON).all()


def test_topics_have_an_index_against_the_other_groups(value):
    topics = value.topics.set_index(["group_id", "topic"])
    assert topics["distinctive"].sum() == 3
    assert all(topics.loc[(group, topic), "distinctive"] for group, topic in TOPIC.items())
    assert (topics["lo"] <= topics["index"]).all() and (topics["index"] <= topics["hi"]).all()
    assert topics.loc[("g1", "gossip"), "lo"] < 100 < topics.loc[("g1", "gossip"), "hi"]


def test_neighbours_share_people_and_differ_in_words(value):
    first = value.neighbours[value.neighbours["rank"] == 1].set_index("group_id").loc["g1"]
    assert first["shared_people"] > 0 and first["own_topic"] == "parenting" and "奶粉" in first["own_terms"]
    assert first["their_topic"] == TOPIC[first["neighbour_id"]]


def test_a_sentence_says_it_all(value):
    sentence = value.table.loc[0, "sentence"]
    assert (
        "Talks about parenting (nowhere else)" in sentence
        and "It is for parenting: 74% of 120 messages (64% to 83%)" in sentence
    )
    assert "Nearest: " in sentence and "nan" not in sentence
    assert "3 groups: 3 talks about what it is for" in repr(value)


def test_no_name_and_no_id_anywhere(value):
    shown = " ".join(value.table["sentence"]) + " ".join(value.terms["term"])
    assert "lily" not in shown and "both1" not in shown and "p1" not in shown


def test_the_order_of_rows_changes_nothing():
    messages = (
        make_messages()
        .reset_index(names="message_id")
        .assign(message_id=lambda t: "m" + t["message_id"].astype(str))
    )
    one, other = read(messages), read(messages.sample(frac=1, random_state=1))
    for name in ("table", "terms", "topics", "neighbours", "drift"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


def test_what_a_group_is_for_is_assumed_from_activities_or_its_first_half():
    activities = [
        {"activity_id": f"a{n}", "group_id": "g1", "starts_at": "2026-05-01", "topic": "parenting"}
        for n in (1, 2)
    ]
    settings = CommunitySettings()
    table = read(make_messages(), settings, activities=activities).table.set_index("group_id")
    assert table["charter_from"].to_dict() == {
        "g1": "its activities",
        "g2": "its first half",
        "g3": "its first half",
    }
    assert table["charter"].to_dict() == TOPIC
    assert table["n_topic"].to_dict() == {
        "g1": 120,
        "g2": 60,
        "g3": 60,
    }  # tested on the half that did not say it
    assert "of its second half" in table.loc["g2", "sentence"]


def test_a_group_that_leaves_its_topic_and_takes_up_new_words():
    messages = make_messages(n=300, people=30)
    late = (messages["group_id"] == "g1") & (messages["sent_at"] >= "2026-06-10")
    messages.loc[late, "topic"] = "gossip"
    messages.loc[late, "text"] = "明星 演唱会"
    value = read(messages)
    row = value.table.set_index("group_id").loc["g1"]
    assert row["verdict"] == AWAY and row["change_hi"] < 0 and row["core_recent"] < 0.3 < row["core_before"]
    assert "明星演唱会" in row["new_terms"] and "Lately" in row["sentence"]
    assert set(value.drift["group_id"]) == {"g1"}
    assert (value.drift["n_recent"] > value.drift["n_before"]).all()


def test_a_group_that_talks_about_something_else():
    row = read(make_messages(), CommunitySettings(charters={"g1": "gossip"})).table.iloc[0]
    assert row["verdict"] == OFF and row["core_share"] < 0.3


def test_too_few_messages_are_no_verdict():
    value = read(make_messages(n=20))
    assert (value.table["verdict"] == UNKNOWN).all() and value.table["core_share"].isna().all()
    assert "too few messages" in value.table["sentence"].iloc[0]


def test_a_term_of_one_person_is_not_shown():
    messages = make_messages()
    spam = pd.DataFrame({"group_id": "g1", "user_id": "spammer", "topic": "ads", "text": "wechat loans",
                         "sent_at": pd.date_range("2026-05-01", periods=50, freq="D")})  # fmt: skip
    value = read(pd.concat([messages, spam]))
    assert not value.terms["term"].str.contains("loans").any() and "ads" not in set(value.topics["topic"])


def test_texts_without_topics_and_topics_without_texts():
    messages = make_messages()
    no_topics = read(messages.drop(columns="topic"))
    assert (
        no_topics.topics.empty and len(no_topics.terms) == 9 and (no_topics.table["verdict"] == UNKNOWN).all()
    )
    assert any("no message has a topic" in note for note in no_topics.notes)
    no_texts = read(messages.drop(columns="text"))
    assert no_texts.terms.empty and no_texts.topics["distinctive"].sum() == 3
    assert any("no message has a text" in note for note in no_texts.notes)


ROSTER = [{"group_id": "g1", "user_id": user, "joined_at": "2026-01-01"} for user in ("a", "b")]


@pytest.mark.parametrize(
    ("tables", "n_groups"),
    [
        ({}, 0),
        ({"members": ROSTER}, 1),
        ({"messages": make_messages().head(1)}, 1),
        ({"messages": make_messages().query("group_id == 'g1'")}, 1),
        ({"messages": make_messages().query("group_id != 'g1'"), "members": ROSTER}, 3),
    ],
    ids=["empty", "a roster alone", "one message", "one group", "a silent group"],
)
def test_bad_input_gives_notes_not_exceptions(tables, n_groups):
    settings = CommunitySettings()
    value = read_core_value(make_talk(settings=settings, **tables), settings)
    assert len(value.table) == n_groups
    assert value.notes and not (value.terms["group_id"] == "g1").any()
    assert repr(value)


def test_ties_say_where_a_group_leads():
    messages = make_messages()
    settings = CommunitySettings(charters=TOPIC)
    with Sources.read({"messages": messages.assign(message_id=[f"m{n}" for n in range(len(messages))])},
                      as_of="2026-07-01") as sources:  # fmt: skip
        talk = read_talk(sources, settings)
        from scipy import sparse

        class Led:
            """Everybody of g1 attends to one of g2 three times, to one of g3 once."""

            matrix = sparse.lil_matrix((len(talk.user_ids), len(talk.user_ids)))

        code = {user: number for number, user in enumerate(talk.user_ids)}
        for number in range(12):
            Led.matrix[code[f"g1p{number}"], code["g2p1"]] = 3
            Led.matrix[code[f"g1p{number}"], code["g3p1"]] = 1
        Led.matrix = Led.matrix.tocsr()
        value = read_core_value(talk, settings, ties=Led)
    shares = value.neighbours[value.neighbours["group_id"] == "g1"].set_index("neighbour_id")["tie_share"]
    assert shares["g2"] == pytest.approx(0.75) and shares["g3"] == pytest.approx(0.25)


def test_small_numbers_of_people_are_not_told():
    lonely = [
        {"group_id": "g9", "user_id": "both1", "sent_at": "2026-06-01", "topic": "food", "text": "hotpot"}
    ] * 40
    value = read(pd.concat([make_messages(), pd.DataFrame(lonely)]))
    sentence = value.table.set_index("group_id").loc["g9", "sentence"]
    assert sentence.startswith("Too few people wrote to say what about.")
    assert "fewer than 5 people in both" in sentence and "hotpot" not in sentence.split("here;")[0]


def test_neighbours_do_not_depend_on_how_many_groups_are_compared_at_a_time(monkeypatch, value):
    monkeypatch.setattr(neighbours, "BLOCK", 2)
    pd.testing.assert_frame_equal(read(make_messages()).neighbours, value.neighbours)
