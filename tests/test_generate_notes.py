"""Synthetic notes: offsets by construction, splits that share nothing, the same bytes for the same seed."""

import os
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
import srsly
from faker import Faker
from hypothesis import given, settings
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from scripts.errors import ProjectError
from scripts.generate_notes import N_TRAIN, generate_note, generate_notes, generate_notes_cli, split_records
from scripts.records.attributes import read_attributes
from scripts.records.bigbio import SPLITS, read_records
from scripts.synthetic import FOLDER
from scripts.synthetic.patient import Patient
from scripts.synthetic.templates import (
    CONTEXTS,
    LAYOUTS,
    NOTE_TYPES,
    Section,
    parse_template,
    read_layouts,
    read_values,
)
from scripts.synthetic.terms import Term, read_terms, squeezed
from scripts.synthetic.text import MarkedMention, MarkedSection, MarkedText, joined
from scripts.synthetic.writer import Habits, write_section

VALUES = read_values()
TERMS = read_terms()
LAYOUTS_OF = {split: read_layouts(split, VALUES) for split in SPLITS}
DRUG, DIAGNOSIS = TERMS[0], TERMS[-1]

# Abbreviations that also stand for something else in notes, on purpose: room air, physical exam, emergency department,
# afebrile, mental status, systolic pressure, urinalysis, primary care physician, family history.
AMBIGUOUS = {"RA", "PE", "ED", "AF", "MS", "SBP", "UA", "PCP", "FH"}


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[dict]]:
    """The notes to train on by default, and enough of the others to see all constructs."""
    return {split: split_records(split, seed=0, count=N_TRAIN if split == "train" else 50) for split in SPLITS}


def passages(records: list[dict]) -> list[dict]:
    return [record["passages"][0] for record in records]


def marked(passage: dict) -> str:
    """Show a note with <D> for each diagnosis and <C> for each drug."""
    text = passage["text"]
    for entity in reversed(passage["entities"]):
        [[start, end]] = entity["offsets"]
        text = f"{text[:start]}<{entity['type'][0]}>{text[end:]}"
    return text


# The data


@pytest.mark.parametrize(("label", "minimum"), [("Chemical", 400), ("Disease", 400)])
def test_there_are_enough_terms(label, minimum):
    names = {squeezed(term.name) for term in TERMS if term.label == label and term.group not in ("symptom", "reaction")}
    assert len(names) >= minimum


@pytest.mark.parametrize("name", ["drugs.tsv", "diagnoses.tsv"])
def test_terms_are_sorted(name):
    names = [line.split("\t")[0].casefold() for line in (FOLDER / name).read_text("utf8").splitlines()[1:]]
    assert names == sorted(names)


def test_no_term_stands_in_a_term_of_another_split():
    def words(form):
        return tuple(re.findall(r"[a-z0-9]+", form.lower()))

    split_of = {words(form): term.split for term in TERMS for form in term.surface_forms}
    # One word may head names in all splits: "pain" and "flank pain", "insulin" and "insulin icodec".
    heads = {words(form) for term in TERMS if term.label == "Disease" for form in term.surface_forms if " " not in form}
    heads |= {("insulin",)}
    for form, split in split_of.items():
        parts = {form[start:end] for start, end in combinations(range(len(form) + 1), 2)}
        parts -= {part for part in parts if part in heads and part != form}
        assert {split_of[part] for part in parts if part in split_of} == {split}, form


def template_texts(split: str) -> list[str]:
    data = srsly.read_yaml(FOLDER / f"{split}.yaml")
    sections = [section for note in data["notes"].values() for section in note]
    headers = [header for section in sections for header in section.get("header", [])]
    lines = [line for section in sections for line in section.get("block", [])]
    return [*headers, *lines, *(text for texts in data["sentences"].values() for text in texts)]


def test_splits_share_no_template():
    # A template without a word of its own is a bare list item, which all splits have.
    shapes = {
        split: {
            re.sub(r"\{([a-z]+)\d?b?[.a-z]*", r"{\1", text).casefold()
            for text in template_texts(split)
            if re.search("[A-Za-z]{2}", re.sub(r"\{.*?\}", "", text))
        }
        for split in SPLITS
    }
    for one, other in combinations(SPLITS, 2):
        assert shapes[one] & shapes[other] == set()
    assert sum(map(len, shapes.values())) >= 400


