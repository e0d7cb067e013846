"""The sends of a study as a log with propensities, summed by user and arm."""

from __future__ import annotations

import pandas as pd

from segtool.errors import InputError, ParameterError

MIN_ANSWERS = 50  # fewer answers than this in all, and opens are read instead of answers
COLUMNS = ["user_id", "persona_id", "persona", "arm", "propensity", "n", "hits"]


def read_logged_sends(sources, personas, *, outcome: str | None = None, arm: str = "arm") -> pd.DataFrame:
    """Read which arm was sent to whom, with what chance, and what came of it.

    Parameters
    ----------
    sources : Sources
    personas : Personas
        Users in no persona are left out.
    outcome : {"responded", "opened"}, optional
        Answers where there are at least 50, else opens.
    arm : str
        Column of ``sends``: "arm", "topic" or "item_id".

    Returns
    -------
    DataFrame
        user_id, persona_id, persona, arm, propensity, n (sends), hits (with the outcome), one row per user, arm
        and propensity; ``attrs`` hold outcome, days (that the log spans) and arms_are ("topic" where the
        arm is the topic of every send, else "arm").

    Raises
    ------
    InputError
        If there are no sends, or they hold no arm, no propensity or no outcome.
    """
    columns = sources.engine.columns("sends") if "sends" in sources.tables else []
    missing = [name for name in (arm, "propensity") if name not in columns]
    if missing:
        raise InputError(
            f"the sends hold no {' and no '.join(missing)}.",
            "for each send its arm and the chance with which the arm was drawn.",
            "Draw what is sent, and write the chance into the column propensity.",
        )
    outcome, facts = _outcome(sources, columns, outcome)
    topic = f"count(*) FILTER (WHERE topic IS NOT NULL AND topic = {arm})" if "topic" in columns else "0"
    facts["arms_are"] = "arm"
    if arm in ("topic", "item_id"):
        _check_drawn(sources, columns, arm)
        facts["arms_are"] = arm.removesuffix("_id")
    elif sources.engine.query(f"SELECT {topic} = count(*) AS same FROM sends").iloc[0]["same"]:
        facts["arms_are"] = "topic"
    sums = sources.engine.query(f"""
        SELECT user_id, CAST({arm} AS VARCHAR) AS arm, propensity, count(*) AS n,
               count(*) FILTER (WHERE {outcome}) AS hits
        FROM sends WHERE {arm} IS NOT NULL
        GROUP BY user_id, {arm}, propensity
        ORDER BY user_id, arm, propensity
    """)
    home = personas.memberships.idxmax(axis=1).where(personas.memberships.max(axis=1) > 0).dropna()
    persona = sums["user_id"].map(home)
    table = sums.assign(persona_id=persona, persona=persona.map(personas.names))[persona.notna()]
    table = table.astype({"persona_id": int, "n": float, "hits": float})[COLUMNS].reset_index(drop=True)
    table.attrs.update(facts)
    return table


def _check_drawn(sources, columns, arm: str) -> None:
    """Refuse to read the chance of an arm as that of a topic or an item."""
    if "arm" not in columns:
        return
    other = sources.engine.query(
        f"SELECT count(*) AS n FROM sends WHERE arm IS NOT NULL AND {arm} IS NOT NULL AND arm <> {arm}"
    ).iloc[0]["n"]
    if other:
        raise InputError(
            f"the propensities of {int(other):,} sends are those of their arm, not of their {arm}.",
            f"sends whose arm is their {arm}.",
            'Read the log with arm="arm".',
        )


def _outcome(sources, columns, outcome: str | None) -> tuple[str, dict]:
    present = [name for name in ("responded", "opened") if name in columns]
    if outcome is not None and outcome not in present:
        raise ParameterError(
            f"outcome is {outcome!r}.", f"one of {', '.join(present) or 'none: none is recorded'}."
        )
    sums = "".join(f", count(*) FILTER (WHERE {name}) AS {name}" for name in present)
    counts = sources.engine.query(
        f"SELECT count(*) AS n, max(age_days) - min(age_days) AS days{sums} FROM sends"
    ).iloc[0]
    seen = [name for name in present if counts[name] > 0]
    enough = [name for name in seen if counts[name] >= MIN_ANSWERS]
    chosen = outcome or next(iter(enough or seen), None)
    if chosen is None:
        raise InputError("nothing is recorded of what came of the sends.", "answers or opens.")
    return chosen, {"outcome": chosen, "days": max(float(counts["days"]), 1.0)}
