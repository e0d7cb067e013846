"""A stranger's files become a study that reads: roles, words, times, and what cannot be used."""

from __future__ import annotations

import tomllib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.errors import InputError
from segtool.sources import Sources, guess_labels, guess_study
from segtool.sources.guess.words import CHANNEL_SYNONYMS, EVENT_SYNONYMS, ROLE_NAMES, standard_word
from segtool.sources.guess.write import text
from segtool.sources.schemas import CHANNEL_WORDS, EVENT_WORDS, SCHEMAS
from segtool.sources.simulate import simulate_circle


def write(folder, name, header, row, n=40, encoding="utf-8"):
    lines = [header, *(row(i) for i in range(n))]
    (folder / name).write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return folder / name


def guess(*paths, **more):
    return tomllib.loads(guess_study(paths, relative_to=paths[0].parent, **more))


def read(study, base):
    said = study["study"]
    return Sources.read(study["sources"], as_of=said["as_of"], timezone=said["timezone"], base=base)


# -- whole files ------------------------------------------------------------------------------------


def test_orders_without_an_event_column_are_purchases(tmp_path):
    orders = write(
        tmp_path,
        "orders.csv",
        "customer_id,order_id,order_date,total",
        lambda i: f"{i % 7:03d},{i},2026-05-{i % 28 + 1:02d},{i * 1.5}",
    )
    study = guess(orders)
    events = study["sources"]["events"]
    assert events["constants"] == {"event": "purchase"}
    assert events["columns"] == {"user_id": "customer_id", "event_time": "order_date", "amount": "total"}
    assert events["keep_duplicates"] is True
    assert study["study"]["as_of"] == "2026-05-29"
    with read(study, tmp_path) as sources:
        table = sources.to_pandas("events")
    assert set(table["event"]) == {"purchase"}
    assert set(table["user_id"]) == {f"{i:03d}" for i in range(7)}


def test_a_chinese_log_in_gbk(tmp_path):
    words = ["浏览", "加入购物车", "支付", "点赞", "抽奖"]
    log = write(
        tmp_path,
        "行为日志.csv",
        "用户ID,时间,行为,商品ID,类目,渠道,金额",
        lambda i: f"u{i % 9},2026/5/{i % 28 + 1} 1{i % 10}:05:00,{words[i % 5]},p{i},母婴,小程序,{i}",
        encoding="gbk",
    )
    study = guess(log)
    events = study["sources"]["events"]
    assert events["columns"] == {
        "user_id": "用户ID",
        "event_time": "时间",
        "event": "行为",
        "item_id": "商品ID",
        "topic": "类目",
        "channel": "渠道",
        "amount": "金额",
    }
    assert events["values"]["event"] == {
        "浏览": "view",
        "加入购物车": "cart",
        "支付": "purchase",
        "点赞": "like",
    }
    assert events["values"]["channel"] == {"小程序": "in_app"}
    assert (study["study"]["timezone"], study["study"]["currency"]) == ("Asia/Shanghai", "CNY")
    assert "抽奖" in guess_study([log])
    with read(study, tmp_path) as sources:
        assert sources.summary().to_pandas().loc[0, "kept"] == 40


def test_a_profile_table_and_a_log_make_one_study(tmp_path):
    users = write(
        tmp_path,
        "customers.tsv",
        "Customer ID\tSex\tAge Group\tSignup Date\tfavourite colour",
        lambda i: f"{i:03d}\tF\t25-34\t2025-01-{i % 28 + 1:02d}\tred",
    )
    log = write(
        tmp_path,
        "clicks.csv",
        "customer,ts,action",
        lambda i: f"{i % 5:03d},2026-05-01T10:{i:02d}:00Z,page_view",
    )
    study = guess(users, log)
    assert study["sources"]["users"]["columns"] == {
        "user_id": "Customer ID",
        "joined_at": "Signup Date",
        "gender": "Sex",
        "age_band": "Age Group",
    }
    assert study["sources"]["events"]["values"]["event"] == {"page_view": "view"}
    with read(study, tmp_path) as sources:
        assert sources.tables == ("users", "events")
        assert sources.n_users == 40


