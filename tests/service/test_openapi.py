"""The service keeps what its own OpenAPI document promises: fuzzed with schemathesis over a real port, bounded."""

import subprocess
import sys

from spacy.language import Language

from scripts.service.app import create_app
from scripts.service.settings import Settings
from tests.service.conftest import SURE, make_pipeline, running

TOKEN = "s3cret-token"
# Its pytest plugin does not know pytest 9.2.
SCHEMATHESIS = [sys.executable, "-m", "schemathesis.cli", "run", "--checks", "all", "--no-color"]
BOUNDS = ["--max-examples", "30", "--generation-deterministic"]


def fuzz(nlp: Language, settings: Settings, folder, *options: str) -> None:
    with running(create_app(nlp, settings)) as url:
        command = [*SCHEMATHESIS, *BOUNDS, *options, f"{url}/openapi.json"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_open_service_keeps_its_promises(tmp_path):
    fuzz(make_pipeline(), Settings(batch_wait=0), tmp_path)


def test_a_service_with_token_and_confidence_keeps_its_promises(tmp_path):
    settings = Settings(token=TOKEN, batch_wait=0)
    fuzz(make_pipeline(SURE), settings, tmp_path, "--header", f"Authorization: Bearer {TOKEN}")
