"""Needle electromyography as scikit-learn estimators: from recordings to a subject's diagnosis.

Every public name loads on first use, so that ``import sknemg`` loads no torch, timm or matplotlib.
The names, and where each is defined, are listed in the stub ``__init__.pyi``: what most analyses
need, and the modules that hold the rest. What only the package itself uses is not among them.
"""

import lazy_loader as _lazy

from sknemg.versions import __version__ as __version__

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
