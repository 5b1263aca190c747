"""Runs are compared on the same draws of documents, and only if they were scored on the same annotations."""

from pathlib import Path

import numpy as np
import pytest
import srsly

from scripts.compare import compare, compare_counts, p_value, short_names, show_comparison
from scripts.errors import ProjectError
from scripts.evaluation.splits import Split
from tests.runs import LABELS, make_run

GOLD = [[0, 4, "Disease"], [10, 14, "Chemical"]]


def write_run(folder: Path, predicted: list[list], gold: list | None = None) -> str:
    folder.mkdir()
    rows = [
        {"id": str(number), "gold": GOLD if gold is None else gold, "predicted": found}
        for number, found in enumerate(predicted)
    ]
    srsly.write_jsonl(folder / "predictions.jsonl", rows)
    return str(folder)


def test_runs_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    good = write_run(tmp_path / "good", [GOLD] * 30)
    poor = write_run(tmp_path / "poor", [[]] * 10 + [GOLD[:1]] * 10 + [GOLD] * 10)
    result = compare([good, poor])
    assert result["scores"]["good"]["micro"]["f1"] == 1.0
    assert result["scores"]["poor"]["micro"]["f1"] == round(2 * 30 / (2 * 30 + 30), 6)
    difference = result["differences"]["poor"]["micro"]["f1"]
    assert difference["difference"] == pytest.approx(-1 / 3, abs=1e-6)
    assert difference["interval"][0] < -1 / 3 < difference["interval"][1] < 0
    assert difference["p"] == 0.001998
    assert [row["id"] for row in result["documents"]] == [str(number) for number in range(20)]
    assert result["documents"][0] == {"id": "0", "differing": 2, "errors": {"good": 0, "poor": 2}}
    assert result["documents"][10]["differing"] == 1
    show_comparison(result)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["poor", "micro", "-33.33"] in [line[:3] for line in lines]
    assert ["0", "2", "0", "2"] in lines


def test_a_run_does_not_differ_from_itself(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    runs = [write_run(tmp_path / name, [GOLD, [], GOLD[:1]]) for name in ("one", "two", "three")]
    result = compare(runs)
    for table in result["differences"].values():
        assert {(row["f1"]["difference"], row["f1"]["p"]) for row in table.values()} == {(0.0, 1.0)}
    assert result["documents"] == []
    show_comparison(result)
    assert "same errors" in capsys.readouterr().out


def test_as_many_errors_can_be_other_errors(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / str(number), [[GOLD[number]]]) for number in (0, 1)]
    assert compare(runs)["documents"] == [{"id": "0", "differing": 2, "errors": {"0": 1, "1": 1}}]


def test_seeds_of_one_recipe_are_taken_together(tmp_path: Path) -> None:
    better = [write_run(tmp_path / f"better{seed}", [GOLD, GOLD[:seed]]) for seed in (0, 1)]
    worse = [write_run(tmp_path / f"worse{seed}", [GOLD[:1], []]) for seed in (0, 1)]
    result = compare(["+".join(better), "+".join(worse)])
    scores = {name: table["micro"] for name, table in result["scores"].items()}
    assert list(scores) == ["better0+better1", "worse0+worse1"]
    assert [scores[name]["recall"] for name in scores] == [5 / 8, 2 / 8]
    assert result["differences"]["worse0+worse1"]["micro"]["recall"]["difference"] == -3 / 8
    assert result["documents"] == [
        {"id": "0", "differing": 2, "errors": {"better0+better1": 0, "worse0+worse1": 2}},
        {"id": "1", "differing": 1, "errors": {"better0+better1": 3, "worse0+worse1": 4}},
    ]


def test_pipelines_are_compared_as_their_stored_predictions_are(tmp_path: Path) -> None:
    stored = [make_run(tmp_path / "old"), make_run(tmp_path / "new", rules={"Disease": ["tremor", "gout"]})]
    runs = [str(run.metrics) for run in stored]
    models = [str(tmp_path / name / "model") for name in ("old", "new")]
    split = Split(stored[0].records, tmp_path / "old" / "corpus", LABELS)
    expected = compare(runs)
    difference = expected["differences"]["new/metrics/tiny_rules"]["micro"]["f1"]["difference"]
    assert difference > 0.5
    for pair in (models, [runs[0], models[1]]):
        found = compare(pair, split=split)
        for table in ("scores", "differences"):
            assert list(found[table].values()) == list(expected[table].values())
        assert [row["id"] for row in found["documents"]] == [row["id"] for row in expected["documents"]]


