"""Data sets as `datasets` saves them, and as the hub serves them."""

import json

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from huggingface_hub import constants
from huggingface_hub.utils import reset_sessions

from scripts.corpora.hub import parse_source
from scripts.errors import ProjectError
from scripts.fetch_corpus import fetch_corpus
from scripts.records.bigbio import SPLITS, document_id, document_text, read_records
from scripts.records.mentions import annotations
from tests.corpora.samples import NOTES, SAMPLES, lines, spaced, words, write_files
from tests.corpora.test_corpora import many, read
from tests.hub import COMMIT, CONVERTED, served
from tests.test_fetch_encoder import use_hub

NAMES = ["O", "B-Drug", "I-Drug", "B-Finding", "I-Finding"]
try:
    from datasets import List as Sequence
except ImportError:
    from datasets import Sequence


def tagged(notes):
    """Return words and numbers of tags."""
    return [
        {"id": name, "tokens": tokens, "ner_tags": [NAMES.index(tag) for tag in tags]}
        for name, (tokens, tags) in words(spaced(notes)).items()
    ]


def make_data_set(notes):
    features = Features(
        {"id": Value("string"), "tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=NAMES))}
    )
    return Dataset.from_list(tagged(notes), features=features)


def test_a_data_set_that_was_saved_to_disk(tmp_path):
    splits = {
        split: make_data_set({name: NOTES[name]})
        for split, name in zip(("train", "validation", "test"), NOTES, strict=True)
    }
    DatasetDict(splits).save_to_disk(tmp_path / "saved")
    found, report = read(tmp_path / "saved")
    assert found == spaced(NOTES)
    assert (report["splits"], report["files_not_read"]) == ("as the files are named", [])


def test_a_data_set_as_parquet_of_the_library_itself(tmp_path):
    make_data_set(NOTES).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path)[0] == spaced(NOTES)


CARD = """---
dataset_info:
  features:
  - name: tokens
    sequence: string
  - name: ner_tags
    sequence:
      class_label:
        names:
%s
---
# A data set
"""


@pytest.mark.parametrize("described_by", ["README.md", "dataset_infos.json", "dataset_info.json", "strings"])
def test_the_names_of_tags_in_json_lines(tmp_path, described_by):
    rows = tagged(NOTES)
    features = {"ner_tags": {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "Sequence"}}
    files = {
        "README.md": CARD % "\n".join(f"          '{number}': {name}" for number, name in enumerate(NAMES)),
        "dataset_infos.json": json.dumps({"default": {"features": features}}),
        "dataset_info.json": json.dumps({"features": features}),
    }
    if described_by == "strings":
        rows = [{**row, "ner_tags": [NAMES[tag] for tag in row["ner_tags"]]} for row in rows]
        files["strings"] = ""
    write_files({described_by: files[described_by], "data/all.jsonl": lines(rows)}, tmp_path)
    assert read(tmp_path)[0] == spaced(NOTES)


@pytest.mark.parametrize("change", ["bom", "crlf"])
def test_a_byte_order_mark_and_windows_line_ends_change_nothing_in_json_lines(tmp_path, change):
    rows = [{**row, "ner_tags": [NAMES[tag] for tag in row["ner_tags"]]} for row in tagged(NOTES)]
    content = f"\ufeff{lines(rows)}" if change == "bom" else lines(rows).replace("\n", "\r\n")
    assert read(write_files({"a.jsonl": content}, tmp_path))[0] == spaced(NOTES)


@pytest.mark.parametrize(("tag", "why"), [(5, "tag 5 has no name"), (-1, "tag -1 has no name"), (None, "TypeError")])
def test_a_tag_without_a_name_is_refused(tmp_path, tag, why):
    features = {"ner_tags": {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "Sequence"}}
    rows = [*tagged(NOTES), {"id": "d", "tokens": ["SECRET"], "ner_tags": [tag]}]
    files = {"dataset_info.json": json.dumps({"features": features}), "a.jsonl": lines(rows)}
    with pytest.raises(ProjectError, match=rf"a\.jsonl, document 4: .*{why}") as caught:
        read(write_files(files, tmp_path))
    assert "SECRET" not in str(caught.value)


def test_a_token_that_does_not_count_is_outside(tmp_path):
    rows = tagged(NOTES)
    assert rows[0]["ner_tags"][0] == NAMES.index("B-Finding")
    rows[0]["ner_tags"][0] = -100
    features = {"ner_tags": {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "Sequence"}}
    files = {"dataset_info.json": json.dumps({"features": features}), "a.jsonl": lines(rows)}
    found, _ = read(write_files(files, tmp_path))
    assert found["a"][1] == spaced(NOTES)["a"][1][1:]


