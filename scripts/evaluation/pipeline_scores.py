"""Score a pipeline on the test split by all the rules of this folder, and write what was found.

Out: scores.json, errors.jsonl and predictions.jsonl, and attribute_errors.jsonl if the corpus has attributes.
`scripts.evaluate` is its command line.
"""

import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

from scripts.annotation.mentions import doc_mentions
from scripts.clinical_ner.partial import remove_unannotated
from scripts.evaluation.attribute_scores import score_attributes
from scripts.evaluation.ceiling import recall_ceiling
from scripts.evaluation.error_analysis import analyse, summarize_errors
from scripts.evaluation.inputs import EvaluationData, read_evaluation_data, read_training_log
from scripts.evaluation.linking_scores import score_linking
from scripts.evaluation.peers import score_peers
from scripts.evaluation.reliability import score_confidence
from scripts.evaluation.scoring import (
    DRAWS,
    ScoredDocument,
    count_outcomes,
    labels_of,
    match_key,
    pair,
    score,
    score_relaxed,
)
from scripts.evaluation.slices import collect_names, read_context, score_slices
from scripts.evaluation.splits import Split
from scripts.evaluation.word_scores import score_words
from scripts.files import moved_into_place
from scripts.gpu import ON_CPU_IN_PROJECT, use_gpu
from scripts.pipelines import gives_confidence, load_pipeline
from scripts.records.bigbio import document_id, document_text
from scripts.records.mentions import Mention, flat_mentions, label_names

SCORING_PACKAGES = ("spacy", "spacy-transformers", "transformers", "torch", "numpy", "seqeval", "nervaluate", "bioc")


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """The options of `evaluate`.

    labels (dict[str, str]): label by pattern of the entity type.
    seed (int): the seed of the bootstrap.
    encoder (Path | None): the folder of the encoder.
    log (Path | None): the training log.
    peers (Path | None): a folder with the output of published systems.
    text (bool): whether errors.jsonl quotes the documents. Switch it off if they are private and the file is shared.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    command (str): the command line, which is kept with the scores.
    """

    labels: dict[str, str]
    seed: int = 0
    encoder: Path | None = None
    log: Path | None = None
    peers: Path | None = None
    text: bool = True
    gpu_id: int = -1
    command: str = ""


def score_split(model: str, split: Split, *, gpu_id: int = -1) -> list[ScoredDocument]:
    """Run a pipeline over a split, and pair what it finds with the annotated mentions, as `evaluate` does.

    model (str): the pipeline: a folder, a wheel or an installed package.
    split (Split): the documents.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    RETURNS (list[ScoredDocument]): the documents, sorted by id.
    RAISES (ProjectError): a file is missing, or the inputs don't belong together.
    """
    use_gpu(gpu_id, advice=ON_CPU_IN_PROJECT)
    nlp = load_pipeline(model)
    data = read_evaluation_data(split.source, split.corpus, nlp.vocab, split.labels, split=split.name)
    return pair_mentions(data, predict_docs(nlp, data), split.labels)


