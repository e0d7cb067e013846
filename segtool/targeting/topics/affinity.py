"""Which topics a persona asks for more often than everyone does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from segtool.checks import check_columns, check_in, check_number
from segtool.errors import InputError
from segtool.targeting.counts import HALF_LIVES_READ, frame_counts
from segtool.targeting.members import Members, align_table
from segtool.targeting.settings import EVENT_WEIGHTS
from segtool.targeting.shares import GroupShares, UserCounts, estimate_shares
from segtool.targeting.times import read_times
from segtool.targeting.topics.user_topics import UserTopicModel, wanted

RANKINGS = ("safe", "best", "explore")
FEW = 2  # topics kept of a persona that asks for none surely more than everyone


@dataclass(frozen=True)
class TopicAffinity:
    """Shares of activity by persona and topic, with what they rest on.

    Parameters
    ----------
    counts : UserCounts, shape (n_users, n_topics)
    members : Members, shape (n_users, n_personas)
    groups : GroupShares, shape (n_personas, n_topics)
    min_users : int
        A persona with fewer users who showed any interest speaks for everyone.
    confidence : float
    """

    counts: UserCounts
    members: Members
    groups: GroupShares
    min_users: int
    confidence: float

    @classmethod
    def estimate(
        cls, counts: UserCounts, members: Members, *, min_users: int = 5, confidence: float = 0.9
    ) -> TopicAffinity:
        """Estimate everyone's and each persona's shares; see `estimate_shares`."""
        return cls(counts, members, estimate_shares(counts, members.weights), min_users, confidence)

    @property
    def n_users(self) -> np.ndarray:
        """Each persona's own users with any evidence, shape (n_personas,)."""
        return self.members.counted(self.counts.seen.astype(float)).astype(int)

    @property
    def trusted(self) -> np.ndarray:
        """Personas with users enough to speak for themselves."""
        several = len(self.members.names) > 1
        return (self.n_users >= self.min_users) & several

    def table(self) -> pd.DataFrame:
        """Return persona x topic: share, lift over everyone (``estimate``), bounds, counts, level.

        ``n_users`` counts the persona's users with any evidence (the base of the share),
        ``n_users_topic`` those who touched the topic, ``n_events`` their plain events on it.
        """
        groups, home = self.groups, self.members.indicator()
        share_lo, share_hi = groups.interval(self.confidence)
        lo, hi = groups.lift_interval(self.confidence)
        n_events = (self.counts.events.T @ home).T
        touched = ((self.counts.events > 0).astype(float).T @ home).T
        n_personas, n_topics = groups.share.shape
        table = pd.DataFrame(
            {
                "persona_id": np.repeat(np.array(self.members.persona_ids, dtype=int), n_topics),
                "persona": np.repeat(np.array(self.members.names, dtype=object), n_topics),
                "topic": np.tile(np.array(groups.categories, dtype=object), n_personas),
                "share": groups.share.ravel(),
                "share_lo": share_lo.ravel(),
                "share_hi": share_hi.ravel(),
                "share_everyone": np.tile(groups.base, n_personas),
                "estimate": groups.lift().ravel(),
                "lo": lo.ravel(),
                "hi": hi.ravel(),
                "n_users": np.repeat(self.n_users, n_topics),
                "n_users_topic": touched.ravel().astype(int),
                "n_events": n_events.ravel().astype(int),
            }
        )
        table["level"] = np.repeat(np.where(self.trusted, "persona", "everyone"), n_topics)
        return table

    def everyone(self) -> pd.DataFrame:
        """Return topic: share of everyone's activity with bounds and counts, most asked for first."""
        alone = np.ones((len(self.counts.n), 1))
        groups = estimate_shares(self.counts, alone)
        reach = stats.t.ppf(0.5 + self.confidence / 2, groups.df[0]) * np.sqrt(groups.base_variance)
        table = pd.DataFrame(
            {
                "topic": list(groups.categories),
                "share": groups.base,
                "share_lo": np.maximum(groups.base - reach, 0),
                "share_hi": np.minimum(groups.base + reach, 1),
                "n_users": int(self.counts.seen.sum()),
                "n_users_topic": np.asarray((self.counts.events > 0).sum(axis=0)).ravel().astype(int),
                "n_events": np.asarray(self.counts.events.sum(axis=0)).ravel().astype(int),
            }
        )
        return table.sort_values(["share", "topic"], ascending=[False, True], ignore_index=True)

    def everyones(self, place: int, top_k: int) -> pd.DataFrame:
        """Return everyone's first topics in the name of a persona that cannot speak for itself."""
        several = len(self.members.names) > 1
        table = self.everyone().head(min(top_k, FEW) if several else top_k).reset_index(drop=True)
        table["persona_id"], table["persona"] = self.members.persona_ids[place], self.members.names[place]
        table["rank"] = np.arange(1, len(table) + 1)
        # The lift of everyone over everyone: exact, and nothing an interval could be given for.
        table["estimate"], table["lo"], table["hi"] = 1.0, np.nan, np.nan
        return table.assign(level="everyone")

    def users(self, *, min_user_events: int = 3, blocked=None, feedback=None) -> UserTopicModel:
        """Return what advises single users; ``feedback`` as from `sum_feedback`."""
        return UserTopicModel(
            self.counts,
            self.groups,
            self.members,
            self.trusted,
            blocked,
            min_user_events,
            self.confidence,
            feedback,
        )


