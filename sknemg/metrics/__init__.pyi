from ._definitions import METRICS
from ._format import format_interval
from ._intervals import proportion_interval
from .agreement import (
    fleiss_agreement,
    reader_points,
)
from .differences import difference_table
from .scorer import (
    SubjectScorer,
    level_scores,
)
from .tables import (
    one_vs_rest_table,
    score_table,
)
from .votes import (
    read_votes,
    vote_table,
)

__all__ = [
    "METRICS",
    "SubjectScorer",
    "difference_table",
    "fleiss_agreement",
    "format_interval",
    "level_scores",
    "one_vs_rest_table",
    "proportion_interval",
    "read_votes",
    "reader_points",
    "score_table",
    "vote_table",
]
