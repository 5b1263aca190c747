"""Generated notes with their gold mentions, and what the project's own components say of these."""

from collections.abc import Iterator

import spacy
from spacy.language import Language
from spacy.tokens import Span

from scripts.annotation.mentions import attribute_names, doc_mentions
from scripts.clinical_ner.registration import is_registered, register
from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.generate_notes import split_records
from scripts.records.bigbio import document_text
from scripts.records.documents import Document, Passage
from scripts.records.mentions import DEFAULT_LABELS, flat_mentions, parse_labels

COMPONENTS = ("clinical_sections", "clinical_context", "clinical_medications")


def make_components() -> Language:
    """Return a pipeline with the components that need mentions and no weights."""
    if not is_registered():
        register()
    nlp = set_tokenizer(spacy.blank("en"))
    for name in COMPONENTS:
        nlp.add_pipe(name)
    return nlp


def annotated(nlp: Language, text: str, spans, *, identifier="7", columns=None) -> Document:
    """Return a text with its mentions, given as (start, end, label, id), and what the components say of them."""
    doc = nlp.get_pipe("clinical_sections")(nlp.make_doc(text))
    found = [
        doc.char_span(start, end, label, kb_id=concept, alignment_mode="expand") for start, end, label, concept in spans
    ]
    doc.ents = spacy.util.filter_spans([span for span in found if isinstance(span, Span)])
    for name in COMPONENTS[1:]:
        doc = nlp.get_pipe(name)(doc)
    mentions = doc_mentions(doc, attributes=attribute_names(nlp))
    return Document(identifier, (Passage("note", text),), mentions, columns=columns or {})


def generated_documents(count: int) -> Iterator[Document]:
    """Yield generated notes of 20 patients; one in ten has no date, and one in twenty no patient."""
    nlp, numbers = make_components(), {}
    for number, record in enumerate(split_records("test", seed=7, count=count), start=1):
        columns = {
            "person_id": number % 20,
            "note_date": f"2026-01-{number % 28 + 1:02}",
            "visit_occurrence_id": number,
        }
        columns = {**columns, **({"note_date": None} if number % 10 == 0 else {})}
        columns = {**columns, **({"person_id": ""} if number % 20 == 0 else {})}
        mentions = flat_mentions(record, parse_labels(DEFAULT_LABELS))
        spans = [
            (each.start, each.end, each.label, str(numbers.setdefault(each.concept, 1_000 + len(numbers))))
            for each in mentions
        ]
        yield annotated(nlp, document_text(record), spans, identifier=str(number), columns=columns)
