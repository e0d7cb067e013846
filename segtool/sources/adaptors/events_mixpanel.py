"""Mixpanel: the raw export, one JSON object to a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segtool.engines import DuckDBEngine
from segtool.sources.adaptors.base import Adapted, Certainty
from segtool.sources.adaptors.events_format import EventFormat, content_of, epoch_text, read_events
from segtool.sources.adaptors.events_records import first_record, stage_records
from segtool.sources.adaptors.events_segment import SPEC_WORDS
from segtool.sources.adaptors.head import Head
from segtool.sources.settings import TableSettings

_WORDS = {
    **SPEC_WORDS,
    "$ae_first_open": "visit",
    "$ae_session": "visit",
    "$session_start": "visit",
    "$mp_web_page_view": "view",
    "$mp_click": "click",
    "$mp_link_click": "click",
    "$ae_iap": "purchase",
    "Sign Up": "signup",
    "Purchase": "purchase",
    "Add to Cart": "cart",
    "Page View": "view",
    "Search": "search",
}
_UNREAD = (
    *("time", "distinct_id", "$insert_id", "mp_processing_time_ms", "$mp_api_endpoint", "$import", "token"),
    *("$mp_api_timestamp_ms", "mp_sent_by_lib_version", "$distinct_id_before_identity", "$ip", "$email"),
    *("$had_persisted_distinct_id", "$lib_version", "$radio", "$wifi"),
)

FORMAT = EventFormat(
    title="Mixpanel",
    fields={
        "distinct_id": "/properties/distinct_id",
        "user_id": "/properties/$user_id",
        "device_id": "/properties/$device_id",
        "stamp": "/properties/time",
        "event_name": "/event",
        "insert_id": "/properties/$insert_id",
        "library": "/properties/mp_lib",
        "product": "/properties/product_id",
        "sku": "/properties/sku",
        "category": "/properties/category",
        "revenue": "/properties/revenue",
        "money": "/properties/amount",
        "price": "/properties/price",
    },
    ids=("distinct_id", "user_id", "device_id"),
    columns={
        "event_time": epoch_text("stamp"),
        "event": "event_name",
        "item_id": "coalesce(product, sku)",
        "topic": "category",
        "channel": "library",
        "amount": "coalesce(revenue, money, price)",
    },
    names="json_keys(doc, '$.properties')",
    contents="json_extract_string(doc, '$.properties.*')",
    words=_WORDS,
    channels={"web": "web", "iphone": "in_app", "android": "in_app", "swift": "in_app"},
    key=("event_name", "distinct_id", "stamp", "insert_id"),
    currency=content_of("currency"),
    key_needs="insert_id",
    unread=_UNREAD,
)


class Mixpanel:
    """Reads Mixpanel's raw export.

    Projects made before 2023 hold the project's clock as if it were UTC; ``timezone`` says which.
    """

    name, title, table, also = "mixpanel", FORMAT.title, "events", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" for an event with properties, a distinct_id and a time among them."""
        record = first_record(head)
        properties = record.get("properties")
        if "event" not in record or not isinstance(properties, dict):
            return None
        return "sure" if {"distinct_id", "time"} <= {*properties} else None

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read one file of events, or many together."""
        clock = {"event_time": epoch_text("stamp", zone=settings.timezone is None)}
        fmt = replace(FORMAT, columns={**FORMAT.columns, **clock})
        records = stage_records(engine, "events", files, settings.encoding)
        adapted = read_events(engine, "events", records, fmt, settings, files)
        adapted.notes.append(
            f"times are the clock of {settings.timezone}, as timezone says"
            if settings.timezone
            else "times are read as UTC; a project made before 2023 in another zone needs timezone = its zone"
        )
        return adapted


ADAPTORS = (Mixpanel(),)
