"""The shipped JSON Schemas of the project's files, and what generates them: `python -m results.schema`."""
