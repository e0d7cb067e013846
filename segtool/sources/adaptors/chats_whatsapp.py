"""WhatsApp: the text that "Export chat" writes, on Android and on iPhones, or the zip around it."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segtool.engines import DuckDBEngine
from segtool.errors import InputError
from segtool.sources.adaptors.base import Adapted, Certainty, LeftOut, in_blocks
from segtool.sources.adaptors.chats_whatsapp_lines import START, Line, cut_messages, read_times
from segtool.sources.adaptors.chats_whatsapp_words import (
    ATTACHED,
    DELETED,
    EDITED,
    FILE_BEGINNINGS,
    MARKS,
    MEDIA,
    NOTICE,
    OWN_MARK,
    SPACES,
    Move,
    is_you,
    read_move,
    whole_names,
)
from segtool.sources.adaptors.events_records import readable
from segtool.sources.adaptors.head import Head
from segtool.sources.delimited import BAD_BYTES, MAX_RAW_CHARACTERS
from segtool.sources.encodings import UNDECODABLE, find_encoding
from segtool.sources.settings import TableSettings

ISO = "%Y-%m-%d %H:%M:%S"
MESSAGE_COLUMNS = ["message_id", "group_id", "user_id", "sent_at", "text", "kind"]
MEMBER_COLUMNS = ["group_id", "user_id", "joined_at", "left_at", "invited_by"]
ACCEPTED = 'the text file or zip of "Export chat", with lines like "31/12/24, 21:15 - Ann: hello".'


@dataclass
class Message:
    """What a person wrote, or what WhatsApp wrote (then ``sender`` is "")."""

    number: int
    moment: dt.datetime | None
    written: str
    sender: str
    text: str
    kind: str = "text"

    def clock(self, time_format: str | None) -> str:
        """Return the time as the rest of the reading expects it."""
        return self.moment.strftime(time_format) if self.moment and time_format else self.written


@dataclass
class Chat:
    """One exported chat."""

    group: str
    messages: list[Message]
    notices: list[Message]
    order: str
    before: int = 0
    broken: list[tuple[int, str, str]] = field(default_factory=list)


# -- from a file to a chat ----------------------------------------------------------------------------


def read_chats(files: Sequence[Path], settings: TableSettings) -> list[Chat]:
    """Return the chats of files; lines are numbered as if they stood in one file.

    Raises
    ------
    InputError
        If a file is no chat, or its dates could mean two things.
    """
    chats, before = [], 0
    for path in files:
        with readable(path):
            name, data = _text_of(path)
        lines = _lines(data, settings.encoding)
        chats.append(_read_chat(path, name, lines, before, settings))
        before += len(lines)
    return chats


def _lines(data: bytes, encoding: str | None) -> list[str]:
    """Return bytes as lines; only line feeds end one, since other breaks stand inside messages."""
    found = find_encoding(lambda: io.BytesIO(data), encoding)
    text = data.decode(found.name, errors="segtool_mark")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]


def _text_of(path: Path) -> tuple[str, bytes]:
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return path.name, path.read_bytes()
    with zipfile.ZipFile(path) as packed:
        texts = sorted(n for n in packed.namelist() if n.lower().endswith(".txt") and "__MACOSX" not in n)
        chat = [n for n in texts if n.endswith("_chat.txt")] or texts
        if len(chat) != 1:
            raise InputError(f"{path.name} holds {len(chat)} text files.", "one chat in a zip.")
        # On iPhones the zip has the group's name, the text in it is always _chat.txt.
        inside = Path(chat[0]).name
        return (path.name if inside == "_chat.txt" else inside), packed.read(chat[0])


def _read_chat(path: Path, name: str, lines: list[str], before: int, settings: TableSettings) -> Chat:
    found, leading = cut_messages(lines)
    if not found:
        raise InputError(f"{path.name} is no WhatsApp chat: no line begins with a date and a time.", ACCEPTED)
    moments, order = read_times(found, settings.time_format)
    messages: list[Message] = []
    notices: list[Message] = []
    broken: list[tuple[int, str, str]] = []
    # Copied from a screen, or through another tool, a chat of an iPhone has lost its marks.
    bare = found[0].bracketed and not any(OWN_MARK in line.text for line in found)
    for line, moment in zip(found, moments, strict=True):
        number = before + line.number
        if UNDECODABLE in line.text or UNDECODABLE in line.written:
            broken.append((number, BAD_BYTES, line.text[:MAX_RAW_CHARACTERS]))
            continue
        message = _read_message(line, number, moment, bare)
        (messages if message.sender else notices).append(message)
    group = settings.constants.get("group_id") or _group(path, name, found)
    # On iPhones notices are "sent" by the group itself.
    if len({message.sender for message in messages}) > 2:
        own = [m for m in messages if m.sender == group and m.kind == "other"]
        notices += own
        numbers = {message.number for message in own}
        messages = [message for message in messages if message.number not in numbers]
    return Chat(group, messages, notices, order, leading, broken)


def _read_message(line: Line, number: int, moment: dt.datetime | None, bare: bool) -> Message:
    written = moment.strftime(ISO) if moment else line.written
    sender, text, marked = _split(line.text)
    own = marked or (bare and (text.startswith(sender) or NOTICE.fullmatch(text) is not None))
    if not sender or (own and (NOTICE.fullmatch(text) or read_move(text))):
        return Message(number, moment, written, "", text, "notice")
    kind, text = _read_text(text, marked or bare)
    if marked and kind == "text":  # in a language not known: about the sender, or in their name
        kind = "notice" if text.startswith(sender) else "other"
    return Message(number, moment, written, "" if kind == "notice" else sender, text, kind)


def _split(rest: str) -> tuple[str, str, bool]:
    """Return sender ("" for WhatsApp itself), text, and whether WhatsApp's mark stands before it.

    The mark shows WhatsApp's own words on iPhones: nobody types it.
    """
    plain = _plain(rest)
    unquoted = re.split('["“”]', plain)[0]
    if ": " not in unquoted and (NOTICE.fullmatch(plain) or read_move(plain)):
        return "", plain, False
    colon = _colon(rest)
    if colon is None:
        return "", plain, False
    sender, body = _plain(rest[:colon]), rest[colon + 1 :].removeprefix(" ")
    marked = body.startswith(OWN_MARK)
    return sender, body.lstrip(OWN_MARK), marked


def _colon(rest: str) -> int | None:
    """Return where the sender's name ends: the first ": ", or a colon at the end of the first line."""
    first = rest.split("\n", 1)[0]
    place = first.find(": ")
    if place > 0:
        return place
    return len(first) - 1 if len(first) > 1 and first.endswith(":") else None


