"""Convert BigBio records to spaCy's DocBin with entity spans, and count what was dropped, moved or merged.

In: assets/<profile>/{train,dev,test}.jsonl. Out: corpus/<profile>/{train,dev,test}.spacy and report.json.

A profile may have several corpora. Each document keeps the name of its corpus and, if that corpus does not annotate
all labels, which ones it does.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, cast

import srsly
import typer
from wasabi import msg

from scripts.annotation.mentions import set_attributes
from scripts.catalog.corpora import choose_labels
from scripts.clinical_ner.partial import ANNOTATED_LABELS
from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place, sha256
from scripts.formats.docbin import CORPUS, GOLD_SECTIONS, make_doc_bin
from scripts.records.bigbio import TRAIN, TRAIN_ON, Record, choose_training, document_id, document_text, read_corpus
from scripts.records.checks import check_ids, check_record
from scripts.records.joining import annotated_labels, corpus_name
from scripts.records.mentions import (
    Mention,
    annotated_mentions,
    annotations,
    filter_overlaps,
    label_names,
    trim,
    wanted_entities,
    whole_mentions,
)
from scripts.records.sections import gold_sections

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, DocBin, Span

    from scripts.clinical_ner.sections.component import Sections

NATURAL, EQUAL = SIZES = ("natural", "equal")


def make_nlp() -> "Language":
    """Return a pipeline with the project's tokenizer and the component that sets sentence starts."""
    # spaCy takes seconds to import, and `--help` does not need it.
    import spacy

    from scripts.clinical_ner.sections.component import SECTIONS
    from scripts.clinical_ner.tokenizer import set_tokenizer

    # The rest of the library comes with transformers, and an edit to it is no reason to convert again.
    SECTIONS.register()
    nlp = set_tokenizer(spacy.blank("en"))
    nlp.add_pipe(SECTIONS.name, name="sections")
    return nlp


def make_doc(
    nlp: "Language", record: Record, labels: dict[str, str], *, for_training: bool = False
) -> tuple["Doc", Counter[str]]:
    """Tokenize a document and set its sentence starts, and its mentions as entities with their annotated attributes.

    White space at a mention's ends is cut off. A mention that starts or ends inside a token is widened to whole tokens.
    Annotated sections are in `doc.user_data["gold_sections"]`, as the records have them, and the name of the corpus, if
    it is joined with others, in `doc.user_data["corpus"]`.

    nlp (Language): what `make_nlp` returned.
    record (Record): a document with its annotations.
    labels (dict[str, str]): label by pattern of the entity type.
    for_training (bool): whether a mention that crosses the start of a sentence is replaced by tokens without
        annotation. No head can find it, and spaCy's stops the training (E024).
    RETURNS (tuple[Doc, Counter]): the document and its counts.
    """
    # spaCy takes seconds to import, and `--help` does not need it.
    from spacy.util import filter_spans

    doc = nlp.tokenizer(document_text(record))
    cast("Sections", nlp.get_pipe("sections")).set_starts(doc)
    doc.user_data["document_id"] = document_id(record)
    if corpus_name(record):
        doc.user_data[CORPUS] = corpus_name(record)
    annotated = annotated_mentions(record, labels)
    whole = whole_mentions(record, labels)
    flat = filter_overlaps(whole)
    spans = {make_span(doc, mention): mention for mention in flat}
    kept = filter_spans(spans)
    across = [span for span in kept if any(token.is_sent_start for token in span[1:])]
    doc.set_ents([span for span in kept if span not in across] if for_training else kept, missing=across * for_training)
    for span in kept:
        set_attributes(span, spans[span].attributes)
    if (sections := gold_sections(record)) is not None:
        doc.user_data[GOLD_SECTIONS] = [section._asdict() for section in sections]
    counts = Counter(
        documents=1,
        tokens=len(doc),
        annotations=len(annotations(record)),
        ignored=len(annotations(record)) - len(annotated),
        discontinuous=sum(len(entity["offsets"]) > 1 for entity in wanted_entities(record, labels)),
        blank=len(annotated) - len(whole),
        trimmed=sum(trim(mention, doc.text) not in (mention, None) for mention in annotated),
        overlaps_removed=len(whole) - len(flat),
        off_boundary=sum(doc.char_span(mention.start, mention.end) is None for mention in flat),
        merged_by_widening=len(flat) - len(kept),
        across_sentences=len(across),
    )
    counts.update(f"mentions_{span.label_}" for span in kept)
    return doc, counts


def make_span(doc: "Doc", mention: Mention) -> "Span":
    """Return the tokens that a mention overlaps as an entity span with its concept."""
    span = doc.char_span(
        mention.start,
        mention.end,
        label=mention.label,
        kb_id=mention.concept,
        span_id=mention.concept,
        alignment_mode="expand",
    )
    # Only None for offsets outside of the text, which `check_record` refuses.
    return cast("Span", span)


