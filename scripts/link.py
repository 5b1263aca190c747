"""Give a trained pipeline a linker: its mentions get the ids of a vocabulary.

In: a pipeline, assets/<profile>/{train,dev}.jsonl, assets/vocabularies/<vocabulary>. Out: the pipeline with a linker.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from spacy.language import Language
from wasabi import msg

from scripts.catalog.corpora import choose_labels
from scripts.clinical_ner.linking.linker import LINKER, THRESHOLD, Linker
from scripts.clinical_ner.linking.matcher import LinkedName, Matcher
from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place
from scripts.linking.build import build_matcher, check_ids, linked_names
from scripts.linking.fitting import fit_weights, judge
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import read_records
from scripts.vocabularies.folder import Vocabulary, read_vocabulary

VOCABULARIES = Path("assets/vocabularies")
NAME = "linker"
# Fewer mentions with ids on dev are too few to fit the weights on.
FEWEST_TO_FIT = 200


@dataclass(frozen=True)
class LinkOptions:
    """How to link.

    labels (dict[str, str]): label by pattern of the entity type.
    threshold (float): mentions with a lower score get no id.
    seed (int): the seed of the vectors.
    vector_labels (tuple[str, ...]): the labels for whose names vectors of synonyms are trained, which takes minutes.
    """

    labels: dict[str, str] = field(default_factory=dict)
    threshold: float = THRESHOLD
    seed: int = 0
    vector_labels: tuple[str, ...] = ("Disease",)


def link(model: str, source: Path, vocabulary: Path, output: Path, options: LinkOptions) -> None:
    """Add a linker to a pipeline, or replace the one that it has.

    model (str): the pipeline.
    source (Path): the folder with train.jsonl and dev.jsonl. Their ids are used as far as they have any.
    vocabulary (Path): the folder of the vocabulary.
    output (Path): the folder for the pipeline. It may be that of `model`.
    options (LinkOptions): how to link.
    RAISES (ProjectError): the vocabulary or the pipeline can't be read, or the corpus has ids of another vocabulary.
    """
    concepts = read_vocabulary(vocabulary)
    splits = [read_names(source / f"{split}.jsonl", options.labels) for split in ("train", "dev")]
    nlp = load_pipeline(model)
    linker = add_linker(nlp, options.threshold)
    linker.matcher = make_matcher(concepts, *splits, options)
    linker.vocabulary = asdict(concepts.description)
    with moved_into_place(output) as partial:
        nlp.to_disk(partial)


def read_names(path: Path, labels: dict[str, str]) -> list[LinkedName]:
    """Return the mentions with ids of a split, none if there is no such file."""
    return linked_names(read_records(path), labels) if path.is_file() else []


def add_linker(nlp: Language, threshold: float) -> Linker:
    """Add a linker without a vocabulary to a pipeline, last but for the cleaner, in the place of any other linker."""
    if NAME in nlp.pipe_names:
        nlp.remove_pipe(NAME)
    before = next((name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "doc_cleaner"), None)
    nlp.add_pipe(LINKER.name, name=NAME, before=before, config={"threshold": threshold})
    linker = nlp.get_pipe(NAME)
    return linker  # type: ignore[return-value]


def make_matcher(
    vocabulary: Vocabulary, train: Sequence[LinkedName], dev: Sequence[LinkedName], options: LinkOptions
) -> Matcher:
    """Make the matcher of a vocabulary, with the names of a corpus and weights that are fitted on dev.

    The weights are fitted with the names of train alone. Then the names of dev are added.

    vocabulary (Vocabulary): the vocabulary.
    train, dev (Sequence[LinkedName]): the mentions of the corpus that have an id.
    options (LinkOptions): how to link.
    RETURNS (Matcher): the matcher.
    RAISES (ProjectError): the corpus has ids of another vocabulary.
    """
    concepts, groups = vocabulary.concepts, vocabulary.description.groups
    check_ids(concepts, [*train, *dev], vocabulary.description.title)

    def build(names: Sequence[LinkedName]) -> Matcher:
        return build_matcher(concepts, groups, names, vector_labels=options.vector_labels, seed=options.seed)

    matcher = build([*train, *dev])
    if len(dev) >= FEWEST_TO_FIT:
        fitted = build(train)
        matcher.weights = fit_weights(judge(fitted, dev))
    return matcher


def link_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a folder, a wheel or an installed package")],
    source: Annotated[Path, typer.Argument(help="Folder with train.jsonl and dev.jsonl, whose ids are used")],
    vocabulary: Annotated[
        str, typer.Argument(help="Name of a fetched vocabulary, or its folder; empty to leave the pipeline as it is")
    ],
    output: Annotated[Path, typer.Argument(help="Folder for the pipeline; it may be that of the pipeline itself")],
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels; empty for the corpus's")] = "",
    threshold: Annotated[float, typer.Option(help="Mentions with a lower score get no id")] = THRESHOLD,
    seed: Annotated[int, typer.Option(help="Seed of the vectors of synonyms")] = 0,
    vector_labels: Annotated[
        str, typer.Option(help="Labels for whose names vectors of synonyms are trained, which takes minutes")
    ] = "Disease",
) -> None:
    """Give a trained pipeline a linker, which sets the ids of its mentions."""
    if not vocabulary:
        msg.info("No vocabulary is named: the pipeline has no linker")
        return
    with shown_to_user():
        if not 0 <= threshold <= 1:
            raise ProjectError(f"The threshold is {threshold}", "It must be within 0 and 1.")
        options = LinkOptions(choose_labels(labels, source.name), threshold, seed, tuple(vector_labels.split()))
        folder = Path(vocabulary) if Path(vocabulary).is_dir() else VOCABULARIES / vocabulary
        link(model, source, folder, output, options)
    msg.good(f"The pipeline with its linker is in {output}")


if __name__ == "__main__":
    typer.run(link_cli)
