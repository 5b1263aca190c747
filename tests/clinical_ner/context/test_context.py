"""The attributes of mentions, sentence by sentence, on gold spans and without sections."""

import re

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from scripts.clinical_ner.context.rules import ATTRIBUTES
from scripts.clinical_ner.tokenizer import set_tokenizer
from tests.clinical_ner.context.cases import SENTENCES

LETTERS = dict(zip("NUHYFA", ATTRIBUTES.values(), strict=True))
MENTION = re.compile(r"[\[{]([^]|}]+)\|?([NUHYFA]*)[]}]")
CASES = [line.strip() for lines in SENTENCES.values() for line in lines.strip().splitlines()]


def context_pipeline(**config: object) -> Language:
    nlp = set_tokenizer(spacy.blank("en"))
    nlp.add_pipe("clinical_context", config=config)
    return nlp


NLP = context_pipeline()


def marked_doc(nlp: Language, marked: str) -> tuple[Doc, list[str]]:
    """Return a document with the mentions of a marked text, and their expected letters."""
    text, spans, letters, last = "", [], [], 0
    for match in MENTION.finditer(marked):
        text += marked[last : match.start()]
        label = "Disease" if match[0][0] == "[" else "Chemical"
        spans.append((len(text), len(text) + len(match[1]), label))
        letters.append(match[2])
        text, last = text + match[1], match.end()
    doc = nlp.make_doc(text + marked[last:])
    ents = [doc.char_span(start, end, label) for start, end, label in spans]
    assert None not in ents, "a mention must be whole tokens"
    doc.ents = ents
    return doc, letters


def found_letters(doc: Doc) -> list[str]:
    return ["".join(letter for letter, name in LETTERS.items() if ent._.get(name)) for ent in doc.ents]


@pytest.mark.parametrize("marked", CASES)
def test_sentence(marked: str) -> None:
    doc, letters = marked_doc(NLP, marked)
    assert found_letters(NLP.get_pipe("clinical_context")(doc)) == letters


def test_enough_sentences() -> None:
    assert len(set(CASES)) == len(CASES) >= 250
