"""What became of the sends: answer and opt-out rates per persona and slot, clustered by user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.engines import literal
from segtool.targeting.members import Members
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.shares import UserCounts, estimate_shares

MIN_ANSWERS = 50  # fewer answers than this in all, and opens are read instead of answers


@dataclass(frozen=True)
class SendLog:
    """Which columns of the table ``sends`` can be used, and how much there is.

    Parameters
    ----------
    n_sends : int
    outcome : str or None
        "responded", or "opened" where answers are not recorded or too few.
    optouts : tuple of str
        Columns among "muted" and "unsubscribed" in which anything is recorded.
    has_channel, has_propensity : bool
    answer_rate : float
        Outcomes per send whose outcome is known.
    weekly_sends : float
        Sends a week to a user who is sent to.
    settled_days : float
        Younger sends may still be answered: they count neither as answered nor as not.
    """

    n_sends: int = 0
    outcome: str | None = None
    optouts: tuple[str, ...] = ()
    has_channel: bool = False
    has_propensity: bool = False
    answer_rate: float = 0.0
    weekly_sends: float = 0.0
    settled_days: float = 3.0

    @classmethod
    def look(cls, sources, settings: TargetingSettings | None = None) -> SendLog:
        """See what the study's sends hold; an absent table is an empty log."""
        days = (settings or TargetingSettings()).ignored_after_days
        if "sends" not in sources.tables:
            return cls()
        columns = sources.engine.columns("sends")
        words = ("responded", "opened", "muted", "unsubscribed")
        present = [name for name in words if name in columns]
        old = f"age_days >= {literal(float(days))}"
        sums = ", ".join(
            f"count(*) FILTER (WHERE {name}) AS {name}, "
            f"count(*) FILTER (WHERE {name} AND {old}) AS {name}_old, "
            f"count(*) FILTER (WHERE {name} IS NOT NULL AND {old}) AS {name}_known"
            for name in present
        )
        counts = sources.engine.query(f"""
            SELECT count(*) AS n_sends, count(DISTINCT user_id) AS n_users,
                   max(age_days) - min(age_days) AS days{", " + sums if sums else ""}
            FROM sends
        """).iloc[0]
        if not counts["n_sends"]:
            return cls()
        happened = [name for name in present if counts[name] > 0]
        outcomes = [name for name in ("responded", "opened") if name in present and counts[f"{name}_old"] > 0]
        answered = [name for name in outcomes if counts[f"{name}_old"] >= MIN_ANSWERS]
        outcome = next(iter(answered or outcomes), None)
        weeks = max(float(counts["days"]) / 7, 1.0)
        return cls(
            n_sends=int(counts["n_sends"]),
            outcome=outcome,
            answer_rate=float(counts[f"{outcome}_old"] / counts[f"{outcome}_known"]) if outcome else 0.0,
            weekly_sends=float(counts["n_sends"] / counts["n_users"] / weeks),
            optouts=tuple(name for name in ("muted", "unsubscribed") if name in happened),
            has_channel="channel" in columns,
            has_propensity="propensity" in columns,
            settled_days=float(days),
        )

    def optout_cost(self, settings: TargetingSettings) -> float:
        """Return what an opt-out costs, in answers."""
        if settings.optout_cost is not None:
            return settings.optout_cost
        return self.answer_rate * self.weekly_sends * settings.optout_weeks * settings.response_value

    @property
    def word(self) -> str:
        """The outcome as a reader says it."""
        return {"responded": "answered", "opened": "opened"}.get(self.outcome or "", "")

    @property
    def hit_sql(self) -> str:
        """SQL of 1.0 for an answered send; 0.0 says nothing where `known_sql` is false."""
        return f"CASE WHEN {self.outcome} THEN 1.0 ELSE 0.0 END" if self.outcome else "0.0"

    @property
    def known_sql(self) -> str:
        """SQL that is true where it is known whether a send was answered, and it no longer can be.

        An answer that came early does not let a young send in: those not answered yet stay out, and
        counting the others would make every young send an answered one.
        """
        return self._settled(self.outcome)

    @property
    def optout_known_sql(self) -> str:
        """SQL that is true where it is known whether a send ended in a mute or an unsubscribe."""
        return self._settled(f"({' OR '.join(self.optouts)})" if self.optouts else None)

    def _settled(self, told: str | None) -> str:
        return (
            f"({told} IS NOT NULL AND age_days >= {literal(float(self.settled_days))})" if told else "FALSE"
        )

    @property
    def optout_sql(self) -> str:
        """SQL of 1.0 for a send that ended in a mute or an unsubscribe."""
        return f"CASE WHEN {' OR '.join(self.optouts)} THEN 1.0 ELSE 0.0 END" if self.optouts else "0.0"


