"""Small files in the published formats become exact concepts; wrong ones are refused."""

import gzip
from pathlib import Path

import pytest

from scripts.clinical_ner.linking.concept import Concept
from scripts.errors import ProjectError
from scripts.vocabularies.mesh import read_mesh
from scripts.vocabularies.omop import read_omop, read_sections
from scripts.vocabularies.rrf import read_rxnorm, read_umls
from scripts.vocabularies.tsv import read_tsv

DESCRIPTORS = """<?xml version="1.0"?>
<!DOCTYPE DescriptorRecordSet SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset_20260101.dtd">
<DescriptorRecordSet LanguageCode="eng">
<DescriptorRecord DescriptorClass="1">
  <DescriptorUI>D006973</DescriptorUI>
  <DescriptorName><String>Hypertension</String></DescriptorName>
  <PharmacologicalActionList/>
  <TreeNumberList><TreeNumber>C14.907.489</TreeNumber></TreeNumberList>
  <ConceptList>
    <Concept PreferredConceptYN="Y"><ConceptUI>M0010746</ConceptUI>
      <ConceptName><String>Hypertension</String></ConceptName>
      <TermList>
        <Term ConceptPreferredTermYN="Y"><TermUI>T1</TermUI><String>Hypertension</String></Term>
        <Term ConceptPreferredTermYN="N"><TermUI>T2</TermUI><String>Blood Pressure, High</String></Term>
      </TermList>
    </Concept>
    <Concept PreferredConceptYN="N"><ConceptUI>M2</ConceptUI>
      <TermList><Term><TermUI>T3</TermUI><String>Blood Pressures, High</String></Term></TermList>
    </Concept>
  </ConceptList>
</DescriptorRecord>
<DescriptorRecord DescriptorClass="3">
  <DescriptorUI>D005260</DescriptorUI>
  <DescriptorName><String>Female &amp; other</String></DescriptorName>
</DescriptorRecord>
</DescriptorRecordSet>
"""
SUPPLEMENTARY = """<?xml version="1.0"?>
<SupplementalRecordSet LanguageCode="eng">
<SupplementalRecord SCRClass="1">
  <SupplementalRecordUI>C000002</SupplementalRecordUI>
  <SupplementalRecordName><String>bevonium</String></SupplementalRecordName>
  <HeadingMappedToList>
    <HeadingMappedTo><DescriptorReferredTo><DescriptorUI>*D001561</DescriptorUI>
      <DescriptorName><String>Benzilates</String></DescriptorName></DescriptorReferredTo></HeadingMappedTo>
    <HeadingMappedTo><DescriptorReferredTo><DescriptorUI>D000001</DescriptorUI></DescriptorReferredTo></HeadingMappedTo>
  </HeadingMappedToList>
  <ConceptList>
    <Concept><TermList><Term><String>bevonium methyl sulfate</String></Term></TermList></Concept>
  </ConceptList>
</SupplementalRecord>
</SupplementalRecordSet>
"""


def write(path: Path, text: str) -> Path:
    """Write a file, compressed if its name says so."""
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def rows(*lines: str) -> str:
    """Return lines whose fields are separated by tabs instead of slashes."""
    return "".join(line.replace("/", "\t") + "\n" for line in lines)


@pytest.mark.parametrize("name", ["desc2026.xml", "desc2026.gz"])
def test_descriptors(tmp_path, name):
    assert list(read_mesh(write(tmp_path / name, DESCRIPTORS))) == [
        Concept(
            "D006973",
            "Hypertension",
            ("Hypertension", "Blood Pressure, High", "Blood Pressures, High"),
            ("C14.907.489",),
        ),
        Concept("D005260", "Female & other"),
    ]


def test_supplementary_records(tmp_path):
    assert list(read_mesh(write(tmp_path / "supp2026.xml", SUPPLEMENTARY))) == [
        Concept("C000002", "bevonium", ("bevonium methyl sulfate",), ("chemical",), ("D001561", "D000001"))
    ]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("desc.xml", DESCRIPTORS.encode()[:900], "cut short"),
        ("desc.gz", gzip.compress(DESCRIPTORS.encode())[:-20], "cut short"),
        ("desc.xml", b"<html>Log in</html>", "no MeSH records"),
        ("desc.xml", b"", "cut short or not"),
        ("desc.xml", b"id\tname\n", "cut short or not"),
    ],
)
def test_what_is_not_mesh_is_refused(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProjectError, match=why):
        list(read_mesh(tmp_path / name))


