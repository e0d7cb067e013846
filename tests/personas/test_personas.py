import json

import pandas as pd
import pytest

from segtool.errors import InputError, NotFittedError, OutputError, ParameterError
from segtool.personas import Personas, find_personas
from tests.personas.planted_frame import make_planted


@pytest.fixture(scope="module")
def frame():
    return make_planted()[0]


@pytest.fixture(scope="module")
def personas(frame):
    return find_personas(frame, n_personas=3, n_init=4)


@pytest.fixture
def saved(personas, tmp_path):
    return personas.save(tmp_path / "personas.json")


def test_assigning_the_first_users_again_gives_what_they_have(personas, frame):
    pd.testing.assert_frame_equal(personas.assign(frame), personas.assigned)


def test_one_user_alone_gets_what_they_got_among_all(personas, frame):
    alone = personas.assign(frame.iloc[[7]])
    pd.testing.assert_frame_equal(alone, personas.assigned.iloc[[7]].reset_index(drop=True))


def test_a_loaded_file_assigns_and_portrays_the_same(personas, frame, saved):
    loaded = Personas.load(saved)
    pd.testing.assert_frame_equal(loaded.assign(frame), personas.assigned)
    pd.testing.assert_frame_equal(loaded.portraits(), personas.portraits())
    pd.testing.assert_frame_equal(loaded.choice(), personas.choice())
    assert (loaded.verdict, loaded.notes, loaded.headline()) == (
        personas.verdict,
        personas.notes,
        personas.headline(),
    )


def test_a_file_keeps_no_users(personas, frame, saved):
    text = saved.read_text(encoding="utf-8")
    assert not any(user in text for user in frame.index[:50])
    loaded = Personas.load(saved)
    for ask in (lambda: loaded.assigned, lambda: loaded.memberships, loaded.exemplars, loaded.profile):
        with pytest.raises(NotFittedError, match="loaded from a file"):
            ask()


def test_names_of_the_analyst_win_and_are_saved(personas, frame, tmp_path):
    mine = personas.rename({2: "夜猫子 🦉"})
    loaded = Personas.load(mine.save(tmp_path / "p.json"))
    assert loaded.names[2] == "夜猫子 🦉" and loaded.renamed == {2}
    assert "夜猫子 🦉" in set(loaded.assign(frame)["persona"])
    assert personas.names[2] != "夜猫子 🦉"
    assert any("夜猫子 🦉" in sentence for sentence in mine.portraits()["sentence"])


@pytest.mark.parametrize("names", [{9: "x"}, {1: "  "}, {True: "x"}])
def test_names_that_cannot_be_are_refused(personas, names):
    with pytest.raises(ParameterError):
        personas.rename(names)


def test_a_name_that_is_taken_is_refused(personas):
    with pytest.raises(ParameterError, match="share its name"):
        personas.rename({1: personas.names[2].upper()})


def _broken(change):
    def edit(path):
        record = json.loads(path.read_text(encoding="utf-8"))
        change(record)
        path.write_text(json.dumps(record), encoding="utf-8")

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        lambda path: path.write_bytes(b"\xff\xfe not json"),
        lambda path: path.write_text("[1, 2]"),
        _broken(lambda record: record.pop("encoding")),
        _broken(lambda record: record.update(extra=1)),
        _broken(lambda record: record.update(version=99)),
        _broken(lambda record: record["names"].pop("2")),
        _broken(lambda record: record.update(names=None)),
        _broken(lambda record: record["summary"].pop()),
        _broken(lambda record: record["encoding"]["columns"].popitem()),
        _broken(lambda record: record["encoding"]["categories"].popitem()),
        _broken(lambda record: record["encoding"].update(surprise=1)),
        _broken(lambda record: record["unsure_rule"].update(min_membership="high")),
        _broken(lambda record: record["model"].pop("personas")),
    ],
)
def test_a_damaged_file_is_refused_in_words(saved, edit):
    edit(saved)
    with pytest.raises(InputError):
        Personas.load(saved)


def test_missing_files_and_folders_are_said(personas, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Personas.load(tmp_path / "none.json")
    with pytest.raises(OutputError, match="could not be written"):
        personas.save(tmp_path / "no" / "folder.json")
    assert list(tmp_path.iterdir()) == []


def test_memberships_are_probabilities_and_the_best_is_assigned(personas):
    memberships = personas.memberships
    assert memberships.sum(axis=1).round(9).eq(1).all()
    assert (memberships.idxmax(axis=1).to_numpy() == personas.assigned["persona_id"]).all()
    assert list(memberships.columns) == [1, 2, 3]
    assert (personas.assigned["persona"] != personas.assigned["runner_up"]).all()


def test_exemplars_are_sure_members(personas):
    found = personas.exemplars(3, n_borderline=0)
    assert found.groupby("persona_id").size().tolist() == [3, 3, 3]
    assert (found["membership"] > 0.9).all() and (found["n_defining"] >= 3).all()


def test_contrast_is_with_another_persona(personas):
    table = personas.contrast(top=2)
    assert (table["persona"] != table["nearest"]).all()
    assert table.groupby("persona_id").size().tolist() == [2, 2, 2]


def test_the_notebook_view_escapes_what_users_wrote(personas):
    shown = personas.rename({1: "<script>alert(1)</script>"})._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_given_groups_become_personas():
    given = Personas.from_assignments(["b", "a", "c"], ["x", "y", "x"])
    assert given.names == {1: "x", 2: "y"}
    assert given.assigned["user_id"].tolist() == ["a", "b", "c"]
    assert given.assigned["persona_id"].tolist() == [2, 1, 1]
    assert given.portraits()["n_users"].tolist() == [2, 1]
    assert "2 personas, as given" in repr(given) and given._repr_html_()
    with pytest.raises(NotFittedError, match="no model"):
        given.assign(pd.DataFrame({"age": ["old"]}, index=["d"]))


@pytest.mark.parametrize(
    ("users", "groups"),
    [
        ([], []),
        (["a"], [1, 2]),
        (["a", "a"], [1, 2]),
        (["a", None], [1, 2]),
        (["a", "b"], [1, 3]),
        (["a", "b"], [0, 1]),
    ],
)
def test_groups_that_cannot_be_are_refused(users, groups):
    with pytest.raises(InputError):
        Personas.from_assignments(users, groups)
