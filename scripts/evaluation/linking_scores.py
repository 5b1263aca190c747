"""Score the ids of mentions: on gold mentions, and of documents, on gold mentions and end to end.

On gold mentions the measure is accuracy, by BioSyn's rules (https://aclanthology.org/2020.acl-main.335): mentions
without an id ("-1") are left out, and a candidate is right if it has one of the mention's ids, so that one id is enough
for a composite mention. `exact` is stricter: the ids have to be all of the mention's.

Of documents the measure is that of the BioCreative V organisers (https://doi.org/10.1093/database/baw032): precision,
recall and F1 of the ids that a document has at least once. The ids of composite mentions count one by one, and mentions
without an id not at all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from wasabi import msg

from scripts.annotation.mentions import doc_mentions
from scripts.evaluation.peers import read_system
from scripts.evaluation.reliability import calibration_error, reliability
from scripts.evaluation.scoring import (
    percentile_interval,
    ratio,
    resample,
    score,
)
from scripts.linking.build import FEWEST_KNOWN, mention_queries
from scripts.linking.terms import resolve
from scripts.records.mentions import Mention

FACTORY = "clinical_linker"
MOST_CANDIDATES = 5
NO_ID = frozenset({"", "-1"})
ACCURACIES = ("accuracy_at_1", "accuracy_at_5", "exact", "reachable")

IdsOfMentions = list[list[str]]


def concept_ids(concept: str) -> set[str]:
    """Return the ids of a mention; PubTator's prefix of a vocabulary is left out."""
    ids = (part.rpartition(":")[2] if part.startswith("MESH:") else part for part in concept.split("|"))
    return {identifier for identifier in ids if identifier not in NO_ID}


def count_ids(
    gold: Mapping[str, Sequence[Mention]], predicted: Mapping[str, Sequence[Mention]], labels: Sequence[str]
) -> np.ndarray:
    """Count the ids of each document that were found, that are wrong, and that were missed.

    gold (Mapping[str, Sequence[Mention]]): annotated mentions by document id.
    predicted (Mapping[str, Sequence[Mention]]): predicted mentions by document id.
    labels (Sequence[str]): the labels.
    RETURNS (ndarray): counts of shape (documents, labels, 3), the documents sorted by id.
    """
    counts = np.zeros((len(gold), len(labels), 3), dtype=np.int64)
    for row, key in enumerate(sorted(gold)):
        for column, label in enumerate(labels):
            right, found = (
                set().union(*(concept_ids(mention.concept) for mention in side if mention.label == label))
                for side in (gold[key], predicted.get(key, ()))
            )
            counts[row, column] = len(right & found), len(found - right), len(right - found)
    return counts