def rank_topics(topics: pd.DataFrame, ranking: str, top_k: int, random_state: int = 0) -> pd.DataFrame:
    """Order one persona's topics.

    Parameters
    ----------
    topics : DataFrame
        Rows of `TopicAffinity.table` of one persona.
    ranking : {"safe", "best", "explore"}
        By the lower bound of the lift, by the lift, or by a draw from its posterior.
    top_k : int

    Returns
    -------
    DataFrame of at most top_k rows, with ``rank`` (1 is first) and ``distinct``: whether the
    persona surely asks for the topic more often than everyone.

    Notes
    -----
    A topic the persona asks for less than everyone is never a recommendation: a short list is
    better than a filled one. "safe" and "best" put the topics that are surely distinct first,
    then those that are as popular as with everyone; where none is distinct, only the few that the
    persona does most, since a list of lifts near 1 is an order of noise.
    """
    check_in("ranking", ranking, RANKINGS)
    table = topics[wanted(topics["estimate"], topics["hi"])]
    table = table.assign(distinct=table["lo"] > 1)
    if not table["distinct"].any() and ranking != "explore":
        table = table.sort_values(["share", "topic"], ascending=[False, True]).head(FEW)
    if ranking == "explore":
        spread = np.log(table["hi"] / table["lo"]).to_numpy() / (2 * stats.norm.ppf(0.95))
        drawn = np.random.default_rng(random_state).normal(size=len(table))
        table["score"] = np.log(table["estimate"].to_numpy()) + spread * drawn
        table = table.sort_values(["score", "topic"], ascending=[False, True])
    else:
        best = table["estimate"].where(table["distinct"], table["lo"])
        table["score"] = table["lo"] if ranking == "safe" else best
        table = table.sort_values(["distinct", "score", "topic"], ascending=[False, False, True])
    table = table.drop(columns="score").head(top_k).reset_index(drop=True)
    return table.assign(rank=np.arange(1, len(table) + 1))


