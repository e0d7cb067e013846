"""Why a user has the labels they have: each claim, its evidence, and what it lost to."""

from __future__ import annotations

import difflib
import html
from dataclasses import dataclass

import pandas as pd

from segtool.display import Shown, render_html_table
from segtool.engines import literal, quote
from segtool.errors import InputError
from segtool.labels.corrections import find_ruled_out
from segtool.labels.frames import LabelTables
from segtool.labels.plans import TIERS
from segtool.labels.sentences import write_sentences

SOURCE_WORDS = {
    "person": "a person's note",
    "survey": "the user's own answer",
    "profile": "the profile",
    "behaviour": "behaviour",
    "inferred": "inference",
}
COLUMNS = [
    "label", "title", "value", "confidence", "source", "outcome", "why",
    "evidence", "n_evidence", "claim", "observed_at",
]  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class Why(Shown):
    """The claims about one user, winners first within each label.

    Parameters
    ----------
    user_id : str
    sentence : str
        The sentence the labels make.
    table : pd.DataFrame
        One row per claim: label, title, value, confidence, source, outcome ("kept", "agrees",
        "lost", "expired"), why, evidence, n_evidence, claim, observed_at. A kept row shows the
        confidence of the resolved label, the other rows that of the claim.
    unknown : tuple of str
        Titles of the labels nothing is known about.
    """

    user_id: str
    sentence: str
    table: pd.DataFrame
    unknown: tuple[str, ...] = ()

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per claim."""
        return self.table.copy()

    def headline(self) -> str:
        """Return the user's sentence, and how much is unknown."""
        said = self.sentence or "nothing known yet"
        n_known = self.table["label"].nunique()
        return f"{self.user_id}: {said} ({n_known} labels known, {len(self.unknown)} unknown)"

    def __repr__(self) -> str:
        shown = self.table[["title", "value", "confidence", "outcome", "why", "evidence"]]
        body = shown.to_string(index=False, max_colwidth=48, float_format=lambda x: f"{x:.2f}")
        return f"{self.headline()}\n{body if len(shown) else '(no claims)'}\n{self._unknown_text()}".rstrip()

    def _repr_html_(self) -> str:
        shown = self.table[["title", "value", "confidence", "source", "outcome", "why", "evidence"]]
        return (
            f"<p><b>{html.escape(self.headline())}</b></p>{render_html_table(shown)}"
            f"<p>{html.escape(self._unknown_text())}</p>"
        )

    def _unknown_text(self) -> str:
        return f"Not known: {', '.join(self.unknown)}." if self.unknown else ""


def explain_user(labels: LabelTables, user_id: str) -> Why:
    """Collect the claims about one user and say how each fared.

    Raises
    ------
    InputError
        If the user is unknown. The message counts near ids, and never shows anyone's.
    """
    user_id = str(user_id)
    _check_user(labels, user_id)
    claims = _rows_of(labels, "claims", user_id)
    resolved = _rows_of(labels, "labels", user_id)
    infos = {info.name: (rank, info) for rank, info in enumerate(labels.infos)}
    said = set(claims[["label", "value"]].itertuples(index=False, name=None))
    resolved["is_said"] = [pair in said for pair in resolved[["label", "value"]].itertuples(index=False, name=None)]
    compiled = labels.compiled
    ruled_out = (
        find_ruled_out(compiled.catalog, labels.engine, labels.tables["labels"], user_id) if compiled else set()
    )
    rows = [
        _judge(claim, resolved, infos, labels.as_of, ruled_out)
        for claim in claims.itertuples(index=False)
        if claim.label in infos
    ]
    table = pd.DataFrame(rows, columns=["rank", "place", *COLUMNS])
    table = table.sort_values(["rank", "place", "confidence"], ascending=[True, True, False], kind="stable")
    known = set(resolved["label"])
    unknown = tuple(info.title for info in labels.infos if info.name not in known)
    said = write_sentences(
        labels.engine,
        labels.infos,
        labels.tables,
        sensitive=True,
        user_id=user_id,
        counts=labels.value_counts,
    )
    return Why(user_id, str(said["sentence"].iloc[0]), table[COLUMNS].reset_index(drop=True), unknown)


