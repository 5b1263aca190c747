"""The report's tables, plots, documents and model card, made from the output of `evaluate`."""
