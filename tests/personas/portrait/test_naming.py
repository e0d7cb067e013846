import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.errors import ParameterError
from segtool.labels.frames import LabelInfo
from segtool.personas.portrait.naming import (
    Trait,
    clause_of,
    compose_name,
    describe_contrast,
    describe_typical,
    list_defining,
    name_personas,
)

INFOS = {
    info.name: info
    for info in [
        LabelInfo("stage", "Life stage", "life stage", "nominal"),
        LabelInfo("interest", "Interest", "taste", "many", phrase="likes {value}"),
        LabelInfo("power", "Spending power", "consumption", "ordered", phrase="{value} spending power"),
        LabelInfo("hours", "Hours", "rhythm", "nominal", phrase={"night": "shops at night"}),
        LabelInfo("age", "Age", "life stage", "ordered", phrase="aged {value}"),
        LabelInfo("job", "Job", "life stage", "nominal", phrase={"public": "public-sector job"}),
        LabelInfo("gender", "Gender", "life stage", "nominal", sensitive=True),
        LabelInfo("vip", "VIP", "activity", "flag", phrase="is a VIP"),
    ]
}


def rows(*cells, persona_id=1):
    """Each cell: label, value, share_in, share_base."""
    return pd.DataFrame(
        [
            {
                "persona_id": persona_id, "label": label, "value": value, "share_in": share,
                "share_base": base, "index": 100 * share / base, "effect": 2 * (share - base), "z": 9.0,
                "n_known": 100, "n_in": int(100 * share), "forms": True, "defining": share >= 1.5 * base,
            }
            for label, value, share, base in cells
        ]
    )  # fmt: skip


def name_first(table):
    """Name one persona beside another of which nothing can be said."""
    return name_personas(table, INFOS, 2)[1]


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (
            [("interest", "trendy brands", 0.7, 0.2), ("stage", "student", 0.9, 0.3)],
            "Students into trendy brands",
        ),
        ([("interest", "travel", 0.7, 0.2), ("power", "high", 0.8, 0.3)], "High spenders into travel"),
        (
            [("stage", "young family", 0.9, 0.3), ("hours", "night", 0.8, 0.3)],
            "Young families who shop at night",
        ),
        ([("interest", "golf", 0.7, 0.2)], "Fans of golf"),
        ([("hours", "night", 0.7, 0.2)], "People who shop at night"),
        ([("hours", "night", 0.7, 0.2), ("interest", "golf", 0.7, 0.2)], "Fans of golf who shop at night"),
        ([("stage", "retired", 0.9, 0.3), ("interest", "golf", 0.7, 0.2)], "Retired people into golf"),
        ([("age", "55+", 0.9, 0.3), ("interest", "golf", 0.7, 0.2)], "People aged 55+ into golf"),
        (
            [("job", "public", 0.9, 0.3), ("interest", "golf", 0.7, 0.2)],
            "Fans of golf with a public-sector job",
        ),
        ([("stage", "student", 0.9, 0.3), ("power", "low", 0.8, 0.3)], "Students with low spending power"),
        ([("age", "18-24", 0.92, 0.3), ("stage", "student", 0.85, 0.25)], "Students"),
    ],
)
def test_names_read_as_people_speak(cells, name):
    assert name_first(rows(*cells)) == name


@pytest.mark.parametrize("value", ["Familie mit Kindern", "Rentner", "Étudiante", "大学生"])
def test_words_that_are_not_known_are_not_bent(value):
    assert name_first(rows(("stage", value, 0.9, 0.3))) == value


def test_verbs_that_are_not_known_are_not_bent():
    trait = Trait("rhythm", "i", "x", "alles nachts", "alles nachts", 1.0)
    assert compose_name([trait]) == "Alles nachts"


def test_codes_and_bare_values_say_of_what_they_are():
    table = rows(("tier", "mid", 0.9, 0.3), ("segment", "b", 0.8, 0.3), ("stage", "K2", 0.7, 0.3))
    infos = {
        "tier": LabelInfo("tier", "Tier", "consumption", "ordered"),
        "segment": LabelInfo("segment", "Segment", "other", "nominal"),
        "stage": INFOS["stage"],
    }
    assert name_personas(table, infos, 2)[1] == "Mid tier, segment: b"
    assert name_personas(table[2:], infos, 2)[1] == "Life stage: K2"


def test_what_few_answered_is_no_name():
    table = rows(("interest", "golf", 0.8, 0.2), ("stage", "student", 0.95, 0.3))
    table.loc[table["label"] == "stage", ["n_known", "n_in"]] = [19, 18]
    assert name_personas(table, INFOS, 2, [100, 50])[1] == "Fans of golf"
    alone = table[table["label"] == "stage"]
    assert name_personas(alone, INFOS, 2, [100, 50])[1] == "Students"
    assert name_personas(table, INFOS, 2, [90, 50])[1] == "Students into golf"


def test_other_languages_are_left_as_they_are():
    traits = [
        Trait("life stage", "stage", "x", "大学生", "大学生", 2.0),
        Trait("taste", "i", "x", "喜欢潮牌", "喜欢潮牌", 1.0),
    ]
    assert compose_name(traits) == "大学生, 喜欢潮牌"


def test_sensitive_universal_and_negative_values_are_no_names():
    table = rows(("gender", "female", 0.9, 0.5), ("stage", "employee", 0.95, 0.85), ("vip", "no", 0.9, 0.4))
    assert name_first(table) == "Mixed group"
    assert list_defining(table, INFOS, 1) == ""


def test_a_value_without_a_clause_is_no_name():
    assert name_first(rows(("hours", "day", 0.9, 0.4))) == "Mixed group"


