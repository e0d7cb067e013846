"""What is on record of asking and sharing: who shared in which month, and what came of invitations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.sharing.seeds import MONTH_DAYS
from segtool.community.sharing.trees import Forest
from segtool.community.tables import CODES, DAY, places
from segtool.engines import quote
from segtool.notes import known, unknown

INVITED = "invited_user_id"  # a property of events: whom an invitation is for
INVITATIONS = ["what", "value", "lo", "hi", "n"]


def find_strangers(sources, talk) -> np.ndarray:
    """Say which rows of the roster name an inviter who is nobody of the study.

    Returns
    -------
    ndarray of bool, shape (n_roster,)
    """
    none = np.zeros(len(talk.roster), dtype=bool)
    if "members" not in sources.tables or "invited_by" not in sources.engine.columns("members"):
        return none
    rows = sources.engine.query(f"""
        WITH {CODES}
        SELECT DISTINCT members.group_id, users.code
        FROM members JOIN users ON users.user_id = members.user_id
        LEFT JOIN users AS inviters ON inviters.user_id = members.invited_by
        WHERE members.invited_by IS NOT NULL AND inviters.user_id IS NULL
        ORDER BY members.group_id, users.code
    """)
    if rows.empty:
        return none
    keys = pd.MultiIndex.from_arrays([places(rows["group_id"], talk.group_ids), rows["code"]])
    own = pd.MultiIndex.from_frame(talk.roster[["group", "user"]])
    return own.isin(keys) & (talk.roster["inviter"] < 0).to_numpy()


def read_acts(sources, talk, people: Forest, days: float) -> pd.DataFrame:
    """Return what each user did to bring others, month by month.

    Parameters
    ----------
    sources : Sources
    talk : Talk
    people : Forest
        Over all groups, see `join_groups`.
    days : float
        How far back to look.

    Returns
    -------
    DataFrame, shape (n_users, 7)
        In the order of ``talk.user_ids``: months (watched, at least 1), shared_months (with a share or an
        invitation), brought (new people, by their invitation), shares, invites, messages and last_days (days since
        anything was done; missing for nothing).
    """
    n = len(talk.user_ids)
    events, seen = _read_events(sources, days)
    messages = talk.messages[talk.messages["second"] >= -days * DAY]
    child = np.flatnonzero((people.parent >= 0) & ~np.isnan(people.joined) & (people.joined >= -days * DAY))
    inviter = people.user[people.parent[child]]
    oldest, latest = np.full(n, np.nan), np.full(n, np.nan)
    oldest[people.user] = -people.joined / DAY
    wrote = messages.groupby("user")["second"].agg(["min", "max"]) / -DAY
    for code, first, last in (
        (seen["code"], seen["oldest"], seen["latest"]),
        (wrote.index, wrote["min"], wrote["max"]),
        (inviter, -people.joined[child] / DAY, -people.joined[child] / DAY),
    ):
        np.fmax.at(oldest, np.asarray(code, dtype=np.int64), np.asarray(first, dtype=float))
        np.fmin.at(latest, np.asarray(code, dtype=np.int64), np.asarray(last, dtype=float))
    months = np.ceil(np.minimum(np.nan_to_num(oldest, nan=0.0), days) / MONTH_DAYS)

    def per_user(code, weight=None):
        return np.bincount(np.asarray(code, dtype=np.int64), weight, minlength=n)

    return pd.DataFrame(
        {
            "months": np.maximum(months, 1.0),
            "shared_months": per_user(events["code"]),
            "brought": per_user(inviter),
            "shares": per_user(events["code"], events["shares"]),
            "invites": per_user(events["code"], events["invites"]),
            "messages": per_user(messages["user"]),
            "last_days": latest,
        }
    )


def _read_events(sources, days: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return shares and invitations by user and month, and when each user was seen first and last."""
    if "events" not in sources.tables:
        names = ["code", "block", "shares", "invites"], ["code", "oldest", "latest"]
        return tuple(pd.DataFrame({name: np.array([], dtype=float) for name in each}) for each in names)
    events = sources.engine.query(f"""
        WITH {CODES}
        SELECT users.code, CAST(floor(events.age_days / {MONTH_DAYS}) AS INTEGER) AS block,
               sum(CASE WHEN event = 'share' THEN 1 ELSE 0 END) AS shares,
               sum(CASE WHEN event = 'invite' THEN 1 ELSE 0 END) AS invites
        FROM events JOIN users ON users.user_id = events.user_id
        WHERE event IN ('share', 'invite') AND events.age_days < {days}
        GROUP BY users.code, CAST(floor(events.age_days / {MONTH_DAYS}) AS INTEGER)
        ORDER BY users.code, block
    """)
    seen = sources.engine.query(f"""
        WITH {CODES}
        SELECT users.code, max(events.age_days) AS oldest, min(events.age_days) AS latest
        FROM events JOIN users ON users.user_id = events.user_id
        GROUP BY users.code ORDER BY users.code
    """)
    return events.astype(float), seen.astype(float)


