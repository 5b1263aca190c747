"""Scored and reported runs for tests: rules in the model's place, which are wrong in each way there is."""

import json
from pathlib import Path
from typing import Any

import lxml.html
import spacy
import srsly

from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.convert import convert
from scripts.evaluation.pipeline_scores import EvaluationOptions, evaluate
from scripts.records.bigbio import SPLITS, write_records
from scripts.report import report
from tests.marked import make_record

LABELS = {"Chemical": "Chemical", "Disease": "Disease"}
# What the rules below find in these is wrong in each way there is.
MARKED = {
    "boundary": "[Chemical aspirin] caused [Disease severe renal failure] and [Disease gout] 😀 in rats.",
    "merged": "Both [Disease renal] and [Disease failure] 😀😀 [Disease severe renal failure] were seen.",
    "hostile": "<script>window.hacked = 1</script> <img src=x onerror='window.hacked = 2'> [Disease </script>gout] & "
    + "[Disease tremor] & " * 5,
    "label": "Given [Disease lithium], the [Disease fever | chills] went; placebo\ndid nothing.",
}
MARKED |= {f"many{number}": "The [Disease tremor] after [Chemical L-dopa 5] and aspirin." for number in range(45)}
RULES = {
    "Chemical": ["aspirin", "lithium", "placebo"],
    "Disease": ["renal failure", "gout", "renal and failure"],
}
LOG = [
    {
        "epoch": 0,
        "step": step,
        "losses": {"ner": 90.5 / (step + 1)},
        "scores": dict.fromkeys(("ents_f", "ents_p", "ents_r"), score),
    }
    for step, score in ((0, 0.0), (50, 61.25))
]
# What scores.json has of a pipeline that gives confidences; the rules give none.
CONFIDENCE = {
    "calibration_error": 0.1,
    "reliability": [{"low": 0.8, "high": 0.8666666667, "entities": 8, "confidence": 0.85, "precision": 0.75}],
    "thresholds": [{"threshold": 0.6, "entities": 8, "precision": 0.75, "recall": 0.6}],
}


class Run:
    """A scored run: its folders and what is in them."""

    def __init__(self, root: Path):
        self.records, self.metrics = root / "records", root / "metrics" / "tiny_rules"

    @property
    def scores(self) -> dict[str, Any]:
        return json.loads((self.metrics / "scores.json").read_text())

    @property
    def errors(self) -> list[dict[str, Any]]:
        return list(srsly.read_jsonl(self.metrics / "errors.jsonl"))

    @property
    def page(self) -> Path:
        return self.metrics / "report.html"

    def tree(self) -> Any:
        return lxml.html.fromstring(self.page.read_text(encoding="utf8"))


def make_run(root: Path, *, rules: dict[str, list[str]] = RULES, text: bool = True) -> Run:
    """Convert, evaluate and report the documents above, with rules in the model's place."""
    run = Run(root)
    records = [make_record(marked, document_id=name) for name, marked in MARKED.items()]
    for split in SPLITS:
        seen = [make_record(MARKED["boundary"], document_id=split)]
        write_records(records if split == "test" else seen, run.records / f"{split}.jsonl")
    convert(run.records, root / "corpus", labels=LABELS)
    nlp = spacy.blank("en")
    set_tokenizer(nlp)
    patterns = [{"label": label, "pattern": term} for label, terms in rules.items() for term in terms]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(root / "model")
    srsly.write_jsonl(root / "log.jsonl", LOG)
    (root / "peers").mkdir()
    for name in ("Peer", "Other<b>"):
        entries = [f"{key}|t|Title\n{key}|a|Abstract\n" for key in MARKED]
        entries[0] += f"boundary\t0\t7\taspirin\t{'Chemical' if name == 'Peer' else 'Disease'}\tD1\n"
        (root / "peers" / f"{name}.PubTator.txt").write_text("\n".join(entries), encoding="utf8")
    evaluate(
        str(root / "model"),
        run.records,
        root / "corpus",
        run.metrics,
        EvaluationOptions(
            labels=LABELS, log=root / "log.jsonl", peers=root / "peers", text=text, command="evaluate <tiny>"
        ),
    )
    report(run.metrics, run.records)
    return run
