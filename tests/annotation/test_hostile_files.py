"""Files as people have them: each becomes the notes that are in it, and whatever can't be read is rejected by name."""

import csv
import gzip
import json
import re
import time
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from scripts.annotation.options import AnnotateOptions
from scripts.annotation.readers import read_inputs, rows_on_several_lines
from scripts.errors import ProjectError
from scripts.formats.csv_tsv import AFTER_BAD_QUOTE, BAD_QUOTE, HIDDEN_ROWS, LOOKS_QUOTED
from scripts.formats.pubtator import read_documents
from scripts.formats.reading import ReadOptions
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from scripts.records.notes import Note, Rejected
from tests.annotation.test_readers import NOT_JSON, read, read_content, write

ROW_PROBLEM = "not PubTator. A mention's row has the document's id, start, end, text, label and id, separated by tabs."
NO_TITLE = "not PubTator. Each begins with a line of its id, |t| and its title."


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # Relations: BioRED's say whether they are novel, BC5CDR's end with the second id.
        ("1|t|a\n1|a|b\n1\t0\t1\ta\tX\tD1\n1\tAssociation\tD1\tD2\tNovel\n1\tCID\tD1\tD2\n", [("1", "a b", {})]),
        ("1|t|a\n1\tBind\tD1\tD2\tNo\tmore\t7\n", [("1", "a", {})]),
        # Sections after the abstract, and without one.
        ("1|t|a\n1|a|b\n1|i|Introduction\n1|m|Methods\n1\t0\t1\ta\tX\n", [("1", "a b Introduction Methods", {})]),
        ("1|t|a\n1|a|\n1|m|c\n", [("1", "a  c", {})]),
        ("1|t|a\n1|results|c |t| d\n", [("1", "a c |t| d", {})]),
        # Text over several lines, in the title too; a line end is one character.
        ("1|t|a\nb\n1|a|c\r\nd | e\n1\t0\t1\ta\tX\n", [("1", "a\nb c\nd | e", {})]),
        ("1|t|a\n1|a|b\nPr(>|t|) of c\td\n", [("1", "a b\nPr(>|t|) of c\td", {})]),
        # No blank line between documents, with rows or without; blank lines with spaces and tabs.
        ("1|t|a\n1|a|b\n1\t0\t1\ta\tX\n2|t|c\n2|a|d\n", [("1", "a b", {}), ("2", "c d", {})]),
        ("1|t|a\n2|t|b\nPMC3.1|t|c\n", [("1", "a", {}), ("2", "b", {}), ("PMC3.1", "c", {})]),
        ("1|t|a\n \n2|t|b\n\t \r\n \n3|t|c", [("1", "a", {}), ("2", "b", {}), ("3", "c", {})]),
        # The same id again is another document, of which the run says that it has the id of another.
        ("1|t|a\n1|a|b\n1|t|c\n", [("1", "a b", {}), ("1", "c", {})]),
        # What is in no place where it could be.
        ("1|t|a\n2|a|SECRET\n", [("n.pubtator:1", "not PubTator. A section's line has the id of its document")]),
        ("1|t|a\n1|a|b\n\nSECRET\n\n2|t|c\n", [("1", "a b", {}), ("n.pubtator:4", NO_TITLE), ("2", "c", {})]),
        ("1|t|a\n1\t0\t1\ta\tX\nSECRET\n2|t|b\n", [("n.pubtator:1", ROW_PROBLEM), ("2", "b", {})]),
        ("1|t|a\n1\t0\t1\tSECRET\n", [("n.pubtator:1", ROW_PROBLEM)]),
        ("SECRET\n1|t|a\n", [("n.pubtator:1", NO_TITLE), ("1", "a", {})]),
    ],
)
def test_pubtator(tmp_path, content, expected):
    found = read_content(tmp_path, "n.pubtator", content)
    assert found == expected
    assert "SECRET" not in str(found)


def test_offsets_of_pubtator_are_those_of_its_passages(tmp_path):
    content = "1|t|gout\n1|a|in\nrats\n1|m|aspirin\n1\t0\t4\tgout\tDisease\tD1\n1\t13\t20\taspirin\tChemical\tD2\n"
    (document,) = read_documents(write(tmp_path / "n.pubtator", content))
    passages = (Passage("title", "gout"), Passage("abstract", "in\nrats"), Passage("m", "aspirin"))
    assert document == Document("1", passages, (Mention(0, 4, "Disease", "D1"), Mention(13, 20, "Chemical", "D2")))
    assert [document.text[mention.start : mention.end] for mention in document.mentions] == ["gout", "aspirin"]