def test_names_are_unique_by_the_next_trait():
    same = [("stage", "student", 0.9, 0.3), ("interest", "anime", 0.8, 0.2)]
    table = pd.concat([rows(*same), rows(*same, ("interest", "games", 0.6, 0.2), persona_id=2)])
    assert name_personas(table, INFOS, 2) == {1: "Students into anime", 2: "Students into anime and games"}


def test_names_are_unique_even_when_nothing_differs():
    same = [("stage", "student", 0.9, 0.3)]
    names = name_personas(pd.concat([rows(*same), rows(*same, persona_id=2)]), INFOS, 2)
    assert names == {1: "Students", 2: "Students (2)"}


def test_names_stay_short():
    long = "people who like very long descriptions of themselves"
    table = rows(("stage", long, 0.9, 0.3), ("interest", "tea", 0.8, 0.2))
    assert "tea" not in name_first(table)


def test_typical_gives_share_known_and_index():
    text = describe_typical(rows(("interest", "tea", 0.6, 0.2)), INFOS, 1)
    assert text == "likes tea (60% of 100 known, index 300)"


WORDS = st.text(alphabet="abcdeßñ大学 -_<&é{}", min_size=1, max_size=12)
CELLS = st.lists(
    st.tuples(
        st.sampled_from(["stage", "interest", "power"]), WORDS, st.floats(0.3, 1.0), st.floats(0.01, 0.8)
    ),
    max_size=4,
)


@given(st.lists(CELLS, min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_names_are_there_and_unique_whatever_the_values(personas):
    tables = [rows(*cells, persona_id=number) for number, cells in enumerate(personas, start=1) if cells]
    empty = rows(("stage", "x", 0.5, 0.5)).head(0)
    names = name_personas(pd.concat([empty, *tables]), INFOS, len(personas))
    assert list(names) == list(range(1, len(personas) + 1))
    assert all(name.strip() for name in names.values())
    assert len({name.casefold() for name in names.values()}) == len(personas)


def contrast(*cells):
    """Each cell: label, value, share here, share there, q-value."""
    names = ["label", "value", "share_in", "share_nearest", "q_value"]
    table = pd.DataFrame(cells, columns=names).assign(persona_id=1, n_known=90, n_known_nearest=90)
    difference = table["share_in"] - table["share_nearest"]
    return table.assign(difference=difference, effect=2 * difference)


def test_a_contrast_by_chance_is_not_told():
    table = contrast(("interest", "tea", 0.6, 0.2, 0.2), ("stage", "student", 0.1, 0.5, 0.001))
    assert describe_contrast(table, INFOS, 1) == "student 10% instead of 50%"


def test_a_contrast_of_sensitive_labels_or_of_few_is_not_told():
    table = contrast(("gender", "female", 0.9, 0.1, 0.0), ("interest", "tea", 0.6, 0.2, 0.0))
    assert describe_contrast(table, INFOS, 1) == "likes tea 60% instead of 20%"
    assert describe_contrast(table.assign(n_known_nearest=19), INFOS, 1) == ""


def test_kept_names_win_and_no_other_takes_them():
    same = [("stage", "student", 0.9, 0.3), ("interest", "anime", 0.8, 0.2)]
    table = pd.concat([rows(*same), rows(*same, ("interest", "games", 0.6, 0.2), persona_id=2)])
    names = name_personas(table, INFOS, 3, kept={3: " students  into ANIME ", 2: "夜猫子"})
    assert names == {1: "Students into anime (1)", 2: "夜猫子", 3: "students  into ANIME"}
    assert list(names) == [1, 2, 3]
    assert name_personas(table, INFOS, 1, kept={1: "Everybody"}) == {1: "Everybody"}


@pytest.mark.parametrize("kept", [{4: "x"}, {1: " "}, {1: "Night owls", 2: "night  OWLS"}])
def test_names_that_cannot_be_kept_are_refused(kept):
    with pytest.raises(ParameterError):
        name_personas(rows(("stage", "student", 0.9, 0.3)), INFOS, 3, kept=kept)


@pytest.mark.parametrize(
    ("info", "value", "clause"),
    [
        (
            LabelInfo("tea", "Favourite tea", "taste", "nominal", phrase=""),
            "green_tea",
            "favourite tea: green tea",
        ),
        (LabelInfo("job", "Job", "life stage", "nominal", phrase=""), "None", "job: None"),
        (LabelInfo("vip", "VIP", "activity", "flag", phrase=""), "yes", "VIP"),
        (LabelInfo("vip", "VIP", "activity", "flag", phrase=""), "no", ""),
        (INFOS["hours"], "day", ""),  # phrases by value keep silent about the others
        (LabelInfo("hours", "Hours", "rhythm", "nominal", phrase={}), "day", ""),
    ],
)
def test_a_label_without_a_phrase_says_its_title(info, value, clause):
    assert clause_of(info, value) == clause


def test_personas_of_labels_without_phrases_have_names():
    infos = {"tea": LabelInfo("tea", "Favourite tea", "taste", "nominal", phrase="")}
    table = pd.concat([rows(("tea", "green", 0.7, 0.2)), rows(("tea", "black", 0.7, 0.2), persona_id=2)])
    assert name_personas(table, infos, 2) == {1: "Favourite tea: green", 2: "Favourite tea: black"}
    stage = {"stage": LabelInfo("stage", "Life stage", "life stage", "nominal", phrase="")}
    assert name_personas(rows(("stage", "student", 0.9, 0.3)), stage, 2)[1] == "Students"
