"""The steps of fitted claims: who is learned from, what is looked at, and the mark where Python fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segtool.errors import DefinitionError
from segtool.labels.definitions import Label
from segtool.labels.expressions import quote_name
from segtool.labels.inference.features import (
    FEATURES,
    base_measures,
    choose_measures,
    choose_profile,
    choose_shares,
    features_sql,
    profile_column,
    share_column,
)
from segtool.labels.inference.tasks import FitTask, FittedPlan
from segtool.labels.measures import Measure
from segtool.labels.planned import PlannedClaim
from segtool.labels.plans import TIERS, Step

Planned = Mapping[Label, Sequence[PlannedClaim]]
Schemas = Mapping[str, Mapping[str, str]]


def plan_fits(labels: Planned, measures: Mapping[str, Measure], schemas: Schemas) -> list[Step]:
    """Return the steps of all fitted claims; none when there are none.

    Parameters
    ----------
    labels : Mapping
        Label -> its planned claims.
    measures : Mapping
        Those that are computed.
    schemas : Mapping
        Table -> column -> kind.

    Returns
    -------
    list of Step
        A view of examples per claim, one view of features, and the step Python takes: it fills
        the table of each claim before anything is resolved.
    """
    fitted = [claim for said in labels.values() for claim in said if isinstance(claim.plan, FittedPlan)]
    if not fitted:
        return []
    steps, tasks = [], []
    used_measures: dict[str, None] = {}
    used_profile: dict[str, None] = {}
    for claim in fitted:
        said = f"said__{claim.context.prefix}"
        steps.append(
            Step(
                said, _said_sql(claim, labels, schemas), f"examples of {claim.context.claim_id}", keep="view"
            )
        )
        names, profile, shares = _features(claim, labels, measures, schemas)
        used_measures |= dict.fromkeys(names)
        used_profile |= dict.fromkeys(profile)
        tasks.append(_task(claim, said, (*names, *map(profile_column, profile), *map(share_column, shares))))
    sql = features_sql(list(used_measures), list(used_profile), schemas.get("users", {}))
    steps.append(Step(FEATURES, sql, "what fitted claims may look at", keep="view"))
    steps.append(Step("fitted", "", "rows that models write", keep="fitted", tasks=tuple(tasks)))
    return [*steps, *(_table_step(claim) for claim in fitted)]


def _task(claim: PlannedClaim, said: str, features: tuple[str, ...]) -> FitTask:
    plan, label = claim.plan, claim.label
    words = {"survey": "answers", "person": "notes"}
    answers = " and ".join(words[teacher] for teacher in plan.teachers) or "seeds"
    return FitTask(
        claim.context.claim_id, label.name, _filled(claim), said, features, label.values, label.many,
        plan.goal, answers,
    )  # fmt: skip


def _filled(claim: PlannedClaim) -> str:
    """Return the name of the table that Python fills."""
    return f"fitted__{claim.context.prefix}"


def _table_step(claim: PlannedClaim) -> Step:
    """Return the claim's rows as later steps read them, stamped with the moment behaviour was seen up to."""
    context = claim.context
    sql = f"SELECT *, {context.as_of_sql} AS observed_at\nFROM {quote_name(_filled(claim))}"
    return Step(context.table, sql, f"claims of {context.claim_id}", keep="view")


# --- who is learned from -----------------------------------------------------------------------


def _said_sql(claim: PlannedClaim, labels: Planned, schemas: Schemas) -> str:
    plan = claim.plan
    if plan.seed_list:
        name = claim.context.text(plan.seed_list.strip().lower())
        return (
            "SELECT DISTINCT user_id, 'seed' AS value, 1 AS teaches, CAST(1 AS DOUBLE) AS weight\n"
            f'FROM lists\nWHERE lower(trim("list")) = {name}'
        )
    if plan.seed_label:
        return _seeds_sql(plan, labels)
    teachers = [each for each in labels[claim.label] if _teaches(each, plan)]
    parts = [*map(_teacher_sql, teachers), *filter(None, map(_answered_otherwise_sql, teachers))]
    rows = "\n    UNION ALL ".join(parts) or _NOBODY
    return _one_each(rows, claim.label.many, _weights(teachers, schemas))


