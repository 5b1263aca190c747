"""This pipeline beside spaCy's strided spans, Hugging Face's pipeline and the bare encoder, which is the limit."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from spacy_transformers.data_classes import HFObjects
from transformers import PreTrainedTokenizerBase
from typer import Option

from scripts.annotation.mentions import doc_mentions
from scripts.benchmarks.contenders import (
    BARES,
    HUGGING_FACES,
    PIPELINES,
    PRECISIONS,
    Contender,
    count_words,
    get_encoder,
    make_contenders,
    wordpiece_limit,
)
from scripts.benchmarks.harness import BLOCK, Model, Output, Records, Rounds, Taken, save_figures, take_turns
from scripts.catalog.corpora import choose_labels
from scripts.evaluation.scoring import MEASURES, count_outcomes, labels_of, pair, tabulate
from scripts.records.bigbio import Record, document_id, document_text, read_records
from scripts.records.mentions import Mention, flat_mentions

# How many documents each contender reads before the first round.
WARM_UP = 8
# How often the short note is annotated.
NOTE_ROUNDS = 60
# The ratio of the words per second to those of the fastest of a kind.
KINDS = {"bare": tuple(BARES), "hugging_face": tuple(HUGGING_FACES), "fp32": ("fp32",)}
COLUMNS = {
    "words/s": ("words_per_second", ",.0f"),
    "of the bare encoder": ("of_bare", ".2f"),
    "of Hugging Face's best": ("of_hugging_face", ".2f"),
    "of fp32": ("of_fp32", ".2f"),
    "time in the encoder": ("encoder_share", ".1%"),
    "wordpieces read again": ("repeated", ".2%"),
    "padding": ("padding", ".2%"),
    "tokens lost": ("tokens_lost", ",d"),
    "F1": ("f1", ".2%"),
    "a note by itself, s": ("note_seconds", ".4f"),
}

Labels = Annotated[str, Option(help="Entity type patterns and their labels; empty for the corpus's")]


def benchmark_speed(
    model: Model,
    abstracts: Records,
    notes: Records,
    output: Output,
    labels: Labels = "",
    others: Annotated[str, Option(help="Further pipelines of this project, separated by spaces")] = "",
    rounds: Rounds = 5,
) -> None:
    """Compare this pipeline with strided spans, Hugging Face's pipeline and the bare encoder."""
    contenders = make_contenders(model, PIPELINES | HUGGING_FACES | BARES, others.split())
    run_contenders(contenders, {"abstracts": abstracts, "notes": notes}, output, labels=labels, rounds=rounds)


def benchmark_precision(
    model: Model, records: Records, output: Output, labels: Labels = "", rounds: Rounds = 3
) -> None:
    """Compare int8 with fp32 on a CPU."""
    run_contenders(make_contenders(model, PRECISIONS), {"documents": records}, output, labels=labels, rounds=rounds)


def run_contenders(
    contenders: dict[str, Contender], paths: dict[str, Path], output: Path, *, labels: str, rounds: int
) -> None:
    """Compare contenders on each corpus. The fields of the JSON file:

    model, encoder, rounds: what was measured; block: how many documents a contender reads in its turn.
    corpora: by name, the fields of `count_texts`; best: the fastest contender of each kind; contenders: by name, the
        fields of `compare_speeds`; note_seconds, for the shortest text by itself; and for a pipeline those of `assess`.
    """
    nlp = next(iter(contenders.values())).nlp
    encoder, corpora, tables = get_encoder(nlp), {}, {}
    for corpus, path in paths.items():
        records = read_records(path)
        texts = [document_text(record) for record in records]
        counts = count_texts(nlp, encoder, texts)
        taken = time_contenders(contenders, texts, rounds)
        alone = time_contenders(contenders, [min(texts, key=len)], NOTE_ROUNDS)
        best, rows = compare_speeds(taken, counts, n_special=encoder.tokenizer.num_special_tokens_to_add())
        for name, row in rows.items():
            row["note_seconds"] = median(each["seconds"] for each in alone[name])
            if name not in (*HUGGING_FACES, *BARES):
                row |= assess(contenders[name].nlp, records, choose_labels(labels, path.parent.name))
        corpora[corpus] = {**counts, "best": best, "contenders": rows}
        title = f"{counts['documents']:,} {corpus}, {counts['words']:,} words, {counts['longer_than_limit']:,} {corpus}"
        tables[f"{title} longer than the encoder's limit"] = (rows, COLUMNS)
    figures = {
        "model": f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}",
        "encoder": encoder.transformer.config.to_diff_dict(),
        "rounds": rounds,
        "block": BLOCK,
        "corpora": corpora,
    }
    save_figures(output, figures, tables)


def count_texts(nlp: Language, encoder: HFObjects, texts: list[str]) -> dict[str, int]:
    """Return the numbers of documents, words, wordpieces, and documents longer than the limit (longer_than_limit)."""
    pieces = [len(ids) for ids in encoder.tokenizer(texts, add_special_tokens=False, verbose=False).input_ids]
    longest = wordpiece_limit(encoder) - encoder.tokenizer.num_special_tokens_to_add()
    return {
        "documents": len(texts),
        "words": count_words(nlp, texts),
        "wordpieces": sum(pieces),
        "longer_than_limit": sum(length > longest for length in pieces),
    }


