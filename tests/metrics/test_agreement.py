"""Agreement between readers."""

import numpy as np
import pandas as pd
import pytest

from sknemg import (
    metrics,
)


def test_fleiss_kappa_of_the_textbook():
    """Fleiss 1971's example as usually given: ten subjects, fourteen readers, kappa 0.210."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    ratings = pd.DataFrame([np.repeat(range(5), row) for row in counts])
    table = metrics.fleiss_agreement(ratings, n_bootstrap=50, random_state=0)
    assert table.loc[("all", "overall"), "kappa"] == pytest.approx(0.210, abs=5e-4)
    assert len(table) == 6
    assert (table["low"] <= table["kappa"]).all()


def test_agreement_of_sets_and_its_errors():
    ratings = pd.DataFrame({"A": list("mmnn"), "B": list("mmnn"), "model": list("mnmn")})
    sets = {"physicians": ["A", "B"], "with model": ["A", "B", "model"]}
    table = metrics.fleiss_agreement(ratings, sets, n_bootstrap=20)["kappa"]
    assert table["physicians", "overall"] == 1 > table["with model", "overall"]
    with pytest.raises(ValueError, match="κ needs two"):
        metrics.fleiss_agreement(ratings, {"one": ["A"]})
    ratings.loc[2, "B"] = None
    with pytest.raises(ValueError, match="and row 2 lack some: drop"):
        metrics.fleiss_agreement(ratings)
