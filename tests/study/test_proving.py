"""A study's schedule, test, lift, retention and evidence, wired together."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool import Study
from segtool.errors import DefinitionError, InputError, ParameterError, PrivacyError
from segtool.measurement import assign_holdout
from segtool.outputs import hash_ids, read_csv, write_proof
from segtool.outputs.report.proof_facts import describe_proof
from segtool.personas import Personas
from segtool.study import StudyFile
from segtool.study.evidence import match_personas, read_evidence, tell_test
from segtool.study.metrics import choose_metrics
from segtool.targeting.verdicts import PROVED

START, END = "2026-06-01", "2026-06-29"
N, NAME, SHARE = 400, "Trial", 0.3
USERS = [f"u{n:03d}" for n in range(N)]
KEY = "a key that is long enough"


def make_study(tables, as_of, base=".", **more) -> Study:
    said = {"study": {"name": NAME, "as_of": as_of}, "sources": {}, "export": {"holdout_share": SHARE}}
    for table, keys in more.items():
        said[table] = {**said.get(table, {}), **keys}
    return Study(StudyFile.from_dict(said), base, tables=tables)


def make_events(first: str, days: int, bought, seed: int, per_user: int = 10) -> pd.DataFrame:
    """Visits at random, and one purchase of each user whom ``bought`` marks; halves differ in taste and hours."""
    generator = np.random.default_rng(seed)
    user = np.concatenate([np.repeat(np.arange(N), per_user), np.flatnonzero(bought)])
    late = user >= N / 2
    visits = np.arange(len(user)) < N * per_user
    minute = generator.integers(0, days, len(user)) * 1440 + np.where(late, 20, 9) * 60
    taste = late ^ (generator.random(len(user)) < 0.1)
    return pd.DataFrame(
        {
            "user_id": np.array(USERS)[user],
            "event_time": pd.Timestamp(first)
            + pd.to_timedelta(minute + np.arange(len(user)) % 50, unit="min"),
            "event": np.where(visits, "view", "purchase"),
            "topic": np.where(taste, "cake", "tea"),
            "channel": np.where(late, "email", "app_push"),
            "amount": np.where(visits, np.nan, 10.0),
        }
    )


def make_users() -> pd.DataFrame:
    """What tells the halves apart, at any moment."""
    late = np.arange(N) >= N / 2
    odd = np.random.default_rng(4).random((3, N)) < 0.05
    said = {"gender": ("female", "male"), "age_band": ("18-24", "45-54"), "city_tier": ("tier 1", "tier 4")}
    columns = {
        name: np.where(late ^ flip, *words) for (name, words), flip in zip(said.items(), odd, strict=True)
    }
    return pd.DataFrame({"user_id": USERS, **columns})


def make_sends(seed: int = 5) -> pd.DataFrame:
    """Four sends to each user in April and May, the topic drawn by a coin; tea is answered more often."""
    generator = np.random.default_rng(seed)
    user, n = np.repeat(np.arange(N), 4), 4 * N
    arm = generator.choice(["tea", "cake"], n)
    sent = pd.Timestamp("2026-04-01 10:00") + pd.to_timedelta(generator.integers(0, 55, n), unit="D")
    answered = generator.random(n) < np.where(arm == "tea", 0.3, 0.1)
    return pd.DataFrame(
        {
            "send_id": [f"s{i}" for i in range(n)],
            "user_id": np.array(USERS)[user],
            "sent_at": sent,
            "channel": np.where(user >= N / 2, "email", "app_push"),
            "topic": arm,
            "arm": arm,
            "propensity": 0.5,
            "responded_at": pd.Series(sent + pd.Timedelta(hours=1)).where(answered),
        }
    )


@pytest.fixture(scope="module")
def held() -> pd.Series:
    return assign_holdout(USERS, share=SHARE, salt=NAME)


@pytest.fixture(scope="module")
def tables():
    often = np.random.default_rng(1).random(N) < 0.3
    events = [make_events(f"2026-{month:02d}-01", 28, often, month) for month in (2, 3, 4, 5)]
    return {"events": pd.concat(events, ignore_index=True), "sends": make_sends(), "users": make_users()}


@pytest.fixture(scope="module")
def before(tables):
    """The study on the day the plan goes out."""
    study = make_study(tables, START)
    study.find_personas(n_personas=2)
    study.plan_targeting()
    return study


@pytest.fixture(scope="module")
def schedule(before):
    return before.schedule()


@pytest.fixture(scope="module")
def roster(before, held):
    return before._personas.assigned.assign(holdout=held.to_numpy())


@pytest.fixture(scope="module")
def after(tables, held):
    """Four weeks later: 40 % of those who were not held out bought because of the plan, in both halves."""
    generator = np.random.default_rng(2)
    bought = (generator.random(N) < 0.3) | (~held.to_numpy() & (generator.random(N) < 0.4))
    june = make_events(START, 28, bought, 6)
    study = make_study(
        {"events": pd.concat([tables["events"], june], ignore_index=True), "users": tables["users"]}, END
    )
    study.find_personas(n_personas=2)
    return study


def test_the_schedule_leaves_the_holdout_untouched(schedule, held):
    sent = set(schedule.send_list["user_id"])
    assert sent and not sent & set(held.index[held])
    assert schedule.weeks == 4


def test_no_weeks_are_no_default(before):
    for stage in (before.schedule, before.design_test):
        with pytest.raises(ParameterError, match="weeks is 0"):
            stage(weeks=0)
    assert before.schedule(weeks=1).weeks == 1


def test_the_design_counts_the_holdout_of_the_study(before, held):
    design = before.design_test()
    row = design.overall.iloc[0]
    assert row["n_users"] == N and row["base"] == pytest.approx(0.3, abs=0.06)
    assert row["n_control"] == held.sum()  # those who were drawn, not those to be expected
    assert len(design.table) == 2
    assert before.design_test(weeks=8).overall["base"].iloc[0] >= row["base"]
    with pytest.raises(InputError, match="begins before the log"):
        before.design_test(weeks=30)


def test_what_was_planted_is_found_with_the_roster(after, roster, tmp_path):
    lift = after.measure_lift(START, roster=roster)
    main = lift.overall[lift.overall["metric"] == "purchased"].iloc[0]
    assert lift.primary == "purchased" and lift.srm.passed
    assert main["lo"] < 0.28 < main["hi"] and main["verdict"] == PROVED
    assert sum(lift.table.query("metric == 'purchased'")["n_control"]) <= roster["holdout"].sum()
    roster.to_csv(tmp_path / "personas.csv", index=False)
    again = after.measure_lift(START, roster=tmp_path / "personas.csv")
    pd.testing.assert_frame_equal(lift.to_pandas(), again.to_pandas())
    assert not [note for note in lift.notes if "today's personas" in note]


def test_without_a_roster_it_is_said_whose_personas_these_are(after, held):
    lift = after.measure_lift(START, metric="purchased")
    said = [note for note in lift.notes if "today's personas" in note]
    assert len(said) == 1 and "what was known of them on 2026-06-01" in said[0] and "personas.csv" in said[0]
    assert lift.overall["n_control"].iloc[0] == held.sum()


def test_given_personas_are_said_to_be_of_no_moment(after, roster):
    given = Personas.from_assignments(USERS, [1 + (n >= N / 2) for n in range(N)])
    study = make_study(after._tables, END)
    study._personas = given
    assert any("given as a list of users" in note for note in study.measure_lift(START).notes)
    notes = study.retention("2026-05-01").notes
    assert any("given as a list of users" in note and note.startswith("Not known") for note in notes)
    assert not any("each user's as known by" in note for note in notes)


def test_retention_keeps_the_ids_of_the_portraits_and_its_unsure_apart(after, monkeypatch):
    found = after.retention("2026-05-01")
    pairs = found.comparison[["persona_id", "persona"]].drop_duplicates()
    portraits = after._personas.portraits()[["persona_id", "persona"]]
    assert set(map(tuple, pairs.to_numpy())) == set(map(tuple, portraits.to_numpy()))
    assert any("each user's as known by 2026-05-01" in note for note in found.notes)
    assert any("today's personas" in note and "personas.csv" in note for note in found.notes)
    placed = after._personas.assigned
    unsure = placed.assign(unsure=np.arange(len(placed)) < 60)
    monkeypatch.setattr(Personas, "assign", lambda self, labels: unsure)
    monkeypatch.setattr(after, "_label", lambda sources: None)
    flow = after.retention("2026-05-01").flow
    assert {-1, 1, 2} == set(flow.loc[flow["level"] == "persona", "persona_id"])


@pytest.mark.parametrize("since", ["2025-12-01", "2026-02-01"])
def test_a_moment_before_the_log_is_named(after, since):
    for stage in (after.measure_lift, after.retention):
        with pytest.raises(ParameterError, match=f"since is {since}.*begins on 2026-02-01"):
            stage(since)


def test_pseudonyms_of_a_roster_are_read_back(after, roster, monkeypatch):
    monkeypatch.setenv("SEGTOOL_ID_KEY", KEY)
    study = make_study(after._tables, END, export={"hash_ids": True})
    hashed = roster.assign(user_id=hash_ids(roster["user_id"], KEY.encode()))
    found, plain = (study.measure_lift(START, roster=each) for each in (hashed, roster))
    pd.testing.assert_frame_equal(found.to_pandas(), plain.to_pandas())
    monkeypatch.setenv("SEGTOOL_ID_KEY", "quite another long key")
    with pytest.raises(InputError, match="Another key"):
        study.measure_lift(START, roster=hashed)
    monkeypatch.delenv("SEGTOOL_ID_KEY")
    with pytest.raises(PrivacyError, match="pseudonyms in place of ids"):
        study.measure_lift(START, roster=hashed)
    with pytest.raises(InputError, match="none of the 400 users of the roster"):
        after.measure_lift(START, roster=hashed)


def test_users_of_no_persona_count_for_everyone_alone(after, roster):
    some = roster.astype({"persona_id": object, "persona": object})
    some.loc[:49, ["persona_id", "persona"]] = None
    lift = after.measure_lift(START, roster=some, metric="purchased")
    assert any(note.startswith("50 users are in no persona") for note in lift.notes)
    counts = ["n_treated", "n_control"]
    assert lift.overall[counts].sum(axis=1).iloc[0] == N
    assert lift.table[counts].to_numpy().sum() == N - 50


def test_what_nearly_everybody_does_is_not_what_a_test_is_about(before, tables):
    settings = before.file.measurement
    assert choose_metrics(before.sources, settings, days=28) == (["purchased", "active"], ())
    all_buy = make_events("2026-05-01", 28, np.ones(N, dtype=bool), 9)
    study = make_study({"events": all_buy}, "2026-05-29")
    study._personas = before._personas
    design = study.design_test()
    assert any(
        note.startswith("The test is about spend: more than 90% of users buy") for note in design.notes
    )
    none = make_events("2026-05-01", 28, np.arange(N) < 3, 9)
    names, notes = choose_metrics(make_study({"events": none}, "2026-05-29").sources, settings, days=28)
    assert names[0] == "active_days" and "fewer than 2% of users buy" in notes[0]
    # What came of the plan does not choose what the plan is judged by.
    later = make_study({"events": pd.concat([tables["events"], make_events(START, 28, np.ones(N), 9)])}, END)
    assert choose_metrics(later.sources, settings, days=28, end=START)[0][0] == "purchased"
    assert choose_metrics(later.sources, settings, days=28)[0][0] == "spend"


@pytest.fixture(scope="module")
def proof(after, roster, tmp_path_factory):
    path = tmp_path_factory.mktemp("proof") / "proof.csv"
    write_proof(after.measure_lift(START, roster=roster), path, 5)
    return path


def test_what_was_proved_lifts_the_plan(before, tables, proof):
    study = make_study(tables, START, proof.parent, measurement={"proof": proof.name})
    plan = study.plan_targeting(before._personas)
    sent = plan.advice[(plan.advice["aspect"] == "plan") & (plan.advice["verdict"] == PROVED)]
    assert set(sent["persona"]) == set(before._personas.names.values())
    assert set(sent["advice"]) == {"send"}
    assert not (before._plan.advice["verdict"] == PROVED).any()
    # A persona that has another name today is another one.
    study._personas = before._personas.rename({1: "Somebody else"})
    evidence, notes = read_evidence(study)
    assert set(evidence.loc[evidence["aspect"] == "plan", "persona_id"]) == {2}
    assert any("no persona has that name today" in note for note in notes)


def test_harm_is_advice_not_to_send(proof):
    table = tell_test(read_csv(proof).assign(verdict=["harm", "no effect found"]))
    assert table["advice"].tolist() == ["do not send", "send"]
    assert table["verdict"].iloc[0] == PROVED != table["verdict"].iloc[1]
    found, lost = match_personas(table, {7: table["persona"].iloc[1]})
    assert found["persona_id"].tolist() == [7] and lost == [table["persona"].iloc[0]]


def test_a_proof_that_is_not_there_is_named(tables, before):
    study = make_study(tables, START, measurement={"proof": "none.csv"})
    with pytest.raises(DefinitionError, match=r"names 'none\.csv'"):
        study.plan_targeting(before._personas)


def test_logged_chances_judge_another_policy(before):
    found = before.evaluate_policy("tea")
    assert found.table["persona"].tolist() == list(before._personas.names.values())
    assert ((found.table["lo"] < 0.3) & (found.table["hi"] > 0.3) & (found.table["logged"] < 0.25)).all()


def test_the_frequency_experiment_draws_whom_the_schedule_reaches(before, schedule, held):
    closed = replace(
        schedule, why=np.where(schedule.people.table["user_id"] == "u399", "closed", schedule.why)
    )
    found = before.design_frequency_experiment(schedule=closed)
    drawn = set(found.table["user_id"])
    assert (
        drawn == set(USERS) - set(held.index[held]) - set(closed.left_out["user_id"]) and "u399" not in drawn
    )
    assert any("send_list.csv does not carry" in note for note in found.notes)
    beyond = [note for note in found.notes if "more than the caps of their channel" in note]
    channel = schedule.people.table.set_index("user_id")["channel"]
    many = found.table.set_index("user_id")["arm"] > 2
    assert f"{(many & (channel.reindex(many.index) == 'email')).sum():,} users" in beyond[0]
    one = before.design_frequency_experiment(schedule=schedule, channel="app_push")
    assert not [note for note in one.notes if "more than the caps" in note]


def test_the_proof_has_all_parts_and_says_what_it_cannot(before):
    proof = before.prove()
    assert proof.schedule is not None and proof.design is not None and proof.retention is not None
    assert proof.feedback is not None
    assert proof.retention.start is None  # 120 days of log hold no 91 to follow and 84 to know


@pytest.mark.parametrize(
    ("part", "stage", "title"),
    [
        ("schedule", "schedule", "Schedule"),
        ("design", "design_test", "Test design"),
        ("retention", "retention", "Who stays"),
        ("feedback", "read_feedback", "Feedback"),
        ("experiment", "design_frequency_experiment", "Frequency experiment"),
    ],
)
def test_a_part_that_fails_is_a_note(before, schedule, monkeypatch, part, stage, title):
    def fail(*_, **__):
        raise InputError("it cannot be.")

    for name in ("schedule", "design_test", "retention", "read_feedback", "design_frequency_experiment"):
        monkeypatch.setattr(before, name, fail if name == stage else lambda *_, **__: schedule)
    often = SimpleNamespace(frequency=pd.DataFrame({"fatigue": [np.nan]}))
    monkeypatch.setattr(before, "_plan", often)
    proof = before.prove()
    assert getattr(proof, part) is None
    assert [note for note in proof.notes if note == f"Not known - {title}: it cannot be."]


def test_a_study_without_holdout_and_with_a_short_log_is_exported(tmp_path, monkeypatch):
    events = make_events("2026-05-20", 10, np.arange(N) % 3 == 0, 3)
    events = events[events["user_id"] < "u060"].drop(columns="amount")
    study = make_study(
        {"events": events, "users": make_users().head(60)}, START,
        export={"holdout_share": 0}, measurement={"metrics": ["spend"]},
    )  # fmt: skip
    study.find_personas(n_personas=1)
    monkeypatch.setattr(
        "segtool.outputs.export.write_report", lambda *_, **__: None
    )  # its drawing takes long
    manifest = study.export(tmp_path / "out")
    assert any(note.startswith("Not known - Test design: holdout_share") for note in manifest.notes)
    assert any("nobody is left untouched" in note for note in describe_proof(study.prove(), 5).notes)
    assert (
        not (tmp_path / "out" / "test_design.csv").exists() and (tmp_path / "out" / "send_list.csv").exists()
    )
    with pytest.raises(ParameterError, match="holdout_share"):
        study.measure_lift("2026-05-25")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"weeks": 27}, "26"),
        ({"metrics": ["purchsed"]}, "did you mean 'purchased'"),
        ({"metrics": ["spend", "spend"]}, "named twice"),
    ],
)
def test_what_no_test_can_be_about_is_refused_when_read(keys, says):
    with pytest.raises(DefinitionError, match=says):
        make_study({}, START, measurement=keys)


def test_retention_is_followed_as_long_as_it_is_reported():
    said = StudyFile.from_dict({"study": {"name": "x", "as_of": START}, "sources": {}}).measurement
    assert 7 * said.cohort_weeks >= 90
    days = np.tile(np.arange(1, 179, 3), 40)
    events = pd.DataFrame(
        {
            "user_id": [f"u{n:02d}" for n in range(40) for _ in range(60)],
            "event_time": pd.Timestamp(START) - pd.to_timedelta(days, unit="D"),
            "event": "view",
        }
    )
    study = Study.from_tables({"events": events}, as_of=START, timezone="Asia/Shanghai")
    study._personas = Personas.from_assignments(
        sorted(set(events["user_id"])), [1 + (n >= 20) for n in range(40)]
    )
    found = study.retention(study._cohort_start())
    assert (pd.Timestamp(START) - pd.Timestamp(found.start)).days == 91
    assert not [note for note in found.notes if "The mean stay within" in note]
    assert found.comparison["mean_days"].notna().all() and set(found.comparison["horizon_days"]) == {30, 90}
