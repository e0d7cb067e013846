"""Inferred: what those who answered say of those who did not, where a stated precision holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from segtool.errors import DefinitionError, did_you_mean
from segtool.labels.claims.base import Claim
from segtool.labels.expressions import Expression, check_expression, quote_name
from segtool.labels.inference.tasks import FittedPlan, Standards

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext

# What a catalogue calls the teachers -> the source of their claims.
TEACHERS = {"survey": "survey", "notes": "person"}
PROFILE = "users."  # begins a feature that is a profile column


@dataclass(frozen=True)
class Inferred(Claim):
    """A calibrated model of the label's answers, for users who gave none.

    It learns from the label's own survey answers (and people's notes, if asked) by behaviour
    measures and profile columns. A value is said of a user only above a threshold that held the
    stated precision on respondents the model had not seen; else the claim abstains, and
    `Labels.inference` says why. Measures and columns that rest on the answers are never looked at,
    and profile columns of a label marked sensitive only where ``features`` names them or the
    label is itself marked sensitive.

    Parameters
    ----------
    precision : float
        Share of the users a value is said of who must have it; the lower bound must hold it.
    teachers : text or sequence of text
        "survey", "notes" or "survey and notes" (``from`` in a TOML file).
    values : sequence of str, optional
        The values that may be inferred; all by default.
    margin : Mapping, optional
        Value -> its share of all users, known from elsewhere. It repairs answering that depends
        on the answer; nothing else can.
    features : sequence of str, optional
        The measures to look at, instead of all that may be; ``users.gender`` allows a column that
        a label marked sensitive reads.
    profile : bool
        Whether to look at columns of ``users``.
    shares : sequence of str
        Columns of ``events``, where there are, whose values are looked at as shares of a user's events.
    min_positives : int
        With fewer answers, a value is not inferred.
    likely : bool
        Whether to say what is probable, marked as not proven, too.

    Examples
    --------
    >>> Inferred(precision=0.8, margin={"student": 0.12}).teachers
    ('survey',)
    >>> Inferred(precision=1.2)
    Traceback (most recent call last):
    segtool.errors.DefinitionError: inferred.precision is 1.2. Accepted: a share from 0.5, below 1.
    """

    kind: ClassVar[str] = "inferred"
    source: ClassVar[str] = "inferred"

    precision: float = 0.8
    teachers: tuple[str, ...] = ("survey",)
    values: tuple[str, ...] = ()
    margin: tuple[tuple[str, float], ...] = ()
    features: tuple[str, ...] | None = None
    profile: bool = True
    shares: tuple[str, ...] = ("topic",)
    min_positives: int = 30
    likely: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        teachers = self.teachers.split(" and ") if isinstance(self.teachers, str) else self.teachers
        object.__setattr__(self, "teachers", tuple(teachers))
        object.__setattr__(self, "values", tuple(self.values))
        object.__setattr__(self, "shares", tuple(self.shares))
        pairs = self.margin.items() if isinstance(self.margin, Mapping) else self.margin
        object.__setattr__(self, "margin", tuple((str(value), share) for value, share in pairs))
        if self.features is not None:
            object.__setattr__(self, "features", tuple(self.features))
        self._check()

    def _check(self) -> None:
        _check_share("precision", self.precision, 0.5)
        for teacher in self.teachers:
            if teacher not in TEACHERS:
                raise DefinitionError(f"inferred.from is {teacher!r}.", did_you_mean(str(teacher), TEACHERS))
        if not self.teachers:
            raise DefinitionError("inferred.from is empty.", "survey, notes or both.")
        for _, share in self.margin:
            _check_share("margin", share, 0.0)
        if sum(share for _, share in self.margin) > 1 + 1e-9:
            raise DefinitionError(
                "The shares of inferred.margin add up to more than 1.", "shares of all users."
            )
        least = self.min_positives
        if isinstance(least, bool) or not isinstance(least, int) or least < 15:
            raise DefinitionError(f"inferred.min_positives is {least!r}.", "a whole number from 15.")

    def predicates(self) -> dict[str, Expression]:
        """Return the measures that are named as features."""
        names = self._measures_named() or ()
        return {
            f"features[{i}]": check_expression(quote_name(name), "inferred.features")
            for i, name in enumerate(names, 1)
        }

    def _measures_named(self) -> tuple[str, ...] | None:
        names = tuple(name for name in self.features or () if not name.startswith(PROFILE))
        return names if names or self.features == () else None

    def _profile_named(self) -> tuple[str, ...]:
        return tuple(name[len(PROFILE) :] for name in self.features or () if name.startswith(PROFILE))

    def why_not(self, schemas: Mapping[str, Mapping[str, str]]) -> str | None:
        """Return which profile column among the features is not there."""
        there = {name.lower() for name in schemas.get("users", {})}
        for name in self._profile_named():
            if name.lower() not in there:
                return f"users has no column {name!r}; {did_you_mean(name, sorted(there))}"
        return None

    def said_values(self) -> tuple[str, ...]:
        """Return the values named here."""
        return tuple(dict.fromkeys((*self.values, *(value for value, _ in self.margin))))

    def why_alone(self, sources: Collection[str]) -> str | None:
        """Return why there is nothing to learn from beside claims of these sources, or None."""
        if {TEACHERS[teacher] for teacher in self.teachers} & set(sources):
            return None
        return f"the label has no {' or '.join(self.teachers)} claim to learn from."

    def plan(self, context: ClaimContext) -> FittedPlan:
        """Return what is to be fitted."""
        goal = Standards(self.precision, self.min_positives, self.margin, self.values, self.likely)
        return FittedPlan(
            steps=(), evidence="detail_text", one_per_user=not context.label.many, says_once=True, goal=goal,
            teachers=tuple(TEACHERS[teacher] for teacher in self.teachers),
            only_measures=self._measures_named(), use_profile=self.profile, shares=self.shares,
            named_profile=self._profile_named(),
        )  # fmt: skip


def _check_share(name: str, value: Any, low: float) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    inside = is_number and low <= value < 1 and value > 0
    if not inside:
        accepted = f"a share from {low:g}, below 1." if low else "a share between 0 and 1."
        raise DefinitionError(f"inferred.{name} is {value!r}.", accepted)
