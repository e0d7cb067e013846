"""The model file places users, and does not list what very few of them said."""

from __future__ import annotations

import json
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from segtool.labels import Labels
from segtool.outputs.model_file import fold_rare_values, mask_record, write_model
from segtool.outputs.scoring_files import write_scoring
from segtool.personas import LatentClassPersonas, Personas, find_personas
from segtool.personas.encode import OTHER
from segtool.plots import plot_cards


@pytest.fixture(scope="module")
def personas():
    """Two groups; three users have a job of their own, two alone keep bees."""
    rng = np.random.default_rng(4)
    n = 300
    group = rng.integers(0, 2, n)
    jobs = np.where(rng.random(n) < 0.85, np.array(["cook", "pilot"])[group], "clerk").astype(object)
    jobs[:3] = ["lighthouse keeper", "astronaut", "Pope"]
    wide = pd.DataFrame(
        {
            "job": jobs,
            "home": np.where(rng.random(n) < 0.85, np.array(["town", "village"])[group], "farm"),
            "pet": np.where(rng.random(n) < 0.85, np.array(["dog", "cat"])[group], "none"),
            "likes: bees": np.arange(n) < 2,
            "likes: tea": rng.random(n) < np.array([0.1, 0.9])[group],
        },
        index=[f"u{number:03d}" for number in range(n)],
    )
    return find_personas(wide, n_personas=2, n_init=3)


def test_rare_values_are_not_in_the_file(personas, tmp_path):
    path = tmp_path / "model.json"
    personas.save(tmp_path / "raw.json")
    told = write_model(personas, path, min_cell=5)
    text = path.read_text(encoding="utf-8")
    for word in ("lighthouse", "astronaut", "Pope"):
        assert word in (tmp_path / "raw.json").read_text(encoding="utf-8") and word not in text
    assert OTHER in json.loads(text)["encoding"]["categories"]["job"]
    assert set(told["model_folded"]) == {"job"} and told["model_silenced"] == ["likes: bees"]


def test_the_file_still_places_users(personas, tmp_path):
    write_model(personas, tmp_path / "model.json", min_cell=5)
    again = Personas.load(tmp_path / "model.json").assign(personas.labels)
    mine = personas.assigned.set_index("user_id")
    theirs = again.set_index("user_id").loc[mine.index]
    assert (mine["persona_id"] == theirs["persona_id"]).mean() > 0.99
    ordinary = mine.index[10:]  # users without any folded value
    gap = (mine.loc[ordinary, "membership"] - theirs.loc[ordinary, "membership"]).abs()
    assert gap.max() < 0.05


def test_without_a_floor_the_file_is_as_saved(personas, tmp_path):
    personas.save(tmp_path / "raw.json")
    told = write_model(personas, tmp_path / "model.json", min_cell=1)
    assert (tmp_path / "model.json").read_bytes() == (tmp_path / "raw.json").read_bytes()
    assert told["model_folded"] == {} and told["model_silenced"] == []


def test_a_label_kept_inside_that_forms_personas_is_named(personas, tmp_path):
    told = write_model(personas, tmp_path / "model.json", 5, inside=["job", "age"])
    assert told["model_formed_by_kept_inside"] == ["job"]


def record_of(levels, kind="text", k=2):
    share = np.full((k, len(levels)), 1 / len(levels))
    column = {"name": "x", "kind": kind, "levels": list(levels), "tail": [], "hurdle": False}
    return {
        "model": {"columns": [column], "personas": {"probability": share.tolist(), "relevant": [True]}},
        "encoding": {"categories": {"x": list(levels)}},
    }


@pytest.mark.parametrize(
    ("counts", "levels", "silent"),
    [
        ({"a": 50, "b": 40, "c": 4, "d": 1}, ["a", "b", OTHER], False),  # together they are five
        ({"a": 50, "b": 40, "c": 30, "d": 3}, ["a", "b", OTHER], False),  # one alone takes another along
        ({"a": 50, "b": 3}, ["a", OTHER], True),  # nothing to join without emptying the label
        ({"a": 50, "b": 40}, ["a", "b"], False),
        ({"a": 50, "b": 40, OTHER: 3}, ["a", OTHER], False),
    ],
)
def test_what_is_folded(counts, levels, silent):
    record = record_of(counts)
    folded, silenced = fold_rare_values(record, {"x": counts}, 5)
    assert record["model"]["columns"][0]["levels"] == levels == record["encoding"]["categories"]["x"]
    probability = np.array(record["model"]["personas"]["probability"])
    assert probability.shape == (2, len(levels)) and np.allclose(probability.sum(axis=1), 1)
    assert (silenced == ["x"]) is silent and record["model"]["personas"]["relevant"] == [not silent]
    assert ("x" in folded) is (levels != list(counts))


METHOD_OPTIONS = [
    ("latent class", {"n_personas": 2, "n_init": 2}),
    ("k-means", {"n_personas": 2}),
    ("bisecting k-means", {"n_personas": 2}),
    ("gaussian mixture", {"n_personas": 2}),
    ("hdbscan", {}),
]


