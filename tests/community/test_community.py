"""The whole reading: parts that fit together, whatever is missing."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.community.community import has_community, read_community
from segtool.community.measures import MEASURES
from segtool.errors import InputError
from segtool.sources import Sources
from segtool.sources.simulate import simulate_circle
from tests.community.worlds import make_sources

TABLES = ("messages", "members", "groups", "activities")


@pytest.fixture(scope="module")
def simulated():
    return simulate_circle(2000, random_state=11, tables=TABLES)


@pytest.fixture(scope="module")
def community(simulated):
    return read_community(Sources.read(simulated.tables, as_of="2026-07-01", timezone="Asia/Shanghai"))


def everything(community) -> dict[str, pd.DataFrame]:
    return {
        "groups": community.groups, "leaders": community.leaders, "measures": community.measures,
        "circles": community.circles.members, "split": community.splits.table, "merges": community.merges,
        "core": community.core_groups, "growth": community.sharing.growth, "seeds": community.sharing.seeds,
        "activities": community.activities.table, "terms": community.value.terms, "filters": community.filters.table,
    }  # fmt: skip


def test_the_planted_fates_are_read(simulated, community):
    fates = simulated.truth["groups"].set_index("group_id")["fate"].str.replace("_", " ")
    verdicts = community.groups.set_index("group_id")["verdict"]
    for bad in ("dead", "chat room", "overgrown", "loudspeaker"):
        assert (verdicts[fates == bad] == bad).all()
    assert verdicts[fates.isin(["thriving", "quiet"])].isin(["thriving", "quiet"]).all()


def test_groups_join_all_parts(community):
    table = community.groups.set_index("group_id")
    assert len(table) == 8 and table.index.is_unique
    assert table.loc["g05", "n_parts"] >= 2 and table.loc["g05", "band"] == "over 150"
    assert table["sentence"].str.len().gt(0).all()
    leads = community.leaders.query("role == 'leader'")["group_id"].value_counts()
    assert table["n_leaders"].to_dict() == leads.reindex(table.index, fill_value=0).to_dict()


def test_measures_have_a_row_per_person_and_nothing_for_what_is_not_known(community):
    table = community.measures
    assert list(table) == MEASURES and table["user_id"].is_unique
    assert table["role"].isna().any()  # too little to say: missing, not "member"
    assert table.loc[table["n_judged"] == 0, "answered_rate"].isna().all()
    assert table.loc[table["role"].notna(), "role_confidence"].notna().all()
    assert (table["role_n"].dropna() == table.loc[table["role_n"].notna(), "n_judged"]).all()
    assert (table.loc[table["role"].notna(), "role_group_id"].notna()).all()
    assert (table.loc[table["circle"].notna(), "circle_n"].notna()).all()
    assert not table["group_verdict"].isin(["new", "too little data"]).any()


def test_personas_are_joined_without_reading_again(community):
    users = community.measures["user_id"]
    personas = pd.DataFrame({"user_id": users, "persona_id": 1 + users.index % 2, "persona": "any"})
    beside = community.with_personas(personas)
    assert beside.ties is community.ties and beside.circles is community.circles
    assert set(beside.circle_personas.table["persona_id"]) == {1, 2}
    assert community.circle_personas is None


def test_the_same_tables_in_another_order_say_the_same(simulated, community):
    shuffled = {name: table.sample(frac=1, random_state=3) for name, table in simulated.tables.items()}
    again = read_community(Sources.read(shuffled, as_of="2026-07-01", timezone="Asia/Shanghai"))
    for name, table in everything(community).items():
        pd.testing.assert_frame_equal(everything(again)[name], table, obj=name)


def test_nothing_after_the_date_is_read(simulated):
    early = "2026-04-01"
    cut = {
        name: table[pd.to_datetime(table[column]) < early]
        for name, column in {"messages": "sent_at", "members": "joined_at"}.items()
        for table in [simulated.tables[name]]
    }
    options = {"as_of": early, "timezone": "Asia/Shanghai"}
    whole = Sources.read({name: simulated.tables[name] for name in cut}, **options)
    one, other = (read_community(sources) for sources in (whole, Sources.read(cut, **options)))
    pd.testing.assert_frame_equal(one.groups, other.groups)
    pd.testing.assert_frame_equal(one.measures, other.measures)


ROSTER = [{"group_id": "g", "user_id": user, "joined_at": "2026-03-01"} for user in "abcdef"]
TALK = [
    {"group_id": "g", "user_id": "abcdef"[i % 6], "sent_at": f"2026-06-{1 + i % 28:02d} 10:{i % 60:02d}"}
    for i in range(60)
]


@pytest.mark.parametrize(
    "tables",
    [
        {"members": ROSTER},
        {"messages": TALK},
        {"members": [{"group_id": "g", "user_id": "a", "joined_at": "2026-03-01"}], "messages": TALK[:1]},
        {"members": ROSTER, "messages": TALK, "users": [{"user_id": "outside"}]},
        {"messages": [{**row, "reply_to": "gone", "topic": "x", "text": "嗯 ok"} for row in TALK]},
        {"activities": [{"activity_id": "x", "group_id": "g", "starts_at": "2026-06-01"}], "members": ROSTER},
    ],
    ids=["roster alone", "messages alone", "one member", "people outside", "deleted", "activities"],
)
def test_whatever_is_missing_there_is_a_result_and_a_note(tables):
    community = read_community(make_sources(**tables))
    assert len(community.groups) == 1 and len(community.notes) > 0
    assert community.groups["verdict"].notna().all()
    for table in everything(community).values():
        assert isinstance(table, pd.DataFrame)
    assert repr(community)


def test_no_groups_at_all_is_an_empty_reading():
    sources = make_sources()
    assert not has_community(sources)
    community = read_community(sources)
    assert community.groups.empty and community.measures.empty
    assert any("no table" in note for note in community.notes)


def test_a_frame_without_its_columns_is_refused():
    with pytest.raises(InputError, match="topic"):
        read_community(make_sources(messages=TALK), interests=pd.DataFrame({"user_id": ["a"]}))
