"""What pytest needs to run the examples in the docstrings, of a checkout or of an installed copy.

``python -m pytest --pyargs sknemg`` runs them from any folder.
"""

import warnings
from typing import Any


def pytest_configure(config: Any) -> None:
    """Collect the examples of every module below, whatever configuration pytest has found."""
    config.option.doctestmodules = True
    for flag in ("ELLIPSIS", "NORMALIZE_WHITESPACE"):
        config.addinivalue_line("doctest_optionflags", flag)


def pytest_runtest_call() -> None:
    """Let the examples, and no other tests, work on zeros and sines, which are no needle EMG."""
    from sknemg.recordings import ImplausibleWarning

    warnings.filterwarnings("ignore", category=ImplausibleWarning)
