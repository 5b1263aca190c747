"""Write the output of `evaluate` as an HTML page and as a model card.

In: scores.json, errors.jsonl and predictions.jsonl in metrics/<run>, and assets/<profile>/test.jsonl. Out, in the same
folder: report.html, one file that works offline and quotes documents if errors.jsonl does; report.md, which doesn't.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place
from scripts.records.bigbio import document_id, document_text, read_records
from scripts.reporting.html_page import Rows, make_environment, make_page
from scripts.reporting.model_card import make_card


def read_evaluation(metrics: Path) -> tuple[dict[str, Any], Rows, Rows]:
    """Read the output of `evaluate`.

    metrics (Path): the run's folder.
    RETURNS (tuple): the content of scores.json, errors.jsonl and predictions.jsonl.
    RAISES (ProjectError): a file is missing or damaged, or the files are from different runs.
    """
    paths = [metrics / name for name in ("scores.json", "errors.jsonl", "predictions.jsonl")]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise ProjectError(f"{metrics} lacks {', '.join(missing)}", "Run first: spacy project run evaluate")
    try:
        # srsly reads 0.802529 as 0.8025289999999999, which would end up in the card's metadata.
        scores = json.loads(paths[0].read_text(encoding="utf8"))
        errors, predictions = (list(srsly.read_jsonl(path)) for path in paths[1:])
        total, wrong = scores["errors"]["total"], sum(map(count_errors, predictions))
    except (KeyError, TypeError, ValueError) as error:
        raise ProjectError(
            f"The files in {metrics} are damaged, or were not written by evaluate", "Run: spacy project run evaluate"
        ) from error
    if not total == len(errors) == wrong:
        raise ProjectError(
            f"The files in {metrics} are not from one run: scores.json counts {total:,} errors, errors.jsonl has"
            f" {len(errors):,}, and predictions.jsonl {wrong:,}",
            "Run: spacy project run evaluate",
        )
    return scores, errors, predictions


def count_errors(row: dict[str, Any]) -> int:
    """Count the mentions of a document that are on only one side."""
    return len({*map(tuple, row["gold"])} ^ {*map(tuple, row["predicted"])})


def read_texts(records: Path, errors: Rows) -> dict[str, str]:
    """Read the texts of the test split, and check that the errors quote them.

    records (Path): the folder with test.jsonl.
    errors (list[dict]): the rows of errors.jsonl, with text.
    RETURNS (dict[str, str]): text by document id.
    RAISES (ProjectError): the file is missing or has other documents.
    """
    path = records / "test.jsonl"
    if not path.is_file():
        raise ProjectError(f"{path} is not there", "Run first: spacy project run fetch-corpus")
    texts = {document_id(record): document_text(record) for record in read_records(path)}
    for error in errors:
        if texts.get(error["id"], "")[error["start"] : error["end"]] != error["text"]:
            raise ProjectError(
                f"The errors are from other documents than those in {path}: '{error['id']}' differs or is missing",
                "Use the folder that the run was scored on, or run evaluate again.",
            )
    return texts


def report(metrics: Path, records: Path) -> Path:
    """Write report.html and report.md of a run, both or neither.

    metrics (Path): the run's folder, with scores.json, errors.jsonl and predictions.jsonl.
    records (Path): the folder with test.jsonl; it is not read if the errors are without text.
    RETURNS (Path): the page.
    RAISES (ProjectError): a file is missing, or the files don't belong together.
    """
    scores, errors, predictions = read_evaluation(metrics)
    quoted = all("text" in error for error in errors)
    texts = read_texts(records, errors) if quoted and errors else {}
    page = make_page(scores, errors, predictions, texts, quoted=quoted)
    card = str(make_card(scores, make_environment(html=False)))
    with (
        moved_into_place(metrics / "report.html") as page_file,
        moved_into_place(metrics / "report.md") as card_file,
    ):
        page_file.write_text(page, encoding="utf8", newline="\n")
        card_file.write_text(card, encoding="utf8", newline="\n")
    return metrics / "report.html"


def report_cli(
    metrics: Annotated[Path, typer.Argument(help="Folder of the run in metrics")],
    records: Annotated[Path, typer.Argument(help="Folder with test.jsonl")],
) -> None:
    """Write report.html and report.md from the output of evaluate."""
    with shown_to_user():
        page = report(metrics, records)
    msg.good(f"The report is {page}, the model card {page.with_suffix('.md')}")


if __name__ == "__main__":
    typer.run(report_cli)
