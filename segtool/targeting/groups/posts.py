"""What to post in which group: as much as the group bears and the platform allows, and for which personas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.group_tables import to_do
from segtool.community.health.rules import DEAD, LOUD, OVERGROWN, QUIET
from segtool.notes import known, unknown
from segtool.targeting.frequency.caps import caps_for
from segtool.targeting.members import Members
from segtool.targeting.settings import DAYPARTS, TargetingSettings
from segtool.targeting.timing.dayparts import daypart_hours
from segtool.targeting.verdicts import ADVICE, ASSOCIATED, ASSUMPTION

TABLE = [
    "group_id", "title", "channel", "verdict", "n_members", "messages_per_week", "posts_per_week", "cap", "daypart",
    "n_daypart", "topic", "reached", "do", "reason",
]  # fmt: skip
SHARES = [
    "group_id",
    "persona_id",
    "persona",
    "n_users",
    "n_known",
    "share",
    "base_share",
    "index",
    "lo",
    "hi",
]
MOST_NAMED = 8  # groups in a note
UNIT = "times its share of all users"


@dataclass(frozen=True)
class GroupPosts:
    """Posts in groups.

    Parameters
    ----------
    table : DataFrame
        One row per group: group_id, title, channel, verdict (of its health), n_members, messages_per_week,
        posts_per_week (what it bears; 0: do not post; missing: not known), cap (the platform's limit in
        words), daypart (when most people talk there) with n_daypart (people), topic (what it is for or
        talks about), reached (personas it is typical of), do, reason.
    shares : DataFrame
        Group x persona: n_users (members of the persona), n_known (members of any persona), share,
        base_share (of all users), index (share over base x 100) with lo and hi.
    advice : DataFrame in the columns of `ADVICE`
        Aspect "group": the groups a persona is met in more than elsewhere.
    notes : tuple of str
    """

    table: pd.DataFrame
    shares: pd.DataFrame
    advice: pd.DataFrame
    notes: tuple[str, ...]


def plan_groups(community, members: Members, user_ids: np.ndarray, settings: TargetingSettings) -> GroupPosts:
    """Plan posts in groups.

    Parameters
    ----------
    community : Community or None
    members : Members, shape (n_users, n_personas)
    user_ids : ndarray of str
    settings : TargetingSettings
        ``group_post_share`` of a group's messages may be posts.

    Returns
    -------
    GroupPosts
        Empty, with a note, where no groups are known.

    Notes
    -----
    The limit is the stricter of two: that of the platform, and a share of what the members write
    themselves, since a group where the brand speaks most is a loudspeaker. Neither is an estimate of
    what posts do: that takes groups drawn at random to get none.
    """
    if community is None or community.talk.groups.empty:
        note = unknown("Groups: where to post (there are no messages or members of groups).")
        return GroupPosts(*(pd.DataFrame(columns=names) for names in (TABLE, SHARES, ADVICE)), (note,))
    shares = _shares(community.talk, members, user_ids, settings)
    table = _posts(community, shares, settings)
    return GroupPosts(table, shares, _advice(table, shares, members, settings), _notes(table, settings))


def _shares(talk, members: Members, user_ids: np.ndarray, settings) -> pd.DataFrame:
    from statsmodels.stats.proportion import proportion_confint

    here = talk.roster[talk.here]
    place = pd.Index(user_ids).get_indexer(talk.user_ids[here["user"]])
    home = np.where(place >= 0, members.home[place], -1)
    group, home = here["group"].to_numpy()[home >= 0], home[home >= 0]
    n_personas = len(members.names)
    counts = np.bincount(group * n_personas + home, minlength=len(talk.group_ids) * n_personas)
    counts = counts.reshape(len(talk.group_ids), n_personas)
    total = counts.sum(axis=1)
    base = members.n_users / max(members.n_users.sum(), 1)
    rows, columns = np.nonzero(counts)
    n, of = counts[rows, columns], total[rows]
    lo, hi = proportion_confint(n, of, alpha=1 - settings.confidence, method="wilson") if len(n) else (n, n)
    against = 100 / base[columns]
    return pd.DataFrame(
        {
            "group_id": talk.group_ids[rows],
            "persona_id": np.array(members.persona_ids)[columns] if len(n) else [],
            "persona": np.array(members.names, dtype=object)[columns] if len(n) else [],
            "n_users": n,
            "n_known": of,
            "share": n / of,
            "base_share": base[columns],
            "index": n / of * against,
            "lo": lo * against,
            "hi": hi * against,
        }
    )[SHARES]


def _posts(community, shares: pd.DataFrame, settings: TargetingSettings) -> pd.DataFrame:
    talk, health = community.talk, community.health.table.set_index("group_id")
    groups = talk.groups.set_index("group_id")
    channel = groups["channel"].astype(object)
    channel = channel.where(channel.notna(), "")
    typical = shares[shares["lo"] > 100].sort_values(["group_id", "index"], ascending=[True, False])
    table = pd.DataFrame(
        {
            "title": groups["title"],
            "channel": channel,
            "verdict": health["verdict"].reindex(groups.index),
            "n_members": groups["n_members"] if talk.has_roster else np.nan,
            "messages_per_week": health["messages_per_week"].reindex(groups.index).astype(float),
            "topic": health["core_topic"].reindex(groups.index),
            "reached": typical.groupby("group_id")["persona"].agg(", ".join).reindex(groups.index).fillna(""),
        }
    )
    table["daypart"], table["n_daypart"] = _dayparts(talk, settings)
    bears = [
        _bears(*row, settings)
        for row in zip(table["verdict"], table["messages_per_week"], table["channel"], strict=True)
    ]
    table["posts_per_week"], table["cap"], table["reason"] = zip(*bears, strict=True)
    table["do"] = to_do(table["verdict"])
    return table.rename_axis("group_id").reset_index()[TABLE]


def _bears(verdict: str, weekly: float, channel: str, settings: TargetingSettings) -> tuple[float, str, str]:
    """Return how many posts a week a group bears, the platform's limit, and why."""
    caps = caps_for(channel, settings)
    stated = "; ".join(cap.stated for cap in caps)
    limit = min((cap.weekly for cap in caps), default=np.inf)
    if verdict == DEAD:
        return 0.0, stated, "nobody answers there"
    if verdict == LOUD:
        return 0.0, stated, "one voice already writes most of it"
    if verdict == OVERGROWN:
        return 0.0, stated, "its newcomers are not answered yet: split it first, and answer them"
    if weekly != weekly:
        return np.nan, stated, "how much its members write is not known"
    share = settings.group_post_share
    own = float(np.floor(share * weekly))
    said = f"{share:.0%} of {weekly:.0f} messages a week is {own:.0f}"
    if own < 1 and verdict == QUIET:
        return min(1.0, limit), stated, f"{said}, and a quiet group is woken by being asked once a week"
    if own < 1:
        return 0.0, stated, f"{said}: a post would be most of what is said there"
    return min(own, limit), stated, said + (", and the platform allows no more" if own > limit else "")


