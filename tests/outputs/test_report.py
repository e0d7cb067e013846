"""The report: opens with the personas, loads nothing, runs nothing, and fits a phone."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from outputs.fake_study import NAMES, TOPICS, make_study
from segtool.outputs.proof import Proof
from segtool.outputs.report import describe_study, render_report
from segtool.outputs.report.facts import describe_cards, describe_table, describe_unsure_users

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "' autofocus onfocus=alert(1) x='",
    "<iframe src=https://example.invalid></iframe>",
    "{{ 7*7 }}<a href=https://example.invalid/x>y</a>",
]
MAX_BYTES = 5_000_000


class Elements(HTMLParser):
    """Collects the elements of a page and the addresses they name."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.addresses, self.ids, self.handlers = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "data", "action"):
                self.addresses.append(value)
            if name == "id":
                self.ids.append(value)
            if name.startswith("on"):
                self.handlers.append(name)


def render(study, **options):
    sources, labels, personas, plan = study
    options = {"title": "Circle", "draw_map": False} | options
    return render_report(
        describe_study(sources=sources, labels=labels, personas=personas, plan=plan, **options)
    )


@pytest.fixture(scope="module")
def page(study):
    return render(study, simulated=True, about="Fans of a brand")


@pytest.fixture(scope="module")
def hostile():
    """A page with a payload in every place a text can come from."""
    names = {number: f"{PAYLOADS[number]} {number}" for number in NAMES}
    topics = [f"{payload} {place}" for place, payload in enumerate(PAYLOADS)]
    sources, labels, personas, plan = make_study(300, names, topics)

    class Hostile(type(labels)):
        def titles(self):
            return {name: PAYLOADS[place % 10] for place, name in enumerate(super().titles())}

        def conflicts(self):
            return super().conflicts().assign(kept_value=PAYLOADS[0], against_value=PAYLOADS[1])

        def left_out(self):
            return pd.DataFrame({"label": PAYLOADS, "why": PAYLOADS})

        def coverage(self):
            return super().coverage().assign(note=PAYLOADS[3], facet=PAYLOADS[2], title=PAYLOADS[0])

    class HostilePersonas(type(personas)):
        def portraits(self):
            table = super().portraits()
            return table.assign(
                sentence=PAYLOADS[: len(table)], rule=PAYLOADS[4 : 4 + len(table)], defining=PAYLOADS[0]
            )

        def profile(self):
            table = super().profile()
            return table.assign(value=[PAYLOADS[place % 10] for place in range(len(table))])

    labels = Hostile(labels.frame)
    personas = HostilePersonas(labels, personas.persona, names, verdict=PAYLOADS[5])
    table = plan.table.assign(daypart=PAYLOADS[1], channel=PAYLOADS[2], stage=PAYLOADS[3], reason=PAYLOADS[0])
    stages = plan.stages.assign(stage=[PAYLOADS[place % 10] for place in range(len(plan.stages))])
    plan = replace(plan, table=table.assign(verdict=PAYLOADS[8]), stages=stages, notes=PAYLOADS)
    return render((sources, labels, personas, plan), title=PAYLOADS[3], about=PAYLOADS[4])


def test_the_personas_come_first(page):
    assert page.index('id="personas"') < page.index('id="plan"') < page.index('id="made"')
    assert all(name in page for name in NAMES.values())
    assert "Simulated data." in page


def test_real_data_has_no_banner(study):
    assert "Simulated data." not in render(study)


def test_nothing_is_loaded_from_elsewhere(page):
    found = Elements(page)
    assert all(address.startswith("#") for address in found.addresses)
    assert not {"link", "iframe", "object", "embed", "img", "image"} & set(found.tags)
    assert "@import" not in page and "url(http" not in page
    assert len(page.encode()) < MAX_BYTES


def test_no_two_elements_share_an_id(page):
    ids = Elements(page).ids
    assert len(ids) == len(set(ids))


def test_the_policy_allows_one_script(page):
    assert page.count("<script>") == 1
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1].replace("&#39;", "'")
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy


def test_no_payload_becomes_an_element(page, hostile):
    plain, found = Elements(page), Elements(hostile)
    assert found.handlers == []
    assert found.tags.count("script") == plain.tags.count("script")
    assert not {"iframe", "img"} & set(found.tags)
    assert all(address.startswith("#") for address in found.addresses)
    assert "49" not in re.findall(r"\d+(?=<a href)", hostile)


def test_the_same_study_gives_the_same_page(study, page):
    assert render(study, simulated=True, about="Fans of a brand") == page


