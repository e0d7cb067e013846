"""Rows of one visit are not independent: how many independent rows a row is worth.

The events of one visit share channel, hour and weekday, and mostly a topic; thirty events of eight
visits prove as much as eight to fifteen, and a confidence that counts thirty is too sure (measured
on the simulated community: 0.97 stated, 0.83 right). Kish's design effect with the user's day as
cluster repairs it: one constant per measure and preference, estimated on a sample of users.

References
----------
Kish, "Survey Sampling" (1965), section 5.4: deff = 1 + (cluster size - 1) * intraclass correlation.
"""

from __future__ import annotations

from collections.abc import Iterable

from segtool.labels.expressions import quote_name

N_USERS = 2000
AGE = "age_days"
# A user weighs n / (n + 10) in the mean size of a visit: somebody seen once has no visits to size.
WEIGHT_ROWS = 10


def sample_name(table: str) -> str:
    """Return the step that holds the rows of the sampled users."""
    return f"{table}__sample"


def sample_sql(table: str, columns: Iterable[str]) -> str:
    """Return the rows of some users: the first by the hash of their id, the same every time."""
    picks = ", ".join(quote_name(name) for name in sorted({"user_id", AGE, *columns}))
    return (
        f"SELECT {picks}\nFROM {quote_name(table)}\n"
        f"WHERE user_id IN (SELECT user_id FROM user_index ORDER BY md5(user_id), user_id LIMIT {N_USERS})"
    )


def design_effect_sql(table: str, value: str, condition: str, column: str = "deff") -> str:
    """Return one row, the design effect of rows that are counted by a value.

    Parameters
    ----------
    table : str
    value : str
        SQL of what is counted: the property of a preference, the predicate of a share.
    condition : str
        SQL of which rows count.
    column : str
        SQL of the column's name.
    """
    sample = quote_name(sample_name(table))
    return _BY_VALUE.format(
        rows=WEIGHT_ROWS, sample=sample, value=value, condition=condition, age=AGE, column=column
    )


def burst_sql(table: str, amount: str, condition: str, column: str = "deff") -> str:
    """Return one row for a count (amount 1) or a sum: how far days are from single rows."""
    sample = quote_name(sample_name(table))
    return _BY_SIZE.format(sample=sample, amount=amount, condition=condition, age=AGE, column=column)


# p_day and p_user: the chance that two rows of one day, and of one user, have the same value. The
# size of a visit is averaged over users, not rows: a few with huge visits must not speak for all.
_BY_VALUE = """\
SELECT coalesce(
  1 + greatest(size - 1, 0) * least(greatest((p_day - p_user) / nullif(1 - p_user, 0), 0), 1), 1) AS {column}
FROM (
  SELECT sum(same_day) / nullif(sum(pairs), 0) AS p_day,
    sum(squares / (n + {rows})) / nullif(sum(n / (n + {rows})), 0) AS size
  FROM (
    SELECT user_id, sum(m) AS n, sum(m * m) AS squares, sum(m * m - m) AS pairs, sum(same - m) AS same_day
    FROM (
      SELECT user_id, day, CAST(sum(n) AS DOUBLE) AS m, CAST(sum(n * n) AS DOUBLE) AS same
      FROM (
        SELECT user_id, CAST(floor({age}) AS BIGINT) AS day, {value} AS value, count(*) AS n
        FROM {sample} WHERE {condition} GROUP BY user_id, CAST(floor({age}) AS BIGINT), {value}
      ) AS per_value GROUP BY user_id, day
    ) AS per_day GROUP BY user_id
  ) AS per_user
) AS of_days CROSS JOIN (
  SELECT sum(same - m) / nullif(sum(m * m - m), 0) AS p_user
  FROM (
    SELECT user_id, CAST(sum(n) AS DOUBLE) AS m, CAST(sum(n * n) AS DOUBLE) AS same
    FROM (
      SELECT user_id, {value} AS value, count(*) AS n FROM {sample} WHERE {condition} GROUP BY user_id, {value}
    ) AS per_value GROUP BY user_id
  ) AS per_user
) AS of_users"""

_BY_SIZE = """\
SELECT greatest(coalesce(sum(total * total) / nullif(sum(squares), 0), 1), 1) AS {column}
FROM (
  SELECT user_id, CAST(floor({age}) AS BIGINT) AS day,
    CAST(sum({amount}) AS DOUBLE) AS total, CAST(sum(({amount}) * ({amount})) AS DOUBLE) AS squares
  FROM {sample} WHERE {condition} GROUP BY user_id, CAST(floor({age}) AS BIGINT)
) AS per_day"""
