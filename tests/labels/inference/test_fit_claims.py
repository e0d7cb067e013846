"""From tables to the ledger: what fitted claims write, for whom, and what they never look at."""

import numpy as np
import pandas as pd
import pytest
from planted import CATALOG, STAGE, community, read

from segtool.errors import DefinitionError, InputError
from segtool.labels import Catalog, builtin_catalog, label_users
from segtool.labels.inference import run as fitting
from segtool.labels.inference.keep import keep_fitted


def label(tables, claim="precision = 0.8", more=""):
    return label_users(read(tables), Catalog.from_toml(CATALOG + STAGE % claim + more))


@pytest.fixture(scope="module")
def tables():
    return community()


@pytest.fixture(scope="module")
def labels(tables):
    return label(tables[0])


def inferred(labels, value="student"):
    claims = labels.claims()
    return claims[(claims["source"] == "inferred") & (claims["value"] == value)]


def test_students_who_did_not_answer_are_found(labels, tables):
    claims = inferred(labels)
    assert len(claims) > 50
    assert tables[1][claims["user_id"]].mean() >= 0.78
    assert claims["confidence"].mean() == pytest.approx(tables[1][claims["user_id"]].mean(), abs=0.08)


def test_nobody_who_answered_is_inferred(labels, tables):
    answered = set(tables[0]["survey"]["user_id"])
    assert not answered & set(inferred(labels)["user_id"])
    sources = labels.to_pandas().set_index("user_id")["source"]
    assert (sources[sources.index.isin(answered)] == "survey").all()


def test_the_evidence_says_what_was_proven(labels, tables):
    report = labels.inference().to_pandas().set_index("value").loc["student"]
    text = inferred(labels)["evidence"].iloc[0]
    shown = f"{report['precision']:.2f} ({report['precision_low']:.2f} to {report['precision_high']:.2f})"
    assert text == f"answers of {len(tables[0]['survey'])} people like them; held-out precision {shown}"
    assert (inferred(labels)["observed_at"] == pd.Timestamp("2026-07-01")).all()


def test_the_report_adds_up(labels, tables):
    table = labels.inference().to_pandas()
    assert table[["share_certified", "share_likely", "share_abstained"]].sum(
        axis=1
    ).tolist() == pytest.approx([1, 1])
    assert table.set_index("value").loc["student", "n_published"] == len(inferred(labels))
    assert table["n_respondents"].tolist() == [len(tables[0]["survey"])] * 2
    curve = labels.inference().curve
    chosen = curve[curve["is_chosen"]].set_index("value")
    speaking = table[table["verdict"] == "infers"].set_index("value")
    assert chosen["low"].to_dict() == pytest.approx(speaking["precision_low"].to_dict())
    assert "values inferred" in labels.inference().headline()


def test_measures_of_the_survey_are_never_looked_at(labels):
    (tasks,) = [step.tasks for step in labels.compiled.steps if step.tasks]
    assert tasks[0].features == ("views", "likes", "users__city")
    assert labels.compiled.lineage["stage"].tables == {"survey", "events", "users"}
    assert labels.families()["stage"] == {"survey"}


def test_a_named_feature_that_rests_on_the_answer_is_refused(tables):
    with pytest.raises(DefinitionError, match="'told_twice' rests on what is predicted"):
        label(tables[0], 'features = ["views", "told_twice"]')


def test_the_profile_column_of_another_claim_is_not_looked_at(tables):
    more = """
    [labels.city]
    facet = "x"
    claims = [{column = {name = "city"}}, {answer = {question = "stage"}}, {inferred = {}}]
    """
    (task, _) = next(s.tasks for s in label(tables[0], more=more).compiled.steps if s.tasks)[::-1]
    assert task.label == "city" and task.features == ("views", "likes")


SENSITIVE = """
[measures.is_south]
from = "users"
sql = "count_if(city = 'south')"
[labels.origin]
facet = "x"
sensitive = true
claims = [{column = {name = "city"}}]
"""


def looked_at(tables, claim="", more=SENSITIVE, stage=STAGE):
    labels = label_users(read(tables), Catalog.from_toml(CATALOG + stage % claim + more))
    (tasks,) = [step.tasks for step in labels.compiled.steps if step.tasks]
    return tasks[0].features


