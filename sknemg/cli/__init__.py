"""The command line: ``sknemg demo`` and ``sknemg compare``, also as ``python -m sknemg``."""

from sknemg.cli.commands import main

__all__ = ["main"]
