"""Pure functions on signals: change their rate, cut them, measure their level, find copies."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
