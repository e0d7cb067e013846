"""Who gives attention to whom, in small groups whose ties can be counted by hand."""

import numpy as np
import pytest

from segtool.community.settings import CommunitySettings
from segtool.community.ties.ties import find_ties
from segtool.errors import ParameterError
from tests.community.worlds import make_talk

HALF_DAY = 2 ** (-0.5 / 30)  # a message of yesterday is half a day old, from the middle of its day


def say(user, at, message_id=None, reply_to=None, text=None, group="g"):
    row = {"message_id": message_id or f"{group}-{user}-{at}", "group_id": group, "user_id": user,
           "sent_at": at if len(at) > 8 else f"2026-06-30 {at}"}  # fmt: skip
    return row | ({"reply_to": reply_to} if reply_to else {}) | ({"text": text} if text else {})


def stay(user, group="g", **more):
    return {"group_id": group, "user_id": user, "joined_at": "2026-01-01", **more}


def ties_of(messages=None, members=None, settings=None, as_of_second=0.0, **tables):
    talk = make_talk(messages=messages, members=members, settings=settings, **tables)
    return find_ties(talk, as_of_second=as_of_second)


def pairs(ties, kind="weight"):
    shown = ties.to_pandas()
    shown = shown[shown[kind] > 0]
    return dict(zip(zip(shown["user_id"], shown["other_id"], strict=True), shown[kind], strict=True))


def test_an_answer_of_yesterday_weighs_nearly_one():
    ties = ties_of([say("a", "09:00", "m1"), say("b", "15:00", "m2", "m1")])
    assert pairs(ties) == {("b", "a"): pytest.approx(HALF_DAY, abs=1e-6)}


def test_attention_halves_in_thirty_days():
    old = [say("a", "2026-05-31 09:00", "m1"), say("b", "2026-05-31 15:00", "m2", "m1")]
    new = [say("a", "2026-06-30 09:00", "m1"), say("b", "2026-06-30 15:00", "m2", "m1")]
    assert pairs(ties_of(old))["b", "a"] == pytest.approx(pairs(ties_of(new))["b", "a"] / 2, abs=1e-5)


def test_a_burst_of_a_day_weighs_less_than_the_same_answers_over_days():
    ask = [say("a", "2026-06-20 09:00", "m0")]
    burst = [say("b", f"2026-06-24 15:{k:02d}", f"m{k + 1}", "m0") for k in range(7)]
    spread = [say("b", f"2026-06-{21 + k} 15:00", f"m{k + 1}", "m0") for k in range(7)]
    once, often = (pairs(ties_of(ask + said), "reply")["b", "a"] for said in (burst, spread))
    assert once == pytest.approx(3 * 2 ** (-6.5 / 30), abs=1e-5)  # log2(1 + 7) = 3
    assert often > 2 * once


def test_answers_to_oneself_to_nobody_and_long_before_tie_nobody():
    messages = [
        say("a", "09:00", "m1"),
        say("a", "12:00", "m2", "m1"),  # oneself
        say("b", "15:00", "m3", "gone"),  # deleted
        say("b", "18:00", "m4", "m5"),  # answers what is stamped two hours later
        say("a", "20:00", "m5"),
    ]
    assert pairs(ties_of(messages), "reply") == {}


def test_an_answer_stamped_a_little_before_its_question_counts():
    ties = ties_of([say("b", "08:57", "m1", "m2"), say("a", "09:00", "m2")])
    assert pairs(ties, "reply")["b", "a"] == pytest.approx(HALF_DAY, abs=1e-6)


def test_nearness_counts_only_for_what_a_message_does_not_say():
    near = ties_of([say("a", "09:00", "m1"), say("b", "09:02", "m2")])
    assert pairs(near)["b", "a"] == pytest.approx(0.2 * np.log2(1.5) * HALF_DAY, abs=1e-6)
    said = ties_of([say("a", "09:00", "m1"), say("c", "09:01", "m2"), say("b", "09:02", "m3", "m1")])
    assert ("b", "c") not in pairs(said) and said.table["near"].gt(0).sum() == 1  # c after a


