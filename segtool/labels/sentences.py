"""One sentence per user, from the phrases of the labels that say most about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from segtool.checks import check_number
from segtool.engines import Engine, literal, quote
from segtool.labels.frames import LabelInfo

# The order of the clauses: who someone is, what they can spend, what they like, then habits.
FACET_ORDER = (
    "life stage",
    "place",
    "consumption",
    "taste",
    "rhythm",
    "channel",
    "activity",
    "lifecycle",
    "sharing",
    "role",
    "funnel",
    "response",
)
# A reader wants to know who a person is before which hours they keep, so that a bit about the
# person counts for more than a bit about the traffic they make.
FACET_WEIGHT = {"life stage": 2.0, "consumption": 1.5, "taste": 1.5}
SEPARATOR = " · "
VALUES_PER_CLAUSE = 2
TOLD = "told_in_sentences"
LEAST_CONFIDENCE = 0.5  # a clause that is rather wrong than right is not for a sentence


def write_sentences(
    engine: Engine,
    infos: Sequence[LabelInfo],
    tables: Mapping[str, str],
    *,
    max_clauses: int = 5,
    sensitive: bool = False,
    user_id: str | None = None,
    counts: pd.DataFrame | None = None,
    told: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Write one sentence per user in the engine.

    Parameters
    ----------
    engine : Engine
    infos : sequence of LabelInfo
    tables : Mapping
        Names of the tables ``labels`` and ``users``.
    max_clauses : int
    sensitive : bool
        Whether labels marked sensitive may speak.
    user_id : str, optional
        Write for this user alone; what is rare is still counted over everybody.
    counts : pd.DataFrame, optional
        What `count_values` returns, where it is known already.
    told : pd.DataFrame, optional
        user_id, label, value: what is said of a user before anything else, such as the parts of
        their pixel label.

    Returns
    -------
    pd.DataFrame of shape (n_users, 3)
        user_id, sentence (empty where nothing is known), n_labels (known labels, used or not);
        every user, sorted.

    Notes
    -----
    The information of a clause is ``-log2(share) * confidence * facet weight``, where share is
    that of the value among the users whose label is known: a rare value that is certain says
    most. What is told comes first; then each facet gives its best clause, and the places left go
    to second clauses.
    """
    check_number("max_clauses", max_clauses, low=1, high=10, integer=True)
    heard = [info for info in infos if sensitive or not info.sensitive]
    counts = count_values(engine, tables["labels"]) if counts is None else counts
    rows = phrase_table(counts, heard)
    names = {key: _table_of(tables[key], user_id) for key in ("labels", "users")}
    if rows.empty:
        return engine.query(_NOTHING_TO_SAY.format(**names))
    sql = _SENTENCES.format(
        phrases=_values_sql(rows),
        and_words=_places("word", "value_place", VALUES_PER_CLAUSE, " and "),
        clauses=_places("clause", "place", max_clauses, SEPARATOR),
        max_clauses=max_clauses,
        values_per_clause=VALUES_PER_CLAUSE,
        least_confidence=LEAST_CONFIDENCE,
        told=_NOBODY_TOLD.format(**names) if told is None else f"SELECT * FROM {quote(TOLD)}",
        **names,
    )
    if told is None:
        return engine.query(sql)
    engine.register(TOLD, told[["user_id", "label", "value"]].astype(str))
    try:
        return engine.query(sql)
    finally:
        engine.drop(TOLD)


def count_values(engine: Engine, labels: str = "labels") -> pd.DataFrame:
    """Count each value of each label.

    Returns
    -------
    pd.DataFrame
        label, value, n (users with the value), n_known (users with any value of the label),
        confidence (mean).
    """
    return engine.query(_VALUE_COUNTS.format(labels=quote(labels)))


def phrase_table(counts: pd.DataFrame, infos: Sequence[LabelInfo]) -> pd.DataFrame:
    """Return the clause and the information of each value that occurs and has something to say.

    Returns
    -------
    pd.DataFrame
        label, value, facet, facet_rank, label_rank, before, word, after (the clause in three
        parts, so that two values of one label can share it), bits.
    """
    by_name = {info.name: (rank, info) for rank, info in enumerate(infos)}
    rows = []
    for cell in counts.itertuples(index=False):
        if cell.label not in by_name:
            continue
        label_rank, info = by_name[cell.label]
        before, word, after = _split_phrase(info, cell.value)
        if not (before + word + after).strip():
            continue
        # Half a user is added on both sides, so that a value everybody has is worth almost nothing
        # and a value one user has is not worth infinity.
        bits = -np.log2((cell.n + 0.5) / (cell.n_known + 1.0)) * FACET_WEIGHT.get(info.facet, 1.0)
        place = (info.facet, facet_rank(info.facet), label_rank)
        rows.append((info.name, cell.value, *place, before, word, after, max(bits, 0.0)))
    columns = ["label", "value", "facet", "facet_rank", "label_rank", "before", "word", "after", "bits"]
    return pd.DataFrame(rows, columns=columns)


