"""How good labels are: coverage, overlap, conflict, sameness, and whether confidences come true."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd

from segtool.checks import check_columns, check_in
from segtool.display import render_html_table
from segtool.engines import quote
from segtool.labels.frames import LabelTables
from segtool.labels.fusion.board import board_by_author, board_by_label, board_by_user

BOARDS = {"label": board_by_label, "author": board_by_author, "user": board_by_user}
CONFIDENCE_BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


def coverage(labels: LabelTables) -> pd.DataFrame:
    """Count what each label, and each of its claims, knows.

    Returns
    -------
    pd.DataFrame
        label, title, facet, claim ("all" for the label itself), source, n_users (with a value),
        share_known (of all users), share_abstained (of the users the claim's table has rows of,
        those it said nothing about; missing where the table is not known), mean_confidence,
        n_values (values that occur), top_share (share of the commonest value among the known),
        note (nobody has it, everybody is the same).
    """
    per_label = labels.engine.query(_COVERAGE_LABELS.format(labels=quote(labels.tables["labels"])))
    per_claim = labels.engine.query(_COVERAGE_CLAIMS.format(claims=quote(labels.tables["claims"])))
    counted = pd.concat([per_label, per_claim], ignore_index=True)
    order = {info.name: rank for rank, info in enumerate(labels.infos)}
    silent = _silent_rows(labels, counted)
    counted = pd.concat([counted, silent], ignore_index=True) if len(silent) else counted
    counted = counted[counted["label"].isin(list(order))].copy()
    counted["share_known"] = counted["n_users"] / max(labels.n_users, 1)
    candidates = counted["claim"].map(_candidates(labels)).astype(float)
    counted["share_abstained"] = (1 - counted["n_users"] / candidates).clip(lower=0)
    counted["title"] = counted["label"].map(labels.titles())
    counted["facet"] = counted["label"].map(labels.facets())
    counted["note"] = _notes(counted, labels)
    counted["order"] = counted["label"].map(order)
    counted["level"] = (counted["claim"] != "all").astype(int)
    columns = [
        "label", "title", "facet", "claim", "source", "n_users", "share_known", "share_abstained",
        "mean_confidence", "n_values", "top_share", "note",
    ]  # fmt: skip
    return counted.sort_values(["order", "level", "claim"], kind="stable")[columns].reset_index(drop=True)


def _silent_rows(labels: LabelTables, counted: pd.DataFrame) -> pd.DataFrame:
    """Return a row of zeros for each label nobody has: it must show, not vanish."""
    heard = set(counted.loc[counted["claim"] == "all", "label"])
    silent = [info.name for info in labels.infos if info.name not in heard]
    return pd.DataFrame(
        {
            "label": silent,
            "claim": "all",
            "source": "all",
            "n_users": 0,
            "mean_confidence": np.nan,
            "n_values": 0,
            "top_share": np.nan,
        }
    )


def _notes(counted: pd.DataFrame, labels: LabelTables) -> np.ndarray:
    is_many = counted["label"].map(labels.label_kinds()) == "many"
    nobody = counted["n_users"] == 0
    same = (counted["n_values"] == 1) & ~is_many & ~nobody
    return np.select([nobody, same], ["nobody has it", "everybody known has the same value"], "")


def _candidates(labels: LabelTables) -> dict[str, float]:
    """Return claim -> number of users its table has rows of: those it could have spoken about."""
    if labels.compiled is None:
        return {}
    n_users: dict[str, float] = {}
    found = {}
    for claim in labels.compiled.claims:
        # Measures of several tables, or a model: nobody can say who had a chance.
        if len(claim.tables) != 1 or claim.source == "inferred":
            continue
        table = claim.tables[0]
        if table not in n_users:
            sql = f"SELECT count(DISTINCT user_id) AS n FROM {quote(table)}"
            n_users[table] = float(labels.engine.query(sql)["n"].iloc[0])
        found[claim.claim] = n_users[table]
    return found


def overlap(labels: LabelTables) -> pd.DataFrame:
    """Compare the claims of each label pairwise.

    Returns
    -------
    pd.DataFrame
        label, claim_a, claim_b, n_a, n_b, n_both (users both speak about), n_agree (users with a
        value in common), share_agree.
    """
    found = labels.engine.query(_OVERLAP.format(claims=quote(labels.tables["claims"])))
    found["share_agree"] = found["n_agree"] / found["n_both"].where(found["n_both"] > 0)
    return found


def conflicts(labels: LabelTables, *, by: str = "source") -> pd.DataFrame:
    """List where sources disagree about a single-valued label, and who wins.

    Parameters
    ----------
    by : {"source", "label", "author", "user"}
        One row per pair of sources and values, as described here; or the conflict board per label,
        per author or per user (see `board_by_label`, `board_by_author`, `board_by_user`).

    Returns
    -------
    pd.DataFrame
        label, kept_source, kept_value, against_source, against_value, n_users, n_both (users of
        the label both sources speak about), share (n_users / n_both),
        mean_confidence_against; most frequent first.
    """
    check_in("by", by, ("source", *BOARDS))
    if by in BOARDS:
        return BOARDS[by](labels)
    single = [info.name for info in labels.infos if info.kind != "many"]
    names = {key: quote(labels.tables[key]) for key in ("claims", "labels")}
    found = labels.engine.query(_CONFLICTS.format(**names))
    found = found[found["label"].isin(single)].copy()
    found["share"] = found["n_users"] / found["n_both"]
    columns = [
        "label", "kept_source", "kept_value", "against_source", "against_value", "n_users", "n_both",
        "share", "mean_confidence_against",
    ]  # fmt: skip
    return found[columns].reset_index(drop=True)


def same_labels(labels: LabelTables, *, least: float = 0.9, max_users: int = 50_000) -> pd.DataFrame:
    """Find pairs of labels that say the same.

    Parameters
    ----------
    least : float
        Smallest normalised mutual information (0 independent, 1 one decides the other).
    max_users : int
        Users compared: the first so many by id, which is enough for a near-copy to show.

    Returns
    -------
    pd.DataFrame
        label_a, label_b, n_both, sameness; most alike first.
    """
    wide = labels.wide().head(max_users)
    codes = {name: wide[name].cat.codes.to_numpy() for name in wide if hasattr(wide[name], "cat")}
    names, rows = list(codes), []
    for position, first in enumerate(names):
        for second in names[position + 1 :]:
            both = (codes[first] >= 0) & (codes[second] >= 0)
            score = _normalised_information(codes[first][both], codes[second][both])
            if score >= least:
                rows.append((first, second, int(both.sum()), score))
    found = pd.DataFrame(rows, columns=["label_a", "label_b", "n_both", "sameness"])
    return found.sort_values("sameness", ascending=False, kind="stable").reset_index(drop=True)


def _normalised_information(first: np.ndarray, second: np.ndarray) -> float:
    """Return mutual information over the smaller entropy; 0 where a label is constant."""
    if len(first) < 30:  # below this, sameness is chance
        return 0.0
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1.0)
    joint = table / table.sum()
    rows, columns = joint.sum(1), joint.sum(0)
    smaller = min(_entropy(rows), _entropy(columns))
    shared = _entropy(rows) + _entropy(columns) - _entropy(joint.ravel())
    return float(shared / smaller) if smaller > 1e-9 else 0.0


def _entropy(shares: np.ndarray) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())


# --- do confidences come true ------------------------------------------------------------------


def reliability(claims: pd.DataFrame, truth: pd.DataFrame, *, bins=CONFIDENCE_BINS) -> pd.DataFrame:
    """Compare stated confidences with how often the claims are right.

    Parameters
    ----------
    claims : pd.DataFrame of shape (n_claims, ...)
        Columns user_id, label, value, source, confidence: the claims ledger or the resolved
        labels.
    truth : pd.DataFrame
        user_id, label, value: what is really so. A label may have several true values for a
        user; claims about a user and label without truth are not judged.
    bins : sequence of float
        Edges of the confidence bins, from 0 to 1.

    Returns
    -------
    pd.DataFrame
        label, source, bin, n, mean_confidence, share_right, gap (confidence - share right).

    Examples
    --------
    >>> claims = pd.DataFrame({"user_id": ["a", "b"], "label": "x", "value": "1",
    ...                        "source": "survey", "confidence": 0.9})
    >>> truth = pd.DataFrame({"user_id": ["a", "b"], "label": "x", "value": ["1", "2"]})
    >>> float(reliability(claims, truth)["share_right"].iloc[0])
    0.5
    """
    check_columns(claims.columns, ["user_id", "label", "value", "source", "confidence"], "claims")
    check_columns(truth.columns, ["user_id", "label", "value"], "truth")
    keyed = {name: truth[name].astype(str) for name in ("user_id", "label", "value")}
    pairs = pd.MultiIndex.from_arrays([keyed["user_id"], keyed["label"]])
    triples = pd.MultiIndex.from_arrays(list(keyed.values()))
    mine = [claims[name].astype(str) for name in ("user_id", "label", "value")]
    judged = pd.MultiIndex.from_arrays(mine[:2]).isin(pairs)
    table = claims.loc[judged, ["label", "source", "confidence"]].copy()
    table["right"] = pd.MultiIndex.from_arrays(mine).isin(triples)[judged]
    table["bin"] = pd.cut(table["confidence"], list(bins), include_lowest=True).astype(str)
    grouped = table.groupby(["label", "source", "bin"], sort=True, as_index=False)
    found = grouped.agg(
        n=("right", "size"), mean_confidence=("confidence", "mean"), share_right=("right", "mean")
    )
    found["gap"] = found["mean_confidence"] - found["share_right"]
    return found


def calibration_error(table: pd.DataFrame) -> pd.DataFrame:
    """Return the expected calibration error of each label and source.

    Parameters
    ----------
    table : pd.DataFrame
        What `reliability` returns.

    Returns
    -------
    pd.DataFrame
        label, source, n, mean_confidence, share_right, error.

    Notes
    -----
    The error is the mean over claims of the distance between confidence and share right in
    their bin (Naeini et al. 2015).

    References
    ----------
    Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
    AAAI 2015. https://ojs.aaai.org/index.php/AAAI/article/view/9602
    """
    weighted = table.assign(
        error=table["gap"].abs() * table["n"],
        stated=table["mean_confidence"] * table["n"],
        came_true=table["share_right"] * table["n"],
    )
    columns = ["n", "stated", "came_true", "error"]
    summed = weighted.groupby(["label", "source"], as_index=False)[columns].sum()
    for name in ("stated", "came_true", "error"):
        summed[name] = summed[name] / summed["n"]
    return summed.rename(columns={"stated": "mean_confidence", "came_true": "share_right"})


# --- how Labels shows itself -------------------------------------------------------------------


def overview(labels: LabelTables) -> pd.DataFrame:
    """Return one row per label that anybody has: facet, label, share known, commonest values."""
    counts = labels.value_counts
    rows = []
    for info in labels.infos:
        parts = counts[counts["label"] == info.name]
        if parts.empty:
            continue
        n_known = int(parts["n_known"].iloc[0])
        confidence = (parts["confidence"] * parts["n"]).sum() / parts["n"].sum()
        pairs = zip(parts["value"].head(3), parts["n"].head(3), strict=True)
        values = ", ".join(f"{value} {n / n_known:.0%}" for value, n in pairs)
        rows.append((info.facet, info.title, n_known / max(labels.n_users, 1), confidence, values))
    shown = pd.DataFrame(rows, columns=["facet", "label", "known", "confidence", "commonest values"])
    for name in ("known", "confidence"):
        shown[name] = shown[name].map(lambda share: "" if pd.isna(share) else f"{share:.0%}")
    return shown


def silent_text(labels: LabelTables) -> str:
    """Return one sentence on the labels that nobody has, or an empty text."""
    heard = set(labels.value_counts["label"])
    silent = [info.title for info in labels.infos if info.name not in heard]
    return f"Nobody has: {', '.join(silent)}." if silent else ""


def render_overview(labels: LabelTables) -> str:
    """Return the overview as HTML, with what was left out folded away."""
    parts = [f"<p><b>{html.escape(labels.headline())}</b></p>", render_html_table(overview(labels))]
    silent = silent_text(labels)
    if silent:
        parts.append(f"<p>{html.escape(silent)}</p>")
    parts += [f"<p>{html.escape(note)}</p>" for note in getattr(labels, "notes", ())]
    left_out = labels.left_out()
    if len(left_out):
        table = render_html_table(left_out)
        parts.append(f"<details><summary>{len(left_out)} labels left out</summary>{table}</details>")
    parts.append("<p>Next: <code>.why(user_id)</code>, <code>.coverage()</code>, <code>.conflicts()</code>,"
                 " <code>.sentences()</code>, <code>.wide()</code></p>")  # fmt: skip
    return "".join(parts)


_COVERAGE_LABELS = """
WITH value_counts AS (
  SELECT label, value, count(*) AS n, sum(confidence) AS confidence FROM {labels} GROUP BY label, value
),
users AS (SELECT label, count(DISTINCT user_id) AS n_users FROM {labels} GROUP BY label)
SELECT v.label, 'all' AS claim, 'all' AS source, max(u.n_users) AS n_users,
       round(sum(v.confidence) / sum(v.n), 6) AS mean_confidence, count(*) AS n_values,
       max(v.n) / CAST(max(u.n_users) AS DOUBLE) AS top_share
