"""A pipeline of rules is scored from files to files: what is written, what is refused, and what a file may not say."""

import json
import shutil
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import Doc, Span
from typer import Typer
from typer.testing import CliRunner

from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.convert import convert
from scripts.errors import ProjectError
from scripts.evaluate import evaluate_cli
from scripts.evaluation.pipeline_scores import EvaluationOptions, evaluate
from scripts.evaluation.reliability import score_confidence
from scripts.evaluation.scoring import ScoredDocument
from scripts.records.bigbio import Record, write_records
from scripts.records.mentions import DEFAULT_LABELS, Mention, parse_labels
from scripts.reporting.html_page import make_environment
from scripts.reporting.model_card import make_card
from tests.marked import make_record

LABELS = parse_labels(DEFAULT_LABELS)
TEST = [
    make_record("[Chemical Aspirin] in [Disease gout].", "[Disease Acute gout] was seen.", document_id="t1"),
    make_record("Nothing to find.", document_id="t2"),
    make_record("[Chemical lead] and [Disease colic], not [Chemical Na]tron", document_id="t3"),
]
LOG = {"epoch": 0, "step": 20, "losses": {"ner": 2.5}, "scores": {"ents_f": 50, "ents_p": 40, "ents_r": 66.6}}


def make_pipeline(folder: Path, patterns: dict[str, str]) -> str:
    """Save a pipeline that finds words by rule."""
    nlp = set_tokenizer(spacy.blank("en"))
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": label, "pattern": pattern} for pattern, label in patterns.items()])
    nlp.to_disk(folder)
    return str(folder)


