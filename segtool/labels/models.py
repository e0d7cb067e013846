"""One model of sampling noise per kind of measure, as SQL: prior, posterior, score of a cut.

Each user's number is a sample. Its sampling variance comes from the aggregate itself (a count is
Poisson, a sum of amounts compound Poisson with the sum of squares as its variance, k of n is
binomial, an average has s / sqrt(n)), the population gives the prior by the method of moments
(empirical Bayes), and the posterior's distribution function has a closed form good to about 0.01:
Wilson and Hilferty's cube root for the Gamma, Paulson's for the Beta, the normal itself for means.
Everything is plain arithmetic, so it runs where the data is.

A model answers five questions, each with columns of SQL that rest on the ones before:

``moments``     of the population, one row
``prior``       from the moments, one row
``posterior``   of each user, from the wide measures and the prior
``score``       of a cut: the normal score of P(true level < cut)
``spread``      mean and variance of the true levels of a set of users, on the scale where they are
                nearly normal, and the way back from that scale

References
----------
Robbins (1956) and Morris (1983) on empirical Bayes; Wilson and Hilferty (1931); Paulson (1942);
Bowling et al. (2009) for the logistic form of the normal distribution function.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from segtool.labels.distributions import beta_root, beta_score
from segtool.labels.expressions import quote_name
from segtool.labels.noise import Noise

# Users differ by at least three per cent of their mean, whatever the moments say.
LEAST_REAL = 0.001
# Imagined rows with the population's spread: two purchases of one price prove little.
SPREAD_ROWS = 6
# Weight of users in the moments of shares: a quarter at so many rows.
PRIOR_ROWS = 20
TINY = "0.000000001"


@dataclass(frozen=True)
class Model(ABC):
    """The SQL of one measure's noise.

    Parameters
    ----------
    measure : str
    noise : Noise
    extras : Mapping of (str, str) to str
        (measure, role) -> the column of the wide measures that holds it.
    """

    kind: ClassVar[str]

    measure: str
    noise: Noise
    extras: Mapping[tuple[str, str], str]
    visit: str | None = None  # the step with the design effect of rows of one visit

    @property
    def deff(self) -> str:
        """Return how many rows are worth one independent row."""
        return "1" if self.visit is None else self.column("deff")

    @property
    def value(self) -> str:
        """Return the measure's own column."""
        return quote_name(self.measure)

    def column(self, part: str) -> str:
        """Return the column of a moment, prior or posterior of this measure."""
        return quote_name(f"{self.measure}__{part}")

    def extra(self, role: str) -> str:
        """Return the column of a further aggregate."""
        return quote_name(self.extras[self.measure, role])

    @abstractmethod
    def moments(self) -> dict[str, str]:
        """Return part -> aggregate over all users."""

    @abstractmethod
    def prior(self) -> dict[str, str]:
        """Return part -> SQL over the row of moments."""

    @abstractmethod
    def posterior(self) -> dict[str, str]:
        """Return part -> SQL over the wide measures and the prior."""

    @abstractmethod
    def score(self, cut: str) -> str:
        """Return the normal score of P(true level < cut)."""

    @abstractmethod
    def spread(self) -> tuple[str, str]:
        """Return (mean, variance) of one user's true level on its nearly normal scale."""

    @abstractmethod
    def back(self, level: str) -> str:
        """Return a level of the nearly normal scale on the measure's own."""


