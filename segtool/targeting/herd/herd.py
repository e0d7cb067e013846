"""Who goes first in a circle, who waits for others, and what each is to be shown first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.display import Shown
from segtool.notes import known, unknown
from segtool.targeting.herd.adoptions import Adoptions, find_circles, read_adoptions
from segtool.targeting.herd.items import ITEMS, compare_pairs, overall_ratio
from segtool.targeting.herd.scores import score_users, shrink
from segtool.targeting.members import Members
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE, ASSOCIATED

FIRST, WAITS = "first mover", "wait and see"
SERVE = {FIRST: "previews", WAITS: "others' experience first"}
USERS = [
    "user_id", "persona_id", "persona", "role", "serve", "n_circles", "n_items", "n_chances", "followed",
    "followed_usual", "lead", "lo", "hi", "lead_p", "place", "place_usual", "early_p", "early_q", "waited",
    "waited_usual", "waited_p", "waited_q", "after_others", "after_usual", "reason",
]  # fmt: skip
LEAST_SPAN_DAYS = 2  # within a day or two an order is that of the clock, not of a circle


@dataclass(frozen=True, repr=False, eq=False)
class Herd(Shown):
    """Who goes first in a circle and who follows; all of it association.

    Parameters
    ----------
    users : DataFrame
        One row per user who took up enough items beside others of a circle: user_id, persona_id, persona
        (missing for none), role ("first mover", "wait and see" or ""), serve (what to show first), n_circles,
        n_items, n_chances (others who took up the same items), followed (share of them that came within the
        lag after), followed_usual (with shuffled times), lead (followed over followed_usual, shrunken) with
        lo and hi, lead_p, place (mean place in the order, 0 first, 1 last), place_usual, early_p, early_q,
        waited (share of items taken up only after others), waited_usual, waited_p, waited_q, after_others
        (share of items taken up within the lag after somebody), after_usual, reason.
    items : DataFrame
        See `compare_pairs`.
    advice : DataFrame
        Rows of the plan, aspect "herd".
    ratio : tuple of float
        How many times as often two of one circle come within the lag as two of different ones, lo, hi.
    notes : tuple of str
    """

    users: pd.DataFrame
    items: pd.DataFrame
    advice: pd.DataFrame
    ratio: tuple[float, float, float]
    notes: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return the users of a role, the surest first."""
        shown = ["user_id", "persona", "role", "serve", "n_items", "followed", "followed_usual", "waited",
                 "waited_usual", "reason"]  # fmt: skip
        named = self.users[self.users["role"] != ""]
        sure = named[["early_q", "waited_q"]].min(axis=1)
        return named.loc[sure.sort_values(kind="stable").index, shown].reset_index(drop=True)

    def headline(self) -> str:
        """Return how many were found, of how many."""
        if self.users.empty:
            return "Herd: nobody could be judged; see the notes"
        n = self.users["role"].value_counts()
        return (
            f"Herd: of {len(self.users):,} users judged, {n.get(FIRST, 0):,} go first and"
            f" {n.get(WAITS, 0):,} wait for others of their circle (associated only)"
        )


def plan_herd(
    sources,
    members: Members,
    user_ids: np.ndarray,
    settings: TargetingSettings,
    circles: pd.DataFrame | None = None,
    random_state: int = 0,
) -> Herd:
    """Find who goes first and who waits in circles, and say what to show them first.

    Parameters
    ----------
    sources : Sources
    members : Members, shape (n_users, n_personas)
    user_ids : ndarray of str, shape (n_users,)
        As from `sql_users`.
    settings : TargetingSettings
    circles : DataFrame, optional
        user_id and circle; a user may be in several. The groups of the table ``members`` when not given.
    random_state : int
        For the interval of the ratio only.

    Returns
    -------
    Herd
        Without rows, and with notes that say why, where there are no circles or nothing to go on.

    Raises
    ------
    InputError
        If ``circles`` lacks a column.

    Notes
    -----
    Each user's order and followers are compared with deals of the same times among the same people
    (`segtool.targeting.herd.shuffles`). Both tests of all users are judged together by Benjamini and
    Hochberg; a role is given below the share of false ones that is allowed.
    """
    found, what = find_circles(sources, circles)
    if found is None:
        return _nothing(
            "there is no table of members, so no circle is known; give circles= (user_id, circle)"
        )
    known_ids = pd.Index(user_ids)
    found = found[found["user_id"].isin(known_ids)]
    adoptions = read_adoptions(sources, found, settings)
    why = _why_not(adoptions, found)
    if why:
        return _nothing(why)
    scores = score_users(adoptions, settings.herd_lag_days, settings.herd_wait_for)
    scores = scores[scores["n_items"] >= settings.herd_min_items].reset_index(drop=True)
    if scores.empty:
        return _nothing(
            f"nobody took up {settings.herd_min_items} items that others of the circle took up, too"
        )
    users = _tell_users(scores, adoptions, found, members, known_ids, settings)
    items = compare_pairs(adoptions, settings.herd_lag_days)
    ratio = overall_ratio(items, settings.confidence, random_state)
    return Herd(
        users=users,
        items=items,
        advice=_advise(users, members, settings),
        ratio=ratio,
        notes=tuple(_say(users, adoptions, ratio, what, settings)),
    )


