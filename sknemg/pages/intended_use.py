"""The intended use, as every page, the command line, the README and the documentation state it."""

RESEARCH_ONLY = (
    "Research only: not a medical device, not for diagnosis, treatment or needle guidance."
)

INTENDED_USE = (
    "sknemg is research software for developing and evaluating algorithms on recorded needle EMG. "
    "It is not a medical device, has not been cleared or CE-marked, and must not be used to "
    "diagnose, treat or guide needle placement. Its outputs do not replace an electrodiagnostic "
    "examination by a qualified physician."
)