@dataclass(frozen=True)
class CountModel(Model):
    """A count of rows: Poisson around a rate, rates Gamma over users."""

    kind: ClassVar[str] = "count"

    def moments(self) -> dict[str, str]:
        return {
            "mean": f"avg({self.value})",
            "var": f"var_samp({self.value})",
            "known": f"count({self.value})",
        }

    def _sampling_variance(self) -> str:
        return f"{self.noise.scale} * {self.deff} * {self.column('mean')}"

    def prior(self) -> dict[str, str]:
        mean, var = self.column("mean"), self.column("var")
        noise = self._sampling_variance()
        real = f"greatest({var} - {noise}, {noise} * {_doubt(self)}, {LEAST_REAL} * {mean} * {mean})"
        shape = f"CASE WHEN {var} IS NOT NULL THEN {mean} * {mean} / nullif({real}, 0) END"
        shape = f"least(greatest(coalesce({shape}, 0.5), 0.1), 1000)"
        return {"a": shape, "b": f"{shape} / greatest(coalesce({mean}, 1), {TINY})"}

    def posterior(self) -> dict[str, str]:
        unit = f"({self.noise.scale} * {self.deff})"
        return {
            "shape": f"{self.column('a')} + {self.value} / {unit}",
            "rate": f"{self.column('b')} + 1 / {unit}",
        }

    def score(self, cut: str) -> str:
        shape, rate = self.column("shape"), self.column("rate")
        root = f"power(greatest({cut}, 0) * {rate} / {shape}, 1.0 / 3)"
        return f"3 * sqrt({shape}) * ({root} - 1 + 1 / (9 * {shape}))"

    def spread(self) -> tuple[str, str]:
        shape, rate = self.column("shape"), self.column("rate")
        root = f"power({shape} / {rate}, 1.0 / 3)"  # a Gamma is nearly normal after a cube root
        return f"{root} * (1 - 1 / (9 * {shape}))", f"{root} * {root} / (9 * {shape})"

    def back(self, level: str) -> str:
        return f"power(greatest({level}, 0.0001), 3)"


@dataclass(frozen=True)
class SumModel(CountModel):
    """A sum of amounts: as many events as its sum of squares is worth (Kish), then as a count."""

    kind: ClassVar[str] = "sum"

    def moments(self) -> dict[str, str]:
        n, squares, scale = self.extra("n"), self.extra("squares"), self.noise.scale**2
        rows = f"nullif(sum({n}) FILTER (WHERE {self.value} IS NOT NULL), 0)"
        return super().moments() | {
            "noise": f"avg({squares}) * {scale}",
            "row": f"sum({self.value}) / {rows}",
            "row_squared": f"sum({squares}) * {scale} / {rows}",
        }

    def _sampling_variance(self) -> str:
        return f"{self.column('noise')} * {self.deff}"

    def posterior(self) -> dict[str, str]:
        # One imagined row of the population's size steadies the size of a single purchase.
        total = f"greatest({self.value}, 0)"
        squares = f"{self.extra('squares')} * {self.noise.scale**2}"
        row, row_squared = f"coalesce({self.column('row')}, 1)", f"coalesce({self.column('row_squared')}, 1)"
        per_unit = f"({total} + {row}) / greatest(({squares} + {row_squared}) * {self.deff}, {TINY})"
        return {
            "shape": f"{self.column('a')} + {total} * {per_unit}",
            "rate": f"{self.column('b')} + {per_unit}",
        }


@dataclass(frozen=True)
class ShareModel(Model):
    """k of n: binomial around a share, shares Beta over users."""

    kind: ClassVar[str] = "share"

    def _worth(self) -> str:
        """Return how many independent rows a user's rows are worth, one at least."""
        n = self.extra("n")
        return n if self.visit is None else f"greatest({n} / {self.deff}, least({n}, 1))"

    def moments(self) -> dict[str, str]:
        return _beta_moments(self.value, self._worth(), f"{self.value} IS NOT NULL AND {self.extra('n')} > 0")

    def prior(self) -> dict[str, str]:
        return _beta_prior(self)

    def posterior(self) -> dict[str, str]:
        n = self._worth()
        return {
            "in": f"greatest({self.column('a')} + {self.value} * {n}, 0.3)",
            "out": f"greatest({self.column('b')} + (1 - {self.value}) * {n}, 0.3)",
        }

    def score(self, cut: str) -> str:
        return _beta_score(self, cut)

    def spread(self) -> tuple[str, str]:
        return _beta_spread(self)

    def back(self, level: str) -> str:
        return f"power(sin(least(greatest({level}, 0.01), 1.56)), 2)"


