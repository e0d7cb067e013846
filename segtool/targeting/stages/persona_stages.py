"""How a persona's users spread over the stages, and the same in words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from segtool.targeting.members import Members
from segtool.targeting.stages.rule import LAPSED, UNKNOWN
from segtool.targeting.verdicts import ADVICE, ASSOCIATED

COLUMNS = ["persona_id", "persona", "stage", "n_users", "share", "lo", "hi", "typical"]
LEAST_SECOND = 0.1  # a second stage worth planning for has this share of a persona's users


def persona_stages(users: pd.DataFrame, posterior: pd.DataFrame, members: Members, confidence: float):
    """Spread each persona's users over the stages.

    Parameters
    ----------
    users : DataFrame
        With ``stage`` and ``days_since_event``, in the order of ``members``.
    posterior : DataFrame, shape (n_users, n_stages)
        P(stage), columns lapsed, then the stages, shallow to deep; zeros for a user whose stage is unknown.
    members : Members
    confidence : float

    Returns
    -------
    DataFrame
        persona_id, persona, stage, n_users (those whose likeliest stage it is), share (of all the persona's
        users with any event), lo, hi, typical.

    Notes
    -----
    The share is the mean of the posteriors: counting each user at the likeliest stage would favour the
    common ones. A user's unsure stage and the draw of users together vary as a share of certain users does,
    so the interval is Wilson's. The typical stage is the commonest of those who are here, the deeper one in
    a tie: content meets them. Where most have lapsed, it is that.
    """
    from statsmodels.stats.proportion import proportion_confint

    order = list(posterior.columns)
    active = users["days_since_event"].notna().to_numpy()
    chances = posterior.to_numpy(dtype=float)
    unknown = active & (chances.sum(axis=1) == 0)
    chances = np.column_stack([chances, unknown])
    order.append(UNKNOWN)
    stage = users["stage"].to_numpy(dtype=object)
    rows = []
    for place, (persona_id, name) in enumerate(zip(members.persona_ids, members.names, strict=True)):
        own = (members.home == place) & active
        if not (own & ~unknown).any():
            rows.append((persona_id, name, UNKNOWN, int(own.sum()), np.nan, np.nan, np.nan, True))
            continue
        sums = chances[own].sum(axis=0)
        lo, hi = proportion_confint(sums, own.sum(), alpha=1 - confidence, method="wilson")
        share = sums / own.sum()
        typical = order[0] if sums[0] > sums[:-1].sum() / 2 else _commonest(sums, order)
        counts = [int((stage[own] == one).sum()) for one in order]
        rows += [
            (persona_id, name, one, counts[i], share[i], lo[i], hi[i], one == typical)
            for i, one in enumerate(order)
            if one != UNKNOWN or counts[i]
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _commonest(sums: np.ndarray, order: list[str]) -> str:
    """Return the commonest stage of those who are here, the deeper one in a tie."""
    here = np.round(sums[1:-1], 9)
    return order[len(here) - int(np.argmax(here[::-1]))]


def stage_advice(personas: pd.DataFrame, n_events: dict) -> pd.DataFrame:
    """Say each persona's typical stage, and the next commonest, as rows of advice.

    Parameters
    ----------
    personas : DataFrame
        As from `persona_stages`.
    n_events : dict of int to int
        Events behind each persona, by persona_id.
    """
    reasons = explain_stages(personas)
    rows = []
    for persona_id, own in personas.groupby("persona_id", sort=False):
        known = own[own["stage"] != UNKNOWN]
        known = known.sort_values(["typical", "share"], ascending=False, kind="stable")
        known = known[known["typical"] | (known["share"] >= LEAST_SECOND)].head(2)
        for rank, row in enumerate(known.itertuples(), start=1):
            second = f"second to {known['stage'].iloc[0]}"
            rows.append((
                persona_id, row.persona, "stage", rank, row.stage, row.share, "share of users", row.lo, row.hi,
                int(own["n_users"].sum()), int(n_events.get(persona_id, 0)), "persona", ASSOCIATED,
                reasons[persona_id] if rank == 1 else second,
            ))  # fmt: skip
    return pd.DataFrame(rows, columns=ADVICE)


def _per_cent(share: float, n: int) -> str:
    return f"{share:.0%}"


def explain_stages(
    personas: pd.DataFrame, say_share: Callable[[float, int], str] = _per_cent
) -> dict[int, str]:
    """Say why each persona's typical stage is what it is.

    Parameters
    ----------
    personas : DataFrame
        As of `Stages`: one row per persona and stage.
    say_share : callable
        Share and the number of users it is of -> words. Where it says something else than the
        plain per cent, because few people stand behind it, no interval and no count is told.

    Returns
    -------
    dict of int to str
        By persona_id.
    """
    return {
        persona_id: _explain_stage(own.set_index("stage"), say_share)
        for persona_id, own in personas.groupby("persona_id", sort=False)
    }


def _explain_stage(own: pd.DataFrame, say_share) -> str:
    """Say how a persona's typical stage stands to the others; the lapsed may be more than the active."""
    total = int(own["n_users"].sum())  # everybody with any event
    typical = own.index[own["typical"]][0]
    if typical == UNKNOWN:
        return "nobody's stage is known"

    def tell(stage: str, detail: str) -> tuple[str, str]:
        said = say_share(own["share"][stage], total)
        return said, detail if said == _per_cent(own["share"][stage], total) else ""

    share, bounds = tell(typical, f" ({own['lo'][typical]:.0%} to {own['hi'][typical]:.0%})")
    if typical == LAPSED:
        return f"{share} of {total:,} users have lapsed{bounds}"
    others = own["share"].drop([LAPSED, UNKNOWN, typical], errors="ignore")
    second = others.idxmax() if len(others) else typical
    next_most = f" ({tell(second, '')[0]} at {second})" if len(others) and others.max() >= 0.005 else ""
    n_lapsed = round(own["share"][LAPSED] * total)
    gone, count = tell(LAPSED, f" ({n_lapsed:,})")
    lapsed = f"{gone} have lapsed{count}" if n_lapsed else "nobody has lapsed"
    return f"{share} of {total:,} users are at {typical}{bounds}, commonest among the active{next_most}; {lapsed}"