FROM value_counts AS v JOIN users AS u ON u.label = v.label
GROUP BY v.label ORDER BY v.label
"""

_COVERAGE_CLAIMS = """
WITH value_counts AS (
  SELECT label, claim, source, value, count(*) AS n, sum(confidence) AS confidence
  FROM {claims} GROUP BY label, claim, source, value
),
users AS (
  SELECT label, claim, source, count(DISTINCT user_id) AS n_users FROM {claims} GROUP BY label, claim, source
)
SELECT v.label, v.claim, v.source, max(u.n_users) AS n_users,
       round(sum(v.confidence) / sum(v.n), 6) AS mean_confidence, count(*) AS n_values,
       max(v.n) / CAST(max(u.n_users) AS DOUBLE) AS top_share
FROM value_counts AS v
JOIN users AS u ON u.label = v.label AND u.claim = v.claim AND u.source = v.source
GROUP BY v.label, v.claim, v.source ORDER BY v.label, v.claim, v.source
"""

_OVERLAP = """
WITH spoken AS (SELECT DISTINCT user_id, label, claim, value FROM {claims}),
totals AS (SELECT label, claim, count(DISTINCT user_id) AS n FROM spoken GROUP BY label, claim),
pairs AS (
  SELECT a.user_id, a.label, a.claim AS claim_a, b.claim AS claim_b,
         max(CASE WHEN a.value = b.value THEN 1 ELSE 0 END) AS agree
  FROM spoken AS a JOIN spoken AS b ON b.user_id = a.user_id AND b.label = a.label AND a.claim < b.claim
  GROUP BY a.user_id, a.label, a.claim, b.claim
),
counted AS (
  SELECT label, claim_a, claim_b, count(*) AS n_both, sum(agree) AS n_agree
  FROM pairs GROUP BY label, claim_a, claim_b
)
SELECT a.label, a.claim AS claim_a, b.claim AS claim_b, a.n AS n_a, b.n AS n_b,
       CAST(coalesce(c.n_both, 0) AS BIGINT) AS n_both, CAST(coalesce(c.n_agree, 0) AS BIGINT) AS n_agree
