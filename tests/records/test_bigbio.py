"""Records are read and written exactly, or refused without a word of their text."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.errors import ProjectError
from scripts.records.bigbio import SPLITS, document_id, document_text, read_records, write_corpus, write_records

ENTITY = {
    "id": "0",
    "offsets": [[0, 5], [20, 28]],
    "text": ["Renal", "toxicity"],
    "type": "Disease",
    "normalized": [{"db_name": "MESH", "db_id": "D007674"}],
}
RELATION = {"id": "R0", "type": "CID", "arg1_id": "D003042", "arg2_id": "D007674"}
TITLE = {
    "document_id": "7",
    "type": "title",
    "text": "Renal and pulmonary toxicity.",
    "entities": [ENTITY],
    "relations": [RELATION],
}
ABSTRACT = {"document_id": "7", "type": "abstract", "text": "Of β-blockers.", "entities": [], "relations": [RELATION]}
RECORD = {"passages": [TITLE, ABSTRACT]}


def test_offsets_count_in_the_passages_joined_by_one_space():
    text = document_text(RECORD)
    assert text == "Renal and pulmonary toxicity. Of β-blockers."
    assert [text[start:end] for start, end in ENTITY["offsets"]] == ENTITY["text"]
    assert document_id(RECORD) == "7"


def test_records_come_back_as_they_were_written(tmp_path):
    other = {"passages": [{**TITLE, "document_id": "8", "entities": [], "relations": []}]}
    write_records([RECORD, other], tmp_path / "train.jsonl")
    assert read_records(tmp_path / "train.jsonl") == [RECORD, other]
    assert len((tmp_path / "train.jsonl").read_text().splitlines()) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


@settings(max_examples=50)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_comes_back_as_it_was(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "train.jsonl"
    write_records([{"passages": [{**ABSTRACT, "text": text}]}], path)
    assert document_text(read_records(path)[0]) == text


def changed(**fields):
    """Return a line with the record in which some of the title's fields are others."""
    return json.dumps({"passages": [{**TITLE, **fields}]})


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("", "it is empty"),
        ('{"passages": [{"text": "SECRET', "not JSON"),
        ("[1]", "TypeError"),
        ("3", "TypeError"),
        ('{"text": "SECRET"}', "KeyError"),
        ('{"passages": "SECRET"}', "AttributeError"),
        ('{"passages": ["SECRET"]}', "AttributeError"),
        ('{"passages": null}', "record 1 has no passages"),
        ('{"passages": []}', "record 1 has no passages"),
        ('{"passages": [null]}', "record 1 has no passages, or one that lacks a field"),
        (changed() + '\n{"passages": [{"document_id": "1", "text": "SECRET"}]}', "record 2 .* lacks a field"),
        (changed(text=None), "lacks a field"),
        (changed(entities=[{**ENTITY, "type": None}]), "lacks a field"),
        (changed(entities=[{**ENTITY, "offsets": [["SECRET", 1]]}]), "ArrowTypeError"),
        (changed(entities=[{**ENTITY, "offsets": [[0, 2**40]]}]), "ArrowInvalid"),
        (changed(entities=[{**ENTITY, "offsets": [[0, 1.5]]}]), "ArrowInvalid"),
    ],
)
def test_what_is_no_record_is_refused_and_not_quoted(tmp_path, lines, why):
    path = tmp_path / "dev.jsonl"
    path.write_text(lines)
    with pytest.raises(ProjectError, match=why) as caught:
        read_records(path)
    assert str(path) in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "dev.jsonl").write_bytes(json.dumps(RECORD, ensure_ascii=False).encode("latin-1", "replace") + b"\xff")
    with pytest.raises(ProjectError, match="not JSON"):
        read_records(tmp_path / "dev.jsonl")


def corpus(text):
    return {split: [{"passages": [{**TITLE, "text": text, "document_id": split}]}] for split in SPLITS}


def test_a_corpus_is_a_folder_with_a_file_for_each_split_and_is_replaced_whole(tmp_path):
    for text in ("first", "second"):
        write_corpus(corpus(text), tmp_path / "notes")
    assert sorted(path.name for path in (tmp_path / "notes").iterdir()) == ["dev.jsonl", "test.jsonl", "train.jsonl"]
    for split in SPLITS:
        (record,) = read_records(tmp_path / "notes" / f"{split}.jsonl")
        assert (document_id(record), document_text(record)) == (split, "second")


def test_a_corpus_with_a_faulty_split_is_not_written(tmp_path):
    write_corpus(corpus("first"), tmp_path / "notes")
    with pytest.raises(ProjectError, match="it is empty"):
        write_corpus({**corpus("second"), "test": []}, tmp_path / "notes")
    assert document_text(read_records(tmp_path / "notes" / "train.jsonl")[0]) == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_a_folder_that_holds_more_is_not_replaced(tmp_path):
    (tmp_path / "encoders").mkdir()
    with pytest.raises(ProjectError, match="would be replaced: encoders"):
        write_corpus(corpus("first"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["encoders"]
