"""Telegram's result.json: messages, replies, topics, members, and what is private."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from segtool.errors import InputError, SegtoolError
from segtool.sources import Sources, TableSettings
from segtool.sources.adaptors import adaptors

START = 1_672_574_400  # 2023-01-01 12:00 UTC


def message(number, sender="user1", text="hello", **more):
    said = {
        "id": number,
        "type": "message",
        "date": "2023-01-01T20:00:00",
        "date_unixtime": str(START + number),
    }
    return {**said, "from": f"name of {sender}", "from_id": sender, "text": text, **more}


def service(number, action, actor="user1", **more):
    said = {"id": number, "type": "service", "date_unixtime": str(START + number), "action": action}
    return {**said, "actor": f"name of {actor}", "actor_id": actor, **more}


def group(*messages, name="Club", kind="private_supergroup", number=77):
    return {"name": name, "type": kind, "id": number, "messages": list(messages)}


@pytest.fixture
def read(tmp_path):
    def reader(root, table="messages", **said):
        path = tmp_path / "result.json"
        path.write_text(json.dumps(root, indent=1))
        return Sources.read({table: {"path": str(path), **said}}, as_of="2027-01-01", max_rejected_share=1)

    return reader


def test_messages_replies_and_marked_text(read):
    marked = ["see ", {"type": "link", "text": "example.org"}, " now"]
    forwarded = message(3, "user2", "x", reply_to_message_id=1, forwarded_from=None)
    rows = read(group(service(9, "pin_message"), message(1, text=marked), forwarded)).to_pandas("messages")
    assert rows["message_id"].tolist() == ["77:1", "77:3"]
    assert rows["text"].tolist() == ["see example.org now", "x"]
    assert rows["reply_to"].tolist()[1] == "77:1"
    assert rows["forwarded"].tolist() == [False, True]
    assert str(rows["sent_at"][0]) == "2023-01-01 12:00:01+00:00"


def test_old_exports_have_only_the_exporters_clock(read):
    old = message(1)
    del old["date_unixtime"]
    sources = read(group(old), timezone="Asia/Shanghai")
    assert str(sources.to_pandas("messages")["sent_at"][0]) == "2023-01-01 12:00:00+00:00"
    assert any("clock of the computer" in note for note in sources.notes())


def test_topics_of_a_forum(read):
    topic = service(1, "topic_created", title="Books")
    chat = group(topic, message(2, reply_to_message_id=1), message(3, reply_to_message_id=2), message(4))
    rows = (
        read(chat).engine.query("SELECT message_id, topic, reply_to FROM messages ORDER BY 1").astype(object)
    )
    assert rows.where(rows.notna(), None).to_numpy().tolist() == [
        ["77:2", "Books", None],
        ["77:3", "Books", "77:2"],
        ["77:4", None, None],
    ]


def test_what_is_no_message_is_counted(read):
    sources = read(
        group(message(1), message(1), message(2, None), service(3, "pin_message"), {"type": "?"}, 5)
    )
    assert sources.summary().to_pandas().iloc[0, 2:].tolist() == [4, 1, 2, 1, 0]
    assert dict(sources.left_out()[["what", "n"]].to_numpy().tolist()) == {
        "service messages": 1,
        "records of another type": 1,
    }


def test_private_chats_of_an_account_are_not_read(read):
    chats = [group(message(1)), group(message(1), kind="personal_chat", name="Mum", number=5)]
    sources = read({"chats": {"list": chats}})
    assert sources.to_pandas("messages")["group_id"].tolist() == ["Club"]
    assert sources.left_out()["what"].tolist() == ["messages of 1 private chats"]
    assert len(read(chats[1]).to_pandas("messages")) == 1  # exported on its own


def test_groups_of_one_name_stay_apart(read):
    sources = read({"chats": {"list": [group(message(1)), group(message(1), number=78)]}})
    assert sorted(sources.to_pandas("messages")["group_id"]) == ["Club (77)", "Club (78)"]


def test_members_come_and_go_under_their_ids(read):
    chat = group(
        service(1, "create_group", members=["name of user1", "name of user2", "Silent"]),
        message(2, "user2"),
        service(3, "join_group_by_link", "user3", inviter="name of user1"),
        service(4, "remove_members", "user2", members=["name of user2"]),
    )
    rows = read(chat, "members").to_pandas("members").astype(object)
    assert rows.where(rows.notna(), None)[["user_id", "invited_by"]].to_numpy().tolist() == [
        ["Silent", "user1"],
        ["user1", None],
        ["user2", "user1"],
        ["user3", "user1"],
    ]
    assert rows["left_at"].notna().tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    "text",
    ['{"name": "x", "messages": [', '{"messages": 5}', '{"chats": {}}', "[]", '{"messages": ' + "[" * 9999],
)
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(InputError, match="Telegram"):
        Sources.read({"messages": {"path": str(path), "format": "telegram"}}, as_of="2027-01-01")


short = st.text(max_size=5) | st.just("\ud800")
scalar = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | short
value = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(short, inner, max_size=3),
    max_leaves=5,
)
KEYS = "id date date_unixtime from from_id actor actor_id members text text_entities reply_to_message_id title photo"
ACTIONS = ["invite_members", "remove_members", "create_group", "join_group_by_link", "topic_created"]
record = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "service"]) | value},
    optional={**dict.fromkeys([*KEYS.split(), "inviter"], value), "action": st.sampled_from(ACTIONS) | value},
)
chat = st.fixed_dictionaries(
    {"messages": st.lists(record | record | value, max_size=5)},
    optional={
        "name": value,
        "id": value,
        "type": st.sampled_from(["private_group", "personal_chat"]) | value,
    },
)
root = (
    chat
    | st.fixed_dictionaries({"chats": st.fixed_dictionaries({"list": st.lists(chat, max_size=3)})})
    | value
)


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(root, st.sampled_from(["telegram", "telegram_members"]))
def test_no_message_is_lost_or_invented(tmp_path, said, name):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(said))
    try:
        adapted = adaptors()[name].read([path], TableSettings(path=str(path)), None)  # needs no engine
    except SegtoolError as error:
        assert "Telegram" in str(error)
        return
    rows = sum(len(block[-1]) for block in adapted.data)
    if name == "telegram":
        chats = [said] if "messages" in said else said["chats"]["list"]
        counted = rows + adapted.repeats + len(adapted.broken) + sum(item.n for item in adapted.left_out)
        assert counted == sum(len(one["messages"]) for one in chats)
