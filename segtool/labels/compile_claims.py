"""Claims to SQL: confidence from narrow steps, one wide row of claims, views for ledger and labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

from segtool.labels import visits
from segtool.labels.claims import Claim
from segtool.labels.claims.correction import known_step, ruled_out_step, rules_out_by_column, silence
from segtool.labels.claims.peers import peer_table
from segtool.labels.compile_measures import MeasurePlan
from segtool.labels.compile_views import plan_views
from segtool.labels.confidence import Beliefs
from segtool.labels.definitions import Label
from segtool.labels.expressions import quote_name
from segtool.labels.fusion import Fusion
from segtool.labels.inference.plan import plan_fits
from segtool.labels.measures import Measure
from segtool.labels.planned import PlannedClaim, needs_resolution
from segtool.labels.plans import TIERS, ClaimContext, ClaimInfo, Step
from segtool.labels.resolve import Layers, Vote, reduce_rows, resolve_label, resolve_many


def plan_claims(
    labels: Sequence[tuple[Label, Sequence[tuple[int, Claim]]]],
    infos: Mapping[tuple[str, int], ClaimInfo],
    measures: Mapping[str, Measure],
    schemas: Mapping[str, Mapping[str, str]],
    measure_plan: MeasurePlan,
    reliabilities: Mapping[str, float],
    as_of: datetime | None,
    fusion: Fusion | None = None,
) -> list[Step]:
    """Plan the steps from ``measures_wide`` to the ledger and the resolved labels.

    Parameters
    ----------
    labels : sequence of (Label, claims with their numbers)
        What is kept.
    infos : Mapping
        By (label, number of the claim).
    measures, schemas, measure_plan, reliabilities, as_of
        As in `compile_labels`.

    Returns
    -------
    list of Step
    """
    fusion = fusion or Fusion()
    beliefs = Beliefs(measure_plan.noises, measure_plan.extras, schemas=schemas)
    as_of_sql = timestamp_sql(as_of)
    as_of_date = None if as_of is None else as_of.date()
    peers = {claim.peers() for _, claims in labels for _, claim in claims} & {label.name for label, _ in labels}
    planned: dict[Label, list[PlannedClaim]] = {}
    for label, claims in labels:
        for number, claim in claims:
            info = infos[label.name, number]
            context = ClaimContext(
                label, claim, number, info.source, measures, schemas, beliefs,
                fusion.declare(label.name, number, reliabilities), as_of_sql,
                as_of_date, frozenset(peers),
            )  # fmt: skip
            made = PlannedClaim(label, context, info.family, claim.plan(context))
            planned.setdefault(label, []).append(made)
    all_claims = [claim for said in planned.values() for claim in said]
    return [
        *_visit_steps(beliefs),
        *_belief_steps(beliefs),
        _claims_wide(all_claims, bool(beliefs.used or beliefs.cuts), bool(beliefs.scores)),
        *_row_steps(all_claims, among_peers=False),
        *plan_fits(planned, measures, schemas),
        *_peer_steps(planned, peers),
        *_row_steps(all_claims, among_peers=True),
        *_resolution_steps(planned, fusion),
        *plan_views(measures, planned, as_of_sql),
    ]


def _row_steps(claims: Sequence[PlannedClaim], *, among_peers: bool) -> list[Step]:
    """Return the steps of claims with rows of their own; those among peers come after their peers' label."""
    return [
        step
        for claim in claims
        if not claim.is_wide and (claim.context.claim.peers() is not None) == among_peers
        for step in [*_known_steps(claim, claims), *claim.plan.steps]
    ]


def _known_steps(claim: PlannedClaim, claims: Sequence[PlannedClaim]) -> list[Step]:
    """Return the step of what an open label's other claims say, which its corrections may say too.

    Claims that are fitted, or made among peers, come later; they say what these taught them.
    """
    if claim.context.claim.kind != "correction" or claim.label.values:
        return []
    parts = [
        f"SELECT {other.value_of_code()} AS value FROM claims_wide"
        if other.is_wide
        else f"SELECT value FROM {quote_name(other.context.table)}"
        for other in claims
        if other.label is claim.label
        and other is not claim
        and other.context.source != "inferred"
        and other.context.claim.peers() is None
    ]
    said = "\nUNION ALL\n".join(parts) or "SELECT CAST(NULL AS VARCHAR) AS value"
    sql = f"SELECT min(value) AS value FROM (\n{said}\n) AS said\nWHERE value IS NOT NULL GROUP BY lower(value)"
    return [Step(known_step(claim.label), sql, f"values of {claim.label.name}")]


