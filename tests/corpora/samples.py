"""The same three annotated documents in every format, written by hand as the tools write them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import spacy
from spacy.tokens import DocBin, Span

# Text, and its mentions as type, start and end.
NOTES = {
    "a": ("Gout, no asthma.", [("Finding", 0, 4), ("Finding", 9, 15)]),
    "b": ("Aspirin was held.", [("Drug", 0, 7)]),
    "c": ("No pain.", []),
}


def brat(notes):
    """Return the files of a brat folder."""
    files = {}
    for name, (text, mentions) in notes.items():
        rows = [f"T{n}\t{kind} {start} {end}\t{text[start:end]}" for n, (kind, start, end) in enumerate(mentions, 1)]
        files |= {f"{name}.txt": text, f"{name}.ann": "".join(f"{row}\n" for row in rows)}
    return files


def pubtator(notes):
    """Return a PubTator file."""
    lines = []
    for name, (text, mentions) in notes.items():
        lines += [f"{name}|t|{text}", f"{name}|a|"]
        lines += [f"{name}\t{start}\t{end}\t{text[start:end]}\t{kind}\tD1" for kind, start, end in mentions]
        lines.append("")
    return {"notes.txt": "\n".join(lines) + "\n"}


def bioc_json(notes):
    """Return a BioC collection."""
    documents = [
        {
            "id": name,
            "passages": [
                {
                    "offset": 0,
                    "infons": {"type": "note"},
                    "text": text,
                    "annotations": [
                        {
                            "id": "1",
                            "infons": {"type": kind},
                            "text": text[start:end],
                            "locations": [{"offset": start, "length": end - start}],
                        }
                        for kind, start, end in mentions
                    ],
                }
            ],
        }
        for name, (text, mentions) in notes.items()
    ]
    return {"notes.json": json.dumps({"source": "", "documents": documents})}


def bioc_xml(notes):
    """Return a BioC collection as XML."""
    parts = []
    for name, (text, mentions) in notes.items():
        parts.append(f"<document><id>{name}</id><passage><offset>0</offset><text>{text}</text>")
        for kind, start, end in mentions:
            parts.append(
                f'<annotation id="1"><infon key="type">{kind}</infon>'
                f'<location offset="{start}" length="{end - start}"/>'
                f"<text>{text[start:end]}</text></annotation>"
            )
        parts.append("</passage></document>")
    return {"notes.xml": f"<?xml version='1.0' encoding='UTF-8'?><collection>{''.join(parts)}</collection>"}


def words(notes):
    """Return words and BIO tags of each note, which is written with spaces between its words."""
    found = {}
    for name, (text, mentions) in notes.items():
        tokens, tags, place = text.split(" "), [], 0
        for token in tokens:
            inside = next((kind for kind, start, end in mentions if start <= place < end), None)
            is_first = any(start == place for _, start, _ in mentions)
            tags.append(f"{'B' if is_first else 'I'}-{inside}" if inside else "O")
            place += len(token) + 1
        found[name] = (tokens, tags)
    return found


def conll(notes):
    """Return a CoNLL file of two columns with marks of documents."""
    lines = []
    for name, (tokens, tags) in words(notes).items():
        lines += [f"-DOCSTART- ({name})", "", *(f"{token}\t{tag}" for token, tag in zip(tokens, tags, strict=True)), ""]
    return {"notes.conll": "\n".join(lines) + "\n"}


def datasets(notes):
    """Return Parquet as `datasets` writes it, tags as numbers whose names are in the schema."""
    rows = words(notes)
    names = sorted({tag for _, tags in rows.values() for tag in tags})
    table = pa.table(
        {
            "id": list(rows),
            "tokens": [tokens for tokens, _ in rows.values()],
            "ner_tags": [[names.index(tag) for tag in tags] for _, tags in rows.values()],
        }
    )
    features = {"ner_tags": {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "List"}}
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), sink
    )
    return {"notes.parquet": sink.getvalue().to_pybytes()}


def docbin(notes):
    """Return a DocBin with the default attributes."""
    nlp = spacy.blank("en")
    bin_ = DocBin(store_user_data=True)
    for name, (text, mentions) in notes.items():
        doc = nlp(text)
        doc.set_ents([doc.char_span(start, end, label=kind) for kind, start, end in mentions])
        doc.user_data["document_id"] = name
        bin_.add(doc)
    return {"notes.spacy": bin_.to_bytes()}


def span_groups(notes):
    """Return a DocBin with spans in a group, as Prodigy's data-to-spacy writes them for spancat."""
    nlp = spacy.blank("en")
    bin_ = DocBin(store_user_data=True)
    for name, (text, mentions) in notes.items():
        doc = nlp(text)
        spans = [doc.char_span(start, end, label=kind) for kind, start, end in mentions]
        doc.spans["sc"] = [Span(doc, span.start, span.end, label=span.label_) for span in spans]
        doc.user_data["document_id"] = name
        bin_.add(doc)
    return {"notes.spacy": bin_.to_bytes()}


