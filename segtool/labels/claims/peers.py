"""Bands within a peer group: the cut points of each group of peers, and how sure a band is there.

A measure that is low among everybody can be high among users of a small city. Users whose peers
are not known, or too few to compare with, get nothing: the cut points of everybody would answer a
question that was not asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from segtool.labels import confidence as c
from segtool.labels.distributions import clip_score, normal_below, normal_quantile
from segtool.labels.expressions import quote_name
from segtool.labels.plans import RowsPlan, Step

if TYPE_CHECKING:
    from segtool.labels.models import Model
    from segtool.labels.plans import ClaimContext

PROFILE = "users"
# Evidence leaves with the claims: a group smaller than this is not counted there.
LEAST_COUNTED = 5


@dataclass(frozen=True)
class PeerBands:
    """What is cut, among whom, and what the bands are called.

    Parameters
    ----------
    of : str
        The measure.
    shares : sequence of float
        The quantiles.
    values : sequence of str
        One per band.
    within : str
        The label or profile column whose value makes users peers.
    min_peers : int
    needs : str or None
        The least evidence.
    """

    of: str
    shares: tuple[float, ...]
    values: tuple[str, ...]
    within: str
    min_peers: int
    needs: str | None

    def plan(self, context: ClaimContext) -> RowsPlan:
        """Return the steps of the claim."""
        return _Within(self, context).plan()


def peer_table(label: str) -> str:
    """Return the step that holds a label's value before all labels are resolved."""
    return f"peer__{label}"


def why_no_peers(
    within: str | None, labels: Mapping[str, tuple], schemas: Mapping[str, Mapping]
) -> str | None:
    """Return why there is no peer group of that name, or None when there is (or none is asked for).

    Parameters
    ----------
    within : str or None
    labels : Mapping of str to (label, numbered claims)
        What else is computed.
    schemas : Mapping
        Table -> column -> kind.
    """
    if within is None:
        return None
    if within in labels:
        label, claims = labels[within]
        if label.many:
            return f"the label {within!r} can have several values, so it makes no peer groups."
        if any(claim.peers() is not None for _, claim in claims):
            return f"the label {within!r} is itself cut within a peer group."
        return None
    if within.lower() in {name.lower() for name in schemas.get(PROFILE, {})}:
        return None
    return f"there is no label and no column of users {within!r}."


Claims = list[tuple[Any, list[tuple[int, Any]]]]


def keep_with_peers(
    labels: Claims, schemas: Mapping[str, Mapping]
) -> tuple[Claims, list[tuple[str, str, str]]]:
    """Split off the claims whose peer group is neither a label that can be known first nor a profile column.

    Returns
    -------
    (labels with their claims, what is left out as (kind, name, reason))
    """
    by_name = {label.name: (label, claims) for label, claims in labels}
    kept, left_out = [], []
    for label, claims in labels:
        reasons = {number: why_no_peers(claim.peers(), by_name, schemas) for number, claim in claims}
        lost = {number: why for number, why in reasons.items() if why is not None}
        left_out += [("claim", label.claim_id(number), why) for number, why in lost.items()]
        if len(lost) < len(claims):
            kept.append((label, [(number, claim) for number, claim in claims if number not in lost]))
        else:
            left_out.append(("label", label.name, " ".join(dict.fromkeys(lost.values()))))
    return kept, left_out


