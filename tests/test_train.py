"""Training refuses what cannot work, keeps whole checkpoints whatever happens, and repeats itself."""

import errno
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.cli.init_config import fill_config
from thinc.api import Config

from scripts import train as train_module
from scripts.clinical_ner.registration import register
from scripts.errors import ProjectError
from scripts.train import TrainOptions, load_training_config, save_whole, train
from tests.conftest import CONFIG

HEADS = ["token", "transition"]


def run(project: Path, output: Path, max_steps: int = 2, **options: Any) -> Path:
    return train(CONFIG, project / "tiny", project / "corpus", output, TrainOptions(max_steps, **options))


def settings(encoder: Path, max_steps: int = 1, **options: Any) -> Config:
    return load_training_config(CONFIG, encoder, Path("c"), Path("l"), TrainOptions(max_steps, **options))


@pytest.mark.parametrize("head", HEADS)
def test_config_is_filled(tmp_path: Path, head: str) -> None:
    register()
    parts = (CONFIG, CONFIG.with_name("heads") / f"{head}.cfg")
    whole = tmp_path / "whole.cfg"
    whole.write_text("\n".join(path.read_text() for path in parts))
    _, filled = fill_config(tmp_path / "filled.cfg", whole, silent=True)
    assert filled == Config().from_disk(whole, interpolate=False)


@pytest.mark.parametrize(("encoder", "rate"), [("tiny", 5e-5), ("minilm", 2e-4)])
def test_settings_that_differ_by_encoder(project: Path, tmp_path: Path, encoder: str, rate: float) -> None:
    folder = tmp_path / encoder
    folder.symlink_to(project / "tiny")
    config = settings(folder, seed=3, max_steps=20)
    assert config["training"]["optimizer"]["learn_rate"]["initial_rate"] == rate
    assert config["training"]["optimizer"]["learn_rate"]["total_steps"] == 20
    assert config["training"]["eval_frequency"] == 20
    assert config["training"]["seed"] == 3


@pytest.mark.parametrize(("encoder_limit", "expected"), [(64, (64, 8)), (512, (320, 32))])
def test_windows_are_within_what_the_encoder_takes(
    project: Path, tmp_path: Path, encoder_limit: int, expected: tuple[int, int]
) -> None:
    folder = tmp_path / "limited"
    shutil.copytree(project / "tiny", folder)
    tokenizer = srsly.read_json(folder / "tokenizer_config.json")
    srsly.write_json(folder / "tokenizer_config.json", {**tokenizer, "model_max_length": encoder_limit})
    windows = settings(folder)["components"]["transformer"]["model"]["get_spans"]
    assert (windows["max_wordpieces"], windows["overlap"]) == expected


@pytest.mark.parametrize(
    "overrides",
    [
        "training.dropout=0.5 training.optimizer.learn_rate.total_steps=9",
        "--training.dropout 0.5 --training.optimizer.learn_rate.total_steps 9",
        "--training.dropout=0.5 --training.optimizer.learn_rate.total_steps=9",
    ],
)
def test_settings_can_be_changed(project: Path, overrides: str) -> None:
    config = settings(project / "tiny", max_steps=20, overrides=overrides)
    assert config["training"]["dropout"] == 0.5
    assert config["training"]["optimizer"]["learn_rate"]["total_steps"] == 9


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("training.dropout 0.3", r"'training\.dropout 0\.3' is not a list of settings"),
        ("--training.dropout", r"is not a list of settings\. Write for instance: training\.dropout=0\.2"),
        ("--dropout 0.3", "is not a list of settings"),
        ("--trainig.dropout 0.3", r"config: trainig\.dropout: not a section .* The settings are in .*ner\.cfg"),
    ],
)
def test_what_is_no_setting_is_refused(project: Path, overrides: str, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        settings(project / "tiny", overrides=overrides)


@pytest.mark.parametrize(("gpu_id", "mixed", "allocator"), [(-1, False, None), (0, True, "pytorch")])
def test_precision_is_mixed_on_a_gpu(project: Path, gpu_id: int, mixed: bool, allocator: str | None) -> None:
    config = settings(project / "tiny", gpu_id=gpu_id)
    assert config["components"]["transformer"]["model"]["mixed_precision"] is mixed
    assert config["training"]["gpu_allocator"] == allocator


def test_what_has_to_run_before_is_named(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="Run first: spacy project run fetch-encoder"):
        train(CONFIG, tmp_path, project / "corpus", tmp_path / "run", TrainOptions(1))
    with pytest.raises(ProjectError, match="Run first: spacy project run convert"):
        train(CONFIG, project / "tiny", tmp_path, tmp_path / "run", TrainOptions(1))
    with pytest.raises(ProjectError, match="max_steps is 0"):
        run(project, tmp_path / "run", max_steps=0)
    with pytest.raises(ProjectError, match=r"There is no head 'crf'\. Known are token, transition"):
        run(project, tmp_path / "run", head="crf")


@pytest.mark.parametrize("head", HEADS)
def test_training_leaves_a_pipeline_and_its_log(project: Path, tmp_path: Path, head: str) -> None:
    best = run(project, tmp_path / "run", head=head)
    assert sorted(path.name for path in best.parent.iterdir()) == ["log.jsonl", "model-best"]
    assert [json.loads(line)["step"] for line in (tmp_path / "run/log.jsonl").open()] == [0, 2]
    nlp = spacy.load(best)
    assert nlp.get_pipe("ner").labels == ("Chemical", "Disease")
    assert [token.text for token in nlp.make_doc("(PAN)-induced")] == ["(", "PAN", ")", "-", "induced"]


def test_documents_do_not_keep_the_encoders_output(trained: Path) -> None:
    doc = spacy.load(trained)("aspirin caused gout in 3 rats.")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("aspirin", "Chemical"), ("gout", "Disease")]
    assert doc._.trf_data is None
    assert all(0.5 < ent._.confidence <= 1 for ent in doc.ents)


