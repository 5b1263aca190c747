"""configs/encoders.yml is read into typed entries, and whatever is wrong in such a file is named."""

from pathlib import Path

import pytest

from scripts.catalog.encoders import KnownEncoder, read_encoders
from scripts.errors import ProjectError


def test_known_encoders() -> None:
    encoders = read_encoders()
    assert list(encoders) == ["bio_clinicalbert", "minilm", "biomedbert", "biolinkbert", "bioclinical_modernbert"]
    assert encoders["bio_clinicalbert"].tokenizer == {"do_lower_case": False}
    assert encoders["minilm"].training == {"training.optimizer.learn_rate.initial_rate": 0.0002}
    assert all(encoder.repository and encoder.license for encoder in encoders.values())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("own: {}", None),
        ("own: {revision: main}", r"own: revision \(main\) must have 40 hexadecimal digits"),
        ("own: {sha256: abc}", r"own: sha256 \(abc\) must have 64"),
        ("own: {training: 3}", "own.training: .* dictionary"),
        ("own: {training.dropout: 0.2}", "own.training.dropout: Unexpected"),
        ("", "the file: .* dictionary"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, content: str, message: str | None) -> None:
    path = tmp_path / "encoders.yml"
    path.write_text(content, encoding="utf8")
    if message is None:
        assert read_encoders(path) == {"own": KnownEncoder()}
        return
    with pytest.raises(ProjectError, match=message):
        read_encoders(path)
