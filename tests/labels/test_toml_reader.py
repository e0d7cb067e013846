import pytest

from segtool.errors import DefinitionError, InputError
from segtool.labels import Answer, Bands, Catalog, Note, Preference

DESIGN = """
[measures.spend_30d]
from = "events"
sql = "sum(amount)"
where = "event = 'purchase' and age_days < 30"
unit = "CNY"
no_rows = 0

[measures.purchases_90d]
from = "events"
sql = "count(*)"
where = "event = 'purchase' and age_days < 90"
no_rows = 0

[labels.spending_power]
facet = "consumption"
values = ["low", "average", "high"]
phrase = "{value} spending power"

[[labels.spending_power.claims]]
bands = {of = "spend_30d", quantiles = [0.2, 0.8], needs = "purchases_90d >= 2"}

[[labels.spending_power.claims]]
answer = {question = "q7", values = {"<2000" = "low", "2000-8000" = "average", ">8000" = "high"}}
reliability = 0.8

[[labels.spending_power.claims]]
note = {}

[[labels.spending_power.tests]]
given.events = [{event = "purchase", amount = 120, event_time = "2026-06-01"}]
expect = ""

[labels.interest]
facet = "taste"
many = true
[[labels.interest.claims]]
preference = {from = "events", by = "topic", where = "event in ('view','like','share')", top = 3, half_life_days = 30}
"""


def test_the_example_of_the_design_is_read():
    catalog = Catalog.from_toml(DESIGN)
    bands, answer, note = catalog["spending_power"].claims
    assert bands == Bands("spend_30d", quantiles=[0.2, 0.8], needs="purchases_90d >= 2")
    assert answer == Answer("q7", {"<2000": "low", "2000-8000": "average", ">8000": "high"}, reliability=0.8)
    assert note == Note()
    assert catalog["spending_power"].tests[0].expect is None
    assert isinstance(catalog["interest"].claims[0], Preference)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (
            "[measures.spend_30d]",
            "[measure.spend_30d]",
            "has the key 'measure'. Accepted: did you mean 'measures'",
        ),
        ('unit = "CNY"', 'units = "CNY"', "measures.spend_30d has the key 'units'"),
        ('sql = "sum(amount)"', "", "measures.spend_30d has no 'sql'"),
        ('sql = "sum(amount)"', "sql = 3", "measures.spend_30d.sql is of the wrong type"),
        ("sum(amount)", "sum(amount", "measures.spend_30d.sql, character"),
        ("no_rows = 0", 'no_rows = "0"', "measures.spend_30d.no_rows"),
        ("quantiles", "quantile", "labels.spending_power.claims[1].bands has the key 'quantile'"),
        ("[0.2, 0.8]", "[0.8, 0.2]", "labels.spending_power.claims[1].bands: quantiles of the bands"),
        ("note = {}", "notes = {}", "claims[3] has the key 'notes'. Accepted: did you mean 'note'"),
        ("note = {}", 'note = {}\nflag = {is = "spend_30d > 1"}', "claims[3] has 2 kinds of claim"),
        ("reliability = 0.8", "reliability = 8", "claims[2].answer: answer.reliability is 8"),
        ("top = 3", "top = true", "preference.top is of the wrong type"),
        ('facet = "taste"', "", "labels.interest has no 'facet'"),
        ('facet = "taste"', 'facet = "taste"\nfacet = "x"', "is not TOML: Cannot overwrite"),
        ("expect =", "expected =", "labels.spending_power.tests[1] has the key 'expected'"),
    ],
)
def test_a_mistake_is_refused_with_its_place(old, new, found):
    with pytest.raises(DefinitionError) as error:
        Catalog.from_toml(DESIGN.replace(old, new, 1), "labels.toml")
    assert str(error.value).startswith("labels.toml")
    assert found in str(error.value)


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path):
    path = tmp_path / "标签.toml"
    path.write_bytes(b"\xef\xbb\xbf" + DESIGN.encode())
    assert Catalog.read(path) == Catalog.from_toml(DESIGN)


def test_a_missing_or_foreign_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no label file 'none\.toml'"):
        Catalog.read(tmp_path / "none.toml")
    (tmp_path / "gbk.toml").write_bytes("[labels.标签]".encode("gbk"))
    with pytest.raises(InputError, match="not UTF-8"):
        Catalog.read(tmp_path / "gbk.toml")


def test_enormous_nesting_is_refused():
    with pytest.raises(DefinitionError):
        Catalog.from_toml("x = " + "[" * 100_000)
