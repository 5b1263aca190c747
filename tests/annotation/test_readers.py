"""Notes of every format are read as they were written, one at a time, and what is broken costs no other note."""

import codecs
import csv
import gzip
import json
import os
import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from io import BufferedReader, FileIO
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scripts.annotation.readers import input_files, read_inputs, skipped_files
from scripts.errors import ProjectError
from scripts.formats.decoding import wide_encoding
from scripts.formats.reading import ReadOptions
from scripts.formats.registry import READERS, WRITERS
from scripts.records.documents import Document, Passage
from scripts.records.notes import Note, Rejected
from tests.formats import reading_back
from tests.formats.documents import COLUMNS, IDS, TEXTS

ONE_COLUMN = st.fixed_dictionaries({"more": TEXTS})
NOT_JSON = "not JSON, nested too deep, or with an integer of more than 64 bits"
BIOC = "<collection><document><id>7</id>{}</document></collection>"
PASSAGE = "<passage><offset>{}</offset><text>{}</text></passage>"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(*paths: Path, **options) -> list[Note | Rejected]:
    return list(read_inputs([str(path) for path in paths], ReadOptions(**options)))


def read_content(folder: Path, name: str, content: str | bytes, **options) -> list[tuple]:
    """Read a file, and give its notes as tuples and its rejections as pairs of id and reason."""
    return [tuple(note) for note in read(write(folder / name, content), **options)]


def as_rows(notes: list[Note]) -> list[dict]:
    return [{"id": note.id, "text": note.text, **note.columns} for note in notes]


def write_csv(notes: list[Note], path: Path, **options) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text", "more"], **options)
        writer.writeheader()
        writer.writerows(as_rows(notes))


def write_json(notes: list[Note], path: Path) -> None:
    path.write_text(json.dumps(as_rows(notes), indent=1), encoding="utf-8")


def write_jsonl(notes: list[Note], path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in as_rows(notes)), encoding="utf-8")


def write_parquet(notes: list[Note], path: Path) -> None:
    groups = {"row_group_size": 2} if len(notes) < 10 else {"use_dictionary": False, "write_batch_size": 16}
    pq.write_table(pa.Table.from_pylist(as_rows(notes)), path, **groups)


def write_documents(notes: list[Note], path: Path, format: str) -> None:
    writer = WRITERS[format]()
    documents = (Document(note.id, (Passage("title", note.text),), ()) for note in notes)
    writer.write([writer.prepare(document) for document in documents], path)


def write_conll(notes: list[Note], path: Path) -> None:
    """Write notes as one word each, after a mark with the id."""
    path.write_text("".join(f"-DOCSTART- ({note.id})\n\n{note.text} O\n\n" for note in notes))


ROW_WRITERS = {
    ".csv": write_csv,
    ".tsv": lambda notes, path: write_csv(notes, path, dialect=csv.excel_tab),
    ".jsonl": write_jsonl,
    ".json": write_json,
    ".parquet": write_parquet,
}


