"""Matomo: visits with their actions, from the Live API as JSON or from the visits log as CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from segtool.engines import DuckDBEngine, quote
from segtool.errors import InputError
from segtool.sources.adaptors.base import Adapted, Certainty, LeftOut
from segtool.sources.adaptors.events_format import EventFormat, epoch_text, read_events
from segtool.sources.adaptors.events_records import Records, first_record, judge_texts, stage_records
from segtool.sources.adaptors.head import Head, look_at_head
from segtool.sources.raw import ROW
from segtool.sources.settings import TableSettings
from segtool.sources.text_files import read_delimited

CELL = re.compile(r"actionDetails[_.](\d{1,6})[_.](\w+?)(?:[_.](\d{1,6})[_.](\w+))?", re.IGNORECASE)
VISIT_FIELDS = ("idSite", "idVisit", "visitorId", "userId", "country", "deviceType", "siteCurrency")

FORMAT = EventFormat(
    title="Matomo",
    fields={
        "userId": "/visit/userId",
        "visitorId": "/visit/visitorId",
        "idVisit": "/visit/idVisit",
        "idSite": "/visit/idSite",
        "place": "/place",
        "stamp": "/action/timestamp",
        "kind": "/action/type",
        "action": "/action/eventAction",
        "product": "/action/productViewSku",
        "product_topic": "/action/productViewCategory1",
        "ordered": "/action/itemDetails/0/itemSKU",
        "ordered_second": "/action/itemDetails/1/itemSKU",
        "ordered_topic": "/action/itemDetails/0/itemCategory",
        "revenue": "/action/revenue",
        "country": "/visit/country",
        "device": "/visit/deviceType",
        "money": "/visit/siteCurrency",
    },
    # Matomo writes false for an id that it does not keep.
    ids=("userId", "visitorId"),
    columns={
        "event_time": epoch_text("stamp"),
        "event": "CASE WHEN kind = 'event' THEN coalesce(action, kind) ELSE kind END",
        "item_id": "coalesce(product, ordered)",
        "topic": "coalesce(product_topic, ordered_topic)",
        "amount": "nullif(revenue, '0')",
        "country": "country",
        "device_type": "device",
        "visit_id": "idVisit",
    },
    names="json_keys(doc, '$.action')",
    contents="json_extract_string(doc, '$.action.*')",
    words={
        "action": "view",
        "search": "search",
        "outlink": "click",
        "download": "click",
        "ecommerceOrder": "purchase",
        "ecommerceAbandonedCart": "cart",
    },
    # A visit that goes on is exported again with more actions: the same place in it is the same action.
    key=("idSite", "idVisit", "place"),
    key_needs="idVisit",
    unread=(
        *("type", "timestamp", "eventAction", "icon", "iconSVG", "serverTimePretty", "timeSpentPretty"),
        *("generationTime", "title", "subtitle", "itemDetails", "pageIdAction", "idpageview", "revenue"),
        *("productViewSku", "productViewCategory1", "pageLoadTime", "revenueSubTotal", "revenueTax"),
    ),
    second_item="ordered_second",
    currency="money",
)


class Matomo:
    """Reads Matomo's visits, one row an action.

    Rows are numbered by their action, counted through the file.
    """

    name, title, table, also = "matomo", FORMAT.title, "events", ()

    def recognise(self, head: Head) -> Certainty:
        """Return "sure" for visits with an idVisit and details of actions."""
        names = {*first_record(head)} or {*head.names}
        if "idVisit" not in names:
            return None
        return "sure" if "actionDetails" in names or any(map(CELL.fullmatch, names)) else None

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read visits, or pages of them together."""
        if _is_table(files[0], settings):
            visits = _stage_csv(engine, files, settings)
        else:
            visits = stage_records(engine, "visits", files, settings.encoding)
        _refuse_error(engine, visits, files[0])
        records = _stage_actions(engine, visits)
        return read_events(engine, "events", records, FORMAT, settings, files)


def _is_table(path: Path, settings: TableSettings) -> bool:
    head = look_at_head(path, settings.encoding, settings.delimiter)
    return head.kind == "text" and not head.text.lstrip().startswith(("{", "["))


