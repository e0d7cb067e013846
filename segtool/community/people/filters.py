"""Filters: members whose judgement others follow, since their likes and ratings come before the circle's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.people.judgements import read_circles, read_judgements
from segtool.community.people.precedence import count_followers, judge_users
from segtool.community.settings import CommunitySettings
from segtool.display import Shown
from segtool.notes import known, unknown

COLUMNS = [
    "user_id", "circle", "n_circles", "n_judged", "after", "after_expected", "before", "before_expected",
    "ratio", "lo", "hi", "p", "q", "filter", "reason",
]  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class Filters(Shown):
    """Members whose likes and ratings precede those of their circle; association only.

    Parameters
    ----------
    table : DataFrame
        One row per user with enough judgements, the surest first: user_id, circle (in which most of the
        judgements fall), n_circles, n_judged (items liked, reviewed or shared that others of the circle
        took up, too), after (others who took them up within the lag after), after_expected (from the
        course of the items elsewhere), before and before_expected (the same before), ratio (after over
        after_expected, shrunken; with lo and hi), p, q (after Benjamini and Hochberg), filter and reason.
    notes : tuple of str
    """

    table: pd.DataFrame
    notes: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return the filters, the surest first."""
        return self.table[self.table["filter"]].reset_index(drop=True)

    def headline(self) -> str:
        """Return how many were found, of how many."""
        return f"Filters: {int(self.table['filter'].sum()):,} of {len(self.table):,} users judged (associated only)"


def find_filters(
    sources, circles, settings: CommunitySettings | None = None, random_state: int = 0
) -> Filters:
    """Find those whose stated judgement comes before that of their circle.

    Parameters
    ----------
    sources : Sources
        With events that name items.
    circles : DataFrame or Talk
        user_id and circle (a user may be in several), or a talk whose groups are taken.
    settings : CommunitySettings, optional
    random_state : int
        Not used: nothing is drawn. Kept so that all findings are called alike.

    Returns
    -------
    Filters
        Without rows, and with a note that says why, where there is nothing to go on.

    Raises
    ------
    InputError
        If ``circles`` lacks a column.

    Notes
    -----
    See `count_followers` and `judge_users`. It differs from who goes first in buying: here somebody has
    liked, reviewed or shared an item, and others like, review, share, put into the cart or buy it after.
    """
    settings = settings or (CommunitySettings() if isinstance(circles, pd.DataFrame) else circles.settings)
    judgements = read_judgements(sources, read_circles(circles))
    if judgements is None:
        return _nothing("there are no events that name an item, or no circle of two people")
    table = count_followers(judgements, settings.filter_lag_days)
    table = table[table.groupby("user")["user"].transform("size") >= settings.filter_min_items]
    if table.empty:
        return _nothing(
            f"nobody judged {settings.filter_min_items} items that others of the circle took up, too"
        )
    users = judge_users(table, settings.people_confidence)
    return _name_filters(users, table, judgements, settings)


def _name_filters(users: pd.DataFrame, table: pd.DataFrame, judgements, settings) -> Filters:
    from statsmodels.stats.multitest import multipletests

    users["q"] = multipletests(users["p"], method="fdr_bh")[1]
    users["filter"] = (users["q"] <= settings.filter_false_share) & (users["lo"] > 1)
    users["user_id"] = judgements.user_ids[users["user"]]
    most = table.groupby(["user", "circle"]).size().reset_index(name="n")
    most = most.sort_values(["user", "n", "circle"], ascending=[True, False, True]).drop_duplicates("user")
    users["circle"] = judgements.circle_names[users["user"].map(most.set_index("user")["circle"])]
    users["reason"] = [_reason(row, settings) for row in users.itertuples()]
    users = users.sort_values(["p", "user_id"], kind="stable", ignore_index=True)
    n = int(users["filter"].sum())
    notes = [
        known(
            f"Filters: {len(users):,} users judged {settings.filter_min_items} items or more that others of their"
            f" circle took up; {n:,} are named, where at most {settings.filter_false_share:.0%} of those named may be"
            " so by chance."
        ),
        unknown(
            "Filters: whether others take things up because of them. Whoever sees things first is followed in time,"
            " too; only showing a judgement to some, drawn by lot, can tell."
        ),
    ]
    return Filters(users[COLUMNS].round({name: 6 for name in ("ratio", "lo", "hi")}), tuple(notes))


def _reason(row, settings: CommunitySettings) -> str:
    lag = f"{settings.filter_lag_days:g} days"
    told = (
        f"of {row.n_judged} items judged, others took up {row.after:.0f} in the {lag} after, {row.after_expected:.0f}"
        f" expected from elsewhere ({row.ratio:.1f}×, {row.lo:.1f} to {row.hi:.1f}); {row.before:.0f} in the {lag} before"
    )
    return told if row.filter else f"{told}: not beyond chance"


def _nothing(why: str) -> Filters:
    empty = pd.DataFrame({name: np.array([], dtype=object) for name in COLUMNS}).astype({"filter": bool})
    return Filters(empty, (unknown(f"Filters: whose judgement others follow; {why}."),))
