"""Show what is in a corpus: fields, counts, lengths, a random document, and the words of a document with their tags.

In: assets/<profile>/, and the folder of an encoder for its wordpieces. No other command prints the texts.
"""

import random
import shutil
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from wasabi import msg

from scripts.catalog.corpora import choose_labels
from scripts.convert import convert_split, make_nlp
from scripts.errors import ProjectError, shown_to_user
from scripts.records.bigbio import Record, document_id, features, read_corpus
from scripts.records.checks import check_record
from scripts.records.mentions import annotations

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from transformers import PreTrainedTokenizerBase

# The tag of a special token, which the loss ignores.
IGNORED = "IGN"
QUANTILES = {"min": 0, "5%": 0.05, "25%": 0.25, "median": 0.5, "75%": 0.75, "95%": 0.95, "max": 1}
MAX_COLUMN = 30


def inspect_corpus(
    folder: Path, *, document: str = "", encoder: str = "", labels: dict[str, str], seed: int = 0
) -> None:
    """Show what is in a corpus.

    folder (Path): the corpus, with {train,dev,test}.jsonl.
    document (str): the id of the document whose words to show. Empty for the random one.
    encoder (str): the folder of the encoder whose wordpieces to show. Empty for words only.
    labels (dict[str, str]): label by pattern of the entity type, as for `convert`.
    seed (int): the seed that chooses the random document.
    RAISES (ProjectError): the corpus, the encoder or the document does not exist.
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

    msg.table(list(field_rows(features())), title="Fields of a record", max_col=60)
    msg.table(count_rows(corpus, counts), title="Counts", header=["", *corpus], aligns=["l"] + ["r"] * len(corpus))
    show_lengths("Words in a document", {split: [len(doc) for doc in docs[split]] for split in docs})
    if tokenizer:
        show_lengths(
            "Wordpieces in a document",
            {split: [len(tokenizer(doc.text, verbose=False).input_ids) for doc in docs[split]] for split in docs},
        )
    show_record(records[drawn])
    show_tags(f"Words and their tags: {chosen}", tagged_words(doc))
    if tokenizer:
        show_tags(f"Wordpieces and their tags: {chosen}", tagged_wordpieces(doc, tokenizer))


def load_tokenizer(encoder: Path) -> "PreTrainedTokenizerBase":
    """Load the tokenizer of an encoder from its folder, without the hub.

    RAISES (ProjectError): there is no such folder, or it has no fast tokenizer.
    """
    # It takes seconds to import, as spaCy does below, and `--help` needs neither.
    from transformers import AutoTokenizer

    if not encoder.is_dir():
        raise ProjectError(f"There is no encoder in {encoder}", "Run first: spacy project run fetch-encoder")
    problem = ProjectError(f"{encoder} has no tokenizer that can be loaded", "Fetch the encoder again.")
    # Only fast tokenizers, which are saved in this file, know the characters of a wordpiece.
    if not (encoder / "tokenizer.json").is_file():
        raise problem
    try:
        return AutoTokenizer.from_pretrained(encoder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise problem from error


def convert_corpus(
    corpus: dict[str, list[Record]], labels: dict[str, str]
) -> tuple[dict[str, list["Doc"]], dict[str, dict[str, Any]]]:
    """Convert a corpus as `convert` does, in memory.

    corpus (dict[str, list[Record]]): the documents by split.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (tuple[dict[str, list[Doc]], dict[str, dict]]): the documents and the counts by split.
    RAISES (ProjectError): a record is not valid.
    """

    nlp = make_nlp()
    docs, counts = {}, {}
    for split, records in corpus.items():
        for record in records:
            check_record(record, labels)
        doc_bin, counts[split] = convert_split(nlp, records, labels)
        docs[split] = list(doc_bin.get_docs(nlp.vocab))
    return docs, counts


def field_rows(fields: Mapping[str, Any], indent: int = 0) -> Iterator[tuple[str, str]]:
    """Return the fields of a record as rows of a table, with nested fields indented.

    fields (Mapping[str, Any]): features of `datasets`, or those of one field.
    indent (int): the spaces before each name.
    YIELDS (tuple[str, str]): name and type.
    """
    from datasets import List

    for name, feature in fields.items():
        kind = ""
        while isinstance(feature, List):
            kind, feature = f"{kind}list of ", feature.feature
        is_object = isinstance(feature, dict)
        yield " " * indent + name, kind + ("object" if is_object else feature.dtype)
        if is_object:
            yield from field_rows(feature, indent + 2)


def count_rows(corpus: dict[str, list[Record]], counts: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return the counts of a corpus as rows of a table: a name and the number in each split.

    corpus (dict[str, list[Record]]): the documents by split.
    counts (dict[str, dict]): the counts of `convert` by split.
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
    import numpy

    rows = [
        [split, *(f"{length:,}" for length in numpy.quantile(values, list(QUANTILES.values()), method="inverted_cdf"))]
        for split, values in lengths.items()
    ]
    msg.table(rows, title=title, header=["", *QUANTILES], aligns=["l"] + ["r"] * len(QUANTILES))


def show_record(record: Record) -> None:
    """Show a document of the corpus: its passages, and its entities with their offsets and links."""
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


def tagged_words(doc: "Doc") -> list[tuple[str, str]]:
    """Return the words of a document with their BIO tags."""
    from spacy.training import biluo_to_iob
    from spacy.training.iob_utils import doc_to_biluo_tags

    return [(token.text, tag) for token, tag in zip(doc, biluo_to_iob(doc_to_biluo_tags(doc)), strict=True)]


def tagged_wordpieces(doc: "Doc", tokenizer: "PreTrainedTokenizerBase") -> list[tuple[str, str]]:
    """Return the wordpieces of a document with the tags that they get from its words.

    doc (Doc): the document with its entities.
    tokenizer (PreTrainedTokenizerBase): a fast tokenizer.
    RETURNS (list[tuple[str, str]]): wordpiece and tag.
    """
    encoded = tokenizer(doc.text, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
    spans = [
        None if special else span
        for span, special in zip(encoded["offset_mapping"], encoded["special_tokens_mask"], strict=True)
    ]
    return list(zip(tokenizer.convert_ids_to_tokens(encoded["input_ids"]), align_tags(doc, spans), strict=True))


def align_tags(doc: "Doc", spans: Iterable[tuple[int, int] | None]) -> list[str]:
    """Return the tags of wordpieces. The first wordpiece of a word has the word's tag, the others are inside.

    A wordpiece that covers several words belongs to the first one that starts in it, or else to the one that it is in.

    doc (Doc): the document with its entities.
    spans (Iterable[tuple[int, int] | None]): start and end of each wordpiece in the text. None for a special token.
    RETURNS (list[str]): BIO tags, and "IGN" for special tokens.
    """
    starts = [token.idx for token in doc]
    tags = [tag for _, tag in tagged_words(doc)]
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
    """Show words or wordpieces, each above its tag, in lines that fit the terminal."""
    msg.divider(title)
    for line in fill_lines([(shortened(text), tag) for text, tag in tagged], shutil.get_terminal_size().columns):
        colors = [None if tag in ("O", IGNORED) else "green" for _, tag in line]
        msg.table(list(zip(*line, strict=True)), spacing=1, fg_colors=colors)


def fill_lines(columns: Iterable[tuple[str, str]], width: int) -> Iterator[list[tuple[str, str]]]:
    """Split columns into lines of at most `width` characters, with one space between columns.

    columns (Iterable[tuple[str, str]]): the columns.
    width (int): the maximum length of a line. A line has at least one column, even if that is longer.
    YIELDS (list[tuple[str, str]]): the columns of a line.
    """
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
    """Return a text, shortened to the width of a column."""
    text = printable(text)
    return text if len(text) <= MAX_COLUMN else f"{text[: MAX_COLUMN - 1]}…"


def printable(text: str) -> str:
    """Return a text with its line breaks and control characters escaped, which would move the terminal's cursor."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def inspect_corpus_cli(
    folder: Annotated[Path, typer.Argument(help="Folder with {train,dev,test}.jsonl")],
    document: Annotated[str, typer.Option(help="Id of the document whose words to show; empty for a random one")] = "",
    encoder: Annotated[str, typer.Option(help="Folder of the encoder whose wordpieces to show; empty for none")] = "",
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels; empty for the corpus's")] = "",
    seed: Annotated[int, typer.Option(help="Seed that chooses the random document")] = 0,
) -> None:
    """Show what is in a corpus: fields, counts, lengths, a random document, and one document with its tags."""
    with shown_to_user():
        chosen = choose_labels(labels, folder.name)
        inspect_corpus(folder, document=document, encoder=encoder, labels=chosen, seed=seed)


if __name__ == "__main__":
    typer.run(inspect_corpus_cli)
