"""Labelled clips of spontaneous activity at rest, several subjects with several clips each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from tqdm.auto import tqdm

from sknemg.recordings import Recordings
from sknemg.recordings._problems import check_counts, check_flags, check_generator, shown
from sknemg.simulate.anatomy import MUSCLES
from sknemg.simulate.checks import (
    Range,
    check_length,
    check_names,
    check_needle,
    check_number,
    check_range,
)
from sknemg.simulate.instrument import Instrument
from sknemg.simulate.needle import concentric, monopolar
from sknemg.simulate.resting.artefacts import artefact, silence
from sknemg.simulate.resting.denervation import fibrillation_potential, positive_sharp_wave
from sknemg.simulate.resting.end_plate import (
    end_plate_noise,
    end_plate_spikes,
    insertional_activity,
)
from sknemg.simulate.resting.repetitive import complex_repetitive_discharge, myotonic_discharge
from sknemg.simulate.resting.units import (
    fasciculation_potential,
    myokymic_discharge,
    neuromyotonic_discharge,
    remote_contraction,
)
from sknemg.simulate.resting.waves import Discharge, Site

__all__ = [
    "BACKGROUNDS",
    "NODERA_CLASSES",
    "RESTING_DISCHARGES",
    "RESTING_MUSCLES",
    "Discharge",
    "Site",
    "artefact",
    "complex_repetitive_discharge",
    "end_plate_noise",
    "end_plate_spikes",
    "fasciculation_potential",
    "fibrillation_potential",
    "insertional_activity",
    "make_resting",
    "myokymic_discharge",
    "myotonic_discharge",
    "neuromyotonic_discharge",
    "positive_sharp_wave",
    "remote_contraction",
    "silence",
]

#: What a clip can hold, and the function that makes it.
RESTING_DISCHARGES: dict[str, Callable[..., Discharge]] = {
    "fibrillation potential": fibrillation_potential,
    "positive sharp wave": positive_sharp_wave,
    "fasciculation potential": fasciculation_potential,
    "complex repetitive discharge": complex_repetitive_discharge,
    "myotonic discharge": myotonic_discharge,
    "neuromyotonic discharge": neuromyotonic_discharge,
    "myokymic discharge": myokymic_discharge,
    "end-plate noise": end_plate_noise,
    "end-plate spikes": end_plate_spikes,
    "insertional activity": insertional_activity,
    "artefact": artefact,
    "silence": silence,
}

#: The six classes that Nodera et al. 2019 are believed to have used (the abstract names none),
#: each with the kinds of clip that it holds.
NODERA_CLASSES: dict[str, tuple[str, ...]] = {
    "complex repetitive discharge": ("complex repetitive discharge",),
    "end-plate potentials": ("end-plate noise", "end-plate spikes"),
    "fasciculation potential": ("fasciculation potential",),
    "fibrillation potential": ("fibrillation potential", "positive sharp wave"),
    "myotonic discharge": ("myotonic discharge",),
    "noise or artefact": ("artefact", "silence"),
}

#: Muscles that are examined at rest.
RESTING_MUSCLES = (
    "deltoid",
    "biceps brachii",
    "vastus lateralis",
    "first dorsal interosseous",
    "extensor digitorum communis",
    "tibialis anterior",
)
#: Distances from end-plates to needle at rest, in parts of the usual one.
_DISTANCES = (0.7, 1.4)

#: What may lie under a discharge in a mixed clip.
BACKGROUNDS = ("mains", "remote contraction", "end-plate noise")


def make_resting(
    n_subjects: int = 24,
    *,
    classes: Iterable[str] | Mapping[str, Iterable[str]] = tuple(RESTING_DISCHARGES),
    n_clips: int = 24,
    duration: float = 2.0,
    sfreq: float = 48_000,
    needle: str = "monopolar",
    noise: Range = (0.001, 0.0025),
    mains: float = 0.3,
    mixed: float = 0.0,
    return_truth: bool = False,
    n_jobs: int | None = None,
    progress: bool = False,
    random_state: int | np.random.Generator | None = None,
) -> Any:
    """Simulate clips of needle EMG at rest, each with one kind of spontaneous activity.

    The character of a subject's muscle fibres, its needle and its amplifier (with noise and hum)
    stay the same through all its clips; kinds are dealt out evenly, so that nothing about a subject
    gives away the class. (In life a patient has few of these discharges; the balance is a choice.)
    Every clip has a seed of its own: parallel runs equal serial ones, and more subjects leave the
    first ones unchanged. More clips leave those of the first subject unchanged. Each further
    subject is dealt its kinds from where the one before it stopped, so that its first clips stay
    the same only if `n_clips` grows by whole rounds, that is by a multiple of the number of classes
    times the least common multiple of how many kinds they hold (of 12 for ``NODERA_CLASSES``).

    Parameters
    ----------
    n_subjects : int, default=24
        Number of subjects.
    classes : iterable of str or mapping, default=all of ``RESTING_DISCHARGES``
        Kinds of discharge; or a mapping from class labels to the kinds that each holds, as
        ``NODERA_CLASSES`` is. No kind may be given twice.
    n_clips : int, default=24
        Clips per subject.
    duration : float, default=2.0
        Length of a clip, s; at least one sample. From 1.5 s on, every clip holds what it is named
        after. Shorter ones may hold nothing: of 0.5 s, that is one in six of the myokymic ones.
    sfreq : float, default=48_000
        Sampling rate, Hz, at least 1000. Clips are made at each rate directly, not by resampling.
        Below 5000, some stimuli of a pacemaker fall between two samples.
    needle : {"monopolar", "concentric"}, default="monopolar"
        The electrode.
    noise : float or (float, float), default=(0.001, 0.0025)
        Noise of the amplifiers, mV RMS within 10 kHz, or a pair between which that of each subject
        is drawn, uniformly in its logarithm; raise it for harder clips.
    mains : float, default=0.3
        Share of subjects with a faint hum (some 3 µV) in all clips.
    mixed : float, default=0.0
        Share of clips with something under the discharge: strong hum (10 to 40 µV), the distant
        units of incomplete relaxation, or end-plate noise. The label stays that of the discharge.
        Silence and artefacts get only the hum.
    return_truth : bool, default=False
        Also return the discharges.
    n_jobs : int or None, default=None
        Processes.
    progress : bool, default=False
        Show a progress bar.
    random_state : int, Generator or None, default=None
        Seed.

    Returns
    -------
    X : Recordings of n_subjects * n_clips clips
        Millivolts; a spike is negative. Columns ``subject``, ``muscle``, ``location``,
        ``sfreq``, ``needle``, ``discharge`` (the kind) and ``background``. The kind is the
        label under another name: leave it out of any model.
    y : ndarray of str, shape (n_subjects * n_clips,)
        Class of each clip.
    truth : list of Discharge
        Only with `return_truth`: the discharges alone, free of noise, with their times.

    Raises
    ------
    ValueError
        If a kind or needle is unknown, a kind is given twice, or a setting is out of bounds.

    References
    ----------
    Nodera H, Osaki Y, Yamazaki H, Mori A, Izumi Y, Kaji R. Deep learning for waveform
    identification of resting needle electromyography signals. Clin Neurophysiol
    2019;130:617-623.

    Examples
    --------
    >>> from sknemg.simulate import make_resting
    >>> X, y = make_resting(2, classes=["end-plate spikes", "silence"], n_clips=2, random_state=0)
    >>> X
    Recordings: 4 recordings of 2 subjects, 2.00 s at 48000 Hz
    >>> y.tolist()
    ['end-plate spikes', 'silence', 'end-plate spikes', 'silence']
    """
    check_counts(n_subjects=n_subjects, n_clips=n_clips)
    kinds = _checked_classes(classes)
    check_needle(needle)
    check_length(duration, sfreq)
    noise = _checked_noise(noise)
    check_number("mains", mains, 0, 1)
    check_number("mixed", mixed, 0, 1)
    check_flags(return_truth=return_truth, progress=progress)
    seed = int(check_generator(random_state).integers(2**63))
    jobs = (
        delayed(_subject)(
            [seed, subject],
            [_deal(kinds, subject * n_clips + clip) for clip in range(n_clips)],
            {"duration": duration, "sfreq": sfreq},
            {"needle": needle, "noise": noise, "mains": mains},
            mixed,
        )
        for subject in range(n_subjects)
    )
    done = Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    subjects = list(tqdm(done, total=n_subjects, disable=not progress, unit="subject"))
    clips = [clip for clips in subjects for clip in clips]
    meta = pd.DataFrame([row for _, row, _ in clips])
    meta["subject"] = np.repeat([f"S{i:03d}" for i in range(n_subjects)], n_clips)
    values = np.concatenate([trace for trace, _, _ in clips])
    offsets = np.arange(len(clips) + 1) * round(duration * sfreq)
    X = Recordings.from_ragged(values, offsets, meta.drop(columns="label"))
    y = meta["label"].to_numpy(dtype=str)
    return (X, y, [truth for _, _, truth in clips]) if return_truth else (X, y)


def _checked_classes(classes: Iterable[str] | Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return kinds by class label."""
    known = list(RESTING_DISCHARGES)
    if isinstance(classes, Mapping) and classes:
        kinds = {
            label: check_names(f"classes[{shown(label)}]", held, known)
            for label, held in classes.items()
        }
        held = [kind for kinds_held in kinds.values() for kind in kinds_held]
    else:
        held = check_names("classes", classes, known)
        kinds = {kind: [kind] for kind in held}
    if twice := sorted({kind for kind in held if held.count(kind) > 1}):
        raise ValueError(
            f"classes holds {shown(twice)} more than once: give each kind to one class, once."
        )
    return kinds


