"""The page in a real browser, with a service on a real port: what people see, click, get, and never get."""

import csv
import io
import json
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
from fhir.resources.R4B.bundle import Bundle
from playwright.sync_api import Page, expect
from pydantic import SecretStr
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.service import app
from scripts.service.app import SAMPLES, create_app
from scripts.service.settings import Settings
from tests.annotation.pipelines import make_context_pipeline
from tests.service.conftest import make_linked_pipeline, make_pipeline, running

pytest_plugins = ("tests.browser",)

CONFIDENCES = {"aspirin": 0.95, "gout": 0.6, "heart failure": 0.299}
IDS = {"heart failure": "D006333"}
ATTRIBUTES = {
    "gout": {"is_negated": True, "is_family": False, "ward": "history", "is_checked": True},
    "aspirin": {"dose": {"amount": 5, "unit": "mg", "frequency": ["morning", "evening"], "exact": True}},
    "tremor": {"is_negated": False},
}
NOTE = "Took aspirin 💊 and\naspirin, no gout. Heart: heart failure 🫀 and tremor."
HOSTILE = """<script>window.hacked = 1</script> <img src=x onerror="window.hacked = 2"> gout & aspirin </mark>"""
TOKEN = "s3cret"
# Closed and opened by tests, to look at the page while it waits. The pipeline is in a fork of this process.
gate = multiprocessing.get_context("fork").Event()


@Language.component("set_ids")
def set_ids(doc: Doc) -> Doc:
    doc.ents = [Span(doc, ent.start, ent.end, ent.label, kb_id=IDS.get(ent.text, "")) for ent in doc.ents]
    return doc


@Language.component("first_word", assigns=["doc.ents"])
def first_word(doc: Doc) -> Doc:
    doc.ents = [Span(doc, 0, 1, "Word")]
    return doc


@Language.component("wait_at_gate")
def wait_at_gate(doc: Doc) -> Doc:
    if "wait" in doc.text:
        gate.wait(30)
    return doc


@Language.component("fails_on_boom")
def fails_on_boom(doc: Doc) -> Doc:
    if "boom" in doc.text:
        raise ValueError(doc.text)
    return doc


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The address of a service without confidences."""
    nlp = make_pipeline()
    nlp.add_pipe("set_ids")
    nlp.add_pipe("wait_at_gate")
    nlp.add_pipe("fails_on_boom")
    with running(create_app(nlp, Settings(max_characters=250_000))) as address:
        yield address


@pytest.fixture(scope="module")
def sure_service() -> Iterator[str]:
    """The address of a service with confidences; a tremor has none, and a label of its own."""
    nlp = make_pipeline(CONFIDENCES)
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "Sign", "pattern": "tremor"}])
    nlp.add_pipe("set_ids", before="set_confidences")
    with running(create_app(nlp)) as address:
        yield address


@pytest.fixture(scope="module")
def attributes_service() -> Iterator[str]:
    """The address of a service with confidences, ids and attributes."""
    nlp = make_pipeline(CONFIDENCES, ATTRIBUTES)
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "Sign", "pattern": "tremor"}])
    nlp.add_pipe("set_ids", before="set_confidences")
    with running(create_app(nlp)) as address:
        yield address


@pytest.fixture
def annotated(open_page: Callable[..., Page], sure_service: str) -> Page:
    """The page with the note above annotated."""
    return annotate(open_page(sure_service), NOTE)


def write(page: Page, text: str) -> None:
    """Put a text into the field. Playwright's fill() takes a minute for thousands of lines."""
    page.get_by_role("textbox", name="Paste a text").evaluate(
        "(field, text) => { field.value = text; field.dispatchEvent(new InputEvent('input', {bubbles: true})); }", text
    )


def annotate(page: Page, text: str, *, grouped: bool = False) -> Page:
    """Put a text into the field and annotate it. The table is grouped by concept only if that is asked for."""
    write(page, text)
    page.locator("#grouped").evaluate("(box, grouped) => { box.checked = grouped; }", grouped)
    page.get_by_role("button", name="Annotate").click()
    expect(page.locator("#status")).to_have_text(re.compile("found|Cancelled"))
    return page


def marked(page: Page) -> list[str]:
    """Return the mentions that are marked in the text."""
    return page.locator("#text mark[tabindex]").all_text_contents()


def rows(page: Page) -> list[list[str]]:
    """Return the cells of the table."""
    return [row.locator("td").all_text_contents() for row in page.locator("#rows tbody tr:not(.group)").all()]


def mentions(page: Page) -> list[str]:
    return [row[0] for row in rows(page)]


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.textContent")


def in_view(page: Page) -> bool:
    """Return whether the focused element is visible in its pane and in the window."""
    return page.evaluate(
        """() => {
            const [line] = document.activeElement.getClientRects();
            return document.activeElement.contains(document.elementFromPoint(line.left + 3, line.top + 3));
        }"""
    )


def test_mentions_are_marked_where_they_are(annotated):
    assert marked(annotated) == ["aspirin", "aspirin", "gout", "heart failure", "tremor"]
    assert annotated.locator("#text").text_content() == NOTE
    assert rows(annotated) == [
        ["aspirin", "Chemical", "", "95.0%", "5–12"],
        ["aspirin", "Chemical", "", "95.0%", "19–26"],
        ["gout", "Disease", "", "60.0%", "31–35"],
        ["heart failure", "Disease", "D006333", "29.9%", "44–57"],
        ["tremor", "Sign", "", "none", "64–70"],
    ]
    expect(annotated.get_by_role("status").filter(has_text="found")).to_have_text(
        "5 entities found: 2 Chemical, 2 Disease, 1 Sign."
    )
    assert annotated.faults == []


def test_each_label_has_its_colour_and_its_name(annotated):
    styles = annotated.locator("#text mark").evaluate_all(
        "marks => marks.map(mark => [mark.dataset.label, getComputedStyle(mark).backgroundColor,"
        " getComputedStyle(mark, '::after').content])"
    )
    colours = {label: colour for label, colour, _ in styles}
    assert len(set(colours.values())) == 3
    assert all(content == f'"{label}"' and colours[label] == colour for label, colour, content in styles)


