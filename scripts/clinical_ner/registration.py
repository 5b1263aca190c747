"""Everything that this library registers with spaCy, by the names that a config uses.

Importing it registers nothing: each wheel holds a copy of the library, of its own version, and spaCy knows one function
for each name. So each pipeline is built right after its own copy was registered.
"""

from typing import Any

from spacy.util import registry

from .cleaner import CLEANER
from .context.component import CONTEXT
from .encoder.transformer import configure_tok2vec_transformer, configure_windowed_transformer
from .encoder.windows import configure_wordpiece_windows
from .factory import Factory
from .linking.linker import LINKER
from .medications.component import MEDICATIONS
from .ner.abbreviations import ABBREVIATIONS
from .ner.agreement import AGREEMENT
from .ner.boundaries import BOUNDARIES
from .ner.confidence import CONFIDENCE_FILTER
from .ner.scorer import configure_scorer
from .ner.token_classifier import TOKEN_CLASSIFIER, configure_token_classifier
from .sections.component import SECTIONS
from .tokenizer import configure_tokenizer

FACTORIES: tuple[Factory, ...] = (
    SECTIONS,
    TOKEN_CLASSIFIER,
    BOUNDARIES,
    AGREEMENT,
    ABBREVIATIONS,
    CONFIDENCE_FILTER,
    CONTEXT,
    LINKER,
    MEDICATIONS,
    CLEANER,
)
# By registry, then by name.
FUNCTIONS: dict[str, dict[str, Any]] = {
    "architectures": {
        "clinical_ner.WindowedTransformer.v1": configure_windowed_transformer,
        "clinical_ner.Tok2VecTransformer.v1": configure_tok2vec_transformer,
        "clinical_ner.TokenClassifier.v2": configure_token_classifier,
    },
    "span_getters": {"clinical_ner.wordpiece_windows.v1": configure_wordpiece_windows},
    "scorers": {"clinical_ner.ner_scorer.v1": configure_scorer},
    "callbacks": {"clinical_ner.tokenizer.v1": configure_tokenizer},
}


def register() -> None:
    """Register this copy of the library, in the place of any other copy.

    Pipelines that are already loaded keep the functions that they were built with.
    """
    for kind, functions in FUNCTIONS.items():
        for name, function in functions.items():
            getattr(registry, kind).register(name, func=function)
    for factory in FACTORIES:
        factory.register()


def is_registered() -> bool:
    """Return whether a copy of the library is registered, this one or another."""
    return all(factory.name in registry.factories for factory in FACTORIES)
