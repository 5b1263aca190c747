"""Write what `evaluate` found as a page that people read and as a model card.

In: scores.json, errors.jsonl and predictions.jsonl in metrics/<run>, and assets/<profile>/test.jsonl. Out, beside them:
report.html, one file that needs no network and quotes documents where errors.jsonl does; report.md, which quotes none.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.evaluation.tables import percent, show_interval
from scripts.files import moved_into_place
from scripts.records.bigbio import SPLITS, document_id, document_text, read_records
from scripts.reporting.documents import worst_documents
from scripts.reporting.model_card import describe_encoder, make_card
from scripts.reporting.plots import draw_plots
from scripts.reporting.tables import (
    ceiling_table,
    error_table,
    form_table,
    other_table,
    peer_table,
    plain,
    published_systems,
    score_table,
    shown_rows,
    slice_table,
    threshold_table,
    whole,
)

TEMPLATES = Path(__file__).parent / "reporting" / "page"
FIELDS = ("id", "start", "end", "label", "side", "class", "boundary", "gold", "predicted", "flags")
QUOTES = ("text", "before", "after")

Rows = list[dict[str, Any]]


def read_run(metrics: Path) -> tuple[dict[str, Any], Rows, Rows]:
    """Read what `evaluate` left.

    metrics (Path): the run's folder.
    RETURNS (tuple): what scores.json, errors.jsonl and predictions.jsonl hold.
    RAISES (ProjectError): a file is missing or damaged, or they are not of one run.
    """
    paths = [metrics / name for name in ("scores.json", "errors.jsonl", "predictions.jsonl")]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise ProjectError(f"{metrics} lacks {', '.join(missing)}", "Run first: spacy project run evaluate")
    try:
        # srsly reads 0.802529 as 0.8025289999999999, and these figures go into the card's metadata.
        scores = json.loads(paths[0].read_text(encoding="utf8"))
        errors, predictions = (list(srsly.read_jsonl(path)) for path in paths[1:])
        total, wrong = scores["errors"]["total"], sum(map(count_errors, predictions))
    except (KeyError, TypeError, ValueError) as error:
        raise ProjectError(
            f"What is in {metrics} was not written by evaluate, or is damaged", "Run: spacy project run evaluate"
        ) from error
    if not total == len(errors) == wrong:
        raise ProjectError(
            f"The files in {metrics} are not of one run: scores.json counts {total:,} errors, errors.jsonl has"
            f" {len(errors):,}, and predictions.jsonl {wrong:,}",
            "Run: spacy project run evaluate",
        )
    return scores, errors, predictions


def count_errors(row: dict[str, Any]) -> int:
    """Count the mentions of a document that are on one side only."""
    return len({*map(tuple, row["gold"])} ^ {*map(tuple, row["predicted"])})


def read_texts(records: Path, errors: Rows) -> dict[str, str]:
    """Read the texts of the test split, and check that they are those that the errors quote.

    records (Path): the folder with test.jsonl.
    errors (list[dict]): the lines of errors.jsonl, with text.
    RETURNS (dict[str, str]): text by document id.
    RAISES (ProjectError): the file is missing, or holds other documents.
    """
    path = records / "test.jsonl"
    if not path.is_file():
        raise ProjectError(f"{path} is not there", "Run first: spacy project run fetch-corpus")
    texts = {document_id(record): document_text(record) for record in read_records(path)}
    for error in errors:
        if texts.get(error["id"], "")[error["start"] : error["end"]] != error["text"]:
            raise ProjectError(
                f"The errors are about other documents than those in {path}: '{error['id']}' differs or is missing",
                "Give the folder that the run was scored on, or run evaluate again.",
            )
    return texts


def make_environment(*, html: bool) -> Environment:
    """Give what fills the templates.

    html (bool): whether text is escaped for HTML, or written as it is.
    RETURNS (Environment): with the filters that the templates use.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf8"),
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "cell": lambda text: str(text).replace("|", "\\|").replace("\n", " "),
        "interval": show_interval,
        "percent": percent,
        "plain": plain,
        "whole": whole,
    }
    return environment


def make_page(scores: dict[str, Any], errors: Rows, predictions: Rows, texts: dict[str, str], *, quoted: bool) -> str:
    """Give the page as one HTML file.

    scores (dict[str, Any]): what scores.json holds.
    errors (list[dict]): the lines of errors.jsonl.
    predictions (list[dict]): the lines of predictions.jsonl.
    texts (dict[str, str]): the documents' texts by id, if the errors quote them.
    quoted (bool): whether they do.
    RETURNS (str): the page.
    """
    # These two are files of ours, not text from a run.
    style, script = (Markup((TEMPLATES / name).read_text(encoding="utf8")) for name in ("style.css", "page.js"))
    kinds = {"by_class": "class", "by_boundary": "boundary", "by_flag": "flag", "by_side": "side"}
    template = make_environment(html=True).get_template("page.html")
    return template.render(
        scores=scores,
        test=scores["corpus"]["test"],
        splits=SPLITS,
        encoder=describe_encoder(scores["encoder"]),
        headline={name: row for name, row in shown_rows(scores["scores"]).items() if name != "macro"},
        quoted=quoted,
        published=published_systems(scores),
        plots=draw_plots(scores),
        score_table=score_table(scores),
        peer_table=peer_table(scores),
        slice_table=slice_table(scores),
        ceiling_table=ceiling_table(scores),
        other_table=other_table(scores),
        threshold_table=threshold_table(scores),
        error_tables=[error_table(scores, field, title) for field, title in kinds.items()],
        form_tables=[form_table(errors, name) for name in ("missed", "spurious")] if quoted else [],
        documents=worst_documents(predictions, errors, texts) if quoted else [],
        data={
            "fields": [*FIELDS, *QUOTES],
            "rows": [[error.get(field) for field in (*FIELDS, *QUOTES)] for error in errors],
        },
        style=style,
        script=script,
        policy=content_policy(style, script),
    )


def content_policy(style: str, script: str) -> str:
    """Give a Content Security Policy that lets a page use this style and this script, and load nothing.

    Specification: https://www.w3.org/TR/CSP3/

    style (str): the text of the page's style element.
    script (str): the text of the page's script element.
    RETURNS (str): the policy; of images, only those that are in the page itself.
    """
    hashes = (base64.b64encode(hashlib.sha256(text.encode("utf8")).digest()).decode() for text in (style, script))
    allowed = [f"{kind} 'sha256-{value}'" for kind, value in zip(("style-src", "script-src"), hashes, strict=True)]
    return "; ".join(["default-src 'none'", *allowed, "img-src data:", "base-uri 'none'", "form-action 'none'"])


def report(metrics: Path, records: Path) -> Path:
    """Write report.html and report.md of a run. Neither is written before both are made.

    metrics (Path): the run's folder, with scores.json, errors.jsonl and predictions.jsonl.
    records (Path): the folder with test.jsonl; it is not read where the errors are without text.
    RETURNS (Path): the page.
    RAISES (ProjectError): something is missing, or does not belong together.
    """
    scores, errors, predictions = read_run(metrics)
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
    """Write report.html and report.md from what evaluate found."""
    with shown_to_user():
        page = report(metrics, records)
    msg.good(f"The report is {page}, the model card {page.with_suffix('.md')}")


if __name__ == "__main__":
    typer.run(report_cli)
