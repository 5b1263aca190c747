"""What lies beside a checkout at ../shared, and the mark for tests that need it."""

from pathlib import Path

import pytest

ARCHIVE = Path(__file__).parents[2] / "shared" / "bc5cdr" / "CDR_Data.zip"
needs_archive = pytest.mark.skipif(not ARCHIVE.is_file(), reason="needs ../shared/bc5cdr/CDR_Data.zip")