def test_tags_that_don_t_fit_the_tokens_are_refused(tmp_path):
    rows = [{"tokens": ["SECRET", "words"], "ner_tags": ["O"]}]
    with pytest.raises(ProjectError, match="document 1: 2 tokens with 1 tags") as caught:
        read(write_files({"a.jsonl": lines(rows)}, tmp_path))
    assert "SECRET" not in str(caught.value)


# -- the hub ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Serve a folder of data sets in the hub's place, and return the folder."""
    folder = tmp_path / "hub"
    folder.mkdir()
    with served(folder) as server:
        use_hub(monkeypatch, server.url)
        yield folder
    reset_sessions()


def write_splits(folder, sample, *, name="{split}/0000.parquet", notes=NOTES):
    """Write a document in each split."""
    for split, note in zip(("train", "validation", "test"), notes, strict=True):
        ((_, content),) = SAMPLES[sample](spaced({note: notes[note]})).items()
        write_files({name.format(split=split): content}, folder)


def fetched(source, output, **options):
    """Fetch a corpus, and return its texts and types by split and its report."""
    fetch_corpus("private", output, source=source, **options)
    found = {
        split: [
            (document_id(record), document_text(record), [entity["type"] for entity in annotations(record)])
            for record in read_records(output / f"{split}.jsonl")
        ]
        for split in SPLITS
    }
    return found, json.loads((output / "report.json").read_text())


EXPECTED = {
    "train": [("a", "Gout , no asthma .", ["Finding", "Finding"])],
    "dev": [("b", "Aspirin was held .", ["Drug"])],
    "test": [("c", "No pain .", [])],
}


def test_a_config_of_a_revision_that_the_hub_converted(tmp_path, hub):
    write_splits(hub / "owner/notes/one_config", "datasets")
    write_splits(hub / "owner/notes/other_config", "datasets", notes={"x": ("No", []), "y": ("n", []), "z": ("m", [])})
    found, report = fetched(f"hub:owner/notes/one_config@{CONVERTED}", tmp_path / "out")
    assert found == EXPECTED
    assert (report["source"], report["commit"]) == (f"hub:owner/notes/one_config@{CONVERTED}", COMMIT)
    assert report["files"][0]["file"] == "one_config/test/0000.parquet"
    for config, why in {"": "has the configs one_config, other_config", "/third": "has the configs one_config"}.items():
        with pytest.raises(ProjectError, match=why):
            fetched(f"hub:owner/notes{config}@{CONVERTED}", tmp_path / "out")


def test_the_configs_that_a_card_declares(tmp_path, hub):
    write_splits(hub / "owner/notes", "datasets", name="data/{split}-00000.parquet")
    write_splits(hub / "owner/notes", "prodigy", name="more/{split}.jsonl")
    card = """---
configs:
- config_name: tags
  data_files:
  - split: train
    path: data/*
- config_name: spans
  data_files: more/*
---
"""
    write_files({"README.md": card, "load.py": "raise SystemExit"}, hub / "owner/notes")
    found, report = fetched("hub:owner/notes/tags@main", tmp_path / "out")
    assert found == EXPECTED
    assert {file["format"] for file in report["files"]} == {"datasets"}
    found, report = fetched("hub:owner/notes/spans@main", tmp_path / "out")
    assert found == EXPECTED
    assert {file["format"] for file in report["files"]} == {"prodigy"}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("hub:owner/notes", "Can't read the source"),
        ("hub:notes@main", "Can't read the source"),
        ("hub:owner/notes@no-such-branch", "has no revision no-such-branch"),
        ("hub:owner/nothing@main", "has no repository owner/nothing"),
        ("hub:owner/script@main", "has no data files at main"),
    ],
)
def test_a_data_set_that_cannot_be_fetched_is_explained(tmp_path, hub, source, why):
    write_files({"load.py": ""}, hub / "owner/script")
    write_splits(hub / "owner/notes", "datasets")
    with pytest.raises(ProjectError, match=why):
        fetched(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_a_network_the_ways_on_are_named(tmp_path, hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ProjectError, match=r"can't be reached.*--vars\.corpus_source PATH"):
        fetched("hub:owner/notes@main", tmp_path / "out")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("hub:bigbio/bc5cdr/bc5cdr_bigbio_kb@refs/convert/parquet", ("bigbio/bc5cdr", "bc5cdr_bigbio_kb", CONVERTED)),
        ("hub:a/b-c.d@v1.0", ("a/b-c.d", "", "v1.0")),
    ],
)
def test_the_parts_of_a_source(source, expected):
    assert parse_source(source) == expected


def test_a_corpus_is_fetched_twice_with_the_same_bytes(tmp_path):
    source = write_files(SAMPLES["prodigy"](many(30)), tmp_path / "source")
    for name in ("one", "two"):
        fetched(str(source), tmp_path / name, seed=3)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    # And again into the same folder, where the report of the first time is.
    fetched(str(source), tmp_path / "one", seed=4)
