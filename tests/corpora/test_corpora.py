"""Whatever people annotate with, the same documents come out, and what was dropped, moved or merged is counted."""

import json

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from scripts.corpora.options import CorpusOptions
from scripts.corpora.reading import read_corpus_files
from scripts.errors import ProjectError
from scripts.fetch_corpus import fetch_corpus_cli
from scripts.records.bigbio import document_id, document_text
from scripts.records.mentions import annotations
from tests.corpora.samples import NOTES, OF_WORDS, SAMPLES, lines, spaced, words, write_files


def format_of(sample: str) -> str:
    return sample.removesuffix("-groups").removesuffix("-relations").removesuffix("-small")


def read(place, **options):
    """Return the documents of all splits by id, with their mentions, and the report."""
    corpus, report = read_corpus_files(place, CorpusOptions(**options))
    found = {
        document_id(record): (
            document_text(record),
            [(entity["type"], *entity["offsets"][0]) for entity in annotations(record)],
        )
        for records in corpus.values()
        for record in records
    }
    return found, report


def notes_for(sample, notes=NOTES):
    return spaced(notes) if sample in OF_WORDS else notes


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("sample", SAMPLES)
def test_the_same_documents_are_read_from_every_format(tmp_path, sample, named):
    notes = notes_for(sample)
    folder = write_files(SAMPLES[sample](notes), tmp_path)
    found, report = read(folder, format=format_of(sample) if named else "")
    assert found == notes
    assert {file["format"] for file in report["files"]} == {format_of(sample)}
    assert (report["counts"], report["files_not_read"], report["offsets"]) == ({}, [], "characters")
    assert [report[split]["documents"] for split in ("train", "dev", "test")] == [1, 1, 1]
    assert report["splits"] == "train, dev, test: at random from all documents, with the seed 0"


@pytest.mark.parametrize("sample", [name for name in SAMPLES if name != "brat"])
def test_a_file_is_read_as_its_folder_is(tmp_path, sample):
    (name,) = SAMPLES[sample](notes_for(sample))
    write_files(SAMPLES[sample](notes_for(sample)), tmp_path)
    assert read(tmp_path / name)[0] == read(tmp_path)[0]


@pytest.mark.parametrize("sample", SAMPLES)
def test_files_that_are_named_after_splits_stay_apart(tmp_path, sample):
    notes = notes_for(sample)
    for split, name in zip(("train", "validation", "test"), notes, strict=True):
        write_files(SAMPLES[sample]({name: notes[name]}), tmp_path / split)
    corpus, report = read_corpus_files(tmp_path)
    assert report["splits"] == "as the files are named"
    found = {split: [document_id(record) for record in records] for split, records in corpus.items()}
    # In a folder, an id that is a file's name has the folder before it.
    expected = {"train": "a", "dev": "b", "test": "c"}
    folders = {"train": "train", "dev": "validation", "test": "test"}
    assert found == {
        split: [f"{folders[split]}/{name}" if sample == "brat" else name] for split, name in expected.items()
    }


def many(number, text="Gout {}."):
    return {f"n{i}": (text.format(i), [("Finding", 0, 4)]) for i in range(number)}


def test_a_split_depends_on_the_seed_and_the_text_and_hardly_on_other_documents(tmp_path):
    def split(folder, notes, seed=0):
        corpus, _ = read_corpus_files(write_files(SAMPLES["prodigy"](notes), folder), CorpusOptions(seed=seed))
        return {document_id(record): name for name, records in corpus.items() for record in records}

    first = split(tmp_path / "1", many(200))
    assert [list(first.values()).count(name) for name in ("train", "dev", "test")] == [140, 30, 30]
    assert split(tmp_path / "1", many(200)) == first
    assert split(tmp_path / "2", many(200), seed=1) != first
    later = split(tmp_path / "3", many(220))
    assert sum(later[name] != split_ for name, split_ in first.items()) <= 20
    # A test document never gets into training because two copies of its text have two ids.
    twins = {**many(100), **{f"twin{name}": note for name, note in many(100).items()}}
    placed = split(tmp_path / "4", twins)
    assert all(placed[name] == placed[f"twin{name}"] for name in many(100))


