"""The component links mentions, is saved with the pipeline, and survives any text."""

import os
import pickle
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import Doc, Span

from scripts.clinical_ner.linking import matcher as module
from scripts.clinical_ner.linking.index import build_index
from scripts.clinical_ner.linking.linker import THRESHOLD, Linker
from scripts.clinical_ner.linking.queries import Query
from scripts.clinical_ner.registration import register
from tests.clinical_ner.linking.vocabulary import CONCEPTS, GROUPS, make_matcher

register()


@pytest.fixture(scope="module")
def linker() -> Linker:
    """Return a linker of the small vocabulary."""
    linker = Linker()
    linker.matcher, linker.vocabulary = make_matcher(), {"name": "small"}
    return linker


def best(linker: Linker, surface: str, label: str = "Disease", long: str = "") -> str:
    """Return the id of a mention's best candidate."""
    candidates = linker.link(Query(surface, long or surface, label))
    return candidates[0].id if candidates else ""


@pytest.mark.parametrize(
    ("surface", "label", "expected"),
    [
        ("hypertension", "Disease", "D006973"),
        ("High blood pressure", "Disease", "D006973"),
        ("HTN", "Disease", "D006973"),
        ("kidney failures", "Disease", "D051437"),
        ("nephropathies", "Disease", "D007674"),
        ("propranolol hydrochloride 40 mg", "Chemical", "D011433"),
        ("acid, acetylsalicylic", "Chemical", "D001241"),
        ("aspirins", "Chemical", "D001241"),
        # The same form for two labels.
        ("cold", "Disease", "C000001"),
        ("cold", "Chemical", "D001241"),
        # A label that the vocabulary does not know.
        ("Aspirin", "Procedure", "D001241"),
        ("hepatic and renal toxicity", "Disease", "D056486|D999999"),
        ("", "Disease", ""),
        ("+/-", "Disease", ""),
        ("x" * 5000, "Disease", ""),
        ("hypertension " * 400, "Disease", ""),
    ],
)
def test_mentions(linker, surface, label, expected):
    assert best(linker, surface, label) == expected


@pytest.mark.parametrize("surface", ["高血压", "гипертония", "\U0001f600", "\x00", "a\tb\n", "é" * 199, "ﬀ ", "-", "1"])
def test_any_text_is_survived(linker, surface):
    for candidate in linker.link(Query(surface, surface, "Disease")):
        assert 0 <= candidate.score <= 1 and candidate.id


@pytest.mark.parametrize(
    ("surface", "beside", "expected"),
    [
        ("SM-5887", "Aspirin", "D001241"),
        ("SM-5887", "acid, acetylsalicylic", "D001241"),
        # A name that is known needs none.
        ("propranolol", "Aspirin", "D011433"),
        ("SM-5887", "", ""),
        ("SM-5887", "what", ""),
    ],
)
def test_an_unknown_name_is_what_it_is_beside(linker, surface, beside, expected):
    candidates = linker.link(Query(surface, surface, "Chemical", beside))
    assert (candidates[0].id if candidates else "") == expected


@pytest.mark.parametrize(
    "surface",
    [
        "x" * 5000,
        "hypertension" * 400,
        "+/-" * 1600,
        "+/-",
        "...",
        "\u2014",
        "高血压",
        "гипертония",
        "υπέρταση",
        "ارتفاع ضغط الدم",
        "उच्च रक्तचाप",
        "\U0001f600",
        "12",
    ],
)
@pytest.mark.parametrize("label", ["Disease", "Chemical", "Procedure"])
def test_what_is_no_name_gets_no_id(linker, surface, label):
    by_default = Linker(threshold=THRESHOLD)
    by_default.matcher = linker.matcher
    doc = Doc(spacy.blank("en").vocab, words=["No", surface, "."])
    doc.ents = [Span(doc, 1, 2, label)]
    (ent,) = by_default(doc).ents
    assert ent.text == surface and ent.kb_id_ == ""


def test_the_candidates_of_a_mention_are_searched_once(monkeypatch):
    matcher = make_matcher()
    asked = []
    find = matcher.find
    monkeypatch.setattr(matcher, "find", lambda query: asked.append(query) or find(query))
    monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
    one, two, other = (Query(name, name, "Disease") for name in ("hypertension", "renal disease", "what is that"))
    for query in (one, two, one, two, other, one, one):
        assert matcher.link(query) == find(query)
    # The third mention is one too many, and all are forgotten.
    assert asked == [one, two, other, one]