def test_few_people_are_not_counted(study):
    sources, labels, personas, plan = study
    persona = personas.persona.copy()
    persona.iloc[:] = 1
    persona.iloc[:3] = 6
    persona.iloc[3:103] = 2
    small = replace(personas, persona=persona, names={1: "Most", 2: "Some", 6: "A handful"})
    table = plan.table.assign(n_users=[3 if number == 6 else 100 for number in plan.table["persona_id"]])
    html = render((sources, labels, small, replace(plan, table=table)))
    cards = html[html.index('class="cards"') : html.index('id="plan"')]
    assert cards.count("too few to show") == 2  # the small one, and the one that would give it away
    assert "fewer than 5 users" in html
    assert "3 users" not in cards
    assert "n = 3<" not in html and "n = 100<" not in html and "n = 197<" in html


def describe_with(study, rows, contrast=None, sensitive=()):
    """Return the cards of personas with a profile, and maybe a contrast, of one's own."""
    _, labels, personas, plan = study
    own = {"profile": lambda self: pd.DataFrame(rows)}
    if contrast is not None:
        own["contrast"] = lambda self, top=10: pd.DataFrame(contrast)
    personas = type("Own", (type(personas),), own)(labels, personas.persona, personas.names)
    return describe_cards(labels, personas, plan, min_cell=5, sensitive=sensitive)


ROW = {
    "persona_id": 1, "label": "a", "value": "x", "n_known": 100, "n_in": 60, "share_in": 0.6,
    "share_base": 0.4, "index": 150.0, "index_low": 130.0, "index_high": 170.0, "effect": 0.5, "q_value": 1e-5,
}  # fmt: skip


def test_a_trait_all_but_a_few_have_does_not_count_them(study):
    row = ROW | {"n_in": 98, "share_in": 0.98, "index": 245.0, "index_low": 240.0, "index_high": 248.0}
    (trait,) = describe_with(study, [row])[0].traits
    assert trait.share_text == "over 95% of 100 known, everyone 40%"
    assert (trait.share, trait.index_text) == (0.95, "over 238")  # neither bar nor index says it
    assert (trait.low, trait.high, trait.interval_text) == (0.95, 0.95, "")  # nor does its interval


def test_a_trait_tells_its_index_with_its_interval(study):
    (trait,) = describe_with(study, [ROW])[0].traits
    assert (trait.index_text, trait.interval_text) == ("150", "(130–170)")
    assert (trait.low, trait.high) == pytest.approx((0.52, 0.68))
    page = render(study)
    assert "Sound: comes back in halves" in page and "no definition" in page


@pytest.mark.parametrize(
    "change", [{"q_value": 0.2}, {"index_low": 96.0}, {"n_in": 4, "share_in": 0.04}, {"n_known": 12}]
)
def test_what_chance_or_few_users_give_is_no_trait(study, change):
    assert describe_with(study, [ROW | change])[0].traits == ()


def test_a_contrast_counts_nobody(study):
    contrast = [
        {
            "persona_id": 1, "label": "a", "value": "x", "share_in": 0.6, "share_nearest": 0.02, "effect": 1.4,
            "difference": 0.58, "n_known": 100, "n_known_nearest": 100, "q_value": 1e-9,
        }
    ]  # fmt: skip
    assert describe_with(study, [ROW], contrast)[0].contrast == (("a: x", "60%", "under 5%"),)
    assert describe_with(study, [ROW], [contrast[0] | {"q_value": 0.3}])[0].contrast == ()
    assert describe_with(study, [ROW], contrast, sensitive=["a"])[0].contrast == ()


def test_no_user_is_named_on_a_card(study, page):
    cards = page[page.index('class="cards"') : page.index('id="plan"')]
    assert not any(user in cards for user in study[1].user_ids)


def test_a_card_writes_its_share_and_a_bar_of_it(study):
    sources, labels, personas, plan = study
    card = describe_study(sources=sources, labels=labels, personas=personas, plan=plan, draw_map=False).cards[
        0
    ]
    assert card.share_width == pytest.approx(personas.portraits()["share"][0])
    assert f"{card.share_width:.0%}" == card.share
    assert "users" not in card.sentence.split(":")[0] and "%)." not in card.sentence


def test_only_topics_surely_asked_for_are_chips(study):
    sources, labels, personas, plan = study
    table = plan.table.assign(lo=[1.2 if rank <= 2 else 0.9 for rank in plan.table["rank"]], topic="a_b")
    facts = describe_study(
        sources=sources, labels=labels, personas=personas, plan=replace(plan, table=table), draw_map=False
    )
    assert {card.topics for card in facts.cards} == {("a b", "a b")}
    assert [row[3] for row in facts.plan[0].rows] == ["clearly more"] * 2 + ["not clearly more"] * 3