def two_groups(n=120, rare=False):
    rng = np.random.default_rng(7)
    group = np.arange(n) % 2
    wide = pd.DataFrame(
        {
            name: np.where(rng.random(n) < 0.9, np.array(values)[group], values[2])
            for name, values in {
                "job": ["cook", "pilot", "clerk"],
                "home": ["town", "village", "farm"],
                "pet": ["dog", "cat", "none"],
            }.items()
        },
        index=pd.Index([f"u{number:03d}" for number in range(n)], name="user_id"),
    ).astype(object)
    if rare:
        wide.iloc[:2, 0] = "astronaut"
    return wide


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("method", "options"), METHOD_OPTIONS)
@pytest.mark.parametrize("rare", [False, True])
def test_every_method_is_written_or_says_why_not(method, options, rare, tmp_path):
    labels = Labels.from_frame(two_groups(rare=rare))
    personas = find_personas(labels, method=method, random_state=0, **options)
    path = tmp_path / "persona_model.json"
    told = write_model(personas, path, 5)
    scoring, rows = write_scoring(labels, tmp_path)
    is_latent = method == "latent class"
    if rare and not is_latent:
        assert not path.exists() and method in told["model"] and "fewer than 5 users have" in told["model"]
        assert "there is none" in scoring["scoring"]
    else:
        assert "astronaut" not in path.read_text(encoding="utf-8")
        again = Personas.load(path).assign(labels)
        assert (again["persona_id"].to_numpy() == personas.assigned["persona_id"].to_numpy()).mean() > 0.98
    assert (tmp_path / "scoring.sql").exists() is is_latent
    assert scoring["scoring"] and list(rows) == ["labels.parquet"]


def test_values_of_columns_the_model_does_not_use_are_folded_too():
    record = record_of({"a": 50, "b": 40})
    record["encoding"]["categories"]["y"] = ["usual", "Pope"]
    fold_rare_values(record, {"x": {"a": 50, "b": 40}, "y": {"usual": 80, "Pope": 2}}, 5)
    assert record["encoding"]["categories"]["y"] == ["usual", OTHER]


@pytest.fixture(scope="module")
def with_a_small_one(personas):
    """The same personas, as if one of three had 4 users, with a comparison that says so."""
    rows = pd.concat([personas.summary, personas.summary.tail(1)], ignore_index=True)
    rows["persona_id"], rows["n_users"] = [1, 2, 3], [180, 116, 4]
    rows["share"] = rows["weighted_share"] = rows["n_users"] / 300
    rows["n_unsure"], rows["rule_caught"], rows["rule_members"] = [20, 3, 1], [60, 3, 2], [70, 50, 2]
    choice = pd.DataFrame(
        {
            "k": [2, 3], "min_share": [0.4, 4 / 300], "chosen": [False, True],
            "reason": ["", "too small: the smallest persona holds 1.3% of the users (4; at least 3% and 5 are asked for)"],
            "change": ["", "from 2 to 3: persona 1 (60% of users) splits into 60% and 1%"],
        }
    )  # fmt: skip
    return replace(
        personas, summary=rows, names={1: "A", 2: "B", 3: "C"}, choice_table=choice,
        verdict="3 personas, as asked; smallest 1.3% of users.",
    )  # fmt: skip


def test_small_sizes_are_told_nowhere_in_the_file(with_a_small_one, tmp_path):
    with_a_small_one.save(tmp_path / "model.json")
    record = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    record["model"]["verdict"] = with_a_small_one.verdict
    mask_record(record, with_a_small_one, 5)
    sizes = ["n_users", "share", "weighted_share", "n_unsure"]
    # The second smallest is not told either: the total is known.
    assert [[row[name] is None for name in sizes] for row in record["summary"]] == [
        [False] * 4,
        [True] * 4,
        [True] * 4,
    ]
    assert [(row["rule_caught"], row["rule_members"]) for row in record["summary"]][2] == (0, 0)
    assert "1.3%" not in json.dumps([record["verdict"], record["choice"], record["model"]["verdict"]])
    assert record["choice"][1]["min_share"] is None and "(fewer than 5; at" in record["choice"][1]["reason"]
    assert record["choice"][1]["change"].endswith("splits into 60% and under 2%")
    assert record["notes"][-1].startswith("Sizes of fewer than 5 users")


def test_sizes_that_are_not_told_stay_untold_when_the_file_is_read(personas, tmp_path):
    few = personas.summary.assign(
        n_users=[296, 4], share=[296 / 300, 4 / 300], weighted_share=[296 / 300, 4 / 300]
    )
    write_model(replace(personas, summary=few), tmp_path / "model.json", min_cell=5)
    again = Personas.load(tmp_path / "model.json")
    assert again.portraits()["n_users"].isna().all() and "weighted_share" not in again.portraits()
    assert again.portraits()["sentence"].str.startswith("Size not told").all()
    assert again.headline().endswith("Not all sizes are told.")
    for said in (repr(again), again._repr_html_(), again.headline(), *again.portraits()["sentence"]):
        assert "nan" not in said.replace("NaN", "nan").lower().split("stability")[0]
    assert [card.n_users for card in again.cards()] == [0, 0]
    plt.close(plot_cards(again))
    again.save(tmp_path / "again.json")
    assert Personas.load(tmp_path / "again.json").portraits()["share"].isna().all()


def test_a_hidden_share_of_a_comparison_is_read_as_missing():
    wide = two_groups(200).reset_index(drop=True)
    model = LatentClassPersonas(2, compare=True, max_personas=2, n_init=1, n_pairs=1).fit(wide)
    record = model.to_json()
    record["choice"][1]["min_share"] = None
    again = LatentClassPersonas.from_json(record)
    assert again.choice_["min_share"].isna().tolist() == [False, True]
    assert again.to_json()["choice"][1]["min_share"] is None
