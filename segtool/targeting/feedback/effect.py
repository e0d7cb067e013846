"""What the last round of feedback changed in the plan, and which answers did it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.notes import known, unknown
from segtool.targeting.feedback.reading import KINDS_BY_EVENT, feedback_sql
from segtool.targeting.feedback.refusals import settle_blocks
from segtool.targeting.members import Members
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.shares import UserCounts
from segtool.targeting.topics.affinity import TopicAffinity, rank_topics
from segtool.targeting.topics.evidence import TopicEvidence, gather_topics

FOR = ("like", "save", "share", "click", "answered", "reply_positive")
UNMOVED = 0.01  # a topic nobody spoke of, and whose lift stayed within 1 %, is not listed
AGAINST = ("mute", "reply_negative", "ignored", "complain")
TABLE = [
    "persona_id", "persona", "topic", "before", "after", "change", "lo", "hi", "rank_before", "rank_after",
    "n_for", "n_against", "n_blocked", "n_users", "moved", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class FeedbackEffect:
    """The plan with and without the last round of feedback; with it, the topics are the plan's own.

    Parameters
    ----------
    table : DataFrame
        persona_id, persona, topic, before and after (lift over everyone without and with the round),
        change (after over before), lo, hi (of after), rank_before, rank_after (missing: not in the
        plan), n_for, n_against (pieces of feedback of the round), n_blocked (users who closed the topic
        in it), n_users (who gave any of it), moved (in or out of the plan, or outside the interval it
        had), reason. The largest changes first.
    notes : tuple of str
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def feedback_effect(
    sources,
    members: Members,
    user_ids: np.ndarray,
    settings: TargetingSettings,
    affinity: TopicAffinity | None = None,
    evidence: TopicEvidence | None = None,
) -> FeedbackEffect:
    """Compare the topics of each persona without and with the last ``round_days`` of feedback.

    Parameters
    ----------
    sources : Sources
    members : Members, shape (n_users, n_personas)
    user_ids : ndarray of str
    settings : TargetingSettings
    affinity : TopicAffinity, optional
        The plan's, with the round; estimated from the evidence where not given.
    evidence : TopicEvidence, optional
        What the plan's topics rest on, see `gather_topics`, which is asked otherwise (and then knows of no
        stated interests). Without the round it is weighed alike: the same half-life, the same stated
        interests, the same allowance for events of one day.

    Notes
    -----
    Without the round means without its likes, saves, shares and clicks; what else people did in those
    days (seen, bought, searched) counts in both, so the difference is the feedback's and not the time's.
    """
    rows = feedback_sql(sources, settings)
    if rows is None or "events" not in sources.tables or "topic" not in sources.engine.columns("events"):
        return _nothing("there is no feedback", settings)
    said = _round(sources, rows, settings)
    if said.empty:
        return _nothing("none in the last round", settings)
    if len(members.names) < 2:
        return _nothing("one persona has nobody to be compared with", settings)
    evidence = evidence or gather_topics(sources, None, user_ids, settings)
    before = _estimate(evidence.without(sources, user_ids, _round_sql(settings)), members, settings)
    after = affinity or _estimate(evidence.counts, members, settings)
    if any(each is None or len(each.counts.categories) < 2 for each in (before, after)):
        return _nothing("no two topics without it", settings)
    table = _compare(before, after, settings).merge(
        _by_persona(said, members, user_ids, settings), on=["persona_id", "topic"], how="left"
    )
    counts = ["n_for", "n_against", "n_blocked", "n_users"]
    table[counts] = table[counts].fillna(0).astype(int)
    table = _explained(table)
    n_moved = int(table["moved"].sum())
    text = f"the last {settings.round_days:g} days' feedback ({int(said['n'].sum()):,} answers) moved {n_moved} topics"
    return FeedbackEffect(table, (known(f"Feedback: {text} of {len(members.names)} personas."),))


def _nothing(why: str, settings: TargetingSettings) -> FeedbackEffect:
    text = f"Feedback: what the last {settings.round_days:g} days of it changed ({why})."
    return FeedbackEffect(pd.DataFrame(columns=TABLE), (unknown(text),))


def _round_sql(settings: TargetingSettings) -> str:
    """Return SQL that is true for the events that are the round's feedback."""
    answers = ", ".join(literal(word) for word in KINDS_BY_EVENT)
    return f"(event IN ({answers}) AND age_days <= {literal(float(settings.round_days))})"


def _estimate(counts: UserCounts | None, members: Members, settings) -> TopicAffinity | None:
    if counts is None or not counts.categories:
        return None
    least, confidence = settings.min_persona_users, settings.confidence
    return TopicAffinity.estimate(counts, members, min_users=least, confidence=confidence)


def _round(sources, rows: str, settings: TargetingSettings) -> pd.DataFrame:
    """Return the round's feedback: user_id, topic, kind, item_id, channel, age_days, via, n."""
    kinds = ", ".join(map(literal, (*FOR, *AGAINST)))
    return sources.engine.query(f"""
        WITH feedback AS ({rows})
        SELECT user_id, topic, kind, CAST(NULL AS VARCHAR) AS item_id, CAST(NULL AS VARCHAR) AS channel, via,
               min(age_days) AS age_days, count(*) AS n
        FROM feedback
        WHERE topic IS NOT NULL AND kind IN ({kinds}) AND age_days <= {literal(float(settings.round_days))}
        GROUP BY user_id, topic, kind, via ORDER BY user_id, topic, kind, via
    """)


