"""Every claim carries n and a text; statements expire; decay follows from raw times, so twice is once."""

import sys
from pathlib import Path

import pandas as pd
import pytest
from tiny_tables import AS_OF, label_tiny, tiny_engine, values

from segtool.errors import DefinitionError
from segtool.labels import Catalog, Last, check_catalog, compile_labels, label_users
from segtool.sources import Sources

sys.path.insert(0, str(Path(__file__).parents[1] / "spec"))
from spec_chapters import CHAPTERS
from spec_tables import label

from segtool.engines import DuckDBEngine

DECAY = """
[labels.likes]
facet = "taste"
many = true
claims = [{preference = {from = "events", by = "topic", min = 1, half_life_days = 30}}]
[labels.last_topic]
facet = "taste"
claims = [{last = {from = "events", of = "topic"}}]
[labels.reader]
facet = "activity"
claims = [{times = {from = "events", at_least = 3, last_days = 30}}]
[labels.returns]
facet = "activity"
claims = [{sequence = {from = "events", first = "topic = 'sport'", then = "topic = 'news'", within_days = 30}}]
"""
EVENTS = pd.DataFrame(
    [
        {"user_id": user, "event_time": f"2026-06-{day:02d} 10:00:00", "event": "view", "topic": topic}
        for user, days in {"a": (1, 9, 20), "b": (2, 28), "c": (5, 6, 7, 8)}.items()
        for topic in ("sport", "news")
        for day in days
        if (user, topic) != ("b", "news")
    ]
)


def read(as_of: str) -> Sources:
    return Sources.read({"events": EVENTS}, as_of=as_of, timezone="Asia/Shanghai")


def claims_of(sources: Sources) -> pd.DataFrame:
    return label_users(sources, Catalog.from_toml(DECAY)).claims().sort_values(["user_id", "claim", "value"])


def test_labelling_twice_changes_nothing():
    with read("2026-07-01") as once, read("2026-07-01") as again:
        first = claims_of(once)
        pd.testing.assert_frame_equal(first, claims_of(once))
        pd.testing.assert_frame_equal(first, claims_of(again))
        assert set(first["claim"].str.split().str[1]) == {"preference", "last", "times", "sequence"}


def weights(as_of: str) -> pd.Series:
    with read(as_of) as sources:
        schemas = {"events": sources.engine.columns("events")}
        steps = {step.name: step for step in compile_labels(Catalog.from_toml(DECAY), schemas).steps}
        counts = sources.engine.query(
            f"SELECT * FROM ({steps['likes__1__counts'].sql}) ORDER BY user_id, value"
        )
        return counts.set_index(["user_id", "value"])["weight"]


def test_decayed_weights_follow_from_raw_times():
    for as_of in ("2026-07-01", "2026-07-31", "2027-01-01"):
        moment = pd.Timestamp(as_of, tz="Asia/Shanghai")
        ages = (moment - pd.to_datetime(EVENTS["event_time"]).dt.tz_localize("Asia/Shanghai")) / pd.Timedelta(
            days=1
        )
        expected = (0.5 ** (ages / 30)).groupby([EVENTS["user_id"], EVENTS["topic"].rename("value")]).sum()
        pd.testing.assert_series_equal(weights(as_of), expected.rename("weight"), rtol=1e-9)


def test_a_later_as_of_with_the_same_events():
    with read("2026-07-01") as early, read("2026-08-15") as late:
        before, after = (
            label_users(early, Catalog.from_toml(DECAY)),
            label_users(late, Catalog.from_toml(DECAY)),
        )
        # Shares of decayed rows keep their proportions; the last 30 days have moved on; b's window has closed.
        wide_before, wide_after = before.wide(), after.wide()
        pd.testing.assert_frame_equal(wide_before.filter(like="likes"), wide_after.filter(like="likes"))
        assert wide_before["last_topic"].tolist() == wide_after["last_topic"].tolist()
        assert wide_before["reader"].tolist() == ["yes", "no", "yes"]
        assert wide_after["reader"].tolist() == ["no", "no", "no"]
        assert wide_before["returns"].astype(object).where(wide_before["returns"].notna(), "?").tolist() == [
            "yes",
            "?",
            "yes",
        ]
        assert wide_after["returns"].tolist() == ["yes", "no", "yes"]


