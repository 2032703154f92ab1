"""Splits by subject, and the search for leaks between subjects."""

from sknemg.model_selection.fewer import FewerSubjects
from sknemg.model_selection.leaks import LeakError, check_no_shared_signal, find_shared_signal
from sknemg.model_selection.splits import SubjectKFold, subject_split
from sknemg.model_selection.torn import TornSubjectsError, TornSubjectsWarning

__all__ = [
    "FewerSubjects",
    "LeakError",
    "SubjectKFold",
    "TornSubjectsError",
    "TornSubjectsWarning",
    "check_no_shared_signal",
    "find_shared_signal",
    "subject_split",
]