def facet_rank(facet: str) -> int:
    """Return the place of a facet in a sentence; unknown facets come last.

    Examples
    --------
    >>> facet_rank("life stage") < facet_rank("taste") < facet_rank("something else")
    True
    """
    plain = facet.lower().replace("_", " ")
    return FACET_ORDER.index(plain) if plain in FACET_ORDER else len(FACET_ORDER)


def _split_phrase(info: LabelInfo, value: str) -> tuple[str, str, str]:
    if isinstance(info.phrase, Mapping) or "{value}" not in info.phrase:
        return "", info.clause(value), ""
    before, _, after = info.phrase.partition("{value}")
    # app_push is a word of the data, not of a sentence; and what people wrote may run over lines.
    return before, " ".join(value.replace("_", " ").split()), after


def _values_sql(rows: pd.DataFrame) -> str:
    """Return the phrase table as SQL rows: it is small, and needs no table of its own."""
    lines = (", ".join(literal(_plain(cell)) for cell in row) for row in rows.itertuples(index=False))
    return ",\n    ".join(f"({line})" for line in lines)


def _plain(cell):
    return cell.item() if isinstance(cell, np.generic) else cell


def _places(column: str, place: str, n: int, separator: str) -> str:
    """Return SQL that joins up to n rows of a group in order, in any dialect."""
    picks = ", ".join(f"max(CASE WHEN {place} = {number} THEN {column} END)" for number in range(1, n + 1))
    return f"concat_ws({literal(separator)}, {picks})"


def _table_of(table: str, user_id: str | None) -> str:
    if user_id is None:
        return quote(table)
    return f"(SELECT * FROM {quote(table)} WHERE user_id = {literal(user_id)})"


_NOTHING_TO_SAY = """
WITH known AS (SELECT k.user_id, count(DISTINCT k.label) AS n_labels FROM {labels} AS k GROUP BY k.user_id)
SELECT u.user_id, '' AS sentence, coalesce(known.n_labels, 0) AS n_labels
FROM {users} AS u LEFT JOIN known ON known.user_id = u.user_id
ORDER BY u.user_id
"""

_NOBODY_TOLD = "SELECT k.user_id, k.label, k.value FROM {labels} AS k WHERE FALSE"

_VALUE_COUNTS = """
WITH known AS (SELECT label, count(DISTINCT user_id) AS n_known FROM {labels} GROUP BY label),
value_counts AS (
  SELECT label, value, count(*) AS n, round(avg(confidence), 6) AS confidence
  FROM {labels} GROUP BY label, value
)
SELECT v.label, v.value, v.n, k.n_known, v.confidence
FROM value_counts AS v JOIN known AS k ON k.label = v.label
ORDER BY v.label, v.n DESC, v.value
"""

_SENTENCES = """
WITH phrases (label, value, facet, facet_rank, label_rank, before, word, after, bits) AS (
  VALUES
    {phrases}
),
told AS (
  {told}
),
spoken AS (
  SELECT l.user_id, p.label_rank, p.facet_rank, p.before, p.word, p.after,
         p.bits * l.confidence AS information, CASE WHEN t.user_id IS NULL THEN 0 ELSE 1 END AS told
  FROM {labels} AS l JOIN phrases AS p ON p.label = l.label AND p.value = l.value
  LEFT JOIN told AS t ON t.user_id = l.user_id AND t.label = l.label AND t.value = l.value
  WHERE l.confidence >= {least_confidence}
),
ranked AS (
  SELECT *, row_number() OVER (
    PARTITION BY user_id, label_rank ORDER BY told DESC, information DESC, word) AS value_place
  FROM spoken
),
clauses AS (
  SELECT user_id, label_rank, min(facet_rank) AS facet_rank, max(information) AS information, max(told) AS told,
         min(before) || {and_words} || min(after) AS clause
  FROM ranked WHERE value_place <= {values_per_clause}
  GROUP BY user_id, label_rank
),
by_facet AS (
  SELECT *, row_number() OVER (
    PARTITION BY user_id, facet_rank ORDER BY told DESC, information DESC, label_rank) AS facet_place
  FROM clauses
),
chosen AS (
  SELECT *, row_number() OVER (
    PARTITION BY user_id ORDER BY told DESC, facet_place, information DESC, label_rank) AS choice
  FROM by_facet
),
placed AS (
  SELECT user_id, clause, row_number() OVER (
    PARTITION BY user_id ORDER BY facet_rank, facet_place, label_rank) AS place
  FROM chosen WHERE choice <= {max_clauses}
),
sentences AS (
  SELECT user_id, {clauses} AS sentence FROM placed GROUP BY user_id
),
known AS (
  SELECT k.user_id, count(DISTINCT k.label) AS n_labels FROM {labels} AS k GROUP BY k.user_id
)
SELECT u.user_id, coalesce(s.sentence, '') AS sentence, coalesce(k.n_labels, 0) AS n_labels
FROM {users} AS u
LEFT JOIN sentences AS s ON s.user_id = u.user_id
LEFT JOIN known AS k ON k.user_id = u.user_id
ORDER BY u.user_id
"""
