"""Records of some answers only, and links of which less is right than their probabilities say."""

import numpy as np
import pandas as pd
import pytest

from segtool.community.community import read_community
from segtool.community.health.threads import read_threads
from segtool.community.replies.records import judge_records
from segtool.community.replies.replies import infer_replies
from segtool.community.settings import CommunitySettings
from segtool.sources import Sources
from segtool.sources.simulate import simulate_circle
from tests.community.worlds import make_talk


@pytest.fixture(scope="module")
def world():
    return simulate_circle(800, random_state=12, tables=("messages", "members", "groups"))


def keep(world, share, **settings):
    """Read the community with a share of its answers on record."""
    tables = {name: world.tables[name].copy() for name in ("messages", "members", "groups")}
    said = tables["messages"]["reply_to"]
    kept = np.random.default_rng(0).random(len(said)) < share
    tables["messages"]["reply_to"] = said.where(said.isna() | kept, None)
    sources = Sources.read(tables, as_of=world.as_of, timezone=world.timezone)
    return read_community(sources, CommunitySettings(**settings))


def test_a_whole_record_is_left_alone(world):
    whole = keep(world, 1.0)
    records = judge_records(whole.talk)
    assert whole.links is None and whole.talk.has_replies and records.whole
    assert records.n_recorded > records.n * records.expected
    forced = keep(world, 1.0, reply_links="inferred")
    assert (forced.links.sure[forced.talk.messages["reply_sure"] < 1] > 0).any()


def test_where_few_answers_are_on_record_the_rest_is_inferred_and_not_taken_for_none(world):
    part = keep(world, 0.05)
    recorded = part._read.messages["reply"].to_numpy() >= 0
    assert recorded.any() and not part.talk.has_replies
    np.testing.assert_array_equal(part.links.reply[recorded], part._read.messages["reply"][recorded])
    assert ((part.links.sure > 0) & (part.links.sure < 1)).sum() > recorded.sum()
    (note,) = [note for note in part.links.notes if "on record" in note]
    assert note.startswith("Not known") and f"{recorded.sum():,} of" in note
    # Slow chats: the inferred links are a guess, so neither is anybody unanswered nor a group without answers.
    assert "a guess" in part.links.headline() and not read_threads(part.talk).known
    assert part.roles.basis != "replies" and part.roles.members["answered_rate"].isna().all()
    # One voice is expected to be answered hardly at all: no record is missing there.
    loud = part.talk.group_ids[part.talk.messages["group"]] == "g06"
    assert (part.links.reply[loud & ~recorded] == -1).all()
    assert part.links.table.set_index("what").loc["left as recorded", "n"] >= (loud & ~recorded).sum()


def test_what_is_recorded_can_be_declared_to_be_all(world):
    part = keep(world, 0.05, reply_links="recorded")
    assert part.links is None and part.talk.has_replies
    assert judge_records(part.talk, CommunitySettings(reply_links="auto", least_recorded=0.0)).whole


def talk_of(n_groups, n, minutes, ids):
    rows = [
        {"message_id": ids[k * n + i], "group_id": f"g{k}", "user_id": "abcde"[(i * i + k) % 5], "text": "yes it works",
         "sent_at": pd.Timestamp("2026-06-01") + pd.Timedelta(minutes=int(minutes[i]))}
        for k in range(n_groups) for i in range(n)
    ]  # fmt: skip
    return make_talk(messages=rows)


def test_links_of_slow_chats_claim_what_was_right_in_such_chats():
    ids = [f"{k:05d}" for k in range(200)]
    bold = CommunitySettings(link_min_probability=0.1)
    brisk, slow = (
        infer_replies(talk_of(2, 100, np.arange(100) * gap, ids), bold, only_gaps=False) for gap in (1, 120)
    )
    assert brisk.sure[brisk.sure > 0].mean() > 0.35 and "guess" not in brisk.headline()
    assert slow.sure[slow.sure > 0].mean() < 0.24 and "a guess" in slow.headline()


def test_stamps_that_leave_the_order_open_are_noted_and_weigh_less():
    minutes = np.arange(120) // 3
    ids = [f"{k:05d}" for k in range(120)]
    told = infer_replies(talk_of(1, 120, minutes, ids))
    drawn = np.random.default_rng(0).permutation(ids)
    untold = infer_replies(talk_of(1, 120, minutes, drawn))
    assert not any("stamp" in note for note in told.notes)
    assert any("stamp of the one before" in note and note.startswith("Not known") for note in untold.notes)
    assert untold.sure[untold.sure > 0].mean() < 0.7 * told.sure[told.sure > 0].mean()