def test_what_a_sensitive_label_reads_is_not_looked_at_unless_named(tables):
    tables = tables[0]
    assert looked_at(tables) == ("views", "likes")
    everything = ("views", "likes", "is_south", "users__city")
    assert looked_at(tables, more=SENSITIVE.replace("true", "false")) == everything
    assert looked_at(tables, stage=STAGE.replace("facet", "sensitive = true\nfacet")) == everything
    assert looked_at(tables, 'features = ["users.city"]') == everything
    assert looked_at(tables, 'features = ["likes", "users.city"]') == ("likes", "users__city")
    assert looked_at(tables, 'features = ["is_south"]') == ("is_south",)


def test_a_profile_column_among_the_features_must_be_there(tables):
    labels = label(tables[0], 'features = ["users.ciyt"]')
    reasons = {item.name: item.reason for item in labels.compiled.left_out}
    assert "users has no column 'ciyt'" in reasons["stage.2 inferred"]
    with pytest.raises(DefinitionError, match=r"users\.city.*rests on what is predicted"):
        more = '[labels.city]\nfacet = "x"\nclaims = [{column = {name = "city"}}, {answer = {question = "stage"}}, '
        label(tables[0], more=more + '{inferred = {features = ["users.city"]}}]')


def test_the_pasted_statement_gives_what_the_labels_hold(labels):
    pd.testing.assert_frame_equal(labels.engine.query(labels.sql), labels.to_pandas())


def test_order_of_rows_and_batches_decide_nothing(labels, tables, monkeypatch):
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in tables[0].items()}
    again = label(shuffled)
    pd.testing.assert_frame_equal(again.claims(), labels.claims())
    pd.testing.assert_frame_equal(again.inference().to_pandas(), labels.inference().to_pandas())
    monkeypatch.setattr(fitting, "BATCH_ROWS", 100)
    monkeypatch.setattr(fitting, "MAX_SAMPLE", 1000)  # every second user, then all in batches
    batched = label(shuffled)
    found, whole = set(inferred(batched)["user_id"]), set(inferred(labels)["user_id"])
    assert len(found & whole) > 0.8 * len(found | whole)
    assert batched.inference().to_pandas()["n_published"].tolist() == [
        len(inferred(batched, value)) for value in ("student", "worker")
    ]


def test_a_margin_in_the_file_reaches_the_model():
    tables, is_student = community(2000, share_answering=0.25, likelier=3.0, seed=3)
    table = (
        label(tables, f"margin = {{student = {is_student.mean():.3f}}}")
        .inference()
        .to_pandas()
        .set_index("value")
    )
    assert table.loc["student", "share_known"] == pytest.approx(is_student.mean(), abs=1e-3)
    assert table.loc["student", "share_implied"] == pytest.approx(is_student.mean(), abs=0.04)
    assert table.loc["student", "share_raw"] > is_student.mean() + 0.1


def test_uneven_answering_shows_in_the_evidence():
    tables, _ = community(2000, share_answering=0.25, likelier=3.0, seed=3)
    labels = label(tables)
    report = labels.inference().to_pandas().set_index("value").loc["student"]
    assert report["flag"] == "uneven answering, share not known"
    shown = f"{report['precision_if_2x']:.2f} if holders were twice as likely to answer"
    assert inferred(labels)["evidence"].str.endswith(shown).all() and len(inferred(labels))


def test_bands_of_an_answered_number_teach_too(tables):
    survey = tables[0]["survey"].assign(age=lambda rows: rows["stage"].map({"student": 20.0, "worker": 40.0}))
    more = """
    [measures.age]
    from = "survey"
    sql = "max(age)"
    [labels.age_band]
    facet = "x"
    values = ["young", "old"]
    claims = [{bands = {of = "age", edges = [30]}}, {inferred = {precision = 0.8}}]
    """
    labels = label({**tables[0], "survey": survey}, more=more)
    by_label = labels.inference().to_pandas().set_index(["label", "value"])
    assert (
        by_label.loc[("age_band", "young"), "n_published"]
        == by_label.loc[("stage", "student"), "n_published"]
    )
    assert by_label.loc[("age_band", "young"), "n_published"] > 50


def test_notes_teach_when_asked(tables):
    notes = tables[0]["survey"].rename(columns={"stage": "value", "answered_at": "noted_at"})
    notes = notes.assign(label="stage", author="Li")
    with_notes = {"events": tables[0]["events"], "users": tables[0]["users"], "notes": notes}
    catalog = CATALOG + STAGE.replace('{answer = {question = "stage"}}', "{note = {}}") % 'from = "notes"'
    report = label_users(read(with_notes), Catalog.from_toml(catalog)).inference().to_pandas()
    assert report["learned_from"].tolist() == ["notes"] * 2 and (report["verdict"] == "infers").any()


