"""Pages that open offline: one base template, one style sheet, and the intended use."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
