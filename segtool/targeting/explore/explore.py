"""What to try on whom, what it costs, and when it stops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from segtool.display import Shown
from segtool.notes import known, unknown
from segtool.targeting.explore.draw import arm_chances, draw_arms, mix_chances
from segtool.targeting.explore.posteriors import COLUMNS, read_posteriors
from segtool.targeting.members import Members
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE, ASSOCIATED, ASSUMPTION

SHOWN = 3  # arms to try that are named per persona; the draw knows them all
COSTS = [
    "persona_id", "persona", "best", "rate", "share", "n_running", "n_stopped", "cost_per_100_sends", "weekly_cost",
]  # fmt: skip
WORDS = {"topic": "topic", "item_id": "item", "arm": "variant"}


@dataclass(frozen=True, repr=False, eq=False)
class ExplorePlan(Shown):
    """What is tried on each persona, with the chance of each arm; made by `explore_topics`.

    Parameters
    ----------
    table : DataFrame
        The posteriors (see `read_posteriors`) with p_best (chance of being the persona's best arm), running
        (bool: not stopped), chance (of being drawn when a send tries any arm, sums to 1 by persona; 0 where a
        running arm waits for those before it), best (bool),
        cost (answers lost per send of this arm instead of the best one) and sends_to_stop (further sends of
        it after which it stops, if it is as good as it seems; missing where it is not behind).
    costs : DataFrame
        One row per persona: persona_id, persona, best, rate (answers per send), share (of sends that explore),
        n_running, n_stopped, cost_per_100_sends and weekly_cost, in answers.
    advice : DataFrame
        The first arms to try, aspect "explore".
    notes : tuple of str
    settings : TargetingSettings
    random_state : int
    """

    table: pd.DataFrame
    costs: pd.DataFrame
    advice: pd.DataFrame
    notes: tuple[str, ...]
    settings: TargetingSettings
    random_state: int = 0

    @property
    def chances(self) -> pd.DataFrame:
        """persona_id, topic, probability, share: what an exploring send is drawn from, and how many explore.

        It is the mixture that is priced in ``costs``: what the share exceeds ``explore_share`` by goes to new
        arms alone. The ``share`` of a persona's sends is drawn with these probabilities.
        """
        mixed = mix_chances(self.table, *quotas(self.settings))
        return mixed.rename(columns={"arm": "topic"})

    def draw(
        self, sends: pd.DataFrame, blocked: pd.DataFrame | None = None, random_state: int | None = None
    ) -> pd.DataFrame:
        """Draw an arm for each send, see `draw_arms`: arm, propensity, purpose."""
        quota, new_quota = quotas(self.settings)
        return draw_arms(
            self.table,
            sends,
            quota=quota,
            new_quota=new_quota,
            blocked=blocked,
            random_state=self.random_state if random_state is None else random_state,
        )

    def to_pandas(self) -> pd.DataFrame:
        """Return the arms that are tried."""
        return self.table[self.table["chance"] > 0].reset_index(drop=True)

    def headline(self) -> str:
        """Return the cost of exploring in a sentence."""
        if self.costs.empty:
            return "Nothing to explore with: the sends say too little"
        weekly, n = self.costs["weekly_cost"].sum(), len(self.costs)
        return f"Exploring on {n} persona{'s' * (n != 1)} costs about {weekly:,.1f} answers a week"


def quotas(settings: TargetingSettings) -> tuple[float, float]:
    """Return the share of sends that explore, and the share while there is something new."""
    return settings.explore_share, max(settings.explore_new_share, settings.explore_share)


def explore_topics(
    sources,
    members: Members,
    user_ids: np.ndarray,
    log: SendLog,
    settings: TargetingSettings,
    random_state: int = 0,
    arm: str = "topic",
) -> ExplorePlan:
    """Say which topics to try on which persona, what that costs in answers, and when it stops.

    Parameters
    ----------
    sources : Sources
    members : Members, shape (n_users, n_personas)
    user_ids : ndarray of str
    log : SendLog
    settings : TargetingSettings
        ``explore_share`` of sends try something; ``explore_new_share`` while there is content that was
        sent fewer than ``explore_until`` times.
    random_state : int
    arm : {"topic", "item_id", "arm"}

    Returns
    -------
    ExplorePlan
    """
    posteriors = read_posteriors(sources, members, user_ids, log, settings, arm)
    if posteriors.empty:
        return _nothing(log, settings, random_state, arm)
    table = arm_chances(
        posteriors,
        n_draws=settings.explore_draws,
        floor=settings.explore_floor,
        stop=settings.explore_stop,
        share=settings.explore_share,
        random_state=random_state,
    )
    table = _costed(table, settings)
    costs = _costs(table, _weekly(log, members, table), settings)
    rows = [
        row for key, mine in table.groupby("persona_id") for row in _advice(mine, costs, log, settings, arm)
    ]
    advice = pd.DataFrame(rows, columns=ADVICE)
    return ExplorePlan(table, costs, advice, _notes(table, costs, log, settings, arm), settings, random_state)


def _costed(table: pd.DataFrame, settings) -> pd.DataFrame:
    """Add what each arm loses against the best one, and how much longer it will be tried."""
    by = table.groupby("persona_id", sort=False)
    first = by["estimate"].transform("idxmax")
    top = table.loc[first].set_axis(table.index)
    gap = top["estimate"] - table["estimate"]
    noise = table["estimate"] * (1 - table["estimate"])
    size = table["a"] + table["b"]
    # An arm stops when the best one is so many standard errors ahead that its chance is under the stop.
    far = stats.norm.ppf(1 - max(settings.explore_stop, 1e-6))
    left = (gap / far) ** 2 - top["estimate"] * (1 - top["estimate"]) / (top["a"] + top["b"] + 1)
    more = np.where(left > 0, noise / left.where(left > 0, 1.0) - size, np.nan)
    more = np.where(table["running"] & (gap > 0), np.maximum(more, 0), np.nan)
    return table.assign(best=table.index == first, cost=gap, sends_to_stop=np.ceil(more))


def _weekly(log: SendLog, members: Members, table: pd.DataFrame) -> pd.Series:
    """Return the sends a week to each persona at the rhythm of the log."""
    sends = table.groupby("persona_id")["n_sends"].sum()
    # Sends and the weekly rhythm of those who are sent to give users x weeks.
    users = table.groupby("persona_id")["n_users"].max()
    return np.minimum(sends, users * log.weekly_sends)


def _costs(table: pd.DataFrame, weekly: pd.Series, settings) -> pd.DataFrame:
    rows = []
    mixed = mix_chances(table, *quotas(settings)).set_index(["persona_id", "arm"])
    for key, mine in table.groupby("persona_id"):
        best = mine[mine["best"]].iloc[0]
        drawn = mine.merge(mixed, on=["persona_id", "arm"])
        share = float(drawn["share"].max()) if len(drawn) else 0.0
        lost = share * float((drawn["probability"] * drawn["cost"]).sum())
        rows.append(
            {
                "persona_id": key,
                "persona": best["persona"],
                "best": best["arm"],
                "rate": best["estimate"],
                "share": share,
                "n_running": int((mine["chance"] > 0).sum()),
                "n_stopped": int((~mine["running"].astype(bool)).sum()),
                "cost_per_100_sends": 100 * lost,
                "weekly_cost": float(weekly[key]) * lost,
            }
        )
    return pd.DataFrame(rows)


def _advice(mine: pd.DataFrame, costs: pd.DataFrame, log: SendLog, settings, arm: str) -> list[dict]:
    cost = costs[costs["persona_id"] == mine["persona_id"].iloc[0]].iloc[0]
    tried = mine[(mine["chance"] > 0) & ~mine["best"]]
    tried = tried.sort_values(["p_best", "estimate", "arm"], ascending=[False, False, True]).head(SHOWN)
    rows = []
    for rank, row in enumerate(tried.itertuples(), start=1):
        rows.append(
            {
                "persona_id": row.persona_id,
                "persona": row.persona,
                "aspect": "explore",
                "rank": rank,
                "advice": row.arm,
                "estimate": row.estimate,
                "unit": f"{_noun(log)} per send",
                "lo": row.lo,
                "hi": row.hi,
                "n_users": row.n_users,
                "n_events": row.n_sends,
                "level": "persona" if row.n_sends else "everyone",
                "verdict": ASSOCIATED if row.n_sends else ASSUMPTION,
                "reason": _reason(row, cost, log, settings, arm),
            }
        )
    return rows


def _reason(row, cost, log: SendLog, settings, arm: str) -> str:
    noun = _noun(log)
    seen = f"{row.n_sends:,} sends, {row.n_users:,} users" if row.n_sends else "never sent here, 0 users"
    fresh = (
        f"; new: {row.impressions:,} of {settings.explore_until:,} sends to judge it by" if row.is_new else ""
    )
    end = f"tried until its chance falls under {settings.explore_stop:.0%}"
    if row.sends_to_stop == row.sends_to_stop and row.sends_to_stop > 0:
        end += f", about {_rough(row.sends_to_stop)} more sends if it is as good as it seems"
    return (
        f"may be its best {WORDS[arm]} (chance {row.p_best:.0%}), now {cost['best']} with "
        f"{100 * cost['rate']:.1f} {noun} per 100 sends ({seen}){fresh}; trying things in {cost['share']:.0%} of "
        f"sends costs {cost['cost_per_100_sends']:.2f} {noun} per 100 sends; {end}"
    )


def _rough(number: float) -> str:
    """Two digits are all that such a forecast has."""
    digits = len(str(int(number)))
    return f"{int(round(number, -max(digits - 2, 0))):,}"


def _noun(log: SendLog) -> str:
    return "answers" if log.outcome == "responded" else "opens"


def _notes(table, costs, log: SendLog, settings, arm: str) -> tuple[str, ...]:
    noun, word = _noun(log), WORDS[arm]
    weekly, running, stopped = costs["weekly_cost"].sum(), costs["n_running"].sum(), costs["n_stopped"].sum()
    share, more = quotas(settings)
    n_more = int((costs["share"] > share + 1e-9).sum())
    shown = f"{share:.0%} of sends"
    if n_more:
        who = "every persona" if n_more == len(costs) else f"{n_more} of {len(costs)} personas"
        shown = f"{more:.0%} of the sends to {who}" + (
            "" if n_more == len(costs) else f" and {share:.0%} of the others"
        )
    waiting = int((table["running"].astype(bool) & (table["chance"] == 0)).sum())
    waits = f" {waiting:,} wait, so that none is drawn too rarely to learn from." if waiting else ""
    notes = [
        known(
            f"Exploring: {shown} try a {word} that may be better, each drawn with a "
            f"chance that is written down; expected cost {weekly:,.1f} {noun} a week in all. {running:,} "
            f"{word}s of personas are tried, {stopped:,} have stopped (chance of being best under "
            f"{settings.explore_stop:.0%}).{waits}"
        )
    ]
    n_new = table.loc[table["is_new"], "arm"].nunique()
    if n_new and n_more:
        notes.append(
            known(
                f"Exploring: {n_new} {word}s were sent fewer than {settings.explore_until:,} times with a known "
                f"outcome; until then {more:.0%} of sends explore instead of {share:.0%}, and what is more goes "
                "to these alone."
            )
        )
    notes.append(
        unknown(
            f"Exploring: whether a {word} was answered well because of what it is, or because it went to those "
            "who like it anyway. Sends drawn by chance from now on will tell."
        )
    )
    return tuple(notes)


def _nothing(log: SendLog, settings, random_state: int, arm: str) -> ExplorePlan:
    if not log.n_sends:
        why = "no sends are recorded"
    elif log.outcome is None:
        why = "nothing is recorded of what came of the sends"
    else:
        why = f"the sends do not say which {WORDS[arm]} was sent"
    note = unknown(
        f"Exploring: what to try on whom, since {why}. Send each persona several {WORDS[arm]}s with equal "
        f"chances, write the chance into the column propensity, and run again."
    )
    return ExplorePlan(
        table=pd.DataFrame(
            columns=[*COLUMNS, "p_best", "running", "chance", "best", "cost", "sends_to_stop"]
        ),
        costs=pd.DataFrame(columns=COSTS),
        advice=pd.DataFrame(columns=ADVICE),
        notes=(note,),
        settings=settings,
        random_state=random_state,
    )
