"""The command line: one thin command per stage, one message per error, stable exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
from typer.testing import CliRunner

from segtool.cli.commands import app
from segtool.errors import InputError
from segtool.outputs import read_csv


def segtool(*words, cwd=None, **env) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "segtool", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **env},
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A stranger's own order table, with their own names for things."""
    folder = tmp_path_factory.mktemp("shop")
    rows = [
        {
            "customer": f"{number:04d}",
            "ordered": f"2026-05-{1 + (number * 7 + week * 3) % 28:02d} 1{week}:00",
            "action": "order_paid" if week % 2 else "product_view",
            "total": 10.5 * (number % 9 + 1),
            "category": ["shoes", "bags", "手机 📱"][(number + week) % 3],
        }
        for number in range(80)
        for week in range(6)
    ]
    pd.DataFrame(rows).to_csv(folder / "orders.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def started(shop):
    done = segtool("init", "orders.csv", "--out", "study.toml", cwd=shop)
    assert done.returncode == 0, done.stderr
    return shop


def test_init_writes_a_study_that_checks_and_runs(started):
    checked = segtool("check", "study.toml", "--quiet", cwd=started)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = segtool("run", "study.toml", "--out", "out", "--json", "--quiet", cwd=started)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["personas"]
    people = read_csv(started / "out" / "personas.csv")
    assert len(people) == 80
    assert "0007" in set(people["user_id"])
    assert (started / "out" / "report.html").stat().st_size > 1000


def test_init_does_not_replace_a_file_unasked(started):
    done = segtool("init", "orders.csv", "--out", "study.toml", cwd=started)
    assert done.returncode == 5
    assert "--force" in done.stderr


@pytest.mark.parametrize("stage", ["label", "personas", "target"])
def test_each_stage_prints_one_json_document(started, stage):
    done = segtool(stage, "study.toml", "--json", "--quiet", cwd=started)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]


def test_a_stage_writes_its_table(started, tmp_path):
    done = segtool("label", "study.toml", "--csv", tmp_path / "coverage.csv", "--quiet", cwd=started)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "coverage.csv")) > 3


def test_progress_goes_to_standard_error(started):
    done = segtool("check", "study.toml", cwd=started)
    assert "reading the tables" in done.stderr
    assert "reading the tables" not in done.stdout


@pytest.mark.parametrize(
    ("study", "exit_code", "says"),
    [
        (None, 3, "segtool init"),
        ("this is not toml", 3, "is not TOML"),
        ('[study]\nname="x"\nas_of="2026-01-01"\n[sources.evnts]\npath="a.csv"', 3, "did you mean 'events'"),
        ('[study]\nname="x"\nas_of="2026-01-01"\n[sources.events]\npath="a.csv"', 3, "a.csv"),
        ('[study]\nname="x"\n[sources.events]\npath="a.csv"', 3, "as_of"),
        ('[study]\nname="x"\nas_of="2026-01-01"\ncolour=1\n[sources.events]\npath="a.csv"', 3, "colour"),
    ],
    ids=["missing", "not-toml", "unknown-table", "missing-table-file", "no-as-of", "unknown-key"],
)
def test_a_bad_study_ends_in_one_message(tmp_path, study, exit_code, says):
    if study:
        (tmp_path / "study.toml").write_text(study)
    done = segtool("run", "study.toml", "--quiet", cwd=tmp_path)
    assert done.returncode == exit_code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["run", "study.toml", "--out", "orders.csv/out"],
        ["label", "study.toml", "--csv", "no/such/folder/x.csv"],
        ["init", "orders.csv", "--out", "orders.csv/study.toml"],
        ["report", "study.toml", "--out", "no/such/folder/report.html"],
    ],
    ids=lambda words: words[0],
)
def test_a_place_that_cannot_be_written_is_an_output_problem(started, words):
    done = segtool(*words, cwd=started)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_option_is_usage(tmp_path):
    done = segtool("run", "--no-such-option", cwd=tmp_path)
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr


def test_an_existing_output_is_not_replaced_unasked(started):
    (started / "mine").mkdir(exist_ok=True)
    (started / "mine" / "letter.txt").write_text("keep me")
    done = segtool("run", "study.toml", "--out", "mine", "--force", "--quiet", cwd=started)
    assert done.returncode == 5, done.stderr
    assert (started / "mine" / "letter.txt").read_text() == "keep me"


