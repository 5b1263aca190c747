"""Tables of the scores as text, which both the report's page and the model card show.

In: the content of scores.json and errors.jsonl. Measures are in percent; undefined ones are a dash.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scripts.catalog.corpora import PublishedResult, find_corpus
from scripts.evaluation.formatting import format_interval, percent
from scripts.evaluation.scoring import MEASURES
from scripts.evaluation.slices import surface_form
from scripts.records.bigbio import SPLITS

OUTCOMES = ("tp", "fp", "fn")
AVERAGES = ("micro", "macro")
FORMS_SHOWN = 20
OTHER_SCHEMES = {
    "exact": "The same offsets, whatever the label",
    "partial": "An overlap counts half, whatever the label",
    "type": "An overlap with the right label",
}


@dataclass(frozen=True)
class Table:
    """A table of text.

    title (str): what it shows.
    header (tuple[str, ...]): the names of the columns.
    rows (Sequence[tuple[str, ...]]): the cells; the first cell of a row names it.
    """

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


ORDER_MEASURES = {"text": "Text", "overlap": "Text, overlap", "value": "Value", "tie": "Drug"}


def plain(name: str) -> str:
    """Return a field's name as words."""
    return name.replace("_", " ")


def whole(number: int | None) -> str:
    """Return a count, or a dash if there is none."""
    return "-" if number is None else f"{number:,}"


def with_interval(row: dict[str, Any], measure: str) -> str:
    """Return a measure and its 95% interval."""
    bounds = row["intervals"][measure]
    return f"{percent(row[measure])} ({format_interval(bounds)})" if bounds else percent(row[measure])