def test_only_dev_is_taken_from_train_if_there_is_a_test_set(tmp_path):
    write_files(SAMPLES["doccano"](many(20)), tmp_path / "train")
    write_files(SAMPLES["doccano"]({"t": ("Pain.", [])}), tmp_path / "test")
    corpus, report = read_corpus_files(tmp_path)
    assert [len(corpus[split]) for split in ("train", "dev", "test")] == [17, 3, 1]
    assert report["splits"] == "train, dev: at random from the documents for training, with the seed 0"


# -- hostile files ---------------------------------------------------------------------------------------------------

ODD = {
    "a": ("\U0001f600 Göut, no asthma", [("Finding", 2, 6), ("Finding", 11, 17)]),
    "b": ("Aspirin was held", [("Drug", 0, 7)]),
    "c": ("Nö \U0001f600 pain", [("Finding", 5, 9)]),
}
UNITS = {"utf-16": lambda text: len(text.encode("utf-16-le")) // 2, "bytes": lambda text: len(text.encode())}


def miscounted(notes, unit):
    """Return notes whose offsets count another unit."""
    count = UNITS[unit]
    return {
        name: (text, [(kind, count(text[:start]), count(text[:end])) for kind, start, end in mentions])
        for name, (text, mentions) in notes.items()
    }


def with_surfaces(files, notes, wrong):
    """Put the right text of each mention into files that were written with wrong offsets."""
    changed = {}
    for name, content in files.items():
        for note, (text, mentions) in wrong.items():
            for (_, start, end), (_, right, right_end) in zip(mentions, notes[note][1], strict=True):
                surface, shown = notes[note][0][right:right_end], text[start:end]
                content = content.replace(f"\t{shown}\n", f"\t{surface}\n").replace(f"\t{shown}\t", f"\t{surface}\t")
                for quoted in (json.dumps(shown), json.dumps(shown, ensure_ascii=False)):
                    content = content.replace(f'"text": {quoted}', f'"text": {json.dumps(surface)}')
                    content = content.replace(f'"text": [{quoted}]', f'"text": [{json.dumps(surface)}]')
                content = content.replace(f"<text>{shown}</text></annotation>", f"<text>{surface}</text></annotation>")
        changed[name] = content
    return changed


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    "sample",
    ["brat", "pubtator", "bioc-json", "bioc-xml", "labelstudio", "labelstudio-small", "jsonl", "bigbio"],
)
def test_offsets_in_another_unit_are_converted_where_texts_prove_it(tmp_path, sample, unit):
    wrong = miscounted(ODD, unit)
    folder = write_files(with_surfaces(SAMPLES[sample](wrong), ODD, wrong), tmp_path)
    found, report = read(folder)
    assert found == ODD
    assert (report["offsets"], report["counts"]) == (unit, {"moved_mentions": 3})


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("sample", ["prodigy", "doccano", "doccano-relations"])
def test_offsets_in_another_unit_are_explained_where_nothing_proves_it(tmp_path, sample, unit):
    folder = write_files(SAMPLES[sample](miscounted(ODD, unit)), tmp_path)
    with pytest.raises(ProjectError, match=f"1 of 4 mentions .* and 4 if they count .*corpus_offsets {unit}") as caught:
        read(folder)
    assert "asthma" not in str(caught.value)
    found, report = read(folder, offsets=unit)
    assert (found, report["offsets"]) == (ODD, unit)


