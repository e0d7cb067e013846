from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.sources import Sources
from segtool.targeting.counts import sql_users
from segtool.targeting.items import als
from segtool.targeting.items.chances import top_chances
from segtool.targeting.items.frames import plan_frame
from segtool.targeting.items.plan_items import plan_items
from segtool.targeting.members import align_table
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE, ASSOCIATED, ASSUMPTION
from tests.targeting.items.item_logs import AS_OF, shop_events, taste_content, taste_events, taste_personas


def plan_of(personas=None, settings=None, **tables):
    sources = Sources.read(tables, as_of=AS_OF)
    users = sql_users(sources.engine)
    personas = taste_personas() if personas is None else personas
    return plan_items(sources, align_table(personas, users), users, settings=settings)


@pytest.fixture(scope="module")
def plan():
    return plan_of(events=taste_events(), content=taste_content())


@pytest.fixture(scope="module")
def lists(plan):
    return pd.concat(plan.batches(5), ignore_index=True)


def test_the_parts_of_a_score_sum_to_it(plan, lists):
    np.testing.assert_allclose(lists[list(plan.signals)].sum(axis=1), lists["score"], atol=1e-9)


def test_an_explained_score_sums_exactly_and_names_own_items(plan, lists):
    row = lists[lists["ease"].abs() + lists["knn"] + lists["persona"].abs() > 0].iloc[0]
    told = plan.explain(row["user_id"], row["item_id"])
    assert told["contribution"].sum() == pytest.approx(row["score"], abs=1e-6)
    own = taste_events().query("user_id == @row.user_id")["item_id"]
    assert set(told["because_item"]) - {""} <= set(own)


def test_what_was_seen_is_not_recommended_again(lists):
    pairs = set(map(tuple, taste_events()[["user_id", "item_id"]].to_numpy()))
    assert not plan_repeats(lists, pairs)


def plan_repeats(lists, pairs):
    return [pair for pair in map(tuple, lists[["user_id", "item_id"]].to_numpy()) if pair in pairs]


def test_users_get_items_of_their_taste_more_than_popularity_gives(plan, lists):
    first = lists["user_id"] < "u080"
    own = (lists["item_id"].str[1:].astype(int) % 2 == 0) == first
    assert own.mean() > 0.55
    assert (plan.weights["gain"].dropna() >= 0).all()


def test_personas_get_their_own_items_with_sound_intervals(plan):
    table = plan.table[~plan.table["explore"]]
    own = (table["item_id"].str[1:].astype(int) % 2 == 0) == (table["persona"] == "fans of a")
    assert own.all()
    assert (table["lo"] < table["estimate"]).all()
    assert (table["estimate"] < table["hi"]).all()
    assert (table["rank_lo"] <= table["rank_hi"]).all()
    assert (table["p_top"] > 0.5).all()
    assert table["n_users"].gt(20).all()


def test_the_advice_has_the_columns_of_the_plan(plan):
    assert plan.advice.columns.tolist() == ADVICE
    assert set(plan.advice["aspect"]) == {"item"}
    assert plan.advice.groupby("persona_id")["rank"].apply(list).tolist() == [[1, 2, 3, 4, 5]] * 2


def test_rows_in_another_order_change_nothing(plan, lists):
    again = plan_of(events=taste_events().sample(frac=1, random_state=3), content=taste_content())
    pd.testing.assert_frame_equal(again.table, plan.table)
    pd.testing.assert_frame_equal(pd.concat(again.batches(5, users_at_once=7), ignore_index=True), lists)


def test_events_from_the_date_on_are_not_read(plan):
    later = taste_events(seed=5).assign(event_time=pd.Timestamp(AS_OF) + pd.Timedelta(hours=1))
    both = plan_of(events=pd.concat([taste_events(), later]), content=taste_content())
    pd.testing.assert_frame_equal(both.table, plan.table)


def test_a_plain_table_and_sources_say_the_same(plan, lists):
    frame = plan_frame(taste_events(), taste_content(), taste_personas(), as_of=AS_OF)
    pd.testing.assert_frame_equal(frame.table, plan.table)
    pd.testing.assert_frame_equal(pd.concat(frame.batches(5), ignore_index=True), lists)


