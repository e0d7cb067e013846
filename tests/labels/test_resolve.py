import pytest
from tiny_tables import label_tiny, purchases, tiny_engine, values

CATALOG = """
[measures.spend]
from = "events"
sql = "sum(amount)"
[measures.n]
from = "events"
sql = "count(*)"
no_rows = 0
[labels.power]
facet = "consumption"
values = ["low", "high"]
[[labels.power.claims]]
bands = {of = "spend", edges = [100]}
[[labels.power.claims]]
answer = {question = "q7", values = {a = "low", b = "high"}}
[[labels.power.claims]]
note = {}
"""


def note(user, value, author="Li", day="2026-06-01"):
    return {"user_id": user, "label": "power", "value": value, "author": author, "noted_at": day}


def answer(user, value, paid=False, day="2026-06-01"):
    return {"user_id": user, "q7": value, "paid": paid, "answered_at": day}


def resolve(notes=(), answers=(), catalog=CATALOG, **options):
    tables = {"events": purchases("u1", 20, 30), "notes": list(notes), "survey": list(answers)}
    engine = tiny_engine(**{name: rows for name, rows in tables.items() if rows})
    label_tiny(catalog, engine, **options)
    rows = engine.query("SELECT * FROM labels WHERE label = 'power' AND user_id = 'u1' ORDER BY user_id")
    return rows.iloc[0], engine


def test_behaviour_alone():
    row, _ = resolve()
    assert (row["value"], row["source"], row["n_claims"], row["conflict"]) == ("low", "behaviour", 1, False)


def test_an_answer_outranks_behaviour_and_a_note_outranks_an_answer():
    row, _ = resolve(answers=[answer("u1", "b")])
    assert (row["value"], row["source"], row["conflict"]) == ("high", "survey", True)
    row, _ = resolve(answers=[answer("u1", "b")], notes=[note("u1", "low")])
    assert (row["value"], row["source"], row["conflict"]) == ("low", "person", True)


def test_agreement_is_no_conflict():
    row, _ = resolve(answers=[answer("u1", "a")], notes=[note("u1", "low")])
    assert (row["value"], row["n_claims"], row["conflict"]) == ("low", 3, False)


def test_the_loser_stays_in_the_ledger():
    _, engine = resolve(notes=[note("u1", "high")])
    ledger = engine.query("SELECT value, source, evidence FROM claims WHERE user_id = 'u1' ORDER BY source")
    assert ledger["value"].tolist() == ["low", "high"]
    assert ledger["evidence"].tolist() == ["spend = 50 from 2 events", "note by Li"]


def test_an_expired_note_drops_out_and_stays_in_the_ledger():
    row, engine = resolve(notes=[note("u1", "high", day="2025-01-01")])
    assert (row["value"], row["source"], row["conflict"]) == ("low", "behaviour", False)
    ledger = engine.query("SELECT expires_at FROM claims WHERE source = 'person' ORDER BY user_id")
    assert str(ledger["expires_at"].iloc[0]) == "2026-01-01 00:00:00"


def test_a_paid_answer_counts_less():
    paid, _ = resolve(answers=[answer("u1", "b", paid=True)])
    unpaid, _ = resolve(answers=[answer("u1", "b")])
    assert unpaid["confidence"] == pytest.approx(0.92)
    assert paid["confidence"] == pytest.approx(0.5 + 0.42 * 0.85)


def test_only_the_latest_answer_and_the_latest_note_of_an_author_count():
    row, _ = resolve(answers=[answer("u1", "a", day="2026-01-01"), answer("u1", "b", day="2026-05-01")])
    assert row["value"] == "high"
    row, _ = resolve(notes=[note("u1", "high", day="2026-05-01"), note("u1", "low", day="2026-06-01")])
    assert (row["value"], row["n_claims"]) == ("low", 2)


def test_two_authors_who_disagree_are_a_conflict_and_the_newer_wins():
    row, _ = resolve(notes=[note("u1", "high", "Li", "2026-06-02"), note("u1", "low", "Wang", "2026-06-01")])
    assert (row["value"], row["conflict"]) == ("high", True)
    assert row["confidence"] == pytest.approx(0.5)


def test_authors_who_agree_are_surer_than_one():
    one, _ = resolve(notes=[note("u1", "high")])
    two, _ = resolve(notes=[note("u1", "high"), note("u1", "high", "Wang")])
    majority, _ = resolve(
        notes=[note("u1", "high"), note("u1", "high", "Wang"), note("u1", "low", "Zhao", "2026-06-30")]
    )
    assert two["confidence"] > one["confidence"]
    assert majority["value"] == "high"


def test_reliabilities_can_be_declared_and_are_checked():
    row, _ = resolve(notes=[note("u1", "high")], reliabilities={"person": 0.8})
    assert row["confidence"] == pytest.approx(0.8)
    with pytest.raises(ValueError, match="did you mean 'person'"):
        resolve(reliabilities={"persons": 0.8})
    with pytest.raises(ValueError, match="reliability of person is 1"):
        resolve(reliabilities={"person": 1})


WITNESSES = """
[measures.spend]
from = "events"
sql = "max(amount)"
[measures.n]
from = "events"
sql = "min(age_days)"
[measures.opens]
from = "sends"
sql = "min(age_days)"
[labels.power]
facet = "consumption"
values = ["low", "high"]
[[labels.power.claims]]
bands = {of = "spend", edges = [100]}
[[labels.power.claims]]
bands = {of = "n", edges = [100]}
[[labels.power.claims]]
bands = {of = "opens", edges = [100]}
"""


def test_claims_from_the_same_rows_are_one_witness():
    events, sends = purchases("u1", 20), [{"user_id": "u1", "sent_at": "2026-06-20"}]
    engine = tiny_engine(events=events, sends=sends)
    label_tiny(WITNESSES, engine)
    both = engine.query("SELECT confidence FROM labels ORDER BY user_id")["confidence"].iloc[0]
    engine = tiny_engine(events=events, sends=[{**sends[0], "user_id": "u2"}])
    label_tiny(WITNESSES, engine)
    found = engine.query("SELECT confidence FROM labels WHERE user_id = 'u1' ORDER BY user_id")
    assert found["confidence"].iloc[0] == pytest.approx(0.95)  # two claims over events: no surer than one
    assert both == pytest.approx(0.95**2 / (0.95**2 + 0.05**2), abs=1e-3)


def test_ties_within_a_tier_go_to_the_first_claim():
    catalog = WITNESSES.replace('of = "n", edges = [100]', 'of = "n", edges = [1]')
    engine = tiny_engine(events=purchases("u1", 20), sends=[{"user_id": "u2", "sent_at": "2026-06-20"}])
    label_tiny(catalog, engine)
    row = engine.query("SELECT * FROM labels WHERE user_id = 'u1' ORDER BY user_id").iloc[0]
    assert (row["value"], row["conflict"], row["confidence"]) == ("low", True, 0.5)


def test_values_outside_the_label_make_no_claim():
    _, engine = resolve(notes=[note("u1", "gigantic")])
    assert values(engine, "power") == {"u1": "low"}
