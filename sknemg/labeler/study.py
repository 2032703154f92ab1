"""Settings of a reader study: which reader sees which patient, and when."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np

from sknemg.metrics.votes import CANNOT_SAY
from sknemg.recordings import Recordings
from sknemg.recordings._problems import listed, shown

#: Gains that an EMG machine offers, in microvolts per division.
GAINS = (20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0)
#: Columns of a cohort that readers may be shown.
SHOWABLE = ("age", "sex", "muscle", "location", "side")
#: Without and with the model's answer on the page.
ARMS = ("blinded", "assisted")


@dataclass(frozen=True)
class Study:
    """Settings of a reader study, fixed before the first vote.

    Parameters
    ----------
    classes : tuple of str
        Diagnoses that a reader chooses from, in the order of the buttons.
    cohort : str
        `cohort_hash` of the recordings.
    n_readers : int, default=6
    gains : tuple of float, default=GAINS
        Microvolts per division that readers may choose.
    shown : tuple of {"age", "sex", "muscle", "location", "side"}, default=()
        Columns of the cohort that readers see.
    arms : tuple of {"blinded", "assisted"}, default=("blinded",)
        In the assisted arm the page shows the answer of a model. With both arms, half of the
        readers begin with the one and half with the other.
    n_repeats : int, default=0
        Subjects that every reader reads a second time in the blinded arm, for the agreement of
        readers with themselves.
    pause : float, default=0.0
        Least number of days between two parts of the study: an arm, its repeats, the other arm.
    deadline : str, default=None
        Date and time in ISO format with its offset from UTC; no vote is taken later.
    random_state : int, default=0
        Seed of every reader's order of patients and recordings, and of the choice of repeats.

    Raises
    ------
    ValueError
        Naming the setting that is wrong.

    Examples
    --------
    >>> from sknemg.labeler import Study
    >>> study = Study(("myopathy", "neuropathy", "normal"), "0" * 64, n_readers=2, n_repeats=1)
    >>> study.arms
    ('blinded',)
    >>> Study.from_json(study.to_json()) == study
    True
    """

    classes: tuple[str, ...]
    cohort: str
    n_readers: int = 6
    gains: tuple[float, ...] = GAINS
    shown: tuple[str, ...] = ()
    arms: tuple[str, ...] = ("blinded",)
    n_repeats: int = 0
    pause: float = 0.0
    deadline: str | None = None
    random_state: int = 0

    def __post_init__(self) -> None:
        for name in ("classes", "gains", "shown", "arms"):  # lists, as JSON has them
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _check_words(self)
        _check_numbers(self)
        if self.deadline is not None:
            _instant(self.deadline)

    @property
    def ends(self) -> float:
        """The deadline in seconds since 1970, infinite without one."""
        return math.inf if self.deadline is None else _instant(self.deadline)

    def to_json(self) -> str:
        """Write the settings as JSON.

        Returns
        -------
        str
        """
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Study:
        """Read the settings that `to_json` wrote.

        Parameters
        ----------
        text : str

        Returns
        -------
        Study

        Raises
        ------
        ValueError
            If the text is not that of a study.
        """
        found = json.loads(text)
        names = {field.name for field in fields(cls)}
        if not isinstance(found, dict) or set(found) != names:
            raise ValueError("The settings are not those of a study: make a new study file.")
        return cls(**found)


def _check_words(study: Study) -> None:
    if len(set(study.classes)) < 2 or len(set(study.classes)) < len(study.classes):
        raise ValueError(
            f"classes={shown(study.classes)} must be two or more different diagnoses: readers "
            "choose from them."
        )
    if CANNOT_SAY in study.classes:
        raise ValueError(f"{CANNOT_SAY!r} is an answer of its own: rename the class.")
    for name, known in (("shown", SHOWABLE), ("arms", ARMS)):
        given = getattr(study, name)
        wrong = [word for word in given if word not in known]
        if wrong or len(set(given)) < len(given):
            raise ValueError(f"{name}={shown(given)} is unknown: give some of {list(known)}.")
    if not study.arms:
        raise ValueError(f"arms=() is empty: give one or both of {list(ARMS)}.")


def _check_numbers(study: Study) -> None:
    for name, least in (("n_readers", 1), ("n_repeats", 0), ("random_state", 0)):
        number = getattr(study, name)
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise ValueError(f"{name}={shown(number)} must be an integer >= {least}.")
    if study.n_repeats and "blinded" not in study.arms:
        raise ValueError(
            f"n_repeats={study.n_repeats} needs the blinded arm: add it to `arms`, or repeat none."
        )
    if not study.gains or not all(math.isfinite(gain) and gain > 0 for gain in study.gains):
        raise ValueError(f"gains={shown(study.gains)} must be microvolts per division > 0.")
    if sorted(set(study.gains)) != list(study.gains):
        raise ValueError(f"gains={shown(study.gains)} must be in ascending order.")
    if not (math.isfinite(study.pause) and study.pause >= 0):
        raise ValueError(f"pause={study.pause} must be a number of days >= 0.")


def _instant(text: str) -> float:
    try:
        when = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        when = None
    if when is None or when.tzinfo is None:
        raise ValueError(
            f"deadline={shown(text)} must be a date and time with its offset from UTC, such as "
            "'2027-01-31T18:00+01:00'."
        )
    return when.timestamp()


@dataclass(frozen=True)
class Case:
    """One reading of one patient by one reader.

    Parameters
    ----------
    reader : int
        Counted from 0.
    number : int
        Place in this reader's list, from 0; all that the reader learns of who it is.
    part : int
        A part is opened when all cases of the part before it are done.
    subject : str
    arm : {"blinded", "assisted"}
    repeat : int
        1 in a second reading for intra-reader agreement, else 0.
    rows : tuple of int
        Rows of the recordings, in the order in which they are shown.
    """

    reader: int
    number: int
    part: int
    subject: str
    arm: str
    repeat: int
    rows: tuple[int, ...]


def plan(study: Study, subjects: Sequence[str]) -> list[Case]:
    """Plan who reads what, and when.

    Every reader gets a random order of subjects in each arm, and of a subject's recordings in each
    reading. All readers repeat the same subjects, in the order of their first reading, so that no
    repeat follows closely.

    Parameters
    ----------
    study : Study
    subjects : sequence of str of shape (n_recordings,)
        Whose recording each row is.

    Returns
    -------
    list of Case
        By reader and number.

    Raises
    ------
    ValueError
        If more subjects are to be repeated than there are.

    Examples
    --------
    >>> from sknemg.labeler import Study, plan
    >>> study = Study(("myopathy", "normal"), "0" * 64, n_readers=1, n_repeats=1)
    >>> cases = plan(study, ["S1", "S2", "S1"])
    >>> [(case.number, case.part, case.repeat) for case in cases]
    [(0, 0, 0), (1, 0, 0), (2, 1, 1)]
    """
    names = sorted(set(subjects))
    if study.n_repeats > len(names):
        raise ValueError(
            f"n_repeats={study.n_repeats} is more than there are subjects ({len(names)}): give a "
            "smaller number."
        )
    rows = {name: [row for row, who in enumerate(subjects) if who == name] for name in names}
    shared = np.random.default_rng([study.random_state, 0])
    repeated = set(shared.choice(names, study.n_repeats, replace=False).tolist())
    second_first = shared.permutation(study.n_readers) % 2 == 1
    cases = []
    for reader in range(study.n_readers):
        rng = np.random.default_rng([study.random_state, 1 + reader])
        part = number = 0
        for arm in study.arms[::-1] if second_first[reader] else study.arms:
            order = [names[at] for at in rng.permutation(len(names))]
            again = [name for name in order if name in repeated] if arm == "blinded" else []
            for repeat, turn in enumerate((order, again)):
                for name in turn:
                    mixed = tuple(int(row) for row in rng.permutation(rows[name]))
                    cases.append(Case(reader, number, part, name, arm, repeat, mixed))
                    number += 1
                part += bool(turn)
    return cases


def cohort_hash(X: Recordings) -> str:
    """Hash the signals of a cohort, their rates and their subjects.

    Parameters
    ----------
    X : Recordings
        Signals with a column ``subject``.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg import Recordings
    >>> from sknemg.labeler import cohort_hash
    >>> X = Recordings([np.arange(480.0)], sfreq=48_000, subject="S1")
    >>> cohort_hash(X) == cohort_hash(X), len(cohort_hash(X))
    (True, 64)
    """
    digest = hashlib.sha256()
    for row, signal in enumerate(X):
        about = [str(X["subject"].iloc[row]), float(X["sfreq"].iloc[row]), len(signal)]
        digest.update(json.dumps(about).encode())
        digest.update(np.ascontiguousarray(signal, dtype="<f4").tobytes())
    return digest.hexdigest()


def check_cohort(study: Study, X: Recordings) -> None:
    """Refuse recordings other than those of the study.

    Parameters
    ----------
    study : Study
    X : Recordings

    Raises
    ------
    ValueError
    """
    found = cohort_hash(X)
    if found != study.cohort:
        raise ValueError(
            f"The cohort ({found[:12]}) is not that of the study ({study.cohort[:12]}): give the "
            "folder that the study was made from, unchanged, or make a new study file."
        )
    missing = [name for name in study.shown if name not in X]
    if missing:
        raise ValueError(
            f"The cohort lacks {listed(missing, 'column')}, which the study shows: add them."
        )


def about_subjects(X: Recordings, shown: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what is shown of each subject: age and sex, where all of its rows agree.

    Parameters
    ----------
    X : Recordings
    shown : sequence of str
        Columns that may be shown.

    Returns
    -------
    dict of subject to dict
        Ages are in years, with those of 90 and more pooled, since they identify people.
    """
    about: dict[str, dict[str, str]] = {str(name): {} for name in X["subject"]}
    for column in ("age", "sex"):
        if column not in shown:
            continue
        for name, entries in X.meta.groupby(X["subject"].astype(str))[column]:
            found = entries.dropna().unique().tolist()
            if len(found) == 1:
                about[str(name)][column] = _age(found[0]) if column == "age" else str(found[0])
    return about


def _age(entry: Any) -> str:
    """Write an age, or what stands for it; no number in it may be 90 or more.

    Examples
    --------
    >>> [_age(entry) for entry in (61.9, "61 years", "60-69", 90, "92 y", "1931-05-02")]
    ['61', '61 years', '60-69', '90 or more', '90 or more', '90 or more']
    """
    text = str(entry)
    try:
        years = float(entry)
    except ValueError:
        years = max(map(int, re.findall(r"\d+", text)), default=0)
    else:
        text = str(int(years)) if math.isfinite(years) else text
    return "90 or more" if years >= 90 else text