def test_excluded_and_hidden_items_are_left_out(plan):
    first = plan.for_users(["u003"], 2)
    left = plan.for_users(["u003"], 2, exclude=first.head(1)[["user_id", "item_id"]])
    assert first["item_id"][0] not in set(left["item_id"])
    hidden = taste_events().head(1).assign(user_id="u003", event="hide", item_id=first["item_id"][0])
    again = plan_of(events=pd.concat([taste_events(), hidden]), content=taste_content())
    assert first["item_id"][0] not in set(again.for_users(["u003"], 40)["item_id"])
    assert "dislike" in again.signals


def test_things_that_are_bought_again_may_be_recommended_again():
    plan = plan_of(personas=pd.Series(dtype=object), events=shop_events(150))
    events = shop_events(150)
    pairs = set(map(tuple, events[["user_id", "item_id"]].to_numpy()))
    lists = pd.concat(plan.batches(3), ignore_index=True)
    assert plan.repeat
    assert len(plan_repeats(lists, pairs)) > 0.8 * len(lists)
    never = plan_of(
        personas=pd.Series(dtype=object), events=events, settings=TargetingSettings(item_repeat=False)
    )
    assert not plan_repeats(pd.concat(never.batches(3)), pairs)


def test_new_items_are_to_be_tried_by_topic_and_attributes():
    new = pd.DataFrame({"item_id": ["n1", "n2"], "topic": ["a", "b"], "title": "new", "format": "video"})
    plan = plan_of(events=taste_events(), content=pd.concat([taste_content(), new]))
    tried = plan.table[plan.table["explore"]].set_index("persona")
    assert tried.loc["fans of a", "item_id"] == "n1"
    assert tried.loc["fans of b", "item_id"] == "n2"
    own = plan.advice[plan.advice["aspect"] == "explore"]
    assert set(own["unit"]) == {"expected lift by topic and format"} and set(own["level"]) == {"everyone"}
    assert own["reason"].str.contains("A forecast, no finding").all()
    assert (plan.advice.loc[plan.advice["aspect"] == "explore", "verdict"] == ASSUMPTION).all()
    cold = plan.cold(["u000", "u159"], 1)
    assert cold["item_id"].tolist() == ["n1", "n2"]
    np.testing.assert_allclose(cold[["topic", "format"]].sum(axis=1), cold["score"])


def test_items_still_to_come_are_not_recommended():
    published = pd.Series("2026-01-01", index=range(40)).where(np.arange(40) != 0, "2026-12-01")
    plan = plan_of(events=taste_events(), content=taste_content(published_at=published))
    assert "i00" not in set(plan.table["item_id"])
    assert "i00" not in set(pd.concat(plan.batches(40))["item_id"])
    assert any("come out after" in note for note in plan.notes)


# --- bad input ------------------------------------------------------------------------------------


def test_no_content_no_topics_still_ranks():
    plan = plan_of(events=taste_events().drop(columns="topic"))
    assert "topic" not in plan.signals
    assert len(plan.table) == 10
    assert any("no content table" in note for note in plan.notes)


def test_no_events_or_none_with_an_item_is_said():
    people = pd.DataFrame({"user_id": [f"u{i:03d}" for i in range(160)]})
    nothing = plan_of(users=people, content=taste_content())
    without = plan_of(events=taste_events().drop(columns="item_id"), users=people)
    for plan in (nothing, without):
        assert plan.table.empty
        assert plan.advice.columns.tolist() == ADVICE
        assert any("Not known - Items" in note for note in plan.notes)
        assert list(plan.batches(5)) == []
        with pytest.raises(InputError, match="item_id"):
            plan.for_users(["u000"])


def test_one_persona_and_personas_of_one_speak_for_everyone():
    single = plan_of(personas=pd.Series("all", index=taste_personas().index), events=taste_events())
    assert set(single.table["level"]) == {"everyone"}
    own = single.advice
    assert set(own["unit"]) == {"share of users who took it up"} and set(own["verdict"]) == {ASSOCIATED}
    assert ((own["lo"] < own["estimate"]) & (own["estimate"] < own["hi"]) & (own["hi"] <= 1)).all()
    first = taste_events().query("item_id == @own.advice[0]")["user_id"].nunique()
    assert own["estimate"][0] == pytest.approx(first / taste_events()["user_id"].nunique(), abs=0.03)
    lonely = taste_personas()
    lonely["u000"] = "hermit"
    plan = plan_of(personas=lonely, events=taste_events())
    hermit = plan.table[plan.table["persona"] == "hermit"]
    assert (hermit["level"] == "everyone").all()
    assert (plan.advice.loc[plan.advice["persona"] == "hermit", "verdict"] == ASSUMPTION).all()
    assert hermit["reason"].str.contains("fewer than 5").all()