def make_corpus(root: Path, test: list[Record]) -> None:
    """Write records and their conversion into folders."""
    train = make_record("[Disease Gout] is old.", document_id="a")
    dev = make_record("[Disease Gout] is old.", document_id="b")
    for split, records in (("train", [train]), ("dev", [dev]), ("test", test)):
        write_records(records, root / "records" / f"{split}.jsonl")
    convert(root / "records", root / "corpus", labels=LABELS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    make_corpus(root, TEST)
    make_pipeline(root / "model", {"Aspirin": "Chemical", "gout": "Disease", "find": "Disease", "lead": "Disease"})
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A folder with model/, records/ and corpus/ of its own, to be broken at will."""
    return shutil.copytree(made, tmp_path / "root")


def run(root: Path, **options: object) -> dict:
    arguments = (str(root / "model"), root / "records", root / "corpus", root / "metrics" / "run")
    return evaluate(*arguments, EvaluationOptions(**{"labels": LABELS, **options}))


def read_text(root: Path, name: str) -> str:
    return (root / "metrics" / "run" / name).read_text(encoding="utf8")


def test_scores_are_written_as_they_are_returned(root: Path) -> None:
    scores = run(root, seed=4, command="as typed")
    assert srsly.json_loads(read_text(root, "scores.json")) == srsly.json_loads(srsly.json_dumps(scores))
    counts = {
        name: tuple(row[key] for key in ("tp", "fp", "fn")) for name, row in scores["scores"].items() if "tp" in row
    }
    assert counts == {"Chemical": (1, 0, 2), "Disease": (1, 3, 2), "micro": (2, 3, 4)}
    assert (scores["run"], scores["seed"], scores["command"]) == ("run", 4, "as typed")
    assert scores["scores"]["micro"]["intervals"]["f1"][0] <= scores["scores"]["micro"]["f1"]
    assert scores["ceiling"]["Chemical"]["off_boundary"] == 1
    assert scores["errors"]["total"] == 7
    assert scores["corpus"]["test"] == srsly.read_json(root / "corpus" / "report.json")["test"]
    assert scores["versions"]["spacy"] == spacy.__version__
    assert scores["learning"] is None
    assert scores["peers"] == {}


def test_offsets_count_for_the_headline_and_whole_tokens_for_words(root: Path) -> None:
    make_pipeline(root / "model", {"Natron": "Chemical"})
    scores = run(root)
    assert scores["scores"]["Chemical"]["tp"] == 0
    assert scores["words"]["scores"]["Chemical"]["tp"] == 1
    assert scores["words"]["spacy"]["ents_per_type"]["Chemical"]["r"] == pytest.approx(1 / 3)


def test_errors_are_written_one_a_line(root: Path) -> None:
    scores = run(root)
    rows = [json.loads(line) for line in read_text(root, "errors.jsonl").splitlines()]
    assert len(rows) == scores["errors"]["total"]
    assert [(row["id"], row["text"], row["class"], row["boundary"]) for row in rows] == [
        ("t1", "Acute gout", "boundary", "too_short_left"),
        ("t1", "gout", "boundary", "too_short_left"),
        ("t2", "find", "spurious", None),
        ("t3", "lead", "wrong_label", None),
        ("t3", "lead", "wrong_label", None),
        ("t3", "colic", "missed", None),
        ("t3", "Na", "missed", None),
    ]


def test_predictions_are_written_without_text(root: Path) -> None:
    run(root)
    rows = [json.loads(line) for line in read_text(root, "predictions.jsonl").splitlines()]
    assert rows[0] == {
        "id": "t1",
        "gold": [[0, 7, "Chemical"], [11, 15, "Disease"], [17, 27, "Disease"]],
        "predicted": [[0, 7, "Chemical"], [11, 15, "Disease"], [23, 27, "Disease"]],
    }
    assert rows[1] == {"id": "t2", "gold": [], "predicted": [[11, 15, "Disease"]]}


def test_only_errors_quote_the_documents_and_only_if_they_may(root: Path) -> None:
    run(root)
    words = ("spirin", "gout", "colic", "Nothing")
    for name in ("scores.json", "predictions.jsonl"):
        assert not any(word in read_text(root, name) for word in words)
    assert "colic" in read_text(root, "errors.jsonl")
    run(root, text=False)
    assert not any(word in read_text(root, "errors.jsonl") for word in words)


def test_twice_gives_the_same_bytes_and_leaves_other_files(root: Path) -> None:
    folder = root / "metrics" / "run"
    folder.mkdir(parents=True)
    (folder / "benchmark.json").write_text("{}")
    run(root)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run(root)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert set(before) == {"benchmark.json", "scores.json", "errors.jsonl", "predictions.jsonl"}


def test_learning_encoder_and_peers_are_taken_over(root: Path) -> None:
    (root / "peers").mkdir()
    block = "{0}|t|T\n{0}|a|A\n"
    (root / "peers" / "Toy.PubTator.txt").write_text(
        "\n".join([block.format("t1") + "t1\t11\t15\tgout\tDisease\n", block.format("t2"), block.format("t3")])
    )
    srsly.write_jsonl(root / "log.jsonl", [LOG])
    srsly.write_json(root / "encoder.json", {"encoder": "toy", "sha256": "0"})
    scores = run(root, log=root / "log.jsonl", encoder=root, peers=root / "peers")
    measures = {"precision": 0.4, "recall": 0.666, "f1": 0.5}
    assert scores["learning"] == [{"epoch": 0, "step": 20, "losses": {"ner": 2.5}, **measures}]
    assert scores["encoder"] == {"encoder": "toy", "sha256": "0"}
    assert scores["peers"]["Toy"]["Disease"]["tp"] == 1


@pytest.mark.parametrize(
    ("test", "patterns", "measures"),
    [
        (["A [Disease gout]."], {"lead": "Disease"}, (None, 0.0, 0.0)),
        (["A gout."], {"gout": "Disease"}, (0.0, None, 0.0)),
        (["A gout."], {"lead": "Disease"}, (None, None, None)),
        (["A [Disease gout]."], {"gout": "Condition"}, (0.0, 0.0, 0.0)),
    ],
)
def test_one_side_without_mentions_is_defined(tmp_path: Path, test: list, patterns: dict, measures: tuple) -> None:
    make_corpus(tmp_path, [make_record(*test)])
    make_pipeline(tmp_path / "model", patterns)
    scores = run(tmp_path)
    row = scores["scores"]["micro"]
    assert (row["precision"], row["recall"], row["f1"]) == measures
    assert scores["labels"] == sorted({"Chemical", "Disease", *patterns.values()})
    assert scores["scores"]["Chemical"]["f1"] is None


def change_tokenizer(root: Path) -> None:
    nlp = spacy.load(root / "model")
    nlp.tokenizer = spacy.blank("en").tokenizer
    nlp.to_disk(root / "model")
    make_corpus(root, [make_record("Ca(2+) in [Disease ague].")])


def without_entities(root: Path) -> None:
    set_tokenizer(spacy.blank("en")).to_disk(root / "model")


def change_records(root: Path) -> None:
    write_records([make_record("A [Disease gout].", document_id="new")], root / "records" / "test.jsonl")


def empty_split(root: Path) -> None:
    (root / "records" / "test.jsonl").write_text("")


def change_corpus(root: Path) -> None:
    (root / "corpus" / "dev.spacy").replace(root / "corpus" / "test.spacy")


@pytest.mark.parametrize(
    ("break_it", "options", "message"),
    [
        (lambda root: (root / "model" / "meta.json").unlink(), {}, "can.t be loaded: OSError.*meta.json"),
        (lambda root: (root / "records" / "test.jsonl").unlink(), {}, "test.jsonl is not there.*fetch-corpus"),
        (lambda root: (root / "corpus" / "report.json").unlink(), {}, "report.json is not there.*convert"),
        (without_entities, {}, "has no component that sets entities"),
        (empty_split, {}, "test.jsonl does not hold records.*it is empty"),
        (change_records, {}, "was not made from"),
        (change_corpus, {}, "was not made from"),
        (change_tokenizer, {}, "splits 1 of 1 documents into other words"),
        (lambda root: None, {"labels": {"Dis*": "Disease"}}, "unknown type 'Chemical'"),
        (lambda root: None, {"log": Path("missing.jsonl")}, "no training log"),
        (lambda root: srsly.write_jsonl(root / "log.jsonl", [{"x": 1}]), {"log": "log.jsonl"}, "not a training log"),
        (lambda root: None, {"gpu_id": 99}, "There is no GPU 99"),
    ],
)
def test_nothing_is_written_when_something_is_wrong(root: Path, break_it, options: dict, message: str) -> None:
    break_it(root)
    if options.get("log") == "log.jsonl":
        options = {"log": root / "log.jsonl"}
    with pytest.raises(ProjectError, match=message):
        run(root, **options)
    assert not (root / "metrics").exists()


def test_command_line(root: Path, capsys: pytest.CaptureFixture) -> None:
    app = Typer()
    app.command()(evaluate_cli)
    paths = [str(root / name) for name in ("model", "records", "corpus", "metrics/run")]
    result = CliRunner().invoke(app, [*paths, "--no-text", "--seed", "3"])
    assert result.exit_code == 0, result.output
    table = [line.split() for line in result.output.splitlines()]
    assert ["run", "Disease", "25.00", "33.33", "28.57"] in [line[:5] for line in table]
    assert "quotes the documents" not in result.output
    assert json.loads(read_text(root, "scores.json"))["seed"] == 3
    result = CliRunner().invoke(app, ["missing", *paths[1:]])
    assert result.exit_code == 1
    assert "There is no pipeline 'missing'" in result.output


def test_confidence_is_compared_with_the_annotations_own_offsets() -> None:
    doc = Doc(spacy.blank("en").vocab, words=["renal", "failure", "and", "gout"])
    doc.ents = [Span(doc, 0, 2, "Disease"), Span(doc, 3, 4, "Disease")]
    Span.set_extension("confidence", default=None, force=True)
    for ent, confidence in zip(doc.ents, (0.75, 0.55), strict=True):
        ent._.confidence = confidence
    gold = [Mention(0, 13, "Disease"), Mention(14, 17, "Disease"), Mention(18, 22, "Chemical")]
    found = score_confidence([ScoredDocument("d", gold, [])], {"d": doc})
    assert found["calibration_error"] == pytest.approx((0.25 + 0.55) / 2)
    assert [(row["entities"], row["precision"]) for row in found["reliability"]] == [(1, 0), (1, 1)]
    at_60 = next(row for row in found["thresholds"] if row["threshold"] == 0.6)
    assert (at_60["entities"], at_60["precision"], at_60["recall"]) == (1, 1, pytest.approx(1 / 3))
    assert score_confidence([ScoredDocument("d", [], [])], {"d": Doc(doc.vocab)})["reliability"] == []


def test_joined_corpora_are_scored_by_themselves_and_only_for_the_labels_that_they_annotate(tmp_path: Path) -> None:
    both = ["[Chemical Aspirin] in [Disease gout].", "Nothing."]
    diseases = ["Aspirin for [Disease gout].", "Aspirin only."]
    for split in ("train", "dev", "test"):
        records = [
            {**make_record(text, document_id=f"{name}-{split}-{number}"), "corpus": name}
            for name, texts in {"both": both, "diseases": diseases}.items()
            for number, text in enumerate(texts)
        ]
        write_records(records, tmp_path / "records" / f"{split}.jsonl")
    convert(tmp_path / "records", tmp_path / "corpus", labels=LABELS)
    make_pipeline(tmp_path / "model", {"Aspirin": "Chemical", "gout": "Disease"})
    scores = run(tmp_path)
    # Nobody knows whether the corpus of diseases has chemicals.
    assert [scores["scores"]["micro"][key] for key in ("tp", "fp", "fn")] == [3, 0, 0]
    parts = {row["part"]: row["scores"]["micro"]["tp"] for row in scores["slices"] if row["group"] == "corpus"}
    assert parts == {"both": 2, "diseases": 1}
    # The folder's name is the profile.
    scores["corpus"]["profile"] = "both+diseases"
    card = str(make_card(scores, make_environment(html=False)))
    assert "both and diseases" in card and "en_both" not in card
