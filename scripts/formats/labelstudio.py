"""Label Studio's JSON: tasks with annotations or, as drafts, with predictions; and its smaller export, JSON_MIN.

https://labelstud.io/guide/export and https://labelstud.io/guide/predictions
"""

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from scripts.errors import ProjectError
from scripts.formats.annotated import needed_text, read_rows, span_of
from scripts.formats.drafts import DraftWriter, in_words, least_confidence, mention_details, read_details
from scripts.formats.json_values import read_objects
from scripts.formats.reading import ReadOptions, Source, note_id
from scripts.records.annotated import AnnotatedDocument, Annotation, LeftOut
from scripts.records.documents import Document, Passage

# The names of the tags in the labelling interface, as in Label Studio's own template.
LABELS, TEXT = "label", "text"
# The kinds of results that are spans of a text.
SPANS = ("labels", "hypertextlabels")


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the tasks of an export. One with predictions only is a draft."""
    return read_rows(read_objects(file, source, options), partial(read_task, source), source, "Label Studio's export")


def read_task(source: Source, task: dict[str, Any], number: int) -> AnnotatedDocument | LeftOut:
    """Return the document of a task: its last annotation that was not skipped, or its first prediction."""
    if "data" not in task:
        return read_small_task(source, task, number)
    data = task["data"]
    given = task.get("annotations") or task.get("completions") or []
    done = [each for each in given if not each.get("was_cancelled")]
    if given and not done:
        return LeftOut("skipped_tasks")
    drafts = [each for each in task.get("predictions") or () if isinstance(each, dict)]
    chosen = done[-1] if done else drafts[0] if drafts else {"result": []}
    results = chosen["result"]
    relations = sum(result["type"] == "relation" for result in results)
    left_out = {"relations": relations, "further_annotations_of_a_task": max(len(done) - 1, 0)}
    return AnnotatedDocument(
        next(filter(None, map(note_id, (data.get("note_id"), data.get("id"), task.get("id")))), "")
        or f"{source.stem}:{number}",
        (Passage("note", task_text(data)),),
        tuple(read_results(results)),
        columns=data.get("columns") or {},
        is_draft=not done,
        left_out={name: count for name, count in left_out.items() if count},
    )


def task_text(data: Mapping[str, Any]) -> str:
    """Return the text of a task: "text", or the only string in its data.

    RAISES (ProjectError): it is not clear which that is.
    """
    texts = [value for value in data.values() if isinstance(value, str)]
    if isinstance(data.get(TEXT), str):
        return data[TEXT]
    if len(texts) != 1:
        raise ProjectError("its data has no 'text'", "Name the text of a task 'text' in Label Studio.")
    return texts[0]


def read_results(results: Iterable[Mapping[str, Any]]) -> Iterator[Annotation]:
    """Yield the regions of a text as mentions, with the choices that were made for them as attributes."""
    choices: dict[str, dict[str, Any]] = defaultdict(dict)
    for result in results:
        if result["type"] == "choices" and "id" in result:
            chosen = result["value"]["choices"]
            choices[result["id"]][result["from_name"]] = chosen[0] if len(chosen) == 1 else chosen
    for result in results:
        if result["type"] in SPANS:
            details = {**(result.get("meta") or {}), "score": result.get("score")}
            fields = read_details(details)
            chosen = choices.get(result.get("id", ""), {})
            fields["attributes"] = {**fields["attributes"], **chosen}
            yield from read_region(result["value"], chosen=frozenset(chosen), **fields)


def read_region(value: Mapping[str, Any], **fields: Any) -> Iterator[Annotation]:
    """Yield a mention for each label of a region."""
    place = value.get("globalOffsets") or value
    span = span_of(place["start"], place["end"])
    for label in value.get("labels") or value["hypertextlabels"]:
        yield Annotation(needed_text(label), (span,), value.get("text"), **fields)


def read_small_task(source: Source, task: dict[str, Any], number: int) -> AnnotatedDocument:
    """Return the document of a task in the export JSON_MIN, where the result of each tag has the tag's name."""
    regions = [
        region
        for value in task.values()
        if isinstance(value, list)
        for region in value
        if isinstance(region, dict) and "labels" in region
    ]
    return AnnotatedDocument(
        note_id(task.get("note_id")) or note_id(task.get("id")) or f"{source.stem}:{number}",
        (Passage("note", needed_text(task[TEXT])),),
        tuple(annotation for region in regions for annotation in read_region(region)),
        columns=task.get("columns") or {},
    )


class LabelStudioWriter(DraftWriter):
    """A task for each note, with its mentions as one prediction, in a list of all tasks.

    "data" has "text", "note_id" and "columns". The prediction has "model_version", "score", which is the lowest of its
    regions, and "result": a region for each mention with its "score", and in "meta" what an annotator reads and
    "kb_id" and "attributes".
    """

    suffix = ".labelstudio.json"
    opening, between, closing = "[\n", ",\n", "\n]\n"

    def make_row(self, document: Document) -> dict[str, Any]:
        results = [self.make_result(document, number) for number in range(len(document.mentions))]
        prediction = {"model_version": self.options.system, "result": results}
        row = {
            "data": {"text": document.text, "note_id": document.id, "columns": dict(document.columns)},
            "predictions": [prediction],
        }
        least = least_confidence(self.confidences(row))
        return row if least is None else {**row, "predictions": [{**prediction, "score": least}]}

    def make_result(self, document: Document, number: int) -> dict[str, Any]:
        """Return a mention as a region."""
        mention = document.mentions[number]
        details = mention_details(mention)
        score = details.pop("score", None)
        words = in_words(mention)
        meta = {**({"text": words} if words else {}), **details}
        return {
            "id": f"m{number + 1}",
            "from_name": LABELS,
            "to_name": TEXT,
            "type": "labels",
            "value": {
                "start": mention.start,
                "end": mention.end,
                "text": document.text[mention.start : mention.end],
                "labels": [mention.label],
            },
            **({} if score is None else {"score": score}),
            **({"meta": meta} if meta else {}),
        }

    @staticmethod
    def confidences(row: dict[str, Any]) -> list[float]:
        results = row["predictions"][0]["result"]
        return [result["score"] for result in results if "score" in result]
