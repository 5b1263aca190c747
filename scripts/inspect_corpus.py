"""Show what is in a corpus: fields, counts, lengths, a random document, and one document's words over their tags.

In: assets/<profile>/, and an encoder's folder for its wordpieces. The one command that puts text on the screen.
"""

import random
import shutil
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy
import spacy
import typer
from datasets import List
from spacy.tokens import Doc
from spacy.training import biluo_to_iob
from spacy.training.iob_utils import doc_to_biluo_tags
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from wasabi import msg

from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.convert import convert_split
from scripts.errors import ProjectError, shown_to_user
from scripts.records.bigbio import Record, document_id, features, read_corpus
from scripts.records.checks import check_record
from scripts.records.mentions import DEFAULT_LABELS, annotations, parse_labels

# In the place of a tag, for a wordpiece that stands for no text: the loss ignores it.
IGNORED = "IGN"
QUANTILES = {"min": 0, "5%": 0.05, "25%": 0.25, "median": 0.5, "75%": 0.75, "95%": 0.95, "max": 1}
MAX_COLUMN = 30


def inspect_corpus(
    folder: Path, *, document: str = "", encoder: str = "", labels: dict[str, str], seed: int = 0
) -> None:
    """Show what is in a corpus.

    folder (Path): the corpus, with {train,dev,test}.jsonl.
    document (str): the id of the document to show word by word. Empty for the random one.
    encoder (str): the folder of the encoder whose wordpieces to show. Empty for words only.
    labels (dict[str, str]): label by pattern of the entity type, as for `convert`.
    seed (int): chooses the random document.
    RAISES (ProjectError): the corpus or the encoder is not there, or the corpus has no such document.
    """
    corpus = read_corpus(folder)
    records = {document_id(record): record for split in corpus.values() for record in split}
    drawn = random.Random(seed).choice(list(records))
    chosen = document or drawn
    if chosen not in records:
        known = ", ".join(list(records)[:3])
        raise ProjectError(f"{folder} has no document '{chosen}'", f"Its documents have ids like {known}.")
    tokenizer = load_tokenizer(Path(encoder)) if encoder else None
    docs, counts = convert_corpus(corpus, labels)
    doc = next(doc for split in docs.values() for doc in split if doc.user_data["document_id"] == chosen)

    msg.table(list(describe(features())), title="Fields of a record", max_col=60)
    msg.table(count_rows(corpus, counts), title="Counts", header=["", *corpus], aligns=["l"] + ["r"] * len(corpus))
    show_lengths("Words in a document", {split: [len(doc) for doc in docs[split]] for split in docs})
    if tokenizer:
        show_lengths(
            "Wordpieces in a document",
            {split: [len(tokenizer(doc.text, verbose=False).input_ids) for doc in docs[split]] for split in docs},
        )
    show_record(records[drawn])
    show_tags(f"Words over their tags: {chosen}", word_tags(doc))
    if tokenizer:
        show_tags(f"Wordpieces over their tags: {chosen}", wordpiece_tags(doc, tokenizer))


