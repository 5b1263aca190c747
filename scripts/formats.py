"""Mentions in, files out: PubTator, BioC XML and JSON, CoNLL and DocBin, and each of them read back.

Offsets count characters (code points) of a document's text, its passages joined by one space, in every format.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, groupby
from pathlib import Path
from typing import NamedTuple

from bioc import BioCAnnotation, BioCCollection, BioCDocument, BioCLocation, BioCPassage, biocjson, biocxml
from lxml.etree import XMLSyntaxError
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from scripts.convert import DOC_BIN_ATTRS
from scripts.errors import ProjectError
from scripts.files import moved_into_place
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention

# What would end a column or a line of PubTator, also for readers that split lines at every end Unicode knows.
PUBTATOR_BREAK = re.compile("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# XML 1.0 has no way to write these, not even as a reference: https://www.w3.org/TR/xml/#charsets
XML_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The delimiter that spaCy's own converter splits at, as in the files of CoNLL-2003.
CONLL_DOCUMENT = "-DOCSTART- -X- O O"


def doc_mentions(doc: Doc) -> tuple[Mention, ...]:
    """Give a Doc's entities as mentions, with their ids in a knowledge base."""
    return tuple(Mention(ent.start_char, ent.end_char, ent.label_, ent.kb_id_) for ent in doc.ents)


def write_pubtator(documents: Iterable[Document], path: Path) -> None:
    """Write PubTator: a line for the title, one for the abstract, one for each mention.

    The first passage stands as the title, the others joined by one space as the abstract, which is empty where there
    is one passage only. A tab or a line end in the text becomes one space, so that every offset stays.

    documents (Iterable[Document]): the documents.
    path (Path): the file to write.
    RAISES (ProjectError): an id or a label would break the format.

    https://github.com/JHnlp/BioCreative-V-CDR-Corpus/blob/master/readme.txt
    """
    path.write_text("".join(map(pubtator_block, documents)), encoding="utf-8", newline="\n")


def pubtator_block(document: Document) -> str:
    """Give a document's lines in PubTator, and the blank line after them.

    Not by `bioc`: its writer leaves out an empty abstract, on which the organisers' scorer counts, and ends each
    mention's line with a tab.
    """
    check_names(document, re.compile(rf"{PUBTATOR_BREAK.pattern}|\|"), "PubTator")
    text, length = PUBTATOR_BREAK.sub(" ", document.text), len(document.passages[0].text)
    lines = [f"{document.id}|t|{text[:length]}", f"{document.id}|a|{text[length + 1 :]}"]
    for mention in document.mentions:
        # "-1" is BC5CDR's word for a mention without an id. Readers that strip a line would lose an empty column.
        concept = mention.concept or "-1"
        row = (document.id, mention.start, mention.end, text[mention.start : mention.end], mention.label, concept)
        lines.append("\t".join(map(str, row)))
    return "\n".join([*lines, "", ""])


def read_pubtator(path: Path) -> list[Document]:
    """Read PubTator. Relations and the parts of composite mentions are left out.

    path (Path): the file.
    RETURNS (list[Document]): the documents; where the abstract is empty, the title is the only passage.
    RAISES (ProjectError): a document has no title, or a mention of another document.
    """
    blocks = re.split("\n{2,}", path.read_text(encoding="utf-8").strip("\n"))
    return [pubtator_document(block.split("\n")) for block in blocks if block]


def pubtator_document(lines: list[str]) -> Document:
    """Read the lines of one document in PubTator.

    Not by `bioc`: its reader strips lines, which moves the abstract where a title ends in a space, splits them at
    other characters than line ends, and takes each line with a "|t|" in it, "Pr(>|t|)" for instance, for a title.
    """
    title = re.fullmatch(r"([^|]+)\|t\|(.*)", lines[0])
    if title is None:
        raise ProjectError("A document has no title", "Each begins with a line of its id, |t| and its title.")
    identifier, passages, rows = title[1], [Passage("title", title[2])], lines[1:]
    if rows and rows[0].startswith(f"{identifier}|a|"):
        abstract = rows.pop(0).removeprefix(f"{identifier}|a|")
        passages += [Passage("abstract", abstract)] if abstract else []
    mentions = []
    for number, row in enumerate(rows, start=1):
        columns = row.split("\t")
        # A relation has its type in the place of the start, and the ids of its two ends.
        is_mention, is_relation = len(columns) > 4 and columns[1].isdecimal(), len(columns) == 4
        if columns[0] != identifier or not (is_mention or is_relation):
            raise ProjectError(
                f"Document '{identifier}': row {number} after the text is not one of its mentions or relations",
                "A mention's row has the document's id, start, end, text, label and id, separated by tabs.",
            )
        # A mention without an id may end with its label.
        if is_mention:
            _, start, end, _, label, concept, *_ = [*columns, ""]
            mentions.append(Mention(int(start), int(end), label, "" if concept == "-1" else concept))
    return Document(identifier, tuple(passages), tuple(mentions))