def _by_persona(said, members: Members, user_ids, settings) -> pd.DataFrame:
    home = members.home[pd.Index(user_ids).get_indexer(said["user_id"])]
    said = said.assign(home=home)[home >= 0]
    said["persona_id"] = np.array(members.persona_ids, dtype=int)[said["home"]]
    key = ["persona_id", "topic"]
    blocks = settle_blocks(said, settings)
    blocks = blocks[blocks["kind"] == "topic"].drop_duplicates(["user_id", "what"])
    closed = said[["user_id", "persona_id"]].drop_duplicates().merge(blocks, on="user_id")
    table = said.groupby(key).agg(n_users=("user_id", "nunique"))
    table["n_for"] = said[said["kind"].isin(FOR)].groupby(key)["n"].sum()
    table["n_against"] = said[said["kind"].isin(AGAINST)].groupby(key)["n"].sum()
    table["n_blocked"] = closed.rename(columns={"what": "topic"}).groupby(key)["user_id"].nunique()
    words = said.groupby([*key, "kind"])["n"].sum().reset_index()
    # What can have moved a persona's lift first: silence bears on the single user alone.
    words["order"] = words["kind"].isin(AGAINST)
    words = words.sort_values([*key, "order", "n", "kind"], ascending=[True, True, True, False, True])
    words["text"] = [f"{n:,} {_plural(kind, n)}" for n, kind in zip(words["n"], words["kind"], strict=True)]
    table["said"] = words.groupby(key)["text"].agg(lambda texts: ", ".join(texts.head(3)))
    return table.reset_index()


def _plural(kind: str, n: int) -> str:
    words = {"answered": "answer", "reply_positive": "good reply", "reply_negative": "bad reply"}
    word = words.get(kind, kind)
    if n == 1 or kind == "ignored":
        return word
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _compare(before: TopicAffinity, after: TopicAffinity, settings) -> pd.DataFrame:
    old, new = (_ranked(affinity, settings) for affinity in (before, after))
    key = ["persona_id", "persona", "topic"]
    table = new.merge(old, on=key, how="outer", suffixes=("_after", "_before"))
    table = table.rename(
        columns={"estimate_before": "before", "estimate_after": "after", "lo_after": "lo", "hi_after": "hi"}
    )
    table["change"] = table["after"] / table["before"]
    outside = (table["after"] < table["lo_before"]) | (table["after"] > table["hi_before"])
    in_plan = table["rank_before"].notna() != table["rank_after"].notna()
    return table.assign(moved=(outside | in_plan).astype(bool))


def _ranked(affinity: TopicAffinity, settings: TargetingSettings) -> pd.DataFrame:
    table = affinity.table()
    trusted = dict(zip(affinity.members.persona_ids, affinity.trusted, strict=True))
    table = table[table["persona_id"].map(trusted)]
    # Ranked as they are best known: a draw would move topics without any feedback.
    ranking = "safe" if settings.ranking == "explore" else settings.ranking
    ranks = [
        rank_topics(
            own[own["n_users_topic"] >= min(settings.min_persona_users, own["n_users_topic"].max())],
            ranking,
            settings.top_k,
        )[["persona_id", "topic", "rank"]]
        for _, own in table.groupby("persona_id", sort=True)
    ]
    columns = ["persona_id", "persona", "topic", "estimate", "lo", "hi"]
    if not ranks:
        return table[columns].assign(rank=pd.Series(dtype="Int64"))
    ranked = table[columns].merge(pd.concat(ranks), on=["persona_id", "topic"], how="left")
    return ranked.assign(rank=ranked["rank"].astype("Int64"))


def _explained(table: pd.DataFrame) -> pd.DataFrame:
    table = table.assign(size=np.abs(np.log(table["change"].where(table["change"] > 0))).fillna(np.inf))
    table = table.sort_values(["moved", "size", "persona_id", "topic"], ascending=[False, False, True, True])
    told = table["said"].notna() | (table["size"] > UNMOVED)
    table = table[told]
    table["reason"] = [_reason(row) for row in table.itertuples()]
    return table[TABLE].reset_index(drop=True)


def _reason(row) -> str:
    said = row.said if isinstance(row.said, str) else "no feedback here; the others' shares moved"
    lift = f"{row.before:.2f}× to {row.after:.2f}×"
    place = {(False, True): ", now in the plan", (True, False): ", no longer in the plan"}.get(
        (pd.notna(row.rank_before), pd.notna(row.rank_after)), ""
    )
    closed = f"; closed by {row.n_blocked:,}" if row.n_blocked else ""
    # A lift is a share over everyone's: all may speak for a topic, and others still more.
    less = "; others gained more" if row.n_for and not row.n_against and row.change < 1 else ""
    return f"{lift}{place}: {said} ({row.n_users:,} users){less}{closed}"
