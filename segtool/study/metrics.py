"""What a test is about, where the study does not say it."""

from __future__ import annotations

import pandas as pd

from segtool.engines import literal
from segtool.errors import InputError
from segtool.sources import Sources
from segtool.sources.times import parse_as_of
from segtool.study.settings import MeasurementSettings

# Outside of these shares of users almost nobody, or almost everybody, does it anyway: nothing to be moved.
RARE, USUAL = 0.02, 0.9


def choose_metrics(
    sources: Sources, said: MeasurementSettings, *, days: float, end=None
) -> tuple[list[str], tuple[str, ...]]:
    """Return what a test is about, the main metric first, and notes on what was passed over.

    What the study says; else whether users buy, unless almost all or almost none do within the window; else
    what they spend or on how many days they are there.

    Parameters
    ----------
    sources : Sources
    said : MeasurementSettings
    days : float
        How long the test runs.
    end : time, optional
        End of the window that is looked at, before the test; the study's ``as_of`` by default.
    """
    if said.metrics:
        return list(said.metrics), ()
    if "events" not in sources.tables:
        raise InputError(
            "there are no events, so nothing can be seen that a plan might change.",
            "a table of events with purchases, visits or other actions.",
        )
    ago = 0.0 if end is None else (sources.as_of - parse_as_of(end, sources.timezone)) / pd.Timedelta(days=1)
    window = f"age_days > {literal(float(ago))} AND age_days <= {literal(float(ago + days))}"
    amount = "amount" if "amount" in sources.engine.columns("events") else "NULL"
    row = sources.engine.query(f"""
        SELECT count(*) AS n_ever, count({amount}) AS n_priced,
               count(DISTINCT CASE WHEN {window} THEN user_id END) AS n_lately,
               (SELECT count(*) FROM user_index) AS n_users
        FROM events WHERE event = 'purchase'
    """).iloc[0]
    if not row["n_ever"]:
        return ["active"], ()
    share = float(row["n_lately"]) / max(int(row["n_users"]), 1)
    if RARE <= share <= USUAL:
        return ["purchased", "active"], ()
    often = share > USUAL
    names = ["spend", "active_days"] if often and row["n_priced"] else ["active_days", "active"]
    # In round numbers: the share itself could tell of a few people.
    so = f"more than {USUAL:.0%} of users buy within {days:g} days anyway, so that can hardly be raised"
    if not often:
        so = f"fewer than {RARE:.0%} of users buy within {days:g} days, so a change in that could hardly be seen"
    return names, (f"The test is about {names[0]}: {so}. metrics in [measurement] names another.",)
