"""The library that ships inside each wheel: tokenizer, encoder, heads and the components behind them.

Its modules import each other and nothing of the project, so that the folder works wherever it is put. Importing it
changes nothing in the process; `registration.register` makes its functions known to spaCy.
"""
