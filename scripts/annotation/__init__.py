"""The parts of `annotate`: notes in every format are read, annotated on this machine or a cluster, and written."""