@contextmanager
def metered(encoder: torch.nn.Module) -> Iterator[dict[str, float]]:
    """Count what goes through an encoder of transformers in the block.

    YIELDS (dict[str, float]): rows; read, the wordpieces in them with special ones; computed, the same with padding;
        and encoder_seconds.
    """
    meter, started = dict.fromkeys(("rows", "read", "computed", "encoder_seconds"), 0.0), 0.0

    def before(module: torch.nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        nonlocal started
        ids = args[0] if args else kwargs["input_ids"]
        mask = args[1] if len(args) > 1 else kwargs.get("attention_mask")
        meter["rows"] += len(ids)
        meter["computed"] += ids.numel()
        meter["read"] += ids.numel() if mask is None else int(mask.sum())
        started = time.perf_counter()

    def after(module: torch.nn.Module, args: tuple, output: Any) -> None:
        meter["encoder_seconds"] += time.perf_counter() - started

    hooks = encoder.register_forward_pre_hook(before, with_kwargs=True), encoder.register_forward_hook(after)
    try:
        yield meter
    finally:
        for hook in hooks:
            hook.remove()


def time_texts(contender: Contender, texts: list[str]) -> dict[str, float]:
    """Run a contender over texts, and return the seconds and what `metered` counted."""
    run = contender.prepare(texts)
    with metered(contender.encoder) as meter:
        started = time.perf_counter()
        run()
        return {"seconds": time.perf_counter() - started, **meter}


def time_contenders(contenders: dict[str, Contender], texts: list[str], rounds: int) -> Taken:
    """Return what `time_texts` measures for each contender and round, after a few documents to warm up."""
    runs = {name: partial(time_texts, contender) for name, contender in contenders.items()}
    take_turns(runs, [texts[:WARM_UP]], rounds=1)
    return take_turns(runs, minibatch(texts, BLOCK), rounds=rounds)


def compare_speeds(
    taken: Taken, counts: dict[str, int], *, n_special: int
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return the fastest contender of each kind, and the medians over the rounds with their ratios.

    taken (Taken): what `time_contenders` returned.
    counts (dict[str, int]): what `count_texts` returned.
    n_special (int): the number of special wordpieces in a row, except the bare encoder's.
    RETURNS (tuple): by kind the name; and by contender words_per_second; of_bare, of_hugging_face and of_fp32, its
        ratio to the fastest of these; encoder_share, of the time; repeated, the share of wordpieces that were read
        before, below zero if more were cut off; padding, its share of what the encoder computed; and rounds, as given.
    """
    rates = {name: counts["words"] / median(each["seconds"] for each in rounds) for name, rounds in taken.items()}
    kinds = {kind: set(names) & set(rates) for kind, names in KINDS.items()}
    best = {kind: max(names, key=rates.__getitem__) for kind, names in kinds.items() if names}
    rows = {}
    for name, rounds in taken.items():
        last = rounds[-1]
        rows[name] = {
            "words_per_second": rates[name],
            **{f"of_{kind}": rates[name] / rates[other] for kind, other in best.items()},
            "encoder_share": median(each["encoder_seconds"] / each["seconds"] for each in rounds),
            "repeated": 1 - counts["wordpieces"] / (last["read"] - (0 if name in BARES else n_special * last["rows"])),
            "padding": 1 - last["read"] / last["computed"],
            "rounds": rounds,
        }
    return best, rows


def assess(nlp: Language, records: list[Record], labels: dict[str, str]) -> dict[str, Any]:
    """Score a pipeline, and count the tokens that its encoder did not read.

    nlp (Language): the pipeline.
    records (list[Record]): documents with their annotations.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (dict[str, Any]): tokens, tokens_lost, and the fields of `strict_scores`.
    """
    component: Any = nlp.get_pipe("transformer")
    cleaners = [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory.endswith("doc_cleaner")]
    found: dict[str, Sequence[Mention]] = {}
    tokens = lost = 0
    with nlp.select_pipes(disable=cleaners):
        docs = nlp.pipe(document_text(record) for record in records)
        for record, doc in zip(records, docs, strict=True):
            found[document_id(record)] = doc_mentions(doc)
            tokens += len(doc)
            lost += count_lost(doc, component.model.tokenizer)
            doc._.trf_data = None
    gold = {document_id(record): flat_mentions(record, labels) for record in records}
    return {"tokens": tokens, "tokens_lost": lost, **strict_scores(gold, found)}


def count_lost(doc: Doc, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the number of tokens that the encoder did not read, except those that have no wordpiece."""
    unread = (doc[int(i)] for i in (doc._.trf_data.align.lengths == 0).nonzero()[0])
    return sum(not token.is_space and bool(tokenizer.tokenize(token.text)) for token in unread)


def strict_scores(
    gold: Mapping[str, Sequence[Mention]], predicted: Mapping[str, Sequence[Mention]]
) -> dict[str, float | None]:
    """Return BioCreative's strict micro precision, recall and f1 over mentions by document id."""
    documents = pair(dict(gold), dict(predicted))
    labels = labels_of(documents)
    row = tabulate(count_outcomes(documents, labels), labels)["micro"]
    return {measure: row[measure] for measure in MEASURES}
