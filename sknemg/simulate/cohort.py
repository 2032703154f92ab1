"""A cohort of simulated patients: volitional needle EMG, with a diagnosis for each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from inspect import signature
from typing import Any, Literal, NamedTuple

import joblib
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from sknemg.recordings import Recordings
from sknemg.recordings._problems import check_flags, check_generator, shown
from sknemg.simulate.checks import Range
from sknemg.simulate.patient import Dials, simulate_patient
from sknemg.simulate.plan import plan_cohort
from sknemg.simulate.variation import PATIENT
from sknemg.versions import package_code


def make_cohort(
    n_subjects: int = 57,
    *,
    severity: Range = (0.45, 1.0),
    chronicity: Range = (0.3, 1.0),
    effort: Range = (0.015, 0.25),
    spared: float = 0.25,
    age: Range = (20.0, 80.0),
    needle: Literal["monopolar", "concentric"] = "monopolar",
    muscles: Sequence[str] | None = None,
    confound: bool = True,
    sfreq: float = 48_000,
    band: tuple[float, float] = (20.0, 10_000.0),
    noise: Range = (0.001, 0.0025),
    vary: Literal["acquisition", "all"] | None = None,
    gradient: Range | None = None,
    return_truth: bool = False,
    n_jobs: int | None = None,
    progress: bool = False,
    cache: str | os.PathLike[str] | None = None,
    random_state: int | np.random.Generator | None = None,
) -> Any:
    """Simulate needle EMG of patients with myopathy or neuropathy and of healthy people.

    The default cohort has the counts of the published one [1]_: 57 subjects, 376 recordings of
    voluntary contraction, 144 of proximal and 232 of distal muscles, 939 seconds in all. Every
    recording is built up from muscle fibres: a muscle is laid out, ages with its owner, is changed
    by the disease and contracts with a share of its force, while a needle is moved until some unit
    is near. A diagnosis changes the signal through the fibres alone; severity differs between
    people and between muscles, and some muscles are spared.

    Settings given as a pair are drawn anew for each subject (severity, chronicity, gradient, age)
    or recording (effort, noise), uniformly between the two (effort: uniformly in its logarithm). A
    single number fixes them.

    Parameters
    ----------
    n_subjects : int, default=57
        Number of subjects, a third with each diagnosis; the number of recordings is in proportion.
    severity : float or (float, float), default=(0.45, 1.0)
        Severity of a patient's disease, 0 to 1. Muscles differ: myopathy is worse in proximal
        muscles, neuropathy in distal ones.
    chronicity : float or (float, float), default=(0.3, 1.0)
        Age of a neuropathy, from 0 (weeks) to 1 (years).
    effort : float or (float, float), default=(0.015, 0.25)
        Share of the greatest force, 0.001 to 1. If no unit of 0.15 mV is in view, the examiner
        asks for more.
    spared : float, default=0.25
        Probability that a patient's muscle is hardly affected.
    age : float or (float, float), default=(20, 80)
        Age in years, 0 to 120, rounded down to whole years; motor units are lost from 50 on.
    needle : {"monopolar", "concentric"}, default="monopolar"
        Kind of needle.
    muscles : sequence of str, default=None
        Muscles to examine, each named once; None for fourteen of arm and leg.
    confound : bool, default=True
        Keep the published differences between the diagnoses in the number, location and length of
        recordings. A classifier may learn these instead of the disease; False removes them.
    sfreq : float, default=48000
        Sampling rate, Hz, at least 1000. Patients are the same at any rate: nothing is resampled.
    band : (float, float), default=(20, 10000)
        Corner frequencies of the amplifier's filters, Hz.
    noise : float or (float, float), default=(0.001, 0.0025)
        Noise, mV RMS within 10 kHz.
    vary : {"acquisition", "all"} or None, default=None
        Draw a machine and a needle for each subject, so that a classifier cannot lean on one:
        ``"acquisition"`` sets `needle`, `sfreq`, `band` and `noise` aside, ``"all"`` also
        `severity`, `chronicity`, `gradient`, `effort` and `age`. The following are drawn uniformly
        in their logarithm: gain (0.5 to 2), width of the needle's surface (0.7 to 1.4 times the
        usual one), high-pass (2 to 30 Hz), low-pass (3 to 10 kHz), noise (0.5 to 5 µV, with 1/f
        noise below a corner of 1 to 300 Hz), step of the converter (0.1 to 3 µV) and drift (1 to
        20 µV in a second). The needle (either kind), the rate (10, 20, 23.4375, 25 or 48 kHz) and
        mains (in half of the subjects, 5 µV on average, 50 or 60 Hz) are drawn, too. ``"all"``
        adds, likewise in the logarithm, effort (from 0.008 to 0.5 for a subject, whose recordings
        take up to twice that) and distance to the end-plates (0.5 to 1.5 times the usual one), and,
        uniformly, severity (0.2 to 1), chronicity and gradient (0 to 1) and age (18 to 85 years).
    gradient : float or (float, float) or None, default=None
        How strongly a disease keeps to the muscles it prefers. With 0 all muscles are equally ill,
        as in a motor neuron disease; with 1 a neuropathy spares the hip, and a myopathy hand and
        foot. None draws from a beta distribution with a mean of 0.67, as for polyneuropathies and
        limb-girdle myopathies.
    return_truth : bool, default=False
        Also return what only the simulator knows of each recording.
    n_jobs : int, default=None
        Processes; the result is the same for any number.
    progress : bool, default=False
        Show a progress bar.
    cache : path, default=None
        Folder in which ``joblib.Memory`` keeps the cohort; needs an integer `random_state`. If the
        code of the simulator has changed since, the cohort is simulated again.
    random_state : int, Generator or None, default=None
        Seed. Each subject draws from a seed of its own.

    Returns
    -------
    X : Recordings
        Signals in millivolts; a spike is negative. ``meta`` has ``sfreq``, ``subject``, ``muscle``,
        ``location``, ``side``, ``needle``, ``age`` and ``sex``; with `vary` also ``gain``,
        ``needle_width``, ``high_pass``, ``low_pass``, ``noise``, ``noise_corner``, ``resolution``,
        ``drift``, ``mains`` (mV) and ``mains_sfreq``. A ``low_pass`` above 0.45 of the rate
        filters nothing.
    y : ndarray of shape (n_recordings,), str
        The subject's diagnosis: ``"myopathy"``, ``"neuropathy"`` or ``"normal"``.
    truth : DataFrame, only with `return_truth`
        One row per recording: ``severity`` of the muscle, ``chronicity`` (NaN without a
        neuropathy), ``spared``, ``n_units`` and ``n_fibres`` (those innervated), ``n_denervated``
        fibres, ``effort`` that was asked for, ``excitation``, ``n_active`` units recruited, and two
        tables, ``discharges`` and ``units``, as in :class:`~sknemg.simulate.Trace`.

    Raises
    ------
    ValueError
        If a setting is out of bounds or of the wrong kind, or is given although `vary` draws it.

    References
    ----------
    .. [1] Yoo J, Yoo I, Youn I, et al. Residual one-dimensional convolutional neural network for
       neuromuscular disorder classification from needle electromyography signals with
       explainability. Comput Methods Programs Biomed 2022;226:107079.

    Examples
    --------
    >>> from sknemg.simulate import make_cohort
    >>> X, y = make_cohort(3, sfreq=10_000, random_state=0)
    >>> X
    Recordings: 19 recordings of 3 subjects, ... s at 10000 Hz
    >>> sorted(set(y.tolist()))
    ['myopathy', 'neuropathy', 'normal']
    """
    dials = Dials(
        severity, chronicity, effort, spared, age, needle, sfreq, band, noise, vary, gradient
    ).checked()
    _check_varied(dials)
    check_flags(return_truth=return_truth, progress=progress)
    simulate = _simulate
    code = ""
    if cache is not None:
        if not isinstance(random_state, (int, np.integer)):
            raise ValueError(
                "cache needs an integer random_state: made with anything else, a cohort could not "
                "be found again."
            )
        memory = joblib.Memory(cache, verbose=0)
        simulate = memory.cache(_simulate, ignore=["n_jobs", "progress"])
        code = package_code("recordings", "simulate")
    seed = _as_seed(random_state)
    cohort = simulate(
        n_subjects, muscles, confound, dials, seed, code, n_jobs=n_jobs, progress=progress
    )
    return tuple(cohort) if return_truth else (cohort.X, cohort.y)


class Cohort(NamedTuple):
    """What :func:`make_cohort` returns."""

    X: Recordings
    y: np.ndarray
    truth: pd.DataFrame


def _simulate(
    n_subjects: int,
    muscles: Sequence[str] | None,
    confound: bool,
    dials: Dials,
    seed: int,
    code: str,  # in the cache's key alone: joblib hashes the source of this function, not of others
    *,
    n_jobs: int | None,
    progress: bool,
) -> Cohort:
    plan = plan_cohort(n_subjects, muscles=muscles, confound=confound, random_state=seed)
    patients = [rows for _, rows in plan.groupby("subject")]
    jobs = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(simulate_patient)(rows, dials, seed) for rows in patients
    )
    shown = tqdm(jobs, total=len(patients), desc="subjects", disable=not progress)
    recordings = [recording for patient in shown for recording in patient]
    width = len(str(n_subjects))
    drawn: dict[str, Any] = {
        name: [recording.acquisition[name] for recording in recordings]
        for name in recordings[0].acquisition
    }
    X = Recordings(
        [recording.trace.signal for recording in recordings],
        sfreq=[recording.trace.sfreq for recording in recordings],
        subject=[f"S{number:0{width}d}" for number in plan["subject"]],
        muscle=plan["muscle"],
        location=plan["location"],
        side=plan["side"],
        needle=[recording.needle for recording in recordings],
        age=[recording.person["age"] for recording in recordings],
        sex=[recording.person["sex"] for recording in recordings],
        **drawn,
    )
    truth = pd.DataFrame([recording.truth for recording in recordings])
    return Cohort(X, plan["diagnosis"].to_numpy(dtype=str), truth)


#: What each way of varying sets aside: settings of the machine, or those of the patient as well.
_MACHINE = ("needle", "sfreq", "band", "noise")
_SET_ASIDE = {"acquisition": _MACHINE, "all": (*_MACHINE, *PATIENT, "effort")}


def _check_varied(dials: Dials) -> None:
    """Refuse a dial that was set although it is drawn anyway."""
    usual = signature(make_cohort).parameters
    for name in _SET_ASIDE.get(dials.vary or "", ()):
        if getattr(dials, name) != usual[name].default:
            raise ValueError(
                f"{name}={shown(getattr(dials, name))} is drawn for each subject with "
                f"vary={dials.vary!r}: leave out one of the two."
            )


def _as_seed(random_state: int | np.random.Generator | None) -> int:
    rng = check_generator(random_state)
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(rng.integers(2**32))
