"""UIMA's XMI, as INCEpTION and WebAnno export it: named entities and custom layers of spans. Read by dkpro-cassis.

https://inception-project.github.io: an export is a folder or a zip with TypeSystem.xml and a file for each document.
"""

import io
from collections.abc import Iterator
from typing import Any

from scripts.errors import ProjectError
from scripts.formats.reading import ReadOptions, Source
from scripts.records.annotated import AnnotatedDocument, Annotation, LeftOut, links_to
from scripts.records.documents import Passage

TYPE_SYSTEM = "TypeSystem.xml"
NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
METADATA = "de.tudarmstadt.ukp.dkpro.core.api.metadata.type.DocumentMetaData"
CUSTOM = ("webanno.custom.", "custom.")
# The features that hold the type and the id of a mention.
VALUES, IDENTIFIERS = ("value", "label"), ("identifier",)
BUILT_IN = {"begin", "end", "sofa", "order", "xmiID", "type", *VALUES, *IDENTIFIERS}


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the document in a file. cassis turns its UTF-16 offsets into code points.

    RAISES (ProjectError): cassis is not installed, there is no type system, or the file is not XMI.
    """
    try:
        import cassis
    except ImportError as error:
        raise ProjectError(
            "XMI needs dkpro-cassis, which is not installed", "pip install -r requirements-xmi.txt -c constraints.txt"
        ) from error
    path = next(filter(lambda path: path.is_file(), (folder / TYPE_SYSTEM for folder in source.path.parents[:2])), None)
    if path is None:
        raise ProjectError(f"{source.name}: there is no {TYPE_SYSTEM} beside it", "INCEpTION exports both together.")
    try:
        with path.open("rb") as types:
            cas = cassis.load_cas_from_xmi(file, typesystem=cassis.load_typesystem(types))
        yield make_document(cas, source)
    except ProjectError:
        raise
    # What a damaged file raises may be anything.
    except Exception as error:
        raise ProjectError(f"{source.name}: not XMI ({type(error).__name__})", "Is the file cut short?") from None


def make_document(cas: Any, source: Source) -> AnnotatedDocument:
    """Return the document of a CAS."""
    text = cas.sofa_string or ""
    names = [layer.name for layer in cas.typesystem.get_types() if layer.name.startswith(CUSTOM)]
    layers = [NAMED_ENTITY, *names] if cas.typesystem.contains_type(NAMED_ENTITY) else names
    spans = [span for layer in layers for span in cas.select(layer) if hasattr(span, "begin")]
    # A relation has a begin and an end too.
    mentions = [span for span in spans if "Governor" not in {feature.name for feature in span.type.all_features}]
    left_out = {"relations": len(spans) - len(mentions), "mentions_without_a_type": 0}
    annotations = []
    for span in sorted(mentions, key=lambda span: (span.begin, -span.end)):
        annotation = read_span(span, text)
        annotations += [annotation] if annotation.type else []
        left_out["mentions_without_a_type"] += not annotation.type
    return AnnotatedDocument(
        document_name(cas) or source.stem,
        (Passage("note", text),),
        tuple(annotations),
        left_out={name: count for name, count in left_out.items() if count},
    )


def document_name(cas: Any) -> str:
    """Return the id of a document, or its title: the name under which it was imported."""
    if not cas.typesystem.contains_type(METADATA):
        return ""
    values = (getattr(each, name, None) for each in cas.select(METADATA) for name in ("documentId", "documentTitle"))
    return next(filter(None, values), "")


def read_span(span: Any, text: str) -> Annotation:
    """Return a span as a mention: its value is its type, or on a layer without one the layer's name."""
    # Not `hasattr`: each span of cassis has a method "value".
    features = {feature.name: getattr(span, feature.name) for feature in span.type.all_features}
    named = [name for name in VALUES if name in features]
    value = next((features[name] for name in named if features[name]), "")
    identifier = next((features.get(name) for name in IDENTIFIERS), None)
    attributes = {
        name: value
        for name, value in features.items()
        if name not in BUILT_IN and isinstance(value, str | int | float | bool)
    }
    return Annotation(
        type=value if named else span.type.name.rpartition(".")[2],
        spans=((span.begin, span.end),),
        surface=text[span.begin : span.end],
        links=links_to(identifier),
        attributes=attributes,
    )
