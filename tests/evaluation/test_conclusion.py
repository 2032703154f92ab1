"""The conclusion of a comparison: what is said follows from the figures."""

import numpy as np
import pandas as pd
import pytest
from _results import invented

from sknemg.evaluation.conclusion import best_method, conclude

RANKS, COUNTS = "Kruskal-Wallis of subjects", "χ², diagnoses shuffled"
NO_DIFFERENCE = pd.DataFrame({"p": [0.3, np.nan], "test": [RANKS, ""]}, index=["age", "subjects"])


def table(*rows):
    """Rows (method, value, low, high) of subjects, over "blind"."""
    known = {"level": "subject", "metric": "balanced_accuracy", "over": "blind", "n_items": 20}
    names = ["method", "value", "low", "high"]
    return pd.DataFrame([known | dict(zip(names, row, strict=True)) for row in rows])


def accuracies(**values):
    rows = [(name, value, value - 0.1, value + 0.1) for name, value in values.items()]
    both = [table(*rows), table(*rows).assign(metric="accuracy")]
    return pd.concat(both, ignore_index=True)


def said(
    gain, *, between=(), differences=NO_DIFFERENCE, methods=("CNN", "blind"), sizes=None, **settings
):
    result, _, _ = invented(methods=methods)
    result.settings["n_subjects"] = sizes or result.settings["n_subjects"]
    result.settings["nuisance"] = "blind"
    result.settings["protocol"] |= settings
    scores = accuracies(**{name: 0.8 - 0.1 * at for at, name in enumerate(methods)})
    texts = conclude(result, scores, table(gain), table(*between), differences)
    return " ".join(texts)


@pytest.mark.parametrize(
    "gain, words",
    [
        (
            (0.2, 0.05, 0.3),
            "CNN is better than the model that sees no EMG (+20 points, interval +5",
        ),
        ((0.2, -0.01, 0.3), "Whether CNN is better than the model that sees no EMG cannot be told"),
        ((0.2, 0.0, 0.3), "Whether CNN is better"),
        ((-0.2, -0.3, -0.1), "CNN is worse than the model that sees no EMG (-20 points"),
        ((np.nan, np.nan, np.nan), "CNN cannot be compared with the model that sees no EMG."),
    ],
)
def test_better_is_said_only_where_the_interval_says_it(gain, words):
    text = said(("CNN", *gain))
    assert words in text
    assert ("is better than the model" in text) == ("better" in words)
    assert (
        "CNN diagnosed 16 of 20 test subjects correctly (80 %, 95 % interval 70 % to 90 %)" in text
    )
    assert "The model that sees no EMG diagnosed 14 of 20 test subjects correctly" in text


def test_methods_are_compared_with_the_best():
    """Differences are those of the others over the best: an interval below 0 says that it is."""
    methods = ("CNN", "LDA", "forest", "blind")
    worse, equal = ("LDA", -0.2, -0.3, -0.1), ("forest", -0.1, -0.3, 0.1)
    text = said(("CNN", 0.2, 0.1, 0.3), between=(worse, equal), methods=methods)
    text = text.replace("blind is", "CNN is").replace("That blind", "That CNN")  # the helper's over
    assert "CNN is better than LDA (+20 points, interval +10 to +30)." in text
    assert "That CNN is better than forest is not shown (+10 points, interval -10 to +30)." in text
    assert "These are 5 comparisons" in text


def test_the_best_method_sees_emg():
    result, _, _ = invented(methods=("LDA", "CNN", "blind"))
    result.settings["nuisance"] = "blind"
    assert best_method(accuracies(LDA=0.7, CNN=0.75, blind=0.9), result) == "CNN"
    equal = accuracies(LDA=(0.3 + 0.2 + 0.1) / 3, CNN=(0.1 + 0.2 + 0.3) / 3)
    assert equal["value"].nunique() == 2 and best_method(equal, result) == "LDA"
    result.settings["nuisance"] = None
    assert best_method(accuracies(LDA=0.7, CNN=0.75, blind=0.9), result) == "blind"


def test_other_differences_are_named_and_a_large_p_is_no_proof():
    gain = ("CNN", 0.2, 0.1, 0.3)
    text = said(gain)
    assert "None of 1 other things that were looked at has p < 0.05." in text
    assert "in a cohort of this size, one of a whole standard deviation is found 22 % of" in text
    p = pd.DataFrame(
        {"p": [0.2, 0.001, 0.01, np.nan], "test": [RANKS, COUNTS, RANKS, ""]},
        index=["age", "machine: U", "mains hum (log10 mV², -15: none)", "x"],
    )
    text = said(gain, differences=p)
    assert "2 of 3 things that were looked at have p < 0.05 (machine, mains hum; 0.2 would" in text


def test_a_diagnosis_with_one_subject_does_not_hide_what_was_found_of_the_others():
    p = pd.DataFrame({"p": [0.001], "test": [RANKS]}, index=["age"])
    gain = ("CNN", 0.2, 0.1, 0.3)
    text = said(gain, differences=p, sizes={"myopathy": 1, "neuropathy": 6, "normal": 6})
    assert "1 of 1 things that were looked at have p < 0.05 (age" in text
    assert "none is found" not in text
    assert "nothing that sets a diagnosis with a single subject apart can be told" in text


def test_leaks_are_said_again():
    assert "The scores leak" in said(("CNN", 0.2, 0.1, 0.3), choose_on="test")
    assert "The scores leak" not in said(("CNN", 0.2, 0.1, 0.3))
