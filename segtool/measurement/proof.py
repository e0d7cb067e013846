"""What a test proved, as rows to be joined to the advice it tested."""

from __future__ import annotations

import pandas as pd

from segtool.checks import check_in
from segtool.errors import InputError
from segtool.measurement.lift import Lift

COLUMNS = [
    "persona_id", "persona", "aspect", "advice", "estimate", "unit", "lo", "hi", "n_users", "verdict", "reason",
]  # fmt: skip


def proof_table(lift: Lift, aspect: str, advice: str, *, arm: str | None = None) -> pd.DataFrame:
    """Return what a test says of a piece of advice, one row per persona.

    Parameters
    ----------
    lift : Lift
    aspect, advice : str
        What was tested, in the words of the plan: "topic" and "fitness", "channel" and "app_push".
    arm : str, optional
        The arm that got it; needed where there are several.

    Returns
    -------
    DataFrame
        persona_id, persona, aspect, advice, estimate, unit, lo, hi, n_users, verdict, reason; of the primary
        metric only. The verdict is "proved by test" where the persona's own effect is proved, or
        everyone's is and nothing says that personas differ; "harm", "no effect found" or "not tested"
        otherwise.

    Raises
    ------
    InputError
        If the test was not read by persona, or has several arms and none is named.
    """
    arms = list(dict.fromkeys(lift.overall["arm"]))
    if arm is None and len(arms) > 1:
        raise InputError(f"The test has {len(arms)} arms.", f"one of {', '.join(arms)}.", "Say arm=...")
    arm = check_in("arm", arm or arms[0], arms)
    rows = lift.table[(lift.table["metric"] == lift.primary) & (lift.table["arm"] == arm)]
    if rows.empty:
        raise InputError("The test was not read by persona.", "a lift with personas.")
    return pd.DataFrame(
        {
            "persona_id": rows["persona_id"].astype(int),
            "persona": rows["persona"],
            "aspect": aspect,
            "advice": advice,
            "estimate": rows["estimate"],
            "unit": f"{lift.primary} per user over control",
            "lo": rows["lo"],
            "hi": rows["hi"],
            "n_users": rows["n_treated"] + rows["n_control"],
            "verdict": rows["verdict"],
            "reason": rows["reason"],
        }
    )[COLUMNS].reset_index(drop=True)
