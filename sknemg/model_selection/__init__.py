"""Splits by subject, and the protocols under which pipelines are evaluated."""

from sknemg.model_selection.protocols import PROTOCOLS, Evaluation, Protocol, evaluate
from sknemg.model_selection.splits import SubjectKFold, label_subjects, read_subjects

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Protocol",
    "SubjectKFold",
    "evaluate",
    "label_subjects",
    "read_subjects",
]
