"""A component that never ends on some texts and kills its process on others, and how another process finds it."""

import os
import re
import signal
import time
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

# The words that make the component hang asleep, hang without letting other threads run, and kill its process.
SLEEP, SPIN, DIE = "sleeper", "spinner", "dier"


@Language.component("tests_hang")
def hang(doc: Doc) -> Doc:
    """Do on a text what its words say."""
    if SLEEP in doc.text:
        time.sleep(10_000)
    if SPIN in doc.text:
        re.match(r"(a+)+$", "a" * 100 + "b")
    if DIE in doc.text:
        os.kill(os.getpid(), signal.SIGKILL)
    return doc


def install(folder: Path) -> str:
    """Make the component known to each Python process with this folder in PYTHONPATH, as a package's entry points do.

    folder (Path): an empty folder.
    RETURNS (str): its path.
    """
    metadata = folder / "tests_hang-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tests_hang\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[spacy_factories]\ntests_hang = tests.service.hanging:hang\n")
    return str(folder)