def cue_wordings(split: str) -> set[tuple[str, ...]]:
    """Return the words of each template that gives a term a context, with X for a term, without punctuation."""
    texts = [text for text in template_texts(split) if re.search(rf"\.({'|'.join(CONTEXTS)})\b", text)]
    return {
        tuple(
            re.findall(r"[\w+-]+", re.sub(r"\{[^}]*\}", lambda slot: " X " if "." in slot[0] else " ", text.casefold()))
        )
        for text in texts
    }


def test_splits_share_no_wording_of_cues():
    wordings = {split: cue_wordings(split) for split in SPLITS}
    # "Allergic (reaction)" and the like are punctuation only.
    for one, other in combinations(SPLITS, 2):
        assert {words for words in wordings[one] & wordings[other] if set(words) - {"X", "-", "for"}} == set()
    assert min(map(len, wordings.values())) >= 40


def test_what_a_patient_has_not_is_never_said_to_be_there():
    for split in SPLITS:
        for text in template_texts(split):
            for kind in ("absent", "nosym", "lesion", "family", "allergen"):
                assert not re.search(rf"\{{{kind}\d?b?[:}}]", text), text


def test_templates_and_values_name_no_term():
    """What is written out is no mention, so no drug or diagnosis may be written out."""
    forms = {form for term in TERMS for form in term.surface_forms}
    as_written = {form for form in forms if form.isupper()} - AMBIGUOUS
    in_any_case = {form.lower() for form in forms if not form.isupper()}
    texts = [re.sub(r"\{(?!pick).*?\}", "\n", text) for split in SPLITS for text in template_texts(split)]
    # In BC5CDR a vaccine is neither a chemical nor the disease that it is against.
    texts += [value for name, values in VALUES.lists.items() if name != "vaccine" for value in values]
    texts += [word for each in VALUES.modifiers for word in (*each.before, *each.now, *each.after)]
    for text in texts:
        words = re.findall(r"[\w'-]+|[^\w\s]|\n", text)
        spans = {" ".join(words[start:end]) for start, end in combinations(range(len(words) + 1), 2)}
        assert not spans & as_written, text
        assert not {span.lower() for span in spans} & in_any_case, text


def test_common_diagnoses_are_trained_on():
    splits = {term.name: term.split for term in TERMS if term.label == "Disease"}
    assert {splits.get(name) for name in VALUES.common} == {"train"}
    assert len(VALUES.common) == len({*VALUES.common}) > 50


def test_common_diagnoses_are_frequent(corpus):
    common = {"term:" + name.replace(" ", "-").lower() for name in VALUES.common}
    ids = [
        entity["normalized"][0]["db_id"]
        for passage in passages(corpus["train"])
        for entity in passage["entities"]
        if entity["type"] == "Disease"
    ]
    # They are a fifth of the diagnoses.
    assert sum(each in common for each in ids) > 0.4 * len(ids)


# The notes


def terms_of(text: str, forms: dict[str, Term]) -> list[Term]:
    """Return the term with this form, or the two whose forms a "/" or "-" joins to a fixed combination."""
    if squeezed(text) in forms:
        return [forms[squeezed(text)]]
    cuts = [(text[: cut.start()], text[cut.end() :]) for cut in re.finditer("[/-]", text)]
    [pair] = [pair for pair in cuts if all(squeezed(part) in forms for part in pair)]
    return [forms[squeezed(part)] for part in pair]


@pytest.mark.parametrize("split", SPLITS)
def test_offsets_and_fields_are_exact(corpus, split):
    forms = {squeezed(form): term for term in TERMS if term.split == split for form in term.surface_forms}
    for number, passage in enumerate(passages(corpus[split]), start=1):
        assert passage["document_id"] == f"synthetic-{split}-{number:04}"
        assert passage["relations"] == []
        end_before = 0
        for entity in passage["entities"]:
            [[start, end]] = entity["offsets"]
            assert entity["text"] == [passage["text"][start:end]]
            assert end_before <= start < end
            end_before = end
            assert entity["normalized"][0]["db_name"] == "synthetic-term"
            ids = [each["db_id"] for each in entity["normalized"]]
            assert [term.ids[0] for term in terms_of(entity["text"][0], forms)] == ids
            assert {term.label for term in terms_of(entity["text"][0], forms)} == {entity["type"]}
            names = [*CONTEXTS.values(), *(["medication"] if entity["type"] == "Chemical" else [])]
            assert [attribute["name"] for attribute in entity["attributes"]] == names
        ids = [entity["id"] for entity in passage["entities"]]
        assert len(ids) == len(set(ids))


