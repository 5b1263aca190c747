"""What `generate_notes` writes notes from: terms and templates in data files, and the code that joins them."""

from pathlib import Path

FOLDER = Path(__file__).parent / "data"
