"""What a pipeline links mentions to, for the formats that name the code system of an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.catalog.vocabularies import read_vocabularies
from scripts.formats.clinical import LinkedVocabulary

if TYPE_CHECKING:
    from spacy.language import Language

# The component as any copy of the library registers it.
LINKER = "clinical_linker"


def linked_vocabulary(nlp: Language) -> LinkedVocabulary:
    """Return what the ids of a pipeline's mentions are from; of several linkers, the last one's.

    nlp (Language): the pipeline.
    RETURNS (LinkedVocabulary): the vocabulary, an empty one if there is no linker or it has none.
    """
    linkers = [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == LINKER]
    description: dict[str, Any] = getattr(nlp.get_pipe(linkers[-1]), "vocabulary", {}) if linkers else {}
    if not description:
        return LinkedVocabulary()
    # A pipeline that was linked by an earlier version says only the name.
    known = read_vocabularies().get(description.get("name", ""))
    system = description.get("system") or (known.system if known else "")
    return LinkedVocabulary(system, description.get("sections") or {})