def test_entities_of_other_files_are_refused(tmp_path):
    (tmp_path / "secret").write_text("secret")
    text = DESCRIPTORS.replace(
        'SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset_20260101.dtd"',
        f'[<!ENTITY x SYSTEM "file://{tmp_path}/secret">]',
    ).replace("Female", "&x;")
    with pytest.raises(ProjectError, match="not a MeSH file"):
        list(read_mesh(write(tmp_path / "desc.xml", text)))


OMOP = {
    "CONCEPT.csv": rows(
        "concept_id/concept_name/domain_id/vocabulary_id/concept_class_id/standard_concept/concept_code/"
        "valid_start_date/valid_end_date/invalid_reason",
        "320128/Essential hypertension/Condition/SNOMED/Disorder/S/59621000/20020131/20991231/",
        '9/Drug "X" 5 mg/Drug/RxNorm/Clinical Drug/S/1/20020131/20991231/',
        "44834/Hypertension NOS/Condition/ICD9CM/4-dig/ /401.9/19700101/20991231/".replace("/ /", "//"),
        "5/Old/Condition/SNOMED/Disorder/S/2/20020131/20041231/D",
        "7/Male/Gender/Gender/Gender/S/M/19700101/20991231/",
    ),
    "CONCEPT_SYNONYM.csv": rows(
        "concept_id/concept_synonym_name/language_concept_id",
        "320128/Idiopathic hypertension/4180186",
        "320128/Hypertonie/4182504",
        "44834/High blood pressure/4180186",
    ),
    "CONCEPT_RELATIONSHIP.csv": rows(
        "concept_id_1/concept_id_2/relationship_id/valid_start_date/valid_end_date/invalid_reason",
        "44834/320128/Maps to/19700101/20991231/",
        "320128/320128/Maps to/19700101/20991231/",
        "9/320128/Maps to/19700101/20991231/D",
        "320128/9/Subsumes/19700101/20991231/",
    ),
}


def write_all(folder: Path, files: dict[str, str]) -> Path:
    """Write the files of a folder."""
    for name, text in files.items():
        write(folder / name, text)
    return folder


def test_omop(tmp_path):
    assert list(read_omop(write_all(tmp_path, OMOP))) == [
        Concept("9", 'Drug "X" 5 mg', (), ("Drug",)),
        Concept(
            "320128",
            "Essential hypertension",
            ("Hypertension NOS", "Idiopathic hypertension", "High blood pressure"),
            ("Condition",),
        ),
    ]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("CONCEPT.csv", None, "has no CONCEPT.csv"),
        ("CONCEPT.csv", OMOP["CONCEPT.csv"].replace("domain_id", "domain"), "has no column domain_id"),
        ("CONCEPT.csv", OMOP["CONCEPT.csv"][:-30], "fields, not 10"),
        ("CONCEPT_SYNONYM.csv", "", "has no column concept_id"),
        ("CONCEPT_SYNONYM.csv", "\udcff", "UTF-8"),
    ],
)
def test_a_damaged_omop_folder_is_refused(tmp_path, name, text, why):
    write_all(tmp_path, OMOP)
    (tmp_path / name).unlink()
    if text is not None:
        (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ProjectError, match=why):
        list(read_omop(tmp_path))


def name_row(cui, text, *, language="ENG", source="MSH", kind="MH", preferred="Y", suppressed="N"):
    """Return a line of MRCONSO.RRF."""
    fields = [
        cui,
        language,
        "P",
        "L1",
        "PF",
        "S1",
        preferred,
        "A1",
        "",
        "M1",
        "D1",
        source,
        kind,
        "D1",
        text,
        "0",
        suppressed,
        "",
    ]
    return "|".join(fields) + "|\n"


