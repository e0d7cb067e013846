"""The plan, end to end, on good and on bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.personas import Personas
from segtool.sources import Sources
from segtool.targeting import TargetingSettings, plan_targeting
from segtool.targeting.rows import TABLE
from tests.targeting.fan_studies import AS_OF, days_ago, fan_events, fan_personas, fan_sends, read

VERDICTS = {"proved by test", "supported by logged propensities", "associated only", "assumption"}


@pytest.fixture(scope="module")
def plan():
    return plan_targeting(read(events=fan_events(), sends=fan_sends()), fan_personas())


def first_rows(plan):
    return plan.table[plan.table["rank"] == 1].set_index("persona")


def test_each_persona_gets_its_topic_time_channel_and_cap(plan):
    rows = first_rows(plan)
    assert rows["topic"].to_dict() == {"traders": "stocks", "jokers": "jokes"}
    assert rows["channel"].unique().tolist() == ["email"]  # push costs opt-outs
    assert (rows["weekly_cap"] <= 2).all()  # the convention for e-mail
    assert (rows["lo"] > 1).all()


def test_every_row_is_complete_and_says_why(plan):
    assert plan.table.columns.tolist() == TABLE
    assert set(plan.table["verdict"]) <= VERDICTS and set(plan.table["level"]) <= {"persona", "everyone"}
    words = plan.table[["reason", "why_daypart", "why_channel", "why_cap", "why_stage"]]
    assert (words.map(len) > 10).all().all()
    assert (
        plan.table["reason"].iloc[0].startswith("asked for 1.")
        and "20 users)" in plan.table["reason"].iloc[0]
    )


def test_the_same_data_give_the_same_plan(plan):
    shuffled = {"events": fan_events().sample(frac=1, random_state=1), "sends": fan_sends()}
    again = plan_targeting(read(**shuffled), fan_personas())
    pd.testing.assert_frame_equal(plan.table, again.table)
    pd.testing.assert_frame_equal(plan.user_topics, again.user_topics)


def test_users_who_closed_a_channel_get_another_or_none():
    events, sends = fan_events(), fan_sends().assign(unsubscribed_at=pd.NaT)
    closed = {"u00": ["email"], "u01": ["email", "app_push"]}
    extra = pd.DataFrame(
        [
            {
                "user_id": user,
                "event_time": days_ago(5),
                "event": "unsubscribe",
                "channel": channel,
                "item_id": channel,
            }
            for user, channels in closed.items()
            for channel in channels
        ]
    )
    plan = plan_targeting(read(events=pd.concat([events, extra]), sends=sends), fan_personas())
    users = plan.user_topics.groupby("user_id")[["channel", "flag"]].first()
    assert users.loc["u00"].tolist() == ["app_push", ""]
    assert users.loc["u01"].tolist() == ["", "unsubscribed everywhere"]
    assert users.loc["u02"].tolist() == ["email", ""]


@pytest.mark.parametrize(
    ("event", "days", "gone"), [("hide", 10, True), ("mute", 200, False), ("complain", 200, True)]
)
def test_refused_topics_rest(event, days, gone):
    refusal = pd.DataFrame(
        {"user_id": ["u00"], "event_time": days_ago([days]), "event": event, "topic": "stocks"}
    )
    plan = plan_targeting(read(events=pd.concat([fan_events(), refusal])), fan_personas())
    topics = plan.user_topics.query("user_id == 'u00'")["topic"].tolist()
    assert ("stocks" not in topics) == gone
    assert "jokes" not in topics  # a trader asks for them less than everyone: no stand-in either


def test_nothing_is_recommended_that_is_liked_less(plan):
    assert plan.table[["persona", "topic"]].to_numpy().tolist() == [
        ["traders", "stocks"],
        ["jokers", "jokes"],
    ]
    assert (plan.user_topics["hi"] >= 1).all() and (plan.user_topics["estimate"] >= 0.9).all()
    assert plan.topics.dropna(subset=["rank"])["topic"].tolist() == ["stocks", "jokes"]


def test_notes_say_what_is_known_and_then_what_is_not(plan):
    marks = [note.split(" - ")[0] for note in plan.notes]
    assert marks == sorted(marks) and set(marks) == {"Known", "Not known"}


def test_stated_interests_speak_for_users_without_events():
    from segtool.labels import Labels

    class Stated:
        def facets(self):
            return {"interest": "taste", "dislikes": "complaints"}

        def claims(self, *, labels, sources):
            """Return what was asked for alone, as the ledger does."""
            rows = pd.DataFrame(
                {
                    "user_id": ["new", "new", "u00"],
                    "label": ["interest", "dislikes", "interest"],
                    "value": ["Jokes", "stocks", "stocks"],
                    "source": ["survey", "survey", "behaviour"],
                    "confidence": [1.0, 1.0, 1.0],
                }
            )
            return rows[rows["label"].isin(labels) & rows["source"].isin(sources)]

    assert {"facets", "claims"} <= set(dir(Labels))
    users = pd.DataFrame({"user_id": ["new"], "joined_at": ["2026-06-01"]})
    plan = plan_targeting(read(events=fan_events(), users=users), fan_personas(), Stated())
    new = plan.user_topics.query("user_id == 'new'").set_index("topic")
    assert new.loc["jokes", "level"] == "user" and new.loc["jokes", "n_events"] == 0


def test_without_sends_it_says_what_is_not_known():
    plan = plan_targeting(read(events=fan_events()), fan_personas())
    rows = first_rows(plan)
    assert rows["channel"].to_dict() == {"traders": "email", "jokers": "app_push"}
    assert "whether they answer there is not known" in rows["why_channel"].iloc[0]
    assert rows["daypart"].to_dict() == {"traders": "morning", "jokers": "evening"}
    assert sum(note.startswith("Not known - ") for note in plan.notes) >= 3


def test_without_topics_the_rest_is_planned():
    events = fan_events().drop(columns=["topic", "item_id"])
    plan = plan_targeting(read(events=events), fan_personas())
    assert plan.table["topic"].tolist() == ["any", "any"] and set(plan.table["verdict"]) == {"assumption"}
    assert first_rows(plan)["daypart"].to_dict() == {"traders": "morning", "jokers": "evening"}
    assert plan.user_topics.empty and any("without topics" in note for note in plan.notes)


def test_without_events_everything_is_an_assumption():
    survey = pd.DataFrame({"user_id": [f"u{i:02d}" for i in range(40)], "q1": "yes"})
    plan = plan_targeting(read(survey=survey), fan_personas())
    row = first_rows(plan).iloc[0]
    assert row[["topic", "daypart", "channel", "stage"]].tolist() == ["any", "any", "any", "unknown"]
    assert any("nobody's hours are known" in note for note in plan.notes)


def test_a_small_persona_falls_back_and_says_so():
    personas = Personas.from_assignments(
        [f"u{i:02d}" for i in range(40)], [1] * 38 + [2] * 2, names={1: "most", 2: "two"}
    )
    plan = plan_targeting(read(events=fan_events()), personas)
    rows = first_rows(plan).loc["two"]
    assert rows["level"] == "everyone" and rows["verdict"] == "assumption" and np.isnan(rows["lo"])
    assert rows["reason"].startswith("only 2 users") and any(
        note.startswith("Not known - two: what it wants (interest shown by 2 users") for note in plan.notes
    )


def test_one_persona_gets_what_everyone_does():
    personas = Personas.from_assignments([f"u{i:02d}" for i in range(40)], [1] * 40, names={1: "all"})
    plan = plan_targeting(read(events=fan_events()), personas)
    assert set(plan.table["level"]) == {"everyone"} and set(plan.table["verdict"]) == {"associated only"}
    assert "of all activity" in plan.table["reason"].iloc[0]


def test_personas_of_one_user_each():
    users = [f"u{i:02d}" for i in range(4)]
    personas = Personas.from_assignments(users, [1, 2, 3, 4])
    plan = plan_targeting(read(events=fan_events(n_users=4)), personas)
    assert set(plan.table["level"]) == {"everyone"} and plan.user_topics["user_id"].nunique() == 4


def test_new_users_are_advised_as_their_persona():
    users = pd.DataFrame({"user_id": ["new"], "joined_at": ["2026-06-30"]})
    personas = Personas.from_assignments([*[f"u{i:02d}" for i in range(40)], "new"], [1] * 20 + [2] * 21)
    plan = plan_targeting(read(events=fan_events(), users=users), personas)
    new = plan.user_topics.query("user_id == 'new'")
    assert new["topic"].iloc[0] == "jokes" and set(new["level"]) == {"persona"}


def test_users_of_no_persona_are_advised_as_everyone():
    plan = plan_targeting(read(events=fan_events(n_users=44)), fan_personas())
    assert plan.user_topics["user_id"].nunique() == 44


def test_words_of_ones_own():
    events = fan_events().assign(event="applaud", channel="carrier pigeon")
    plan = plan_targeting(read(events=events), fan_personas())
    assert first_rows(plan)["topic"].to_dict() == {"traders": "stocks", "jokers": "jokes"}
    assert any("no event word has a weight" in note for note in plan.notes)
    assert any("no preset for carrier pigeon" in note for note in plan.notes)
    assert set(plan.table["stage"]) == {"unknown"}


def test_personas_of_other_users_are_refused():
    with pytest.raises(InputError, match="none of the 40 users"):
        plan_targeting(read(events=fan_events()), Personas.from_assignments(["x", "y"], [1, 2]))


def test_text_of_any_kind_survives():
    events = fan_events()
    events["topic"] = events["topic"].map({"stocks": "股票'; DROP TABLE events --", "jokes": '😀 "joke"'})
    plan = plan_targeting(read(events=events), fan_personas())
    assert set(plan.table["topic"]) == set(events["topic"])


def test_it_shows_itself_escaped():
    personas = Personas.from_assignments(
        [f"u{i:02d}" for i in range(40)], [1] * 20 + [2] * 20, names={1: "<b>", 2: "c"}
    )
    plan = plan_targeting(read(events=fan_events()), personas)
    assert "&lt;b&gt;" in plan._repr_html_() and "<b></td>" not in plan._repr_html_()
    assert repr(plan).startswith("Content plan for 2 personas: 2 rows")


def test_settings_reach_every_part():
    settings = TargetingSettings(top_k=1, weekly_cap_all=1, channels=("app_push",), stage_model="AARRR")
    plan = plan_targeting(read(events=fan_events(), sends=fan_sends()), fan_personas(), settings=settings)
    assert len(plan.table) == 2 and set(plan.table["channel"]) == {"app_push"}
    assert (plan.table["weekly_cap"] <= 1).all() and set(plan.table["stage"]) <= {
        "activation",
        "retention",
        "referral",
    }


def test_nothing_after_the_date_is_read():
    late = fan_events().assign(event_time="2026-08-01", topic="future")
    plan = plan_targeting(
        Sources.read({"events": pd.concat([fan_events(), late])}, as_of=AS_OF, max_rejected_share=1),
        fan_personas(),
    )
    assert "future" not in set(plan.topics["topic"])