def test_a_survey_by_its_questions(tmp_path):
    survey = write(
        tmp_path,
        "export.csv",
        "ID,提交时间,1、您的性别？,2、您的年龄段？,3、每月消费？",
        lambda i: f"{i},2026-04-{i % 28 + 1:02d} 10:00:00,女,25-34,<2000",
    )
    study = guess(survey)
    assert study["sources"]["survey"]["columns"] == {"user_id": "ID", "answered_at": "提交时间"}
    assert "1、您的性别？" in guess_study([survey])


@pytest.mark.parametrize(("name", "header", "columns"), [
    ("Bestellungen.csv", "Kunden-Nr.;Bestelldatum;Bestellnr;Warengruppe;Filiale;Betrag",
     {"user_id": "Kunden-Nr.", "event_time": "Bestelldatum", "topic": "Warengruppe", "channel": "Filiale",
      "amount": "Betrag"}),
    ("ventes.csv", "client;date_commande;num;catégorie;magasin;montant",
     {"user_id": "client", "event_time": "date_commande", "topic": "catégorie", "channel": "magasin",
      "amount": "montant"}),
    ("ventas.csv", "cliente;fecha;num;categoria;tienda;importe",
     {"user_id": "cliente", "event_time": "fecha", "topic": "categoria", "channel": "tienda",
      "amount": "importe"}),
])  # fmt: skip
def test_orders_with_a_decimal_comma_in_other_languages(tmp_path, name, header, columns):
    orders = write(
        tmp_path,
        name,
        header,
        lambda i: f"{i % 7};{i % 28 + 1:02d}.03.2026 20:15:00;B{i};Möbel;Köln;1.{i + 100},23 €",
        encoding="cp1252",
    )
    study = guess(orders)
    events = study["sources"]["events"]
    assert events["columns"] == columns
    assert (events["time_format"], events["decimal"]) == ("%d.%m.%Y %H:%M:%S", ",")
    with read(study, tmp_path) as sources:
        assert float(sources.to_pandas("events")["amount"].max()) == 1139.23


# -- labels -----------------------------------------------------------------------------------------


def test_a_survey_alone_gets_labels_of_its_answers(tmp_path):
    survey = write(
        tmp_path,
        "survey export.csv",
        "respondent,completed,How often?,rate us,channels,comment",
        lambda i: (
            f"r{i},2026-04-{i % 28 + 1:02d},{'daily' if i % 2 else 'none'},{i % 5 + 1},web;app,text {i}"
        ),
    )
    study, labels = guess(survey), tomllib.loads(guess_labels([survey]))["labels"]
    assert study["sources"]["survey"]["columns"]["answered_at"] == "completed"
    assert study["labels"]["catalogs"] == ["builtin", "labels.toml"]
    assert labels["how_often"]["claims"] == [{"answer": {"question": "How often?"}}]
    assert labels["rate_us"]["values"] == ["1", "2", "3", "4", "5"]
    assert labels["channels"]["claims"][0]["answer"]["separator"] == ";"
    assert set(labels) == {"how_often", "rate_us", "channels"}


def test_users_alone_get_labels_of_their_columns(tmp_path):
    users = write(tmp_path, "people.csv", "uid,gender,plan,city", lambda i: f"u{i},f,{'ab'[i % 2]},c{i}")
    labels = tomllib.loads(guess_labels([users]))["labels"]
    assert {name: label["claims"] for name, label in labels.items()} == {
        "plan": [{"column": {"name": "plan", "from": "users"}}]
    }


def test_a_log_needs_no_labels_of_its_own(tmp_path):
    log = write(
        tmp_path, "log.csv", "user_id,time,event", lambda i: f"u{i % 5},2026-05-01 10:00:{i:02d},view"
    )
    assert guess_labels([log]) is None
    assert guess(log)["labels"]["catalogs"] == ["builtin"]


