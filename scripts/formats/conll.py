"""CoNLL: a row for each word, written from the tokens. It has no place for confidences and attributes."""

import re
from collections.abc import Sequence
from pathlib import Path

from scripts.formats.writing import Writer, check_names, needed_doc
from scripts.records.documents import Document

# The delimiter at which spaCy's own converter splits, as in the files of CoNLL-2003.
DELIMITER = "-DOCSTART- -X- O O"


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
