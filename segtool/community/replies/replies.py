"""Who answers whom where an export does not say: a link and its probability, or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.community.replies.coefficients import WITH_TEXT, WITHOUT_TEXT
from segtool.community.replies.doubts import MANY_FAR, SLOW, Doubts, doubt_links
from segtool.community.replies.lines import Lines, read_lines
from segtool.community.replies.model import Choice, LinkModel, fit_links
from segtool.community.replies.names import read_names
from segtool.community.replies.records import find_gaps, find_recorded
from segtool.community.settings import CommunitySettings
from segtool.community.talk import ORDER
from segtool.display import Shown
from segtool.errors import InputError, ParameterError
from segtool.notes import known, unknown

A_GUESS = 0.5  # of the links expected to be right; with fewer, most of what is said of a person is wrong
LEAST_TEXTS = 0.5  # share of messages; with fewer, silence in the texts would be read as a sign


@dataclass(frozen=True, repr=False, eq=False)
class ReplyLinks(Shown):
    """What each message answers, and how sure that is.

    Parameters
    ----------
    reply : ndarray of int32, shape (n_messages,)
        Row of the message answered, -1 for none.
    sure : ndarray of float32, shape (n_messages,)
        1 where recorded, the probability where inferred (lowered where it is known to say too much), 0 for none.
    table : DataFrame
        what, n, share: recorded, inferred, starts something, goes on from an own message, cannot be told,
        left as recorded (in a group whose record is taken to be whole), by a bot.
    notes : tuple of str
    """

    reply: np.ndarray
    sure: np.ndarray
    table: pd.DataFrame
    notes: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return how many messages answer one, recorded or inferred, and how many do not."""
        return self.table.copy()

    def headline(self) -> str:
        """Return how many links were inferred, and how many of them are expected to be right."""
        inferred = (self.sure > 0) & (self.sure < 1)
        if not inferred.any():
            return "Replies: none inferred"
        right = self.sure[inferred].mean()
        guess = "a guess: " if right < A_GUESS else ""
        return f"Replies: {inferred.sum():,} inferred, {guess}of which {right:.0%} should be right"


def infer_replies(
    talk,
    settings: CommunitySettings | None = None,
    model: LinkModel | None = None,
    *,
    only_gaps: bool = False,
) -> ReplyLinks:
    """Infer which earlier message of another person each message answers.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings, optional
        Those of the talk when not given.
    model : LinkModel, optional
        From `fit_reply_model`; the coefficients that segtool brings when not given.
    only_gaps : bool
        Leave groups as they are that record as many answers as expected, or in which few are expected.

    Returns
    -------
    ReplyLinks
        Links that are recorded stay as they are. Going on from a message of one's own is no answer.

    Raises
    ------
    ParameterError
        If ``model`` was fitted on texts and the messages have none.

    Notes
    -----
    A message chooses among the ``link_messages_back`` messages of people before it in its group, and
    none of them, by a conditional logit on time, turns, names, questions and shared words. Below
    ``link_min_probability`` it is left without a link. Where the probabilities are known to say too much (more
    than a fifth of a group's links reach over half an hour, or many messages share a stamp and ids do not
    follow time) they are lowered afterwards, to what was right in such chats. What is measured of it, and on what, is in
    benchmarks/RESULTS.md, section reply_links: English chats of software projects. On others the
    probabilities are an extrapolation; `fit_reply_model` fits them anew on annotated messages.

    Examples
    --------
    >>> from segtool.community.talk import read_talk
    >>> from segtool.sources import Sources
    >>> messages = pd.DataFrame({"message_id": ["m1", "m2", "m3"], "group_id": "g", "user_id": ["ann", "bo", "cy"],
    ...     "sent_at": ["2026-06-01 09:00", "2026-06-01 09:20", "2026-06-01 09:21"],
    ...     "text": ["does the coupon work?", "good morning everybody", "ann: yes, the coupon works"]})
    >>> links = infer_replies(read_talk(Sources.read({"messages": messages}, as_of="2026-07-01")))
    >>> links.reply.tolist()
    [-1, -1, 0]
    """
    settings = settings or talk.settings
    rows = np.flatnonzero(talk.by_people)
    reply = talk.messages["reply"].to_numpy(np.int32).copy()
    sure = talk.messages["reply_sure"].to_numpy(np.float32).copy()
    if not len(rows):
        return ReplyLinks(reply, sure, _count({}, 0), (unknown("Replies: no messages of people."),))
    lines = _read_lines(talk, rows, texts=model is None or model.reads_texts)
    model = model or (WITH_TEXT if lines.has_text else WITHOUT_TEXT)
    if model.reads_texts and not lines.has_text:
        raise ParameterError(
            "The coefficients were fitted on messages with texts; these have none.",
            "coefficients fitted without texts.",
            "Leave model= out.",
        )
    choice = model.choose(lines, settings.link_messages_back)
    recorded = find_recorded(talk)[rows]
    asked = ~recorded
    expected = 1 - choice.starts - choice.goes_on
    if only_gaps:
        asked = asked & find_gaps(lines.group, recorded, expected, settings)
    linked = asked & (choice.answers >= 0) & (choice.probability >= settings.link_min_probability)
    reply[rows[linked]] = rows[choice.answers[linked]]
    doubts = doubt_links(lines.group, lines.second, np.flatnonzero(linked), choice.answers[linked], talk)
    # A probability that rounds to 1 would read as recorded.
    sure[rows[linked]] = np.minimum(choice.probability[linked], 0.999) * doubts.factor
    counts = _tell_apart(choice, recorded, asked, linked) | {"by a bot": len(reply) - len(rows)}
    notes = _say_links(lines, sure[rows[linked]], doubts, model)
    notes += _say_records(recorded, asked, expected)
    return ReplyLinks(reply, sure, _count(counts, len(reply)), notes)


