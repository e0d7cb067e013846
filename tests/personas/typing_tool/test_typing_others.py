import pytest

from segtool.errors import InputError
from segtool.personas import Personas, find_personas
from segtool.personas.typing_tool import build_typing_tool, measure_on_others
from tests.personas.planted_frame import make_planted


@pytest.fixture(scope="module")
def made():
    frame, _ = make_planted(600)
    personas = find_personas(frame.iloc[::2], n_personas=3, n_init=3)
    return frame, personas, build_typing_tool(personas)


def test_other_people_are_hit_about_as_often(made):
    frame, personas, tool = made
    others = frame.iloc[1::2]
    found = measure_on_others(tool, personas, others)
    truth = personas.assign(others)["persona_id"].to_numpy()
    assert found.accuracy == (tool.assign(others)["persona_id"].to_numpy() == truth).mean()
    assert found.low < found.accuracy < found.high and found.n_people == 300
    assert (
        found.accuracy == pytest.approx(tool.figures.accuracy, abs=0.08) and found.accuracy > found.baseline
    )
    assert found.hits["n"].sum() == 300 and "300" in repr(found)


def test_the_people_who_formed_the_personas_are_refused(made):
    frame, personas, tool = made
    with pytest.raises(InputError, match="300 of these 600 people"):
        measure_on_others(tool, personas, frame)


def test_a_tool_of_other_personas_is_refused(made):
    frame, _, tool = made
    two = find_personas(frame.iloc[::2], n_personas=2, n_init=2)
    with pytest.raises(InputError, match="tells 3 personas apart, and there are 2"):
        measure_on_others(tool, two, frame.iloc[1::2])


def test_personas_of_a_file_do_not_know_who_formed_them(made, tmp_path):
    frame, personas, tool = made
    loaded = Personas.load(personas.save(tmp_path / "personas.json"))
    assert "could not be checked" in measure_on_others(tool, loaded, frame).headline()
    assert "could not be checked" not in measure_on_others(tool, personas, frame.iloc[1::2]).headline()