def _refuse_error(engine: DuckDBEngine, visits: Records, path: Path) -> None:
    """Matomo answers a wrong question with one object that says so."""
    sql = f"SELECT count(*) FROM {visits.relation} WHERE json_extract_string(doc, '/result') = 'error'"
    if engine.execute(sql).fetchone()[0]:
        raise InputError(
            f"{path.name} holds an error that Matomo answered, not visits.",
            "the answer of Live.getLastVisitsDetails as JSON, or the visits log as CSV.",
            "Open the file to read Matomo's message, and export again.",
        )


def _stage_actions(engine: DuckDBEngine, visits: Records) -> Records:
    """Make a record of each action, with what is known of its visit."""
    name, row = "records_actions", quote(ROW)
    known = ", ".join(
        f"'{field}', nullif(json_extract_string(doc, '/{field}'), 'false')" for field in VISIT_FIELDS
    )
    engine.create(
        name,
        f"SELECT row_number() OVER (ORDER BY {row}, place) AS {row}, to_json({{'visit': visit, "
        "'place': place, 'action': action}) AS doc FROM ("
        f"SELECT {row}, json_object({known}) AS visit, unnest(actions) AS action, "
        "generate_subscripts(actions, 1) AS place FROM ("
        f"SELECT {row}, doc, json_extract(doc, '$.actionDetails[*]') AS actions FROM {visits.relation}))",
    )
    no_action = "coalesce(json_array_length(doc, '/actionDetails'), 0) = 0"
    (n,) = engine.execute(f"SELECT count(*) FROM {visits.relation} WHERE {no_action}").fetchone()
    left_out = [LeftOut("visits without actions", n, "nothing was done in them")] if n else []
    return Records(
        f"(SELECT CAST(doc AS VARCHAR) AS doc, {row} FROM {quote(name)})",
        visits.broken,
        [*visits.left_out, *left_out],
        [*visits.made, name],
    )


# -- the visits log as a table ------------------------------------------------------------------------


def _stage_csv(engine: DuckDBEngine, files: Sequence[Path], settings: TableSettings) -> Records:
    """Return the visits of a table with a column for each field of each action."""
    if len(files) > 1:
        raise InputError(f"{len(files)} CSV files of visits were given.", "one, or several JSON files.")
    raw = read_delimited(engine, "visits_table", files[0], settings)
    names = [column.name for column in raw.columns]
    found = Records("", broken=list(raw.broken))
    try:
        return judge_texts(engine, "visits", _visits(engine, raw.relation, names), found)
    finally:
        engine.drop("raw_visits_table")
        (engine.temp_directory / "raw_visits_table.parquet").unlink(missing_ok=True)


def _visits(engine: DuckDBEngine, relation: str, names: list[str]) -> Iterator[list]:
    places = [CELL.fullmatch(name) for name in names]
    for batch in engine.batches(f"SELECT * FROM {relation} ORDER BY {quote(ROW)}", rows=5_000):
        *columns, numbers = (column.to_pylist() for column in batch.columns)
        yield [[_visit(cells, names, places) for cells in zip(*columns, strict=True)], numbers]


def _visit(cells: Sequence[str | None], names: list[str], places: list[re.Match | None]) -> str:
    """Return one row as the JSON that the API would have given."""
    visit: dict = {}
    actions: dict[int, dict] = {}
    for cell, name, place in zip(cells, names, places, strict=True):
        if not cell:
            continue
        if place is None:
            visit[name] = cell
            continue
        action = actions.setdefault(int(place[1]), {})
        if place[4] is None:
            action[place[2]] = cell
        else:
            parts = action.setdefault(place[2], {})
            if isinstance(parts, dict):
                parts.setdefault(int(place[3]), {})[place[4]] = cell
    visit["actionDetails"] = [_listed(actions[place]) for place in sorted(actions)]
    return json.dumps(visit, ensure_ascii=False)


def _listed(action: dict) -> dict:
    """Turn numbered parts (itemDetails_0_itemSKU) into a list."""
    return {
        key: [value[place] for place in sorted(value)] if isinstance(value, dict) else value
        for key, value in action.items()
    }


ADAPTORS = (Matomo(),)