def test_users_who_are_all_new_get_what_is_popular():
    events = taste_events(n_users=8, n_events=2)
    newcomers = taste_personas()
    plan = plan_frame(events, taste_content(), newcomers, as_of=AS_OF)
    lists = plan.for_users(["u100"], 3)
    counts = events["item_id"].value_counts()
    assert counts[lists["item_id"][0]] == counts.max()
    assert any("too few to learn from" in note for note in plan.notes)


def test_an_item_listed_twice_is_used_once_and_said():
    twice = pd.concat([taste_content(), taste_content().head(2).assign(topic=None, format=None)])
    plan = plan_frame(taste_events(), twice, taste_personas(), as_of=AS_OF)
    assert any("2 rows of the content table repeat" in note for note in plan.notes)
    pd.testing.assert_frame_equal(
        plan.table, plan_frame(taste_events(), taste_content(), taste_personas(), as_of=AS_OF).table
    )


def test_too_large_a_catalogue_is_ranked_by_its_commonest_items():
    plan = plan_of(events=taste_events(), settings=TargetingSettings(max_items=12, item_min_support=30))
    assert len(plan.ranker.open) <= 12
    assert any("of 40 are ranked by what people did" in note for note in plan.notes)


# --- the optional engine ---------------------------------------------------------------------------


def test_als_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "implicit.cpu.als", None)
    with pytest.raises(ParameterError, match=r'pip install "segtool\[cf\]"'):
        plan_of(events=taste_events(), settings=TargetingSettings(item_engine="als"))


def test_als_scores_split_into_own_items():
    rng = np.random.default_rng(0)
    factors = als.AlsFactors(rng.normal(size=(12, 4)), ridge=2.0, alpha=3.0)
    from scipy import sparse

    seen = sparse.csr_array(np.array([[1, 0, 1, 1] + [0] * 8], dtype=np.float32))
    score = factors.score(seen)[0]
    for item in (1, 5):
        assert factors.added(seen.indices, item).sum() == pytest.approx(score[item], abs=1e-5)


def test_als_folds_users_in_as_implicit_does():
    import implicit.cpu.als as implicit_als
    from scipy import sparse

    seen = sparse.csr_array((np.random.default_rng(0).random((80, 30)) < 0.2).astype(np.float32))
    fitted = als.fit_als(seen, factors=8, ridge=3.0, alpha=4.0)
    model = implicit_als.AlternatingLeastSquares(factors=8, regularization=3.0, alpha=1.0)
    model.item_factors = fitted.items.astype(np.float32)
    model.user_factors = np.zeros((80, 8), dtype=np.float32)
    users = model.recalculate_user(np.arange(80), sparse.csr_matrix(seen * np.float32(5)))
    np.testing.assert_allclose(fitted.score(seen), users @ fitted.items.T, atol=1e-3)


def test_a_plan_by_als_has_its_signal():
    plan = plan_of(events=taste_events(), settings=TargetingSettings(item_engine="als"))
    assert "als" in plan.signals
    assert "ease" not in plan.signals
    row = plan.for_users(["u001"], 1).iloc[0]
    assert plan.explain("u001", row["item_id"])["contribution"].sum() == pytest.approx(row["score"], abs=1e-6)


# --- how sure ----------------------------------------------------------------------------------------


def test_chances_are_given_where_only_estimates_speak_and_refused_elsewhere():
    events = taste_events(n_users=24, n_events=4)
    plan = plan_frame(events, taste_content(), taste_personas(), as_of=AS_OF)
    table = top_chances(plan.ranker, ["u100", "u001"], 5, n_draws=60)
    assert table["p_top"].between(0.3, 1).all()
    firm = plan_frame(taste_events(), taste_content(), taste_personas(), as_of=AS_OF)
    names, weights = firm.ranker.signals.names, firm.ranker.weights.values.copy()
    weights[:, names.index("ease")] = 1.0
    leaning = replace(firm.ranker, weights=replace(firm.ranker.weights, values=weights))
    told = top_chances(leaning, ["u001"], 5, n_draws=5)
    assert told["p_top"].isna().all()
    assert told["certainty"].str.startswith("no interval").all()
