"""Answers that no export recorded: links with probabilities, or none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segtool.community.replies import lines as lines_room
from segtool.community.replies.coefficients import WITH_TEXT, WITHOUT_TEXT
from segtool.community.replies.lines import read_lines
from segtool.community.replies.replies import fit_reply_model, infer_replies
from segtool.community.settings import CommunitySettings
from segtool.errors import InputError, ParameterError
from tests.community.worlds import make_talk

BOLD = CommunitySettings(link_min_probability=0.0)


def chat(*lines, start="2026-06-30 09:00", group="g"):
    """Return messages of (minute, user, text)."""
    rows = [
        {"message_id": f"{group}{k:04d}", "group_id": group, "user_id": user,
         "sent_at": str(pd.Timestamp(start) + pd.Timedelta(minutes=minute)), "text": text}
        for k, (minute, user, text) in enumerate(lines)
    ]  # fmt: skip
    return rows


def infer(rows, **more):
    return infer_replies(make_talk(messages=rows), **more)


def test_a_question_is_answered_by_the_next_line():
    links = infer(chat((0, "ann", "does the coupon work today?"), (1, "bo", "yes the coupon works")))
    assert links.reply.tolist() == [-1, 0]
    assert 0.5 < links.sure[1] < 1 and links.sure[0] == 0


def test_a_name_reaches_over_other_talk():
    lines = [
        (0, "ann", "does the coupon work?"),
        (1, "cy", "what a match last night"),
        (2, "dee", "a great match"),
    ]
    named = infer(chat(*lines, (3, "bo", "ann: it does")))
    assert named.reply.tolist() == [-1, -1, 1, 0] or named.reply[3] == 0
    unnamed = infer(chat(*lines, (3, "bo", "it does")), settings=BOLD)
    assert unnamed.sure[3] < named.sure[3]


def test_a_line_after_long_silence_is_less_surely_an_answer():
    soon, late = (
        infer(
            chat((0, "ann", "nice weather"), (gap, "bo", "the lounge is closed today")), settings=BOLD
        ).sure[1]
        for gap in (1, 600)
    )
    assert late < soon


def test_below_the_probability_asked_for_nothing_is_linked():
    rows = chat((0, "ann", "does it work?"), (1, "bo", "yes"))
    links = infer(rows, settings=CommunitySettings(link_min_probability=1.0))
    assert (links.reply == -1).all() and (links.sure == 0).all()
    assert links.notes[0].startswith("Not known") and "none inferred" in links.headline()


def test_what_is_recorded_stays():
    rows = chat((0, "ann", "one?"), (1, "bo", "two"), (2, "cy", "yes"))
    rows[2]["reply_to"] = rows[0]["message_id"]
    rows[1]["reply_to"] = "deleted"
    links = infer(rows)
    assert links.reply.tolist() == [-1, -1, 0] and links.sure.tolist() == [0, 0, 1]
    assert links.table.set_index("what")["n"]["recorded"] == 2


def test_nobody_answers_themselves_or_a_bot():
    rows = chat((0, "ann", "hello?"), (1, "ann", "anyone?"), (2, "robby", "price list"), (3, "bo", "yes?"))
    talk = make_talk(messages=rows, settings=CommunitySettings(bots=("robby",)))
    links = infer_replies(talk, BOLD)
    assert links.reply[1] == -1 and links.reply[2] == -1 and links.reply[3] in (0, 1)
    assert links.table["n"].sum() == len(rows)


@pytest.mark.parametrize("texts", ["none", "hardly any"])
def test_without_texts_times_and_turns_decide(texts):
    rows = chat((0, "a", "x?"), (1, "b", None), (2, "a", None), (3, "b", None), (60, "c", None))
    if texts == "none":
        rows = [{name: value for name, value in row.items() if name != "text"} for row in rows]
    links = infer(rows)
    assert links.reply.tolist()[2:4] == [1, 2]
    assert "without texts" in links.notes[0]


def test_links_over_hours_are_called_a_guess():
    slow = chat(*[(200 * k, "abc"[k % 3], "yes it works") for k in range(12)])
    brisk = chat(*[(2 * k, "abc"[k % 3], "yes it works") for k in range(12)])
    notes = [" ".join(infer(rows, settings=BOLD).notes) for rows in (slow, brisk)]
    assert "take these links as a guess" in notes[0] and "guess" not in notes[1]


def test_one_member_and_nobody_at_all():
    assert (infer(chat((0, "a", "hi"), (1, "a", "ho"))).reply == -1).all()
    empty = infer(None)
    assert len(empty.reply) == 0 and empty.table["n"].sum() == 0 and empty.notes[0].startswith("Not known")


def test_links_make_ties_count_their_probability():
    talk = make_talk(messages=chat((0, "ann", "does it work?"), (1, "bo", "yes it does work")))
    links = infer_replies(talk)
    linked = talk.with_replies(links.reply, links.sure)
    assert linked.messages["reply"].tolist() == [-1, 0]
    assert linked.messages["reply_sure"].tolist()[1] == pytest.approx(float(links.sure[1]))


def test_lines_read_in_parts_give_what_one_reading_gives(monkeypatch):
    rng = np.random.default_rng(3)
    group = np.sort(rng.integers(0, 30, 600))
    user, second = rng.integers(0, 8, 600), np.arange(600) * 40 - 90_000
    texts = np.array(["yes", "is it so?", "coupon works", "u3: no"], dtype=object)[rng.integers(0, 4, 600)]
    lines = read_lines(group, user, second, texts, {f"u{k}": k for k in range(8)})
    whole = WITH_TEXT.choose(lines, 12)
    assert len(list(lines.chunks(12))) == 1
    monkeypatch.setattr(lines_room, "CHUNK", 50)
    parts = WITH_TEXT.choose(lines, 12)
    assert len(list(lines.chunks(12))) == 12
    np.testing.assert_array_equal(whole.answers, parts.answers)
    np.testing.assert_allclose(whole.probability, parts.probability, atol=1e-6)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 500), st.sampled_from(["", "u1: a?", "ok", "好吗"])),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 15),
    st.booleans(),
)  # fmt: skip
def test_chances_sum_to_one_and_links_point_back_within_the_group(rows, back, with_text):
    rows = sorted(rows, key=lambda row: (row[0], row[2]))
    group, user, second = np.array([row[:3] for row in rows], dtype=np.int64).T
    texts = np.array([row[3] for row in rows], dtype=object) if with_text else None
    lines = read_lines(group, user, second, texts, {"u1": 1})
    model = WITH_TEXT if with_text else WITHOUT_TEXT
    chance, _ = model.chances(lines, back)
    np.testing.assert_allclose(chance.sum(axis=1), 1, atol=1e-5)
    found = model.choose(lines, back)
    assert ((found.probability + found.starts + found.goes_on) <= 1 + 1e-5).all()
    row = np.flatnonzero(found.answers >= 0)
    to = found.answers[row]
    assert ((to < row) & (row - to <= back)).all()
    assert (group[to] == group[row]).all() and (user[to] != user[row]).all()


def annotated(n=240):
    """Return a chat in which everybody answers two lines back, with its links."""
    users = ["a", "b", "c", "d", "e"]
    rows = chat(*[(k, users[k % 5], f"word{k}") for k in range(n)])
    links = pd.DataFrame({"message_id": [row["message_id"] for row in rows]})
    links["answers"] = [None, None, *links["message_id"][:-2]]
    return rows, links


def test_own_annotations_teach_own_manners():
    rows, links = annotated()
    talk = make_talk(messages=rows)
    model = fit_reply_model(talk, links.iloc[:150], fitted_on="our chats")
    found = infer_replies(talk, model=model)
    answers = np.arange(len(rows)) - 2
    assert (found.reply[150:] == answers[150:]).mean() > 0.95
    assert "our chats" in found.notes[0]
    assert (infer_replies(talk).reply[150:] == answers[150:]).mean() < 0.5


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda links: links.drop(columns="answers"), "answers"),
        (lambda links: links.iloc[:20], "20 messages"),
        (lambda links: links.assign(message_id="x"), "None of the annotated"),
    ],
)
def test_annotations_that_cannot_teach_are_refused(change, word):
    rows, links = annotated()
    with pytest.raises(InputError, match=word):
        fit_reply_model(make_talk(messages=rows), change(links))


def test_a_model_of_texts_is_not_used_without_them_and_one_of_times_is_used_with_them():
    rows, links = annotated()
    bare = make_talk(messages=[{**row, "text": None} for row in rows])
    with pytest.raises(ParameterError, match="have none"):
        infer_replies(bare, model=WITH_TEXT)
    of_times = fit_reply_model(bare, links)
    assert not of_times.reads_texts
    assert "without texts" in infer_replies(make_talk(messages=rows), model=of_times).notes[0]


def test_the_order_of_rows_does_not_matter():
    rows, _ = annotated(60)
    rng = np.random.default_rng(0)
    first, second = (infer([rows[k] for k in order]) for order in (np.arange(60), rng.permutation(60)))
    np.testing.assert_array_equal(first.reply, second.reply)
    np.testing.assert_array_equal(first.sure, second.sure)


def test_words_are_numbered_as_they_come_so_that_no_hash_decides_the_last_bits():
    words = [f"word{letter}" for letter in "zkaqm"]
    texts = [" ".join(words)] + [" ".join(words[k:]) for k in range(5)] + [""] * 300
    n = len(texts)
    lines = read_lines(np.zeros(n, dtype=int), np.arange(n), np.arange(n), np.array(texts, dtype=object), {})
    # The later a word comes, the more lines have it and the less it weighs.
    assert (np.diff(lines.words[0].toarray().ravel()) < 0).all() and lines.words.shape[1] == 5
