from ._evaluate import evaluate
from .checklists import reporting_checklist
from .comparison import (
    scores_of,
    short_table,
)
from .confounding import (
    chance_to_find,
    confounds,
)
from .demographics import demographics_table
from .figure import plot_comparison
from .gains import gains_of
from .methods import compared_methods
from .nuisance import (
    nuisance_model,
    nuisance_table,
)
from .patient import (
    patient_page,
    write_patient,
)
from .protocols import (
    PROTOCOLS,
    Protocol,
)
from .reader_report import write_reader_report
from .report import write_report
from .result import Evaluation

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Protocol",
    "chance_to_find",
    "compared_methods",
    "confounds",
    "demographics_table",
    "evaluate",
    "gains_of",
    "nuisance_model",
    "nuisance_table",
    "patient_page",
    "plot_comparison",
    "reporting_checklist",
    "scores_of",
    "short_table",
    "write_patient",
    "write_reader_report",
    "write_report",
]
