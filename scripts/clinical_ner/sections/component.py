"""The component: it sets where sentences start, and finds the sections of a document.

It runs before everything else, in training too, so that no mention crosses a line of a list or a heading.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import srsly
from numpy import ndarray
from spacy.attrs import IDX, SENT_START
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..factory import Factory
from ..version import check_version
from .headings import Heading, HeadingFinder
from .layout import find_breaks, find_lines
from .rules import RuleTable, Source, read_table
from .section import Section, add_extensions, store_sections
from .sentences import find_marks, find_sentences

RULES_FILE = "rules.json"
# spaCy's -1 for a token that starts no sentence, in the type that Doc.from_array takes.
NO_START = numpy.array(-1, dtype="i8").astype("u8")


class Layout(NamedTuple):
    """Where a text's sentences start, and its headings.

    text (str): the text.
    starts (list[int]): offsets in order.
    headings (list[Heading]): the headings in order.
    """

    text: str
    starts: list[int]
    headings: list[Heading]


def make_sections(nlp: Language, name: str, rules: Any, extra_rules: Any) -> "Sections":
    """Return the component.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    rules (Source | None): rules in place of the library's: the path of a JSON file, or its content. None for those.
    extra_rules (Source | None): rules in addition to them, which go first.
    RETURNS (Sections): the component.
    RAISES (ValueError): a rule is wrong. The message has its number and what is wrong.
    """
    # Any, because spaCy's message for another type has no number.
    check_version(nlp)
    return Sections(nlp.vocab, rules, extra_rules)


class Sections:
    """A component that sets `token.is_sent_start` and `doc._.sections`.

    Its rules are saved with the pipeline.
    """

    def __init__(self, vocab: Vocab, rules: Source | None = None, extra_rules: Source | None = None):
        self.vocab = vocab
        self.source = srsly.json_loads(srsly.json_dumps([rules, extra_rules]))
        self._missing: str | None = None
        add_extensions()
        self.set_table(self.read())

    def read(self) -> RuleTable:
        """Return the rules that the config names.

        A file that is not there is an error only when the component is used: a saved pipeline has its own copy.
        """
        self._missing = next(
            (source for source in self.source if isinstance(source, str) and not Path(source).is_file()), None
        )
        return RuleTable((), {}) if self._missing else read_table(*self.source)

    def set_table(self, table: RuleTable) -> None:
        """Use rules.

        table (RuleTable): the rules.
        """
        self.table = table
        self._matcher = table.make_matcher(self.vocab)

    def __call__(self, doc: Doc) -> Doc:
        """Set the sentence starts and the sections of a document.

        doc (Doc): the document.
        RETURNS (Doc): the same document.
        RAISES (ValueError): the file of rules that the config names is not there.
        """
        layout = self.set_starts(doc)
        offsets = doc.to_array([IDX])
        store_sections(doc, make_doc_sections(layout.headings, offsets, self.table, line_ends(layout.text)))
        return doc

    def set_starts(self, doc: Doc) -> Layout:
        """Set where the sentences of a document start.

        doc (Doc): the document.
        RETURNS (Layout): what was found in its text.
        RAISES (ValueError): the file of rules that the config names is not there.
        """
        if self._missing:
            raise ValueError(f"The file of section rules {self._missing} is not there")
        layout = find_layout(doc.text, self.table, lambda: self.match(doc))
        if len(doc):
            offsets, starts = doc.to_array([IDX]), numpy.array(layout.starts, dtype="i8")
            values = numpy.full((len(doc), 1), NO_START, dtype="u8")
            values[numpy.isin(offsets, starts.astype(offsets.dtype))] = 1
            values[0] = 1
            doc.from_array([SENT_START], values)
        return layout

    def match(self, doc: Doc) -> list[Heading]:
        """Return the headings that rules with a pattern of tokens find in a document."""
        found = self._matcher(doc, as_spans=True) if self._matcher else []
        rules = [(span, self.table.rules[int(span.label_)]) for span in found]
        return [Heading(span.start_char, span.end_char, rule.category, rule, at_line=False) for span, rule in rules]

    def to_bytes(self, *, exclude: Any = ()) -> bytes:
        """Return the rules as bytes, with the config's that they come from."""
        return srsly.msgpack_dumps({"source": self.source, **self.table.to_dict()})

    def from_bytes(self, data: bytes, *, exclude: Any = ()) -> "Sections":
        """Load the rules, unless the config names other ones than it did when they were saved.

        data (bytes): what `to_bytes` returned.
        RETURNS (Sections): this component.
        """
        return self.load(srsly.msgpack_loads(data))

    def to_disk(self, path: Path, *, exclude: Any = ()) -> None:
        """Save the rules in a folder.

        path (Path): the folder.
        """
        Path(path).mkdir(parents=True, exist_ok=True)
        srsly.write_json(Path(path) / RULES_FILE, {"source": self.source, **self.table.to_dict()})

    def from_disk(self, path: Path, *, exclude: Any = ()) -> "Sections":
        """Load the rules from a folder; see `from_bytes`.

        path (Path): the folder.
        RETURNS (Sections): this component.
        """
        return self.load(srsly.read_json(Path(path) / RULES_FILE))

    def load(self, saved: dict[str, Any]) -> "Sections":
        """Use saved rules, unless the config has changed since."""
        if saved["source"] == self.source:
            self._missing = None
            self.set_table(read_table(saved))
        return self


