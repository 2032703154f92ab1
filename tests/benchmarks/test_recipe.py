"""The study of the tuned recipe: its settings, trainings, comparisons and tables."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks import write_recipe
from benchmarks.recipe import study
from benchmarks.recipe.comparison import balanced, chosen_elsewhere, difference, losses
from benchmarks.recipe.page import _choice, tables
from benchmarks.recipe.settings import (
    ALL,
    BASE,
    KEPT,
    REGULARISERS,
    SIZES,
    TRIED,
    TUNED,
    Size,
    setting,
    settings,
)
from benchmarks.recipe.study import SFREQ, keep, train_and_score
from sknemg import NEMGNetClassifier, Recordings
from sknemg.classifiers.recipes import RECIPES
from sknemg.evaluation import compared_methods


def test_every_ingredient_of_the_recipe_stands_alone_and_is_left_out():
    found = settings()
    base, everything = found[BASE], found[ALL]
    for name, left_out in zip(("- companding", TUNED, "- overlap"), KEPT.values(), strict=True):
        assert found[name] != base == setting(vars(found[name])["params"], left_out)
    for name, change in TRIED.items():
        assert found[f"+ {name}"] == setting(base.params, change) != base
    for name in REGULARISERS:
        without = found[f"all - {name}"]
        assert not set(TRIED[name]) & set(without.params)
        assert everything == setting(without.params, TRIED[name])


def test_the_settings_are_the_recipes_of_the_classifier_and_of_compare():
    found = settings()
    compared = compared_methods("cpu", methods=["network"])
    (network,) = [pipe.named_steps["divote"].estimator for pipe in compared.values()]
    of_compare = network.recipe_params() | {"epoch_fraction": 1.0}
    for name, theirs in {**RECIPES, BASE: of_compare}.items():
        own = NEMGNetClassifier(**found[name].params).recipe_params()
        assert own | {"head": None} == theirs | {"head": None}  # which follows the window


def test_settings_of_the_recipe_are_trained_on_as_much_signal():
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(6, 13_000)).astype("float32")
    y = np.repeat(["myopathy", "normal"], 3)
    X = Recordings(signals, sfreq=SFREQ, subject=list("abcdef"))
    size = Size(width=2, n_updates=4, batch_seconds=4.0)
    train, test = np.array([0, 1, 3, 4]), np.array([2, 5])
    # of the long ones eight are a batch
    expected = {"published": 4, "+ logarithm": 4, "+ windows of 1 s, pooled head": 2}
    for name, n_updates in expected.items():
        one = settings()[name]
        rows, about = train_and_score(one, size, X, y, train, test, 0)
        assert about["updates"] == n_updates
        assert rows["subject"].tolist() == ["c", "f"]
        np.testing.assert_allclose(rows[["myopathy", "normal"]].sum(axis=1), 1, rtol=1e-5)


@pytest.fixture
def invented_recipe():
    """Twelve subjects of two cohorts, three settings of known log-loss."""
    rows = []
    for cohort in ("n2001", "simulated"):
        for at in range(6):
            for name, p in [("published", 0.5), ("all ingredients", 0.8), ("+ a", 0.6)]:
                label = ["myopathy", "normal"][at % 2]
                own = {"myopathy": p, "normal": 1 - p}
                if label == "normal":
                    own = {"myopathy": 1 - p, "normal": p}
                keys = {"cohort": cohort, "seed": 0, "setting": name, "fold": at // 2}
                counts = {"n_right": at % 3, "n_recordings": 2 + at % 2}
                rows.append({**keys, "subject": f"s{at}", "y_true": label, **own, **counts})
    return pd.DataFrame(rows)


def test_losses_differences_and_choices_of_the_recipe(invented_recipe):
    table = invented_recipe
    matrix = losses(table)
    np.testing.assert_allclose(matrix["published"], np.log(2))
    value, low, high = difference(matrix["all ingredients"], matrix["published"])
    assert [value, low, high] == pytest.approx([np.log(0.5 / 0.8)] * 3)
    own = table[(table["setting"] == "published") & (table["cohort"] == "simulated")]
    right, all_of = own.groupby("y_true")[["n_right", "n_recordings"]].sum().to_numpy().T
    assert balanced(own, "recording") == pytest.approx((right / all_of).mean())
    assert set(chosen_elsewhere(table)["setting"]) == {"all ingredients"}
    # a setting that is best on one fold alone is not chosen for that fold
    lucky = (table["setting"] == "+ a") & (table["fold"] == 1) & (table["cohort"] == "n2001")
    for label in ("myopathy", "normal"):
        table.loc[lucky, label] = np.where(table.loc[lucky, "y_true"] == label, 1.0, 0.0)
    chosen = chosen_elsewhere(table)
    at = (chosen["fold"] == 1) & (chosen["cohort"] == "n2001")
    assert set(chosen.loc[at, "setting"]) == {"all ingredients"}


def test_the_recipe_names_the_commit_of_its_trainings_and_leaves_out_halves(
    invented_recipe, tmp_path
):
    size = SIZES["smoke"]
    about = {"cpu_seconds": 1.0, "updates": 6.0}
    table = invented_recipe.replace({"setting": {"all ingredients": BASE}}).assign(**about)
    table = table[table["setting"] != "+ a"]
    half = table[(table["setting"] == "published") & (table["fold"] < 2)].assign(seed=1)
    more = table[(table["setting"] == "published") & (table["cohort"] == "n2001")].assign(
        seed=2, cpu_seconds=99.0
    )
    half = pd.concat([half, more])
    (tmp_path / "abc1234").mkdir()
    pd.concat([table, half]).to_csv(tmp_path / "abc1234" / "all-A2-6.csv", index=False)
    keep(size, tmp_path / "abc1234", tmp_path / "out")
    text = tables(tmp_path / "out")
    assert "commit abc1234, of which the simulator is as well" in text
    # the second seed of the published setting lacks a fold
    rows = re.findall(r"^\| published .* (\d) \|$", text, re.MULTILINE)
    assert rows == ["2", "1"]
    # seconds are those of one processor, which the third seed was not trained on
    assert re.findall(r"^\| published .* (\d+) \| \d \|$", text, re.MULTILINE) == ["1", "1"]
    # scored with the one seed that both have
    chosen = re.findall(rf"^\| \w+ \| {BASE}; .* -0.47 \[no interval\] \| 1 \|$", text, re.M)
    assert len(chosen) == 2
    assert "with all 2 comparisons of the cohorts counted" in text
    assert "**n2001**, 6 subjects, |t| above 3.16: better none; worse `published`." in text
    assert f"**n2001**, of 6: `published` 3, 3; `{BASE}` 6." in text


def test_differences_have_t_intervals_over_subjects(invented_recipe):
    rng = np.random.default_rng(0)
    one = losses(invented_recipe)["published"].loc[["n2001"]]
    again = pd.concat([one, one.rename({0: 1}, level="seed")])
    other = again + rng.normal(size=len(again))
    each = (again - other).groupby("subject").mean()
    for n_comparisons in (1, 20):
        t = stats.ttest_1samp(each, 0).confidence_interval(1 - 0.05 / n_comparisons)
        found = difference(again, other, n_comparisons=n_comparisons)
        assert found == pytest.approx((each.mean(), t.low, t.high))


def test_what_was_chosen_is_scored_on_seeds_that_all_chosen_settings_have(invented_recipe):
    """One setting has a second seed, in which it is wrong throughout."""
    rows = invented_recipe
    extra = rows[rows["setting"] == "all ingredients"].assign(seed=1)
    wrong = extra.assign(myopathy=1 - extra["myopathy"], normal=1 - extra["normal"])
    table = pd.concat([rows, wrong], ignore_index=True)
    chosen = chosen_elsewhere(table)
    # with both of its seeds its mean loss would be above that of the others
    assert set(chosen["setting"]) == {"all ingredients"}
    # "+ a" is surest outside of the last fold of N2001, and so chosen there
    other = (table["setting"] == "+ a") & ((table["cohort"] != "n2001") | (table["fold"] < 2))
    p = np.where(table["cohort"] == "n2001", 1.0, 0.74)
    for label in ("myopathy", "normal"):
        table.loc[other, label] = np.where(table["y_true"] == label, p, 1 - p)[other]
    chosen = chosen_elsewhere(table)
    n2001 = chosen[chosen["cohort"] == "n2001"]
    names = n2001.drop_duplicates("fold").set_index("fold")["setting"].to_dict()
    assert names == {0: "all ingredients", 1: "all ingredients", 2: "+ a"}
    assert set(n2001["seed"]) == {0} and len(n2001) == 6
    assert balanced(n2001, "subject") == 1  # the other seed of some folds has none right
    lines = _choice(table)
    assert re.search(r"^\| n2001 \| .* \| 100 \| 0\.\d\d \| -0\.\d\d .* \| 1 \|$", lines[1], re.M)
    # the other seed alone for one of them: nothing is left to compare
    apart = table[(table["setting"] != "all ingredients") | (table["seed"] == 1)]
    assert chosen_elsewhere(apart).empty
    assert "no seed in common" in _choice(apart)[0]


def test_long_recordings_are_those_of_the_simulator_at_hand(tmp_path, monkeypatch):
    made = []

    def patients(n_subjects, seed, code):
        made.append(code)
        rows = np.zeros((n_subjects, 2 * SFREQ), "float32")
        X = Recordings(rows, sfreq=SFREQ, subject=range(n_subjects))
        return X, np.resize(["myopathy", "normal"], n_subjects)

    monkeypatch.setattr(study, "long_recordings", patients)
    for code in ("older", "older", "newer"):
        monkeypatch.setattr(study, "package_code", lambda *packages, code=code: code)
        X, _ = study.load("simulated-10s", Size(n_subjects=2), 0, tmp_path)
        assert len(X) == 2
    assert made == ["older", "newer"]


@pytest.mark.slow
def test_the_page_of_the_recipe_is_that_of_the_kept_results(tmp_path):
    assert "Not run." in tables(tmp_path)
    assert write_recipe.page() == write_recipe.PAGE.read_text()
