"""The benchmark of what adapting the shipped network to recordings without diagnoses is worth."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from benchmarks.pretrain import adapted
from benchmarks.pretrain.patients import Waves
from benchmarks.pretrain.real_scores import CLASSES
from sknemg.pretrained import describe
from sknemg.simulate import make_cohort

KEPT = adapted.FOLDER / "adapted.csv"


def test_cohorts_are_whole_few_or_mostly_of_one_diagnosis():
    y = np.repeat(CLASSES, [10, 20, 20])
    drawn = list(adapted.compositions(y))
    again = list(adapted.compositions(y))
    for (said, places), (_, same) in zip(drawn, again, strict=True):
        np.testing.assert_array_equal(places, same)
        assert len(set(places.tolist())) == len(places), said
        counts = Counter(y[places].tolist())
        if said == "all":
            assert counts == Counter(y.tolist())
        elif said.startswith("mostly "):
            most = said.removeprefix("mostly ")
            assert counts[most] == (y == most).sum()
            assert {counts[name] for name in CLASSES if name != most} == {adapted.RARE}
        else:
            assert set(counts.values()) == {3}
    assert len({said for said, _ in drawn}) == 5


@pytest.mark.slow
def test_the_network_is_scored_as_it_is_and_adapted():
    X, y = make_cohort(12, sfreq=10_000, confound=False, random_state=5)
    rows = pd.DataFrame(adapted.rows_of("some", Waves(X, y)))
    whole = rows[rows["composition"] == "all"].set_index("how")
    assert whole.index.tolist() == list(adapted.SHARES)
    assert (whole["subjects"] == 12).all()
    assert whole["log_loss_votes"].nunique() == 3


def test_the_guide_says_what_is_kept_of_the_present_network():
    text = adapted.table_of(pd.read_csv(KEPT)).strip()
    between = f"{adapted.BEGINS}\n\n{text}\n\n{adapted.ENDS}"
    assert between in adapted.SCORES.read_text(encoding="utf-8")
    about = json.loads(KEPT.with_suffix(".json").read_text())
    assert about["model"] == describe()["sha256"]["volitional-small"]