def test_answers_that_expired_do_not_teach_and_are_not_overruled(tables):
    old = {**tables[0], "survey": tables[0]["survey"].assign(answered_at="2024-01-01")}
    catalog = (CATALOG + STAGE % "").replace(
        '{question = "stage"}', '{question = "stage"}, expires_days = 30'
    )
    labels = label_users(read(old), Catalog.from_toml(catalog))
    table = labels.inference().to_pandas()
    assert table["n_respondents"].tolist() == [0, 0] and table["n_published"].tolist() == [0, 0]


def test_without_teachers_the_claim_is_left_out_with_the_reason(tables):
    only_events = {"events": tables[0]["events"]}
    more = '[labels.busy]\nfacet = "x"\nclaims = [{flag = {is = "views > 3"}}]\n'
    labels = label(only_events, more=more)
    reasons = {item.name: item.reason for item in labels.compiled.left_out}
    assert reasons["stage.2 inferred"] == "the label has no survey claim to learn from."
    assert labels.inference().to_pandas().empty


def test_a_catalogue_without_fitted_claims_has_no_extra_step():
    catalog = builtin_catalog()
    listed = [(each, list(enumerate(each.claims, 1))) for each in catalog.labels.values()]
    kept, lost = keep_fitted(listed, lambda *claim: "behaviour")
    assert not lost and len(kept) == len(catalog)
    tables, _ = community(60)
    labels = label_users(
        read(tables), Catalog.from_toml(CATALOG + '[labels.a]\nfacet="x"\nclaims=[{flag={is="views>1"}}]')
    )
    assert not [step.name for step in labels.compiled.steps if step.name in ("features", "fitted")]
    assert labels.inference().to_pandas().empty


SEEDS = """
[labels.like_vip]
facet = "x"
claims = [{lookalike = {list = "vip", share = 0.1}}]
[labels.like_students]
facet = "x"
claims = [{lookalike = {label = "stage", value = "student", share = 0.1}}]
[labels.like_viewers]
facet = "x"
claims = [{lookalike = {label = "viewer", value = "yes"}}]
[labels.viewer]
facet = "x"
claims = [{flag = {is = "views > 5"}}]
"""


def test_lookalikes_of_a_list_and_of_a_label(tables):
    is_student = tables[1]
    vip = pd.DataFrame({"user_id": is_student[is_student].index[:120], "list": "vip"})
    labels = label({**tables[0], "lists": vip}, more=SEEDS)
    claims = labels.claims(labels=["like_vip"])
    assert not set(vip["user_id"]) & set(claims["user_id"])
    assert len(claims) <= 0.1 * (1200 - 120)
    assert is_student[claims["user_id"]].mean() > 1.5 * is_student.drop(vip["user_id"]).mean()
    assert claims["evidence"].str.startswith("resembles the 120 of list vip, nearer than 9").all()
    assert len(labels.claims(labels=["like_students"])) > 0
    (tasks,) = [step.tasks for step in labels.compiled.steps if step.tasks]
    assert {task.label: task.features for task in tasks}["like_viewers"] == ("likes", "users__city")


def test_who_answered_otherwise_is_not_inferred(tables):
    survey = tables[0]["survey"]
    silent = survey.index[::5]
    said = survey.assign(stage=survey["stage"].mask(survey.index.isin(silent), "I would rather not say"))
    labels = label({**tables[0], "survey": said})
    assert len(inferred(labels)) > 50
    assert not set(survey.loc[silent, "user_id"]) & set(labels.to_pandas()["user_id"])
    report = labels.inference().to_pandas()
    assert set(report["n_respondents"]) == {len(survey) - len(silent)}


def test_a_value_that_is_inferred_denies_no_other_value(tables):
    more = """
    [labels.roles]
    facet = "x"
    many = true
    values = ["student", "worker"]
    claims = [{answer = {question = "stage", separator = "|"}}, {inferred = {values = ["student"]}}]
    """
    labels = label(tables[0], more=more)
    wide, found = labels.wide(), labels.claims(labels=["roles"])
    told = found.loc[found["source"] == "inferred", "user_id"]
    assert len(told) > 50
    assert wide.loc[told, "roles: student"].all() and wide.loc[told, "roles: worker"].isna().all()
    assert not wide.loc[found.loc[found["source"] == "survey", "user_id"]].filter(like="roles").isna().any(axis=None)


