"""Following a small planted community: names stay, people are told from the model, nothing is invented."""

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, NotFittedError, ParameterError
from segtool.personas import Personas, find_personas
from segtool.personas.follow import align_personas, follow_personas
from segtool.plots.persona_flow import plot_persona_flow
from tests.personas.planted_frame import make_planted


@pytest.fixture(scope="module")
def then():
    return make_planted(400, seed=3)


@pytest.fixture(scope="module")
def now():
    """Return the same people a period later; one in five of them, and the sizes, are others."""
    frame, truth = make_planted(400, seed=4)
    order = np.argsort(-truth, kind="stable")  # the smallest persona comes first, as another order of users
    return frame.iloc[order].set_axis(frame.index.str.replace("u000", "w000"), axis=0), truth[order]


@pytest.fixture(scope="module")
def before(then):
    found = find_personas(then[0], n_personas=3, n_init=4)
    return found.rename({2: "宝妈", 3: "Travellers"})


@pytest.fixture(scope="module")
def change(before, now):
    return follow_personas(before, now[0], n_personas=3, n_init=4)


def test_a_saved_model_places_users_of_a_later_period_without_a_refit(before, now, tmp_path):
    loaded = Personas.load(before.save(tmp_path / "p.json"))
    placed = loaded.assign(now[0])
    cells = before.encoding.encode(before.table.read(now[0]))
    assert (placed["persona_id"] == before.model.predict(cells) + 1).all()
    np.testing.assert_allclose(
        placed["membership"], before.model.predict_proba(cells).max(axis=1), atol=1e-12
    )
    assert loaded.model.to_json() == before.model.to_json()
    alone = loaded.assign(now[0].iloc[[5]])
    pd.testing.assert_frame_equal(alone, placed[placed["user_id"] == now[0].index[5]].reset_index(drop=True))


def test_personas_that_are_the_same_keep_their_names_and_the_analysts_for_good(change, before):
    assert set(change.after.names.values()) == set(before.names.values())
    assert {change.after.names[number] for number in change.after.renamed} == {"宝妈", "Travellers"}
    assert change.personas["event"].tolist() == ["same"] * 3
    assert (change.personas["before"] == change.personas["after"]).all()
    assert "3 the same" in change.headline()


def test_names_are_those_of_the_people_and_not_of_the_numbers(before, then):
    """Give the same users other numbers: the smallest persona is the largest now."""
    frame, truth = then
    few = frame[(truth == 2) | (np.arange(len(truth)) % 4 == 0)]
    change = follow_personas(before, few, labels_before=frame, n_personas=3, n_init=4)
    assert change.after.names[1] == "Travellers" and before.names[1] != "Travellers"
    placed = change.after.assigned.set_index("user_id")["persona"]
    travellers = pd.Series(truth, frame.index).reindex(placed.index) == 2
    assert (placed[travellers] == "Travellers").mean() > 0.9


def test_the_same_labels_twice_move_nobody(before, then):
    change = follow_personas(before, then[0], n_personas=3, n_init=4)
    assert change.moved["seen"] == 0 and change.moved["low"] <= 0
    assert not change.moves["more_than_noise"].any()
    assert not change.drift["changed"].any()
    assert change.arrivals["n_came"].sum() == change.departures["n_left"].sum() == 0
    assert "no more than noise" in change.headline()


def test_moves_add_up_to_the_users_of_both_periods(change, then, now):
    both = then[0].index.intersection(now[0].index)
    assert change.moves["n_users"].sum() == len(both) == change.people.n_stayed
    assert change.moves["n_noise"].sum() <= len(both) + 1
    assert change.arrivals["n_came"].sum() == len(now[0]) - len(both)
    assert change.departures["n_left"].sum() == len(then[0]) - len(both)
    assert change.flows["n_users"].sum() == len(then[0].index.union(now[0].index))


