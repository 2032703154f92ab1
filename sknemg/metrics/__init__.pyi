from ._definitions import METRICS
from .agreement import (
    fleiss_agreement,
    reader_points,
)
from .scorer import (
    SubjectScorer,
    level_scores,
)
from .tables import (
    one_vs_rest_table,
    score_table,
)

__all__ = [
    "METRICS",
    "SubjectScorer",
    "fleiss_agreement",
    "level_scores",
    "one_vs_rest_table",
    "reader_points",
    "score_table",
]
