"""PersonaChange: two periods of personas beside each other, the model's change apart from people's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from segtool.display import Shown, join_words
from segtool.errors import NotFittedError
from segtool.personas.follow.align import Alignment
from segtool.personas.follow.people import People, list_moves, list_turnover
from segtool.personas.number.choice_words import count_personas
from segtool.personas.personas import Personas


@dataclass(frozen=True, repr=False, eq=False)
class PersonaChange(Shown):
    """What changed between two periods; made by `follow_personas`.

    Parameters
    ----------
    before : Personas
        As they were the last time.
    after : Personas
        Today's, under the names that stay: use these from now on.
    alignment : Alignment
        Which is which, on the users of today: the change of the model.
    people : People or None
        Who moved; None where the labels of the last time were not there.
    drift_table : pd.DataFrame or None
    automatic : dict of int to str
        The names today's labels alone would give, by persona_id of ``after``.
    notes : tuple of str
        What a reader should know before trusting the tables.
    """

    before: Personas
    after: Personas
    alignment: Alignment
    people: People | None
    drift_table: pd.DataFrame | None
    automatic: dict[int, str]
    notes: tuple[str, ...] = ()

    # --- the model ----------------------------------------------------------------------------

    @cached_property
    def personas(self) -> pd.DataFrame:
        """What became of each persona: one row per older persona and what it became, then new ones.

        Returns
        -------
        pd.DataFrame
            event (same, split, merged, gone, new), before_id, before, after_id, after, n_before,
            share_before (of the users of the last time), n_placed, share_placed (of today's users, by
            the older model), n_after, share_after (by the newer one), overlap (Jaccard, among
            today's users), profile_distance (0 to 1), automatic_name, what (in words). Ids follow
            size within a period; names are what stays. Sizes that a file does not tell are missing.
        """
        rows = [self._row(old, new) for old, new in self.alignment.events.links]
        events = self.alignment.events
        rows += [self._row(old, None) for old, event in enumerate(events.before) if event == "gone"]
        rows = sorted(rows, key=lambda row: row["before_id"])
        rows += [self._row(None, new) for new, event in enumerate(events.after) if event == "new"]
        whole = ["before_id", "after_id", "n_before", "n_placed", "n_after"]
        return pd.DataFrame(rows).astype(dict.fromkeys(whole, "Int64"))

    def _row(self, old: int | None, new: int | None) -> dict:
        found, events = self.alignment.comparison, self.alignment.events
        event = "gone" if new is None else "new" if old is None else events.after[new]
        if old is not None and new is not None and events.before[old] == "split":
            event = "split"
        row = {"event": event}
        row |= {"before_id": None, "before": None} if old is None else _name(self.before, old, "before")
        row |= {"after_id": None, "after": None} if new is None else _name(self.after, new, "after")
        row |= _size(self.before, old, "before")
        placed = None if old is None else int(found.counts[old].sum())
        row |= {"n_placed": placed}
        row |= {"share_placed": float("nan") if placed is None else placed / max(self.alignment.n_users, 1)}
        row |= _size(self.after, new, "after")
        pair = old is not None and new is not None
        row["overlap"] = float(found.overlap[old, new]) if pair else float("nan")
        row["profile_distance"] = float(found.profile_distance[old, new]) if pair else float("nan")
        row["automatic_name"] = None if new is None else self.automatic[new + 1]
        row["what"] = self._say(event, old, new)
        return row

    def _say(self, event: str, old: int | None, new: int | None) -> str:
        """Return what happened in words."""
        found, events = self.alignment.comparison, self.alignment.events
        links = events.links
        if event == "same" and self.after.n_personas == 1 < self.before.n_personas:
            share = found.share_of_after[old, new]
            return f"Today there is one persona of everybody: {share:.0%} of them are of this kind."
        if event == "same":
            kept = found.overlap[old, new]
            return f"The same: of today's users in it by either model, {kept:.0%} are in it by both."
        if event == "split":
            share = found.share_of_before[old, new]
            others = [self.after.names[other + 1] for one, other in links if one == old and other != new]
            return f"Takes {share:.0%} of it; the rest is in {join_words(others)}."
        if event == "merged":
            others = [self.before.names[one + 1] for one, other in links if other == new and one != old]
            return f"Is no longer told apart from {join_words(others)}."
        if event == "new":
            return self._say_new(new)
        new = int(found.counts[old].argmax())
        if events.after[new] == "new" and found.share_of_before[old, new] >= 0.5:
            return f"Such users are gone; in its place is another kind: {self.after.names[new + 1]}."
        now, then = found.counts[old].sum() / max(self.alignment.n_users, 1), self.before.summary["share"]
        if found.retention[old] < 0.5:
            told = "how many then is not told" if pd.isna(then.iloc[old]) else f"{then.iloc[old]:.1%} then"
            return f"Such users are gone: {now:.1%} of today's, {told}."
        return f"Still {now:.1%} of today's users by the older model, but spread over others by the newer."

    def _say_new(self, new: int) -> str:
        found = self.alignment.comparison
        if self.before.n_personas == 1:
            return "New: the last time nothing told users apart."
        old = int(found.share_of_after[:, new].argmax())
        share, strange = found.share_of_after[old, new], found.strange[new]
        where = f"the older model puts {share:.0%} of them in {self.before.names[old + 1]}"
        if pd.isna(strange):
            return f"New: {where}."
        return f"New: {where}, and finds {strange:.0%} of them strange (5% is usual)."

    # --- people -------------------------------------------------------------------------------

    @cached_property
    def moves(self) -> pd.DataFrame:
        """Who moved, among the users of both periods, by the older model at both times.

        Returns
        -------
        pd.DataFrame
            from_id, from, to_id, to (older personas; a row with twice the same one stayed), n_users,
            n_from, share (of n_from), n_noise (users expected there if nobody had moved: labels
            alone came out differently), n_refit (users two refits of one period place so), q_value
            (more or fewer than n_noise, false discoveries controlled), more_than_noise.

        Raises
        ------
        NotFittedError
            Without the labels of the last time.
        """
        return list_moves(self._need_people(), self.before.names)

    @property
    def moved(self) -> dict[str, float]:
        """Shares of the users of both periods: seen to move, expected of noise, moved (low, high), refit."""
        return dict(self._need_people().moved)

    @cached_property
    def flows(self) -> pd.DataFrame:
        """Users by where they were and are: then_id, now_by_old_id (older personas), now_id, n_users.

        0 where a user was not there. Without the labels of the last time ``then_id`` is missing.
        """
        if self.people is not None:
            return self.people.flows.copy()
        placed = pd.DataFrame(
            {"now_by_old_id": self.alignment.placed_before, "now_id": self.alignment.placed_after}
        )
        flows = placed.groupby(["now_by_old_id", "now_id"]).size().rename("n_users").reset_index()
        flows.insert(0, "then_id", pd.array([pd.NA] * len(flows), dtype="Int64"))
        return flows

    @cached_property
    def arrivals(self) -> pd.DataFrame:
        """Users who were not there the last time, by newer persona: n_users, n_came, share_came, low, high."""
        return list_turnover(self._need_people().flows, "came", self.after.names)

    @cached_property
    def departures(self) -> pd.DataFrame:
        """Users who are no longer there, by older persona: n_users, n_left, share_left, low, high."""
        return list_turnover(self._need_people().flows, "left", self.before.names)

    @property
    def drift(self) -> pd.DataFrame:
        """Which label values changed within each persona that continues (see `label_drift`).

        Raises
        ------
        NotFittedError
            Without the labels of the last time.
        """
        if self.drift_table is None:
            self._need_people()
        table = self.drift_table.copy()
        table.insert(2, "persona", table["after_id"].map(self.after.names))
        return table

    def _need_people(self) -> People:
        if self.people is None:
            raise NotFittedError(
                "Who moved is not known: the labels of the last time are not there.",
                "personas that still hold their users, or labels_before.",
                "follow_personas(before, labels, labels_before=older_labels).",
            )
        return self.people

    # --- showing ------------------------------------------------------------------------------

    def to_pandas(self) -> pd.DataFrame:
        """Return what became of each persona."""
        return self.personas.copy()

    def headline(self) -> str:
        """Return what changed, the model first and people after it."""
        return f"{self.say_model()} {self._say_moved()}".strip()

    def say_model(self) -> str:
        """Return what became of the personas, without a word on how many people moved."""
        n_before, n_after = self.before.n_personas, self.after.n_personas
        return f"{count_personas(n_before)} then, {n_after} now: {_count(self.alignment.events)}."

    def _say_moved(self) -> str:
        if self.people is None:
            return "Who moved is not known without the labels of the last time."
        if not self.people.n_stayed:
            return "Nobody is in both periods."
        if self.before.n_personas < 2:
            return ""
        moved = self.people.moved
        found = (
            f"Of {self.people.n_stayed:,} users of both periods the older model places {moved['seen']:.0%} "
            f"elsewhere than then, where noise alone gives {moved['expected']:.0%}: "
        )
        if moved["low"] <= 0:
            return found + "no more than noise."
        return found + f"about {moved['moved']:.0%} moved ({moved['low']:.0%} to {moved['high']:.0%})."

    def __repr__(self) -> str:
        columns = ["event", "before", "after", "n_before", "n_after", "overlap", "what"]
        body = self.personas[columns].to_string(
            index=False, max_colwidth=70, float_format="{:.2f}".format, na_rep=""
        )
        return "\n".join([self.headline(), body, *(f"Note: {note}" for note in self.notes)])


def _name(personas: Personas, position: int, side: str) -> dict:
    return {f"{side}_id": position + 1, side: personas.names[position + 1]}


def _size(personas: Personas, position: int | None, side: str) -> dict:
    if position is None:
        return {f"n_{side}": None, f"share_{side}": float("nan")}
    row = personas.summary.iloc[position]
    # a size beside a share that is not told is no size: a file that left the house hides small ones
    told = not (pd.isna(row["n_users"]) or pd.isna(row["share"]))
    return {f"n_{side}": int(row["n_users"]) if told else None, f"share_{side}": float(row["share"])}


def _count(events) -> str:
    """Say how many personas had which fate, each counted once."""
    said = []
    if n := events.after.count("same"):
        said.append(f"{n} the same")
    if n := events.before.count("split"):
        said.append(f"{n} split")
    if n := events.before.count("merged"):
        said.append(f"{n} merged into {events.after.count('merged')}")
    said += [
        f"{n} {word}"
        for word, n in (("gone", events.before.count("gone")), ("new", events.after.count("new")))
        if n
    ]
    return join_words(said)
