"""Linking: each mention gets the id of a concept in a vocabulary, with a score that says how sure it is."""