def test_offsets_that_are_wrong_for_no_reason_are_counted_or_refused(tmp_path):
    folder = write_files(SAMPLES["jsonl"](many(10)), tmp_path / "few")
    path = folder / "part-00000.jsonl"
    path.write_text(path.read_text().replace('"text": "Gout"', '"text": "Pain"', 2))
    assert read(folder)[1]["counts"] == {"misplaced_mentions": 2}
    path.write_text(path.read_text().replace('"text": "Gout"', '"text": "Pain"'))
    with pytest.raises(ProjectError, match="10 of 10 mentions are not where their text is"):
        read(folder)
    assert read(folder, offsets="characters")[1]["counts"] == {"misplaced_mentions": 10}


@pytest.mark.parametrize(
    ("text", "offsets", "unit"),
    [
        ("Hx:\r\ngout\r\npain", [(4, 8), (9, 13)], "lf"),
        ("Hx:\ngout\npain", [(5, 9), (11, 15)], "crlf"),
        ("\ufeffHx:\ngout\npain", [(5, 9), (10, 14)], "bom"),
        ("\ufeffHx:\ngout\npain", [(4, 8), (9, 13)], "characters"),
        ("Hx:\r\ngout\r\npain", [(5, 9), (11, 15)], "characters"),
    ],
)
def test_line_ends_and_byte_order_marks_move_no_mention(tmp_path, text, offsets, unit):
    rows = "".join(
        f"T{n}\tFinding {start} {end}\t{word}\r\n"
        for n, ((start, end), word) in enumerate(zip(offsets, ("gout", "pain"), strict=True), 1)
    )
    others = SAMPLES["brat"]({"b": ("Aspirin", []), "c": ("No pain.", [])})
    found, report = read(write_files({"a.txt": text, "a.ann": f"\ufeff{rows}"} | others, tmp_path))
    whole, mentions = found["a"]
    assert whole == text.removeprefix("\ufeff")
    assert [whole[start:end] for _, start, end in mentions] == ["gout", "pain"]
    assert report["offsets"] == unit


@pytest.mark.parametrize("sample", [name for name in SAMPLES if not name.startswith(("brat", "docbin", "datasets"))])
@pytest.mark.parametrize("change", ["bom", "crlf"])
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path, sample, change):
    files = SAMPLES[sample](notes_for(sample))
    ((name, content),) = files.items()
    changed = f"\ufeff{content}" if change == "bom" else content.replace("\n", "\r\n")
    assert read(write_files({name: changed}, tmp_path))[0] == notes_for(sample)


WINDOWS = {
    "a": ("Hx:\r\ngout\r\npain", [("Finding", 5, 9), ("Finding", 11, 15)]),
    "b": ("Aspirin", [("Drug", 0, 7)]),
    "c": ("No pain.", []),
}
# In XML a line end is one character whatever the file has, and PubTator's texts are single lines.
KEEP_LINE_ENDS = [name for name in SAMPLES if name not in (*OF_WORDS, "pubtator", "bioc-xml")]


@pytest.mark.parametrize("sample", KEEP_LINE_ENDS)
def test_windows_line_ends_in_a_text_are_characters_of_it(tmp_path, sample):
    found, report = read(write_files(SAMPLES[sample](WINDOWS), tmp_path))
    assert (found, report["offsets"], report["counts"]) == (WINDOWS, "characters", {})


@pytest.mark.parametrize("sample", ["bioc-json", "labelstudio", "labelstudio-small", "jsonl"])
def test_offsets_of_a_tool_that_reads_line_ends_as_one_character_are_converted(tmp_path, sample):
    seen = {**WINDOWS, "a": ("Hx:\ngout\npain", [("Finding", 4, 8), ("Finding", 9, 13)])}
    ((name, content),) = SAMPLES[sample](seen).items()
    changed = content.replace(json.dumps(seen["a"][0]), json.dumps(WINDOWS["a"][0]))
    assert changed != content
    found, report = read(write_files({name: changed}, tmp_path))
    assert (found, report["offsets"], report["counts"]) == (WINDOWS, "lf", {"moved_mentions": 2})


