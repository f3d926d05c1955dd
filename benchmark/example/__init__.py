"""Seventy-two sentence pairs and a small vocabulary, written by this project: not MNLI.

They let the whole job run where no MNLI data are at hand; a verdict on them says "example pairs, not MNLI"
and judges no MNLI claim.
"""
