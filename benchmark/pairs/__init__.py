"""Files of sentence pairs: one door for TSV, CSV, JSON lines and parquet, by declared tables of columns.

Takes a path and what the call says of it; gives a PairTable, or one error that names every row at fault.
Knows how public sets of natural language inference are laid out (forms.toml), and which of them MNLI's dev
set is. Knows no tokens, no model, and not where files are found (`benchmark/locate.py`).
"""