def test_unix_seconds_and_ratings(tmp_path):
    ratings = write(
        tmp_path,
        "ratings.csv",
        "userId,movieId,rating,timestamp",
        lambda i: f"{i % 9},{i},{i % 5 + 1},{1112486027 + i * 500}",
    )
    study = guess(ratings)
    events = study["sources"]["events"]
    assert (events["time_format"], events["constants"]) == ("epoch_s", {"event": "review"})
    assert study["study"]["as_of"] == "2005-04-04"


def test_days_before_months_are_told_by_the_values(tmp_path):
    log = write(
        tmp_path, "visits.csv", "user,date", lambda i: f"u{i % 4},{i % 28 + 1}/{i % 3 + 1}/2026 10:00"
    )
    assert guess(log)["sources"]["events"]["time_format"] == "%d/%m/%Y %H:%M"
    either = write(tmp_path, "either.csv", "user,date", lambda i: f"u{i % 4},{i % 12 + 1}/{i % 3 + 1}/2026")
    assert "other way round" in guess_study([either])


def test_each_sheet_of_a_workbook_is_a_table(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "all.xlsx"
    log = pd.DataFrame(
        {"uid": ["a", "b"] * 20, "time": pd.date_range("2026-01-01", periods=40), "event": "view"}
    )
    users = pd.DataFrame({"uid": ["a", "b"], "gender": ["f", "m"]})
    with pd.ExcelWriter(path) as book:
        users.to_excel(book, sheet_name="users", index=False)
        log.to_excel(book, sheet_name="log", index=False)
    study = guess(path)
    assert {name: table["sheet"] for name, table in study["sources"].items()} == {
        "users": "users",
        "events": "log",
    }
    with read(study, tmp_path) as sources:
        assert sources.n_users == 2


def test_the_sample_is_recognised_and_read_whole(tmp_path):
    paths = simulate_circle(150).write(tmp_path, with_truth=False)
    study = guess(*paths.values())
    assert set(study["sources"]) == set(paths) & set(SCHEMAS)
    assert study["study"]["as_of"] == "2026-07-01"
    assert "is a codebook" in guess_study(list(paths.values()))
    with read(study, tmp_path) as sources:
        assert sources.summary().to_pandas()["rejected"].sum() == 0


# -- decisions --------------------------------------------------------------------------------------


def test_the_fuller_of_two_ids_is_taken(tmp_path):
    log = write(
        tmp_path,
        "log.csv",
        "user_id,user_pseudo_id,event_timestamp,event_name",
        lambda i: f"{'x' if i == 3 else ''},p{i % 5},2026-05-01 10:{i:02d}:00,page_view",
    )
    assert guess(log)["sources"]["events"]["columns"]["user_id"] == "user_pseudo_id"


def test_a_number_is_no_time_unless_it_is_named_so(tmp_path):
    log = write(
        tmp_path,
        "log.csv",
        "user_id,phone_no,date,event",
        lambda i: f"u{i % 5},{1112486027 + i},2026-05-01,view",
    )
    events = guess(log)["sources"]["events"]
    assert "time_format" not in events


def test_a_birthday_is_no_event_time(tmp_path):
    log = write(
        tmp_path,
        "log.csv",
        "user_id,birth_date,paid_at,event",
        lambda i: f"u{i % 5},1990-01-01,2026-05-0{i % 9 + 1},buy",
    )
    assert guess(log)["sources"]["events"]["columns"] == {"event_time": "paid_at"}


def test_one_time_far_ahead_does_not_move_as_of(tmp_path):
    log = write(
        tmp_path,
        "log.csv",
        "user_id,time,event",
        lambda i: f"u{i % 5},{'2091-01-01' if i == 7 else f'2026-05-{i % 28 + 1:02d}'} 10:00:00,view",
        n=3000,
    )
    assert guess(log)["study"]["as_of"] == "2026-05-29"


def test_what_the_caller_says_stands(tmp_path):
    log = write(
        tmp_path, "log.csv", "user_id,time,event", lambda i: f"u{i % 5},2026-05-01 10:00:{i:02d},view"
    )
    said = guess(log, as_of="2026-06-15", timezone="Europe/Paris")["study"]
    assert (said["as_of"], said["timezone"]) == ("2026-06-15", "Europe/Paris")


def test_paths_are_relative_to_the_study(tmp_path):
    (tmp_path / "data").mkdir()
    log = write(
        tmp_path / "data",
        "log.csv",
        "user_id,time,event",
        lambda i: f"u{i % 5},2026-05-01 10:00:{i:02d},view",
    )
    assert (
        tomllib.loads(guess_study([log], relative_to=tmp_path))["sources"]["events"]["path"] == "data/log.csv"
    )


# -- what cannot be used ----------------------------------------------------------------------------


def test_a_second_log_is_named_and_not_used(tmp_path):
    header, row = "user_id,time,event", lambda i: f"u{i % 5},2026-05-01 10:00:{i:02d},view"
    paths = [write(tmp_path, name, header, row) for name in ("jan_log.csv", "feb_log.csv")]
    said = guess_study(paths, relative_to=tmp_path)
    assert "NOT USED" in said and "a study has one of each" in said
    assert list(tomllib.loads(said)["sources"]) == ["events"]


def test_messages_without_times_are_commented_out_with_the_reason(tmp_path):
    log = write(
        tmp_path, "log.csv", "user_id,time,event", lambda i: f"u{i % 5},2026-05-01 10:00:{i:02d},view"
    )
    chat = write(tmp_path, "chat.csv", "group_id,sender,text", lambda i: f"g1,u{i % 5},hello {i}")
    said = guess_study([log, chat], relative_to=tmp_path)
    assert "chat.csv looks most like messages, but no column was found for: sent_at." in said
    assert "messages" not in tomllib.loads(said)["sources"]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("chat,who,when,msg", {"group_id": "chat", "user_id": "who", "sent_at": "when", "text": "msg"}),
        ("chat_id,sender,sent_at,text", {"group_id": "chat_id", "user_id": "sender"}),
        ("group_id,user_id,sent_at,text", None),
        (
            "群名称,昵称,发送时间,内容",
            {"group_id": "群名称", "user_id": "昵称", "sent_at": "发送时间", "text": "内容"},
        ),
    ],
)
def test_a_plain_chat_is_read_as_messages(tmp_path, header, columns):
    chat = write(
        tmp_path, "export.csv", header, lambda i: f"g{i % 2},u{i % 5},2026-05-01 10:{i:02d},hello {i}"
    )
    study = guess(chat)
    assert list(study["sources"]) == ["messages"]
    assert study["sources"]["messages"].get("columns") == columns
    with read(study, tmp_path) as sources:
        messages = sources.to_pandas("messages")
        assert any("no message_id" in note for note in sources.notes())
    # Ids in text order are in the order of the lines, of which the header is the first.
    assert messages["message_id"].tolist() == [f"row {i + 2:010d}" for i in range(40)]
    assert messages["text"].tolist() == [f"hello {i}" for i in range(40)]


