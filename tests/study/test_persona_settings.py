"""What [personas] says reaches the personas: weights of facets, of cells and of users."""

import numpy as np
import pandas as pd
import pytest

from segtool.errors import DefinitionError, ParameterError
from segtool.study import Study
from segtool.study.sample_weight import read_sample_weight

LABELS = "".join(
    f'[labels.{name}]\nfacet = "{facet}"\n[[labels.{name}.claims]]\ncolumn = {{name = "{name}", from = "users"}}\n'
    for name, facet in (("stage", "life stage"), ("taste", "taste"), ("city", "place"))
)


@pytest.fixture
def study(tmp_path):
    rng = np.random.default_rng(4)
    group = np.repeat([0, 1], 60)
    pick = lambda words: np.where(rng.random(120) < 0.85, np.array(words)[group], np.array(words)[1 - group])  # noqa: E731
    users = pd.DataFrame({"user_id": [f"u{n:03}" for n in range(120)], "stage": pick(["student", "parent"])})
    users["taste"], users["city"] = pick(["tea", "toys"]), pick(["Hefei", "Wuhan"])
    users["weight"] = np.where(group == 0, 3.0, 1.0)
    users.to_csv(tmp_path / "users.csv", index=False)
    (tmp_path / "labels.toml").write_text(LABELS)

    def make(personas):
        (tmp_path / "study.toml").write_text(
            '[study]\nname = "x"\nas_of = "2026-07-01"\n[sources.users]\npath = "users.csv"\n'
            f'[labels]\ncatalogs = ["labels.toml"]\n[personas]\nn_personas = 2\n{personas}\n'
        )
        return Study.read(tmp_path)

    return make


def test_weights_of_facets_and_users_reach_the_personas(study):
    personas = study('weights = {taste = 2, city = 0}\nsample_weight = "users.weight"').find_personas()
    assert personas.encoding.weights["taste"] == 2.0 and "city" in personas.encoding.descriptors
    first = personas.summary.iloc[0]
    assert first["weighted_share"] > 0.62 and first["share"] < 0.6


def test_users_stand_for_themselves_when_nothing_is_said(study):
    personas = study("use_confidence = false").find_personas()
    assert not personas.encoding.use_confidence
    assert (personas.summary["weighted_share"] == personas.summary["share"]).all()


def test_the_last_row_of_a_user_says_the_weight(study):
    tables = {
        "users": pd.DataFrame({"user_id": ["a", "b"]}),
        "survey": pd.DataFrame(
            {
                "user_id": ["a", "a", "b"],
                "answered_at": ["2026-02-01", "2026-01-01", None],
                "weight": [2, 9, None],
            }
        ),
    }
    asked = Study.from_tables(tables, as_of="2026-07-01")
    assert read_sample_weight(asked.sources, "survey.weight").to_dict() == {"a": 2.0}


def test_names_of_an_earlier_run_stay(study, tmp_path):
    """[personas] follow: the same personas keep their names, whatever their sizes say now."""
    before = study("").find_personas().rename({1: "Students of before", 2: "Parents of before"})
    before.save(tmp_path / "last.json")
    users = pd.read_csv(tmp_path / "users.csv")
    users.iloc[35:].to_csv(tmp_path / "users.csv", index=False)  # the larger one becomes the smaller
    now = study('follow = "last.json"')
    personas = now.find_personas()
    assert set(personas.names.values()) == {"Students of before", "Parents of before"}
    first = before.assigned.set_index("user_id")["persona"]
    today = personas.assigned.set_index("user_id")["persona"]
    assert (first.reindex(today.index) == today).mean() > 0.9
    assert any("now:" in note for note in personas.notes)


def test_personas_of_an_earlier_moment_are_followed(study):
    asked = study("")
    change = asked.follow_personas("2026-06-01")
    assert change.personas["event"].tolist() == ["same", "same"]
    assert change.moved["moved"] == 0  # the table of users has no dates: nobody moved
    with pytest.raises(ParameterError, match="is not before"):
        asked.follow_personas("2026-07-02")


def test_another_method_is_named_in_the_study(study):
    personas = study('method = "k-means"').find_personas()
    assert type(personas.model).__name__ == "KMeansPersonas" and personas.n_personas == 2
    with pytest.raises(DefinitionError, match="latent class"):
        study('method = "k-mean"')


def test_names_of_the_study_go_by_the_numbers_of_the_file_that_is_followed(study, tmp_path):
    study("").find_personas().save(tmp_path / "last.json")
    users = pd.read_csv(tmp_path / "users.csv")
    parents = set(users["user_id"].iloc[60:])
    users.iloc[35:].to_csv(tmp_path / "users.csv", index=False)  # the larger one becomes the smaller
    first = study("").find_personas()  # sizes have swapped
    now = study('follow = "last.json"\nnames = {2 = "Two of then"}')
    people = now.find_personas().assigned.set_index("user_id")["persona"]
    assert first.n_personas == 2 and (people == "Two of then").sum() in (people.value_counts().tolist())
    named = people.index[people == "Two of then"]
    assert np.mean([user in parents for user in named]) > 0.7 or np.mean([user in parents for user in named]) < 0.3
    assert set(now._persona_change.personas["after"]) == set(people)


@pytest.mark.parametrize("method", ["gaussian mixture", "k-means"])
def test_whole_survey_weights_suit_every_method(study, method):
    personas = study(f'method = "{method}"\nsample_weight = "users.weight"').find_personas()
    assert personas.summary["weighted_share"].sum() == pytest.approx(1.0)
    assert any("weighted_share" in note for note in personas.notes)
