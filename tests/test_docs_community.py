"""The page on the community runs, and names the settings, files, columns and figures that there are."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest
import typer

from segtool.cli import app
from segtool.cli.stages import COMMUNITY_TABLES
from segtool.community.circles.against_personas import compare_with_personas
from segtool.community.community import Community
from segtool.community.health.rules import VERDICTS
from segtool.community.people.roles import ORDER
from segtool.community.people.tenure import BANDS
from segtool.community.settings import CommunitySettings
from segtool.labels import builtin_catalog
from segtool.outputs import list_community
from segtool.outputs.settings import ExportSettings
from segtool.sources.schemas import SCHEMAS
from segtool.targeting.groups.posts import TABLE as POSTS
from segtool.targeting.settings import TargetingSettings

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "community.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())  # lines may end anywhere
STUDY = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
LABELS = (ROOT / "docs" / "labels.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.S | re.M)
MEASURED = re.findall(r"^\*Measured\* \(`python -m benchmarks\.(\w+)`\): (.*?)\n\n", PAGE, re.S | re.M)
DEFAULTS_IN_WORDS = {
    "split_lower": "half of an even share",
    "circle_resplit_above": "20, and 1000 above 40,000 ties",
}
FILES = re.compile(r"[\w/]+\.csv\b")


@pytest.fixture(scope="module")
def ran():
    """Run all code of the page in its order, from the top folder; return what it printed and its names."""
    names: dict[str, object] = {}
    printed = []
    with contextlib.chdir(ROOT):
        for language, code in BLOCKS:
            if language == "python":
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    exec(compile(code, "docs/community.md", "exec"), names)
                printed.append(out.getvalue())
    return printed, names


@pytest.fixture(scope="module")
def tables(ran):
    community = ran[1]["community"]
    found = list_community(community, ExportSettings().min_cell)
    personas = community.circles.members[["user_id"]].assign(persona_id=1, persona="everybody")
    beside = compare_with_personas(community.circles, personas, n_shuffles=19).table
    return {**found, "community/circle_personas.csv": beside}


def told() -> list[str]:
    """Return what the page says that each block of code prints, "" where it says nothing."""
    after = [body if language == "text" else "" for language, body in [*BLOCKS[1:], ("", "")]]
    return [text for (language, _), text in zip(BLOCKS, after, strict=True) if language == "python"]


def numbers(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"(?:\d[\d,]*)?\.?\d+", text)]


def written_by(default: object) -> str:
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    return json.dumps(list(default) if isinstance(default, tuple) else default)


def test_code_prints_what_the_page_says(ran):
    assert len(ran[0]) == len(told()) >= 8
    for printed, said in zip(ran[0], told(), strict=True):
        assert [line.rstrip() for line in printed.splitlines()] == [
            line.rstrip() for line in said.splitlines()
        ]


def test_figures_of_the_sample_in_passing_are_those_of_the_sample(ran):
    community = ran[1]["community"]
    around, core, roles = community.circles.members, community.core_groups, community.roles
    assert f"{around['circle'].isna().sum():,} of {len(around):,} here" in WORDS
    assert f"In the sample {len(community.filters.table)} were judged" in WORDS
    assert not community.filters.table["filter"].any() and "nobody is named" in WORDS
    assert f"{len(core)} people in two groups" in WORDS and core["core_group"].nunique() == 2
    shares = community.sharing.formats.groupby("by")["shares"].sum()["format"]
    assert f"{shares:,.0f} shares" in WORDS
    why = roles.missing.set_index("group_id").loc["g06", "why"].iloc[0]
    assert "g06: 2 answers" in WORDS and "2 answers" in why
    assert community.health.entrants.empty and "The sample has no wave." in WORDS
    assert community.health.warnings.empty and "so no warning" in WORDS


@pytest.mark.parametrize("page", ["community", "targeting"])
def test_every_setting_stands_with_its_default(page):
    fields = CommunitySettings.model_fields
    if page == "targeting":
        fields = {name: TargetingSettings.model_fields[name] for name in ("group_post_share", "group_days")}
    rows = re.split(r"\n## ", STUDY.split(f"\n## [{page}]\n")[1])[0]
    for name, field in fields.items():
        default = field.get_default(call_default_factory=True)
        said = DEFAULTS_IN_WORDS.get(name) if default is None else f"`{written_by(default)}`"
        assert f"| `{name}` | {said} | " in rows, (name, said)


def test_no_other_setting_is_told():
    rows = re.split(r"\n## ", STUDY.split("\n## [community]\n")[1])[0]
    assert set(re.findall(r"^\| `(\w+)` \|", rows, re.M)) == set(CommunitySettings.model_fields)


def test_every_file_and_no_other_is_named(tables):
    written = {*tables, "group_posts.csv", "community/circle_personas.csv"}  # these two need personas
    assert len(written) > 20
    rows = PAGE.split("\n## The files\n")[1].split("\n## ")[0]
    assert {name for name in FILES.findall(rows)} == written
    assert set(COMMUNITY_TABLES.values()) <= written
    short = {name.split("/")[-1] for name in written}
    assert {name.split("/")[-1] for name in FILES.findall(PAGE)} - {"messages.csv", "members.csv"} <= short


def test_the_columns_to_read_first_are_columns(tables):
    rows = re.findall(r"^\| `([\w/]+\.csv)`\*? \| [^|]+ \| (.+) \|$", PAGE, re.M)
    assert len(rows) > 20
    for name, columns in rows:
        there = set(POSTS) | {"holdout"} if name == "group_posts.csv" else tables.get(name, ())
        if len(there):  # the sample has no warnings and no waves; their columns are checked below
            assert set(re.findall(r"`(\w+)`", columns)) <= set(there), name


def test_words_in_code_are_columns_settings_or_measures(ran, tables):
    community = ran[1]["community"]
    known = {name for table in tables.values() for name in table}
    for part in (community.health, community.circles, community.splits, community.roles, community.value):
        for value in vars(part).values():
            known |= set(getattr(value, "columns", ()))
    known |= set(community.ties.table) | set(community.groups) | set(POSTS)
    known |= set(CommunitySettings.model_fields) | set(TargetingSettings.model_fields)
    known |= (
        set(ExportSettings.model_fields) | set(builtin_catalog().measures) | set(builtin_catalog().labels)
    )
    known |= set(SCHEMAS) | {column.name for table in SCHEMAS.values() for column in table.columns}
    known |= {"as_of", "holdout", "_n", "_lo", "_hi", "health", *VERDICTS, *ORDER, *BANDS}
    known |= {field for part in (community.health, community.splits) for field in vars(part)}
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert len(named) > 80
    assert named <= known, sorted(named - known)


def test_attributes_named_in_passing_exist(ran):
    community = ran[1]["community"]
    found = re.findall(r"`community\.([a-z_]+)(?:\.([a-z_]+))?`", PAGE)
    assert len(found) > 5
    for part, name in found:
        assert hasattr(Community, part), part
        assert not name or hasattr(getattr(community, part), name), f"{part}.{name}"


def test_every_verdict_has_its_rule():
    rows = PAGE.split("\n## How a group fares\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| ([a-z ]+) \| .+ \| .+ \|$", rows, re.M)) == set(VERDICTS)


@pytest.mark.parametrize(("benchmark", "said"), MEASURED, ids=[name for name, _ in MEASURED])
def test_measured_figures_stand_in_the_results(benchmark, said):
    sections = [part for part in RESULTS.split("\n## ") if f"{benchmark}`" in part.splitlines()[0]]
    assert sections
    there = {number for part in sections for number in numbers(part)}
    there |= {round(100 * number, 6) for number in there}  # ".68" there, "68 %" here
    assert len(numbers(said)) > 2
    assert [number for number in numbers(said) if number not in there] == []


def test_the_sections_that_were_measured_say_so():
    assert {name for name, _ in MEASURED} >= {
        "reply_links", "circles", "leaders", "core_value", "sharing", "group_verdicts", "group_split", "activities",
    }  # fmt: skip


def test_commands_exist():
    command = typer.main.get_command(app).commands["community"]
    options = {option for each in command.params for option in each.opts}
    assert "segtool community study.toml" in PAGE and "--table" in options
    assert set(re.findall(r"--table (\w+)", PAGE)) <= set(COMMUNITY_TABLES)


def test_the_labels_that_ties_make_are_told():
    made = {
        name for name, label in builtin_catalog().labels.items() if name in PAGE and f"`{name}`" in LABELS
    }
    assert {"community_role", "circle", "answered", "group_health"} <= made
    columns = re.split(r"\n### ", LABELS.split("\n### community: what ties say\n")[1])[0]
    assert "as_labels = false" in columns


def test_the_columns_of_the_table_community_are_told(ran):
    section = re.split(r"\n### ", LABELS.split("\n### community: what ties say\n")[1])[0]
    named = {
        name for row in re.findall(r"^\| (`.+?) \|", section, re.M) for name in re.findall(r"`(\w+)`", row)
    }
    assert named == set(ran[1]["community"].measures)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
