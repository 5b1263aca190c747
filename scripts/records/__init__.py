"""The domain types: records of a corpus, documents, mentions and labels. Free of torch and spaCy."""
