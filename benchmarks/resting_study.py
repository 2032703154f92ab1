"""Resting discharges: signals or pictures, augmented or not, new or fine-tuned, alone or combined.

After Nodera et al. 2019 (accuracy 0.86 on the original clips, 1.0 with 200,000 augmented images)
and the reply that asks for more discharges, several conversions, dropout and combined models. All
clips are SIMULATED, and split by subject. Each model is trained on clean clips, then scored on
clean clips of unseen subjects and on the same discharges recorded under worse conditions.

Every size of the training set gets the same number of updates (at least one pass), so that what
augmentation adds is not longer training. "companded" is nEMGNet's recipe "tuned" (of clips as long
as these the head is pooled, too) with the one-cycle schedule of ``sknemg compare``; "fine-tuned"
starts from weights learned on another task. "features" are a random forest on simple features: what
needs no network. "combined" is the mean of the branches' probabilities, which is what
``VotingClassifier(voting="soft")`` over the branches' pipelines answers.

Finished cells are kept in ``--cache``; rerun the same command to resume. After ``--minutes`` no
cell is begun, and the tables say "not run".

    python -m benchmarks.resting_study --minutes 60 --out benchmarks/results/resting
    python -m benchmarks.resting_study --model resnet50 --width 64 --version B --folds 5 \
        --updates 6000 --sizes 0 2000 20000 200000        # wants a GPU
"""

import argparse
import json
import tempfile
import time
from functools import cache
from operator import contains
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GroupKFold

from sknemg import (
    MelSpectrogram,
    NEMGNetClassifier,
    SegmentFeatures,
    SignalAugmenter,
    Spectrogram,
    SpectrogramAugmenter,
    TimmClassifier,
)
from sknemg.evaluation.methods import SHORT
from sknemg.metrics import proportion_interval
from sknemg.provenance import provenance
from sknemg.simulate import make_resting
from sknemg.simulate.resting.clips import NODERA_CLASSES, RESTING_DISCHARGES

SFREQ = 10_000
FRAMES = {"window": 0.032, "hop": 0.016}  # 126 columns in two seconds
CONDITIONS = {
    "clean": {},
    "mixed": {"mixed": 1.0},  # hum, distant units or end-plate noise under every discharge
    "noisy": {"noise": (0.006, 0.02)},  # mV, six to eight times the usual
}
BRANCHES = ("raw", "spectrogram", "mel")
SIX_KINDS = {kind for kinds in NODERA_CLASSES.values() for kind in kinds}
#: Another task of the simulator, for weights to fine-tune: the kinds that the six leave out.
OTHER_KINDS = tuple(kind for kind in RESTING_DISCHARGES if kind not in SIX_KINDS)
TASKS = {"six": NODERA_CLASSES, "extended": tuple(RESTING_DISCHARGES), "other": OTHER_KINDS}


@cache
def clips(task, subjects, n_clips, seed):
    """By condition the signals (n_clips, n_times), then labels and subjects."""
    made = {
        name: make_resting(
            subjects,
            classes=TASKS[task],
            n_clips=n_clips,
            sfreq=SFREQ,
            random_state=seed,
            **changes,
        )
        for name, changes in CONDITIONS.items()
    }
    X, y = made["clean"]
    return {name: np.asarray(X) for name, (X, _) in made.items()}, y, X["subject"].to_numpy()


def image_step(branch):
    """Give the step from signals to pictures, None for the raw branch."""
    # An absolute reference, a little under the amplifier's noise: amplitude tells discharges apart.
    options = {"input_sfreq": SFREQ, "dtype": "uint8", "limits": (0.0, 80.0), **FRAMES}
    if branch == "raw":
        return None
    if branch == "mel":
        return MelSpectrogram(reference=1e-6, **options)
    return Spectrogram(reference=1e-5, **options)