_NOBODY = (
    "SELECT user_id, CAST(NULL AS VARCHAR) AS value, 0.5 AS confidence, CAST(NULL AS DOUBLE) AS observed_age, "
    "0 AS tier, 0 AS teaches FROM user_index WHERE FALSE"
)


def _teaches(claim: PlannedClaim, plan: FittedPlan) -> bool:
    """Whether a claim is a teacher; those among peers are written later."""
    return claim.context.source in plan.teachers and claim.context.claim.peers() is None


def _teacher_sql(teacher: PlannedClaim) -> str:
    """Return what one claim says; what has expired does not teach, and is still an answer."""
    context = teacher.context
    if teacher.is_wide:
        return (
            f"SELECT user_id, {teacher.value_of_code()} AS value, {teacher.column('confidence')} AS confidence, "
            f"CAST(NULL AS DOUBLE) AS observed_age, {TIERS[context.source]} AS tier, 1 AS teaches "
            f"FROM claims_wide WHERE {teacher.column('code')} IS NOT NULL"
        )
    days = context.claim.expires_days
    teaches = f"CASE WHEN observed_age > {float(days)} THEN 0 ELSE 1 END" if days else "1"
    return (
        f"SELECT user_id, value, confidence, observed_age, {TIERS[context.source]} AS tier, {teaches} AS teaches "
        f"FROM {quote_name(context.table)}"
    )


def _answered_otherwise_sql(teacher: PlannedClaim) -> str | None:
    """Return who answered, whatever the answer.

    Whoever said "I would rather not say" is no example, and is not one who did not answer either: of
    them nothing may be inferred. Where an answer is a value of the label, that row comes first.
    """
    context = teacher.context
    if context.claim.kind != "answer":
        return None
    question = context.table_sql(context.claim)["question"]
    return (
        "SELECT user_id, CAST(NULL AS VARCHAR) AS value, 0.5 AS confidence, CAST(NULL AS DOUBLE) AS observed_age, "
        f"0 AS tier, 0 AS teaches FROM {quote_name(context.claim.table())} WHERE {question} IS NOT NULL"
    )


def _one_each(rows: str, is_many: bool, weights: str | None) -> str:
    """Return one row per user, or per user and value: people outrank surveys, as they do in resolution."""
    per = "user_id, value" if is_many else "user_id"
    weight, join = "CAST(1 AS DOUBLE)", ""
    if weights:
        weight = "CAST(coalesce(w.weight, 1) AS DOUBLE)"
        join = f"\nLEFT JOIN ({weights}) AS w ON w.user_id = s.user_id"
    return (
        f"SELECT s.user_id, s.value, s.teaches, {weight} AS weight\nFROM (\n"
        f"  SELECT *, row_number() OVER (PARTITION BY {per} ORDER BY teaches DESC, tier DESC, confidence DESC,\n"
        f"    observed_age ASC NULLS LAST, value) AS place\n  FROM (\n    {rows}\n  ) AS said\n"
        f") AS s{join}\nWHERE s.place = 1"
    )


def _weights(teachers: Sequence[PlannedClaim], schemas: Schemas) -> str | None:
    """Return the survey weight of each respondent, where the survey has one."""
    tables = {each.context.claim.table() or "survey" for each in teachers if each.context.source == "survey"}
    tables = {table for table in tables if schemas.get(table, {}).get("weight") == "number"}
    if not tables:
        return None
    return " UNION ALL ".join(
        f"SELECT user_id, avg(weight) AS weight FROM {quote_name(table)} WHERE weight > 0 GROUP BY user_id"
        for table in sorted(tables)[:1]
    )


