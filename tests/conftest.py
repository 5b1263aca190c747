"""What many tests share: a small project on disk with a tiny random encoder, and a pipeline trained in it."""

import os
import shutil
from pathlib import Path

# Nothing in a test may ask the hub; tests that need one start their own on the loopback interface.
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import srsly
from hypothesis import HealthCheck, settings

from scripts.convert import convert
from scripts.files import sha256
from scripts.records.bigbio import SPLITS, document_text, write_records
from scripts.train import TrainOptions, train
from tests.encoders import make_encoder
from tests.marked import make_record

CONFIG = Path(__file__).parents[1] / "configs" / "ner.cfg"
# What a tiny random encoder needs to learn ten sentences in seconds.
FAST = {"training.optimizer.learn_rate.initial_rate": 0.005, "training.optimizer.learn_rate.warmup_steps": 5}
# A machine that is busy is no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
LABELS = {"Chemical": "Chemical", "Disease": "Disease"}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with configs/, records/, corpus/ and the encoder tiny/; ten documents a split, two mentions in each."""
    root = tmp_path_factory.mktemp("project")
    splits = {
        split: [
            make_record(f"[Chemical aspirin] caused [Disease gout] in {n} rats.", document_id=f"{split}{n}")
            for n in range(10)
        ]
        for split in SPLITS
    }
    for split, records in splits.items():
        write_records(records, root / "records" / f"{split}.jsonl")
    shutil.copytree(CONFIG.parent, root / "configs")
    srsly.write_yaml(root / "configs" / "encoders.yml", {"tiny": {"training": FAST}})
    convert(root / "records", root / "corpus", labels=LABELS)
    make_encoder(root / "tiny", [document_text(record) for record in splits["train"]])
    source = {"encoder": "tiny", "source": "tests.encoders", "revision": "1", "licence": "MIT", "cased": True}
    weights = sha256(root / "tiny" / "model.safetensors")
    srsly.write_json(root / "tiny" / "encoder.json", {**source, "source_sha256": weights, "sha256": weights})
    return root


@pytest.fixture(scope="session")
def trained(project: Path) -> Path:
    """The folder of a pipeline, with confidences, that has learned the small project's two mentions."""
    config, encoder, corpus = (project / name for name in ("configs/ner.cfg", "tiny", "corpus"))
    return train(config, encoder, corpus, project / "run", TrainOptions(100, head="token"))
