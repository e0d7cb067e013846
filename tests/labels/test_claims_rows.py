"""First, last, times and sequence against a reference in pandas, on any log."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tables import AS_OF, label_tiny, tiny_engine, values

from segtool.labels import Catalog, First, Label, Last, Sequence, Sql, Times

WORDS = ["share", "purchase", "refund", "view"]
HALF_DAY = pd.Timedelta(hours=12)


def draw_log(seed: int) -> list[tuple]:
    """Return 200 users with few rows each, at few moments: ties and edges are what goes wrong."""
    rng = np.random.default_rng(seed)
    n_rows = rng.integers(1, 7, 200)
    n_moments = int(rng.integers(4, 30))
    return [
        (f"u{user:03d}", int(age), str(rng.choice(WORDS)), rng.choice(["email", "sms", "web", None]))
        for user, n in enumerate(n_rows)
        for age in rng.integers(0, n_moments, n)
    ]


EVENTS = st.integers(0, 2**32).map(draw_log)


def to_rows(events) -> list[dict]:
    # Every word occurs, so that no definition is left out; the extra user does nothing else.
    extra = [("z", 40, word, "web") for word in WORDS]
    return [
        {"user_id": user, "event_time": AS_OF - HALF_DAY * (age + 1), "event": event, "channel": channel}
        for user, age, event, channel in [*events, *extra]
    ]


def run(claim, rows) -> dict:
    engine = tiny_engine(events=rows)
    with engine:
        label_tiny(Catalog([], [Label("x", "test", [claim])]), engine)
        return values(engine, "x")


@settings(max_examples=4, deadline=None)
@given(EVENTS, st.booleans())
def test_first_and_last(events, is_first):
    rows = to_rows(events)
    frame = pd.DataFrame(rows).dropna(subset="channel")
    frame = frame[frame["event"] != "refund"]
    order = frame.sort_values(["event_time", "channel"], ascending=[is_first, True])
    expected = order.groupby("user_id")["channel"].first().to_dict()
    kind = First if is_first else Last
    assert run(kind("events", "channel", where="event <> 'refund'"), rows) == expected


@settings(max_examples=8, deadline=None)
@given(EVENTS, st.integers(2, 4), st.sampled_from([0.5, 1, 2, 3]), st.booleans())
def test_times_within_days(events, n, days, by_day):
    rows = to_rows(events)
    frame = pd.DataFrame(rows)
    counted = frame[frame["event"].isin(["share", "purchase"])]
    expected = {}
    for user in frame["user_id"].unique():
        times = counted.loc[counted["user_id"] == user, "event_time"].sort_values()
        if by_day:
            times = times.dt.normalize().drop_duplicates()
        moments = times.to_numpy()
        spans = moments[n - 1 :] - moments[: len(moments) - n + 1] if len(moments) >= n else []
        expected[user] = "yes" if any(span < np.timedelta64(int(days * 24), "h") for span in spans) else "no"
    claim = Times("events", n, within_days=days, where="event in ('share', 'purchase')", distinct_days=by_day)
    assert run(claim, rows) == expected


@settings(max_examples=5, deadline=None)
@given(EVENTS, st.integers(1, 3), st.integers(1, 15), st.integers(0, 8))
def test_times_in_a_period(events, n, begin, length):
    rows = to_rows(events)
    frame = pd.DataFrame(rows)
    frame["day"] = frame["event_time"].dt.normalize()
    first = AS_OF - pd.Timedelta(days=begin + length)
    last = AS_OF - pd.Timedelta(days=begin)
    shares = frame[(frame["event"] == "share") & frame["day"].between(first, last)].groupby("user_id").size()
    seen = frame.loc[frame["day"] <= last, "user_id"].unique()
    expected = {user: "yes" if shares.get(user, 0) >= n else "no" for user in seen}
    between = (first.date().isoformat(), last.date().isoformat())
    assert run(Times("events", n, where="event = 'share'", between=between), rows) == expected


def follow(frame: pd.DataFrame, days: float, without: bool) -> str | None:
    """Judge one user by comparing every pair, as the definition says and no SQL does."""
    at = {event: list(part) for event, part in frame.groupby("event")["event_time"]}
    limit = pd.Timedelta(days=days)
    breaks = at.get("refund", []) if without else []
    begun = at.get("share", [])
    for a in begun:
        for b in at.get("purchase", []):
            if a < b <= a + limit and not any(a < c < b for c in breaks):
                return "yes"
    closed = [a + limit < AS_OF or any(c > a for c in breaks) for a in begun]
    is_tied = bool(set(begun) & set(at.get("purchase", [])))  # nobody knows which of the two came first
    return "no" if begun and all(closed) and not is_tied else None


@settings(max_examples=8, deadline=None)
@given(EVENTS, st.sampled_from([0.5, 1, 2, 5]), st.booleans())
def test_sequence(events, days, without):
    rows = to_rows(events)
    said = {user: follow(part, days, without) for user, part in pd.DataFrame(rows).groupby("user_id")}
    expected = {user: value for user, value in said.items() if value}
    refund = "event = 'refund'" if without else None
    claim = Sequence("events", "event = 'share'", "event = 'purchase'", within_days=days, without=refund)
    assert run(claim, rows) == expected


def test_one_row_that_begins_and_ends_is_no_tie():
    claim = Sequence("events", "event = 'purchase'", "event = 'purchase'", within_days=2)
    rows = to_rows([("a", 20, "purchase", None), ("b", 20, "purchase", None), ("b", 20, "purchase", None)])
    said = run(claim, rows)
    assert said["a"] == "no" and "b" not in said


def test_a_confidence_that_is_no_number_is_not_known():
    select = "SELECT user_id, 'yes' AS value, {} AS confidence FROM events GROUP BY user_id"
    rows = [{"user_id": "a", "event_time": AS_OF - HALF_DAY * n, "amount": 5.0} for n in (1, 2, 3)]
    found = []
    for confidence in ("corr(amount, amount)", "NULL"):
        with tiny_engine(events=rows) as engine:
            claim = Sql(select.format(confidence))
            label_tiny(Catalog([], [Label("x", "test", [claim])]), engine)
            found.append(engine.query("SELECT confidence FROM labels")["confidence"].tolist())
    assert found[0] == found[1] == [0.95]


def test_what_a_select_saw_after_as_of_counts_as_seen_on_that_day():
    select = "SELECT user_id, 'yes' AS value, max(said) AS observed_at FROM users GROUP BY user_id"
    users = [
        {"user_id": user, "said": day} for user, day in (("a", "2036-01-01"), ("b", "2026-06-01"), ("c", ""))
    ]
    with tiny_engine(users=users) as engine:
        label_tiny(Catalog([], [Label("x", "test", [Sql(select, expires_days=20)])]), engine)
        seen = engine.query("SELECT user_id, observed_at FROM claims ORDER BY user_id").set_index("user_id")
        assert seen["observed_at"].tolist() == [AS_OF, pd.Timestamp("2026-06-01"), AS_OF]
        assert engine.query("SELECT user_id FROM labels ORDER BY user_id")["user_id"].tolist() == ["a", "c"]
