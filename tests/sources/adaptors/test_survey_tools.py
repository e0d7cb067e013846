"""SurveyMonkey, Google Forms, LimeSurvey and 问卷星: what each writes, read as what it means."""

from __future__ import annotations

import pytest
from survey_files import answers, read, write, write_sheet

from segtool.errors import InputError

MONKEY = [
    [
        *("Respondent ID", "Collector ID", "Date Created", "Date Modified", "IP Address", "Email Address"),
        *("First Name", "Last Name", "Custom Data 1", "How old are you?", "Which do you drink?", "", "", ""),
        *("How content are you with...", "", "Anything else?"),
    ],
    [
        *(
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "Response",
            "Tea",
            "Milk, warm",
            "Water",
            "Other (please specify)",
        ),
        *("the shop", "the app", "Open-Ended Response"),
    ],
    [
        *(
            "101",
            "9",
            "06/10/2026 07:48:07 AM",
            "06/10/2026 01:08:25 PM",
            "10.0.0.1",
            "a@example.org",
            "A",
            "B",
            "u1",
        ),
        *("18-24", "Tea", "Milk, warm", "", "", "Very satisfied", "Dissatisfied", "no"),
    ],
    [
        *("102", "9", "06/23/2026 07:48:07 AM", "06/23/2026 08:08:25 AM", "10.0.0.2", "", "", "", "u2"),
        *("25-34", "", "", "Water", "rum", "Satisfied", "", ""),
    ],
]


@pytest.mark.parametrize("sheet", [False, True])
def test_surveymonkey_has_two_header_lines(tmp_path, sheet):
    path = write_sheet(tmp_path / "m.xlsx", MONKEY) if sheet else write(tmp_path / "m.csv", MONKEY)
    sources = read(path, "Custom Data 1")
    assert sources.summary().to_pandas()[["read", "kept"]].values.tolist() == [[2, 2]]
    drinks, content = "Which do you drink?", "How content are you with... - the shop"
    assert answers(sources, "How old are you?", drinks, f"{drinks}_other", content) == {
        "u1": ("18-24", "Tea|Milk, warm", None, "Very satisfied"),
        "u2": ("25-34", "Water|Other (please specify)", "rum", "Satisfied"),
    }
    times = sources.to_pandas("survey")["answered_at"].astype(str).tolist()
    assert times == ["2026-06-10 13:08:25+00:00", "2026-06-23 08:08:25+00:00"]
    assert sources.left_out()["n"].tolist() == [2, 4]


def google(times, boxes):
    head = [
        "Timestamp",
        "Email Address",
        "Which drinks do you like?",
        "How often do you come?",
        "Say more, please?",
    ]
    often = ["Never", "Always"]
    return [head] + [
        [time, f"p{i}@example.org", box, often[i % 2], f"well, {i} words, and more"]
        for i, (time, box) in enumerate(zip(times, boxes, strict=True))
    ]


BOXES = [
    "Milk, Tea, green",
    "Tea, green",
    "Milk",
    "Milk, Tea, green",
    "Water, Milk",
    "Water",
    "Milk",
    "Water, Milk",
]


def test_google_forms_boxes_may_hold_commas(tmp_path):
    times = [f"2026/05/{day:02} 3:00:00 PM GMT+3" for day in range(1, 9)]
    sources = read(write(tmp_path / "g.csv", google(times, BOXES)), "response")
    drinks = answers(sources, "Which drinks do you like?")
    assert drinks["row 2"] == "Milk|Tea, green" and drinks["row 6"] == "Water|Milk"
    assert str(sources.to_pandas("survey")["answered_at"].min()) == "2026-05-01 12:00:00+00:00"
    assert sources.left_out()["what"].tolist() == ["header lines", "column Email Address"]
    assert answers(sources, "How often do you come?_score")["row 3"] == 2.0