def split_circles(circles: pd.DataFrame, members: Members, user_ids: np.ndarray) -> pd.DataFrame:
    """Split circles by persona, for those who look only at people like themselves.

    Parameters
    ----------
    circles : DataFrame
        user_id and circle.
    members : Members
    user_ids : ndarray of str

    Returns
    -------
    DataFrame
        user_id and circle; users of no persona are left out.

    Examples
    --------
    >>> from segtool.targeting.members import align_table
    >>> ids = np.array(["a", "b", "c"], dtype=object)
    >>> personas = align_table(pd.Series({"a": "cooks", "b": "cooks", "c": "gamers"}), ids)
    >>> split_circles(pd.DataFrame({"user_id": ids, "circle": "g1"}), personas, ids)["circle"].tolist()
    ['g1, cooks', 'g1, cooks', 'g1, gamers']
    """
    place = pd.Index(user_ids).get_indexer(circles["user_id"])
    home = np.where(place >= 0, members.home[place], -1)
    kept = circles[home >= 0]
    names = np.array(members.names, dtype=object)[home[home >= 0]]
    return pd.DataFrame(
        {
            "user_id": kept["user_id"].to_numpy(),
            "circle": kept["circle"].astype(str).to_numpy() + ", " + names,
        }
    )


def _nothing(why: str) -> Herd:
    nan = float("nan")
    notes = (unknown(f"Herd: who goes first and who waits; {why}."),)
    return Herd(
        pd.DataFrame(columns=USERS),
        pd.DataFrame(columns=ITEMS),
        pd.DataFrame(columns=ADVICE),
        (nan,) * 3,
        notes,
    )


def _why_not(adoptions: Adoptions | None, found: pd.DataFrame) -> str:
    if not len(found):
        return "no user of this study is in a circle"
    if adoptions is None:
        alone = not (found.groupby("circle").size() > 1).any()
        return "every circle has one member" if alone else "no event names an item or a topic"
    if not len(adoptions):
        return "nobody took anything up while in a circle"
    if np.ptp(adoptions.time) < LEAST_SPAN_DAYS:
        return f"all was taken up within {LEAST_SPAN_DAYS} days, which shows no order of people"
    return ""


def _tell_users(
    scores: pd.DataFrame,
    adoptions: Adoptions,
    found: pd.DataFrame,
    members: Members,
    known_ids: pd.Index,
    settings: TargetingSettings,
) -> pd.DataFrame:
    user_id = adoptions.user_ids[scores["user"].to_numpy()]
    home = members.home[known_ids.get_indexer(user_id)]
    chances = scores["n_chances"].to_numpy(dtype=float)
    usual = np.maximum(scores["lead_mean"] / chances, 1e-9)
    gains = shrink(
        *(scores[f"lead_{name}"].to_numpy() for name in ("seen", "mean", "variance")),
        chances,
        settings.confidence,
    )
    lead, lo, hi = (np.maximum(1 + gain / usual, 0) for gain in gains)
    early_q, waited_q = _adjust(scores["early_p"], scores["waited_p"])
    n = scores["n_items"]
    table = pd.DataFrame(
        {
            "user_id": user_id,
            "persona_id": pd.array(np.r_[members.persona_ids, 0][home], dtype="Int64"),
            "persona": np.r_[np.array(members.names, dtype=object), [None]][home],
            "n_circles": found["user_id"].value_counts().reindex(user_id).to_numpy(),
            "n_items": n,
            "n_chances": scores["n_chances"],
            "followed": scores["lead_seen"] / chances,
            "followed_usual": scores["lead_mean"] / chances,
            "lead": lead,
            "lo": lo,
            "hi": hi,
            "lead_p": scores["lead_p"],
            "place": scores["late_seen"] / n,
            "place_usual": scores["late_mean"] / n,
            "early_p": scores["early_p"],
            "early_q": early_q,
            "waited": scores["waited_seen"] / n,
            "waited_usual": scores["waited_mean"] / n,
            "waited_p": scores["waited_p"],
            "waited_q": waited_q,
            "after_others": scores["follow_seen"] / n,
            "after_usual": scores["follow_mean"] / n,
        }
    )
    table.loc[home < 0, "persona_id"] = pd.NA
    table["role"] = _roles(table, settings)
    table["serve"] = table["role"].map(SERVE).fillna("")
    table["reason"] = [_reason(row, settings) for row in table.itertuples()]
    return table[USERS]


