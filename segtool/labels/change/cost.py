"""What each label cost to compute."""

from __future__ import annotations

import time

import pandas as pd

from segtool.labels.catalog import Catalog
from segtool.labels.change.diff import measures_behind
from segtool.labels.compile import with_statement

_ALL = "SELECT count(value) AS n_values, sum(confidence) AS sure FROM labels"


def label_costs(sources, catalog: Catalog | None = None, *, repeats: int = 1) -> pd.DataFrame:
    """Time each label on its own, and all of them together.

    Parameters
    ----------
    sources : Sources
    catalog : Catalog, optional
        The built-in one when not given.
    repeats : int
        The fastest of so many runs counts.

    Returns
    -------
    pd.DataFrame
        label, seconds (alone, from the tables to its value and confidence), share (of the sum over
        labels), n_measures, n_scans (passes over a table), n_values; the dearest first. The last
        row, "all together", is the whole catalogue as one statement: what labels share is read once,
        so it takes less than the sum. Labels that a model carries further (inferred, lookalike) have
        no time of their own and stand last, without figures.

    Notes
    -----
    Wall time on this machine, now: compare labels with each other, not with another day.

    Examples
    --------
    >>> from segtool.labels import Flag, Label, Measure
    >>> from segtool.sources import Sources
    >>> events = pd.DataFrame({"user_id": ["a"], "event_time": "2026-06-01", "event": "view"})
    >>> n = Measure("n", "events", "count(*)", no_rows=0)
    >>> catalog = Catalog([n], [Label("busy", "activity", [Flag("n >= 5")])])
    >>> label_costs(Sources.read({"events": events}, as_of="2026-07-01"), catalog)["label"].tolist()
    ['busy', 'all together']
    """
    from segtool.labels.builtin import builtin_catalog
    from segtool.labels.run import compile_for_sources

    compiled = compile_for_sources(builtin_catalog() if catalog is None else catalog, sources)
    # A model is fitted in Python, once for all its labels: a statement cannot time it.
    fitted = {info.label for info in compiled.claims if info.kind in ("inferred", "lookalike")}
    compiled = compile_for_sources(compiled.catalog.without(fitted), sources)
    rows: list[dict] = [{"label": name} for name in sorted(fitted)]
    for name in compiled.catalog.labels:
        alone = compile_for_sources(_alone(compiled.catalog, name), sources)
        rows.append({"label": name, **_measure(alone, sources.engine, repeats)})
    columns = ["label", "seconds", "share", "n_measures", "n_scans", "n_values"]
    table = pd.DataFrame(rows, columns=columns)
    table["share"] = table["seconds"] / table["seconds"].sum()
    table = table.sort_values(["seconds", "label"], ascending=[False, True], kind="stable")
    together = pd.DataFrame([{"label": "all together", **_measure(compiled, sources.engine, repeats)}])
    return pd.concat([table, together.reindex(columns=columns)], ignore_index=True)


def _alone(catalog: Catalog, name: str) -> Catalog:
    """Return one label with the measures it rests on, and no others."""
    label = catalog[name]
    needed = measures_behind(label, catalog)
    return catalog.keep(
        {each: catalog.measures[each] for each in catalog.measures if each in needed}, [label]
    )


def _measure(compiled, engine, repeats: int) -> dict:
    sql = with_statement(compiled.steps, _ALL)
    seconds = []
    for _ in range(max(repeats, 1)):
        start = time.perf_counter()
        found = engine.query(sql)
        seconds.append(time.perf_counter() - start)
    needed = {name for claim in compiled.claims for name in claim.measures}
    return {
        "seconds": min(seconds),
        "n_measures": len(needed),
        "n_scans": sum("one pass" in step.why or step.why.startswith("distinct ") for step in compiled.steps),
        "n_values": int(found["n_values"].iloc[0]),
    }
