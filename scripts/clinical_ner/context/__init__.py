"""Context: whether a mention is present, denied, past, possible, planned, a relative's, or an allergy (ConText)."""