def _adjust(early: pd.Series, waited: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    from statsmodels.stats.multitest import multipletests

    both = multipletests(np.r_[early, waited], method="fdr_bh")[1]
    return both[: len(early)], both[len(early) :]


def _roles(table: pd.DataFrame, settings: TargetingSettings) -> np.ndarray:
    limit = settings.herd_false_share
    # To come first is not to lead: others must follow, and more of them than the shuffled times give.
    first = (table["early_q"] <= limit) & (table["followed"] > table["followed_usual"])
    waits = (table["waited_q"] <= limit) & (table["waited_q"] < table["early_q"])
    return np.where(waits, WAITS, np.where(first, FIRST, ""))


def _reason(row, settings: TargetingSettings) -> str:
    if row.role == WAITS:
        return (
            f"took up {row.waited:.0%} of {row.n_items} items only after {settings.herd_wait_for} others of the"
            f" circle, {row.waited_usual:.0%} with shuffled times"
        )
    if row.role == FIRST:
        return (
            f"among the first for {row.n_items} items; {row.followed:.0%} of the others came within"
            f" {settings.herd_lag_days:g} days after, {row.followed_usual:.0%} with shuffled times"
        )
    return "no order beyond chance"


def _advise(users: pd.DataFrame, members: Members, settings: TargetingSettings) -> pd.DataFrame:
    """Return what to show first to those with a role, one row per persona and role."""
    from statsmodels.stats.proportion import proportion_confint

    rows = []
    for persona_id, name in zip(members.persona_ids, members.names, strict=True):
        own = users[users["persona_id"] == persona_id]
        counts = [(role, int((own["role"] == role).sum())) for role in (WAITS, FIRST)]
        counts = sorted((one for one in counts if one[1]), key=lambda one: -one[1])
        for rank, (role, n) in enumerate(counts, start=1):
            lo, hi = proportion_confint(n, len(own), alpha=1 - settings.confidence, method="wilson")
            n_items = int(own.loc[own["role"] == role, "n_items"].sum())
            rows.append(
                dict(zip(ADVICE, (
                    persona_id, name, "herd", rank, SERVE[role], n / len(own), "share of users judged", lo, hi,
                    n, n_items, "persona", ASSOCIATED, _persona_reason(role, n, len(own), settings),
                ), strict=True))
            )  # fmt: skip
    return pd.DataFrame(rows, columns=ADVICE)


def _persona_reason(role: str, n: int, n_judged: int, settings: TargetingSettings) -> str:
    if role == WAITS:
        return (
            f"some take things up only after {settings.herd_wait_for} others of their circle: show them reviews"
            f" and who has it already, then the offer ({n:,} users, of {n_judged:,} users judged)"
        )
    return (
        f"some are early, and others of their circle follow within {settings.herd_lag_days:g} days: show them"
        f" what is new before the others ({n:,} users, of {n_judged:,} users judged)"
    )


def _say(users, adoptions: Adoptions, ratio, what: str, settings: TargetingSettings) -> list[str]:
    n = users["role"].value_counts()
    notes = [
        known(
            f"Herd: circles are {what}; taking up is the first {adoptions.what} of an item while in the circle;"
            f" {len(users):,} users took up {settings.herd_min_items} items or more beside others."
        ),
        known(
            f"Herd: {n.get(FIRST, 0):,} go first and {n.get(WAITS, 0):,} wait, where at most"
            f" {settings.herd_false_share:.0%} of those named may be so by chance."
            if users["role"].any()
            else "Herd: nobody's order differs surely from that of shuffled times, so nobody is treated apart."
        ),
        unknown(
            "Herd: whether anybody follows anybody. People alike, or shown the same at the same time, come one"
            " after the other, too; only a test that shows others' experience to some, drawn by lot, can tell."
        ),
    ]
    if np.isfinite(ratio[0]):
        notes.insert(
            1,
            known(
                f"Herd: two of one circle take up an item within {settings.herd_lag_days:g} days of each other"
                f" {ratio[0]:.2f}× as often as two of different circles ({ratio[1]:.2f} to {ratio[2]:.2f})."
            ),
        )
    if adoptions.n_cut:
        notes.append(
            unknown(
                f"Herd: {adoptions.n_cut:,} first uses in the last circles were not read (herd_max_adoptions)."
            )
        )
    return notes
