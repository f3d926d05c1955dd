"""`python -m results.schema`: rewrite the shipped schema files after a change of the dataclasses."""

from results.schema.generate import rewrite

rewrite()
