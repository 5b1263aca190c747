"""The formats that notes are read from and documents are written in: one module for each, listed in `registry`."""
