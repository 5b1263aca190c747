"""Records become documents whose entities are the mentions, and everything else is counted or refused."""

from pathlib import Path

import pytest
import srsly
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from scripts.clinical_ner.partial import ANNOTATED_LABELS
from scripts.convert import convert, make_doc, make_nlp
from scripts.errors import ProjectError
from scripts.fetch_corpus import fetch_corpus
from scripts.formats.docbin import CORPUS, make_doc_bin
from scripts.records.bigbio import SPLITS, Record, write_records
from scripts.records.mentions import DEFAULT_LABELS, Mention, flat_mentions, label_names, parse_labels
from tests.marked import make_record
from tests.shared import ARCHIVE, needs_archive

NLP = make_nlp()
LABELS = parse_labels(DEFAULT_LABELS)


def entity(*offsets: list[int], kind: str = "Disease", ids: tuple[str, ...] = ()) -> dict:
    return {
        "id": "T1",
        "offsets": list(offsets),
        "text": ["?"] * len(offsets),
        "type": kind,
        "normalized": [{"db_name": "MESH", "db_id": identifier} for identifier in ids],
    }


def record_with(text: str, *entities: dict) -> Record:
    record = make_record(text)
    record["passages"][0]["entities"] = list(entities)
    return record


def ents(record: Record) -> list[tuple[str, str]]:
    doc, _ = make_doc(NLP, record, LABELS)
    return [(ent.text, ent.label_) for ent in doc.ents]


def test_title_and_abstract_are_joined_by_one_space() -> None:
    record = make_record("[Chemical Aspirin] and gout.", "No [Disease gout] was seen.", document_id="77")
    doc, counts = make_doc(NLP, record, LABELS)
    assert doc.text == "Aspirin and gout. No gout was seen."
    assert [(ent.text, ent.start_char, ent.label_) for ent in doc.ents] == [
        ("Aspirin", 0, "Chemical"),
        ("gout", 21, "Disease"),
    ]
    assert doc.user_data["document_id"] == "77"
    assert counts["tokens"] == len(doc) == 9


def test_sentence_starts_are_kept_and_mentions_across_them_counted(tmp_path: Path) -> None:
    doc, counts = make_doc(NLP, record_with("1. renal\n2. failure", entity([3, 19])), LABELS)
    assert [sent.text for sent in doc.sents] == ["1. renal\n", "2. failure"]
    assert counts["across_sentences"] == 1
    (read,) = DocBin().from_bytes(make_doc_bin([doc]).to_bytes()).get_docs(NLP.vocab)
    assert [sent.text for sent in read.sents] == ["1. renal\n", "2. failure"]


def test_spacy_can_train_on_a_mention_across_sentences() -> None:
    text = "1. renal\n2. failure and gout"
    doc, counts = make_doc(NLP, record_with(text, entity([3, 19]), entity([24, 28])), LABELS, for_training=True)
    (read,) = DocBin().from_bytes(make_doc_bin([doc]).to_bytes()).get_docs(NLP.vocab)
    assert [ent.text for ent in read.ents] == ["gout"]
    assert [token.text for token in read if not token.ent_iob] == ["renal", "\n", "2", ".", "failure"]
    assert counts["across_sentences"] == 1
    nlp = make_nlp()
    nlp.add_pipe("ner").add_label("Disease")
    optimizer = nlp.initialize()
    losses = nlp.update([Example(nlp.make_doc(text), read)], sgd=optimizer, annotates=["sections"])
    assert losses["ner"] > 0


def test_discontinuous_mention_is_one_span() -> None:
    record = record_with("hepatic and renal toxicity", entity([0, 7], [18, 26]))
    assert ents(record) == [("hepatic and renal toxicity", "Disease")]


def test_longest_of_overlapping_mentions_stays() -> None:
    record = record_with("hepatic and renal toxicity", entity([0, 26]), entity([12, 26]), entity([0, 7], [18, 26]))
    assert flat_mentions(record, LABELS) == [Mention(0, 26, "Disease")]
    assert make_doc(NLP, record, LABELS)[1]["overlaps_removed"] == 2


def test_mention_inside_a_token_is_widened_and_counted() -> None:
    doc, counts = make_doc(NLP, record_with("the 5-HTa receptor", entity([6, 8], kind="Chemical")), LABELS)
    assert [ent.text for ent in doc.ents] == ["HTa"]
    assert (counts["off_boundary"], counts["merged_by_widening"]) == (1, 0)


