"""What each group talks about, against what it is for, against other groups and against its own past."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.speech.tokens import Words, read_words
from segtool.community.value.counts import count_terms, draw_rows
from segtool.community.value.drift import LEAST_CHANGE, compare_periods, find_new_terms
from segtool.community.value.log_odds import compare_terms
from segtool.community.value.neighbours import find_neighbours
from segtool.community.value.sentences import tell_groups
from segtool.community.value.terms import find_terms
from segtool.community.value.topics import (
    compare_topics,
    count_of_rows,
    count_topics,
    find_charters,
    share_of_topic,
)
from segtool.display import Shown
from segtool.notes import in_order, known, unknown

DAY = 86_400
ON, PARTLY, OFF, AWAY, UNKNOWN = (
    "talks about what it is for",
    "talks partly about what it is for",
    "talks about something else",
    "moves away from what it is for",
    "too little data",
)
MOSTLY, HARDLY = 0.5, 0.3  # shares of the messages on what a group is for


@dataclass(frozen=True, repr=False, eq=False)
class CoreValue(Shown):
    """What each group talks about, and what it is for.

    Parameters
    ----------
    table : DataFrame, shape (n_groups, 20)
        One row per group, in the order of ``talk.groups``: group_id, title, n_messages (by people), n_people
        (who wrote), charter (topic it is for, missing where nothing says it), charter_from ("stated", "its
        activities", "its first half" or ""), core_share (share of messages of a known topic that are on it)
        with core_lo and core_hi, n_topic (messages of a known topic), core_before, core_recent, core_change
        with change_lo and change_hi (the last window against all before), verdict, topics, terms, new_terms
        (texts), sentence.
    terms : DataFrame
        group_id, term, z, log_odds, index, n_messages, n_people, n_elsewhere, q, rank: see `compare_terms`.
    topics : DataFrame
        group_id, topic, share, elsewhere, index, lo, hi, n, n_known, n_people, distinctive: see
        `compare_topics`.
    neighbours : DataFrame
        group_id, neighbour_id, rank, closeness, shared_people, shared_share, similarity, tie_share, own_terms,
        their_terms, own_topic, their_topic: see `find_neighbours`.
    drift : DataFrame
        group_id, term, z, index, n_recent, n_before, n_people, q, rank: see `find_new_terms`.
    notes : tuple of str
    """

    table: pd.DataFrame
    terms: pd.DataFrame
    topics: pd.DataFrame
    neighbours: pd.DataFrame
    drift: pd.DataFrame
    notes: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per group."""
        return self.table.copy()

    def headline(self) -> str:
        """Return how many groups talk about what they are for."""
        words = self.table["verdict"].value_counts()
        told = ", ".join(
            f"{words[word]:,} {word}" for word in (ON, PARTLY, OFF, AWAY, UNKNOWN) if word in words
        )
        return f"{len(self.table):,} groups: {told}" if told else "No group is known"


def read_core_value(
    talk, settings, ties=None, words: Words | None = None, random_state: int = 0
) -> CoreValue:
    """Read what each group talks about.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings
    ties : Ties, optional
        Adds to neighbours which of them a group's ties lead to.
    words : Words, optional
        As from `read_words`, so that texts are cut once for all that read them.
    random_state : int
        For the draw of messages of groups that have more than ``texts_per_group``.

    Returns
    -------
    CoreValue
        With missing values, and notes that say why, where there is too little to go on.
    """
    words = read_words(talk, settings) if words is None else words
    read, n_cut = draw_rows(talk, words, settings.texts_per_group, random_state)
    recent = talk.messages["second"].to_numpy() >= -settings.window_days * DAY
    found = find_terms(talk, words, read, settings)
    counts = count_terms(talk, words, found, read)
    terms = compare_terms(counts, settings)
    drift = find_new_terms(
        *(count_terms(talk, words, found, read & part) for part in (recent, ~recent)), settings
    )
    topics = compare_topics(count_topics(talk, talk.by_people), settings)
    charter, source, fair = find_charters(talk, settings.min_messages)
    neighbours = find_neighbours(
        talk, counts, count_of_rows(talk, talk.by_people).astype(float), ties, settings
    )
    table = _start_table(talk, charter, source)
    core = share_of_topic(count_topics(talk, fair), charter)
    core.loc[core["n"] < settings.min_messages, ["share", "lo", "hi"]] = np.nan
    for name, given in (("core_share", "share"), ("core_lo", "lo"), ("core_hi", "hi"), ("n_topic", "n")):
        table[name] = core[given].to_numpy()
    periods = compare_periods(
        *(count_topics(talk, talk.by_people & part) for part in (recent, ~recent)),
        charter,
        settings.min_messages,
    )
    table = pd.concat([table, periods], axis=1)
    table["verdict"] = _judge(table)
    terms, drift = (_name(each, talk, counts.terms) for each in (terms, drift))
    topics, neighbours = (_name(each, talk, counts.terms) for each in (topics, neighbours))
    table = tell_groups(table, terms, topics, neighbours, drift, settings.min_people_per_term)
    notes = _say(talk, table, words, counts, n_cut, settings)
    return CoreValue(table, terms, topics, neighbours, drift, tuple(in_order(notes)))


def _start_table(talk, charter: np.ndarray, source: np.ndarray) -> pd.DataFrame:
    wrote = talk.roster[(talk.roster["n_messages"] > 0) & ~talk.roster["bot"]]
    names = np.array([*talk.topics, None], dtype=object)
    return pd.DataFrame(
        {
            "group_id": talk.group_ids,
            "title": talk.groups["title"].to_numpy(object),
            "n_messages": talk.groups["n_messages"].to_numpy(np.int64),
            "n_people": np.bincount(wrote["group"], minlength=len(talk.group_ids)),
            "charter": names[charter],
            "charter_from": source,
        }
    )


def _judge(table: pd.DataFrame) -> np.ndarray:
    """Return how each group stands to what it is for; the first that holds."""
    lo, hi, share = table["core_lo"], table["core_hi"], table["core_share"]
    away = (table["change_hi"] < 0) & (table["core_change"] <= -LEAST_CHANGE)
    rules = [
        (share.isna(), UNKNOWN),
        (away, AWAY),
        ((share >= MOSTLY) & (lo > HARDLY), ON),
        ((share < HARDLY) & (hi < MOSTLY), OFF),
    ]
    return np.select([rule.to_numpy() for rule, _ in rules], [word for _, word in rules], PARTLY).astype(
        object
    )


def _name(table: pd.DataFrame, talk, terms: np.ndarray) -> pd.DataFrame:
    """Put names in the place of numbers."""
    topics = np.array([*talk.topics, None], dtype=object)
    named = table.copy()
    for column, new, names in (
        ("group", "group_id", talk.group_ids),
        ("neighbour", "neighbour_id", talk.group_ids),
        ("term", "term", terms),
        ("topic", "topic", topics),
        ("own_topic", "own_topic", topics),
        ("their_topic", "their_topic", topics),
    ):
        if column in named:
            named[column] = np.asarray(names, dtype=object)[named[column].to_numpy(dtype=np.int64)]
            named = named.rename(columns={column: new})
    return named


def _say(talk, table: pd.DataFrame, words: Words, counts, n_cut: int, settings) -> list[str]:
    if not len(talk.messages):
        return [unknown("Core value: nobody wrote anything that is on record.")]
    notes = []
    if not talk.has_topics:
        notes.append(unknown("Core value: no message has a topic, so whether groups talk about what they are for is"
                             " not known; terms rest on the texts alone."))  # fmt: skip
    if not words.has_text.any():
        notes.append(unknown("Core value: no message has a text, so no terms are known."))
    else:
        notes.append(known(
            f"Core value: terms from {int(counts.n_messages.sum()):,} texts; one is named if at least"
            f" {settings.min_people_per_term} people of a group used it, a day of a person counts once, and at"
            f" most {settings.term_false_share:.0%} of those named are so by chance. Left out are names called"
            " with an @, ids and their parts, links and numbers; other names may appear: see hidden_words."
        ))  # fmt: skip
    if n_cut:
        notes.append(known(f"Core value: {n_cut:,} texts of groups with more than {settings.texts_per_group:,} were"
                           " not read for terms; the rest was drawn by chance."))  # fmt: skip
    if len(talk.group_ids) == 1:
        notes.append(unknown("Core value: there is one group, so nothing to tell it apart from."))
    assumed = int(table["charter_from"].isin(["its activities", "its first half"]).sum())
    if assumed:
        notes.append(known(f"Core value: what {assumed:,} groups are for is assumed from their activities or first"
                           " messages, and tested on the rest; state it in [community] charters."))  # fmt: skip
    nothing = int((table["charter_from"] == "").sum())
    if nothing:
        notes.append(unknown(f"Core value: what {nothing:,} groups are for is neither stated nor plain."))
    return notes