def test_a_loaded_file_knows_the_model_and_not_the_people(before, now, change, tmp_path):
    loaded = Personas.load(before.save(tmp_path / "p.json"))
    alone = follow_personas(loaded, now[0], n_personas=3, n_init=4)
    pd.testing.assert_frame_equal(alone.personas, change.personas)
    for ask in (lambda: alone.moves, lambda: alone.moved, lambda: alone.drift, lambda: alone.arrivals):
        with pytest.raises(NotFittedError, match="labels_before"):
            ask()
    assert "not known without the labels" in repr(alone)
    assert alone.flows["then_id"].isna().all() and alone.flows["n_users"].sum() == len(now[0])


def test_older_labels_beside_a_file_are_as_good_as_the_users_themselves(before, then, now, change, tmp_path):
    loaded = Personas.load(before.save(tmp_path / "p.json"))
    again = follow_personas(loaded, now[0], labels_before=then[0], n_personas=3, n_init=4)
    pd.testing.assert_frame_equal(again.moves, change.moves)
    pd.testing.assert_frame_equal(again.drift, change.drift)


def test_the_order_of_users_changes_nothing(before, now, change):
    shuffled = now[0].sample(frac=1, random_state=1)
    again = follow_personas(before, shuffled, n_personas=3, n_init=4)
    pd.testing.assert_frame_equal(again.personas, change.personas)
    pd.testing.assert_frame_equal(again.moves, change.moves)


def test_a_label_that_changed_within_a_persona_is_found_and_no_other(before, then):
    frame = then[0].copy()
    placed = before.assigned.set_index("user_id")["persona"]
    turned = frame.index.isin(placed.index[placed == "Travellers"])
    frame.loc[turned, "activity_level"] = "busy"
    change = follow_personas(before, frame, n_personas=3, n_init=4)
    found = change.drift[change.drift["changed"]]
    assert set(found["label"]) == {"activity_level"} and set(found["persona"]) == {"Travellers"}
    busy = found[found["value"] == "busy"].iloc[0]
    assert busy["share_after"] > 0.95 and busy["low"] > 0.2 and busy["difference_base"] < busy["difference"]
    assert busy["index_before"] < busy["index_low"] < busy["index_after"] <= busy["index_high"]


def test_labels_that_are_gone_are_said_and_too_many_are_refused(before, now):
    some = now[0].drop(columns="daypart")
    change = follow_personas(before, some, n_personas=3, n_init=4)
    assert any("daypart" in note for note in change.notes)
    with pytest.raises(InputError, match="labels that formed the personas"):
        follow_personas(before, now[0][["activity_level"]])


def test_what_cannot_be_followed_is_refused_in_words(now):
    given = Personas.from_assignments(["a", "b"], [1, 2])
    with pytest.raises(NotFittedError, match="cannot be followed"):
        follow_personas(given, now[0])
    with pytest.raises(ParameterError, match="names"):
        follow_personas(given, now[0], names="old")


def test_names_can_be_made_anew(before, now):
    change = follow_personas(before, now[0], names="new", n_personas=3, n_init=4)
    assert "宝妈" not in change.after.names.values() and not change.after.renamed
    assert change.after.names == change.automatic


def test_the_pairs_of_an_alignment_count_every_user_once(before, change, now):
    alignment = align_personas(before, change.after, now[0])
    table = alignment.to_pandas()
    assert table["n_users"].sum() == alignment.n_users == len(now[0])
    assert (
        table.loc[table["linked"], "similarity"].min() > 0.5 > table.loc[~table["linked"], "similarity"].max()
    )
    assert alignment.matches == change.alignment.matches


def test_followed_personas_can_be_saved_and_followed_again(change, then, tmp_path):
    loaded = Personas.load(change.after.save(tmp_path / "next.json"))
    again = follow_personas(loaded, then[0], n_personas=3, n_init=4)
    assert set(again.after.names.values()) == set(change.before.names.values())


def test_from_no_structure_to_some_and_back(then):
    """Everybody is no persona that others came from, or a name to hand on."""
    one = find_personas(then[0], n_personas=1)
    change = follow_personas(one, then[0], n_personas=3, n_init=2)
    assert change.after.names == change.automatic and "1 personas" not in change.headline()
    back = follow_personas(change.after, then[0], n_personas=1)
    assert back.after.names == {1: "All users"} and back.personas["n_after"].max() == len(then[0])
    for each in (change, back):
        assert plot_persona_flow(each).axes and not each.moves["more_than_noise"].any()
