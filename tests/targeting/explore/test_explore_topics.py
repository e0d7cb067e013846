import numpy as np
import pandas as pd
import pytest

from segtool.targeting.counts import sql_users
from segtool.targeting.explore.explore import explore_topics
from segtool.targeting.explore.posteriors import read_posteriors
from segtool.targeting.members import align_personas
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE
from tests.targeting.fan_studies import days_ago, fan_events, fan_personas, fan_sends, read

TOPICS = ("stocks", "jokes", "cars", "tea")
RATES = {"stocks": (0.20, 0.02), "jokes": (0.02, 0.20), "cars": (0.14, 0.14), "tea": (0.01, 0.01)}


def topic_sends(per_user=150, seed=0, topics=TOPICS):
    """Sends to u00 ... u39 of topics drawn evenly; the first half answers stocks, the others jokes."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(40), per_user)
    topic = rng.choice(list(topics), len(user))
    rate = np.array([RATES[name][int(who >= 20)] for name, who in zip(topic, user, strict=True)])
    sent = days_ago(rng.integers(4, 60, len(user)), 12) + pd.to_timedelta(
        np.arange(len(user)) % 3600, unit="s"
    )
    answered = rng.random(len(user)) < rate
    return pd.DataFrame(
        {
            "send_id": [f"s{i}" for i in range(len(user))],
            "user_id": [f"u{i:02d}" for i in user],
            "sent_at": sent,
            "topic": topic,
            "responded_at": pd.Series(sent + pd.Timedelta(minutes=5)).where(answered),
        }
    )


def parts(**tables):
    sources = read(**tables)
    users = sql_users(sources.engine)
    return sources, align_personas(fan_personas(), users), users, SendLog.look(sources)


@pytest.fixture(scope="module")
def plan():
    return explore_topics(*parts(events=fan_events(), sends=topic_sends()), TargetingSettings())


def test_each_persona_has_its_best_topic(plan):
    assert dict(zip(plan.costs["persona"], plan.costs["best"], strict=True)) == {
        "traders": "stocks",
        "jokers": "jokes",
    }


def test_posteriors_lie_near_the_truth_and_count_what_they_rest_on(plan):
    row = plan.table.set_index(["persona", "arm"]).loc[("traders", "stocks")]
    assert row["lo"] < 0.20 < row["hi"]
    assert row["n_users"] == 20 and row["n_sends"] == pytest.approx(750, rel=0.1)


def test_a_hopeless_topic_is_stopped_and_not_advised(plan):
    table = plan.table.set_index(["persona", "arm"])
    assert not table.loc[("traders", "tea"), "running"]
    assert "tea" not in set(plan.advice["advice"])


def test_advice_says_what_it_costs_and_when_it_stops():
    plan = explore_topics(*parts(events=fan_events(), sends=topic_sends(per_user=20)), TargetingSettings())
    assert list(plan.advice.columns) == ADVICE and len(plan.advice)
    reason = plan.advice["reason"].iloc[0]
    assert "chance" in reason and "answers per 100 sends" in reason and "users)" in reason and "1%" in reason
    assert (plan.costs["cost_per_100_sends"] >= 0).all()


def test_the_draw_of_the_plan_keeps_its_quota(plan):
    drawn = plan.draw(pd.DataFrame({"persona_id": [1, 2] * 3000}))
    assert (drawn["purpose"] != "best").mean() == pytest.approx(0.1, abs=0.015)
    assert drawn["propensity"].between(0.01 - 1e-9, 1).all()


def test_topics_of_the_catalogue_that_were_never_sent_are_new_and_tried():
    content = pd.DataFrame({"item_id": ["c1"], "topic": ["boats"]})
    plan = explore_topics(
        *parts(events=fan_events(), sends=topic_sends(), content=content), TargetingSettings()
    )
    boats = plan.table[plan.table["arm"] == "boats"]
    assert boats["is_new"].all() and boats["running"].all() and (boats["n_sends"] == 0).all()
    assert (plan.costs["share"] == 0.2).all()
    assert any("fewer than 200 times" in note for note in plan.notes)


def test_answers_of_one_user_are_not_so_many_witnesses():
    alike = topic_sends(per_user=60, topics=("cars",))
    # The same number of answers, all of them by a quarter of the users.
    keen = alike["user_id"].str[1:].astype(int) % 4 == 0
    later = alike["sent_at"] + pd.Timedelta(minutes=5)
    alike["responded_at"] = later.where(keen & (np.arange(len(alike)) % 2 == 0))
    rows = read_posteriors(*parts(events=fan_events(), sends=alike), TargetingSettings())
    assert ((rows["a"] + rows["b"]) < 0.5 * rows["n_sends"]).all()


@pytest.mark.parametrize("sends", [None, fan_sends()])
def test_without_sends_or_topics_there_is_a_note_and_no_advice(sends):
    tables = {"events": fan_events()} | ({} if sends is None else {"sends": sends})
    plan = explore_topics(*parts(**tables), TargetingSettings())
    assert plan.advice.empty and plan.chances.empty
    assert plan.notes[0].startswith("Not known - Exploring")
    assert "Nothing" in repr(plan)


def test_one_persona_and_personas_of_one_are_served():
    from segtool.personas import Personas

    sources = read(events=fan_events(), sends=topic_sends(per_user=10))
    users = sql_users(sources.engine)
    alone = Personas.from_assignments(
        list(users), list(range(1, 41)), names={i: f"p{i}" for i in range(1, 41)}
    )
    for personas in (alone, Personas.from_assignments(list(users), [1] * 40, names={1: "all"})):
        plan = explore_topics(
            sources, align_personas(personas, users), users, SendLog.look(sources), TargetingSettings()
        )
        assert plan.table.groupby("persona_id")["chance"].sum().round(9).eq(1).all()


def test_chances_are_the_mixture_that_is_priced():
    content = pd.DataFrame({"item_id": ["c1"], "topic": ["boats"]})
    plan = explore_topics(
        *parts(events=fan_events(), sends=topic_sends(), content=content), TargetingSettings()
    )
    chances = plan.chances
    assert list(chances.columns) == ["persona_id", "topic", "probability", "share"]
    assert chances["share"].eq(0.2).all() and (chances["probability"] * chances["share"]).min() >= 0.01 - 1e-9
    assert (chances.loc[chances["topic"] == "boats", "probability"] > 0.5).all()
    lost = plan.table[["persona_id", "arm", "cost"]].merge(chances.rename(columns={"topic": "arm"}))
    priced = (lost["probability"] * lost["share"] * lost["cost"]).groupby(lost["persona_id"]).sum() * 100
    assert priced.to_numpy() == pytest.approx(plan.costs["cost_per_100_sends"].to_numpy())
    assert plan.notes[0].startswith("Known - Exploring: 20% of the sends to every persona try")