def shown_rows(table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Remove the averages if there is only one label, which they would repeat."""
    return table if len(table) > 3 else {name: row for name, row in table.items() if name not in AVERAGES}


def shared_context(scores: dict[str, Any]) -> dict[str, Any]:
    """Return what both the report and the model card show, by the names in their templates.

    scores (dict[str, Any]): the content of scores.json.
    RETURNS (dict[str, Any]): the scores, the published systems and the tables.
    """
    return {
        "scores": scores,
        "splits": SPLITS,
        "published": published_systems(scores),
        "score_table": score_table(scores),
        "peer_table": peer_table(scores),
        "slice_table": slice_table(scores),
        "other_table": other_table(scores),
        "threshold_table": threshold_table(scores),
        "attribute_tables": attribute_tables(scores),
        "linking_tables": linking_tables(scores),
        "vocabulary": describe_vocabulary(scores),
    }


def score_table(scores: dict[str, Any]) -> Table:
    """Return the main scores: strict, with intervals, by label, micro and macro."""
    rows = [
        (name, *(with_interval(row, measure) for measure in MEASURES), *(whole(row.get(key)) for key in OUTCOMES))
        for name, row in shown_rows(scores["scores"]).items()
    ]
    header = ("Label", "Precision (95% interval)", "Recall (95% interval)", "F1 (95% interval)", "TP", "FP", "FN")
    return Table("Strict scores by label", header, rows)


def published_systems(scores: dict[str, Any]) -> Sequence[PublishedResult]:
    """Return the published results on the corpus of a run."""
    return find_corpus(scores["corpus"]["profile"]).published


def peer_table(scores: dict[str, Any]) -> Table:
    """Compare the run with published systems. Only systems that predict all labels have a micro average."""
    columns = [*scores["labels"], *(["micro"] if len(scores["labels"]) > 1 else [])]
    rows = []
    for system, table in {scores["run"]: scores["scores"], **scores["peers"]}.items():
        known = table if set(scores["labels"]) <= table.keys() else {k: v for k, v in table.items() if k != "micro"}
        cells = (with_interval(known[name], "f1") if name in known else "-" for name in columns)
        rows.append((system, *cells, "this run" if system == scores["run"] else "scored here, by the same scorer"))
    for quoted in published_systems(scores):
        rows.append((quoted.system, *(quoted.f1.get(name, "-") for name in columns), "published, not scored here"))
    header = ("System", *(f"{name} F1" for name in columns), "Where the figure is from")
    return Table("The run beside published systems", header, rows)


def slice_table(scores: dict[str, Any]) -> Table:
    """Return the scores on parts of the test split."""
    rows = []
    for part in scores["slices"]:
        micro = part["scores"]["micro"]
        mentions = whole(micro["tp"] + micro["fn"])
        rows.append((f"{part['group']}: {part['part']}", mentions, *measure_cells(part["scores"], scores["labels"])))
    return Table("Scores by slice", ("Slice", "Mentions", *measure_names(scores["labels"])), rows)


def measure_cells(table: dict[str, dict[str, Any]], labels: list[str]) -> list[str]:
    """Return precision, recall and F1 over all labels, then F1 by label."""
    micro = [percent(table["micro"][measure]) for measure in MEASURES]
    return micro + [percent(table[label]["f1"]) for label in labels]


def measure_names(labels: list[str]) -> list[str]:
    """Return the names of the columns that `measure_cells` fills."""
    return ["Precision", "Recall", "F1", *(f"{label} F1" for label in labels)]


def ceiling_table(scores: dict[str, Any]) -> Table:
    """Return what flat entities on whole tokens cannot reach."""
    counts = ("annotations", "discontinuous", "overlaps_removed", "mentions", "off_boundary")
    shares = ("recall", "recall_of_annotations")
    rows = [
        (name, *(whole(row[key]) for key in counts), *(percent(row[key]) for key in shares))
        for name, row in scores["ceiling"].items()
    ]
    highest = ("Highest recall of mentions", "Highest recall of annotations")
    return Table("Recall ceiling", ("Label", *(plain(key).capitalize() for key in counts), *highest), rows)


def other_table(scores: dict[str, Any]) -> Table:
    """Return the scores by other rules than BioCreative's."""
    schemes = {"Whole tokens, strict (seqeval, spaCy)": scores["words"]["scores"]}
    for scheme, title in OTHER_SCHEMES.items():
        schemes[title] = {name: row[scheme] for name, row in scores["relaxed"].items()}
    rows = [(title, *measure_cells(table, scores["labels"])) for title, table in schemes.items()]
    return Table("Scores by other rules", ("Rule", *measure_names(scores["labels"])), rows)


def threshold_table(scores: dict[str, Any]) -> Table | None:
    """Return what remains when entities below a confidence are dropped, or None if the pipeline gives none."""
    confidence = scores.get("confidence")
    if not confidence:
        return None
    rows = [
        (f"{row['threshold']:.2f}", whole(row["entities"]), percent(row["precision"]), percent(row["recall"]))
        for row in confidence["thresholds"]
    ]
    return Table("Entities at or above a confidence", ("Confidence", "Entities", "Precision", "Recall"), rows)


def attribute_tables(scores: dict[str, Any]) -> list[Table]:
    """Return the tables of attributes and sections; none if the corpus has no gold for what the pipeline assigns."""
    found = scores.get("attributes")
    if not found:
        return []
    tables = [attribute_table(found), attribute_error_table(found)] if found["names"] else []
    tables += [order_table(found["orders"])] if found.get("orders") else []
    return tables + ([section_table(found["sections"])] if found["sections"] else [])


def order_table(found: dict[str, Any]) -> Table:
    """Return the F1 of the attributes of medications' orders: of their text, their value and their tie to the drug."""
    sides = found["gold_spans"], found["end_to_end"]
    rows = []
    for name, row in sides[0]["text"].items():
        gold = whole(row["tp"] + row["fn"]) if "tp" in row else "-"
        measures = [percent(side[measure][name]["f1"]) for side in sides for measure in ORDER_MEASURES]
        rows.append((plain(name), gold, *measures))
    shown = ORDER_MEASURES.values()
    header = ("Attribute", "Gold", *shown, *(f"{text}, end to end" for text in shown))
    return Table("F1 of the orders of medications, on gold drugs and end to end", header, rows)


def attribute_table(found: dict[str, Any]) -> Table:
    """Return the scores of attributes on gold mentions and end to end."""
    rows = []
    for name, row in found["gold_spans"].items():
        other = found["end_to_end"][name]
        gold = whole(row["tp"] + row["fn"]) if "tp" in row else "-"
        measures = [percent(row["precision"]), percent(row["recall"]), with_interval(row, "f1")]
        rows.append((name, gold, *measures, *(percent(other[measure]) for measure in MEASURES)))
    shown = ("Precision", "Recall", "F1")
    header = ("Attribute", "Gold", *shown, *(f"{name}, end to end" for name in shown))
    return Table("Attributes of gold mentions, and end to end", header, rows)


def attribute_error_table(found: dict[str, Any]) -> Table:
    """Return the most frequent kinds of errors of attributes on gold mentions."""
    rows = [
        (row["attribute"], plain(row["side"]), row["label"], plain(row["section"]), row["cue"], whole(row["count"]))
        for row in found["errors"][:FORMS_SHOWN]
    ]
    header = ("Attribute", "Side", "Label", "Section", "Cues found", "Errors")
    return Table("Commonest errors of attributes", header, rows)


def section_table(found: dict[str, Any]) -> Table:
    """Return the scores of sections by category, and the share of mentions in the right one."""
    rows = [
        (plain(name), whole(row["tp"] + row["fn"]), *(percent(row[measure]) for measure in MEASURES))
        for name, row in found["scores"].items()
        if name != "macro"
    ]
    micro = found["starts"]["micro"]
    rows.append(("micro, by the title's start", "-", *(percent(micro[measure]) for measure in MEASURES)))
    rows.append(("mentions in the right section", whole(found["mentions"]), percent(found["accuracy"]), "-", "-"))
    return Table("Sections", ("Category", "Gold", "Precision", "Recall", "F1"), rows)


def linking_tables(scores: dict[str, Any]) -> list[Table]:
    """Return the tables of ids; none if the pipeline links nothing, or the corpus has no ids."""
    found = scores.get("linking")
    return [accuracy_table(found["accuracy"]), id_table(found["documents"], scores["run"])] if found else []


def accuracy_table(accuracy: dict[str, dict[str, Any]]) -> Table:
    """Return how often the id of a gold mention is the linker's first candidate, or one of its first five."""
    named = accuracy if len(accuracy) > 2 else {name: row for name, row in accuracy.items() if name not in AVERAGES}
    rows = [
        (
            name,
            whole(row["mentions"]),
            *(with_interval(row, measure) for measure in ("accuracy_at_1", "accuracy_at_5")),
            *(percent(row[measure]) for measure in ("exact", "reachable")),
        )
        for name, row in named.items()
    ]
    at = ("Accuracy at 1 (95% interval)", "Accuracy at 5 (95% interval)")
    return Table("Ids of gold mentions", ("Label", "Mentions", *at, "All ids right", "In the vocabulary"), rows)


def id_table(documents: dict[str, dict[str, dict[str, Any]]], run: str) -> Table:
    """Return the scores of the ids of documents: on gold mentions, end to end, and of published systems.

    documents (dict): the scores by label, of "gold_mentions", "pipeline" and each published system.
    run (str): the name of the run.
    RETURNS (Table): a row for each of them and label.
    """
    names = {"gold_mentions": f"{run}, on gold mentions", "pipeline": f"{run}, end to end"}
    rows = [
        (names.get(system, system), label, *(with_interval(row, measure) for measure in MEASURES))
        for system, table in documents.items()
        for label, row in shown_rows(table).items()
        if label != "macro"
    ]
    measures = (f"{measure.capitalize()} (95% interval)" for measure in MEASURES)
    return Table("Ids of documents", ("System", "Label", *measures), rows)


def describe_vocabulary(scores: dict[str, Any]) -> str:
    """Return the title and size of the vocabulary that a run was linked with; "" without one."""
    found = (scores.get("linking") or {}).get("vocabulary")
    if not found:
        return ""
    title = found["title"] or found["name"] or "a vocabulary without a name"
    size = " and ".join(f"{whole(found[key])} {key}" for key in ("concepts", "names") if found.get(key))
    return f"{title} ({size})" if size else title


def error_table(scores: dict[str, Any], field: str, title: str) -> Table:
    """Return the counts of errors by class, kind of boundary, flag or side.

    scores (dict[str, Any]): the content of scores.json.
    field (str): "by_class", "by_boundary", "by_flag" or "by_side".
    title (str): the title of the table and of its first column.
    RETURNS (Table): counts by name and label.
    """
    labels = scores["labels"]
    rows = [
        (plain(name), *(whole(counts[label]) for label in labels), whole(sum(counts.values())))
        for name, counts in scores["errors"][field].items()
    ]
    return Table(f"Errors by {title}", (title.capitalize(), *labels, "All"), rows)


def form_table(errors: list[dict[str, Any]], error_class: str) -> Table:
    """Return the most common surface forms of a class of errors.

    errors (list[dict]): the errors, with text.
    error_class (str): "missed" or "spurious".
    RETURNS (Table): the number of errors and documents of each form, the most common first, in its first spelling.
    """
    spellings: dict[tuple[str, str], str] = {}
    documents: dict[tuple[str, str], set[str]] = defaultdict(set)
    counts: Counter[tuple[str, str]] = Counter()
    for error in errors:
        if error["class"] == error_class:
            form = surface_form(error["text"]), error["label"]
            spellings.setdefault(form, " ".join(error["text"].split()))
            documents[form].add(error["id"])
            counts[form] += 1
    commonest = sorted(counts, key=lambda form: (-counts[form], form))[:FORMS_SHOWN]
    rows = [(spellings[form], form[1], whole(counts[form]), whole(len(documents[form]))) for form in commonest]
    return Table(f"Commonest {error_class} forms", ("Surface form", "Label", "Errors", "Documents"), rows)
