"""What the quickstart promises of its wheel. `.ci/run` runs the quickstart before the tests."""

from pathlib import Path

import pytest
import srsly

from scripts.pipelines import load_pipeline

ROOT = Path(__file__).parents[1]
WHEELS = sorted((ROOT / "packages/synthetic_minilm").glob("*/dist/*.whl"))
SAMPLES = sorted((ROOT / "scripts/samples").glob("*.txt"))
# What an earlier pipeline found in the samples: a route, a list without its end, half a name, a sentence's full stop.
WRONG = {"IV", "depression and", "dimethyl", "thrombocytopenia."}

needs_quickstart = pytest.mark.skipif(not WHEELS, reason="needs the quickstart's wheel: make quickstart")


@needs_quickstart
def test_f1_on_generated_test_notes() -> None:
    scores = srsly.read_json(ROOT / "metrics/synthetic_minilm/scores.json")
    assert scores["scores"]["micro"]["f1"] >= 0.75


@needs_quickstart
def test_mentions_in_the_samples() -> None:
    nlp = load_pipeline(str(WHEELS[0]))
    docs = list(nlp.pipe(path.read_text(encoding="utf8") for path in SAMPLES))
    texts = {ent.text for doc in docs for ent in doc.ents}
    assert {"furosemide", "lisinopril", "atrial fibrillation"} <= texts
    assert not texts & WRONG
    assert not [text for text in texts if text != text.strip() or text.endswith(".")]
    denied = {ent.text for doc in docs for ent in doc.ents if ent._.is_negated}
    assert "pulmonary embolism" in denied and "furosemide" not in denied
