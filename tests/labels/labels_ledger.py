"""Labels over a ledger written by hand, for tests of what is read from it."""

import pandas as pd

from segtool.engines import DuckDBEngine
from segtool.labels.frames import LabelInfo
from segtool.labels.labels import Labels

AS_OF = pd.Timestamp("2026-07-01")
_NONE = pd.NaT


def claim(user, value, source, confidence=0.9, *, label="stage", expires=None):
    """Return one row of the ledger."""
    return {
        "user_id": user, "label": label, "value": value, "source": source, "claim": f"{label}.{source}",
        "confidence": confidence, "n_evidence": 3, "evidence": f"3 of 4 from {source}",
        "observed_at": pd.Timestamp("2026-06-01"), "expires_at": pd.Timestamp(expires) if expires else _NONE,
    }  # fmt: skip


def labels_of(claims, resolved, *, kind="nominal", n_users=6):
    """Return Labels with these claims; resolved rows are (user, value, confidence, source, conflict)."""
    engine = DuckDBEngine()
    users = pd.DataFrame({"user_id": [f"u{number}" for number in range(n_users)]})
    table = pd.DataFrame(claims)
    table["expires_at"] = pd.to_datetime(table["expires_at"])
    columns = ["user_id", "value", "confidence", "source", "conflict"]
    rows = pd.DataFrame(resolved, columns=columns).assign(label="stage", n_claims=1)
    engine.register("user_index", users)
    engine.register("claims", table)
    engine.register("labels", rows)
    engine.register("label_values", rows[["user_id", "value"]].rename(columns={"value": "stage"}))
    engine.register("measures", users)
    info = LabelInfo("stage", "Life stage", "life stage", kind, phrase="{value}")
    return Labels(engine=engine, infos=(info,), as_of=AS_OF)
