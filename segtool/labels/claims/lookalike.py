"""Lookalike: who resembles a list of people, without saying that they are on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from segtool.errors import DefinitionError
from segtool.labels import confidence as c
from segtool.labels.claims.base import Claim
from segtool.labels.expressions import Expression, check_expression
from segtool.labels.inference.tasks import FittedPlan, Resemblance

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext


@dataclass(frozen=True)
class Lookalike(Claim):
    """The users nearest to a list of seeds, by behaviour measures and profile columns.

    Published for the top share of the users who are no seeds, and only when seeds the model had
    not seen stand above others beyond chance. It says "resembles", never "is": the confidence is
    how sure one could be that of a seed and a random user with this score, it is the seed.

    Parameters
    ----------
    list : str, optional
        Seeds from the table ``lists``.
    label, value : str, optional
        Seeds from what other claims say of another label; measures that decide it are not looked at.
    share : float
        Of the users who are no seeds.
    says : str
        The value that is published.
    min_seeds : int
        With fewer seeds it abstains.
    profile : bool
        Whether to look at columns of ``users``.
    shares : sequence of str
        Columns of ``events``, where there are, whose values are looked at as shares of a user's events.

    Examples
    --------
    >>> Lookalike(list="vip", share=0.02).seeds
    'list vip'
    >>> Lookalike()
    Traceback (most recent call last):
    segtool.errors.DefinitionError: lookalike names neither a list nor a label. Accepted: list = "...", or label ...
    """

    kind: ClassVar[str] = "lookalike"
    source: ClassVar[str] = "inferred"
    is_closed: ClassVar[bool] = True

    list: str = ""
    label: str = ""
    value: str = ""
    share: float = 0.05
    says: str = "yes"
    min_seeds: int = 30
    profile: bool = True
    shares: tuple[str, ...] = ("topic",)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "shares", tuple(self.shares))
        accepted = 'list = "...", or label = "..." with value = "...".'
        if not self.list and not self.label:
            raise DefinitionError("lookalike names neither a list nor a label.", accepted)
        if bool(self.list) == bool(self.label) or bool(self.label) != bool(self.value):
            raise DefinitionError("lookalike names a list and a label, or half a label.", accepted)
        is_number = isinstance(self.share, (int, float)) and not isinstance(self.share, bool)
        if not is_number or not 0 < self.share <= 0.5:
            raise DefinitionError(f"lookalike.share is {self.share!r}.", "a share above 0, at most 0.5.")
        least = self.min_seeds
        if isinstance(least, bool) or not isinstance(least, int) or least < 15:
            raise DefinitionError(f"lookalike.min_seeds is {least!r}.", "a whole number from 15.")

    @property
    def seeds(self) -> str:
        """What the seeds are called."""
        return f"list {self.list}" if self.list else f"{self.label}: {self.value}"

    def table(self) -> str | None:
        """Return the table of lists, when seeds come from there."""
        return "lists" if self.list else None

    def table_expressions(self) -> dict[str, Expression]:
        """Return the column that names a list."""
        return {"list": check_expression(c.quoted("list"), "lookalike.list")} if self.list else {}

    def said_values(self) -> tuple[str, ...]:
        """Return the value that is published."""
        return (self.says,)

    def plan(self, context: ClaimContext) -> FittedPlan:
        """Return what is to be fitted."""
        return FittedPlan(
            steps=(), evidence="detail_text", one_per_user=True, says_once=True,
            goal=Resemblance(self.seeds, self.says, float(self.share), self.min_seeds),
            seed_label=self.label, seed_value=self.value, seed_list=self.list,
            use_profile=self.profile, shares=self.shares,
        )  # fmt: skip