def _seeds_sql(plan: FittedPlan, labels: Planned) -> str:
    """Return the users of whom some other claim says the value, and that it is likelier than not."""
    claims = next(said for label, said in labels.items() if label.name == plan.seed_label)
    parts = []
    for claim in claims:
        value = claim.context.text(plan.seed_value)
        if isinstance(claim.plan, FittedPlan) or claim.context.claim.peers() is not None:
            continue  # written at the same time, or later
        if claim.is_wide:
            where = f"{claim.value_of_code()} = {value} AND {claim.column('confidence')} >= 0.5"
            parts.append(f"SELECT user_id FROM claims_wide WHERE {where}")
        else:
            table = quote_name(claim.context.table)
            parts.append(f"SELECT user_id FROM {table} WHERE value = {value} AND confidence >= 0.5")
    rows = "\n  UNION ALL ".join(parts) or "SELECT user_id FROM user_index WHERE FALSE"
    return (
        "SELECT DISTINCT user_id, 'seed' AS value, 1 AS teaches, CAST(1 AS DOUBLE) AS weight\n"
        f"FROM (\n  {rows}\n) AS seeds"
    )


# --- what is looked at -------------------------------------------------------------------------


def _features(
    claim: PlannedClaim, labels: Planned, measures: Mapping[str, Measure], schemas: Schemas
) -> tuple[list[str], list[str], list[str]]:
    """Return the measures, profile columns and columns of events that do not rest on what is predicted."""
    plan = claim.plan
    deciding: Sequence[PlannedClaim] = labels[claim.label]
    copies: list[str] = []
    if plan.seed_label:
        deciding = next(said for label, said in labels.items() if label.name == plan.seed_label)
        copies = [name for each in deciding for name in each.context.claim.measures()]
    tables = {each.context.claim.table() for each in deciding if each.context.source in plan.teachers}
    shut = {column for each in deciding for column in columns_read(each, measures)}
    _check_profile(plan, shut, claim.context.claim_id)
    private = _private_columns(claim, labels, measures)
    decided = shut if plan.seed_label else set()
    chosen = choose_measures(
        measures,
        tables={table for table in tables if table},
        copies_of=copies,
        shut_columns=decided if plan.only_measures is not None else decided | private,
    )
    if plan.only_measures is not None:
        chosen = _named(plan, chosen, claim.context.claim_id)
    # What people look at may tell their answers; what decides a seed's label may not tell the seeds.
    shares = choose_shares(schemas, plan.shares, decided)
    return chosen, choose_profile(schemas, shut | private) if plan.use_profile else [], shares


def _private_columns(claim: PlannedClaim, labels: Planned, measures: Mapping[str, Measure]) -> set[str]:
    """Return the "users.column" that labels marked sensitive read, lower case, but those named as features.

    A model must not bring back what such a label keeps inside under the name of another one.
    """
    if claim.label.sensitive:
        return set()
    named = {f"users.{name}".lower() for name in claim.plan.named_profile}
    telling = [each for label, said in labels.items() if label.sensitive for each in said]
    read = {column.lower() for each in telling for column in columns_read(each, measures)}
    return {column for column in read if column.startswith("users.")} - named


def columns_read(claim: PlannedClaim, measures: Mapping[str, Measure]) -> set[str]:
    """Return "table.column" of what a claim and its measures read."""
    said = claim.context.claim
    columns = set(said.columns_read(claim.context.schemas))
    for name in said.measures() if not isinstance(claim.plan, FittedPlan) else ():
        columns |= {f"{m.table}.{column}" for m in base_measures(name, measures) for column in m.columns()}
    return columns


def _check_profile(plan: FittedPlan, shut: set[str], claim_id: str) -> None:
    for name in plan.named_profile:
        if f"users.{name}".lower() in {column.lower() for column in shut}:
            raise DefinitionError(
                f"{claim_id}: the feature 'users.{name}' rests on what is predicted.",
                "columns of users that no other claim of the label reads.",
                "A model that reads the answer proves nothing; leave the column out.",
            )


def _named(plan: FittedPlan, chosen: Sequence[str], claim_id: str) -> list[str]:
    by_lower = {name.lower(): name for name in chosen}
    for name in plan.only_measures:
        if name.lower() not in by_lower:
            raise DefinitionError(
                f"{claim_id}: the measure {name!r} rests on what is predicted.",
                f"measures that do not: {', '.join(list(chosen)[:12]) or 'there are none'}.",
                "A model that reads the answer proves nothing; leave the measure out.",
            )
    return [by_lower[name.lower()] for name in plan.only_measures]
