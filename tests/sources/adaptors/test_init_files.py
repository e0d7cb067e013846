"""`segtool init` with files of several kinds: what it writes beside the study, and what it promises."""

from __future__ import annotations

import json
import tomllib

import pandas as pd
import pytest
from survey_files import QUALTRICS_QUESTIONS, qualtrics_rows, write
from typer.testing import CliRunner

from segtool.cli import app
from segtool.errors import InputError, OutputError
from segtool.sources import Sources, guess_study
from segtool.sources.adaptors.codebook import Codebook
from segtool.study import Study, check_study

LIKERT = ("Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree", "Strongly agree")
CHAT = """\
01/05/2026, 09:00 - Messages and calls are end-to-end encrypted.
13/05/2026, 09:00 - Anna created group "Run"
13/05/2026, 09:01 - Anna added Ben K.
"""


def init(*words):
    done = CliRunner().invoke(app, ["init", *map(str, words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def export(folder, name="answers.csv", questions=QUALTRICS_QUESTIONS, answers=None):
    likes = ("18-24", "25-34")
    answers = answers or (
        lambda i: (likes[i % 2], LIKERT[i % 5], "Music" * (i % 2), "Sport" * (i % 3 > 0), "", "", "1", "red")
    )
    return write(folder / name, qualtrics_rows(questions, [(f"u{i:02}", answers(i)) for i in range(30)]))


def log(folder):
    calls = [
        {
            **{
                "event_type": "view",
                "user_id": f"u{i % 30:02}",
                "event_time": f"2026-05-0{1 + i % 9} 10:00:00.000000",
            },
            **{
                "$insert_id": str(i),
                "device_id": f"d{i % 30}",
                "amplitude_id": i % 30,
                "event_properties": {},
            },
        }
        for i in range(90)
    ]
    (folder / "events.json").write_text("\n".join(map(json.dumps, calls)))
    return folder / "events.json"


def panel(folder, name="panel.sav"):
    pyreadstat = pytest.importorskip("pyreadstat", reason="the read extra is not installed")
    frame = pd.DataFrame(
        {"caseid": [f"u{i:02}" for i in range(30)], "region": [1.0 + i % 3 for i in range(30)]}
    )
    pyreadstat.write_sav(
        frame, folder / name, variable_value_labels={"region": {1.0: "north", 2.0: "south", 3.0: "west"}}
    )
    return folder / name


def test_answers_make_labels_also_beside_a_log(tmp_path):
    init(export(tmp_path), log(tmp_path), "--out", tmp_path / "study.toml")
    study = Study.read(tmp_path / "study.toml")
    assert set(study.sources.tables) == {"survey", "events"}
    assert set(tomllib.loads((tmp_path / "labels.toml").read_text())["labels"]) >= {"q1", "q2", "q3"}
    assert study.label().wide()["q1"].value_counts().to_dict() == {"18-24": 15, "25-34": 15}


def test_a_second_survey_is_offered_as_users_with_a_codebook_of_its_own(tmp_path):
    init(export(tmp_path), panel(tmp_path), log(tmp_path), "--out", tmp_path / "study.toml")
    text = (tmp_path / "study.toml").read_text()
    assert '# [sources.users]\n# path = "panel.sav"' in text
    taken = "\n".join(
        line.removeprefix("# ")
        if line[2:].startswith(
            ("[sources.users", "path =", 'format = "spss', 'codebook = "panel', 'user_id = "caseid')
        )
        else line
        for line in text.splitlines()
    )
    (tmp_path / "both.toml").write_text(taken)
    said = tomllib.loads(taken)["sources"]
    assert (said["survey"]["codebook"], said["users"]["codebook"]) == ("codebook.csv", "panel_codebook.csv")
    assert (
        Study.read(tmp_path / "both.toml").sources.to_pandas("users")["region"].value_counts()["south"] == 10
    )


def test_a_second_study_in_a_folder_has_files_of_its_own(tmp_path):
    init(export(tmp_path), "--out", tmp_path / "study.toml")
    (tmp_path / "codebook.csv").write_text("mine")
    init(tmp_path / "answers.csv", "--out", tmp_path / "wave2.toml")
    said = tomllib.loads((tmp_path / "wave2.toml").read_text())
    assert said["sources"]["survey"]["codebook"] == "wave2_codebook.csv"
    assert said["labels"]["catalogs"] == ["builtin", "wave2_labels.toml"]
    assert not check_study(Study.read(tmp_path / "wave2.toml")).problems
    (tmp_path / "wave2.toml").unlink()
    with pytest.raises(OutputError, match=r"wave2_labels\.toml exists"):
        init(tmp_path / "answers.csv", "--out", tmp_path / "wave2.toml")
    assert (tmp_path / "codebook.csv").read_text() == "mine"


def test_a_chat_brings_its_members_and_no_promise_of_a_run(tmp_path):
    chat = tmp_path / "WhatsApp Chat with Run.txt"
    chat.write_text(CHAT + "14/05/2026, 10:00 - Ben K.: hello\n")
    said = init(chat, "--out", tmp_path / "study.toml")
    assert "segtool community" in said and "segtool run" not in said and "too little for personas" in said
    study = Study.read(tmp_path / "study.toml")
    assert not check_study(study).problems
    labels = study.label().to_pandas()
    assert "groups_joined" in set(labels["label"])
    # One message is too little to hold anybody for more than a member.
    assert set(labels.loc[labels["label"] == "community_role", "value"]) <= {"member"}


def test_a_chat_that_tells_of_no_member_can_still_be_read_for_its_groups(tmp_path):
    chat = tmp_path / "WhatsApp Chat with Run.txt"
    chat.write_text("14/05/2026, 10:00 - Ben: hello\n15/05/2026, 10:00 - Ann: hello\n")
    said = init(chat, "--out", tmp_path / "study.toml")
    assert "segtool community" in said and "segtool run" not in said
    checked = check_study(Study.read(tmp_path / "study.toml"))
    assert not checked.problems
    assert "groups can be read from messages" in " ".join(checked.to_pandas()["what"])


def test_a_chat_on_one_long_line_is_recognised(tmp_path):
    messages = [
        {"id": n, "type": "message", "date": f"2026-05-01T10:{n % 60:02d}:00", "from": "Ann", "from_id": f"user{n % 5}",
         "text": "what a long walk " * 20}
        for n in range(900)
    ]  # fmt: skip
    chat = {"name": "Walks", "type": "private_group", "id": 7, "messages": messages}
    (tmp_path / "result.json").write_text(json.dumps(chat))
    said = init(tmp_path / "result.json", "--out", tmp_path / "study.toml")
    assert "segtool community" in said
    assert tomllib.loads((tmp_path / "study.toml").read_text())["sources"]["messages"]["format"] == "telegram"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"There is no file '.*nosuch\.csv'"):
        guess_study([tmp_path / "nosuch.csv"])


def book_of(folder):
    init(folder / "answers.csv", "--out", folder / "study.toml")
    return Codebook.read(folder / "codebook.csv")


def test_items_of_a_battery_share_the_scale_of_their_siblings(tmp_path):
    questions = [(f"Q5_{n}", f"Rate - {n}", {"ImportId": f"QID5_{n}"}) for n in (1, 2)]
    questions += [(f"Q8_{n}", f"Rank - {n}", {"ImportId": f"QID8_{n}"}) for n in (1, 2)]
    questions += [("Q9", "Income", {"ImportId": "QID9"})]
    bands = ("2000-5000", "<2000", ">5000")
    export(
        tmp_path,
        questions=questions,
        answers=lambda i: (LIKERT[i % 5], LIKERT[1 + i % 3], str(1 + i % 5), str(2 + i % 3), bands[i % 3]),
    )
    book = book_of(tmp_path)
    assert [list(book.get(name).values) for name in ("Q5_1", "Q5_2")] == [list(LIKERT)] * 2
    assert [list(book.get(name).values) for name in ("Q8_1", "Q8_2")] == [list("12345")] * 2
    assert list(book.get("Q9").values) == ["<2000", "2000-5000", ">5000"]
    settings = {"path": "answers.csv", "columns": {"user_id": "ExternalReference"}}
    survey = Sources.read({"survey": settings}, as_of="2026-07-01", base=tmp_path).to_pandas("survey")
    scores = survey.groupby("Q5_2")["Q5_2_score"].first().to_dict()
    assert scores == {"Disagree": 2, "Neither agree nor disagree": 3, "Agree": 4}


def test_scales_of_other_questions_stay_their_own(tmp_path):
    questions = [(name, name, {"ImportId": f"QID{name}"}) for name in ("Q1", "Q2", "Q3")]
    often = ("Never", "Sometimes", "Always")
    export(tmp_path, questions=questions, answers=lambda i: (str(1 + i % 3), str(1 + i % 5), often[i % 3]))
    book = book_of(tmp_path)
    assert [list(question.values) for question in book] == [list("123"), list("12345"), list(often)]


def test_what_people_wrote_over_lines_is_one_line_in_a_sentence(tmp_path):
    users = pd.DataFrame({"user_id": ["a", "b", "c"], "likes": ["long\nwalks", "long\nwalks", "tea"]})
    users.to_csv(tmp_path / "users.csv", index=False)
    (tmp_path / "labels.toml").write_text(
        '[labels.likes]\nfacet = "taste"\nphrase = "likes {value}"\n'
        '[[labels.likes.claims]]\ncolumn = {name = "likes", from = "users"}\n'
    )
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "s"\nas_of = "2026-07-01"\n[sources.users]\npath = "users.csv"\n'
        '[labels]\ncatalogs = ["labels.toml"]\n'
    )
    told = Study.read(tmp_path / "study.toml").label().sentences()["sentence"].tolist()
    assert "likes long walks" in told