def write_bioc_xml(documents: Iterable[Document], path: Path) -> None:
    """Write BioC XML. A character that XML cannot hold becomes U+FFFD in the text, so that every offset stays.

    documents (Iterable[Document]): the documents.
    path (Path): the file to write.
    RAISES (ProjectError): such a character stands in an id or a label.

    http://bioc.sourceforge.net
    """
    collection = bioc_collection(map(without_unwritable, documents))
    path.write_text(biocxml.dumps(collection), encoding="utf-8", newline="\n")


def write_bioc_json(documents: Iterable[Document], path: Path) -> None:
    """Write BioC JSON. Any text can be written.

    documents (Iterable[Document]): the documents.
    path (Path): the file to write.
    RAISES (ProjectError): a control character stands in an id or a label.
    """
    content = biocjson.dumps(bioc_collection(documents), indent=2, ensure_ascii=False)
    path.write_text(content + "\n", encoding="utf-8", newline="\n")


def without_unwritable(document: Document) -> Document:
    """Give a document with U+FFFD for each character of its text that XML cannot hold."""
    passages = (Passage(kind, XML_UNWRITABLE.sub("\ufffd", text)) for kind, text in document.passages)
    return replace(document, passages=tuple(passages))


def bioc_collection(documents: Iterable[Document]) -> BioCCollection:
    """Give documents as a BioC collection. It has no date, which would make the bytes of each day's run others."""
    collection = BioCCollection()
    collection.date = ""
    for document in documents:
        check_names(document, XML_UNWRITABLE, "BioC")
        collection.add_document(bioc_document(document))
    return collection


def bioc_document(document: Document) -> BioCDocument:
    """Give a document in BioC, each mention in the passage that it begins in."""
    bioc = BioCDocument()
    bioc.id = document.id
    for start, passage in zip(passage_starts(document.passages), document.passages, strict=True):
        part = BioCPassage()
        part.offset, part.text, part.infons = start, passage.text, {"type": passage.type}
        bioc.add_passage(part)
    for number, mention in enumerate(document.mentions):
        annotation = BioCAnnotation()
        annotation.id, annotation.text = str(number), document.text[mention.start : mention.end]
        annotation.infons = {"type": mention.label} | ({"identifier": mention.concept} if mention.concept else {})
        annotation.add_location(BioCLocation(mention.start, mention.end - mention.start))
        next(part for part in reversed(bioc.passages) if part.offset <= mention.start).add_annotation(annotation)
    return bioc


def passage_starts(passages: Sequence[Passage]) -> list[int]:
    """Give the offset of each passage in the text that they make, joined by one space."""
    return list(accumulate((len(passage.text) + 1 for passage in passages[:-1]), initial=0))


def read_bioc_xml(path: Path) -> list[Document]:
    """Read BioC XML with the passages' offsets in the passages joined by one space, as BC5CDR has them.

    path (Path): the file.
    RETURNS (list[Document]): the documents.
    RAISES (ProjectError): passages stand elsewhere than one space apart.
    """
    with path.open("rb") as file:
        return list(map(read_bioc_document, biocxml.load(file).documents))


def read_bioc_json(path: Path) -> list[Document]:
    """Read BioC JSON, see `read_bioc_xml`."""
    return list(map(read_bioc_document, biocjson.loads(path.read_text(encoding="utf-8")).documents))


def read_bioc_document(bioc: BioCDocument) -> Document:
    """Give a document of BioC with each annotation from its lowest start to its highest end."""
    passages = tuple(Passage(part.infons.get("type") or "", part.text or "") for part in bioc.passages)
    if [part.offset for part in bioc.passages] != passage_starts(passages):
        raise ProjectError(
            f"Document '{bioc.id}' has passages that are not one space apart",
            "The offset of a passage must be that in the passages' texts joined by one space.",
        )
    mentions = (
        Mention(
            start=annotation.total_span.offset,
            end=annotation.total_span.end,
            label=annotation.infons["type"],
            concept=annotation.infons.get("identifier") or "",
        )
        for part in bioc.passages
        for annotation in part.annotations
    )
    return Document(bioc.id, passages, tuple(mentions))


def write_conll(documents: Iterable[Document], path: Path) -> None:
    """Write CoNLL with a row for each word: the word, its document's id, start, end, the mention's id or "-", BIO tag.

    The word is the first column and the tag the last, where readers of CoNLL-2003, spaCy's among them, look for them.
    Tokens of spaces and line ends are no words, and not written. Where a mention begins or ends with one, its
    characters are written as "␣". A document without a word has no rows, so it is not there when read back.

    documents (Iterable[Document]): the documents with their tokens.
    path (Path): the file to write.
    RAISES (ProjectError): an id or a label has a space in it.
    """
    path.write_text("".join(map(conll_block, documents)), encoding="utf-8", newline="\n")


