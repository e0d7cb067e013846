"""Sharing read as a whole: who brings whom, how good that is, whom to ask, and what travels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.checks import check_columns
from segtool.community.settings import CommunitySettings
from segtool.community.sharing.formats import read_formats
from segtool.community.sharing.growth import GROWTH, LEAST_MEMBERS, measure_growth, watch_members
from segtool.community.sharing.invitations import (
    count_invitations,
    find_strangers,
    read_acts,
)
from segtool.community.sharing.quality import QUALITY, compare_quality, read_outcomes
from segtool.community.sharing.renewal import draw_curve, longest_age, spread_of
from segtool.community.sharing.seeds import MONTH_DAYS, SEEDS, name_seeds, share_attention
from segtool.community.sharing.trees import TREES, Forest, describe_trees, grow_forest, join_groups
from segtool.display import Shown
from segtool.notes import in_order, known, unknown

EVERYBODY = "all groups"
MEMBERS = ["user_id", "group_id", "invited_by", "came", "depth", "root", "brought", "below"]
CURVE = ["age_days", "n_watched", "brought", "lo", "hi", "inviting", "cycle_share"]
CAME = {1: "invited", 0: "alone", -1: ""}
CURVE_POINTS = 24


@dataclass(frozen=True, repr=False, eq=False)
class Sharing(Shown):
    """Who brings whom into the groups, whom to ask to share, and which formats travel.

    Parameters
    ----------
    trees : DataFrame
        First the row of everybody (group_id "", each person once), then one per group: see `describe_trees`.
    members : DataFrame
        One row per row of the roster: user_id, group_id, invited_by (missing: nobody known), came
        ("invited", "alone", "" not known), depth (steps from who came without an inviter), root (user_id of
        that one), brought (people invited directly), below (people in the branches under them).
    growth : DataFrame
        The same rows as ``trees``: see `measure_growth`.
    curve : DataFrame
        Of everybody: see `draw_curve`; hi is missing where members are missing from the roster.
    invitations : DataFrame
        See `count_invitations`.
    quality : DataFrame
        Those invited beside those who came alone: see `compare_quality`. Association only.
    seeds : DataFrame
        Whom to ask to share: see `name_seeds`.
    formats, formats_by_topic : DataFrame
        See `read_formats`.
    problems : DataFrame
        what, n, handled.
    notes : tuple of str
    """

    trees: pd.DataFrame
    members: pd.DataFrame
    growth: pd.DataFrame
    curve: pd.DataFrame
    invitations: pd.DataFrame
    quality: pd.DataFrame
    seeds: pd.DataFrame
    formats: pd.DataFrame
    formats_by_topic: pd.DataFrame
    problems: pd.DataFrame
    notes: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return how many others members bring, everybody first, then by group."""
        shown = ["group_id", "title", "n_members", "n_brought", "k", "lo", "hi", "window_days", "cycle_days",
                 "verdict"]  # fmt: skip
        return self.growth[shown].copy()

    def headline(self) -> str:
        """Return what members bring, or that it is not known."""
        if self.growth.empty:
            return "Sharing: who brings whom is not on record; see the notes"
        return f"Sharing: {self.growth['sentence'].iloc[0]}"


