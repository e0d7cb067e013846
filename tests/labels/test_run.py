import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tables import label_tiny, purchases, tiny_engine, values, views

from segtool.errors import DefinitionError, ParameterError
from segtool.labels import Bands, Catalog, Column, Flag, Label, Measure, Preference, label_users
from segtool.sources import Sources

SPEND = Measure("spend", "events", "sum(amount)", "event = 'purchase'", "CNY", 0)
LOW_HIGH = {"values": ["low", "high"]}
POWER = Label("power", "consumption", [Bands("spend", edges=[100])], **LOW_HIGH)
LIKES = Label("likes", "taste", [Preference("events", "topic", min=2)], many=True)


def rows(engine, table):
    return engine.query(f"SELECT * FROM {table} ORDER BY ALL")


def test_the_pasted_statement_gives_what_the_tables_hold():
    engine = tiny_engine(
        events=purchases("a", 20, 90) + purchases("b", 5) + views("c", tea=4, tv=1) + views("d", tv=9)
    )
    compiled = label_tiny(Catalog([SPEND], [POWER, LIKES]), engine)
    pd.testing.assert_frame_equal(engine.query(compiled.sql), rows(engine, "labels"))


def test_the_ledger_and_the_labels_have_the_promised_columns():
    engine = tiny_engine(events=purchases("a", 20))
    label_tiny(Catalog([SPEND], [POWER, LIKES]), engine)
    assert list(rows(engine, "claims")) == [
        "user_id", "label", "value", "source", "claim", "confidence", "n_evidence", "evidence", "observed_at", "expires_at",
    ]  # fmt: skip
    assert list(rows(engine, "labels")) == [
        "user_id", "label", "value", "confidence", "source", "n_claims", "conflict",
    ]  # fmt: skip
    assert list(rows(engine, "measures")) == ["user_id", "spend"]
    assert rows(engine, "measures").dtypes["spend"].kind == "f"


def test_evidence_reads_like_a_sentence():
    measures = [
        SPEND,
        Measure("night_share", "events", "count_if(local_hour >= 22) / count(*)", "event = 'purchase'"),
        Measure("recency_days", "events", "min(age_days)", unit="days"),
    ]
    labels = [
        POWER,
        Label("night", "x", [Flag("night_share > 0.5")]),
        Label("new", "x", [Flag("recency_days < 30")]),
    ]
    engine = tiny_engine(events=purchases("a", 20, 99.5) + purchases("a", 0.25, day="2026-06-21 23:00"))
    label_tiny(Catalog(measures, labels), engine)
    evidence = engine.query("SELECT label, evidence FROM claims ORDER BY label").set_index("label")[
        "evidence"
    ]
    assert evidence["power"] == "spend = 119.75 CNY from 3 purchases"
    assert evidence["night"] == "night_share = 0.33 (1 of 3 purchases)"
    assert evidence["new"] == "recency_days = 9.04 days"


def test_every_user_has_measures_and_only_known_values_have_rows():
    engine = tiny_engine(events=purchases("a", 500), users=[{"user_id": "b"}])
    label_tiny(Catalog([SPEND, Measure("basket", "events", "avg(amount)")], [POWER]), engine)
    measures = rows(engine, "measures").set_index("user_id")
    assert measures.loc["b", "spend"] == 0
    assert pd.isna(measures.loc["b", "basket"])
    assert values(engine, "power") == {"a": "high", "b": "low"}


def test_ids_and_texts_survive_unchanged():
    odd = ["007", "7", "9007199254740993", "O'Neil", "北京🙂", 'quo"te']
    engine = tiny_engine(users=[{"user_id": user, "stadt": user} for user in odd])
    label_tiny(Catalog([], [Label("ort", "x", [Column("stadt")])]), engine)
    assert values(engine, "ort") == {user: user for user in odd}


def test_one_user_and_no_users_are_fine():
    engine = tiny_engine(events=purchases("a", 20))
    quantiles = Label("rank", "x", [Bands("spend", quantiles=[0.5])], **LOW_HIGH)
    label_tiny(Catalog([SPEND], [POWER, LIKES, quantiles]), engine)
    assert values(engine, "rank") == {"a": "low"}
    sure = rows(engine, "labels")["confidence"]
    assert sure.between(0.01, 0.99).all()
    engine.create("user_index", "SELECT user_id FROM events WHERE FALSE")
    label_tiny(Catalog([SPEND], [POWER, LIKES, quantiles]), engine)
    assert rows(engine, "labels").empty


