from ._definitions import METRICS
from ._format import format_interval
from ._intervals import proportion_interval
from .agreement import (
    fleiss_agreement,
    gwet_agreement,
    pair_agreement,
    reader_points,
)
from .differences import difference_table
from .mrmc import (
    MRMCResult,
    mrmc_against,
    mrmc_analysis,
)
from .readers import (
    ReaderStudy,
    confusion_shares,
    reader_study,
)
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
    "MRMCResult",
    "ReaderStudy",
    "SubjectScorer",
    "confusion_shares",
    "difference_table",
    "fleiss_agreement",
    "format_interval",
    "gwet_agreement",
    "level_scores",
    "mrmc_against",
    "mrmc_analysis",
    "one_vs_rest_table",
    "pair_agreement",
    "proportion_interval",
    "read_votes",
    "reader_points",
    "reader_study",
    "score_table",
    "vote_table",
]
