"""The reference of the label language holds what it promises: its examples parse, and it is complete."""

import re
from pathlib import Path

import pytest

from segtool.labels import RELIABILITIES, Catalog, builtin_catalog, check_catalog
from segtool.labels.claims import CLAIM_KINDS

TEXT = (Path(__file__).parents[2] / "docs" / "labels.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_parses(block):
    catalog = Catalog.from_toml(block)
    assert catalog.measures or catalog.labels
    examples = check_catalog(catalog)
    assert examples["passed"].all(), examples.to_string()


def test_every_kind_of_claim_is_shown():
    shown = {
        claim.kind
        for text in BLOCKS
        for label in Catalog.from_toml(text).labels.values()
        for claim in label.claims
    }
    assert shown == set(CLAIM_KINDS)
    assert all(f"### {kind}: " in TEXT for kind in CLAIM_KINDS)


def test_the_declared_reliabilities_are_those_of_the_code():
    said = " ".join(TEXT.split())
    for source, words in {
        "person": "{} for a note",
        "survey": "{} for an answer",
        "paid": "times {} of its edge",
        "profile": "{} for a profile or list",
        "behaviour": "{} for what was seen to happen",
    }.items():
        assert words.format(RELIABILITIES[source]) in said


def test_the_built_in_measures_it_names_are_there():
    said = TEXT.split("The built-in one has about fifty")[1].split("lists them all")[0]
    named = set(re.findall(r"`(\w+)`", said))
    assert len(named) >= 10
    assert named <= set(builtin_catalog().measures)
    assert 45 <= len(builtin_catalog().measures) <= 55


def test_every_built_in_label_is_listed_by_facet_with_its_title():
    sections = dict(re.findall(r"^### (.+)\n\n(\|(?:.+\n)+)", TEXT, flags=re.MULTILINE))
    for label in builtin_catalog().labels.values():
        assert f"| `{label.name}` | {label.title} | " in sections[label.facet], label.name
