"""Token classification data in the manner of Hugging Face's `datasets`: a row for each text, its tokens and their tags.

Parquet, Arrow (as `save_to_disk` writes it) and JSON Lines. No script of a data set is ever run.
"""

import io
import json
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.errors import ProjectError
from scripts.formats.annotated import needed_text, read_rows
from scripts.formats.conll import make_annotation
from scripts.formats.json_values import read_objects
from scripts.formats.reading import ReadOptions, Source, note_id
from scripts.formats.tags import Words, tagged_mentions
from scripts.records.annotated import AnnotatedDocument, LeftOut
from scripts.records.documents import Passage

TOKENS = ("tokens", "words")
TAGS = ("ner_tags", "ner_tags_str", "tags", "labels", "ner", "bio_tags")
IDS = ("document_id", "doc_id", "id", "guid", "pmid")
# How training marks a token that does not count.
NOT_COUNTED = -100
# Where a data set has the names of its tags beside the schema of its files.
CARD, INFOS = "README.md", ("dataset_info.json", "dataset_infos.json")
# A card is in the folder of the data, or in one above it.
FOLDERS_ABOVE = 4

Features = Mapping[str, Any]


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the rows of a file.

    RAISES (ProjectError): the tags are numbers, and there are no names for them.
    """
    rows, features = read_table(file, source, options)
    first = next(rows, None)
    if first is None:
        return iter(())
    tokens, tags = column(first, TOKENS), column(first, TAGS)
    names = tag_names(features, tags) or next(
        filter(None, (tag_names(each, tags) for each in cards(source.path))), None
    )
    return read_rows(
        chain([first], rows),
        partial(read_row, source, tokens, tags, names),
        source,
        "token classification data of `datasets`",
    )


def read_table(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> tuple[Iterator[dict[str, Any]], Features]:
    """Return the rows of a file, and what its schema says of its columns."""
    if source.suffix == ".parquet":
        table = pq.ParquetFile(file)
        return (row for batch in table.iter_batches() for row in batch.to_pylist()), schema_features(table.schema_arrow)
    if source.suffix == ".arrow":
        stream = pa.ipc.open_stream(file)
        return (row for batch in stream for row in batch.to_pylist()), schema_features(stream.schema)
    return read_objects(file, source, options), {}


def schema_features(schema: pa.Schema) -> Features:
    """Return the features that `datasets` keeps in a schema."""
    content = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    return content.get("info", {}).get("features") or {}


def cards(path: Path) -> Iterator[Features]:
    """Yield the features that files beside the data declare, the nearest first."""
    from huggingface_hub import metadata_load

    for folder in path.parents[:FOLDERS_ABOVE]:
        for name in INFOS:
            if (folder / name).is_file():
                content = json.loads((folder / name).read_bytes())
                yield from (each["features"] for each in (content, *content.values()) if has_features(each))
        if (folder / CARD).is_file():
            infos = (metadata_load(folder / CARD) or {}).get("dataset_info") or []
            for each in infos if isinstance(infos, list) else [infos]:
                yield {feature["name"]: feature for feature in each.get("features") or ()}


def has_features(value: Any) -> bool:
    """Return whether a value describes a data set."""
    return isinstance(value, dict) and isinstance(value.get("features"), dict)


def column(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of some columns that a row has.

    RAISES (ProjectError): it has none of them.
    """
    found = next((name for name in names if name in row), None)
    if found is None:
        raise ProjectError(f"A data set has none of the columns {', '.join(names)}", "Rename the column.")
    return found


def tag_names(features: Features, column: str) -> list[str] | None:
    """Return the names of the numbers in a column, None if they are not known.

    A schema has {"feature": {"names": [...]}}, and a card {"sequence": {"class_label": {"names": {...}}}}.
    """
    names = find_names(features.get(column))
    return list(names.values()) if isinstance(names, dict) else names


def find_names(value: Any) -> Any:
    """Return what is under "names" in nested values, None if there is nothing."""
    if isinstance(value, list):
        return next(filter(None, map(find_names, value)), None)
    if not isinstance(value, dict):
        return None
    return value.get("names") or next(filter(None, map(find_names, value.values())), None)


def read_row(
    source: Source, tokens: str, tags: str, names: list[str] | None, row: dict[str, Any], number: int
) -> AnnotatedDocument:
    """Return a row as a document: its tokens joined by spaces."""
    words = Words()
    words.add([needed_text(token) for token in row[tokens]])
    if len(row[tags]) != len(row[tokens]):
        raise ProjectError(f"{len(row[tokens])} tokens with {len(row[tags])} tags", "Each token needs a tag.")
    found, left = tagged_mentions([tag_name(tag, names) for tag in row[tags]])
    identifier = next(filter(None, (note_id(row.get(name)) for name in IDS)), "")
    return AnnotatedDocument(
        identifier or f"{source.stem}:{number}",
        (Passage("note", words.text),),
        tuple(make_annotation(mention, words) for mention in found),
        left_out={"mentions_that_begin_with_I": left} if left else {},
    )


def tag_name(tag: Any, names: list[str] | None) -> str:
    """Return the name of a tag.

    RAISES (ProjectError): it is a number whose name is not known.
    """
    if isinstance(tag, str):
        return tag
    if names is None:
        raise ProjectError(
            "the tags are numbers, and neither the file nor a card beside it has their names",
            "Put the data set's README.md or dataset_info.json beside it, or save it as Parquet with `datasets`.",
        )
    if tag == NOT_COUNTED:
        return "O"
    if not 0 <= tag < len(names):
        raise ProjectError(
            f"the tag {tag} has no name", "Tags of -1 are hidden, often those of a test set. Use splits with tags."
        )
    return names[cast(int, tag)]