def recommend_topics(
    events: pd.DataFrame,
    personas: pd.Series | pd.DataFrame | None = None,
    *,
    top_k: int = 5,
    ranking: str = "safe",
    by: str = "user",
    as_of=None,
    half_life_days: float | None = 60,
    event_weights: dict[str, float] | None = None,
    min_user_events: int = 3,
    min_persona_users: int = 5,
    confidence: float = 0.9,
    random_state: int = 0,
) -> pd.DataFrame:
    """Recommend topics to users or personas from a plain table, for scripts.

    Parameters
    ----------
    events : DataFrame, shape (n_events, ...)
        ``user_id`` and ``topic``; optional ``event_time`` (for decay; datetimes, or ISO text such as
        2026-06-30 or 2026-06-30 18:05), ``event`` (for weights), and
        ``weight``, which replaces the weight of the event.
    personas : Series or DataFrame, optional
        Persona by user: a Series indexed by user_id, or a table with user_id and persona.
    top_k : int
    ranking : {"safe", "best", "explore"}
        By the lower bound of the lift, by the lift, or by a random draw from its posterior.
    by : {"user", "persona"}
    as_of : timestamp, optional
        Date the decay is counted from, a datetime or ISO text (2026-07-01); without it the latest
        event's time, never today.
    half_life_days : float or None
        Days after which an event weighs half; None for no decay.
    event_weights : dict, optional
        Weight by event word; an event without a weight does not count. See `EVENT_WEIGHTS`.
    min_user_events, min_persona_users : int
        Below, the level above speaks: the persona for a user, everyone for a persona.
    confidence : float
        Of the intervals, e.g. 0.9.
    random_state : int
        Used by "explore" only.

    Returns
    -------
    DataFrame
        ``user_id`` (or ``persona_id``, ``persona``), ``rank``, ``topic``, ``estimate`` (lift: share of
        this user's or persona's activity over everyone's share), ``lo``, ``hi``, ``n_events``, ``level``.
        Fewer than top_k rows where fewer topics are asked for at least as often as by everyone.

    Raises
    ------
    InputError
        If a column is missing, a time is in no order one can be sure of, or no event has a topic
        and a weight.

    Examples
    --------
    >>> events = pd.DataFrame({
    ...     "user_id": ["a"] * 6 + ["b"] * 6 + ["c"] * 2,
    ...     "topic": ["stocks"] * 5 + ["jokes"] + ["jokes"] * 6 + ["stocks", "jokes"]})
    >>> recommend_topics(events, top_k=1)[["user_id", "topic", "level"]]
      user_id   topic     level
    0       a  stocks      user
    1       b   jokes      user
    2       c   jokes  everyone
    """
    check_in("ranking", ranking, RANKINGS)
    check_in("by", by, ["persona", "user"])
    check_number("top_k", top_k, low=1, integer=True)
    check_number("confidence", confidence, low=0.5, high=1, low_open=True, high_open=True)
    evidence = _frame_evidence(events, as_of, half_life_days, event_weights or EVENT_WEIGHTS)
    counts = frame_counts(evidence)
    affinity = TopicAffinity.estimate(
        counts, align_table(personas, counts.user_ids), min_users=min_persona_users, confidence=confidence
    )
    if by == "persona":
        return _persona_topics(affinity, ranking, top_k, random_state)
    batches = affinity.users(min_user_events=min_user_events).batches(top_k, ranking, random_state)
    return pd.concat(batches, ignore_index=True)


def _persona_topics(affinity: TopicAffinity, ranking, top_k, random_state) -> pd.DataFrame:
    names = affinity.members.names
    if not names:
        raise InputError(
            "by='persona' was asked for without personas.",
            "personas as a Series by user_id, or a table with user_id and persona.",
        )
    ranked = [
        rank_topics(topics, ranking, top_k, random_state)
        if affinity.trusted[place]
        else affinity.everyones(place, top_k)
        for place, (_, topics) in enumerate(affinity.table().groupby("persona_id", sort=True))
    ]
    columns = ["persona_id", "persona", "rank", "topic", "estimate", "lo", "hi", "n_users", "n_events"]
    return pd.concat(ranked, ignore_index=True)[[*columns, "level"]]


def _frame_evidence(events, as_of, half_life_days, weights) -> pd.DataFrame:
    check_columns(events.columns, ["user_id", "topic"], "events")
    table = events[events["topic"].notna() & events["user_id"].notna()]
    evidence = pd.DataFrame(
        {
            "user_id": table["user_id"].astype(str),
            "category": table["topic"].astype(str),
            "weight": 1.0,
            "decay": 1.0,
        }
    )
    if "weight" in table:
        evidence["weight"] = table["weight"].astype(float)
    elif "event" in table:
        evidence["weight"] = table["event"].astype(str).map(dict(weights)).astype(float)
    if "event_time" in table and half_life_days is not None and len(table):
        age = _age_days(table["event_time"], as_of)
        evidence["decay"] = np.power(0.5, age / half_life_days)
        evidence = evidence[(age >= 0) & (age <= HALF_LIVES_READ * half_life_days)]
    evidence = evidence[evidence["weight"].gt(0) & np.isfinite(evidence["weight"])]
    if evidence.empty:
        raise InputError(
            f"none of {len(events)} events has a topic and a weight above 0.",
            f"events among {', '.join(sorted(weights))}, or a column weight.",
            "Fill the column topic, map your event words, or pass event_weights.",
        )
    return evidence


def _age_days(times: pd.Series, as_of) -> pd.Series:
    times = read_times(times, "event_time")
    end = times.max() if as_of is None else read_times(pd.Series([as_of]), "as_of").iloc[0]
    return (end - times).dt.total_seconds() / 86_400