def _rows_of(labels: LabelTables, table: str, user_id: str) -> pd.DataFrame:
    tail = ", claim" if table == "claims" else ""
    return labels.engine.query(
        f"SELECT * FROM {quote(labels.tables[table])} WHERE user_id = {literal(user_id)} "
        f"ORDER BY label, value{tail}"
    )


def _check_user(labels: LabelTables, user_id: str) -> None:
    users = quote(labels.tables["users"])
    found = labels.engine.query(f"SELECT count(*) AS n FROM {users} WHERE user_id = {literal(user_id)}")
    if found["n"].iloc[0]:
        return
    near = difflib.get_close_matches(user_id, labels.user_ids[:100_000], n=10, cutoff=0.8)
    hint = f"{len(near)} ids are spelled almost like it" if near else "no id is spelled like it"
    raise InputError(
        f"This user_id is not among the {labels.n_users:,} labelled users; {hint}.",
        "an id exactly as in the data, as text, leading zeros included.",
        "Look it up in labels.user_ids.",
    )


def _judge(claim, resolved: pd.DataFrame, infos, as_of, ruled_out: set[tuple[str, str]]) -> tuple:
    """Return one row of the table: how a claim fared against what was resolved."""
    rank, info = infos[claim.label]
    rivals = resolved[resolved["label"] == claim.label]
    same = rivals[rivals["value"] == claim.value]
    confidence = float(claim.confidence)
    if _has_expired(claim, as_of):
        place, outcome, why = 3, "expired", f"expired on {claim.expires_at:%Y-%m-%d}"
    elif len(same):
        winner = same.iloc[0]
        if winner["source"] == claim.source:
            place, outcome, confidence = 0, "kept", float(winner["confidence"])
            why = _kept_text(claim.source, rivals, info)
        else:
            theirs = SOURCE_WORDS.get(winner["source"], winner["source"])
            place, outcome, why = 1, "agrees", f"agrees with {theirs}"
    elif (claim.label, str(claim.value).lower()) in ruled_out:
        place, outcome, why = 2, "lost", "a correction rules it out"
    elif len(rivals):
        place, outcome, why = 2, "lost", _lost_text(claim, rivals.iloc[0])
    else:
        place, outcome, why = 2, "lost", "too weak or too even to settle on a value"
    return (
        rank, place, claim.label, info.title, claim.value, confidence, claim.source, outcome, why,
        claim.evidence, claim.n_evidence, claim.claim, claim.observed_at,
    )  # fmt: skip


def _has_expired(claim, as_of) -> bool:
    if as_of is None or pd.isna(claim.expires_at):
        return False
    stamp = pd.Timestamp(as_of)
    stamp = stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp
    return pd.Timestamp(claim.expires_at) <= stamp


def _kept_text(source: str, rivals: pd.DataFrame, info) -> str:
    words = SOURCE_WORDS.get(source, source)
    disputed = bool(rivals["conflict"].any()) and info.kind != "many"
    return f"{words} decides; others disagree" if disputed else f"{words} decides"


def _lost_text(claim, winner) -> str:
    mine, theirs = (SOURCE_WORDS.get(source, source) for source in (claim.source, winner["source"]))
    if TIERS.get(claim.source, 0) < TIERS.get(winner["source"], 0):
        return f"{theirs} outranks {mine}: {winner['value']}"
    if not winner["is_said"]:  # estimated weights: nobody says it of the user, and it is likelier
        return f"where people know better, those it says this of are rather {winner['value']}"
    if claim.source == winner["source"]:
        return f"weaker than the evidence for {winner['value']}"
    return f"set aside for {theirs}: {winner['value']}"
