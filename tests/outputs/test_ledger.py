from __future__ import annotations

import pandas as pd

from segtool.labels import Labels
from segtool.outputs.ledger import list_pseudonyms, write_claims

WIDE = pd.DataFrame(
    {"taste": ["tea", "cake", None] * 20, "secret": ["x", "y", "z"] * 20},
    index=[f"u{n:02}" for n in range(60)],
)


def test_labels_that_stay_inside_are_not_written(tmp_path):
    labels = Labels.from_frame(WIDE)
    rows = write_claims(labels, tmp_path / "claims.parquet", inside=["secret"])
    claims = pd.read_parquet(tmp_path / "claims.parquet")
    assert len(claims) == rows == 40
    assert set(claims["label"]) == {"taste"}


def test_the_order_of_rows_does_not_give_hashed_ids_away(tmp_path):
    labels = Labels.from_frame(WIDE)
    write_claims(labels, tmp_path / "claims.parquet", key=b"k" * 32)
    ids = pd.read_parquet(tmp_path / "claims.parquet")["user_id"].drop_duplicates().tolist()
    pseudonyms = list_pseudonyms(labels.user_ids, b"k" * 32)["pseudonym"].tolist()
    assert sorted(ids) == ids
    assert set(ids) == set(pseudonyms)
    assert ids != pseudonyms
    assert not set(ids) & set(WIDE.index)
