"""Amplitude: the export of raw events, a zip of gzipped JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segtool.engines import DuckDBEngine
from segtool.sources.adaptors.base import Adapted, Certainty
from segtool.sources.adaptors.events_format import EventFormat, content_of, in_utc, read_events
from segtool.sources.adaptors.events_records import first_record, stage_records
from segtool.sources.adaptors.events_segment import SPEC_WORDS
from segtool.sources.adaptors.head import Head
from segtool.sources.settings import TableSettings

_WORDS = {
    **SPEC_WORDS,
    "session_start": "visit",
    "[Amplitude] Start Session": "visit",
    "[Amplitude] Page Viewed": "view",
    "[Amplitude] Screen Viewed": "view",
    "[Amplitude] Element Clicked": "click",
    "[Amplitude] File Downloaded": "click",
    "[Amplitude] Application Opened": "visit",
    "[Amplitude] Revenue": "purchase",
    "revenue_amount": "purchase",
    "verified_revenue": "purchase",
}

FORMAT = EventFormat(
    title="Amplitude",
    fields={
        "user_id": "/user_id",
        "amplitude_id": "/amplitude_id",
        "device_id": "/device_id",
        "happened_at": "/event_time",
        "event_type": "/event_type",
        "insert_id": "/$insert_id",
        "insert_id_too": "/insert_id",
        "one_id": "/uuid",
        "platform": "/platform",
        "country": "/country",
        "revenue": "/event_properties/$revenue",
        "revenue_too": "/event_properties/revenue",
        "price": "/event_properties/$price",
        "product": "/event_properties/$productId",
        "product_too": "/event_properties/product_id",
        "category": "/event_properties/category",
    },
    ids=("user_id", "amplitude_id", "device_id"),
    columns={
        "event_time": in_utc("happened_at"),
        "event": "event_type",
        "item_id": "coalesce(product, product_too)",
        "topic": "category",
        "channel": "platform",
        "amount": "coalesce(revenue, revenue_too, price)",
        "country": "country",
    },
    names="json_keys(doc, '$.event_properties')",
    contents="json_extract_string(doc, '$.event_properties.*')",
    words=_WORDS,
    channels={"Web": "web", "iOS": "in_app", "Android": "in_app"},
    # Amplitude itself takes two events of one device with one insert id for the same.
    key=("coalesce(insert_id, insert_id_too, one_id)", "device_id"),
    currency=content_of("currency"),
    key_needs="coalesce(insert_id, insert_id_too, one_id)",
    is_event="coalesce(event_type, '') NOT IN ('$identify', '$groupidentify')",
    not_events="$identify events",
)


class Amplitude:
    """Reads Amplitude's export; a person without ``user_id`` is the ``amplitude_id`` it merged."""

    name, title, table, also = "amplitude", FORMAT.title, "events", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" for records with Amplitude's event, time and one of its own ids."""
        names = {*first_record(head)}
        if names.issuperset(("event_type", "event_time")) and names & {"$insert_id", "amplitude_id"}:
            return "sure"
        return None

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read a zip, or files taken out of one."""
        records = stage_records(engine, "events", files, settings.encoding)
        return read_events(engine, "events", records, FORMAT, settings, files)


ADAPTORS = (Amplitude(),)