def lines(rows):
    """Return rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def prodigy(notes):
    """Return tasks of ner.manual that were accepted."""
    rows = (
        {
            "text": text,
            "_input_hash": 1,
            "_view_id": "ner_manual",
            "spans": [{"start": start, "end": end, "label": kind} for kind, start, end in mentions],
            "answer": "accept",
            "meta": {"id": name},
        }
        for name, (text, mentions) in notes.items()
    )
    return {"notes.jsonl": lines(rows)}


def doccano(notes):
    """Return an export of sequence labelling."""
    rows = (
        {"note_id": name, "id": number, "text": text, "label": [[start, end, kind] for kind, start, end in mentions]}
        for number, (name, (text, mentions)) in enumerate(notes.items(), start=1)
    )
    return {"admin.jsonl": lines(rows)}


def doccano_relations(notes):
    """Return an export of a project with relations."""
    rows = (
        {
            "id": name,
            "text": text,
            "entities": [
                {"id": 1, "label": kind, "start_offset": start, "end_offset": end} for kind, start, end in mentions
            ],
            "relations": [],
            "Comments": [],
        }
        for name, (text, mentions) in notes.items()
    )
    return {"admin.jsonl": lines(rows)}


def regions(text, mentions):
    """Return mentions as regions of Label Studio."""
    return [{"start": start, "end": end, "text": text[start:end], "labels": [kind]} for kind, start, end in mentions]


def labelstudio(notes):
    """Return an export as JSON."""
    tasks = [
        {
            "id": number,
            "data": {"text": text, "note_id": name},
            "annotations": [
                {
                    "was_cancelled": False,
                    "result": [
                        {"id": f"r{n}", "type": "labels", "from_name": "label", "to_name": "text", "value": region}
                        for n, region in enumerate(regions(text, mentions))
                    ],
                }
            ],
            "predictions": [],
        }
        for number, (name, (text, mentions)) in enumerate(notes.items(), start=1)
    ]
    return {"project-1.json": json.dumps(tasks)}


def labelstudio_small(notes):
    """Return an export as JSON_MIN, which leaves out a tag without regions."""
    tasks = [
        {"text": text, "id": name, "annotation_id": 1, "lead_time": 2.5}
        | ({"label": regions(text, mentions)} if mentions else {})
        for name, (text, mentions) in notes.items()
    ]
    return {"project-1.json": json.dumps(tasks)}


def jsonl(notes):
    """Return what `annotate` writes as JSON Lines."""
    rows = (
        {
            "id": name,
            "text": text,
            "entities": [
                {"text": text[start:end], "label": kind, "start": start, "end": end, "confidence": None, "kb_id": None}
                for kind, start, end in mentions
            ],
            "columns": {},
        }
        for name, (text, mentions) in notes.items()
    )
    return {"part-00000.jsonl": lines(rows)}


def bigbio(notes):
    """Return documents in the `bigbio_kb` schema."""
    rows = (
        {
            "document_id": name,
            "passages": [{"type": "note", "text": [text], "offsets": [[0, len(text)]]}],
            "entities": [
                {"id": f"T{n}", "type": kind, "text": [text[start:end]], "offsets": [[start, end]], "normalized": []}
                for n, (kind, start, end) in enumerate(mentions)
            ],
            "relations": [],
        }
        for name, (text, mentions) in notes.items()
    )
    return {"notes.jsonl": lines(rows)}


# By format, what writes its files, and whether the texts are words that are joined by spaces.
SAMPLES = {
    "brat": brat,
    "pubtator": pubtator,
    "bioc-json": bioc_json,
    "bioc-xml": bioc_xml,
    "conll": conll,
    "datasets": datasets,
    "docbin": docbin,
    "docbin-groups": span_groups,
    "prodigy": prodigy,
    "doccano": doccano,
    "doccano-relations": doccano_relations,
    "labelstudio": labelstudio,
    "labelstudio-small": labelstudio_small,
    "jsonl": jsonl,
    "bigbio": bigbio,
}
# Formats of words, whose texts must have a space on both sides of each word.
OF_WORDS = ("conll", "datasets")


def write_files(files, folder: Path) -> Path:
    """Write files, as text or bytes, and return their folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def spaced(notes):
    """Return notes in whose texts there are spaces before commas and full stops."""
    found = {}
    for name, (text, mentions) in notes.items():
        moved = []
        for kind, start, end in mentions:
            before = sum(character in ",." for character in text[:start])
            moved.append((kind, start + before, end + before))
        found[name] = (text.replace(",", " ,").replace(".", " ."), moved)
    return found