def load_tokenizer(encoder: Path) -> PreTrainedTokenizerBase:
    """Load an encoder's tokenizer from its folder, and ask no hub.

    RAISES (ProjectError): there is no such folder, or no tokenizer that knows which characters a wordpiece stands for.
    """
    if not encoder.is_dir():
        raise ProjectError(f"There is no encoder in {encoder}", "Run first: spacy project run fetch-encoder")
    problem = ProjectError(f"{encoder} has no tokenizer that can be loaded", "Fetch the encoder again.")
    # Only the fast tokenizers, which are saved in this file, know the characters.
    if not (encoder / "tokenizer.json").is_file():
        raise problem
    try:
        return AutoTokenizer.from_pretrained(encoder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise problem from error


def convert_corpus(
    corpus: dict[str, list[Record]], labels: dict[str, str]
) -> tuple[dict[str, list[Doc]], dict[str, dict]]:
    """Convert a corpus as `convert` does, and keep it in memory.

    corpus (dict[str, list[Record]]): the documents by split.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (tuple[dict[str, list[Doc]], dict[str, dict]]): the documents and what was counted, by split.
    RAISES (ProjectError): a record is not sound.
    """
    nlp = set_tokenizer(spacy.blank("en"))
    docs, counts = {}, {}
    for split, records in corpus.items():
        for record in records:
            check_record(record, labels)
        doc_bin, counts[split] = convert_split(nlp, records, labels)
        docs[split] = list(doc_bin.get_docs(nlp.vocab))
    return docs, counts


def describe(fields: dict[str, Any], indent: int = 0) -> Iterator[tuple[str, str]]:
    """Give the names and types of a record's fields, those inside others below them and indented.

    fields (dict[str, Any]): features of `datasets`, or those of one field.
    YIELDS (tuple[str, str]): name and type.
    """
    for name, feature in fields.items():
        kind = ""
        while isinstance(feature, List):
            kind, feature = f"{kind}list of ", feature.feature
        is_object = isinstance(feature, dict)
        yield " " * indent + name, kind + ("object" if is_object else feature.dtype)
        if is_object:
            yield from describe(feature, indent + 2)


def count_rows(corpus: dict[str, list[Record]], counts: dict[str, dict]) -> list[list[str]]:
    """Give what was counted as the rows of a table: a name, then a number for each split.

    corpus (dict[str, list[Record]]): the documents by split.
    counts (dict[str, dict]): what `convert` counted in them, by split.
    """
    columns = []
    for split, records in corpus.items():
        types = Counter(entity["type"] for record in records for entity in annotations(record))
        columns.append(
            {name.replace("_", " "): count for name, count in counts[split].items() if isinstance(count, int)}
            | {f"annotations: {name}": types[name] for name in sorted(types)}
            | {f"mentions: {name}": count for name, count in counts[split]["mentions_by_label"].items()}
        )
    names = dict.fromkeys(name for column in columns for name in column)
    return [[name, *(f"{column.get(name, 0):,}" for column in columns)] for name in names]


def show_lengths(title: str, lengths: dict[str, list[int]]) -> None:
    """Show the quantiles of the lengths of documents, by split."""
    rows = [
        [split, *(f"{length:,}" for length in numpy.quantile(values, list(QUANTILES.values()), method="inverted_cdf"))]
        for split, values in lengths.items()
    ]
    msg.table(rows, title=title, header=["", *QUANTILES], aligns=["l"] + ["r"] * len(QUANTILES))


def show_record(record: Record) -> None:
    """Show a document as it stands in the corpus: its passages, and its entities with their offsets and links."""
    msg.divider(f"A random document: {document_id(record)}")
    for passage in record["passages"]:
        msg.text(f"[{passage['type']}]", color="blue")
        for line in passage["text"].split("\n"):
            msg.text(printable(line))
    rows = [
        [
            ", ".join(f"{start}-{end}" for start, end in entity["offsets"]),
            entity["type"],
            printable(" ... ".join(entity["text"])),
            " ".join(f"{link['db_name']}:{link['db_id']}" for link in entity["normalized"]),
        ]
        for entity in annotations(record)
    ]
    msg.table(rows, header=["offsets", "type", "text", "links"], divider=True, max_col=60)


def word_tags(doc: Doc) -> list[tuple[str, str]]:
    """Give a document's words with their BIO tags."""
    return [(token.text, tag) for token, tag in zip(doc, biluo_to_iob(doc_to_biluo_tags(doc)), strict=True)]


def wordpiece_tags(doc: Doc, tokenizer: PreTrainedTokenizerBase) -> list[tuple[str, str]]:
    """Give a document's wordpieces with the tags that they get from its words.

    doc (Doc): the document with its entities.
    tokenizer (PreTrainedTokenizerBase): a fast one, which knows the characters that a wordpiece stands for.
    """
    encoded = tokenizer(doc.text, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
    spans = [
        None if special else span
        for span, special in zip(encoded["offset_mapping"], encoded["special_tokens_mask"], strict=True)
    ]
    return list(zip(tokenizer.convert_ids_to_tokens(encoded["input_ids"]), align_tags(doc, spans), strict=True))


def align_tags(doc: Doc, spans: Iterable[tuple[int, int] | None]) -> list[str]:
    """Give each wordpiece its tag: a word's own on its first wordpiece, and inside of the mention on the others.

    A wordpiece over several words belongs to the first that begins in it, or else to the one that it lies in.

    doc (Doc): the document with its entities.
    spans (Iterable[tuple[int, int] | None]): start and end of each wordpiece in the text; None for a special token.
    RETURNS (list[str]): BIO tags, "IGN" for special tokens.
    """
    starts = [token.idx for token in doc]
    tags = [tag for _, tag in word_tags(doc)]
    aligned = []
    for span in spans:
        if span is None:
            aligned.append(IGNORED)
            continue
        word = bisect_left(starts, span[0])
        if word < len(starts) and starts[word] < span[1]:
            aligned.append(tags[word])
        else:
            aligned.append(tags[word - 1].replace("B-", "I-"))
    return aligned


def show_tags(title: str, tagged: Iterable[tuple[str, str]]) -> None:
    """Show words or wordpieces, each over its tag, in lines as long as the terminal is wide."""
    msg.divider(title)
    for line in fill_lines([(shortened(text), tag) for text, tag in tagged], shutil.get_terminal_size().columns):
        colors = [None if tag in ("O", IGNORED) else "green" for _, tag in line]
        msg.table(list(zip(*line, strict=True)), spacing=1, fg_colors=colors)


def fill_lines(columns: Iterable[tuple[str, str]], width: int) -> Iterator[list[tuple[str, str]]]:
    """Break columns, one space apart, into lines of at most `width` characters, with at least one column each."""
    line: list[tuple[str, str]] = []
    used = 0
    for column in columns:
        wide = max(map(len, column))
        if line and used + wide > width:
            yield line
            line, used = [], 0
        line.append(column)
        used += wide + 1
    if line:
        yield line


def shortened(text: str) -> str:
    """Give a text that fits a column."""
    text = printable(text)
    return text if len(text) <= MAX_COLUMN else f"{text[: MAX_COLUMN - 1]}…"


def printable(text: str) -> str:
    """Give a text with its line breaks and control characters spelled out, which would move the terminal's cursor."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def inspect_corpus_cli(
    folder: Annotated[Path, typer.Argument(help="Folder with {train,dev,test}.jsonl")],
    document: Annotated[str, typer.Option(help="Id of the document to show word by word; empty for a random one")] = "",
    encoder: Annotated[str, typer.Option(help="Folder of the encoder whose wordpieces to show; empty for none")] = "",
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels")] = DEFAULT_LABELS,
    seed: Annotated[int, typer.Option(help="Chooses the random document")] = 0,
) -> None:
    """Show what is in a corpus: fields, counts, lengths, a random document, and one document's words and tags."""
    with shown_to_user():
        inspect_corpus(folder, document=document, encoder=encoder, labels=parse_labels(labels), seed=seed)


if __name__ == "__main__":
    typer.run(inspect_corpus_cli)
