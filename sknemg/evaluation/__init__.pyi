from ._evaluate import evaluate
from .comparison import (
    compared_methods,
    confounds,
    scores_of,
    short_table,
)
from .demographics import demographics_table
from .figure import plot_comparison
from .protocols import (
    PROTOCOLS,
    Protocol,
)
from .report import write_report
from .result import Evaluation

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Protocol",
    "compared_methods",
    "confounds",
    "demographics_table",
    "evaluate",
    "plot_comparison",
    "scores_of",
    "short_table",
    "write_report",
]
