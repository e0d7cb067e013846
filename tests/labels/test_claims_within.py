"""Bands within a peer group, by a profile column or a label, and their confidence."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tables import AS_OF, label_tiny, purchases, tiny_engine, values

from segtool.engines import DuckDBEngine
from segtool.errors import DefinitionError
from segtool.labels import Bands, Catalog, check_catalog, compile_labels, run_labels

MEASURES = """
[measures.spend]
from = "events"
sql = "sum(amount)"
unit = "CNY"

[measures.n]
from = "events"
sql = "count(*)"
no_rows = 0
"""
LABEL = """
[labels.power]
facet = "consumption"
values = ["low", "high"]
claims = [{bands = {of = "spend", quantiles = [0.5], within = "WITHIN", min_peers = 3}}]
"""


def people(tiers: dict[str, str | None]) -> list[dict]:
    return [{"user_id": user, "tier": tier} for user, tier in tiers.items()]


def test_peers_by_column_and_what_is_said_of_them():
    spent = {"a": 10, "b": 20, "c": 90, "x": 500, "y": 600, "z": 900, "l": 50, "n": 50}
    tiers = dict.fromkeys("abc", "small") | dict.fromkeys("xyz", "large") | {"l": "lone", "n": None}
    engine = tiny_engine(
        events=[row for u, x in spent.items() for row in purchases(u, x)], users=people(tiers)
    )
    label_tiny(MEASURES + LABEL.replace("WITHIN", "tier"), engine)
    assert values(engine, "power") == dict(zip("abcxyz", ["low", "low", "high"] * 2, strict=True))
    said = engine.query("SELECT evidence, n_evidence, confidence FROM claims WHERE user_id = 'c'").iloc[0]
    assert said["evidence"] == "spend = 90 CNY from 1 event; among few users with tier small"
    assert said["n_evidence"] == 1
    assert 0 < said["confidence"] < 1


def test_five_peers_are_counted_in_the_evidence_and_four_are_not():
    tiers = dict.fromkeys("abcde", "large") | dict.fromkeys("wxyz", "small")
    engine = tiny_engine(events=[row for u in tiers for row in purchases(u, ord(u))], users=people(tiers))
    label_tiny(MEASURES + LABEL.replace("WITHIN", "tier"), engine)
    told = set(engine.query("SELECT evidence FROM claims")["evidence"].str.split("; among ").str[1])
    assert told == {"5 users with tier large", "few users with tier small"}


def test_peers_by_a_label_that_several_claims_settle():
    toml = """
    [labels.city]
    facet = "place"
    values = ["small", "large"]
    claims = [{answer = {question = "q"}}, {column = {name = "tier"}}]
    """
    spent = {"a": 10, "b": 20, "c": 90, "x": 500, "y": 600, "z": 900}
    tiers = dict.fromkeys("abc", "small") | dict.fromkeys("xy", "large") | {"z": "small"}
    survey = [{"user_id": "z", "answered_at": "2026-06-01", "q": "large"}]  # the answer outranks the profile
    events = [row for user, amount in spent.items() for row in purchases(user, amount)]
    engine = tiny_engine(events=events, users=people(tiers), survey=survey)
    compiled = label_tiny(MEASURES + toml + LABEL.replace("WITHIN", "city"), engine)
    assert values(engine, "power") == dict(zip("abcxyz", ["low", "low", "high"] * 2, strict=True))
    assert compiled.lineage["power"].families == {"events"}


def test_unsure_peers_make_an_unsure_band():
    spent = {user: 10.0 * (number + 1) for number, user in enumerate("abcdef")}
    events = [row for user, amount in spent.items() for row in purchases(user, *[amount / 20] * 20)]
    engine = tiny_engine(events=events, users=people(dict.fromkeys("abcdef", "small")))
    city = '[labels.city]\nfacet = "place"\nclaims = [{{column = {{name = "tier"}}, reliability = {}}}]\n'
    sure = {}
    for reliability in (0.98, 0.4):
        label_tiny(MEASURES + city.format(reliability) + LABEL.replace("WITHIN", "city"), engine)
        rows = engine.query("SELECT confidence FROM claims WHERE label = 'power' AND user_id = 'a'")
        sure[reliability] = rows["confidence"].iloc[0]
    assert sure[0.98] > sure[0.4] > 0.5


@pytest.mark.parametrize(
    ("within", "reason"),
    [
        ("teir", "there is no label and no column of users 'teir'"),
        ("many", "the label 'many' can have several values"),
        ("power", "is itself cut within a peer group"),
    ],
)
def test_peer_groups_that_cannot_be_leave_the_claim_out(within, reason):
    toml = (
        '[labels.many]\nfacet = "x"\nmany = true\nclaims = [{answer = {question = "q", separator = ";"}}]\n'
    )
    catalog = Catalog.from_toml(MEASURES + toml + LABEL.replace("WITHIN", within))
    schemas = {
        "events": {"user_id": "text", "amount": "number"},
        "users": {"user_id": "text", "tier": "text"},
    }
    compiled = compile_labels(catalog, schemas | {"survey": {"user_id": "text", "q": "text"}})
    assert next(each for each in compiled.left_out if each.kind == "label").name == "power"
    assert any(reason in each.reason for each in compiled.left_out)


def test_fixed_edges_have_no_peers():
    with pytest.raises(DefinitionError, match="fixed edges within 'tier'"):
        Bands("spend", edges=[10], within="tier")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), min_size=3, max_size=30),
    st.sampled_from([0.25, 0.5, 0.7]),
)
def test_cut_points_are_those_of_the_peers(rows, share):
    frame = pd.DataFrame(rows, columns=["tier", "amount"]).assign(
        user_id=lambda f: [f"u{n:02d}" for n in f.index]
    )
    engine = tiny_engine(
        events=[row for each in frame.itertuples() for row in purchases(each.user_id, each.amount)],
        users=people(dict(zip(frame["user_id"], frame["tier"], strict=True))),
    )
    with engine:
        label_tiny(MEASURES + LABEL.replace("WITHIN", "tier").replace("0.5", str(share)), engine)
        said = values(engine, "power")
    groups = frame.groupby("tier")["amount"]
    cut = groups.transform(lambda x: np.quantile(x, share, method="inverted_cdf"))
    judged = groups.transform("size") >= 3
    expected = frame.assign(value=np.where(frame["amount"] <= cut, "low", "high"))[judged]
    assert said == dict(zip(expected["user_id"], expected["value"], strict=True))


def test_confidence_within_peers_is_calibrated():
    rng = np.random.default_rng(5)
    n_users = 3_000
    tier = rng.integers(0, 3, n_users)
    rate = rng.gamma(3, 2, n_users) * np.array([0.5, 1, 3])[tier]
    ids = np.array([f"u{number:05d}" for number in range(n_users)])
    events = pd.DataFrame({"user_id": np.repeat(ids, rng.poisson(rate))})
    events["event_time"] = AS_OF - pd.to_timedelta(rng.uniform(0, 90, len(events)), unit="D")
    events["age_days"] = (AS_OF - events["event_time"]) / pd.Timedelta(days=1)
    truth = pd.Series(rate).groupby(tier).rank(pct=True).to_numpy()
    with DuckDBEngine(threads=1) as engine:
        engine.register("events", events)
        engine.register("users", pd.DataFrame({"user_id": ids, "tier": [f"t{each}" for each in tier]}))
        engine.create("user_index", "SELECT user_id FROM users")
        toml = LABEL.replace("spend", "n").replace("WITHIN", "tier").replace("[0.5]", "[0.3, 0.7]")
        toml = toml.replace('["low", "high"]', '["low", "mid", "high"]').replace(
            "min_peers = 3", "min_peers = 30"
        )
        tables = {name: engine.columns(name) for name in ("events", "users")}
        run_labels(
            compile_labels(Catalog.from_toml(MEASURES.replace("sum(amount)", "count(*)") + toml), tables),
            engine,
        )
        said = engine.query("SELECT user_id, value, confidence FROM labels ORDER BY user_id")
    # The band of the true rate among peers, of the size the band seen has.
    shares = said.assign(tier=tier).groupby("tier")["value"].value_counts(normalize=True).unstack()
    low, high = shares["low"].to_numpy()[tier], 1 - shares["high"].to_numpy()[tier]
    right = np.where(truth <= low, "low", np.where(truth <= high, "mid", "high")) == said["value"]
    assert len(said) == n_users
    bins = pd.cut(said["confidence"], [0, 0.5, 0.65, 0.8, 0.9, 1])
    table = pd.DataFrame({"right": right, "sure": said["confidence"]}).groupby(bins, observed=True)
    gaps = (table["right"].mean() - table["sure"].mean()).abs()
    assert (gaps * table.size() / n_users).sum() < 0.05


def test_a_worked_example_assumes_the_cut_points_of_the_peers():
    example = """
    [[labels.power.tests]]
    given.events = [{event = "purchase", amount = 120, event_time = "2026-06-01"}]
    given.users = [{tier = "small"}]
    expect = "high"
    cut_points = {spend = [100]}
    """
    catalog = Catalog.from_toml(MEASURES + LABEL.replace("WITHIN", "tier") + example)
    assert check_catalog(catalog)["passed"].all()