@pytest.mark.parametrize("sample", [name for name in SAMPLES if name not in ("brat", "datasets")])
@pytest.mark.parametrize("packed", [".gz", ".zst"])
def test_files_can_be_compressed(tmp_path, sample, packed):
    ((name, content),) = SAMPLES[sample](notes_for(sample)).items()
    content = content if isinstance(content, bytes) else content.encode()
    codec = {".gz": "gzip", ".zst": "zstd"}[packed]
    write_files({f"{name}{packed}": pa.compress(content, codec=codec, asbytes=True)}, tmp_path)
    assert read(tmp_path)[0] == notes_for(sample)


OVERLAPPING = {"a": ("Gouty arthritis x", [("Finding", 0, 15), ("Finding", 6, 15), ("Odd type", 0, 5)])}


@pytest.mark.parametrize(
    "sample", [name for name in SAMPLES if name not in ("docbin", "conll", "datasets", "brat", "pubtator")]
)
def test_overlapping_spans_and_unknown_labels_are_kept_for_convert_to_judge(tmp_path, sample):
    notes = {**NOTES, **OVERLAPPING}
    found, report = read(write_files(SAMPLES[sample](notes), tmp_path))
    assert found == notes
    assert sum(report[split]["types"].get("Odd type", 0) for split in ("train", "dev", "test")) == 1


@pytest.mark.parametrize("sample", ["brat", "pubtator"])
def test_overlapping_spans_are_kept_in_formats_whose_labels_have_no_spaces(tmp_path, sample):
    notes = {**NOTES, "a": ("Gouty arthritis", [("Finding", 0, 15), ("Odd", 6, 15)])}
    assert read(write_files(SAMPLES[sample](notes), tmp_path))[0] == notes


@pytest.mark.parametrize("sample", ["conll", "datasets", "docbin"])
def test_unknown_labels_are_kept_in_formats_without_overlaps(tmp_path, sample):
    notes = notes_for(sample, {**NOTES, "a": ("Gouty arthritis", [("Odd", 0, 5), ("Finding", 6, 15)])})
    found, report = read(write_files(SAMPLES[sample](notes), tmp_path))
    assert found == notes
    assert sum(report[split]["types"].get("Odd", 0) for split in ("train", "dev", "test")) == 1


# In formats of words, that is a mark without rows, or a row without tokens.
@pytest.mark.parametrize("sample", OF_WORDS)
def test_a_document_without_words_is_left_out_and_counted(tmp_path, sample):
    ((name, content),) = SAMPLES[sample](spaced(NOTES)).items()
    if sample == "conll":
        files = {name: f"-DOCSTART- (d)\n\n{content}"}
    else:
        rows = [{"id": "d", "tokens": [], "ner_tags": []}]
        rows += [
            {"id": note, "tokens": tokens, "ner_tags": tags} for note, (tokens, tags) in words(spaced(NOTES)).items()
        ]
        files = {"notes.jsonl": lines(rows)}
    found, report = read(write_files(files, tmp_path))
    assert (found, report["counts"]) == (spaced(NOTES), {"empty_documents": 1})


# A document without words has no rows in formats of words.
@pytest.mark.parametrize("sample", [name for name in SAMPLES if name not in OF_WORDS])
@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_document_is_left_out_and_counted(tmp_path, sample, text):
    found, report = read(write_files(SAMPLES[sample]({**NOTES, "d": (text, [])}), tmp_path))
    assert (found, report["counts"]) == (NOTES, {"empty_documents": 1})


