"""Build a pipeline's linker from a vocabulary and an annotated corpus. The linker itself is in the library."""
