from .fewer import FewerSubjects
from .leaks import (
    LeakError,
    check_no_shared_signal,
    find_shared_signal,
)
from .splits import (
    SubjectKFold,
    subject_split,
)
from .torn import (
    TornSubjectsError,
    TornSubjectsWarning,
)

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
