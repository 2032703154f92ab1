"""Kept figures of motor units, and another checkout that measures beside this one."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import write_motor_units
from benchmarks.machinery.beside import OtherCode


def test_the_page_of_motor_units_is_that_of_the_kept_results():
    assert write_motor_units.PAGE.read_text() == write_motor_units.page()
    assert write_motor_units.table(Path("nowhere.csv")) == "Not run.\n"


def test_another_checkout_answers_in_a_process_of_its_own(tmp_path):
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        pytest.skip("needs a git checkout")
    with OtherCode(root) as other:
        assert other.run("result = int(values.sum())", values=np.arange(4)) == 6
        assert other.run("import os; result = os.getpid()") != os.getpid()
        with pytest.raises(RuntimeError, match=f"The code at {other.commit} failed"):
            other.run("1 / 0")
    with pytest.raises(FileNotFoundError, match="is no checkout of sknemg"):
        OtherCode(tmp_path)
