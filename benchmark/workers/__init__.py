"""Rows over many workers: what a piece of work is, who does it, and what of it is kept."""
