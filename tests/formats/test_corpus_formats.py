"""Every format is read back to the same mentions, and PubTator is that of BC5CDR, line for line."""

import re
import zipfile
from itertools import pairwise

import pytest
import spacy
from bioc import pubtator
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Span
from spacy.training.converters import conll_ner_to_docs

from scripts.annotation.mentions import doc_mentions
from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.errors import ProjectError
from scripts.fetch_corpus import read_bioc
from scripts.formats.pubtator import read_documents as read_pubtator
from scripts.formats.registry import CORPUS_FORMATS, WRITERS, write_documents
from scripts.records.bigbio import document_id
from scripts.records.documents import Document, Passage
from scripts.records.mentions import DEFAULT_LABELS, Mention, flat_mentions, parse_labels
from tests.formats.reading_back import read_documents
from tests.shared import ARCHIVE, needs_archive

NLP = set_tokenizer(spacy.blank("en"))


def make_document(*texts, ents=(), identifier="7"):
    """Make a document of passages, its entities given as (first token, last token + 1, label, id)."""
    doc = NLP(" ".join(texts))
    doc.set_ents([Span(doc, start, end, label=label, kb_id=concept) for start, end, label, concept in ents])
    passages = tuple(map(Passage, ("title", "abstract", "methods", "results"), texts))
    return Document(identifier, passages, doc_mentions(doc), doc)


def write(documents, folder, format):
    path = folder / f"predictions{WRITERS[format].suffix}"
    write_documents(documents, path, format=format)
    return path


ABSTRACT = make_document(
    "Famotidine-associated delirium.",
    "6 β-cases [IDM].",
    ents=[(0, 1, "Chemical", "D015738"), (3, 4, "Disease", "D003693|D006470"), (5, 9, "Chemical", "")],
)
NOTE = make_document("Hx:\n\theart\n failure, HTN", ents=[(3, 6, "Disease", ""), (7, 8, "Disease", "D006973")])
SECTIONS = make_document("A", "no pain", "B", ents=[(2, 3, "Disease", ""), (3, 4, "Chemical", "")])
EMPTY = make_document("\n", identifier="8")


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        (
            [ABSTRACT],
            "7|t|Famotidine-associated delirium.\n7|a|6 β-cases [IDM].\n"
            "7\t0\t10\tFamotidine\tChemical\tD015738\n"
            "7\t22\t30\tdelirium\tDisease\tD003693|D006470\n"
            "7\t32\t41\t6 β-cases\tChemical\t-1\n\n",
        ),
        (
            [NOTE, EMPTY],
            "7|t|Hx:  heart  failure, HTN\n7|a|\n"
            "7\t5\t19\theart  failure\tDisease\t-1\n7\t21\t24\tHTN\tDisease\tD006973\n\n"
            "8|t| \n8|a|\n\n",
        ),
        ([SECTIONS], "7|t|A\n7|a|no pain B\n7\t5\t9\tpain\tDisease\t-1\n7\t10\t11\tB\tChemical\t-1\n\n"),
        ([], ""),
    ],
)
def test_pubtator_as_written(tmp_path, documents, expected):
    assert write(documents, tmp_path, "pubtator").read_bytes().decode() == expected


def test_pubtator_as_bioc_reads_it(tmp_path):
    (document,) = pubtator.loads(write([ABSTRACT], tmp_path, "pubtator").read_text())
    assert (document.pmid, document.title, document.abstract) == ("7", *(text for _, text in ABSTRACT.passages))
    found = [(row.start, row.end, row.text, row.type, row.id) for row in document.annotations]
    assert found == [
        (0, 10, "Famotidine", "Chemical", "D015738"),
        (22, 30, "delirium", "Disease", "D003693|D006470"),
        (32, 41, "6 β-cases", "Chemical", "-1"),
    ]


def test_conll_as_written(tmp_path):
    assert write([NOTE, EMPTY], tmp_path, "conll").read_bytes().decode() == (
        "-DOCSTART- -X- O O\n\n"
        "Hx\t7\t0\t2\t-\tO\n"
        ":\t7\t2\t3\t-\tO\n"
        "heart\t7\t5\t10\t-\tB-Disease\n"
        "failure\t7\t12\t19\t-\tI-Disease\n"
        ",\t7\t19\t20\t-\tO\n"
        "HTN\t7\t21\t24\tD006973\tB-Disease\n\n"
    )


