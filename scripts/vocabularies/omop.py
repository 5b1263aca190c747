"""The OMOP vocabularies, as Athena (https://athena.ohdsi.org) packs them: CONCEPT.csv and others, separated by tabs.

The ids are those of standard concepts. The names of other concepts, of ICD-10 for instance, become names of the
standard concepts that "Maps to" leads to.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import srsly

from scripts.clinical_ner.linking.concept import Concept
from scripts.clinical_ner.sections.rules import DEFAULT_RULES
from scripts.vocabularies.tables import check_files, read_table

FILES = ("CONCEPT.csv", "CONCEPT_SYNONYM.csv", "CONCEPT_RELATIONSHIP.csv")
DOMAINS = ("Condition", "Drug")
ENGLISH = "4180186"
LOINC = "LOINC"


def read_omop(folder: Path) -> Iterator[Concept]:
    """Read the standard concepts of the domains Condition and Drug.

    folder (Path): the unpacked download.
    YIELDS (Concept): the standard concepts by id, with the names of what maps to them.
    RAISES (ProjectError): a file or a column is missing, or a file is damaged.
    """
    check_files(folder, FILES, source="Download a bundle from https://athena.ohdsi.org and give its unpacked folder.")
    concepts = read_concepts(folder / FILES[0])
    standard = read_mappings(folder / FILES[2], concepts)
    names: dict[str, list[str]] = defaultdict(list)
    for identifier, (name, _, is_standard) in concepts.items():
        if not is_standard:
            for target in standard[identifier]:
                names[target].append(name)
    columns = ("concept_id", "concept_synonym_name", "language_concept_id")
    for row in read_table(folder / FILES[1], columns):
        if row["language_concept_id"] == ENGLISH and row["concept_id"] in concepts:
            is_standard = concepts[row["concept_id"]][2]
            for target in [row["concept_id"]] if is_standard else standard[row["concept_id"]]:
                names[target].append(row["concept_synonym_name"])
    for identifier in sorted(concepts, key=int):
        name, domain, is_standard = concepts[identifier]
        if is_standard:
            yield Concept(identifier, name, tuple(names[identifier]), (domain,))


def read_concepts(path: Path) -> dict[str, tuple[str, str, bool]]:
    """Return name, domain and whether it is a standard concept, by id, for the valid concepts of `DOMAINS`."""
    columns = ("concept_id", "concept_name", "domain_id", "standard_concept", "invalid_reason")
    return {
        row["concept_id"]: (row["concept_name"], row["domain_id"], row["standard_concept"] == "S")
        for row in read_table(path, columns)
        if row["domain_id"] in DOMAINS and not (row["standard_concept"] == "S" and row["invalid_reason"])
    }


def read_mappings(path: Path, concepts: dict[str, tuple[str, str, bool]]) -> dict[str, list[str]]:
    """Return the ids of the standard concepts that other concepts map to."""
    standard: dict[str, list[str]] = defaultdict(list)
    for row in read_table(path, ("concept_id_1", "concept_id_2", "relationship_id", "invalid_reason")):
        source, target = row["concept_id_1"], row["concept_id_2"]
        is_mapping = row["relationship_id"] == "Maps to" and not row["invalid_reason"] and source != target
        if is_mapping and target in concepts and concepts[target][2]:
            standard[source].append(target)
    return standard


def read_sections(path: Path) -> dict[str, int]:
    """Return the concepts of the sections that the library finds, if LOINC is in the download.

    path (Path): CONCEPT.csv.
    RETURNS (dict[str, int]): concept id by LOINC code.
    RAISES (ProjectError): a column is missing, or the file is damaged.
    """
    codes = section_codes()
    columns = ("concept_id", "vocabulary_id", "concept_code", "invalid_reason")
    return {
        row["concept_code"]: int(row["concept_id"])
        for row in read_table(path, columns)
        if row["vocabulary_id"] == LOINC and row["concept_code"] in codes and not row["invalid_reason"]
    }


def section_codes() -> set[str]:
    """Return the LOINC codes in the library's rules of sections."""
    rules = srsly.read_json(DEFAULT_RULES)
    own = (rule.get("metadata", {}).get("loinc") for rule in rules["section_rules"])
    return {*rules["codes"].values(), *filter(None, own)}
