"""Telegram: the result.json that Telegram Desktop writes for one chat or for a whole account."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segtool.engines import DuckDBEngine
from segtool.errors import InputError
from segtool.sources.adaptors.base import Adapted, Certainty, LeftOut, in_blocks
from segtool.sources.adaptors.events_records import NO_RECORD, encoding_of, readable
from segtool.sources.adaptors.head import Head
from segtool.sources.settings import TableSettings

MESSAGE_COLUMNS = [
    *("message_id", "group_id", "user_id", "sent_at", "reply_to", "topic", "text", "kind", "forwarded")
]
MEMBER_COLUMNS = ["group_id", "user_id", "joined_at", "left_at", "invited_by"]
PRIVATE = ("personal_chat", "bot_chat", "saved_messages", "replies", "verification_codes")
CHAT_TYPES = "personal_chat|bot_chat|saved_messages|(?:private|public)_(?:group|supergroup|channel)"
MEDIA = ("media_type", "photo", "file", "poll", "contact_information", "location_information")
ACCEPTED = 'result.json of Telegram Desktop, "Export chat history", format JSON.'


@dataclass
class Chat:
    """One chat of an export.

    Attributes
    ----------
    group : str
        What tells it from the others.
    key : str
        Telegram's number of it, or its name.
    messages, notices : list of (int, dict)
        What people wrote, and what Telegram wrote, with their position in the file.
    """

    group: str
    key: str
    messages: list[tuple[int, dict]] = field(default_factory=list)
    notices: list[tuple[int, dict]] = field(default_factory=list)
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    unknown: int = 0


@dataclass
class Export:
    """The chats of some files, and the private ones that were not read."""

    chats: list[Chat]
    private: int = 0
    private_messages: int = 0
    left_out: list[LeftOut] = field(default_factory=list)


def read_export(files: Sequence[Path], settings: TableSettings) -> Export:
    """Return the chats of files; messages are numbered by position, running over all files.

    Of an account with many chats only groups and channels are read: private conversations are nobody
    else's business. A private chat that was exported on its own is read.

    Raises
    ------
    InputError
        If a file is no export of Telegram.
    """
    found, number = Export([]), 0
    for path in files:
        listed, alone = _chats_of(_load(path), path)
        for said in listed:
            messages = said.get("messages")
            if not isinstance(messages, list):
                raise InputError(f"{path.name} holds a chat without messages.", ACCEPTED)
            if not alone and said.get("type") in PRIVATE:
                found.private += 1
                found.private_messages += len(messages)
                number += len(messages)
                continue
            found.chats.append(_sort_messages(said, number))
            number += len(messages)
    _name_groups(found.chats, settings.constants.get("group_id"))
    return found


def _load(path: Path) -> Any:
    with readable(path):
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    try:
        return json.loads(data.decode(encoding_of(data)))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} holds bytes that are no text.", ACCEPTED, "Export it again."
        ) from error
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise InputError(
            f"{path.name} is no whole JSON from line {line:,} on.", ACCEPTED, "Export it again."
        ) from error


def _chats_of(root: Any, path: Path) -> tuple[list[dict], bool]:
    """Return the chats of an export, and whether it is of one chat only."""
    if isinstance(root, dict) and "messages" in root:
        return [root], True
    found: list[dict] = []
    for part in ("chats", "left_chats"):
        chats = root.get(part) if isinstance(root, dict) else None
        listed = chats.get("list") if isinstance(chats, dict) else None
        found += [chat for chat in listed if isinstance(chat, dict)] if isinstance(listed, list) else []
    if not found:
        raise InputError(
            f"{path.name} is no export of Telegram: it has neither messages nor chats.", ACCEPTED
        )
    return found, False


def _sort_messages(said: dict, before: int) -> Chat:
    name, key = _text(said.get("name")), _text(said.get("id"))
    chat = Chat(name or key or "chat", key or name or "chat")
    for number, message in enumerate(said["messages"], start=before + 1):
        if not isinstance(message, dict):
            chat.broken.append((number, NO_RECORD, ""))
        elif message.get("type") == "message":
            chat.messages.append((number, message))
        elif message.get("type") == "service":
            chat.notices.append((number, message))
        else:
            chat.unknown += 1
    return chat


def _name_groups(chats: Sequence[Chat], said: str | None) -> None:
    """Give chats of one name, but different numbers, different groups."""
    keys: dict[str, set[str]] = {}
    for chat in chats:
        keys.setdefault(chat.group, set()).add(chat.key)
    for chat in chats:
        chat.group = said or (f"{chat.group} ({chat.key})" if len(keys[chat.group]) > 1 else chat.group)


def _text(value: Any) -> str:
    """Return a name or number as text, "" for anything else."""
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return ""
    return str(value).encode("utf-8", "replace").decode()  # half a character has no place in UTF-8


def plain_text(message: Mapping[str, Any]) -> str:
    """Return the text of a message, which is a string or a list of strings and marked pieces.

    Examples
    --------
    >>> plain_text({"text": ["see ", {"type": "link", "text": "example.org"}, "!"]})
    'see example.org!'
    """
    text = message.get("text") or message.get("text_entities") or ""
    pieces = text if isinstance(text, list) else [text]
    return "".join(_text(piece.get("text") if isinstance(piece, dict) else piece) for piece in pieces)


def moment_of(message: Mapping[str, Any]) -> str | None:
    """Return when a message was sent: in UTC if the export says so, else on the exporter's clock.

    Examples
    --------
    >>> moment_of({"date": "2023-01-01T10:00:00", "date_unixtime": "1672574400"})
    '2023-01-01 12:00:00Z'
    """
    stamp = _text(message.get("date_unixtime"))
    if re.fullmatch(r"[0-9]{1,11}", stamp):
        return f"{dt.datetime(1970, 1, 1) + dt.timedelta(seconds=int(stamp)):%Y-%m-%d %H:%M:%S}Z"
    return _text(message.get("date")).replace("T", " ") or stamp or None


# -- messages -----------------------------------------------------------------------------------------


def _message_rows(chats: Sequence[Chat]) -> Iterator[tuple[int, list[str | None]]]:
    seen: set[tuple[str, str]] = set()
    for chat in chats:
        topics = {
            _text(notice.get("id")): _text(notice.get("title"))
            for _, notice in chat.notices
            if notice.get("action") == "topic_created"
        }
        topic_of: dict[str, str] = {}
        for number, message in chat.messages:
            own = _text(message.get("id"))
            if own and (chat.key, own) in seen:
                continue  # another file of the same chat has it: counted as a duplicate
            if own:
                seen.add((chat.key, own))
            answered = "" if message.get("reply_to_peer_id") else _text(message.get("reply_to_message_id"))
            topic = topics.get(answered) or topic_of.get(answered, "")
            topic_of[own] = topic
            reply = f"{chat.key}:{answered}" if answered and answered not in topics else None
            yield (
                number,
                [
                    f"{chat.key}:{own}" if own else None,
                    chat.group,
                    _text(message.get("from_id")) or None,
                    moment_of(message),
                    reply,
                    topic or None,
                    plain_text(message) or None,
                    "media" if any(message.get(key) for key in MEDIA) else "text",
                    "true" if "forwarded_from" in message else "false",
                ],
            )


class Telegram:
    """Reads the messages of chats; people are known by Telegram's own ids."""

    name, title, table, also = "telegram", "Telegram", "messages", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" for JSON that names a type of chat and has messages, or lists chats."""
        text = head.text.lstrip()
        if not text.startswith("{"):
            return None
        if re.search(rf'"type"\s*:\s*"(?:{CHAT_TYPES})"', text) and '"messages"' in text:
            return "sure"
        return "maybe" if '"personal_information"' in text and '"about"' in text else None

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read one chat or account, or several together."""
        export = read_export(files, settings)
        rows = list(_message_rows(export.chats))
        n = sum(len(chat.messages) for chat in export.chats)
        why = "they are no messages; format = telegram_members reads who came and went"
        return Adapted(
            names=MESSAGE_COLUMNS,
            data=in_blocks(rows, len(MESSAGE_COLUMNS)),
            left_out=_left_out(export, why, sum(len(chat.notices) for chat in export.chats)),
            broken=[record for chat in export.chats for record in chat.broken],
            notes=_notes(export.chats),
            origin=_origin(files),
            repeats=n - len(rows),
        )


# -- members ------------------------------------------------------------------------------------------


@dataclass
class _Members:
    """Who was in one chat from when to when, as far as its service messages tell."""

    chat: Chat
    ids: dict[str, set[str]] = field(default_factory=dict)
    open: dict[str, tuple[int, str | None, str | None]] = field(default_factory=dict)
    rows: list[tuple[int, list[str | None]]] = field(default_factory=list)
    told: int = 0
    unclear: int = 0

    def learn_names(self) -> None:
        """Note which ids a name stands for: service messages list members by name only."""
        for _, message in [*self.chat.messages, *self.chat.notices]:
            for who, key in (("from", "from_id"), ("actor", "actor_id")):
                name, found = _text(message.get(who)), _text(message.get(key))
                if name and found:
                    self.ids.setdefault(name, set()).add(found)

    def find(self, name: Any) -> str | None:
        """Return the id of a name, the name itself of someone who never wrote, None if it could be two."""
        known = self.ids.get(_text(name), set())
        if len(known) == 1:
            return next(iter(known))
        if known or not _text(name):
            self.unclear += 1
            return None
        return _text(name)

    def take(self, number: int, notice: dict) -> None:
        action, actor = notice.get("action"), _text(notice.get("actor_id")) or None
        listed = notice.get("members")
        others = [self.find(name) for name in listed] if isinstance(listed, list) else []
        if action in ("join_group_by_link", "join_group_by_request"):
            self.join(
                [actor], number, notice, self.find(notice["inviter"]) if notice.get("inviter") else None
            )
        elif action in ("invite_members", "create_group", "create_channel"):
            self.join([actor] if action != "invite_members" else [], number, notice, None)
            self.join([who for who in others if who != actor or not self.open], number, notice, actor)
        elif action == "remove_members":
            for who in filter(None, others):
                began, joined, by = self.open.pop(who, (number, None, None))
                self.rows.append((began, [self.chat.group, who, joined, moment_of(notice), by]))
        else:
            return
        self.told += 1

    def join(self, people: Sequence[str | None], number: int, notice: dict, by: str | None) -> None:
        for who in filter(None, people):
            self.open.setdefault(who, (number, moment_of(notice), by if by != who else None))

    def close(self) -> None:
        self.rows += [
            (n, [self.chat.group, who, joined, None, by]) for who, (n, joined, by) in self.open.items()
        ]


class TelegramMembers:
    """Reads who came to a chat and who left, from the service messages of the same file."""

    name, title, table, also = "telegram_members", "Telegram", "members", ()
    recognise = Telegram.recognise

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read one chat or account, or several together."""
        export = read_export(files, settings)
        rows: list[tuple[int, list[str | None]]] = []
        notices = unclear = 0
        for chat in export.chats:
            members = _Members(chat)
            members.learn_names()
            for number, notice in chat.notices:
                members.take(number, notice)
            members.close()
            rows += members.rows
            notices += len(chat.notices) - members.told
            unclear += members.unclear
        left_out = _left_out(export, "they tell of nobody who came or went", notices)
        written = sum(len(chat.messages) for chat in export.chats)
        left_out += [LeftOut("messages", written, "format = telegram reads them")] if written else []
        if unclear:
            left_out.append(
                LeftOut("names in joins and leaves", unclear, "no id, or several, have that name")
            )
        return Adapted(
            names=MEMBER_COLUMNS,
            data=in_blocks(sorted(rows, key=lambda row: (row[0], row[1][1] or "")), len(MEMBER_COLUMNS)),
            left_out=left_out,
            notes=[*_notes(export.chats), "who never wrote in a chat is known by name only"],
            origin=_origin(files),
        )


# -- what is said of it -------------------------------------------------------------------------------


def _left_out(export: Export, why: str, notices: int) -> list[LeftOut]:
    unknown = sum(chat.unknown for chat in export.chats)
    private = f"messages of {export.private:,} private chats"
    items = [
        LeftOut("service messages", notices, why),
        LeftOut("records of another type", unknown, "they are neither messages nor service messages"),
        LeftOut(private, export.private_messages, "only groups and channels of an account are read"),
    ]
    return [item for item in items if item.n]


def _notes(chats: Sequence[Chat]) -> list[str]:
    groups = len({chat.group for chat in chats})
    notes = [
        f"{groups} group{'s' if groups != 1 else ''} (constants.group_id names another); users are Telegram's ids"
    ]
    old = sum("date_unixtime" not in message for chat in chats for _, message in chat.messages)
    if old:
        notes.append(
            f"{old:,} times are the clock of the computer that exported: timezone says its zone if it is not "
            "the study's"
        )
    return notes


def _origin(files: Sequence[Path]) -> str:
    return f"{files[0].name if len(files) == 1 else f'{len(files)} files'} (Telegram)"


ADAPTORS = (Telegram(), TelegramMembers())
