"""The topics of the plan as rows of the one advice table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting.topics.affinity import TopicAffinity
from segtool.targeting.verdicts import ADVICE, ASSUMPTION

LIFT, SHARE = "lift over everyone", "share of all activity"


def topic_advice(table: pd.DataFrame, affinity: TopicAffinity | None) -> pd.DataFrame:
    """Return the plan's topics as advice, aspect "topic".

    Parameters
    ----------
    table : DataFrame
        As the plan table: persona_id, persona, rank, topic, estimate, lo, hi, n_users, n_events, level,
        verdict, reason.
    affinity : TopicAffinity or None
        None where no topic is known.

    Returns
    -------
    DataFrame in the columns of `ADVICE`.
        A row that rests on everyone has no lift to tell (everyone over everyone): its estimate is the
        topic's share of all activity, with the interval of that. So it is with a single persona, whose
        topics are simply its most popular ones.
    """
    if table.empty:
        return pd.DataFrame(columns=ADVICE)
    rows = table.assign(aspect="topic", advice=table["topic"].astype(str), unit=LIFT)
    everyone = rows["level"].eq("everyone").to_numpy()
    if affinity is None or not everyone.any():
        unknown = rows["estimate"].isna()
        rows["verdict"] = rows["verdict"].where(~unknown, ASSUMPTION)
        return _typed(rows)
    shares = affinity.everyone().set_index("topic")
    for name, source in (("estimate", "share"), ("lo", "share_lo"), ("hi", "share_hi")):
        rows[name] = np.where(everyone, rows["topic"].map(shares[source]), rows[name]).astype(float)
    rows["unit"] = np.where(everyone, SHARE, LIFT)
    return _typed(rows)


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    kinds = {"persona_id": int, "rank": int, "n_users": int, "n_events": int, "estimate": float}
    return rows[ADVICE].astype(kinds).reset_index(drop=True)