def evaluate(model: str, source: Path, corpus: Path, output: Path, options: EvaluationOptions) -> dict[str, Any]:
    """Score a pipeline on the test split. Files are written only after everything is computed and the scorers agree.

    scores.json does not quote the documents. Its fields:

    run, command, seed, draws: the folder's name, the command line, the seed and number of the bootstrap's draws.
    model, encoder, corpus, versions: the pipeline's meta, encoder.json, convert's counts and hashes, packages.
    labels: the labels on either side. All tables "by label" have them and "micro" ("macro" where stated).
    scores: the main scores. BioCreative's strict scores over the annotations' own offsets, by label, micro and macro:
        tp, fp, fn (not for macro), precision, recall, f1, intervals ([low, high] by measure). None if undefined.
    words: "scores", the same over whole tokens, confirmed by seqeval's strict IOB2 scores and spaCy's scorer; "spacy",
        the output of spaCy's scorer (ents_p, ents_r, ents_f, ents_per_type).
    relaxed: nervaluate's strict, exact, partial and type scores by label.
    slices: a list of {group, part, scores (by label, micro and macro, without intervals)}.
    ceiling: what is out of reach by label, see `ceiling.recall_ceiling`.
    errors: the counts of errors, see `error_analysis.summarize_errors`; errors.jsonl lists them, see `analyse`.
    attributes: the scores of attributes and sections, see `attribute_scores.score_attributes`; None if the corpus has
        no gold for what the pipeline assigns. attribute_errors.jsonl lists the errors on gold mentions.
    confidence: how far confidences can be trusted, see `score_confidence`; None if the pipeline gives none.
    linking: the scores of the ids of mentions, see `score_linking`; None if the pipeline has no linker.
    learning: a list of {epoch, step, losses, precision, recall, f1} on dev from the training log; None without a log.
    peers: the table of `scores` for each published system; empty if there are none.

    predictions.jsonl has the id and the gold and predicted mentions of each document as [start, end, label].

    model (str): the pipeline: a folder, a wheel or an installed package.
    source (Path): the folder with train.jsonl and test.jsonl.
    corpus (Path): the folder with test.spacy and report.json.
    output (Path): the folder for the files.
    options (EvaluationOptions): how to score, and what to score beside the pipeline.
    RETURNS (dict[str, Any]): the content of scores.json.
    RAISES (ProjectError): a file is missing, the inputs don't belong together, or the scorers don't agree.
    """
    use_gpu(options.gpu_id, advice=ON_CPU_IN_PROJECT)
    learning = read_training_log(options.log) if options.log else None
    nlp = load_pipeline(model)
    data = read_evaluation_data(source, corpus, nlp.vocab, options.labels)
    start = time.perf_counter()
    predicted = predict_docs(nlp, data)
    predicting = time.perf_counter() - start
    tables, errors, documents = score_predictions(data, predicted, options)
    gold = {document.id: document.gold for document in documents}
    attributes, attribute_errors = score_attributes(nlp, data, predicted, seed=options.seed, text=options.text)
    scores = {
        "run": output.name,
        "command": options.command,
        "seed": options.seed,
        "draws": DRAWS,
        **describe_run(nlp, options.encoder, data.report, corpus),
        **tables,
        "attributes": attributes,
        "confidence": score_confidence(documents, predicted) if gives_confidence(nlp) else None,
        "linking": score_linking(
            nlp,
            {document_id(record): document_text(record) for record in data.records},
            gold,
            predicted,
            seed=options.seed,
            peers=options.peers,
        ),
        "learning": learning,
        "peers": score_peers(options.peers, gold, seed=options.seed) if options.peers else {},
    }
    write_evaluation(scores, errors, documents, output)
    write_attribute_errors(attribute_errors, output / "attribute_errors.jsonl")
    msg.info(f"Prediction took {predicting:.1f} s, scoring {time.perf_counter() - start - predicting:.1f} s")
    return scores


def predict_docs(nlp: Language, data: EvaluationData) -> dict[str, Doc]:
    """Run a pipeline over documents, with a progress bar.

    nlp (Language): the pipeline.
    data (EvaluationData): the corpus.
    RETURNS (dict[str, Doc]): the pipeline's documents, by document id, without entities whose label was not annotated.
    """
    texts = [document_text(record) for record in data.records]
    stream = tqdm(nlp.pipe(texts), total=len(texts), desc="Predicting", unit="doc", file=sys.stderr, disable=None)
    docs = {document_id(record): doc for record, doc in zip(data.records, stream, strict=True)}
    for key, doc in docs.items():
        remove_unannotated(doc, data.gold[key])
    return docs


def pair_mentions(data: EvaluationData, predicted: dict[str, Doc], labels: dict[str, str]) -> list[ScoredDocument]:
    """Return the annotated and the predicted mentions of each document, both as flat spans."""
    annotated = {document_id(record): flat_mentions(record, labels) for record in data.records}
    return pair(annotated, {key: doc_mentions(doc) for key, doc in predicted.items()})


