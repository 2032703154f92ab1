"""Train the models that come with sknemg, on simulated patients alone.

Run ``python -m benchmarks.pretrain --store FOLDER --blocks 20 --out ELSEWHERE``. Patients are
those of `benchmarks.pretrain.patients`. Columns are chosen by machines that are left out: those of
one half of the patients (low gain, thick needles, ...) train, the others test. Two small cohorts of
other settings, ``biceps`` and ``default``, test; ``whole``, patients apart from those of training,
says how sure the models may be. Settings of the network are compared by
`benchmarks.pretrain.scale`. Nothing real is read here.

Real patients are not simulated as in training, and a model that was calibrated on patients who are
is too sure of others. With ``--other FOLDER``, a store that was made by another version of the
simulator, its patients say how sure the models may be. What recordings look like is then learned of
them and of ``whole`` together, so that what is like either of them is not refused.

How large potentials are depends on needle, calibration and distance by more than the simulated
ranges hold, so that models are not to lean on it: in training every patient's amplitudes are
multiplied by a factor between 1 / 4 and 4, and for the network every window's by another one
between 1 / 2 and 2. The network must not lean on slow power and on durations alone either, which
simulated recordings have too little of: `benchmarks.pretrain.variation`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.pretrain.networks import CHOICES, Network
from benchmarks.pretrain.training import FOLDER, calibrate_anew, train

#: Options that say how models are trained.
OF_TRAINING = (
    "blocks", "numbers", "testing", "only_patients", "network", "seed", "device",
)  # fmt: skip


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="where patients are kept")
    parser.add_argument("--blocks", type=int, default=30, help="of sixty patients, in training")
    parser.add_argument("--numbers", type=int, nargs="+", help="of these blocks, in their place")
    parser.add_argument("--calibrating", type=int, default=2, help="blocks of thirty")
    parser.add_argument("--testing", type=int, default=1, help="blocks of each other cohort")
    parser.add_argument("--only-patients", action="store_true", help="simulate, and train nothing")
    parser.add_argument("--models", nargs="+", choices=["muap", "small"],
                        default=["muap", "small"])  # fmt: skip
    parser.add_argument("--network", choices=list(CHOICES), default=Network().name)
    parser.add_argument(
        "--networks",
        type=Path,
        help="cache of trained networks, as `benchmarks.pretrain.scale` keeps them; by default "
        "the folder networks in the store",
    )
    parser.add_argument("--trained", type=Path, help="calibrate the models in this folder anew")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="that trains the network, as cuda")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--other", type=Path, help="store of another simulator, to calibrate")
    parser.add_argument("--out", type=Path, default=Path("pretrained"))
    parser.add_argument("--results", type=Path, default=FOLDER)
    args = parser.parse_args()
    unread = [name for name in OF_TRAINING if getattr(args, name) != parser.get_default(name)]
    if args.trained and unread:
        said = ", ".join(f"--{name.replace('_', '-')}" for name in unread)
        parser.error(f"{said} cannot be used with --trained, which trains nothing: leave it out.")
    if args.trained:
        calibrate_anew(args)
    else:
        train(args)


if __name__ == "__main__":
    main()
