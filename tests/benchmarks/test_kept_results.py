"""What every kept result says of its origin."""

import json
import re
from pathlib import Path

import pytest

#: One, or one with changes that were not committed.
COMMIT = r"[0-9a-f]{7,40}(\+changes)?"
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def commits_in(kept):
    """Yield every commit that a result names, at any depth."""
    if isinstance(kept, dict):
        for name, value in kept.items():
            if name == "commit":
                yield value
            else:
                yield from commits_in(value)
    elif isinstance(kept, list):
        for value in kept:
            yield from commits_in(value)


@pytest.mark.parametrize(
    "file", sorted(RESULTS.rglob("*.json")), ids=lambda f: str(f.relative_to(RESULTS))
)
def test_a_kept_result_names_its_commit(file):
    found = list(commits_in(json.loads(file.read_text())))
    assert found
    assert [commit for commit in found if not re.fullmatch(COMMIT, commit)] == []
