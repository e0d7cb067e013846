"""The files of the proof: who is sent what, without an order that undoes the hashing of ids."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from segtool.outputs import ExportSettings, Proof, hash_ids, read_csv
from segtool.outputs.proof_files import file_name, write_proof_tables

KEY = b"0123456789abcdef"


def make_schedule() -> SimpleNamespace:
    sends = pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(9)], "send_date": pd.Timestamp("2026-07-01"),
            "send_id": [f"20260701-{i:07d}" for i in range(9)],
        }
    )  # fmt: skip
    people = sends[["user_id"]].assign(next_send=sends["send_date"])
    week = {"persona_id": [1], "week_start": [pd.Timestamp("2026-07-01")], "n_users": [9], "n_sends": [9]}
    return SimpleNamespace(
        calendar=pd.DataFrame(week),
        send_batches=lambda: iter([sends.head(5), sends.tail(4)]),
        left_out=pd.DataFrame({"user_id": ["u9"], "reason": ["held out"]}),
        audiences=lambda memberships: {"Night readers": people, "夜读/日读": people},
    )  # fmt: skip


def write(tmp_path, key=None) -> dict[str, int]:
    return write_proof_tables(tmp_path, Proof(schedule=make_schedule()), ExportSettings(), key)


def test_each_send_and_each_audience_is_written(tmp_path):
    rows = write(tmp_path)
    assert rows["send_list.csv"] == 9 and rows["not_sent.csv"] == 1
    assert sorted(rows)[:2] == ["audiences/1_night_readers.csv", "audiences/2_夜读_日读.csv"]
    assert read_csv(tmp_path / "send_list.csv")["send_date"][0] == "2026-07-01"


def test_with_a_key_neither_ids_nor_their_order_can_be_read(tmp_path):
    write(tmp_path, KEY)
    table = read_csv(tmp_path / "send_list.csv")
    assert table["user_id"].is_monotonic_increasing and table["user_id"].str.startswith("h_").all()
    assert not table["send_id"].str.contains("20260701").any()
    plain = read_csv(tmp_path / "not_sent.csv")
    assert plain["user_id"].tolist()[0].startswith("h_")


def test_each_row_keeps_its_user_under_the_pseudonym(tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "hashed").mkdir()
    write(tmp_path / "plain")
    write(tmp_path / "hashed", KEY)
    for name in ("send_list.csv", "not_sent.csv", "audiences/1_night_readers.csv"):
        plain, hashed = (read_csv(tmp_path / folder / name) for folder in ("plain", "hashed"))
        columns = [column for column in plain if column != "user_id"]
        if "send_id" in plain:
            plain["send_id"] = hash_ids(plain["send_id"], KEY)
        want = dict(
            zip(hash_ids(plain["user_id"], KEY), plain[columns].astype(str).to_numpy().tolist(), strict=True)
        )
        got = dict(zip(hashed["user_id"], hashed[columns].astype(str).to_numpy().tolist(), strict=True))
        assert got == want


def test_nothing_is_written_of_what_there_is_not(tmp_path):
    assert write_proof_tables(tmp_path, None, ExportSettings(), None) == {}
    assert write_proof_tables(tmp_path, Proof(), ExportSettings(), None) == {}
    assert list(tmp_path.iterdir()) == []


def test_names_of_files_are_plain_everywhere():
    assert file_name("a" * 200) == "a" * 60
    assert file_name("../..") == "persona"
