"""Google Analytics 4: the event tables that it exports to BigQuery, saved as Parquet or as JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segtool.engines import DuckDBEngine, literal, quote
from segtool.engines.duckdb_engine import parquet_scan
from segtool.errors import InputError
from segtool.sources.adaptors.base import Adapted, Certainty
from segtool.sources.adaptors.events_format import EventFormat, content_of, epoch_text, read_events
from segtool.sources.adaptors.events_records import Records, first_record, stage_records
from segtool.sources.adaptors.head import Head
from segtool.sources.parquet_files import describe_parquet
from segtool.sources.raw import ROW
from segtool.sources.settings import TableSettings

LATE_DAYS = 3  # Google rewrites a day's table for so long
NEEDED = ("event_timestamp", "event_name")
USED = (
    *("event_timestamp", "event_name", "event_params", "user_id", "user_pseudo_id", "platform", "items"),
    *("ecommerce", "event_bundle_sequence_id", "batch_event_index", "batch_page_id", "batch_ordering_id"),
    *("device", "geo", "traffic_source"),
)

# In JSON a repeated field is an array; some tools write Parquet's own {"list": [{"element": ...}]}.
_PLAIN = (
    "CASE WHEN json_type({0}) = 'OBJECT' THEN to_json(json_extract({0}, '$.list[*].element')) ELSE {0} END"
)
_PARAMS = _PLAIN.format("json_extract(doc, '/event_params')")
_SHAPE = literal(
    '[{"key":"VARCHAR","value":{"string_value":"VARCHAR","int_value":"VARCHAR","float_value":"VARCHAR",'
    '"double_value":"VARCHAR"}}]'
)

_WORDS = {
    "session_start": "visit",
    "page_view": "view",
    "screen_view": "view",
    "view_item": "view",
    "view_item_list": "view",
    "view_promotion": "view",
    "video_start": "view",
    "view_search_results": "search",
    "search": "search",
    "add_to_wishlist": "like",
    "share": "share",
    "click": "click",
    "select_content": "click",
    "select_item": "click",
    "select_promotion": "click",
    "file_download": "click",
    "add_to_cart": "cart",
    "begin_checkout": "cart",
    "purchase": "purchase",
    "in_app_purchase": "purchase",
    "ecommerce_purchase": "purchase",
    "refund": "refund",
    "sign_up": "signup",
}

FORMAT = EventFormat(
    title="Google Analytics 4 (BigQuery export)",
    fields={
        "user_id": "/user_id",
        "user_pseudo_id": "/user_pseudo_id",
        "stamp": "/event_timestamp",
        "event_name": "/event_name",
        "platform": "/platform",
        "bundle": "/event_bundle_sequence_id",
        "batch_index": "/batch_event_index",
        "batch_page": "/batch_page_id",
        "batch_order": "/batch_ordering_id",
        "revenue": "/ecommerce/purchase_revenue",
        "refunded": "/ecommerce/refund_value",
        "item": "/items/0/item_id",
        "item_nested": "/items/list/0/element/item_id",
        "second": "/items/1/item_id",
        "second_nested": "/items/list/1/element/item_id",
        "category": "/items/0/item_category",
        "category_nested": "/items/list/0/element/item_category",
        "device_category": "/device/category",
        "country": "/geo/country",
        "medium": "/traffic_source/medium",
    },
    ids=("user_id", "user_pseudo_id"),
    columns={
        "event_time": epoch_text("stamp"),
        "event": "event_name",
        "item_id": "coalesce(item, item_nested)",
        "topic": "coalesce(category, category_nested)",
        "channel": "platform",
        # Zero revenue stands on every event of some exports and is no amount.
        "amount": f"coalesce(nullif(revenue, '0'), nullif(refunded, '0'), {content_of('value')})",
        "device_category": "device_category",
        "country": "country",
        "first_medium": "medium",
    },
    params=f"from_json({_PARAMS}, {_SHAPE})",
    names="list_transform(params, p -> p.key)",
    contents="list_transform(params, p -> coalesce(p.value.string_value, p.value.int_value, "
    "p.value.double_value, p.value.float_value))",
    words=_WORDS,
    channels={"WEB": "web", "ANDROID": "in_app", "IOS": "in_app"},
    # The export has no id of an event. Where the newer batch fields are missing, parameters have to be
    # equal too: one bundle may hold two events of one name in one microsecond.
    key=(
        *("user_pseudo_id", "stamp", "event_name", "bundle", "batch_index", "batch_page", "batch_order"),
        "CASE WHEN batch_index IS NULL THEN whole END",
    ),
    key_needs="stamp",
    unread=("ga_session_number", "engaged_session_event", "debug_mode", "ignore_referrer"),
    late_days=LATE_DAYS,
    second_item="coalesce(second, second_nested)",
    currency=content_of("currency"),
)


_ITEM_LIST = _PLAIN.format("json_extract(doc, '/items')")
_ITEMS = f"json_extract({_ITEM_LIST}, '$[*]')"
_PRICED = "CAST(TRY_CAST(price AS DECIMAL(15, 4)) * TRY_CAST(coalesce(quantity, '1') AS INTEGER) AS VARCHAR)"

ITEM_FORMAT = replace(
    FORMAT,
    fields={
        **{name: f"/event{pointer}" for name, pointer in FORMAT.fields.items()},
        "place": "/place",
        "one_item": "/item/item_id",
        "one_category": "/item/item_category",
        "item_revenue": "/item/item_revenue",
        "item_refund": "/item/item_refund",
        "price": "/item/price",
        "quantity": "/item/quantity",
    },
    columns={
        **FORMAT.columns,
        "item_id": "one_item",
        "topic": "one_category",
        "amount": f"CASE WHEN place IS NULL THEN {FORMAT.columns['amount']} "
        f"ELSE coalesce(nullif(item_revenue, '0'), nullif(item_refund, '0'), {_PRICED}) END",
        "quantity": "quantity",
    },
    params=f"from_json({_PARAMS.replace('/event_params', '/event/event_params')}, {_SHAPE})",
    key=(*FORMAT.key, "place"),
    second_item="NULL",
)


class GA4:
    """Reads the daily event tables of a GA4 property, one row an event.

    Of an event with several items the first gives ``item_id`` and ``topic``; see `GA4Items`.
    """

    name, title, table, also = "ga4", FORMAT.title, "events", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" for records with GA4's names of time and event, and its id or parameters."""
        names = _parquet_names(head.path) if head.kind == "parquet" else {*first_record(head)}
        if not names.issuperset(NEEDED):
            return None
        return "sure" if names & {"user_pseudo_id", "event_params"} else "maybe"

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read one day's table, or many files together."""
        records = self.stage(files, settings, engine)
        return read_events(engine, "events", records, FORMAT, settings, files)

    def stage(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Records:
        """Return the records of files, one an event."""
        if _is_parquet(files[0]):
            return _stage_parquet(engine, files)
        return stage_records(engine, "events", files, settings.encoding)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _parquet_names(path: Path) -> set[str]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return set(parquet.read_schema(path).names)
    except (pa.ArrowInvalid, OSError):
        return set()  # the reader says what is wrong with it


def _stage_parquet(engine: DuckDBEngine, files: Sequence[Path]) -> Records:
    """Return rows of Parquet as the JSON that BigQuery would have written, only the fields in use."""
    names, row = describe_parquet(engine, files)
    relation = parquet_scan(list(files), numbered=True)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise InputError(
            f"{files[0].name} has no column {', '.join(map(repr, missing))}.",
            f"the columns of {FORMAT.title}: {', '.join(USED[:5])}, ...",
        )
    used = ", ".join(f"{quote(name)} := {quote(name)}" for name in USED if name in names)
    return Records(f"(SELECT to_json(struct_pack({used})) AS doc, {row} AS {quote(ROW)} FROM {relation})")


class GA4Items(GA4):
    """Reads the same tables with a row for each item of an event; events without items stay one row.

    Rows are numbered by their item, counted through the files.
    """

    name = "ga4_items"

    def recognise(self, head: Head) -> Certainty:
        """Return None: one row an event is what is meant unless this is said."""
        return None

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read one day's table, or many files together."""
        events = self.stage(files, settings, engine)
        records = _stage_items(engine, events)
        return read_events(engine, "events", records, ITEM_FORMAT, settings, files)


def _stage_items(engine: DuckDBEngine, events: Records) -> Records:
    name, row = "records_items", quote(ROW)
    engine.create(
        name,
        f"SELECT row_number() OVER (ORDER BY {row}, place) AS {row}, CAST(to_json({{'event': event, "
        "'place': place, 'item': item}) AS VARCHAR) AS doc FROM ("
        f"SELECT {row}, CAST(doc AS JSON) AS event, unnest(items) AS item, "
        "unnest(CASE WHEN items[1] IS NULL THEN [NULL] ELSE range(1, len(items) + 1) END) AS place FROM ("
        f"SELECT {row}, doc, CASE WHEN len({_ITEMS}) > 0 THEN {_ITEMS} ELSE [CAST(NULL AS JSON)] END AS items "
        f"FROM {events.relation} AS events))",
    )
    return Records(
        f"(SELECT doc, {row} FROM {quote(name)})", events.broken, events.left_out, [*events.made, name]
    )


ADAPTORS = (GA4(), GA4Items())
