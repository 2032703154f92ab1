"""EMG Labeler: the page on which physicians read recordings blinded, and the study behind it."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