def _peer_steps(planned: Mapping[Label, list[PlannedClaim]], peers: Collection[str]) -> list[Step]:
    """Return one step per label that makes peer groups: its value, before all labels are resolved."""
    steps = []
    for label, claims in planned.items():
        if label.name not in peers:
            continue
        table, first = peer_table(label.name), claims[0]
        if needs_resolution(claims):
            steps += _resolution_steps({label: claims}, Fusion(), f"{table}__")
            value, confidence = quote_name(label.name), quote_name(f"{label.name}__confidence")
            sql = f"SELECT user_id, {value} AS value, {confidence} AS confidence\nFROM {steps[-1].name}"
        elif first.is_wide:
            confidence = first.column("confidence")
            sql = f"SELECT user_id, {first.value_of_code()} AS value, {confidence} AS confidence\nFROM claims_wide"
        else:
            sql = f"SELECT user_id, value, confidence\nFROM {quote_name(first.context.table)}"
        steps.append(Step(table, sql, f"{label.name}, by which users are peers"))
    return steps


def timestamp_sql(moment: datetime | None) -> str:
    """Return a moment as a UTC timestamp literal.

    Examples
    --------
    >>> timestamp_sql(datetime(2026, 7, 1))
    "CAST('2026-07-01 00:00:00' AS TIMESTAMP)"
    """
    if moment is None:
        return "CAST(NULL AS TIMESTAMP)"
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return f"CAST('{moment:%Y-%m-%d %H:%M:%S}' AS TIMESTAMP)"


def _visit_steps(beliefs: Beliefs) -> list[Step]:
    """Return the sampled rows, and the design effects that are estimated on them."""
    samples = [
        Step(visits.sample_name(table), visits.sample_sql(table, columns), "rows of some users", keep="table")
        for table, columns in sorted(beliefs.sampled.items())
    ]
    effects = [
        Step(name, sql, "how many rows of a visit are worth one", keep="table")
        for name, sql in beliefs.visits.items()
    ]
    return [*samples, *effects]


def _belief_steps(beliefs: Beliefs) -> list[Step]:
    """Return the one-row steps of the population and the per-user posteriors."""
    steps = [
        Step(name, sql, "quantile cut points, narrow", keep="table") for name, sql in beliefs.cuts.items()
    ]
    parts = beliefs.population()
    for number, (moments, visits_used) in enumerate(parts, start=1):
        picks = ",\n  ".join(f"{sql} AS {name}" for name, sql in moments.items())
        tables = " CROSS JOIN ".join(["measures_wide", *map(quote_name, visits_used)])
        steps.append(Step(f"population{number}", f"SELECT\n  {picks}\nFROM {tables}", "moments of everyone"))
    if not steps:
        return []
    if parts:
        table = " CROSS JOIN ".join(f"population{number}" for number in range(1, len(parts) + 1))
        steps.append(
            _add_columns("priors", beliefs.priors(), table, "what is likely beforehand", keep="table")
        )
    steps += [Step(name, sql, "true levels of those judged") for name, sql in beliefs.levels.items()]
    tables = " CROSS JOIN ".join(
        map(quote_name, [*(["priors"] if parts else []), *beliefs.cuts, *beliefs.levels])
    )
    steps.append(
        _add_columns("parameters", beliefs.latent, tables, "one row that all users share", keep="table")
    )
    if not beliefs.scores:
        return steps
    steps.append(
        _add_columns(
            "posteriors",
            beliefs.posteriors(),
            "measures_wide CROSS JOIN parameters",
            "each user's true level",
        )
    )
    steps.append(_add_columns("scores", beliefs.score_columns(), "posteriors", "how far each cut is from it"))
    return steps


def _add_columns(name: str, columns: Mapping[str, str], table: str, why: str, keep: str = "no") -> Step:
    picks = "".join(f",\n  {sql} AS {column}" for column, sql in columns.items())
    return Step(name, f"SELECT\n  *{picks}\nFROM {table}", why, keep)


def _claims_wide(claims: Sequence[PlannedClaim], has_parameters: bool, has_scores: bool) -> Step:
    table = "measures_wide"
    if has_scores:
        table = "scores"
    elif has_parameters:
        table = "measures_wide CROSS JOIN parameters"
    picks = "".join(
        f",\n  CAST({claim.plan.code} AS TINYINT) AS {claim.column('code')},"
        f"\n  {claim.plan.confidence} AS {claim.column('confidence')}"
        for claim in claims
        if claim.is_wide
    )
    sql = f"SELECT\n  user_id{picks}\nFROM {table}"
    return Step("claims_wide", sql, "claims over measures", keep="table")


def _resolution_steps(
    labels: Mapping[Label, list[PlannedClaim]], fusion: Fusion, prefix: str = ""
) -> list[Step]:
    layers, steps = Layers(), []
    picks, joins = ["c.user_id"], []
    for label, claims in labels.items():
        if label.many or not needs_resolution(claims):
            continue
        votes = []
        ruled_out = _join_ruled_out(claims, joins, picks)
        for claim in claims:
            if claim.is_wide:
                picks.append(f"{ruled_out(claim.value_of_code('c'))} AS {claim.column('value')}")
                picks.append(f"c.{claim.column('confidence')}")
            else:
                steps.append(_vote_step(claim, prefix))
                joins.append(steps[-1].name)
                value = f"v{len(joins)}.value"
                is_last_word = claim.context.claim.kind == "correction"
                picks.append(f"{value if is_last_word else ruled_out(value)} AS {claim.column('value')}")
                parts = ("confidence", "n", "is_split")
                picks += [f"v{len(joins)}.{part} AS {claim.column(part)}" for part in parts]
            votes.append(_vote(claim))
        resolve_label(
            label.name, claims[0].context.n_values, votes, layers, fusion.tiers(label.name),
            has_ruled_out=_rules_out(claims),
        )  # fmt: skip
    if layers.resolved:
        steps += _layer_steps(layers, picks, joins, prefix)
    return steps + [_many_step(label, claims) for label, claims in labels.items() if label.many]