@pytest.mark.parametrize("sample", [name for name in SAMPLES if name != "brat"])
def test_a_copy_is_left_out_and_two_documents_with_one_id_are_refused(tmp_path, sample):
    notes = notes_for(sample)
    for number, other in enumerate((notes["a"], notes["b"])):
        folder = tmp_path / str(number)
        write_files(SAMPLES[sample](notes), folder / "one")
        write_files(SAMPLES[sample]({"a": other}), folder / "two")
        if other == notes["a"]:
            found, report = read(folder)
            assert (found, report["counts"]) == (notes, {"copies_of_documents": 1})
            continue
        with pytest.raises(ProjectError, match="Two documents have the id 'a', and they differ") as caught:
            read(folder)
        assert "Aspirin" not in str(caught.value)


@pytest.mark.parametrize("sample", [name for name in SAMPLES if name != "brat"])
def test_a_file_that_is_cut_short_is_refused_without_a_word_of_it(tmp_path, sample):
    ((name, content),) = SAMPLES[sample](notes_for(sample)).items()
    content = content if isinstance(content, bytes) else content.encode()
    cut = content[: len(content) * 2 // 3]
    write_files({name: cut}, tmp_path)
    if sample in ("pubtator", "conll"):
        # Lines: what is left of them can be read, or is one document too few to split.
        with pytest.raises(ProjectError):
            read(tmp_path)
        return
    with pytest.raises(ProjectError) as caught:
        read(tmp_path, format=format_of(sample))
    assert not any(word in str(caught.value) for word in ("asthma", "Aspirin", "Gout"))


def test_answers_of_prodigy_decide_and_drafts_are_not_gold(tmp_path):
    rows = [json.loads(line) for line in SAMPLES["prodigy"](many(6))["notes.jsonl"].splitlines()]
    for row, change in zip(
        rows, [{}, {}, {}, {"answer": "reject"}, {"answer": "ignore"}, {"_is_binary": True}], strict=True
    ):
        row.update(change)
    draft = {key: value for key, value in rows[0].items() if key != "answer"} | {"meta": {"id": "draft"}}
    found, report = read(write_files({"notes.jsonl": lines([*rows, draft])}, tmp_path))
    assert sorted(found) == ["n0", "n1", "n2"]
    assert report["counts"] == {
        "tasks_with_answer_ignore": 1,
        "tasks_with_answer_reject": 1,
        "tasks_with_one_suggestion": 1,
        "uncorrected_drafts": 1,
    }


def test_label_studios_last_annotation_counts_and_skipped_tasks_do_not(tmp_path):
    tasks = json.loads(SAMPLES["labelstudio"](many(5))["project-1.json"])
    tasks[0]["annotations"].insert(0, {"result": []})
    tasks[1]["annotations"][0]["was_cancelled"] = True
    tasks[2]["predictions"], tasks[2]["annotations"] = [{"result": []}], []
    tasks[3]["annotations"][0]["result"].append({"type": "relation", "from_id": "r0", "to_id": "r0"})
    tasks[3]["annotations"][0]["result"].append(
        {"id": "r0", "type": "choices", "from_name": "is_negated", "value": {"choices": ["yes"]}}
    )
    drafted = {"attributes": {"is_negated": True, "is_family": True}, "kb_id": "D1", "text": ["denied"]}
    tasks[3]["annotations"][0]["result"][0]["meta"] = drafted
    corpus, report = read_corpus_files(write_files({"p.json": json.dumps(tasks)}, tmp_path))
    assert report["counts"] == {
        "drafted_attributes": 1,
        "drafted_ids": 1,
        "further_annotations_of_a_task": 1,
        "relations": 1,
        "skipped_tasks": 1,
        "uncorrected_drafts": 1,
    }
    entities = {document_id(record): annotations(record)[0] for records in corpus.values() for record in records}
    assert entities.keys() == {"n0", "n3", "n4"}
    assert entities["n3"]["attributes"] == [{"name": "is_negated", "value": '"yes"'}]
    assert entities["n3"]["normalized"] == []


def test_brats_discontinuous_mentions_attributes_and_notes(tmp_path):
    text = "Pain in hands\nand feet"
    rows = (
        "T1\tFinding 0 4;18 22\tPain feet\n"
        "T2\tFinding 5 22\tin hands and feet\n"
        "A1\tNegation T1\nM2\tCertainty-level T1 low\nA3\tsection T2 plan\n"
        "N1\tReference T1 UMLS:C0030193\tpain\n#1\tAnnotatorNotes T2\tD010146\n#2\tAnnotatorNotes T1\tnot sure\n"
        '#3\tAnnotatorNotes T2\tdose={"value": 5}\nR1\tof Arg1:T1 Arg2:T2\nA4\tSpeculation E1\n'
        "E1\tFinding:T1 of:T2\n*\tsame T1 T2\n"
    )
    files = {"a.txt": text, "a.ann": rows, "b.txt": "Not annotated."} | SAMPLES["brat"](many(2))
    corpus, report = read_corpus_files(write_files(files, tmp_path))
    (record,) = (record for records in corpus.values() for record in records if document_id(record) == "a")
    first, second = annotations(record)
    assert (first["offsets"], second["offsets"]) == ([[0, 4], [18, 22]], [[5, 22]])
    assert (first["text"], second["text"]) == (["Pain", "feet"], ["in hands and feet"])
    assert first["normalized"] == [{"db_name": "UMLS", "db_id": "C0030193"}]
    assert second["normalized"] == [{"db_name": "kb", "db_id": "D010146"}]
    assert first["attributes"] == [
        {"name": "Negation", "value": "true"},
        {"name": "Certainty_level", "value": '"low"'},
    ]
    assert second["attributes"] == [
        {"name": "section", "value": '"plan"'},
        {"name": "dose", "value": '{"value":5}'},
    ]
    assert report["counts"] == {
        "attributes_of_others": 1,
        "documents_without_annotations": 1,
        "events": 1,
        "notes": 1,
        "relations": 2,
    }


def test_two_files_of_brat_whose_names_are_one_id_are_refused(tmp_path):
    files = SAMPLES["brat"](NOTES) | {"%61.txt": "Other", "%61.ann": ""}
    with pytest.raises(ProjectError, match=r"Two documents have the id 'a', and they differ \(%61\.txt, a\.txt\)"):
        read(write_files(files, tmp_path))


def test_what_the_command_says(tmp_path):
    path = write_files(SAMPLES["doccano"](miscounted(ODD, "utf-16")), tmp_path) / "admin.jsonl"
    app = typer.Typer()
    app.command()(fetch_corpus_cli)
    given = ["private", str(tmp_path / "out"), "--source", str(path)]
    refused = CliRunner().invoke(app, given)
    assert refused.exit_code == 1
    assert "--vars.corpus_offsets utf-16" in " ".join(refused.output.split())
    done = CliRunner().invoke(app, [*given, "--format", "doccano", "--offsets", "utf-16", "--seed", "3"])
    assert done.exit_code == 0
    shown = " ".join(done.output.split())
    assert "1 files (doccano); splits train, dev, test: at random from all documents, with the seed 3" in shown
    assert "Offsets count UTF-16 code units" in shown and "moved mentions: 3" in shown
    assert "asthma" not in shown


@pytest.mark.parametrize(
    "row",
    ["T1\tFinding\tgout", "T9\tFinding 0 4\tgout", "T1\tFinding 0 x\tgout", "T1 Finding 0 4 gout", "what is this"],
)
def test_a_malformed_line_of_brat_is_named_and_not_quoted(tmp_path, row):
    folder = write_files({"a.txt": "gout", "a.ann": f"T9\tFinding 0 4\tgout\n{row}\n"}, tmp_path)
    with pytest.raises(ProjectError, match=r"a\.ann, line 2: not brat's standoff") as caught:
        read(folder)
    assert "gout" not in str(caught.value)


SCHEMES = {
    "IOB1": ("I-D I-D B-D O I-D", 2),
    "IOB2": ("B-D I-D B-D O B-D", 0),
    "BILUO": ("B-D L-D U-D O U-D", 0),
    "BIOES": ("B-D E-D S-D O S-D", 0),
    "BMES": ("B_D E_D S_D O S_D", 0),
}


@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("delimiter", [" ", "\t"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_conll_in_each_scheme_and_number_of_columns(tmp_path, scheme, delimiter, columns):
    tags, without_beginning = SCHEMES[scheme]
    rows = [
        delimiter.join([word, *["X"] * (columns - 2), tag])
        for word, tag in zip(["acute", "gout", "asthma", "and", "pain"], tags.split(), strict=True)
    ]
    document = "\n".join(rows)
    others = [delimiter.join([f"word{number}", *["X"] * (columns - 2), "O"]) for number in range(3)]
    parts = [f"{document}\n\n{others[0]}", others[1], others[2]]
    content = "".join(f"-DOCSTART- -X- O O\n\n{part}\n\n" for part in parts)
    found, report = read(write_files({"a.txt": content}, tmp_path))
    text, mentions = found["a:1"]
    assert text == "acute gout asthma and pain\nword0"
    assert mentions == [("D", 0, 10), ("D", 11, 17), ("D", 22, 26)]
    expected = {"mentions_that_begin_with_I": without_beginning} if without_beginning else {}
    assert report["counts"] == expected


def test_conll_without_marks_is_a_document_for_each_sentence(tmp_path):
    found, _ = read(write_files({"a.iob": "gout B-D\n\nno O\npain B-D\n\nwell O\n"}, tmp_path))
    assert found == {"a:1": ("gout", [("D", 0, 4)]), "a:2": ("no pain", [("D", 3, 7)]), "a:3": ("well", [])}


def test_conll_with_ids_in_its_marks(tmp_path):
    content = "###MEDLINE:95\n\ngout B\n\n# newdoc id = n7\n# text = pain\npain O\n\n-DOCSTART- (x9)\n\nwell O\n"
    found, _ = read(write_files({"a.conll": content}, tmp_path))
    assert found == {"95": ("gout", [("Entity", 0, 4)]), "n7": ("pain", []), "x9": ("well", [])}


@pytest.mark.parametrize("content", ["gout B-D\npain X O\n", "gout\tB-D\npain\n"])
def test_conll_with_another_number_of_columns_is_refused(tmp_path, content):
    with pytest.raises(ProjectError, match=r"a\.conll, line 2: [13] columns, and 2 are expected") as caught:
        read(write_files({"a.conll": content}, tmp_path), format="conll")
    assert "pain" not in str(caught.value)


@pytest.mark.parametrize("name", ["notes.zip", "notes.md", "data.json", "a.txt"])
def test_what_is_no_annotated_document_is_refused(tmp_path, name):
    with pytest.raises(ProjectError, match="holds no annotated documents whose format is recognised"):
        read(write_files({name: "{}" if name == "data.json" else "SECRET words"}, tmp_path) / name)


def test_other_files_in_a_folder_are_named_in_the_report(tmp_path):
    files = {"README.md": "x", "readme.txt": "Some words", "export.json": '{"version": 1}'}
    _, report = read(write_files(files | SAMPLES["prodigy"](NOTES), tmp_path))
    assert report["files_not_read"] == ["export.json", "readme.txt"]


@pytest.mark.parametrize(
    ("options", "why"),
    [({"format": "word"}, "Unknown format 'word'"), ({"offsets": "inches"}, "Unknown unit 'inches'")],
)
def test_unknown_options_are_refused(tmp_path, options, why):
    with pytest.raises(ProjectError, match=why):
        read(write_files(SAMPLES["prodigy"](NOTES), tmp_path), **options)


def test_two_documents_are_too_few_to_split(tmp_path):
    with pytest.raises(ProjectError, match="2 documents with a text of their own can't be split"):
        read(write_files(SAMPLES["prodigy"](many(2)), tmp_path))