def _plain(text: str) -> str:
    return SPACES.sub(" ", MARKS.sub("", text)).strip()


def _read_text(text: str, marked: bool) -> tuple[str, str]:
    """Return the kind of a message and what of its text a person wrote."""
    text = EDITED.sub("", MARKS.sub("", text)) if MARKS.search(text) else EDITED.sub("", text)
    bare = text.strip().strip("<>‹› ")
    if (marked or bare != text.strip()) and MEDIA.fullmatch(bare):
        return "media", ""
    if DELETED.fullmatch(text.strip()):
        return "deleted", ""
    first, _, rest = text.partition("\n")
    if ATTACHED.fullmatch(first.strip()):
        return "media", rest
    if ATTACHED.match(text.strip()) or (ATTACHED.search(first) and first.strip().endswith(">")):
        return "media", ATTACHED.sub("", text).strip()
    return "text", text


def _group(path: Path, name: str, found: Sequence[Line]) -> str:
    """Return the chat's name: out of the file's, else of its notice of encryption, else the file's own."""
    for candidate in (name, path.name, path.resolve().parent.name):
        stem = candidate.removesuffix(".txt").removesuffix(".zip").replace("_", " ")
        for beginning in FILE_BEGINNINGS:
            if stem.lower().startswith(beginning.lower()) and len(stem) > len(beginning):
                return _plain(stem[len(beginning) :])
    first = _plain(found[0].text)
    sender, _, text = first.partition(": ")
    if text and NOTICE.fullmatch(text):
        return sender
    return _plain(path.name.removesuffix(".txt").removesuffix(".zip")) or "chat"


# -- rows ---------------------------------------------------------------------------------------------


def _message_rows(chats: Sequence[Chat], time_format: str | None) -> Iterator[tuple[int, list[str | None]]]:
    """Return the rows of messages; what an overlapping export says again is left to be counted."""
    seen: set[str] = set()
    for chat in chats:
        same: Counter[tuple] = Counter()
        for message in chat.messages:
            said = (chat.group, message.written, message.sender, message.kind, message.text)
            same[said] += 1
            key = _message_id(*said, str(same[said]))
            if key in seen:
                continue
            seen.add(key)
            text = message.text or None
            sent = message.clock(time_format)
            yield message.number, [key, chat.group, message.sender, sent, text, message.kind]