def test_a_mention_tells_its_confidence_on_hover_and_on_focus(annotated):
    tooltip = annotated.get_by_role("tooltip", include_hidden=True)
    heart, tremor = annotated.locator("mark", has_text="heart failure"), annotated.locator("mark", has_text="tremor")
    # The results may have come up under the pointer.
    annotated.mouse.move(0, 0)
    expect(tooltip).to_be_hidden()
    heart.hover()
    expect(tooltip).to_have_text("Disease, confidence 29.9%, D006333")
    tooltip.hover()
    annotated.wait_for_timeout(400)
    expect(tooltip).to_be_visible()
    annotated.keyboard.press("Escape")
    expect(tooltip).to_be_hidden()
    tremor.focus()
    expect(tooltip).to_have_text("Sign, no confidence reported")
    expect(tremor).to_have_accessible_description("Sign, no confidence reported")
    annotated.locator("h1").hover()
    expect(tooltip).to_be_visible()
    tremor.blur()
    expect(tooltip).to_be_hidden()


@pytest.mark.parametrize(
    "off, least, expected",
    [
        (["Chemical"], 0, ["gout", "heart failure", "tremor"]),
        (["Disease", "Sign"], 0, ["aspirin", "aspirin"]),
        ([], 29, ["aspirin", "aspirin", "gout", "heart failure"]),
        ([], 60, ["aspirin", "aspirin", "gout"]),
        (["Chemical"], 60, ["gout"]),
        (["Chemical"], 61, []),
        (["Chemical", "Disease", "Sign"], 0, []),
    ],
)
def test_filters_leave_what_they_should(annotated, off, least, expected):
    for label in off:
        annotated.get_by_role("checkbox", name=label).uncheck()
    annotated.get_by_role("slider", name="Minimum confidence").fill(str(least))
    expect(annotated.locator("#shown")).to_have_text(f"{len(expected)} of 5 entities shown.")
    assert marked(annotated) == mentions(annotated) == expected
    assert annotated.locator("#text").text_content() == NOTE


@pytest.mark.parametrize(
    "column, upwards, downwards",
    [
        ("Mention", [5, 19, 31, 44, 64], [64, 44, 31, 5, 19]),
        ("Label", [5, 19, 31, 44, 64], [64, 31, 44, 5, 19]),
        ("Position", [64, 44, 31, 19, 5], [5, 19, 31, 44, 64]),
        ("Confidence", [44, 31, 5, 19, 64], [5, 19, 31, 44, 64]),
        ("Code", [44, 5, 19, 31, 64], [44, 5, 19, 31, 64]),
    ],
)
def test_columns_sort_both_ways_and_unknown_values_come_last(annotated, column, upwards, downwards):
    heading = annotated.get_by_role("columnheader", name=column, exact=True)
    for expected in (upwards, downwards):
        heading.get_by_role("button").click()
        assert [int(row[4].partition("–")[0]) for row in rows(annotated)] == expected
        assert heading.get_attribute("aria-sort") in ("ascending", "descending")
    assert annotated.locator("[aria-sort]").count() == 1


def test_json_holds_what_is_shown(annotated):
    annotated.context.grant_permissions(["clipboard-read", "clipboard-write"])
    annotated.get_by_role("checkbox", name="Chemical").uncheck()
    expect(annotated.locator("#shown")).to_have_text("3 of 5 entities shown.")
    annotated.get_by_role("columnheader", name="Confidence").get_by_role("button").click()
    annotated.get_by_role("button", name="Copy as JSON").click()
    expect(annotated.locator("#exported")).to_have_text("Copied 3 entities as JSON.")
    heart = {"text": "heart failure", "label": "Disease", "start": 44, "end": 57, "confidence": 0.299}
    none: dict[str, Any] = {"attributes": {}, "kb_name": None, "states": []}
    assert json.loads(annotated.evaluate("navigator.clipboard.readText()")) == {
        "model": {"name": "en_ner_small", "version": "1.2.3"},
        "offset_unit": "code points",
        "entities": [
            heart | {"kb_id": "D006333"} | none,
            {"text": "gout", "label": "Disease", "start": 31, "end": 35, "confidence": 0.6, "kb_id": None} | none,
            {"text": "tremor", "label": "Sign", "start": 64, "end": 70, "confidence": None, "kb_id": None} | none,
        ],
    }


def test_attributes_are_shown_in_the_table_and_in_the_tooltip(open_page, attributes_service):
    page = annotate(open_page(attributes_service), NOTE)
    dose = ["dose: amount 5, unit mg, frequency (morning, evening), exact yes"]
    checked = ["checked", "ward: history"]
    cells = page.locator("#rows td:nth-child(5)")
    assert [cell.locator("li").all_text_contents() for cell in cells.all()] == [dose, dose, checked, [], []]
    assert page.get_by_role("columnheader").all_text_contents()[2:5] == ["State", "Code", "Attributes"]
    assert [row[2] for row in rows(page)] == ["", "", "denied", "", "present"]
    assert page.locator("#rows .chip").all_text_contents() == ["checked"]
    tooltip = page.get_by_role("tooltip")
    mark = page.locator("mark", has_text="gout")
    mark.focus()
    assert tooltip.locator("li").all_text_contents() == ["checked", "ward: history"]
    assert tooltip.locator(".chip").all_text_contents() == ["checked"]
    expect(mark).to_have_accessible_description("Disease, denied, confidence 60.0% checked ward: history")
    page.locator("mark", has_text="tremor").focus()
    expect(tooltip).to_have_text("Sign, present, no confidence reported")
    heading = page.get_by_role("columnheader", name="Attributes")
    for upwards in (True, False):
        heading.get_by_role("button").click()
        # "checked" comes before "dose"; the mentions without attributes are last.
        expected = ["gout", "aspirin", "aspirin"] if upwards else ["aspirin", "aspirin", "gout"]
        assert mentions(page) == [*expected, "heart failure", "tremor"]
    assert page.faults == []


