"""The report as one HTML file, from the templates in page/."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scripts.evaluation.formatting import format_interval, percent
from scripts.reporting.model_card import describe_encoder
from scripts.reporting.plots import draw_plots
from scripts.reporting.score_tables import (
    ceiling_table,
    error_table,
    form_table,
    plain,
    shared_context,
    shown_rows,
    whole,
)
from scripts.reporting.worst_documents import find_worst_documents

TEMPLATES = Path(__file__).parent / "page"
ERROR_FIELDS = ("id", "start", "end", "label", "side", "class", "boundary", "gold", "predicted", "flags")
QUOTED_FIELDS = ("text", "before", "after")

Rows = list[dict[str, Any]]


def make_environment(*, html: bool) -> Environment:
    """Create the environment of the templates.

    html (bool): whether text is escaped for HTML.
    RETURNS (Environment): an environment with the filters that the templates use.
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
        "interval": format_interval,
        "percent": percent,
        "plain": plain,
        "whole": whole,
    }
    return environment


def make_page(scores: dict[str, Any], errors: Rows, predictions: Rows, texts: dict[str, str], *, quoted: bool) -> str:
    """Return the page as one HTML file.

    scores (dict[str, Any]): the content of scores.json.
    errors (list[dict]): the rows of errors.jsonl.
    predictions (list[dict]): the rows of predictions.jsonl.
    texts (dict[str, str]): the documents' texts by id, if the errors quote them.
    quoted (bool): whether the errors quote the documents.
    RETURNS (str): the page.
    """
    # These two are files of the project and need no escaping.
    style, script = (Markup((TEMPLATES / name).read_text(encoding="utf8")) for name in ("style.css", "page.js"))
    kinds = {"by_class": "class", "by_boundary": "boundary", "by_flag": "flag", "by_side": "side"}
    template = make_environment(html=True).get_template("page.html")
    return template.render(
        **shared_context(scores),
        test=scores["corpus"]["test"],
        encoder=describe_encoder(scores["encoder"]),
        headline={name: row for name, row in shown_rows(scores["scores"]).items() if name != "macro"},
        quoted=quoted,
        plots=draw_plots(scores),
        ceiling_table=ceiling_table(scores),
        error_tables=[error_table(scores, field, title) for field, title in kinds.items()],
        form_tables=[form_table(errors, name) for name in ("missed", "spurious")] if quoted else [],
        documents=find_worst_documents(predictions, errors, texts) if quoted else [],
        data={
            "fields": [*ERROR_FIELDS, *QUOTED_FIELDS],
            "rows": [[error.get(field) for field in (*ERROR_FIELDS, *QUOTED_FIELDS)] for error in errors],
        },
        style=style,
        script=script,
        policy=content_policy(style, script),
    )


def content_policy(style: str, script: str) -> str:
    """Return a Content Security Policy that allows a page this style and this script, and blocks all requests.

    Specification: https://www.w3.org/TR/CSP3/

    style (str): the text of the page's style element.
    script (str): the text of the page's script element.
    RETURNS (str): the policy. It allows only images that are embedded in the page.
    """
    hashes = (base64.b64encode(hashlib.sha256(text.encode("utf8")).digest()).decode() for text in (style, script))
    allowed = [f"{kind} 'sha256-{value}'" for kind, value in zip(("style-src", "script-src"), hashes, strict=True)]
    return "; ".join(["default-src 'none'", *allowed, "img-src data:", "base-uri 'none'", "form-action 'none'"])
