"""Bad input, all the way through: each case ends in one clear message or in a right result."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool import Catalog, Study, label_users, read_csv
from segtool.errors import DefinitionError, InputError, SegtoolError
from segtool.personas import Personas

AS_OF = "2026-07-01"


def log(n_users=40, n_events=8, **columns) -> pd.DataFrame:
    """A small, regular log with everything a plan needs."""
    n = n_users * n_events
    number = np.arange(n)
    frame = pd.DataFrame(
        {
            "user_id": [f"u{user:03d}" for user in number % n_users],
            "event_time": pd.Timestamp("2026-05-01") + pd.to_timedelta(number * 97 % 80_000, unit="min"),
            "event": np.array(["view", "like", "purchase"])[number % 3],
            "topic": np.array(["tea", "cake", "jam"])[(number + number % n_users) % 3],
            "amount": np.where(number % 3 == 2, 10.0 + number % 7, np.nan),
        }
    )
    return frame.assign(**columns)


def run(events, **study):
    """Run every stage but the files."""
    study = Study.from_tables({"events": events, **study.pop("tables", {})}, as_of=AS_OF, **study)
    labels = study.label()
    personas = study.find_personas(labels)
    plan = study.plan_targeting(personas)
    return study, labels, personas, plan


def counts(study, table="events") -> dict:
    row = study.sources.summary().to_pandas().set_index("table").loc[table]
    assert row["read"] == row["kept"] + row["rejected"] + row["duplicates"] + row["after_as_of"]
    return row.to_dict()


def test_the_regular_log_runs():
    study, labels, personas, plan = run(log())
    assert counts(study)["kept"] == 320
    assert labels.n_users == 40
    assert personas.n_users == 40
    assert plan.table["topic"].notna().all() and len(plan.table) >= 1
    assert set(plan.table["topic"]) <= {"tea", "cake", "jam"}


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"events": "no_such_file.csv"}, "no_such_file.csv"),
        ({"events": log().drop(columns="user_id")}, "user_id"),
        ({"events": log().rename(columns={"event_time": "evnt_time"})}, "evnt_time"),
        ({"events": log().iloc[:0]}, "(?i)no rows|empty"),
        ({"events": log(event_time="yesterday")}, "(?i)unreadable time"),
        ({"evnts": log()}, "did you mean 'events'"),
        ({}, "(?i)events"),
    ],
    ids=[
        "missing-file",
        "missing-column",
        "near-column",
        "empty",
        "all-times-wrong",
        "unknown-table",
        "no-table",
    ],
)
def test_unusable_tables_end_in_one_message(tables, says):
    with pytest.raises(SegtoolError, match=says):
        Study.from_tables(tables, as_of=AS_OF).label()


def test_some_wrong_cells_are_set_aside_and_counted():
    events = log()
    events["amount"] = events["amount"].astype(object)
    events.loc[0, "amount"], events.loc[1, "amount"], events.loc[2, "amount"] = "much", np.inf, -np.inf
    study, *_ = run(events)
    assert counts(study)["rejected"] == 3
    rejected = study.sources.rejected("events")
    assert rejected["reason"].str.contains("number|finite").all()


def test_too_many_wrong_rows_stop_the_run_with_the_commonest_reasons():
    events = log()
    events["event_time"] = events["event_time"].astype(str)
    events.loc[:30, "event_time"] = "soon"
    with pytest.raises(InputError, match="max_rejected_share"):
        run(events)


def test_one_user():
    _, labels, personas, plan = run(log(n_users=1, n_events=12))
    assert labels.n_users == 1
    assert personas.names == {1: "Everyone"}
    assert personas.verdict.startswith("No stable personas")
    assert (plan.table["level"] == "everyone").all()  # one user is no persona to learn from


def test_duplicate_users_are_set_aside():
    users = pd.DataFrame(
        {"user_id": ["u000", "u000", *(f"u{n:03d}" for n in range(1, 40))], "gender": "female"}
    )
    study, labels, *_ = run(log(), tables={"users": users})
    assert counts(study, "users")["rejected"] == 1
    assert labels.n_users == 40


def test_constant_and_missing_columns_make_no_personas():
    same = log(topic=None, event="view", amount=np.nan, event_time="2026-06-01 10:00")
    same["item_id"] = [str(number) for number in range(len(same))]
    *_, personas, plan = run(same)
    assert personas.n_personas == 1
    assert len(plan.notes) > 0


def test_nothing_after_as_of_is_read():
    before = log()
    late = log(event_time="2026-07-01 00:00", topic="ghost")
    study, labels, *_ = run(pd.concat([before, late], ignore_index=True))
    assert counts(study)["after_as_of"] == len(late)
    alone = Study.from_tables({"events": before}, as_of=AS_OF).label()
    pd.testing.assert_frame_equal(labels.to_pandas(), alone.to_pandas())


def test_mixed_zones_mean_the_same_instants():
    events = log()
    utc = events["event_time"].dt.tz_localize("UTC")
    zones = ["UTC", "Asia/Shanghai", "America/St_Johns"]
    mixed = [time.tz_convert(zones[number % 3]).isoformat() for number, time in enumerate(utc)]
    _, one, *_ = run(events)
    _, other, *_ = run(events.assign(event_time=mixed))
    pd.testing.assert_frame_equal(one.to_pandas(), other.to_pandas())


def test_ids_stay_as_they_are():
    ids = [
        "00123",
        "123",
        "9007199254740993",
        "12345678901234567890123",
        "1e5",
        "NA",
        "null",
        "用户1",
        "👩‍👧",
        "a'b",
        '"; --',
    ]
    events = log(n_users=len(ids))
    events["user_id"] = [ids[int(user[1:])] for user in events["user_id"]]
    _, labels, personas, _ = run(events)
    assert set(labels.user_ids) == set(ids)
    assert set(personas.assigned["user_id"]) == set(ids)


def test_chinese_emoji_and_markup_in_every_text_field(tmp_path):
    odd = "测试 🎉 <b>$x$</b> '; --"
    events = log(channel=f"渠道 {odd}", price_tier=odd)
    events["topic"] = events["topic"].map({"tea": "茶 🍵", "cake": odd, "jam": "=1+1"})
    users = pd.DataFrame(
        {"user_id": [f"u{n:03d}" for n in range(40)], "city_tier": [odd, "一线"] * 20, "职业": odd}
    )
    notes = pd.DataFrame(
        {
            "user_id": ["u001"],
            "label": ["life_stage"],
            "value": ["学生 🎓"],
            "author": ["管理员 '"],
            "noted_at": ["2026-06-01"],
        }
    )
    study = Study.from_tables(
        {"events": events, "users": users, "notes": notes}, as_of=AS_OF, name=f"研究 {odd}"
    )
    done = study.run(tmp_path / "out")
    assert set(done.plan.table["topic"]) == {"茶 🍵", odd, "=1+1"}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<b>$x$</b>" not in page
    assert "茶 🍵" in page
    written = pd.read_csv(tmp_path / "out" / "user_topics.csv", dtype=str)
    assert "'=1+1" in set(written["topic"]) and "=1+1" not in set(written["topic"])
    assert "=1+1" in set(read_csv(tmp_path / "out" / "user_topics.csv")["topic"])


def test_a_label_of_an_unknown_measure_names_label_and_measure():
    text = '[labels.rich]\nfacet = "consumption"\nvalues = ["yes", "no"]\n'
    text += '[[labels.rich.claims]]\nflag = {is = "spnd > 3"}\n'
    text += '[measures.spend]\nfrom = "events"\nsql = "sum(amount)"\n'
    with pytest.raises(DefinitionError, match=r"(?s)rich.*spnd.*spend"):
        Catalog.from_toml(text)


@pytest.mark.parametrize(
    "sql", ["(select 1)", "read_csv('/etc/passwd')", "sum(amount); drop table events", "getenv('HOME')"]
)
def test_an_expression_that_is_not_allowed_is_refused_by_name(sql):
    with pytest.raises(DefinitionError, match="m_bad"):
        label_users(
            Study.from_tables({"events": log()}, as_of=AS_OF).sources,
            Catalog.from_toml(f'[measures.m_bad]\nfrom = "events"\nsql = "{sql}"\n'),
        )


def test_sends_alone_make_a_plan_and_its_proof_says_what_is_missing():
    n = 400
    sent = pd.Timestamp("2026-06-01 10:00") + pd.to_timedelta(np.arange(n) * 61, unit="min")
    sends = pd.DataFrame(
        {
            "send_id": [f"s{k}" for k in range(n)],
            "user_id": [f"u{k % 40:03d}" for k in range(n)],
            "sent_at": sent,
            "channel": np.array(["email", "app_push"])[np.arange(n) % 2],
            "topic": np.array(["tea", "cake"])[np.arange(n) // 3 % 2],
            "responded_at": pd.Series(sent + pd.Timedelta(minutes=5)).where(np.arange(n) % 4 == 0),
        }
    )
    users = pd.DataFrame({"user_id": [f"u{k:03d}" for k in range(40)], "gender": ["female", "male"] * 20})
    study = Study.from_tables({"sends": sends, "users": users}, as_of=AS_OF)
    half = [1 + k % 2 for k in range(40)]
    study.plan_targeting(Personas.from_assignments(users["user_id"], half))
    proof = study.prove()
    assert proof.schedule is not None and proof.design is None and proof.retention is None
    said = " ".join(proof.notes)
    assert "Not known - Test design: there are no events" in said
    assert "Not known - Who stays: There is no table of events" in said
