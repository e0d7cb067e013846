"""The conflict board: where people, surveys and data disagree, per label, per author and per user."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.engines import literal, quote
from segtool.labels.fusion.confusion import measure_reliability
from segtool.labels.plans import TIERS

__all__ = ["board_by_author", "board_by_label", "board_by_user"]

# A disagreement is worth a person's time when the other side is this sure, or is a person too.
LEAST_AGAINST = 0.8
# A note so old may simply be out of date.
STALE_DAYS = 180
ALL = "every label"
# Who judges a note, best first: another person, the user's own answer, the surest of the data.
JUDGES = ("people", "survey", "data")

AUTHOR_COLUMNS = (
    "label", "author", "n_notes", "n_people", "n_survey", "n_data", "n", "n_agree", "agreement", "lo", "hi",
    "others", "verdict",
)  # fmt: skip


def board_by_label(labels) -> pd.DataFrame:
    """Count, per single-valued label, the users of whom somebody disagrees with what was decided.

    Returns
    -------
    pd.DataFrame
        label, title, n_known, n_several (users of whom at least two claims speak), n_conflict,
        share (of n_several), against_people, against_survey, against_data, against_inferred
        (users of whom that source says something else than was decided); most conflicts first.
    """
    names = {key: quote(labels.tables[key]) for key in ("claims", "labels")}
    found = labels.engine.query(_BY_LABEL.format(fresh=_fresh(labels), **names))
    titles = {info.name: info.title for info in labels.infos if info.kind != "many"}
    found = found[found["label"].isin(list(titles))].reset_index(drop=True)
    found.insert(1, "title", found["label"].map(titles))
    counts = [name for name in found if name.startswith(("n_", "against_"))]
    found[counts] = found[counts].astype("int64")
    share = found["n_conflict"] / found["n_several"].where(found["n_several"] > 0)
    found.insert(5, "share", share)
    return found


def board_by_user(labels) -> pd.DataFrame:
    """List the disagreements somebody should settle, the most pressing first.

    A user is listed once per single-valued label, with the strongest voice against what was decided:
    another person, or a source at least `LEAST_AGAINST` sure.

    Returns
    -------
    pd.DataFrame
        user_id, label, value (that was decided), source, confidence, evidence, against_value,
        against_source, against_confidence, against_evidence, observed_at, suggestion, priority
        (log-odds of the voice against, times the share of users the label is known of).

    Notes
    -----
    A row of ``corrections.csv`` (user_id, label, value, author, noted_at, text) settles one: it is not
    listed again.
    """
    names = {key: quote(labels.tables[key]) for key in ("claims", "labels")}
    found = labels.engine.query(
        _BY_USER.format(fresh=_fresh(labels), least=LEAST_AGAINST, tier=_tier_sql("c.source"), **names)
    )
    single = [info.name for info in labels.infos if info.kind != "many"]
    is_settled = pd.MultiIndex.from_frame(found[["user_id", "label"]]).isin(_settled(labels))
    found = found[found["label"].isin(single) & ~is_settled].copy()
    found["against_confidence"] = _as_it_counts(labels, found)
    between_people = (found["source"] == "person") & (found["against_source"] == "person")
    found = found[between_people | (found["against_confidence"] >= LEAST_AGAINST)].copy()
    known = labels.value_counts.groupby("label")["n_known"].first() / max(labels.n_users, 1)
    sure = found["against_confidence"].astype(float).clip(0.01, 0.99)
    found["priority"] = (np.log(sure / (1 - sure)).abs() * found["label"].map(known)).round(4)
    found["suggestion"] = [_suggest(row, labels.as_of) for row in found.itertuples(index=False)]
    order = ["priority", "label", "user_id"]
    columns = [
        "user_id", "label", "value", "source", "confidence", "evidence", "against_value", "against_source",
        "against_confidence", "against_evidence", "observed_at", "suggestion", "priority",
    ]  # fmt: skip
    return found.sort_values(order, ascending=[False, True, True], kind="stable")[columns].reset_index(
        drop=True
    )


def _settled(labels) -> pd.MultiIndex:
    """Return user_id and label of what somebody corrected."""
    infos = () if labels.compiled is None else labels.compiled.claims
    corrections = [literal(info.claim) for info in infos if info.kind == "correction"]
    where = f"claim IN ({', '.join(corrections)})" if corrections else "FALSE"
    claims = quote(labels.tables["claims"])
    rows = labels.engine.query(
        f"SELECT DISTINCT user_id, label FROM {claims} WHERE {where} ORDER BY user_id, label"
    )
    return pd.MultiIndex.from_frame(rows)


def _as_it_counts(labels, found: pd.DataFrame) -> pd.Series:
    """Return how sure the voice against is, boasting taken out where the study learned of it."""
    fusion = None if labels.compiled is None else labels.compiled.fusion
    sure = found["against_confidence"].astype(float)
    if fusion is None:
        return sure
    scale = {
        witness.claim: min(measured.estimate / witness.declared, 1.0)
        for label, witnesses in fusion.witnesses.items()
        for witness in witnesses
        if witness.number in fusion.labels[label].estimated
        and (measured := fusion.labels[label].reliabilities.get(witness.number)) is not None
    }
    return (sure * found["claim"].map(scale).fillna(1.0)).round(4)


def _suggest(row, as_of) -> str:
    if row.source == "person" and row.against_source == "person":
        return "two people disagree: ask both"
    if row.source != "person":
        return "ask somebody who knows the user"
    if as_of is not None and pd.notna(row.observed_at):
        stamp = pd.Timestamp(as_of)
        stamp = stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp
        days = (stamp - pd.Timestamp(row.observed_at)).days
        if days > STALE_DAYS:
            return f"the note is {days} days old: ask again"
    return "keep the note, and look at the definition"


def board_by_author(labels) -> pd.DataFrame:
    """Compare what each author notes with what others know of the same users.

    A note is judged by the best there is: another author's note, else the user's own answer, else the
    surest claim of the data. Judges differ, so what the other authors reach with the same labels and the
    same judges stands beside it.

    Returns
    -------
    pd.DataFrame
        label ("every label" for an author's total), author, n_notes, n_people, n_survey, n_data
        (notes judged by each), n (notes judged), n_agree, agreement, lo, hi (95 % Wilson interval),
        others (agreement of the other authors), verdict ("agrees less than others", "agrees more
        than others", "like others", "too few").
    """
    cells = _read_notes(labels)
    if cells.empty:
        return pd.DataFrame(columns=list(AUTHOR_COLUMNS))
    cells["others"] = _others(cells)
    parts = [
        _sum_authors(cells, ["label", "author"]),
        _sum_authors(cells.assign(label=ALL), ["label", "author"]),
    ]
    table = pd.concat(parts, ignore_index=True)
    order = {info.name: rank for rank, info in enumerate(labels.infos)}
    table["rank"] = table["label"].map(order).fillna(len(order))
    return table.sort_values(["rank", "author"], kind="stable")[list(AUTHOR_COLUMNS)].reset_index(drop=True)


def _others(cells: pd.DataFrame) -> pd.Series:
    """Return what the other authors reach with the same label and judge; missing where there is none."""
    totals = cells.groupby(["label", "judge"])[["n", "n_agree"]].transform("sum")
    n = totals["n"] - cells["n"]
    return ((totals["n_agree"] - cells["n_agree"]) / n.where(n > 0)).where(cells["judge"] != "nobody")


def _sum_authors(cells: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    rows = []
    for (label, author), part in cells.groupby(keys, sort=True):
        judged = part[part["judge"] != "nobody"]
        n, n_agree = int(judged["n"].sum()), int(judged["n_agree"].sum())
        measured = measure_reliability(n_agree, n, 1.0, 2)
        compared = judged.dropna(subset="others")
        others = (compared["others"] * compared["n"]).sum() / compared["n"].sum() if len(compared) else np.nan
        by_judge = [int(judged.loc[judged["judge"] == judge, "n"].sum()) for judge in JUDGES]
        row = (
            label,
            author,
            int(part["n"].sum()),
            *by_judge,
            n,
            n_agree,
            measured.agreement,
            measured.lo,
            measured.hi,
        )
        rows.append((*row, others, _verdict(measured, others)))
    table = pd.DataFrame(rows, columns=list(AUTHOR_COLUMNS))
    numbers = ["agreement", "lo", "hi", "others"]
    table[numbers] = table[numbers].astype(float).round(4)
    return table


def _verdict(measured, others: float) -> str:
    if measured.n < 10 or np.isnan(others):
        return "too few"
    if measured.hi < others:
        return "agrees less than others"
    return "agrees more than others" if measured.lo > others else "like others"


def _read_notes(labels) -> pd.DataFrame:
    """Count the notes of each author by label and judge: label, author, judge, n, n_agree."""
    tables = set(labels.engine.tables())
    parts = []
    for label in () if labels.compiled is None else labels.compiled.labels:
        for number, claim in enumerate(label.claims, start=1):
            table = f"claim__{label.name}__{number}"
            if claim.kind == "note" and table in tables:
                days = claim.expires_days
                fresh = f" WHERE observed_age IS NULL OR observed_age <= {float(days)}" if days else ""
                parts.append(
                    f"SELECT user_id, {literal(label.name)} AS label, {literal(label.many)} AS is_many, value, "
                    f"detail_author AS author "
                    f"FROM {quote(table)}{fresh}"
                )
    if not parts:
        return pd.DataFrame()
    claims = quote(labels.tables["claims"])
    sql = _BY_AUTHOR.format(notes="\nUNION ALL ".join(parts), claims=claims, fresh=_fresh(labels))
    return labels.engine.query(sql)


def _fresh(labels) -> str:
    """Return SQL of which claims have not expired."""
    if labels.as_of is None:
        return "TRUE"
    stamp = pd.Timestamp(labels.as_of)
    stamp = stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp
    return f"(c.expires_at IS NULL OR c.expires_at > {literal(stamp)})"


def _tier_sql(column: str) -> str:
    whens = " ".join(f"WHEN {literal(source)} THEN {tier}" for source, tier in TIERS.items())
    return f"CASE {column} {whens} ELSE 0 END"


_BY_LABEL = """
WITH against AS (
  SELECT l.user_id, l.label,
    max(CASE WHEN c.source = 'person' THEN 1 ELSE 0 END) AS person,
    max(CASE WHEN c.source = 'survey' THEN 1 ELSE 0 END) AS survey,
    max(CASE WHEN c.source IN ('behaviour', 'profile') THEN 1 ELSE 0 END) AS data,
    max(CASE WHEN c.source = 'inferred' THEN 1 ELSE 0 END) AS inferred
  FROM {labels} AS l JOIN {claims} AS c ON c.user_id = l.user_id AND c.label = l.label
  WHERE c.value <> l.value AND {fresh}
  GROUP BY l.user_id, l.label
),
known AS (
  SELECT label, count(*) AS n_known, sum(CASE WHEN n_claims > 1 THEN 1 ELSE 0 END) AS n_several
  FROM {labels} GROUP BY label
),
counted AS (
  SELECT label, count(*) AS n_conflict, sum(person) AS against_people, sum(survey) AS against_survey,
    sum(data) AS against_data, sum(inferred) AS against_inferred
  FROM against GROUP BY label
)
SELECT k.label, k.n_known, k.n_several, coalesce(n_conflict, 0) AS n_conflict,
  coalesce(against_people, 0) AS against_people, coalesce(against_survey, 0) AS against_survey,
  coalesce(against_data, 0) AS against_data, coalesce(against_inferred, 0) AS against_inferred
FROM known AS k LEFT JOIN counted AS n ON n.label = k.label
ORDER BY n_conflict DESC, k.label
"""

_BY_USER = """
WITH against AS (
  SELECT l.user_id, l.label, l.value, l.source, l.confidence, c.value AS against_value,
    c.source AS against_source, c.claim, c.confidence AS against_confidence, c.evidence AS against_evidence,
    row_number() OVER (
      PARTITION BY l.user_id, l.label ORDER BY {tier} DESC, c.confidence DESC, c.claim, c.value, c.evidence
    ) AS place
  FROM {labels} AS l JOIN {claims} AS c ON c.user_id = l.user_id AND c.label = l.label
  WHERE l.conflict AND c.value <> l.value AND {fresh}
    AND (c.confidence >= {least} OR (c.source = 'person' AND l.source = 'person'))
),
behind AS (
  SELECT l.user_id, l.label, c.evidence, c.observed_at,
    row_number() OVER (
      PARTITION BY l.user_id, l.label ORDER BY c.confidence DESC, c.observed_at DESC, c.claim, c.evidence
    ) AS place
  FROM {labels} AS l JOIN {claims} AS c
    ON c.user_id = l.user_id AND c.label = l.label AND c.value = l.value AND c.source = l.source
  WHERE l.conflict AND {fresh}
)
SELECT a.user_id, a.label, a.value, a.source, a.confidence, b.evidence, a.against_value, a.against_source,
  a.claim, a.against_confidence, a.against_evidence, b.observed_at
FROM against AS a LEFT JOIN behind AS b ON b.user_id = a.user_id AND b.label = a.label AND b.place = 1
WHERE a.place = 1
ORDER BY a.label, a.user_id
"""

# A note agrees with a label of many values when any of them is the same; with one of a single value, when
# the surest claim is.
_BY_AUTHOR = """
WITH notes AS (
  {notes}
),
judges AS (
  SELECT n.user_id, n.label, n.is_many, n.author, n.value, 1 AS rank, o.value AS said, 1.0 AS confidence
  FROM notes AS n JOIN notes AS o ON o.user_id = n.user_id AND o.label = n.label AND o.author <> n.author
  UNION ALL
  SELECT n.user_id, n.label, n.is_many, n.author, n.value, CASE WHEN c.source = 'survey' THEN 2 ELSE 3 END AS rank,
    c.value AS said, c.confidence
  FROM notes AS n JOIN {claims} AS c ON c.user_id = n.user_id AND c.label = n.label
  WHERE c.source IN ('survey', 'behaviour', 'profile') AND {fresh}
),
best AS (
  SELECT user_id, label, is_many, author, value, said, rank, confidence,
    min(rank) OVER (PARTITION BY user_id, label, author, value) AS best_rank,
    max(CASE WHEN rank = 3 THEN confidence END) OVER (PARTITION BY user_id, label, author, value) AS surest
  FROM judges
),
judged AS (
  SELECT user_id, label, author, value, best_rank, 
    CASE WHEN is_many THEN max(CASE WHEN said = value THEN 1.0 ELSE 0.0 END)
      ELSE avg(CASE WHEN said = value THEN 1.0 ELSE 0.0 END) END AS share
  FROM best WHERE rank = best_rank AND (rank < 3 OR is_many OR confidence = surest)
  GROUP BY user_id, label, is_many, author, value, best_rank
)
SELECT n.label, n.author,
  CASE j.best_rank WHEN 1 THEN 'people' WHEN 2 THEN 'survey' WHEN 3 THEN 'data' ELSE 'nobody' END AS judge,
  count(*) AS n, sum(CASE WHEN j.share >= 0.5 THEN 1 ELSE 0 END) AS n_agree
FROM notes AS n LEFT JOIN judged AS j
  ON j.user_id = n.user_id AND j.label = n.label AND j.author = n.author AND j.value = n.value
GROUP BY n.label, n.author, CASE j.best_rank WHEN 1 THEN 'people' WHEN 2 THEN 'survey' WHEN 3 THEN 'data' ELSE 'nobody' END
ORDER BY n.label, n.author, judge
"""
