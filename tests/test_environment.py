"""pyproject.toml, environment.yml and the lock say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# conda-forge's names for the same packages
CONDA_NAMES = {"python-duckdb": "duckdb", "matplotlib-base": "matplotlib"}


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def wanted(*extras: str) -> dict[str, Requirement]:
    project = pyproject()
    texts = list(project["dependencies"])
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(text).name): Requirement(text) for text in texts}


def conda() -> dict[str, Requirement]:
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    items = [line.strip()[2:] for line in lines if line.lstrip().startswith("- ")]
    texts = [item for item in items if not item.endswith(":") and not item.startswith("-e")]
    found = {canonicalize_name(Requirement(text).name): Requirement(text) for text in texts}
    return {CONDA_NAMES.get(name, name): requirement for name, requirement in found.items()}


def locked(name: str = "requirements.lock") -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==([\w.!+-]+)", text, re.M)
    }


def test_conda_lists_the_same_packages_and_ranges():
    pip, other = wanted("notebook", "read"), conda()
    assert set(other) - {"python", "pip"} == set(pip)
    differing = {name for name in pip if pip[name].specifier != other[name].specifier}
    assert not differing


def test_python_range_is_the_same():
    assert str(conda()["python"].specifier) == pyproject()["requires-python"]


def test_every_locked_version_is_in_its_range():
    versions = locked()
    for name, requirement in wanted("notebook", "read", "dev").items():
        assert requirement.specifier.contains(versions[name]), name
    spark = Requirement(pyproject()["optional-dependencies"]["spark"][0])
    assert spark.specifier.contains(locked("requirements-spark.lock")["pyspark"])


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-spark.lock"])
def test_the_lock_is_hashed_and_names_no_registry(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.findall(r"https?://|file:|--(?:index|extra-index|find-links)", text)
    unhashed = [block for block in re.split(r"\n(?=\S)", text.strip()) if "--hash=sha256:" not in block]
    assert not unhashed


@pytest.mark.parametrize("package", ["scikit-learn", "pandas", "seaborn", "umap-learn", "jupyterlab"])
def test_the_fixed_packages_are_there(package):
    assert package in wanted("notebook")
