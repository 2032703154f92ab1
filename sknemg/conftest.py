"""What pytest needs to run the examples in the docstrings, of a checkout or of an installed copy.

``python -m pytest --pyargs sknemg`` runs them from any folder.
"""

import warnings
from importlib.util import find_spec
from typing import Any

#: Modules that cannot be imported without what an extra brings.
collect_ignore = [] if find_spec("aeon") else ["evaluation/rival_kernels.py"]


def pytest_configure(config: Any) -> None:
    """Collect the examples of every module below, whatever configuration pytest has found."""
    config.option.doctestmodules = True
    for flag in ("ELLIPSIS", "NORMALIZE_WHITESPACE"):
        config.addinivalue_line("doctest_optionflags", flag)


def pytest_runtest_call() -> None:
    """Let the examples, and no other tests, work on zeros and sines, which are no needle EMG."""
    from sknemg.recordings import ImplausibleWarning

    warnings.filterwarnings("ignore", category=ImplausibleWarning)