def test_same_seed_same_weights(project: Path, tmp_path: Path) -> None:
    weights = [run(project, tmp_path / name, seed=5) / "ner" / "model" for name in ("first", "second")]
    other = run(project, tmp_path / "other", seed=6) / "ner" / "model"
    assert weights[0].read_bytes() == weights[1].read_bytes() != other.read_bytes()


def test_failed_save_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = save_whole(spacy.blank("en"))
    nlp.meta["name"] = "before"
    nlp.to_disk(tmp_path / "model-last")

    def full_disk(path: Path, **kwargs: object) -> None:
        Path(path).mkdir()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(nlp), "to_disk", lambda self, path, **kwargs: full_disk(path))
    with pytest.raises(OSError, match="No space left"):
        nlp.to_disk(tmp_path / "model-last")
    assert [path.name for path in tmp_path.iterdir()] == ["model-last"]
    assert spacy.load(tmp_path / "model-last").meta["name"] == "before"


def test_killed_save_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from typing import Any
import spacy
from spacy.language import Language
from scripts.train import save_whole

nlp = save_whole(spacy.blank("en"))
nlp.meta["name"] = "before"
nlp.to_disk(sys.argv[1])

def killed(self, path, **kwargs):
    Path(path).mkdir()
    (Path(path) / "config.cfg").write_text("[nlp]")
    os.kill(os.getpid(), signal.SIGKILL)

Language.to_disk = killed
nlp.to_disk(sys.argv[1])
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "model-last"], cwd=CONFIG.parents[1])
    assert done.returncode == -signal.SIGKILL
    assert spacy.load(tmp_path / "model-last").meta["name"] == "before"


def test_killed_training_leaves_the_pipeline_before(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = run(project, tmp_path / "run")
    before = (best / "ner" / "model").read_bytes()
    # Killed at the end of training, when all that is left to do is to move the result into place.
    monkeypatch.setattr(train_module, "replace", lambda new, path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(project, tmp_path / "run", seed=9)
    assert (best / "ner" / "model").read_bytes() == before
    pipe_names = Config().from_disk(CONFIG, interpolate=False)["nlp"]["pipeline"]
    assert spacy.load(tmp_path / "run" / "checkpoints" / "model-last").pipe_names == pipe_names


def test_a_corpus_without_some_labels_needs_the_token_head(project: Path, tmp_path: Path) -> None:
    corpus = shutil.copytree(project / "corpus", tmp_path / "corpus")
    report = {**srsly.read_json(corpus / "report.json"), "partly_annotated": {"ncbi": ["Disease"]}}
    srsly.write_json(corpus / "report.json", report)
    with pytest.raises(ProjectError, match=r"ncbi annotates only some of the labels.*--vars\.head token"):
        train(CONFIG, project / "tiny", corpus, tmp_path / "run", TrainOptions(2, head="transition"))
    assert train(CONFIG, project / "tiny", corpus, tmp_path / "run", TrainOptions(2)).is_dir()