def _checked_noise(noise: Range) -> tuple[float, float]:
    """Return the ends of the range that noise is drawn from."""
    low, high = np.broadcast_to(check_range("noise", noise, 0), 2).tolist()
    if low == 0 < high:
        raise ValueError(
            f"noise={shown(noise)} is drawn evenly in its logarithm: let the lower end be above 0, "
            "or give one number."
        )
    return low, high


def _deal(kinds: dict[str, list[str]], turn: int) -> tuple[str, str]:
    """Label and kind of the clip whose turn it is: each label, and within it each kind, evenly."""
    round_, place = divmod(turn, len(kinds))
    label = list(kinds)[place]
    return label, kinds[label][round_ % len(kinds[label])]


def _subject(
    seed: list[int],
    dealt: list[tuple[str, str]],
    clip: dict[str, Any],
    kit: dict[str, Any],
    mixed: float,
) -> list[tuple[NDArray[np.float32], dict[str, Any], Discharge]]:
    """Make all clips of a subject: (trace, row of meta, truth)."""
    rng = np.random.default_rng(seed)
    site, instrument = _equip(rng, sfreq=clip["sfreq"], **kit)
    out = []
    for number, (label, kind) in enumerate(dealt):
        rng = np.random.default_rng([*seed, number])
        muscle = RESTING_MUSCLES[rng.integers(len(RESTING_MUSCLES))]
        location, depth = MUSCLES[muscle].location, MUSCLES[muscle].depth
        distance = depth * rng.uniform(*_DISTANCES)
        place = replace(site, needle=site.needle.moved(dz=distance - site.needle.z))
        truth = _make(kind, place, clip, rng)
        added, hum, background = _mix(kind, mixed, place, clip, rng)
        amplifier = replace(instrument, mains=max(instrument.mains, hum))
        trace = amplifier.record(truth.signal + added, rng)
        meta = {"subject": "", "muscle": muscle, "location": location, "sfreq": clip["sfreq"]}
        meta |= {"needle": kit["needle"], "discharge": kind, "background": background}
        out.append((trace, meta | {"label": label}, truth))
    return out


