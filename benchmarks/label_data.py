"""Made-up events and users of any size, the same for the same size, as Parquet under ``.cache/``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CACHE = Path(".cache") / "label_step"
AS_OF = "2026-07-01"
DAYS = 365
CHUNK = 1_000_000
SEED = 20260701

EVENTS = {
    "view": 0.42, "visit": 0.2, "like": 0.08, "search": 0.06, "purchase": 0.06, "cart": 0.05, "click": 0.05,
    "comment": 0.025, "share": 0.02, "follow": 0.01, "review": 0.01, "hide": 0.005, "refund": 0.005, "invite": 0.005,
}  # fmt: skip
CHANNELS = ["app_push", "email", "in_app", "sms", "store", "web", "wecom_direct", "wecom_group"]
TIERS = ["basic", "premium", "luxury", "trendy"]
N_TOPICS = 30


def make_tables(n_events: int, n_users: int) -> dict[str, Path]:
    """Write the tables unless they are there.

    Activity is lognormal over users, topics follow Zipf's law with a taste of each user's own,
    times spread over a year, hours are mostly awake ones.

    Returns
    -------
    dict of str to Path
        "events" and "users".
    """
    folder = CACHE / f"{n_events}_{n_users}"
    paths = {name: folder / f"{name}.parquet" for name in ("events", "users")}
    if all(path.exists() for path in paths.values()):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    _write_users(paths["users"], n_users, random)
    _write_events(paths["events"], n_events, n_users, random)
    return paths


def _ids(numbers: np.ndarray) -> pa.Array:
    return pa.array(np.char.add("u", np.char.zfill(numbers.astype(str), 7)))


def _words(codes: np.ndarray, words: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words)).cast(pa.string())


def _times(days_ago: np.ndarray) -> pa.Array:
    end = np.datetime64(AS_OF, "us")
    return pa.array(end - (days_ago * 86_400_000_000).astype("timedelta64[us]") - np.timedelta64(1, "us"))


def _write_users(path: Path, n_users: int, random: np.random.Generator) -> None:
    columns = {
        "user_id": _ids(np.arange(n_users)),
        "joined_at": _times(random.gamma(1.5, 300, n_users)),
        "age_band": _words(random.integers(0, 5, n_users), ["18-24", "25-34", "35-44", "45-54", "55+"]),
        "gender": _words(random.integers(0, 2, n_users), ["female", "male"]),
        "city_tier": _words(random.integers(0, 4, n_users), ["tier 1", "tier 2", "tier 3", "tier 4"]),
    }
    pq.write_table(pa.table(columns), path)


def _write_events(path: Path, n_events: int, n_users: int, random: np.random.Generator) -> None:
    activity = np.cumsum(random.lognormal(0, 1, n_users))
    taste = random.integers(0, N_TOPICS, n_users)
    zipf = np.cumsum(1 / np.arange(1, N_TOPICS + 1))
    awake = np.cumsum(np.r_[np.full(6, 0.3), np.full(12, 1.0), np.full(6, 1.6)])
    writer = None
    for start in range(0, n_events, CHUNK):
        size = min(CHUNK, n_events - start)
        user = np.searchsorted(activity, random.random(size) * activity[-1])
        topic = np.searchsorted(zipf, random.random(size) * zipf[-1])
        topic = np.where(random.random(size) < 0.3, taste[user], topic)
        event = random.choice(len(EVENTS), size, p=np.array(list(EVENTS.values())))
        hour = np.searchsorted(awake, random.random(size) * awake[-1])
        days = np.floor(random.random(size) ** 1.3 * DAYS) + (24 - hour - random.random(size)) / 24
        bought = np.isin(event, [list(EVENTS).index(name) for name in ("purchase", "cart", "refund")])
        cents = np.round(random.lognormal(4, 0.8, size) * 100).astype(np.int64)
        table = pa.table({
            "user_id": _ids(user), "event_time": _times(days), "event": _words(event, list(EVENTS)),
            "topic": _words(topic, [f"topic_{number:02d}" for number in range(N_TOPICS)]),
            "channel": _words(random.integers(0, len(CHANNELS), size), CHANNELS),
            "brand_tier": _words((topic + user) % len(TIERS), TIERS),
            "amount": _decimal(cents, bought),
        })  # fmt: skip
        writer = writer or pq.ParquetWriter(path.with_suffix(".part"), table.schema)
        writer.write_table(table)
    writer.close()
    path.with_suffix(".part").rename(path)


def _decimal(cents: np.ndarray, is_there: np.ndarray) -> pa.Array:
    """Return cents as DECIMAL(18, 4), NULL where nothing was paid."""
    units = np.zeros((len(cents), 2), dtype="<i8")  # 128-bit little-endian words, low word first
    units[:, 0] = cents * 100
    mask = pa.py_buffer(np.packbits(is_there, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(cents), [mask, pa.py_buffer(units.tobytes())])