def network(branch, start, n_rows, settings, seed):
    """Give the untrained classifier of a branch."""
    epochs = max(1, round(settings["updates"] * settings["batch_size"] / n_rows))
    common = {
        "max_epochs": epochs,
        "batch_size": settings["batch_size"],
        "lr": settings["lr"],
        "validation": None,
        "eval_every": None,
        "patience": None,
        "random_state": seed,
    }
    dropout = 0.0 if start == "no dropout" else settings["dropout"]
    if branch == "raw":
        own = {"version": settings["version"], "width": settings["width"], "dropout": dropout}
        short = {name: SHORT[name] for name in ("optimizer", "lr", "weight_decay", "schedule")}
        recipe = {"recipe": "tuned", **short} if start == "companded" else {}
        return NEMGNetClassifier(**own, **common | recipe)
    return TimmClassifier(
        settings["model"],
        image_size=settings["image_size"],
        drop_rate=dropout,
        pretrained=start == "pretrained",
        checkpoint=other_weights(branch, settings) if start in ("fine-tuned", "frozen") else None,
        freeze="backbone" if start == "frozen" else None,
        **common,
    )


@cache
def _folder():
    return Path(tempfile.mkdtemp())


def other_weights(branch, settings):
    """Train a network on the other task, other subjects too; give the file of its weights."""
    path = _folder() / f"{branch}-{joblib.hash(settings)}.pt"
    if not path.exists():
        sets, y, _ = clips("other", settings["subjects"], settings["clips"], settings["seed"] + 999)
        X = image_step(branch).fit_transform(sets["clean"])
        fitted = network(branch, "scratch", len(X), settings, settings["seed"]).fit(X, y)
        torch.save(fitted.module_.state_dict(), path)
    return path


def folds(task, settings):
    """Rows to train on and to test, by subject; each subject is tested once."""
    sets, y, subjects = clips(task, settings["subjects"], settings["clips"], settings["seed"])
    splitter = GroupKFold(settings["folds"], shuffle=True, random_state=settings["seed"])
    return sets, y, subjects, list(splitter.split(y, y, subjects))


def augmenter(branch, start, size, seed):
    """Give what makes variants: of the signals, or of the pictures made of them."""
    if start == "noise added":  # as strong as under the harder conditions, before the picture
        harder = {"noise": 0.02, "mains": 0.04}
        return SignalAugmenter(size, input_sfreq=SFREQ, shift=0.5, **harder, random_state=seed)
    if branch == "raw":
        return SignalAugmenter(size, input_sfreq=SFREQ, shift=0.5, random_state=seed)
    return SpectrogramAugmenter(size, shift=0.5, random_state=seed)


def run_cell(task, fold, branch, start, size, settings):
    """Train one model; give its probabilities on the test rows by condition, and the seconds."""
    sets, y, _, splits = folds(task, settings)
    train, test = splits[fold]
    seed = settings["seed"] + fold
    if branch == "features":
        step = SegmentFeatures(input_sfreq=SFREQ)
        model = RandomForestClassifier(300, random_state=seed)
    else:
        step = image_step(branch)
        model = network(branch, start, max(size, len(train)), settings, seed)
    prepare = np.asarray if step is None else step.fit_transform
    X, labels = sets["clean"][train], y[train]
    vary = augmenter(branch, start, size, seed) if size else None
    if isinstance(vary, SignalAugmenter):
        X, labels = vary.fit_resample(X, labels)
    X = prepare(X)
    if isinstance(vary, SpectrogramAugmenter):
        X, labels = vary.fit_resample(X, labels)
    begin = time.process_time()
    model.fit(X, labels)
    seconds = time.process_time() - begin
    return {k: model.predict_proba(prepare(A[test])) for k, A in sets.items()}, seconds


def plan(args):
    """List (task, branch, start, size), what matters most first."""
    cells = [("six", "features", "-", 0), ("extended", "features", "-", 0)]
    small, *larger = args.sizes
    largest = args.sizes[-1]
    cells += [("six", branch, "scratch", n) for n in (small, largest) for branch in BRANCHES]
    cells += [("six", "raw", "companded", n) for n in (small, largest)]
    cells += [("six", "mel", start, small) for start in ("fine-tuned", "frozen", "no dropout")]
    cells += [("extended", branch, "scratch", n) for n in (small, largest) for branch in BRANCHES]
    cells += [("six", branch, "scratch", n) for n in larger[:-1] for branch in BRANCHES]
    cells += [("six", "mel", "fine-tuned", largest)]
    cells += [(task, "mel", "noise added", n) for n in larger[:1] for task in ("six", "extended")]
    cells += [("six", "mel", "pretrained", small)]
    wanted = args.tasks, args.branches, ["-", *args.starts]
    return [cell for cell in dict.fromkeys(cells) if all(map(contains, wanted, cell))]


