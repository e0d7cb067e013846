"""The labels that come with segtool: generic, by the standard event words and column names."""

from __future__ import annotations

from importlib import resources

from segtool.labels.catalog import Catalog

FOLDER = "builtin_labels"


def builtin_catalog(*, currency: str = "") -> Catalog:
    """Return the built-in catalogue.

    It uses what tables and columns a study has; what it cannot compute is left out, and
    `Labels.left_out` says why.

    Parameters
    ----------
    currency : str
        Unit of money in the evidence, such as "CNY".

    Returns
    -------
    Catalog

    Examples
    --------
    >>> catalog = builtin_catalog(currency="CNY")
    >>> len(catalog.labels) >= 35
    True
    >>> catalog.measures["spend_180d"].unit
    'CNY'
    """
    return Catalog.from_toml(builtin_toml(currency=currency))


def builtin_toml(*, currency: str = "") -> str:
    """Return the text of the built-in catalogue: a starting point for one of your own."""
    folder = resources.files("segtool.labels") / FOLDER
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    text = "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    if not currency:
        text = text.replace('unit = "{currency}"\n', "")
    return text.replace("{currency}", currency.replace("\\", "").replace('"', ""))