def slot_totals(sources, log: SendLog, slot: str) -> pd.DataFrame:
    """Return the sends of which something is known, one row per user and slot.

    Returns
    -------
    DataFrame
        code (of the user), slot, trials (sends whose answer is known), hits, optout_trials (sends of which
        it is known whether they ended in an opt-out), optouts.
    """
    return sources.engine.query(f"""
        WITH numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        ),
        outcomes AS (
            SELECT user_id, {slot} AS slot,
                   CASE WHEN {log.known_sql} THEN 1.0 ELSE 0.0 END AS known,
                   CASE WHEN {log.known_sql} THEN {log.hit_sql} ELSE 0.0 END AS hit,
                   CASE WHEN {log.optout_known_sql} THEN 1.0 ELSE 0.0 END AS optout_known,
                   CASE WHEN {log.optout_known_sql} THEN {log.optout_sql} ELSE 0.0 END AS optout
            FROM sends
        )
        SELECT numbered.code, outcomes.slot,
               round(sum(outcomes.known), 6) AS trials, round(sum(outcomes.hit), 6) AS hits,
               round(sum(outcomes.optout_known), 6) AS optout_trials, round(sum(outcomes.optout), 6) AS optouts
        FROM outcomes JOIN numbered ON numbered.user_id = outcomes.user_id
        WHERE outcomes.slot IS NOT NULL AND (outcomes.known > 0 OR outcomes.optout_known > 0)
        GROUP BY numbered.code, outcomes.slot
        ORDER BY outcomes.slot, numbered.code
    """)


def rates_by_persona(
    totals: pd.DataFrame, hits: str, members: Members, n_users: int, confidence: float
) -> pd.DataFrame:
    """Estimate hits per trial by persona and slot, each slot shrunk towards everyone's rate in it.

    Parameters
    ----------
    totals : DataFrame
        As from `slot_totals`.
    hits : {"hits", "optouts"}
        Column counted as success, out of the sends of which it is known.
    members : Members, shape (n_users, n_personas)
    n_users : int
    confidence : float

    Returns
    -------
    DataFrame
        persona_id, persona, slot, estimate, lo, hi, everyone, n_users, n_events (sends that are known);
        no row for a slot of which nothing is known.
    """
    of = {"hits": "trials", "optouts": "optout_trials"}[hits]
    totals = totals[totals[of] > 0].assign(trials=lambda t: t[of])
    tables = [
        _one_slot(slot, rows, hits, members, n_users, confidence)
        for slot, rows in totals.groupby("slot", sort=True)
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _one_slot(slot, rows, hits, members, n_users, confidence) -> pd.DataFrame:
    code, trials = rows["code"].to_numpy(dtype=np.int64), rows["trials"].to_numpy(dtype=float)
    n = np.zeros(n_users)
    n[code] = trials
    place = (code, np.zeros(len(code), dtype=int))
    share = sparse.csr_array((rows[hits].to_numpy(dtype=float) / trials, place), shape=(n_users, 1))
    noise = np.where(n > 0, 1 / np.maximum(n, 1), 1.0)
    counts = UserCounts(np.arange(n_users), (str(slot),), share, share, n, noise)
    groups = estimate_shares(counts, members.weights)
    lo, hi = groups.interval(confidence)
    return pd.DataFrame(
        {
            "persona_id": list(members.persona_ids),
            "persona": list(members.names),
            "slot": str(slot),
            "estimate": groups.share[:, 0],
            "lo": lo[:, 0],
            "hi": hi[:, 0],
            "everyone": groups.base[0],
            "n_users": members.counted((n > 0).astype(float)).astype(int),
            "n_events": members.counted(n).astype(int),
        }
    )
