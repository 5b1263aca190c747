"""Options are checked when they are made, with the value and its range in the message."""

from dataclasses import fields, replace

import pytest

from scripts.annotation.options import AnnotateOptions, RayOptions
from scripts.errors import ProjectError
from scripts.formats.clinical import ClinicalOptions
from scripts.formats.reading import ReadOptions


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "xml"}, r"Unknown format 'xml'\. Known are jsonl, parquet, csv, table, omop, fhir, brat, pubtator"),
        ({"batch_size": 0}, r"batch_size \(0\) must be at least 1"),
        ({"processes": 0}, r"processes \(0\) must be at least 1"),
        ({"threads": 0}, r"threads \(0\) must be at least 1"),
        ({"part_size": -1}, r"part_size \(-1\) must be at least 1"),
        ({"gpu_id": -2}, r"gpu_id \(-2\) must be at least -1"),
        ({"minimum_confidence": 1.1}, r"minimum_confidence \(1.1\) must be within \[0, 1\]"),
        ({"minimum_confidence": float("nan")}, r"minimum_confidence \(nan\) must be within \[0, 1\]"),
        ({"processes": 2, "gpu_id": 0}, "can't share a GPU"),
        *(
            (
                {"format": name, "keep_text": False},
                f"format {name} contain the text .*--no-keep-text, .* jsonl, parquet, csv, table, omop, fhir\\.",
            )
            for name in ("brat", "pubtator", "bioc-xml", "bioc-json", "conll", "docbin")
        ),
        (
            {"clinical": ClinicalOptions(table_format="xlsx")},
            r"--table-format is no option of --format jsonl\. It is one of table\.",
        ),
        (
            {"format": "omop", "clinical": ClinicalOptions(person_column="patient")},
            r"--person-column is no option of --format omop\. It is one of table, omop with --omop-tables\.",
        ),
        (
            {"format": "csv", "clinical": ClinicalOptions(omop_tables=True)},
            "--omop-tables is no option of --format csv",
        ),
        ({"ray": RayOptions()}, "writes Parquet, and not jsonl"),
        ({"ray": RayOptions(), "format": "parquet", "processes": 2}, "Give --actors"),
        ({"ray": RayOptions(), "format": "parquet", "gpu_id": 0}, "Give --gpus"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(ProjectError, match=message):
        replace(AnnotateOptions(), **changes)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"actors": 0}, r"actors \(0\) must be at least 1"), ({"gpus": -0.5}, r"gpus \(-0.5\) must be at least 0")],
)
def test_what_is_refused_for_ray(options, message):
    with pytest.raises(ProjectError, match=message):
        RayOptions(**options)


def test_the_manifest_has_what_decides_the_output():
    reading = ReadOptions("note", "nr", "cp1252", ";", "none", folder_ids=True)
    options = AnnotateOptions(labels=("Disease",), threads=2, reading=reading, strict=True, overwrite=True)
    shared = {
        "labels": ["Disease"],
        "minimum_confidence": 0.0,
        "keep_text": True,
        "batch_size": 64,
        "threads": 2,
        "part_size": 10_000,
        "text_column": "note",
        "id_column": "nr",
        "encoding": "cp1252",
        "delimiter": ";",
        "quoting": "none",
        "folder_ids": True,
        "whole_ids": False,
    }
    assert options.as_manifest() == {"format": "jsonl", "processes": 1, "gpu_id": -1, **shared}
    on_ray = replace(options, format="parquet", ray=RayOptions(actors=3, gpus=0.5, address="auto"))
    assert on_ray.as_manifest() == {"engine": "ray", "format": "parquet", "actors": 3, "gpus": 0.5, **shared}
    assert replace(on_ray, threads=None).as_manifest()["threads"] == 1
    assert replace(options, threads=None).as_manifest()["threads"] is None
    assert replace(options, format="omop").as_manifest()["whole_ids"]


@pytest.mark.parametrize(
    ("format", "changes", "expected"),
    [
        # As in runs of versions without the option.
        ("omop", {}, {}),
        (
            "omop",
            {"omop_tables": True, "person_column": "patient"},
            {"omop_tables": True, "person_column": "patient", "date_column": "note_date"},
        ),
        ("table", {}, {"table_format": "csv", "person_column": "person_id", "date_column": "note_date"}),
        (
            "fhir",
            {"code_system": "urn:x"},
            {
                "subject_reference": "Patient/{person_id}",
                "note_reference": "DocumentReference/{id}",
                "code_system": "urn:x",
                "date_column": "note_date",
            },
        ),
    ],
)
def test_the_manifest_has_the_options_that_the_format_uses(format, changes, expected):
    options = AnnotateOptions(format=format, clinical=ClinicalOptions(**changes))
    names = {each.name for each in fields(ClinicalOptions)}
    assert {name: value for name, value in options.as_manifest().items() if name in names} == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject_reference": "Patient/1"}, "subject_reference 'Patient/1' is not a template of a FHIR reference"),
        ({"subject_reference": "{person_id}"}, "not a template of a FHIR reference"),
        ({"note_reference": "DocumentReference/{id} 1"}, "note_reference .* is not a template"),
        ({"note_reference": "DocumentReference/{id"}, "not a template"),
        ({"table_format": "ods"}, r"Unknown format of a table 'ods'. Known are csv, parquet, xlsx\."),
    ],
)
def test_what_is_refused_for_hospitals(changes, message):
    with pytest.raises(ProjectError, match=message):
        ClinicalOptions(**changes)
