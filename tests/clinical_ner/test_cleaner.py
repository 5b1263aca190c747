"""What spaCy offers on documents works on ours after the encoder's output was removed."""

import numpy
import pytest
import spacy


@pytest.mark.filterwarnings("ignore:.W00")
def test_cleaned_document_has_vectors_and_similarity() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("clinical_doc_cleaner")
    doc = nlp.make_doc("Aspirin caused gout.")
    doc.tensor = numpy.ones((len(doc), 3), dtype="f")
    doc = nlp(doc)
    assert (doc.tensor.shape, doc.has_vector, doc[0].has_vector, doc[0:2].has_vector) == ((0,), False, False, False)
    assert (doc.similarity(doc[0:2]), doc[0].vector.shape, doc[1:3].as_doc().text) == (0.0, (0,), "caused gout")
    numpy.testing.assert_array_equal(doc.vector, [])