def convert_split(
    nlp: "Language",
    records: Iterable[Record],
    labels: dict[str, str],
    *,
    annotated: Mapping[str, Sequence[str]] = MappingProxyType({}),
    for_training: bool = False,
) -> tuple["DocBin", dict[str, Any]]:
    """Convert the documents of one split.

    nlp (Language): what `make_nlp` returned.
    records (Iterable[Record]): the documents, already checked.
    labels (dict[str, str]): label by pattern of the entity type.
    annotated (Mapping[str, Sequence[str]]): the labels that a corpus annotates, by its name, where those are not all.
    for_training (bool): whether training reads the split; see `make_doc`.
    RETURNS (tuple[DocBin, dict]): the documents and their counts.
    """
    doc_bin, total = make_doc_bin(), Counter[str]()
    for record in records:
        doc, counts = make_doc(nlp, record, labels, for_training=for_training)
        if corpus_name(record) in annotated:
            doc.user_data[ANNOTATED_LABELS] = list(annotated[corpus_name(record)])
        doc_bin.add(doc)
        total.update(counts)
    kept = {label: total.pop(f"mentions_{label}", 0) for label in label_names(labels)}
    return doc_bin, {**total, "mentions": sum(kept.values()), "mentions_by_label": kept}


def partly_annotated(records: Sequence[Record], labels: dict[str, str]) -> dict[str, list[str]]:
    """Return the labels that a corpus annotates, by its name, where those are not all that occur."""
    found = annotated_labels(records, labels)
    every = {label for own in found.values() for label in own}
    return {name: own for name, own in found.items() if set(own) != every}


def balance(records: Sequence[Record]) -> list[Record]:
    """Repeat the documents of smaller corpora, so that all corpora have about the same number of characters.

    records (Sequence[Record]): the documents of joined corpora.
    RETURNS (list[Record]): all of them, and some again, corpus by corpus.
    """
    by_corpus: dict[str, list[Record]] = {}
    for record in records:
        by_corpus.setdefault(corpus_name(record), []).append(record)
    sizes = {name: sum(len(document_text(record)) for record in own) for name, own in by_corpus.items()}
    largest = max(sizes.values())
    return [
        record
        for name, own in by_corpus.items()
        for record in islice(cycle(own), round(len(own) * largest / sizes[name]))
    ]


def convert(
    source: Path, output: Path, *, labels: dict[str, str], sizes: str = NATURAL, train_on: str = TRAIN
) -> dict[str, dict[str, Any]]:
    """Convert a corpus. Nothing is written until all records have been checked.

    source (Path): the folder with {train,dev,test}.jsonl.
    output (Path): the folder for {train,dev,test}.spacy and report.json.
    labels (dict[str, str]): label by pattern of the entity type.
    sizes (str): "natural", or "equal", which repeats training documents of smaller corpora; see `balance`.
    train_on (str): "train", or "train+dev"; see `choose_training`.
    RETURNS (dict[str, dict]): the counts by split, as in report.json. That file also has "train_on" if it
        is not "train", and "partly_annotated", the labels of corpora that do not annotate all of them.
    RAISES (ProjectError): a split is missing, a record is not valid, or there are no such sizes or documents to train
        on.
    """
    if sizes not in SIZES:
        raise ProjectError(f"There are no sizes '{sizes}'", f"Use one of: {', '.join(SIZES)}")
    splits = choose_training(read_corpus(source), train_on)
    for records in splits.values():
        for record in records:
            check_record(record, labels)
    check_ids(splits)
    nlp = make_nlp()
    annotated = partly_annotated([record for records in splits.values() for record in records], labels)
    if sizes == EQUAL:
        splits["train"] = balance(splits["train"])
    report = {}
    with moved_into_place(output) as partial:
        partial.mkdir()
        for split, records in splits.items():
            doc_bin, report[split] = convert_split(
                nlp, records, labels, annotated=annotated, for_training=split != "test"
            )
            doc_bin.to_disk(partial / f"{split}.spacy")
            report[split]["sha256"] = sha256(partial / f"{split}.spacy")
        notes = {"train_on": "" if train_on == TRAIN else train_on, "partly_annotated": annotated}
        srsly.write_json(partial / "report.json", report | {name: note for name, note in notes.items() if note})
    for name, own in annotated.items():
        msg.info(f"{name} annotates only {', '.join(own)}: training takes other labels in it for unknown")
    return report


def convert_cli(
    source: Annotated[Path, typer.Argument(help="Folder with {train,dev,test}.jsonl")],
    output: Annotated[Path, typer.Argument(help="Folder for {train,dev,test}.spacy and report.json")],
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels; empty for the corpus's")] = "",
    sizes: Annotated[
        str, typer.Option(help=f"Sizes of several corpora in training: {' or '.join(SIZES)} (documents are repeated)")
    ] = NATURAL,
    train_on: Annotated[str, typer.Option(help=f"Documents to train on: {' or '.join(TRAIN_ON)}")] = TRAIN,
) -> None:
    """Convert BigBio records to spaCy's DocBin with entity spans."""
    with shown_to_user():
        report = convert(source, output, labels=choose_labels(labels, source.name), sizes=sizes, train_on=train_on)
    for split, counts in report.items():
        by_label = ", ".join(f"{label} {count}" for label, count in counts["mentions_by_label"].items())
        msg.good(f"{split}: {counts['mentions']} mentions ({by_label}) in {counts['documents']} documents")
        msg.text(
            f"of {counts['annotations']} annotations: {counts['ignored']} of types to leave out,"
            f" {counts['discontinuous']} discontinuous,"
            f" {counts['blank']} of white space only, {counts['trimmed']} with white space at their ends,"
            f" {counts['overlaps_removed']} overlaps removed, {counts['off_boundary']} widened to whole tokens,"
            f" {counts['merged_by_widening']} of them merged, {counts['across_sentences']} across two sentences",
        )


if __name__ == "__main__":
    typer.run(convert_cli)
