"""Selection on the test fold: scores of the best of k epochs, seeds or settings, by subject.

Run ``python -m benchmarks.looks``; a stopped run goes on. In five folds by subject of simulated
cohorts many models are scored on the test fold, and the best of k of them is reported, as if it
had been the only one. The same choice is made on validation subjects, and is tried on patients of
another cohort, at whom nobody has looked. Then all is repeated with the diagnoses dealt anew among
the subjects, where every model is worth an answer by chance.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from scipy import special, stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from skorch.callbacks import Callback

from benchmarks.machinery.reporting import NOT_RUN, markdown
from benchmarks.machinery.runner import RESULTS, write_json
from sknemg import NEMGNetClassifier, Segmenter, SegmentFeatures
from sknemg.metrics import format_interval
from sknemg.provenance import provenance
from sknemg.recordings import label_subjects
from sknemg.simulate import make_cohort

FOLDER = RESULTS / "looks"
PAGE = Path(__file__).parents[1] / "docs" / "looks.md"
SFREQ = 10_000
N_SPLITS = 5
#: Looks from which the best is chosen.
COUNTS = (1, 10, 100, 300)
LEVELS = ("segments", "subjects")
#: Diagnoses: those that were simulated, or dealt anew among the subjects.
LABELS = ("true", "dealt anew")
TYPES = {"diagnoses": str}  # "true" is no bool


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Parameters
    ----------
    n_subjects, seeds : int, tuple of int
        Of each cohort, and one for each.
    n_windows : int
        Windows of 0.4 s of a subject, spread over all that do not overlap by more than half.
    n_looks : int
    network_cohorts : int
        Cohorts on which the network is trained.
    width, batch_size, look_every : int
        Of nEMGNet-A: updates of so many windows, a look after so many updates.
    """

    n_subjects: int = 57
    seeds: tuple[int, ...] = (501, 502, 503)
    n_windows: int = 20
    n_looks: int = 300
    network_cohorts: int = 1
    width: int = 8
    batch_size: int = 16
    look_every: int = 5


SIZES = {
    "cpu": Size(),
    "smoke": Size(n_subjects=21, seeds=(501, 502), n_windows=8, n_looks=6, width=2, look_every=2),
}


class Windows(NamedTuple):
    """Windows of a cohort, or of some of its subjects."""

    signals: np.ndarray
    features: np.ndarray
    subjects: np.ndarray  #: the subject of each window
    y: np.ndarray  #: the diagnosis of each subject of the cohort

    @property
    def labels(self) -> np.ndarray:
        """The diagnosis of each window."""
        return self.y[self.subjects]

    def of(self, subjects: np.ndarray) -> Windows:
        """Give those of some subjects."""
        kept = np.isin(self.subjects, subjects)
        return Windows(self.signals[kept], self.features[kept], self.subjects[kept], self.y)


def cohort(seed: int, size: Size, cache: Path) -> Windows:
    """Simulate a cohort, and cut windows: as many of each subject, if it has as many."""
    X, y = make_cohort(size.n_subjects, sfreq=SFREQ, cache=cache / "cohorts", random_state=seed)
    parts = Segmenter(window=0.4, hop=0.2, short="drop").fit_transform(X)
    codes, _, first = label_subjects(y, X["subject"])
    subjects = codes[parts.row_index]
    kept = np.concatenate([_spread(np.flatnonzero(subjects == one), size.n_windows)
                           for one in range(len(first))])  # fmt: skip
    signals = np.asarray(parts.values[kept], dtype=np.float32)
    features = np.asarray(SegmentFeatures(input_sfreq=SFREQ).fit_transform(signals))
    _, labels = np.unique(np.asarray(y)[first], return_inverse=True)
    return Windows(signals, features, subjects[kept], labels)


def _spread(rows: np.ndarray, n: int) -> np.ndarray:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).round().astype(int))]


# -- looks -------------------------------------------------------------------------------------