def bioc(identifier, text="gout", offset: int | str = 0):
    return {"_id": f"{identifier}|None", "id": identifier, "passages": [{"offset": offset, "text": text}]}


TWO = [bioc("1"), bioc("2", offset="0")]
TWO_NOTES = [("1", "gout", {}), ("2", "gout", {})]


@pytest.mark.parametrize("name", ["n.json", "n.bioc.json", "n.json.gz"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # As NCBI serves it: PubTator 3, BioC-PMC, one document, one document on a line.
        ({"PubTator3": TWO}, TWO_NOTES),
        ([{"source": "PMC", "documents": TWO[:1]}, {"documents": TWO[1:], "infons": {}}], TWO_NOTES),
        ({"documents": TWO, "source": "x"}, TWO_NOTES),
        (TWO, TWO_NOTES),
        (bioc("1"), TWO_NOTES[:1]),
        ("\n".join(map(json.dumps, TWO)) + "\n", TWO_NOTES),
        ("\r\n\r\n".join(map(json.dumps, TWO)), TWO_NOTES),
        ("".join(json.dumps(document, indent=1) for document in TWO), TWO_NOTES),
        ("\n".join(json.dumps({"documents": [document]}) for document in TWO), TWO_NOTES),
        # A passage at an offset that is a string, after one with sentences.
        (
            {
                "id": 7,
                "passages": [
                    {"offset": "0", "sentences": [{"offset": "0", "text": "A."}]},
                    {"offset": "4", "text": "b"},
                ],
            },
            [("7", "A.  b", {})],
        ),
        ([], []),
        ({"documents": []}, []),
        ({"PubTator3": [5, bioc("2")]}, [("{name}:1", "not a JSON object"), TWO_NOTES[1]]),
        (
            [bioc("1"), {"id": "x", "passages": None}, bioc("2")],
            [TWO_NOTES[0], ("x", "not BioC: it has no list of passages"), TWO_NOTES[1]],
        ),
        ({"documents": [{"id": "x", "text": "SECRET"}]}, [("x", "not BioC: it has no list of passages")]),
        # One line that is broken costs no other; in an array nothing after it can be read.
        (
            f"{json.dumps(TWO[0])}\n{{SECRET\n{json.dumps(TWO[1])}\n",
            [TWO_NOTES[0], ("{name}:2", "not JSON (line 2, column 2)"), TWO_NOTES[1]],
        ),
        (
            f"[{json.dumps(TWO[0])}, SECRET, {json.dumps(TWO[1])}]",
            [TWO_NOTES[0], ("{name}", f"{NOT_JSON}, after 1 documents")],
        ),
        ("SECRET", [("{name}", f"{NOT_JSON}, after 0 documents")]),
        ("", [("{name}", f"{NOT_JSON}, after 0 documents")]),
        ("[[1], {}]", [("{name}:1", "not a JSON object"), ("{name}:2", "no column 'text'")]),
        ("5", [("{name}:1", "not a JSON object")]),
        ('[{"text": "a"}, ' + "9" * 5000 + "]", [("n:1", "a", {}), ("{name}", f"{NOT_JSON}, after 1 documents")]),
        ("[" + "9" * 20 + "]", [("{name}", f"{NOT_JSON}, after 0 documents")]),
    ],
)
def test_json_in_every_shape(tmp_path, name, content, expected):
    raw = (content if isinstance(content, str) else json.dumps(content)).encode()
    found = read_content(tmp_path, name, gzip.compress(raw) if name.endswith(".gz") else raw)
    assert found == [(note[0].format(name=name), *note[1:]) for note in expected]
    assert "SECRET" not in str(found)


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (
            [{"id": 1, "text": "a", "n": 2**63 - 1, "x": {"y": [1.5]}}, {"text": "b"}],
            {},
            [("1", "a", {"n": 2**63 - 1, "x": {"y": [1.5]}}), ("n:2", "b", {})],
        ),
        ({"id": 1, "text": "a"}, {}, [("1", "a", {})]),
        ([{"text": "a"}, {"n": 2**64}], {}, [("n:1", "a", {}), ("n.json", f"{NOT_JSON}, after 1 documents")]),
        (
            '{"id": 1, "text": "a"}\n{"id": 2}\n{"id": 3, "text": "c"}\n',
            {},
            [("1", "a", {}), ("2", "no column 'text'"), ("3", "c", {})],
        ),
        ([{"id": 1, "text": "a", "passages": 3}], {}, [("1", "a", {"passages": 3})]),
        # A note with a list that has the name of BioC's: nothing of it is lost.
        ([{"id": 1, "documents": ["b"], "text": "a"}], {}, [("n.json:1", "not a JSON object"), ("1", "a", {})]),
        # Nested keys. A column with a period in its name comes first.
        (
            [{"note": {"text": "a", "id": 7, "by": "x"}, "ward": 3}, {"note": "SECRET"}, {"note": {"text": None}}],
            {"text_column": "note.text", "id_column": "note.id"},
            [
                ("7", "a", {"note": {"by": "x"}, "ward": 3}),
                ("n.json:2", "no column 'note.text'"),
                ("n.json:3", "the text is null, not a string"),
            ],
        ),
        ([{"a.b": "x", "a": {"b": "y"}}], {"text_column": "a.b"}, [("n:1", "x", {"a": {"b": "y"}})]),
        ([{"a": {"b": {"c": "x"}, "b.c": "y"}}], {"text_column": "a.b.c"}, [("n:1", "y", {"a": {"b": {"c": "x"}}})]),
    ],
)
def test_json_with_rows(tmp_path, content, options, expected):
    raw = content if isinstance(content, str) else json.dumps(content)
    found = read_content(tmp_path, "n.json", raw, **options)
    assert found == expected
    assert "SECRET" not in str(found)


