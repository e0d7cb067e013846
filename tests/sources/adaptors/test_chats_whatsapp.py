"""WhatsApp's text export: dialects of many phones, dates that could mean two things, notices, media."""

from __future__ import annotations

import datetime as dt
import zipfile

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from segtool.errors import InputError, SegtoolError
from segtool.sources import Sources, TableSettings
from segtool.sources.adaptors import adaptors
from segtool.sources.adaptors.chats_whatsapp import read_chats
from segtool.sources.adaptors.chats_whatsapp_words import DELETED, read_move

DAY_FIRST = "%d/%m/%Y %H:%M:%S"
ANDROID = """\
12/9/20, 23:50 - Messages and calls are end-to-end encrypted. No one outside of this chat can read them.
12/9/20, 23:51 - Ann created group "Book club: autumn"
12/9/20, 23:51 - Ann added you
12/9/20, 23:52 - Ben: hello
13/9/20, 08:00 - Eve: a list:

- one
13/9/20, 08:01 - Eve: <Media omitted>
13/9/20, 08:02 - Eve: IMG-20200913-WA0001.jpg (file attached)
my cat
13/9/20, 08:03 - Ann added Dan and Eve
13/9/20, 08:04 - Ben: Ann left
14/9/20, 08:05 - Dan left
14/9/20, 08:06 - Eve: This message was deleted
14/9/20, 08:07 - Ben: see 12/9/20, 23:52 - Ben: hello
"""
IPHONE = """\
[15/09/2020, 8:26:39\u202fPM] Club: \u200eMessages and calls are end-to-end encrypted.
\u200e[15/09/2020, 8:26:40\u202fPM] Ann: \u200eimage omitted
[15/09/2020, 12:26:41\u202fAM] ~\u202fBen: hi
\u200e[15/09/2020, 8:26:42\u202fPM] Ann: \u200eAnn added Ben
[15/09/2020, 8:26:43\u202fPM] Ann: Ann added Ben
\u200e[15/09/2020, 8:26:44\u202fPM] Ann: ok \u200e<This message was edited>
"""


@pytest.fixture
def read(tmp_path):
    """Read a chat's text as a table."""

    def reader(text, table="messages", *, name="WhatsApp Chat with Club.txt", **said):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        given = {table: {"path": str(path), **said}}
        return Sources.read(given, as_of="2027-01-01", max_rejected_share=1)

    return reader


def messages(sources):
    found = sources.engine.query(
        "SELECT sent_at, user_id, text, kind FROM messages ORDER BY sent_at, user_id"
    )
    return [
        (str(r.sent_at)[:16], r.user_id, r.text if r.text == r.text else None, r.kind)
        for r in found.itertuples()
    ]


def test_messages_of_an_android_phone(read):
    sources = read(ANDROID)
    assert messages(sources) == [
        ("2020-09-12 23:52", "Ben", "hello", "text"),
        ("2020-09-13 08:00", "Eve", "a list:\n\n- one", "text"),
        ("2020-09-13 08:01", "Eve", None, "media"),
        ("2020-09-13 08:02", "Eve", "my cat", "media"),
        ("2020-09-13 08:04", "Ben", "Ann left", "text"),
        ("2020-09-14 08:06", "Eve", None, "deleted"),
        ("2020-09-14 08:07", "Ben", "see 12/9/20, 23:52 - Ben: hello", "text"),
    ]
    assert sources.left_out().loc[0, ["what", "n"]].tolist() == ["system lines", 5]
    assert sources.to_pandas("messages")["group_id"].unique().tolist() == ["Club"]


def test_messages_of_an_iphone_where_notices_have_senders(read):
    sources = read(IPHONE, name="_chat.txt")
    assert messages(sources) == [
        ("2020-09-15 00:26", "~ Ben", "hi", "text"),
        ("2020-09-15 20:26", "Ann", None, "media"),
        ("2020-09-15 20:26", "Ann", "Ann added Ben", "text"),
        ("2020-09-15 20:26", "Ann", "ok", "text"),
    ]
    assert sources.to_pandas("messages")["group_id"].unique().tolist() == ["Club"]


BARE = """\
[14.08.2024, 21:00:10] Club: Messages and calls are end-to-end encrypted. No one outside can read them.
[14.08.2024, 21:00:10] Boris: Boris created group “Club”
[14.08.2024, 21:00:12] Boris: Boris changed this group's icon
[14.08.2024, 21:00:13] Boris: image omitted
[14.08.2024, 21:00:14] Ann: Boris left me
"""


def test_an_iphones_chat_that_lost_its_marks(read):
    assert [row[1:] for row in messages(read(BARE, name="_chat.txt"))] == [
        ("Boris", None, "media"),
        ("Ann", "Boris left me", "text"),
    ]


