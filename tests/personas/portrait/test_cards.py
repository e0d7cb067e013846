"""Cards: what they say is in the tables, beyond chance, and names nobody."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from segtool.labels.frames import LabelInfo
from segtool.personas import Personas, find_personas
from segtool.personas.portrait.card_html import render_cards, say_rule
from segtool.personas.portrait.cards import CardRule, list_cards, say_stability
from tests.personas.planted_frame import make_planted


@pytest.fixture(scope="module")
def personas():
    frame, truth = make_planted()
    frame["age"] = np.random.default_rng(11).normal(np.array([22, 31, 41])[truth], 6).round()
    return find_personas(frame, n_personas=3, n_init=4)


def with_infos(personas, **changes):
    """The same personas with some labels described otherwise."""
    infos = {name: replace(info, **changes.get(name, {})) for name, info in personas.table.infos.items()}
    return replace(personas, table=replace(personas.table, infos=infos))


def test_every_trait_is_a_row_of_the_profile_beyond_chance(personas):
    profile = personas.profile().set_index(["persona_id", "label", "value"])
    cards = list_cards(personas)
    assert [card.persona_id for card in cards] == [1, 2, 3]
    for card in cards:
        assert 3 <= len(card.traits) <= 5
        for trait in card.traits:
            row = profile.loc[(card.persona_id, trait.label, trait.value)]
            assert (trait.share, trait.base, trait.n_known) == (
                row["share_in"],
                row["share_base"],
                row["n_known"],
            )
            assert trait.index_low < trait.index < trait.index_high and trait.index_low > 100
            assert row["q_value"] <= 0.01 and trait.share_range[0] < trait.share < trait.share_range[1] + 1e-9
        assert len({trait.label for trait in card.traits}) == len(card.traits)


def test_the_contrast_is_with_the_nearest_and_last_what_there_is_less_of(personas):
    table = personas.contrast(top=1000).set_index(["persona_id", "label", "value"])
    for card in list_cards(personas):
        assert card.nearest in personas.names.values() and card.nearest != card.name
        signs = [each.share > each.share_nearest for each in card.contrast]
        assert signs == [True, True, False]
        for each in card.contrast:
            row = table.loc[(card.persona_id, each.label, each.value)]
            assert (each.share, each.share_nearest) == (row["share_in"], row["share_nearest"])
            assert row["q_value"] <= 0.01 and row["nearest"] == card.nearest


def test_noise_gives_cards_without_traits():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({f"noise{k}": rng.choice(list("abc"), 400) for k in range(8)})
    frame["group"] = np.repeat(["x", "y"], 200)
    frame.index = [f"u{number}" for number in range(400)]
    found = find_personas(frame, n_personas=2, n_init=2, basis=["group"])
    told = {trait.label for card in list_cards(found) for trait in card.traits}
    assert told == {"group"}
    assert {each.label for card in list_cards(found) for each in card.contrast} == {"group"}


def test_sensitive_labels_are_on_no_card_though_they_form(personas):
    assert "Life stage" in render_cards(personas)
    hidden = with_infos(personas, life_stage={"sensitive": True})
    for card in list_cards(hidden):
        assert "life_stage" not in {part.label for part in (*card.traits, *card.contrast)}
    named = {trait.label for card in list_cards(personas, leave_out=["daypart"]) for trait in card.traits}
    assert "life_stage" in named and "daypart" not in named


def test_values_are_said_in_the_phrases_of_the_catalogue(personas):
    said = with_infos(personas, interest={"phrase": "likes {value}"})
    texts = {trait.text for card in list_cards(said) for trait in card.traits}
    assert "Likes trendy brands" in texts


def test_a_number_has_its_median_beside_its_third(personas):
    (trait,) = [trait for trait in list_cards(personas)[0].traits if trait.label == "age"]
    assert trait.text.startswith("Age: up to") and re.fullmatch(r"median 2\d, everyone 27.5", trait.natural)
    assert trait.natural in render_cards(personas)


def test_cards_of_a_file_and_of_given_groups_say_what_there_is(personas, tmp_path):
    loaded = Personas.load(personas.save(tmp_path / "p.json"))
    for mine, theirs in zip(list_cards(loaded), list_cards(personas), strict=True):
        assert (mine.traits, mine.contrast) == ((), ())
        assert (mine.name, mine.n_users, mine.stability_words) == (
            theirs.name,
            theirs.n_users,
            theirs.stability_words,
        )
        assert mine.rule == theirs.rule and mine.sentence in render_cards(loaded).replace("&amp;", "&")
    given = list_cards(Personas.from_assignments(["a", "b"], ["x", "y"]))
    assert [(card.name, card.stability_words, card.recognise) for card in given] == [
        ("x", "", ""),
        ("y", "", ""),
    ]


def test_one_persona_has_a_card_without_contrast():
    frame, _ = make_planted(150)
    (card,) = list_cards(find_personas(frame, n_personas=1))
    assert card.traits == () and card.contrast == () and card.nearest == "" and card.share == 1.0


@pytest.mark.parametrize(
    ("stability", "words"),
    [(0.75, "sound"), (0.749, "a pattern"), (0.6, "a pattern"), (0.59, "loose"), (np.nan, "")],
)
def test_stability_in_words(stability, words):
    assert say_stability(stability).startswith(words)
    assert bool(say_stability(stability)) is bool(words)


@pytest.mark.parametrize(
    ("rule", "defines"),
    [
        (CardRule("x", 0.95, 0.93, 400, 400), True),
        (CardRule("x", 0.95, 0.75, 400, 400), False),
        (CardRule("x", 1.0, 1.0, 8, 8), False),
        (CardRule("x", 1.0, 1.0), False),
    ],
)
def test_only_a_rule_that_surely_does_picks_them_out(rule, defines):
    assert rule.defines is defines
    assert ("no definition" in say_rule(rule)) is not defines


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append(tag)
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_html_is_whole_loads_nothing_and_escapes_what_users_wrote(personas):
    evil = "<script>alert(1)</script>"
    titled = with_infos(personas, daypart={"phrase": evil + "{value}"})
    html = render_cards(titled.rename({1: evil, 2: "</div>宝妈 👶"}), n_exemplars=1, colours={1: "red'><b>"})
    page = Page(html)
    assert page.open == [] and set(page.tags) == {"div", "p", "b", "span", "i"}
    assert page.text.count(evil) > 1 and "宝妈 👶" in page.text


def test_users_are_named_only_when_asked_for(personas):
    users = set(personas.user_ids)
    assert not users & set(re.findall(r"u\d{4}", render_cards(personas)))
    named = set(re.findall(r"u\d{4}", render_cards(personas, n_exemplars=1)))
    assert 3 <= len(named & users) <= 6


def test_labels_said_with_yes_are_their_title():
    info = LabelInfo("vip", "VIP", "activity", "flag", phrase={})  # silence by value; "" says the title
    frame = pd.DataFrame(
        {"vip": [True, False] * 100, "stage": ["a", "b"] * 100},
        index=[f"u{number:03}" for number in range(200)],
    )
    found = find_personas(frame, n_personas=2, n_init=2)
    assert "Vip" in {trait.text for card in list_cards(found) for trait in card.traits}
    silent = replace(found, table=replace(found.table, infos=found.table.infos | {"vip": info}))
    assert "vip" not in {trait.label for card in list_cards(silent) for trait in card.traits}
