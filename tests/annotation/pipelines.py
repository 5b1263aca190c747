"""Pipelines that find what they are told to, in milliseconds, and others that fail or take their time."""

import os
import re
import signal
import time
from pathlib import Path
from uuid import uuid4

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.clinical_ner.registration import is_registered, register
from scripts.clinical_ner.tokenizer import set_tokenizer

PATTERNS = [
    {"label": "Chemical", "pattern": [{"LOWER": "aspirin"}]},
    {"label": "Disease", "pattern": [{"LOWER": "gout"}]},
]
# What the failing pipeline fails on, and the only word that must be nowhere but in the input.
SECRET = "SECRET"

# A value with all that JSON has, and that would break a format in which attributes are separated by commas or lines.
DOSE = {"value": 81, "units": ["mg", "β"], "note": 'a=1, "b"\n'}


def fail_on_secret(span: Span) -> str | None:
    """Fail when the value of an attribute is asked for."""
    if SECRET in span.doc.text:
        raise RuntimeError(span.doc.text)
    return None


# As the project's own component does it.
for extension in ("confidence", "is_negated", "chapter", "dose"):
    if not Span.has_extension(extension):
        Span.set_extension(extension, default=None)
if not Span.has_extension("annotate_tests_computed"):
    Span.set_extension("annotate_tests_computed", getter=fail_on_secret)


def make_pipeline(*components: str) -> Language:
    """Return a pipeline that finds aspirin and gout, with further components after that."""
    nlp = set_tokenizer(spacy.blank("en"))
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    for name in components:
        nlp.add_pipe(name)
    return nlp


def make_context_pipeline() -> Language:
    """Return a pipeline that finds aspirin and gout, with the project's own sections and context."""
    if not is_registered():
        register()
    nlp = make_pipeline("clinical_context")
    nlp.add_pipe("clinical_sections", first=True)
    return nlp


@Language.component("annotate_tests_fail")
def fail(doc: Doc) -> Doc:
    """Fail on a text with the secret, with a message that has it."""
    if SECRET in doc.text:
        raise RuntimeError(doc.text)
    return doc


@Language.component("annotate_tests_hang")
def hang(doc: Doc) -> Doc:
    """Never end on a text with the secret, and let no other thread run meanwhile."""
    if SECRET in doc.text:
        re.match(r"(a+)+$", "a" * 100 + "b")
    return doc


@Language.component("annotate_tests_die")
def die(doc: Doc) -> Doc:
    """Kill the process at the secret, as the system does where memory runs out."""
    if SECRET in doc.text:
        os.kill(os.getpid(), signal.SIGKILL)
    return doc


@Language.component("annotate_tests_first_word", assigns=["doc.ents"])
def find_first_word(doc: Doc) -> Doc:
    """Find each place of the first word, which only the whole text shows."""
    doc.ents = [Span(doc, token.i, token.i + 1, "Disease") for token in doc if token.text == doc[0].text]
    return doc


@Language.component("annotate_tests_delay")
def delay(doc: Doc) -> Doc:
    """Take a moment, as an encoder does."""
    time.sleep(0.001)
    return doc


@Language.component("annotate_tests_link")
def link(doc: Doc) -> Doc:
    """Set the MeSH id of aspirin, after the entities were found."""
    doc.ents = [Span(doc, ent.start, ent.end, ent.label, kb_id="D001241" * (ent.text == "aspirin")) for ent in doc.ents]
    return doc


@Language.component("annotate_tests_confidence", assigns=["span._.confidence"])
def set_confidence(doc: Doc) -> Doc:
    """Be quite sure of chemicals, and say nothing of others."""
    for ent in doc.ents:
        if ent.label_ == "Chemical":
            ent._.confidence = 0.9
    return doc


@Language.component(
    "annotate_tests_attributes",
    assigns=["span._.is_negated", "span._.chapter", "span._.dose", "span._.is_negated", "span._.never_set"],
)
def set_attributes(doc: Doc) -> Doc:
    """Set one boolean, one string and one nested attribute."""
    for ent in doc.ents:
        ent._.is_negated = ent.label_ == "Disease"
        if ent.label_ == "Disease":
            ent._.chapter = "Past β history"
        else:
            ent._.dose = {**DOSE, "units": tuple(DOSE["units"])}
    return doc


@Language.component("annotate_tests_unwritable", assigns=["span._.chapter"])
def set_unwritable(doc: Doc) -> Doc:
    """Set an attribute of chemicals that JSON can't hold."""
    for ent in doc.ents:
        ent._.chapter = {doc.text} if ent.label_ == "Chemical" else "history"
    return doc


@Language.component("annotate_tests_raising", assigns=["span._.annotate_tests_computed"])
def assign_computed(doc: Doc) -> Doc:
    """Assign an attribute that is computed when it is asked for."""
    return doc


@Language.component("annotate_tests_leave")
def leave(doc: Doc) -> Doc:
    """Leave what the encoder and other components leave in a document."""
    doc.tensor = numpy.ones((len(doc), 2))
    doc.user_data["more"] = object()
    doc.user_data["._.", "trf_data", None, None] = object()
    doc[0:1]._.confidence = 0.5
    return doc


@Language.factory("annotate_tests_trace", default_config={"folder": "", "deadly": False})
class Trace:
    """Leave a file for each time that the pipeline was loaded, and kill the process that loaded it at the secret.

    It runs in a fork of that process, which has to end, too.

    folder (str): the folder for the files.
    deadly (bool): whether it is killed each time, and not only the first time.
    """

    def __init__(self, nlp: Language, name: str, folder: str, deadly: bool):
        self.folder, self.deadly = Path(folder), deadly
        (self.folder / f"loaded-{uuid4().hex}").write_text(str(os.getpid()))

    def __call__(self, doc: Doc) -> Doc:
        killed = self.folder / "killed"
        if SECRET in doc.text and (self.deadly or not killed.exists()):
            killed.write_text(str(os.getppid()))
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(10_000)
        return doc


@Language.factory("annotate_tests_sleep", default_config={"folder": ""})
class Sleep:
    """Leave a file with the process's number as its name, and never end.

    folder (str): the folder for the files.
    """

    def __init__(self, nlp: Language, name: str, folder: str):
        self.folder = Path(folder)

    def __call__(self, doc: Doc) -> Doc:
        (self.folder / str(os.getpid())).touch()
        time.sleep(10_000)
        return doc
