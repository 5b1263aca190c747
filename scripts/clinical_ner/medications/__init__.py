"""Medications: the dose, route, frequency and so on of each drug, read from the text around it."""
