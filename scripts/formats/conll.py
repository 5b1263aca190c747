"""CoNLL: a row for each word. It has no place for confidences and attributes.

It is written from the tokens. Files of others are read too: two to four columns, the word first and its tag last, a
blank line after each sentence, and a mark before each document.
"""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.errors import ProjectError
from scripts.formats.decoding import first_undecoded, open_text
from scripts.formats.reading import ReadOptions, Source
from scripts.formats.tags import Tagged, Words, tagged_mentions
from scripts.formats.writing import Writer, check_names, needed_doc
from scripts.records.annotated import AnnotatedDocument, Annotation, LeftOut, links_to
from scripts.records.documents import Document, Passage

# The delimiter at which spaCy's own converter splits, as in the files of CoNLL-2003.
DELIMITER = "-DOCSTART- -X- O O"
# A line that starts a document, and its id if it has one: "-DOCSTART- (7)", "###MEDLINE:95369245", "# newdoc id = 7".
MARK = re.compile(r"(?:-DOCSTART-|###\S*?:|# *newdoc(?: id *=)?|# *doc_id *=)[ \t]*(?P<rest>.*)", re.DOTALL)
MARK_ID = re.compile(r"\(?([^\s()]+)\)?")
# Columns of -DOCSTART- in CoNLL-2003, which are no id.
MARK_COLUMNS = {"-X-", "-X", "O", "-"}
COMMENT = re.compile(r"# \S+ *=")
COLUMNS = 2
# What `ConllWriter` writes: word, document's id, start, end, concept, tag.
OWN_COLUMNS = 6
# How it writes white space in a word.
SPACE = "␣"


class Row(NamedTuple):
    """A word with its other columns; the last one is its tag."""

    number: int
    columns: list[str]


# The sentences of a document, and the id that its mark has.
Marked = tuple[str, list[list[Row]]]


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the documents of a file, one at a time. In one without marks, each sentence is a document.

    RAISES (ProjectError): a row has less than two columns, or another number of them than the first.
    """
    documents = split_documents(read_sentences(file, source, options))
    for number, (identifier, sentences) in enumerate(documents, start=1):
        name = identifier or f"{source.stem}:{number}"
        rows = [row.columns for sentence in sentences for row in sentence]
        yield own_document(rows) if is_own(rows) else words_document(name, sentences)


def read_sentences(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[str | list[Row]]:
    """Yield the rows of each sentence, and the marks of documents as they are."""
    sentence: list[Row] = []
    width = 0
    for number, line in enumerate(open_text(file, options.encoding, newline="\n"), start=1):
        line = line.rstrip("\r\n")
        if first_undecoded(line):
            raise ProjectError(f"{source.name}, line {number}: not UTF-8", "Convert the file to UTF-8.")
        is_mark = MARK.fullmatch(line) is not None
        if sentence and (is_mark or not line.strip()):
            yield sentence
            sentence = []
        if is_mark:
            yield line
        elif line.strip() and not (COMMENT.match(line) and "\t" not in line):
            columns = line.split("\t") if "\t" in line else line.split()
            width = width or len(columns)
            if len(columns) != width or width < COLUMNS:
                raise ProjectError(
                    f"{source.name}, line {number}: {len(columns)} columns, and {max(width, COLUMNS)} are expected",
                    "CoNLL has a word in the first column, its tag in the last, and as many columns on each line.",
                )
            sentence.append(Row(number, columns))
    if sentence:
        yield sentence


def split_documents(parts: Iterable[str | list[Row]]) -> Iterator[Marked]:
    """Yield the sentences of each document, which a mark starts. A sentence before all marks is a document."""
    identifier, sentences = None, list[list[Row]]()
    for part in parts:
        if isinstance(part, str):
            if identifier is not None:
                yield identifier, sentences
            identifier, sentences = mark_id(part), []
        elif identifier is None:
            yield "", [part]
        else:
            sentences.append(part)
    if identifier is not None:
        yield identifier, sentences


def mark_id(line: str) -> str:
    """Return the id in the mark of a document, "" if it has none."""
    found = MARK.fullmatch(line)
    words = [word for word in (found["rest"].split() if found else []) if word not in MARK_COLUMNS]
    match = MARK_ID.fullmatch(words[0]) if words else None
    return match[1] if match else ""


def words_document(identifier: str, sentences: Iterable[Sequence[Row]]) -> AnnotatedDocument:
    """Return the document of tagged sentences: words joined by spaces, sentences by line ends."""
    words = Words()
    annotations: list[Annotation] = []
    left_out: Counter[str] = Counter()
    for sentence in sentences:
        first = words.add([row.columns[0] for row in sentence])
        found, left = tagged_mentions([row.columns[-1] for row in sentence])
        annotations += [make_annotation(mention, words, first) for mention in found]
        left_out["mentions_that_begin_with_I"] += left
    return AnnotatedDocument(identifier, (Passage("note", words.text),), tuple(annotations), left_out=+left_out)


def make_annotation(mention: Tagged, words: Words, first: int = 0) -> Annotation:
    """Return a mention in words, of which the sentence's first has a number, as an annotation."""
    return Annotation(mention.type, (words.span(first + mention.start, first + mention.end),))


def is_own(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether rows are what `ConllWriter` writes."""
    return bool(rows) and all(
        len(row) == OWN_COLUMNS and row[2].isdecimal() and row[3].isdecimal() and row[1] == rows[0][1] for row in rows
    )


def own_document(rows: Sequence[Sequence[str]]) -> AnnotatedDocument:
    """Return the document in what `ConllWriter` wrote: each word at its offset, with spaces between."""
    text, annotations = "", []
    for word, _, start, _, _, _ in rows:
        text = text.ljust(int(start)) + word.replace(SPACE, " ")
    found, _ = tagged_mentions([row[-1] for row in rows])
    for mention in found:
        span = int(rows[mention.start][2]), int(rows[mention.end - 1][3])
        concept = rows[mention.start][4]
        annotations.append(Annotation(mention.type, (span,), links=() if concept == "-" else links_to(concept)))
    return AnnotatedDocument(rows[0][1], (Passage("note", text),), tuple(annotations))


class ConllWriter(Writer):
    """A row for each word: the word, its document's id, start, end, the mention's id or "-", BIO tag.

    The word is the first column and the tag the last, where readers of CoNLL-2003, spaCy's among them, look for them.
    Tokens of white space are not words, and not written. If a mention begins or ends with one, its characters are
    written as "␣". A document without a word has no rows.
    """

    suffix = ".conll"

    def prepare(self, document: Document) -> str:
        """Return a document's rows, and the blank line after them."""
        check_names(document, re.compile(r"\s"), "CoNLL")
        doc = needed_doc(document)
        edges = {i for ent in doc.ents for i in (ent.start, ent.end - 1)}
        rows = []
        for token in doc:
            if token.text.isspace() and token.i not in edges:
                continue
            word, end = re.sub(r"\s", "␣", token.text), token.idx + len(token)
            tag = f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O"
            rows.append("\t".join((word, document.id, str(token.idx), str(end), token.ent_kb_id_ or "-", tag)))
        return "\n".join([DELIMITER, "", *rows, "", ""]) if rows else ""

    def write(self, prepared: Sequence[str], path: Path, *, number_from: int = 1) -> None:
        path.write_text("".join(prepared), encoding="utf-8", newline="\n")