def _equip(
    rng: np.random.Generator, *, sfreq: float, needle: str, noise: tuple[float, float], mains: float
) -> tuple[Site, Instrument]:
    """Needle and muscle character, and amplifier, of a subject."""
    size, decay, diameter = rng.uniform(0.8, 1.2), rng.uniform(1.7, 2.3), rng.uniform(50, 60)
    electrode = monopolar(radius=0.25 * size) if needle == "monopolar" else concentric(radius=0.2)
    hum, third = rng.random() < mains, rng.uniform(0, 0.4)
    low, high = noise
    instrument = Instrument(
        sfreq=sfreq,
        noise=low * (high / low if low else 1.0) ** rng.random(),
        drift=rng.uniform(0.002, 0.009),
        mains=rng.exponential(0.003) * hum,
        mains_sfreq=rng.choice([50.0, 60.0]),
        harmonic=third,
    )
    return Site(needle=electrode, decay=decay, diameter=diameter), instrument


def _make(kind: str, site: Site, clip: dict[str, Any], rng: np.random.Generator) -> Discharge:
    function = RESTING_DISCHARGES[kind]
    where = {"site": site} if "site" in (function.__kwdefaults__ or {}) else {}
    return function(**clip, **where, random_state=rng)


def _mix(
    kind: str, mixed: float, site: Site, clip: dict[str, Any], rng: np.random.Generator
) -> tuple[NDArray[np.float32] | float, float, str]:
    """Draw what lies under the discharge: (signal, amplitude of the hum, its name)."""
    chosen = rng.random() < mixed
    allowed = 1 if kind in ("silence", "artefact") else 2 if kind.startswith("end-plate") else 3
    if not chosen:
        return 0.0, 0.0, "none"
    name = BACKGROUNDS[rng.integers(allowed)]
    if name == "mains":
        return 0.0, rng.uniform(0.01, 0.04), name
    if name == "remote contraction":
        return remote_contraction(**clip, site=site, random_state=rng).signal, 0.0, name
    return end_plate_noise(**clip, random_state=rng).signal, 0.0, name
