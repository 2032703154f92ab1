"""Studies that reproduce the tables of the papers, one per module."""
