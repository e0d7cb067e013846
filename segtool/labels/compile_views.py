"""What is read in the end: measures, the ledger of claims, and the labels, as views.

The tables behind them are narrow and hold codes; texts are written when somebody reads them, so
that labelling half a million users does not pay for ten million sentences of evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segtool.labels.claims.rows import interval
from segtool.labels.definitions import Label
from segtool.labels.expressions import quote_name
from segtool.labels.measures import Measure
from segtool.labels.planned import PlannedClaim, needs_resolution
from segtool.labels.plans import Step

LEDGER = (
    "user_id", "label", "value", "source", "claim", "confidence", "n_evidence", "evidence",
    "observed_at", "expires_at",
)  # fmt: skip
RESOLVED = ("user_id", "label", "value", "confidence", "source", "n_claims", "conflict")
_TYPES = {
    "confidence": "DOUBLE", "n_evidence": "BIGINT", "n_claims": "BIGINT", "conflict": "BOOLEAN",
    "observed_at": "TIMESTAMP", "expires_at": "TIMESTAMP",
}  # fmt: skip


def plan_views(
    measures: Mapping[str, Measure], labels: Mapping[Label, list[PlannedClaim]], as_of: str
) -> list[Step]:
    """Return the views, in the order they rest on each other.

    Parameters
    ----------
    measures : Mapping
    labels : Mapping
        Label -> its claims.
    as_of : str
        SQL of the moment that behaviour was seen up to.

    Returns
    -------
    list of Step
    """
    claims = [claim for said in labels.values() for claim in said]
    return [_measures_view(measures), _ledger_view(claims, as_of), *_label_views(labels)]


def _measures_view(measures: Mapping[str, Measure]) -> Step:
    names = "".join(f", {quote_name(name)}" for name in measures)
    return Step("measures", f"SELECT user_id{names}\nFROM measures_wide", "the measures alone", keep="view")


def _ledger_view(claims: Sequence[PlannedClaim], as_of: str) -> Step:
    """Return the ledger as a view: its texts are written when somebody reads them."""
    parts = [_wide_ledger(claim, as_of) if claim.is_wide else _rows_ledger(claim) for claim in claims]
    sql = "\nUNION ALL\n".join(parts) or _empty(LEDGER)
    return Step("claims", sql, "the ledger: every claim with its evidence", keep="view")


def _wide_ledger(claim: PlannedClaim, as_of: str) -> str:
    context, plan = claim.context, claim.plan
    return (
        f"SELECT c.user_id, {context.text(context.label.name)} AS label, {claim.value_of_code('c')} AS value,\n"
        f"  '{context.source}' AS source, {context.text(context.claim_id)} AS claim,\n"
        f"  CAST(c.{claim.column('confidence')} AS DOUBLE) AS confidence, {plan.n_evidence} AS n_evidence,\n"
        f"  {plan.evidence} AS evidence,\n"
        f"  {as_of} AS observed_at, CAST({_expires(as_of, context.claim.expires_days)} AS TIMESTAMP) AS expires_at\n"
        f"FROM claims_wide AS c JOIN measures_wide AS m ON m.user_id = c.user_id\n"
        f"WHERE c.{claim.column('code')} IS NOT NULL"
    )


def _rows_ledger(claim: PlannedClaim) -> str:
    context = claim.context
    return (
        f"SELECT user_id, {context.text(context.label.name)} AS label, value,\n"
        f"  '{context.source}' AS source, {context.text(context.claim_id)} AS claim,\n"
        f"  CAST(confidence AS DOUBLE) AS confidence, CAST(n_evidence AS BIGINT) AS n_evidence,\n"
        f"  {claim.plan.evidence} AS evidence,\n"
        f"  CAST(observed_at AS TIMESTAMP) AS observed_at,\n"
        f"  CAST({_expires('observed_at', context.claim.expires_days)} AS TIMESTAMP) AS expires_at\n"
        f"FROM {quote_name(context.table)}"
    )


def _expires(moment: str, days: float | None) -> str:
    """Return SQL of the moment from which a statement drops out, to the second."""
    return f"{moment} + {interval(days)}" if days else "NULL"


def _empty(columns: Sequence[str]) -> str:
    picks = ", ".join(f"CAST(NULL AS {_TYPES.get(name, 'VARCHAR')}) AS {name}" for name in columns)
    return f"SELECT {picks}\nWHERE FALSE"


def _label_views(labels: Mapping[Label, list[PlannedClaim]]) -> list[Step]:
    """Return the resolved labels, wide and long."""
    single = {label: claims for label, claims in labels.items() if not label.many}
    many = [label for label in labels if label.many]
    many_sql = "\nUNION ALL\n".join(f"SELECT * FROM {quote_name(f'many__{label.name}')}" for label in many)
    parts = [_long(label, claims) for label, claims in single.items()]
    if many:
        parts.append(f"SELECT {', '.join(RESOLVED)} FROM label_many")
    long_sql = "\nUNION ALL\n".join(parts) or _empty(RESOLVED)
    return [
        Step("label_values", _wide_labels(single), "one row per user, single-valued labels", keep="view"),
        Step("label_many", many_sql or _empty(RESOLVED), "many-valued labels", keep="view"),
        Step("labels", long_sql, "the resolved labels", keep="view"),
    ]


def _long(label: Label, claims: list[PlannedClaim]) -> str:
    claim = claims[0]
    start = f"SELECT user_id, {claim.context.text(label.name)} AS label,"
    if not needs_resolution(claims) and not claim.is_wide:
        return (
            f"{start} value, CAST(confidence AS DOUBLE) AS confidence, '{claim.context.source}' AS source,\n"
            f"  CAST(1 AS BIGINT) AS n_claims, FALSE AS conflict\nFROM {quote_name(claim.context.table)}"
        )
    if not needs_resolution(claims):
        confidence = claim.column("confidence")
        return (
            f"{start} {claim.value_of_code()} AS value,\n"
            f"  CAST({confidence} AS DOUBLE) AS confidence, '{claim.context.source}' AS source,\n"
            f"  CAST(1 AS BIGINT) AS n_claims, FALSE AS conflict\n"
            f"FROM claims_wide WHERE {claim.column('code')} IS NOT NULL"
        )
    value = quote_name(label.name)
    confidence, source, n_claims, conflict = (
        quote_name(f"{label.name}__{part}") for part in ("confidence", "source", "n_claims", "conflict")
    )
    return (
        f"{start} {value} AS value, CAST({confidence} AS DOUBLE) AS confidence,\n"
        f"  {source} AS source, CAST({n_claims} AS BIGINT) AS n_claims, {conflict} AS conflict\n"
        f"FROM resolved WHERE {value} IS NOT NULL"
    )


def _wide_labels(labels: Mapping[Label, list[PlannedClaim]]) -> str:
    """Return the single-valued labels as one row per user: value and confidence of each."""
    picks, joins = ["c.user_id"], {}
    for label, claims in labels.items():
        name, claim = quote_name(label.name), claims[0]
        confidence = quote_name(f"{label.name}__confidence")
        if needs_resolution(claims):
            joins["resolved"] = "r"
            picks += [f"r.{name}", f"r.{confidence}"]
        elif claim.is_wide:
            sure = f"CASE WHEN c.{claim.column('code')} IS NOT NULL THEN c.{claim.column('confidence')} END"
            picks += [f"{claim.value_of_code('c')} AS {name}", f"{sure} AS {confidence}"]
        else:
            table = joins.setdefault(claim.context.table, f"t{len(joins) + 1}")
            picks += [f"{table}.value AS {name}", f"{table}.confidence AS {confidence}"]
    sql = "SELECT\n  " + ",\n  ".join(picks) + "\nFROM claims_wide AS c"
    for table, short in joins.items():
        sql += f"\nLEFT JOIN {quote_name(table)} AS {short} ON {short}.user_id = c.user_id"
    return sql
