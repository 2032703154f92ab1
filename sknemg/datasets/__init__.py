"""Cohorts to learn from: simulated ones, made on demand, and loaders of public recordings.

Every name loads on first use.
"""

from typing import Any

from sknemg._lazy import load

#: Where each public name lives; the API reference is generated from this table.
_WHERE = {
    "EMGDB": "emgdb",
    "EMGLAB_N2001": "emglab",
    "InvalidCohortError": "cohort",
    "ReadError": "readers",
    "load_cohort": "cohort",
    "load_emgdb": "emgdb",
    "load_emglab": "emglab",
    "make_cohort": "simulate.cohort",
    "make_resting": "simulate.resting",
    "quality": "_quality",
    "read_recording": "readers",
    "simulate": "simulate",
    "write_cohort": "cohort",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    return load(__name__, _WHERE, name)


def __dir__() -> list[str]:
    return list(__all__)