def test_splits_share_no_surface_form_and_no_term(corpus):
    seen = {
        split: {squeezed(entity["text"][0]) for passage in passages(corpus[split]) for entity in passage["entities"]}
        for split in SPLITS
    }
    for one, other in combinations(SPLITS, 2):
        assert seen[one] & seen[other] == set()


@pytest.mark.parametrize("split", SPLITS)
def test_all_note_types_and_layouts_are_there(corpus, split):
    assert set(Counter(passage["type"] for passage in passages(corpus[split])).values()) == {
        len(corpus[split]) // len(NOTE_TYPES)
    }
    assert {section.layout for sections in LAYOUTS_OF[split].values() for section in sections} == set(LAYOUTS)


CONSTRUCTS = {
    "a bullet": r"(?m)^ *[-*•] ?<[CD]>",
    "a numbered item": r"(?m)^\d+[.)] <[CD]>",
    "a line end in a sentence": r"[a-z]\n *[a-z]",
    "vital signs": r"(?i)\b(bp|hr|pulse)\b.* \d+",
    "lab values": r"(?i)\b(sodium|potassium|k\+|na|wbc|cbc|bmp|hgb|hb)\b:? \d",
    "a dose, route and frequency": r"(?i)<C>,? .*\d+ ?(mg|mcg|units|puffs?|tablets?)\b.*"
    r"\b(PO|SC|IV|IM|SL|inhaled|orally|by mouth|subcutaneously|oral)\b.*"
    r"(daily|BID|TID|QID|QHS|nightly|weekly|every|each|once|twice|times|q\d|hourly|at night|at bedtime|morning|OD)",
    "a dose before or after a drug": r"<C>[ ,]+\d+(\.\d+)? (mg|mcg)\b",
    "a generic name with its brand": r"<C> (\(|\[|/ brand )<C>",
    "two diagnoses and a slash": r"<D> ?/ ?<D>",
    "a drug and a hyphen": r"<C>-(induced|related|associated|resistant)",
    "a diagnosis and a hyphen": r"<D>-(related|associated)|[Nn]on-<D>",
    "a negated symptom": r"(?i)(den(ies|ied|ying)|no|without|absent|-) ?<D>",
    "no evidence of a diagnosis": r"(?i)(no\s+evidence\s+of|excluded|without|ruled\s+out\s+for|doubt)\s+<D>",
    "a past diagnosis": r"(?i)(history\s+of|hx\s+of|remote|resolved:|old|in the past:)\s+<D>",
    "a relative's diagnosis": r"(?i)(mother|father|sister|brother|aunt|uncle|grandmother|grandfather)\b[^.]{0,40}<D>",
    "an allergy": r"<C>(:| \(| - | causes | -> | & <C> \()<?[D1-9]",
    "a drug for a diagnosis": r"(?i)<C>[^.\n]* (for|indication) (your )?<D>|<D>[^.\n]*(on|with|->) <C>",
}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_each_construct_is_there(corpus, split, construct):
    found = sum(bool(re.search(CONSTRUCTS[construct], marked(passage))) for passage in passages(corpus[split]))
    assert found >= 2


@pytest.mark.parametrize("split", SPLITS)
def test_mentions_come_in_all_styles(corpus, split):
    style_of = {
        squeezed(form): style
        for term in TERMS
        if term.split == split
        for style, forms in term.forms.items()
        for form in forms
    }
    entities = [entity for passage in passages(corpus[split]) for entity in passage["entities"]]
    texts = [entity["text"][0] for entity in entities if len(entity["normalized"]) == 1]
    styles = Counter(style_of[squeezed(text)] for text in texts)
    assert min(styles[style] for style in ("name", "synonym", "short", "brand")) > 0.02 * len(texts)
    assert styles["misspelled"] > 0.01 * len(texts)
    assert sum("\n" in text for text in texts) > 0.005 * len(texts)