def _join_ruled_out(claims: Sequence[PlannedClaim], joins: list[str], picks: list[str]) -> Callable[[str], str]:
    """Join what users are not, where somebody corrected it; return what silences a value so ruled out."""
    if not _rules_out(claims):
        return lambda value: value
    last = claims[-1].context
    joins.append(ruled_out_step(last))
    table = f"v{len(joins)}"
    picks += [
        f"{table}.no{number} AS {quote_name(f'{last.label.name}__no{number}')}"
        for number in range(1, len(last.label.values) + 1)
    ]
    return lambda value: silence(value, table, last)


def _rules_out(claims: Sequence[PlannedClaim]) -> bool:
    last = claims[-1].context
    return last.claim.kind == "correction" and rules_out_by_column(last)


def _vote(claim: PlannedClaim) -> Vote:
    value, confidence, n, is_split = map(claim.column, ("value", "confidence", "n", "is_split"))
    source, number = claim.context.source, claim.context.number
    if claim.is_wide:
        return Vote(value, confidence, source, claim.family, number=number)
    is_correction = claim.context.claim.kind == "correction"
    return Vote(value, confidence, source, claim.family, n, is_split, number, is_correction)


def _vote_step(claim: PlannedClaim, prefix: str) -> Step:
    context = claim.context
    return reduce_rows(
        f"{prefix}vote__{context.prefix}",
        context.table,
        context.n_values,
        context.claim.expires_days,
        claim.plan.one_per_user,
    )


def _layer_steps(layers: Layers, picks: Sequence[str], joins: Sequence[str], prefix: str) -> list[Step]:
    sql = "SELECT\n  " + ",\n  ".join(picks) + "\nFROM claims_wide AS c"
    for number, name in enumerate(joins, start=1):
        sql += f"\nLEFT JOIN {quote_name(name)} AS v{number} ON v{number}.user_id = c.user_id"
    # A view that stays: what fusion learns from, and what the conflict board shows.
    steps = [Step(f"{prefix}votes", sql, "all claims side by side", keep="no" if prefix else "view")]
    for name, columns in (("vote_weights", layers.weights), ("vote_scores", layers.scores)):
        if columns:
            steps.append(
                _add_columns(f"{prefix}{name}", columns, steps[-1].name, "log-odds, one family one weight")
            )
    resolved = "".join(f",\n  {sql} AS {column}" for column, sql in layers.resolved.items())
    sql = f"SELECT\n  user_id{resolved}\nFROM {steps[-1].name}"
    return [*steps, Step(f"{prefix}resolved", sql, "one value where several claims speak", keep="table")]


def _many_step(label: Label, claims: Sequence[PlannedClaim]) -> Step:
    """Return the step of a many-valued label; a single claim needs no resolution, and no copy."""
    name, parts = f"many__{label.name}", [_many_part(claim) for claim in claims]
    is_plain = len(claims) == 1 and (claims[0].is_wide or claims[0].plan.says_once)
    if is_plain:
        text = claims[0].context.text(label.name)
        sql = (
            f"SELECT user_id, {text} AS label, value, confidence, source,\n"
            f"  CAST(1 AS BIGINT) AS n_claims, FALSE AS conflict\nFROM (\n  {parts[0]}\n) AS said"
        )
        return Step(name, sql, f"values of {label.name}", keep="view")
    sql = resolve_many(label.name, parts)
    last = claims[-1].context
    if last.claim.kind == "correction":
        sql = (
            f"SELECT s.* FROM (\n{sql}\n) AS s LEFT JOIN {quote_name(ruled_out_step(last))} AS r\n"
            f"  ON r.user_id = s.user_id AND lower(r.value) = lower(s.value)\nWHERE r.user_id IS NULL"
        )
    return Step(name, sql, f"values of {label.name}", keep="table")


def _many_part(claim: PlannedClaim) -> str:
    context = claim.context
    marks = f"'{context.source}' AS source, {TIERS[context.source]} AS tier, {context.text(claim.family)} AS family"
    if claim.is_wide:
        return (
            f"SELECT user_id, {claim.value_of_code()} AS value, {claim.column('confidence')} AS confidence, "
            f"{marks} FROM claims_wide WHERE {claim.column('code')} IS NOT NULL"
        )
    days = context.claim.expires_days
    fresh = f" WHERE observed_age IS NULL OR observed_age <= {float(days)}" if days else ""
    return f"SELECT user_id, value, confidence, {marks} FROM {quote_name(context.table)}{fresh}"