def test_an_id_does_not_make_a_chat_a_table_of_users(tmp_path):
    chat = write(
        tmp_path, "x.csv", "id,group_id,user_id,sent_at,text", lambda i: f"{i},g1,u{i},2026-05-01,hello {i}"
    )
    assert guess(chat)["sources"]["messages"]["columns"] == {"message_id": "id"}


def test_a_chat_of_one_group_needs_no_column_for_it(tmp_path):
    chat = write(
        tmp_path, "walks.csv", "sender,when,msg", lambda i: f"u{i % 5},2026-05-01 10:{i:02d},hello {i}"
    )
    assert guess(chat)["sources"]["messages"]["constants"] == {"group_id": "walks"}


def test_a_roster_with_phones_is_of_members(tmp_path):
    roster = write(
        tmp_path,
        "x.csv",
        "Group,Name,Joined on,Phone",
        lambda i: f"g{i % 2},n{i},2026-05-{i % 28 + 1:02d},13{i}",
    )
    columns = {"group_id": "Group", "user_id": "Name", "joined_at": "Joined on"}
    assert guess(roster)["sources"]["members"]["columns"] == columns


def test_advice_is_for_the_table_a_file_looks_like(tmp_path):
    chat = write(tmp_path, "x.csv", "chat,wer,msg", lambda i: f"g{i % 2},n{i},hello {i}")
    with pytest.raises(InputError, match="looks most like messages") as refusal:
        guess_study([chat])
    said = str(refusal.value)
    assert "[sources.messages.columns]" in said and 'text = "msg"' in said and "purchase" not in said


