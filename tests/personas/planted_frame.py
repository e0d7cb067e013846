"""A small table with known personas: students at night, parents in the morning, travellers."""

import numpy as np
import pandas as pd

STAGES = ["student", "young parent", "employee"]


def make_planted(n_users=600, seed=3, known=0.9):
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.choice(3, size=n_users, p=[0.5, 0.3, 0.2]))

    def pick(values, strength=0.8):
        odds = np.full((3, len(values)), (1 - strength) / (len(values) - 1))
        np.fill_diagonal(odds, strength)
        drawn = (odds[truth].cumsum(axis=1) < rng.random((n_users, 1))).sum(axis=1).clip(0, len(values) - 1)
        return pd.Series(pd.Categorical.from_codes(drawn, values)).where(rng.random(n_users) < known)

    def holds(persona, share=0.8):
        yes = rng.random(n_users) < np.where(truth == persona, share, 0.1)
        return pd.Series(yes).astype("boolean").where(rng.random(n_users) < known)

    frame = pd.DataFrame(
        {
            "life_stage": pick(STAGES, 0.9),
            "spending_power": pick(["low", "average", "high"]).cat.as_ordered(),
            "daypart": pick(["night", "morning", "evening"]),
            "interest: trendy brands": holds(0),
            "interest: parenting": holds(1),
            "interest: travel": holds(2),
            "activity_level": pd.Series(rng.choice(["quiet", "busy"], n_users)).astype("category"),
        }
    )
    frame.index = pd.Index([f"u{number:04}" for number in range(n_users)], name="user_id")
    return frame, truth
