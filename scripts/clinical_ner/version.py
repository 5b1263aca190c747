"""The library's version, and which pipelines it can build."""

from spacy.language import Language

# Semantic: 1.3 builds what 1.2 saved; 2.0 does not, and 1.2 does not build what 1.3 saved.
VERSION = "1.1"
# Where a pipeline's meta.json holds the version that it was saved by.
META = "clinical_ner"


def check_version(nlp: Language) -> None:
    """Check that this library can build a pipeline. A new pipeline gets the library's version.

    nlp (Language): the pipeline.
    RAISES (ValueError): it was saved by an incompatible version; the message has both.
    """
    saved = nlp.meta.setdefault(META, VERSION)
    if not is_compatible(saved):
        raise ValueError(
            f"The pipeline {nlp.meta['lang']}_{nlp.meta['name']} was saved by clinical_ner {saved}, which clinical_ner"
            f" {VERSION} cannot read. Load it from its wheel, which holds the version that it needs"
        )


def is_compatible(saved: str) -> bool:
    """Return whether this version can build what another one saved: the same major version, and no newer minor one.

    saved (str): the version that saved a pipeline, e.g. "1.0".
    RETURNS (bool): whether it can.
    """
    (major, minor), (own_major, own_minor) = (tuple(map(int, version.split(".")[:2])) for version in (saved, VERSION))
    return major == own_major and minor <= own_minor
