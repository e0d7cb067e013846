"""Pixels that leave: none of a label that stays inside, no number of too few people, and one per sentence."""

import numpy as np
import pandas as pd
from labels.pixels.planted_pixels import planted_table

from segtool.labels import Labels
from segtool.outputs import read_csv
from segtool.outputs.tables import list_pixels
from segtool.personas import Personas
from segtool.study import Study, StudyFile


def test_numbers_of_few_are_blank_at_the_stricter_floor():
    pixels = Labels.from_frame(planted_table(4000)).pixels()
    table = pixels.to_pandas().set_index("pixel_id")
    small = table["n_users"].idxmin()
    shown = list_pixels(pixels, min_cell=int(table["n_users"].min()) + 1).set_index("pixel_id")
    numbers = ["n_users", "n_known", "share", "lift", "q_value", "bits"]
    assert shown.loc[small, numbers].isna().all() and pd.isna(shown.loc[small, "sentence"])
    assert shown.drop(index=small)["n_users"].notna().all()


def test_why_a_pin_fails_is_told_without_numbers_of_few():
    pin = [{"a": "yes", "e": "yes"}]
    pixels = Labels.from_frame(planted_table(4000)).pixels(pin=pin)
    table = pixels.to_pandas()
    assert table.loc[0, "status"] == "pinned, fails" and "lift" in table.loc[0, "why"]
    shown = list_pixels(pixels, min_cell=4000)
    assert shown.loc[0, "why"] == "too few users to say (fewer than 4000)"
    assert list_pixels(pixels, min_cell=5)["why"].tolist() == table["why"].tolist()


def test_a_label_that_stays_inside_is_in_no_pixel():
    pixels = Labels.from_frame(planted_table(4000)).pixels()
    table = list_pixels(pixels.without(["a"]), min_cell=5)
    assert len(table) and not table["definition"].str.contains(r"\ba = ").any()


def test_a_study_writes_its_pixels_and_keeps_its_pins(tmp_path, monkeypatch):
    from segtool.outputs import export

    # The report has tests of its own; here it would take most of the time.
    monkeypatch.setattr(export, "write_report", lambda *tables, **said: None)
    rng = np.random.default_rng(0)
    city, age = rng.choice(["x", "y", "z"], 600), rng.choice(["old", "young"], 600)
    age[city == "x"] = "old"
    users = pd.DataFrame(
        {"user_id": [f"u{i}" for i in range(600)], "joined_at": "2026-01-01", "city": city, "age": age}
    )
    (tmp_path / "labels.toml").write_text(
        "".join(
            f'[labels.{name}]\nfacet = "{facet}"\nphrase = "{phrase}"\n'
            f'[[labels.{name}.claims]]\ncolumn = {{from = "users", name = "{name}"}}\n'
            for name, facet, phrase in (
                ("city", "place", "lives in {value}"),
                ("age", "life stage", "{value}"),
            )
        )
    )
    said = {
        "study": {"name": "s", "as_of": "2026-02-01"},
        "sources": {},
        "labels": {"catalogs": ["labels.toml"]},
        "pixels": {
            "pin": [{"city": "y", "age": "young"}],
            "name": [{"name": "Old x", "parts": {"age": "old", "city": "x"}}],
            "min_lift": 1.2,
        },
    }
    study = Study(StudyFile.from_dict(said), tmp_path, {"users": users})
    pixels = study.find_pixels()
    assert pixels.to_pandas()["status"].str.startswith("pinned").tolist()[0]
    groups = Personas.from_assignments(users["user_id"], [1 + (c == "x") for c in city])
    study._labels, study._personas = pixels.labels, groups
    study.export(tmp_path / "out")
    written = read_csv(tmp_path / "out" / "pixels.csv")
    assert written["pixel_id"].tolist() == pixels.to_pandas()["pixel_id"].tolist()
    assert "Old x" in set(written["pixel"])
    people = read_csv(tmp_path / "out" / "personas.csv").set_index("user_id")["sentence"]
    assert people[list(users.loc[city == "x", "user_id"])].str.contains("lives in x").all()
