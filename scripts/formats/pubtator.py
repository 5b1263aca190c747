"""PubTator: a line for the title, one for the abstract, and one for each mention.

It has no place for confidences and attributes.
https://github.com/JHnlp/BioCreative-V-CDR-Corpus/blob/master/readme.txt

Files of other tools also have lines for further sections (|i|, |m|), text over several lines, documents without a blank
line between them, and rows of relations with any number of columns. All of these are read.
"""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.errors import ProjectError
from scripts.formats.decoding import first_undecoded, not_decoded, open_text
from scripts.formats.reading import ReadOptions, Source
from scripts.formats.writing import LINE_BREAK, Writer, check_names
from scripts.records.annotated import AnnotatedDocument, Annotation, LeftOut, links_to
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from scripts.records.notes import Note, Rejected

NAME_BREAK = re.compile(rf"{LINE_BREAK.pattern}|\|")
# BC5CDR's id for a mention without an entry in MeSH. Readers that strip lines would lose an empty column.
NO_CONCEPT = "-1"

SECTIONS = {"t": "title", "a": "abstract"}
TITLE = re.compile(r"([^|]+)\|t\|(.*)", re.DOTALL)
# A line of another document than that of the lines before it; a title needs no blank line before it. The id must look
# like one, so that a text over several lines may have "Pr(>|t|)" in it.
NEXT_SECTION = re.compile(r"[\w.:-]+\|[A-Za-z]\|")
NEXT_TITLE = re.compile(r"[\w.:-]+\|t\|")

# The lines of a document, each with its number in the file.
Block = list[tuple[int, str]]


def read_documents(path: Path) -> Iterator[Document]:
    """Read documents with their mentions. Relations and the parts of composite mentions are left out.

    path (Path): the file, in UTF-8.
    YIELDS (Document): the documents. If the abstract is empty, the title is the only passage.
    RAISES (ProjectError): the file is in another format.
    """
    try:
        with path.open("rb") as file:
            for block in read_blocks(file, "utf-8"):
                if problem := decoding_problem(block, "utf-8"):
                    raise ProjectError(f"{path} can't be read as pubtator: {problem}")
                yield parse_document([line for _, line in block])
    except ProjectError as error:
        raise ProjectError(f"{path}: {error.title}", error.hint) from error


def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Read the passages of each document, joined by one space, as a note."""
    for block in read_blocks(file, options.encoding):
        yield block_note(block, source, options)


def read_blocks(file: io.BufferedReader, encoding: str) -> Iterator[Block]:
    """Yield the lines of each document. Blank lines separate documents, and so do titles."""
    block: Block = []
    for number, line in enumerate(open_text(file, encoding, newline="\n"), start=1):
        # Not `strip`: a title may end in a space, and a row in an empty column.
        line = line.removesuffix("\n").removesuffix("\r")
        if block and (not line.strip() or NEXT_TITLE.match(line)):
            yield block
            block = []
        if line.strip():
            block.append((number, line))
    if block:
        yield block


def block_note(block: Block, source: Source, options: ReadOptions) -> Note | Rejected:
    """Return the lines of a document as a note."""
    where = f"{source.name}:{block[0][0]}"
    if problem := decoding_problem(block, options.encoding):
        return Rejected(where, problem)
    try:
        document = parse_document([line for _, line in block])
    except ProjectError as error:
        # The title may quote what is in the place of an id.
        return Rejected(where, f"not PubTator. {error.hint}")
    return Note(document.id, document.text, {})


def decoding_problem(block: Block, encoding: str) -> str:
    """Return which character of a document can't be decoded, "" if there is none."""
    undecoded = ((number, first_undecoded(line)) for number, line in block)
    return next((not_decoded(encoding, place, f" of line {number}") for number, place in undecoded if place), "")


def parse_document(lines: list[str]) -> Document:
    """Parse the lines of one document.

    Not by `bioc`: its reader strips lines, which moves the abstract if a title ends in a space, splits them at
    other characters than line ends, and takes each line with a "|t|" in it, "Pr(>|t|)" for instance, for a title.

    lines (list[str]): the lines without their ends.
    RETURNS (Document): the document.
    RAISES (ProjectError): it has no title, or a row that is not one of its mentions or relations.
    """
    title = TITLE.fullmatch(lines[0])
    if title is None:
        raise ProjectError("A document has no title", "Each begins with a line of its id, |t| and its title.")
    identifier = title[1]
    passages, rows = read_passages(identifier, lines)
    mentions = (mention for mention, _ in parse_rows(rows, identifier))
    return Document(identifier, passages, tuple(mention for mention in mentions if mention))


