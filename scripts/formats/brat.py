"""brat's standoff format, by `bioc`: for each document a .txt with its text and a .ann with its mentions.

https://brat.nlplab.org/standoff.html
"""

import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from bioc import brat

from scripts.errors import ProjectError
from scripts.formats.annotated import MISSHAPEN
from scripts.formats.decoding import first_undecoded, not_decoded, open_text
from scripts.formats.reading import ReadOptions, Source
from scripts.formats.writing import LINE_BREAK, Writer, dump_json, encodable
from scripts.records.annotated import AnnotatedDocument, Annotation, LeftOut, links_to
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention

# Most file systems limit names to 255 bytes, and these end in .txt.
NAME_LENGTH = 250
CONFIGURATION = "annotation.conf"
BINARY = re.compile(r"^(A\d+\t\S+ T\d+) $", re.MULTILINE)
# The ends of the files of a document.
TEXT, ANNOTATIONS = ".txt", ".ann"
# What a line of annotations is, by the first character of its id; of other lines nothing is known.
LEFT_OUT = {"R": "relations", "*": "relations", "E": "events"}
NOTE_ATTRIBUTE = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)
# An id in a knowledge base, and not a word to a colleague.
CONCEPT = re.compile(r"(?=\S*\d)\S+")


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read a document: the file of its text, and the one of its annotations beside it.

    Not by `bioc`: it strips lines, knows no normalizations and fails without a word of the line.

    file (BufferedReader): the file of the text.
    source (Source): the same.
    options (ReadOptions): the encoding.
    YIELDS (AnnotatedDocument | LeftOut): the document; left out if there are no annotations, not even none.
    RAISES (ProjectError): a line of annotations is malformed, or a file can't be decoded.
    """
    path = source.path.with_name(source.path.name[: -len(TEXT)] + ANNOTATIONS)
    if not path.is_file():
        yield LeftOut("documents_without_annotations")
        return
    text = decoded(file, source.name, options)
    with path.open("rb") as standoff:
        lines = decoded(standoff, f"{source.stem}{ANNOTATIONS}", options).split("\n")
    parts = StandoffLines()
    for number, line in enumerate(lines, start=1):
        try:
            parts.add(line.rstrip("\r"))
        except MISSHAPEN as error:
            raise ProjectError(
                f"{source.stem}{ANNOTATIONS}, line {number}: not brat's standoff format ({type(error).__name__})",
                "See https://brat.nlplab.org/standoff.html. A mention is: T1, tab, type start end, tab, text.",
            ) from None
    passages, annotations = (Passage("note", text),), parts.annotations()
    yield AnnotatedDocument(identifier_of(source.stem), passages, annotations, left_out=+parts.left_out)


def decoded(file: io.BufferedReader, name: str, options: ReadOptions) -> str:
    """Return the text of a file.

    RAISES (ProjectError): it can't be decoded.
    """
    text = open_text(file, options.encoding, newline="\n").read()
    if place := first_undecoded(text):
        raise ProjectError(f"{name}: {not_decoded(options.encoding, place)}", "Convert the file to UTF-8.")
    return text


class StandoffLines:
    """The lines of a file of annotations, as they are read."""

    def __init__(self) -> None:
        self.mentions: dict[str, Annotation] = {}
        self.links: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.attributes: dict[str, dict[str, Any]] = defaultdict(dict)
        self.left_out: Counter[str] = Counter()

    def add(self, line: str) -> None:
        """Read a line.

        RAISES (IndexError, ValueError): it is malformed.
        """
        kind, columns = line[:1], line.split("\t")
        if kind == "T":
            if columns[0] in self.mentions:
                raise ValueError
            self.mentions[columns[0]] = standoff_mention(columns[1], "\t".join(columns[2:]))
        elif kind in ("A", "M"):
            name, mention, *values = columns[1].split(" ")
            self.attributes[mention][name] = " ".join(values) or True
        elif kind == "N":
            _, mention, reference = columns[1].split(" ")
            base, _, identifier = reference.partition(":")
            self.links[mention].append((base, identifier) if identifier else links_to(base)[0])
        elif kind == "#":
            self.add_note(columns[1].split(" ")[1], "\t".join(columns[2:]))
        elif kind in LEFT_OUT:
            self.left_out[LEFT_OUT[kind]] += 1
        elif line.strip():
            raise ValueError

    def add_note(self, mention: str, text: str) -> None:
        """Read a note: an attribute as `BratWriter` writes it, an id, or a word to a colleague."""
        found = NOTE_ATTRIBUTE.fullmatch(text)
        try:
            if found:
                self.attributes[mention][found[1]] = json.loads(found[2])
                return
        except ValueError:
            pass
        if not CONCEPT.fullmatch(text):
            self.left_out["notes"] += 1
        elif not self.links[mention]:
            self.links[mention] += links_to(text)

    def annotations(self) -> tuple[Annotation, ...]:
        """Return the mentions with their ids and attributes, in the file's order.

        Only now: a line can refer to a mention below it. What refers to relations and events is counted.
        """
        others = (self.attributes.keys() | self.links.keys()) - self.mentions.keys()
        self.left_out["attributes_of_others"] += len(others)
        return tuple(
            replace(mention, links=tuple(self.links[name]), attributes=self.attributes[name])
            for name, mention in self.mentions.items()
        )


def standoff_mention(place: str, surface: str) -> Annotation:
    """Return a mention from its second column, e.g. "Disease 0 5;9 12", and its third one."""
    label, _, offsets = place.partition(" ")
    pairs = [pair.split(" ") for pair in offsets.split(";")]
    return Annotation(label, tuple((int(start), int(end)) for start, end in pairs), surface)


class BratWriter(Writer):
    """A folder with two files for each document, and brat's configuration with the labels and attributes in them.

    An attribute that is true becomes a binary attribute ("A1\\tis_negated T1"), which brat takes to be false if it is
    absent, as it is for False. A string without white space, "|" and "," becomes the value of an attribute
    ("A2\\tsection T1 history"). Everything else, and the id of a mention, becomes a note: for attributes
    "<name>=<JSON>".
    """

    suffix = ""

    def prepare(self, document: Document) -> brat.BratDocument:
        """Return a document as `bioc` has it.

        RAISES (ProjectError): its id is no file name, or a label or an id in a knowledge base breaks the format.
        """
        made = brat.BratDocument()
        made.id, made.text = file_name(document.id), document.text
        notes = []
        for number, mention in enumerate(document.mentions, start=1):
            made.add_annotation(make_entity(mention, number, document.text))
            if mention.concept:
                made.add_annotation(concept_note(mention.concept, number))
            for name, value in mention.attributes.items():
                if value is True or is_word(value):
                    made.add_annotation(make_attribute(name, value, number, len(made.attributes) + 1))
                elif value is not False:
                    notes.append((f"{name}={single_line(value)}", number))
        # The notes with ids in a knowledge base are numbered like the mentions.
        for note_number, (text, number) in enumerate(notes, start=len(document.mentions) + 1):
            made.add_annotation(annotator_note(text, number, note_number))
        return made

    def write(self, prepared: Sequence[brat.BratDocument], path: Path, *, number_from: int = 1) -> None:
        path.mkdir()
        for document in prepared:
            # "x": two names that are one to the file system must not become one document.
            with (
                (path / f"{document.id}.txt").open("x", encoding="utf8", newline="") as text,
                (path / f"{document.id}.ann").open("x", encoding="utf8", newline="") as annotations,
            ):
                text.write(document.text)
                # `bioc` ends a binary attribute with a space.
                annotations.write(BINARY.sub(r"\1", brat.dumps_ann(document)))
        (path / CONFIGURATION).write_text(configuration(prepared), encoding="utf8", newline="\n")


def configuration(documents: Iterable[brat.BratDocument]) -> str:
    """Return what brat has to know to show documents: their labels, and the values of their attributes.

    https://brat.nlplab.org/configuration.html
    """
    labels: set[str] = set()
    values: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        labels.update(entity.type for entity in document.entities)
        for attribute in document.attributes:
            values[attribute.type].update(attribute.attributes)
    attributes = [
        f"{name}\tArg:<ENTITY>" + (f", Value:{'|'.join(sorted(found))}" if found else "")
        for name, found in sorted(values.items())
    ]
    lines = ["[entities]", *sorted(labels), "", "[relations]", "", "[events]", "", "[attributes]", *attributes]
    return "\n".join(lines) + "\n"


def file_name(identifier: str) -> str:
    """Return the name of a document's files: its id, with all but letters, digits and "_-~." percent-encoded.

    identifier (str): the id.
    RETURNS (str): the name without .txt or .ann.
    RAISES (ProjectError): the id is empty or too long.
    """
    name = re.sub(r"^\.", "%2E", quote(identifier, safe=""))
    if not 0 < len(name) <= NAME_LENGTH:
        raise ProjectError(f"its id makes a file name of {len(name)} bytes, and there must be 1 to {NAME_LENGTH}")
    return name


def identifier_of(name: str) -> str:
    """Return the id of a document from the name of its files: the reverse of `file_name`."""
    return unquote(name)


def make_entity(mention: Mention, number: int, text: str) -> brat.BratEntity:
    """Return a mention as an entity with a span for each line it covers: brat allows no line end within a span."""
    if re.search(r"\s", mention.label) or not mention.label:
        raise ProjectError(f"the label {mention.label!r} can't be written as brat, which wants no spaces in it")
    made = brat.BratEntity()
    made.id, made.type = f"T{number}", mention.label
    spans = list(line_spans(mention, text))
    for start, end in spans:
        made.add_span(start, end)
    made.text = " ".join(text[start:end] for start, end in spans)
    return made


def line_spans(mention: Mention, text: str) -> Iterator[tuple[int, int]]:
    """Yield the parts of a mention between tabs and line ends, as offsets in the text."""
    start = mention.start
    for part in LINE_BREAK.split(text[mention.start : mention.end]):
        if part:
            yield start, start + len(part)
        start += len(part) + 1


def concept_note(concept: str, number: int) -> brat.BratNote:
    """Return an id in a knowledge base as a note: `bioc` can't write brat's normalizations."""
    if LINE_BREAK.search(concept):
        raise ProjectError(f"the id {concept!r} can't be written as brat, which wants one line without tabs")
    return annotator_note(concept, number, number)


def annotator_note(text: str, number: int, note_number: int) -> brat.BratNote:
    """Return a note on a mention."""
    note = brat.BratNote()
    note.id, note.type, note.refid, note.text = f"#{note_number}", "AnnotatorNotes", f"T{number}", text
    return note


def make_attribute(name: str, value: Any, number: int, attribute_number: int) -> brat.BratAttribute:
    """Return an attribute of a mention: binary for True, else with a value."""
    attribute = brat.BratAttribute()
    attribute.id, attribute.type, attribute.refid = f"A{attribute_number}", name, f"T{number}"
    if value is not True:
        attribute.add_attribute(encodable(value))
    return attribute


def is_word(value: Any) -> bool:
    """Return whether a value is a string that can be the value of an attribute, also in brat's configuration."""
    return isinstance(value, str) and re.fullmatch(r"[^\s|,]+", value) is not None


def single_line(value: Any) -> str:
    """Return a value as JSON without line ends, those of Unicode included."""
    text = encodable(dump_json(value))
    return json.dumps(value) if LINE_BREAK.search(text) else text