def score_ids(
    gold: Mapping[str, Sequence[Mention]],
    predicted: Mapping[str, Sequence[Mention]],
    labels: Sequence[str],
    *,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Score the ids of documents. Arguments as for `count_ids`.

    seed (int): the seed of the intervals.
    RETURNS (dict[str, dict]): the table of `scoring.score`.
    """
    return score(count_ids(gold, predicted, labels), [*labels], seed=seed)


def score_accuracy(
    gold: Mapping[str, Sequence[tuple[str, str, IdsOfMentions, bool]]], labels: Sequence[str], *, seed: int
) -> dict[str, dict[str, Any]]:
    """Score the candidates of gold mentions.

    gold (Mapping[str, Sequence[tuple]]): by document id, each mention's label, its ids, the ids of its candidates, and
        whether the linker knows one of its ids.
    labels (Sequence[str]): the labels.
    seed (int): the seed of the intervals.
    RETURNS (dict[str, dict]): by label and micro: mentions, without_id, the measures of `ACCURACIES`, and intervals.
    """
    counts = np.zeros((len(gold), len(labels), len(ACCURACIES) + 2), dtype=np.int64)
    for row, key in enumerate(sorted(gold)):
        for label, concept, candidates, known in gold[key]:
            right = concept_ids(concept)
            hits = [not right.isdisjoint(ids) for ids in candidates[:MOST_CANDIDATES]]
            exact = bool(candidates) and set(candidates[0]) == right
            outcomes = (any(hits[:1]), any(hits), exact, known, True, False)
            counts[row, labels.index(label)] += outcomes if right else (0, 0, 0, 0, 0, 1)
    table = {}
    for column, label in enumerate([*labels, "micro"]):
        part = counts[:, column] if label != "micro" else counts.sum(axis=1)
        table[label] = accuracy_row(part, seed=seed)
    return table


def accuracy_row(counts: np.ndarray, *, seed: int) -> dict[str, Any]:
    """Return the measures of a label from the counts of its documents, of shape (documents, measures + 2)."""
    *right, mentions, without = counts.sum(axis=0).tolist()
    drawn = resample(counts, seed=seed)
    with np.errstate(invalid="ignore"):
        shares = drawn[:, : len(ACCURACIES)] / drawn[:, len(ACCURACIES), None]
    return {
        "mentions": mentions,
        "without_id": without,
        **{name: ratio(count, mentions) for name, count in zip(ACCURACIES, right, strict=True)},
        "intervals": {name: percentile_interval(column) for name, column in zip(ACCURACIES, shares.T, strict=True)},
    }


def find_linker(nlp: Language) -> Any | None:
    """Return the linker of a pipeline, None if it has none with a vocabulary."""
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory == FACTORY:
            linker = nlp.get_pipe(name)
            return linker if getattr(linker, "matcher", None) is not None else None
    return None


def score_linking(
    nlp: Language,
    texts: Mapping[str, str],
    gold: Mapping[str, Sequence[Mention]],
    predicted: Mapping[str, Doc],
    *,
    seed: int,
    peers: Path | None = None,
) -> dict[str, Any] | None:
    """Score the linker of a pipeline.

    nlp (Language): the pipeline.
    texts (Mapping[str, str]): the documents' texts by id.
    gold (Mapping[str, Sequence[Mention]]): annotated mentions by document id.
    predicted (Mapping[str, Doc]): the pipeline's documents by id.
    seed (int): the seed of the intervals.
    peers (Path | None): a folder with the output of published systems.
    RETURNS (dict[str, Any] | None): vocabulary; accuracy, see `score_accuracy`; certainty, see `score_certainty`;
        documents: "gold_mentions", "pipeline" and each published system with the table of `score_ids`. None if the
        pipeline has no linker, or the corpus no ids, or those of another vocabulary.
    """
    linker = find_linker(nlp)
    if linker is not None:
        gold = resolve_terms(linker, gold)
    labels = sorted({one.label for mentions in gold.values() for one in mentions if concept_ids(one.concept)})
    if linker is None or not labels:
        return None
    if has_other_ids(linker, gold):
        title = linker.vocabulary.get("title") or "the pipeline's vocabulary"
        msg.warn(f"Ids are not scored: hardly any id of the corpus is in {title}")
        return None
    linked, on_gold = {}, {}
    for key, mentions in gold.items():
        annotated = [one for one in mentions if one.label in labels]
        linked[key] = link_gold(linker, texts[key], annotated)
        on_gold[key] = [
            Mention(one.start, one.end, one.label, candidates[0].id if is_sure(linker, candidates) else "")
            for one, candidates in zip(annotated, linked[key], strict=True)
        ]
    judged = {
        key: [
            (one.label, one.concept, [[*concept_ids(found.id)] for found in candidates], knows(linker, one.concept))
            for one, candidates in zip([one for one in gold[key] if one.label in labels], linked[key], strict=True)
        ]
        for key in gold
    }
    end_to_end = {key: doc_mentions(doc) for key, doc in predicted.items()}
    return {
        "vocabulary": {name: linker.vocabulary.get(name) for name in ("name", "title", "year", "concepts", "names")},
        "threshold": linker.threshold,
        "accuracy": score_accuracy(judged, labels, seed=seed),
        "certainty": score_certainty(judged, linked, labels),
        "documents": {
            "gold_mentions": score_ids(gold, on_gold, labels, seed=seed),
            "pipeline": score_ids(gold, end_to_end, labels, seed=seed),
            **(score_peer_ids(peers, gold, seed=seed) if peers else {}),
        },
    }


def resolve_terms(linker: Any, gold: Mapping[str, Sequence[Mention]]) -> dict[str, list[Mention]]:
    """Return gold mentions with the ids of the linker's vocabulary where the corpus has names in their place."""
    index = linker.matcher.index
    return {
        key: [replace(one, concept=resolve(one.concept, index)) for one in mentions] for key, mentions in gold.items()
    }


def score_certainty(
    judged: Mapping[str, Sequence[tuple[str, str, IdsOfMentions, bool]]],
    linked: Mapping[str, Sequence[Sequence[Any]]],
    labels: Sequence[str],
) -> dict[str, Any]:
    """Compare the scores of first candidates with how often these are right, on gold mentions that have an id.

    judged (Mapping): the gold mentions by document id, as for `score_accuracy`.
    linked (Mapping[str, Sequence[Sequence[Candidate]]]): the candidates of each.
    labels (Sequence[str]): the labels.
    RETURNS (dict[str, Any]): by label and for "micro": calibration_error and reliability, see `reliability.py`.
    """
    rows = [
        (label, candidates[0].score, not concept_ids(concept).isdisjoint(ids[0]))
        for key, mentions in judged.items()
        for (label, concept, ids, _), candidates in zip(mentions, linked[key], strict=True)
        if candidates and concept_ids(concept)
    ]
    table = {}
    for name in (*labels, "micro"):
        chosen = [(score, right) for label, score, right in rows if name in (label, "micro")]
        values, right = np.array(chosen, dtype=float).reshape(-1, 2).T
        bins = reliability(values, right.astype(bool))
        table[name] = {"calibration_error": calibration_error(bins), "reliability": bins}
    return table


def link_gold(linker: Any, text: str, mentions: Sequence[Mention]) -> list[list[Any]]:
    """Return the candidates of a document's gold mentions."""
    return [linker.link(query) for query in mention_queries(text, mentions)]


def is_sure(linker: Any, candidates: Sequence[Any]) -> bool:
    """Return whether a mention with these candidates gets an id."""
    return bool(candidates) and candidates[0].score >= linker.threshold


def knows(linker: Any, concept: str) -> bool:
    """Return whether a linker knows one of a mention's ids."""
    number: Callable[[str], int | None] = linker.matcher.index.concept_number
    return any(number(identifier) is not None for identifier in concept_ids(concept))


def has_other_ids(linker: Any, gold: Mapping[str, Sequence[Mention]]) -> bool:
    """Return whether a corpus has the ids of another vocabulary than the linker, as `link` decides it, too."""
    concepts = [one.concept for mentions in gold.values() for one in mentions if concept_ids(one.concept)]
    return sum(knows(linker, concept) for concept in concepts) < FEWEST_KNOWN * len(concepts)


def score_peer_ids(
    folder: Path, gold: Mapping[str, Sequence[Mention]], *, seed: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Score the ids of published systems, on the labels that each predicts.

    folder (Path): a folder with files named like DNorm.PubTator.txt. If it does not exist, there are no systems.
    gold (Mapping[str, Sequence[Mention]]): annotated mentions by document id.
    seed (int): the seed of the intervals.
    RETURNS (dict[str, dict]): the table of `score_ids` by system.
    """
    tables = {}
    for path in sorted(folder.glob("*.PubTator.txt")):
        system = read_system(path)
        labels = labels_with_ids(system.values())
        if labels:
            tables[path.name.removesuffix(".PubTator.txt")] = score_ids(gold, system, labels, seed=seed)
    return tables


def labels_with_ids(documents: Iterable[Sequence[Mention]]) -> list[str]:
    """Return the labels of the mentions that have an id, sorted."""
    return sorted({one.label for mentions in documents for one in mentions if concept_ids(one.concept)})