def test_lines_are_read_as_lines_however_long_they_are(tmp_path):
    lines = [json.dumps({"id": str(number), "text": "a" * 200_000}) for number in range(3)]
    found = read(write(tmp_path / "n.json", f"{lines[0]}\n{lines[1]}\n{{\n{lines[2]}\n"))
    assert [note.id for note in found] == ["0", "1", "n.json:3", "2"]
    assert {len(note.text) for note in found if isinstance(note, Note)} == {200_000}


def test_a_bioc_document_on_a_line_of_jsonl(tmp_path):
    content = f"{json.dumps(bioc('1'))}\n{json.dumps({'id': '2', 'passages': [{'text': 'a'}]})}\n"
    problem = "not BioC: a passage lacks its offset or its text"
    assert read_content(tmp_path, "n.jsonl", content) == [("1", "gout", {}), ("2", problem)]


@pytest.mark.parametrize(
    ("name", "content", "options", "expected"),
    [
        # A stray quote in front of a cell: each row that it hides is rejected.
        (
            "n.csv",
            'id,text\n1,"SECRET\n2,SECRET\n3,SECRET"\n4,x\n',
            {},
            [*((f"n.csv:{number}", HIDDEN_ROWS) for number in (1, 2, 3)), ("4", "x", {})],
        ),
        (
            "n.csv",
            'text,id,ward\n"SECRET,1,A\nSECRET,2,B\nSECRET",3,C\nx,4,D\n',
            {},
            [*((f"n.csv:{number}", HIDDEN_ROWS) for number in (1, 2, 3)), ("4", "x", {"ward": "D"})],
        ),
        (
            "n.csv",
            'ward;text\nA1;"SECRET\nB2;SECRET"\nC3;x\n',
            {"delimiter": ";"},
            [("n.csv:1", HIDDEN_ROWS), ("n.csv:2", HIDDEN_ROWS), ("n:3", "x", {"ward": "C3"})],
        ),
        # The same bytes are read as they are if the user says so.
        (
            "n.csv",
            'id,text\n1,"a\n2,b"\n3,x\n',
            {"quoting": "standard"},
            [("1", "a\n2,b", {}), ("3", "x", {})],
        ),
        (
            "n.csv",
            'id,text\n1,"a\n2,b"\n3,x\n',
            {"quoting": "none"},
            [("1", '"a', {}), ("2", 'b"', {}), ("3", "x", {})],
        ),
        # Texts over several lines that do not look like rows.
        (
            "n.csv",
            'id,text\n1,"Hx: gout, fever\r\nNo cough, no pain\r\n\r\n81 mg, daily"\n2,"a\nb"\n',
            {},
            [("1", "Hx: gout, fever\r\nNo cough, no pain\r\n\r\n81 mg, daily", {}), ("2", "a\nb", {})],
        ),
        ("n.csv", 'text,id\n"a\nb",1\n"c, d\ne, f",2\n', {}, [("1", "a\nb", {}), ("2", "c, d\ne, f", {})]),
        # A quote that never ends, or is not doubled: that row is rejected, and not those after it.
        (
            "n.csv",
            'id,text\n1,"SECRET\n2,b\n3,5" needle\n4,d\n',
            {},
            [("n.csv:1", BAD_QUOTE), ("2", "b", {}), ("3", '5" needle', {}), ("4", "d", {})],
        ),
        (
            "n.csv",
            'id,text\n1,a\n2,"SECRET\n3,c\n4,d',
            {},
            [("1", "a", {}), ("n.csv:2", BAD_QUOTE), ("3", "c", {}), ("4", "d", {})],
        ),
        # The other lines of the broken row are not taken for rows.
        (
            "n.csv",
            'id,text\n1,a\n2,"SECRET\nhe said "SECRET" and\nSECRET, early"\n3,c\n',
            {},
            [
                ("1", "a", {}),
                ("n.csv:2", BAD_QUOTE),
                ("n.csv:3", "the row has 1 columns, and the header 2"),
                ("n.csv:4", AFTER_BAD_QUOTE),
                ("3", "c", {}),
            ],
        ),
        # TSV has no quotes, unless they are named; what looks quoted is not read as it is.
        (
            "n.tsv",
            'id\ttext\n1\t"no quote is closed\n2\t5" needle\n3\t"whole"\n',
            {},
            [("1", '"no quote is closed', {}), ("2", '5" needle', {}), ("3", '"whole"', {})],
        ),
        ("n.tsv", 'id\ttext\n1\t"SECRET ""x"""\n2\tb\n', {}, [("1", LOOKS_QUOTED), ("2", "b", {})]),
        ("n.tsv", 'id\ttext\n1\t"a ""x"""\n', {"quoting": "none"}, [("1", '"a ""x"""', {})]),
        ("n.tsv", 'id\ttext\n1\t"a ""x""\n\tb"\n', {"quoting": "standard"}, [("1", 'a "x"\n\tb', {})]),
        # Other delimiters.
        ("n.csv", "id;text\n1;a, b\n", {"delimiter": ";"}, [("1", "a, b", {})]),
        ("n.csv", "id|text\n1|a\n", {"delimiter": "|"}, [("1", "a", {})]),
        ("n.tsv", "id,text\n1,a\tb\n", {"delimiter": ","}, [("1", "a\tb", {})]),
        ("n.csv", "id\ttext\n1\ta,b\n", {"delimiter": "\t"}, [("1", "a,b", {})]),
    ],
)
def test_csv_and_tsv(tmp_path, name, content, options, expected):
    found = read_content(tmp_path, name, content, **options)
    assert found == expected
    assert "SECRET" not in str(found)


