"""The cards of the models that come with sknemg."""

from __future__ import annotations

from typing import Any

from sknemg.diagnosis import Diagnostician
from sknemg.weights import CAUTION

#: How the setting was chosen, as cards say it.
BY_MACHINES = (
    "Columns were chosen by machines left out of training; biceps and default chose nothing."
)
BY_PATIENTS = (
    "Windows, head and size were chosen by `benchmarks.pretrain.scale`, on other simulated "
    "patients. What is varied in training was chosen by patients of another simulator."
)
#: What was known of real recordings when the models were made, as cards say it.
LOOKED = (
    "No setting was fitted to real subjects, but the ten of N2001 were in view when constants of "
    "the simulator were chosen (most of them by searches whose goal was, in part, what is "
    "measured of these subjects' recordings), and companding, the range of gains and slow noise "
    "(the last by how much of their power is slow, and how that goes with votes); six generations"
    " of weights, of which the fourth never shipped, were asked about them, and that half of them"
    " would have been refused was why what recordings look like was learned of more patients. "
    "Answers on Algiers were one reason to calibrate anew; those of the fourth and fifth "
    "generation on both were known when it was written down by which simulated patients the next "
    "would be chosen."
)
#: In a card until `benchmarks.pretrain.worth` has measured it.
UNMEASURED = "of real ones it is not measured yet"


def card(name: str, about: dict[str, Any], model: Diagnostician, tables: dict[str, Any]) -> str:
    """Write the card of a model."""
    known = model.plausibility_
    scores = tables["simulated"].round(2)
    short = f"shorter than {known.min_duration:g} s, " if known.min_duration > 0 else ""
    lines = [
        "---", "library_name: sknemg", "license: bsd-3-clause",
        'tags: ["electromyography", "needle-emg", "simulated"]', "---", "",
        f"# {name}", "",
        f"**Research only: not a medical device.** {CAUTION} No recording "
        "of a person trained it, and columns and windows were chosen on simulated "
        f"patients. {LOOKED}", "",
        "It reads voluntary contraction, in millivolts, sampled at 10 kHz or more, and answers "
        f"one of {', '.join(model.classes_.tolist())}.", "",
        "## How it was made", "",
        f"{about['n_train']} simulated patients in training, {about['n_calibration']} others"
        f"{_of_another(about)} for calibration, {about['n_testing']} more, each in several other "
        "settings, as tests. "
        f"{about['made']} Simulator of commit {about['simulator']}. Seed "
        f"{about['seed']}. Trained on {about['device']}. "
        f"Versions: {', '.join(f'{k} {v}' for k, v in about['versions'].items())}.", "",
        "## Scores on simulated patients that trained nothing", "",
        "| cohort | subjects | balanced accuracy | log-loss | calibration error |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {row.cohort} | {row.subjects} | {row.balanced_accuracy} | {row.log_loss} | "
            f"{row.calibration_error} |"
            for row in scores.itertuples()
        ), "",
        about["choice"], "",
        "## Scores on real recordings", "",
        "Not measured yet: run `python -m benchmarks.pretrain.worth`.", "",
        "## When it does not answer", "",
        f"Temperature {model.temperature_:.2f}, fitted to {model.n_calibration_} simulated "
        f"patients{_of_another(about)}. Its sets of diagnoses hold "
        f"{100 * model.coverage_:.0f} % of diagnoses among patients **simulated alike** (commit "
        f"{about.get('other_simulator') or about['simulator']}); {UNMEASURED}. "
        f"What recordings look like was learned of {_seen(about)}. "
        f"A recording cannot be judged if it is {short}sampled "
        f"below {known.sfreq:g} Hz, flat, clipped or mains hum, if its amplitude "
        "is more than three times beyond that of the simulated "
        f"({1000 * known.low_[0]:.2g} to {1000 * known.high_[0]:.0f} µV RMS), or if its "
        f"features are unlike all of theirs (Mahalanobis distance beyond {known.distance_:.1f}; "
        f"median of a patient beyond {known.subject_distance_:.1f}).", "",
        "## Limits", "",
        "Three answers only: a patient with anything else gets one of them, or none. Simulated "
        "potentials have too few phases, and part of the power below 50 Hz and most of that above "
        "2 kHz is missing. Rest, insertional activity and artefacts were not simulated.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _of_another(about: dict[str, Any]) -> str:
    other = about.get("other_simulator")
    return f" of another simulator (commit {other})" if other else ""


def _seen(about: dict[str, Any]) -> str:
    """Say of whom it was learned what recordings look like."""
    other = about.get("other_simulator")
    if not other:
        return f"the {about['n_calibration']} that calibrate"
    return (
        f"{about['n_seen']} simulated patients: those that calibrate (commit {other}) and "
        f"{about['n_seen'] - about['n_calibration']} of the simulator of commit "
        f"{about['seen_simulator']}"
    )
