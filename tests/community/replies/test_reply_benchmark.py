"""The benchmark of reply links counts rightly, and says so where there is nothing to measure on."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import reply_links


@pytest.fixture()
def annotated(tmp_path):
    """Two channels in which a line names and answers the one before, and every fifth answers none."""
    rows = []
    for channel in ("one", "two"):
        for line in range(150):
            starts = line % 5 == 0
            before = f"u{(line - 1) % 4:04d}"
            text = "good morning, does it work?" if starts else f"{before}: yes word{line}"
            to = line if starts else line - 1
            rows.append([f"{channel}.0", channel, line, "2020-01-01", f"{9 + line // 60:02d}:{line % 60:02d}",
                         f"u{line % 4:04d}", text, str(to)])  # fmt: skip
    names = ["log", "channel", "line", "date", "time", "user", "text", "reply_to_lines"]
    path = tmp_path / "lines.csv"
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    return path


def test_without_the_file_nothing_is_measured_and_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(reply_links, "BESIDE", ())
    monkeypatch.delenv("SEGTOOL_IRC_LINKS", raising=False)
    monkeypatch.setattr("sys.argv", ["reply_links", "no/such/file.csv"])
    reply_links.main()
    assert "not measured" in capsys.readouterr().out


def test_links_of_one_channel_are_found_by_what_the_other_taught(annotated):
    lines = reply_links.read_lines(annotated)
    rows, chances = reply_links.run(lines, reply_links.read_links(lines))
    found = reply_links.count(rows).set_index(["channel", "method"])
    assert set(chances["channel"]) == {"one", "two"}
    for channel in ("one", "two"):
        assert found.loc[(channel, reply_links.OWN), "f1"] > 0.95
        # Everybody answers the line before, but one line in five answers none.
        assert found.loc[(channel, reply_links.PREVIOUS), "precision"] == pytest.approx(120 / 149)
        assert found.loc[(channel, reply_links.NAMED), "f1"] == 1.0
    above, lo, hi = reply_links.f1_above(rows, reply_links.PREVIOUS)
    assert 0 < lo < above < hi


def test_the_error_of_probabilities_is_their_distance_from_what_happens():
    chances = pd.DataFrame(
        {"chance": [0.95] * 10 + [0.55] * 10, "right": [True] * 5 + [False] * 5 + [True] * 10}
    )
    assert reply_links.expected_error(chances) == pytest.approx((0.45 + 0.45) / 2)


def test_coefficients_are_printed_as_a_module_that_runs(annotated):
    lines = reply_links.read_lines(annotated)
    source = reply_links.write_coefficients(lines, reply_links.read_links(lines))
    made: dict = {}
    exec(compile(source, "coefficients", "exec"), made)
    assert made["WITH_TEXT"].pair["named"] != 0 and "named" not in made["WITHOUT_TEXT"].pair
    assert all(np.isfinite(value) for value in made["WITH_TEXT"].pair.values())
