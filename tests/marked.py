"""Records written as inline markup: `make_record("[Chemical aspirin] for [Disease gout]")`."""

import re

from scripts.records.bigbio import Record

MARKUP = re.compile(r"\[(\w+) ([^\[\]]+)\]")


def make_record(*marked: str, document_id: str = "1") -> Record:
    """Make a document with one passage for each marked text; passages are joined by one space."""
    passages, offset = [], 0
    for number, text in enumerate(marked):
        plain, entities = unmark(text)
        for entity in entities:
            entity["id"] = f"{document_id}_{number}_{entity['offsets'][0][0]}"
            entity["offsets"] = [[start + offset, end + offset] for start, end in entity["offsets"]]
        kind = "title" if number == 0 else "abstract"
        passages.append(
            {"document_id": document_id, "type": kind, "text": plain, "entities": entities, "relations": []}
        )
        offset += len(plain) + 1
    return {"passages": passages}


def unmark(marked: str) -> tuple[str, list[dict]]:
    """Take the markup out of a text, and give the entities it held."""
    plain, entities, last = "", [], 0
    for match in MARKUP.finditer(marked):
        plain += marked[last : match.start()]
        start, last = len(plain), match.end()
        plain += match[2]
        entities.append({"offsets": [[start, len(plain)]], "text": [match[2]], "type": match[1], "normalized": []})
    return plain + marked[last:], entities
