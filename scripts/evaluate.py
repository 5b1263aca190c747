"""Score a trained pipeline on the test split, with intervals, slices, peers, and every error sorted and shown.

In: training/<run>/model-best, assets/<profile>, corpus/<profile>. Out: metrics/<run>/scores.json, errors.jsonl and
predictions.jsonl; other files in that folder stay. Only errors.jsonl quotes the documents.
"""

import platform
import shlex
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy
import srsly
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from tqdm import tqdm
from wasabi import msg

from scripts.catalog.corpora import choose_labels
from scripts.errors import ProjectError, shown_to_user
from scripts.evaluation.ceiling import recall_ceiling
from scripts.evaluation.error_analysis import analyse, summarize
from scripts.evaluation.peers import score_peers
from scripts.evaluation.reliability import calibration_error, reliability, thresholds
from scripts.evaluation.scoring import (
    DRAWS,
    MEASURES,
    Document,
    count,
    labels_of,
    number,
    pair,
    place,
    score,
    score_relaxed,
)
from scripts.evaluation.slices import collect_names, read_context, score_slices
from scripts.evaluation.tables import show_scores
from scripts.evaluation.word_scores import score_words
from scripts.files import moved_into_place, sha256
from scripts.formats import doc_mentions
from scripts.gpu import use_gpu
from scripts.pipelines import gives_confidence, load_pipeline
from scripts.records.bigbio import Record, document_id, document_text, read_records
from scripts.records.checks import check_record
from scripts.records.mentions import Mention, mentions

PACKAGES = ("spacy", "spacy-transformers", "transformers", "torch", "numpy", "seqeval", "nervaluate", "bioc")


def predict_docs(nlp: Language, records: list[Record]) -> dict[str, Doc]:
    """Run a pipeline over documents, with a progress bar.

    nlp (Language): the pipeline.
    records (list[Record]): the documents.
    RETURNS (dict[str, Doc]): what the pipeline made of each text, by document id.
    """
    texts = [document_text(record) for record in records]
    docs = tqdm(nlp.pipe(texts), total=len(texts), desc="Predicting", unit="doc", file=sys.stderr)
    return {document_id(record): doc for record, doc in zip(records, docs, strict=True)}


def read_test(
    folder: Path, corpus: Path, nlp: Language, labels: dict[str, str]
) -> tuple[list[Record], dict[str, Doc], dict[str, Any]]:
    """Read the test split as records and as converted, and check that they belong together.

    folder (Path): the folder with test.jsonl.
    corpus (Path): the folder with test.spacy and report.json.
    nlp (Language): the pipeline, for its vocabulary.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (tuple): the records, the converted documents by id, and convert's report.
    RAISES (ProjectError): a file is missing, a record is not sound, or the corpus was made from others.
    """
    for path, command in ((folder / "test.jsonl", "fetch-corpus"), (corpus / "report.json", "convert")):
        if not path.is_file():
            raise ProjectError(f"{path} is not there", f"Run first: spacy project run {command}")
    records = read_records(folder / "test.jsonl")
    for record in records:
        check_record(record, labels)
    report = srsly.read_json(corpus / "report.json")
    docs = list(DocBin().from_disk(corpus / "test.spacy").get_docs(nlp.vocab))
    gold = {doc.user_data["document_id"]: doc for doc in docs}
    same = {document_id(record): document_text(record) for record in records} == {k: d.text for k, d in gold.items()}
    if not same or sha256(corpus / "test.spacy") != report["test"]["sha256"]:
        raise ProjectError(
            f"{corpus} was not made from {folder} as it is now, or was changed since", "Run: spacy project run convert"
        )
    return records, gold, report


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the learning figures from a training log.

    path (Path): the JSONL file of spaCy's console logger.
    RETURNS (list[dict]): for each evaluation on dev: epoch, step, losses by component, precision, recall, f1.
    RAISES (ProjectError): it is not there, or something else.
    """
    if not path.is_file():
        raise ProjectError(f"There is no training log {path}", "Run first: spacy project run train")
    try:
        return [learning_row(row) for row in srsly.read_jsonl(path)]
    except (KeyError, TypeError, ValueError) as error:
        raise ProjectError(f"{path} is not a training log of spaCy", "Give training/<run>/log.jsonl.") from error


def learning_row(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row of the training log with scores between 0 and 1, as everywhere else; the log has them in percent."""
    measures = {name: number(row["scores"][f"ents_{name[0]}"] / 100) for name in MEASURES}
    return {"epoch": row["epoch"], "step": row["step"], "losses": row["losses"], **measures}