def test_what_was_read_is_not_pickled(linker):
    matcher = make_matcher()
    query = Query("Mr Miller's hypertension", "Mr Miller's hypertension", "Disease")
    expected = matcher.link(query)
    saved = pickle.dumps(matcher)
    assert b"Miller" not in saved
    assert pickle.loads(saved).link(query) == expected  # noqa: S301


def test_candidates_are_ordered_by_score(linker):
    candidates = linker.link(Query("renal disorder", "renal disorder", "Disease"))
    scores = [candidate.score for candidate in candidates]
    assert {"Kidney Diseases", "Renal Insufficiency"} <= {candidate.name for candidate in candidates}
    assert 2 <= len(candidates) <= 5 and scores == sorted(scores, reverse=True)


def make_doc(nlp: spacy.Language, *mentions: tuple[str, str]) -> Doc:
    """Return a document with mentions, and "and" between them."""
    doc = nlp.make_doc(" and ".join(surface for surface, _ in mentions))
    start = 0
    spans = []
    for surface, label in mentions:
        spans.append(doc.char_span(start, start + len(surface), label))
        start += len(surface) + len(" and ")
    doc.ents = spans
    return doc


def test_attributes_of_mentions(linker):
    doc = linker(make_doc(spacy.blank("en"), ("hypertension", "Disease"), ("Aspirin", "Chemical")))
    assert [ent.kb_id_ for ent in doc.ents] == ["D006973", "D001241"]
    for ent in doc.ents:
        first = ent._.kb_candidates[0]
        assert first == {"id": ent.kb_id_, "name": first["name"], "score": ent._.kb_score}
    assert [token.ent_kb_id_ for token in doc] == ["D006973", "", "D001241"]


def test_abbreviations_are_written_out(linker):
    nlp = spacy.blank("en")
    doc = nlp.make_doc("Renal insufficiency (RI) was seen. RI improved.")
    doc.ents = [Span(doc, 0, 2, "Disease"), Span(doc, 3, 4, "Disease"), Span(doc, 8, 9, "Disease")]
    assert [ent.text for ent in doc.ents] == ["Renal insufficiency", "RI", "RI"]
    assert {ent.kb_id_ for ent in linker(doc).ents} == {"D051437"}


def test_names_in_brackets_have_the_concept_of_the_name_before(linker):
    nlp = spacy.blank("en")
    doc = nlp.make_doc("Aspirin (SM5887) was given. SM5887 helped.")
    doc.ents = [Span(doc, start, start + 1, "Chemical") for start in (0, 2, 7)]
    assert [ent.text for ent in doc.ents] == ["Aspirin", "SM5887", "SM5887"]
    assert {ent.kb_id_ for ent in linker(doc).ents} == {"D001241"}


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, "D007674"), (1.0, "")])
def test_below_the_threshold_there_is_no_id_but_candidates(linker, threshold, expected):
    strict = Linker(threshold=threshold)
    strict.matcher = linker.matcher
    (ent,) = strict(make_doc(spacy.blank("en"), ("renal disease", "Disease"))).ents
    assert ent.kb_id_ == expected and ent._.kb_candidates[0]["id"] == "D007674"


@pytest.mark.parametrize("threshold", [-0.1, 1.5])
def test_a_threshold_is_a_probability(threshold):
    with pytest.raises(ValueError, match="within"):
        spacy.blank("en").add_pipe("clinical_linker", config={"threshold": threshold})


def with_linker(linker: Linker | None) -> spacy.Language:
    """Return a pipeline with a component that sets entities, and a linker."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Disease", "pattern": "hypertension"}])
    nlp.add_pipe("clinical_linker", name="linker")
    if linker:
        nlp.get_pipe("linker").matcher, nlp.get_pipe("linker").vocabulary = linker.matcher, linker.vocabulary
    return nlp


def ids(docs) -> list[tuple]:
    """Return the ids and scores of documents' mentions."""
    return [(ent.kb_id_, ent._.kb_score) for doc in docs for ent in doc.ents]


TEXTS = ["No hypertension.", "hypertension", "nothing"]


