"""Read vocabularies in the formats that they are published in, and write them as folders for the linker."""
