"""The cards of the models that come with sknemg."""

from __future__ import annotations

from typing import Any

from sknemg.diagnosis import Diagnostician
from sknemg.weights import CAUTION

#: How the setting was chosen, as cards say it.
BY_MACHINES = (
    "Columns were chosen by how they do on machines left out of training; the cohorts biceps and "
    "default had no part in it."
)
BY_PATIENTS = (
    "Windows, head and size were chosen by `benchmarks.pretrain.scale` on other simulated "
    "patients, what is varied in training on patients of another simulator."
)
#: What was known of real recordings when the models were made, as cards say it.
LOOKED = (
    "No setting was fitted to real subjects. The ten of N2001 were in view, however, when "
    "constants of the simulator were chosen (most of them by searches whose goal included what is "
    "measured of these subjects' recordings), and when companding, the range of gains and the "
    "slow noise were (the last by how much of their power is slow, and how votes follow it). Six "
    "generations of weights, of which the fourth never shipped, were tried on them. Half of these "
    "subjects would once have been refused, and so the range of plausible recordings was learned "
    "from more patients. Answers on Algiers were one reason to calibrate again. Those of the "
    "fourth and fifth generations on both cohorts were known when the rule was written down by "
    "which simulated patients decide what ships."
)
#: In a card until `benchmarks.pretrain.worth` has measured it.
UNMEASURED = "this has not been measured on real ones yet"


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
        "of a person was used in training, and columns and windows were chosen on simulated "
        f"patients. {LOOKED}", "",
        "It reads voluntary contraction, in millivolts, sampled at 10 kHz or more, and answers "
        f"one of {', '.join(model.classes_.tolist())}.", "",
        "## How it was made", "",
        f"Trained on {about['n_train']} simulated patients, calibrated on "
        f"{about['n_calibration']} others{_of_another(about)}, and tested on "
        f"{about['n_testing']} more, each in several other settings. "
        f"{about['made']} Simulator of commit {about['simulator']}. Seed "
        f"{about['seed']}. Trained on {about['device']}. "
        f"Versions: {', '.join(f'{k} {v}' for k, v in about['versions'].items())}.", "",
        "## Scores on simulated patients not used in training", "",
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
        f"The range of plausible recordings was learned from {_seen(about)}. "
        f"A recording cannot be judged if it is {short}sampled "
        f"below {known.sfreq:g} Hz, flat, clipped or mains hum, if its amplitude "
        "is more than three times outside the range of the simulated ones "
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
    """Say from whom the range of plausible recordings was learned."""
    other = about.get("other_simulator")
    if not other:
        return f"the {about['n_calibration']} that calibrate"
    return (
        f"{about['n_seen']} simulated patients: those that calibrate (commit {other}) and "
        f"{about['n_seen'] - about['n_calibration']} of the simulator of commit "
        f"{about['seen_simulator']}"
    )