def test_a_file_in_which_every_line_opens_a_quote_takes_no_longer_for_it(tmp_path):
    """Each row runs to the end of the file: to read the rest again for each of 100,000 lines would take hours."""
    started = time.monotonic()
    found = read(write(tmp_path / "n.csv", "id,text\n" + 'x","""y\n' * 100_000))
    assert time.monotonic() - started < 60
    assert {type(note) for note in found} == {Rejected}
    assert len(found) == 100_000


def test_rows_on_several_lines_are_counted(tmp_path):
    write(tmp_path / "a.csv", 'id,text\n1,"a\nb"\n\n2,"c\n3,d"\n4,e\n5,"f\n')
    write(tmp_path / "b.csv", "id,text\n1,a\n")
    write(tmp_path / "c.csv.gz", b"no gzip")
    write(tmp_path / "d.txt", "a\nb")
    expected = {tmp_path / "a.csv": (4, 2)}
    assert rows_on_several_lines([str(tmp_path), "s3://a/b.csv"], ReadOptions()) == expected
    assert rows_on_several_lines([str(tmp_path)], ReadOptions(quoting="none")) == {}
    assert rows_on_several_lines(["-"], ReadOptions()) == {}


@given(
    texts=st.lists(st.text("ab ;.5", min_size=1, max_size=8), min_size=2, max_size=8),
    stray=st.integers(0, 7),
    end=st.integers(0, 7),
)
def test_whatever_a_stray_quote_does_each_row_is_a_note_or_rejected(tmp_path_factory, texts, stray, end):
    """Rows 1, 2, ... with a quote before one text and perhaps another after one."""
    quoted = ['"' * (number == stray) + text + '"' * (number == end) for number, text in enumerate(texts)]
    rows = [f"{number},{text}" for number, text in enumerate(quoted)]
    path = tmp_path_factory.getbasetemp() / "stray.csv"
    path.write_text("id,text\n" + "\n".join(rows) + "\n")
    found = read(path)
    assert len(found) == len(texts)
    notes = {int(note.id): note.text for note in found if isinstance(note, Note)}
    assert all(text.strip('"') == texts[number] for number, text in notes.items())
    first, last = sorted((stray, end)) if stray <= end < len(texts) else (stray, stray)
    assert set(range(len(texts))) - set(notes) <= set(range(first, last + 1))


