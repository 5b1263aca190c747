"""What is shown of a corpus is what is in it: counts, lengths, and each word and wordpiece over its tag."""

import json
import re

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab
from transformers import BertTokenizerFast
from typer.testing import CliRunner

from scripts.inspect_corpus import (
    align_tags,
    field_rows,
    fill_lines,
    inspect_corpus_cli,
    printable,
    shortened,
    tagged_wordpieces,
    tagged_words,
)
from scripts.records.bigbio import SPLITS, features, write_corpus

WORDS = ["(", "naloxone", ")", "and", "renal", "failure", "hypotension"]
ENTS = ["O", "B-Chemical", "O", "O", "B-Disease", "I-Disease", "B-Disease"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "(", ")", "and", "nal", "##ox", "##one", "renal", "failure"]


@pytest.fixture
def doc():
    """Return a document, "(naloxone) and renal failure hypotension"."""
    return Doc(Vocab(), words=WORDS, spaces=[False, False, True, True, True, True, False], ents=ENTS)


@pytest.fixture
def encoder(tmp_path):
    """Return the folder of a tokenizer that knows few words."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def record(identifier, text, *entities):
    """Return a document with one passage and entities as (start, end, type)."""
    return {
        "passages": [
            {
                "document_id": identifier,
                "type": "note",
                "text": text,
                "entities": [
                    {
                        "id": str(number),
                        "offsets": [[start, end]],
                        "text": [text[start:end]],
                        "type": kind,
                        "normalized": [{"db_name": "MESH", "db_id": "D000001"}],
                    }
                    for number, (start, end, kind) in enumerate(entities)
                ],
                "relations": [],
            }
        ]
    }


@pytest.fixture
def corpus(tmp_path):
    """Return the folder of a corpus with two documents in each split."""
    texts = ("(naloxone) and renal\nfailure", "No failure today.")
    write_corpus(
        {
            split: [
                record(f"{split}-1", texts[0], (1, 9, "Chemical"), (15, 28, "Disease"), (21, 28, "Disease")),
                record(f"{split}-2", texts[1]),
            ]
            for split in SPLITS
        },
        tmp_path / "notes",
    )
    return tmp_path / "notes"


def run(*arguments):
    """Run the command as a user does, and give its exit code and what it showed."""
    app = typer.Typer()
    app.command()(inspect_corpus_cli)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def table_rows(shown: str) -> list[str]:
    """Return the lines of what was shown, with one space between columns."""
    return [" ".join(line.split()) for line in shown.splitlines()]


def test_words_have_their_tags(doc):
    assert tagged_words(doc) == list(zip(WORDS, ENTS, strict=True))


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([None, (0, 1), (1, 9), None], ["IGN", "O", "B-Chemical", "IGN"]),
        ([(1, 4), (4, 6), (6, 9), (9, 10)], ["B-Chemical", "I-Chemical", "I-Chemical", "O"]),
        ([(15, 18), (18, 20), (21, 23), (23, 28)], ["B-Disease", "I-Disease", "I-Disease", "I-Disease"]),
        ([(21, 28), (29, 32), (32, 40)], ["I-Disease", "B-Disease", "I-Disease"]),
        # Over the end of one word and all of the next, or over two words from the start of the first.
        ([(0, 9)], ["O"]),
        ([(1, 4), (4, 10)], ["B-Chemical", "O"]),
        ([], []),
    ],
)
def test_wordpieces_get_the_tags_of_their_words(doc, spans, expected):
    assert align_tags(doc, spans) == expected


@given(st.lists(st.integers(1, 4), min_size=len(WORDS), max_size=len(WORDS)))
def test_however_words_are_cut_each_mention_begins_once(lengths):
    doc = Doc(Vocab(), words=WORDS, ents=ENTS)
    spans = [
        (start, min(start + length, token.idx + len(token)))
        for token, length in zip(doc, lengths, strict=True)
        for start in range(token.idx, token.idx + len(token), length)
    ]
    tags = align_tags(doc, spans)
    assert sum(tag.startswith("B-") for tag in tags) == len(doc.ents)
    inside = {span for span, tag in zip(spans, tags, strict=True) if tag != "O"}
    assert inside == {
        span for span in spans for ent in doc.ents if ent.start_char <= span[0] and span[1] <= ent.end_char
    }


def test_an_encoders_wordpieces_stand_over_their_tags(doc, encoder):
    tokenizer = BertTokenizerFast.from_pretrained(encoder)
    assert tagged_wordpieces(doc, tokenizer) == [
        ("[CLS]", "IGN"),
        ("(", "O"),
        ("nal", "B-Chemical"),
        ("##ox", "I-Chemical"),
        ("##one", "I-Chemical"),
        (")", "O"),
        ("and", "O"),
        ("renal", "B-Disease"),
        ("failure", "I-Disease"),
        # Unknown to the vocabulary, but not a special token: it stands for text, and has its tag.
        ("[UNK]", "B-Disease"),
        ("[SEP]", "IGN"),
    ]


def test_all_fields_are_described():
    rows = list(field_rows(features()))
    assert rows[:3] == [("corpus", "string"), ("passages", "list of object"), ("  document_id", "string")]
    assert ("    offsets", "list of list of int32") in rows
    assert len(rows) == 25


@pytest.mark.parametrize(
    ("columns", "width", "expected"),
    [
        ([], 5, []),
        ([("ab", "O"), ("cd", "O")], 5, [["ab", "cd"]]),
        ([("ab", "O"), ("cd", "O")], 4, [["ab"], ["cd"]]),
        ([("a", "B-X"), ("b", "I-X"), ("c", "O")], 9, [["a", "b", "c"]]),
        ([("a", "B-X"), ("b", "I-X"), ("c", "O")], 8, [["a", "b"], ["c"]]),
        ([("abcdef", "O"), ("g", "O")], 3, [["abcdef"], ["g"]]),
    ],
)
def test_lines_are_filled(columns, width, expected):
    assert [[text for text, _ in line] for line in fill_lines(columns, width)] == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("β-blocker", "β-blocker"),
        ("\n", "\\n"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\u200bb", "a\\u200bb"),
    ],
)
def test_nothing_moves_the_cursor(text, shown):
    assert printable(text) == shown


def test_a_long_word_is_shortened():
    assert shortened("ACGT" * 2000) == "ACGT" * 7 + "A…"
    assert shortened("A" * 30) == "A" * 30


def test_the_corpus_is_shown(corpus, encoder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, shown = run(corpus, "--document", "dev-1", "--encoder", encoder)
    assert code == 0, shown
    rows = table_rows(shown)
    for row in (
        "documents 2 2 2",
        "annotations: Chemical 1 1 1",
        "annotations: Disease 2 2 2",
        "mentions: Disease 1 1 1",
        "overlaps removed 1 1 1",
        "min 5% 25% median 75% 95% max",
        "( naloxone ) and renal \\n failure",
        "O B-Chemical O O B-Disease I-Disease I-Disease",
        "[CLS] ( nal ##ox ##one ) and renal failure [SEP]",
        "IGN O B-Chemical I-Chemical I-Chemical O O B-Disease I-Disease IGN",
    ):
        assert row in rows, row
    # Words: 7 of 11 tokens are in the first document; wordpieces with [CLS] and [SEP]: 10 and 6.
    assert rows.count("dev 4 4 4 4 7 7 7") == 1
    assert rows.count("dev 6 6 6 6 10 10 10") == 1


def test_words_stand_in_columns_over_their_tags(corpus, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    _, shown = run(corpus, "--document", "dev-1")
    assert shown.splitlines()[-4:] == [
        "",
        "( naloxone   ) and renal     \\n        failure  ",
        "O B-Chemical O O   B-Disease I-Disease I-Disease",
        "",
    ]


def test_the_seed_chooses_the_random_document(corpus):
    shown = {seed: [run(corpus, "--seed", seed)[1] for _ in range(2)] for seed in range(6)}
    assert all(first == second for first, second in shown.values())
    drawn = {re.search(r"A random document: (\S+)", first).group(1) for first, _ in shown.values()}
    assert len(drawn) > 1
    for first, _ in shown.values():
        identifier = re.search(r"A random document: (\S+)", first).group(1)
        assert f"Words and their tags: {identifier}" in first
        assert ("15-28" in first) == identifier.endswith("-1")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--document", "dev-3"], "has no document 'dev-3' Its documents have ids like train-1, train-2, dev-1."),
        (["--encoder", "nowhere"], "There is no encoder in nowhere Run first: spacy project run fetch-encoder"),
        (["--labels", "Chem*=Chemical"], "has the unknown type 'Disease'"),
    ],
)
def test_what_is_not_there_is_named(corpus, arguments, why):
    code, shown = run(corpus, *arguments)
    assert code == 1
    assert why in " ".join(shown.split())


def test_a_folder_that_is_no_encoder_is_named(corpus, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    code, shown = run(corpus, "--encoder", tmp_path / "empty")
    assert code == 1
    assert "has no tokenizer that can be loaded" in " ".join(shown.split())


def test_a_corpus_that_is_not_there_is_named(tmp_path):
    code, shown = run(tmp_path)
    assert code == 1
    assert "lacks train.jsonl, dev.jsonl, test.jsonl Run first: spacy project run fetch-corpus" in " ".join(
        shown.split()
    )