def test_lengths_span_the_range(corpus):
    lengths = [len(passage["text"].split()) for split in SPLITS for passage in passages(corpus[split])]
    assert 40 <= min(lengths) <= 60
    assert 1200 <= max(lengths) <= 2000


@settings(max_examples=30)
@given(seed=st.integers(), split=st.sampled_from(SPLITS), note_type=st.sampled_from(NOTE_TYPES))
def test_any_seed_gives_a_note_with_exact_mentions(seed, split, note_type):
    fake = Faker("en_US")
    fake.seed_instance(seed)
    terms = [term for term in TERMS if term.split == split]
    note = generate_note(LAYOUTS_OF[split][note_type], terms, VALUES, fake)
    assert 40 <= len(note.text.split()) <= 2000
    end_before = 0
    for start, end, term, *_ in note.mentions:
        form = " ".join(note.text[start:end].split())
        forms = {squeezed(each): part for part in term.parts or (term,) for each in part.surface_forms}
        assert terms_of(form, forms) == list(term.parts or (term,))
        assert end_before <= start
        end_before = end


# Context and sections


def true_attributes(entity: dict) -> set[str]:
    return {name for name, value in read_attributes(entity).items() if value is True}


@pytest.mark.parametrize("split", SPLITS)
def test_every_context_is_there_for_diagnoses_and_drugs(corpus, split):
    entities = [entity for passage in passages(corpus[split]) for entity in passage["entities"]]
    counts = Counter((entity["type"], name) for entity in entities for name in true_attributes(entity))
    present = Counter(entity["type"] for entity in entities if not true_attributes(entity))
    for name in CONTEXTS.values():
        assert (counts["Disease", name] >= 5) == (name != "is_allergy")
        assert (counts["Chemical", name] >= 1) == (name not in ("is_family", "is_uncertain"))
    assert 0.3 < present["Disease"] / sum(entity["type"] == "Disease" for entity in entities) < 0.7
    assert 0.7 < present["Chemical"] / sum(entity["type"] == "Chemical" for entity in entities) < 0.95


@pytest.mark.parametrize("split", SPLITS)
def test_sections_follow_each_other_and_titles_stand_alone_before_them(corpus, split):
    seen = set()
    for passage in passages(corpus[split]):
        text, end_before = passage["text"], 0
        for section in passage["sections"]:
            (start, end), (body, body_end) = section["title"], section["body"]
            assert end_before <= start < end < body < body_end <= len(text)
            assert text[start].isalnum()
            assert text[end - 1].isalnum()
            assert not re.search("[A-Za-z]", text[text.rfind("\n", 0, start) + 1 : start] + text[end:body])
            end_before = body_end
            seen.add(section["category"])
    assert seen == {section.category for sections in LAYOUTS_OF[split].values() for section in sections} - {""}


@pytest.mark.parametrize(
    ("category", "text", "attributes"),
    [
        ("past_medical_history", "{dx1}, on {med1}", [{"is_historical"}, set()]),
        ("problem_list", "{dx1}, on {med1}", [set(), set()]),
        ("family_history", "no {family1.negated}", [{"is_family", "is_negated"}]),
        ("allergies", "{allergen1}: {reaction1}", [{"is_allergy"}, set()]),
        (
            "observation_and_plan",
            "{dx1.past.possible:short}/{dx1b.planned}",
            [{"is_historical", "is_uncertain"}, {"is_hypothetical"}],
        ),
    ],
)
def test_a_mention_has_the_context_of_its_sentence_and_its_heading(category, text, attributes):
    fake = Faker("en_US")
    fake.seed_instance(0)
    patient = Patient(fake, [term for term in TERMS if term.split == "train"], VALUES, topics=3, stay=1)
    section = Section("lines", category, (parse_template("## 1. PMH:", VALUES, ""),), (), (1, 1), (1, 1))
    written = write_section(section, [parse_template(text, VALUES, "")], patient, Habits.by_chance(fake.random))
    assert [mention.attributes for mention in written.mentions] == attributes
    assert written.sections == (MarkedSection(category, (6, 9), (11, len(written.text))),)


# The same seed