def describe(model: Language, encoder: Path | None, report: dict[str, Any], corpus: Path) -> dict[str, Any]:
    """Give what was scored on what: pipeline, encoder, corpus and versions.

    model (Language): the pipeline.
    encoder (Path | None): the folder of its encoder.
    report (dict[str, Any]): convert's report.
    corpus (Path): the folder of the converted corpus.
    RETURNS (dict): the fields "model", "encoder", "corpus" and "versions" of scores.json.
    """
    source = encoder / "encoder.json" if encoder else None
    known = srsly.read_json(source) if source and source.is_file() else {"encoder": encoder.name} if encoder else None
    return {
        "model": {key: model.meta[key] for key in ("lang", "name", "version", "pipeline")},
        "encoder": known,
        "corpus": {"profile": corpus.name, **report},
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    }


def score_everything(
    records: list[Record],
    training: list[Record],
    gold: dict[str, Doc],
    predicted: dict[str, Doc],
    *,
    labels: dict[str, str],
    seed: int,
    text: bool,
) -> tuple[dict[str, Any], list[dict[str, Any]], list[Document]]:
    """Compute what scores.json and errors.jsonl hold about the predictions.

    records (list[Record]): the test split.
    training (list[Record]): the training split, for the names seen in it.
    gold (dict[str, Doc]): the test split as converted, by document id.
    predicted (dict[str, Doc]): the pipeline's documents, by document id.
    labels (dict[str, str]): label by pattern of the entity type.
    seed (int): the seed of the bootstrap.
    text (bool): whether errors quote the documents.
    RETURNS (tuple): the scores, the errors, and the documents with the mentions of both sides.
    RAISES (ProjectError): the scorers do not agree, or a document is on one side only.
    """
    annotated = {document_id(record): mentions(record, labels) for record in records}
    documents = pair(annotated, {key: doc_mentions(doc) for key, doc in predicted.items()})
    names = labels_of(documents, labels.values())
    training_names = collect_names(training, labels)
    contexts = {document_id(record): read_context(record, labels) for record in records}
    on_tokens = {key: set(map(place, doc_mentions(doc))) for key, doc in gold.items()}
    errors = list(analyse(documents, contexts, training_names, text=text))
    scores = {
        "labels": names,
        "scores": score(count(documents, names), names, seed=seed),
        "words": score_words(gold, predicted, names),
        "relaxed": score_relaxed(documents, names),
        "slices": score_slices(documents, contexts, training_names, names),
        "ceiling": recall_ceiling(records, on_tokens, labels),
        "errors": summarize(errors, names),
    }
    return scores, errors, documents


def score_confidence(documents: list[Document], predicted: dict[str, Doc]) -> dict[str, Any]:
    """Compare the confidences of a pipeline with how often it is right.

    documents (list[Document]): the documents with their gold mentions.
    predicted (dict[str, Doc]): the pipeline's documents, by document id.
    RETURNS (dict[str, Any]): calibration_error; reliability and thresholds, see the functions of these names.
    """
    rows = []
    for document in documents:
        gold = set(map(place, document.gold))
        for ent in predicted[document.id].ents:
            rows.append((ent._.confidence, (ent.start_char, ent.end_char, ent.label_) in gold))
    values, right = numpy.array(rows, dtype=float).reshape(-1, 2).T
    bins = reliability(values, right > 0)
    return {
        "calibration_error": calibration_error(bins),
        "reliability": bins,
        "thresholds": thresholds(values, right > 0, sum(len(document.gold) for document in documents)),
    }