def test_umls(tmp_path):
    names = [
        name_row("C0020538", "High blood pressure", preferred="N"),
        name_row("C0020538", "Hypertension"),
        name_row("C0020538", "Hypertonie", language="GER"),
        name_row("C0020538", "HBP old", suppressed="O"),
        name_row("C0004057", "Aspirin"),
    ]
    write(tmp_path / "MRCONSO.RRF", "".join(names))
    write(tmp_path / "MRSTY.RRF", "C0020538|T047|B2.2.1.2.1|Disease or Syndrome|AT1|256|\n")
    assert list(read_umls(tmp_path)) == [
        Concept("C0020538", "Hypertension", ("High blood pressure",), ("T047",)),
        Concept("C0004057", "Aspirin"),
    ]


def test_rxnorm_prefers_its_own_ingredient(tmp_path):
    names = [
        name_row("1191", "ASA", source="VANDF", kind="CD"),
        name_row("1191", "Acetylsalicylic Acid", source="RXNORM", kind="SY"),
        name_row("1191", "aspirin", source="RXNORM", kind="IN"),
    ]
    write(tmp_path / "RXNCONSO.RRF", "".join(names))
    assert list(read_rxnorm(tmp_path)) == [Concept("1191", "aspirin", ("Acetylsalicylic Acid", "ASA"))]


@pytest.mark.parametrize(
    ("text", "why"), [(None, "has no MRCONSO.RRF"), (name_row("C1", "x")[:-4], "has 1[0-9] fields, not 18")]
)
def test_a_damaged_umls_is_refused(tmp_path, text, why):
    if text:
        write(tmp_path / "MRCONSO.RRF", text)
    with pytest.raises(ProjectError, match=why):
        list(read_umls(tmp_path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id\tname\tsynonyms\nX1\tA b\tc|d\n", [Concept("X1", "A b", ("c", "d"))]),
        ("\ufeffname\tid\tsynonyms\ttree_numbers\r\nA\tX1\t\tC1|C2\r\n", [Concept("X1", "A", (), ("C1", "C2"))]),
        ("id\tname\tsynonyms\tmapped_to\n\nX1\tA\t\tX2\n", [Concept("X1", "A", (), (), ("X2",))]),
    ],
)
@pytest.mark.parametrize("name", ["own.tsv", "own.tsv.gz"])
def test_tsv(tmp_path, name, text, expected):
    assert list(read_tsv(write(tmp_path / name, text))) == expected


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"id\tname\n", "no column synonyms"),
        (b"id,name,synonyms\n", "no column id, name, synonyms"),
        (b"", "no column"),
        (b"id\tname\tsynonyms\nX1\ta\tb\tc\n", "line 2 has 4 fields, not 3"),
        (b"id\tname\tsynonyms\nX1\ta\nb\tc\n", "line 2 has 2 fields, not 3"),
        (gzip.compress(b"id\tname\tsynonyms\nX1\ta\tb\n")[:-9], "cut short"),
        (b"id\tname\tsynonyms\nX1\t\xff\tb\n", "UTF-8"),
    ],
)
def test_a_damaged_tsv_is_refused(tmp_path, content, why):
    (tmp_path / "own.tsv").write_bytes(content)
    with pytest.raises(ProjectError, match=why):
        list(read_tsv(tmp_path / "own.tsv"))


def test_omop_sections_are_the_loinc_codes_of_the_library(tmp_path):
    head = OMOP["CONCEPT.csv"].splitlines()[0]
    added = rows(
        "3001/Allergies/Note/LOINC/Survey/S/48765-2/19700101/20991231/",
        "3002/Old allergies/Note/LOINC/Survey//10160-0/19700101/20991231/D",
        "3003/Sodium/Measurement/LOINC/Lab Test/S/2951-2/19700101/20991231/",
        "3004/Allergies/Note/Other/Survey/S/10157-6/19700101/20991231/",
    )
    (tmp_path / "CONCEPT.csv").write_text(f"{head}\n{added}", encoding="utf8")
    assert read_sections(tmp_path / "CONCEPT.csv") == {"48765-2": 3001}