def test_conll_as_spacy_reads_it(tmp_path):
    content = write([ABSTRACT, NOTE, SECTIONS], tmp_path, "conll").read_text()
    found = [[(ent.label_, ent.text) for ent in doc.ents] for doc in conll_ner_to_docs(content, no_print=True)]
    assert found == [
        [("Chemical", "Famotidine"), ("Disease", "delirium"), ("Chemical", "6 β - cases")],
        [("Disease", "heart failure"), ("Disease", "HTN")],
        [("Disease", "pain"), ("Chemical", "B")],
    ]


def test_bioc_as_written(tmp_path):
    document = make_document("HTN", "\x00<5 HTN.", ents=[(0, 1, "Disease", "D006973"), (4, 5, "Disease", "")])
    content = write([document], tmp_path, "bioc-xml").read_text()
    assert re.sub("\n *", "", content.partition("?>")[2]) == (
        "<collection><source></source><date></date><key></key><document><id>7</id>"
        '<passage><infon key="type">title</infon><offset>0</offset><text>HTN</text>'
        '<annotation id="0"><infon key="type">Disease</infon><infon key="identifier">D006973</infon>'
        '<location offset="0" length="3"/><text>HTN</text></annotation></passage>'
        '<passage><infon key="type">abstract</infon><offset>4</offset><text>\ufffd&lt;5 HTN.</text>'
        '<annotation id="1"><infon key="type">Disease</infon>'
        '<location offset="8" length="3"/><text>HTN</text></annotation></passage></document></collection>'
    )


