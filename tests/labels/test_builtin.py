"""The built-in catalogue works on whatever is there, and says what it left out."""

import pandas as pd
import pytest

from segtool.labels import builtin_catalog, check_catalog, label_users
from segtool.labels.builtin import builtin_toml
from segtool.labels.sentences import FACET_ORDER
from segtool.sources import Sources
from segtool.sources.simulate import simulate_circle

AS_OF = "2026-07-01"


def read(**tables):
    return Sources.read(tables, as_of=AS_OF, timezone="Asia/Shanghai")


@pytest.fixture(scope="module")
def circle():
    made = simulate_circle(400, random_state=5)
    tables = {name: table for name, table in made.tables.items() if name != "survey_codebook"}
    return label_users(read(**tables))


@pytest.fixture(scope="module")
def catalog():
    return builtin_catalog()


def test_every_label_can_be_read_by_people(catalog):
    assert len(catalog.labels) >= 35
    for label in catalog.labels.values():
        assert label.title and label.phrase and label.facet in FACET_ORDER, label.name
        open_values = not label.values
        assert open_values == ("{value}" in str(label.phrase)) or label.values, label.name


def test_facets_of_the_brief_are_covered(catalog):
    assert set(FACET_ORDER) <= {label.facet for label in catalog.labels.values()}


def test_worked_examples_hold(catalog):
    examples = check_catalog(catalog)
    assert len(examples) >= 3
    assert examples["passed"].all(), examples.to_string()


def test_currency_is_a_unit_and_nothing_else():
    assert builtin_catalog(currency="CNY").measures["spend_180d"].unit == "CNY"
    assert builtin_catalog().measures["spend_180d"].unit is None
    assert builtin_catalog(currency='"\\').measures["spend_180d"].unit == ""
    assert "{currency}" not in builtin_toml(currency="EUR")


def test_circle_gets_at_least_25_labels(circle):
    known = circle.coverage()
    known = known[(known["claim"] == "all") & (known["n_users"] > 0)]
    assert len(known) >= 25
    assert known["facet"].nunique() >= 9
    assert known["mean_confidence"].between(0.05, 0.99).all()


def test_no_label_says_of_all_what_it_should_tell_apart(circle):
    table = circle.coverage().query("claim == 'all' and n_users > 50")
    assert (table["note"] == "").all(), table[table["note"] != ""].to_string()


def test_sentences_of_circle_say_something_of_nearly_everybody(circle):
    table = circle.sentences()
    assert (table["sentence"] != "").mean() > 0.95
    assert table["sentence"].str.count("·").max() <= 4
    assert not table["sentence"].str.contains(r"\b(?:unknown|None|nan)\b|_", regex=True).any()


def test_events_alone(circle):
    events = pd.DataFrame(
        {
            "user_id": ["007"] * 12 + ["8"],
            "event_time": [f"2026-06-{day:02d} 23:10" for day in range(1, 13)] + ["2026-01-02 09:00"],
            "event": ["view"] * 11 + ["purchase", "view"],
            "topic": ["旅行 ✈️"] * 12 + ["tea"],
            "amount": [None] * 11 + [99.0, None],
        }
    )
    labels = label_users(read(events=events))
    left_out = labels.left_out().set_index("label")["why"]
    assert "users" in left_out["tenure"]
    assert "sends" in left_out["responsiveness"]
    wide = labels.wide()
    assert wide.loc["007", "funnel_stage"] == "action"
    assert wide.loc["8", "lifecycle"] == "lapsed"
    assert labels.sentences()["sentence"].iloc[0]


def test_survey_alone():
    survey = pd.DataFrame(
        {
            "user_id": ["a", "b", "c"],
            "answered_at": ["2026-06-01"] * 3,
            "life_stage": ["student", "学生 🎓", None],
            "age_band": ["18-24", "18-24", "25-34"],
        }
    )
    labels = label_users(read(survey=survey))
    assert list(labels.label_kinds()) == ["life_stage", "age_band"]
    assert labels.wide()["life_stage"].tolist()[1] == "学生 🎓"
    assert labels.sentences()["sentence"].tolist()[0] == "student · aged 18-24"
    assert len(labels.left_out()) >= 30


