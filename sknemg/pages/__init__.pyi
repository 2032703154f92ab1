from .environment import render
from .intended_use import INTENDED_USE, RESEARCH_ONLY
from .picture import Picture
from .table import Cell, Table

__all__ = ["INTENDED_USE", "RESEARCH_ONLY", "Cell", "Picture", "Table", "render"]
