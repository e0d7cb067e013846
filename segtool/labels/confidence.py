"""Collects, while a catalogue is compiled, the cut points and posteriors its claims ask for.

The confidence of a band is the posterior probability that the user's true level lies in it, given
the noise of what was seen (`models`). The band that is published is the one seen, not the most
probable one: an analyst who writes an edge finds each user on the side their number is on, and the
confidence tells how much that is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from segtool.labels import visits
from segtool.labels.distributions import clip_score, normal_below, normal_quantile
from segtool.labels.expressions import quote_name, render
from segtool.labels.models import MODELS, Model
from segtool.labels.noise import Noise

# Moments in one step; the width of an aggregate costs more than another pass over numbers.
MAX_MOMENTS = 30


def quoted(name: str) -> str:
    """Return a name as SQL."""
    return quote_name(name)


def format_number(column: str) -> str:
    """Return SQL that writes a number for a reader: 120, not 120.0; 3.14, not 3.14159."""
    rounded = f"round({column}, 2)"
    return (
        f"CASE WHEN {rounded} = floor({rounded}) AND abs({column}) < 1e15 "
        f"THEN CAST(CAST({rounded} AS BIGINT) AS VARCHAR) ELSE CAST({rounded} AS VARCHAR) END"
    )


@dataclass
class Beliefs:
    """What the confidence steps must compute.

    Parameters
    ----------
    noises : Mapping of str to Noise
        Per measure.
    extras : Mapping of (str, str) to str
        (measure, role) -> the column of the wide measures that holds it.
    """

    noises: Mapping[str, Noise]
    extras: Mapping[tuple[str, str], str]
    cuts: dict[str, str] = field(default_factory=dict)  # step name -> SQL, one row each
    levels: dict[str, str] = field(default_factory=dict)  # step name -> SQL, one row each
    latent: dict[str, str] = field(default_factory=dict)  # column -> SQL over cuts and levels
    scores: dict[tuple[str, str, str | None], str] = field(default_factory=dict)  # measure, cut, needs
    used: dict[str, Model] = field(default_factory=dict)  # measures with a posterior, in order
    schemas: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sampled: dict[str, set[str]] = field(default_factory=dict)  # table -> columns its sample needs
    visits: dict[str, str] = field(default_factory=dict)  # step name -> SQL, one row each

    def model(self, measure: str) -> Model | None:
        """Return the model of a measure's noise, or None when it is no sample."""
        noise = self.noises[measure]
        if noise.kind not in MODELS:
            return None
        if measure not in self.used:
            visit = self._measure_visit(measure, noise)
            self.used[measure] = MODELS[noise.kind](measure, noise, self.extras, visit)
        return self.used[measure]

    def _measure_visit(self, measure: str, noise: Noise) -> str | None:
        """Plan the design effect of a measure; None where rows cannot be told apart by day."""
        rows = noise.extra.get("n")
        if noise.part is None or rows is None or not self.has_days(rows.table):
            return None
        trees = [noise.part, *([rows.where] if rows.where is not None else [])]
        names = _match(trees, self.schemas[rows.table])
        condition = render(rows.where, names) if rows.where is not None else "TRUE"
        plan = visits.design_effect_sql if noise.kind == "share" else visits.burst_sql
        column = quote_name(f"{measure}__deff")
        sql = plan(rows.table, render(noise.part, names), condition, column)
        return self.plan_visit(f"{measure}__visit", rows.table, names.values(), sql)

    def has_days(self, table: str) -> bool:
        """Whether rows of a table can be put on days."""
        return visits.AGE in self.schemas.get(table, {})

    def plan_visit(self, step: str, table: str, columns, sql: str) -> str:
        """Plan a design effect over the sample of a table; return its step."""
        self.sampled.setdefault(table, set()).update(columns)
        self.visits[step] = sql
        return step

    def below(self, measure: str, cut: str, needs: str | None = None) -> str | None:
        """Return SQL of P(true level < cut), or None when the measure is no sample.

        ``needs`` is the claim's least evidence: users who are not judged cost no exponential.
        """
        if self.model(measure) is None:
            return None
        known = sum(1 for each, _, _ in self.scores if each == measure)
        column = self.scores.setdefault((measure, cut, needs), quote_name(f"{measure}__z{known + 1}"))
        return f"({normal_below(column)})"

    def cut_points(
        self, prefix: str, measure: str, quantiles: Sequence[float], needs: str | None
    ) -> list[str]:
        """Plan the quantile cut points of a claim: a narrow step of one row; return their columns."""
        m = quote_name(measure)
        names = [quote_name(f"{prefix}__cut{number}") for number in range(1, len(quantiles) + 1)]
        picks = [
            f"percentile_disc({float(q)}) WITHIN GROUP (ORDER BY {m}) AS {name}"
            for q, name in zip(quantiles, names, strict=True)
        ]
        sql = "SELECT\n  " + ",\n  ".join(picks) + f"\nFROM measures_wide\nWHERE {_judged(m, needs)}"
        self.cuts[f"{prefix}__cuts"] = sql
        return names

    def latent_cuts(self, prefix: str, measure: str, cuts: Sequence[str], needs: str | None) -> list[str]:
        """Return quantile cut points on the scale of true levels.

        Numbers seen spread wider than true levels do, by the noise, and ties make bands larger
        than asked. So the cut on the true scale is the one with as many of the judged users below
        it as the band seen holds, their true levels having the mean and the variance (between
        users, plus within each) that the posteriors give.
        """
        model = self.model(measure)
        if model is None:
            return list(cuts)
        step = f"{prefix}__levels"
        centre, width = (quote_name(f"{prefix}__{part}") for part in ("centre", "width"))
        shares = [quote_name(f"{prefix}__share{number}") for number in range(1, len(cuts) + 1)]
        mean, variance = model.spread()
        picks = [f"avg({mean}) AS {centre}", f"sqrt(var_pop({mean}) + avg({variance})) AS {width}"]
        picks += [
            f"avg(CASE WHEN {model.value} <= {cut} THEN 1.0 ELSE 0.0 END) AS {share}"
            for cut, share in zip(cuts, shares, strict=True)
        ]
        posterior = "".join(
            f",\n    {sql} AS {model.column(part)}" for part, sql in model.posterior().items()
        )
        self.levels[step] = (
            "SELECT\n  " + ",\n  ".join(picks) + f"\nFROM (\n  SELECT *{posterior}\n  FROM measures_wide"
            f" CROSS JOIN priors CROSS JOIN {quote_name(f'{prefix}__cuts')}\n"
            f"  WHERE {_judged(model.value, needs)}\n) AS judged"
        )
        names = []
        for number, share in enumerate(shares, start=1):
            inside = f"least(greatest({share}, 0.005), 0.995)"
            name = quote_name(f"{prefix}__latent{number}")
            self.latent[name] = model.back(f"({centre} + {width} * {normal_quantile(inside)})")
            names.append(name)
        return names

    def population(self) -> list[tuple[dict[str, str], list[str]]]:
        """Return the moments of the population, in parts that are not too wide.

        Each part is column -> aggregate over the wide measures, and the one-row steps with the
        design effects that the aggregates use.
        """
        parts: list[tuple[dict[str, str], list[str]]] = []
        for model in self.used.values():
            moments = {model.column(part): sql for part, sql in model.moments().items()}
            if model.visit is not None:
                moments[model.column("deff")] = f"max({model.column('deff')})"
            if not parts or len(parts[-1][0]) + len(moments) > MAX_MOMENTS:
                parts.append(({}, []))
            parts[-1][0].update(moments)
            parts[-1][1].extend([model.visit] if model.visit is not None else [])
        return parts

    def priors(self) -> dict[str, str]:
        """Return the priors: column -> SQL over the row of moments."""
        return {
            model.column(part): sql for model in self.used.values() for part, sql in model.prior().items()
        }

    def posteriors(self) -> dict[str, str]:
        """Return each user's posterior: column -> SQL over the wide measures and the priors."""
        scored = {measure for measure, _, _ in self.scores}
        models = [model for model in self.used.values() if model.measure in scored]
        return {model.column(part): sql for model in models for part, sql in model.posterior().items()}

    def score_columns(self) -> dict[str, str]:
        """Return the normal score of every cut: column -> SQL over the posteriors."""
        return {
            column: _only_if(needs, clip_score(self.used[measure].score(cut)))
            for (measure, cut, needs), column in self.scores.items()
        }


def _only_if(condition: str | None, sql: str) -> str:
    return sql if condition is None else f"CASE WHEN {condition} THEN {sql} END"


def _match(trees, present) -> dict[str, str]:
    by_lower = {name.lower(): name for name in present}
    written = {column.name for tree in trees for column in tree.find_all(exp.Column)}
    return {name: name if name in present else by_lower[name.lower()] for name in written}


def _judged(column: str, needs: str | None) -> str:
    return f"{column} IS NOT NULL" + (f" AND ({needs})" if needs else "")
