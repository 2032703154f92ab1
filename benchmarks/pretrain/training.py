"""Train and save both models, or calibrate those that are trained."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from benchmarks.machinery.runner import RESULTS
from benchmarks.pretrain.answers import answers
from benchmarks.pretrain.cards import BY_MACHINES, BY_PATIENTS
from benchmarks.pretrain.models import as_trained, calibrated_by, count, device_of, keep, persons
from benchmarks.pretrain.networks import CHOICES, Network, trained
from benchmarks.pretrain.patients import (
    COHORTS,
    TIMES,
    block,
    fill,
    others,
    simulator_of,
    together,
)
from benchmarks.pretrain.units import choose_columns, columns_of, votes_of_units
from benchmarks.pretrain.variation import GAIN, LENGTHS, SHARES
from sknemg import MuapFeatures, load_model
from sknemg.provenance import provenance

FOLDER = RESULTS / "pretrain"
TESTING = ("biceps", "default")
AS_TRAINED = "whole (as in training)"


def train(args: argparse.Namespace) -> None:
    """Choose columns, train and save both models."""
    import torch

    torch.set_num_threads(1)
    trains = args.numbers or range(args.blocks)
    numbers = {AS_TRAINED: ("whole", range(args.calibrating))}
    numbers |= {kind: (kind, range(args.testing)) for kind in TESTING}
    wanted = [("wide", k, True if "muap" in args.models else None) for k in trains]
    wanted += [(kind, k, loud) for kind, own in numbers.values() for k in own
               for loud in (False, True)]  # fmt: skip
    fill(args.store, wanted, args.jobs)
    used = {"wide": trains} | dict(numbers.values())
    calibration = others(args.other, used=used, jobs=args.jobs) if args.other else None
    if args.only_patients:
        return
    sets = {
        name + said: [block(args.store, kind, k, louder=loud) for k in own]
        for loud, said in ((False, ""), (True, ", gains redrawn"))
        for name, (kind, own) in numbers.items()
    }
    sets = {name: together(blocks) for name, blocks in sets.items()}
    known = sets[AS_TRAINED]
    seen = None if calibration is None else together([known, calibration])
    calibration = known if calibration is None else calibration
    world = provenance()
    simulator = simulator_of(args.store, used).commit
    about = {
        "n_train": COHORTS["wide"].n_subjects * len(trains),
        "n_calibration": count(calibration),
        "n_testing": len(persons(sets[kind].raw for kind in TESTING)),
        "n_seen": count(seen or calibration),
        "simulator": simulator,
        "other_simulator": None,
        "seed": args.seed,
        "device": device_of("cpu"),
    } | {key: world[key] for key in ("commit", "versions")}
    if args.other:
        about |= calibrated_by(args.other) | {"seen_simulator": simulator}
    args.results.mkdir(parents=True, exist_ok=True)
    if (args.store / TIMES).exists():
        (args.results / TIMES).write_text((args.store / TIMES).read_text())

    if "muap" in args.models:
        patients = together([block(args.store, "wide", k, louder=True) for k in trains])
        columns, table = choose_columns(patients, args.jobs)
        table.to_csv(args.results / "columns.csv", index=False)
        votes = votes_of_units().fit(columns_of(patients.units, columns), patients.y)
        found = [
            {"cohort": kind} | answers(votes, columns_of(own.units, columns), own.y).scores()
            for kind, own in sets.items()
        ]
        made = (
            f"A balanced logistic regression of {', '.join(columns)}; amplitudes of every patient "
            f"times a factor between 1 / {GAIN:g} and {GAIN:g}."
        )
        about |= {"choice": BY_MACHINES}
        middle = MuapFeatures(columns)
        keep(args, "volitional-muap", votes, middle, calibration, about, made, found, seen)

    if "small" in args.models:
        setting = CHOICES[args.network]
        networks = args.networks or args.store / "networks"
        kept = trained(args.store, setting, trains, args.seed, args.device, networks)
        about |= {"choice": BY_PATIENTS, "calibration_commit": world["commit"]} | kept.about()
        votes, seconds = kept.votes, kept.cpu_seconds
        segmenter = setting.segmenter()
        found = [
            {"cohort": kind} | answers(votes, segmenter.fit_transform(b.waves), b.y).scores()
            for kind, b in sets.items()
        ]
        n_updates = int(votes.estimator_.history_["update"].iloc[-1])  # of whole rounds
        plan = replace(setting, n_updates=Network.n_updates).name  # the updates follow below
        made = (
            f"nEMGNet-A of width {setting.width}, {plan}, companding at 0.05 mV, "
            f"{n_updates} updates of {setting.batch_seconds:g} s of signal in one cycle, "
            f"amplitudes of every patient times a factor between 1 / {GAIN:g} and {GAIN:g}, of "
            f"every window times 1 / {setting.gain:g} to {setting.gain:g} more, recordings of "
            f"every patient {LENGTHS[0]:g} to {LENGTHS[1]:g} times as long, slow noise of "
            f"{SHARES[0]:g} to {SHARES[1]:g} times the RMS of a window, polarity and noise varied "
            f"({seconds:.0f} CPU seconds)."
        )
        keep(args, "volitional-small", votes, segmenter, calibration, about, made, found, seen)


def calibrate_anew(args: argparse.Namespace) -> None:
    """Let models that are trained learn from the patients of another simulator how sure to be."""
    if not args.other:
        raise SystemExit("--trained needs patients to calibrate by: give --other as well.")
    calibration = others(args.other, jobs=args.jobs)
    fill(args.store, [("whole", k, False) for k in range(args.calibrating)], args.jobs)
    known = [block(args.store, "whole", k) for k in range(args.calibrating)]
    seen = together([*known, calibration])
    for name in (f"volitional-{own}" for own in args.models):
        folder = args.trained / name
        kept = json.loads((args.results / f"{name}.json").read_text())
        found = kept.pop("scores")
        about = kept | {
            "n_calibration": count(calibration), "n_seen": count(seen),
            "seen_simulator": simulator_of(args.store, {"whole": range(args.calibrating)}).commit,
            "calibration_commit": provenance()["commit"],
        } | calibrated_by(args.other)  # fmt: skip
        middle = load_model(folder).estimator_[-2]
        votes = as_trained(folder)
        keep(args, name, votes, middle, calibration, about, kept["made"], found, seen)