@pytest.mark.parametrize(
    ("times", "first"),
    [
        ([f"{day}/05/2026 19:08:16" for day in range(9, 17)], "2026-05-09 19:08:16+00:00"),
        ([f"5/{day}/2026 9:08:16" for day in range(9, 17)], "2026-05-09 09:08:16+00:00"),
        ([f"2026/5/{day} 下午 3:08:16" for day in range(9, 17)], "2026-05-09 15:08:16+00:00"),
    ],
)
def test_google_forms_times_follow_the_owners_country(tmp_path, times, first):
    sources = read(write(tmp_path / "g.csv", google(times, BOXES)), "response", format="google_forms")
    assert str(sources.to_pandas("survey")["answered_at"].min()) == first


def test_an_email_is_read_only_if_the_study_maps_it(tmp_path):
    times = [f"2026/05/{day:02} 3:00:00 PM GMT+3" for day in range(1, 9)]
    sources = read(write(tmp_path / "g.csv", google(times, BOXES)), "Email Address")
    assert "p0@example.org" in sources.to_pandas("survey")["user_id"].tolist()
    assert sources.left_out()["what"].tolist() == ["header lines"]


def lines(text: str) -> list[list[str]]:
    """Return the lines of a text as rows of cells."""
    return [line.strip().split(";") for line in text.strip().splitlines()]


LIME = """
id;submitdate;lastpage;startlanguage;token;datestamp;ipaddr;Q1;Q2[SQ001];Q2[SQ002];Q2[other];Q3[A];Q3[B];interviewtime;Q1Time
1;2026-05-01 10:00:00;3;en;t1;2026-05-01 10:00:00;10.0.0.1;A1;Y;;;5;4;63.5;4.1
2;;1;en;t2;2026-05-02 11:00:00;10.0.0.2;A2;N/A;N/A;;;;3;3
3;1980-01-01 00:00:00;3;en;t3;1980-01-01 00:00:00;;A1;;Y;chess;1;2;9;4
"""


def test_limesurvey_codes(tmp_path):
    sources = read(write(tmp_path / "l.csv", lines(LIME), encoding="utf-8-sig", quote=1), "token")
    assert answers(sources, "Q2", "Q2_missing", "Q2_other", "Q3_A") == {
        "t1": ("SQ001", None, None, 5.0),
        "t2": (None, "not shown", None, None),
        "t3": ("SQ002|other", None, "chess", 1.0),
    }
    times = sources.to_pandas("survey").set_index("user_id")["answered_at"]
    assert times.isna().to_dict() == {"t1": False, "t2": False, "t3": True}
    assert {"column ipaddr", "column Q1Time"} <= set(sources.left_out()["what"])


def test_limesurvey_full_texts(tmp_path):
    rows = [
        [
            "Response ID",
            "Date submitted",
            "Last page",
            "Start language",
            "Age?",
            "Drinks? [Tea]",
            "Drinks? [Milk]",
        ],
        ["1", "2026-05-01 10:00:00", "3", "en", "18-24", "Yes", "No"],
        ["2", "2026-05-02 10:00:00", "3", "en", "25-34", "No", "No"],
    ]
    sources = read(write(tmp_path / "l.csv", rows, encoding="utf-8-sig"), "Response ID")
    assert answers(sources, "Drinks?", "Drinks?_missing") == {"1": ("Tea", None), "2": (None, "none chosen")}