FROM totals AS a JOIN totals AS b ON b.label = a.label AND a.claim < b.claim
LEFT JOIN counted AS c ON c.label = a.label AND c.claim_a = a.claim AND c.claim_b = b.claim
ORDER BY a.label, a.claim, b.claim
"""

_CONFLICTS = """
WITH faced AS (
  SELECT l.user_id, l.label, l.source AS kept_source, l.value AS kept_value,
         c.source AS against_source, c.value AS against_value, max(c.confidence) AS confidence
  FROM {labels} AS l JOIN {claims} AS c ON c.user_id = l.user_id AND c.label = l.label
  GROUP BY l.user_id, l.label, l.source, l.value, c.source, c.value
),
both_speak AS (
  SELECT label, kept_source, against_source, count(DISTINCT user_id) AS n_both
  FROM faced GROUP BY label, kept_source, against_source
)
SELECT f.label, f.kept_source, f.kept_value, f.against_source, f.against_value, count(*) AS n_users,
       max(b.n_both) AS n_both, round(avg(f.confidence), 6) AS mean_confidence_against
FROM faced AS f
JOIN both_speak AS b ON b.label = f.label AND b.kept_source = f.kept_source
  AND b.against_source = f.against_source
WHERE f.kept_value <> f.against_value
GROUP BY f.label, f.kept_source, f.kept_value, f.against_source, f.against_value
ORDER BY n_users DESC, f.label, f.kept_source, f.kept_value, f.against_source, f.against_value
"""
