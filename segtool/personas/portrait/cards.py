"""Persona cards: the facts of one card per persona, before any layout.

A card says who they are in a handful of values with their intervals, what sets them apart from the
personas nearest to them, how to recognise them and how far to trust all that. The figure, the
notebook and the report lay out the same facts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_number
from segtool.display import join_words
from segtool.errors import NotFittedError
from segtool.labels.english import capital
from segtool.labels.frames import LabelInfo
from segtool.personas.encode import OTHER
from segtool.personas.found import FoundPersonas
from segtool.personas.portrait.naming import choose_contrast, clause_of, rank_traits, spaced
from segtool.personas.portrait.natural_units import profile_numbers
from segtool.personas.portrait.portray import DEFINING_Q
from segtool.personas.portrait.rules import defines_persona

N_TRAITS, N_CONTRAST = 5, 3
MIN_KNOWN = 20  # a share of fewer is no trait
MIN_WITH_VALUE = 10
CLEAR_INDEX = 110.0  # where a profile has no intervals
# Jaccard overlap of a cluster with its match in other samples (Hennig 2007, Cluster-wise assessment
# of cluster stability, Computational Statistics & Data Analysis 52).
SOUND, PATTERN = 0.75, 0.6


@dataclass(frozen=True)
class CardTrait:
    """One value that is more common in a persona than among everyone.

    Parameters
    ----------
    label, value : str
    text : str
        In words, with a capital.
    share, base : float
        Of the persona and of everyone, among those of whom it is known.
    n_known : int
        Users of the persona of whom it is known.
    index, index_low, index_high : float
        100 is as common as among everyone; with its 95 % interval, NaN where there is none.
    hidden : {"", "<", ">"}
        Where small counts are masked, the side on which share and index are bounds.
    natural : str
        For a label that is a number: its median in the units it came in.
    """

    label: str
    value: str
    text: str
    share: float
    base: float
    n_known: int
    index: float
    index_low: float = np.nan
    index_high: float = np.nan
    hidden: str = ""
    natural: str = ""

    @property
    def share_range(self) -> tuple[float, float]:
        """The interval of the index on the scale of shares: where a bar of the share may end."""
        low, high = (min(1.0, end * self.base / 100) for end in (self.index_low, self.index_high))
        return low, high


@dataclass(frozen=True)
class CardContrast:
    """One value in which a persona differs from its nearest one, and hardly by chance."""

    label: str
    value: str
    text: str
    share: float
    share_nearest: float
    n_known: int
    n_known_nearest: int


@dataclass(frozen=True)
class CardRule:
    """A rule in words with its precision and recall on users it was not searched on.

    ``n_caught`` and ``n_members`` are what they are shares of; 0 where that was not kept.
    """

    text: str
    precision: float
    recall: float
    n_caught: int = 0
    n_members: int = 0

    @property
    def defines(self) -> bool:
        """Whether the rule may stand for the persona."""
        return defines_persona(self.precision, self.recall, self.n_caught, self.n_members)

    @property
    def verdict(self) -> str:
        """What the rule is: a definition only where it surely is one."""
        return "This rule picks them out" if self.defines else "A rule of thumb, no definition"


@dataclass(frozen=True)
class PersonaCard:
    """Everything one card says.

    Parameters
    ----------
    persona_id : int
    name : str
    n_users, n_unsure : int
        0 where a file does not tell them, because they are few.
    share : float
        Of all users, 0 to 1.
    stability, mean_membership : float
        NaN where not measured.
    traits : tuple of CardTrait
        The most telling first.
    nearest : str
        Name of the persona most like it; empty where there is none.
    contrast : tuple of CardContrast
        What it has more of than the nearest, then what less.
    rule : CardRule or None
    sentence : str
        The portrait in words: all there is to say where no labels were kept.
    """

    persona_id: int
    name: str
    n_users: int
    n_unsure: int
    share: float
    stability: float
    mean_membership: float
    traits: tuple[CardTrait, ...]
    nearest: str
    contrast: tuple[CardContrast, ...]
    rule: CardRule | None
    sentence: str

    @property
    def stability_words(self) -> str:
        """How far the persona may be relied on; empty where it was not measured."""
        return say_stability(self.stability)

    @property
    def recognise(self) -> str:
        """How to recognise them: the rule, or else the values to look for."""
        if self.rule:
            return self.rule.text[:1].upper() + self.rule.text[1:]
        seen = [trait.text[:1].lower() + trait.text[1:] for trait in self.traits[:3]]
        return f"Look for: {join_words(seen)}" if seen else ""


def say_stability(stability: float) -> str:
    """Return how far a persona comes back among other users, in words.

    Examples
    --------
    >>> say_stability(0.91)
    'sound: comes back in halves of the users'
    >>> say_stability(0.4)
    'loose: does not come back, explore only'
    """
    if stability != stability:
        return ""
    if stability >= SOUND:
        return "sound: comes back in halves of the users"
    if stability >= PATTERN:
        return "a pattern: comes back, with other edges"
    return "loose: does not come back, explore only"


def list_cards(
    personas: FoundPersonas,
    *,
    n_traits: int = N_TRAITS,
    n_contrast: int = N_CONTRAST,
    leave_out: Collection[str] = (),
    profile: pd.DataFrame | None = None,
    min_users: int = MIN_WITH_VALUE,
) -> tuple[PersonaCard, ...]:
    """Return the facts of one card per persona, largest first.

    Parameters
    ----------
    personas : Personas
        Loaded ones, and those given as a list of users, have cards without labels.
    n_traits, n_contrast : int
        Values at most.
    leave_out : collection of str
        Labels that are not told; those marked sensitive never are.
    profile : pd.DataFrame, optional
        Instead of the personas' own, such as one in which small counts are masked.
    min_users : int
        Users of a persona with a value before it is told.

    Returns
    -------
    tuple of PersonaCard
        No card names a user.

    Examples
    --------
    >>> from segtool.personas import Personas
    >>> given = Personas.from_assignments(["a", "b", "c"], [1, 1, 2], names={1: "Regulars", 2: "Guests"})
    >>> [(card.name, card.n_users, card.traits) for card in list_cards(given)]
    [('Regulars', 2, ()), ('Guests', 1, ())]
    """
    check_number("n_traits", n_traits, low=1, high=12, integer=True)
    check_number("n_contrast", n_contrast, low=0, high=12, integer=True)
    words = _Words(personas, leave_out)
    profile = _read(personas.profile) if profile is None else profile
    contrast = (
        _read(lambda: personas.contrast(top=100_000)) if hasattr(personas, "contrast") else pd.DataFrame()
    )
    cards = []
    for row in personas.portraits().sort_values("persona_id").to_dict("records"):
        number = int(row["persona_id"])
        cards.append(
            PersonaCard(
                persona_id=number,
                name=str(row["persona"]),
                n_users=_whole(row["n_users"]),
                n_unsure=_whole(row.get("n_unsure")),
                share=float(row["share"]),
                stability=_number(row.get("stability")),
                mean_membership=_number(row.get("mean_membership")),
                traits=tuple(_list_traits(_of(profile, number), words, n_traits, min_users)),
                nearest=_nearest(personas, number),
                contrast=tuple(_list_contrast(_of(contrast, number), words, n_contrast)),
                rule=_read_rule(row, personas, number),
                sentence=str(row.get("sentence") or "") if row["share"] == row["share"] else "",
            )
        )
    return tuple(cards)


class _Words:
    """How labels and their values are said, and which are not."""

    def __init__(self, personas, leave_out: Collection[str]):
        self.infos: Mapping[str, LabelInfo] = getattr(getattr(personas, "table", None), "infos", {})
        self.silent = set(leave_out) | {name for name, info in self.infos.items() if info.sensitive}
        titles = getattr(getattr(personas, "labels", None), "titles", None)
        self.titles = titles() if titles else {name: info.title for name, info in self.infos.items()}
        self.numbers = self._read_numbers(personas)

    @staticmethod
    def _read_numbers(personas) -> dict[tuple[int, str], str]:
        if getattr(personas, "table", None) is None or getattr(personas, "encoding", None) is None:
            return {}
        return {
            (int(row.persona_id), row.label): f"median {row.median:,.4g}, everyone {row.median_base:,.4g}"
            for row in profile_numbers(personas).itertuples(index=False)
            if row.n_known >= MIN_KNOWN
        }

    def say(self, label: str, value: str) -> str:
        """Return a value in words, empty where it says nothing."""
        if label in self.infos:
            clause = clause_of(self.infos[label], value)
            return clause[:1].upper() + clause[1:] if clause.isascii() else capital(clause)
        title = self.titles.get(label, label.replace("_", " "))
        return "" if value == "no" else title if value == "yes" else f"{title}: {spaced(value)}"

    def may_tell(self, rows: pd.DataFrame) -> pd.Series:
        """Return which rows are of labels that may be told, and of a value that is one."""
        return ~rows["label"].isin(self.silent) & (rows["value"] != OTHER)


def _read(ask) -> pd.DataFrame:
    """Return a table, or an empty one where the personas hold no labels."""
    try:
        return ask()
    except NotFittedError:
        return pd.DataFrame()


def _of(table: pd.DataFrame, number: int) -> pd.DataFrame:
    return table[table["persona_id"] == number] if len(table) else table


def _list_traits(rows: pd.DataFrame, words: _Words, n: int, min_users: int) -> list[CardTrait]:
    traits = []
    for row in choose_traits(rows, words, n, min_users).to_dict("records"):
        traits.append(
            CardTrait(
                label=row["label"],
                value=row["value"],
                text=words.say(row["label"], row["value"]),
                share=float(row["share_in"]),
                base=float(row["share_base"]),
                n_known=int(row["n_known"]),
                index=float(row["index"]),
                index_low=_number(row.get("index_low")),
                index_high=_number(row.get("index_high")),
                hidden=row.get("hidden", ""),
                natural=words.numbers.get((int(row.get("persona_id", 0)), row["label"]), ""),
            )
        )
    return traits


def choose_traits(rows: pd.DataFrame, words: _Words, n: int, min_users: int) -> pd.DataFrame:
    """Return the rows of one persona's profile that are told: one per label as long as that fills a card.

    Told is what is more common here than among everyone beyond chance: the interval of the index lies
    above 100 and the q-value is small. What names the persona comes first.
    """
    if rows.empty:
        return rows
    n_in = rows["n_in"] if "n_in" in rows else (rows["n_known"] * rows["share_in"]).round()
    clear = words.may_tell(rows) & (rows["n_known"] >= MIN_KNOWN) & (n_in >= min_users)
    above = rows["index_low"] > 100 if "index_low" in rows else rows["index"] > CLEAR_INDEX
    above |= rows.get("hidden", pd.Series("", rows.index)) == ">"  # a bound has no interval
    clear &= above & (rows["index"] > 100)
    if "q_value" in rows:
        clear &= rows["q_value"] <= DEFINING_Q
    pairs = zip(rows["label"], rows["value"], strict=True)
    clear &= np.array([bool(words.say(label, value)) for label, value in pairs], bool)
    best = rows[clear].sort_values(["effect", "label", "value"], ascending=[False, True, True])
    if "z" in rows and set(best["label"]) <= set(words.infos):
        named = [(trait.label, trait.value) for trait in rank_traits(best, words.infos)]
        place = {pair: number for number, pair in enumerate(named)}
        pairs = zip(best["label"], best["value"].astype(str), strict=True)
        order = np.argsort([place.get(pair, len(place)) for pair in pairs], kind="stable")
        best = best.iloc[order]
    first = ~best.duplicated("label")
    return pd.concat([best[first], best[~first]]).head(n)


def _list_contrast(rows: pd.DataFrame, words: _Words, n: int) -> list[CardContrast]:
    """Return what a persona has more of than the nearest and, last, one thing it has less of.

    A label speaks once: that more are students says already that fewer are parents.
    """
    if rows.empty or n < 1:
        return []
    rows = choose_contrast(rows[words.may_tell(rows)])
    said = [bool(words.say(*pair)) for pair in zip(rows["label"], rows["value"], strict=True)]
    rows = rows[np.array(said, bool)]
    more = rows[rows["difference"] > 0].drop_duplicates("label")
    told = more.head(n - 1)
    less = rows[(rows["difference"] < 0) & ~rows["label"].isin(told["label"])].drop_duplicates("label")
    rest = more.iloc[len(told) :]
    rest = rest[~rest["label"].isin(less["label"].head(1))]
    chosen = pd.concat([told, less.head(1), rest, less.iloc[1:]]).drop_duplicates("label").head(n)
    chosen = chosen.sort_values("difference", key=lambda difference: difference < 0, kind="stable")
    return [
        CardContrast(
            row.label, row.value, words.say(row.label, row.value), float(row.share_in),
            float(row.share_nearest), int(row.n_known), int(row.n_known_nearest),
        )
        for row in chosen.itertuples(index=False)
    ]  # fmt: skip


def _nearest(personas, number: int) -> str:
    summary = getattr(personas, "summary", None)
    if summary is None or len(summary) < 2:
        return ""
    nearest = int(summary.loc[summary["persona_id"] == number, "nearest_id"].iloc[0])
    return personas.names.get(nearest, "")


def _read_rule(row: Mapping, personas, number: int) -> CardRule | None:
    text = row.get("rule")
    if not isinstance(text, str) or not text:
        return None
    summary = getattr(personas, "summary", None)
    counts = {}
    if summary is not None and "rule_caught" in summary:
        mine = summary[summary["persona_id"] == number].iloc[0]
        counts = {"n_caught": int(mine["rule_caught"]), "n_members": int(mine["rule_members"])}
    return CardRule(text, _number(row.get("rule_precision")), _number(row.get("rule_recall")), **counts)


def _whole(value) -> int:
    return 0 if value is None or pd.isna(value) else int(value)


def _number(value) -> float:
    return float(value) if value is not None and value == value else np.nan