def test_attributes_are_exported(open_page, attributes_service):
    page = annotate(open_page(attributes_service), NOTE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as JSON").click()
    expect(page.locator("#exported")).to_have_text("Copied 5 entities as JSON.")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    expected = [ATTRIBUTES.get(text, {}) for text in ("aspirin", "aspirin", "gout", "heart failure", "tremor")]
    assert [entity["attributes"] for entity in copied["entities"]] == expected
    read = csv.DictReader(io.StringIO(download(page).decode("utf-8-sig"), newline=""), strict=True)
    read = list(read)
    assert [json.loads(row["attributes"]) for row in read] == expected
    assert [row["states"] for row in read] == ["", "", "denied", "", "present"]


CONTEXT_NOTE = """PMH: gout
ALLERGIES: aspirin
FAMILY HISTORY: Father had gout. 💊
HPI: No evidence of
gout. Possible gout. Start aspirin if needed. Takes aspirin. No gout in 2012.
"""
FOUND = [
    ("past", "past medical history", "past: “PMH”"),
    ("allergy", "allergies", "allergy: “ALLERGIES”"),
    ("family", "family history", "family: “FAMILY HISTORY”"),
    ("denied", "history of present illness", "denied: “No evidence of”"),
    ("possible", "history of present illness", "possible: “Possible”"),
    ("planned", "history of present illness", "planned: “if needed”"),
    ("present", "history of present illness", None),
    ("denied, past", "history of present illness", "denied: “No”"),
]
STATES = ["present", "denied", "past", "possible", "planned", "family", "allergy"]


@pytest.fixture(scope="module")
def context_service() -> Iterator[str]:
    """The address of a service with the project's own sections and context."""
    with running(create_app(make_context_pipeline())) as address:
        yield address


def test_each_mention_shows_its_state_in_words_and_by_a_line(open_page, context_service):
    page = annotate(open_page(context_service), CONTEXT_NOTE)
    assert [row[2:4] for row in rows(page)] == [[state.replace(", ", ""), section] for state, section, _ in FOUND]
    shown = page.locator("#text mark").evaluate_all(
        """marks => marks.map(mark => {
            const style = getComputedStyle(mark);
            return [getComputedStyle(mark, "::after").content.replaceAll('"', ""),
                [style.borderBottomStyle, style.borderTopStyle,
                    getComputedStyle(mark.firstChild).textDecorationLine].join()];
        })"""
    )
    # The filters show the same lines.
    filters = page.locator("#states .state").evaluate_all(
        """all => all.map(one => {
            const style = getComputedStyle(one);
            return [style.borderBottomStyle, style.borderTopStyle, style.textDecorationLine].join();
        })"""
    )
    labels = ["Chemical" if number in (1, 5, 6) else "Disease" for number in range(len(FOUND))]
    assert [words for words, _ in shown] == [
        f"{label} · {state.replace(', ', ' · ')}" for label, (state, _, _) in zip(labels, FOUND, strict=True)
    ]
    lines = {state: line for (state, _, _), (_, line) in zip(FOUND, shown, strict=True)}
    # The line of two states is that of one of them.
    assert lines.pop("denied, past") == lines["denied"]
    assert len(set(lines.values())) == len(STATES)
    assert filters == [lines[state] for state in STATES]
    assert page.faults == []


def test_a_tooltip_has_the_cues_and_the_section(open_page, context_service):
    page = annotate(open_page(context_service), CONTEXT_NOTE)
    tooltip = page.get_by_role("tooltip")
    for mark, (state, section, cue) in zip(page.locator("#text mark").all(), FOUND, strict=True):
        mark.focus()
        items = tooltip.locator("li").all_text_contents()
        assert ("section: " + section) in items[-1] and "LOINC" in items[-1]
        assert cue in items if cue else len(items) == 1
        expect(mark).to_have_accessible_description(re.compile(f"^(Disease|Chemical), {state}, no confidence reported"))
    page.locator("#text mark").first.focus()
    assert tooltip.locator("li").all_text_contents() == [
        "past: “PMH”",
        "section: past medical history (“PMH”, LOINC 11348-0)",
    ]


@pytest.mark.parametrize(
    "off, expected",
    [
        ([], list(range(8))),
        (["denied"], [0, 1, 2, 4, 5, 6]),
        (["past"], [1, 2, 3, 4, 5, 6]),
        (["present", "possible", "planned", "allergy"], [0, 2, 3, 7]),
        (["denied", "past", "possible", "planned", "family", "allergy"], [6]),
        (STATES, []),
    ],
)
def test_states_are_filtered(open_page, context_service, off, expected):
    page = annotate(open_page(context_service), CONTEXT_NOTE)
    boxes = page.get_by_role("group", name="States").get_by_role("checkbox")
    assert [box.get_attribute("value") for box in boxes.all()] == STATES
    for state in off:
        page.get_by_role("checkbox", name=state).uncheck()
    expect(page.locator("#shown")).to_have_text(f"{len(expected)} of 8 entities shown.")
    assert page.locator("#text mark[tabindex]").evaluate_all("all => all.map(one => +one.dataset.number)") == expected
    assert len(rows(page)) == len(expected)


LINKED_NOTE = """PMH: Hypertension, HTN
FAMILY HISTORY: Mother has high blood pressure.
MEDICATIONS: metoprolol 25 mg PO BID PRN palpitations, held
HPI: High dyspnea. No gout. Gout. metoprolol 40 mg daily x 5 days, then 20 mg daily x 5 days, then stop
"""
BROWSER = "https://meshb.nlm.nih.gov/record/ui?ui="
STEPS = "40 mg daily x 5 days, then 20 mg daily x 5 days, then stop"


@pytest.fixture(scope="module")
def linked_service() -> Iterator[str]:
    """The address of a service with the project's own sections, context, linker and medications."""
    with running(create_app(make_linked_pipeline())) as address:
        yield address


@pytest.fixture
def linked(open_page: Callable[..., Page], linked_service: str) -> Page:
    """The page with the note above annotated and the table grouped by concept."""
    return annotate(open_page(linked_service), LINKED_NOTE, grouped=True)


def groups(page: Page) -> list[str]:
    """Return the headings of the groups, without what only screen readers tell."""
    texts = page.locator("#rows .group th").all_text_contents()
    return [text.replace(" in the MeSH browser", "") for text in texts]


def test_the_table_is_grouped_by_concept(linked):
    assert groups(linked) == [
        "Disease Hypertension (D006973): HTN, high blood pressure, 3 mentions",
        "Chemical Metoprolol (D008790): 2 mentions",
        "Disease Dyspnea (H12): 1 mention",
        "Disease gout: 2 mentions",
    ]
    assert mentions(linked) == [
        *["Hypertension", "HTN", "high blood pressure"],
        *["metoprolol", "metoprolol", "dyspnea", "gout", "Gout"],
    ]
    assert linked.locator("#rows thead th:visible").all_text_contents() == [
        *["Mention", "State", "Order", "Section", "Position"]
    ]
    # A heading counts what the filters leave.
    linked.get_by_role("checkbox", name="family").uncheck()
    linked.get_by_role("checkbox", name="denied").uncheck()
    expect(linked.locator("#shown")).to_have_text("5 of 8 entities shown.")
    assert groups(linked)[0] == "Disease Hypertension (D006973): HTN, 2 mentions"
    assert groups(linked)[-2:] == ["Disease Gout: 1 mention", "Chemical Metoprolol (D008790): 1 mention"]
    # Groups are in the order of their first rows.
    linked.get_by_role("columnheader", name="Position").get_by_role("button").click()
    assert [heading.partition(" (")[0] for heading in groups(linked)] == [
        "Chemical Metoprolol",
        "Disease Gout: 1 mention",
        "Disease Dyspnea",
        "Disease Hypertension",
    ]
    linked.get_by_label("Group by concept").uncheck()
    assert groups(linked) == []
    assert linked.locator("#rows thead th:visible").all_text_contents() == [
        *["Mention", "Label", "State", "Code", "Order", "Section", "Position"]
    ]
    assert rows(linked)[-1][:4] == [
        "Hypertension",
        "Disease",
        "past",
        "D006973 in the MeSH browser Hypertension, 98.2%",
    ]
    assert linked.faults == []


def test_the_vocabulary_is_named_and_credited(linked):
    expect(linked.locator("#model")).to_contain_text("Codes are from Small MeSH.")
    expect(linked.locator("footer")).to_contain_text("Courtesy of a test")


def test_codes_of_mesh_link_to_its_browser_and_nothing_is_fetched(linked, linked_service):
    links = linked.locator("#results a[href]")
    found = links.evaluate_all("all => all.map(one => [one.href, one.target, one.rel])")
    # Not the hospital's own H12.
    assert found[:2] == [
        [f"{BROWSER}{identifier}", "_blank", "noopener noreferrer"] for identifier in ("D006973", "D008790")
    ]
    assert all("H12" not in address for address, _, _ in found)
    expect(links.first).to_have_accessible_name("D006973 in the MeSH browser")
    linked.get_by_role("tab", name="Concepts").click()
    assert all(address.startswith(f"{linked_service}/") for address in linked.asked)


@pytest.mark.parametrize(
    ("browser", "expected"),
    [
        # The table of a hospital, with ids that only look like those of MeSH.
        ("", []),
        ("javascript:alert('{id}')", []),
        ("https://example.org/concepts", []),
        ("https://example.org/?concept={id}", ["https://example.org/?concept=D006973"]),
    ],
)
def test_only_the_vocabulary_says_where_codes_link_to(open_page, browser, expected):
    with running(create_app(make_linked_pipeline(browser=browser))) as address:
        page = annotate(open_page(address), "Hypertension.", grouped=True)
        links = page.locator("#rows a[href]")
        assert links.evaluate_all("all => all.map(one => one.href)") == expected
        if expected:
            expect(links.first).to_have_accessible_name("D006973 on example.org")


def test_the_order_is_beside_its_drug(linked):
    orders = [cell.locator("li").all_text_contents() for cell in linked.locator("#rows td:nth-child(3)").all()]
    parts = ["strength: 25 mg", "route: PO", "frequency: BID", "as needed: PRN palpitations", "action: held"]
    assert [order for order in orders if order] == [parts, [f"steps: {STEPS}"]]
    linked.locator("mark", has_text="metoprolol").first.focus()
    told = linked.get_by_role("tooltip").locator("li").all_text_contents()
    assert told[:5] == [
        "strength: 25 mg",
        "route: PO (oral)",
        "frequency: BID (BID, 2 a day)",
        "as needed: PRN palpitations",
        "action: held (hold)",
    ]
    assert told[5] == "certainty of the code: 98.2%"
    expect(linked.get_by_role("tooltip")).to_contain_text("D008790 Metoprolol")


CONCEPTS = [
    ["Disease", "past", "D006973", "Hypertension", "", "5", "2", ""],
    ["Disease", "family", "D006973", "Hypertension", "", "50", "1", ""],
    ["Chemical", "denied", "D008790", "Metoprolol", "25 mg PO BID PRN palpitations", "84", "1", ""],
    ["Disease", "present", "H12", "Dyspnea", "", "141", "1", ""],
    ["Disease", "denied", "", "gout", "", "153", "1", ""],
    ["Disease", "present", "", "Gout", "", "159", "1", ""],
    ["Chemical", "present", "D008790", "Metoprolol", "40 mg daily x 5 days 20 mg daily x 5 days stop", "165", "1", ""],
]


def test_concepts_are_a_table_of_their_own(linked):
    linked.get_by_role("tab", name="Mentions").focus()
    linked.keyboard.press("ArrowRight")
    tab = linked.get_by_role("tab", name="Concepts")
    expect(tab).to_be_focused()
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(linked.locator("#mentions")).to_be_hidden()
    panel = linked.get_by_role("tabpanel", name="Concepts")
    assert panel.locator("th:visible").all_text_contents() == [
        *["Concept", "Code", "Label", "State", "Dose", "Mentions", "First at"]
    ]
    shown = [row.locator("td").all_text_contents() for row in panel.locator("tbody tr").all()]
    plain = [[cell.replace(" in the MeSH browser", "") for cell in row] for row in shown]
    assert plain == [
        [name, code, label, state, dose, number, start] for label, state, code, name, dose, start, number, _ in CONCEPTS
    ]
    content = download(linked, button="Download concepts as CSV", name="concepts.csv").decode("utf-8-sig")
    header, *read = csv.reader(io.StringIO(content, newline=""), strict=True)
    assert header == ["label", "state", "code", "name", "dose", "start", "mentions", "confidence"]
    assert read == CONCEPTS
    expect(linked.locator("#exported")).to_have_text("Downloaded 7 concepts as CSV.")
    panel.get_by_role("button", name="Dyspnea").click()
    assert focused(linked) == "dyspnea"
    linked.keyboard.press("Escape")
    assert focused(linked) == "Dyspnea"
    linked.get_by_role("checkbox", name="past").uncheck()
    expect(panel.locator("tbody tr")).to_have_count(6)
    linked.get_by_role("tab", name="Concepts").press("Home")
    expect(linked.locator("#mentions")).to_be_visible()
    assert linked.faults == []


def test_concepts_have_the_highest_confidence(annotated):
    annotated.get_by_role("tab", name="Concepts").click()
    content = download(annotated, button="Download concepts as CSV", name="concepts.csv").decode("utf-8-sig")
    assert content.splitlines()[1:] == [
        "Chemical,,,aspirin,,5,2,0.95",
        "Disease,,,gout,,31,1,0.6",
        "Disease,,D006333,heart failure,,44,1,0.299",
        "Sign,,,tremor,,64,1,",
    ]


@pytest.mark.parametrize(
    "attributes, told",
    [
        ({"medication": "aspirin"}, ["medication: aspirin"]),
        ({"medication": {"strength": "5 mg"}}, ["medication: strength 5 mg"]),
        ({"medication": {"steps": 5}}, ["medication: steps 5"]),
        ({"medication": {}}, []),
        ({"kb_candidates": "D1", "kb_score": "high"}, ["kb candidates: D1", "kb score: high"]),
        ({"kb_candidates": [{"id": 5}]}, ["kb candidates: (id 5)"]),
        ({"kb_candidates": [], "modifiers": 5}, ["modifiers: 5"]),
    ],
)
def test_attributes_of_another_form_are_shown_as_they_are(open_page, service, attributes, told):
    page = open_page(service)
    entity = {"text": "gout", "label": "Disease", "start": 0, "end": 4, "confidence": None, "kb_id": "D1"}
    answer = {"documents": [{"entities": [entity | {"attributes": attributes}]}], "offset_unit": "", "model": {}}
    page.route("**/v1/annotate", lambda route: route.fulfill(json=answer))
    annotate(page, "gout")
    assert page.locator("#rows li").all_text_contents() == told
    page.get_by_role("tab", name="Concepts").click()
    assert page.locator("#concept-rows tr").count() == 1
    assert page.faults == []


def test_without_a_code_the_candidates_are_told(open_page, service):
    page = open_page(service)
    candidates = [{"id": "D006073", "name": "Gout", "score": 0.3}, {"id": "D2", "name": "Arthritis", "score": 0.011}]
    entity = {"text": "gout", "label": "Disease", "start": 0, "end": 4, "confidence": None, "kb_id": None}
    entity |= {"attributes": {"kb_candidates": candidates, "kb_score": 0.3}}
    answer = {"documents": [{"entities": [entity]}], "offset_unit": "code points", "model": {}}
    page.route("**/v1/annotate", lambda route: route.fulfill(json=answer))
    annotate(page, "gout", grouped=True)
    assert groups(page) == ["Disease gout: 1 mention"]
    page.locator("mark").focus()
    told = page.get_by_role("tooltip").locator("li").all_text_contents()
    assert told == ["no code; candidates: D006073 Gout 30.0%, D2 Arthritis 1.1%"]


def test_composite_mentions_have_several_concepts(open_page, linked_service):
    page = open_page(linked_service)
    entity = {"text": "renal and\nhepatic failure", "label": "Disease", "start": 0, "end": 25, "confidence": 0.5}
    entity |= {"kb_id": "D051437|C000657245"}
    names = [{"id": "D051437|C000657245", "name": "Renal Insufficiency | Liver Failure", "score": 0.8}]
    entity |= {"attributes": {"kb_candidates": names, "kb_score": 0.8}}
    answer = {"documents": [{"entities": [entity]}], "offset_unit": "code points", "model": {}}
    page.route("**/v1/annotate", lambda route: route.fulfill(json=answer))
    annotate(page, "renal and\nhepatic failure", grouped=True)
    assert groups(page) == [
        "Disease Renal Insufficiency | Liver Failure (D051437, C000657245): renal and hepatic failure, 1 mention"
    ]
    addresses = page.locator("#rows a").evaluate_all("all => all.map(one => one.href)")
    assert addresses == [f"{BROWSER}D051437", f"{BROWSER}C000657245"]
    page.get_by_role("tab", name="Concepts").click()
    assert page.locator("#concept-rows td:first-child").all_text_contents() == ["Renal Insufficiency", "Liver Failure"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_codes_orders_and_concepts_are_accessible_and_fit(open_page, linked_service, find_violations, width, dark):
    page = annotate(open_page(linked_service, width=width, dark=dark), LINKED_NOTE, grouped=True)
    page.locator("mark", has_text="metoprolol").first.focus()
    expect(page.get_by_role("tooltip")).to_be_visible()
    for view in ("grouped", "flat", "concepts"):
        if view == "flat":
            page.get_by_label("Group by concept").uncheck()
        if view == "concepts":
            page.get_by_role("tab", name="Concepts").click()
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_states_there_is_no_filter(annotated):
    expect(annotated.get_by_role("group", name="States", include_hidden=True)).to_be_hidden()
    assert not {"State", "Section"} & set(annotated.get_by_role("columnheader").all_text_contents())


def test_without_attributes_there_is_no_column(annotated):
    assert "Attributes" not in annotated.get_by_role("columnheader").all_text_contents()
    assert annotated.locator(".attributes").count() == 0


def test_a_pipeline_that_declares_no_labels_is_described(open_page):
    nlp = spacy.blank("en")
    nlp.add_pipe("first_word")
    nlp.meta.update(name="words", version="1.0.0")
    with running(create_app(nlp)) as address:
        page = annotate(open_page(address), "gout")
        expect(page.locator("#model")).to_have_text("en_words 1.0.0 finds mentions.")
        assert rows(page) == [["gout", "Word", "0–4"]]


def test_json_is_copied_where_the_browser_has_no_clipboard_for_the_page(annotated):
    annotated.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    annotated.get_by_role("button", name="Copy as JSON").click()
    expect(annotated.locator("#exported")).to_have_text("Copied 5 entities as JSON.")
    assert focused(annotated) == "Copy as JSON"
    note = annotated.get_by_role("textbox", name="Paste a text")
    note.fill("")
    note.press("Control+V")
    assert [entity["start"] for entity in json.loads(note.input_value())["entities"]] == [5, 19, 31, 44, 64]


def download(page: Page, *, button: str = "Download as CSV", name: str = "entities.csv") -> bytes:
    with page.expect_download() as downloaded:
        page.get_by_role("button", name=button).click()
    assert downloaded.value.suggested_filename == name
    return Path(downloaded.value.path()).read_bytes()


def test_csv_holds_what_is_shown(annotated):
    annotated.get_by_role("checkbox", name="Chemical").uncheck()
    expect(annotated.locator("#shown")).to_have_text("3 of 5 entities shown.")
    assert download(annotated) == (
        b"\xef\xbb\xbftext,label,start,end,confidence,kb_id,kb_name,dose,attributes,states\r\n"
        b"gout,Disease,31,35,0.6,,,,{},\r\n"
        b"heart failure,Disease,44,57,0.299,D006333,,,{},\r\n"
        b"tremor,Sign,64,70,,,,,{},\r\n"
    )


def download_fhir(page: Page) -> dict[str, Any]:
    return json.loads(download(page, button="Download as FHIR", name="entities.fhir.json"))


def test_fhir_holds_what_is_shown(open_page, context_service):
    page = annotate(open_page(context_service), CONTEXT_NOTE)
    bundle = download_fhir(page)
    Bundle.model_validate(bundle)
    kinds = [each["resource"]["resourceType"] for each in bundle["entry"]]
    conditions, statements = ["Condition"] * 4, ["MedicationStatement"] * 2
    first = ["Condition", "AllergyIntolerance", "FamilyMemberHistory"]
    assert kinds == [*first, *conditions[:2], *statements, "Condition"]
    expect(page.locator("#exported")).to_have_text("Downloaded 8 FHIR resources of 8 entities.")
    page.get_by_role("checkbox", name="Chemical").uncheck()
    page.get_by_role("checkbox", name="family").uncheck()
    expect(page.locator("#shown")).to_have_text("4 of 8 entities shown.")
    shown = download_fhir(page)
    Bundle.model_validate(shown)
    assert [each["resource"]["resourceType"] for each in shown["entry"]] == conditions
    expect(page.locator("#exported")).to_have_text("Downloaded 4 FHIR resources of 4 entities.")
    page.get_by_role("checkbox", name="Disease").uncheck()
    expect(page.locator("#shown")).to_have_text("0 of 8 entities shown.")
    empty = {"resourceType": "Bundle", "type": "collection"}
    assert download_fhir(page) == empty
    assert page.faults == []
    assert all(address.startswith(f"{context_service}/") for address in page.asked if not address.startswith("blob:"))


def test_fhir_counts_what_has_no_resource(open_page, sure_service):
    page = annotate(open_page(sure_service), NOTE)
    bundle = download_fhir(page)
    Bundle.model_validate(bundle)
    expect(page.locator("#exported")).to_have_text("Downloaded 4 FHIR resources of 5 entities.")
    (issue,) = bundle["entry"][-1]["resource"]["issue"]
    assert issue["diagnostics"] == "no FHIR resource for the label Sign (1)"


def test_a_fault_while_fhir_is_made_is_told(open_page, context_service):
    page = annotate(open_page(context_service), "gout")
    page.route("**/v1/fhir", lambda route: route.fulfill(status=503, json={"detail": "The service is not ready"}))
    page.get_by_role("button", name="Download as FHIR").click()
    expect(page.get_by_role("alert")).to_have_text("The service responded with 503: The service is not ready.")
    expect(page.locator("#exported")).to_be_empty()


def test_without_the_library_there_is_no_button(open_page, monkeypatch):
    monkeypatch.setattr(app, "find_spec", lambda name: None)
    with running(create_app(make_pipeline())) as address:
        page = annotate(open_page(address), "gout")
        expect(page.locator("#model")).to_have_text("en_ner_small 1.2.3 finds Chemical and Disease.")
        expect(page.get_by_role("button", name="Download as CSV")).to_be_visible()
        expect(page.get_by_role("button", name="Download as FHIR", include_hidden=True)).to_be_hidden()


def test_csv_keeps_odd_mentions_and_starts_no_formula(open_page, service):
    forms = [
        '=HYPERLINK("http://x")',
        "+1",
        "-gout",
        "@SUM(1,2)",
        "\uff1d1",
        "\t=1",
        "\r=1",
        'say "ah"',
        "a,b",
        "two\nlines",
    ]
    page = open_page(service)
    text = " ".join([*forms, "β-blocker"])
    nothing: dict[str, Any] = {"confidence": None, "kb_id": None, "attributes": {}}
    entities = [
        {"text": form, "label": "Sign", "start": start, "end": start + len(form), **nothing}
        for form in [*forms, "β-blocker"]
        for start in [text.index(form)]
    ]
    answer = {
        "documents": [{"entities": entities}],
        "offset_unit": "code points",
        "model": {"name": "m", "version": "1"},
    }
    page.route("**/v1/annotate", lambda route: route.fulfill(json=answer))
    annotate(page, text)
    read = csv.DictReader(io.StringIO(download(page).decode("utf-8-sig"), newline=""), strict=True)
    assert [row["text"] for row in read] == [f"'{form}" for form in forms[:7]] + [*forms[7:], "β-blocker"]


@pytest.mark.parametrize("press", ["click", "Enter", "Space"])
def test_a_row_leads_to_its_mention_and_escape_back(open_page, sure_service, press):
    page = annotate(
        open_page(sure_service, width=400), "aspirin\n" + "Nothing.\n" * 400 + "gout\n" + "Nothing.\n" * 400
    )
    button = page.get_by_role("cell").get_by_role("button", name="gout")
    if press == "click":
        button.click()
    else:
        button.press(press)
    assert focused(page) == "gout"
    assert page.evaluate("document.activeElement.tagName") == "MARK"
    assert in_view(page)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    assert focused(page) == "gout"


def test_keys_go_from_mention_to_mention(annotated):
    annotated.get_by_role("checkbox", name="Disease").uncheck()
    expect(annotated.locator("#shown")).to_have_text("3 of 5 entities shown.")
    annotated.locator("#text").focus()
    annotated.keyboard.press("Tab")
    steps = []
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowLeft", "Home", "End"):
        annotated.keyboard.press(key)
        steps.append(annotated.evaluate("Number(document.activeElement.dataset.number)"))
    assert steps == [1, 4, 4, 1, 0, 4]
    assert annotated.locator("#text [tabindex='0']").count() == 1
    annotated.keyboard.press("Tab")
    assert annotated.evaluate("document.activeElement.closest('#text')") is None


def test_all_of_it_works_without_a_mouse(open_page, sure_service):
    page = open_page(sure_service)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the text"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("No gout.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#status")).to_have_text("1 entity found: 1 Disease.")
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    wanted = ["annotate", "open", "confidence", "copy", "download", "download-fhir", "text", "gout", "Mention"]
    assert [name for name in reached if name in wanted][:9] == wanted


def test_without_confidences_there_is_no_slider(open_page, service):
    page = annotate(open_page(service), "aspirin for heart failure")
    expect(page.get_by_role("slider", include_hidden=True)).to_be_hidden()
    assert rows(page) == [
        ["aspirin", "Chemical", "", "0–7"],
        ["heart failure", "Disease", "D006333", "12–25"],
    ]
    assert page.get_by_role("columnheader").all_text_contents() == ["Mention", "Label", "Code", "Position"]
    page.locator("mark").first.hover()
    expect(page.get_by_role("tooltip")).to_have_text("Chemical, no confidence reported")


def test_a_text_without_entities_is_shown_without_filters(open_page, service):
    page = annotate(open_page(service), "Nothing.")
    expect(page.locator("#status")).to_have_text("No entities found.")
    expect(page.locator("#text")).to_have_text("Nothing.")
    for name in ("Copy as JSON", "Download as CSV", "Download as FHIR"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    expect(page.get_by_role("table")).to_be_hidden()
    annotate(page, "gout")
    assert mentions(page) == ["gout"]


def test_a_hostile_note_is_shown_and_not_run(open_page, service):
    page = annotate(open_page(service), HOSTILE)
    assert page.locator("#text").text_content() == HOSTILE
    assert marked(page) == ["gout", "aspirin"]
    assert page.locator("main script, main img").count() == 0
    assert page.evaluate("window.hacked") is None
    assert page.faults == []


def test_a_hostile_answer_is_shown_and_not_run(open_page, service):
    page = open_page(service)
    entity = {"text": HOSTILE, "label": HOSTILE, "start": 0, "end": 4, "confidence": 0.5, "kb_id": HOSTILE}
    entity["attributes"] = {f"is_{HOSTILE}": True, HOSTILE: HOSTILE, "__proto__": {HOSTILE: [HOSTILE]}}
    answer = {
        "documents": [{"entities": [entity]}],
        "offset_unit": HOSTILE,
        "model": {"name": HOSTILE, "version": HOSTILE},
    }
    page.route("**/v1/annotate", lambda route: route.fulfill(json=answer))
    annotate(page, "gout")
    page.locator("mark").hover()
    expect(page.get_by_role("tooltip")).to_contain_text(f"{HOSTILE}, confidence 50.0%, {HOSTILE}")
    for place in (page.get_by_role("tooltip"), page.get_by_role("table")):
        assert place.locator("li").all_text_contents() == [
            HOSTILE,
            f"{HOSTILE}: {HOSTILE}",
            f"  proto  : {HOSTILE} ({HOSTILE})",
        ]
    assert page.locator("body img, body script").count() == 0
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("end", ["\n", " "], ids=["lines", "one line"])
def test_200000_characters_stay_responsive(open_page, service, end):
    line = f"Took aspirin 💊 for gout; known heart failure, no complaints otherwise.{end}"
    text = (line * (200_000 // len(line) + 1))[:200_000]
    page = open_page(service)
    write(page, text)
    started = time.perf_counter()
    page.get_by_role("button", name="Annotate").click()
    expect(page.locator("#status")).to_have_text(re.compile("found"))
    assert time.perf_counter() - started < 10
    number = len(make_pipeline()(text).ents)
    assert number > 8000
    assert page.locator("#text").text_content() == text
    assert len(marked(page)) == number
    # The time until what was asked for is laid out and painted.
    for action in (
        "document.querySelector('#labels input').click()",
        "document.querySelector('th [data-key=text]').click()",
        "document.querySelector('#text').scrollTop = 1e6",
    ):
        seconds = page.evaluate(
            "async () => { const start = performance.now(); " + action + ";"
            " await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));"
            " return (performance.now() - start) / 1000; }"
        )
        assert seconds < 2, action
    page.get_by_role("columnheader", name="Position").get_by_role("button").click()
    page.get_by_role("columnheader", name="Position").get_by_role("button").click()
    assert len(rows(page)) == 200
    page.get_by_role("button", name="Show 200 of").click()
    assert len(rows(page)) == 400
    page.locator("#rows td button").first.click()
    assert page.evaluate("document.activeElement.tagName") == "MARK"
    assert in_view(page)
    assert page.faults == []


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.txt")), ids=lambda sample: sample.stem)
def test_every_sample_is_an_example(open_page, service, sample):
    page = open_page(service)
    page.get_by_role("button", name=sample.stem.replace("_", " ").capitalize()).click()
    expect(page.locator("#text")).to_be_visible()
    assert page.locator("#text").text_content() == sample.read_text(encoding="utf8")


def drop(page: Page, content: bytes, name: str = "note.txt") -> None:
    """Drop a file on the page, far from the field."""
    page.evaluate(
        """([bytes, name]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(bytes)], name, {type: "text/plain"}));
            for (const type of ["dragover", "drop"]) {
                const event = new DragEvent(type, {dataTransfer, bubbles: true, cancelable: true});
                if (document.querySelector("footer").dispatchEvent(event)) throw new Error("left to the browser");
            }
        }""",
        [list(content), name],
    )


def test_a_dropped_file_keeps_its_line_ends_until_it_is_edited(open_page, service):
    page = open_page(service)
    drop(page, b"\xef\xbb\xbfNo\r\n\r\ngout")
    expect(page.locator("#status")).to_have_text("Opened note.txt.")
    page.get_by_role("button", name="Annotate").click()
    expect(page.locator("#text")).to_be_visible()
    assert rows(page) == [["gout", "6–10"]]
    assert page.locator("#text").text_content() == "No\r\n\r\ngout"
    note = page.get_by_role("textbox", name="Paste a text")
    annotate(page, f"{note.input_value()}.")
    assert rows(page) == [["gout", "Disease", "4–8"]]


def test_a_file_that_is_no_text_is_refused(open_page, service):
    page = open_page(service)
    annotate(page, "gout")
    drop(page, b"\xff\xfe\x00gout", "scan.pdf")
    expect(page.get_by_role("alert")).to_have_text("scan.pdf cannot be read: it must be a UTF-8 text file.")
    assert page.get_by_role("textbox", name="Paste a text").input_value() == "gout"


def test_a_file_is_opened_with_a_button(open_page, service, tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("no gout 🦶", encoding="utf8")
    page = open_page(service)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a .txt file").click()
    chooser.value.set_files(path)
    expect(page.get_by_role("textbox", name="Paste a text")).to_have_value("no gout 🦶")
    expect(page.locator("#size")).to_have_text("9 characters of at most 250,000")


def fail(page: Page, text: str) -> str:
    """Annotate a text without success, and return the error that the page shows."""
    write(page, text)
    page.get_by_role("button", name="Annotate").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    expect(page.locator("#results")).to_be_hidden()
    expect(page.locator("#status")).to_be_empty()
    return page.get_by_role("alert").text_content()


def test_an_error_of_the_service_is_told_with_its_reason(open_page, service):
    page = annotate(open_page(service), "gout")
    assert (
        fail(page, "boom") == "The service responded with 422: The pipeline failed on 1 of 1 texts (counted from 0): 0."
    )
    annotate(page, "gout")
    expect(page.get_by_role("alert")).to_be_empty()


def test_what_the_service_would_refuse_is_not_sent(open_page):
    with running(create_app(make_pipeline(), Settings(max_characters=10))) as address:
        page = open_page(address)
        expect(page.locator("#size")).to_have_text("0 characters of at most 10")
        assert fail(page, " \n") == "There is no text yet: paste one, drop a file, or choose an example."
        assert fail(page, "a" * 11) == "The text has 11 characters; the service accepts at most 10."
        assert "annotate" not in "".join(page.asked)
        # As many code points as allowed, and more UTF-16 units.
        assert marked(annotate(page, "💊💊💊 gout 💊")) == ["gout"]


@pytest.mark.parametrize(
    "answer, expected",
    [
        (
            {"status": 429, "json": {"detail": "Too many texts are waiting"}, "headers": {"Retry-After": "7"}},
            "The service responded with 429: Too many texts are waiting. Try again in 7 seconds.",
        ),
        (
            {"status": 503, "json": {"detail": "Not ready"}, "headers": {"Retry-After": "1"}},
            "The service responded with 503: Not ready. Try again in 1 second.",
        ),
        ({"status": 502, "body": "<h1>Bad gateway</h1>"}, "The service responded with 502: no reason given."),
        ({"status": 422, "json": {"detail": [{"msg": "odd"}]}}, "The service responded with 422: no reason given."),
        ({"status": 200, "body": "<h1>Log in</h1>"}, "The service's response could not be read."),
        ({"status": 200, "json": {"documents": []}}, "The service's response could not be read."),
        (None, "The service cannot be reached. Is it running?"),
    ],
)
def test_other_faults_on_the_way_are_told_too(open_page, service, answer, expected):
    page = open_page(service)
    headers = {"Retry-After": "no date"} | (answer or {}).get("headers", {})
    page.route(
        "**/v1/annotate", lambda route: route.fulfill(**answer | {"headers": headers}) if answer else route.abort()
    )
    assert fail(page, "gout") == expected
    page.unroute("**/v1/annotate")
    assert marked(annotate(page, "gout")) == ["gout"]


def test_waiting_is_shown_and_can_be_cancelled(open_page, service):
    page = open_page(service)
    gate.clear()
    try:
        write(page, "wait")
        page.get_by_role("button", name="Annotate").click()
        expect(page.locator("#status")).to_have_text("Annotating…")
        expect(page.get_by_role("button", name="Annotate")).to_be_disabled()
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#status")).to_have_text("Cancelled.")
        assert focused(page) == "Annotate"
        expect(page.get_by_role("button", name="Cancel", include_hidden=True)).to_be_hidden()
        expect(page.get_by_role("alert")).to_be_empty()
    finally:
        gate.set()
    assert marked(annotate(page, "gout")) == ["gout"]


def test_a_token_is_asked_for_and_kept_nowhere(open_page):
    with running(create_app(make_pipeline(), Settings(token=SecretStr(TOKEN)))) as address:
        page = open_page(address)
        token = page.get_by_label("Bearer token")
        assert fail(page, "gout") == "The service requires a token."
        expect(token).to_be_focused()
        token.fill("wrong")
        assert fail(page, "gout") == "The service does not accept this token."
        token.fill(TOKEN)
        assert marked(annotate(page, "gout")) == ["gout"]
        expect(page.locator("#model")).to_have_text("en_ner_small 1.2.3 finds Chemical and Disease.")
        assert_nothing_is_stored(page)
        page.reload()
        assert page.get_by_label("Bearer token").input_value() == ""


def assert_nothing_is_stored(page: Page) -> None:
    assert page.context.storage_state(indexed_db=True) == {"cookies": [], "origins": []}
    assert page.evaluate("[sessionStorage.length, caches.keys().then(keys => keys.length)][0]") == 0


def test_nothing_is_stored_or_asked_elsewhere(annotated, sure_service):
    annotated.get_by_role("button", name="Clinic letter").click()
    expect(annotated.locator("#text")).to_contain_text("Lindqvist")
    assert_nothing_is_stored(annotated)
    assert all(address.startswith(f"{sure_service}/") for address in annotated.asked)
    annotated.reload()
    assert annotated.get_by_role("textbox", name="Paste a text").input_value() == ""
    assert annotated.faults == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_states_are_accessible_and_fit(open_page, context_service, find_violations, width, dark):
    page = open_page(context_service, width=width, dark=dark)
    annotate(page, CONTEXT_NOTE)
    for number in range(len(FOUND)):
        page.locator("#text mark").nth(number).focus()
        expect(page.get_by_role("tooltip")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert find_violations(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_the_page_is_accessible_and_fits(open_page, attributes_service, find_violations, width, dark):
    page = open_page(attributes_service, width=width, dark=dark)
    assert find_violations(page) == []
    annotate(page, f"{NOTE} {'gout' * 200} {'💊' * 100}\n" * 20)
    page.locator("mark").first.focus()
    expect(page.get_by_role("tooltip")).to_be_visible()
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    fail(page, " ")
    page.locator("#token-field").evaluate("field => field.hidden = false")
    assert find_violations(page) == []
    # The check would find something if there were something.
    page.evaluate("Object.assign(document.querySelector('h1').style, {color: '#888', backgroundColor: '#777'})")
    assert [violation.partition(":")[0] for violation in find_violations(page)] == ["color-contrast"]
