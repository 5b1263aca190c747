"""Each component's share of a pipeline's time, in one run over the texts."""

import time
from statistics import median
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from scripts.benchmarks.harness import BLOCK, Model, Output, Records, Rounds, save_figures
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import document_text, read_records

TOKENIZER = "tokenizer"
COLUMNS = {"of the time": ("share", ".2%"), "s": ("seconds", ".2f")}
WARM_UP = 8


def benchmark_components(model: Model, records: Records, output: Output, rounds: Rounds = 3) -> None:
    """Measure each component's share of a pipeline's time. The fields of the JSON file:

    documents, words: what was read; words_per_second: of the whole pipeline; rounds: how often all was read.
    components: by name, in their order, seconds and share; medians of the rounds.
    """
    nlp = load_pipeline(model)
    texts = [document_text(record) for record in read_records(records)]
    time_components(nlp, texts[:WARM_UP])
    taken = [time_components(nlp, texts) for _ in range(rounds)]
    rows = component_rows(taken)
    words = sum(len(text.split()) for text in texts)
    seconds = sum(row["seconds"] for row in rows.values())
    figures = {
        "documents": len(texts),
        "words": words,
        "words_per_second": words / seconds,
        "rounds": rounds,
        "components": rows,
    }
    title = f"{len(texts):,} documents, {words:,} words, {words / seconds:,.0f} words/s"
    save_figures(output, figures, {title: (rows, COLUMNS)})


def time_components(nlp: Language, texts: list[str]) -> dict[str, float]:
    """Return the seconds of each component of a pipeline, and of its tokenizer.

    nlp (Language): the pipeline.
    texts (list[str]): the texts, of which blocks go through one component after the other.
    RETURNS (dict[str, float]): the seconds by name, in the components' order.
    """
    seconds: dict[str, float] = dict.fromkeys((TOKENIZER, *nlp.pipe_names), 0.0)
    for block in minibatch(texts, BLOCK):
        started = time.perf_counter()
        docs = [nlp.make_doc(text) for text in block]
        seconds[TOKENIZER] += time.perf_counter() - started
        for name, pipe in nlp.pipeline:
            started = time.perf_counter()
            docs = run_component(pipe, docs)
            seconds[name] += time.perf_counter() - started
    return seconds


def run_component(pipe: Any, docs: list[Doc]) -> list[Doc]:
    """Return documents that a component has processed."""
    return list(pipe.pipe(docs)) if hasattr(pipe, "pipe") else [pipe(doc) for doc in docs]


def component_rows(taken: list[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Return the median seconds of each component over the rounds, and their share of all.

    taken (list[dict[str, float]]): the seconds by component, for each round.
    RETURNS (dict[str, dict[str, Any]]): seconds and share by component.
    """
    seconds = {name: median(each[name] for each in taken) for name in taken[0]}
    total = sum(seconds.values())
    return {name: {"seconds": each, "share": each / total} for name, each in seconds.items()}
