"""What each assigned user did after the start, and before it, from a study's tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from segtool.checks import check_columns, check_in, check_number
from segtool.engines import literal
from segtool.errors import InputError, ParameterError
from segtool.sources.times import as_of_literal, parse_as_of

# Refusing is no activity one wants more of, and a refund takes back an earlier one.
REFUSING = ("hide", "mute", "complain", "unsubscribe", "refund")


@dataclass(frozen=True)
class Metric:
    """One number per user and window.

    Parameters
    ----------
    name : str
        The column it becomes.
    kind : {"any", "number", "amount", "days", "answers"}
        Whether it happened at all, how often, for how much, on how many days; answered sends.
    events : tuple of str
        Events that count; () means all but refusals and refunds.
    per : {None, "event", "send"}
        Makes a ratio: per event that counts, or per send received.

    Examples
    --------
    >>> Metric("orders_with_review", "number", ("review",), per="event").table
    'events'
    """

    name: str
    kind: str
    events: tuple[str, ...] = ()
    per: str | None = None

    def __post_init__(self):
        check_in("kind", self.kind, SUMS)
        check_in("per", self.per, (None, "event", "send"))
        if (self.kind == "answers") != (self.per == "send"):
            raise ParameterError(f"{self.kind} per {self.per} is no metric.", "answers per send, or events.")

    @property
    def table(self) -> str:
        """The table it is read from."""
        return "sends" if self.kind == "answers" else "events"


SUMS = MappingProxyType(
    {
        "any": "CAST(count(*) > 0 AS INTEGER)",
        "number": "count(*)",
        "amount": "round(coalesce(sum(amount), 0), 6)",
        "days": "count(DISTINCT local_date)",
        "answers": "count(CASE WHEN responded THEN 1 END)",
    }
)
METRICS = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("purchased", "any", ("purchase",)),
            Metric("purchases", "number", ("purchase",)),
            Metric("spend", "amount", ("purchase",)),
            Metric("active", "any"),
            Metric("active_days", "days"),
            Metric("amount_per_purchase", "amount", ("purchase",), per="event"),
            Metric("answers_per_send", "answers", per="send"),
        )
    }
)


def read_outcomes(
    sources,
    arms: pd.Series | pd.DataFrame | None,
    *,
    metric: str | Metric | Sequence[str | Metric] = "purchased",
    start,
    end=None,
    before_days: float | None = None,
    personas=None,
) -> pd.DataFrame:
    """Read what users did from the start of a campaign to its end, and as long before it.

    Parameters
    ----------
    sources : Sources
    arms : Series of str by user_id, DataFrame with user_id and arm, or None
        As from `assign_arms`. None takes all users of the study, for `design_test`.
    metric : str, Metric or a sequence
        Names of `METRICS`, or own ones; the primary one first.
    start, end : str, date, datetime or Timestamp
        The window, end excluded; the study's ``as_of`` where no end is given.
    before_days : float, optional
        Length of the window before the start, for covariates; as long as the campaign by default.
    personas : Personas or DataFrame, optional
        Adds persona_id and persona. They must be those from before the start.

    Returns
    -------
    DataFrame, shape (n_users, n_columns)
        user_id, arm (if given), each metric, ``<metric>_per`` (of ratios), ``<metric>_before`` and
        ``<metric>_before_per``, ``sent`` (sends received within the window), ``opted_out`` (before the
        start), persona_id and persona. Users of the study who did nothing have 0; users whom the study
        does not know have missing values. ``attrs["notes"]`` says how many.

    Raises
    ------
    InputError
        If a table or column is missing, or the window is not over or begins before the log.
    ParameterError
        If a metric is not known, or the end is not after the start.

    Examples
    --------
    >>> from segtool.sources import Sources
    >>> events = pd.DataFrame({"user_id": ["a", "b", "b"], "event": ["view", "purchase", "view"],
    ...     "event_time": ["2026-05-01", "2026-06-12", "2026-06-13"], "amount": [None, 30, None]})
    >>> arms = pd.Series({"a": "control", "b": "spring", "c": "spring"}, name="arm")
    >>> sources = Sources.read({"events": events}, as_of="2026-07-01")
    >>> read_outcomes(sources, arms, metric="spend", start="2026-06-10", end="2026-06-20")[["user_id", "spend"]]
      user_id  spend
    0       a    0.0
    1       b   30.0
    2       c    NaN
    """
    metrics = _read_metrics(metric)
    first, last = parse_as_of(start, sources.timezone), sources.as_of
    last = last if end is None else parse_as_of(end, sources.timezone)
    _check_window(sources, first, last)
    length = last - first if before_days is None else pd.Timedelta(days=_days(before_days))
    table, notes = _roster(sources, arms)
    known = table.pop("known").to_numpy(dtype=bool)
    for each in metrics:
        log_start = _check_table(sources, each, first)
        _add(table, known, sources, each, "", first, last)
        if first - length >= log_start:
            _add(table, known, sources, each, "_before", first - length, first)
        else:
            notes.append(
                f"{each.name}: the log does not reach back {length.days} days before the start: no covariate."
            )
    if "sends" in sources.tables:
        _add_sends(table, known, sources, first, last)
    if personas is not None:
        table = _add_personas(table, personas)
    table.attrs["notes"] = notes
    return table


def read_past(sources, *, metric="purchased", days: float, end=None, personas=None) -> pd.DataFrame:
    """Read the last window of the length of a planned campaign, for `design_test`.

    Parameters
    ----------
    sources : Sources
    metric : str, Metric or a sequence
    days : float
        Length of the campaign.
    end : time, optional
        End of the window; the study's ``as_of`` by default.
    personas : Personas or DataFrame, optional

    Returns
    -------
    DataFrame
        As from `read_outcomes`, without arms.
    """
    last = sources.as_of if end is None else parse_as_of(end, sources.timezone)
    start = last - pd.Timedelta(days=_days(days))
    return read_outcomes(sources, None, metric=metric, start=start, end=last, personas=personas)


def _days(days: float) -> float:
    return check_number("days", days, low=0, high=3650, low_open=True)


def _read_metrics(given) -> list[Metric]:
    given = [given] if isinstance(given, (str, Metric)) else list(given)
    for name in given:
        if not isinstance(name, Metric):
            check_in("metric", name, METRICS)
    metrics = [one if isinstance(one, Metric) else METRICS[one] for one in given]
    if not metrics or len({one.name for one in metrics}) < len(metrics):
        raise ParameterError("No metric, or one twice.", "one or several names, the primary one first.")
    return metrics


def _check_window(sources, first: pd.Timestamp, last: pd.Timestamp) -> None:
    if last <= first:
        raise ParameterError("The end is not after the start.", "an end later than the start.")
    if last > sources.as_of:
        raise InputError(
            "The window ends after as_of, and nothing later was read.", "a window that is over.",
            "Wait for its end, or move as_of: unread days would count as days on which nobody did anything.",
        )  # fmt: skip


def _check_table(sources, metric: Metric, first: pd.Timestamp) -> pd.Timestamp:
    """Return when the log begins; refuse a window that begins before it, where doing nothing is not known."""
    if metric.table not in sources.tables:
        raise InputError(f"{metric.name} needs the table {metric.table}.", "a study that has it.")
    time = "sent_at" if metric.table == "sends" else "event_time"
    columns = sources.engine.columns(metric.table)
    needed = {"amount": ["amount"], "answers": ["responded"]}.get(metric.kind, [])
    check_columns(columns, [time, *needed], metric.table)
    begin = sources.engine.query(f"SELECT min({time}) AS t FROM {metric.table}")["t"].iloc[0]
    if pd.isna(begin):
        raise InputError(f"The table {metric.table} is empty.", "one with rows.")
    begin = pd.Timestamp(begin)
    begin = begin.tz_localize("UTC") if begin.tzinfo is None else begin.tz_convert("UTC")
    # Sends begin when a campaign does; events are a log that was running or was not.
    if metric.table == "events" and first < begin.floor("D"):
        raise InputError(
            f"The window of {metric.name} begins before the log does ({begin:%Y-%m-%d}).",
            "a window the log covers.",
        )
    return begin.floor("D")


def _roster(sources, arms) -> tuple[pd.DataFrame, list[str]]:
    everyone = sources.engine.query("SELECT user_id FROM user_index ORDER BY user_id")
    everyone["user_id"] = everyone["user_id"].astype("str")
    if arms is None:
        return everyone.assign(known=True), []
    if isinstance(arms, pd.Series):
        arms = pd.DataFrame({"user_id": arms.index, "arm": arms.to_numpy()})
    check_columns(arms.columns, ["user_id", "arm"], "arms")
    table = arms[["user_id", "arm"]].reset_index(drop=True)
    table["user_id"] = table["user_id"].astype("str")
    table["known"] = table["user_id"].isin(set(everyone["user_id"]))
    n_strange = int((~table["known"]).sum())
    notes = []
    if n_strange:
        notes.append(
            f"{n_strange:,} of {len(table):,} assigned users are not known to the study: what they did is not "
            "known, and not taken for nothing."
        )
    n_new = int((~everyone["user_id"].isin(set(table["user_id"]))).sum())
    if n_new:
        notes.append(f"{n_new:,} users of the study were not assigned; they are not part of the test.")
    return table, notes


def _add(table, known, sources, metric: Metric, suffix: str, first, last) -> None:
    """Add a metric's columns for one window; who is known and did nothing has 0."""
    time = "sent_at" if metric.table == "sends" else "event_time"
    per = "" if metric.per is None else ", CAST(count(*) AS DOUBLE) AS per"
    where = f"{time} >= {as_of_literal(first)} AND {time} < {as_of_literal(last)}"
    if metric.table == "events":
        names = metric.events or REFUSING
        words = ", ".join(literal(name) for name in names)
        where += f" AND event {'IN' if metric.events else 'NOT IN'} ({words})"
    sums = sources.engine.query(f"""
        SELECT user_id, CAST({SUMS[metric.kind]} AS DOUBLE) AS value{per}
        FROM {metric.table} WHERE {where} GROUP BY user_id ORDER BY user_id
    """).set_index("user_id")
    for column, name in (("value", metric.name + suffix), ("per", f"{metric.name}{suffix}_per")):
        if column in sums:
            table[name] = table["user_id"].map(sums[column]).fillna(0.0).where(known).astype(float)


