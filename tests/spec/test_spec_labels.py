"""Every page of the manual holds, on every engine there is."""

import pytest
from spec_chapters import CHAPTERS
from spec_pages import MANUAL, drift, names_in, render
from spec_tables import expected, label

from segtool.engines import DuckDBEngine
from segtool.labels import Catalog
from segtool.labels.claims import CLAIM_KINDS

ENGINES = {"duckdb": lambda: DuckDBEngine(threads=1)}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CHAPTERS)
def test_the_page_holds(name, engine):
    with ENGINES[engine]() as opened:
        assert label(CHAPTERS[name], opened) == expected(CHAPTERS[name]), CHAPTERS[name].says


def test_there_is_a_page_for_every_claim_kind():
    labels = [label for page in CHAPTERS.values() for label in Catalog.from_toml(page.toml).labels.values()]
    assert {claim.kind for label in labels for claim in label.claims} == set(CLAIM_KINDS)


def test_the_manual_shows_every_page_as_it_is():
    text = MANUAL.read_text(encoding="utf-8")
    assert sorted(names_in(text)) == sorted(CHAPTERS)
    assert not drift(text), "run `python -m tests.spec`"


def test_drift_is_seen_and_mended():
    text = MANUAL.read_text(encoding="utf-8")
    lied = text.replace("u1   | first tier", "u1   | second tier", 1)
    assert lied != text
    assert "second tier" in drift(lied)
    assert render(lied) == text
