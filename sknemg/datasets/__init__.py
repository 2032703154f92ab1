"""Cohorts to learn from: simulated ones, made on demand, and loaders of public recordings.

Every name loads on first use.
"""

import importlib
from typing import Any

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
    if name not in _WHERE:
        raise AttributeError(f"module 'sknemg.datasets' has no attribute {name!r}")
    module = importlib.import_module(f"sknemg.datasets.{_WHERE[name]}")
    value = module if _WHERE[name] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
