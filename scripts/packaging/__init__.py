"""What a wheel consists of beside the pipeline: its `__init__.py`, its `setup.py` and the library."""