def test_same_seed_same_bytes_whatever_the_process(tmp_path):
    numbers = {"n_train": 6, "n_dev": 5, "n_test": 5}
    generate_notes(tmp_path / "here", seed=3, **numbers)
    options = [f"--{name.replace('_', '-')}={number}" for name, number in numbers.items()]
    command = [sys.executable, "-m", "scripts.generate_notes", str(tmp_path / "there"), "--seed=3", *options]
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"}
    subprocess.run(command, check=True, cwd=FOLDER.parents[2], env=environment, capture_output=True)
    generate_notes(tmp_path / "other", seed=4, **numbers)
    for split in SPLITS:
        name = f"{split}.jsonl"
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
        assert (tmp_path / "here" / name).read_bytes() != (tmp_path / "other" / name).read_bytes()
        assert len(read_records(tmp_path / "here" / name)) == numbers[f"n_{split}"]


def test_a_note_does_not_depend_on_how_many_there_are(corpus):
    assert split_records("dev", seed=0, count=2) == corpus["dev"][:2]


# The text


@pytest.mark.parametrize(
    ("before", "width", "indent", "text", "mention"),
    [
        ("no ", 80, 0, "no aspirin now", "aspirin"),
        ("no ", 10, 0, "no aspirin\nnow", "aspirin"),
        ("no ", 9, 0, "no\naspirin\nnow", "aspirin"),
        ("no ", 10, 2, "no aspirin\n  now", "aspirin"),
        ("no ", 9, 3, "no\n   aspirin\n   now", "aspirin"),
        ("no baby ", 9, 2, "no baby\n  aspirin\n  now", "aspirin"),
    ],
)
def test_wrapping_moves_mentions(before, width, indent, text, mention):
    wrapped = joined([before, MarkedText.of_term("aspirin", DRUG), " now"]).wrapped(width, indent)
    assert wrapped.text == text
    [(start, end, *_)] = wrapped.mentions
    assert wrapped.text[start:end] == mention


def test_a_mention_may_wrap():
    note = joined(["no ", MarkedText.of_term("chronic kidney disease", DIAGNOSIS), "."]).wrapped(12, 2)
    assert note.text == "no chronic\n  kidney\n  disease."
    assert note.mentions == (MarkedMention(3, 29, DIAGNOSIS),)


words = st.text("ab-/", min_size=1, max_size=9)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.booleans(), st.lists(words, min_size=1, max_size=4)), min_size=1, max_size=12),
    st.integers(20, 80),
    st.integers(0, 6),
)
def test_wrapping_keeps_every_mention(pieces, width, indent):
    texts = [(is_mention, " ".join(words)) for is_mention, words in pieces]
    note = joined([MarkedText.of_term(text, DRUG) if is_mention else text for is_mention, text in texts], " ")
    wrapped = note.wrapped(width, indent)
    found = [" ".join(wrapped.text[start:end].split()) for start, end, *_ in wrapped.mentions]
    assert found == [text for is_mention, text in texts if is_mention]
    assert max(map(len, wrapped.text.split("\n"))) <= width
    assert wrapped.text.split() == note.text.split()


@pytest.mark.parametrize(("text", "capital"), [("no rales", "No rales"), ("tPA given", "tPA given"), ("5 mg", "5 mg")])
def test_first_word_gets_a_capital(text, capital):
    assert MarkedText(text).capitalized().text == capital


# Faults


GOOD_DRUG = "aspirin\ttrain\tclot\t\tASA\t\tEcotrin\t81 mg\tPO\tdaily\t"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["aspirin\ttrain"], "line 2 has 2 cells"),
        ([GOOD_DRUG, GOOD_DRUG.replace("train", "valid").replace("aspirin", "x")], "line 3 has the split 'valid'"),
        ([GOOD_DRUG.replace("clot", "")], "line 2 has an empty cell for group"),
        ([GOOD_DRUG.replace("PO", "")], "line 2 has an empty cell for route"),
        ([GOOD_DRUG.replace("ASA", "ASA; ")], "stray spaces in short"),
        ([GOOD_DRUG, GOOD_DRUG.replace("aspirin", "acetylsalicylate")], "'ASA' is a form of two terms"),
        ([GOOD_DRUG.replace("ASA", "HT-N")], "'HTN' is a form of two terms"),
        ([GOOD_DRUG + "warfarin"], "its partner 'warfarin' is not"),
    ],
)
def test_a_malformed_term_is_refused(tmp_path, lines, message):
    header = (FOLDER / "drugs.tsv").read_text("utf8").splitlines()[0]
    (tmp_path / "drugs.tsv").write_text("\n".join([header, *lines]) + "\n", "utf8")
    (tmp_path / "diagnoses.tsv").write_bytes((FOLDER / "diagnoses.tsv").read_bytes())
    with pytest.raises(ProjectError, match=re.escape(message)):
        read_terms(tmp_path)


