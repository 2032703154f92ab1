"""Archives: a model reads more recordings than fit into memory, on one machine or on several."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