def _message_id(*parts: str) -> str:
    """Return an id that any export of the chat from the same phone gives the same message."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:20]


@dataclass
class _Stays:
    """Who was in a group from when to when, as far as notices tell."""

    time_format: str | None = None
    open: dict[str, tuple[int, str | None, str | None]] = field(default_factory=dict)
    rows: list[tuple[int, list[str | None]]] = field(default_factory=list)
    about_you: int = 0

    def take(self, group: str, message: Message, move: Move) -> None:
        moment = message.clock(self.time_format)
        for who in move.who:
            if is_you(who):
                self.about_you += 1
            elif move.kind == "join":
                by = None if not move.by or is_you(move.by) else move.by
                self.open.setdefault(who, (message.number, moment, by))
            else:
                number, joined, by = self.open.pop(who, (message.number, None, None))
                self.rows.append((number, [group, who, joined, moment, by]))

    def close(self, group: str) -> None:
        self.rows += [(n, [group, who, joined, None, by]) for who, (n, joined, by) in self.open.items()]
        self.open.clear()


def _moves(chat: Chat) -> list[tuple[Message, Move]]:
    """Return who came and went, in order, under the names that the rest of the chat calls them by."""
    notices = sorted(chat.notices, key=lambda notice: notice.number)
    moves = [(notice, move) for notice in notices if notice.moment and (move := read_move(notice.text))]
    known = {message.sender for message in chat.messages}
    for notice, move in moves:  # a name that does not end the sentence stands there whole
        known.update([move.by, *(who for who in move.who if not notice.text.rstrip(".").endswith(who))])
    return [(notice, whole_names(notice.text, move, known)) for notice, move in moves]


class WhatsApp:
    """Reads the messages of exported chats; a chat is a group, its members are known by their names."""

    name, title, table, also = "whatsapp", "WhatsApp", "messages", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" for text whose lines begin as WhatsApp's do, with a name and a colon."""
        if head.kind == "zip":
            return _zip_certainty(head.path)
        if head.kind != "text":
            return None
        lines = [MARKS.sub("", line) for line in head.text.split("\n")[:200] if line.strip()]
        starts = sum(START.match(SPACES.sub(" ", line)) is not None for line in lines)
        if not starts or not START.match(SPACES.sub(" ", lines[0])):
            return None
        return "sure" if starts >= 0.2 * len(lines) else "maybe"

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read one chat, or several groups' chats together."""
        chats = read_chats(files, settings)
        rows = list(_message_rows(chats, settings.time_format))
        n = sum(len(chat.messages) for chat in chats)
        media = sum(message.kind == "media" for chat in chats for message in chat.messages)
        notes = [*_notes(chats), *([f"{media:,} messages are media without their content"] if media else [])]
        return Adapted(
            names=MESSAGE_COLUMNS,
            data=in_blocks(rows, len(MESSAGE_COLUMNS)),
            left_out=_left_out(
                chats, "they are no messages; format = whatsapp_members reads who came and went"
            ),
            broken=[record for chat in chats for record in chat.broken],
            notes=notes,
            origin=_origin(files),
            repeats=n - len(rows),
        )


class WhatsAppMembers:
    """Reads who came to a group and who left, from the notices of the same file."""

    name, title, table, also = "whatsapp_members", "WhatsApp", "members", ()
    recognise = WhatsApp.recognise

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read one chat, or several groups' chats together."""
        chats, stays, told = read_chats(files, settings), _Stays(settings.time_format), 0
        for chat in chats:
            for message, move in _moves(chat):
                told += 1
                stays.take(chat.group, message, move)
            stays.close(chat.group)
        notices = sum(len(chat.notices) for chat in chats) - told
        left_out = [
            LeftOut("messages", sum(len(chat.messages) for chat in chats), "format = whatsapp reads them"),
            LeftOut("system lines", notices, "they tell of nobody who came or went, or in words not known"),
            LeftOut("joins and leaves of 'you'", stays.about_you, "a chat does not say who exported it"),
        ]
        return Adapted(
            names=MEMBER_COLUMNS,
            data=in_blocks(sorted(stays.rows, key=lambda row: (row[0], row[1][1])), len(MEMBER_COLUMNS)),
            left_out=[item for item in left_out if item.n],
            notes=_notes(chats),
            origin=_origin(files),
        )


def _left_out(chats: Sequence[Chat], why: str) -> list[LeftOut]:
    notices = sum(len(chat.notices) for chat in chats)
    before = sum(chat.before for chat in chats)
    items = [
        LeftOut("system lines", notices, why),
        LeftOut("lines before the first message", before, "they have neither date nor sender"),
    ]
    return [item for item in items if item.n]


def _notes(chats: Sequence[Chat]) -> list[str]:
    groups = sorted({chat.group for chat in chats})
    return [
        f"{len(groups)} group{'s' if len(groups) > 1 else ''} (constants.group_id names another); users are the "
        "names and numbers in the exporting phone",
        *sorted({chat.order for chat in chats}),
        "times are that phone's clock: timezone says its zone if it is not the study's",
    ]


def _origin(files: Sequence[Path]) -> str:
    return f"{files[0].name if len(files) == 1 else f'{len(files)} files'} (WhatsApp)"


def _zip_certainty(path: Path) -> Certainty:
    try:
        with zipfile.ZipFile(path) as packed:
            names = [Path(name).name for name in packed.namelist()]
    except (zipfile.BadZipFile, OSError):
        return None  # the reader says what is wrong with it
    if "_chat.txt" in names:
        return "sure"
    return (
        "sure" if any(name.startswith(FILE_BEGINNINGS) and name.endswith(".txt") for name in names) else None
    )


ADAPTORS = (WhatsApp(), WhatsAppMembers())
