"""The report's figures against scores.json, its errors against errors.jsonl, hostile text, the page in a browser."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lxml.html
import pytest
import srsly
from playwright.sync_api import Page

from scripts.errors import ProjectError
from scripts.evaluation.formatting import percent
from scripts.records.bigbio import document_text, write_records
from scripts.report import report, report_cli
from tests.marked import make_record
from tests.runs import CONFIDENCE, LABELS, MARKED, Run, make_run

pytest_plugins = ("tests.browser",)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that predicts nothing, for Chemical."""
    return make_run(tmp_path_factory.mktemp("empty"), rules={"Disease": ["no such text"]})


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose errors were written without text."""
    return make_run(tmp_path_factory.mktemp("private"), text=False)


def read_table(run: Run, title: str) -> dict[str, list[str]]:
    """Return a table's cells by the name of the row."""
    *_, table = [table for table in run.tree().iter("table") if table.find("caption").text == title]
    rows = [[cell.text_content() for cell in row] for row in table.find("tbody")]
    return {name: cells for name, *cells in rows}


def read_data(run: Run) -> list[dict[str, Any]]:
    """Return the errors that are in the page."""
    data = json.loads(run.tree().get_element_by_id("data").text)
    return [dict(zip(data["fields"], row, strict=True)) for row in data["rows"]]


def shown(row: dict[str, Any], measure: str) -> str:
    """Return a measure with its interval as the report shows it."""
    bounds = row["intervals"][measure]
    return (
        f"{percent(row[measure])} ({percent(bounds[0])} to {percent(bounds[1])})" if bounds else percent(row[measure])
    )


def test_fixture_has_every_class_of_error(run: Run) -> None:
    assert {error["class"] for error in run.errors} == {"boundary", "wrong_label", "missed", "spurious"}
    assert {"too_short_left", "merged"} <= {error["boundary"] for error in run.errors}


def test_headline_is_that_of_the_scores(run: Run) -> None:
    rows = read_table(run, "Strict scores by label")
    expected = {
        name: [
            *(shown(row, measure) for measure in ("precision", "recall", "f1")),
            *(str(row.get(outcome, "-")) for outcome in ("tp", "fp", "fn")),
        ]
        for name, row in run.scores["scores"].items()
    }
    assert rows == expected
    assert list(rows) == ["Chemical", "Disease", "micro", "macro"]


def test_peers_are_shown_on_the_labels_that_they_give(run: Run) -> None:
    rows = read_table(run, "The run beside published systems")
    peers = run.scores["peers"]
    f1 = {name: shown(peers[name]["Chemical" if name == "Peer" else "Disease"], "f1") for name in ("Peer", "Other<b>")}
    where = "scored here, by the same scorer"
    assert rows["Peer"] == [f1["Peer"], "-", "-", where]
    assert rows["Other<b>"] == ["-", f1["Other<b>"], "-", where]
    together = peers["Other<b> + Peer"]["micro"]
    assert rows["Other<b> + Peer"] == [f1["Peer"], f1["Other<b>"], shown(together, "f1"), where]
    assert rows["tiny_rules"][-1] == "this run"


def test_slices_and_ceiling_are_those_of_the_scores(run: Run) -> None:
    rows = read_table(run, "Scores by slice")
    for part in run.scores["slices"]:
        micro, labels = part["scores"]["micro"], [part["scores"][label]["f1"] for label in LABELS]
        cells = rows[f"{part['group']}: {part['part']}"]
        assert cells[0] == str(micro["tp"] + micro["fn"])
        assert cells[1:] == [percent(value) for value in (micro["precision"], micro["recall"], micro["f1"], *labels)]
    assert len(rows) == len(run.scores["slices"])
    ceiling = run.scores["ceiling"]["micro"]
    cells = read_table(run, "Recall ceiling")["micro"]
    assert (cells[0], cells[3], cells[5]) == (
        str(ceiling["annotations"]),
        str(ceiling["mentions"]),
        percent(ceiling["recall"]),
    )


def test_error_classes_add_up_to_false_positives_and_negatives(run: Run) -> None:
    micro = run.scores["scores"]["micro"]
    for title in ("Errors by class", "Errors by side"):
        assert sum(int(cells[-1]) for cells in read_table(run, title).values()) == micro["fp"] + micro["fn"]
    assert len(read_data(run)) == micro["fp"] + micro["fn"]


def test_page_holds_every_error_as_it_was_written(run: Run) -> None:
    assert read_data(run) == run.errors


def test_commonest_forms_are_counted(run: Run) -> None:
    assert read_table(run, "Commonest missed forms")["tremor"] == ["Disease", "50", "46"]
    assert read_table(run, "Commonest spurious forms") == {
        "aspirin": ["Chemical", "45", "45"],
        "placebo": ["Chemical", "1", "1"],
    }