def test_what_is_far_apart_in_time_is_not_near():
    assert ties_of([say("a", "09:00", "m1"), say("b", "09:11", "m2")]).table.empty


def test_a_mention_ties_and_naming_whom_one_answers_counts_once():
    members = [stay("a"), stay("b"), stay("c")]
    named = ties_of([say("b", "09:00", text="@a look"), say("c", "12:00", text="@nobody @c hm")], members)
    assert pairs(named) == {("b", "a"): pytest.approx(HALF_DAY, abs=1e-6)}
    both = ties_of([say("a", "09:00", "m1", text="?"), say("b", "12:00", "m2", "m1", text="@a yes")], members)
    assert pairs(both) == {("b", "a"): pytest.approx(HALF_DAY, abs=1e-6)}


def test_a_name_from_another_group_ties_nobody():
    members = [stay("a", "h"), stay("b")]
    assert ties_of([say("b", "09:00", text="@a look")], members).table.empty


@pytest.mark.parametrize("text", ["@所有人 今晚直播", "【公告】今晚直播", "@all live tonight"])
def test_announcements_and_answers_to_them_tie_nobody(text):
    messages = [say("boss", "09:00", "m1", text=text)]
    messages += [say(user, f"09:0{k + 1}", f"n{k}", "m1", text="ok") for k, user in enumerate("abc")]
    ties = ties_of(messages)
    assert ties.table.empty
    assert any("1 announcements" in note for note in ties.notes)


def test_bots_are_tied_to_nobody():
    members = [stay("a"), stay("robby", role="bot"), stay("c", invited_by="robby")]
    messages = [say("robby", "09:00", "m1", text="@a hi"), say("a", "09:01", "m2", "m1", text="@robby stop")]
    ties = ties_of(messages, members)
    assert ties.table.empty
    assert ties.shared.nnz == 2  # a and c share the group
    assert len(ties.in_group(0)[0]) == 2


def test_who_came_by_invitation_gives_to_the_inviter():
    ties = ties_of(members=[stay("a"), stay("b", joined_at="2026-06-30", invited_by="a")])
    assert pairs(ties) == {("b", "a"): pytest.approx(0.5 * 2 ** (-1 / 180), abs=1e-4)}
    assert any("nobody wrote anything" in note for note in ties.notes)


def test_an_inviter_who_is_in_no_group_of_theirs_ties_outside_groups():
    ties = ties_of(members=[stay("a", "h"), stay("b", "g", invited_by="a"), stay("b", "i", invited_by="a")])
    assert ties.table[["group", "user", "other", "gone"]].values.tolist() == [[-1, 1, 0, False]]
    assert ties.matrix[1, 0] > 0


def test_ties_of_who_has_left_stay_in_the_table_and_leave_the_graphs():
    members = [stay("a", left_at="2026-06-30 20:00"), stay("b"), stay("c")]
    messages = [say("a", "09:00", "m1"), say("b", "09:05", "m2", "m1"), say("c", "09:06", "m3", "m2")]
    ties = ties_of(messages, members)
    assert ties.table.set_index(["user", "other"])["gone"].to_dict() == {(1, 0): True, (2, 1): False}
    assert ties.matrix[1].nnz == 0 and ties.matrix[2, 1] > 0
    assert ties.in_group(0)[0].tolist() == [1, 2]
    assert any("who have left" in note for note in ties.notes)


def test_both_ways_counts_more_than_the_same_sum_one_way():
    ask = [say("a", "09:00", "m1"), say("b", "12:00", "m2", "m1")]
    ties = ties_of([*ask, say("a", "15:00", "m3", "m2")])
    one_way, other_way = ties.matrix[0, 1], ties.matrix[1, 0]
    both = ties.undirected(shared=False)[0, 1]
    assert both == pytest.approx(one_way + other_way + np.sqrt(one_way * other_way), abs=1e-5)