WJX_HEAD = ["序号", "提交答卷时间", "所用时间", "来源", "来源详情", "来自IP"]
WJX_META = [[str(i), f"2026/5/{i} 9:08:16", "63秒", "微信", "", "10.0.0.1"] for i in range(1, 6)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_wjx_by_text(tmp_path, encoding):
    rows = [
        [*WJX_HEAD, "1、您的性别：", "2、您喜欢什么？（多选）", "3、您对我们满意吗？", "总分"],
        [*WJX_META[0], "男", "音乐┋运动", "非常满意", "5"],
        [*WJX_META[1], "女", "运动┋其他〖下棋〗", "一般", "3"],
        [*WJX_META[2], "女", "(跳过)", "不满意", "1"],
    ]
    sources = read(write(tmp_path / "w.csv", rows, encoding=encoding), "序号")
    assert answers(sources, "Q1", "Q2", "Q2_missing", "Q2_other", "Q3_score") == {
        "1": ("男", "音乐|运动", None, None, 4.0),  # 非常不满意 is the other end, though nobody chose it
        "2": ("女", "运动|其他", None, "下棋", 3.0),
        "3": ("女", None, "skipped", None, 2.0),
    }
    assert str(sources.to_pandas("survey")["answered_at"].min()) == "2026-05-01 01:08:16+00:00"
    assert "column 来自IP" in sources.left_out()["what"].tolist()


def test_wjx_by_number_of_the_choice(tmp_path):
    rows = [
        [*WJX_HEAD, "1、您的性别", "2(音乐)", "2(运动)", "第3题(外观)", "第3题(价格)"],
        [*WJX_META[0], "1", "1", "0", "5", "4"],
        [*WJX_META[1], "2", "0", "0", "3", "1"],
        [*WJX_META[2], "-3", "-3", "-3", "-2", "2"],
    ]
    sources = read(write_sheet(tmp_path / "w.xlsx", rows), "序号")
    assert answers(sources, "Q1", "Q1_missing", "Q2", "Q2_missing", "Q3_1") == {
        "1": (1.0, None, "音乐", None, 5.0),
        "2": (2.0, None, None, "none chosen", 3.0),
        "3": (None, "skipped", None, "skipped", None),
    }


@pytest.mark.parametrize("name", ["surveymonkey", "limesurvey", "wjx"])
def test_a_file_with_too_few_lines_is_refused(tmp_path, name):
    path = tmp_path / "a.csv"
    path.write_text("")
    with pytest.raises(InputError, match="is empty"):
        read(path, "a", format=name)


def test_surveymonkey_ratings_as_numbers_are_no_ticks(tmp_path):
    rows = [
        ["Respondent ID", "Collector ID", "Rate", "", "Drink?", ""],
        ["", "", "shop", "app", "Tea", "Milk"],
        ["1", "9", "4", "2", "1", ""],
        ["2", "9", "5", "1", "1", "2"],
    ]
    sources = read(write(tmp_path / "m.csv", rows), "Respondent ID")
    assert answers(sources, "Rate - shop", "Drink?") == {"1": (4.0, "Tea"), "2": (5.0, "Tea|Milk")}


def test_limesurvey_codes_and_texts_in_one_heading(tmp_path):
    rows = lines("""
        id. Response ID;submitdate. Date submitted;lastpage. Last page;startlanguage. Start language;\
Q01[SQ001]. Your age: [];Q02. Your gender:;Q02[other]. Your gender: [Other];\
Q03[A]. Drinks? [Tea];Q03[B]. Drinks? [Milk];Q03[other]. Drinks? [Other]
        1;2026-05-01 10:00:00;3;en;41;f;;Yes;No;rum
        2;2026-05-02 10:00:00;3;en;39;-oth-;x;No;Yes;
    """)
    sources = read(write(tmp_path / "l.csv", rows, encoding="utf-8-sig"), "id. Response ID")
    assert answers(sources, "Q01_SQ001", "Q02", "Q02_other", "Q03", "Q03_other") == {
        "1": (41.0, "f", None, "Tea|Other", "rum"),
        "2": (39.0, "-oth-", "x", "Milk", None),
    }


def test_surveymonkey_contact_forms_are_not_read(tmp_path):
    rows = [
        ["Respondent ID", "Collector ID", "Contact information", "", "", "How old are you?"],
        ["", "", "Name", "Email Address", "Company", "Response"],
        ["1", "9", "Ann", "a@example.org", "Tea & Co", "18-24"],
    ]
    sources = read(write(tmp_path / "m.csv", rows), "Respondent ID")
    assert answers(sources, "Contact information - Company", "How old are you?") == {
        "1": ("Tea & Co", "18-24")
    }
    assert sources.left_out()["n"].tolist() == [2, 2]
