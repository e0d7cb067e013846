"""Items of personas in words: reasons, items to be tried, and rows of the advice table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.targeting.items.cold import ColdItems
from segtool.targeting.items.history import History
from segtool.targeting.items.persona_lists import COLUMNS
from segtool.targeting.members import Members
from segtool.targeting.verdicts import ADVICE, ASSOCIATED, ASSUMPTION


def cold_rows(cold: ColdItems | None, history: History, members: Members, n_each: int) -> pd.DataFrame:
    """Return for each persona the most promising items that hardly anybody has touched."""
    n_personas = len(members.names)
    if cold is None or not n_each or not n_personas or not cold.expected:
        return pd.DataFrame(columns=COLUMNS)
    nobody = sparse.csr_array((n_personas, history.seen.shape[1]), dtype=np.float32)
    ranked = cold.rank(np.array(members.persona_ids, dtype=object), nobody, np.eye(n_personas), n_each)
    item = pd.Index(cold.catalogue.item_ids).get_indexer(ranked["item_id"])
    names = dict(zip(members.persona_ids, members.names, strict=True))
    table = ranked[["user_id", "rank", "item_id", "score"]].rename(columns={"user_id": "persona_id"})
    table["persona"] = table["persona_id"].map(names)
    table["estimate"] = np.exp(table["score"])
    for name in ("title", "topic", "format"):
        table[name] = getattr(cold.catalogue, name)[item]
    for name in ("lo", "hi", "rank_lo", "rank_hi", "p_top"):
        table[name] = np.nan
    return table.assign(n_users=0, n_events=0, level="everyone", explore=True)[COLUMNS]


def add_reasons(table: pd.DataFrame, members: Members, min_users: int) -> pd.DataFrame:
    """Say why each item is in the list, and order the table by persona, items to be tried last."""
    table = table.sort_values(["persona_id", "explore", "rank"], kind="stable", ignore_index=True)
    table["persona_id"] = table["persona_id"].astype(int)
    table["rank"] = table.groupby("persona_id").cumcount() + 1
    alone = len(members.names) == 1
    return table.assign(reason=[_reason(row, alone, min_users) for row in table.itertuples()])


def _reason(row, alone: bool, min_users: int) -> str:
    if row.explore:
        known = [str(word) for word in (row.topic, row.format) if isinstance(word, str)]
        like = f" ({', '.join(known)})" if known else ""
        return (
            f"to be tried: hardly anybody has touched it. A forecast, no finding: items like it{like} are taken "
            f"up {row.estimate:.1f}× as often as the average item. No interval can be given"
        )
    users = f"{row.n_users:,} users"
    if row.level == "everyone":
        lead = "what everyone takes up most"
        few = "" if alone else f"; fewer than {min_users} of this persona have taken up anything"
        share = f"{row.estimate:.0%} of active users ({row.lo:.0%} to {row.hi:.0%}, {users})"
        return f"{lead}: {share}{few}{_rank_words(row)}"
    lift = f"{row.estimate:.1f}× as often as by everyone ({row.lo:.1f} to {row.hi:.1f}, {users})"
    if row.lo > 1:
        return f"taken up {lift}{_rank_words(row)}"
    return f"among what they take up most, not surely more than everyone does: {lift}{_rank_words(row)}"


def _rank_words(row) -> str:
    if not np.isfinite(row.rank_lo):
        return ""
    return f"; rank {row.rank_lo:.0f} to {row.rank_hi:.0f}"


def advice_rows(table: pd.DataFrame, alone: bool = False) -> pd.DataFrame:
    """Return the plan's advice: one row per persona and item.

    Parameters
    ----------
    table : DataFrame
        See `ItemPlan.table`.
    alone : bool
        There is one persona: what holds for everyone holds for it.
    """
    tried, everyone = table["explore"].astype(bool), table["level"] == "everyone"
    units = ["expected lift by topic and format", "share of users who took it up"]
    return table.assign(
        aspect=np.where(tried, "explore", "item"),
        advice=table["item_id"].astype(str),
        unit=np.select([tried, everyone], units, "lift over everyone"),
        verdict=np.where(tried | (everyone & (not alone)), ASSUMPTION, ASSOCIATED),
    )[ADVICE]