# Line ends of all kinds, separators, markup, what XML cannot hold, wide, combining and zero-width characters.
ODD = "a1 \t\n\r\v\f\x1c\x85\u2028\xa0\u200b|[]<>&\"'\\/-.,\x00\x07\ufffe\ufeffβé😀␣"
TEXTS = st.text(st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"]), max_size=25) | st.just("Pr(>|t|) |a|")
NAMES = st.text("aZ0:._β", min_size=1, max_size=5)
# What a format cannot hold in its text, and what stands there instead.
REPLACED = {
    "pubtator": ("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", " "),
    "bioc-xml": ("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd"),
}
CONCEPTS = st.lists(NAMES, max_size=2).map("|".join)


@st.composite
def documents(draw):
    """Draw one to three documents of one to four passages, some of their tokens marked as entities."""
    drawn = []
    for number in range(draw(st.integers(1, 3))):
        texts = draw(st.lists(TEXTS, min_size=1, max_size=4))
        bounds = sorted(draw(st.sets(st.integers(0, len(NLP(" ".join(texts)))), max_size=8)))
        ents = [(start, end, draw(NAMES), draw(CONCEPTS)) for start, end in pairwise(bounds)]
        kept = [ent for ent in ents if draw(st.booleans())]
        drawn.append(make_document(*texts, ents=kept, identifier=f"{draw(NAMES)}-{number}"))
    return drawn


@pytest.mark.parametrize("format", CORPUS_FORMATS)
@given(given=documents())
def test_what_is_read_back_has_the_same_mentions(tmp_path_factory, format, given):
    folder = tmp_path_factory.mktemp("formats")
    found = read_documents(write(given, folder, format), format)
    if format == "conll":
        given = [document for document in given if document.text.strip() or document.mentions]
    assert [(document.id, document.mentions) for document in found] == [(doc.id, doc.mentions) for doc in given]


@pytest.mark.parametrize("format", [name for name in CORPUS_FORMATS if name != "conll"])
@given(given=documents())
def test_what_is_read_back_has_the_same_text_at_the_same_offsets(tmp_path_factory, format, given):
    found = read_documents(write(given, tmp_path_factory.mktemp("formats"), format), format)
    for document, before in zip(found, given, strict=True):
        expected = re.sub(*REPLACED.get(format, ("(?!)", "")), before.text)
        assert document.text == expected or (format == "pubtator" and f"{document.text} " == expected)
        if format.startswith("bioc"):
            assert [passage.type for passage in document.passages] == [passage.type for passage in before.passages]


@pytest.mark.parametrize("format", CORPUS_FORMATS)
def test_the_same_documents_give_the_same_bytes(tmp_path, format):
    first = write([ABSTRACT, NOTE], tmp_path / "first", format).read_bytes()
    again = write([ABSTRACT, NOTE], tmp_path / "again", format).read_bytes()
    assert first == again
    assert [path.name for path in (tmp_path / "first").iterdir()] == [f"predictions{WRITERS[format].suffix}"]


def test_a_docbin_has_ids_and_tokens_as_convert_writes_them(tmp_path):
    (document,) = read_documents(write([ABSTRACT], tmp_path, "docbin"), "docbin")
    assert document.doc.user_data == {"document_id": "7"}
    assert [token.text for token in document.doc] == [token.text for token in ABSTRACT.doc]


@pytest.mark.parametrize(
    ("identifier", "label", "concept", "refusing"),
    [
        ("a b", "X", "", {"conll"}),
        ("7", "Body Part", "", {"conll"}),
        ("7", "X", "D1 D2", {"conll"}),
        ("a|b", "X", "", {"pubtator"}),
        ("a\nb", "X", "", {"pubtator", "conll"}),
        ("7", "X\tY", "", {"pubtator", "conll"}),
        ("7", "X", "D1\tD2", {"pubtator", "conll"}),
        ("7", "X\x00", "", {"bioc-xml", "bioc-json"}),
        ("", "X", "", {"pubtator", "bioc-xml", "bioc-json", "conll"}),
    ],
)
def test_a_name_that_a_format_cannot_hold_is_refused_and_nothing_written(
    tmp_path, identifier, label, concept, refusing
):
    document = make_document("SECRET", ents=[(0, 1, label, concept)], identifier=identifier)
    refused = set()
    for format in CORPUS_FORMATS:
        try:
            (found,) = read_documents(write([document], tmp_path, format), format)
            assert (found.id, found.mentions) == (identifier, document.mentions)
        except ProjectError as error:
            refused.add(format)
            assert "SECRET" not in str(error)
    assert refused == refusing
    assert len(list(tmp_path.iterdir())) == len(CORPUS_FORMATS) - len(refusing)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("SECRET\n", "has no title"),
        ("7|a|SECRET\n", "has no title"),
        ("7|t|SECRET\n7|a|SECRET\n8\t0\t3\tSEC\tX\t-1\n", "'7': row 1 after the text"),
        ("7|t|SECRET\n7|a|\n7\t0\t3\tSEC\tX\t-1\nSECRET\n", "'7': row 2 after the text"),
        ("7|t|SECRET\n7|a|\n7\t0\tSECRET\tSEC\tX\t-1\n", "'7': row 1 after the text has an end"),
    ],
)
def test_a_file_that_is_not_pubtator_is_refused_and_not_quoted(tmp_path, content, why):
    path = tmp_path / "file"
    path.write_text(content)
    with pytest.raises(ProjectError, match=why) as caught:
        list(read_pubtator(path))
    assert str(path) in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_what_pubtator_has_beside_mentions_is_left_out(tmp_path):
    path = tmp_path / "gold.txt"
    path.write_text(
        "1|t|Pr(>|t|) of pain\n1|a|x |a| y\n1\t0\t2\tPr\tDisease\tD1|D2\tPr|r(\n1\t15\t19\tpain\tDisease\n"
        "1\tCID\tD1\tD2\n\n\n2|t|No abstract\n"
    )
    assert list(read_pubtator(path)) == [
        Document(
            "1",
            (Passage("title", "Pr(>|t|) of pain"), Passage("abstract", "x |a| y")),
            (Mention(0, 2, "Disease", "D1|D2"), Mention(15, 19, "Disease")),
        ),
        Document("2", (Passage("title", "No abstract"),), ()),
    ]


@needs_archive
def test_the_gold_mentions_of_bc5cdr_as_pubtator_are_the_archives_own_file(tmp_path):
    # Kept from the archive's file: titles, abstracts and mentions. Left out: relations, parts of composite mentions.
    lines = read_archive("CDR_TestSet.PubTator.txt").decode().splitlines(keepends=True)
    expected = [re.sub(r"^((?:[^\t]*\t){5}[^\t]*)\t[^\t\n]*$", r"\1", line) for line in lines if line.count("\t") != 3]
    labels = parse_labels(DEFAULT_LABELS)
    gold = [
        Document(
            id=document_id(record),
            passages=tuple(Passage(passage["type"], passage["text"]) for passage in record["passages"]),
            mentions=tuple(flat_mentions(record, labels)),
        )
        for record in read_bioc(read_archive("CDR_TestSet.BioC.xml"))
    ]
    assert sum(len(document.mentions) for document in gold) == 9809
    assert write(gold, tmp_path, "pubtator").read_text().splitlines(keepends=True) == expected


def read_archive(name):
    with zipfile.ZipFile(ARCHIVE) as archive:
        return archive.read(f"CDR_Data/CDR.Corpus.v010516/{name}")
