import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.targeting.explore.cells import shrink_cells
from segtool.targeting.explore.draw import arm_chances, draw_arms, mix_chances


def arms(a=(60, 50, 40, 10), b=(940, 950, 960, 990), persona=1, **more):
    names = ["home", "deals", "news", "cars"][: len(a)]
    return pd.DataFrame({"persona_id": persona, "arm": names, "a": a, "b": b, **more}).astype(
        {"a": float, "b": float}
    )


def sends(n=20_000, **more):
    return pd.DataFrame({"persona_id": [1] * n, **more})


def test_chances_sum_to_one_and_keep_the_floor():
    table = arm_chances(arms())
    assert table["chance"].sum() == pytest.approx(1)
    assert (table.loc[table["running"], "chance"] > 0.0095).all()


def test_an_arm_that_is_surely_not_the_best_is_stopped():
    table = arm_chances(arms()).set_index("arm")
    assert not table.loc["cars", "running"] and table.loc["cars", "chance"] == 0
    assert table.loc["cars", "p_best"] < 0.01


def test_a_new_arm_is_tried_whatever_its_chance():
    table = arm_chances(arms(is_new=[False, False, False, True])).set_index("arm")
    assert table.loc["cars", "running"] and table.loc["cars", "chance"] > 0


def test_hundreds_of_arms_are_not_all_stopped_at_once():
    many = pd.DataFrame({"persona_id": 1, "arm": [f"c{i}" for i in range(400)], "a": 1.0, "b": 30.0})
    table = arm_chances(many)
    assert table["running"].mean() > 0.9 and table["chance"].sum() == pytest.approx(1)


def test_the_quota_is_kept():
    drawn = draw_arms(arms(), sends(), quota=0.1)
    assert (drawn["purpose"] == "explore").mean() == pytest.approx(0.1, abs=0.01)
    assert set(drawn.loc[drawn["purpose"] == "best", "arm"]) == {"home"}


def test_new_content_raises_the_quota():
    drawn = draw_arms(arms(is_new=[False, False, False, True]), sends(), quota=0.1, new_quota=0.2)
    assert (drawn["purpose"] == "new").mean() == pytest.approx(0.1, abs=0.01)
    assert set(drawn.loc[drawn["purpose"] == "new", "arm"]) == {"cars"}


def test_propensities_are_the_chances_with_which_arms_were_drawn():
    drawn = draw_arms(arms(), sends(60_000))
    for arm, rows in drawn.groupby("arm"):
        assert rows["propensity"].nunique() == 1
        assert len(rows) / 60_000 == pytest.approx(rows["propensity"].iloc[0], abs=0.006), arm


def test_a_chosen_arm_is_sent_and_its_propensity_says_so():
    drawn = draw_arms(arms(), sends(5000, chosen="news"))
    assert (drawn["arm"] == "news").mean() > 0.88
    assert (drawn.loc[drawn["arm"] == "news", "propensity"] > 0.9).all()


def test_blocked_arms_are_never_drawn_and_the_rest_is_scaled():
    blocked = pd.DataFrame({"user_id": ["u1"], "arm": ["home"]})
    drawn = draw_arms(arms(), sends(4000, user_id=["u1", "u2"] * 2000), blocked=blocked)
    first, other = drawn.iloc[::2], drawn.iloc[1::2]
    assert "home" not in set(first["arm"]) and (other["arm"] == "home").mean() > 0.9
    assert first.groupby("arm")["propensity"].first().sum() == pytest.approx(1)


def test_who_blocked_everything_gets_nothing():
    blocked = pd.DataFrame({"user_id": "u1", "arm": ["home", "deals", "news", "cars"]})
    drawn = draw_arms(arms(), sends(10, user_id="u1"), blocked=blocked)
    assert drawn["arm"].isna().all() and drawn["propensity"].isna().all()


def test_arms_known_alike_share_the_sends():
    drawn = draw_arms(arms(a=(1, 1), b=(30, 30)), sends(4000))
    assert drawn["arm"].value_counts(normalize=True).min() > 0.4


def test_same_seed_same_draw_in_any_row_order():
    table = pd.concat([arms(), arms(persona=2, a=(20, 50, 40, 10))], ignore_index=True)
    wanted = pd.DataFrame({"persona_id": [1, 2] * 500})
    first = draw_arms(table, wanted, random_state=3)
    again = draw_arms(table.sample(frac=1, random_state=1), wanted, random_state=3)
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(draw_arms(table, wanted, random_state=4))


def test_bad_input_is_named():
    with pytest.raises(InputError, match="not above 0"):
        arm_chances(arms(a=(0, 1, 1, 1)))
    with pytest.raises(InputError, match="twice"):
        arm_chances(pd.concat([arms(), arms()], ignore_index=True))
    with pytest.raises(InputError, match="1 personas of the sends"):
        draw_arms(arms(), pd.DataFrame({"persona_id": [9]}))
    with pytest.raises(ParameterError, match="n_draws"):
        arm_chances(arms(), n_draws=10)


def test_cells_learn_from_other_personas_and_stay_possible():
    rng = np.random.default_rng(0)
    rate = np.array([0.02, 0.05, 0.12])[None, :] * rng.gamma(10, 0.1, (6, 3))
    sent = np.full((6, 3), 400.0)
    sent[5] = 0
    a, b = shrink_cells(rng.binomial(sent.astype(int), rate).astype(float), sent)
    assert (np.diff(a[5] / (a[5] + b[5])) > 0).all()
    assert (a[5] + b[5] < a[0] + b[0]).all()
    a, b = shrink_cells(np.zeros((1, 1)), np.zeros((1, 1)))
    assert a[0, 0] > 0 and b[0, 0] > 0


def test_no_written_chance_is_too_small_to_use():
    rng = np.random.default_rng(0)
    many = pd.DataFrame({"persona_id": 1, "arm": [f"c{i:02d}" for i in range(30)], "b": 40.0})
    many["a"] = rng.gamma(2, 1, 30)
    drawn = draw_arms(many, sends(20_000))
    assert drawn["propensity"].min() >= 0.01 - 1e-9
    assert drawn.loc[drawn["purpose"] == "explore", "arm"].nunique() == 5  # of 30: their floors are half
    # One that was never sent has its place among the best known.
    many.loc[29, ["a", "b"]] = [0.5, 60.0]
    chance = arm_chances(many.assign(is_new=many["arm"] == "c29"), share=0.1).set_index("arm")["chance"]
    assert chance["c29"] >= 0.1 - 1e-9


def test_the_mixture_is_what_sends_are_drawn_from():
    table = arm_chances(arms(is_new=[False, False, False, True]), share=0.1)
    mixed = mix_chances(table, 0.1, 0.2).set_index("arm")
    assert mixed["share"].eq(0.2).all() and mixed["probability"].sum() == pytest.approx(1)
    assert mixed.loc["cars", "probability"] > 0.5  # half of what explores, and its floor in the rest
    drawn = draw_arms(table, sends(40_000), quota=0.1, new_quota=0.2)
    tried = drawn.loc[drawn["purpose"] != "best", "arm"].value_counts(normalize=True)
    assert tried.to_dict() == pytest.approx(mixed["probability"].to_dict(), abs=0.03)
    chosen = draw_arms(table, sends(2000, chosen="deals"), quota=0.1, new_quota=0.2)
    cars = chosen.loc[chosen["arm"] == "cars", "propensity"]
    assert cars.to_numpy() == pytest.approx(0.2 * mixed.loc["cars", "probability"])
