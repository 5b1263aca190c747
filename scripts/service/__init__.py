"""The annotation service: HTTP requests in, the entities of their texts out, with one pipeline in memory.

`app.create_app(nlp, settings)` creates it; `python -m scripts.serve` runs it.
"""