def conll_block(document: Document) -> str:
    """Give a document's rows in CoNLL, and the blank line after them."""
    check_names(document, re.compile(r"\s"), "CoNLL")
    edges = {i for ent in document.doc.ents for i in (ent.start, ent.end - 1)}
    rows = []
    for token in document.doc:
        if token.text.isspace() and token.i not in edges:
            continue
        word, end = re.sub(r"\s", "␣", token.text), token.idx + len(token)
        tag = f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O"
        rows.append("\t".join((word, document.id, str(token.idx), str(end), token.ent_kb_id_ or "-", tag)))
    return "\n".join([CONLL_DOCUMENT, "", *rows, "", ""]) if rows else ""


def read_conll(path: Path) -> list[Document]:
    """Read CoNLL as `write_conll` writes it.

    path (Path): the file.
    RETURNS (list[Document]): the documents with their mentions and without a text, which CoNLL has not.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t") for line in lines if line and line != CONLL_DOCUMENT]
    documents = groupby(rows, key=lambda row: row[1])
    return [Document(identifier, (), conll_mentions(rows)) for identifier, rows in documents]


def conll_mentions(rows: Iterable[list[str]]) -> tuple[Mention, ...]:
    """Give the mentions of one document's rows."""
    mentions: list[Mention] = []
    for _, _, start, end, concept, tag in rows:
        if tag.startswith("B-"):
            mentions.append(Mention(int(start), int(end), tag[2:], "" if concept == "-" else concept))
        elif tag.startswith("I-"):
            begun = mentions.pop()
            mentions.append(Mention(begun.start, int(end), begun.label, begun.concept))
    return tuple(mentions)


def write_doc_bin(documents: Iterable[Document], path: Path) -> None:
    """Write spaCy's DocBin with each document's id in `doc.user_data`, as `convert` does.

    documents (Iterable[Document]): the documents with their tokens.
    path (Path): the file to write.
    """
    doc_bin = DocBin(attrs=DOC_BIN_ATTRS, store_user_data=True)
    for document in documents:
        document.doc.user_data["document_id"] = document.id
        doc_bin.add(document.doc)
    doc_bin.to_disk(path)


def read_doc_bin(path: Path) -> list[Document]:
    """Read a DocBin of `write_doc_bin` or `convert`.

    path (Path): the file.
    RETURNS (list[Document]): the documents, the text of each as one passage.
    """
    docs = DocBin(store_user_data=True).from_disk(path).get_docs(Vocab())
    return [Document(doc.user_data["document_id"], (Passage("", doc.text),), doc_mentions(doc), doc) for doc in docs]


class Format(NamedTuple):
    """A format of files with mentions.

    suffix (str): how its files' names end.
    write (Callable): writes documents to a path.
    read (Callable): reads them back.
    """

    suffix: str
    write: Callable[[Iterable[Document], Path], None]
    read: Callable[[Path], list[Document]]


FORMATS = {
    "pubtator": Format(".PubTator.txt", write_pubtator, read_pubtator),
    "bioc-xml": Format(".bioc.xml", write_bioc_xml, read_bioc_xml),
    "bioc-json": Format(".bioc.json", write_bioc_json, read_bioc_json),
    "conll": Format(".conll", write_conll, read_conll),
    "docbin": Format(".spacy", write_doc_bin, read_doc_bin),
}


def write_documents(documents: Iterable[Document], path: Path, *, format: str) -> None:
    """Write documents in a format, whole or not at all.

    documents (Iterable[Document]): the documents; for CoNLL and DocBin with their tokens.
    path (Path): the file to write.
    format (str): one of `FORMATS`.
    RAISES (ProjectError): the format cannot hold an id or a label.
    """
    with moved_into_place(path) as partial:
        FORMATS[format].write(documents, partial)


def read_documents(path: Path, *, format: str) -> list[Document]:
    """Read documents in a format.

    path (Path): the file.
    format (str): one of `FORMATS`.
    RETURNS (list[Document]): the documents in the file's order.
    RAISES (ProjectError): the file is not of that format.
    """
    try:
        return FORMATS[format].read(path)
    except ProjectError as error:
        raise ProjectError(f"{path}: {error.title}", error.hint) from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, XMLSyntaxError) as error:
        raise ProjectError(
            f"{path} can't be read as {format} ({type(error).__name__})",
            "It is of another format, or was cut short or changed.",
        ) from error


def check_names(document: Document, break_: re.Pattern, format: str) -> None:
    """Refuse a document whose id, or a mention's label or id, cannot be written in a format.

    document (Document): the document.
    break_ (re.Pattern): a character that would break the format.
    format (str): the format's name, for the message.
    RAISES (ProjectError): an id has such a character in it, or a label, or one of both is empty.
    """
    labels = {mention.label for mention in document.mentions}
    concepts = {concept for mention in document.mentions for concept in mention.concept.split("|")} - {""}
    for name in (document.id, *sorted(labels | concepts)):
        if not name or break_.search(name):
            raise ProjectError(
                f"Document '{document.id}': the id or label {name!r} can't be written as {format}",
                "Ids and labels must not be empty, and should be made of letters, digits and the like of . : _ -",
            )
