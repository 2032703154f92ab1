"""Image networks that begin from simulated images, against the same from random weights.

Run ``python -m benchmarks.papers.images_pretrained``; a stopped run goes on behind its last
training. Public weights cannot be had offline, so each network is trained on mel spectrograms of
simulated patients of other seeds, whose muscles, needles and machines vary, and then further on few
subjects: of each class of the training folds of 57 simulated subjects, or on all of N2001 but the
one who is tested (``SKNEMG_DATA`` names the folder that holds ``emglab_n2001``). Beside it stand
the same network from random weights, with as many updates on the same subjects, the network as it
was before it saw any of them, and features with a linear discriminant. Every seed has a
pretraining, a draw of subjects and a training of its own. ``--starts timm`` adds timm's own
weights, from the Hugging Face hub or its cache. All recordings pass through the steps of the
shipped models: 10 kHz, 20 Hz to 4.5 kHz. On a GPU, several trainings at once (``--jobs 8``) fill
what one leaves idle.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from inspect import getfile
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from safetensors.numpy import save_file
from scipy import stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import LeaveOneOut, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machinery import runner
from benchmarks.machinery.methods import image_step
from benchmarks.machinery.reporting import NOT_RUN, markdown
from benchmarks.machinery.runner import write_json
from benchmarks.pretrain.patients import TIMES, begin_times, patients, steps
from benchmarks.real import load as load_real
from sknemg import Recordings, Segmenter, SegmentFeatures, TimmClassifier
from sknemg.metrics import format_interval
from sknemg.provenance import provenance
from sknemg.simulate import make_cohort
from sknemg.versions import package_code

CLASSES = ["myopathy", "neuropathy", "normal"]
NETWORKS = {"ResNet-18": "resnet18", "ResNet-50": "resnet50"}
KIND = "wide"  # of the patients that pretrain
STARTS = {
    "scratch": "from random weights",
    "simulated": "from simulated images",
    "timm": "from timm's weights",
}
ALONE = "simulated images alone"
LINEAR = "features + LDA"
#: What the networks of a start are compared with.
AGAINST = {
    STARTS["scratch"]: (ALONE,),
    STARTS["simulated"]: (STARTS["scratch"], LINEAR, ALONE),
}
TITLES = {"simulated": "57 simulated subjects", "n2001": "N2001, ten real subjects"}
ALL = 0  # in place of a number of training subjects a class: all but the one tested


class Size(NamedTuple):
    """How much is trained; updates are those of batches."""

    networks: tuple[str, ...] = tuple(NETWORKS)
    pixels: int = 128
    blocks: int = 1
    pretraining: int = 300
    updates: int = 60
    batch: int = 16
    shots: tuple[int, ...] = (4,)
    seeds: tuple[int, ...] = (0,)
    subjects: int = 57
    folds: int = 5
    hop: float = 0.2
    lr: float = 1e-3
    lr_further: float = 1e-4
    amp: bool = False


SIZES = {
    "smoke": Size(pixels=32, pretraining=4, updates=2, subjects=12, folds=2, shots=(1,)),
    "cpu": Size(),
    "gpu": Size(blocks=6, pretraining=800, updates=200, batch=32, shots=(1, 4), amp=True),
}


class Pictures(NamedTuple):
    """Windows of a cohort: as pictures (n, 1, height, width), as features, and whose they are."""

    images: np.ndarray
    features: np.ndarray
    recording: np.ndarray  # of each window
    subjects: np.ndarray  # of each recording
    y: np.ndarray  # of each recording

    @property
    def diagnoses(self) -> pd.Series:
        """The diagnosis of each subject."""
        return pd.Series(self.y, index=self.subjects).groupby(level=0).first()

    def windows_of(self, names: Any) -> np.ndarray:
        """Give the windows of some subjects."""
        return np.flatnonzero(np.isin(self.subjects[self.recording], names))


class Cell(NamedTuple):
    """A training and a test: of which method, on whom."""

    shots: int
    fold: int
    seed: int
    network: str  # empty where there is none
    start: str
    train: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def method(self) -> str:
        return f"{self.network}, {self.start}" if self.network else self.start

    @property
    def name(self) -> str:
        return f"{self.shots}-{self.fold}-{self.seed}-{self.network or 'none'}-{self.start}"


# -- data --------------------------------------------------------------------------------------


def pictures(waves: Recordings, y: Any, hop: float) -> Pictures:
    """Draw the windows of recordings, and measure their features."""
    windows = Segmenter(hop=hop, short="drop").fit_transform(waves)
    images = image_step("mel").fit_transform(windows).values
    features = SegmentFeatures().fit_transform(windows).values
    subjects = waves["subject"].to_numpy().astype(str)
    return Pictures(images, features, windows.row_index, subjects, np.asarray(y).astype(str))


def load(cohort: str, size: Size, cache: Path) -> Pictures:
    """Give the pictures of a cohort that is to be diagnosed."""
    if cohort == "n2001":
        raw, y = load_real(cohort)
    else:
        folder = cache / "cohorts"
        raw, y = make_cohort(size.subjects, sfreq=10_000, cache=folder, random_state=0)
    return pictures(steps().fit_transform(raw), y, size.hop)


def store_of(cache: Path) -> Path:
    """Give the store of the patients that pretrain, with a list of times that jobs can add to."""
    code = package_code("preprocessing", "recordings", "simulate")
    store = cache / f"patients-{code[:12]}"
    store.mkdir(parents=True, exist_ok=True)
    begin_times(store / TIMES)
    return store


def simulated(number: int, size: Size, cache: Path) -> Pictures:
    """Give the pictures of a block of the patients that pretrain; simulate it, if it was not."""
    _, waves, y = patients(store_of(cache), KIND, number)
    return pictures(waves, y, size.hop)


def together(parts: Sequence[Pictures]) -> Pictures:
    """Put the pictures of cohorts one behind the other."""
    starts = np.cumsum([0, *(len(part.y) for part in parts)])
    recording = [part.recording + start for part, start in zip(parts, starts[:-1], strict=True)]
    joined = (np.concatenate([getattr(p, k) for p in parts]) for k in Pictures._fields)
    return Pictures(*joined)._replace(recording=np.concatenate(recording))


def plan(cohort: str, data: Pictures, size: Size, starts: Sequence[str]) -> list[Cell]:
    """List all trainings of a cohort, on whom and for whom."""
    known = data.diagnoses
    names = known.index.to_numpy()
    everyone = tuple(names.tolist())
    if cohort == "n2001":
        folds, shots = list(LeaveOneOut().split(names)), (ALL,)
    else:
        splitter = StratifiedKFold(size.folds, shuffle=True, random_state=0)
        folds, shots = list(splitter.split(names, known)), size.shots
    cells = []
    for seed in size.seeds:
        cells += [Cell(ALL, 0, seed, network, ALONE, (), everyone) for network in size.networks]
        for n in shots:
            for fold, (train, test) in enumerate(folds):
                own = drawn(known.iloc[train], n, (n, fold, seed))
                rest = own, tuple(names[test].tolist())
                cells += [
                    Cell(n, fold, seed, network, STARTS[start], *rest)
                    for network in size.networks
                    for start in starts
                ]
                cells.append(Cell(n, fold, seed, "", LINEAR, *rest))
    return cells


def drawn(known: pd.Series, shots: int, seed: tuple[int, ...]) -> tuple[str, ...]:
    """Draw as many training subjects of each class, or take all."""
    if shots == ALL:
        return tuple(known.index)
    least = known.value_counts().min()
    if shots > least:
        raise ValueError(
            f"{shots} training subjects per class were asked for, a fold has {least}: ask for "
            "fewer."
        )
    rng = np.random.default_rng(seed)
    each = [known.index[known == label].to_numpy() for label in CLASSES]
    return tuple(np.concatenate([rng.choice(own, shots, replace=False) for own in each]).tolist())


# -- training ----------------------------------------------------------------------------------


def network(name: str, size: Size, n_rows: int, updates: int, seed: int, **start: Any) -> Any:
    """Give a network that makes so many updates on its rows, to whole batches of an epoch."""
    per_epoch = -(-n_rows // size.batch)
    epochs = -(-updates // per_epoch)
    return TimmClassifier(
        NETWORKS.get(name, name), image_size=size.pixels, channels_last=True, batch_size=size.batch,
        max_epochs=epochs, epoch_fraction=updates / per_epoch / epochs, optimizer="adamw",
        weight_decay=0.01, schedule="one-cycle", validation=None, eval_every=None, amp=size.amp,
        random_state=seed, **{"lr": size.lr, **start},
    )  # fmt: skip


def pretrain(name: str, seed: int, data: Pictures, size: Size, folder: Path) -> None:
    """Train a network on simulated patients; keep it and its weights, if they were not kept."""
    file = kept_network(name, seed, folder)
    if not file.exists():
        y = data.y[data.recording]
        model = network(name, size, len(y), size.pretraining, seed).fit(data.images, y)
        save_file(model.weights_, file.with_suffix(".safetensors"))
        part = file.with_suffix(".part")
        joblib.dump(model, part)
        part.replace(file)


def kept_network(name: str, seed: int, folder: Path) -> Path:
    return folder / f"{name}-{seed}.joblib"


def run_cell(cell: Cell, data: Pictures, size: Size, networks: Path, folder: Path) -> pd.DataFrame:
    """Train and test; keep the answers, or read those that were kept."""
    file = folder / f"{cell.name}.csv"
    if not file.exists():
        found = answers(cell, data, size, networks)
        part = file.with_suffix(".part")
        found.to_csv(part, index=False)
        part.replace(file)
    return pd.read_csv(file, dtype={"subject": str})


def answers(cell: Cell, data: Pictures, size: Size, networks: Path) -> pd.DataFrame:
    """Train and test a method."""
    train, test = data.windows_of(cell.train), data.windows_of(cell.test)
    y = data.y[data.recording[train]]
    if not cell.network:
        model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
        model.fit(data.features[train], y)
        return by_subject(model.predict_proba(data.features[test]), data, test)
    kept = kept_network(cell.network, cell.seed, networks)
    if cell.start == ALONE:
        return by_subject(joblib.load(kept).predict_proba(data.images[test]), data, test)
    start: dict[str, Any] = {
        STARTS["scratch"]: {"lr": size.lr},
        STARTS["simulated"]: {"checkpoint": kept.with_suffix(".safetensors")},
        STARTS["timm"]: {"pretrained": True},
    }[cell.start]
    start = {"lr": size.lr_further, **start}
    model = network(cell.network, size, len(train), size.updates, cell.seed, **start)
    model.fit(data.images[train], y)
    found = by_subject(model.predict_proba(data.images[test]), data, test)
    return found.assign(updates=model.history_["update"].iloc[-1])


def by_subject(proba: Any, data: Pictures, rows: np.ndarray) -> pd.DataFrame:
    """Average windows to recordings and these to subjects, a row each, with its recordings' scores.

    ``right`` counts the recordings that were named rightly, ``loss`` adds up their log-losses.
    """
    scores = pd.DataFrame(np.asarray(proba, dtype=float), columns=CLASSES)
    each = scores.groupby(data.recording[rows]).mean()
    subject, y = data.subjects[each.index], data.y[each.index]
    true = each.to_numpy()[np.arange(len(each)), pd.Index(CLASSES).get_indexer(y)]
    own = each.assign(
        recordings=1, right=(np.array(CLASSES)[each.to_numpy().argmax(axis=1)] == y).astype(int),
        loss=-np.log(np.clip(true, 1e-3, 1)),
    ).groupby([subject, y])  # fmt: skip
    found = own[CLASSES].mean().join(own[["recordings", "right", "loss"]].sum())
    return found.rename_axis(["subject", "y_true"]).reset_index().assign(updates=0)


# -- running -----------------------------------------------------------------------------------


def run(profile: str, cohorts: Sequence[str], args: argparse.Namespace) -> None:
    """Pretrain, then train and test every cohort; keep one row a subject, method, draw and seed."""
    size = SIZES[profile]
    world = provenance()
    folder = args.cache / "images_pretrained" / f"{profile}-{key_of(size, world)}"
    folder.mkdir(parents=True, exist_ok=True)
    store_of(args.cache)  # before several jobs begin its list of times
    parallel = joblib.Parallel(n_jobs=args.jobs, verbose=5)
    loaded = parallel(
        [joblib.delayed(_alone_on_a_thread)(load, cohort, size, args.cache) for cohort in cohorts]
        + [
            joblib.delayed(_alone_on_a_thread)(simulated, number, size, args.cache)
            for number in range(size.blocks)
        ]
    )
    data = dict(zip(cohorts, loaded, strict=False))
    source = together(loaded[len(cohorts) :])
    parallel(
        joblib.delayed(_alone_on_a_thread)(pretrain, name, seed, source, size, folder)
        for name in size.networks
        for seed in size.seeds
    )
    for cohort, own in data.items():
        cells = plan(cohort, own, size, args.starts)
        (folder / cohort).mkdir(exist_ok=True)
        found = parallel(
            joblib.delayed(_alone_on_a_thread)(run_cell, cell, own, size, folder, folder / cohort)
            for cell in cells
        )
        tables = [
            table.assign(method=cell.method, shots=cell.shots, seed=cell.seed)
            for cell, table in zip(cells, found, strict=True)
        ]
        about = {
            "profile": profile, "cohort": cohort, "size": size._asdict(),
            "starts": list(args.starts), "pretraining_patients": len(source.diagnoses),
            "pretraining_windows": len(source.images), "subjects": len(own.diagnoses),
            "recordings": len(own.y), "windows": len(own.images),
        }  # fmt: skip
        keep(args.out, tables, about | world)


def key_of(size: Size, world: Mapping[str, Any]) -> str:
    """Give the key of kept trainings: sizes, code of sknemg and of this study, versions, device."""
    study = [Path(file).read_bytes() for file in (__file__, getfile(image_step), getfile(steps))]
    return joblib.hash((size, package_code(), study, world["device"], world["versions"]))[:12]


def _alone_on_a_thread(work: Any, *args: Any) -> Any:
    """Work on one thread, as the processes beside it do."""
    import torch

    torch.set_num_threads(1)
    return work(*args)


def folder_of(out: Path, cohort: str, profile: str) -> Path:
    return out / "images_pretrained" / f"{cohort}-{profile}"


def keep(out: Path, tables: list[pd.DataFrame], settings: dict[str, Any]) -> None:
    """Write answers, subjects by number, and settings."""
    folder = folder_of(out, settings["cohort"], settings["profile"])
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.concat(tables, ignore_index=True)
    table["subject"] = pd.factorize(table["subject"], sort=True)[0]
    table.to_csv(folder / "subjects.csv", index=False, float_format="%.4f")
    write_json(folder / "settings.json", settings)


# -- tables ------------------------------------------------------------------------------------


def tables() -> str:
    parts = [
        "## Image networks that start from simulated images\n",
        "Do simulated images make up for public weights, which cannot be had offline? Each network "
        "is trained on mel spectrograms of simulated patients of other seeds (`vary='all'`), at "
        f"{Size().pixels} pixels, then further on few subjects with a tenth of the learning rate, "
        "and compared with the same network from random weights after as many updates on the same "
        "subjects (give or take a few, since updates come in whole batches). *Simulated images "
        "alone* is the network before it saw the cohort. No setting was searched.\n",
        "The tables give balanced accuracy in percent and log-loss (uniform guessing: 1.10; a "
        "score below 0.001 counts as 0.001) of recordings, by the mean of their windows, and of "
        "subjects, by that of their recordings; means over seeds, each with a pretraining, a draw "
        "of training subjects and a training of its own. Differences have 95 % t intervals over "
        "test subjects, whose seeds are averaged first; they are not corrected for their number. "
        "The simulated cohort comes from the simulator of the pretraining, so it shows how much "
        "similar patients help; N2001 shows how much simulated patients help with real ones.\n",
    ]
    for profile in ("cpu", "gpu"):
        parts += [_tables_of(profile, cohort) for cohort in TITLES]
    return "\n".join(parts)


def _tables_of(profile: str, cohort: str) -> str:
    folder = folder_of(runner.RESULTS, cohort, profile)
    title = f"Profile {profile}, {TITLES[cohort]}"
    if not (folder / "settings.json").exists():
        return f"{title}: {NOT_RUN}.\n"
    settings = json.loads((folder / "settings.json").read_text())
    table = pd.read_csv(folder / "subjects.csv")
    rows, gains = [], []
    for (shots, method), own in table.groupby(["shots", "method"], sort=False):
        rows.append([_shots(shots, method), method, *scores(own)])
        name, _, start = method.partition(", ")
        for other in AGAINST.get(start, ()):
            other = other if other == LINEAR else f"{name}, {other}"
            same = (table["shots"] == shots) | (ALONE in other)  # which trained on none of them
            against = table[same & (table["method"] == other)]
            gains.append([_shots(shots), method, other, *differences(own, against)])
    header = ["training subjects", "method", "recordings", "subjects", "log-loss of recordings",
              "log-loss of subjects"]  # fmt: skip
    against = ["training subjects", "method", "against", *header[2:]]
    return "\n".join([f"{title}. {_said(settings, table['updates'])}\n", markdown(header, rows),
                      markdown(against, gains)])  # fmt: skip


def _shots(shots: int, method: str = "") -> str:
    if method.endswith(ALONE):
        return "none"
    return "all others" if shots == ALL else f"{shots} per class"


def _said(settings: dict[str, Any], updates: pd.Series) -> str:
    size = settings["size"]
    counts = updates[updates > 0]
    least, most = counts.min(), counts.max()
    updated = f"{least}" if least == most else f"{least} to {most}"
    folds = (
        "one subject left out at a time" if settings["cohort"] == "n2001"
        else f"{size['folds']} folds by subject"
    )  # fmt: skip
    amp = ", in bfloat16 where autocast allows it" if size["amp"] else ""
    return (
        f"*Pretraining: {settings['pretraining_patients']} patients, "
        f"{settings['pretraining_windows']} windows, {size['pretraining']} updates; then "
        f"{updated} updates on the cohort, of {size['batch']} windows{amp}; AdamW in "
        f"one cycle, at {size['lr']:g}, from given weights {size['lr_further']:g}. "
        f"{settings['subjects']} subjects, {settings['recordings']} recordings, "
        f"{settings['windows']} windows every {size['hop']} s, {folds}; seeds "
        f"{', '.join(map(str, size['seeds']))}. {settings['device']}, commit "
        f"{settings['commit'] or 'unknown'}.*{_one_seed(size)}"
    )


def _one_seed(size: Mapping[str, Any]) -> str:
    if len(size["seeds"]) > 1:
        return ""
    return " With one seed, intervals do not hold the chance of pretraining, draw and training."


class Means(NamedTuple):
    """Scores of each test subject, its seeds averaged; counts and sums of its recordings."""

    y: np.ndarray
    n: np.ndarray
    right: np.ndarray
    loss: np.ndarray
    subject_right: np.ndarray
    subject_loss: np.ndarray


def means_of(own: pd.DataFrame) -> Means:
    """Average the seeds of each subject."""
    values = own[CLASSES].to_numpy()
    codes = pd.Index(CLASSES).get_indexer(own["y_true"])
    true = values[np.arange(len(own)), codes]
    own = own.assign(
        subject_right=values.argmax(axis=1) == codes, subject_loss=-np.log(np.clip(true, 1e-3, 1))
    )
    columns = ["recordings", "right", "loss", "subject_right", "subject_loss"]
    each = own.groupby(["subject", "y_true"])[columns].mean()
    y = each.index.get_level_values("y_true").to_numpy()
    return Means(y, *(each[name].to_numpy(dtype=float) for name in columns))


def scores(own: pd.DataFrame) -> list[str]:
    """Give balanced accuracies of recordings and subjects, and their log-losses."""
    one = means_of(own)
    ones = np.ones(len(one.y))
    accuracies = [
        f"{100 * balanced(*pair, one.y)[0]:.0f}"
        for pair in ((one.right, one.n), (one.subject_right, ones))
    ]
    return [*accuracies, f"{one.loss.sum() / one.n.sum():.2f}", f"{one.subject_loss.mean():.2f}"]


def differences(own: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """Give what one method scores more than another on the same subjects, with t intervals."""
    if not len(other):
        return [NOT_RUN] * 4
    one, two = means_of(own), means_of(other)
    if one.y.tolist() != two.y.tolist() or not np.array_equal(one.n, two.n):
        raise ValueError("The methods were tested on other subjects or recordings: run both anew.")
    ones, same = np.ones(len(one.y)), np.full(len(one.y), "")
    shares = [(one.right - two.right, one.n), (one.subject_right - two.subject_right, ones)]
    losses = [(one.loss - two.loss, one.n), (one.subject_loss - two.subject_loss, ones)]
    show = partial(format_interval, signed=True)
    # no share differs by more than all, whatever t says of few subjects
    return [
        *(show(*np.clip(balanced(*pair, one.y), -1, 1), digits=0, percent=True) for pair in shares),
        *(show(*balanced(*pair, same)) for pair in losses),
    ]


def balanced(total: np.ndarray, n: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Average what subjects have a piece, class by class; 95 % t interval over subjects.

    Parameters
    ----------
    total : ndarray of shape (n_subjects,)
        Sums over the recordings of a subject.
    n : ndarray of shape (n_subjects,)
        Number of these recordings, or 1.
    y : ndarray of shape (n_subjects,)
        Classes that count alike.

    Returns
    -------
    value, low, high : float
        The interval is that of ratios, linearised in each class, with Welch's degrees of freedom;
        NaN where a class has one subject or no subject differs, for which it cannot be told.
    """
    means, variances, free = [], [], []
    for label in np.unique(y):
        own, weight = total[y == label], n[y == label]
        mean = own.sum() / weight.sum()
        rest = (own - mean * weight) / weight.mean()
        means.append(mean)
        variances.append(rest.var(ddof=1) / len(rest) if len(rest) > 1 else np.nan)
        free.append(len(rest) - 1)
    value, spread = float(np.mean(means)), np.array(variances)
    if not spread.sum() > 0:
        return value, np.nan, np.nan
    df = spread.sum() ** 2 / (spread**2 / np.array(free)).sum()
    half = float(stats.t.ppf(0.975, df) * np.sqrt(spread.sum()) / len(means))
    return value, value - half, value + half


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--profile", choices=list(SIZES), default="cpu")
    parser.add_argument("--cohorts", nargs="+", choices=list(TITLES), default=list(TITLES))
    known = list(STARTS)
    parser.add_argument("--starts", nargs="+", choices=known, default=["scratch", "simulated"])
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument("--out", type=Path, default=runner.RESULTS, help="folder for the results")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "sknemg-benchmarks",
        help="folder of finished trainings, from which a stopped run goes on",
    )  # fmt: skip
    args = parser.parse_args()
    run(args.profile, args.cohorts, args)


if __name__ == "__main__":
    main()