def test_constant_and_missing_measures_are_fine():
    engine = tiny_engine(events=purchases("a", 5) + purchases("b", 5) + views("c", tea=1))
    basket = Measure("basket", "events", "avg(amount)")
    labels = [
        Label("rank", "x", [Bands("basket", quantiles=[0.3, 0.7])], values=["low", "middle", "high"]),
        Label("never", "x", [Bands("none", quantiles=[0.5])], **LOW_HIGH),
    ]
    label_tiny(Catalog([basket, Measure("none", "events", "sum(amount)", "event = 'view'")], labels), engine)
    assert values(engine, "rank") == {"a": "low", "b": "low"}
    assert values(engine, "never") == {}


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 10**12), st.sampled_from(["tea", "tv", None])),
        min_size=1, max_size=25,
    )
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_confidences_are_probabilities_on_any_input(history):
    events = [
        {"user_id": u, "event_time": "2026-06-20", "event": "purchase", "amount": a / 100, "topic": t}
        for u, a, t in history
    ]
    measures = [SPEND, Measure("n", "events", "count(*)"), Measure("basket", "events", "avg(amount)"),
                Measure("tea", "events", "count_if(topic = 'tea') / count(*)")]  # fmt: skip
    labels = [
        Label(f"l_{m}_{kind}", "x", [Bands(m, **cut)], **LOW_HIGH)
        for m in ("spend", "n", "basket", "tea")
        for kind, cut in {"e": {"edges": [0.5]}, "q": {"quantiles": [0.5]}}.items()
    ]
    engine = tiny_engine(events=events)
    label_tiny(Catalog(measures, [*labels, LIKES]), engine)
    found = rows(engine, "labels")
    assert found["confidence"].between(0.01, 0.99).all()
    n_users = len({user for user, _, _ in history})
    assert (found[found["label"] != "likes"].groupby("label").size() == n_users).all()
    amounts = pd.DataFrame(events).groupby("user_id")["amount"].sum()
    assert rows(engine, "measures").set_index("user_id")["spend"].to_dict() == pytest.approx(
        amounts.to_dict()
    )


def test_an_engine_that_cannot_compute_a_measure_names_it():
    engine = tiny_engine(events=purchases("a", 5))
    wrong = Measure("wrong", "events", "sum(local_date)")
    with pytest.raises(DefinitionError, match=r"measures\.wrong"):
        label_tiny(Catalog([SPEND, wrong], [POWER]), engine)
    wrong = Measure("wrong", "events", "max(abs(event))")
    with pytest.raises(DefinitionError, match=r"measures\.wrong cannot be computed from events"):
        label_tiny(Catalog([SPEND, wrong], [POWER]), engine)


@pytest.fixture
def sources():
    events = pd.DataFrame({
        "user_id": ["a", "a", "b"],
        "event": ["purchase", "purchase", "view"],
        "event_time": ["2026-06-01", "2026-06-02 23:30", "2026-07-02"],
        "amount": [20.0, 90.0, None],
    })  # fmt: skip
    return Sources.read({"events": events, "users": pd.DataFrame({"user_id": ["b"]})}, as_of="2026-07-01")


def test_labels_of_a_study(sources):
    labels = label_users(sources, Catalog([SPEND], [POWER]))
    assert labels.to_pandas()["value"].tolist() == ["high", "low"]
    assert labels.compiled.lineage["power"].families == {"events"}


def test_what_a_log_does_not_record_is_left_out(sources):
    shares = Measure("shares", "events", "count(*)", "event = 'share'", no_rows=0)
    labels = label_users(
        sources, Catalog([SPEND, shares], [POWER, Label("sharer", "x", [Flag("shares > 0")])])
    )
    assert [item.name for item in labels.compiled.left_out] == ["shares", "sharer.1 flag", "sharer"]


def test_as_of_is_that_of_the_sources(sources):
    with pytest.raises(ParameterError, match="Read the sources again"):
        label_users(sources, Catalog([SPEND], [POWER]), as_of="2026-08-01")
    assert label_users(sources, Catalog([SPEND], [POWER]), as_of="2026-07-01").as_of == sources.as_of
