"""Where the people of dead and tiny groups could go: neighbouring groups with room for them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.checks import check_columns
from segtool.community.health.rules import DEAD
from segtool.display import join_words

COLUMNS = [
    "group_id", "title", "into_group_id", "into_title", "n_members", "n_into", "n_after", "n_shared",
    "shared_share", "topics_alike", "reason", "against",
]  # fmt: skip
DAY = 86_400.0
LEAST_SHARED = 0.2  # share of a group's people who are in the other already
LEAST_ALIKE = 0.5  # cosine of the topics written about
LEAST_MESSAGES = 10  # with fewer topics say nothing
SILENT_WINDOWS = 2  # two whole windows without a word, where no verdicts are given


def propose_merges(talk, settings=None, verdicts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Propose for dead and tiny groups which neighbour could take their people.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings, optional
        Those of the talk when not given.
    verdicts : DataFrame, optional
        group_id and verdict ("dead" counts). Without it, dead is a group that wrote once and has not for
        two windows.

    Returns
    -------
    DataFrame
        One row per dead or tiny group, the largest first: group_id, title, into_group_id (missing: no
        neighbour fits), into_title, n_members, n_into, n_after (people of both and of the rows above that go
        there, each once), n_shared (people of both now), shared_share (of the smaller group's), topics_alike
        (cosine of the topics of both, missing with fewer than 10 messages on topics), reason, against.

    Notes
    -----
    A neighbour shares people (a fifth of the group) or topics (cosine 0.5 and more), is not dead itself,
    and stays within ``split_above`` people afterwards, with all that go there. Of several, the one with the
    highest sum of both. A group that is to go takes nobody in, and one that takes people in does not go.
    """
    settings = settings or talk.settings
    n_groups = len(talk.group_ids)
    if not n_groups:
        return pd.DataFrame(columns=COLUMNS)
    member = _member_matrix(talk)
    sizes = np.asarray(member.sum(axis=1)).ravel().astype(int)
    dead = _find_dead(talk, settings, verdicts)
    weak = np.flatnonzero((sizes > 0) & (dead | (sizes <= settings.tiny_members)))
    topics, n_told = _topic_shares(talk)
    rows, joining, goes = [], {}, np.zeros(n_groups, dtype=bool)
    for code in weak[np.argsort(-sizes[weak], kind="stable")]:
        shared = np.asarray((member[[code]] @ member.T).todense()).ravel().astype(int)
        alike = (topics @ topics[code]).round(9)
        alike[(n_told < LEAST_MESSAGES) | (n_told[code] < LEAST_MESSAGES)] = np.nan
        people = member.indices[slice(*member.indptr[code : code + 2])]
        near = (shared / sizes[code] >= LEAST_SHARED) | (np.nan_to_num(alike) >= LEAST_ALIKE)
        after = sizes + sizes[code] - shared
        for into in np.flatnonzero(near).tolist():
            if into in joining:
                after[into] += len(joining[into]) - np.isin(people, joining[into]).sum()
        fits = near & ~dead & ~goes & (sizes > 0) & (after <= settings.split_above)
        fits[code] = False
        if code in joining:
            fits[:] = False
        score = np.where(fits, shared / sizes[code] + np.nan_to_num(alike), -np.inf)
        into = int(score.argmax()) if fits.any() else -1
        row = _describe(talk, int(code), into, sizes, shared, after, alike, bool(dead[code]), settings)
        if into >= 0:
            goes[code] = True
            there = member.indices[slice(*member.indptr[into : into + 2])]
            joining[into] = np.union1d(joining.get(into, people[:0]), np.setdiff1d(people, there))
        elif code in joining:
            row["against"] = "people of another group are to come here"
        rows.append(row)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype({name: "Int64" for name in ("n_members", "n_into", "n_after", "n_shared")})


def _member_matrix(talk) -> sparse.csr_array:
    """Return who is in which group now, shape (n_groups, n_users)."""
    rows = talk.roster[talk.here]
    ones = np.ones(len(rows))
    shape = (len(talk.group_ids), len(talk.user_ids))
    return sparse.csr_array((ones, (rows["group"].to_numpy(), rows["user"].to_numpy())), shape=shape)


