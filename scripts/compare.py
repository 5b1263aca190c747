"""Compare runs: their scores, whether the differences are significant, and in which documents they differ.

In: metrics/<run>/predictions.jsonl of each run, as `evaluate` writes it, or a pipeline, which is run over a split of a
corpus. The first run is the baseline. Runs of one recipe with several seeds, joined by +, are compared as one.
"""

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from itertools import chain
from operator import and_, or_
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import srsly
import typer
from wasabi import msg

from scripts.catalog.corpora import choose_labels
from scripts.errors import ProjectError, shown_to_user
from scripts.evaluation.formatting import format_interval, percent, show_scores
from scripts.evaluation.scoring import (
    MEASURES,
    ScoredDocument,
    count_outcomes,
    labels_of,
    match_key,
    measure_labels,
    percentile_interval,
    resample,
    rounded,
    score,
)
from scripts.evaluation.splits import Split
from scripts.records.mentions import Mention

DIFFERING_SHOWN = 10


def read_predictions(folder: Path) -> list[ScoredDocument]:
    """Read a run's predictions.

    folder (Path): the run's folder in metrics.
    RETURNS (list[ScoredDocument]): its documents, sorted by id.
    RAISES (ProjectError): the file is missing, empty or damaged.
    """
    path = folder / "predictions.jsonl"
    if not path.is_file():
        raise ProjectError(f"{path} is not there", "Run evaluate for this run first: it writes this file.")
    try:
        documents = [
            ScoredDocument(
                row["id"], [Mention(*key) for key in row["gold"]], [Mention(*key) for key in row["predicted"]]
            )
            for row in srsly.read_jsonl(path)
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ProjectError(f"{path} does not hold predictions", "It is damaged: run evaluate again.") from error
    if not documents:
        raise ProjectError(f"{path} has no documents", "Run evaluate on a split that has documents.")
    return sorted(documents, key=lambda document: document.id)


def is_pipeline(run: str) -> bool:
    """Return whether a run is a pipeline, and not a folder with predictions: a wheel, a folder or a package's name."""
    path = Path(run)
    return run.endswith(".whl") or (path / "config.cfg").is_file() or (run.isidentifier() and not path.exists())


def read_run(run: str, split: Split | None) -> list[ScoredDocument]:
    """Return what a run has found: as it is stored, or by running its pipeline now.

    run (str): a folder in metrics or a pipeline.
    split (Split | None): the documents for pipelines.
    RETURNS (list[ScoredDocument]): the documents, sorted by id.
    RAISES (ProjectError): the run can't be read, or it is a pipeline, and there is no split.
    """
    if not is_pipeline(run):
        return read_predictions(Path(run))
    if split is None:
        raise ProjectError(
            f"'{run}' is no folder with predictions, and as a pipeline it needs documents to be scored on",
            "Name a corpus: --source assets/<profile> --corpus corpus/<profile>",
        )
    # This imports spaCy and torch, which takes seconds, and stored predictions need neither.
    from scripts.evaluation.pipeline_scores import score_split

    msg.info(f"Running {run} on the {split.name} split of {split.corpus}")
    return score_split(run, split)


def seeds_of(run: str) -> list[str]:
    """Return the runs that are joined by +. The name of a folder may have a + itself, that of several corpora has."""
    return [run] if Path(run).exists() else run.split("+")


def short_names(runs: Sequence[str]) -> dict[str, str]:
    """Return a name for each run: the last parts of its path, as many as are needed to tell all runs apart.

    RAISES (ProjectError): there are fewer than two runs, or one is there twice.
    """
    paths = {run: [Path(seed).resolve() for seed in seeds_of(run)] for run in runs}
    longest = max((len(path.parts) for seeds in paths.values() for path in seeds), default=0)
    for length in range(1, longest + 1):
        names = {
            run: "+".join("/".join(path.parts[-length:]).removesuffix("-py3-none-any.whl") for path in seeds)
            for run, seeds in paths.items()
        }
        if len(runs) > 1 and len({*names.values()}) == len(runs):
            return names
    raise ProjectError("There is nothing to compare", "Name at least two different runs.")


def check_same_gold(runs: dict[str, list[ScoredDocument]]) -> None:
    """Raise an error if runs were scored on different annotations, so that their scores can't be compared.

    runs (dict[str, list[ScoredDocument]]): each run's documents.
    RAISES (ProjectError): a document or a gold mention is in only one run.
    """
    golds = {name: [(d.id, sorted(map(match_key, d.gold))) for d in documents] for name, documents in runs.items()}
    first = next(iter(golds))
    for name, gold in golds.items():
        if gold != golds[first]:
            raise ProjectError(
                f"The runs {first} and {name} were not scored on the same annotated documents",
                "Compare runs on the same corpus, converted in the same way.",
            )


def compare_counts(first: np.ndarray, other: np.ndarray, labels: list[str], *, seed: int) -> dict[str, dict[str, Any]]:
    """Compare two systems by a paired bootstrap, which scores both on the same draws of documents.

    Koehn (2004), Statistical significance tests for machine translation evaluation, https://aclanthology.org/W04-3250.

    first (ndarray): a system's counts of shape (documents, labels, 3).
    other (ndarray): the other system's.
    labels (list[str]): the labels.
    seed (int): the seed of the draws.
    RETURNS (dict[str, dict]): by label, "micro" and "macro", by measure: difference (other - first), its 95% interval
        and the two-sided p. All of them are None if a measure is undefined.
    """
    both = np.stack([first, other], axis=1)
    differences = np.diff(measure_labels(both.sum(axis=0)), axis=0)[0]
    drawn = np.diff(measure_labels(resample(both, seed=seed)), axis=1)[:, 0]
    return {
        name: {
            measure: {
                "difference": rounded(differences[row, column]),
                "interval": percentile_interval(drawn[:, row, column]),
                "p": None if np.isnan(differences[row, column]) else p_value(drawn[:, row, column]),
            }
            for column, measure in enumerate(MEASURES)
        }
        for row, name in enumerate([*labels, "micro", "macro"])
    }


def p_value(drawn: np.ndarray) -> float:
    """Return the two-sided probability of a difference at least this far from zero if there were none.

    drawn (ndarray): the differences in the draws.
    RETURNS (float): above 0; with 1,000 draws, at least 0.002.
    """
    defined = drawn[~np.isnan(drawn)]
    beyond = min((defined <= 0).sum(), (defined >= 0).sum())
    return round(min(1.0, 2 * (int(beyond) + 1) / (len(defined) + 1)), 6)


def find_differing(runs: dict[str, list[list[ScoredDocument]]]) -> list[dict[str, Any]]:
    """Return the documents in which the runs make different errors.

    runs (dict[str, list[list[ScoredDocument]]]): the documents of each run's seeds, in the same order.
    RETURNS (list[dict]): "id"; "differing", the number of errors that some runs make and others don't; "errors", their
        number by run. Documents that differ most come first.
    """
    rows = []
    for documents in zip(*(zip(*seeds, strict=True) for seeds in runs.values()), strict=True):
        errors = [Counter(error for document in seeds for error in errors_of(document)) for seeds in documents]
        differing = (reduce(or_, errors) - reduce(and_, errors)).total()
        by_run = {name: found.total() for name, found in zip(runs, errors, strict=True)}
        rows.append({"id": documents[0][0].id, "differing": differing, "errors": by_run})
    return sorted((row for row in rows if row["differing"]), key=lambda row: -row["differing"])


def errors_of(document: ScoredDocument) -> set[tuple]:
    """Return the errors of a run in a document in a form that can be compared with another run's."""
    return {*map(match_key, document.missed), *((*match_key(mention), "wrong") for mention in document.wrong)}


def compare(runs: Sequence[str], *, seed: int = 0, split: Split | None = None) -> dict[str, Any]:
    """Compare runs with the first of them.

    runs (Sequence[str]): two or more: folders in metrics, or pipelines. Those joined by + are the seeds of one recipe:
        their counts are added by document, so that the bootstrap draws the same documents for all of them.
    seed (int): the seed of the bootstrap.
    split (Split | None): the documents that pipelines are run over.
    RETURNS (dict): "scores", the table of `scoring.score` by run; "differences", the result of `compare_counts` by
        run; "documents", those in which the runs differ, see `find_differing`.
    RAISES (ProjectError): there are fewer than two runs, or they can't be compared.
    """
    names = short_names(runs)
    found = {each: read_run(each, split) for each in dict.fromkeys(chain.from_iterable(map(seeds_of, runs)))}
    check_same_gold(found)
    seeds = {names[run]: [found[each] for each in seeds_of(run)] for run in runs}
    labels = labels_of(document for documents in found.values() for document in documents)
    counts = {
        name: np.sum([count_outcomes(documents, labels) for documents in own], axis=0) for name, own in seeds.items()
    }
    first, *others = counts
    return {
        "scores": {name: score(rows, labels, seed=seed) for name, rows in counts.items()},
        "differences": {name: compare_counts(counts[first], counts[name], labels, seed=seed) for name in others},
        "documents": find_differing(seeds),
    }


def show_comparison(result: dict[str, Any]) -> None:
    """Print the scores, the differences in F1, and the documents that differ most."""
    show_scores(result["scores"])
    header: tuple[str, ...] = ("F1 against the first", "", "Difference", "95% interval", "p")
    rows = [
        (name, label, percent(row["f1"]["difference"]), format_interval(row["f1"]["interval"]), row["f1"]["p"] or "-")
        for name, table in result["differences"].items()
        for label, row in table.items()
    ]
    msg.table(rows, header=header, aligns=tuple("llrrr"), divider=True)
    runs = list(result["scores"])
    documents = [
        (row["id"], row["differing"], *row["errors"].values()) for row in result["documents"][:DIFFERING_SHOWN]
    ]
    if documents:
        header = ("Document", "Differing errors", *(f"Errors of {name}" for name in runs))
        msg.table(documents, header=header, aligns=("l", *"r" * (len(runs) + 1)), divider=True)
    else:
        msg.info("The runs make the same errors in every document.")


def compare_cli(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Folders of the runs in metrics, or pipelines: folders, wheels or installed packages. The baseline is"
            " the first; join seeds of one recipe by +"
        ),
    ],
    source: Annotated[Path | None, typer.Option(help="For pipelines: folder with train.jsonl and test.jsonl")] = None,
    corpus: Annotated[Path | None, typer.Option(help="For pipelines: folder with test.spacy and report.json")] = None,
    split: Annotated[str, typer.Option(help="For pipelines: the split to score them on")] = "test",
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels; empty for the corpus's")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap")] = 0,
) -> None:
    """Compare the scores and errors of two or more runs."""
    with shown_to_user():
        documents = Split(source, corpus, choose_labels(labels, corpus.name), split) if source and corpus else None
        show_comparison(compare(runs, seed=seed, split=documents))


if __name__ == "__main__":
    typer.run(compare_cli)