@dataclass(frozen=True)
class MeanModel(Model):
    """An average: normal with s / sqrt(n); of positive amounts, on the log scale."""

    kind: ClassVar[str] = "mean"

    def moments(self) -> dict[str, str]:
        n, spread, m = self.extra("n"), self.extra("spread"), self.value
        pairs = f"CASE WHEN {spread} IS NOT NULL THEN {n} - 1 END"
        log = f"ln(CASE WHEN {m} > 0 THEN {m} END)"
        return {
            "mean": f"avg({m})", "var": f"var_samp({m})", "lowest": f"min({m})", "known": f"count({m})",
            "log_mean": f"avg({log})", "log_var": f"var_samp({log})",
            "inverse_n": f"avg(1.0 / nullif({n}, 0))",
            "within": f"sum({pairs} * {spread}) / nullif(sum({pairs}), 0)",
            # E[average^2] is level^2 + s^2 / n: without the correction small n look steadier
            "within_log": f"sum({pairs} * {spread}) / nullif(sum({pairs} * ({m} * {m} - {spread} / {n})), 0)",
        }  # fmt: skip

    def prior(self) -> dict[str, str]:
        get = {part: self.column(part) for part in self.moments()}
        is_log = f"{get['lowest']} > 0"
        within_log = f"greatest(coalesce({get['within_log']}, 0.25), 0.0001)"
        noise_log = f"ln(1 + {within_log} * {get['inverse_n']})"
        within = f"coalesce({get['within']}, {get['var']}, 1)"
        real_log = f"greatest({get['log_var']} - {noise_log}, {noise_log} * {_doubt(self)}, {TINY})"
        noise = f"{within} * {get['inverse_n']}"
        real = f"greatest({get['var']} - {noise}, {noise} * {_doubt(self)}, {TINY})"

        def pick(log: str, plain: str) -> str:
            return f"CASE WHEN {is_log} THEN {log} ELSE {plain} END"

        return {
            "is_log": pick("1", "0"),
            "centre": pick(f"{get['log_mean']} + {noise_log} / 2", f"coalesce({get['mean']}, 0)"),
            "real": pick(f"coalesce({real_log}, 1)", f"coalesce({real}, 1)"),
            "inner": pick(within_log, within),
        }

    def posterior(self) -> dict[str, str]:
        n, m, is_log = f"greatest({self.extra('n')}, 1)", self.value, self.column("is_log")
        own = f"coalesce({self.extra('spread')}, 0) / CASE WHEN {is_log} = 1 THEN greatest({m} * {m}, {TINY}) ELSE 1 END"
        plain = (
            f"(({n} - 1) * {own} + {SPREAD_ROWS} * {self.column('inner')}) / ({n} + {SPREAD_ROWS - 1}) / {n}"
        )
        noise = f"CASE WHEN {is_log} = 1 THEN ln(1 + {plain}) ELSE {plain} END"
        level = f"CASE WHEN {is_log} = 1 THEN ln(greatest({m}, {TINY})) + ({noise}) / 2 ELSE {m} END"
        return _shrunk(self, level, noise)

    def score(self, cut: str) -> str:
        at = f"CASE WHEN {self.column('is_log')} = 1 THEN ln(greatest({cut}, {TINY})) ELSE {cut} END"
        return f"({at} - {self.column('expected')}) / {self.column('deviation')}"

    def spread(self) -> tuple[str, str]:
        return self.column("expected"), f"{self.column('deviation')} * {self.column('deviation')}"

    def back(self, level: str) -> str:
        return f"CASE WHEN {self.column('is_log')} = 1 THEN exp({level}) ELSE {level} END"


@dataclass(frozen=True)
class RatioModel(Model):
    """A ratio of two counts: given their total, the upper one is binomial, so the odds of a share.

    A ratio of sums is a ratio of counts times the size of a row, the user's own where known.
    (The logarithm of the ratio as a normal was tried: with counts of 0 to 3 it missed by 0.4.)
    """

    kind: ClassVar[str] = "ratio"

    def _total(self) -> str:
        return f"nullif({self.extra('n_over')} + {self.extra('n_under')}, 0)"

    def _row_size(self) -> str:
        positive = f"CASE WHEN {self.value} > 0 AND {self.extra('n_over')} > 0 THEN"
        return f"{positive} {self.value} * {self.extra('n_under')} / {self.extra('n_over')} END"

    def moments(self) -> dict[str, str]:
        # Over everybody with a row: those whose ratio is not known (none below) belong to the prior.
        share = f"{self.extra('n_over')} / {self._total()}"
        moments = _beta_moments(share, self._total(), f"{self._total()} > 0")
        return moments | {"size": f"exp(avg(ln({self._row_size()})))"}

    def prior(self) -> dict[str, str]:
        return _beta_prior(self) | {"row": f"coalesce({self.column('size')}, 1)"}

    def posterior(self) -> dict[str, str]:
        return {
            "in": f"greatest({self.column('a')} + {self.extra('n_over')}, 0.3)",
            "out": f"greatest({self.column('b')} + {self.extra('n_under')}, 0.3)",
            "own": f"coalesce({self._row_size()}, {self.column('row')})",
        }

    def score(self, cut: str) -> str:
        return _beta_score(self, f"(greatest({cut}, 0) / (greatest({cut}, 0) + {self.column('own')}))")

    def spread(self) -> tuple[str, str]:
        return _beta_spread(self)

    def back(self, level: str) -> str:
        share = f"least(greatest({level}, 0.01), 1.56)"
        return f"{self.column('row')} * power(tan({share}), 2)"  # sin^2 / (1 - sin^2)


