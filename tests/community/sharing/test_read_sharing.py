"""Sharing read as a whole, from whatever tables there are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.settings import CommunitySettings
from segtool.community.sharing.sharing import read_sharing
from segtool.community.talk import read_talk
from segtool.community.ties.ties import find_ties
from segtool.errors import InputError
from segtool.notes import is_unknown
from tests.community.worlds import make_sources

END = pd.Timestamp("2026-07-01")
MEMBERS = ["group_id", "user_id", "joined_at", "left_at", "role", "invited_by"]


def make_tables(n=60, seed=0):
    """Two groups; three people bring nearly all, answer each other, and share."""
    rng = np.random.default_rng(seed)
    members, messages, events = [], [], []
    for group in ("g1", "g2"):
        for k in range(n // 2):
            user, joined = f"{group}u{k:02d}", END - pd.Timedelta(days=150 - 3 * k)
            inviter = f"{group}u{rng.integers(0, 3):02d}" if k >= 3 and k % 2 else None
            left = joined + pd.Timedelta(days=40) if k in (9, 10) else pd.NaT
            members.append((group, user, joined, left, "owner" if k == 0 else "member", inviter))
            for day in range(0, 140 - 3 * k, 7):
                other = f"{group}u{rng.integers(0, 3):02d}"
                messages.append((group, user, END - pd.Timedelta(days=1 + day, hours=k % 20), other))
            if k < 6:
                events += [(user, END - pd.Timedelta(days=10 + 20 * j), "share") for j in range(6 - k)]
    messages = pd.DataFrame(messages, columns=["group_id", "user_id", "sent_at", "answers"])
    messages = messages.sort_values("sent_at", ignore_index=True)
    messages["message_id"] = [f"m{k:05d}" for k in range(len(messages))]
    latest = messages.groupby("user_id")["message_id"].first()
    messages["reply_to"] = messages["answers"].map(latest)
    messages.loc[messages["reply_to"] >= messages["message_id"], "reply_to"] = None
    return {
        "members": pd.DataFrame(members, columns=MEMBERS),
        "messages": messages.drop(columns="answers"),
        "events": pd.DataFrame(events, columns=["user_id", "event_time", "event"]),
    }


def read(tables, *, with_ties=True, settings=None, **more):
    sources = make_sources(**tables)
    talk = read_talk(sources, settings)
    ties = find_ties(talk, talk.settings) if with_ties else None
    return read_sharing(sources, talk, ties, settings, **more)


def unknowns(sharing) -> str:
    return " ".join(note for note in sharing.notes if is_unknown(note))


def test_all_parts_are_there():
    sharing = read(make_tables())
    assert sharing.trees["group_id"].tolist() == ["", "g1", "g2"]
    assert sharing.growth["n_members"].tolist() == [60, 30, 30]
    assert sharing.growth["k"].notna().all() and "Each 100 members" in sharing.headline()
    assert len(sharing.members) == 60 and set(sharing.members["came"]) == {"invited", "alone"}
    assert sharing.members["brought"].sum() == (sharing.members["came"] == "invited").sum()
    assert {"all", "group", "role of the inviter"} <= set(sharing.quality["by"])
    assert list(sharing.to_pandas()["group_id"]) == ["", "g1", "g2"]
    assert "associated only" in unknowns(sharing)


def test_those_who_brought_people_are_asked_first():
    sharing = read(make_tables(), settings=CommunitySettings(seeds_per_circle=2))
    assert set(sharing.seeds["user_id"]) <= {f"{group}u0{k}" for group in ("g1", "g2") for k in range(3)}
    assert sharing.seeds["circle"].value_counts().max() == 2
    assert (sharing.seeds["lo"] <= sharing.seeds["expected"]).all()
    assert (sharing.seeds["hi"] >= sharing.seeds["expected"]).all()
    assert sharing.seeds["reason"].str.contains("brought").any()


def test_nobody_is_asked_who_is_gone_a_bot_or_silent():
    tables = make_tables()
    tables["members"].loc[tables["members"]["user_id"] == "g1u00", "left_at"] = END - pd.Timedelta(hours=1)
    late = tables["messages"]["user_id"].eq("g1u01") & (
        tables["messages"]["sent_at"] > END - pd.Timedelta(days=45)
    )
    tables["messages"] = tables["messages"][~late]
    tables["events"] = tables["events"][tables["events"]["user_id"] != "g1u01"]
    asked = set(
        read(tables, settings=CommunitySettings(bots=("g2u00",))).seeds["user_id"]
    )  # fmt: skip
    assert asked and not asked & {"g1u00", "g1u01", "g2u00"}


def test_circles_may_be_given_and_limit_who_is_asked():
    circles = pd.DataFrame({"user_id": [f"g1u{k:02d}" for k in range(20)], "circle": "c01"})
    sharing = read(make_tables(), circles=circles)
    assert set(sharing.seeds["circle"]) == {"c01"}
    with pytest.raises(InputError, match="circle"):
        read(make_tables(), circles=circles.rename(columns={"circle": "which"}))
    with pytest.raises(InputError, match="persona"):
        read(make_tables(), personas=circles)


def test_nothing_of_the_rows_order_matters():
    tables = make_tables()
    mixed = {name: frame.sample(frac=1, random_state=3, ignore_index=True) for name, frame in tables.items()}
    one, other = read(tables), read(mixed)
    for name in ("trees", "growth", "curve", "quality", "seeds", "members"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    assert one.notes == other.notes


def test_without_inviters_nothing_is_said_of_them():
    tables = make_tables()
    tables["members"] = tables["members"].drop(columns="invited_by")
    sharing = read(tables)
    assert sharing.growth.empty and sharing.trees.empty and sharing.quality.empty
    assert "name no inviter" in unknowns(sharing) and "not on record" in sharing.headline()
    assert len(sharing.seeds)  # shares are known all the same
    assert any("index" in note for note in sharing.notes)


@pytest.mark.parametrize("drop", ["messages", "events", "members"])
def test_each_table_may_be_missing(drop):
    tables = make_tables()
    del tables[drop]
    sharing = read(tables)
    assert sharing.growth.empty == (drop == "members")
    assert unknowns(sharing)


def test_no_table_at_all_is_no_error():
    sharing = read({})
    parts = (sharing.trees, sharing.growth, sharing.curve, sharing.quality, sharing.seeds, sharing.formats)
    assert all(part.empty for part in parts) and len(sharing.notes) >= 3


def test_a_group_of_one_is_too_little():
    tables = make_tables()
    alone = pd.DataFrame(
        [("g3", "hermit", END - pd.Timedelta(days=90), pd.NaT, "owner", None)], columns=MEMBERS
    )
    tables["members"] = pd.concat([tables["members"], alone], ignore_index=True)
    sharing = read(tables)
    row = sharing.growth.set_index("group_id").loc["g3"]
    assert row["n_members"] == 1 and np.isnan(row["k"]) and "Too little data" in row["sentence"]


def test_an_inviter_who_is_nobody_here_still_invited():
    tables = make_tables()
    tables["members"].loc[5, "invited_by"] = "stranger"
    sharing = read(tables)
    row = sharing.members[sharing.members["user_id"] == tables["members"].loc[5, "user_id"]].iloc[0]
    assert row["came"] == "invited" and row["depth"] == 0
    assert "the inviter is nobody of this study" in set(sharing.problems["what"])


def test_what_an_invitation_led_to_is_known_only_where_it_names_somebody():
    tables = make_tables()
    sent = tables["members"].dropna(subset=["invited_by"])
    invites = pd.DataFrame({"user_id": sent["invited_by"], "event": "invite",
                            "event_time": sent["joined_at"] - pd.Timedelta(days=2)})  # fmt: skip
    nowhere = pd.DataFrame({"user_id": "g1u00", "event": "invite",
                            "event_time": [END - pd.Timedelta(days=60 + k) for k in range(10)]})  # fmt: skip
    both = pd.concat([tables["events"], invites, nowhere], ignore_index=True)
    blind = read(tables | {"events": both})
    assert "invited_user_id" in unknowns(blind)
    assert "invitations accepted" not in set(blind.invitations["what"])
    invites["invited_user_id"] = sent["user_id"]
    nowhere["invited_user_id"] = [f"never{k}" for k in range(10)]
    both = pd.concat([tables["events"], invites, nowhere], ignore_index=True)
    row = read(tables | {"events": both}).invitations.set_index("what").loc["invitations accepted"]
    old = int((invites["event_time"] <= END - pd.Timedelta(days=30)).sum())
    assert row["n"] == old + 10 and row["value"] == pytest.approx(old / (old + 10))
    assert row["lo"] < row["value"] < row["hi"]