@given(texts=st.lists(st.text('ab,"\n', max_size=12), min_size=1, max_size=4))
def test_quoted_texts_of_words_are_read_as_they_were_written(tmp_path_factory, texts):
    path = tmp_path_factory.getbasetemp() / "words.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "text"], *enumerate(texts)])
    assert read(path) == [Note(str(number), text, {}) for number, text in enumerate(texts)]


def workbook(path: Path, *sheets: list[list]) -> Path:
    book = Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_is_read_row_by_row(tmp_path):
    rows = [
        ["id", "text", "ward", "since", None],
        [11, 'gout,\n5" β', "A1", date(2020, 1, 2)],
        [],
        [None, " ", None, None, None],
        ["x", None],
        [12.5, 7],
        ["y", "SECRET", None, None, "no name"],
        ["z", "_x000D_\nend"],
    ]
    found = read(workbook(tmp_path / "n.xlsx", rows, [], [["SECRET"]]))
    empty = {"ward": None, "since": None}
    assert found == [
        Note("11", 'gout,\n5" β', {"ward": "A1", "since": "2020-01-02T00:00:00"}),
        Note("n:2", " ", empty),
        Rejected("x", "the text is null, not a string"),
        Rejected("12.5", "the text is a number, not a string"),
        Rejected("y", "a cell is in a column without a name"),
        Note("z", "\r\nend", empty),
        Rejected("n.xlsx:sheet 3", "only the first sheet of a workbook is read"),
    ]


@pytest.mark.parametrize("keep", [0, 100, -40])
def test_a_damaged_workbook_is_rejected(tmp_path, keep):
    path = workbook(tmp_path / "n.xlsx", [["id", "text"], [1, "SECRET"]])
    path.write_bytes(path.read_bytes()[:keep])
    assert read(path) == [Rejected("n.xlsx", "the file is not xlsx, or was cut short")]


def test_a_workbook_without_the_column_is_refused(tmp_path):
    path = workbook(tmp_path / "n.xlsx", [["SECRET", "of a note"]])
    with pytest.raises(ProjectError, match=r"n\.xlsx has no column 'text'\. It has 2 columns\. Name one") as caught:
        read(path)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_text_that_parquet_stores_as_bytes(tmp_path, kind):
    table = {
        "id": pa.array([b"a", b"b", b"c"]).cast(kind),
        "text": pa.array(["é".encode(), b"SECRET\xff", None], pa.binary()).cast(kind),
    }
    pq.write_table(pa.table(table), tmp_path / "n.parquet")
    assert read(tmp_path) == [
        Note("a", "é", {}),
        Rejected("b", "the text is bytes that are not UTF-8"),
        Rejected("c", "the text is null, not a string"),
    ]
    assert read(tmp_path, encoding="cp1252")[1] == Note("b", "SECRETÿ", {})


def test_text_in_a_struct_of_parquet(tmp_path):
    pq.write_table(pa.Table.from_pylist([{"note": {"text": "a", "id": 7, "by": "x"}}]), tmp_path / "n.parquet")
    assert read(tmp_path, text_column="note.text", id_column="note.id") == [Note("7", "a", {"note": {"by": "x"}})]
    with pytest.raises(ProjectError, match=r"has no column 'note\.texts'"):
        read(tmp_path, text_column="note.texts")
    pq.write_table(pa.table({"note.text": ["x"], "note": [{"text": "y"}]}), tmp_path / "n.parquet")
    assert read(tmp_path, text_column="note.text") == [Note("n:1", "x", {"note": {"text": "y"}})]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("11", "11"),
        ("11.0", "11"),
        ("0.00", "0"),
        ("11.5", "11.5"),
        ("011.0", "011.0"),
        ("-1.0", "-1.0"),
        ("999999999999999.0", "999999999999999"),
        ("9007199254740993.0", "9007199254740993.0"),
    ],
)
def test_an_id_that_pandas_made_a_float_is_an_integer_in_omop(tmp_path, given, expected):
    write(tmp_path / "n.csv", f"id,text\n{given},a\n")
    for format, identifier in (("jsonl", given), ("omop", expected)):
        (note,) = read_inputs([str(tmp_path)], AnnotateOptions(format=format).reading)
        assert note.id == identifier