def find_layout(text: str, table: RuleTable, match: Callable[[], list[Heading]] = list) -> Layout:
    """Find where the sentences of a text start, and its headings.

    text (str): any text.
    table (RuleTable): the rules of headings.
    match (Callable): returns further headings.
    RETURNS (Layout): both.
    """
    lines = find_lines(text)
    headings = without_overlaps([*match(), *HeadingFinder(text, lines, table).find()])
    marks = find_marks(text)
    starts = {start for start, _ in marks}
    contents = {end for _, end in marks} | {line.content for line in lines if line.is_item}
    starts.update(find_breaks(text, lines, {(heading.start, heading.end) for heading in headings}))
    starts.update(find_sentences(text, contents))
    for heading in headings:
        starts.update((heading.start, skip_space(text, heading.end)))
    return Layout(text, sorted(starts), headings)


def without_overlaps(headings: list[Heading]) -> list[Heading]:
    """Return headings in order, without those that overlap one before."""
    kept: list[Heading] = []
    for heading in sorted(headings, key=lambda heading: (heading.start, -heading.end)):
        if not kept or heading.start >= kept[-1].end:
            kept.append(heading)
    return kept


def skip_space(text: str, start: int) -> int:
    """Return the offset of the first character from `start` that is no white space, or the text's end."""
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def line_ends(text: str) -> Callable[[int], int]:
    """Return a function from an offset to the end of its line."""

    def end_of_line(start: int) -> int:
        end = text.find("\n", start)
        return len(text) if end < 0 else end

    return end_of_line


def make_doc_sections(
    headings: list[Heading], offsets: ndarray, table: RuleTable, end_of_line: Callable[[int], int]
) -> list[Section]:
    """Return the sections of a document. Together they cover its tokens.

    headings (list[Heading]): its headings.
    offsets (ndarray): the offset of each token.
    table (RuleTable): the rules, for the codes.
    end_of_line (Callable): returns the end of the line that an offset is in.
    RETURNS (list[Section]): the sections in order. The first has no category unless the text starts with a heading.
    """
    kept = in_parents(headings)
    if not kept:
        return [Section(None, 0, 0, 0, len(offsets))] if len(offsets) else []
    starts = (numpy.searchsorted(offsets, [heading.start for heading, _ in kept], side="right") - 1).tolist()
    ends = numpy.searchsorted(offsets, [heading.end for heading, _ in kept], side="left").tolist()
    lines = [end_of_line(heading.end) for heading, _ in kept]
    line_tokens = numpy.searchsorted(offsets, lines, side="left").tolist()
    sections = [Section(None, 0, 0, 0, starts[0])] if starts[0] else []
    for (heading, parent), start, end, line, after in zip(
        kept, starts, ends, line_tokens, [*starts[1:], len(offsets)], strict=True
    ):
        rule = heading.rule
        limits = [after]
        if rule and rule.max_scope is not None:
            limits.append(end + rule.max_scope)
        if rule and rule.metadata.get("line"):
            limits.append(line)
        code = table.code(rule, heading.category) if rule else None
        last = max(min(limits), end)
        sections.append(Section(heading.category, start, end, end, last, parent, code))
        if last < after:
            sections.append(Section(None, last, last, last, after))
    return sections


def in_parents(headings: list[Heading]) -> list[tuple[Heading, str | None]]:
    """Return the headings with the category that each is a part of, without those that require one and have none."""
    kept: list[tuple[Heading, str | None]] = []
    above: list[str | None] = []
    for heading in headings:
        parents = heading.rule.parents if heading.rule else ()
        inside = list(above)
        while inside and inside[-1] not in parents:
            inside.pop()
        if not inside and heading.rule and heading.rule.parent_required:
            continue
        kept.append((heading, inside[-1] if inside else None))
        above = [*inside, heading.category]
    return kept


SECTIONS = Factory(
    "clinical_sections",
    make_sections,
    {
        "assigns": [
            "token.is_sent_start",
            "doc.sents",
            "doc._.sections",
            "span._.section_category",
            "span._.section_title",
            "span._.section_code",
        ],
        "default_config": {"rules": None, "extra_rules": None},
    },
)
