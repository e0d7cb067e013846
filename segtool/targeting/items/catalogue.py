"""What is known of the items themselves: topic, format and other attributes, and when they came out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.engines import quote
from segtool.notes import known, unknown

# Not attributes: names, texts and times differ from item to item.
NO_ATTRIBUTE = ("item_id", "title", "topic", "published_at", "age_days", "local_time", "local_date")
NO_ATTRIBUTE += ("local_hour", "local_weekday", "text", "url")
MAX_VALUES = 60  # an attribute with more values than this is a name
MIN_COVERED = 0.1  # of the items; a rarer attribute says nothing of most
NUMBER_BANDS = 4


@dataclass(frozen=True)
class Catalogue:
    """Items with their attributes, in the order of the log.

    Parameters
    ----------
    item_ids : ndarray of str
    title, topic, format : ndarray of object
        None where unknown.
    attributes : dict of str to ndarray of object
        Value per item of every attribute but the topic, None where unknown.
    age_days : ndarray
        Days since an item came out, NaN where unknown, negative where it is still to come.
    """

    item_ids: np.ndarray
    title: np.ndarray
    topic: np.ndarray
    format: np.ndarray
    attributes: dict[str, np.ndarray]
    age_days: np.ndarray

    def keep(self, items: np.ndarray) -> Catalogue:
        """Return the catalogue of some items (positions)."""
        return Catalogue(
            self.item_ids[items],
            self.title[items],
            self.topic[items],
            self.format[items],
            {name: values[items] for name, values in self.attributes.items()},
            self.age_days[items],
        )

    @property
    def topics(self) -> sparse.csr_array:
        """Items by topics, 0/1; an item without a topic is an empty row."""
        return one_hot(self.topic)

    def attribute_matrices(self) -> list[sparse.csr_array]:
        """Items by values, one matrix for each attribute."""
        return [one_hot(values) for _, values in sorted(self.attributes.items())]


def one_hot(values: np.ndarray) -> sparse.csr_array:
    """Return 0/1 of shape (n_items, n_values), the values sorted; a missing value is an empty row."""
    codes, names = pd.factorize(pd.Series(values, dtype=object), sort=True)
    has = codes >= 0
    shape = (len(values), len(names))
    return sparse.csr_array((np.ones(has.sum(), np.float32), (np.flatnonzero(has), codes[has])), shape=shape)


def read_content(sources) -> tuple[pd.DataFrame | None, list[str]]:
    """Return the content table with one row per item, or None, with notes."""
    if "content" not in sources.tables:
        note = (
            "Items: there is no content table; topics come from the events, titles and formats are missing."
        )
        return None, [unknown(note)]
    columns = [name for name in sources.engine.columns("content") if not name.startswith("local_")]
    picked = ", ".join(quote(name) for name in columns)
    order = ", ".join(quote(name) for name in ["item_id", *sorted(set(columns) - {"item_id"})])
    table = sources.engine.query(f"SELECT {picked} FROM content ORDER BY {order}")
    return first_of_each(table)


def first_of_each(content: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Keep one row per item id: the one with most filled in, then the first.

    Examples
    --------
    >>> table, notes = first_of_each(pd.DataFrame({"item_id": ["a", "a"], "topic": [None, "tea"]}))
    >>> table["topic"].tolist(), len(notes)
    (['tea'], 1)
    """
    content = content[content["item_id"].notna()]
    content = content.assign(item_id=content["item_id"].astype(str))
    filled = content.notna().sum(axis=1)
    order = filled.sort_values(ascending=False, kind="stable").index
    kept = content.loc[order].drop_duplicates("item_id")
    n_twice = len(content) - len(kept)
    notes = []
    if n_twice:
        note = f"Items: {n_twice:,} rows of the content table repeat an item id; of each the fullest row is used."
        notes.append(known(note))
    return kept.sort_values("item_id", ignore_index=True), notes


def event_topics(sources) -> pd.Series:
    """Return each item's commonest topic in the events (the first by name where two are)."""
    columns = sources.engine.columns("events") if "events" in sources.tables else {}
    if "topic" not in columns or "item_id" not in columns:
        return pd.Series(dtype=object)
    counts = sources.engine.query("""
        SELECT item_id, topic, count(*) AS n_events FROM events
        WHERE item_id IS NOT NULL AND topic IS NOT NULL
        GROUP BY item_id, topic ORDER BY item_id, n_events DESC, topic
    """)
    return counts.drop_duplicates("item_id").set_index("item_id")["topic"]


def build_catalogue(
    item_ids: np.ndarray, content: pd.DataFrame | None, topics: pd.Series, age_days: pd.Series | None = None
) -> Catalogue:
    """Line up a content table (one row per item) and topics from events with the items of a log.

    Parameters
    ----------
    item_ids : ndarray of str
    content : DataFrame or None
    topics : Series
        Topic by item id, for items whose topic the content table does not tell.
    age_days : Series, optional
        Days since each row of ``content`` came out; the column ``age_days`` if left out.
    """
    index = pd.Index(item_ids, dtype=object)
    table = (pd.DataFrame({"item_id": []}) if content is None else content).set_index("item_id")
    if age_days is None:
        age_days = table["age_days"] if "age_days" in table else pd.Series(dtype=float)
    elif content is not None:
        age_days = pd.Series(age_days.to_numpy(), index=table.index)
    lined = table.reindex(index)
    topic = lined["topic"].astype(object) if "topic" in lined else pd.Series(None, index=index, dtype=object)
    topic = topic.where(topic.notna(), topics.reindex(index).astype(object))
    return Catalogue(
        item_ids,
        _words(lined.get("title"), len(index)),
        _words(topic, len(index)),
        _words(lined.get("format"), len(index)),
        {name: _attribute(lined[name]) for name in lined.columns if _is_attribute(name, lined[name])},
        age_days.reindex(index).to_numpy(dtype=float),
    )


def _words(column: pd.Series | None, n: int) -> np.ndarray:
    if column is None:
        return np.full(n, None, dtype=object)
    return column.astype(object).where(column.notna(), None).to_numpy(dtype=object)


def _is_attribute(name: str, column: pd.Series) -> bool:
    if name in NO_ATTRIBUTE or column.notna().mean() < MIN_COVERED:
        return False
    if pd.api.types.is_datetime64_any_dtype(column):
        return False
    n_values = column.nunique()
    return n_values >= 2 and (n_values <= MAX_VALUES or pd.api.types.is_numeric_dtype(column))


def _attribute(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > 2 * NUMBER_BANDS:
        bands = pd.qcut(column.rank(method="average"), NUMBER_BANDS, duplicates="drop")
        column = bands.cat.codes.astype(object).where(bands.notna(), None)
    filled = column.astype(object).where(column.notna(), None)
    return filled.map(lambda value: None if value is None else str(value)).to_numpy(dtype=object)