def epochs(train: Windows, scored: list[Windows], size: Size, seed: int) -> Iterator[list[Any]]:
    """Look at a small network on features after each epoch."""
    scale = StandardScaler().fit(train.features)
    inputs = scale.transform(train.features)
    network = MLPClassifier((32,), batch_size=32, random_state=seed)
    for _ in range(size.n_looks):
        network.partial_fit(inputs, train.labels, classes=np.unique(train.y))
        yield [network.predict_proba(scale.transform(part.features)) for part in scored]


def seeds(train: Windows, scored: list[Windows], size: Size, seed: int) -> Iterator[list[Any]]:
    """Look at one forest of five trees with one seed after another."""
    for look in range(size.n_looks):
        forest = ExtraTreesClassifier(5, min_samples_leaf=5, random_state=1000 * seed + look)
        forest.fit(train.features, train.labels)
        yield [forest.predict_proba(part.features) for part in scored]


def settings(train: Windows, scored: list[Windows], size: Size, seed: int) -> Iterator[list[Any]]:
    """Look at classifiers and settings drawn at random: a search that knows the test fold."""
    rng = np.random.default_rng(seed)
    for _ in range(size.n_looks):
        columns = np.flatnonzero(rng.random(train.features.shape[1]) < rng.uniform(0.3, 1))
        columns = columns if len(columns) > 1 else np.arange(2)
        model = random_model(rng).fit(train.features[:, columns], train.labels)
        yield [model.predict_proba(part.features[:, columns]) for part in scored]


def random_model(rng: np.random.Generator) -> Any:
    """Draw a way to scale features, a classifier, and its settings."""
    scales = [StandardScaler(), QuantileTransformer(n_quantiles=100, output_distribution="normal")]
    models: list[Any] = [
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage=rng.uniform()),
        QuadraticDiscriminantAnalysis(reg_param=rng.uniform(0.01, 1)),
        GaussianNB(var_smoothing=10 ** rng.uniform(-9, 0)),
        LogisticRegression(C=10 ** rng.uniform(-3, 1), max_iter=200),
        KNeighborsClassifier(int(rng.integers(1, 60))),
        ExtraTreesClassifier(10, min_samples_leaf=int(rng.integers(1, 30)),
                             random_state=int(rng.integers(1 << 30))),
    ]  # fmt: skip
    return make_pipeline(scales[rng.integers(len(scales))], models[rng.integers(len(models))])


