"""Cohort folders, recording files of many formats, and public recordings."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
