from __future__ import annotations

import pandas as pd
import pytest

from segtool.labels import Catalog, Labels, label_users
from segtool.outputs.ledger import list_pseudonyms, write_claims
from segtool.outputs.tables import list_conflicts
from segtool.sources import Sources

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


AMONG_PEERS = """
[measures.spend]
from = "users"
sql = "max(spend)"
[labels.sex]
facet = "x"
sensitive = true
claims = [{column = {name = "gender"}}]
[labels.spend_level]
facet = "x"
values = ["low", "high"]
claims = [{bands = {of = "spend", quantiles = [0.5], within = "WITHIN", min_peers = 5}}, {note = {}}]
"""


@pytest.mark.parametrize("within", ["sex", "gender"])
def test_evidence_does_not_tell_a_peer_group_that_stays_inside(tmp_path, within):
    gender = ["female", "male"] * 20
    users = pd.DataFrame({"user_id": [f"u{n:02}" for n in range(40)], "gender": gender, "spend": range(40)})
    notes = users[["user_id"]].assign(label="spend_level", value="low", author="Li", noted_at="2026-06-01")
    sources = Sources.read({"users": users, "notes": notes}, as_of="2026-07-01")
    labels = label_users(sources, Catalog.from_toml(AMONG_PEERS.replace("WITHIN", within)))
    for key in (None, b"k" * 32):
        write_claims(labels, tmp_path / "claims.parquet", ["sex"], key)
        claims = pd.read_parquet(tmp_path / "claims.parquet")
        assert claims["evidence"].str.startswith("spend = ").sum() == 40
        assert not claims["evidence"].str.contains("male").any()
    disputed = list_conflicts(labels, ["sex"])
    assert len(disputed) and not disputed["against_evidence"].str.contains("male").any()
    assert list_conflicts(labels)["against_evidence"].str.contains("male").all()


BY_SELECT = """
[labels.taste]
facet = "x"
claims = [
  {sql = {select = "SELECT user_id, drink AS value, 0.9 AS confidence, 'told by ' || friend AS evidence FROM users"}},
  {answer = {question = "drink"}},
]
"""


def test_evidence_an_author_wrote_into_a_select_stays_inside_with_hashed_ids(tmp_path):
    ids = [f"u{n:02}" for n in range(40)]
    users = pd.DataFrame({"user_id": ids, "drink": "tea", "friend": ids[::-1]})
    answers = pd.DataFrame({"user_id": ids, "drink": ["tea", "cake"] * 20, "answered_at": "2026-06-01"})
    sources = Sources.read({"users": users, "survey": answers}, as_of="2026-07-01")
    labels = label_users(sources, Catalog.from_toml(BY_SELECT))
    write_claims(labels, tmp_path / "open.parquet")
    assert pd.read_parquet(tmp_path / "open.parquet")["evidence"].str.contains("told by u").sum() == 40
    write_claims(labels, tmp_path / "hashed.parquet", key=b"k" * 32)
    claims = pd.read_parquet(tmp_path / "hashed.parquet")
    hidden = claims["claim"] == "taste.1 sql"
    assert (claims.loc[hidden, "evidence"] == "from a SELECT of the study").sum() == 40
    assert (claims.loc[~hidden, "evidence"] != "from a SELECT of the study").sum() == 40
    disputed = list_conflicts(labels, hide_authors=True)
    assert len(disputed) == 20 and not disputed["against_evidence"].str.contains("told by").any()
    assert list_conflicts(labels)["against_evidence"].str.contains("told by").all()
