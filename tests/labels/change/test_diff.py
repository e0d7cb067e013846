import pytest

from segtool.labels import Answer, Bands, Catalog, Flag, Label, Measure, builtin_catalog
from segtool.labels.change import diff_catalogs
from segtool.labels.change.diff import changed_meaning

N = Measure("n", "events", "count(*)", no_rows=0)
HALF = Measure("half", "measures", "n / 2")


def label(*claims, **said):
    return Label("busy", "activity", claims or (Flag("half >= 5"),), **said)


def catalog(*labels, measures=(N, HALF)):
    return Catalog(measures, labels or (label(),))


def rows(before, after):
    table = diff_catalogs(before, after)
    return list(table[["label", "part", "change", "affects"]].itertuples(index=False, name=None))


def test_a_catalogue_equals_itself():
    assert rows(builtin_catalog(), builtin_catalog()) == []
    assert changed_meaning(builtin_catalog(), builtin_catalog()) == frozenset()


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (catalog(label(title="Very busy")), [("busy", "title", "changed", "wording")]),
        (catalog(label(Flag("half >= 9"))), [("busy", "claim 1 flag", "changed", "meaning")]),
        (catalog(label(Flag("half >= 5", reliability=0.9))), [("busy", "claim 1 flag", "changed", "meaning")]),
        (
            catalog(measures=(Measure("n", "events", "count(*)", "event = 'view'", no_rows=0), HALF)),
            [("busy", "measure n", "changed", "meaning")],
        ),
        (catalog(Label("idle", "activity", [Flag("n < 1")])),
         [("busy", "label", "removed", "meaning"), ("idle", "label", "added", "meaning")]),
    ],
)  # fmt: skip
def test_what_changed_is_named(after, expected):
    assert rows(catalog(), after) == expected


def test_a_claim_in_front_leaves_those_behind_it_alone():
    said = Answer("q1", {"a": "yes", "b": "no"})
    after = catalog(label(said, Flag("half >= 5"), values=["no", "yes"]))
    assert rows(catalog(label(Flag("half >= 5"), values=["no", "yes"])), after) == [
        ("busy", "claim 1 answer", "added", "meaning")
    ]


def test_a_claim_of_another_kind_is_one_gone_and_one_come():
    after = catalog(label(Bands("n", edges=[5]), values=["no", "yes"], ordered=False))
    before = catalog(label(Flag("half >= 5"), values=["no", "yes"], ordered=False))
    assert [row[1:3] for row in rows(before, after)] == [
        ("claim 1 flag", "removed"),
        ("claim 1 bands", "added"),
    ]


def test_wording_does_not_change_the_meaning():
    assert changed_meaning(catalog(), catalog(label(title="Very busy"))) == frozenset()
    assert changed_meaning(catalog(), catalog(label(Flag("half >= 9")))) == {"busy"}