def test_pipelines_are_run_over_the_split_that_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "old")
    make_run(tmp_path / "new", rules={"Disease": ["gout"]})
    models = [str(tmp_path / name / "model") for name in ("old", "new")]
    with pytest.raises(ProjectError, match=r"old/model' is no folder with predictions.*--corpus corpus/"):
        compare(models)
    dev = compare(models, split=Split(run.records, tmp_path / "old" / "corpus", LABELS, "dev"))
    assert {name: (row["micro"]["tp"], row["micro"]["fn"]) for name, row in dev["scores"].items()} == {
        "old/model": (2, 1),
        "new/model": (1, 2),
    }
    with pytest.raises(ProjectError, match="There is no pipeline 'no_package'"):
        compare([models[0], "no_package"], split=Split(run.records, tmp_path / "old" / "corpus", LABELS))


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (["metrics/one", "metrics/two"], ["one", "two"]),
        (["a/model-best", "b/model-best"], ["a/model-best", "b/model-best"]),
        (["x/en_ner_a-0.1.0-py3-none-any.whl", "en_ner_a"], ["en_ner_a-0.1.0", "en_ner_a"]),
        (["m/one+m/two", "n/one+n/two"], ["m/one+m/two", "n/one+n/two"]),
    ],
)
def test_runs_have_the_shortest_names_that_differ(runs: list[str], expected: list[str]) -> None:
    assert list(short_names(runs).values()) == expected


def test_a_plus_in_the_name_of_a_run_joins_nothing(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, [GOLD]) for name in ("a+b_minilm", "a_minilm")]
    assert list(compare(runs)["scores"]) == ["a+b_minilm", "a_minilm"]


def test_undefined_stays_undefined(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, [[], []], gold=[]) for name in ("one", "two")]
    row = compare(runs)["differences"]["two"]["micro"]["precision"]
    assert row == {"difference": None, "interval": None, "p": None}


def test_p_value_is_about_the_null_hypothesis() -> None:
    """Two systems of the same quality: small p values are as rare as they claim to be."""
    random = np.random.default_rng(0)
    small = 0
    for seed in range(100):
        found = random.random((2, 40, 1)) < 0.7
        first, other = (np.stack([side, np.zeros_like(side), ~side], axis=-1).astype(int) for side in found)
        small += compare_counts(first, other, ["Disease"], seed=seed)["Disease"]["recall"]["p"] < 0.2
    assert 10 <= small <= 32


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [(np.ones(999), 0.002), (-np.ones(999), 0.002), (np.zeros(9), 1.0), (np.array([1.0, -1, np.nan]), 1.0)],
)
def test_p_value(drawn: np.ndarray, expected: float) -> None:
    assert p_value(drawn) == expected


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda folder: write_run(folder, [GOLD]), "not scored on the same"),
        (lambda folder: write_run(folder, [GOLD, GOLD], gold=GOLD[:1]), "not scored on the same"),
        (lambda folder: str(folder), "predictions.jsonl is not there"),
        (lambda folder: str(folder.parent / "one"), "nothing to compare"),
        (lambda folder: str(folder.parent / "." / "x" / ".." / "one"), "nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path: Path, other, message: str) -> None:
    one = write_run(tmp_path / "one", [GOLD, GOLD])
    with pytest.raises(ProjectError, match=message):
        compare([one, other(tmp_path / "two")])


def test_run_on_an_empty_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"empty/predictions.jsonl has no documents\. Run evaluate on a split"):
        compare([write_run(tmp_path / "empty", []), write_run(tmp_path / "other", [])])


@pytest.mark.parametrize("line", ['{"id": "1"}\n', "x\n", '{"id": "1", "gold": [[1]], "predicted": []}\n', "[]\n"])
def test_damaged_predictions_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "predictions.jsonl").write_text(line)
    with pytest.raises(ProjectError, match="does not hold predictions"):
        compare([str(tmp_path), str(tmp_path / "other")])
