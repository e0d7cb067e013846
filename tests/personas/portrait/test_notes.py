"""What is said of sensitive labels that form or describe personas: that there are some, no more."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.personas.encode import LabelTable, fit_encoding
from segtool.personas.portrait.notes import list_axes, write_notes, write_verdict
from segtool.personas.portrait.portray import profile_personas


def read(frame, sensitive=(), facets=()):
    """A table in which some labels are marked sensitive."""
    frame.index = [f"u{number:03}" for number in range(len(frame))]
    table = LabelTable.read(frame)
    infos = {name: replace(info, sensitive=name in sensitive) for name, info in table.infos.items()}
    infos |= {name: replace(infos[name], facet=facet) for name, facet in dict(facets).items()}
    return replace(table, infos=infos)


def note(table, codes, **options):
    encoding = fit_encoding(table, **options)
    n = int(codes.max()) + 1
    profile = profile_personas(table, encoding, codes, n)
    summary = pd.DataFrame({"persona_id": range(1, n + 1), "stability": 1.0})
    return profile, " ".join(write_notes(table, encoding, codes, summary, profile))


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    faith = rng.choice(["zen", "tao"], 300)
    pets = rng.choice(["cat", "dog", "fish"], 300)
    return pd.DataFrame({"faith": faith, "pets": pets, "caste": ["only"] * 300})


def test_sensitive_labels_are_not_among_those_that_vary(frame):
    model = SimpleNamespace(n_personas_=1, verdict_="No structure: nothing goes together.")
    for sensitive, said in [((), ["pets", "faith"]), (("faith",), ["pets"]), (("faith", "pets"), [])]:
        table = read(frame, sensitive)
        profile, _ = note(table, np.zeros(300, int), basis=["faith", "pets"])
        assert [label for label, _ in list_axes(profile, table)] == said
        verdict = write_verdict(model, profile, table)
        assert ("Single labels" in verdict) is bool(said)
        assert ("zen" in verdict) is ("faith" in said) and "nothing goes together" in verdict


@pytest.mark.parametrize("name", ["faith", "pets"])
def test_a_sensitive_label_that_splits_alone_is_not_named(frame, name):
    codes = pd.factorize(frame[name])[0]
    assert f"split on one label, {name}, alone" in note(read(frame), codes, basis=["faith", "pets"])[1]
    _, text = note(read(frame, [name]), codes, basis=["faith", "pets"])
    assert "split on a label that stays inside, alone" in text and name not in text


def test_sensitive_near_copies_and_labels_left_out_are_counted(frame):
    copies = frame.assign(creed=frame["faith"], church=frame["faith"], city="here")
    basis = ["faith", "creed", "church", "pets", "caste", "city"]
    _, text = note(read(copies, ["faith", "creed", "caste"]), pd.factorize(frame["pets"])[0], basis=basis)
    assert "outvote others: church and 2 labels that stay inside." in text
    assert "2 labels left out: city (" in text and ") and a label that stays inside." in text
    assert not any(word in text for word in ("faith", "creed", "caste"))


def test_a_facet_of_sensitive_labels_alone_is_not_named(frame):
    rng = np.random.default_rng(1)
    group = rng.integers(0, 2, 300)
    for number in range(4):
        frame[f"belief{number}"] = np.where(rng.random(300) < 0.85, group, 1 - group).astype(str)
    beliefs = [name for name in frame if name.startswith("belief")]
    facets = dict.fromkeys(beliefs, "religion")
    for sensitive, said in [((), "religion"), (beliefs, "labels that stay inside")]:
        table = read(frame, sensitive, facets)
        assert f"differ almost only in {said}. To group" in note(table, group, basis=["pets", *beliefs])[1]


def test_a_sensitive_label_of_volume_is_not_named(frame):
    frame["doses"] = pd.Categorical(
        np.where(np.arange(300) < 150, "few", "many"), ["few", "many"], ordered=True
    )
    codes = (np.arange(300) >= 150).astype(int)
    for sensitive, said in [((), "doses"), (["doses"], "a label that stays inside")]:
        table = read(frame, sensitive, {"doses": "activity"})
        assert f"variance of {said}: they" in note(table, codes, basis=["pets"])[1]
