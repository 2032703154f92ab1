"""Another checkout of sknemg, asked in a process of its own, so that old stands beside new."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

_WORKER = """
import pickle, sys
answers = sys.stdout.buffer
sys.stdout = sys.stderr
while True:
    try:
        code, values = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    exec(code, values)
    pickle.dump(values["result"], answers)
    answers.flush()
"""


class OtherCode:
    """A checkout of sknemg, such as ``git worktree add /tmp/old f98b1c4`` makes it.

    Parameters
    ----------
    folder : path
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder).resolve()
        if not (self.folder / "sknemg" / "__init__.py").exists():
            raise FileNotFoundError(f"{folder} is no checkout of sknemg: make one by git worktree.")
        self.commit = subprocess.run(
            ["git", "-C", str(self.folder), "rev-parse", "--short", "HEAD"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder)},
        )

    def run(self, code: str, **values: Any) -> Any:
        """Run code with some values there, and give what it calls ``result``.

        Values and result are arrays, tables and plain Python: classes of sknemg may differ.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        pickle.dump((code, values), self._process.stdin)
        self._process.stdin.flush()
        try:
            return pickle.load(self._process.stdout)
        except EOFError:
            raise RuntimeError(f"The code at {self.commit} failed: see the error above.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:  # which closes its pipes, and waits
            assert process.stdin is not None
            process.stdin.close()
