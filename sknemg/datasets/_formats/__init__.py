"""Readers of the file formats: stored numbers, and what the file says of them."""