def test_purchases_alone_say_nothing_of_sharing():
    events = pd.DataFrame(
        {
            "user_id": [f"h{number % 20:02d}" for number in range(400)],
            "event_time": [f"2026-0{1 + number % 6}-{1 + number % 27:02d} 10:00" for number in range(400)],
            "event": "purchase",
            "topic": ["MEAT", "DAIRY", "PRODUCE", "BEER"] * 100,
            "amount": [2.5, 3.0, 8.0, 12.0] * 100,
        }
    )
    labels = label_users(read(events=events))
    kinds = labels.label_kinds()
    assert {"buyer", "spend_level", "rfm_segment", "buys"} <= set(kinds)
    assert not {"sharer", "inviter", "complainer"} & set(kinds)
    assert "share" in labels.left_out().set_index("label").loc["sharer", "why"]


# What a label says is a claim about these words: one of each group must occur in the log, or it is
# left out. Unknown is not "no".
RESTS_ON = {
    "buyer": ["purchase"],
    "purchase_recency": ["purchase"],
    "purchase_frequency": ["purchase"],
    "spend_level": ["purchase"],
    "spending_power": ["purchase"],
    "rfm_segment": ["purchase"],
    "weekend_shopper": ["purchase"],
    "returns_things": ["purchase", "refund"],
    "interest": ["view like comment share search click follow review"],
    "buys": ["purchase"],
    "tired_of": ["hide mute"],
    "brand_taste": ["view like share click cart purchase"],
    "format_taste": ["view like comment share"],
    "engagement": ["view", "like comment follow review"],
    "sharer": ["share"],
    "inviter": ["invite"],
    "reviewer": ["review", "purchase"],
    "funnel_stage": ["purchase", "visit view"],
    "cart_leaver": ["cart", "purchase"],
    "searcher": ["search", "view"],
    "complainer": ["complain"],
}
WORDS = [
    "visit",
    "view",
    "search",
    "like",
    "comment",
    "share",
    "invite",
    "click",
    "cart",
    "purchase",
    "refund",
    "review",
    "signup",
    "follow",
    "hide",
    "mute",
    "complain",
    "unsubscribe",
]


def log_of(words):
    """Return the labels said of 12 users who do each of these things every sixth of the days."""
    rows = [
        (f"u{user:02d}", f"2026-{month:02d}-{1 + user % 9:02d} {9 + user}:00", word)
        for user in range(12)
        for month in (1, 2, 3, 4, 5, 6)
        for word in words
    ]
    events = pd.DataFrame(rows, columns=["user_id", "event_time", "event"])
    events = events.assign(topic="tea", brand_tier="basic", format="video", amount=3.0, channel="app_push")
    return label_users(read(events=events))


def may_be_said(label, words):
    return all(set(group.split()) & set(words) for group in RESTS_ON.get(label, []))


def test_labels_that_ask_for_event_words_are_all_in_the_table(catalog):
    def texts(name):
        measure = catalog.measures[name]
        yield f"{measure.sql} {measure.where}"
        for inner in measure.needs() if measure.is_derived else ():
            yield from texts(inner)

    for label in catalog.labels.values():
        own = [text for claim in label.claims for name in claim.measures() for text in texts(name)]
        own += [str(claim) for claim in label.claims]
        if any(f"'{word}'" in text for text in own for word in WORDS):
            assert label.name in RESTS_ON, label.name


@pytest.mark.parametrize("word", WORDS)
def test_a_log_without_a_word_says_nothing_of_it(word):
    others = [other for other in WORDS if other != word]
    kinds = log_of(others).label_kinds()
    assert [label for label in kinds if not may_be_said(label, others)] == []
    assert {label for label in RESTS_ON if may_be_said(label, others)} <= set(kinds)


@pytest.mark.parametrize("word", ["purchase", "view", "cart", "visit", "refund"])
def test_a_log_of_one_word_says_nothing_of_the_others(word):
    kinds = log_of([word]).label_kinds()
    assert [label for label in kinds if not may_be_said(label, [word])] == []


def test_one_user():
    events = pd.DataFrame({"user_id": ["only"], "event_time": ["2026-06-30"], "event": ["view"]})
    labels = label_users(read(events=events))
    assert labels.n_users == 1
    assert labels.wide().loc["only", "lifecycle"] == "new"
    assert labels.why("only").to_pandas()["outcome"].isin(["kept", "lost"]).all()


def test_what_is_labelled_twice_is_the_same(circle):
    again = label_users(circle.sources)
    pd.testing.assert_frame_equal(circle.to_pandas(), again.to_pandas())