def test_floats_of_json_and_parquet_are_integers_in_omop_too(tmp_path):
    write(tmp_path / "a.jsonl", '{"id": 11.0, "text": "a"}')
    pq.write_table(pa.table({"id": [12.0, None], "text": ["b", "c"]}), tmp_path / "b.parquet")
    notes = read_inputs([str(tmp_path)], AnnotateOptions(format="omop").reading)
    assert [note.id for note in notes] == ["11", "12", "b:2"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *(
            (text, f"utf-{width}-{end}")
            for text in ("No gout.", "Χωρίς ουρική αρθρίτιδα", "Її немає – 5 мг\r\n", "לא")
            for width in (16, 32)
            for end in ("le", "be")
        ),
        ("没有痛风", "utf-32-le"),
    ],
)
@pytest.mark.parametrize("given", ["utf-8", "cp1252"])
def test_a_wide_encoding_without_a_mark_is_recognized(tmp_path, text, encoding, given):
    assert read_content(tmp_path, "n.txt", text.encode(encoding), encoding=given) == [("n", text, {})]
    rows = f"id,text\n1,{text.strip()}\n".encode(encoding)
    assert read_content(tmp_path, "n.csv", rows, encoding=given)[-1:] == [("1", text.strip(), {})]


@pytest.mark.parametrize("text", ["没有痛风。", "ありません"])
def test_what_is_not_recognized_is_refused(tmp_path, text):
    (found,) = read_content(tmp_path, "n.txt", text.encode("utf-16-le"))
    assert re.fullmatch(r"not UTF-8 \(character \d+\)", found[1])
    assert read_content(tmp_path, "n.txt", text.encode("utf-16-le"), encoding="utf-16-le") == [("n", text, {})]


@pytest.mark.parametrize("text", ["a\x00\x00b, no gout", "\x00", "\t\n\t\n", "ä\x07ö\x07", ""])
def test_text_with_control_characters_is_text(tmp_path, text):
    assert read_content(tmp_path, "n.txt", text.encode()) == [("n", text, {})]


@pytest.mark.parametrize("inputs", [[""], ["n.txt", ""], [" "]])
def test_an_empty_input_is_refused(tmp_path, monkeypatch, inputs):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "n.txt", "a")
    with pytest.raises(ProjectError, match="An input is empty"):
        read_inputs(inputs)


@pytest.mark.parametrize(
    ("inputs", "ids"),
    [
        (["a", "b/"], ["a/1", "a/n/2:1", "b/1"]),
        (["./a/1.txt", "b/1.txt"], ["a/1", "b/1"]),
        (["."], ["a/1", "a/n/2:1", "b/1"]),
        (["{root}/a"], ["{root}/a/1", "{root}/a/n/2:1"]),
        (["b/../b"], ["b/../b/1"]),
    ],
)
def test_ids_carry_the_folder_as_it_was_given(tmp_path, monkeypatch, inputs, ids):
    monkeypatch.chdir(tmp_path)
    for name in ("a/1.txt", "b/1.txt"):
        write(tmp_path / name, "x")
    write(tmp_path / "a/n/2.jsonl", '{"text": "x"}')
    given = [name.format(root=tmp_path) for name in inputs]
    found = read_inputs(given, ReadOptions(folder_ids=True))
    assert [note.id for note in found] == [identifier.format(root=tmp_path) for identifier in ids]


def test_a_file_without_a_header_is_refused_and_not_quoted(tmp_path):
    for content in ("1,SECRET has gout,A\n", "SECRET,SECRET\n", "text,SECRET,SECRET\n"):
        with pytest.raises(ProjectError) as caught:
            read(write(tmp_path / "n.csv", content))
        assert "SECRET" not in str(caught.value)
        assert re.search(r"It has [23] columns\.|columns of the same name: 2, 3", str(caught.value))