def test_one_persona_is_set_apart_from_nobody(study):
    sources, labels, personas, plan = study

    class One(type(personas)):
        def choice(self):
            return super().choice().head(0)

        def portraits(self):
            return super().portraits().assign(sentence="300 users (100.0%).")

    one = One(labels, personas.persona.clip(upper=1), {1: "Everyone"})
    html = render((sources, labels, one, plan), draw_map=True)
    assert "no stable groups" in html and "<dt>Unsure</dt>" not in html and "%)." not in html
    assert 'id="apart"' not in html and 'href="#apart"' not in html
    assert 'id="choice"' not in html and 'href="#choice"' not in html


def test_code_names_do_not_reach_the_page(study):
    sources, labels, personas, plan = study
    notes = ["hold some users out (assign_holdout)", "0.98x by wecom_direct (see stated_events)"]
    html = render((sources, labels, personas, replace(plan, notes=notes)))
    assert "assign_holdout" not in html and "stated_events" not in html
    assert "column holdout of personas.csv" in html and "0.98× by wecom direct<" in html


def test_a_log_shorter_than_the_windows_is_among_the_limits(study):
    sources, labels, personas, plan = study

    class Short(type(labels)):
        notes = (
            "events cover 30 days: windows longer than that look at 30 days alone. They are in: secret_label.",
        )

    html = render((sources, Short(labels.frame), personas, plan))
    assert "windows longer than that look at 30 days alone." in html and "secret_label" not in html


def test_labels_known_of_nobody_stand_in_one_line(study):
    sources, labels, personas, plan = study

    class Sparse(type(labels)):
        def coverage(self):
            table = super().coverage()
            return table.assign(share_known=table["share_known"].where(table["label"] != "lifecycle", 0.0))

    html = render((sources, Sparse(labels.frame), personas, plan))
    assert "Not in your data: Lifecycle." in html
    assert html.count(">Lifecycle<") < render(study).count(">Lifecycle<")


def test_a_figure_all_grey_is_left_out(study):
    sources, labels, personas, plan = study
    facts = describe_study(
        sources=sources, labels=labels, personas=personas, plan=plan, min_cell=200, draw_map=False
    )
    assert "stages" not in facts.figures


def test_long_tables_are_cut_and_say_so():
    table = describe_table(pd.DataFrame({"a": range(500)}), {"a": "A"}, where_all="x.csv has them all")
    assert len(table.rows) == 200
    assert table.left_out == "300 more rows: x.csv has them all"


def test_sensitive_labels_are_nowhere(study):
    assert "Life stage is student" in render(study)
    html = render(study, sensitive=["life_stage"])
    assert "life stage" not in html.lower()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_hostile_page_does_nothing(browser, hostile, tmp_path, width):
    seen = open_page(browser, hostile, tmp_path, width)
    assert seen == {"dialogs": 0, "requests": 1, "problems": [], "sideways": 0}


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_fits_and_its_tables_sort(browser, page, tmp_path, width):
    seen = open_page(browser, page, tmp_path, width)
    assert seen == {"dialogs": 0, "requests": 1, "problems": [], "sideways": 0}
    tab = browser.pages[-1]
    rows = "document.querySelector('#labels table.sortable').tBodies[0].rows"
    cells = f"[...{rows}].map(row => row.cells[7].textContent)"
    before = tab.evaluate(cells)
    tab.locator("#labels table.sortable").first.locator("th button").nth(7).click()
    assert tab.evaluate(cells) == sorted(before, key=int)


def test_a_plan_of_anything_anywhere_is_no_plan(study):
    sources, labels, personas, plan = study
    empty = replace(plan, table=plan.table.assign(topic="any", channel="any", weekly_cap=5.0))
    page = render((sources, labels, personas, empty))
    assert "There is nothing to plan from" in page and "5 a week" not in page
    assert all(note.removeprefix("Not known - ") in page for note in plan.notes[:1])


@pytest.mark.browser
@pytest.mark.parametrize(("width", "shown"), [(1280, 7), (390, 5)])
def test_a_narrow_page_leaves_out_what_can_be_missed(browser, study, tmp_path, width, shown):
    names = ["persona", "n_users", "n_control", "base", "detectable", "users_needed", "advice"]
    table = pd.DataFrame([["Readers", 500, 50, 0.25, 0.1, 900, "enough"]], columns=names)
    design = SimpleNamespace(table=table, notes=(), headline=lambda: "Everyone (500 users): enough.")
    open_page(browser, render(study, proof=Proof(design=design)), tmp_path, width)
    headings = browser.pages[-1].locator("#proof th")
    assert sum(headings.nth(place).is_visible() for place in range(7)) == shown


