"""Layout and sections: where sentences start, which headings a text has, and what the parts under them are."""
