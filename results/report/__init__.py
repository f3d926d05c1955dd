"""One view model of a run (view.py), and its forms: plain text and Markdown."""