def score_predictions(
    data: EvaluationData, predicted: dict[str, Doc], options: EvaluationOptions
) -> tuple[dict[str, Any], list[dict[str, Any]], list[ScoredDocument]]:
    """Compute the scores and the errors of predictions.

    data (EvaluationData): the corpus.
    predicted (dict[str, Doc]): the pipeline's documents, by document id.
    options (EvaluationOptions): labels, seed, and whether errors quote the documents.
    RETURNS (tuple): the tables of scores.json, the errors, and the documents with the mentions of both sides.
    RAISES (ProjectError): the scorers do not agree, or a document is on one side only.
    """
    labels = options.labels
    documents = pair_mentions(data, predicted, labels)
    names = labels_of(documents, label_names(labels))
    training_names = collect_names(data.training, labels)
    contexts = {document_id(record): read_context(record, labels) for record in data.records}
    on_tokens = {key: set(map(match_key, doc_mentions(doc))) for key, doc in data.gold.items()}
    errors = list(analyse(documents, contexts, training_names, text=options.text))
    scores = {
        "labels": names,
        "scores": score(count_outcomes(documents, names), names, seed=options.seed),
        "words": score_words(data.gold, predicted, names),
        "relaxed": score_relaxed(documents, names),
        "slices": score_slices(documents, contexts, training_names, names),
        "ceiling": recall_ceiling(data.records, on_tokens, labels),
        "errors": summarize_errors(errors, names),
    }
    return scores, errors, documents


def describe_run(nlp: Language, encoder: Path | None, report: dict[str, Any], corpus: Path) -> dict[str, Any]:
    """Return which pipeline was scored on which corpus, with which versions.

    nlp (Language): the pipeline.
    encoder (Path | None): the folder of its encoder.
    report (dict[str, Any]): the report of `convert`.
    corpus (Path): the folder of the converted corpus.
    RETURNS (dict): the fields "model", "encoder", "corpus" and "versions" of scores.json.
    """
    source = encoder / "encoder.json" if encoder else None
    known = srsly.read_json(source) if source and source.is_file() else {"encoder": encoder.name} if encoder else None
    return {
        "model": {key: nlp.meta[key] for key in ("lang", "name", "version", "pipeline", "base") if key in nlp.meta},
        "encoder": known,
        "corpus": {"profile": corpus.name, **report},
        "versions": {"python": platform.python_version()} | {name: version(name) for name in SCORING_PACKAGES},
    }


def write_evaluation(
    scores: dict[str, Any], errors: list[dict[str, Any]], documents: list[ScoredDocument], output: Path
) -> None:
    """Write the three files, and move them into place when all of them are complete.

    scores (dict[str, Any]): the content of scores.json.
    errors (list[dict]): the rows of errors.jsonl.
    documents (list[ScoredDocument]): the documents of predictions.jsonl.
    output (Path): the folder. Other files in it are kept.
    """
    with (
        moved_into_place(output / "scores.json") as scores_file,
        moved_into_place(output / "errors.jsonl") as errors_file,
        moved_into_place(output / "predictions.jsonl") as predictions_file,
    ):
        srsly.write_json(scores_file, scores)
        srsly.write_jsonl(errors_file, errors)
        srsly.write_jsonl(predictions_file, map(prediction_row, documents))


def write_attribute_errors(rows: list[dict[str, Any]] | None, path: Path) -> None:
    """Write the errors of attributes. Without attributes there is no file, and an older one is removed."""
    if rows is None:
        path.unlink(missing_ok=True)
        return
    with moved_into_place(path) as partial:
        srsly.write_jsonl(partial, rows)


def prediction_row(document: ScoredDocument) -> dict[str, Any]:
    """Return a document's mentions without text, as a row of predictions.jsonl."""
    return {"id": document.id, "gold": to_lists(document.gold), "predicted": to_lists(document.predicted)}


def to_lists(mentions: Sequence[Mention]) -> list[list[Any]]:
    """Return mentions as [start, end, label]."""
    return [list(match_key(mention)) for mention in mentions]