def test_notices_in_a_language_not_known_are_told_by_their_mark(read):
    turkish = """\
[5.05.2017 18:01:12] Club: \u200eMesajlar ve aramalar uçtan uca şifrelidir.
[5.05.2017 18:04:20] Emir: \u200eEmir bu grubun simgesini değiştirdi
[5.05.2017 18:04:21] Emir: merhaba
[5.05.2017 18:04:22] Bora: \u200eKonum: https://maps.example/1
[5.05.2017 18:04:23] Can: \u200egörüntü dahil edilmedi
"""
    assert [
        row[1:] for row in messages(read(turkish, name="WhatsApp Chat - Club.zip", time_format=DAY_FIRST))
    ] == [
        ("Emir", "merhaba", "text"),
        ("Bora", "Konum: https://maps.example/1", "other"),
        ("Can", None, "media"),
    ]


def test_who_came_and_who_left(read):
    sources = read(ANDROID, "members")
    rows = sources.to_pandas("members").astype(object).where(lambda f: f.notna(), None)
    assert [
        [r.user_id, str(r.joined_at)[:16], str(r.left_at)[:16], r.invited_by] for r in rows.itertuples()
    ] == [
        ["Ann", "2020-09-12 23:51", "None", None],
        ["Dan", "2020-09-13 08:03", "2020-09-14 08:05", "Ann"],
        ["Eve", "2020-09-13 08:03", "None", "Ann"],
    ]
    said = dict(sources.left_out()[["what", "n"]].to_numpy().tolist())
    assert said == {"messages": 7, "system lines": 1, "joins and leaves of 'you'": 1}


@pytest.mark.parametrize(
    ("line", "who"),
    [
        ("Ann joined using this group's invite link", ("Ann",)),
        ("Ann ist über den Einladungslink beigetreten", ("Ann",)),
        ("Ann hat Ben und Eve hinzugefügt", ("Ben", "Eve")),
        ("Ana añadió a Luis", ("Luis",)),
        ("Ana entrou usando o link de convite deste grupo", ("Ana",)),
        ("Anne a ajouté Luc et Eve", ("Luc", "Eve")),
    ],
)
def test_notices_in_other_languages(line, who):
    assert read_move(line).who == who


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("3/14/22, 9:05 AM - A: x\n3/15/22, 12:05 AM - A: y\n", "2022-03-14 09:05"),
        ("14/3/22, 9:05 am - A: x\n15/3/22, 9:05 pm - A: y\n", "2022-03-14 09:05"),
        ("14.03.22, 09:05 - A: x\n", "2022-03-14 09:05"),
        ("2022/3/14 上午9:05 - A: x\n2022/3/14 下午3:20 - A: y\n", "2022-03-14 09:05"),
        ("[2022-03-14, 09:05:10] A: x\n", "2022-03-14 09:05"),
        ("[14.3.2022 klo 9.05.10] A: x\n", "2022-03-14 09:05"),
        ("2022. 3. 14. 오전 9:05 - A: x\n", "2022-03-14 09:05"),
        ("14/03/2022 09:05 - A: x\n", "2022-03-14 09:05"),
        ("\u200f١٤/٣/٢٠٢٢, ٩:٠٥ ص - A: x\n", "2022-03-14 09:05"),
        # No day above 12: only one order lets the chat run forward.
        ("1/2/22, 09:05 - A: x\n2/1/22, 09:05 - A: y\n", "2022-01-02 09:05"),
        ("1/2/22, 09:05 - A: x\n1/3/22, 09:05 - A: y\n2/2/22, 09:05 - A: z\n", "2022-01-02 09:05"),
    ],
)
def test_clocks_and_dates_of_the_world(read, text, first):
    assert messages(read(text))[0][0] == first


def test_a_date_that_could_be_either_is_refused_and_can_be_said(read):
    text = "3/4/22, 09:05 - A: x\n"
    with pytest.raises(InputError, match=r"day first or month first.*time_format"):
        read(text, format="whatsapp")
    assert messages(read(text, time_format="%d/%m/%Y %H:%M:%S"))[0][0] == "2022-04-03 09:05"
    assert messages(read(text, time_format="%m/%d/%Y %H:%M:%S"))[0][0] == "2022-03-04 09:05"
    assert messages(read("4/4/22, 09:05 - A: x\n"))[0][0] == "2022-04-04 09:05"  # no matter which


def test_a_date_that_is_none_is_rejected_not_swallowed(read):
    sources = read("30/12/22, 09:05 - A: x\n31/02/23, 09:05 - A: y\n31/03/23, 09:05 - A: z\n")
    assert sources.rejected("messages")[["row_number", "reason"]].to_numpy().tolist() == [
        [2, "unreadable time"]
    ]


def test_ids_are_the_same_in_a_longer_export_and_overlaps_are_counted(read, tmp_path):
    early = read(ANDROID).to_pandas("messages")
    (tmp_path / "WhatsApp Chat with Club (2).txt").write_text(ANDROID + "15/9/20, 08:00 - Ben: new\n")
    tables = {
        "messages": {"path": str(tmp_path / "*.txt"), "format": "whatsapp", "constants": {"group_id": "Club"}}
    }
    both = Sources.read(tables, as_of="2027-01-01")
    assert set(early["message_id"]) < set(both.to_pandas("messages")["message_id"])
    assert both.summary().to_pandas().iloc[0, 2:].tolist() == [15, 8, 0, 7, 0]


