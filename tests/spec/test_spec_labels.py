"""Every page of the manual holds, on every engine there is."""

import pytest
from spec_chapters import CHAPTERS
from spec_tables import expected, label

from segtool.engines import DuckDBEngine
from segtool.labels.claims import CLAIM_KINDS

ENGINES = {"duckdb": lambda: DuckDBEngine(threads=1)}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CHAPTERS)
def test_the_page_holds(name, engine):
    with ENGINES[engine]() as opened:
        assert label(CHAPTERS[name], opened) == expected(CHAPTERS[name]), CHAPTERS[name].says


def test_there_is_a_page_for_every_claim_kind():
    text = " ".join(page.toml for page in CHAPTERS.values())
    assert all(f"{kind} = {{" in text for kind in CLAIM_KINDS)
