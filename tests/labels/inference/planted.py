"""Behaviour with a planted value: whoever holds it, and who answers, is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from segtool.sources import Sources

CATALOG = """
[measures.views]
from = "events"
sql = "count(*)"
where = "event = 'view'"
no_rows = 0
[measures.likes]
from = "events"
sql = "count(*)"
where = "event = 'like'"
no_rows = 0
[measures.told]
from = "survey"
sql = "count_if(stage = 'student')"
[measures.told_twice]
from = "measures"
sql = "told * 2"
"""
STAGE = """
[labels.stage]
facet = "life stage"
values = ["student", "worker"]
claims = [{answer = {question = "stage"}}, {inferred = {%s}}]
"""


def plant(n: int = 3000, *, strength: float = 2.0, share: float = 0.3, seed: int = 0):
    """Return a design of ten columns, the first two of which tell who holds the value."""
    random = np.random.default_rng(seed)
    design = random.normal(size=(n, 10))
    line = strength * (design[:, 0] + design[:, 1]) / np.sqrt(2)
    start = np.quantile(-line, share)
    return design, random.random(n) < expit(line + start), random


def community(n: int = 1200, *, share_answering: float = 0.4, seed: int = 0, likelier: float = 1.0):
    """Return events, survey and users of a community, and who is a student.

    ``likelier`` is how much likelier students answer.
    """
    random = np.random.default_rng(seed)
    users = np.array([f"u{i:04d}" for i in range(n)])
    level = random.normal(size=n)
    is_student = random.random(n) < expit(3.5 * level - 1)
    n_views, n_likes = random.poisson(np.exp(0.8 * level + 1)), random.poisson(np.exp(0.8 * level + 0.5))
    n_events = n_views + n_likes
    events = pd.DataFrame({
        "user_id": np.repeat(users, n_events),
        "event": np.concatenate([["view"] * v + ["like"] * k for v, k in zip(n_views, n_likes, strict=True)]),
        "event_time": pd.Timestamp("2026-06-30") - pd.to_timedelta(random.integers(0, 80_000, n_events.sum()), "min"),
    })  # fmt: skip
    chance = share_answering * np.where(is_student, likelier, 1.0)
    answered = random.random(n) < chance / chance.mean() * share_answering
    stage = np.where(is_student, "student", "worker")
    survey = pd.DataFrame({"user_id": users[answered], "answered_at": "2026-06-20", "stage": stage[answered]})
    profile = pd.DataFrame({"user_id": users, "city": random.choice(["north", "south"], n)})
    return {"events": events, "survey": survey, "users": profile}, pd.Series(is_student, users)


def read(tables) -> Sources:
    """Return the tables as a study reads them."""
    return Sources.read(tables, as_of="2026-07-01")
