"""The last component: it removes the encoder's output from a document.

spaCy's `doc_cleaner` sets `doc.tensor` to None, which `token.vector`, `doc.similarity` and `span.as_doc` cannot read.
"""

from collections.abc import Callable

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from .factory import Factory
from .version import check_version


def make_cleaner(nlp: Language, name: str) -> Callable[[Doc], Doc]:
    """Return the component; see `clean`.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    RETURNS (Callable): the component.
    """
    check_version(nlp)
    return clean


def clean(doc: Doc) -> Doc:
    """Remove the tensor and the encoder's output from a document.

    doc (Doc): the document.
    RETURNS (Doc): the same document, as if it had never had them.
    """
    doc.tensor = numpy.zeros((0,), dtype="f")
    if doc.has_extension("trf_data"):
        doc._.trf_data = None
    return doc


CLEANER = Factory("clinical_doc_cleaner", make_cleaner)
