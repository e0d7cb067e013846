import pytest

from segtool.errors import DefinitionError
from segtool.labels import (
    Answer,
    Bands,
    Cases,
    Catalog,
    Flag,
    Label,
    Measure,
    Note,
    Preference,
    builtin_catalog,
)

N = Measure("n_events", "events", "count(*)", no_rows=0)


def label(*claims, **parts):
    return Label("power", "consumption", claims, **parts)


def test_a_label_that_names_no_measure_is_refused_with_the_nearest():
    with pytest.raises(DefinitionError) as error:
        Catalog([N], [label(Flag("n_event > 3"))])
    assert "labels.power.claims[1].flag.is, character 1 names the measure 'n_event'" in str(error.value)
    assert "did you mean 'n_events'?" in str(error.value)


def test_a_banded_measure_must_exist_too():
    with pytest.raises(DefinitionError, match=r"labels\.power\.claims\[1\]\.bands names the measure 'spend'"):
        Catalog([N], [label(Bands("spend", edges=[1]), values=["low", "high"])])


def test_derived_measures_cannot_go_in_a_circle():
    a, b = Measure("a", "measures", "b + 1"), Measure("b", "measures", "a + 1")
    with pytest.raises(DefinitionError, match="rest on each other"):
        Catalog([a, b])


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"claims": []}, "no claims"),
        ({"claims": [Bands("n_events", edges=[1])], "values": ["a"]}, "2 bands and the label 1 values"),
        ({"claims": [Answer("q", {"x": "c"})], "values": ["a", "b"]}, "says 'c', which is no value"),
        ({"claims": [Note()], "values": ["a", "a"]}, "one value twice"),
        ({"claims": [Preference("events", "topic", top=3)]}, "several values and the label takes one"),
        ({"claims": [Note()], "values": ["a", "b"], "phrase": {"c": "x"}}, "says 'c', which is no value"),
    ],
)
def test_labels_whose_parts_do_not_fit_are_refused(parts, found):
    with pytest.raises(DefinitionError, match=found):
        Label("power", "consumption", **parts)


@pytest.mark.parametrize("name", ["", "2nd", "a b", "a__b", "user_id", "x" * 61, 'a"; drop'])
def test_names_are_plain_words(name):
    with pytest.raises(DefinitionError, match="is no name for a"):
        Measure(name, "events", "count(*)")


@pytest.mark.parametrize(
    ("claim", "arguments", "found"),
    [
        (Bands, {"of": "n"}, "neither edges nor quantiles"),
        (Bands, {"of": "n", "edges": [1], "quantiles": [0.5]}, "both edges and quantiles"),
        (Bands, {"of": "n", "edges": [3, 1]}, "not usable"),
        (Bands, {"of": "n", "edges": [float("nan")]}, "not usable"),
        (Bands, {"of": "n", "quantiles": [0.5, 1.5]}, "not usable"),
        (Bands, {"of": "n", "edges": [1], "values": ["a"]}, "1 cuts and 1 values"),
        (Cases, {"when": []}, "cases is empty"),
        (Cases, {"when": [("a",)]}, "not a value and a predicate"),
        (Flag, {"when": "n > 1", "yes": ""}, "no value of its own"),
        (Flag, {"when": "n > 1", "reliability": 1.5}, "reliability is 1.5"),
        (Note, {"expires_days": 0}, "expires_days is 0"),
        (Preference, {"table_name": "events", "by": "topic", "lift": 0.5}, "lift is 0.5"),
        (Preference, {"table_name": "events", "by": "topic", "top": 0}, "top is 0"),
        (Preference, {"table_name": "events", "by": "topic", "at_least": 1}, "at_least is 1"),
        (
            Preference,
            {"table_name": "events", "by": "topic", "where": "count(*) > 1"},
            "an aggregate cannot stand",
        ),
    ],
)
def test_claims_check_themselves_when_written(claim, arguments, found):
    with pytest.raises(DefinitionError, match=found):
        claim(**arguments)


def test_kinds_follow_from_the_definition():
    assert label(Flag("n_events > 3")).kind == "flag"
    assert label(Bands("n_events", edges=[3]), values=["low", "high"]).kind == "ordered"
    assert label(Note()).kind == "nominal"
    assert label(Preference("events", "topic"), many=True).kind == "many"


def test_later_catalogues_win():
    first = Catalog([N], [label(Flag("n_events > 3"))])
    second = Catalog([N], [label(Flag("n_events > 9"))])
    assert (first + second)["power"].claims[0].when == "n_events > 9"
    assert first + second == second


OWN = """
[labels.big]
facet = "consumption"
values = ["low", "high"]
claims = [{bands = {of = "spend_180d", edges = [100], needs = "purchases_180d >= 2"}}]
"""


def test_a_file_may_name_the_measures_of_another_catalogue(tmp_path):
    (tmp_path / "labels.toml").write_text(OWN)
    builtin = builtin_catalog()
    own = Catalog.read(tmp_path / "labels.toml", base=builtin)
    assert set(own.measures) == own.borrowed == {"spend_180d", "purchases_180d"}
    assert list(own.labels) == ["big"]
    assert list((builtin + own).measures) == list(builtin.measures)
    assert own.without(["big"]).borrowed == own.borrowed


def test_what_a_borrowed_measure_rests_on_comes_with_it():
    rate = Measure("rate", "measures", "N_events / 30")
    own = Catalog([], [label(Flag("Rate > 3"))], base=Catalog([N, rate]))
    assert list(own.measures) == ["n_events", "rate"]


def test_an_own_definition_wins_over_one_that_was_borrowed():
    mine = Measure("n_events", "events", "count(distinct topic)")
    borrower = Catalog([], [label(Flag("n_events > 3"))], base=Catalog([N]))
    own = Catalog([mine])
    assert Catalog([mine], [label(Flag("n_events > 3"))], base=Catalog([N])).measures["n_events"] == mine
    for both in (own + borrower, borrower + own, own + borrower + borrower):
        assert both.measures["n_events"] == mine
        assert not both.borrowed


def test_an_unknown_measure_is_told_the_nearest_of_all_catalogues():
    unknown = OWN.replace("spend_180d", "spend_18d")
    with pytest.raises(DefinitionError, match="did you mean 'spend_180d'"):
        Catalog.from_toml(unknown, base=builtin_catalog())
    with pytest.raises(DefinitionError, match=r"Do: .* base=builtin_catalog\(\)"):
        Catalog.from_toml(unknown)


def test_a_catalogue_can_be_narrowed():
    catalog = Catalog([N], [label(Flag("n_events > 3")), Label("other", "x", [Note()])])
    assert list(catalog.without(["other"]).labels) == ["power"]
    assert list(catalog.only(["other"]).labels) == ["other"]
    with pytest.raises(DefinitionError, match="did you mean 'other'"):
        catalog.without(["othr"])


def test_names_that_differ_in_case_only_are_one_name():
    with pytest.raises(DefinitionError, match="defined twice"):
        Catalog([N, Measure("N_Events", "events", "count(*)")])
