"""Confidences are probabilities: on simulated users with known true levels they come true as often."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tiny_tables import label_tiny, tiny_engine

from segtool.engines import DuckDBEngine
from segtool.labels import Bands, Catalog, Flag, Label, Measure, compile_labels, run_labels
from segtool.labels.distributions import beta_root, beta_score, normal_below, normal_quantile
from segtool.labels.noise import classify

N_USERS, MEAN_ROWS = 3000, 6
MEASURES = [
    Measure("n", "events", "count(*)", no_rows=0),
    Measure("spend", "events", "sum(amount)", no_rows=0),
    Measure("basket", "events", "avg(amount)"),
    Measure("share", "events", "count_if(is_late) / count(*)"),
    Measure("late", "events", "count_if(is_late)", no_rows=0),
    Measure("early", "events", "count_if(not is_late)", no_rows=0),
    Measure("ratio", "measures", "late / early"),
]
LEVELS = ["n", "spend", "basket", "share", "ratio"]


def simulate(seed=0):
    """Return events of users whose true rate, price and share are known, and those levels."""
    random = np.random.default_rng(seed)
    rate, price = random.gamma(1.2, MEAN_ROWS / 1.2, N_USERS), random.lognormal(4, 0.6, N_USERS)
    share = random.beta(2, 4, N_USERS)
    user = np.repeat(np.arange(N_USERS), random.poisson(rate))
    events = pd.DataFrame({
        "user_id": [f"u{number:05d}" for number in user],
        "amount": np.round(price[user] * random.lognormal(-0.32, 0.8, len(user)), 2),
        "is_late": random.random(len(user)) < share[user],
    })  # fmt: skip
    levels = {"n": rate, "spend": rate * price, "basket": price, "share": share, "ratio": share / (1 - share)}
    return events, pd.DataFrame(levels, index=[f"u{number:05d}" for number in range(N_USERS)])


def calibration_error(confidence, is_right, n_bins=10):
    bins = np.minimum((np.asarray(confidence) * n_bins).astype(int), n_bins - 1)
    table = (
        pd.DataFrame({"bin": bins, "sure": confidence, "right": is_right})
        .groupby("bin")
        .agg(n=("sure", "size"), sure=("sure", "mean"), right=("right", "mean"))
    )
    return float((table["n"] * (table["sure"] - table["right"]).abs()).sum() / table["n"].sum())


@pytest.fixture(scope="module")
def judged():
    events, levels = simulate()
    engine = DuckDBEngine(threads=1)
    engine.register("events", events)
    engine.register("user_index", pd.DataFrame({"user_id": levels.index}))
    cuts = {name: [float(cut) for cut in levels[name].quantile([0.3, 0.7])] for name in LEVELS}
    parts = {"values": ["low", "middle", "high"]}
    labels = [Label(f"e_{m}", "x", [Bands(m, edges=cuts[m], needs="n >= 1")], **parts) for m in LEVELS]
    labels += [
        Label(f"q_{m}", "x", [Bands(m, quantiles=[0.2, 0.8], needs="n >= 1")], **parts) for m in LEVELS
    ]
    labels += [Label("flag", "x", [Flag(f"share > {cuts['share'][1]} and n >= 1")])]
    run_labels(compile_labels(Catalog(MEASURES, labels), {"events": engine.columns("events")}), engine)
    return engine.query("SELECT * FROM labels ORDER BY label, user_id"), levels, cuts


@pytest.mark.parametrize("measure", LEVELS)
def test_bands_at_edges_are_calibrated(judged, measure):
    labels, levels, cuts = judged
    said = labels[labels["label"] == f"e_{measure}"]
    true = pd.cut(
        levels.loc[said["user_id"], measure],
        [-np.inf, *cuts[measure], np.inf],
        labels=["low", "middle", "high"],
    )
    assert (
        calibration_error(said["confidence"], said["value"].to_numpy() == true.astype(str).to_numpy()) <= 0.05
    )


@pytest.mark.parametrize("measure", LEVELS)
def test_bands_at_quantiles_are_calibrated(judged, measure):
    labels, levels, _ = judged
    said = labels[labels["label"] == f"q_{measure}"]
    shares = [(said["value"] == "low").mean(), 1 - (said["value"] == "high").mean()]
    mine = levels.loc[said["user_id"], measure]
    true = pd.cut(mine, [-np.inf, *mine.quantile(shares), np.inf], labels=["low", "middle", "high"])
    assert (
        calibration_error(said["confidence"], said["value"].to_numpy() == true.astype(str).to_numpy()) <= 0.05
    )


def test_flags_over_shares_are_calibrated(judged):
    labels, levels, cuts = judged
    said = labels[labels["label"] == "flag"]
    true = np.where(levels.loc[said["user_id"], "share"] > cuts["share"][1], "yes", "no")
    # n >= 1 is a fact in the same predicate, which costs its declared reliability of 0.95
    assert calibration_error(said["confidence"] / 0.95, said["value"].to_numpy() == true) <= 0.05


def test_more_evidence_for_the_same_number_makes_surer():
    users = {
        "few": [True, False],
        "some": [True, False] * 5,
        "many": [True, False] * 50,
        "other": [False] * 30,
    }
    rows = [{"user_id": user, "is_late": hit} for user, hits in users.items() for hit in hits]
    engine = tiny_engine(events=rows)
    catalog = Catalog(MEASURES[3:4], [Label("late", "x", [Flag("share > 0.3")])])
    run_labels(compile_labels(catalog, {"events": engine.columns("events")}), engine)
    sure = engine.query("SELECT user_id, confidence FROM labels ORDER BY user_id").set_index("user_id")[
        "confidence"
    ]
    assert sure["few"] < sure["some"] < sure["many"]


def test_that_something_happened_is_a_fact_and_how_often_is_an_estimate():
    engine = tiny_engine(events=[{"user_id": "a", "is_late": True, "amount": 1.0}] * 3)
    catalog = Catalog(MEASURES, [Label("ever", "x", [Flag("n >= 1")]), Label("often", "x", [Flag("n >= 3")])])
    run_labels(compile_labels(catalog, {"events": engine.columns("events")}), engine)
    sure = engine.query("SELECT label, confidence FROM labels ORDER BY label").set_index("label")[
        "confidence"
    ]
    assert sure["ever"] == 0.95
    assert sure["often"] < 0.8


@pytest.mark.parametrize(
    ("sql", "where", "kind"),
    [
        ("count(*)", None, "count"),
        ("count(*) / 3", None, "count"),
        ("count(distinct local_date)", None, "count"),
        ("count_if(a > 1)", None, "count"),
        ("sum(amount)", "a > 1", "sum"),
        ("sum(amount) filter (where a > 1)", None, "sum"),
        ("avg(amount)", None, "mean"),
        ("sum(amount) / count(*)", None, "mean"),
        ("avg(cast(a > 1 as integer))", None, "share"),
        ("avg(case when a > 1 then 1 else 0 end)", None, "share"),
        ("count_if(a > 1) / count(*)", None, "share"),
        ("count(*) filter (where a > 1) / nullif(count(*), 0)", "b = 2", "share"),
        ("count_if(a > 1) / count_if(a <= 1)", None, "ratio"),
        ("min(age_days)", None, "fact"),
        ("bool_or(a > 1)", None, "fact"),
        ("median(amount)", None, "declared"),
        ("max(amount) - min(amount)", None, "declared"),
    ],
)
def test_the_kind_of_noise_is_read_off_the_expression(sql, where, kind):
    assert classify(Measure("x", "events", sql, where), {}).kind == kind


@pytest.mark.parametrize("table", ["survey", "users", "notes", "lists", "community"])
@pytest.mark.parametrize(
    "sql", ["avg((a + b) / 2.0)", "sum(a)", "count(*)", "count_if(a > 1) / count(*)", "max(a)"]
)
def test_what_was_said_is_a_fact_and_no_sample(table, sql):
    noise = classify(Measure("x", table, sql), {})
    assert noise.kind == "fact"
    assert noise.extra["n"].table == table


@pytest.mark.parametrize(
    ("under", "sql", "kind"),
    [
        ("survey", "score / other", "fact"),
        ("survey", "(score + other) / 2", "fact"),
        ("events", "score / other", "declared"),
    ],
)
def test_arithmetic_on_what_was_said_is_a_fact_too(under, sql, kind):
    measures = {"score": Measure("score", "survey", "sum(a)"), "other": Measure("other", under, "sum(b)")}
    assert classify(Measure("x", "measures", sql), measures).kind == kind


SCORE = """
[measures.brand_love]
from = "survey"
sql = "avg((q1 + q2) / 2.0)"
[labels.love]
facet = "taste"
values = ["cool", "warm", "devoted"]
claims = [{bands = {of = "brand_love", edges = [2.5, 3.5]}%s}]
"""


@pytest.mark.parametrize(("more", "sure"), [("", 0.92), (", reliability = 0.8", 0.8)])
def test_one_answer_is_the_whole_answer(more, sure):
    answers = [(f"u{n}", 1 + n % 5, 1 + n * 7 % 5) for n in range(40)] + [("me", 2, 8 / 3)]
    engine = tiny_engine(survey=[{"user_id": u, "q1": a, "q2": b} for u, a, b in answers])
    label_tiny(SCORE % more, engine)
    claims = engine.query("SELECT * FROM claims ORDER BY user_id").set_index("user_id")
    assert (claims["confidence"] == sure).all()
    assert set(claims["source"]) == {"survey"}
    assert (claims["n_evidence"] == 1).all()
    assert claims.loc["me", "evidence"] == "brand_love = 2.33"


CLAIMS = {
    "bands": 'bands = {of = "basket", edges = [40, 90], values = ["low", "middle", "high"]}',
    "flag": 'flag = {is = "late >= 3", yes = "high", no = "low"}',
    "cases": 'cases = {when = [{value = "low", is = "basket < 40"}], otherwise = "high"}',
    "bands within peers": 'bands = {of = "basket", quantiles = [0.3, 0.7], within = "tier"}',
    "preference": 'preference = {from = "events", by = "price", top = 1, at_least = 0,'
    ' values = {cheap = "low", dear = "high"}}',
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_stated_reliability_scales_the_edge_over_guessing(claim):
    events, _ = simulate(seed=1)
    events = events.head(6000).assign(price=lambda all_: np.where(all_["amount"] < 50, "cheap", "dear"))
    engine = DuckDBEngine(threads=1)
    engine.register("events", events)
    users = pd.DataFrame({"user_id": events["user_id"].unique(), "tier": "one"})
    engine.register("users", users)
    engine.create("user_index", "SELECT user_id FROM users")
    label = '[labels.%s]\nfacet = "x"\nvalues = ["low", "middle", "high"]\nclaims = [{%s%s}]\n'
    text = label % ("plain", CLAIMS[claim], "") + label % ("stated", CLAIMS[claim], ", reliability = 0.7")
    label_tiny(Catalog(MEASURES) + Catalog.from_toml(text, base=Catalog(MEASURES)), engine)
    both = engine.query(
        "SELECT a.value = b.value AS is_same, a.confidence AS plain, b.confidence AS stated FROM claims AS a"
        " JOIN claims AS b USING (user_id) WHERE a.label = 'plain' AND b.label = 'stated' ORDER BY user_id"
    )
    assert len(both) > 100
    assert both["is_same"].all()
    edge = (0.7 - 1 / 3) / (1 - 1 / 3)
    scaled = np.minimum(both["plain"], 1 / 3 + (both["plain"] - 1 / 3) * edge)
    assert both["stated"].tolist() == pytest.approx(scaled.tolist(), abs=6e-3)
    assert (both["stated"] < both["plain"]).any()


def test_a_certain_fact_is_worth_the_stated_reliability():
    engine = tiny_engine(events=[{"user_id": "a", "is_late": True, "amount": 1.0}] * 3)
    catalog = Catalog(MEASURES, [Label("ever", "x", [Flag("n >= 1", reliability=0.8)])])
    label_tiny(catalog, engine)
    assert engine.query("SELECT confidence FROM labels ORDER BY 1")["confidence"].tolist() == [0.8]


@pytest.mark.parametrize(
    ("over", "under", "kind"),
    [("a > 1 and b = 2", "b = 2", "share"), ("a > 1", "b = 2", "ratio"), ("b = 2", "b = 2", "share")],
)
def test_a_ratio_of_counts_is_a_share_when_its_filter_says_so(over, under, kind):
    measures = {"k": Measure("k", "t", "count(*)", over), "n": Measure("n", "t", "count(*)", under)}
    assert classify(Measure("x", "measures", "k / nullif(n, 0)"), measures).kind == kind


def number(sql, **names):
    row = ", ".join(f"{value} AS {name}" for name, value in names.items()) or "1 AS one"
    return DuckDBEngine().query(f"SELECT {sql} AS x FROM (SELECT {row}) ORDER BY 1")["x"].iloc[0]


@pytest.mark.parametrize("z", [-4, -1, 0, 0.5, 3])
def test_the_normal_distribution_is_close(z):
    assert number(normal_below("z"), z=float(z)) == pytest.approx(stats.norm.cdf(z), abs=2e-4)
    share = float(stats.norm.cdf(max(-2.3, min(z, 2.3))))
    assert number(normal_quantile("p"), p=share) == pytest.approx(stats.norm.ppf(share), abs=0.03)


@pytest.mark.parametrize(("a", "b"), [(0.5, 2), (1, 1), (3, 7), (40, 2), (200, 300)])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_the_beta_distribution_is_close(a, b, share):
    z = beta_score("a", "b", beta_root("a", "b", "t"))
    found = number(normal_below(f"least(greatest({z}, -8), 8)"), a=float(a), b=float(b), t=share)
    assert found == pytest.approx(stats.beta.cdf(share, a, b), abs=0.03)