def compute(args, settings):
    """Run or read the cells: {cell: [answers of a fold, ...]}, and why others were not run."""
    run = joblib.Memory(args.cache, verbose=0).cache(run_cell)
    deadline = time.monotonic() + 60 * args.minutes
    done, missing = {}, {}
    for task, *cell in plan(args):
        for fold in range(settings["folds"]):
            call = (task, fold, *cell, settings)
            if time.monotonic() > deadline and not run.check_call_in_cache(*call):
                missing[(task, *cell)] = "no time left"
                break
            try:
                answers, seconds = run(*call)
            except OSError as error:
                missing[(task, *cell)] = str(error).split(".")[0]
                break
            done.setdefault((task, *cell), []).append((answers, seconds))
            print(*call[:-1], f"{seconds:.0f} s of processor", flush=True)
    complete = {cell: parts for cell, parts in done.items() if len(parts) == settings["folds"]}
    return complete, missing


def combine(done):
    """Add the mean of the branches' probabilities wherever all three were run."""
    for task, branch, start, size in list(done):
        parts = [done.get((task, b, start, size)) for b in BRANCHES]
        if branch == "raw" and all(parts):
            together = [
                ({k: np.mean([p[0][k] for p in fold], axis=0) for k in CONDITIONS}, 0.0)
                for fold in zip(*parts, strict=True)
            ]
            done[task, "combined", start, size] = together
    return done


def tabulate(done, settings):
    """One row a model and condition; confusion matrices by the same names."""
    rows, confused = [], {}
    for (task, branch, start, size), parts in done.items():
        _, y, subjects, splits = folds(task, settings)
        labels = np.unique(y)
        test = np.concatenate([test for _, test in splits])
        n_rows = size or round(np.mean([len(train) for train, _ in splits]))
        for condition in CONDITIONS:
            proba = np.concatenate([answers[condition] for answers, _ in parts])
            answer = labels[proba.argmax(axis=1)]
            right = answer == y[test]
            low, high, _ = proportion_interval(right, subjects[test])
            seconds = sum(seconds for _, seconds in parts)
            name = {"task": task, "representation": branch, "start": start, "rows": n_rows}
            found = {"accuracy": right.mean(), "low": low, "high": high, "n_clips": len(test)}
            found |= {"n_subjects": len(np.unique(subjects[test])), "fit_seconds": round(seconds)}
            rows.append({"data": "simulated", **name, "clips": condition, **found})
            matrix = confusion_matrix(y[test], answer, labels=labels)
            confused[f"{task}, {branch}, {start}, {n_rows}, {condition}"] = matrix.tolist()
    return pd.DataFrame(rows).round({"accuracy": 4, "low": 4, "high": 4}), confused


def readable(table, missing):
    """Give a row a model, a column a condition, with intervals; what was not run says so."""
    cells = table.apply(lambda r: f"{r.accuracy:.2f} ({r.low:.2f}-{r.high:.2f})", axis=1)
    keys = ["task", "representation", "start", "rows"]
    wide = table.assign(cell=cells).pivot(index=keys, columns="clips", values="cell")
    wide = wide.reindex(pd.MultiIndex.from_frame(table[keys].drop_duplicates())).reset_index()
    original = table["rows"].min()
    absent = [[task, branch, start, size or original] for task, branch, start, size in missing]
    frame = pd.DataFrame(absent, columns=keys).assign(**dict.fromkeys(CONDITIONS, "not run"))
    both = pd.concat([wide, frame])[[*keys, *CONDITIONS]]
    order = {name: i for i, name in enumerate([*TASKS, "features", *BRANCHES, "combined"])}
    both = both.sort_values(
        keys, key=lambda column: column.map(lambda v: order.get(v, v)), kind="stable"
    )
    both["start"] = both["start"].replace("-", "")  # a dash would begin a list
    return both.rename(columns={name: f"{name} (SIMULATED)" for name in CONDITIONS})


