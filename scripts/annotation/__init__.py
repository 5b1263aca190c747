"""The parts of `annotate`: notes in from every format, entities out in every format, and nothing lost between."""