def _doubt(model: Model) -> str:
    """Return the standard error of a variance, relative to it, for as many users as are known.

    Seventy users cannot prove that all users are alike: the variance between users is taken to be
    at least one standard error of what noise alone would show.
    """
    return f"sqrt(2.0 / greatest({model.column('known')}, 1))"


def _beta_moments(share: str, worth: str, is_known: str) -> dict[str, str]:
    """Return the moments of shares of which each rests on so many independent rows.

    Users with few rows say little of how users differ. A squared deviation varies as the square of
    its own variance, so each user weighs (n / (n + 20))^2.
    """
    weight = f"power({worth} / ({worth} + {PRIOR_ROWS}), 2)"
    total = f"nullif(sum({weight}) FILTER (WHERE {is_known}), 0)"

    def mean(sql: str) -> str:
        return f"sum({weight} * {sql}) FILTER (WHERE {is_known}) / {total}"

    return {
        "mean": mean(f"({share})"),
        "square": mean(f"({share}) * ({share})"),
        "inverse_n": mean(f"(1.0 / nullif({worth}, 0))"),
        "known": f"power({total}, 2) / nullif(sum(power({weight}, 2)) FILTER (WHERE {is_known}), 0)",
    }


def _beta_prior(model: Model) -> dict[str, str]:
    """Return a Beta prior from mean and variance of shares, and the mean of 1/n.

    The variance is q (1/n + (1 - 1/n) rho), with q = mean (1 - mean) and rho = 1 / (strength + 1).
    """
    mean, square, inverse = (model.column(part) for part in ("mean", "square", "inverse_n"))
    most = f"{mean} * (1 - {mean})"
    var = f"({square} - {mean} * {mean})"
    rho = f"({var} - {most} * {inverse}) / nullif({most} * (1 - {inverse}), 0)"
    doubt = f"{inverse} / nullif(1 - {inverse}, 0) * {_doubt(model)}"
    rho = f"least(greatest({rho}, {doubt}, {LEAST_REAL}), 0.95)"
    strength = f"least(greatest(coalesce(1 / {rho} - 1, 2), 0.05), 1000)"
    strength = f"CASE WHEN {model.column('known')} > 1 THEN {strength} ELSE 2 END"
    return {"a": f"{mean} * ({strength})", "b": f"(1 - {mean}) * ({strength})"}


def _beta_score(model: Model, cut: str) -> str:
    shapes = model.column("in"), model.column("out")
    return beta_score(*shapes, beta_root(*shapes, cut))


def _beta_spread(model: Model) -> tuple[str, str]:
    """Return mean and variance of the arcsine of the root of a share, where a Beta is nearly normal."""
    total = f"({model.column('in')} + {model.column('out')})"
    return f"asin(sqrt({model.column('in')} / {total}))", f"1 / (4 * ({total} + 1))"


def _shrunk(model: Model, level: str, noise: str) -> dict[str, str]:
    """Return the posterior of a normal level with normal noise and a normal prior."""
    centre, real = model.column("centre"), model.column("real")
    weight = f"{real} / ({real} + {noise})"
    return {
        "expected": f"{centre} + {weight} * ({level} - {centre})",
        "deviation": f"sqrt(greatest({weight} * ({noise}), 0.000000000001))",
    }


MODELS: dict[str, type[Model]] = {
    model.kind: model for model in (CountModel, SumModel, ShareModel, MeanModel, RatioModel)
}