def test_old_statements_expire_and_stay_in_the_ledger():
    engine = tiny_engine(
        events=[
            {"user_id": "a", "event_time": "2026-06-01", "event": "view", "topic": "sport"},
            {"user_id": "b", "event_time": "2025-06-01", "event": "view", "topic": "sport"},
        ]
    )
    toml = (
        '[labels.topic]\nfacet = "x"\nclaims = [{last = {from = "events", of = "topic"}, expires_days = 90}]'
    )
    label_tiny(toml, engine)
    assert values(engine, "topic") == {"a": "sport"}
    claims = engine.query("SELECT user_id, expires_at FROM claims ORDER BY 1")
    assert claims["expires_at"].tolist() == [pd.Timestamp("2026-08-30"), pd.Timestamp("2025-08-30")]


@pytest.mark.parametrize("half_life", ["", ", half_life_days = 3000"])
def test_a_preference_expires_with_its_newest_row(half_life):
    rows = [
        {"user_id": user, "event_time": day, "event": "view", "topic": topic}
        for user, topic, day in (
            ("a", "sport", "2026-06-01"),
            ("b", "news", "2025-01-01"),
            ("b", "sport", "2025-06-01"),
        )
        for _ in range(9)
    ]
    toml = '[labels.likes]\nfacet = "x"\n[[labels.likes.claims]]\nexpires_days = 90\n'
    toml += f'preference = {{from = "events", by = "topic", top = 1, at_least = 0.1{half_life}}}'
    engine = tiny_engine(events=rows)
    label_tiny(toml, engine)
    assert values(engine, "likes") == {"a": "sport"}
    claims = engine.query("SELECT * FROM claims ORDER BY user_id")
    assert claims["observed_at"].tolist() == [pd.Timestamp("2026-06-01"), pd.Timestamp("2025-01-01")]


def test_what_rests_on_measures_holds_from_as_of():
    toml = """
    [measures.n]
    from = "events"
    sql = "count(*)"
    [labels.busy]
    facet = "x"
    claims = [{flag = {is = "n >= 1"}, expires_days = 30}]
    """
    engine = tiny_engine(events=[{"user_id": "a", "event_time": "2026-06-01", "event": "view"}])
    label_tiny(toml, engine)
    assert engine.query("SELECT expires_at FROM claims")["expires_at"][0] == AS_OF + pd.Timedelta(days=30)


# Pages that fit a model on hundreds of users take long, and their evidence is tested beside the model.
SMALL = [name for name in CHAPTERS if not name.startswith(("INFERRED_", "LOOKALIKE_"))]


@pytest.mark.parametrize("name", SMALL)
def test_every_claim_says_n_and_why(name):
    with DuckDBEngine(threads=1) as engine:
        label(CHAPTERS[name], engine)
        claims = engine.query("SELECT * FROM claims")
    assert claims["evidence"].str.len().gt(5).all()
    assert claims["n_evidence"].ge(0).all()
    assert claims["confidence"].between(0.01, 0.99).all()
    behaviour = claims[claims["source"] == "behaviour"]
    assert (behaviour["observed_at"] <= AS_OF).all()


def test_evidence_reads_as_in_the_manual():
    visits = [
        {"user_id": "a", "event_time": f"2026-03-{2 + n:02d}", "event": "visit", "channel": "wecom_group"}
        for n in range(14)
    ]
    engine = tiny_engine(events=visits)
    toml = """
    [labels.came_by]
    facet = "x"
    claims = [{first = {from = "events", of = "channel", where = "event = 'visit'"}}]
    """
    label_tiny(toml, engine)
    said = engine.query("SELECT evidence, n_evidence, observed_at FROM claims").iloc[0]
    assert said["evidence"] == "first channel: wecom group on 2026-03-02 (n = 14 visits)"
    assert (said["n_evidence"], said["observed_at"]) == (14, pd.Timestamp("2026-03-02"))


