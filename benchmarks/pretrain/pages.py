"""The pages that tell of the pretrained models, and the marks between which scripts write there."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
#: How the shipped models do, on real recordings and on simulated ones.
SCORES = DOCS / "pretrained_scores.md"
#: The shipped network with a few patients of one's own.
FEW = DOCS / "pretrained_few.md"
#: How weights, windows and size were chosen; earlier generations.
HISTORY = DOCS / "pretrained_history.md"


def marks(script: str) -> tuple[str, str]:
    """Give the marks around what a script of this package writes."""
    return f"<!-- written by benchmarks/pretrain/{script} -->", f"<!-- end of {script} -->"