def evaluate(
    model: str,
    source: Path,
    corpus: Path,
    output: Path,
    *,
    labels: dict[str, str],
    seed: int = 0,
    encoder: Path | None = None,
    log: Path | None = None,
    peers: Path | None = None,
    text: bool = True,
    gpu_id: int = -1,
    command: str = "",
) -> dict[str, Any]:
    """Score a pipeline on the test split. Nothing is written before all is computed, and the scorers agree.

    scores.json holds no text of the documents. Its fields:

    run, command, seed, draws: the folder's name, how it was made, seed and number of the bootstrap's draws.
    model, encoder, corpus, versions: the pipeline's meta, encoder.json, convert's counts and hashes, packages.
    labels: the labels on either side. All that follows "by label" has them, and "micro" (with "macro" where said).
    scores: the headline. BioCreative's strict scores over the annotations' own offsets, by label, micro and macro: tp,
        fp, fn (not for macro), precision, recall, f1, intervals ([low, high] by measure). None where undefined.
    words: "scores", the same over whole tokens, as seqeval's strict IOB2 and spaCy's scorer have them; "spacy", what
        spaCy's scorer gives (ents_p, ents_r, ents_f, ents_per_type).
    relaxed: nervaluate's strict, exact, partial and type by label.
    slices: a list of {group, part, scores (by label, micro and macro, without intervals)}.
    ceiling: what is out of reach by label, see `ceiling.recall_ceiling`.
    errors: their counts, see `error_analysis.summarize`; errors.jsonl has them one by one, see `analyse`.
    confidence: how far confidences can be trusted, see `score_confidence`; None for a pipeline that gives none.
    learning: a list of {epoch, step, losses, precision, recall, f1} on dev from the training log; None without one.
    peers: the same table as `scores` for each published system; empty without one.

    predictions.jsonl has for each document its id, and gold and predicted mentions as [start, end, label].

    model (str): a pipeline's folder, or the name of an installed package.
    source (Path): the folder with train.jsonl and test.jsonl.
    corpus (Path): the folder with test.spacy and report.json.
    output (Path): the folder for the files.
    labels (dict[str, str]): label by pattern of the entity type.
    seed (int): the seed of the bootstrap.
    encoder (Path | None): the folder of the encoder.
    log (Path | None): the training log.
    peers (Path | None): a folder with published systems' output.
    text (bool): whether errors.jsonl quotes the documents; it must not for patients' text that leaves the house.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    command (str): the command line, to be kept with the figures.
    RETURNS (dict[str, Any]): what scores.json holds.
    RAISES (ProjectError): something is missing or does not fit together.
    """
    use_gpu(gpu_id)
    learning = read_log(log) if log else None
    nlp = load_pipeline(model)
    records, gold, report = read_test(source, corpus, nlp, labels)
    training = read_records(source / "train.jsonl")
    start = time.perf_counter()
    predicted = predict_docs(nlp, records)
    predicting = time.perf_counter() - start
    found, errors, documents = score_everything(records, training, gold, predicted, labels=labels, seed=seed, text=text)
    annotated = {document.id: document.gold for document in documents}
    scores = {
        "run": output.name,
        "command": command,
        "seed": seed,
        "draws": DRAWS,
        **describe(nlp, encoder, report, corpus),
        **found,
        "confidence": score_confidence(documents, predicted) if gives_confidence(nlp) else None,
        "learning": learning,
        "peers": score_peers(peers, annotated, seed=seed) if peers else {},
    }
    write(scores, errors, documents, output)
    scoring = time.perf_counter() - start - predicting
    msg.info(f"Predicting took {predicting:.1f} s, and all the rest {scoring:.1f} s ({scoring / predicting:.1%} more)")
    return scores


def write(scores: dict[str, Any], errors: list[dict[str, Any]], documents: list[Document], output: Path) -> None:
    """Write the three files, and move them into place once all are whole.

    scores (dict[str, Any]): for scores.json.
    errors (list[dict]): for errors.jsonl.
    documents (list[Document]): for predictions.jsonl.
    output (Path): the folder. Other files in it stay.
    """
    with (
        moved_into_place(output / "scores.json") as scores_file,
        moved_into_place(output / "errors.jsonl") as errors_file,
        moved_into_place(output / "predictions.jsonl") as predictions_file,
    ):
        srsly.write_json(scores_file, scores)
        srsly.write_jsonl(errors_file, errors)
        srsly.write_jsonl(predictions_file, map(to_row, documents))


def to_row(document: Document) -> dict[str, Any]:
    """Give a document's mentions without text, as a line of predictions.jsonl."""
    return {"id": document.id, "gold": to_places(document.gold), "predicted": to_places(document.predicted)}


def to_places(side: Sequence[Mention]) -> list[list[Any]]:
    """Give mentions as [start, end, label]."""
    return [list(place(mention)) for mention in side]


def evaluate_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a folder, or an installed package")],
    source: Annotated[Path, typer.Argument(help="Folder with train.jsonl and test.jsonl")],
    corpus: Annotated[Path, typer.Argument(help="Folder with test.spacy and report.json")],
    output: Annotated[Path, typer.Argument(help="Folder for scores.json, errors.jsonl and predictions.jsonl")],
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels; empty for the corpus's")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap")] = 0,
    encoder: Annotated[Path | None, typer.Option(help="Folder of the encoder")] = None,
    log: Annotated[Path | None, typer.Option(help="Training log")] = None,
    peers: Annotated[Path | None, typer.Option(help="Folder with published systems' output")] = None,
    text: Annotated[bool, typer.Option(help="Quote the documents in errors.jsonl")] = True,
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU, or -1 for the CPU")] = -1,
) -> None:
    """Score a trained pipeline on the test split."""
    with shown_to_user():
        scores = evaluate(
            model,
            source,
            corpus,
            output,
            labels=choose_labels(labels, corpus.name),
            seed=seed,
            encoder=encoder,
            log=log,
            peers=peers,
            text=text,
            gpu_id=gpu_id,
            command=shlex.join(["python", "-m", "scripts.evaluate", *sys.argv[1:]]),
        )
    show_scores({output.name: scores["scores"], **scores["peers"]})
    msg.good(f"Scores, errors and predictions are in {output}")
    if text:
        msg.info("errors.jsonl quotes the documents. If they are private, use --no-text before the folder is shared.")


if __name__ == "__main__":
    typer.run(evaluate_cli)