class _Within:
    """The steps of one claim; its columns begin with the claim's prefix, so that no measure meets them."""

    def __init__(self, bands: PeerBands, context: ClaimContext):
        self.bands, self.context = bands, context
        self.needs = context.predicate(bands.needs) if bands.needs else None
        self.measure = quote_name(bands.of)
        self.model: Model | None = context.beliefs.model(bands.of)
        n_cuts = len(bands.shares)
        self.cuts, self.shares, self.latent, self.scores = (
            [self.name(f"{part}{number}") for number in range(1, n_cuts + 1)]
            for part in ("cut", "share", "latent", "score")
        )

    def name(self, part: str) -> str:
        return quote_name(f"{self.context.prefix}__{part}")

    def plan(self) -> RowsPlan:
        prefix = self.context.prefix
        steps = [
            Step(f"{prefix}__peers", self._peers_sql(), "whose peer each user is"),
            Step(f"{prefix}__cuts", self._cuts_sql(), "cut points among peers", keep="table"),
            Step(f"{prefix}__judged", self._judged_sql(), "users with their peers' cut points"),
        ]
        if self.model is not None:
            steps += [
                Step(f"{prefix}__levels", self._levels_sql(), "true levels of peers"),
                Step(f"{prefix}__latent", self._latent_sql(), "cut points on the scale of true levels"),
                Step(f"{prefix}__scores", self._scores_sql(), "how far each cut is from each user"),
            ]
        final = self._final_sql(steps[-1].name)
        steps.append(Step(self.context.table, final, f"claims of {self.context.claim_id}", keep="table"))
        return RowsPlan(steps=tuple(steps), evidence="detail_text", one_per_user=True)

    def _judged(self) -> str:
        return f"{self.measure} IS NOT NULL" + (f" AND ({self.needs})" if self.needs else "")

    def _peers_sql(self) -> str:
        peer, sure, within = self.name("peer"), self.name("sure"), self.bands.within
        if within in self.context.peer_labels:
            table = quote_name(peer_table(within))
            return f"SELECT user_id, value AS {peer}, confidence AS {sure}\nFROM {table}\nWHERE value IS NOT NULL"
        column = self.context.actual_columns(PROFILE, [within])[0]
        raw = f"nullif({self.context.as_text(PROFILE, column, quote_name(column))}, '')"
        return f"SELECT user_id, {raw} AS {peer}, 1.0 AS {sure}\nFROM {PROFILE}\nWHERE {raw} IS NOT NULL"

    def _table(self, part: str) -> str:
        return quote_name(f"{self.context.prefix}__{part}")

    def _cuts_sql(self) -> str:
        peer, n = self.name("peer"), self.name("n_peers")
        picks = "".join(
            f",\n  percentile_disc({float(share)}) WITHIN GROUP (ORDER BY {self.measure}) AS {cut}"
            for share, cut in zip(self.bands.shares, self.cuts, strict=True)
        )
        return (
            f"SELECT {peer}, count(*) AS {n}{picks}\n"
            f"FROM measures_wide AS m JOIN {self._table('peers')} AS p ON p.user_id = m.user_id\n"
            f"WHERE {self._judged()}\nGROUP BY {peer}\nHAVING count(*) >= {self.bands.min_peers}"
        )

    def _judged_sql(self) -> str:
        peer = self.name("peer")
        columns = ", ".join([f"p.{peer}", f"p.{self.name('sure')}", f"k.{self.name('n_peers')}", *self.cuts])
        posterior, priors = "", ""
        if self.model is not None:
            posterior = "".join(
                f",\n  {sql} AS {self.model.column(part)}" for part, sql in self.model.posterior().items()
            )
            priors = "\nCROSS JOIN priors"
        return (
            f"SELECT m.*, {columns}{posterior}\nFROM measures_wide AS m\n"
            f"JOIN {self._table('peers')} AS p ON p.user_id = m.user_id\n"
            f"JOIN {self._table('cuts')} AS k ON k.{peer} = p.{peer}{priors}\nWHERE {self._judged()}"
        )

    def _levels_sql(self) -> str:
        """Return mean and variance of the peers' true levels, and the share in each band as seen."""
        mean, variance = self.model.spread()
        shares = "".join(
            f",\n  avg(CASE WHEN {self.measure} <= {cut} THEN 1.0 ELSE 0.0 END) AS {share}"
            for cut, share in zip(self.cuts, self.shares, strict=True)
        )
        return (
            f"SELECT {self.name('peer')}, avg({mean}) AS {self.name('centre')},\n"
            f"  sqrt(var_pop({mean}) + avg({variance})) AS {self.name('width')}{shares}\n"
            f"FROM {self._table('judged')}\nGROUP BY {self.name('peer')}"
        )

    def _latent_sql(self) -> str:
        """Return the cuts on the scale of true levels, for what is seen spreads wider by its noise."""
        picks = ""
        for share, latent in zip(self.shares, self.latent, strict=True):
            inside = f"least(greatest({share}, 0.005), 0.995)"
            level = f"({self.name('centre')} + {self.name('width')} * {normal_quantile(inside)})"
            picks += f",\n  {self.model.back(level)} AS {latent}"
        return f"SELECT {self.name('peer')}{picks}\nFROM {self._table('levels')} CROSS JOIN priors"

    def _scores_sql(self) -> str:
        picks = "".join(
            f",\n  {clip_score(self.model.score(latent))} AS {score}"
            for latent, score in zip(self.latent, self.scores, strict=True)
        )
        peer = self.name("peer")
        prior = ", ".join(f"t.{latent}" for latent in self.latent)
        inner = (
            f"SELECT j.*, {prior}\n  FROM {self._table('judged')} AS j\n"
            f"  JOIN {self._table('latent')} AS t ON t.{peer} = j.{peer}"
        )
        return f"SELECT u.*{picks}\nFROM (\n  {inner}\n) AS u CROSS JOIN priors"

    def _final_sql(self, table: str) -> str:
        context = self.context
        names = self.bands.values
        tests = [f"{self.measure} <= {cut}" for cut in self.cuts]
        value = _case(tests, [context.text(name) for name in names])
        sure = self.name("sure")
        band = self._band_confidence(tests)
        guess = repr(round(1 / len(names), 4))
        n, shown = context.shown([self.bands.of])
        peers = (
            f"{context.text('; among ')} || {self._how_many()} || "
            f"{context.text(f' users with {self.bands.within} ')} || {self.name('peer')}"
        )
        return f"""\
SELECT user_id, {value} AS value,
  round(least(greatest({sure} * ({band}) + (1 - {sure}) * {guess}, 0.01), 0.99), 4) AS confidence,
  {n} AS n_evidence, {shown} || {peers} AS detail_text,
  CAST(0 AS DOUBLE) AS observed_age, {context.as_of_sql} AS observed_at
FROM {c.quoted(table)}"""

    def _how_many(self) -> str:
        n_peers = self.name("n_peers")
        counted = f"CAST({n_peers} AS VARCHAR)"
        if self.bands.min_peers >= LEAST_COUNTED:
            return counted
        return f"CASE WHEN {n_peers} < {LEAST_COUNTED} THEN {self.context.text('few')} ELSE {counted} END"

    def _band_confidence(self, tests: Sequence[str]) -> str:
        if self.model is None:
            return self.context.declared()
        below = [f"({normal_below(score)})" for score in self.scores]
        inside = [below[0], *(f"{hi} - {lo}" for lo, hi in pairwise(below)), f"1 - {below[-1]}"]
        return self.context.as_reliable(_case(tests, inside))


def _case(conditions: Sequence[str], results: Sequence[str]) -> str:
    whens = " ".join(f"WHEN {when} THEN {then}" for when, then in zip(conditions, results, strict=False))
    return f"CASE {whens} ELSE {results[-1]} END"
