import pytest

from segtool.errors import DefinitionError
from segtool.labels import Catalog, check_catalog

CATALOG = """
[measures.spend]
from = "events"
sql = "sum(amount)"
[labels.power]
facet = "consumption"
values = ["low", "average", "high"]
claims = [{bands = {of = "spend", quantiles = [0.2, 0.8]}}, {note = {}}]
"""
EVENT = '{event = "purchase", amount = 120, event_time = 2026-06-01}'


def run(test):
    return check_catalog(Catalog.from_toml(CATALOG + "[[labels.power.tests]]\n" + test)).iloc[0]


def test_an_example_that_holds_passes():
    assert run(f'given.events = [{EVENT}]\nexpect = "low"')["passed"]


def test_an_example_that_does_not_hold_shows_both():
    row = run(f'given.events = [{EVENT}]\nexpect = "high"')
    assert (row["expected"], row["got"], row["passed"]) == ("high", "low", False)


def test_cut_points_can_be_assumed_because_one_user_has_no_distribution():
    cuts = "cut_points = {spend = [50, 120]}"
    assert run(f'given.events = [{EVENT}]\nexpect = "average"\n{cuts}')["passed"]
    with pytest.raises(DefinitionError, match=r"labels\.power\.tests\[1\]\.cut_points names 'spent'"):
        run(f'given.events = [{EVENT}]\nexpect = "average"\ncut_points = {{spent = [1, 2]}}')


def test_the_example_has_its_own_date():
    old = EVENT.replace("120", "70").replace("2026-06-01", "2026-04-30")
    given = f'given.as_of = "2026-05-01"\ngiven.events = [{EVENT}, {old}]'
    assert run(f'{given}\nexpect = "average"\ncut_points = {{spend = [60, 80]}}')["passed"]


def test_other_tables_can_be_given():
    note = '{label = "power", value = "high", author = "Li", noted_at = "2026-06-01"}'
    assert run(f'given.events = [{EVENT}]\ngiven.notes = [{note}]\nexpect = "high"')["passed"]


@pytest.mark.parametrize(
    "given", ["given.events = 3", "given.evnts = [{a = 1}]", 'given.events = [{amount = "much"}]']
)
def test_an_example_that_cannot_be_read_is_named(given):
    with pytest.raises(DefinitionError, match=r"labels\.power\.tests\[1\]"):
        run(f'{given}\nexpect = ""')