def parse_rows(rows: list[str], identifier: str) -> Iterator[tuple[Mention | None, str]]:
    """Yield the mention of each row after the text, None for a relation, and the text that the row has for it."""
    for number, columns in enumerate((row.split("\t") for row in rows), start=1):
        yield parse_row(columns, number, identifier), columns[3] if len(columns) > 3 else ""


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the documents of a file with their mentions. Relations are counted."""
    for block in read_blocks(file, options.encoding):
        where = f"{source.name}, line {block[0][0]}"
        if problem := decoding_problem(block, options.encoding):
            raise ProjectError(f"{where}: {problem}", "Convert the file to UTF-8.")
        try:
            yield annotated_document([line for _, line in block])
        except ProjectError as error:
            raise ProjectError(f"{where}: not PubTator", error.hint) from error


def annotated_document(lines: list[str]) -> AnnotatedDocument:
    """Return the document in lines, with the texts that the file has for its mentions; see `parse_document`."""
    document = parse_document(lines)
    rows = list(parse_rows(read_passages(document.id, lines)[1], document.id))
    annotations = tuple(
        Annotation(mention.label, ((mention.start, mention.end),), surface, links_to(mention.concept))
        for mention, surface in rows
        if mention
    )
    relations = len(rows) - len(annotations)
    return AnnotatedDocument(
        document.id, document.passages, annotations, left_out={"relations": relations} if relations else {}
    )


def read_passages(identifier: str, lines: list[str]) -> tuple[tuple[Passage, ...], list[str]]:
    """Return the passages of a document, and the lines after them.

    A line without a section is part of the text before it. The line end counts as one character.

    identifier (str): the document's id.
    lines (list[str]): its lines.
    RETURNS (tuple[tuple[Passage, ...], list[str]]): the passages, without empty ones at the end, and the rows.
    RAISES (ProjectError): a line is a section of another document.
    """
    section = re.compile(rf"{re.escape(identifier)}\|([A-Za-z]\w*)\|")
    passages: list[Passage] = []
    number = 0
    for number, line in enumerate(lines, start=1):
        if found := section.match(line):
            passages.append(Passage(SECTIONS.get(found[1], found[1]), line[found.end() :]))
        elif line.startswith(f"{identifier}\t") or line.count("\t") > 2:
            number -= 1
            break
        elif NEXT_SECTION.match(line):
            raise ProjectError(
                f"Document '{identifier}': line {number} is a section of another document",
                "A section's line has the id of its document",
            )
        else:
            passages[-1] = passages[-1]._replace(text=f"{passages[-1].text}\n{line}")
    while len(passages) > 1 and not passages[-1].text:
        passages.pop()
    return tuple(passages), lines[number:]


def parse_row(columns: list[str], number: int, identifier: str) -> Mention | None:
    """Parse a row after the text of a document.

    columns (list[str]): the row's columns.
    number (int): the row's number, for the message.
    identifier (str): the document's id.
    RETURNS (Mention | None): the mention; None if the row is a relation.
    RAISES (ProjectError): it is neither.
    """
    # A relation has its type in the place of the start, then the ids of its ends and, in BioRED, whether it is novel.
    has_start = len(columns) > 2 and columns[1].isdecimal()
    is_mention, is_relation = has_start and len(columns) > 4, not has_start and len(columns) > 2
    if columns[0] != identifier or not (is_mention or is_relation):
        raise ProjectError(
            f"Document '{identifier}': row {number} after the text is not one of its mentions or relations",
            "A mention's row has the document's id, start, end, text, label and id, separated by tabs.",
        )
    if is_relation:
        return None
    # A mention without an id may end with its label.
    _, start, end, _, label, concept, *_ = [*columns, ""]
    if not end.isdecimal():
        raise ProjectError(
            f"Document '{identifier}': row {number} after the text has an end that is not a number",
            "The end of a mention is not a number",
        )
    return Mention(int(start), int(end), label, "" if concept == NO_CONCEPT else concept)


class PubtatorWriter(Writer):
    """Title, abstract and mentions of each document.

    The first passage becomes the title, the others, joined by one space, the abstract, which is empty if there is
    only one passage. A tab or a line end in the text becomes one space, which moves no offset.
    """

    suffix = ".PubTator.txt"

    def prepare(self, document: Document) -> str:
        """Return a document's lines, and the blank line after them.

        Not by `bioc`: its writer leaves out an empty abstract, which the organisers' scorer expects, and ends each
        mention's line with a tab.
        """
        check_names(document, NAME_BREAK, "PubTator")
        text, length = LINE_BREAK.sub(" ", document.text), len(document.passages[0].text)
        lines = [f"{document.id}|t|{text[:length]}", f"{document.id}|a|{text[length + 1 :]}"]
        for mention in document.mentions:
            surface, concept = text[mention.start : mention.end], mention.concept or NO_CONCEPT
            row = (document.id, mention.start, mention.end, surface, mention.label, concept)
            lines.append("\t".join(map(str, row)))
        return "\n".join([*lines, "", ""])

    def write(self, prepared: Sequence[str], path: Path, *, number_from: int = 1) -> None:
        path.write_text("".join(prepared), encoding="utf-8", newline="\n")
