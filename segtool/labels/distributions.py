"""Distribution functions in closed form, as SQL, good to about 0.01.

References
----------
Bowling et al. (2009) for the logistic form of the normal; Paulson (1942) for the Beta; Tukey's
lambda for the normal quantile.
"""

from __future__ import annotations


def normal_below(z: str) -> str:
    """Return SQL of the standard normal distribution function, error below 0.0002.

    Examples
    --------
    >>> normal_below("z")
    '1 / (1 + exp(-z * (1.5976 + 0.070566 * z * z)))'
    """
    return f"1 / (1 + exp(-{z} * (1.5976 + 0.070566 * {z} * {z})))"


def normal_quantile(share: str) -> str:
    """Return SQL of the standard normal quantile (Tukey's lambda, error below 0.02 inside 1 to 99 %)."""
    return f"4.91 * (power({share}, 0.14) - power(1 - {share}, 0.14))"


def clip_score(z: str) -> str:
    """Return a normal score held within 8: beyond, the tail is 0 and exp() would overflow."""
    return f"least(greatest({z}, -8), 8)"


def beta_root(shape_in: str, shape_out: str, cut: str) -> str:
    """Return SQL of the cube root that `beta_score` needs, a layer of its own as it is used thrice."""
    safe = cut if _is_inside(cut) else f"least(greatest({cut}, 0.000001), 0.999999)"
    return f"power(({shape_out}) * {safe} / (({shape_in}) * (1 - {safe})), 1.0 / 3)"


def beta_score(shape_in: str, shape_out: str, root: str) -> str:
    """Return SQL of the normal score of P(share < cut), share ~ Beta (Paulson's cube roots).

    Both Gamma variables of the Beta are nearly normal after a cube root. Shapes are 0.3 or more,
    where the approximation ends.
    """
    a, b = f"({shape_in})", f"({shape_out})"
    top = f"((1 - 1 / (9 * {b})) * {root} - (1 - 1 / (9 * {a})))"
    return f"{top} / sqrt({root} * {root} / (9 * {b}) + 1 / (9 * {a}))"


def _is_inside(cut: str) -> bool:
    try:
        return 0 < float(cut) < 1
    except ValueError:
        return False