def test_without_a_vocabulary_it_is_off(tmp_path):
    nlp = with_linker(None)
    nlp.to_disk(tmp_path)
    for each in (nlp, spacy.load(tmp_path)):
        assert ids(each.pipe(TEXTS)) == [("", None)] * 2


def test_it_is_saved_with_the_pipeline(tmp_path, linker):
    nlp = with_linker(linker)
    expected = ids(nlp.pipe(TEXTS))
    assert expected[0][0] == "D006973" and expected[0][1] > 0.5
    nlp.to_disk(tmp_path / "one")
    loaded = spacy.load(tmp_path / "one")
    loaded.to_disk(tmp_path / "two")
    from_bytes = with_linker(None)
    from_bytes.get_pipe("linker").from_bytes(nlp.get_pipe("linker").to_bytes())
    copies = [loaded, spacy.load(tmp_path / "two"), from_bytes]
    for copy in copies:
        assert ids(copy.pipe(TEXTS)) == expected
        assert copy.get_pipe("linker").vocabulary == {"name": "small"}
    files = [
        sorted(path.relative_to(folder) for path in folder.rglob("*"))
        for folder in (tmp_path / "one", tmp_path / "two")
    ]
    assert files[0] == files[1]


def test_weights_that_an_earlier_version_saved_hold_for_all_labels(tmp_path, linker):
    linker.to_disk(tmp_path)
    saved = srsly.read_json(tmp_path / "linker.json")
    srsly.write_json(tmp_path / "linker.json", {**saved, "certainty": saved["certainty"][""]})
    again = Linker().from_disk(tmp_path)
    for label in ("Disease", "Chemical"):
        query = Query("hypertension", "hypertension", label)
        assert again.link(query) == linker.link(query)


def test_worker_processes_link_the_same(tmp_path, linker):
    nlp = with_linker(linker)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert ids(loaded.pipe(TEXTS, n_process=2)) == ids(nlp.pipe(TEXTS))
    assert ids([pickle.loads(pickle.dumps(loaded.get_pipe("linker")))(nlp(TEXTS[0]))]) == ids([nlp(TEXTS[0])])  # noqa: S301


SMAPS = Path("/proc/self/smaps")


@spacy.Language.component("count_private_pages")
def count_private_pages(doc: Doc) -> Doc:
    """Note how many kB of the index this process has mapped, and how many of them are its own."""
    sizes: dict[str, int] = {"mapped": 0, "private": 0}
    is_index = False
    for line in SMAPS.read_text().splitlines():
        name, *values = line.split()
        if not name.endswith(":"):
            is_index = "/linker/index/" in line
        # Not "Private_Dirty": a page of a new file counts as that until it is written, if one process alone reads it.
        elif is_index and name in ("Size:", "Anonymous:"):
            sizes["mapped" if name == "Size:" else "private"] += int(values[0])
    doc.user_data["pages"] = {"process": os.getpid(), **sizes}
    return doc


@pytest.mark.skipif(not SMAPS.is_file(), reason="the system does not say what a process has mapped")
def test_worker_processes_share_the_index(tmp_path, linker):
    nlp = with_linker(linker)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    loaded.add_pipe("count_private_pages")
    docs = list(loaded.pipe(TEXTS * 4, n_process=2, batch_size=1))
    assert ids(docs) == ids(nlp.pipe(TEXTS * 4))
    pages = [doc.user_data["pages"] for doc in docs]
    assert os.getpid() not in {each["process"] for each in pages} and len({each["process"] for each in pages}) == 2
    assert all(each["mapped"] > 0 == each["private"] for each in pages)


@pytest.mark.parametrize("damage", ["missing", "short", "settings", "other concepts", "other names"])
def test_damaged_files_are_named(tmp_path, linker, damage):
    linker.to_disk(tmp_path)
    path = tmp_path / "index" / "postings.npy"
    if damage == "missing":
        path.unlink()
    elif damage == "short":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "settings":
        (tmp_path / "linker.json").write_text("{}")
    else:
        # A file of another vocabulary.
        build_index(CONCEPTS[:3], GROUPS).to_disk(tmp_path / "other")
        name = {"other concepts": "labels.npy", "other names": "owners.npy"}[damage]
        (tmp_path / "other" / name).replace(tmp_path / "index" / name)
    with pytest.raises(ValueError, match="damaged or incomplete"):
        Linker().from_disk(tmp_path)
