"""Steps from recordings to segments, and where in a recording the patient contracts."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
