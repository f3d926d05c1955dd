"""Figures as SVG in the page's colours, by matplotlib."""
