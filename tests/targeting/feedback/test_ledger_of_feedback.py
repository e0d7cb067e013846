"""The ledger: signed evidence, an audit row per change, replays that change nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.targeting.feedback.ledger import AUDIT, Feedback, apply_feedback
from segtool.targeting.feedback.posterior import sum_feedback
from segtool.targeting.feedback.reading import read_feedback
from segtool.targeting.settings import TargetingSettings
from tests.targeting.fan_studies import AS_OF, days_ago, fan_events, fan_sends, read

SETTINGS = TargetingSettings()
SAID = pd.DataFrame(
    [
        ("u1", 1, "like", "recipes", "c1", None),
        ("u1", 2, "share", "recipes", "c2", None),
        ("u1", 3, "hide", "finance", "c3", None),
        ("u2", 4, "mute", "finance", None, None),
        ("u2", 5, "reply_negative", "jokes", None, None),
        ("u3", 6, "unsubscribe", None, None, "email"),
        ("u4", 7, "complain", None, None, None),
    ],
    columns=["user_id", "days", "kind", "topic", "item_id", "channel"],
).assign(at=lambda t: days_ago(t.pop("days")))


def sums(ledger):
    table = ledger.state.set_index(["user_id", "about", "what"])
    return {key: (round(row.alpha, 2), round(row.beta, 2)) for key, row in table.iterrows()}


def test_each_kind_is_evidence_for_or_against_what_it_was_about():
    found = sums(apply_feedback(None, SAID, TargetingSettings(half_life_days=None), as_of=AS_OF))
    assert found["u1", "topic", "recipes"] == (3.0, 0.0)
    assert found["u1", "item", "c3"] == (0.0, 1.0) and ("u1", "topic", "finance") not in found
    assert found["u2", "topic", "finance"] == (0.0, 5.0) and found["u2", "topic", "jokes"] == (0.0, 2.0)


def test_evidence_halves_with_the_half_life():
    old = SAID.iloc[[0]].assign(at=days_ago(60, 0))
    assert sums(apply_feedback(None, old, SETTINGS, as_of=AS_OF))["u1", "topic", "recipes"] == (0.5, 0.0)


def test_every_change_has_a_row_that_says_cause_before_and_after():
    audit = apply_feedback(None, SAID, SETTINGS, as_of=AS_OF).audit
    assert list(audit.columns) == AUDIT and audit["at"].is_monotonic_increasing
    assert set(audit["cause"]) == set(SAID["kind"])
    recipes = audit[(audit["what"] == "recipes")]
    assert recipes["alpha_before"].iloc[1] == recipes["alpha_after"].iloc[0] > 0
    effect = audit.set_index("cause")["effect"]
    assert effect["mute"].endswith("the topic rests for 90 days, then one probe")
    assert effect["complain"] == "everything stops; a person looks at it"
    assert effect["unsubscribe"] == "the channel is closed until they opt in"


def test_replaying_changes_nothing():
    once = apply_feedback(None, SAID, SETTINGS, as_of=AS_OF)
    again = apply_feedback(once, pd.concat([SAID, SAID]), SETTINGS, as_of=AS_OF)
    assert again.audit.empty
    pd.testing.assert_frame_equal(once.state, again.state)
    pd.testing.assert_frame_equal(once.blocks, again.blocks)


def test_the_order_of_rows_and_of_rounds_does_not_matter():
    once = apply_feedback(None, SAID, SETTINGS, as_of=AS_OF)
    shuffled = apply_feedback(None, SAID.sample(frac=1, random_state=3), SETTINGS, as_of=AS_OF)
    pd.testing.assert_frame_equal(once.audit, shuffled.audit)
    rounds = apply_feedback(None, SAID.iloc[::2], SETTINGS, as_of=AS_OF)
    rounds = apply_feedback(rounds, SAID.iloc[1::2], SETTINGS, as_of=AS_OF)
    pd.testing.assert_frame_equal(once.state, rounds.state)
    pd.testing.assert_frame_equal(once.blocks, rounds.blocks)


def test_a_later_round_counts_the_earlier_one_for_less():
    early = apply_feedback(None, SAID.iloc[:1], SETTINGS, as_of=AS_OF)
    later = apply_feedback(early, SAID.iloc[:1], SETTINGS, as_of="2026-08-30")
    assert later.state["alpha"].iloc[0] == pytest.approx(early.state["alpha"].iloc[0] / 2, abs=1e-9)


def test_what_happens_after_as_of_waits():
    early = apply_feedback(None, SAID, SETTINGS, as_of="2026-06-28")
    assert "c1" not in set(early.state["what"])
    whole = apply_feedback(early, SAID, SETTINGS, as_of=AS_OF)
    direct = apply_feedback(None, SAID, SETTINGS, as_of=AS_OF)
    pd.testing.assert_frame_equal(whole.state, direct.state, atol=1e-8)
    with pytest.raises(InputError, match="before the ledger's"):
        apply_feedback(whole, SAID, SETTINGS, as_of="2026-01-01")


def test_a_ledger_is_saved_and_read(tmp_path):
    once = apply_feedback(None, SAID, SETTINGS, as_of=AS_OF)
    once.save(tmp_path / "ledger")
    again = Feedback.read(tmp_path / "ledger")
    for name in ("state", "seen", "blocks"):
        pd.testing.assert_frame_equal(getattr(once, name), getattr(again, name), check_dtype=False)
    assert apply_feedback(again, SAID, SETTINGS, as_of=AS_OF).audit.empty
    with pytest.raises(InputError, match="no state"):
        Feedback.read(tmp_path)


def test_strange_kinds_and_missing_columns_are_refused():
    with pytest.raises(InputError, match="cheer"):
        apply_feedback(None, SAID.assign(kind="cheer"), SETTINGS, as_of=AS_OF)
    with pytest.raises(InputError, match="kind"):
        apply_feedback(None, SAID.drop(columns="kind"), SETTINGS, as_of=AS_OF)
    assert apply_feedback(None, SAID.head(0), SETTINGS, as_of=AS_OF).state.empty


def fan_study():
    sends = fan_sends(per_user=10).assign(topic=lambda t: np.where(t.index % 2, "stocks", "jokes"))
    tone = np.where(np.arange(480) % 3 == 0, "positive", None)
    events = fan_events().assign(
        event=lambda t: np.where(t["event"] == "view", "comment", t["event"]), sentiment=tone
    )
    mutes = pd.DataFrame({"user_id": ["u03"], "event": "mute", "event_time": days_ago(4), "topic": "jokes"})
    return read(events=pd.concat([events, mutes]), sends=sends)


def test_feedback_is_read_from_events_and_sends_with_lasting_ids():
    sources = fan_study()
    rows = read_feedback(sources, SETTINGS)
    assert rows["feedback_id"].is_unique and set(rows["via"]) == {"events", "sends"}
    assert {"answered", "ignored", "like", "share", "reply_positive", "mute"} <= set(rows["kind"])
    assert rows["feedback_id"].tolist() == read_feedback(fan_study(), SETTINGS)["feedback_id"].tolist()
    ledger = apply_feedback(None, rows, SETTINGS, as_of=sources.as_of)
    assert apply_feedback(ledger, rows, SETTINGS, as_of=sources.as_of).audit.empty


def test_comments_of_unknown_tone_speak_neither_for_nor_against():
    sources = fan_study()
    kinds = read_feedback(sources, SETTINGS)["kind"]
    n_comments = sources.engine.query("SELECT count(*) AS n FROM events WHERE event = 'comment'")["n"].item()
    assert 0 < (kinds == "reply_positive").sum() < n_comments
    assert not (kinds == "comment").any()


def test_sums_in_the_engine_agree_with_the_ledger():
    sources = fan_study()
    users = np.array([f"u{i:02d}" for i in range(40)], dtype=object)
    summed = sum_feedback(sources, users, ("jokes", "stocks"), SETTINGS)
    state = apply_feedback(None, read_feedback(sources, SETTINGS), SETTINGS, as_of=sources.as_of).state
    topics = state[state["about"] == "topic"]
    beta = topics.pivot_table(index="user_id", columns="what", values="beta", aggfunc="sum")
    assert np.allclose(
        summed.beta.toarray(), beta.reindex(users, columns=["jokes", "stocks"]).fillna(0), atol=1e-6
    )
    sent = topics[topics["via"] == "sends"]
    alpha = sent.pivot_table(index="user_id", columns="what", values="alpha", aggfunc="sum")
    assert np.allclose(
        summed.alpha.toarray(), alpha.reindex(users, columns=["jokes", "stocks"]).fillna(0), atol=1e-6
    )


def test_where_nothing_was_said_there_is_nothing_to_sum():
    survey = read(survey=pd.DataFrame({"user_id": ["u1"], "q1": ["yes"]}))
    assert sum_feedback(survey, np.array(["u1"], dtype=object), ("a",), SETTINGS) is None
    assert read_feedback(survey, SETTINGS).empty


def of_one_send(*kinds):
    rows = [
        {"user_id": "u1", "at": days_ago(11), "kind": kind, "feedback_id": f"s1/{kind}"} for kind in kinds
    ]
    return pd.DataFrame(rows).assign(topic="recipes", channel="email")


def test_a_late_answer_takes_back_the_silence_of_its_send():
    early = apply_feedback(None, of_one_send("ignored"), SETTINGS, as_of="2026-06-25")
    late = apply_feedback(early, of_one_send("answered"), SETTINGS, as_of=AS_OF)
    direct = apply_feedback(None, of_one_send("answered"), SETTINGS, as_of=AS_OF)
    pd.testing.assert_frame_equal(late.state, direct.state)
    assert (late.state["beta"] == 0).all() and (late.state["n_events"] == 1).all()
    back = late.audit[late.audit["cause"] == "answered late"]
    assert set(back["about"]) == {"topic", "channel"} and (back["beta_after"] == 0).all()
    assert back["effect"].str.contains("the send was answered").all()
    assert apply_feedback(late, of_one_send("ignored", "answered"), SETTINGS, as_of=AS_OF).audit.empty
    turned = apply_feedback(direct, of_one_send("ignored"), SETTINGS, as_of=AS_OF)
    pd.testing.assert_frame_equal(turned.state, direct.state)


def test_the_audit_says_what_a_mute_closes_as_the_blocks_do():
    mute = pd.DataFrame({"user_id": ["u1"], "at": [days_ago(3)], "kind": ["mute"]})
    found = apply_feedback(None, mute, SETTINGS, as_of=AS_OF)
    assert found.audit[["about", "what"]].to_numpy().tolist() == [["channel", "everywhere"]]
    assert found.blocks[["kind", "what"]].to_numpy().tolist() == [["channel", "everywhere"]]
    assert found.audit["effect"].item() == "all channels are closed until they opt in"
    item = apply_feedback(None, mute.assign(item_id="c1"), SETTINGS, as_of=AS_OF)
    assert item.audit[["about", "what"]].to_numpy().tolist() == [["item", "c1"]]
    assert item.blocks[["kind", "what"]].to_numpy().tolist() == [["item", "c1"]]