def test_documents_keep_their_text_and_the_worst_come_first(run: Run) -> None:
    documents = run.tree().xpath("//details[contains(@class, 'document')]")
    names = [document.xpath(".//span[@class='id']")[0].text for document in documents]
    counts = [sum(error["id"] == name for error in run.errors) for name in names]
    assert len(documents) == 30
    assert counts == sorted(counts, reverse=True)
    for name, document in zip(names, documents, strict=True):
        for note in document.xpath(".//p[@class='text']//small"):
            note.drop_tree()
        text = document_text(make_record(MARKED[name]))
        assert document.xpath(".//p[@class='text']")[0].text_content() == text
        marked = {number for mark in document.xpath(".//@data-errors") for number in mark.split()}
        assert marked == {str(place) for place, error in enumerate(run.errors) if error["id"] == name}


def test_text_is_escaped_and_the_page_has_no_other_script(run: Run) -> None:
    source = run.page.read_text(encoding="utf8")
    assert source.count("<script") == source.count("</script>") == 2
    assert not run.tree().xpath("//img")
    assert "&lt;script&gt;window.hacked" in source
    assert "<b>" not in source.partition('<script type="application/json"')[0]


def test_page_without_text_quotes_nothing(private: Run) -> None:
    source = private.page.read_text(encoding="utf8") + private.page.with_suffix(".md").read_text(encoding="utf8")
    assert not re.search("tremor|dopa|hacked|renal|placebo", source)
    assert "written without the documents" in source
    assert [error["text"] for error in read_data(private)] == [None] * len(private.errors)


def test_records_are_not_needed_without_text(private: Run, tmp_path: Path) -> None:
    before = private.page.read_bytes()
    report(private.metrics, tmp_path / "missing")
    assert private.page.read_bytes() == before


def test_undefined_scores_are_dashes(empty: Run) -> None:
    rows = read_table(empty, "Strict scores by label")
    missed = empty.scores["scores"]["micro"]["fn"]
    assert rows["micro"] == ["-", "0.00 (0.00 to 0.00)", "0.00 (0.00 to 0.00)", "0", "0", str(missed)]
    assert {error["class"] for error in read_data(empty)} == {"missed"}
    assert "nan" not in empty.page.read_text(encoding="utf8").lower().split("<script")[0]


def test_a_run_without_errors_and_log_has_a_report(run: Run, tmp_path: Path) -> None:
    scores = run.scores | {"learning": None, "encoder": None}
    scores["errors"]["total"] = 0
    srsly.write_json(tmp_path / "scores.json", scores)
    srsly.write_jsonl(tmp_path / "errors.jsonl", [])
    srsly.write_jsonl(tmp_path / "predictions.jsonl", [{"id": "1", "gold": [], "predicted": []}])
    source = report(tmp_path, run.records).read_text(encoding="utf8")
    assert "No document has an error" in source
    assert "There are no learning curves" in source


def test_confidences_are_shown_where_there_are_some(run: Run, tmp_path: Path) -> None:
    assert not run.tree().xpath("//figure[@id='reliability']")
    metrics = shutil.copytree(run.metrics, tmp_path / "tiny_rules")
    (metrics / "scores.json").write_text(json.dumps(run.scores | {"confidence": CONFIDENCE}))
    page = lxml.html.fromstring(report(metrics, run.records).read_text(encoding="utf8"))
    (figure,) = page.xpath("//figure[@id='reliability']")
    assert "Expected calibration error 0.1000" in figure.text_content()
    assert "0.80 to 0.87" in figure.text_content()
    assert page.xpath("//caption[contains(., 'Entities at or above a confidence')]/..//td[. = '75.00']")


def test_ids_are_shown_where_there_are_some(run: Run, tmp_path: Path) -> None:
    linked = Run(tmp_path)
    shutil.copytree(run.metrics, linked.metrics)
    measured = json.loads(Path("metrics/bc5cdr_minilm_linked/scores.json").read_text(encoding="utf8"))
    scores = run.scores | {"linking": measured["linking"]}
    (linked.metrics / "scores.json").write_text(json.dumps(scores), encoding="utf8")
    report(linked.metrics, run.records)
    assert read_table(linked, "Ids of gold mentions")["micro"][0] == "9,718"
    assert read_table(linked, "Ids of documents")["DNorm"][3].startswith("80.62")
    assert "Linked to shared_mesh (56,357 concepts and 212,482 names)" in linked.tree().text_content()
    assert [link.get("href") for link in linked.tree().iter("a")].count("#linking") == 1
    assert "#linking" not in run.page.read_text(encoding="utf8")


