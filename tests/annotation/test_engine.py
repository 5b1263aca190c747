"""Notes come back with all their entities at the right place, whatever their length and whatever fails beside them."""

import os

import pytest

from scripts.annotation import engine
from scripts.annotation.engine import Annotator, fitting_batch_size
from scripts.annotation.options import AnnotateOptions
from scripts.errors import ProjectError
from scripts.records.notes import Note, Rejected
from tests.annotation.pipelines import SECRET, make_pipeline


def annotate(nlp, texts, *, keep_docs=False, **options):
    """Return the outcome of each text, in order."""
    notes = [Note(str(number), text, {}) for number, text in enumerate(texts)]
    annotator = Annotator(nlp, AnnotateOptions(**options), keep_docs=keep_docs)
    outcomes = dict(annotator.annotate(notes))
    assert len(outcomes) == len(texts)
    for number, note in enumerate(notes):
        outcome = outcomes[number]
        assert (outcome.id if isinstance(outcome, Rejected) else outcome.document.id) == note.id
    return [outcomes[number] for number in range(len(notes))]


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
@pytest.mark.parametrize("processes", [1, 2])
def test_each_note_has_its_own_entities_at_its_own_offsets(batch_size, processes):
    outcomes = annotate(make_pipeline(), TEXTS, batch_size=batch_size, processes=processes)
    assert [found(outcome) for outcome in outcomes] == [expected(text) for text in TEXTS]
    assert [outcome.words for outcome in outcomes] == [0, 3, 1, 4, 4, 1, 50, 1]


def test_the_pipeline_gets_the_longest_texts_first():
    seen = []
    nlp = make_pipeline()
    tokenize = nlp.tokenizer
    nlp.tokenizer = lambda text: (seen.append(len(text)), tokenize(text))[1]
    annotate(nlp, TEXTS, batch_size=2)
    assert seen == sorted(map(len, TEXTS), reverse=True)


@pytest.mark.parametrize("limit", [7, 20, 1000])
def test_a_long_note_is_read_in_pieces_and_given_whole(monkeypatch, limit):
    text = "".join(f"Day {day}:\r\n\taspirin was given 😀 for gout.\r\n\r\n" for day in range(40))
    monkeypatch.setattr(engine, "PIECE_CHARACTERS", limit)
    nlp = make_pipeline()
    seen = []
    tokenize = nlp.tokenizer
    nlp.tokenizer = lambda piece: (seen.append(len(piece)), tokenize(piece))[1]
    short, long = annotate(nlp, ["gout", text], keep_docs=True)
    assert found(long) == expected(text)
    assert long.document.doc.text == text
    assert [(ent.text, ent.label_, ent.start_char, ent.end_char) for ent in long.document.doc.ents] == expected(text)
    assert long.words == len(long.document.doc)
    assert found(short) == expected("gout")
    assert max(seen) <= limit


def test_no_text_is_too_long_for_the_pipeline():
    nlp = make_pipeline()
    nlp.max_length = 100
    (outcome,) = annotate(nlp, ["gout and " * 5000])
    assert found(outcome) == expected("gout and " * 5000)


@pytest.mark.parametrize("batch_size", [1, 64])
@pytest.mark.parametrize("processes", [1, 2])
def test_a_note_on_which_the_pipeline_fails_is_rejected_alone_and_without_its_text(batch_size, processes):
    texts = [*TEXTS, f"{SECRET} gout", *TEXTS, f"aspirin {SECRET}"]
    outcomes = annotate(make_pipeline("annotate_tests_fail"), texts, batch_size=batch_size, processes=processes)
    for text, outcome in zip(texts, outcomes, strict=True):
        if SECRET in text:
            assert outcome.reason == "the pipeline failed on it: RuntimeError"
        else:
            assert found(outcome) == expected(text)


def test_a_note_of_which_one_piece_fails_is_rejected_whole(monkeypatch):
    monkeypatch.setattr(engine, "PIECE_CHARACTERS", 20)
    texts = ["gout " * 10 + SECRET + " gout" * 10, "gout " * 10]
    failed, fine = annotate(make_pipeline("annotate_tests_fail"), texts)
    assert failed == Rejected("0", "the pipeline failed on it: RuntimeError")
    assert found(fine) == expected(texts[1])


def test_half_a_surrogate_pair_is_rejected():
    """JSON can name it, and no pipeline can read it."""
    (outcome,) = annotate(make_pipeline(), ["gout \ud800"])
    assert outcome == Rejected("0", "the pipeline failed on it: UnicodeEncodeError")


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, ["aspirin", "gout"]),
        ({"processes": 2}, ["aspirin", "gout"]),
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


def test_a_pipeline_that_cannot_be_pickled_is_shared_with_forks_only(monkeypatch):
    nlp = make_pipeline()
    nlp.tokenizer = lambda text: None
    Annotator(nlp, AnnotateOptions(processes=2))
    monkeypatch.setattr(engine, "get_start_method", lambda: "spawn")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    Annotator(nlp, AnnotateOptions())
    assert os.environ["OMP_NUM_THREADS"] == "2"
    Annotator(make_pipeline(), AnnotateOptions(processes=2))
    with pytest.raises(ProjectError, match=r"can't be given to other processes.*Leave out --processes"):
        Annotator(nlp, AnnotateOptions(processes=2))
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_an_unknown_label_is_refused():
    with pytest.raises(ProjectError, match=r"no entities with the label 'Drug'.*Its labels: Chemical, Disease"):
        Annotator(make_pipeline(), AnnotateOptions(labels=("Disease", "Drug")))


def test_what_the_encoder_leaves_in_a_document_is_not_kept():
    (outcome,) = annotate(make_pipeline("annotate_tests_leave"), ["aspirin for gout"], keep_docs=True)
    assert outcome.document.doc.user_data == {("._.", "confidence", 0, 7): 0.5}
    assert outcome.document.doc.tensor is None


@pytest.mark.parametrize(
    ("length", "batch_size", "expected"),
    [
        (0, 64, 64),
        (3125, 64, 64),
        (3126, 64, 16),
        (12_500, 64, 16),
        (20_000, 64, 4),
        (200_001, 64, 1),
        (20_000, 10, 10),
        (20_001, 10, 2),
        (10**9, 1, 1),
    ],
)
def test_batch_sizes(length, batch_size, expected):
    assert fitting_batch_size(length, batch_size) == expected
