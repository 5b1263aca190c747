"""A trained pipeline is trained on, with new labels, and what it forgets is measured."""

from pathlib import Path

import pytest
import spacy
import srsly
from thinc.api import Config

from scripts.base_pipeline import Base, base_settings
from scripts.convert import convert
from scripts.errors import ProjectError
from scripts.records.bigbio import SPLITS, write_records
from scripts.train import TrainOptions, train
from tests.conftest import CONFIG
from tests.marked import make_record


def write_new_notes(folder: Path, text: str, labels: dict[str, str]) -> Path:
    """Convert ten documents a split with these words in another place."""
    for split in SPLITS:
        records = [make_record(f"{n} {text}", document_id=f"new-{split}{n}") for n in range(10)]
        write_records(records, folder / "records" / f"{split}.jsonl")
    convert(folder / "records", folder / "corpus", labels=labels)
    return folder / "corpus"


def test_a_trained_pipeline_is_trained_on(project: Path, trained: Path, tmp_path: Path) -> None:
    text = "mice with [Disease ague] took [Chemical zinc] and [Food bread]."
    labels = {"Chemical": "Chemical", "Disease": "Disease", "Food": "Food"}
    corpus = write_new_notes(tmp_path, text, labels)
    base = Base(str(trained), project / "corpus", rate=0.005, epochs=60)
    before = [component for component, _ in spacy.load(trained).pipeline]
    model = train(CONFIG, project / "tiny", corpus, tmp_path / "run", TrainOptions(60, base=base))
    nlp = spacy.load(model)
    assert nlp.pipe_names == before
    assert nlp.get_pipe("ner").labels == ("Chemical", "Disease", "Food")
    found = [(ent.text, ent.label_) for ent in nlp("4 mice with ague took zinc and bread.").ents]
    assert found == [("ague", "Disease"), ("zinc", "Chemical"), ("bread", "Food")]
    meta = srsly.read_json(model / "meta.json")["base"]
    assert meta["name"].startswith("en_") and meta["dev_f1"]["before"] == 1.0 and 0 <= meta["dev_f1"]["after"] <= 1


@pytest.mark.parametrize(
    ("epochs", "size", "max_steps", "steps"),
    [(10, 1000, 1600, 10), (3, 1000, 1600, 3), (10, 1000, 7, 7), (10, 20, 1600, 50)],
)
def test_the_number_of_updates_depends_on_the_number_of_documents(
    project: Path, epochs: int, size: int, max_steps: int, steps: int
) -> None:
    """Ten documents of eight tokens are one batch of 1,000 tokens, or five of 20."""
    settings = Config().from_disk(CONFIG, interpolate=False)
    settings["training"]["batcher"]["size"] = size
    values = base_settings(Base("base", epochs=epochs, rate=0.001), project / "corpus/train.spacy", settings, max_steps)
    assert values == {
        "training.max_steps": steps,
        "training.optimizer.learn_rate.initial_rate": 0.001,
        "training.optimizer.learn_rate.warmup_steps": steps // 10,
        "training.eval_frequency": max(steps // 5, 1),
        "training.patience": 3 * max(steps // 5, 1),
    }


def test_what_cannot_be_trained_on_is_refused(project: Path, tmp_path: Path) -> None:
    inputs = CONFIG, project / "tiny", project / "corpus"
    rules = spacy.blank("en")
    rules.add_pipe("entity_ruler")
    rules.to_disk(tmp_path / "rules")
    with pytest.raises(ProjectError, match="can't be trained on: it has no transformer or no ner"):
        train(*inputs, tmp_path / "run", TrainOptions(2, base=Base(str(tmp_path / "rules"))))
    transition = train(*inputs, tmp_path / "transition", TrainOptions(2, head="transition"))
    corpus = write_new_notes(tmp_path, "[Food bread] and [Disease ague].", {"*": "Food"})
    with pytest.raises(ProjectError, match="Food is new to the pipeline, and spaCy's own head can't learn it"):
        train(CONFIG, project / "tiny", corpus, tmp_path / "run", TrainOptions(2, base=Base(str(transition))))
    with pytest.raises(ProjectError, match="There is no pipeline 'nowhere'"):
        train(*inputs, tmp_path / "run", TrainOptions(2, base=Base("nowhere")))