def test_corrections_are_no_behaviour(tables):
    fixed = pd.DataFrame({"user_id": ["u0000"], "label": "stage", "value": "student"})
    more = '[measures.corrected]\nfrom = "corrections"\nsql = "count(*)"\nno_rows = 0'
    labels = label({**tables[0], "corrections": fixed}, more=more)
    (tasks,) = [step.tasks for step in labels.compiled.steps if step.tasks]
    assert "corrected" in labels.measures() and "corrected" not in tasks[0].features


def test_what_a_select_decides_seeds_by_is_not_looked_at(tables):
    more = """
    [measures.n_cities]
    from = "users"
    sql = "count(distinct city)"
    [labels.northern]
    facet = "x"
    claims = [{sql = "SELECT user_id, 'yes' AS value FROM users WHERE city = 'north'"}]
    [labels.like_northern]
    facet = "x"
    claims = [{lookalike = {label = "northern", value = "yes"}}]
    """
    (tasks,) = [step.tasks for step in label(tables[0], more=more).compiled.steps if step.tasks]
    assert {task.label: task.features for task in tasks}["like_northern"] == ("views", "likes")


def test_a_list_of_seeds_is_found_in_any_letter_case(tables):
    vip = pd.DataFrame({"user_id": tables[1][tables[1]].index[:120], "list": "VIP "})
    labels = label({**tables[0], "lists": vip}, more=SEEDS)
    assert len(labels.claims(labels=["like_vip"])) > 0


def test_bad_definitions_teach(tables):
    for wrong, words in {
        "precision = 0.3": "precision is 0.3",
        "margin = {student = 0.7, worker = 0.6}": "add up to more than 1",
        "margin = {studnet = 0.1}": "did you mean 'student'",
        'from = "survy"': "did you mean 'survey'",
        "min_positives = 3": "a whole number from 15",
    }.items():
        with pytest.raises(DefinitionError, match=words):
            Catalog.from_toml(CATALOG + STAGE % wrong)
    for wrong, words in {
        "{}": "neither a list nor a label",
        '{label = "stage"}': "half a label",
        '{label = "stage", value = "boss"}': "value is 'boss'",
        '{list = "vip", share = 0.9}': "share is 0.9",
    }.items():
        with pytest.raises(DefinitionError, match=words):
            Catalog.from_toml(
                CATALOG + STAGE % "" + f'[labels.x]\nfacet="x"\nclaims=[{{lookalike = {wrong}}}]'
            )


def test_what_people_look_at_tells_their_answers(tables):
    events = tables[0]["events"]
    is_student = events["user_id"].map(tables[1]).to_numpy()
    topic = ["campus" if yes and place % 3 else "news" for place, yes in enumerate(is_student)]
    with_topics = label({**tables[0], "events": events.assign(topic=topic)}, "features = []")
    assert with_topics.inference().to_pandas().set_index("value").loc["student", "auc"] > 0.9
    blind = label(
        {**tables[0], "events": events.assign(topic=topic)}, "features = [], shares = [], profile = false"
    )
    assert "there is no measure or profile column" in blind.inference().to_pandas()["reason"].iloc[0]


def test_weights_of_the_survey_replace_those_of_segtool(tables):
    survey = tables[0]["survey"]
    told = label({**tables[0], "survey": survey.assign(weight=np.arange(len(survey)) % 3 + 1.0)}).inference()
    weights = np.arange(len(survey)) % 3 + 1.0
    kish = weights.sum() ** 2 / (weights**2).sum()
    assert told.to_pandas()["n_effective"].tolist() == pytest.approx([kish, kish], rel=1e-6)


def test_an_older_report_refuses_once_another_run_replaced_it(tables):
    sources = read(tables[0])
    older = label_users(sources, Catalog.from_toml(CATALOG + STAGE % "precision = 0.8"))
    label_users(sources, Catalog.from_toml(CATALOG + STAGE % "precision = 0.7"))
    with pytest.raises(InputError, match="label_users ran again"):
        older.inference()


def test_the_report_shows_what_is_inferred_first_and_escapes(labels):
    shown = repr(labels.inference()).splitlines()
    assert shown[2].split()[:3] == ["stage", "student", "infers"] and "share_weighted" not in shown[1]
    report = labels.inference()
    report.table.loc[0, "reason"] = "<b>"
    assert "&lt;b&gt;" in report._repr_html_()
