"""The verdict and the comparison of numbers of personas count no small group, wherever they are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pandas as pd
import pytest

from segtool.cli.stages import list_personas
from segtool.errors import InputError
from segtool.outputs import ExportSettings, describe_study, mask_choice, mask_verdict
from segtool.outputs.choice_masks import mask_shares
from segtool.outputs.report.build import describe_method
from segtool.personas.methods import METHODS, make_estimator
from segtool.plots import plot_k_choice

REASON = "too small: the smallest persona holds 0.5% of the users (3; at least 3% and 5 are asked for)"
BEST = "recommended: lowest ICL; its weakest persona comes back to 98%, its smallest holds 0.5%"


@dataclass(frozen=True)
class Small:
    """Personas of 600 users whose smallest has 3, around those of the made-up study."""

    inner: object
    verdict: str = "3 personas, as asked; smallest 0.5% of users."

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def portraits(self):
        return self.inner.portraits().assign(n_users=[397, 200, 3, 0, 0, 0])

    def choice(self):
        table = self.inner.choice().head(2)
        return table.assign(
            min_share=[0.5, 0.005], reason=[REASON, BEST], change=["", "a new one of 1% takes users"],
            chosen=[False, True], recommended=[False, True], runner_up=False,
        )  # fmt: skip


def refuse(*_, **__):
    raise InputError("Not drawn here: it takes its time.")


def test_the_report_tells_no_small_size_of_the_choice(study, monkeypatch):
    sources, labels, personas, plan = study
    for name in ("_portraits", "plot_coverage", "plot_topics", "plot_send_times", "_stages"):
        monkeypatch.setattr(f"segtool.outputs.report.draw.{name}", refuse)
    facts = describe_study(
        sources=sources, labels=labels, personas=Small(personas), plan=plan, min_cell=5, draw_map=False
    )
    assert facts.verdict == "3 personas, as asked; smallest under 1% of users."
    said = " ".join(cell for row in facts.choice.rows for cell in row)
    assert "(3;" not in said and "0.5%" not in said and "fewer than 5; at least 3%" in said
    assert facts.choice.rows[1][facts.choice.columns.index("Smallest")] == "–"
    assert "0.5%" not in facts.figures["choice"] and "(3; " not in facts.figures["choice"]


def test_without_a_floor_nothing_is_masked(study):
    small = Small(study[2])
    assert mask_verdict(small, 1) == small.verdict
    pd.testing.assert_frame_equal(mask_choice(small, 1), small.choice())


def test_the_figure_is_drawn_when_no_size_may_be_shown(study):
    small = Small(study[2])
    table = mask_choice(small, 5).assign(min_share=float("nan"))
    assert plot_k_choice(SimpleNamespace(choice=lambda: table)).axes


def test_what_a_command_prints_is_masked(study):
    _, labels, personas, _ = study
    small = Small(replace(personas))
    object.__setattr__(small, "notes", ())
    asked = SimpleNamespace(file=SimpleNamespace(export=ExportSettings()), label=lambda: labels)
    assert list_personas(asked, small)[1] == "3 personas, as asked; smallest under 1% of users."


@pytest.mark.parametrize(
    ("text", "n", "said"),
    [
        ("smallest 1.0% of users.", 600, "smallest 1.0% of users."),  # six
        ("smallest 0.7% of users.", 600, "smallest under 1% of users."),
        ("the smallest holds 0.7% of all users.", 600, "the smallest holds under 1% of all users."),
        ("99.8% of users lie in no dense group", 600, "over 99% of users lie in no dense group"),
        ("its match share 99% to 100% of their users", 600, "its match share 99% to 100% of their users"),
        (REASON, 600, REASON.replace("0.5% of the users (3;", "under 1% of the users (fewer than 5;")),
        ("No structure: 4 users are too few", 4, "No structure: fewer than 5 users are too few"),
        ("smallest 0.0% of users.", 1_000_000, "smallest under 1% of users."),
    ],
)  # fmt: skip
def test_what_is_masked_in_words(text, n, said):
    assert mask_shares(text, n, 5) == said


def test_single_labels_of_a_verdict_without_personas_are_masked():
    profile = pd.DataFrame(
        {"persona_id": 1, "label": "tea", "value": ["yes", "no"], "n_known": 300, "share_in": [297 / 300, 3 / 300],
         "share_base": 1.0, "index": 100.0, "effect": 0.0}
    )  # fmt: skip
    alone = SimpleNamespace(
        verdict="No stable personas: why. Single labels that do vary: Tea (yes 99%, no 1%)", n_personas=1,
        profile=lambda: profile, portraits=lambda: pd.DataFrame({"n_users": [300]}),
    )  # fmt: skip
    assert mask_verdict(alone, 5).endswith("Tea (yes over 98%, no under 2%)")
    assert mask_verdict(alone, 1) == alone.verdict


def test_how_it_was_made_says_the_method():
    said = {
        name: describe_method(make_estimator(name, **({"n_personas": 2} if name != "hdbscan" else {})))
        for name in METHODS
    }
    assert "takes no part" in said["latent class"]
    for name, text in said.items():
        assert name.lower() in text.lower()
        assert name == "latent class" or ("in the middle" in text and "latent class" not in text.lower())
    assert "as they were given" in describe_method(None)