@pytest.mark.slow
def test_the_demo_simulates_and_runs(tmp_path):
    done = segtool("demo", "--n-users", "120", "--out", tmp_path / "demo", "--quiet")
    assert done.returncode == 0, done.stderr
    assert len(read_csv(tmp_path / "demo" / "personas.csv")) == 120


def test_version():
    assert segtool("--version").stdout.startswith("segtool 0.")


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """Answers alone: no log, no times but that of the answer."""
    folder = tmp_path_factory.mktemp("survey")
    rows = [
        {
            "respondent": f"r{n:03d}",
            "submitted": f"2026-05-{1 + n % 28:02d} 12:00:00",
            "Where do you live?": ["city", "town", "village"][n % 3 if n % 5 else 0],
            "What do you drink?": ["tea", "coffee"][n % 3 == 0],
            "How often do you cook?": ["never", "weekly", "daily"][(n % 3 + n % 7 // 6) % 3],
        }
        for n in range(120)
    ]
    pd.DataFrame(rows).to_csv(folder / "survey export.csv", index=False)
    return folder


def test_a_survey_alone_runs(survey):
    done = segtool("init", "survey export.csv", cwd=survey)
    assert done.returncode == 0, done.stderr
    assert (survey / "labels.toml").exists()
    assert segtool("check", "study.toml", "--quiet", cwd=survey).returncode == 0
    found = segtool("personas", "study.toml", "--json", "--quiet", cwd=survey)
    assert found.returncode == 0, found.stderr
    assert sum(row["n_users"] for row in json.loads(found.stdout)["rows"]) == 120


@pytest.fixture(scope="module")
def few():
    """40 users, four of them a persona of their own: no command may count them."""
    from dataclasses import replace

    from segtool import Study
    from segtool.personas import Personas

    rows = [
        (f"u{n:02d}", f"2026-06-{1 + (n + day) % 28:02d} 9:00", "view", ["rare", "common"][n >= 4])
        for n in range(40)
        for day in range(12)
    ]
    events = pd.DataFrame(rows, columns=["user_id", "event_time", "event", "topic"])
    survey = pd.DataFrame({"user_id": ["u00", "u01", "u02"], "life_stage": ["student", "student", "retired"]})
    study = Study.from_tables({"events": events, "survey": survey}, as_of="2026-07-01")
    given = Personas.from_assignments(sorted(set(events["user_id"])), [2] * 4 + [1] * 36)
    personas = replace(given, labels=study.label(), notes=("Persona 2: 4 users are few.",))
    study.find_personas = lambda **options: study.__dict__.update(_personas=personas) or personas
    study.find_personas()
    return study


@pytest.mark.parametrize("stage", ["personas", "target", "label"])
def test_a_stage_counts_nobody_that_the_export_would_not(few, stage):
    """What a command prints or writes with --csv goes through the same rules as the folder."""
    from segtool.cli.stages import STAGES

    table, text = STAGES[stage](few, {"n_personas": None})
    assert len(table) and not table["n_users"].between(1, 4).any()
    said = text + table.astype(str).to_csv()
    assert not [word for word in (" 4 users", " 3 users", "(4)") if word in said]
    assert table["n_users"].isna().any() or "fewer than 5 users" in said


def test_no_label_at_all_is_said_and_fails(tmp_path):
    pd.DataFrame({"user_id": ["a", "b"], "size": [1, 2]}).to_csv(tmp_path / "users.csv", index=False)
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "x"\nas_of = "2026-07-01"\n[sources.users]\npath = "users.csv"\n'
    )
    done = segtool("label", "study.toml", "--quiet", cwd=tmp_path)
    assert done.returncode == 3 and done.stdout == ""
    assert "No label can be made from these tables." in done.stderr and "segtool check" in done.stderr


def test_moves_without_a_moment_is_a_usage_error():
    done = CliRunner().invoke(app, ["personas", "study.toml", "--moves"])
    assert done.exit_code == 2 and "--since" in done.output


def test_the_number_of_personas_is_heeded_with_since(monkeypatch):
    asked = {}

    def follow(since, n_personas=None):
        asked.update(since=since, n_personas=n_personas)
        raise InputError("far enough.")

    study = SimpleNamespace(follow_personas=follow, file=SimpleNamespace(export=SimpleNamespace(min_cell=5)))
    monkeypatch.setattr("segtool.study.Study.read", lambda path: study)
    done = CliRunner().invoke(app, ["personas", "x", "--since", "2026-04-01", "-k", "3", "--quiet"])
    assert asked == {"since": "2026-04-01", "n_personas": 3}, done.output


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """Forty customers, twelve weeks; a plan went out on 8 June."""
    folder = tmp_path_factory.mktemp("campaign")
    number = range(40 * 24)
    rows = [
        (
            f"{n % 40:03d}",
            pd.Timestamp("2026-04-06 09:00")
            + pd.Timedelta(days=n // 40 * 3.5 + n % 3, hours=n % 40 // 20 * 10),
            "purchase" if (n * 7 + n // 40) % 11 == 0 else "view",
            ["tea", "cake"][n % 40 // 20],
        )
        for n in number
    ]
    pd.DataFrame(rows, columns=["user_id", "event_time", "event", "topic"]).to_csv(
        folder / "events.csv", index=False
    )
    (folder / "study.toml").write_text(
        '[study]\nname = "June"\nas_of = "2026-06-29"\n[sources.events]\npath = "events.csv"\n'
        "[personas]\nn_personas = 1\n[measurement]\nweeks = 2\n[export]\nholdout_share = 0.4\n"
    )
    held = pd.DataFrame(
        {"user_id": [f"{n:03d}" for n in range(40)], "holdout": [n % 5 < 2 for n in range(40)]}
    )
    held.assign(persona_id=1, persona="Everyone").to_csv(folder / "personas.csv", index=False)
    return folder


@pytest.mark.parametrize(
    ("words", "column", "says"),
    [
        (["calendar", "--weeks", "1"], "channel", "sends to"),
        (["design"], "detectable", "the time before|smallest effect"),
        (
            ["measure", "--since", "2026-06-08", "--roster", "personas.csv", "--proof", "proof.csv"],
            "lo",
            "wrote",
        ),
        (["retention", "--since", "2026-06-08"], "opening", "users at the start"),
    ],
    ids=["calendar", "design", "measure", "retention"],
)
def test_what_comes_before_and_after_sending(campaign, monkeypatch, words, column, says):
    monkeypatch.chdir(campaign)
    done = CliRunner().invoke(app, [words[0], "study.toml", *words[1:], "--csv", "shown.csv", "--quiet"])
    assert done.exit_code == 0, done.output
    assert re.search(says, done.output, re.IGNORECASE)
    assert column in read_csv("shown.csv").columns
    if words[0] == "measure":
        assert set(read_csv("proof.csv")["advice"]) == {"send"}


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (["calendar", "--weeks", "0"], 2, "weeks is 0"),
        (["design", "--weeks", "0"], 2, "weeks is 0"),
        (["measure", "--since", "2026-06-08", "--roster", "none.csv"], 3, "none.csv"),
        (["measure", "--since", "2026-04-06"], 2, "since is 2026-04-06"),
    ],
)
def test_what_cannot_be_measured_ends_in_one_message(campaign, monkeypatch, words, exit_code, says):
    monkeypatch.chdir(campaign)
    done = CliRunner().invoke(app, [words[0], "study.toml", *words[1:], "--quiet"])
    assert done.exception.exit_code == exit_code and says in str(done.exception)


@pytest.mark.slow
def test_the_groups_are_read_table_by_table(tmp_path):
    rows = [
        {"message_id": f"m{i}", "group_id": "g", "user_id": f"u{i % 12}", "sent_at": f"2026-06-{1 + i % 28:02d}",
         "topic": "tea", "text": "好喝 nice tea"}
        for i in range(120)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "chat.csv", index=False)
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "Tea"\nas_of = "2026-07-01"\n[sources.messages]\npath = "chat.csv"\n', encoding="utf-8"
    )
    done = segtool("community", "study.toml", "--quiet", "--csv", "groups.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    groups = read_csv(tmp_path / "groups.csv")
    assert groups["group_id"].tolist() == ["g"] and groups["do"].notna().all()
    empty = segtool("community", "study.toml", "--table", "warnings", "--csv", "none.csv", "-q", cwd=tmp_path)
    assert empty.returncode == 0 and "None found" in empty.stdout
    assert "group_id" in read_csv(tmp_path / "none.csv").columns
    assert segtool("community", "study.toml", "--table", "nobody", cwd=tmp_path).returncode == 2


def test_a_study_without_groups_says_which_table_it_needs(started):
    done = segtool("community", "study.toml", "--quiet", cwd=started)
    assert done.returncode == 3 and "messages" in done.stderr