def _dayparts(talk, settings: TargetingSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return when most different people talk, per open hour, and how many they are; "" below ten."""
    part_of = np.empty(24, dtype=int)
    for number, name in enumerate(DAYPARTS):
        part_of[list(daypart_hours(name))] = number
    length = np.bincount(part_of, minlength=len(DAYPARTS))
    spoken = talk.messages[talk.by_people]
    recent = spoken[spoken["day"] >= -settings.group_days]
    people = pd.DataFrame(
        {"group": recent["group"], "user": recent["user"], "part": part_of[recent["hour"].to_numpy()]}
    ).drop_duplicates()
    counts = np.zeros((len(talk.group_ids), len(DAYPARTS)))
    np.add.at(counts, (people["group"].to_numpy(), people["part"].to_numpy()), 1)
    best = (counts / length).argmax(axis=1)
    n = counts[np.arange(len(counts)), best].astype(int)
    return np.where(n >= settings.min_persona_users, np.array(list(DAYPARTS), dtype=object)[best], ""), n


def _advice(table: pd.DataFrame, shares: pd.DataFrame, members: Members, settings) -> pd.DataFrame:
    open_groups = table[table["posts_per_week"] > 0].set_index("group_id")
    met = shares[
        shares["group_id"].isin(open_groups.index) & (shares["n_users"] >= settings.min_persona_users)
    ]
    met = met[met["index"] > 100].sort_values(
        ["persona_id", "index", "group_id"], ascending=[True, False, True]
    )
    met = met.assign(rank=met.groupby("persona_id").cumcount() + 1)
    met = met[met["rank"] <= settings.top_k]
    about = open_groups.reindex(met["group_id"])
    return pd.DataFrame(
        {
            "persona_id": met["persona_id"].to_numpy(),
            "persona": met["persona"].to_numpy(),
            "aspect": "group",
            "rank": met["rank"].to_numpy(),
            "advice": [
                _say(*row)
                for row in zip(
                    met["group_id"], about["title"], about["posts_per_week"], about["daypart"], strict=True
                )
            ],
            "estimate": met["index"].to_numpy() / 100,
            "unit": UNIT,
            "lo": met["lo"].to_numpy() / 100,
            "hi": met["hi"].to_numpy() / 100,
            "n_users": met["n_users"].to_numpy(),
            "n_events": 0,
            "level": "persona",
            "verdict": np.where(met["lo"] > 100, ASSOCIATED, ASSUMPTION),
            "reason": [
                f"{verdict}; {do}; {why}; {cap or 'no limit of the platform is known'}"
                for verdict, do, why, cap in zip(
                    about["verdict"], about["do"], about["reason"], about["cap"], strict=True
                )
            ],
        },
        columns=ADVICE,
    )


def _say(group_id: str, title: str, posts: float, daypart: str) -> str:
    name = f"{group_id} {title}".strip()
    return f"{name}: up to {posts:.0f} a week" + (f", {daypart}" if daypart else "")


def _notes(table: pd.DataFrame, settings: TargetingSettings) -> tuple[str, ...]:
    closed = table.loc[table["posts_per_week"] == 0, "group_id"]
    notes = [
        known(
            f"Groups: a post for every {1 / settings.group_post_share:.0f} messages of members, and no more than"
            " the platform allows; that is a convention, no estimate of what posts do."
        ),
        known(
            "Groups: a post reaches everybody in the group, those held out too. To prove posts, draw groups that"
            " get none (holdout in group_posts.csv), and compare groups, not people."
        ),
    ]
    if (table["channel"] == "").any():
        notes.append(
            unknown(
                "Groups: what the platform allows where the table of groups names no channel; give it one, such"
                " as wecom_group."
            )
        )
    if len(closed):
        more = f" and {len(closed) - MOST_NAMED} more" if len(closed) > MOST_NAMED else ""
        named = ", ".join(closed[:MOST_NAMED])
        notes.append(known(f"Groups: no posts in {named}{more}; group_posts.csv says why."))
    return tuple(notes)