def test_shared_groups_count_by_how_small_they_are():
    members = [stay(user, "big") for user in "abcde"] + [stay(user, "small") for user in "ab"]
    ties = ties_of(members=members)
    assert ties.shared[0, 1] == pytest.approx(1 / 4 + 1) and ties.shared[0, 2] == pytest.approx(1 / 4)
    assert ties.undirected()[0, 1] == pytest.approx(0.2 * 1.25)
    assert ties.undirected(shared=False).nnz == 0


def test_groups_beyond_the_bound_share_nothing():
    members = [stay(user) for user in "abcd"]
    assert ties_of(members=members, settings=CommunitySettings(max_shared_group=3)).shared.nnz == 0


def test_a_group_with_one_member_ties_nobody():
    ties = ties_of([say("a", "09:00"), say("a", "09:01")], [stay("a")])
    assert ties.table.empty and ties.shared.nnz == 0
    users, matrix = ties.in_group(0)
    assert users.tolist() == [0] and matrix.shape == (1, 1)


def test_messages_without_a_roster_tie_those_who_write():
    ties = ties_of([say("a", "09:00", "m1"), say("b", "09:05", "m2", "m1")])
    assert ties.in_group(0)[0].tolist() == [0, 1] and ties.in_group(0)[1][0, 1] > 0


def test_people_in_no_group_have_no_ties_and_a_row_of_the_matrix():
    users = [{"user_id": user} for user in "abcz"]
    ties = ties_of([say("a", "09:00", "m1"), say("b", "15:00", "m2", "m1")], users=users)
    assert ties.matrix.shape == (4, 4) and ties.undirected()[3].nnz == 0


def test_without_anything_there_are_no_ties_and_a_note():
    ties = ties_of()
    assert ties.table.empty and ties.matrix.shape == (1, 1)
    assert "no table of messages" in ties.notes[0]
    assert "Ties: 0 between 0 people" in repr(ties)


def test_inferred_answers_count_by_their_probability():
    talk = make_talk(messages=[say("a", "09:00", "m1"), say("b", "15:00", "m2")])
    ties = find_ties(talk.with_replies(np.array([-1, 0]), np.array([0.0, 0.6])))
    assert pairs(ties) == {("b", "a"): pytest.approx(np.log2(1.6) * HALF_DAY, abs=1e-6)}
    assert any("by its probability" in note for note in ties.notes)


def test_looking_back_sees_nothing_that_came_later():
    members = [stay("a", left_at="2026-06-29"), stay("b"), stay("c", joined_at="2026-06-28", invited_by="b")]
    messages = [
        say("a", "2026-06-10 09:00", "m1"),
        say("b", "2026-06-10 15:00", "m2", "m1"),
        say("a", "2026-06-29 09:00", "m3", "m2"),
    ]
    then = ties_of(messages, members, as_of_second=-20 * 86_400.0)
    assert pairs(then) == {("b", "a"): pytest.approx(HALF_DAY, abs=1e-6)}
    assert not then.table["gone"].any()
    assert then.in_group(0)[0].tolist() == [0, 1]  # c has not come yet, a has not left
    with pytest.raises(ParameterError, match="as_of_second"):
        ties_of(messages, members, as_of_second=5.0)


def test_a_nickname_names_as_an_id_does():
    users = [{"user_id": "a", "nickname": "小明"}, {"user_id": "b", "nickname": "Bo"}]
    members = [stay("a"), stay("b")]
    ties = ties_of([say("b", "09:00", text="@小明 看看")], members, users=users)
    assert ("b", "a") in pairs(ties, "mention")


def test_ids_and_weights_show_in_the_table():
    shown = ties_of([say("a", "09:00", "m1"), say("b", "15:00", "m2", "m1")]).to_pandas()
    assert shown[["group_id", "user_id", "other_id"]].values.tolist() == [["g", "b", "a"]]
    assert shown["weight"].gt(0).all()
