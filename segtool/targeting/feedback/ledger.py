"""The ledger of feedback: what counts for and against what, and a row for each change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.display import Shown
from segtool.errors import InputError
from segtool.targeting.feedback.reading import with_ids
from segtool.targeting.feedback.refusals import BLOCKS, EVERYWHERE, item_alone, settle_blocks
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.times import read_times

STATE = ["user_id", "about", "what", "via", "alpha", "beta", "n_events", "last_at"]
AUDIT = [
    "feedback_id", "at", "user_id", "about", "what", "cause", "alpha_before", "alpha_after", "beta_before",
    "beta_after", "effect",
]  # fmt: skip
CLOSING = ["feedback_id", "user_id", "at", "kind", "topic", "item_id", "channel", "via", "dated"]
LATE = "answered late"  # the cause of a change that takes back what the silence of a send had counted
_KEY = ["user_id", "about", "what", "via"]
# Which kinds speak of what: a hide of its item alone, silence of the topic and the channel it came by.
ABOUT = {
    "topic": ("like", "save", "share", "click", "answered", "ignored", "reply_positive", "reply_negative", "mute"),
    "item": ("like", "save", "share", "click", "answered", "reply_positive", "hide"),
    "channel": ("answered", "ignored"),
}  # fmt: skip
_COLUMN = {"topic": "topic", "item": "item_id", "channel": "channel"}
_FILES = ("state", "seen", "closing", "audit")


@dataclass(frozen=True, repr=False, eq=False)
class Feedback(Shown):
    """What is known from feedback, and how it came to be known.

    Parameters
    ----------
    state : DataFrame
        user_id, about ("topic", "item", "channel"), what, via ("events", "sends"), alpha (for), beta
        (against), n_events, last_at; alpha and beta are as they count at ``as_of``.
    seen : DataFrame
        feedback_id of all that was applied.
    closing : DataFrame
        The refusals, opt-ins and releases, from which ``blocks`` follow.
    audit : DataFrame
        One row for each change that the last `apply_feedback` made: feedback_id, at, user_id, about,
        what, cause, alpha_before, alpha_after, beta_before, beta_after, effect.
    blocks : DataFrame
        What is closed at ``as_of``, see `settle_blocks`.
    as_of : Timestamp
    """

    state: pd.DataFrame
    seen: pd.DataFrame
    closing: pd.DataFrame
    audit: pd.DataFrame
    blocks: pd.DataFrame
    as_of: pd.Timestamp

    def to_pandas(self) -> pd.DataFrame:
        """Return the audit."""
        return self.audit.copy()

    def headline(self) -> str:
        """Return what changed, in a sentence."""
        return (
            f"Feedback of {self.seen.shape[0]:,} answers; {len(self.audit):,} changes in the last round, "
            f"{len(self.blocks):,} things are closed"
        )

    def save(self, folder) -> None:
        """Write the ledger as Parquet files into a folder, which is made."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            getattr(self, name).to_parquet(folder / f"{name}.parquet", index=False)
        pd.DataFrame({"as_of": [self.as_of]}).to_parquet(folder / "as_of.parquet", index=False)

    @classmethod
    def read(cls, folder, settings: TargetingSettings | None = None) -> Feedback:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If the folder holds no such ledger.
        """
        folder = Path(folder)
        missing = [name for name in (*_FILES, "as_of") if not (folder / f"{name}.parquet").exists()]
        if missing:
            raise InputError(f"The folder has no {missing[0]}.parquet.", "a folder that Feedback.save wrote.")
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in _FILES}
        as_of = pd.read_parquet(folder / "as_of.parquet")["as_of"].iloc[0]
        blocks = _blocks(tables["closing"], as_of, settings or TargetingSettings())
        return cls(**tables, blocks=blocks, as_of=as_of)


def apply_feedback(
    ledger: Feedback | None,
    events: pd.DataFrame,
    settings: TargetingSettings | None = None,
    *,
    as_of,
) -> Feedback:
    """Add feedback to a ledger; what is in it already changes nothing.

    Parameters
    ----------
    ledger : Feedback or None
        None for a first one.
    events : DataFrame
        As from `read_feedback`: user_id, at, kind; topic, item_id, channel, via, dated and feedback_id where
        known. Without an id a row is known again by what it says. The order of rows does not matter.
    settings : TargetingSettings, optional
    as_of : timestamp or ISO text
        Not before the ledger's own. What happened at or after it waits for a later call.

    Returns
    -------
    Feedback
        A new ledger; the old one is as it was.

    Raises
    ------
    InputError
        If a column is missing, a kind is not known, or ``as_of`` lies before the ledger's.

    Notes
    -----
    Beta counts are conjugate: alpha and beta are sums of weights, each halved every
    ``half_life_days``. Sums do not depend on the order, and a sum kept as of one day is that of a
    later day times one factor, so rounds can be applied as they come.

    A send that was ignored in one round and answered in a later one is an answered send: the answer
    takes back what the silence had counted (their ids say that they are of one send).

    Examples
    --------
    >>> said = pd.DataFrame({"user_id": ["u1", "u1"], "at": ["2026-06-30", "2026-06-29"],
    ...     "kind": ["like", "mute"], "topic": ["recipes", "finance"]})
    >>> once = apply_feedback(None, said, as_of="2026-07-01")
    >>> once.audit[["what", "cause", "alpha_after", "beta_after"]].round(2).values.tolist()
    [['finance', 'mute', 0.0, 4.89], ['recipes', 'like', 0.99, 0.0]]
    >>> len(apply_feedback(once, said, as_of="2026-07-01").audit)
    0
    """
    settings = settings or TargetingSettings()
    moment = read_times(pd.Series([as_of]), "as_of").iloc[0]
    if ledger is not None and moment < ledger.as_of:
        raise InputError("as_of lies before the ledger's.", f"a date from {ledger.as_of.date()} on.")
    unseen = _unseen(_checked(events, settings), ledger, moment)
    new = _once_a_send(unseen, ledger)
    before = _as_of(ledger, moment, settings)
    changes = _changes(new, settings, moment)
    closing = new[new["kind"].isin(_closing_kinds())][CLOSING]
    if ledger is not None:
        closing = pd.concat([ledger.closing, closing], ignore_index=True)
    closing = closing.sort_values("feedback_id", ignore_index=True)
    seen = unseen[["feedback_id"]]
    if ledger is not None:
        seen = pd.concat([ledger.seen, seen], ignore_index=True)
    return Feedback(
        state=_added(before, changes),
        seen=seen.sort_values("feedback_id", ignore_index=True),
        closing=closing,
        audit=_audit(before, changes, new, settings),
        blocks=_blocks(closing, moment, settings),
        as_of=moment,
    )


def _closing_kinds() -> tuple[str, ...]:
    return ("hide", "mute", "unsubscribe", "complain", "opt_in", "release")


def _checked(events: pd.DataFrame, settings: TargetingSettings) -> pd.DataFrame:
    check_columns(events.columns, ["user_id", "at", "kind"], "events")
    known = {*settings.feedback_weights, *_closing_kinds()}
    strange = sorted(set(events["kind"].dropna().astype(str)) - known)
    if strange:
        raise InputError(
            f"feedback of a kind that is not known: {', '.join(strange[:3])}.", ", ".join(sorted(known))
        )
    table = events[events["user_id"].notna() & events["kind"].notna()].copy()
    table["at"] = read_times(table["at"], "at")
    for name in ("topic", "item_id", "channel"):
        table[name] = table[name].astype(object) if name in table else pd.Series(None, table.index, object)
    table["via"] = table.get("via", "events")
    dated = table["dated"].astype("boolean") if "dated" in table else pd.Series(pd.NA, table.index, "boolean")
    table["dated"] = dated.fillna(table["via"] != "sends").astype(bool)
    return with_ids(table[table["at"].notna()])


def _unseen(events: pd.DataFrame, ledger: Feedback | None, moment) -> pd.DataFrame:
    new = events[events["at"] < moment].drop_duplicates("feedback_id")
    if ledger is not None:
        new = new[~new["feedback_id"].isin(ledger.seen["feedback_id"])]
    return new.sort_values(["at", "feedback_id"], ignore_index=True)


def _once_a_send(unseen: pd.DataFrame, ledger: Feedback | None) -> pd.DataFrame:
    """Let a send that was answered not count as ignored, whichever of the two is read first."""
    seen = set() if ledger is None else set(ledger.seen["feedback_id"])
    ids = unseen["feedback_id"].astype(str)
    send = ids.str.removesuffix("/answered").str.removesuffix("/ignored")
    answered = {name.removesuffix("/answered") for name in {*ids, *seen} if name.endswith("/answered")}
    overtaken = unseen["kind"].eq("ignored") & ids.str.endswith("/ignored") & send.isin(answered)
    new = unseen[~overtaken].assign(sign=1.0)
    late = (new["kind"] == "answered") & ids[new.index].str.endswith("/answered")
    late &= (send[new.index] + "/ignored").isin(seen)
    if not late.any():
        return new
    back = new[late].assign(kind="ignored", sign=-1.0, feedback_id=send[new.index][late] + "/ignored")
    return pd.concat([new, back]).sort_values(["at", "feedback_id"], ignore_index=True)


def _as_of(ledger: Feedback | None, moment, settings: TargetingSettings) -> pd.DataFrame:
    """Return the old state as it counts now."""
    if ledger is None:
        return pd.DataFrame(columns=STATE).astype({"alpha": float, "beta": float, "n_events": np.int64})
    factor = _left((moment - ledger.as_of).total_seconds() / 86_400, settings)
    return ledger.state.assign(alpha=ledger.state["alpha"] * factor, beta=ledger.state["beta"] * factor)


def _left(age_days, settings: TargetingSettings):
    return 1.0 if settings.half_life_days is None else np.power(0.5, age_days / settings.half_life_days)


def _changes(new: pd.DataFrame, settings: TargetingSettings, moment) -> pd.DataFrame:
    """Return one row for each thing that a piece of feedback speaks of."""
    age = (moment - new["at"]).dt.total_seconds() / 86_400
    weight = [
        new["kind"].map({kind: pair[side] for kind, pair in settings.feedback_weights.items()}).astype(float)
        for side in (0, 1)
    ]
    left = _left(age, settings) * new["sign"]
    new = new.assign(alpha=weight[0].fillna(0) * left, beta=weight[1].fillna(0) * left)
    parts = []
    for about, kinds in ABOUT.items():
        what = new[_COLUMN[about]]
        rows = new[new["kind"].isin(kinds) & what.notna()]
        parts.append(rows.assign(about=about, what=what[rows.index]))
    named = new[(new["kind"] == "hide") & new["item_id"].isna() & new["topic"].notna()]
    parts.append(named.assign(about="topic", what=named["topic"]))
    table = pd.concat(parts)
    return table.sort_values(["at", "feedback_id", "about"], kind="stable", ignore_index=True)


def _added(before: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    step = changes.assign(n_events=changes["sign"].astype(np.int64), last_at=changes["at"])[STATE]
    both = pd.concat([part for part in (before, step) if len(part)] or [step], ignore_index=True)
    state = both.groupby(_KEY, as_index=False, sort=True).agg(
        alpha=("alpha", "sum"), beta=("beta", "sum"), n_events=("n_events", "sum"), last_at=("last_at", "max")
    )
    # Sums depend on the order of their terms in the last bits; rounded, they do not.
    amounts = {name: state[name].round(9).clip(lower=0) + 0.0 for name in ("alpha", "beta")}
    return state.assign(**amounts)[STATE]


def _audit(before, changes, new, settings) -> pd.DataFrame:
    """Return a row per change: amounts as they count at ``as_of``, in the order things happened."""
    if new.empty:
        return pd.DataFrame(columns=AUDIT)
    old = changes[_KEY].merge(before[[*_KEY, "alpha", "beta"]], on=_KEY, how="left")
    table = changes.assign(cause=changes["kind"].where(changes["sign"] > 0, LATE))
    for name in ("alpha", "beta"):
        after = changes.groupby(_KEY)[name].cumsum() + old[name].fillna(0).to_numpy(dtype=float)
        table[f"{name}_after"] = after.round(9)
        table[f"{name}_before"] = (after - changes[name]).round(9)
    table["effect"] = _effects(table, settings)
    closed = new[new["kind"].isin(("unsubscribe", "complain", "opt_in", "release"))]
    closed = pd.concat([closed, new[(new["kind"] == "mute") & new["topic"].isna()]])
    alone = item_alone(closed)
    about = np.where(closed["kind"].isin(("complain", "release")), "user", np.where(alone, "item", "channel"))
    doors = closed.assign(about=about, cause=closed["kind"])
    what = closed["channel"].fillna(EVERYWHERE).where(~alone, closed["item_id"])
    doors["what"] = np.where(about == "user", "everything", what)
    everywhere = (about == "channel") & (doors["what"] == EVERYWHERE)
    doors["effect"] = np.where(
        about == "item",
        "the item is not shown again",
        doors["kind"].map(_DOORS).where(~everywhere, doors["kind"].map(_ALL_DOORS)),
    )
    both = pd.concat([table, doors]) if len(doors) else table
    return both.sort_values(["at", "feedback_id", "about"], kind="stable", ignore_index=True).reindex(
        columns=AUDIT
    )


_DOORS = {
    "complain": "everything stops; a person looks at it",
    "release": "a person looked at the complaint; sending may go on",
    "unsubscribe": "the channel is closed until they opt in",
    "mute": "the channel is closed until they opt in",
    "opt_in": "the channel is open again",
}
_ALL_DOORS = {
    "unsubscribe": "all channels are closed until they opt in",
    "mute": "all channels are closed until they opt in",
    "opt_in": "all channels are open again",
}


def _effects(table: pd.DataFrame, settings: TargetingSettings) -> pd.Series:
    if table.empty:
        return pd.Series(dtype=object)
    for_ = "counts for it, +" + table["alpha"].map("{:.2f}".format)
    against = "counts against it, +" + table["beta"].map("{:.2f}".format)
    back = "no longer counts against it, " + table["beta"].map("{:.2f}".format) + ": the send was answered"
    effect = for_.where(table["alpha"] > 0, against.where(table["sign"] > 0, back))
    rest = f"; the topic rests for {settings.block_days:g} days, then one probe"
    topic = (table["about"] == "topic") & table["kind"].isin(("mute", "hide"))
    effect = effect.where(~topic, effect + rest)
    item = (table["about"] == "item") & (table["kind"] == "hide")
    return effect.where(~item, effect + "; the item is not shown again, its topic is")


def _blocks(closing: pd.DataFrame, moment, settings: TargetingSettings) -> pd.DataFrame:
    if closing.empty:
        return pd.DataFrame(columns=BLOCKS)
    age = (moment - closing["at"]).dt.total_seconds() / 86_400
    return settle_blocks(closing.assign(age_days=age), settings)