def read_sharing(
    sources,
    talk,
    ties,
    settings: CommunitySettings | None = None,
    circles=None,
    personas: pd.DataFrame | None = None,
    random_state: int = 0,
    roles: pd.DataFrame | None = None,
) -> Sharing:
    """Read who brings whom, whether they stay, whom to ask to share, and which formats travel.

    Parameters
    ----------
    sources : Sources
    talk : Talk
    ties : Ties or None
        Who gives attention to whom; without it seeds rest on their own record alone.
    settings : CommunitySettings, optional
        Those of the talk when not given.
    circles : DataFrame or Circles, optional
        user_id and circle, of which no more than ``seeds_per_circle`` are asked. The group each wrote most
        in when not given.
    personas : DataFrame, optional
        user_id and persona.
    random_state : int
        Not used: nothing here is drawn. Kept so that every reading of the community is called alike.
    roles : DataFrame, optional
        user_id and role, of those who invite; the roster's when not given.

    Returns
    -------
    Sharing
        Parts that cannot be read are empty, with a note that says why.

    Raises
    ------
    InputError
        If ``circles`` or ``personas`` lacks a column.

    Examples
    --------
    >>> from segtool.community.talk import read_talk
    >>> from segtool.sources import Sources
    >>> members = pd.DataFrame({"group_id": "g", "user_id": list("abcdefghijkl"), "joined_at": "2026-01-01",
    ...                         "invited_by": [None] * 12})
    >>> members.loc[1:3, ["joined_at", "invited_by"]] = "2026-02-01", "a"
    >>> sources = Sources.read({"members": members}, as_of="2026-07-01")
    >>> sharing = read_sharing(sources, read_talk(sources), None)
    >>> sharing.trees[["group_id", "n_invited", "depth", "largest"]].values.tolist()
    [['', 3, 1, 4], ['g', 3, 1, 4]]
    """
    settings = settings or talk.settings
    for frame, column, name in ((personas, "persona", "personas"), (roles, "role", "roles")):
        if frame is not None:
            check_columns(frame.columns, ["user_id", column], name)
    strangers = find_strangers(sources, talk)
    skew = settings.clock_skew_minutes
    forest, people = grow_forest(talk.roster, strangers, skew), join_groups(talk.roster, strangers, skew)
    notes: list[str] = []
    parts = _read_trees(talk, forest, people, settings, notes)
    parts |= _read_quality(talk, forest, people, settings, (personas, roles), notes)
    parts["invitations"], told = count_invitations(
        sources, talk, people, settings.stay_days, settings.sharing_confidence
    )
    notes += told
    # Whole months, so that the oldest is as long as the others.
    acts = read_acts(sources, talk, people, max(settings.people_days // MONTH_DAYS, 1) * MONTH_DAYS)
    parts["seeds"] = _read_seeds(talk, ties, acts, settings, circles, notes)
    formats, by_topic, missing = read_formats(sources, settings.min_views, settings.sharing_confidence)
    notes.append(_tell_formats(formats, missing))
    return Sharing(
        **parts,
        formats=formats.reset_index(drop=True),
        formats_by_topic=by_topic,
        problems=forest.problems,
        notes=tuple(in_order(notes)),
    )


def _read_trees(talk, forest: Forest, people: Forest, settings: CommunitySettings, notes: list[str]) -> dict:
    """Return trees, members, growth and curve; empty where nobody's inviter is on record."""
    if not (people.came == 1).any():
        why = "the rosters name no inviter" if talk.has_roster else "there is no table of members"
        notes.append(unknown(f"Sharing: who brings whom, and how many each brings; {why} (invited_by)."))
        names = {"trees": TREES, "members": MEMBERS, "growth": GROWTH, "curve": CURVE}
        return {name: pd.DataFrame(columns=columns) for name, columns in names.items()}
    codes, names = np.arange(len(talk.group_ids)), talk.groups[["group_id", "title"]]
    one, whole = np.zeros(1, dtype=np.int64), pd.DataFrame({"group_id": [""], "title": [EVERYBODY]})
    confidence, window = settings.sharing_confidence, settings.invite_window_days
    watch = watch_members(people)
    age = longest_age(watch, LEAST_MEMBERS)
    spread = spread_of(watch, min(window, age))
    growth = pd.concat(
        [
            measure_growth(people, one, whole, window, confidence, spread),
            measure_growth(forest, codes, names, window, confidence, spread),
        ],
        ignore_index=True,
    )
    last = growth["longest_days"].iloc[0]
    ages = np.linspace(0, last, CURVE_POINTS + 1)[1:] if last == last else np.array([])
    curve = draw_curve(watch, ages, confidence, spread)[CURVE]
    if growth["at_least"].iloc[0]:
        curve["hi"] = np.nan
    notes += _tell_growth(growth, people, forest)
    return {
        "trees": pd.concat(
            [describe_trees(people, one, whole), describe_trees(forest, codes, names)], ignore_index=True
        ),
        "members": _tell_members(talk, forest),
        "growth": growth,
        "curve": curve,
    }


def _tell_members(talk, forest: Forest) -> pd.DataFrame:
    user_id = talk.user_ids[forest.user]
    inviter = talk.roster["inviter"].to_numpy()
    return pd.DataFrame(
        {
            "user_id": user_id,
            "group_id": talk.group_ids[forest.group],
            "invited_by": np.where(inviter >= 0, talk.user_ids[np.maximum(inviter, 0)], None),
            "came": pd.Series(forest.came).map(CAME).to_numpy(dtype=object),
            "depth": forest.depth,
            "root": user_id[forest.root],
            "brought": forest.brought,
            "below": forest.below,
        }
    )[MEMBERS]


def _tell_growth(growth: pd.DataFrame, people: Forest, forest: Forest) -> list[str]:
    row = growth.iloc[0]
    notes = [known(f"Sharing: {row['sentence']}")]
    if row["cycle_days"] == row["cycle_days"]:
        notes.append(
            known(
                f"Sharing: of those brought in the first {row['longest_days']:.0f} days of a member, half come"
                f" within {row['cycle_days']:.0f} days ({row['cycle_lo']:.0f} to {row['cycle_hi']:.0f})."
            )
        )
    notes.append(
        unknown(
            "Sharing: what members bring after the ages seen, and whether later members will bring as many as"
            " the first ones did: those watched longest are those who came first."
        )
    )
    if row["at_least"]:
        notes.append(
            unknown(
                f"Sharing: whether members bring fewer than one other each; {row['at_least']}, so people who left"
                " may be missing from the roster with those they brought. K is a lower bound."
            )
        )
    no_date = int((np.isnan(people.joined) & people.counted).sum())
    if no_date:
        notes.append(
            unknown(f"Sharing: what {no_date:,} people bring whose joining is not known; not counted.")
        )
    for row in forest.problems.itertuples():
        notes.append(known(f"Sharing: {row.what} ({row.n:,} times): {row.handled}."))
    return notes


def _read_quality(talk, forest, people, settings: CommunitySettings, frames, notes: list[str]) -> dict:
    if not (people.came == 1).any():
        return {"quality": pd.DataFrame(columns=QUALITY)}
    outcomes, missing = read_outcomes(forest, talk, settings.stay_days)
    quality = compare_quality(
        forest,
        outcomes,
        talk,
        min_compared=settings.min_compared,
        confidence=settings.sharing_confidence,
        personas=frames[0],
        roles=frames[1],
    )
    notes += [unknown(f"Sharing: {why}.") for why in missing]
    for row in quality[quality["by"] == "all"].itertuples():
        if row.difference == row.difference:
            notes.append(
                known(
                    f"Sharing: {row.measure} after {row.days:.0f} days: {row.invited:.0%} of those invited"
                    f" ({row.n_invited:,}), {row.alone:.0%} of those who came alone ({row.n_alone:,}); within"
                    f" groups {_points(row.difference)} points ({_points(row.lo)} to {_points(row.hi)})."
                )
            )
    notes.append(
        unknown(
            "Sharing: whether being invited makes anybody stay. Who is invited by whom is no lot: the figures"
            " are associated only."
        )
    )
    return {"quality": quality}


def _points(share: float) -> str:
    """Say a difference of shares in points.

    Examples
    --------
    >>> _points(-0.001), _points(0.052)
    ('0', '+5')
    """
    return f"{round(100 * share):+d}" if round(100 * share) else "0"


def _read_seeds(talk, ties, acts: pd.DataFrame, settings: CommunitySettings, circles, notes) -> pd.DataFrame:
    n = len(talk.user_ids)
    code, names = _find_circles(talk, circles)
    n_acts = acts[["shares", "invites", "messages", "brought"]].sum(axis=1).to_numpy()
    known_user, there = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    known_user[talk.roster["user"]] = True
    there[talk.roster.loc[talk.here, "user"]] = True
    bot = np.zeros(n, dtype=bool)
    bot[talk.roster.loc[talk.roster["bot"], "user"]] = True
    active = (acts["last_days"] <= settings.seed_active_days).to_numpy()
    enough = (n_acts >= settings.min_seed_acts) & (acts[["shares", "invites", "brought"]].sum(axis=1) > 0)
    allowed = (there | ~known_user) & ~bot & active & enough.to_numpy()
    if not (allowed & (code >= 0)).any():
        notes.append(unknown("Sharing: whom to ask to share; nobody in a circle did enough lately to go by."))
        return pd.DataFrame(columns=SEEDS)
    listening = share_attention(_talk_only(ties, n))
    seeds, in_people = name_seeds(
        talk.user_ids,
        (code, names),
        acts,
        listening,
        allowed=allowed,
        seeds_per_circle=settings.seeds_per_circle,
        confidence=settings.sharing_confidence,
    )
    unit = "people brought in a month" if in_people else "an index: nobody is known to have brought anybody"
    notes.append(
        known(
            f"Sharing: {len(seeds):,} people to ask, at most {settings.seeds_per_circle} of a circle; expected is"
            f" {unit}, from what each brought and shared, who listens, and who is asked before."
        )
    )
    notes.append(
        unknown(
            "Sharing: what asking them would bring. Expected is what such people brought without being asked;"
            " only a test that asks some of them, drawn by lot, can tell what asking does."
        )
    )
    return seeds


def _talk_only(ties, n: int) -> sparse.csr_matrix:
    """Return attention without invitations: those are counted as people brought, and once is enough."""
    if ties is None:
        return sparse.csr_matrix((n, n))
    table = ties.table[~ties.table["gone"].to_numpy(dtype=bool)]
    weight = (table["weight"] - table["invite"]).to_numpy(dtype=float)
    kept = weight > 0
    pairs = table["user"].to_numpy()[kept], table["other"].to_numpy()[kept]
    return sparse.csr_matrix((weight[kept], pairs), shape=(n, n))


def _find_circles(talk, circles) -> tuple[np.ndarray, np.ndarray]:
    """Return the code of each user's circle, -1 for none, and the circles' names."""
    if circles is not None:
        given = circles if isinstance(circles, pd.DataFrame) else circles.members
        check_columns(given.columns, ["user_id", "circle"], "circles")
        given = given[["user_id", "circle"]].dropna().drop_duplicates("user_id")
        own = given.set_index("user_id")["circle"].astype(str).reindex(talk.user_ids)
        names = np.array(sorted(own.dropna().unique()), dtype=object)
        return pd.Index(names).get_indexer(own), names
    rows = talk.roster[talk.here].sort_values(["user", "n_messages", "group"], ascending=[True, False, True])
    rows = rows.drop_duplicates("user")
    code = np.full(len(talk.user_ids), -1, dtype=np.int64)
    code[rows["user"]] = rows["group"]
    return code, talk.group_ids


def _tell_formats(formats: pd.DataFrame, missing: str) -> str:
    if missing:
        return unknown(f"Sharing: which formats travel; {missing}.")
    sure = formats[formats["verdict"].isin(["travels more", "travels less"])]
    told = [f"{row.value} {row.verdict} ({row.against_topic:.2f}×)" for row in sure.itertuples()]
    said = "; ".join(told) if told else "no format or length differs surely from others of the same topics"
    return known(f"Sharing: {formats.loc[formats['by'] == 'format', 'shares'].sum():,.0f} shares: {said}.")
