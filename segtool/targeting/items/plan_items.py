"""Which items to show: persona by persona, user by user, with what is not known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from segtool.errors import InputError
from segtool.notes import in_order, known, unknown
from segtool.targeting.items.als import fit_als
from segtool.targeting.items.catalogue import Catalogue, build_catalogue, event_topics, read_content
from segtool.targeting.items.choose import Validation
from segtool.targeting.items.cold import ColdItems, fit_cold
from segtool.targeting.items.history import ItemLog
from segtool.targeting.items.item_notes import content_notes, repeat_note, weight_notes
from segtool.targeting.items.item_rows import add_reasons, advice_rows, cold_rows
from segtool.targeting.items.persona_lists import COLUMNS, list_items
from segtool.targeting.items.profile import Profile, read_profile
from segtool.targeting.items.ranker import ItemRanker
from segtool.targeting.items.read_log import WINDOW_SHARE, read_log
from segtool.targeting.items.signals import fit_signals
from segtool.targeting.items.weights import BUCKETS, Weights, bucket_of
from segtool.targeting.members import Members
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE

# Of what known users did in the window, the share they had done before. Above it, things are used up
# and bought again, and what was bought before is the best guess; below it, they have been seen.
REPEAT_SHARE = 0.3
TABLE = [*COLUMNS, "reason"]


@dataclass(frozen=True)
class ItemPlan:
    """Items for personas and users.

    Parameters
    ----------
    table : DataFrame
        persona_id, persona, rank, item_id, title, topic, format, score (log of the share of what the
        persona takes up), estimate (lift over everyone; the share of users who took it up where level is
        "everyone"; of an item to be tried, the lift its topic and attributes let one expect) with lo, hi,
        rank_lo, rank_hi and p_top (where the item would be ranked had other users of the kind been drawn;
        P(among the first ten)), n_users (who took it up), n_events, level, explore (an item hardly anybody has
        touched, to be tried), reason.
    advice : DataFrame
        The columns of `ADVICE`, aspect "item"; items to be tried have the verdict "assumption".
    weights : DataFrame
        See `Weights.table`; empty where nothing could be ranked for users.
    signals : tuple of str
    repeat : bool
        Items may be recommended again.
    notes : tuple of str
    ranker : ItemRanker or None
    cold_items : ColdItems or None
    """

    table: pd.DataFrame
    advice: pd.DataFrame
    weights: pd.DataFrame
    signals: tuple[str, ...]
    repeat: bool
    notes: tuple[str, ...]
    ranker: ItemRanker | None = None
    cold_items: ColdItems | None = None

    def batches(self, top_k: int = 10, users_at_once: int | None = None) -> Iterator[pd.DataFrame]:
        """Yield user_id, rank, item_id, score, one column per signal, main, because; user by user."""
        if self.ranker is not None:
            yield from self.ranker.batches(top_k, users_at_once)

    def for_users(self, user_ids, top_k: int = 10, exclude: pd.DataFrame | None = None) -> pd.DataFrame:
        """Rank items for some users; see `ItemRanker.for_users`."""
        return self._able().for_users(user_ids, top_k, exclude)

    def explain(self, user_id: str, item_id: str) -> pd.DataFrame:
        """Return signal, because_item, contribution, which sum to the score of the item."""
        return self._able().explain(user_id, item_id)

    def cold(self, user_ids, top_k: int = 5) -> pd.DataFrame:
        """Rank, for some users, the items that hardly anybody has touched."""
        ranker = self._able()
        if self.cold_items is None:
            return pd.DataFrame(columns=["user_id", "rank", "item_id", "score"])
        rows = pd.Index(ranker.user_ids).get_indexer(pd.Index(user_ids, dtype=object))
        if (rows < 0).any():
            raise InputError(
                f"{(rows < 0).sum():,} of these users are not in the study.", "users of the study."
            )
        asked = ranker.asked(rows)
        return self.cold_items.rank(ranker.user_ids[rows], asked.seen, asked.weights, top_k)

    def _able(self) -> ItemRanker:
        if self.ranker is None:
            raise InputError(
                "Items cannot be ranked for users: no event that speaks for an item names one.",
                "events with item_id.",
                "Map the column that says which item an event was about to item_id.",
            )
        return self.ranker


def plan_items(
    sources,
    members: Members,
    user_ids: np.ndarray,
    *,
    labels=None,
    settings: TargetingSettings | None = None,
    random_state: int = 0,
) -> ItemPlan:
    """Rank items for personas and users from what was taken up.

    Parameters
    ----------
    sources : Sources
    members : Members, shape (n_users, n_personas)
    user_ids : ndarray of str
        Sorted, as `sql_users` returns them.
    labels : Labels, optional
        What users said, or others know of them, then stands for their profile.
    settings : TargetingSettings, optional
    random_state : int

    Returns
    -------
    ItemPlan
    """
    settings = settings or TargetingSettings()
    content, content_said = read_content(sources)
    content_ids = np.array([], dtype=object) if content is None else content["item_id"].to_numpy(dtype=object)
    log, log_said = read_log(sources, user_ids, settings, content_ids)
    if log is None:
        return _without_events([*content_said, *log_said])
    catalogue = build_catalogue(log.item_ids, content, event_topics(sources))
    profile = read_profile(sources, labels, user_ids)
    plan = make_plan(log, catalogue, members, profile, settings, random_state)
    notes = [*content_said, *content_notes(catalogue, content), *log_said, *plan.notes]
    return ItemPlan(**{**vars(plan), "notes": tuple(in_order(notes))})


def make_plan(
    log: ItemLog,
    catalogue: Catalogue,
    members: Members,
    profile: Profile,
    settings: TargetingSettings,
    random_state: int = 0,
) -> ItemPlan:
    """Fit, choose weights, and list: the same for sources and for plain tables."""
    notes: list[str] = []
    if log.window_days is None:
        log = log.hold_back(WINDOW_SHARE, random_state)
    repeat = _decide_repeat(log, settings, notes)
    known_items, others = _known_items(log, settings, notes)
    out = ~(catalogue.age_days < 0)
    others = others[out[others]]
    few_log, few = log.keep(known_items), catalogue.keep(known_items)
    with threadpool_limits(1):
        weights = _choose(few_log, few, members, profile, repeat, settings, random_state)
        history = few_log.now()
        latent = _latent(history.seen, settings, random_state)
        signals = fit_signals(history, few, members.weights, profile, repeat=repeat, latent=latent)
        cold = fit_cold(history, catalogue, members.weights, known_items, others) if len(others) else None
    notes.extend(weight_notes(weights, few_log.window_days))
    ranker = ItemRanker(
        log.user_ids, few, history, members.weights, profile, signals, aligned(weights, signals.names), repeat,
        out[known_items],
    )  # fmt: skip
    table = list_items(
        history, few, members, signals.personas, out[known_items],
        top_k=settings.top_k, min_users=settings.min_persona_users, confidence=settings.confidence,
        random_state=random_state,
    )  # fmt: skip
    tried = cold_rows(cold, history, members, settings.item_explore)
    table = pd.concat([table, tried], ignore_index=True) if len(tried) else table
    table = add_reasons(table, members, settings.min_persona_users)[TABLE]
    return ItemPlan(
        table,
        advice_rows(table, len(members.names) == 1),
        weights.table,
        signals.names,
        repeat,
        tuple(notes),
        ranker,
        cold,
    )


def aligned(weights: Weights, names: tuple[str, ...]) -> Weights:
    """Return the weights in the order of other signals; one that was not validated has weight 0."""
    values = np.zeros((len(weights.values), len(names)))
    for place, name in enumerate(names):
        if name in weights.names:
            values[:, place] = weights.values[:, weights.names.index(name)]
    return Weights(names, values, weights.table)


def _choose(log, catalogue, members, profile, repeat, settings, random_state) -> Weights:
    before = log.before_window()
    latent = _latent(before.seen, settings, random_state)
    signals = fit_signals(before, catalogue, members.weights, profile, repeat=repeat, latent=latent)
    targets = log.in_window(repeat)
    there = np.bincount(bucket_of(log.now().length), minlength=len(BUCKETS)) > 0
    return Validation(signals, before, targets, members.weights, profile, repeat, there).choose(random_state)


def _latent(seen, settings, random_state):
    return fit_als(seen, random_state=random_state) if settings.item_engine == "als" else None


def _decide_repeat(log: ItemLog, settings, notes: list[str]) -> bool:
    share = log.repeat_share()
    repeat = share >= REPEAT_SHARE if settings.item_repeat is None else settings.item_repeat
    notes.append(known(repeat_note(repeat, share, settings.item_repeat, log.window_days)))
    return repeat


def _known_items(log: ItemLog, settings, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of items with a history to rank by, and those of the others."""
    support = np.bincount(log.item, minlength=len(log.item_ids))
    least = 1
    if (support > 0).sum() > settings.max_items:
        least = settings.item_min_support
    kept = np.flatnonzero(support >= least)
    if len(kept) > settings.max_items and settings.item_engine == "ease":
        order = np.argsort(-support[kept], kind="stable")[: settings.max_items]
        kept = np.sort(kept[order])
    n_left = int((support > 0).sum() - len(kept))
    if n_left:
        notes.append(
            known(
                f"Items: {len(kept):,} of {len(kept) + n_left:,} are ranked by what people did; the others were "
                f"taken up by too few, and are judged by topic and attributes like new ones."
            )
        )
    return kept, np.setdiff1d(np.arange(len(support)), kept)


def _without_events(notes: list[str]) -> ItemPlan:
    nothing = pd.DataFrame(columns=TABLE)
    advice = pd.DataFrame(columns=ADVICE)
    notes = [*notes, unknown("Items: which to show; use the topics of the plan.")]
    return ItemPlan(nothing, advice, pd.DataFrame(), (), False, tuple(in_order(notes)))