def test_white_space_at_the_ends_is_cut_off_and_counted() -> None:
    record = record_with("a gout \n and  x", entity([1, 9]), entity([2, 6]), entity([12, 14]), entity([6, 8]))
    doc, counts = make_doc(NLP, record, LABELS)
    assert [(ent.text, ent.start_char) for ent in doc.ents] == [("gout", 2)]
    names = ("annotations", "blank", "trimmed", "overlaps_removed", "off_boundary")
    assert [counts[name] for name in names] == [4, 2, 1, 1, 0]


def test_two_mentions_in_one_token_are_merged_and_counted() -> None:
    doc, counts = make_doc(NLP, record_with("NaCl", entity([0, 2], kind="Chem"), entity([2, 4], kind="Chem")), LABELS)
    assert [ent.text for ent in doc.ents] == ["NaCl"]
    assert (counts["off_boundary"], counts["merged_by_widening"], counts["mentions_Chemical"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("ids", "concept"), [((), ""), (("D006073",), "D006073"), (("D006073", "D0002"), "D006073|D0002")]
)
def test_concepts_are_kept(ids: tuple[str, ...], concept: str) -> None:
    doc, _ = make_doc(NLP, record_with("gout", entity([0, 4], ids=ids)), LABELS)
    assert (doc.ents[0].kb_id_, doc.ents[0].id_) == (concept, concept)


@pytest.mark.parametrize(
    ("text", "labels"),
    [("A=B", {"A": "B"}), ("Chem*=Chemical Dis*=Disease", {"Chem*": "Chemical", "Dis*": "Disease"})],
)
def test_labels_are_read(text: str, labels: dict[str, str]) -> None:
    assert parse_labels(text) == labels


def test_types_that_are_not_wanted_are_left_out_and_counted(tmp_path: Path) -> None:
    labels = parse_labels("Chem*=Chemical *=-")
    record = make_record("[Chemical aspirin] for [Gene TP53] and [Disease gout]")
    doc, counts = make_doc(NLP, record, labels)
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("aspirin", "Chemical")]
    assert (counts["annotations"], counts["ignored"], counts["mentions_Chemical"]) == (3, 2, 1)
    assert label_names(labels) == ["Chemical"]


@pytest.mark.parametrize("text", ["", "Chemical", "A=", "=B", "A=B=C"])
def test_bad_labels_are_refused(text: str) -> None:
    with pytest.raises(ProjectError, match="Can't read the labels"):
        parse_labels(text)


def write_corpus(folder: Path, **splits: list[Record]) -> Path:
    for split in SPLITS:
        write_records(splits.get(split, [make_record("[Disease gout]", document_id=split)]), folder / f"{split}.jsonl")
    return folder


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (record_with("gout", entity([0, 5])), r"'1'.*'T1'.*\[0, 5\], outside the text of 4 characters"),
        (record_with("gout", entity([-1, 2])), r"'1'.*\[-1, 2\]"),
        (record_with("gout", entity([2, 2])), r"'1'.*\[2, 2\]"),
        (record_with("gout", entity()), "'1'.*no offsets"),
        (record_with("gout", entity([0, 4], kind="Gene")), r"'1'.*unknown type 'Gene'.*Known are Chem\*, Dis\*"),
        (record_with(" "), "'1' has an empty text"),
    ],
)
def test_unsound_record_stops_before_anything_is_written(tmp_path: Path, record: Record, message: str) -> None:
    source = write_corpus(tmp_path / "source", test=[record])
    with pytest.raises(ProjectError, match=message) as error:
        convert(source, tmp_path / "corpus", labels=LABELS)
    assert "gout" not in str(error.value)
    assert not list(tmp_path.glob("*corpus*"))


def test_document_in_two_splits_is_refused(tmp_path: Path) -> None:
    source = write_corpus(tmp_path, train=[make_record("a", document_id="7")], test=[make_record("a", document_id="7")])
    with pytest.raises(ProjectError, match="more than once, the first is '7'"):
        convert(source, tmp_path / "corpus", labels=LABELS)


def test_missing_split_is_named(tmp_path: Path) -> None:
    (write_corpus(tmp_path) / "dev.jsonl").unlink()
    with pytest.raises(ProjectError, match=r"lacks dev\.jsonl"):
        convert(tmp_path, tmp_path / "corpus", labels=LABELS)


def test_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "source")
    for name in ("first", "second"):
        convert(source, tmp_path / name, labels=LABELS)
    for split in SPLITS:
        assert (tmp_path / f"first/{split}.spacy").read_bytes() == (tmp_path / f"second/{split}.spacy").read_bytes()


