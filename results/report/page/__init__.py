"""A view as one self-contained HTML page."""