def _find_dead(talk, settings, verdicts: pd.DataFrame | None) -> np.ndarray:
    """Say which groups are dead, by verdict or by silence."""
    if verdicts is not None:
        check_columns(verdicts.columns, ["group_id", "verdict"], "verdicts")
        return np.isin(
            talk.group_ids, verdicts.loc[verdicts["verdict"] == DEAD, "group_id"].to_numpy(dtype=object)
        )
    group = talk.messages["group"].to_numpy()[talk.by_people]
    second = talk.messages["second"].to_numpy()[talk.by_people]
    last = np.full(len(talk.group_ids), -np.inf)
    np.maximum.at(last, group, second.astype(float))
    # A group that never wrote may lack its messages rather than its life.
    return np.isfinite(last) & (last < -SILENT_WINDOWS * settings.window_days * DAY)


def _topic_shares(talk) -> tuple[np.ndarray, np.ndarray]:
    """Return topics of each group as rows of length 1, shape (n_groups, n_topics), and messages on topics."""
    messages = talk.messages[talk.by_people & (talk.messages["topic"].to_numpy() >= 0)]
    counts = np.zeros((len(talk.group_ids), max(len(talk.topics), 1)))
    np.add.at(counts, (messages["group"].to_numpy(), messages["topic"].to_numpy()), 1.0)
    length = np.linalg.norm(counts, axis=1, keepdims=True)
    return np.divide(counts, length, out=np.zeros(counts.shape), where=length > 0), counts.sum(axis=1)


def _describe(talk, code: int, into: int, sizes, shared, after, alike, is_dead: bool, settings) -> dict:
    """Return the row of one group that could be merged."""
    title = talk.groups["title"]
    what = "nobody writes any more" if is_dead else f"only {sizes[code]} people"
    row = {"group_id": talk.group_ids[code], "title": title.iloc[code], "n_members": sizes[code]}
    if into < 0:
        return row | {
            "into_group_id": None, "into_title": None, "n_into": pd.NA, "n_after": pd.NA, "n_shared": pd.NA,
            "shared_share": np.nan, "topics_alike": np.nan, "reason": what,
            "against": "no living group shares people or topics and has room: ask the members, or close it",
        }  # fmt: skip
    likeness = float(alike[into])
    reasons = [what]
    if shared[into]:
        reasons.append(f"{shared[into]} of {sizes[code]} people are in the other group already")
    if likeness >= LEAST_ALIKE:
        reasons.append(f"both write about the same (likeness of topics {likeness:.2f})")
    return row | {
        "into_group_id": talk.group_ids[into],
        "into_title": title.iloc[into],
        "n_into": sizes[into],
        "n_after": after[into],
        "n_shared": shared[into],
        "shared_share": shared[into] / sizes[code],
        "topics_alike": likeness,
        "reason": "; ".join(reasons),
        "against": "; ".join(_speak_against(talk, code, into, sizes, shared, after, likeness, settings)),
    }


def _speak_against(talk, code: int, into: int, sizes, shared, after, likeness: float, settings) -> list[str]:
    """Return what should make one think twice."""
    against = []
    new = sizes[code] - shared[into]
    if likeness != likeness:
        against.append("too few messages on topics to compare what they write about")
    elif likeness < LEAST_ALIKE:
        against.append(f"they write about different things (likeness of topics {likeness:.2f})")
    if not shared[into]:
        against.append("nobody knows the other group yet")
    if new > sizes[into] / 2:
        against.append(f"{new} would join {sizes[into]}: a wave of newcomers changes a group")
    others = after[into] - sizes[into] - new
    if others > 0:
        against.append(f"{others} more are to come from other groups")
    if after[into] > 0.9 * settings.split_above:
        against.append(f"{after[into]} people are near to the bound of {settings.split_above}")
    charter = talk.groups["charter"].to_numpy()
    if min(charter[code], charter[into]) >= 0 and charter[code] != charter[into]:
        names = join_words([str(talk.topics[charter[each]]) for each in (code, into)])
        against.append(f"they are for different things ({names})")
    channel = talk.groups["channel"]
    if channel.iloc[code] and channel.iloc[into] and channel.iloc[code] != channel.iloc[into]:
        against.append("they are on different channels")
    return against
