"""What holds of ties whatever was written."""

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segtool.community.ties.pairs import find_near, sum_by_day
from segtool.community.ties.ties import find_ties
from tests.community.worlds import make_talk

USERS, GROUPS = "abcd", "gh"
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(GROUPS),
        st.sampled_from(USERS),
        st.integers(1, 60 * 24 * 40),  # minutes before as_of
        st.one_of(st.none(), st.integers(0, 14)),  # what it answers: may be itself, deleted or elsewhere
        st.sampled_from(["", "@a hi", "@b @c", "@所有人", "ok"]),
    ),
    min_size=1,
    max_size=12,
)
MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(GROUPS), st.sampled_from(USERS), st.sampled_from([None, *USERS]), st.booleans()
    ),
    max_size=8,
    unique_by=lambda row: row[:2],
)
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def tables(messages, members, order=None):
    said = pd.DataFrame(
        {
            "message_id": [f"m{k:02d}" for k in range(len(messages))],
            "group_id": [row[0] for row in messages],
            "user_id": [row[1] for row in messages],
            "sent_at": pd.Timestamp("2026-07-01") - pd.to_timedelta([row[2] for row in messages], unit="min"),
            "reply_to": pd.Series(
                [None if row[3] is None else f"m{row[3]:02d}" for row in messages], dtype=object
            ),
            "text": [row[4] for row in messages],
        }
    )
    rows = [
        {"group_id": group, "user_id": user, "joined_at": "2026-05-01", "invited_by": inviter,
         "left_at": "2026-06-30" if left else None}
        for group, user, inviter, left in members
    ]  # fmt: skip
    return {"messages": said if order is None else said.iloc[order], "members": rows or None}


@FEW
@given(MESSAGES, MEMBERS, st.randoms(use_true_random=False))
def test_ties_are_the_same_in_any_order_of_rows_and_always_sane(messages, members, random):
    ties = find_ties(make_talk(**tables(messages, members)))
    table = ties.table
    assert not table.isna().any().any()
    assert (table["user"] != table["other"]).all()
    assert (table["weight"] > 0).all()
    assert not table.duplicated(["group", "user", "other"]).any()
    assert table.equals(table.sort_values(["group", "user", "other"], ignore_index=True))
    np.testing.assert_allclose(
        table["weight"], table[["reply", "mention", "near", "invite"]].sum(axis=1), atol=2e-6
    )
    both = ties.undirected()
    assert abs(both - both.T).max() < 1e-9 and both.diagonal().sum() == 0
    order = random.sample(range(len(messages)), len(messages))
    mixed = find_ties(make_talk(**tables(messages, random.sample(members, len(members)), order)))
    pd.testing.assert_frame_equal(mixed.table, table)
    assert (mixed.shared != ties.shared).nnz == 0


@FEW
@given(MESSAGES, MEMBERS)
def test_groups_together_hold_what_the_matrix_holds(messages, members):
    ties = find_ties(make_talk(**tables(messages, members)))
    living = ties.table[~ties.table["gone"]]
    assert abs(ties.matrix.sum() - living["weight"].sum()) < 1e-5
    inside = sum(ties.in_group(group)[1].nnz for group in range(len(ties.group_ids)))
    apart = {(row.group, *sorted((row.user, row.other))) for row in living.itertuples() if row.group >= 0}
    assert inside == 2 * len(apart)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(-30, 0), st.floats(0.01, 3)), min_size=1, max_size=30)
)
def test_no_day_gives_more_than_its_cap_and_more_never_gives_less(rows):
    pair, day, amount = (np.array(column) for column in zip(*rows, strict=True))
    age_days = -day.astype(float)
    found, weight = sum_by_day(pair.astype(np.int64), day, amount, age_days, 30.0)
    assert found.tolist() == sorted(set(pair.tolist()))
    for place, code in enumerate(found):
        own = pair == code
        ceiling = sum(np.log2(1 + amount[own & (day == d)].sum()) for d in set(day[own].tolist()))
        assert 0 < weight[place] <= ceiling + 1e-9
    more = sum_by_day(pair.astype(np.int64), day, amount * 2, age_days, 30.0)[1]
    assert (more >= weight).all()


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 900)), max_size=25),
    st.sampled_from([60.0, 600.0]),
)
def test_a_message_gives_away_at_most_one_and_never_across_groups_or_to_itself(rows, most):
    rows = sorted(rows, key=lambda row: (row[0], row[2]))
    group, user, second = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    later, earlier, near = find_near(group, user, second, most)
    assert (group[later] == group[earlier]).all() and (user[later] != user[earlier]).all()
    assert (second[later] - second[earlier] <= most).all() and (near > 0).all()
    given_away = np.bincount(later, near, minlength=len(group))
    assert (given_away <= 1 + 1e-9).all()
