"""Who is answered in several groups by different people."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.people.answers import Answers

LEAST_HEARD = 3  # different people who answer in each of two groups: a broker between them
MOST_SHARED = (
    0.2  # of those who answer in either group: if more answer in both, it is one circle in two groups
)


def find_bridges(talk, answers: Answers) -> dict[str, np.ndarray]:
    """Find in how many groups each member is answered, by people who are hardly the same.

    Parameters
    ----------
    talk : Talk
    answers : Answers

    Returns
    -------
    dict of ndarray, shape (n_roster,)
        n_groups_heard (this one and those whose answerers are others, 0 for none), and of the group that
        shares the fewest with this one heard_shared (who answer in both) and heard_people (in either).
    """
    n = len(talk.roster)
    links, user = answers.links, talk.roster["user"].to_numpy(np.int64)
    heard = links[["member", "by"]].drop_duplicates()
    count = np.bincount(heard["member"], minlength=n)
    rows = np.flatnonzero((count >= LEAST_HEARD) & talk.here)
    own = pd.DataFrame({"row": rows, "user": user[rows]})
    own = own[own["user"].duplicated(keep=False)]
    pairs = own.merge(own, on="user", suffixes=("", "_other"))
    pairs = pairs[pairs["row"] != pairs["row_other"]]
    by = heard[heard["member"].isin(own["row"])]
    by = pd.DataFrame({"row": by["member"], "user": user[by["member"]], "by": user[by["by"]]})
    both = by.merge(by, on=["user", "by"], suffixes=("", "_other"))
    shared = both.groupby(["row", "row_other"]).size().rename("shared").reset_index()
    pairs = pairs.merge(shared, on=["row", "row_other"], how="left").fillna({"shared": 0})
    pairs["people"] = count[pairs["row"]] + count[pairs["row_other"]] - pairs["shared"]
    pairs["part"] = pairs["shared"] / pairs["people"]
    pairs = pairs[pairs["part"] < MOST_SHARED].sort_values(["row", "part", "row_other"], kind="stable")
    first = pairs.drop_duplicates("row")
    found = {name: np.zeros(n, dtype=np.int64) for name in ("n_groups_heard", "heard_shared", "heard_people")}
    others = np.bincount(pairs["row"], minlength=n)
    found["n_groups_heard"] = np.where(others, others + 1, 0)
    found["heard_shared"][first["row"]] = first["shared"]
    found["heard_people"][first["row"]] = first["people"]
    return found