def test_same_input_gives_the_same_bytes(run: Run) -> None:
    files = (run.page, run.page.with_suffix(".md"))
    before = [path.read_bytes() for path in files]
    report(run.metrics, run.records)
    assert [path.read_bytes() for path in files] == before


def copy_run(run: Run, folder: Path) -> Path:
    for name in ("scores.json", "errors.jsonl", "predictions.jsonl"):
        (folder / name).write_bytes((run.metrics / name).read_bytes())
    return folder


@pytest.mark.parametrize("name", ["scores.json", "errors.jsonl", "predictions.jsonl"])
def test_a_missing_or_damaged_file_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    folder = copy_run(run, tmp_path)
    (folder / name).write_text('{"half":')
    with pytest.raises(ProjectError, match="damaged"):
        report(folder, run.records)
    (folder / name).unlink()
    with pytest.raises(ProjectError, match=f"lacks {name}"):
        report(folder, run.records)
    assert not (folder / "report.html").exists()


def test_files_of_two_runs_are_refused(run: Run, empty: Run, tmp_path: Path) -> None:
    folder = copy_run(run, tmp_path)
    (folder / "predictions.jsonl").write_bytes((empty.metrics / "predictions.jsonl").read_bytes())
    with pytest.raises(ProjectError, match="not from one run"):
        report(folder, run.records)


def test_other_documents_are_refused_without_quoting_them(run: Run, tmp_path: Path) -> None:
    write_records([make_record("Another [Disease secret].", document_id="boundary")], tmp_path / "test.jsonl")
    with pytest.raises(ProjectError, match="other documents") as caught:
        report(run.metrics, tmp_path)
    assert "secret" not in str(caught.value)
    with pytest.raises(ProjectError, match="is not there"):
        report(run.metrics, tmp_path / "missing")


def test_command_says_what_is_missing_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        report_cli(tmp_path, tmp_path)
    assert caught.value.code == 1
    assert "lacks scores.json, errors.jsonl, predictions.jsonl" in " ".join(capsys.readouterr().out.split())


@pytest.fixture
def page(run: Run, open_page: Callable[..., Page]) -> Iterator[Page]:
    """The report in a browser; at the end of the test nothing may have gone wrong in it."""
    opened = open_page(run.page.as_uri())
    yield opened
    assert opened.faults == []
    assert opened.asked == [run.page.as_uri()]


def listed(page: Page) -> list[str]:
    """Return the place of each listed error after all were asked for."""
    while page.locator("#more").is_visible():
        page.locator("#more").click()
    return page.locator("#rows .where").all_inner_texts()


def places(errors: list[dict[str, Any]]) -> list[str]:
    return [f"{error['id']}, {error['start']} to {error['end']}" for error in errors]


def test_page_loads_and_lists_all_errors_in_steps(page: Page, run: Run) -> None:
    assert len(run.errors) > 100
    assert page.locator("#count").inner_text() == f"{len(run.errors)} of {len(run.errors)} errors"
    assert page.locator("#rows > li").count() == 100
    assert listed(page) == places(run.errors)


@pytest.mark.parametrize(
    ("chosen", "holds"),
    [
        ({"kind": "boundary"}, lambda error: error["class"] == "boundary"),
        ({"kind": "wrong_label"}, lambda error: error["class"] == "wrong_label"),
        ({"kind": "missed"}, lambda error: error["class"] == "missed"),
        ({"kind": "spurious"}, lambda error: error["class"] == "spurious"),
        ({"kind": "too_short_left"}, lambda error: error["boundary"] == "too_short_left"),
        ({"label": "Chemical"}, lambda error: error["label"] == "Chemical"),
        ({"side": "false_positive"}, lambda error: error["side"] == "false_positive"),
        ({"flag": "hyphenated"}, lambda error: "hyphenated" in error["flags"]),
        ({"flag": "digits", "label": "Chemical"}, lambda error: {"digits"} <= {*error["flags"]}),
        (
            {"kind": "missed", "label": "Disease"},
            lambda error: (error["class"], error["label"]) == ("missed", "Disease"),
        ),
        ({"kind": "spurious", "label": "Disease"}, lambda error: False),
    ],
)
def test_filter_shows_exactly_its_errors(
    page: Page, run: Run, chosen: dict[str, str], holds: Callable[[dict], bool]
) -> None:
    for name, value in chosen.items():
        page.select_option(f"[name={name}]", value)
    expected = [error for error in run.errors if holds(error)]
    assert page.locator("#count").inner_text() == f"{len(expected)} of {len(run.errors)} errors"
    assert listed(page) == places(expected)
    ids = page.locator("details.document:visible .id").all_inner_texts()
    assert set(ids) <= {error["id"] for error in expected}
    marks = page.locator("mark[data-errors]:not(.filtered)").evaluate_all("marks => marks.map(m => m.dataset.errors)")
    assert all(any(holds(run.errors[int(number)]) for number in mark.split()) for mark in marks)


