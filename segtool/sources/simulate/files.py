"""Simulated tables as frames and as files: CSV for what people open, Parquet for what is long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from segtool.sources.simulate.behaviour import EVENTS, Log
from segtool.sources.simulate.personas import CHANNELS, TIERS
from segtool.sources.simulate.words import TOPIC_KEYS

ORDER_SYSTEM = tuple(EVENTS.index(word) for word in ("purchase", "refund"))


def event_frame(log: Log, ids: pd.Index, items: pd.Index, start: pd.Timestamp) -> pd.DataFrame:
    """Decode a log. Text stays coded until it is needed: ten million words would weigh gigabytes."""
    coded = pd.Categorical.from_codes
    # Orders come from another system, which knows the product but not its topic.
    topic = np.where(np.isin(log.event, ORDER_SYSTEM), -1, log.topic)
    return pd.DataFrame(
        {
            "user_id": coded(log.user, categories=ids),
            "event_time": start + pd.to_timedelta(log.second, unit="s"),
            "event": coded(log.event, categories=list(EVENTS)),
            "item_id": coded(log.item, categories=items),
            "topic": coded(topic, categories=list(TOPIC_KEYS)),
            "channel": coded(log.channel, categories=list(CHANNELS)),
            "amount": log.amount,
            "brand_tier": coded(log.tier, categories=list(TIERS)),
        }
    )


def with_plain_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its coded columns as text; what is missing stays so in any pandas."""
    coded = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.assign(**{name: frame[name].astype("str").where(frame[name].notna()) for name in coded})


def write_events(frames: Iterator[pd.DataFrame], path: Path) -> None:
    if path.suffix == ".csv":
        for number, frame in enumerate(frames):
            frame.to_csv(
                path, index=False, mode="a" if number else "w", header=not number, lineterminator="\n"
            )
        return
    import pyarrow.parquet as pq

    writer = None
    try:
        for frame in frames:
            table = _plain_arrow(frame)
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=9)
            writer.write_table(table, row_group_size=500_000)
    finally:
        if writer is not None:
            writer.close()


def _plain_arrow(frame: pd.DataFrame):
    """Return the frame with plain text and microseconds, and without pandas' own metadata."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    fields = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind):
            kind = pa.string()
        elif pa.types.is_timestamp(kind):
            kind = pa.timestamp("us")
        fields.append(pa.field(field.name, kind))
    return table.cast(pa.schema(fields))


def write_table(table: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        table.to_csv(path, index=False, lineterminator="\n", date_format="%Y-%m-%d %H:%M:%S")
        return
    import pyarrow.parquet as pq

    pq.write_table(_plain_arrow(table), path, compression="zstd", compression_level=9)