def pack(content: bytes, suffix: str) -> bytes:
    """Pack a file, in two members as if one had been appended to another."""
    half = len(content) // 2
    compress = gzip.compress if suffix == ".gz" else partial(pa.compress, codec="zstd", asbytes=True)
    return compress(content[:half]) + compress(content[half:])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all examples of hypothesis: to make one for each takes longer than to read it."""
    return tmp_path_factory.mktemp("notes")


@st.composite
def notes(draw, columns=ONE_COLUMN) -> list[Note]:
    """Draw one to four notes with ids of their own."""
    ids = draw(st.lists(IDS, min_size=1, max_size=4, unique=True))
    return [Note(identifier, draw(TEXTS), draw(columns)) for identifier in ids]


@pytest.mark.parametrize("suffix", ROW_WRITERS)
@given(given=notes(), packed=st.sampled_from(["", ".gz", ".zst"]))
def test_rows_are_read_as_the_standard_writers_write_them(folder, suffix, packed, given):
    path = folder / f"notes{suffix}"
    ROW_WRITERS[suffix](given, path)
    if packed and suffix != ".parquet":
        path = write(path.with_name(path.name + packed), pack(path.read_bytes(), packed))
    # Unless it is named, TSV has no quoting, and a CSV whose cells look like rows is in doubt.
    assert read(path, quoting="standard") == given


@given(given=notes(columns=COLUMNS.map(lambda columns: {f"_{name}": value for name, value in columns.items()})))
def test_values_of_all_types_pass_through_jsonl(folder, given):
    path = folder / "notes.jsonl"
    write_jsonl(given, path)
    assert read(path) == given


@pytest.mark.parametrize(("format", "suffix"), [(name, WRITERS[name].suffix) for name in ("bioc-json", "bioc-xml")])
@given(given=notes(columns=st.just({})))
def test_bioc_is_read_as_formats_writes_it(folder, format, suffix, given):
    path = folder / f"notes{suffix}"
    write_documents(given, path, format)
    expected = reading_back.read_documents(path, format)
    assert read(path) == [Note(document.id, document.text, {}) for document in expected]
    assert len(expected) == len(given)


@given(given=notes(columns=st.just({})))
def test_pubtator_is_read_as_formats_writes_it(folder, given):
    path = folder / "notes.PubTator.txt"
    write_documents(given, path, "pubtator")
    found = read(path)
    assert [note.id for note in found] == [note.id for note in given]
    assert found == [Note(document.id, document.text, {}) for document in reading_back.read_documents(path, "pubtator")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-be", "cp1252"])
@given(text=TEXTS, packed=st.sampled_from(["", ".gz", ".zst"]))
def test_a_text_file_is_one_note_in_its_encoding(folder, encoding, packed, text):
    encoded = text.encode(encoding, errors="ignore")
    text = encoded.decode(encoding)
    assume(not text.startswith("\ufeff"))
    assume(encoding.startswith(("utf-16", "utf-32")) or wide_encoding(encoded) is None)
    content = pack(encoded, packed) if packed else encoded
    path = write(folder / f"a.b.txt{packed}", content)
    assert read(path, encoding=encoding) == [Note("a.b", text, {})]


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "ä\r\n", [("a", "ä\r\n", {})]),
        ("a.jsonl", '{"text": "ä", "id": 1}\r\n', [("1", "ä", {})]),
        ("a.csv", "id,text\r\n1,ä\r\n", [("1", "ä", {})]),
        ("a.pubtator", "1|t|ä\n1|a|b\n", [("1", "ä b", {})]),
        ("a.bioc.json", '{"documents": [{"id": 1, "passages": [{"offset": 0, "text": "ä"}]}]}', [("1", "ä", {})]),
        ("a.xml", BIOC.format(PASSAGE.format(0, "ä")), [("7", "ä", {})]),
    ],
)
def test_a_byte_order_mark_tells_the_encoding_and_is_no_text(tmp_path, name, content, expected, mark):
    assert read_content(tmp_path, name, content.encode(mark), encoding="cp1252") == expected


def test_utf_16_with_a_mark_of_big_endian(tmp_path):
    assert read_content(tmp_path, "a.txt", codecs.BOM_UTF16_BE + "ä".encode("utf-16-be")) == [("a", "ä", {})]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("n.jsonl", "", []),
        ("n.csv", "text\n", []),
        ("n.pubtator", "", []),
        ("n.xml", "<collection/>", []),
        ("n.bioc.json", '{"documents": []}', []),
        ("n.txt", "", [("n", "", {})]),
        ("n.txt", "a\x00\r\n\r\x0b\u2028", [("n", "a\x00\r\n\r\x0b\u2028", {})]),
        # Rows and lines have numbers where they have no id; the text is as given.
        ("n.jsonl", '\n{"text": ""}\n \r\n{"id": null, "text": "\\r\\n"}', [("n:2", "", {}), ("n:4", "\r\n", {})]),
        ("n.NDJSON", '{"text": "a\u2028\x85", "id": 0}', [("0", "a\u2028\x85", {})]),
        ("n.jsonl", '{"text": "", "x": [NaN, {"y": 1e999}]}', [("n:1", "", {"x": [None, {"y": None}]})]),
        ("n.jsonl", '{"id": "\\ud800", "text": ""}', [("n:1", "", {})]),
        ("n.csv", 'text,id\n"a\r\n""b""\x00",\n\n" c ", 7\n', [("n:1", 'a\r\n"b"\x00', {}), (" 7", " c ", {})]),
        ("n.tsv", 'text\tx\nsays "no", \\n\t\n', [("n:1", 'says "no", \\n', {"x": ""})]),
        ("n.csv", "text\rab\r", [("n:1", "ab", {})]),
        # PubTator: the blank line between documents may be more than one, and end in any way.
        (
            "n.pubtator",
            "\n1|t|a \n1|a|\n\n\r\n2|t|b\r\n2|a|c\r\n2\t0\t1\tb\tX\r\n",
            [("1", "a ", {}), ("2", "b c", {})],
        ),
        # BioC: passages at their offsets, or their sentences; comments are no text.
        ("n.xml", BIOC.format(PASSAGE.format(0, "a") + PASSAGE.format(4, "b")), [("7", "a   b", {})]),
        ("n.xml", BIOC.format(PASSAGE.format(0, "a<!-- x -->b<b>c</b>&lt;&#229;<![CDATA[&]]>")), [("7", "abc<å&", {})]),
        ("n.xml", BIOC.format(PASSAGE.format(0, "") + PASSAGE.format(1, "")), [("7", " ", {})]),
        ("n.xml", "<collection><document/><document/></collection>", [("n:1", "", {}), ("n:2", "", {})]),
        (
            "n.xml",
            BIOC.format("<passage><offset>0</offset>{}</passage>").format(
                "<sentence><offset>0</offset><text>A.</text></sentence>"
                "<sentence><offset>3</offset><text>B.</text></sentence>"
            ),
            [("7", "A. B.", {})],
        ),
        (
            "n.bioc.json",
            '{"documents": [{"id": "", "passages": [{"offset": 0, "sentences": [{"offset": 0, "text": "A."},'
            ' {"offset": 3, "text": "B."}]}]}, {"passages": []}]}',
            [("n:1", "A. B.", {}), ("n:2", "", {})],
        ),
    ],
)
def test_what_is_read(tmp_path, name, content, expected):
    assert read_content(tmp_path, name, content) == expected


def test_columns_are_named_and_the_others_pass_through(tmp_path):
    content = '{"note": "SECRET", "nr": 1.5, "text": [true], "id": null}\n{"note": ""}\n'
    found = read_content(tmp_path, "n.jsonl", content, text_column="note", id_column="nr")
    assert found == [("1.5", "SECRET", {"text": [True], "id": None}), ("n:2", "", {})]
    found = read_content(tmp_path, "n.csv", "nr,note,id\n1,a,b\n", text_column="note", id_column="nr")
    assert found == [("1", "a", {"id": "b"})]


def test_values_of_parquet_as_json_has_them(tmp_path):
    row = {
        "text": "a",
        "day": date(2020, 1, 2),
        "at": datetime(2020, 1, 2, 3, 4, 5),
        "time": time(3, 4),
        "took": timedelta(seconds=61),
        "dose": Decimal("1.50"),
        "rate": float("nan"),
        "raw": b"\xff",
        "codes": [{"code": Decimal("1.2")}],
        "none": None,
    }
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "n.parquet")
    (note,) = read(tmp_path)
    assert note == Note(
        "n:1",
        "a",
        {
            "day": "2020-01-02",
            "at": "2020-01-02T03:04:05",
            "time": "03:04:00",
            "took": "0:01:01",
            "dose": "1.50",
            "rate": None,
            "raw": "b'\\xff'",
            "codes": [{"code": "1.2"}],
            "none": None,
        },
    )
    assert json.loads(json.dumps(note.columns)) == note.columns


def test_parquet_columns_of_other_types_of_strings(tmp_path):
    text = pa.array(["a", "b", "a"])
    for number, kind in enumerate([pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]):
        pq.write_table(
            pa.table({"text": text.cast(kind), "id": pa.array([1, 2, None])}), tmp_path / f"{number}.parquet"
        )
    expected = [[Note("1", "a", {}), Note("2", "b", {}), Note(f"{number}:3", "a", {})] for number in range(3)]
    assert read(tmp_path) == list(chain.from_iterable(expected))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("n.txt", b"SECRET\xff", [("n", "not UTF-8 (character 7)")]),
        ("n.txt", b"SECRET\xe2\x82", [("n", "not UTF-8 (character 7)")]),
        ("n.jsonl", b'{"id": 3, "text": "\xff"}', [("3", "not UTF-8 (character 20 of the line)")]),
        ("n.jsonl", b'"SECRET\xff', [("n.jsonl:1", "not UTF-8 (character 8 of the line)")]),
        ("n.jsonl", '\n{"SECRET": ]', [("n.jsonl:2", "not JSON (line 2, column 12)")]),
        ("n.jsonl", "[1]", [("n.jsonl:1", "not a JSON object")]),
        ("n.jsonl", "[" * 100_000, [("n.jsonl:1", "JSON that is nested too deep, or has a number of too many digits")]),
        ("n.jsonl", "9" * 5000, [("n.jsonl:1", "JSON that is nested too deep, or has a number of too many digits")]),
        ("n.jsonl", '{"id": 3}', [("3", "no column 'text'")]),
        ("n.jsonl", '{"text": null}', [("n.jsonl:1", "the text is null, not a string")]),
        ("n.jsonl", '{"text": 5}', [("n.jsonl:1", "the text is a number, not a string")]),
        ("n.jsonl", '{"text": false}', [("n.jsonl:1", "the text is true or false, not a string")]),
        ("n.jsonl", '{"text": ["SECRET"]}', [("n.jsonl:1", "the text is a list, not a string")]),
        ("n.jsonl", '{"text": {}}', [("n.jsonl:1", "the text is an object, not a string")]),
        ("n.jsonl", '{"text": "a\\ud800"}', [("n.jsonl:1", "character 2 of the text is half of a surrogate pair")]),
        ("n.csv", "id,text\n1,SECRET,b\n", [("n.csv:1", "the row has 3 columns, and the header 2")]),
        ("n.csv", "id,text\n1\n", [("n.csv:1", "the row has 1 columns, and the header 2")]),
        ("n.csv", b"id,text\n1,ab\xff\n", [("1", "not UTF-8 (character 3 of column 'text')")]),
        ("n.csv", 'text\n"SECRET"x\n', [("n.csv:1", "a quote is not doubled or, up to the file's end, not closed")]),
        ("n.csv", 'text\n"SECRET\n', [("n.csv:1", "a quote is not doubled or, up to the file's end, not closed")]),
        ("n.csv", '"text', [("n.csv", "the file is not csv, or was cut short")]),
        ("n.parquet", "SECRET", [("n.parquet", "the file is not parquet, or was cut short")]),
        (
            "n.pubtator",
            "SECRET\n",
            [("n.pubtator:1", "not PubTator. Each begins with a line of its id, |t| and its title.")],
        ),
        (
            "n.pubtator",
            "\n1|t|a\n2\t0\t6\tSECRET\tX\n",
            [
                (
                    "n.pubtator:2",
                    "not PubTator. A mention's row has the document's id, start, end, text, label and id,"
                    " separated by tabs.",
                )
            ],
        ),
        (
            "n.pubtator",
            "1|t|a\n1\t0\tSECRET\ta\tX\n",
            [("n.pubtator:1", "not PubTator. The end of a mention is not a number")],
        ),
        ("n.pubtator", b"1|t|a\n1|a|\xff\n", [("n.pubtator:1", "not UTF-8 (character 5 of line 2)")]),
        ("n.xml", "SECRET", [("n.xml", "not XML (line 1, column 1), after 0 documents")]),
        ("n.xml", "", [("n.xml", "not XML (line 0, column 0), after 0 documents")]),
        (
            "n.xml",
            "<SECRET><collection/></SECRET>",
            [("n.xml", "not BioC XML: its outermost element is not 'collection'")],
        ),
        ("n.xml", "<html/>", [("n.xml", "not BioC XML: its outermost element is not 'collection'")]),
        (
            "n.xml",
            BIOC.format("<passage><text>SECRET</text></passage>"),
            [("7", "not BioC: a passage lacks its offset or its text")],
        ),
        (
            "n.xml",
            BIOC.format(PASSAGE.format("SECRET", "a")),
            [("7", "not BioC: a passage lacks its offset or its text")],
        ),
        (
            "n.xml",
            BIOC.format(PASSAGE.format(0, "abc") + PASSAGE.format(2, "d")),
            [("7", "a passage has the offset 2, and the one before it ends at 3")],
        ),
        (
            "n.xml",
            BIOC.format(PASSAGE.format(10**12, "a")),
            [("7", "a passage has the offset 1000000000000, and the one before it ends at 0")],
        ),
        (
            "n.xml",
            '<!DOCTYPE collection [<!ENTITY a "SECRET">]>' + BIOC.format(PASSAGE.format(0, "&a;")),
            [("n.xml:1", "it has a reference to an entity, which is not resolved")],
        ),
        ("n.bioc.json", "SECRET", [("n.bioc.json", f"{NOT_JSON}, after 0 documents")]),
        (
            "n.bioc.json",
            '{"documents":' + "[" * 9000,
            [("n.bioc.json", f"{NOT_JSON}, after 0 documents")],
        ),
        ("n.bioc.json", '{"document": [{"id": 1}]}', [("n.bioc.json:1", "no column 'text'")]),
        ("n.bioc.json", b'{"documents": ["\xff"]}', [("n.bioc.json", "not UTF-8, after 0 documents")]),
        ("n.bioc.json", '{"documents": [{"id": 8}]}', [("8", "not BioC: it has no list of passages")]),
        ("n.bioc.json", '{"documents": [5]}', [("n.bioc.json:1", "not a JSON object")]),
        (
            "n.bioc.json",
            '{"documents": [{"id": 8, "passages": [{"offset": 0, "text": ["SECRET"]}]}]}',
            [("8", "not BioC: a passage lacks its offset or its text")],
        ),
    ],
)
def test_what_is_rejected_and_why_without_its_text(tmp_path, name, content, expected):
    found = read_content(tmp_path, name, content)
    assert found == expected
    assert "SECRET" not in str(found)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("n.jsonl", '{"id": 1, "text": "a"}\n{"id": 2\n{"id": 3, "text": "c"}\n'),
        ("n.csv", 'id,text\n1,a\n2,"b"x\n3,c\n'),
        ("n.csv", "id,text\n1,a\n2,b,x\n3,c\n"),
        ("n.tsv", b"id\ttext\n1\ta\n2\t\xff\n3\tc\n"),
        ("n.pubtator", "1|t|a\n\n2|a|b\n\n3|t|c\n"),
        ("n.xml", "".join(f"<document><id>{i}</id>{p}</document>" for i, p in enumerate("abc", start=1))),
        ("n.bioc.json", json.dumps({"documents": [{"id": 1, "passages": []}, {}, {"id": 3, "passages": []}]})),
    ],
)
def test_what_follows_a_broken_note_is_read(tmp_path, name, content):
    if name == "n.xml":
        texts = {1: PASSAGE.format(0, "a"), 2: "<passage><text>b</text></passage>", 3: PASSAGE.format(0, "c")}
        documents = (f"<document><id>{number}</id>{text}</document>" for number, text in texts.items())
        content = f"<collection>{''.join(documents)}</collection>"
    found = read(write(tmp_path / name, content))
    assert [type(note) for note in found] == [Note, Rejected, Note]
    assert [found[0].id, found[2].id] == ["1", "3"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("n.xml", "<collection>" + 2 * "<document/>" + "<document>", "not XML (line 1, column 45), after 2 documents"),
        (
            "n.bioc.json",
            '{"documents": [{"passages": []}, {"passages": []}, {',
            f"{NOT_JSON}, after 2 documents",
        ),
    ],
)
def test_a_file_that_was_cut_short_is_rejected_after_the_notes_in_it(tmp_path, name, content, reason):
    stem = name.partition(".")[0]
    assert read_content(tmp_path, name, content) == [(f"{stem}:1", "", {}), (f"{stem}:2", "", {}), (name, reason)]


@pytest.mark.parametrize(("packed", "compression"), [(".gz", "gzip"), (".zst", "zstd")])
@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv", ".txt", ".pubtator", ".xml", ".bioc.json"])
def test_a_packed_file_that_is_damaged_or_cut_short_is_rejected_once(tmp_path, suffix, packed, compression):
    rows = [{"id": f"{number}", "text": random.Random(number).randbytes(500).hex()} for number in range(500)]
    content = {
        ".jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        ".csv": "id,text\n" + "".join(f"{row['id']},{row['text']}\n" for row in rows),
        ".tsv": "id\ttext\n" + "".join(f"{row['id']}\t{row['text']}\n" for row in rows),
        ".txt": rows[0]["text"],
        ".pubtator": "".join(f"{row['id']}|t|{row['text']}\n\n" for row in rows),
        ".xml": f"<collection>{'<document/>' * 500}</collection>",
        ".bioc.json": json.dumps({"documents": [{"id": number, "passages": []} for number in range(500)]}),
    }[suffix]
    content = pack(content.encode(), packed)
    cut = write(tmp_path / f"cut{suffix}{packed}", content[:-20])
    not_packed = write(tmp_path / f"other{suffix}{packed}", "SECRET")
    expected = f"the file can't be read to its end: {compression} that is damaged or was cut short"
    assert [note for note in read(cut, not_packed) if isinstance(note, Rejected)] == [
        Rejected(cut.name, expected),
        Rejected(not_packed.name, expected),
    ]
    if suffix in (".jsonl", ".csv", ".tsv", ".pubtator"):
        assert sum(isinstance(note, Note) for note in read(cut)) > 200


def test_a_damaged_row_group_of_parquet_costs_no_other(tmp_path):
    path = tmp_path / "n.parquet"
    texts = [random.Random(number).randbytes(2000).hex() for number in range(30)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=10, use_dictionary=False, compression="none")
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[start : start + 100] = b"\xff" * 100
    path.write_bytes(content)
    found = read(path)
    assert found[:10] == [Note(f"n:{number + 1}", texts[number], {}) for number in range(10)]
    assert found[10] == Rejected("n.parquet:11", "the file is damaged: its rows 11 to 20 can't be read")
    assert found[11:] == [Note(f"n:{number + 1}", texts[number], {}) for number in range(20, 30)]


def test_a_value_of_parquet_that_cannot_be_read_costs_its_note_only(tmp_path):
    texts = pa.array([b"a", b"SECRET\xff", b"c"]).cast(pa.binary()).view(pa.string())
    pq.write_table(pa.table({"id": [1, 2, 3], "text": texts}), tmp_path / "n.parquet")
    rejected = Rejected("2", "the value of column 'text' can't be read (UnicodeDecodeError)")
    assert read(tmp_path) == [Note("1", "a", {}), rejected, Note("3", "c", {})]


def test_a_folder_is_read_in_the_order_of_its_paths_and_its_names_are_ids(tmp_path):
    for name in ("b/1.txt", "a.txt", "b/a/n.jsonl", "b.b/1.TXT", "c/n.csv", "c.parquet/part-0.parquet"):
        write(tmp_path / name, {".jsonl": '{"text": "a"}', ".csv": "text\na\n"}.get(Path(name).suffix, "a"))
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "c.parquet" / "part-0.parquet")
    for name in (".hidden.txt", ".git/a.txt", "readme.md", "c/_SUCCESS", "_temporary/a.txt", "c/n.parquet.gz"):
        write(tmp_path / name, "SECRET")
    (tmp_path / "linked.csv").symlink_to(tmp_path / "b")
    os.mkfifo(tmp_path / "pipe.txt")
    expected = ["a.txt", "b/1.txt", "b/a/n.jsonl", "b.b/1.TXT", "c/n.csv", "c.parquet/part-0.parquet"]
    assert [path.relative_to(tmp_path).as_posix() for path in input_files([str(tmp_path)])] == expected
    ids = ["a", "b/1", "b/a/n:1", "b.b/1", "c/n:1", "c.parquet/part-0:1"]
    assert read(tmp_path) == [Note(identifier, "a", {}) for identifier in ids]
    skipped = [path.relative_to(tmp_path).as_posix() for path in skipped_files([str(tmp_path), "-"])]
    assert skipped == ["_temporary/a.txt", "c/_SUCCESS", "c/n.parquet.gz", "linked.csv", "pipe.txt", "readme.md"]


def test_inputs_are_read_in_the_order_given(tmp_path):
    files = [write(tmp_path / name, "") for name in ("b.txt", "_a.txt", "c/.b.txt", "a.txt")]
    assert input_files([*map(str, files)]) == files
    assert [note.id for note in read(*files)] == ["b", "_a", ".b", "a"]


def test_a_file_name_that_is_not_utf_8_makes_an_id(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).write_text("a")
    assert read(tmp_path) == [Note("\\xff", "a", {})]


@pytest.mark.parametrize(
    ("files", "inputs", "message"),
    [
        ({}, ["no.csv"], r"There is no file or folder .*no\.csv"),
        (
            {"n.docx": ""},
            ["n.docx"],
            r"n\.docx is of no known format\. Known are files that end in \.txt, \.jsonl, .*\.csv",
        ),
        ({"n.parquet.gz": ""}, ["n.parquet.gz"], r"n\.parquet\.gz is of no known format"),
        ({"e/n.docx": "", "e/.n.txt": ""}, ["e"], r"The folder .*e holds no file of notes\. Known are .*\.txt"),
        ({"n.txt": ""}, ["n.txt", "-"], "Standard input, -, can't be read together with other inputs"),
        (
            {"n.csv": "id,note\n"},
            ["n.csv"],
            r"n\.csv has no column 'text'\. It has 2 columns\. .* --text-column.*--delimiter",
        ),
        (
            {"n.tsv": "id,text\n"},
            ["n.tsv"],
            r"n\.tsv has no column 'text'\. It has 1 column\. .* --text-column.*--delimiter",
        ),
        ({"n.csv": ""}, ["n.csv"], r"n\.csv has no column 'text'\. It has no columns\."),
        ({"a.txt": "", "n/n.csv": "a\n"}, ["a.txt", "n"], r"n\.csv has no column 'text'"),
        ({"n.csv": "text,a,a\n"}, ["n.csv"], r"n\.csv has columns of the same name: 2, 3"),
        ({"n.csv": b"text,\xe4\n"}, ["n.csv"], r"The header of .*n\.csv is not UTF-8\. .*--encoding"),
    ],
)
def test_what_is_refused_before_anything_is_read(tmp_path, monkeypatch, files, inputs, message):
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        write(tmp_path / name, content)
    with pytest.raises(ProjectError, match=message):
        read_inputs(inputs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_column": "note"}, r"n\.parquet has no column 'note'\. It has 1 column\. .* --text-column\.$"),
        ({"id_column": "nr"}, r"n\.parquet has no column 'nr'\. It has 1 column\. .* --id-column\.$"),
        ({"id_column": "text"}, "The column 'text' can't be both id and text"),
        ({"encoding": "utf-9"}, "Unknown encoding 'utf-9'"),
        ({"encoding": "base64"}, "Unknown encoding 'base64'"),
        ({"delimiter": ""}, "The delimiter '' is not one character"),
        ({"delimiter": "||"}, r"The delimiter '\|\|' is not one character"),
        ({"delimiter": '"'}, "The delimiter '\"' is not one character, or a quote or a line end"),
        ({"delimiter": "\n"}, "or a line end"),
    ],
)
def test_options_are_checked_before_anything_is_read(tmp_path, options, message):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "n.parquet")
    with pytest.raises(ProjectError, match=message):
        read_inputs([str(tmp_path)], ReadOptions(**options))


def test_a_pipe_is_refused_and_a_file_that_cannot_be_opened_is_rejected(tmp_path):
    os.mkfifo(tmp_path / "n.jsonl")
    with pytest.raises(ProjectError, match="is neither a file nor a folder"):
        read_inputs([str(tmp_path / "n.jsonl")])
    path = write(tmp_path / "gone.csv", "text\na\n")
    notes = read_inputs([str(path), str(write(tmp_path / "n.txt", "a"))])
    path.unlink()
    assert list(notes) == [
        Rejected("gone.csv", "the file can't be read to its end: No such file or directory"),
        Note("n", "a", {}),
    ]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    write(tmp_path / "n.txt", "a")
    write(tmp_path / "b/n.txt", "a")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        read_inputs([str(tmp_path)])


def test_standard_input_is_jsonl_and_each_note_is_there_when_its_line_is(monkeypatch):
    end, start = os.pipe()
    with os.fdopen(end) as stdin, os.fdopen(start, "w", buffering=1) as pipe:
        monkeypatch.setattr("sys.stdin", stdin)
        assert input_files(["-"]) == [Path("-")]
        notes = read_inputs(["-"])
        pipe.write('{"text": "a"}\n')
        assert next(notes) == Note("stdin:1", "a", {})
        pipe.write('{"text": 5}\n{"text": "c"}')
        pipe.close()
        assert list(notes) == [
            Rejected("stdin:2", "the text is a number, not a string"),
            Note("stdin:3", "c", {}),
        ]
        assert not stdin.closed


# A text file and XMI are one note, a workbook keeps the texts of all cells in one table, and a DocBin is one value.
@pytest.mark.parametrize(
    "suffix",
    [*(suffix for suffix in READERS if suffix not in (".txt", ".xlsx", ".spacy", ".xmi")), ".jsonl.gz", ".jsonl.zst"],
)
def test_the_first_note_is_there_before_half_of_the_file_is_read(tmp_path, monkeypatch, suffix):
    texts = [random.Random(number).randbytes(2000).hex() for number in range(1000)]
    notes = [Note(str(number), text, {"more": ""}) for number, text in enumerate(texts)]
    path = write_notes(notes, tmp_path, suffix)
    reads = []

    class Counted(FileIO):
        def readinto(self, buffer):
            reads.append(super().readinto(buffer))
            return reads[-1]

    monkeypatch.setattr(Path, "open", lambda path, mode: BufferedReader(Counted(path)))
    found = read_inputs([str(path)])
    assert next(found).text == notes[0].text
    assert 0 < sum(reads) < path.stat().st_size / 2
    assert [note.text for note in found] == texts[1:]


def write_notes(notes: list[Note], folder: Path, suffix: str) -> Path:
    """Write notes in the format of a suffix."""
    formats = {".xml": "bioc-xml", ".bioc.xml": "bioc-xml", ".bioc.json": "bioc-json"}
    unpacked, _, packed = suffix[1:].partition(".")
    path = folder / f"notes{suffix}"
    if suffix in formats or "pubtator" in suffix:
        write_documents(notes, path, formats.get(suffix, "pubtator"))
    elif packed:
        path.write_bytes(pack(write_notes(notes, folder, f".{unpacked}").read_bytes(), f".{packed}"))
    else:
        writers = {**ROW_WRITERS, ".ndjson": write_jsonl, ".conll": write_conll, ".iob": write_conll}
        writers[suffix](notes, path)
    return path