def test_a_few_wrong_clocks_do_not_move_as_of(tmp_path):
    chat = write(
        tmp_path,
        "chat.csv",
        "chat,who,when,msg",
        lambda i: (
            f"g,u{i % 5},{'2091-01-01' if i % 15 == 7 else f'2026-05-{i % 28 + 1:02d}'} 10:00,hello {i}"
        ),
    )
    said = guess_study([chat], relative_to=tmp_path)
    assert tomllib.loads(said)["study"]["as_of"] == "2026-05-29"
    assert "3 rows of chat.csv, up to 2091-01-01, stand far from" in said.replace("\n# ", " ")


def test_a_file_that_is_no_table_is_refused_with_what_is_needed(tmp_path):
    path = write(tmp_path, "numbers.csv", "a,b", lambda i: f"{i},{i * i}")
    with pytest.raises(InputError, match="nothing that tells what it is") as refusal:
        guess_study([path])
    assert "a (number), b (number)" in str(refusal.value) and "user_id" in str(refusal.value)
    assert "[sources.events.columns]" in str(refusal.value) and "docs/study.md" in str(refusal.value)


@pytest.mark.parametrize("content", ["", "user_id,time,event\n"])
def test_an_empty_file_is_refused(tmp_path, content):
    path = tmp_path / "log.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=r"empty|no rows"):
        guess_study([path])


def test_a_missing_file_and_no_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="no file"):
        guess_study([tmp_path / "log.csv"])
    with pytest.raises(InputError, match="No file was named"):
        guess_study([])


# -- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "meant"), [
    ("order_completed", "purchase"), ("Add to Cart", "cart"), ("addToCart", "cart"), ("下单", "purchase"),
    ("PV", "view"), ("sign-up", "signup"), ("收藏", "like"), ("取消关注", "unsubscribe"),
    ("scroll", None), ("", None),
])  # fmt: skip
def test_event_words(said, meant):
    assert standard_word(said, EVENT_SYNONYMS) == meant


def test_the_word_lists_fit_the_schemas():
    assert set(EVENT_SYNONYMS.values()) == set(EVENT_WORDS)
    assert set(CHANNEL_SYNONYMS.values()) == set(CHANNEL_WORDS)
    assert set(ROLE_NAMES) == set(SCHEMAS)
    for table, schema in SCHEMAS.items():
        assert set(schema.names) <= set(ROLE_NAMES[table]), table


@given(st.text())
def test_any_text_survives_toml(value):
    assert tomllib.loads(f"x = {text(value)}")["x"] == value


cell = st.text(st.characters(codec="utf-8", exclude_characters='\r\n"\0'), max_size=12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=5), st.tuples(cell, cell, cell))
def test_any_table_ends_in_toml_or_a_refusal(tmp_path_factory, rows, names):
    path = tmp_path_factory.mktemp("any") / "log.csv"
    lines = [("user_id", "event", *names), *(("u1", "view", *row) for row in rows)]
    path.write_text("\n".join(",".join(f'"{c}"' for c in line) for line in lines), encoding="utf-8")
    try:
        assert "study" in tomllib.loads(guess_study([path]))
    except InputError as refusal:
        assert "log.csv" in str(refusal)


def test_sends_planned_ahead_do_not_move_as_of(tmp_path):
    log = write(
        tmp_path,
        "log.csv",
        "user_id,event_time,event,item_id",
        lambda i: f"u{i},2026-05-{i % 28 + 1:02d} 10:00,view,i{i}",
    )
    sends = write(
        tmp_path,
        "sends.csv",
        "send_id,user_id,sent_at,topic,channel",
        lambda i: f"s{i},u{i},2027-03-01 10:00,tea,email",
    )
    assert guess(log, sends)["study"]["as_of"] == "2026-05-29"
