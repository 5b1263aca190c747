"""The tokenizer splits what mentions cut, and loses no character."""

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from scripts.clinical_ner.tokenizer import set_tokenizer

NLP = set_tokenizer(spacy.blank("en"))

CASES = [
    ("(PAN)-induced nephrosis", ["(", "PAN", ")", "-", "induced", "nephrosis"]),
    ("Na+/K+-ATPase", ["Na", "+", "/", "K", "+", "-", "ATPase"]),
    ("Ca(2+) influx", ["Ca", "(", "2", "+", ")", "influx"]),
    ("5-HT6", ["5", "-", "HT6"]),
    ("1,25-(OH)2D3", ["1", ",", "25", "-", "(", "OH", ")", "2D3"]),
    ("cocaine\u2013heroin", ["cocaine", "\u2013", "heroin"]),
    ("COPD/asthma", ["COPD", "/", "asthma"]),
    ("amlodipine/benazepril 5/10mg", ["amlodipine", "/", "benazepril", "5", "/", "10", "mg"]),
    ("HTN,T2DM;CKD", ["HTN", ",", "T2DM", ";", "CKD"]),
    ("given vitamin C.", ["given", "vitamin", "C", "."]),
    ("AmB. It", ["AmB", ".", "It"]),
    ("adrenaline.7. Both", ["adrenaline", ".", "7", ".", "Both"]),
    ("myoglobinuria.(ABSTRACT", ["myoglobinuria", ".", "(", "ABSTRACT"]),
    ("1.5 mg", ["1.5", "mg"]),
    ("w/o relapse", ["w", "/", "o", "relapse"]),
    ("https://x.org/a-b", ["https", ":", "/", "/", "x.org", "/", "a", "-", "b"]),
    ("---" * 10, ["-"] * 30),
    ("Plan:" + "=" * 40, ["Plan", ":" + "=" * 40]),
    # Glued doses.
    ("metoprolol25mg", ["metoprolol", "25", "mg"]),
    ("aspirin81 mg", ["aspirin", "81", "mg"]),
    ("ASA81mg.", ["ASA", "81", "mg", "."]),
    ("warfarin2.5mg", ["warfarin", "2.5", "mg"]),
    ("500mg/day", ["500", "mg", "/", "day"]),
    ("500MG", ["500", "MG"]),
    ("(81aspirin)", ["(", "81", "aspirin", ")"]),
    ("5km/h", ["5", "km/h"]),
    *((name, [name]) for name in ("IL6", "B12", "T4", "CYP3A4", "HbA1c", "Foxp3", "HEK293", "NH4Cl", "24h", "p53")),
    # Invisible characters.
    ("diabetes\u200b.", ["diabetes", "\u200b", "."]),
    ("diabetes.\u200b", ["diabetes", ".", "\u200b"]),
    ("\ufeffGout\x00 \u202agout\u202c", ["\ufeff", "Gout", "\x00", "\u202a", "gout", "\u202c"]),
    ("hyper\xadtension", ["hyper", "\xad", "tension"]),
    ("a\u200b\u200b\ufeffb", ["a", "\u200b\u200b\ufeff", "b"]),
    ("", []),
    (" \r\n ", [" \r\n "]),
]


@pytest.mark.parametrize(("text", "tokens"), CASES)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert [token.text for token in NLP(text)] == tokens


@pytest.mark.parametrize("sign", ["(", "-", "_", ".", '"', "\U0001f48a"])
def test_endless_runs_of_signs_do_not_hang(sign: str) -> None:
    """One sign at a time, each of these would take from half a minute to hours."""
    run = sign * 50_000
    assert [token.text for token in NLP(f"{run} gout{run}")] == [run, "gout", run]


@given(st.text())
def test_no_character_is_lost(text: str) -> None:
    assert NLP(text).text == text


def test_saved_pipeline_tokenizes_without_the_code(tmp_path) -> None:
    NLP.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    for text, tokens in CASES:
        assert [token.text for token in loaded(text)] == tokens