def draw(table, path):
    """Accuracy against the number of training rows, a panel for each task and condition."""
    from matplotlib.figure import Figure

    curves = table[(table.start == "scratch") | (table.representation == "features")]
    tasks = [task for task in TASKS if task in set(curves.task)]
    if not tasks:
        return
    size = (1.5 + 3.0 * len(CONDITIONS), 0.6 + 2.9 * len(tasks))
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    axes = figure.subplots(len(tasks), len(CONDITIONS), sharey=True, squeeze=False)
    colours = {"raw": "C0", "spectrogram": "C1", "mel": "C2", "combined": "k"}
    for line, task in zip(axes, tasks, strict=True):
        for axis, condition in zip(line, CONDITIONS, strict=True):
            part = curves[(curves.task == task) & (curves.clips == condition)]
            for i, (name, colour) in enumerate(colours.items()):
                one = part[part.representation == name].sort_values("rows")
                error = [one.accuracy - one.low, one.high - one.accuracy]
                at = one.rows * 1.06 ** (i - 1.5)  # beside each other, not on top
                axis.errorbar(at, one.accuracy, error, color=colour, label=name, marker="o", ms=4)
            for level in part[part.representation == "features"].accuracy:
                axis.axhline(level, color="0.6", linestyle="--", label="forest on features")
            n_classes = len(TASKS[task])
            axis.axhline(1 / n_classes, color="0.8", linestyle=":", label="chance")
            axis.set(xscale="log", ylim=(0, 1.02), title=f"{task}: {condition} clips")
            sizes = sorted(set(curves["rows"]))
            axis.set_xlim(sizes[0] / 1.3, sizes[-1] * 1.3)
            axis.set_xticks(sizes, sizes)
            axis.minorticks_off()
            axis.set_xlabel("training clips and variants")
        line[0].set_ylabel("accuracy")
    figure.legend(*axes[0, -1].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    figure.suptitle("SIMULATED clips of unseen subjects; bars: 95 % intervals over subjects")
    figure.savefig(path)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", nargs="+", default=["six", "extended"])
    parser.add_argument("--branches", nargs="+", default=["features", *BRANCHES])
    starts = ["scratch", "companded", "fine-tuned", "frozen", "no dropout", "noise added"]
    starts.append("pretrained")
    parser.add_argument("--starts", nargs="+", default=starts)
    parser.add_argument("--subjects", type=int, default=36)
    parser.add_argument("--clips", type=int, default=12, help="a subject")
    parser.add_argument("--folds", type=int, default=2, help="by subject; all are run")
    parser.add_argument("--model", default="test_resnet", help="timm's name, for pictures")
    parser.add_argument("--image-size", type=int, nargs=2, default=[48, 64])
    parser.add_argument("--version", default="A", help="nEMGNet, for signals")
    parser.add_argument("--width", type=int, default=8, help="nEMGNet; published 64")
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[0, 2000, 8000], help="0: without augmentation"
    )
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", default="resting_cells", help="folder")
    parser.add_argument("--minutes", type=float, default=60, help="begin no cell after these")
    parser.add_argument("--out", help="stem of the results: .json, .csv, .png, _table.csv")
    return parser.parse_args()


def main():
    args = parse()
    others = ("tasks", "branches", "starts", "sizes", "cache", "minutes", "out")
    settings = {k: v for k, v in vars(args).items() if k not in others}
    done, missing = compute(args, settings)
    table, confused = tabulate(combine(done), settings)
    summary = readable(table, missing)
    print("\nACCURACY ON SIMULATED CLIPS OF UNSEEN SUBJECTS\n", summary.to_string(index=False))
    if not args.out:
        return
    about = {"data": "simulated", "settings": settings, "sizes": args.sizes, **provenance()}
    about["not run"] = [{"cell": list(cell), "why": why} for cell, why in missing.items()]
    about["classes"] = {task: sorted(TASKS[task]) for task in args.tasks}
    table.to_csv(f"{args.out}.csv", index=False)
    summary.to_csv(f"{args.out}_table.csv", index=False)
    draw(table, f"{args.out}.png")
    with open(f"{args.out}.json", "w") as file:
        json.dump({**about, "confusion": confused}, file, indent=None)


if __name__ == "__main__":
    main()
