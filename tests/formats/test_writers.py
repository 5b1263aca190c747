"""Every format is read back, by the library that others would read it with, to the same mentions."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import srsly
from bioc import biocjson, biocxml, pubtator
from hypothesis import given, settings

from scripts.errors import ProjectError
from scripts.formats.omop import INTEGER
from scripts.formats.registry import CORPUS_FORMATS, DRAFT_FORMATS, WRITERS, FormatName
from scripts.formats.writing import WriteOptions
from scripts.records.mentions import Mention
from tests.formats.documents import documents, make_document
from tests.formats.reading_back import mentions_of, read_brat, read_csv, read_rows

# Formats with a place for each mention. The others have tests of their own.
MENTION_FORMATS = [name for name in WRITERS if name not in ("table", "fhir")]
BEGUN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOTE = make_document(
    "Gout,\r\n\theart\r\nfailure β",
    [(0, 1, "Disease", 0.75, "D006073"), (3, 6, "Disease", None, "")],
    identifier="12",
    columns={"ward": "β", "visit": 12345678901234567890, "share": 0.12345678901234},
)
EMPTY = make_document("", identifier="13")
GOUT = {
    "text": "Gout",
    "label": "Disease",
    "start": 0,
    "end": 4,
    "confidence": 0.75,
    "kb_id": "D006073",
    "attributes": {},
}
FAILURE = {
    "text": "heart\r\nfailure",
    "label": "Disease",
    "start": 8,
    "end": 22,
    "confidence": None,
    "kb_id": None,
    "attributes": {},
}


def write(notes, folder, format, *, keep_text=True, number_from=1):
    """Write notes, and give the path and the notes that the format can hold."""
    writer = WRITERS[format](WriteOptions(keep_text, "en_test 1.0", BEGUN))
    prepared, kept = [], []
    for note in notes:
        try:
            prepared.append(writer.prepare(note))
            kept.append(note)
        except ProjectError:
            continue
    path = folder / f"part{writer.suffix}"
    writer.write(prepared, path, number_from=number_from)
    return path, kept


def is_omop_id(identifier):
    return bool(INTEGER.fullmatch(identifier)) and int(identifier) < 2**63


@pytest.mark.parametrize("format", MENTION_FORMATS)
@settings(max_examples=40)
@given(notes=documents())
def test_what_is_read_back_has_the_same_mentions(tmp_path_factory, format, notes):
    path, kept = write(notes, tmp_path_factory.mktemp("formats"), format)
    # What each format refuses has its own test.
    assert kept == [note for note in notes if format != "omop" or is_omop_id(note.id)]
    expected = {
        note.id: [(mention.start, mention.end, mention.label, mention.concept) for mention in note.mentions]
        for note in kept
    }
    # These have nothing to say about a note without a mention, or without a word.
    if format in ("csv", "omop"):
        expected = {name: mentions for name, mentions in expected.items() if mentions}
    if format == "conll":
        expected = {note.id: expected[note.id] for note in kept if note.text.strip() or note.mentions}
    assert mentions_of(path, format) == expected


@settings(max_examples=40)
@given(notes=documents())
def test_jsonl_and_parquet_say_the_same_and_all(tmp_path_factory, notes):
    folder = tmp_path_factory.mktemp("formats")
    expected = [
        {
            "id": note.id,
            "text": note.text,
            "entities": [
                {
                    "text": note.text[mention.start : mention.end],
                    "label": mention.label,
                    "start": mention.start,
                    "end": mention.end,
                    "confidence": mention.confidence,
                    "kb_id": mention.concept or None,
                    "attributes": mention.attributes,
                }
                for mention in note.mentions
            ],
            "columns": note.columns,
        }
        for note in notes
    ]
    for format in ("jsonl", "parquet"):
        assert read_rows(write(notes, folder, format)[0], format) == expected


@pytest.mark.parametrize(("keep_text", "text"), [(True, '"text": "Gout,\\r\\n\\theart\\r\\nfailure β", '), (False, "")])
def test_jsonl_as_written(tmp_path, keep_text, text):
    path, _ = write([NOTE], tmp_path, "jsonl", keep_text=keep_text)
    assert path.read_text(encoding="utf8") == (
        f'{{"id": "12", {text}"entities": ['
        '{"text": "Gout", "label": "Disease", "start": 0, "end": 4, "confidence": 0.75, "kb_id": "D006073", '
        '"attributes": {}}, '
        '{"text": "heart\\r\\nfailure", "label": "Disease", "start": 8, "end": 22, '
        '"confidence": null, "kb_id": null, "attributes": {}}], "columns": '
        '{"ward": "β", "visit": 12345678901234567890, "share": 0.12345678901234}}\n'
    )
    assert next(iter(srsly.read_jsonl(path)))["entities"] == [GOUT, FAILURE]


@pytest.mark.parametrize(("keep_text", "names"), [(True, ["id", "text"]), (False, ["id"])])
@pytest.mark.parametrize("notes", [[], [EMPTY], [NOTE, EMPTY]])
def test_parquet_has_the_same_schema_whatever_is_in_it(tmp_path, keep_text, names, notes):
    table = pq.read_table(write(notes, tmp_path, "parquet", keep_text=keep_text)[0])
    assert table.schema.names == [*names, "entities", "columns"]
    assert str(table.schema.field("entities").type) == (
        "list<element: struct<text: string not null, label: string not null, start: int64 not null,"
        " end: int64 not null, confidence: double, kb_id: string, attributes: string not null>>"
    )
    assert {table.schema.field(name).type for name in (*names, "columns")} == {pa.string()}
    assert table.num_rows == len(notes)


def test_csv_has_a_row_for_each_entity(tmp_path):
    path, _ = write([NOTE, EMPTY], tmp_path, "csv")
    columns = '"{""ward"": ""β"", ""visit"": 12345678901234567890, ""share"": 0.12345678901234}"'
    assert path.read_bytes().decode() == (
        "id,start,end,label,text,confidence,kb_id,attributes,columns\r\n"
        f"12,0,4,Disease,Gout,0.75,D006073,{{}},{columns}\r\n"
        f'12,8,22,Disease,"heart\r\nfailure",,,{{}},{columns}\r\n'
    )


def test_pubtator_and_bioc_as_bioc_reads_them(tmp_path):
    expected = [(0, 4, "Gout", "Disease", "D006073"), (8, 22, "heart\r\nfailure", "Disease", None)]
    with write([NOTE], tmp_path, "pubtator")[0].open(encoding="utf8", newline="") as file:
        (document,) = pubtator.load(file)
    found = [(ent.start, ent.end, ent.text, ent.type, ent.id) for ent in document.annotations]
    # Its lines can hold no line ends.
    assert found == [expected[0], (8, 22, "heart  failure", "Disease", "-1")]
    for format, read in (("bioc-xml", biocxml.loads), ("bioc-json", biocjson.loads)):
        path, _ = write([NOTE], tmp_path, format)
        (document,) = read(path.read_bytes().decode()).documents
        found = [
            (ent.total_span.offset, ent.total_span.end, ent.text, ent.infons["type"], ent.infons.get("identifier"))
            for ent in document.passages[0].annotations
        ]
        assert found == expected
        assert document.passages[0].text == NOTE.text


def test_brat_has_a_span_for_each_line_and_the_text_as_given(tmp_path):
    path, _ = write([NOTE, EMPTY], tmp_path, "brat")
    assert sorted(file.name for file in path.iterdir()) == ["12.ann", "12.txt", "13.ann", "13.txt", "annotation.conf"]
    assert (path / "12.txt").read_bytes() == NOTE.text.encode()
    assert (path / "12.ann").read_bytes().decode() == (
        "T1\tDisease 0 4\tGout\nT2\tDisease 8 13;15 22\theart failure\n#1\tAnnotatorNotes T1\tD006073\n"
    )
    assert (path / "13.txt").read_bytes() == (path / "13.ann").read_bytes() == b""


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("note 1", "note%201"),
        ("a/b\\c", "a%2Fb%5Cc"),
        ("..", "%2E."),
        (".hidden.", "%2Ehidden."),
        ("50%2F", "50%252F"),
        ("β\n", "%CE%B2%0A"),
        ("x" * 250, "x" * 250),
    ],
)
def test_an_id_that_is_no_file_name_is_made_one_and_back(tmp_path, identifier, name):
    path, _ = write([make_document("x", identifier=identifier)], tmp_path, "brat")
    assert {file.stem for file in path.iterdir()} == {name, "annotation"}
    assert list(read_brat(path)) == [identifier] == [unquote(name)]


def test_omop_rows(tmp_path):
    path, _ = write([NOTE, EMPTY], tmp_path, "omop", number_from=41)
    common = {
        "note_id": "12",
        "section_concept_id": "0",
        "snippet": NOTE.text,
        "note_nlp_concept_id": "0",
        "note_nlp_source_concept_id": "0",
        "nlp_system": "en_test 1.0",
        "nlp_date": "2026-01-02",
        "nlp_datetime": "2026-01-02 03:04:05",
        "term_exists": "Y",
        "term_temporal": "",
    }
    gout = {
        "note_nlp_id": "41",
        "offset": "0",
        "lexical_variant": "Gout",
        "term_modifiers": "label=Disease,confidence=0.75,kb_id=D006073",
    }
    failure = {
        "note_nlp_id": "42",
        "offset": "8",
        "lexical_variant": "heart\r\nfailure",
        "term_modifiers": "label=Disease",
    }
    assert read_csv(path) == [common | gout, common | failure]
    assert path.read_text().splitlines()[0] == (
        "note_nlp_id,note_id,section_concept_id,snippet,offset,lexical_variant,note_nlp_concept_id,"
        "note_nlp_source_concept_id,nlp_system,nlp_date,nlp_datetime,term_exists,term_temporal,term_modifiers"
    )


@pytest.mark.parametrize("format", [name for name, writer in WRITERS.items() if writer.can_leave_out_text])
def test_without_the_text_there_are_only_the_mentions(tmp_path, format):
    note = make_document("SECRET aspirin SECRET", [(1, 2, "Chemical", None, "")], columns={"person_id": 1})
    for keep_text in (True, False):
        (tmp_path / str(keep_text)).mkdir()
        path, _ = write([note], tmp_path / str(keep_text), format, keep_text=keep_text)
        content = path.read_bytes()
        assert b"aspirin" in content
        assert (b"SECRET" in content) == (keep_text and format not in ("csv", "table", "fhir"))


@pytest.mark.parametrize(
    ("before", "mention", "after", "snippet"),
    [
        (0, 4, 500, (0, 250)),
        (10, 4, 500, (0, 250)),
        (500, 4, 500, (377, 627)),
        (500, 4, 10, (377, 514)),
        (500, 249, 10, (500, 750)),
        (500, 300, 10, (500, 750)),
    ],
)
def test_omop_columns_hold_250_characters(tmp_path, before, mention, after, snippet):
    text = "".join(chr(0x4E00 + number) for number in range(before + mention + after))
    note = make_document(text)
    found = Mention(before, before + mention, "Disease")
    (row,) = read_csv(write([replace(note, mentions=(found,))], tmp_path, "omop")[0])
    assert row["snippet"] == text[slice(*snippet)]
    assert row["lexical_variant"] == text[before : before + mention][:250]


@pytest.mark.parametrize(
    ("identifier", "label", "concept", "refusing"),
    [
        ("7", "X", "D1", set()),
        ("a b", "X", "", {"conll", "omop"}),
        ("7", "Body Part", "", {"conll", "brat"}),
        ("a|b", "X", "", {"pubtator", "omop"}),
        ("7", "X", "D1\tD2", {"pubtator", "conll", "brat"}),
        ("-7", "X", "", {"omop"}),
        ("07", "X", "", {"omop"}),
        ("7.0", "X", "", {"omop"}),
        (str(2**63 - 1), "X", "", set()),
        (str(2**63), "X", "", {"omop"}),
        ("9" * 200, "X", "", {"omop"}),
        ("\u0667", "X", "", {"omop"}),
        ("", "X", "", {"pubtator", "bioc-xml", "bioc-json", "conll", "brat", "omop"}),
        ("x" * 251, "X", "", {"brat", "omop"}),
        ("7", "", "", {"pubtator", "bioc-xml", "bioc-json", "conll", "brat"}),
        ("\ud800", "X", "", set(MENTION_FORMATS)),
    ],
)
def test_what_a_format_cannot_hold_is_refused_without_a_word_of_the_text(identifier, label, concept, refusing):
    doc = make_document("SECRET", [(0, 1, label or "X", None, concept)], identifier=identifier)
    note = replace(doc, mentions=(replace(doc.mentions[0], label=label),))
    refused = set()
    for format in MENTION_FORMATS:
        writer = WRITERS[format](WriteOptions(begun=BEGUN))
        try:
            writer.prepare(note)
        except (ProjectError, UnicodeEncodeError) as error:
            refused.add(format)
            if isinstance(error, ProjectError):
                assert "SECRET" not in str(error)
    assert refused == refusing


@pytest.mark.parametrize("format", WRITERS)
def test_the_same_notes_give_the_same_bytes(tmp_path, format):
    written = []
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
        path, _ = write([NOTE, EMPTY], tmp_path / name, format)
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        written.append([(file.name, file.read_bytes()) for file in files])
    assert written[0] == written[1]


def test_all_formats_are_those_of_the_issue():
    assert get_args(FormatName) == tuple(WRITERS)
    others = {"jsonl", "parquet", "csv", "table", "omop", "fhir", "brat"}
    assert set(WRITERS) == {*CORPUS_FORMATS, *DRAFT_FORMATS, *others}
    assert DRAFT_FORMATS == ("prodigy", "doccano", "labelstudio")