def count_invitations(
    sources, talk, people: Forest, answer_days: float, confidence: float
) -> tuple[pd.DataFrame, list[str]]:
    """Return how many invitations were sent, and how many led to joining where that can be known.

    Parameters
    ----------
    sources : Sources
    talk : Talk
    people : Forest
    answer_days : float
        An invitation counts as accepted when who was invited joins within so many days; invitations younger
        than that are not judged.
    confidence : float

    Returns
    -------
    invitations : DataFrame
        what, value, lo, hi, n.
    notes : list of str
        What can and cannot be known of them.
    """
    counts = _count_events(sources)
    if counts is None:
        return pd.DataFrame(columns=INVITATIONS), [
            unknown(
                "Sharing: how many were invited and did not come; there are no events named invite, so only"
                " those who joined are seen."
            )
        ]
    n_sent, n_senders, oldest = counts
    joined = int(((people.came == 1) & people.counted & (people.joined >= -oldest * DAY)).sum())
    rows = [
        ("invitations sent", float(n_sent), np.nan, np.nan, n_senders),
        ("people who joined by invitation in the same days", float(joined), np.nan, np.nan, joined),
    ]
    if INVITED not in sources.engine.columns("events"):
        return pd.DataFrame(rows, columns=INVITATIONS), [
            known(
                f"Sharing: {n_sent:,} invitations by {n_senders:,} people are on record in {oldest:.0f} days,"
                f" and {joined:,} people joined a first group by invitation in the same days."
            ),
            unknown(
                "Sharing: which share of invitations is accepted. An event named invite says neither for whom"
                f" it is nor for which group; with a column {INVITED} in the events it could be told."
            ),
        ]
    row, note = _convert(sources, talk, people, answer_days, confidence)
    return pd.DataFrame([*rows, row], columns=INVITATIONS), [note]


def _count_events(sources) -> tuple[int, int, float] | None:
    if "events" not in sources.tables:
        return None
    row = sources.engine.query("""
        SELECT sum(CASE WHEN event = 'invite' THEN 1 ELSE 0 END) AS n,
               count(DISTINCT CASE WHEN event = 'invite' THEN user_id END) AS senders,
               max(age_days) AS oldest
        FROM events
    """).iloc[0]
    return (int(row["n"]), int(row["senders"]), float(row["oldest"])) if row["n"] and row["n"] > 0 else None


def _convert(sources, talk, people: Forest, answer_days: float, confidence: float):
    """Return the share of invitations after which who was invited joined, with senders as clusters."""
    from segtool.community.sharing.quality import share_of

    rows = sources.engine.query(f"""
        WITH {CODES}
        SELECT users.code, invited.code AS invited, events.{quote(INVITED)} AS name,
               max(events.age_days) AS age
        FROM events JOIN users ON users.user_id = events.user_id
        LEFT JOIN users AS invited ON invited.user_id = events.{quote(INVITED)}
        WHERE events.event = 'invite' AND events.{quote(INVITED)} IS NOT NULL
        GROUP BY users.code, invited.code, events.{quote(INVITED)}
        ORDER BY users.code, events.{quote(INVITED)}
    """)
    rows = rows[rows["age"] >= answer_days]
    if rows.empty:
        return ("invitations accepted", np.nan, np.nan, np.nan, 0), unknown(
            f"Sharing: which share of invitations is accepted; none is older than {answer_days:.0f} days."
        )
    joined = np.full(len(talk.user_ids) + 1, np.nan)
    joined[people.user] = people.joined
    code = rows["invited"].fillna(len(talk.user_ids)).to_numpy(dtype=np.int64)
    after = joined[code] / DAY + rows["age"].to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        came = ((after >= 0) & (after <= answer_days)).astype(float)
    share, lo, hi = share_of(came, rows["code"].to_numpy(), confidence)
    return ("invitations accepted", share, lo, hi, len(rows)), known(
        f"Sharing: of {len(rows):,} invitations {share:.0%} ({lo:.0%} to {hi:.0%}) were followed by a first"
        f" joining within {answer_days:.0f} days."
    )
