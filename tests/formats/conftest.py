import pytest

from scripts.records.documents import Document
from tests.formats.generated import generated_documents, make_components


@pytest.fixture(scope="session")
def generated() -> list[Document]:
    """200 generated notes with their gold mentions, and what the project's components say of these."""
    return list(generated_documents(200))


@pytest.fixture(scope="session")
def components():
    """The components that need mentions and no weights."""
    return make_components()
