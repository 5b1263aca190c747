"""The model card in Hugging Face's format: the intended use of a pipeline and its scores, without quotations.

`package` adds it to the wheel as README. Format: https://huggingface.co/docs/hub/model-cards
"""

import re
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from jinja2 import Environment

from scripts.catalog.corpora import find_corpora, find_corpus, package_name
from scripts.evaluation.scoring import MEASURES
from scripts.reporting.score_tables import (
    error_table,
    shared_context,
    shown_rows,
)

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def make_card(scores: dict[str, Any], environment: Environment) -> ModelCard:
    """Write the model card of a scored pipeline.

    scores (dict[str, Any]): the content of scores.json.
    environment (Environment): has the template card.md and does not escape for HTML.
    RETURNS (ModelCard): the card with metadata and text.
    """
    body = environment.get_template("card.md").render(
        **shared_context(scores),
        name=model_name(scores),
        encoder=describe_encoder(scores["encoder"]),
        corpus=find_corpus(scores["corpus"]["profile"]),
        unseen=seen_and_unseen(scores),
        error_tables=[error_table(scores, "by_class", "class"), error_table(scores, "by_flag", "flag")],
    )
    return ModelCard(f"---\n{card_data(scores).to_yaml()}\n---\n\n{body.strip()}\n")


def model_name(scores: dict[str, Any]) -> str:
    """Return the name of the package that `package` builds of the pipeline, or that was scored."""
    model, encoder = scores["model"], scores["encoder"]
    name = f"ner_{package_name(scores['corpus']['profile'])}_{encoder['encoder']}" if encoder else model["name"]
    return f"{model['lang']}_{name}"


def card_data(scores: dict[str, Any]) -> ModelCardData:
    """Return the card's metadata with the scores as a model index."""
    datasets = [corpus.dataset for corpus in find_corpora(scores["corpus"]["profile"]) if corpus.dataset]
    source = (scores["encoder"] or {}).get("source", "")
    # A folder's name can look like a repository's, but has no revision.
    on_hub = HUB_NAME.fullmatch(source) and scores["encoder"].get("revision")
    return ModelCardData(
        language=scores["model"]["lang"],
        license="mit",
        library_name="spacy",
        pipeline_tag="token-classification",
        tags=["spacy", "token-classification", "named-entity-recognition", "biomedical", "clinical"],
        datasets=datasets or None,
        metrics=list(MEASURES),
        base_model=source if on_hub else None,
        model_name=model_name(scores),
        eval_results=eval_results(scores) or None,
    )


def eval_results(scores: dict[str, Any]) -> list[EvalResult]:
    """Return each defined score by label, micro and macro, as entries of a model index."""
    profile = scores["corpus"]["profile"]
    corpus = find_corpus(profile)
    return [
        EvalResult(
            task_type="token-classification",
            task_name="Named entity recognition, strict mentions",
            dataset_type=corpus.dataset or profile,
            dataset_name=corpus.name,
            dataset_split="test",
            metric_type=measure,
            metric_name=f"{measure.capitalize()}, {name}",
            metric_value=row[measure],
        )
        for name, row in shown_rows(scores["scores"]).items()
        for measure in MEASURES
        if row[measure] is not None
    ]


def describe_encoder(encoder: dict[str, Any] | None) -> str:
    """Return the name and source of an encoder; of a folder only its name, because a path says too much."""
    if not encoder:
        return "not stated"
    source, revision = encoder.get("source", ""), encoder.get("revision")
    if not revision:
        return " from the folder ".join(filter(None, (encoder["encoder"], re.split(r"[\\/]", source)[-1])))
    return f"{encoder['encoder']} from {source}, revision {revision}"


def seen_and_unseen(scores: dict[str, Any]) -> dict[str, float] | None:
    """Return micro F1 on seen and on unseen names, or None if one of them is undefined."""
    parts = {part["part"]: part["scores"]["micro"]["f1"] for part in scores["slices"] if part["group"] == "training"}
    return parts if len(parts) == 2 and None not in parts.values() else None
