"""Two dates of the same labels: what drifted, who moved, and whether the older labels came true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from segtool.display import Shown
from segtool.engines import literal, quote
from segtool.errors import InputError, ParameterError, did_you_mean
from segtool.labels.change.diff import changed_meaning, diff_catalogs
from segtool.labels.change.moves import Moves
from segtool.labels.change.shares import (
    MOVED,
    STEADY,
    divergence,
    share_difference,
    stability_index,
    wilson,
)
from segtool.labels.labels import Labels

LEAST_KNOWN = 30
# So much of a label's sources, from one kind to another, is a change of source, not of people.
SOURCE_SHIFT = 0.1


@dataclass(frozen=True, repr=False, eq=False)
class LabelChange(Shown):
    """What changed between two sets of labels; made by `compare_labels`.

    Parameters
    ----------
    before, after : Labels
    """

    before: Labels
    after: Labels

    def headline(self) -> str:
        """Return how many labels drifted between which dates."""
        counts = self.drift["verdict"].value_counts()
        said = ", ".join(f"{counts[word]} {word}" for word in _VERDICTS if counts.get(word))
        dates = [labels.local_as_of() for labels in (self.before, self.after) if labels.as_of is not None]
        when = f" from {dates[0]:%Y-%m-%d} to {dates[1]:%Y-%m-%d}" if len(dates) == 2 else ""
        return f"{len(self.drift)} labels{when}: {said or 'none in both'}"

    def to_pandas(self) -> pd.DataFrame:
        """Return the drift table, those that moved most first."""
        return self.drift

    @cached_property
    def common(self) -> list:
        """The labels that are in both, described as they are now."""
        there = {info.name for info in self.before.infos}
        return [info for info in self.after.infos if info.name in there]

    @cached_property
    def shares(self) -> pd.DataFrame:
        """Shares of each value among the users whose label is known, with the difference.

        label, value, n_before, n_known_before, share_before, n_after, n_known_after, share_after,
        difference, low, high (95 %, see `share_difference`).
        """
        parts = [
            _side(labels.value_counts, end)
            for labels, end in ((self.before, "before"), (self.after, "after"))
        ]
        table = parts[0].merge(parts[1], on=["label", "value"], how="outer")
        table = table[table["label"].isin([info.name for info in self.common])]
        for end in ("before", "after"):
            known = table.groupby("label")[f"n_known_{end}"].transform("max")
            table[f"n_known_{end}"] = known.fillna(0).astype(int)
            table[f"n_{end}"] = table[f"n_{end}"].fillna(0).astype(int)
            table[f"share_{end}"] = table[f"n_{end}"] / table[f"n_known_{end}"].where(known > 0)
        counts = (table[name] for name in ("n_before", "n_known_before", "n_after", "n_known_after"))
        table["difference"], table["low"], table["high"] = share_difference(*counts)
        columns = [
            "label", "value", "n_before", "n_known_before", "share_before", "n_after", "n_known_after",
            "share_after", "difference", "low", "high",
        ]  # fmt: skip
        return table[columns].sort_values(["label", "value"], kind="stable").reset_index(drop=True)

    @cached_property
    def moves(self) -> pd.DataFrame:
        """Users per move: label, before, after, move, n_users, share, n_sure.

        move is held, promoted, demoted (ordered labels), changed, became known, no longer known,
        now said and no longer said (values of many-valued labels), came, left, still unknown.
        n_sure counts moves where both values are right with at least 80 % (their product).
        """
        return Moves(self.before, self.after).table(self.common)

    def user_moves(self, label: str) -> pd.DataFrame:
        """Return one row per user (and value, where many): user_id, before, after, move, confidence.

        Raises
        ------
        InputError
            If the label is not in both.
        """
        for info in self.common:
            if info.name == label:
                return Moves(self.before, self.after).users(info)
        raise InputError(
            f"There is no label {label!r} on both dates.",
            did_you_mean(label, [info.name for info in self.common]),
        )

    @cached_property
    def definitions(self) -> pd.DataFrame:
        """How the two catalogues differ (see `diff_catalogs`); empty for labels from tables."""
        if self.before.catalog is None or self.after.catalog is None:
            return pd.DataFrame(columns=["label", "part", "change", "affects", "before", "after"])
        return diff_catalogs(self.before.catalog, self.after.catalog)

    @cached_property
    def sources(self) -> pd.DataFrame:
        """Users per label and source: label, source, n_before, share_before, n_after, share_after."""
        parts = []
        for labels, end in ((self.before, "before"), (self.after, "after")):
            found = labels.engine.query(
                f"SELECT label, source, count(*) AS n_{end} FROM {quote(labels.tables['labels'])}"
                " GROUP BY label, source ORDER BY label, source"
            )
            found[f"share_{end}"] = found[f"n_{end}"] / found.groupby("label")[f"n_{end}"].transform("sum")
            parts.append(found)
        table = (
            parts[0]
            .merge(parts[1], on=["label", "source"], how="outer")
            .fillna({"n_before": 0, "n_after": 0, "share_before": 0.0, "share_after": 0.0})
        )
        table = table.astype({"n_before": int, "n_after": int})
        table = table[table["label"].isin([info.name for info in self.common])]
        return table.sort_values(["label", "source"], kind="stable").reset_index(drop=True)

    @cached_property
    def came_true(self) -> pd.DataFrame:
        """How the older labels fare against what people and surveys said since.

        label, n, n_agree, share_agree, low, high (95 % Wilson), mean_confidence, verdict. Judged
        are users whose older label did not come from people or surveys, by answers and notes
        observed between the two dates. No row: nobody spoke. Many-valued labels are not judged:
        a value that an answer does not name is not denied by it.
        """
        said = self._said_since()
        rows = []
        for info in self.common:
            words = said[said["label"] == info.name]
            if len(words) and info.kind != "many":
                rows += self._judge(info, words)
        columns = ["label", "n", "n_agree", "share_agree", "low", "high", "mean_confidence", "verdict"]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def drift(self) -> pd.DataFrame:
        """One row per label of both dates, those that moved most first.

        label, title, n_known_before, n_known_after, share_known_before, share_known_after, drift
        (stability index less what chance gives), chance, divergence (Jensen-Shannon, bits),
        drift_stayers (the same among users known on both dates), source_shift, largest (the value
        whose share changed most), difference (of its share), low, high, verdict, cause.

        A drift below 0.1 is steady, from 0.25 it moved a lot. Bands cut at quantiles cannot drift
        in their shares: look at the moves.
        """
        changed = self._changed()
        rows = [self._drift_row(info, info.name in changed) for info in self.common]
        table = pd.DataFrame(rows)
        if table.empty:
            return table
        return table.sort_values(["drift", "label"], ascending=[False, True], kind="stable").reset_index(
            drop=True
        )

    def _changed(self) -> frozenset[str]:
        if self.before.catalog is None or self.after.catalog is None:
            return frozenset()
        return changed_meaning(self.before.catalog, self.after.catalog)

    def _drift_row(self, info, is_changed: bool) -> dict:
        parts = self.shares[self.shares["label"] == info.name]
        n_known = [int(parts[f"n_known_{end}"].max()) if len(parts) else 0 for end in ("before", "after")]
        index, chance = stability_index(parts["n_before"].to_numpy(), parts["n_after"].to_numpy())
        drift = max(index - chance, 0.0)
        stayers = self._stayers(info.name)
        source = self.sources[self.sources["label"] == info.name]
        shift = float((source["share_before"] - source["share_after"]).abs().sum() / 2)
        largest = parts.loc[parts["difference"].abs().idxmax()] if parts["difference"].notna().any() else None
        verdict = _verdict(drift, min(n_known))
        return {
            "label": info.name, "title": info.title,
            "n_known_before": n_known[0], "n_known_after": n_known[1],
            "share_known_before": n_known[0] / max(self.before.n_users, 1),
            "share_known_after": n_known[1] / max(self.after.n_users, 1),
            "drift": drift, "chance": chance,
            "divergence": divergence(parts["n_before"].to_numpy(), parts["n_after"].to_numpy()),
            "drift_stayers": stayers, "source_shift": shift,
            "largest": "" if largest is None else largest["value"],
            **{name: np.nan if largest is None else largest[name] for name in ("difference", "low", "high")},
            "verdict": verdict, "cause": _cause(verdict, is_changed, shift, stayers),
        }  # fmt: skip

    def _stayers(self, label: str) -> float:
        """Return the drift among users who were known on both dates."""
        known = self.moves[self.moves["label"] == label].dropna(subset=["before", "after"])
        known = known[~known["move"].isin(["came", "left"])]
        if known["n_users"].sum() < LEAST_KNOWN:
            return np.nan
        sides = [known.groupby(end)["n_users"].sum() for end in ("before", "after")]
        values = sorted(set(sides[0].index) | set(sides[1].index))
        index, chance = stability_index(*(side.reindex(values, fill_value=0).to_numpy() for side in sides))
        return max(index - chance, 0.0)

    def _said_since(self) -> pd.DataFrame:
        """Return what people and surveys said between the two dates: user_id, label, value."""
        if self.before.as_of is None:
            return pd.DataFrame({"user_id": [], "label": [], "value": []}, dtype="str")
        since = pd.Timestamp(self.before.as_of)
        since = since.tz_convert("UTC").tz_localize(None) if since.tzinfo is not None else since
        return self.after.engine.query(
            f"SELECT DISTINCT user_id, label, CAST(value AS VARCHAR) AS value FROM {quote(self.after.tables['claims'])}"
            f" WHERE source IN ('person', 'survey') AND observed_at >= CAST({literal(str(since))} AS TIMESTAMP)"
            " ORDER BY user_id, label, value"
        )

    def _judge(self, info, words: pd.DataFrame) -> list[tuple]:
        held = self.before.engine.query(
            "SELECT user_id, CAST(value AS VARCHAR) AS value, confidence"
            f" FROM {quote(self.before.tables['labels'])} WHERE label = {literal(info.name)}"
            " AND source NOT IN ('person', 'survey') ORDER BY user_id, value"
        )
        held = held[held["user_id"].isin(words["user_id"])]
        if held.empty:
            return []
        pairs = pd.MultiIndex.from_frame(words[["user_id", "value"]])
        agree = pd.MultiIndex.from_frame(held[["user_id", "value"]]).isin(pairs)
        n, k, stated = len(held), int(agree.sum()), float(held["confidence"].mean())
        share, low, high = (float(each) for each in wilson(k, n))
        return [(info.name, n, k, share, low, high, stated, _kept_word(n, low, high, stated))]


def compare_labels(before: Labels, after: Labels) -> LabelChange:
    """Compare the labels of two dates, or of two catalogues.

    Parameters
    ----------
    before, after : Labels
        The older one first; of the same community.

    Returns
    -------
    LabelChange
        With the tables ``drift``, ``shares``, ``moves``, ``sources``, ``definitions``,
        ``came_true`` and the method ``user_moves(label)``.

    Raises
    ------
    ParameterError
        If the dates stand the wrong way round.

    Examples
    --------
    >>> old = pd.DataFrame({"stage": ["new", "new", "busy"]}, index=["a", "b", "c"])
    >>> new = pd.DataFrame({"stage": ["busy", "new", "busy"]}, index=["a", "b", "c"])
    >>> change = compare_labels(Labels.from_frame(old), Labels.from_frame(new))
    >>> change.moves.loc[change.moves["move"] == "changed", ["before", "after", "n_users"]].values.tolist()
    [['new', 'busy', 1]]
    """
    dates = [labels.local_as_of() for labels in (before, after) if labels.as_of is not None]
    if len(dates) == 2 and dates[0] > dates[1]:
        raise ParameterError(
            f"before is of {dates[0]:%Y-%m-%d} and after of {dates[1]:%Y-%m-%d}.",
            "the older labels first.",
            "Swap them.",
        )
    return LabelChange(before, after)


_VERDICTS = ("moved a lot", "moved", "steady", "too few to say")


def _verdict(drift: float, n_known: int) -> str:
    if n_known < LEAST_KNOWN:
        return "too few to say"
    return "steady" if drift < STEADY else "moved" if drift < MOVED else "moved a lot"


def _cause(verdict: str, is_changed: bool, shift: float, stayers: float) -> str:
    """Say what may lie behind a move: the likeliest first, none proved."""
    if is_changed:
        return "the definition changed"
    if verdict == "steady" and stayers >= MOVED:
        return "users changed, newcomers balance it"
    if verdict not in ("moved", "moved a lot"):
        return ""
    if shift >= SOURCE_SHIFT:
        return "other sources speak"
    if not np.isnan(stayers) and stayers < STEADY:
        return "other users are known"
    return "users changed"


def _kept_word(n: int, low: float, high: float, stated: float) -> str:
    if n < LEAST_KNOWN:
        return "too few to say"
    if stated > high:
        return "surer than right"
    return "righter than sure" if stated < low else "as sure as right"


def _side(counts: pd.DataFrame, end: str) -> pd.DataFrame:
    columns = {"n": f"n_{end}", "n_known": f"n_known_{end}"}
    return counts[["label", "value", "n", "n_known"]].rename(columns=columns).astype({"value": "str"})
