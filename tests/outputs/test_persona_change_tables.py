"""What became of personas leaves without counts of few people."""

from types import SimpleNamespace

import pandas as pd

from segtool.outputs import list_persona_changes, list_persona_moves


def test_counts_of_few_and_what_tells_them_are_blank():
    became = pd.DataFrame(
        {
            "event": ["same", "gone"], "n_before": [100, 40], "share_before": [0.7, 0.3],
            "n_placed": [120, 3], "share_placed": [0.97, 0.03], "n_after": [123, None], "share_after": [1.0, None],
            "overlap": [0.9, None], "profile_distance": [0.1, None], "what": ["The same.", "3 % are left."],
        }
    ).astype({"n_before": "Int64", "n_placed": "Int64", "n_after": "Int64"})  # fmt: skip
    table = list_persona_changes(SimpleNamespace(personas=became), min_cell=5)
    assert table["n_placed"].tolist() == [120, pd.NA] and pd.isna(table["share_placed"].iloc[1])
    assert table["what"].iloc[0] == "The same." and pd.isna(table["what"].iloc[1])
    assert became["n_placed"].iloc[1] == 3  # the change itself is not touched


def test_moves_of_few_cannot_be_told_from_the_totals():
    pairs = [
        (1, 1, 90),
        (1, 2, 3),
        (1, 3, 20),
        (2, 1, 20),
        (2, 2, 80),
        (2, 3, 30),
        (3, 1, 9),
        (3, 2, 40),
        (3, 3, 70),
    ]
    moves = pd.DataFrame(pairs, columns=["from_id", "to_id", "n_users"])
    moves["share"] = 0.1
    table = list_persona_moves(SimpleNamespace(moves=moves), min_cell=5).set_index(["from_id", "to_id"])
    assert pd.isna(table.loc[(1, 2), "n_users"]) and pd.isna(table.loc[(1, 2), "share"])
    assert table["n_users"].isna().groupby(level=0).sum().loc[1] >= 2  # one blank of a line is no secret
    shown = table["n_users"].dropna()
    assert not shown.between(1, 4).any()
    assert (table.index[0][0] != table.index[0][1]) and (table.index[-1][0] == table.index[-1][1])
