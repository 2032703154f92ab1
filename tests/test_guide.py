"""The snippets of the documentation hold together: each page imports or makes what it uses."""

import ast
import builtins
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = "docs/guide"


def snippets(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/index.md",
        f"{GUIDE}/leaks.md",
        f"{GUIDE}/pipeline.md",
        f"{GUIDE}/data.md",
    ],
)
def test_snippets_use_only_names_that_the_page_has_made(page):
    known, unknown = set(dir(builtins)), set()
    for snippet in snippets(page):
        names = [node for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.Name)]
        imports = [node for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.alias)]
        known |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
        known |= {(alias.asname or alias.name).partition(".")[0] for alias in imports}
        unknown |= {name.id for name in names} - known
    assert not unknown


@pytest.mark.slow
def test_the_page_on_leaks_runs_as_written():
    namespace = {}
    for snippet in snippets(f"{GUIDE}/leaks.md"):
        exec(snippet, namespace)
    assert namespace["y_shuffled"].shape == (len(namespace["X"]),)