def test_a_file_of_terms_with_other_columns_is_refused(tmp_path):
    (tmp_path / "drugs.tsv").write_text("drug\tbrand\n", "utf8")
    with pytest.raises(ProjectError, match="line 1 does not name this file's columns"):
        read_terms(tmp_path)


GOOD_SECTION = {"header": "PMH:", "category": "past_medical_history", "bullets": "problems"}
GOOD_NOTES = {note_type: [GOOD_SECTION] for note_type in NOTE_TYPES}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"notes": GOOD_NOTES}, "does not have the right parts"),
        ({"notes": {}, "sentences": {"problems": ["{dx1}"]}}, "lays out the notes []"),
        ({"notes": GOOD_NOTES, "sentences": {"history": ["{dx1}"]}}, "draws from 'problems'"),
        ({"notes": GOOD_NOTES, "sentences": {"problems": "{dx1}"}}, "is not a list of templates"),
        ({"notes": GOOD_NOTES, "sentences": {"problems": [""]}}, "an empty template"),
        ({"notes": GOOD_NOTES, "sentences": {"problems": ["{dx1"]}}, "is no template"),
        ({"notes": GOOD_NOTES, "sentences": {"problems": ["{disease}"]}}, "has the slot 'disease'"),
        ({"notes": GOOD_NOTES, "sentences": {"problems": ["{dx1:long}"]}}, "'long' in the slot 'dx1'"),
        ({"notes": GOOD_NOTES, "sentences": {"problems": ["{number:5}"]}}, "'5' in the slot 'number'"),
        ({"notes": GOOD_NOTES, "sentences": {"problems": ["{drug1} {dose2}"]}}, "a dose of no drug"),
        (
            {"notes": {**GOOD_NOTES, "progress_note": [{"table": "problems"}]}, "sentences": {"problems": ["{dx1}"]}},
            "progress_note, section 1 has the keys ['table']",
        ),
        (
            {
                "notes": {**GOOD_NOTES, "progress_note": [{**GOOD_SECTION, "category": "x"}]},
                "sentences": {"problems": ["a"]},
            },
            "progress_note, section 1 has the category 'x'",
        ),
        (
            {
                "notes": {**GOOD_NOTES, "progress_note": [{"prose": "problems", "category": "allergies"}]},
                "sentences": {"problems": ["a"]},
            },
            "progress_note, section 1 has the category 'allergies'",
        ),
        ({"notes": GOOD_NOTES, "sentences": {"problems": ["{dx1.gone}"]}}, "has the context '.gone'"),
        ({"notes": GOOD_NOTES, "sentences": {"problems": ["{date.past}"]}}, "has the context '.past'"),
        (
            {
                "notes": {**GOOD_NOTES, "progress_note": [{"prose": "problems", "count": [3, 1]}]},
                "sentences": {"problems": ["{dx1}"]},
            },
            "has [3, 1] for count or repeat",
        ),
    ],
)
def test_malformed_templates_are_refused(tmp_path, data, message):
    srsly.write_yaml(tmp_path / "dev.yaml", data)
    with pytest.raises(ProjectError, match=re.escape(message)):
        read_layouts("dev", VALUES, tmp_path)


def test_no_notes_for_a_split_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ProjectError, match="dev can't have 0 notes"):
        generate_notes(tmp_path / "notes", seed=0, n_train=1, n_dev=0, n_test=1)
    assert list(tmp_path.iterdir()) == []


def test_command_line(tmp_path: Path):
    app = Typer()
    app.command()(generate_notes_cli)
    output = tmp_path / "notes"
    result = CliRunner().invoke(app, [str(output), "--n-train", "2", "--n-dev", "1", "--n-test", "1"])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in output.iterdir()) == ["dev.jsonl", "test.jsonl", "train.jsonl"]
    (tmp_path / "file").write_text("", "utf8")
    result = CliRunner().invoke(app, [str(tmp_path / "file" / "notes")])
    assert result.exit_code == 1
    assert "exist" in result.output or "directory" in result.output