@pytest.mark.browser
def test_the_browser_would_have_seen_a_dialog(browser, tmp_path):
    assert open_page(browser, "<script>alert(1)</script>", tmp_path, 1280)["dialogs"] == 1


def open_page(browser, html, folder, width):
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    tab = browser.new_page()
    tab.set_viewport_size({"width": width, "height": 900})
    seen = {"dialogs": 0, "requests": 0, "problems": [], "sideways": 0}

    def close(dialog):
        seen["dialogs"] += 1
        dialog.dismiss()

    tab.on("dialog", close)
    tab.on("request", lambda request: seen.update(requests=seen["requests"] + 1))
    tab.on("pageerror", lambda error: seen["problems"].append(str(error)))
    tab.on(
        "console", lambda message: seen["problems"].append(message.text) if message.type == "error" else None
    )
    tab.goto(path.as_uri())
    tab.wait_for_timeout(150)
    page = "document.documentElement"
    seen["sideways"] = max(0, tab.evaluate(f"{page}.scrollWidth - {page}.clientWidth"))
    return seen


def test_topics_of_the_fake_study_are_all_in_the_page(page):
    assert sum(topic.replace("&", "&amp;") in page for topic in TOPICS) > 6


def test_what_was_inferred_is_told_with_its_proof_and_counts_nobody(study):
    shown = render(study)
    assert "What answers say of those who gave none" in shown
    assert "41 of 45 held-out respondents were right" in shown and "best provable precision 0.66" in shown
    assert "3 of 3" not in shown  # three people answered so
    assert "41 of 45" not in render(study, sensitive=["life_stage"])


def test_pixel_labels_stand_in_the_page_unless_they_count_few(study):
    class Found:
        def without(self, labels):
            return self

        def to_pandas(self):
            return pd.DataFrame({
                "pixel": ["Retired people who like tea", "People who do both"], "n_users": [40, 3],
                "n_known": [300, 300], "lift": [2.4, 9.0], "lift_low": [2.0, 8.0], "lift_high": [3.1, 9.5],
                "status": "found", "why": "", "sentence": "x", "weakest_part": "y", "n_parts": 2,
            })  # fmt: skip

    shown = render(study, pixels=Found())
    assert "Retired people who like tea" in shown and "2.0 to 3.1" in shown
    assert "People who do both" not in shown and "Combinations there are more of" not in render(study)


def test_what_all_but_few_answered_is_not_told(study):
    labels = study[1]
    table = labels.inference().to_pandas()
    table.loc[1, ["n_positive", "reason"]] = [177, "3 of 180 answers are something else"]
    said = type(labels.inference())(table, pd.DataFrame())

    class Labels(type(labels)):
        def inference(self):
            return said

    facts = describe_study(
        sources=study[0], labels=Labels(**vars(labels)), personas=study[2], plan=study[3], draw_map=False
    )
    assert "something else" not in str(facts.inferred) and facts.inferred.rows


def test_why_users_are_unsure_is_told_without_counting_few():
    """Three sit between A and B, forty between A and C: the second goes too, or the total tells the first."""
    from segtool.personas import Personas

    given = Personas.from_assignments([f"u{n:03}" for n in range(200)], np.arange(200) % 3 + 1)
    odds = np.zeros((200, 3))
    odds[np.arange(200), np.arange(200) % 3] = 1.0
    odds[:3], odds[3:43], odds[43:83] = [0.5, 0.45, 0.05], [0.5, 0.05, 0.45], [0.05, 0.5, 0.45]
    unsure = np.arange(200) < 83
    found = replace(given, probabilities=odds, unsure=unsure, names={1: "A", 2: "B", 3: "C"})
    table = describe_unsure_users(found, 5)
    assert table.columns == ("Why unsure", "Users", "Of all users")
    rows = {why: cells for why, *cells in table.rows}
    assert rows["between A and B"] == ["–", "–"]
    assert sorted(cells[0] for why, cells in rows.items() if why != "between A and B") == ["40", "–"]
    assert describe_unsure_users(replace(found, unsure=~unsure & unsure), 5).rows == ()
    assert describe_unsure_users(found, 3).rows[-1] == ("between A and B", "3", "2%")
