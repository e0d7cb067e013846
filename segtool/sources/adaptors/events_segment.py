"""Segment: the raw calls it writes to storage, one JSON object to a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segtool.engines import DuckDBEngine
from segtool.sources.adaptors.base import Adapted, Certainty
from segtool.sources.adaptors.events_format import EventFormat, content_of, in_utc, read_events
from segtool.sources.adaptors.events_records import first_record, stage_records
from segtool.sources.adaptors.head import Head
from segtool.sources.settings import TableSettings

# Segment's own names of standard events; other tools are often sent the same.
SPEC_WORDS = {
    "page": "view",
    "screen": "view",
    "Application Opened": "visit",
    "Product Viewed": "view",
    "Product List Viewed": "view",
    "Promotion Viewed": "view",
    "Video Playback Started": "view",
    "Products Searched": "search",
    "Product Clicked": "click",
    "Promotion Clicked": "click",
    "Product Added": "cart",
    "Cart Viewed": "cart",
    "Checkout Started": "cart",
    "Product Added to Wishlist": "like",
    "Product Shared": "share",
    "Cart Shared": "share",
    "Product Reviewed": "review",
    "Order Completed": "purchase",
    "Order Refunded": "refund",
    "Signed Up": "signup",
    "Signed In": "visit",
    "Invite Sent": "invite",
    "Unsubscribed": "unsubscribe",
}

FORMAT = EventFormat(
    title="Segment",
    fields={
        "userId": "/userId",
        "anonymousId": "/anonymousId",
        "said_at": "/timestamp",
        "original_at": "/originalTimestamp",
        "received_at": "/receivedAt",
        "call": "/type",
        "track_name": "/event",
        "call_name": "/name",
        "message_id": "/messageId",
        "source": "/channel",
        "product": "/properties/product_id",
        "sku": "/properties/sku",
        "first_product": "/properties/products/0/product_id",
        "first_sku": "/properties/products/0/sku",
        "second_product": "/properties/products/1/product_id",
        "second_sku": "/properties/products/1/sku",
        "category": "/properties/category",
        "first_category": "/properties/products/0/category",
        "revenue": "/properties/revenue",
        "total": "/properties/total",
        "money": "/properties/value",
        "price": "/properties/price",
    },
    ids=("userId", "anonymousId"),
    columns={
        "event_time": in_utc("coalesce(said_at, original_at, received_at)"),
        "event": "CASE WHEN call IS NULL OR call = 'track' THEN track_name ELSE call END",
        "item_id": "coalesce(product, sku, first_product, first_sku)",
        "topic": "coalesce(category, first_category)",
        "channel": "source",
        "amount": "coalesce(revenue, total, money, price)",
        "page": "call_name",
    },
    names="json_keys(doc, '$.properties')",
    contents="json_extract_string(doc, '$.properties.*')",
    words=SPEC_WORDS,
    channels={"browser": "web", "client": "web", "mobile": "in_app"},
    key=("message_id",),
    key_needs="message_id",
    is_event="coalesce(call, 'track') NOT IN ('identify', 'group', 'alias')",
    not_events="identify, group and alias calls",
    second_item="coalesce(second_product, second_sku)",
    currency=content_of("currency"),
    unread=("products", "email", "ip", "phone"),
)


class Segment:
    """Reads Segment's calls: track by its event's name, page and screen as ``page`` and ``screen``."""

    name, title, table, also = "segment", FORMAT.title, "events", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" for records with a messageId, a call and one of Segment's ids."""
        names = {*first_record(head)}
        if names.issuperset(("messageId", "type")) and names & {"anonymousId", "userId"}:
            return "sure"
        return None

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read one file of calls, or many together."""
        records = stage_records(engine, "events", files, settings.encoding)
        return read_events(engine, "events", records, FORMAT, settings, files)


ADAPTORS = (Segment(),)
