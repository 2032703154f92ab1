"""The command line: ``sknemg demo``, ``compare``, ``validate``, ``train`` and ``diagnose``."""

from sknemg.cli.commands import main

__all__ = ["main"]