@needs_archive
def test_bc5cdr_counts_are_those_of_the_published_task(tmp_path: Path) -> None:
    fetch_corpus("bc5cdr", tmp_path / "records", archive=str(ARCHIVE))
    report = convert(tmp_path / "records", tmp_path / "corpus", labels=LABELS)
    assert report == srsly.read_json(tmp_path / "corpus" / "report.json")
    columns = ("documents", "annotations", "discontinuous", "overlaps_removed", "off_boundary", "mentions")
    assert {split: tuple(report[split][column] for column in columns) for split in SPLITS} == {
        "train": (500, 9570, 73, 185, 0, 9385),
        "dev": (500, 9773, 43, 182, 10, 9591),
        "test": (500, 9928, 37, 119, 5, 9809),
    }
    assert report["train"]["mentions_by_label"] == {"Chemical": 5203, "Disease": 4182}
    assert report["test"]["mentions_by_label"] == {"Chemical": 5385, "Disease": 4424}
    docs = list(DocBin().from_disk(tmp_path / "corpus" / "test.spacy").get_docs(NLP.vocab))
    assert docs[0].user_data["document_id"] == "8701013"
    assert [(ent.text, ent.label_, ent.kb_id_) for ent in docs[0].ents][:2] == [
        ("Famotidine", "Chemical", "D015738"),
        ("delirium", "Disease", "D003693"),
    ]


def write_joined(folder: Path, corpora: dict[str, list[str]]) -> Path:
    """Write a joined corpus: of each of its corpora the texts, the same number in each split."""
    for split in SPLITS:
        records = [
            {**make_record(text, document_id=f"{name}-{split}-{number}"), "corpus": name}
            for name, texts in corpora.items()
            for number, text in enumerate(texts)
        ]
        write_records(records, folder / f"{split}.jsonl")
    return folder


def read_docs(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(NLP.vocab))


def test_documents_say_which_labels_their_corpus_annotates(tmp_path: Path) -> None:
    corpora = {"diseases": ["[Disease gout] and lead"], "both": ["[Chemical lead] and [Disease gout]"]}
    source = write_joined(tmp_path / "records", corpora)
    convert(source, tmp_path / "corpus", labels=LABELS)
    found = [
        (doc.user_data[CORPUS], doc.user_data.get(ANNOTATED_LABELS))
        for doc in read_docs(tmp_path / "corpus/train.spacy")
    ]
    assert found == [("diseases", ("Disease",)), ("both", None)]
    assert srsly.read_json(tmp_path / "corpus" / "report.json")["partly_annotated"] == {"diseases": ["Disease"]}


def test_nine_of_ten_dev_documents_can_be_trained_on(tmp_path: Path) -> None:
    source = tmp_path / "records"
    texts = {"train": ["gout"], "dev": [f"gout {number}" for number in range(12)], "test": ["gout again"]}
    for split, own in texts.items():
        records = [make_record(text, document_id=f"{split}{number}") for number, text in enumerate(own)]
        write_records(records, source / f"{split}.jsonl")
    report = convert(source, tmp_path / "corpus", labels=LABELS, train_on="train+dev")
    found = {
        split: [doc.text for doc in read_docs(tmp_path / "corpus" / f"{split}.spacy")]
        for split in ("train", "dev", "test")
    }
    dev = texts["dev"]
    assert found == {"train": ["gout", *dev[1:10], dev[11]], "dev": [dev[0], dev[10]], "test": ["gout again"]}
    assert report["train"]["documents"] == 11
    assert srsly.read_json(tmp_path / "corpus" / "report.json")["train_on"] == "train+dev"
    with pytest.raises(ProjectError, match="can't be trained on 'test'"):
        convert(source, tmp_path / "corpus", labels=LABELS, train_on="test")


def test_equal_sizes_repeat_training_documents_of_smaller_corpora(tmp_path: Path) -> None:
    corpora = {
        "small": ["[Disease gout]", "[Chemical lead]"],
        "large": ["[Disease gout] and [Chemical lead] again"] * 2,
    }
    source = write_joined(tmp_path / "records", corpora)
    report = convert(source, tmp_path / "corpus", labels=LABELS, sizes="equal")
    texts = [doc.text for doc in read_docs(tmp_path / "corpus" / "train.spacy")]
    # 8 characters against 42.
    assert texts == ["gout", "lead"] * 5 + ["gout and lead again"] * 2
    assert report["dev"]["documents"] == report["test"]["documents"] == 4
    with pytest.raises(ProjectError, match="There are no sizes 'same'"):
        convert(source, tmp_path / "corpus", labels=LABELS, sizes="same")
