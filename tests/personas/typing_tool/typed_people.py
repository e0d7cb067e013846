"""People of three planted personas with every kind of label, some of them noise, some sensitive."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from segtool.labels.frames import LabelInfo
from segtool.personas import Personas
from segtool.personas.typing_tool import build_typing_tool

NAMES = {1: "Night owls <&>", 2: "Young parents", 3: "宝妈 'early'"}
YEARS = ["18-24", "25-44", "45+"]


def make_people(n=500, seed=0, known=0.9):
    """Return a wide table and the planted persona of each person, 1 to 3."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.5, 0.3, 0.2])

    def pick(values, strength):
        other = rng.integers(len(values), size=n)
        return np.array(values, dtype=object)[np.where(rng.random(n) < strength, truth % len(values), other)]

    frame = pd.DataFrame(
        {
            "age": pd.Categorical(pick(YEARS, 0.6), YEARS, ordered=True),
            "daypart": pd.Categorical(pick(["night", "it's noon", "5"], 0.5)),
            "early": (truth == 2) ^ (rng.random(n) < 0.15),
            "likes: 旅行": (truth == 0) ^ (rng.random(n) < 0.2),
            "likes: toys": (truth == 1) ^ (rng.random(n) < 0.2),
            "spend": np.round(np.exp(rng.normal(truth, 0.8)), 2),
            "illness": (truth == 1) ^ (rng.random(n) < 0.02),
            "visits": pd.Categorical(pick(["few", "some", "many"], 0.55)),
        },
        index=pd.Index([f"u{number:04}" for number in range(n)], name="user_id"),
    )
    for number in range(6):
        frame[f"noise{number}"] = pd.Categorical(rng.choice(["a", "b", "c"], n))
    for name in ("early", "illness", "likes: 旅行", "likes: toys"):
        frame[name] = frame[name].astype("boolean")
    frame = frame.mask(rng.random(frame.shape) > known)
    return frame, truth + 1


def as_labels(frame):
    """Return the table as labels that say what is sensitive and what only the log has seen."""
    seen, said = frozenset({"events"}), frozenset({"survey"})
    infos = [
        LabelInfo("age", "Age", "life stage", "ordered", tuple(YEARS), families=said),
        LabelInfo(
            "daypart", "Time <of> day", "rhythm", "nominal", ("5", "it's noon", "night"), families=seen
        ),
        LabelInfo("early", "Early", "rhythm", "flag", ("no", "yes"), "gets up early", said),
        LabelInfo("likes", "Likes", "taste", "many", ("旅行", "toys"), "likes {value}", said | seen),
        LabelInfo("spend", "Spend", "consumption", "number", families=said),
        LabelInfo("illness", "Illness", "health", "flag", ("no", "yes"), "is ill", said, sensitive=True),
        LabelInfo("visits", "Visits", "activity", "nominal", ("few", "some", "many"), families=seen),
        *(
            LabelInfo(f"noise{n}", f"Noise {n}", "other", "nominal", ("a", "b", "c"), families=said)
            for n in range(6)
        ),
    ]
    return SimpleNamespace(wide=lambda: frame, infos=infos)


def make_tool(n=500, seed=0, **options):
    """Return a tool, the personas it tells, and the table it was made on."""
    frame, truth = make_people(n, seed)
    personas = Personas.from_assignments(frame.index, truth, NAMES)
    return build_typing_tool(personas, as_labels(frame), **options), personas, frame
