"""Make a corpus of what people have: find files, recognise their format, check offsets, split, and count."""
