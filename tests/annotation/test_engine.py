"""Notes come back with all their entities at the right place, whatever their length and whatever fails beside them."""

import pytest

from scripts.annotation.engine import Annotator, make_batches
from scripts.annotation.options import AnnotateOptions
from scripts.errors import ProjectError
from scripts.records.notes import Note, Rejected
from tests.annotation.pipelines import SECRET, make_pipeline


def annotate(nlp, texts, *, keep_docs=False, **options):
    """Return the outcome of each text, in order."""
    notes = [Note(str(number), text, {}) for number, text in enumerate(texts)]
    outcomes = Annotator(nlp, AnnotateOptions(**options), keep_docs=keep_docs).annotate(notes)
    for note, outcome in zip(notes, outcomes, strict=True):
        assert (outcome.id if isinstance(outcome, Rejected) else outcome.document.id) == note.id
    return outcomes


def found(outcome):
    text = outcome.document.text
    return [(text[ent.start : ent.end], ent.label, ent.start, ent.end) for ent in outcome.document.mentions]


def expected(text):
    """Find aspirin and gout in a text without a pipeline."""
    labels = {"aspirin": "Chemical", "gout": "Disease"}
    starts = [(start, word) for word in labels for start in range(len(text)) if text.startswith(word, start)]
    return [(word, labels[word], start, start + len(word)) for start, word in sorted(starts)]


TEXTS = [
    "",
    "aspirin for gout",
    "  \r\n ",
    "😀 gout\r\n\r\naspirin",
    "no words of interest",
    "\n",
    "gout " * 50,
    "aspirin",
]


@pytest.mark.parametrize("batch_size", [3, 64])
def test_each_note_has_its_own_entities_at_its_own_offsets(batch_size):
    outcomes = annotate(make_pipeline(), TEXTS, batch_size=batch_size)
    assert [found(outcome) for outcome in outcomes] == [expected(text) for text in TEXTS]
    assert [outcome.words for outcome in outcomes] == [0, 3, 1, 4, 4, 1, 50, 1]


def test_a_note_longer_than_the_pipelines_limit_is_rejected_alone():
    nlp = make_pipeline()
    nlp.max_length = 1234
    outcomes = annotate(nlp, ["gout ".ljust(1234), "gout ".ljust(1235), "gout"])
    assert [found(outcome) for outcome in (outcomes[0], outcomes[2])] == [[("gout", "Disease", 0, 4)]] * 2
    assert outcomes[1] == Rejected("1", "it has 1,235 characters, and the pipeline reads at most 1,234")


def test_a_million_characters_are_the_limit_as_in_spacy():
    assert make_pipeline().max_length == 1_000_000


@pytest.mark.parametrize("batch_size", [1, 64])
def test_a_note_on_which_the_pipeline_fails_is_rejected_alone_and_without_its_text(batch_size):
    texts = [*TEXTS, f"{SECRET} gout", *TEXTS, f"aspirin {SECRET}"]
    outcomes = annotate(make_pipeline("annotate_tests_fail"), texts, batch_size=batch_size)
    for text, outcome in zip(texts, outcomes, strict=True):
        if SECRET in text:
            assert outcome.reason == "the pipeline failed on it: RuntimeError"
        else:
            assert found(outcome) == expected(text)


def test_half_a_surrogate_pair_is_rejected():
    """JSON can name it, and no pipeline can read it."""
    (outcome,) = annotate(make_pipeline(), ["gout \ud800"])
    assert outcome == Rejected("0", "the pipeline failed on it: UnicodeEncodeError")


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, ["aspirin", "gout"]),
        ({"labels": ("Disease",)}, ["gout"]),
        ({"labels": ("Chemical", "Disease")}, ["aspirin", "gout"]),
        ({"minimum_confidence": 0.9}, ["aspirin"]),
        ({"minimum_confidence": 0.91}, []),
        ({"minimum_confidence": 0.5, "labels": ("Disease",)}, []),
    ],
)
def test_which_entities_are_kept(options, kept):
    (outcome,) = annotate(make_pipeline("annotate_tests_confidence"), ["aspirin for gout"], keep_docs=True, **options)
    assert [text for text, *_ in found(outcome)] == kept
    assert [ent.text for ent in outcome.document.doc.ents] == kept
    assert [ent.confidence for ent in outcome.document.mentions] == [
        0.9 if text == "aspirin" else None for text in kept
    ]


def test_without_confidences_there_is_none_and_no_minimum():
    (outcome,) = annotate(make_pipeline(), ["gout"])
    assert outcome.document.mentions[0].confidence is None
    with pytest.raises(ProjectError, match=r"gives no confidences.*--minimum-confidence"):
        Annotator(make_pipeline(), AnnotateOptions(minimum_confidence=0.5))


def test_an_id_in_a_knowledge_base_is_given():
    (outcome,) = annotate(make_pipeline("annotate_tests_link"), ["aspirin for gout"])
    assert [ent.concept for ent in outcome.document.mentions] == ["D001241", ""]


def test_an_unknown_label_is_refused():
    with pytest.raises(ProjectError, match=r"no entities with the label 'Drug'.*Its labels: Chemical, Disease"):
        Annotator(make_pipeline(), AnnotateOptions(labels=("Disease", "Drug")))


def test_what_the_encoder_leaves_in_a_document_is_not_kept():
    (outcome,) = annotate(make_pipeline("annotate_tests_leave"), ["aspirin for gout"], keep_docs=True)
    assert outcome.document.doc.user_data == {("._.", "confidence", 0, 7): 0.5}
    assert outcome.document.doc.tensor is None


@pytest.mark.parametrize(
    ("lengths", "batches"),
    [
        ([], []),
        ([0], [[0]]),
        ([1, 3, 2], [[1, 2, 0]]),
        ([1] * 5, [[0, 1, 2, 3], [4]]),
        ([50, 60, 40], [[1], [0, 2]]),
        ([100, 100, 1], [[0], [1], [2]]),
        ([101, 1000, 99, 1], [[1], [0], [2, 3]]),
        ([0, 100], [[1, 0]]),
    ],
)
def test_texts_of_similar_length_share_a_batch_and_several_long_ones_never_do(lengths, batches):
    assert make_batches(lengths, size=4, characters=100) == batches
