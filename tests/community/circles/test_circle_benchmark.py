"""The benchmark of circles says what was missed, and reads its graphs as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import circle_graphs, circles
from segtool.community.circles.graph import check_graph


@pytest.mark.parametrize(("louvain", "code"), [(0.4, 0), (0.9, 1)])
def test_it_says_by_its_exit_code_what_was_missed(monkeypatch, capsys, louvain, code):
    row = dict.fromkeys(("circles", "communities", "in none", "damped", "louvain sd", "ours sd"), 0.5)
    row |= {"graph": "club", "kind": "public", "graphs": 1, "people": 34, "ties": 78, "groups": 2}
    row |= {"ours": 0.8, "louvain": louvain, "same": 1.0, "louvain same": 0.9}
    monkeypatch.setattr(circles, "time_large", lambda: (4.0, 1000, 700_000, 0.99))
    monkeypatch.setattr(circles, "real_graphs", lambda: [("club", (None, None))])
    monkeypatch.setattr(circles, "generated_graphs", lambda seed: [])
    monkeypatch.setattr(circles, "make_lfr", lambda *said: (None, None))
    monkeypatch.setattr(circles, "score_graphs", lambda *said: row)
    nothing = pd.DataFrame({"kind": ["random"], "circles": [0], "louvain": [4]})
    monkeypatch.setattr(circles, "look_for_nothing", lambda seeds: nothing)
    monkeypatch.setattr(circles, "blend", lambda seeds: {"ties alone": [0.1], "with interests": [0.5]})
    monkeypatch.setattr("sys.argv", ["circles", "--quick"])
    with pytest.raises(SystemExit) as done:
        circles.main()
    assert done.value.code == code
    assert ("MISSED: club" in capsys.readouterr().out) is bool(code)


def test_half_of_ties_outside_is_shown_and_a_little_less_is_promised():
    promised = [name for name, _ in circle_graphs.generated_graphs(300)]
    assert "LFR, 500 people, mixing 0.45" in promised
    assert "0.5 (no promise)" in circles.BLURRED


def test_graphs_of_packages_are_whole():
    pytest.importorskip("sknetwork")
    matrix, groups = circle_graphs.read_philosophers()
    assert matrix.shape == (30, 30)
    assert len(np.unique(groups)) == 3
    assert check_graph(matrix).nnz > 200


def test_a_large_graph_has_as_many_ties_inside_as_asked():
    matrix, groups = circle_graphs.make_large(2000, 20, 10_000, 0.7, 1)
    rows = np.repeat(groups, np.diff(matrix.indptr))
    inside = matrix.data[rows == groups[matrix.indices]].sum() / matrix.sum()
    assert 0.68 < inside < 0.74