def test_the_same_word_twice_in_a_minute_is_two_messages(read):
    assert len(messages(read("13/9/20, 08:00 - Ben: ok\n13/9/20, 08:00 - Ben: ok\n"))) == 2


def test_the_zip_of_an_iphone_names_the_group(tmp_path):
    path = tmp_path / "WhatsApp Chat - Book club.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("_chat.txt", IPHONE)
        packed.writestr("00000001-PHOTO.jpg", b"x")
    sources = Sources.read({"messages": str(path)}, as_of="2027-01-01")
    assert sources.to_pandas("messages")["group_id"].unique().tolist() == ["Book club"]


def test_another_text_is_refused(read):
    with pytest.raises(InputError, match="no line begins with a date and a time"):
        read("hello\nworld\n", format="whatsapp")


# -- any chat in any dialect --------------------------------------------------------------------------

ORDERS = {"d/m": "{d}{s}{m}{s}{y}", "m/d": "{m}{s}{d}{s}{y}", "y": "{y}{s}{m}{s}{d}"}
NAMES = ["Ann", "Ben B.", "+49 171 123", "小明", "O'Neil (work)"]
words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Cf"]), min_size=1, max_size=8).filter(
    lambda text: DELETED.fullmatch(text) is None  # nothing tells such a text from WhatsApp's own
)


def write(moment, sender, text, *, brackets, order, mark, long, half):
    year = f"{moment:%Y}" if long or order == "y" else f"{moment:%y}"
    date = ORDERS[order].format(d=moment.day, m=moment.month, y=year, s=mark)
    clock = f"{(moment.hour - 1) % 12 + 1}:{moment:%M:%S} {'PM' if moment.hour > 11 else 'AM'}"
    clock = clock if half else f"{moment:%H:%M:%S}"
    return f"[{date}, {clock}] {sender}: {text}" if brackets else f"{date}, {clock} - {sender}: {text}"


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    said=st.lists(
        st.tuples(st.integers(0, 90_000), st.sampled_from(NAMES), st.lists(words, min_size=1, max_size=3)),
        max_size=12,
    ),
    brackets=st.booleans(),
    order=st.sampled_from([*ORDERS]),
    mark=st.sampled_from("/.-"),
    long=st.booleans(),
    half=st.booleans(),
)
def test_what_was_written_is_what_is_read(tmp_path, said, brackets, order, mark, long, half):
    moment, told = dt.datetime(2021, 11, 20), [(dt.datetime(2021, 11, 20), "Ann", "the twentieth")]
    for seconds, sender, lines in said:
        moment += dt.timedelta(seconds=seconds)
        told.append((moment, sender, "\n".join(lines)))
    dialect = {"brackets": brackets, "order": order, "mark": mark, "long": long, "half": half}
    path = tmp_path / "chat.txt"
    path.write_bytes("\n".join(write(*message, **dialect) for message in told).encode())
    (chat,) = read_chats([path], TableSettings(path=str(path)))
    assert [(m.moment, m.sender, m.text) for m in chat.messages] == told


PIECES = """\
12/9/20, 23:55 -_|[12/09/2020, 11:55:01\u202fPM]_|\u200e[1.2.21, 9:05:00]_|31/02/21, 10:00 -_|99/99/99, 99:99 -_|
Ann:_|\u200e| left|Ann added_|:_| -_|<Media omitted>|created group "a: b"|\x00|\u2028|2022/3/15 下午3:20 -_"""
pieces = st.sampled_from([*PIECES.replace("_", " ").replace("|\n", "|").split("|"), "\n", "\n", "\r"])


@settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(pieces | pieces | st.text(max_size=4), max_size=20),
    st.sampled_from(["whatsapp", "whatsapp_members"]),
)
def test_any_text_is_read_whole_or_refused(tmp_path, parts, name):
    path = tmp_path / "chat.txt"
    path.write_bytes("".join(parts).encode())
    said = TableSettings(path=str(path))
    try:
        adapted = adaptors()[name].read([path], said, None)  # chats are read without an engine
    except SegtoolError as error:
        assert "Accepted" in str(error)
        return
    (chat,) = read_chats([path], said)
    if name == "whatsapp":
        assert sum(len(block[-1]) for block in adapted.data) + adapted.repeats == len(chat.messages)
    heads = len(chat.messages) + len(chat.notices) + len(chat.broken)
    lines = [*chat.messages, *chat.notices]
    assert heads >= 1 and len({message.number for message in lines}) == len(lines)


def test_a_name_that_ends_in_a_stop_is_one_person(read):
    chat = (
        "13/9/20, 08:00 - Ann added Ben K.\n13/9/20, 08:01 - Ann added Dan\n13/9/20, 08:02 - Ann added Eve.\n"
        "13/9/20, 08:03 - Ben K.: hello\n13/9/20, 08:04 - Ann added Flo M.\n13/9/20, 08:05 - Flo M. left\n"
    )
    members = read(chat, "members").to_pandas("members")
    assert sorted(members["user_id"]) == ["Ben K.", "Dan", "Eve", "Flo M."]
    assert members.set_index("user_id")["left_at"].notna().to_dict()["Flo M."]
