"""Labels: what can be said of a user, checked as it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from segtool.errors import DefinitionError, did_you_mean
from segtool.labels.claims import Bands, Claim
from segtool.labels.measures import check_name


@dataclass(frozen=True)
class Example:
    """A worked example: what one imaginary user did, and what may be said of them.

    Parameters
    ----------
    given : Mapping
        Table -> rows; ``as_of`` may stand among them.
    expect : str, sequence of str, or None
        The value, the values of a many-valued label, or None when nothing may be said.
    cut_points : Mapping, optional
        Measure -> the quantile cut points to assume: one user has no distribution.
    """

    given: Mapping[str, Any]
    expect: str | tuple[str, ...] | None = None
    cut_points: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Label:
    """A named mark with enumerable values, and the claims that can say which one holds.

    Parameters
    ----------
    name : str
        A plain name, the column name in exports.
    facet : str
        What it is about: life stage, consumption, taste, rhythm, channel, activity, ...
    claims : sequence of Claim
        From one kind of source each.
    title : str, optional
        Name for people; default from the name.
    values : sequence of str
        All values in order; empty when they come from the data.
    phrase : str or Mapping, optional
        A clause for sentences with ``{value}`` in it, or one clause per value; empty says nothing
        (names and cards of personas then say "title: value").
    many : bool
        Whether a user can have several values.
    ordered : bool, optional
        Whether the values have an order; default: when a claim is `Bands`.
    tests : sequence of Example
        Worked examples, run by ``segtool check``.
    sensitive : bool
        Stays inside unless it is named.
    description : str, optional
        What it means, for the manual.

    Raises
    ------
    DefinitionError
        If the parts do not fit each other.

    Examples
    --------
    >>> from segtool.labels.claims import Flag
    >>> Label("night_owl", "rhythm", [Flag("night_share > 0.4")]).kind
    'flag'
    >>> Label("power", "consumption", [Bands("spend", edges=[100])], values=["low", "average", "high"])
    Traceback (most recent call last):
    segtool.errors.DefinitionError: labels.power.claims[1]: bands has 2 bands and the label 3 values. ...
    """

    name: str
    facet: str
    claims: tuple[Claim, ...]
    title: str = ""
    values: tuple[str, ...] = ()
    phrase: str | Mapping[str, str] = ""
    many: bool = False
    ordered: bool | None = None
    tests: tuple[Example, ...] = ()
    sensitive: bool = False
    description: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "label")
        for name in ("claims", "values", "tests"):
            object.__setattr__(self, name, tuple(getattr(self, name) or ()))
        if not self.claims or not all(isinstance(claim, Claim) for claim in self.claims):
            raise DefinitionError(f"labels.{self.name} has no claims.", "at least one claim.")
        if not self.values and all(claim.is_closed for claim in self.claims):
            said = [value for claim in self.claims for value in claim.said_values()]
            object.__setattr__(self, "values", tuple(dict.fromkeys(said)))
        if self.ordered is None:
            is_banded = any(isinstance(claim, Bands) for claim in self.claims)
            object.__setattr__(self, "ordered", is_banded and not self.many)
        if not self.title:
            object.__setattr__(self, "title", self.name.replace("_", " ").capitalize())
        if isinstance(self.phrase, Mapping):
            object.__setattr__(self, "phrase", MappingProxyType(dict(self.phrase)))
        self._check()

    def __hash__(self) -> int:
        return hash((self.name, self.facet, self.claims, self.values))

    def _check(self) -> None:
        place = f"labels.{self.name}"
        if len(set(self.values)) != len(self.values) or not all(
            isinstance(value, str) and value.strip() for value in self.values
        ):
            raise DefinitionError(
                f"{place}.values has an empty value or one value twice.", "texts, each once."
            )
        for number, claim in enumerate(self.claims, start=1):
            _check_claim(self, claim, f"{place}.claims[{number}]")
        if isinstance(self.phrase, Mapping) and self.values:
            _check_listed(self.phrase, self.values, f"{place}.phrase")

    @property
    def kind(self) -> str:
        """One of "many", "flag", "ordered", "nominal"."""
        if self.many:
            return "many"
        if set(self.values) == {"yes", "no"}:
            return "flag"
        return "ordered" if self.ordered else "nominal"

    def claim_id(self, number: int) -> str:
        """Return the id of a claim in the ledger, such as ``spending_power.1 bands``."""
        return f"{self.name}.{number} {self.claims[number - 1].kind}"


def _check_claim(label: Label, claim: Claim, place: str) -> None:
    needed = claim.n_values_needed()
    if needed is not None and len(label.values) != needed:
        raise DefinitionError(
            f"{place}: {claim.kind} has {needed} bands and the label {len(label.values)} values.",
            "one value per band, in order.",
        )
    if label.values:
        _check_listed(claim.said_values(), label.values, f"{place}.{claim.kind}")
    is_top_list = getattr(claim, "top", 1) > 1 or getattr(claim, "separator", None)
    if is_top_list and not label.many:
        raise DefinitionError(
            f"{place}: {claim.kind} can give several values and the label takes one.",
            "many = true, or top = 1.",
        )


def _check_listed(said: Iterable[str], values: tuple[str, ...], place: str) -> None:
    for value in said:
        if value not in values:
            raise DefinitionError(
                f"{place} says {value!r}, which is no value of the label.", did_you_mean(value, values)
            )