class Looks(Callback):
    """Scores windows after each round of updates; what it does not see is never trained on."""

    def __init__(self, scored: list[Windows]) -> None:
        self.scored, self.found = scored, []

    def on_epoch_end(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Look."""
        self.found.append([net.predict_proba(part.signals) for part in self.scored])


def updates(train: Windows, scored: list[Windows], size: Size, seed: int) -> Iterator[list[Any]]:
    """Look at nEMGNet, trained as published, after every few updates."""
    looks = Looks(scored)
    n_updates = size.n_looks * size.look_every
    NEMGNetClassifier(
        "A", width=size.width, batch_size=size.batch_size, eval_every=size.look_every,
        max_epochs=-(-n_updates * size.batch_size // len(train.signals)), validation=None,
        callbacks=[looks], device="cpu", random_state=seed,
    ).fit(train.signals, train.labels)  # fmt: skip
    yield from looks.found[: size.n_looks]


#: Kinds of looks, and what they are called on the page.
KINDS: dict[str, tuple[Callable[..., Iterator[list[Any]]], str]] = {
    "updates": (updates, "weights of nEMGNet along a training"),
    "epochs": (epochs, "epochs of a small network on features"),
    "seeds": (seeds, "seeds of a forest on features"),
    "settings": (settings, "settings and classifiers on features"),
}


# -- the best of k -----------------------------------------------------------------------------


def chances_to_be_best(right: np.ndarray, k: int) -> np.ndarray:
    """Give the chance of each look to be the best of k drawn without replacement.

    Parameters
    ----------
    right : ndarray (n_looks,)
        How much each look gets right; the first of those that are equal is as good as any.
    k : int

    Returns
    -------
    float ndarray (n_looks,)
        They sum to 1.
    """
    _, group, counts = np.unique(-right, return_inverse=True, return_counts=True)
    left = len(right) - np.concatenate([[0], np.cumsum(counts)])
    none_above = special.comb(left, k) / special.comb(len(right), k)
    return ((none_above[:-1] - none_above[1:]) / counts)[group]


def rights(looks: list[np.ndarray], windows: Windows) -> dict[str, np.ndarray]:
    """Count what each look gets right, of segments and of subjects by the mean of theirs.

    Returns
    -------
    dict of float ndarray (n_looks, n_subjects)
        Each subject's share of segments that are right; whether its mean is.
    """
    subjects, codes, counts = np.unique(windows.subjects, return_inverse=True, return_counts=True)
    found: dict[str, list[np.ndarray]] = {level: [] for level in LEVELS}
    for scores in looks:
        right = scores.argmax(axis=1) == windows.labels
        found["segments"].append(np.bincount(codes, right) / counts)
        sums = [np.bincount(codes, column) for column in scores.T]
        found["subjects"].append(np.argmax(sums, axis=0) == windows.y[subjects])
    return {level: np.array(rows, dtype=float) for level, rows in found.items()}


def score_fold(
    kind: str, own: Windows, other: Windows, fold: int, size: Size, seed: int
) -> pd.DataFrame:
    """Train and look; say what the best of k is said to be worth, and what it is worth."""
    splits = list(_split(own.y, seed))
    rest, test = splits[fold]
    inner = next(_split(own.y[rest], seed))
    train, valid = (own.of(rest[part]) for part in inner)
    fresh = np.arange(len(other.y))
    if kind == "updates":  # each of its subjects once, since looks of the network are expensive
        fresh = list(_split(other.y, seed))[fold][1]
    parts = {"test": own.of(test), "validation": valid, "fresh": other.of(fresh)}
    start = time.process_time()
    found = list(KINDS[kind][0](train, list(parts.values()), size, seed + fold))
    seconds = time.process_time() - start
    right = {name: rights([look[at] for look in found], part)
             for at, (name, part) in enumerate(parts.items())}  # fmt: skip
    rows = []
    for chosen_on in ("test", "validation"):
        for level in LEVELS:
            for k in COUNTS:
                # Sums of shares differ in their last digits where the shares are the same.
                merit = right[chosen_on][level].sum(axis=1).round(9)
                weights = chances_to_be_best(merit, min(k, len(found)))
                worth = {f"{name}_{what}": weights @ right[name][what].mean(axis=1)
                         for name in ("test", "fresh") for what in LEVELS}  # fmt: skip
                rows.append({"chosen_on": chosen_on, "chosen_by": level, "k": k, **worth})
    last = {f"{name}_{what}": right[name][what][-1].mean()
            for name in ("test", "fresh") for what in LEVELS}  # fmt: skip
    rows.append({"chosen_on": "last", "chosen_by": "order", "k": len(found), **last})
    return pd.DataFrame(rows).assign(cpu_seconds=seconds)


def _split(y: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return StratifiedKFold(N_SPLITS, shuffle=True, random_state=seed).split(y, y)


def dealt(windows: Windows, seed: int) -> Windows:
    """Deal the diagnoses anew among the subjects."""
    return windows._replace(y=np.random.default_rng(seed).permutation(windows.y))


# -- running -----------------------------------------------------------------------------------


def run(size: Size, kinds: list[str], cache: Path, out: Path) -> None:
    """Compute every fold that is not in the cache, and keep the table after each kind."""
    import torch

    torch.set_num_threads(1)
    folder = cache / "looks" / f"{provenance()['commit'] or 'unknown'}-{joblib.hash(size)}"
    folder.mkdir(parents=True, exist_ok=True)
    cohorts = [cohort(seed, size, cache) for seed in size.seeds]
    for kind in kinds:
        n_cohorts = size.network_cohorts if kind == "updates" else len(size.seeds)
        for labels in LABELS:
            for at, seed in enumerate(size.seeds[:n_cohorts]):
                own, other = cohorts[at], cohorts[(at + 1) % len(cohorts)]
                if labels != "true":
                    own, other = dealt(own, seed), dealt(other, seed + 1)
                for fold in range(N_SPLITS):
                    file = folder / f"{kind}-{labels}-{seed}-{fold}.csv".replace(" ", "_")
                    if file.exists():
                        continue
                    keys = {"kind": kind, "diagnoses": labels, "cohort": seed, "fold": fold}
                    table = score_fold(kind, own, other, fold, size, seed).assign(**keys)
                    part = file.with_suffix(".part")
                    table.to_csv(part, index=False)
                    part.replace(file)
                    print(file.stem, f"{table['cpu_seconds'].iloc[0]:.1f} s", flush=True)
        keep(size, folder, out)


def keep(size: Size, folder: Path, out: Path) -> None:
    """Write all finished folds into one table, beside how they came about."""
    files = sorted(folder.glob("*.csv"))
    table = pd.concat([pd.read_csv(file, dtype=TYPES) for file in files])
    first = ["kind", "diagnoses", "cohort", "fold"]
    table = table[[*first, *table.columns.drop(first)]]
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "folds.csv", index=False, float_format="%.5g")
    write_json(out / "settings.json", {"size": asdict(size), "simulated": True, **provenance()})


# -- tables ------------------------------------------------------------------------------------

INTRODUCTION = """# How much selection on the test fold inflates scores

Generated from `benchmarks/results/looks` by `python -m benchmarks.looks --page`; what was not run
says so.

How much too high is a score if the best of many was chosen on the test fold? Much: where diagnoses
are assigned at random, and a third is chance, the best of {n_looks} settings scores 60 %.

The published scores of nEMGNet ([Yoo et al. 2022](references.md)) are those of the weights that did
best on the test fold, which was scored 400 times during training ([leaks](guide/leaks.md)). The
same happens to anybody who trains with several seeds, epochs, classifiers or settings, scores each
on the test fold, and reports the best.

The best look is chosen **separately in each fold**, as in the paper, and the scores of the chosen
looks are averaged over the folds. One choice for all folds, by the best cross-validated score,
inflates scores less: it is the greatest of k means over all test subjects, not the mean of the
greatest of each fold. How much less was not measured.

```sh
python -m benchmarks.looks            # resumes after a stop; --kinds epochs seeds settings: minutes
python -m benchmarks.looks --page
```

**What a look is.** A look is one score on the test fold. There are five folds by subject; a fifth
of the training subjects is set aside for validation; each training sees the rest, {n_windows}
windows of 0.4 s per subject.

- *weights of nEMGNet along a training*: version A of width {width}, trained as published in batches
  of {batch_size} (published: width 64, batches of 32), looked at after every {look_every} of
  {n_updates} updates (published: every 50 of 20,000).
- *epochs of a small network on features*: 32 hidden units on {{class}}`~sknemg.SegmentFeatures`,
  looked at after each of {n_looks} epochs.
- *seeds of a forest on features*: five trees, {n_looks} seeds.
- *settings and classifiers on features*: {n_looks} draws of a subset of the features, their
  scaling, one of six classifiers, and its settings.

**What the columns are.** "One look" is the expected score of one look drawn at random, without any
selection. The other columns are differences from it, in points:

- *best of k*: the best of k looks, *chosen on the test fold itself*, with its score on the same
  fold;
- *fresh subjects*: what the weights or settings chosen in this way score on patients of another
  cohort, who played no part in the choice;
- *validation*: the best of {n_looks} chosen on the validation subjects instead and scored on the
  test fold, which is honest;
- *last*: the last look of a training, which nobody chose.

Intervals are 95 % t-intervals over the test folds: all looks of a fold share its subjects, so a
fold counts once. Training sets of the folds of a cohort overlap, which the intervals ignore.
"""

#: What is chosen by, what is reported, and the heading.
VIEWS = [
    ("segments", "segments", "Chosen by segments, segments reported"),
    ("segments", "subjects", "Chosen by segments as published, subjects reported"),
    ("subjects", "subjects", "Chosen by subjects, subjects reported"),
]

DISCUSSION = """## What holds

Read from these results by hand.

- **Even where there is nothing to learn, the best of many looks scores well.** With diagnoses
  assigned at random, no model can be right more than one time in three on average. The best of 300
  settings, chosen in each fold by its test subjects, is right for 34 + 26 = 60 %, the best weights
  of nEMGNet for 33 + 30 = 63 %. On fresh subjects they gain nothing (0 [-2, +2] and -1 [-6, +5]),
  nor if chosen on validation subjects.
- **Ten looks are enough.** Chosen by subjects, with diagnoses assigned at random, the best of ten
  gains 15 points for seeds and for settings, more than half of the gain with 300 (27 and 26). With
  the diagnoses as simulated it is 12 of 22 and 16 of 23.
- **Seeds are looks.** Three hundred forests that differ only in their seed score the same on fresh
  subjects (0 [-1, +1]); the best of them on the test fold scores 22 points more there [+19, +24]:
  71 % become 93 %.
- **A search over settings also brings a real gain**: +5 [+2, +7] on fresh subjects, but +23 [+21,
  +25] on the fold it was chosen on. Chosen on validation subjects the same search gains +4 [-1,
  +9], an honest estimate.
- **Choosing by segments leaks less than choosing by subjects.** A fold has eleven or twelve
  subjects and twenty times as many segments. Chosen by segments, the gain in segment accuracy on
  the fold is 4 to 10 points above that on fresh subjects.
- **Weights of nEMGNet chosen as published**, by segments of the test fold, gain 10 points of
  segment accuracy [+7, +14], where validation subjects give +1 [-4, +6] and fresh subjects +2 [-1,
  +5]. Nearly as much is gained on the fold (+9 [+7, +10]) where diagnoses are assigned at random.
  For subjects, five folds show no leak (+11 [-3, +24]; fresh +9 [-8, +26]). Chosen by subjects the
  gain is +25 [+20, +29], and +13 [+7, +19] on fresh ones.
- **How large the effect is elsewhere** depends on how many subjects a fold has (here as in the
  paper) and on how much the looks differ. Epochs of a training that has settled differ least and
  leak least (+10 points, chosen by subjects).

The network here is small and its training short; the published training of 20,000 updates at width
64, with 400 looks, was not repeated. All patients are simulated, from three cohorts and one seed of
folds each; nEMGNet was run on one of the cohorts.
"""


def tables(folder: Path = FOLDER) -> str:
    """Write all tables as Markdown; what was not run says so."""
    if not (folder / "folds.csv").exists():
        return "Not run.\n"
    table = pd.read_csv(folder / "folds.csv", dtype=TYPES)
    about = json.loads((folder / "settings.json").read_text())
    size = about["size"]
    seconds = table.drop_duplicates(["kind", "diagnoses", "cohort", "fold"])["cpu_seconds"].sum()
    lines = [
        f"*Simulated cohorts of {size['n_subjects']} subjects, seeds "
        f"{', '.join(map(str, size['seeds']))} (nEMGNet: the first {size['network_cohorts']}); "
        f"{seconds / 60:.0f} CPU minutes on {about['device']}, one thread, commit "
        f"{about['commit'] or 'unknown'}.*\n"
    ]
    for labels, heading in zip(
        LABELS, ("diagnoses as simulated", "diagnoses assigned at random"), strict=True
    ):
        lines.append(f"## Accuracy in percent, {heading}\n")
        if labels != "true":
            lines.append(
                "No model can know these: anything above 33 % comes from selection on the fold.\n"
            )
        for by, level, title in VIEWS:
            header = ["looks at", "folds", "one look", *(f"best of {k}" for k in COUNTS[1:])]
            header += [f"best of {COUNTS[-1]}, fresh subjects", f"best of {COUNTS[-1]}, validation"]
            header.append("last")
            found = [_found(table, kind, labels, by, level) for kind in KINDS]
            names = [name for _, name in KINDS.values()]
            folds = [one if isinstance(one, str) else str(len(one)) for one, *_ in found]
            cells = [_intervals(list(column), signed=at > 0)
                     for at, column in enumerate(zip(*found, strict=True))]  # fmt: skip
            columns = [names, folds, *cells]
            rows = [list(row) for row in zip(*columns, strict=True)]
            lines += [f"**{title}**\n", markdown(header, rows)]
    return "\n".join(lines)


def _found(
    table: pd.DataFrame, kind: str, labels: str, by: str, level: str
) -> list[pd.Series | str]:
    """Give what stands in a row, by fold: the score of one look, and differences from it."""
    part = table[(table["kind"] == kind) & (table["diagnoses"] == labels)]
    if part.empty:
        return [NOT_RUN] * (4 + len(COUNTS) - 1)

    def values(chosen_on: str, k: int, subjects: str = "test") -> pd.Series:
        rows = part[part["chosen_on"] == chosen_on]
        if chosen_on != "last":
            rows = rows[(rows["chosen_by"] == by) & (rows["k"] == k)]
        return rows.set_index(["cohort", "fold"])[f"{subjects}_{level}"]

    one, most = values("test", 1), COUNTS[-1]
    gains = [values("test", k) - one for k in COUNTS[1:]]
    gains += [values("test", most, "fresh") - values("test", 1, "fresh")]
    gains += [values("validation", most) - one]
    ordered = kind in ("updates", "epochs")
    return [one, *gains, values("last", 0) - one if ordered else ""]


def _intervals(column: list[pd.Series | str], signed: bool) -> list[str]:
    """Write means and 95 % t-intervals over folds, in percent, with as many digits in each."""
    found = {at: _interval(cell) for at, cell in enumerate(column) if not isinstance(cell, str)}
    digits = next(
        n for n in range(9) if all(round(100 * low, n) != round(100 * high, n)
                                   for _, low, high in found.values())
    )  # fmt: skip
    texts = ["" if at in found else str(cell) for at, cell in enumerate(column)]
    for at, bounds in found.items():
        text = format_interval(*bounds, digits=digits, percent=True, signed=signed)
        texts[at] = re.sub(r"[+-](0(?:\.0+)?)(?=[ \],])", r"\1", text)  # zero has no sign
    return texts


def _interval(values: pd.Series) -> tuple[float, float, float]:
    n = len(values)
    reach = stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return values.mean(), values.mean() - reach, values.mean() + reach


def page(folder: Path = FOLDER) -> str:
    """Write the page."""
    file = folder / "settings.json"
    size = Size(**json.loads(file.read_text())["size"]) if file.exists() else SIZES["cpu"]
    numbers = asdict(size) | {"n_updates": f"{size.n_looks * size.look_every:,}"}
    return "\n".join([INTRODUCTION.format(**numbers), tables(folder), DISCUSSION])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="cpu")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--page", action="store_true", help="write the page, and run nothing")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "sknemg-benchmarks",
        help="folder of finished folds, from which a stopped run goes on",
    )  # fmt: skip
    args = parser.parse_args()
    if args.page:
        PAGE.write_text(page(args.out))
        return
    run(SIZES[args.size], args.kinds, args.cache, args.out)
    print(tables(args.out))


if __name__ == "__main__":
    main()