def test_worked_examples_know_the_date():
    catalog = Catalog.from_toml("""
    [labels.follows]
    facet = "x"
    claims = [{sequence = {from = "events", first = "event = 'share'", then = "event = 'purchase'", within_days = 7}}]
    [[labels.follows.tests]]
    given.events = [{event = "share", event_time = 2026-06-01}, {event = "purchase", event_time = 2026-05-01}]
    expect = "no"
    [[labels.follows.tests]]
    given.events = [{event = "share", event_time = 2026-06-29}, {event = "purchase", event_time = 2026-05-01}]
    expect = ""
    """)
    assert check_catalog(catalog)["passed"].all()


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ('times = {from = "events", at_least = 0}', "times.at_least is 0"),
        ('times = {from = "events", at_least = 1, within_days = 3}', "write last_days"),
        ('times = {from = "content", at_least = 2}', "no rows of users with a time"),
        (
            'times = {from = "events", at_least = 2, between = ["2026-06-18", "2026-06-01"]}',
            "ends before it begins",
        ),
        (
            'times = {from = "events", at_least = 2, last_days = 3, between = [2026-06-01, 2026-06-02]}',
            "one of them",
        ),
        ('times = {from = "events", at_least = 2, during = "sale"}', "which is not in this file"),
        (
            'sequence = {from = "events", first = "event = 1", then = "event = 2", within_days = -1}',
            "within_days is -1",
        ),
        ('sequence = {from = "events", first = "event = 1", within_days = 1}', "has no 'then'"),
        ('first = {from = "events", off = "channel"}', "'of'"),
        ('last = {from = "events", of = "sum(amount)"}', "an aggregate cannot stand here"),
        ('list = {name = ""}', "list.name is empty"),
        ('list = {name = "a", complete = true, values = {x = "y"}}', "has values and is complete"),
        ('bands = {of = "n", quantiles = [0.5], within = "tier", min_peers = 1}', "min_peers is 1"),
        ('sql = "SELECT 1 AS user_id"', "returns no value"),
    ],
)
def test_refusals_teach(claim, said):
    with pytest.raises(DefinitionError) as refused:
        Catalog.from_toml(f'[labels.a]\nfacet = "x"\nvalues = ["no", "yes"]\nclaims = [{{{claim}}}]')
    assert "labels.a.claims[1]" in str(refused.value)
    assert said in str(refused.value)
    assert refused.value.accepted


def test_a_named_period_may_have_its_dates_beside_it():
    claim = Last("events", "topic", between=("2026-06-01", "2026-06-18"), during="618")
    assert claim.period_words() == " in 618 (2026-06-01 to 2026-06-18)"


def test_community_without_its_table_says_so():
    catalog = Catalog.from_toml('[labels.role]\nfacet = "role"\nclaims = [{community = {of = "role"}}]')
    compiled = compile_labels(catalog, {"events": {"user_id": "text"}})
    assert {each.reason for each in compiled.left_out} == {"there is no table 'community'."}


def test_a_community_registered_with_the_sources_is_read():
    with read("2026-07-01") as sources:
        frame = pd.DataFrame(
            {"user_id": ["a", "b"], "role": ["hub", "rim"], "confidence": [0.7, 2.0], "n_evidence": [9, 1]}
        )
        sources.engine.register("community", frame)
        toml = '[labels.role]\nfacet = "role"\nclaims = [{community = {of = "role"}}]'
        claims = label_users(sources, Catalog.from_toml(toml)).claims().sort_values("user_id")
    assert claims["confidence"].tolist() == [0.7, 0.99]
    assert claims["evidence"].tolist() == ["role in the community: hub (n = 9)", "role in the community: rim"]


def test_a_column_of_its_own_n_wins_over_the_n_of_the_row():
    with read("2026-07-01") as sources:
        frame = pd.DataFrame({"user_id": ["a", "b"], "role": "hub", "role_n": [4.0, None], "n_evidence": 90})
        sources.engine.register("community", frame)
        toml = '[labels.role]\nfacet = "role"\nclaims = [{community = {of = "role"}}]'
        claims = label_users(sources, Catalog.from_toml(toml)).claims().sort_values("user_id")
    assert claims["n_evidence"].tolist() == [4, 1]


def test_lists_are_read_like_any_table(tmp_path):
    path = tmp_path / "lists.csv"
    path.write_text(
        "user_id,list,value,added_at\na,VIP,1,2026-05-01\nb,vip,2,2026-08-01\n,vip,2,2026-05-01\nc,vip,1,\n"
    )
    toml = """
    [labels.vip]
    facet = "x"
    claims = [{list = {name = "vip", complete = true}}]
    """
    with Sources.read(
        {"events": EVENTS, "lists": path}, as_of="2026-07-01", max_rejected_share=0.5
    ) as sources:
        summary = sources.summary().to_pandas().set_index("table").loc["lists"]
        wide = label_users(sources, Catalog.from_toml(toml)).wide()
    assert summary[["read", "kept", "rejected", "after_as_of"]].tolist() == [4, 2, 1, 1]
    assert wide["vip"].tolist() == ["yes", "no", "yes"]