def fit_reply_model(
    talk, links: pd.DataFrame, settings: CommunitySettings | None = None, fitted_on: str = "own annotations"
) -> LinkModel:
    """Fit the coefficients on messages of which people have said what they answer.

    Parameters
    ----------
    talk : Talk
    links : DataFrame
        message_id and answers (message_id, missing for a message that answers none), one row per link; a message
        may answer several. Annotate whole stretches of talk, so that messages that answer none are in it.
    settings : CommunitySettings, optional
    fitted_on : str
        What it was fitted on, in words, for the notes.

    Returns
    -------
    LinkModel

    Raises
    ------
    InputError
        If a column is missing, or fewer than a hundred messages of people are annotated.
    """
    settings = settings or talk.settings
    rows = np.flatnonzero(talk.by_people)
    lines = _read_lines(talk, rows)
    annotated, answers = _find_rows(talk, links, rows)
    return fit_links(lines, annotated, answers, settings.link_messages_back, fitted_on)


def _read_lines(talk, rows: np.ndarray, texts: bool = True) -> Lines:
    columns = [talk.messages[name].to_numpy()[rows] for name in ("group", "user", "second")]
    said = talk.texts()[rows] if texts and talk.has_text else None
    if said is not None and np.mean([bool(text) for text in said] or [0]) < LEAST_TEXTS:
        said = None
    return read_lines(*columns, said, read_names(talk) if said is not None else {})


def _find_rows(talk, links: pd.DataFrame, rows: np.ndarray) -> tuple[np.ndarray, list[list[int]]]:
    """Return positions among the messages of people that are annotated, and of those they answer."""
    check_columns(links.columns, ["message_id", "answers"], "links")
    ids = talk.engine.query(f"SELECT message_id FROM messages ORDER BY {ORDER}")["message_id"]
    place = pd.Series(np.arange(len(rows)), index=pd.Index(ids.to_numpy(object)[rows]))
    given = links[["message_id", "answers"]].astype(object)
    given = given[given["message_id"].isin(place.index)]
    if given.empty:
        raise InputError("None of the annotated messages is in the talk.", "message_id as in the table messages.",
                         "Check the ids, and that the messages are not those of bots.")  # fmt: skip
    row = place[given["message_id"]].to_numpy()
    to = place.reindex(given["answers"]).fillna(-1).to_numpy(np.int64)
    found: dict[int, list[int]] = {}
    for one, other in sorted(zip(row.tolist(), to.tolist(), strict=True)):
        found.setdefault(one, []).extend([other] if other >= 0 and other != one else [])
    return np.array(list(found)), list(found.values())


def _tell_apart(choice: Choice, recorded, asked: np.ndarray, linked: np.ndarray) -> dict[str, int]:
    left = asked & ~linked
    likeliest = np.argmax(np.column_stack([choice.probability, choice.starts, choice.goes_on]), axis=1)
    return {
        "recorded": int(recorded.sum()),
        "inferred": int(linked.sum()),
        "starts something": int((left & (likeliest == 1)).sum()),
        "goes on from an own message": int((left & (likeliest == 2)).sum()),
        "cannot be told": int((left & (likeliest == 0)).sum()),
        "left as recorded": int((~recorded & ~asked).sum()),
    }


def _count(counts: dict[str, int], n: int) -> pd.DataFrame:
    table = pd.DataFrame({"what": list(counts), "n": np.array(list(counts.values()), dtype=np.int64)})
    return table.assign(share=table["n"] / max(n, 1))


def _say_links(lines: Lines, sure: np.ndarray, doubts: Doubts, model: LinkModel) -> tuple[str, ...]:
    n = len(sure)
    if not n:
        return (unknown("Replies: no message could be linked with the probability asked for."),)
    basis = "times, turns, names and words" if lines.has_text else "times and turns alone, without texts"
    notes = [
        known(
            f"Replies: {n:,} of {len(lines):,} messages are linked by inference from {basis}; by their"
            f" probabilities {sure.mean():.0%} of the links are right. Coefficients: {model.fitted_on}."
        )
    ]
    if doubts.n_slow or doubts.far > MANY_FAR:
        notes.append(
            unknown(
                f"Replies: {doubts.far:.0%} of the inferred links reach back over more than half an hour. In lively"
                f" chats, where the probabilities were checked, hardly any does. In groups where more than {MANY_FAR:.0%} do"
                f" ({doubts.n_slow:,} links) a link counts {SLOW} of its probability, as many as were right in"
                " simulated slow chats: take these links as a guess."
            )
        )
    if doubts.n_same:
        notes.append(
            unknown(
                f"Replies: {doubts.same:.0%} of the messages bear the stamp of the one before, and message ids do not follow"
                f" time: which came first is not known. {doubts.n_same:,} links that hang on it count less."
            )
        )
    return tuple(notes)


def _say_records(recorded: np.ndarray, asked: np.ndarray, expected: np.ndarray) -> tuple[str, ...]:
    if not recorded.any():
        return ()
    open_ = recorded | asked
    if recorded.sum() >= expected.sum():
        return (known(f"Replies: {recorded.sum():,} links are recorded and stay as they are."),)
    return (
        unknown(
            f"Replies: {recorded.sum():,} of {len(recorded):,} messages have on record what they answer, about"
            f" {expected.sum():,.0f} would be expected: the record seems to have only some. Those stay as they are;"
            f" what the other {(open_ & ~recorded).sum():,} answer is inferred or not known."
        ),
    )
