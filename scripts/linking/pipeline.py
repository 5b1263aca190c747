"""Give a pipeline a linker. `scripts.link` is its command line."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from spacy.language import Language

from scripts.clinical_ner.linking.index import build_index
from scripts.clinical_ner.linking.linker import LINKER, THRESHOLD, Linker
from scripts.clinical_ner.linking.matcher import LinkedName, Matcher
from scripts.files import moved_into_place
from scripts.linking.build import build_matcher, check_ids, linked_names, with_names
from scripts.linking.fitting import FEWEST_TO_FIT, fit_weights, judge
from scripts.linking.terms import is_term, new_names
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import read_records
from scripts.vocabularies.folder import Vocabulary, read_vocabulary

NAME = "linker"
# The linker comes before the first of these.
LATER = ("clinical_medications", "clinical_doc_cleaner", "doc_cleaner")


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
    train, dev = (read_names(source / f"{split}.jsonl", options.labels) for split in ("train", "dev"))
    nlp = load_pipeline(model)
    linker = add_linker(nlp, options.threshold)
    linker.matcher = make_matcher(concepts, train, dev, options)
    linker.vocabulary = asdict(concepts.description)
    with moved_into_place(output) as partial:
        nlp.to_disk(partial)


def read_names(path: Path, labels: dict[str, str]) -> list[LinkedName]:
    """Return the mentions with ids of a split, none if there is no such file."""
    return linked_names(read_records(path), labels) if path.is_file() else []


def add_linker(nlp: Language, threshold: float) -> Linker:
    """Add a linker without a vocabulary to a pipeline, before the components of `LATER`, in place of any other."""
    if NAME in nlp.pipe_names:
        nlp.remove_pipe(NAME)
    before = next((name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory in LATER), None)
    nlp.add_pipe(LINKER.name, name=NAME, before=before, config={"threshold": threshold})
    linker = nlp.get_pipe(NAME)
    return linker  # type: ignore[return-value]


def make_matcher(
    vocabulary: Vocabulary, train: Sequence[LinkedName], dev: Sequence[LinkedName], options: LinkOptions
) -> Matcher:
    """Make the matcher of a vocabulary, with the names of a corpus and weights that are fitted on dev.

    The weights are fitted with the names of train alone. Then the names of dev are added. Mentions that have a name in
    place of an id add to the names of the vocabulary only: how often generated notes use them says nothing of texts.

    vocabulary (Vocabulary): the vocabulary.
    train, dev (Sequence[LinkedName]): the mentions of the corpus that have an id, or a name in its place.
    options (LinkOptions): how to link.
    RETURNS (Matcher): the matcher.
    RAISES (ProjectError): the corpus has ids of another vocabulary.
    """
    concepts, groups = vocabulary.concepts, vocabulary.description.groups
    terms = [name for name in (*train, *dev) if is_term(name)]
    if terms:
        concepts = with_names(concepts, new_names(terms, build_index(concepts, groups)), groups)
        train, dev = ([name for name in names if not is_term(name)] for names in (train, dev))
    check_ids(concepts, [*train, *dev], vocabulary.description.title)

    def build(names: Sequence[LinkedName]) -> Matcher:
        return build_matcher(concepts, groups, names, vector_labels=options.vector_labels, seed=options.seed)

    matcher = build([*train, *dev])
    if len(dev) >= FEWEST_TO_FIT:
        fitted = build(train)
        matcher.weights = fit_weights(judge(fitted, dev))
    return matcher
