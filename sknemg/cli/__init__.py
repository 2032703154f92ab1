"""The command line: ``sknemg demo``, ``compare``, ``validate``, ``train``, ``readers`` and more."""

from sknemg.cli.commands import main

__all__ = ["main"]
