"""Bands: a measure cut into ordered values, at fixed edges or at quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from segtool.errors import DefinitionError
from segtool.labels.claims import peers
from segtool.labels.claims.base import Claim, check_predicate
from segtool.labels.expressions import Expression, quote_name

if TYPE_CHECKING:
    from segtool.labels.plans import ClaimContext, RowsPlan, WidePlan


# A quantile of fewer numbers moves with each of them.
MIN_PEERS = 30


@dataclass(frozen=True)
class Bands(Claim):
    """The label's value is the band a measure falls in.

    Parameters
    ----------
    of : str
        The measure.
    edges : sequence of float, optional
        Fixed cut points: ``x < edges[0]`` is the first value, ``edges[0] <= x < edges[1]`` the second.
    quantiles : sequence of float, optional
        Shares of the judged users instead: ``x`` at or below the first cut point is the first value.
        Ties stay together, and no ``ntile`` is used, so a user's band does not depend on the run.
    needs : str, optional
        The least evidence, a predicate over measures; below it the claim abstains.
    values : sequence of str, optional
        One per band, when they are not the label's values in order.
    within : str, optional
        A label with one value, or a column of the users table: the quantiles are those of the
        users who have the same value there. Who has none gets nothing.
    min_peers : int, default 30
        The least number of judged peers; where there are fewer the claim abstains.

    Examples
    --------
    >>> Bands("spend_30d", quantiles=[0.2, 0.8], needs="purchases_90d >= 2").n_values_needed()
    3
    >>> Bands("spend_30d")
    Traceback (most recent call last):
    segtool.errors.DefinitionError: bands of 'spend_30d' has neither edges nor quantiles. Accepted: one of them.
    """

    kind: ClassVar[str] = "bands"

    of: str
    edges: tuple[float, ...] | None = None
    quantiles: tuple[float, ...] | None = None
    needs: str | None = None
    values: tuple[str, ...] | None = None
    within: str | None = None
    min_peers: int = MIN_PEERS

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("edges", "quantiles", "values"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))
        if (self.edges is None) == (self.quantiles is None):
            how_many = "neither edges nor quantiles" if self.edges is None else "both edges and quantiles"
            raise DefinitionError(f"bands of {self.of!r} has {how_many}.", "one of them.")
        _check_cuts(self.of, "edges" if self.edges is not None else "quantiles", self.cuts)
        if self.values is not None and len(self.values) != len(self.cuts) + 1:
            raise DefinitionError(
                f"bands of {self.of!r} has {len(self.cuts)} cuts and {len(self.values)} values.",
                f"{len(self.cuts) + 1} values.",
            )
        check_predicate(self.needs, "bands.needs")
        self._check_peers()

    def _check_peers(self) -> None:
        if self.within is not None and self.quantiles is None:
            raise DefinitionError(
                f"bands of {self.of!r} has fixed edges within {self.within!r}.",
                "quantiles with within: a fixed edge is the same for all peers.",
            )
        is_count = isinstance(self.min_peers, int) and not isinstance(self.min_peers, bool)
        if not is_count or self.min_peers < 2:
            raise DefinitionError(f"bands.min_peers is {self.min_peers!r}.", "a whole number from 2.")

    @property
    def cuts(self) -> tuple[float, ...]:
        """The edges or the quantiles."""
        return self.edges if self.edges is not None else self.quantiles  # type: ignore[return-value]

    def predicates(self) -> dict[str, Expression]:
        """Return `needs`, when there is one."""
        return {"needs": check_predicate(self.needs, "bands.needs")} if self.needs else {}

    def measures(self) -> tuple[str, ...]:
        """Return the banded measure and those of `needs`."""
        return tuple(dict.fromkeys((self.of, *super().measures())))

    def said_values(self) -> tuple[str, ...]:
        """Return the values given here, if any."""
        return self.values or ()

    def n_values_needed(self) -> int | None:
        """Return the number of bands, when the label's values name them."""
        return None if self.values else len(self.cuts) + 1

    def peers(self) -> str | None:
        """Return the label or column that makes users each other's peers, if any."""
        return self.within

    def plan(self, context: ClaimContext) -> WidePlan | RowsPlan:
        """Return value, confidence and evidence as SQL over the measures."""
        if self.within is not None:
            names = self.values or context.label.values
            wanted = peers.PeerBands(self.of, self.cuts, names, self.within, self.min_peers, self.needs)
            return wanted.plan(context)
        names = self.values or context.label.values
        needs = context.predicate(self.needs) if self.needs else None
        if self.quantiles is not None:
            cuts = context.beliefs.cut_points(context.prefix, self.of, self.quantiles, needs)
            latent, operator = context.beliefs.latent_cuts(context.prefix, self.of, cuts, needs), "<="
        else:
            cuts = [context.number_sql(edge) for edge in self.edges]
            latent, operator = cuts, "<"
        measure = quote_name(self.of)
        below = [context.beliefs.below(self.of, cut, needs) for cut in latent]
        return context.wide(
            code=_case([f"{measure} {operator} {cut}" for cut in cuts], [context.code(v) for v in names]),
            confidence=self._confidence(context, measure, operator, cuts, below),
            guards=[f"{measure} IS NOT NULL", *([needs] if needs else [])],
            evidence=[self.of],
        )

    def _confidence(self, context, measure, operator, cuts, below) -> str:
        if below[0] is None:  # no model of its noise: a fact with a declared reliability
            return context.declared()
        inside = [
            below[0],
            *(f"{hi} - {lo}" for lo, hi in pairwise(below)),
            f"1 - {below[-1]}",
        ]
        return context.as_reliable(_case([f"{measure} {operator} {cut}" for cut in cuts], inside))


def _check_cuts(of: str, name: str, cuts: tuple[float, ...]) -> None:
    is_number = all(
        isinstance(cut, (int, float)) and not isinstance(cut, bool) and cut == cut for cut in cuts
    )
    rising = is_number and all(low < high for low, high in pairwise(cuts))
    inside = is_number and (name == "edges" or all(0 < cut < 1 for cut in cuts))
    if not cuts or not rising or not inside:
        raise DefinitionError(
            f"{name} of the bands of {of!r} are not usable.",
            "rising numbers." if name == "edges" else "rising numbers between 0 and 1.",
        )


def _case(conditions: list[str], results: list[str]) -> str:
    """Return a CASE whose last result is the ELSE."""
    whens = " ".join(f"WHEN {when} THEN {then}" for when, then in zip(conditions, results, strict=False))
    return f"CASE {whens} ELSE {results[-1]} END"