def _add_sends(table, known, sources, first, last) -> None:
    columns = sources.engine.columns("sends")
    start = as_of_literal(first)
    left = "FALSE"
    if "unsubscribed_at" in columns:
        left = f"unsubscribed AND coalesce(unsubscribed_at, sent_at) < {start}"
    elif "unsubscribed" in columns:
        left = f"unsubscribed AND sent_at < {start}"
    sums = sources.engine.query(f"""
        SELECT user_id, count(CASE WHEN sent_at >= {start} AND sent_at < {as_of_literal(last)} THEN 1 END) AS sent,
               count(CASE WHEN {left} THEN 1 END) AS opted_out
        FROM sends GROUP BY user_id ORDER BY user_id
    """).set_index("user_id")
    table["sent"] = table["user_id"].map(sums["sent"]).fillna(0.0).where(known)
    table["opted_out"] = table["user_id"].map(sums["opted_out"]).fillna(0) > 0


def _add_personas(table: pd.DataFrame, personas) -> pd.DataFrame:
    given = getattr(personas, "assigned", personas)
    check_columns(given.columns, ["user_id", "persona_id"], "personas")
    columns = [name for name in ("user_id", "persona_id", "persona") if name in given]
    given = given[columns].assign(user_id=given["user_id"].astype("str"))
    return table.merge(given, on="user_id", how="left", validate="m:1")
