"""Simulated needle EMG: muscle fibres, motor units, needle, amplifier, cohorts of patients."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