@pytest.mark.parametrize(
    ("search", "holds"),
    [
        ("boundary", lambda error: error["id"] == "boundary"),
        ("TREM", lambda error: "trem" in error["text"].lower()),
        ("</script>", lambda error: "</script>" in error["text"]),
        ("no such", lambda error: False),
    ],
)
def test_search_finds_text_and_documents(page: Page, run: Run, search: str, holds: Callable[[dict], bool]) -> None:
    page.get_by_label("Text or document id").fill(search)
    assert listed(page) == places([error for error in run.errors if holds(error)])


def test_filters_work_from_the_keyboard(page: Page, run: Run) -> None:
    missed = sum(error["class"] == "missed" for error in run.errors)
    assert missed > 0
    page.locator("[name=kind]").focus()
    page.keyboard.type("mis")
    assert page.locator("#count").inner_text() == f"{missed} of {len(run.errors)} errors"
    for name in ("label", "flag", "side", "search"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name") == name
    page.keyboard.type("no such text")
    assert page.locator("#count").inner_text() == f"0 of {len(run.errors)} errors"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('rows').childElementCount === 100")
    assert page.locator("#count").inner_text() == f"{len(run.errors)} of {len(run.errors)} errors"


def test_enter_in_the_search_keeps_the_page(page: Page) -> None:
    page.locator("[name=search]").fill("tremor")
    page.keyboard.press("Enter")
    assert page.locator("[name=search]").input_value() == "tremor"


def test_show_more_moves_the_focus_to_the_first_new_error(page: Page) -> None:
    page.locator("#more").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("[...document.getElementById('rows').children].indexOf(document.activeElement)") == 100


def test_hostile_document_is_shown_and_not_run(page: Page) -> None:
    page.get_by_label("Text or document id").fill("hostile")
    document = page.locator("details.document:visible")
    document.evaluate("document => { document.open = true; }")
    assert "<script>window.hacked = 1</script> <img src=x onerror=" in document.locator(".text").inner_text()
    assert "</script>gout" in page.locator("#rows b").all_inner_texts()
    assert page.evaluate("window.hacked") is None


def test_policy_lets_no_other_script_run_and_nothing_load(run: Run, open_page: Callable[..., Page]) -> None:
    page = open_page(run.page.as_uri())
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.hacked = 3'}))")
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    page.wait_for_timeout(100)
    assert page.evaluate("window.hacked") is None
    assert "http://127.0.0.1:9/x.png: csp" in page.faults
    assert sum("violates the following Content Security Policy" in fault for fault in page.faults) == 2


def test_excerpts_count_code_points(page: Page) -> None:
    page.get_by_label("Text or document id").fill("merged")
    sides = page.locator("#rows .sides").all_inner_texts()
    assert "gold: Disease “severe renal failure”; predicted: Disease “renal failure”" in sides


def test_page_does_not_scroll_sideways(run: Run, private: Run, open_page: Callable[..., Page]) -> None:
    for each in (run, private):
        page = open_page(each.page.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
        for width in (320, 400, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.faults == []


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1600, False)], ids=["400-dark", "1600-light"])
def test_page_is_accessible(
    run: Run, open_page: Callable[..., Page], find_violations: Callable[..., list[str]], width: int, dark: bool
) -> None:
    page = open_page(run.page.as_uri(), width=width, dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    # What is left has every class, and does not take a minute.
    page.evaluate(
        "document.querySelectorAll('.document:nth-of-type(n+6), li:nth-of-type(n+21)').forEach(e => e.remove())"
    )
    assert page.locator("#rows .missed, #rows .spurious, #rows .boundary, #rows .wrong_label").count() > 10
    assert find_violations(page) == []
    page.evaluate("document.querySelector('h1').style = 'color: #777; background: #888'")
    assert [fault.partition(":")[0] for fault in find_violations(page, within="h1")] == ["color-contrast"]


def test_plots_have_a_title_a_description_and_a_table(page: Page, run: Run) -> None:
    plots = page.locator("svg[role=img]")
    assert plots.count() == page.locator("figure table").count() == 5
    described = plots.evaluate_all("plots => plots.map(plot => plot.querySelector('desc').textContent)")
    by_class = run.scores["errors"]["by_class"]["missed"]
    assert any(f"missed: {by_class['Chemical']} Chemical, {by_class['Disease']} Disease" in text for text in described)
    assert all(plots.evaluate_all("plots => plots.map(plot => plot.querySelector('title').textContent.length > 5)"))
