"""What a pipeline gives for its time: the mentions it finds, the tokens it loses, and where the time goes."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from transformers import PreTrainedTokenizerFast

from scripts.annotation.mentions import doc_mentions
from scripts.benchmarks.contenders import consume, get_encoder
from scripts.benchmarks.measure import metered
from scripts.clinical_ner.encoder.transformer import align, make_rows, tokenize
from scripts.evaluation.scoring import MEASURES, count_outcomes, labels_of, pair, tabulate
from scripts.pipelines import entity_pipes
from scripts.records.bigbio import Record, document_id, document_text
from scripts.records.mentions import Mention, flat_mentions


def assess(nlp: Language, records: list[Record], *, labels: dict[str, str]) -> dict[str, Any]:
    """Score a pipeline, and count the tokens that its encoder never saw.

    nlp (Language): the pipeline.
    records (list[Record]): documents with their annotations.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (dict[str, Any]): tokens; tokens_lost, see `count_lost`; and the fields of `strict_scores`.
    """
    tokenizer = nlp.get_pipe("transformer").model.tokenizer
    cleaners = [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "doc_cleaner"]
    found: dict[str, tuple[Mention, ...]] = {}
    tokens = lost = 0
    with nlp.select_pipes(disable=cleaners):
        docs = nlp.pipe(document_text(record) for record in records)
        for record, doc in zip(records, docs, strict=True):
            found[document_id(record)] = doc_mentions(doc)
            tokens += len(doc)
            lost += count_lost(doc, tokenizer)
            doc._.trf_data = None
    gold = {document_id(record): flat_mentions(record, labels) for record in records}
    return {"tokens": tokens, "tokens_lost": lost, **strict_scores(gold, found)}


def count_lost(doc: Doc, tokenizer: PreTrainedTokenizerFast) -> int:
    """Count the tokens that got no wordpiece from their windows, and would have one from the document as a whole.

    doc (Doc): the document, with its encoder's output.
    tokenizer (PreTrainedTokenizerFast): the encoder's tokenizer.
    RETURNS (int): their number.
    """
    (whole,) = tokenize(tokenizer, [doc])
    return int(((doc._.trf_data.align.lengths == 0) & (whole.counts > 0)).sum())


def strict_scores(
    gold: dict[str, Iterable[Mention]], predicted: dict[str, Iterable[Mention]]
) -> dict[str, float | None]:
    """Give BioCreative's strict micro scores.

    gold (dict[str, Iterable[Mention]]): annotated mentions by document id.
    predicted (dict[str, Iterable[Mention]]): predicted mentions by document id.
    RETURNS (dict[str, float | None]): precision, recall and f1.
    """
    documents = pair(gold, predicted)
    labels = labels_of(documents)
    row = tabulate(count_outcomes(documents, labels), labels)["micro"]
    return {measure: row[measure] for measure in MEASURES}


def time_stages(nlp: Language, texts: list[str]) -> dict[str, float]:
    """Tell where a pipeline's time goes.

    Each part of the pipeline is run by itself, batch by batch. What the transformer component does before it calls the
    encoder is done once more by itself; what is left of its time is "batches": padding, and putting vectors in place.

    nlp (Language): a pipeline of this project.
    texts (list[str]): the texts.
    RETURNS (dict[str, float]): the seconds of each stage, in the order in which they come.
    """
    head, encoder = entity_pipes(nlp)[0], get_encoder(nlp).transformer
    model = nlp.get_pipe("transformer").model
    seconds: dict[str, float] = defaultdict(float)
    for batch in minibatch(texts, nlp.batch_size):
        with clock(seconds, "tokenizer"):
            docs = [nlp.make_doc(text) for text in batch]
        with clock(seconds, "wordpieces"):
            encoded = model.tokenizer(
                [doc.text for doc in docs], add_special_tokens=False, return_offsets_mapping=True, verbose=False
            )
        with clock(seconds, "alignment"):
            documents = [align(doc, encoding) for doc, encoding in zip(docs, encoded.encodings, strict=True)]
        with clock(seconds, "windows"):
            for doc, document in zip(docs, documents, strict=True):
                make_rows(model, doc, document, 0)
        with clock(seconds, "transformer"), metered(encoder) as meter:
            run_pipe(nlp, "transformer", docs)
        seconds["encoder"] += meter.encoder_seconds
        for name in nlp.pipe_names:
            if name != "transformer":
                with clock(seconds, "head" if name == head else "rest"):
                    run_pipe(nlp, name, docs)
    stages = ("tokenizer", "wordpieces", "alignment", "windows", "encoder", "batches", "head", "rest")
    known = sum(seconds[stage] for stage in stages[1:5])
    seconds["batches"] = max(seconds["transformer"] - known, 0.0)
    return {stage: seconds[stage] for stage in stages}


@contextmanager
def clock(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the time that the block takes to that of a stage."""
    started = time.perf_counter()
    yield
    seconds[stage] += time.perf_counter() - started


def run_pipe(nlp: Language, name: str, docs: list[Doc]) -> None:
    """Run one part of a pipeline over documents, which are changed."""
    component = nlp.get_pipe(name)
    if hasattr(component, "pipe"):
        consume(component.pipe(docs, batch_size=nlp.batch_size))
    else:
        for doc in docs:
            component(doc)
