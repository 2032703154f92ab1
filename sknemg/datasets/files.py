"""Reading one file as one signal in millivolts, whatever its format.

A rate or a unit is taken from the file or from the caller, and never guessed: where neither says
it, or where the two disagree, the file is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknemg.datasets._formats.arrays import read_npy, read_npz
from sknemg.datasets._formats.edf import read_edf
from sknemg.datasets._formats.limits import MAX_BYTES
from sknemg.datasets._formats.mat import read_mat
from sknemg.datasets._formats.own import READERS, Reader, read_own
from sknemg.datasets._formats.parquet import read_parquet
from sknemg.datasets._formats.sound import read_sound
from sknemg.datasets._formats.stored import Part, ReadError, Stored
from sknemg.datasets._formats.text import TextFormat, read_text
from sknemg.datasets._formats.units import UNITS, decode, is_multiple, is_other, millivolts, spell
from sknemg.datasets._formats.wav import CompressedError, read_wav
from sknemg.datasets._formats.wfdb import find_header, read_wfdb, wfdb_files
from sknemg.recordings._problems import capped, check_choice, check_counts

_AT_ONCE = 2**16  # samples


class Reading(NamedTuple):
    """What `read_recording` returns.

    Attributes
    ----------
    signal : ndarray of shape (n_times,), float32
        In millivolts.
    sfreq : float
        Sampling rate in hertz.
    meta : dict
        ``channel`` (its name, or None), ``clipped`` (number of samples at the limits of the
        file's integer format, None for formats without limits), ``comments`` (tuple of str,
        the free text of a WFDB header), and of a text file ``header`` (bool, whether its first
        line was taken as names; None for other formats) and ``encoding`` (str, likewise).
    """

    signal: NDArray[np.float32]
    sfreq: float
    meta: dict[str, Any]


def read_recording(
    path: str | Path,
    *,
    sfreq: float | None = None,
    unit: str | None = None,
    scale: float | None = None,
    channel: str | int | None = None,
    start: float | None = None,
    stop: float | None = None,
    delimiter: str = ",",
    decimal: str | None = None,
    skip_lines: int = 0,
    header: bool | None = None,
    encoding: str | None = None,
    invalid: Literal["raise", "clip"] = "raise",
    max_bytes: int = MAX_BYTES,
) -> Reading:
    r"""Read one channel of one file as a signal in millivolts.

    Formats, by suffix: WFDB (``.hea``, any file that it names, or the bare record name), EDF and
    EDF+ (``.edf``), BDF and BDF+ (``.bdf``), sound (``.wav``, ``.flac``, ``.w64``, ``.aiff``,
    ``.au``, ``.caf``), MAT of versions 5 and 7.3 (``.mat``: a vector, or a row or column of a
    matrix, with ``fs`` or ``sfreq`` and ``unit`` beside it if present; 7.3 needs h5py), Parquet
    (``.parquet``: a column; needs pyarrow), ``.npy`` and ``.npz`` (keys ``signal`` and, if
    present, ``sfreq`` or ``fs`` and ``unit``), delimited text (``.csv``, ``.txt``, ``.tsv``,
    ``.asc``; a line above the numbers may state the rate, and the name of the column its unit).
    Pickles are refused: opening one runs whatever code it holds. What a file does not state validly
    (a decimal comma in a header, an empty range) is not used, and a file that contradicts itself (a
    checksum, a length, a clock that jumps) is refused. A time axis beside the signal must agree
    with the rate.

    Parameters
    ----------
    path : str or Path
    sfreq : float, default=None
        Sampling rate in hertz, for files that do not state it. It must agree with a file that
        does.
    unit : {"V", "mV", "uV", "nV"}, default=None
        Unit of the file's numbers, for files that do not state it, or state one that is not
        known. It must agree with a file that states a valid one.
    scale : float, default=None
        Millivolts per unit of the file, in place of `unit`. Uncalibrated files need it: for WFDB
        records without gain and EDF channels without a valid range it is the millivolts per
        stored count. A WAV file's samples are fractions of full scale, so there it is the
        amplitude in millivolts at full scale. A WAV file of floats is refused if it goes beyond
        twice full scale, because its numbers are then not fractions of it.
    channel : str or int, default=None
        The channel, column or NPZ array, where there are several: text is its name, an integer
        its position, from 0. Without it, a file must hold one signal, and nothing else that
        could be it; a time axis does not count. A position is refused where another channel has
        that number as its name.
    start, stop : float, default=None
        Part to read, in seconds from the first sample. In a file with gaps (EDF+D) the time of
        the gaps counts, and the part lies between two of them.
    delimiter : str, default=","
        Between the columns of a text file; ``" "`` stands for any run of blanks. Fields in
        double quotes may hold it.
    decimal : {".", ","}, default=None
        Decimal sign of a text file, by default a point. A file without names whose lines read
        ``0,5``, one number or two columns, is refused until it is given.
    skip_lines : int, default=0
        Lines of a text file above the column names or, without such, above the numbers.
    header : bool, default=None
        Whether the first of the other lines holds the names of the columns. By default it does
        if its fields begin with letters, and a line that may be either, such as the ``0`` or
        ``0,1,2`` that pandas writes over columns without names, is refused. ``meta["header"]``
        says what was decided.
    encoding : str, default=None
        Character encoding of a text file, such as ``"utf-16-le"``. By default its byte order mark
        decides; without one it is UTF-8, or cp1252 where the bytes are not valid UTF-8.
    invalid : {"raise", "clip"}, default="raise"
        How to read a sample with WFDB's code for "no value" (the lowest code of the format): as a
        gap, which is an error, or as a sample at the converter's negative limit.
    max_bytes : int, default=2**30
        Most memory for the samples of the channel, at 8 bytes each. A file that states or holds
        more is refused, before they are read or, if compressed, decompressed.

    Returns
    -------
    Reading
        ``(signal, sfreq, meta)``.

    Raises
    ------
    ReadError
        With everything that prevents the file from being read, and what to do.
    ValueError
        If an argument makes no sense for any file, such as a rate given as text.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sknemg.datasets import read_recording
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "export.txt"
    ...     _ = file.write_text("time;signal\n0,0;-20,5\n0,1;31,0\n")
    ...     signal, sfreq, meta = read_recording(
    ...         file, sfreq=10_000, unit="uV", channel="signal", delimiter=";", decimal=","
    ...     )
    >>> signal, sfreq, meta["channel"]
    (array([-0.0205,  0.031 ], dtype=float32), 10000.0, 'signal')
    """
    path = Path(path)
    check_choice(("raise", "clip"), invalid=invalid)
    check_numbers(sfreq=sfreq, scale=scale, start=start, stop=stop)
    check_channel(channel)
    text = TextFormat(delimiter, decimal, skip_lines, header, encoding)
    check_text(text)
    check_counts(max_bytes=max_bytes)
    stored = _open(path, channel, text, invalid, max_bytes)
    rate, complaints = _rate(stored, sfreq)
    factor, more = _millivolts(stored, unit, scale)
    complaints += more
    if not complaints:
        part, complaints = _part(start, stop, rate, stored)
    if complaints:
        raise ReadError("; ".join(complaints))
    signal = _scaled(stored.samples[part], factor)
    _check_samples(signal, rate, stored.gap_hint)
    clipped = None if stored.clipped is None else int(stored.clipped[part].sum())
    meta = {
        "channel": stored.channel,
        "clipped": clipped,
        "comments": stored.comments,
        "header": stored.header,
        "encoding": stored.encoding,
    }
    return Reading(signal, rate, meta)


def check_numbers(**given: Any) -> None:
    """Refuse arguments that are given but are not numbers."""
    wrong = [
        f"{name}={value!r}"
        for name, value in given.items()
        if value is not None and (isinstance(value, bool) or not isinstance(value, Real))
    ]
    if wrong:
        raise ValueError(f"{', '.join(wrong)}: give a number, such as sfreq=10000.")


def check_channel(channel: Any) -> None:
    """Refuse what is neither the name nor the position of a channel."""
    if channel is None or isinstance(channel, str):
        return
    if isinstance(channel, bool) or not isinstance(channel, Integral):
        raise ValueError(
            f"channel={channel!r} must be a name, as text, or a position from 0, as an integer."
        )


def check_text(text: TextFormat) -> None:
    """Refuse a dialect in which no text file can be read."""
    delimiter, decimal, skip_lines = text.delimiter, text.decimal, text.skip_lines
    if delimiter == decimal:
        raise ValueError(
            f"`delimiter` and `decimal` are both {decimal!r}, so that 0{decimal}5 would be two "
            "columns: give the delimiter of the files, such as ';'."
        )
    if not isinstance(delimiter, str) or not re.fullmatch(r"[^\w\r\n\0\"+.-]", delimiter):
        raise ValueError(
            f"delimiter={delimiter!r} must be one character that no number holds, such as ';'; "
            "' ' stands for any run of blanks."
        )
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal={decimal!r} must be '.' or ','.")
    whole = isinstance(skip_lines, Integral) and not isinstance(skip_lines, bool)
    if not whole or skip_lines < 0:
        raise ValueError(f"skip_lines={skip_lines!r} must be an integer >= 0.")
    if text.header is not None and not isinstance(text.header, bool | np.bool_):
        raise ValueError(f"header={text.header!r} must be True, False or None.")
    if text.encoding is not None and not _is_encoding(text.encoding):
        raise ValueError(
            f"encoding={text.encoding!r} is unknown: give one of Python's, such as 'cp1252'."
        )


def _is_encoding(name: Any) -> bool:
    try:
        "".encode(name)
    except (LookupError, TypeError, ValueError):
        return False
    return True


def files_of(path: Path) -> list[Path]:
    """List the files that a recording consists of: a WFDB header and its signal files, or one."""
    if _kind(path) == "WFDB":
        return wfdb_files(path)
    return [path]


_KINDS = {".edf": "EDF", ".bdf": "BDF", ".wav": "WAV", ".npy": "NPY", ".npz": "NPZ"}
_KINDS |= {".mat": "MAT", ".parquet": "Parquet"}
_KINDS |= dict.fromkeys((".flac", ".w64", ".rf64", ".aif", ".aiff", ".au", ".caf"), "sound")
_KINDS |= dict.fromkeys((".csv", ".txt", ".tsv", ".asc"), "text")


def register_reader(suffix: str, reader: Reader | None) -> None:
    """Let `read_recording`, and everything that loads files, read a lab's own format.

    The values that the reader returns are checked as those of any other file: a rate or a
    unit that it does not state must be given, and may not contradict what is given.

    Parameters
    ----------
    suffix : str
        Ending of the files, such as ``".nic"``. It must not be that of a known format.
    reader : callable or None
        Called as ``reader(path, channel)``, where `channel` is what the user gave, a name, a
        position or None. It returns a `RawSignal` and raises `ReadError` for files that are not
        sound. None takes the reader out again.

    Raises
    ------
    ValueError
        If the suffix is not one, or is that of a format that the library reads.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sknemg.datasets import RawSignal, read_recording, register_reader
    >>> def read_counts(path, channel):
    ...     rate, *counts = path.read_text().split()
    ...     return RawSignal(np.array(counts, dtype=float), sfreq=float(rate), unit="uV")
    >>> register_reader(".counts", read_counts)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.counts"
    ...     _ = file.write_text("10000 100 -200 300")
    ...     read_recording(file)[:2]
    (array([ 0.1, -0.2,  0.3], dtype=float32), 10000.0)
    >>> register_reader(".counts", None)
    """
    if not isinstance(suffix, str) or not re.fullmatch(r"\.[^./\\]+", suffix):
        raise ValueError(f"suffix={suffix!r} must be text such as '.nic'.")
    suffix = suffix.lower()
    if suffix in _KINDS or suffix in (".hea", ".dat", ".bin", ".p", ".pkl", ".pickle"):
        raise ValueError(f"suffix={suffix!r} is that of a known format: rename the files.")
    if reader is None:
        READERS.pop(suffix, None)
    elif callable(reader):
        READERS[suffix] = reader
    else:
        raise ValueError(f"reader={reader!r} must be a function, or None.")


def is_signal(path: Path) -> bool:
    """Whether a file in a folder counts as a recording: a WFDB header or another known file."""
    return path.suffix.lower() in suffixes()


def is_text(path: Path) -> bool:
    """Whether a file is delimited text by its suffix."""
    return _KINDS.get(path.suffix.lower()) == "text"


def suffixes() -> list[str]:
    """List the endings of the files that hold one recording each."""
    return [".hea", *_KINDS, *READERS]


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in (".hea", ".dat", ".bin") or path.with_name(path.name + ".hea").exists():
        return "WFDB"
    if suffix in READERS:
        return suffix
    if suffix == ".mat" and find_header(path):  # of PhysioNet's challenges
        return "WFDB"
    if suffix in _KINDS:
        return _KINDS[suffix]
    if suffix in (".p", ".pkl", ".pickle"):
        raise ReadError(
            "a pickle is refused, because opening one runs the code it holds: "
            "in a session that trusts it, save the array with numpy.save"
        )
    if find_header(path):  # PhysioNet has signal files with many endings, .mat among them
        return "WFDB"
    raise ReadError(
        f"no reader for {path.suffix or 'a file without a suffix'!r}: "
        "save it as one of WFDB, EDF, BDF, WAV, FLAC, MAT, Parquet, NPY, NPZ or text"
    )


def _open(path: Path, channel: Any, text: TextFormat, invalid: str, max_bytes: int) -> Stored:
    kind = _kind(path)
    readers: dict[str, Callable[[], Stored]] = {
        "WFDB": lambda: read_wfdb(path, channel, max_bytes, clip=invalid == "clip"),
        "EDF": lambda: read_edf(path, channel, max_bytes),
        "BDF": lambda: read_edf(path, channel, max_bytes),
        "MAT": lambda: read_mat(path, channel, max_bytes),
        "Parquet": lambda: read_parquet(path, channel, max_bytes),
        "WAV": lambda: _read_wav(path, channel, max_bytes),
        "sound": lambda: read_sound(path, channel, max_bytes),
        "NPY": lambda: read_npy(path, channel, max_bytes),
        "NPZ": lambda: read_npz(path, channel, max_bytes),
        "text": lambda: read_text(path, channel, text, max_bytes),
    }
    try:
        with np.errstate(over="ignore"):  # infinite samples are refused, and named
            return read_own(path, channel, max_bytes) if kind in READERS else readers[kind]()
    except (ReadError, ImportError):
        raise
    except FileNotFoundError as error:
        raise ReadError(f"no file {Path(error.filename or path).name!r}") from error
    except PermissionError as error:
        raise ReadError(
            f"no permission to read {Path(error.filename or path).name!r}: ask for it"
        ) from error
    except Exception as error:  # the format libraries raise whatever a broken file leads to
        reason = f"{type(error).__name__}: {error}"
        raise ReadError(f"not readable as {kind} ({reason}): export it again") from error


def _read_wav(path: Path, channel: Any, max_bytes: int) -> Stored:
    try:
        return read_wav(path, channel, max_bytes)
    except CompressedError:
        return read_sound(path, channel, max_bytes)


def _rate(stored: Stored, given: float | None) -> tuple[float, list[str]]:
    rate = given if stored.sfreq is None else stored.sfreq
    if rate is None:
        return math.nan, ["no sampling rate: the file states none, so give `sfreq` in hertz"]
    if not (math.isfinite(rate) and rate > 0):
        return rate, [f"a sampling rate of {rate:g} Hz: give `sfreq` in hertz"]
    if given is not None and not math.isclose(rate, given, rel_tol=1e-6):
        return rate, [f"the file says {rate:g} Hz, `sfreq` says {given:g} Hz: correct one"]
    for hint in stored.hints:
        if not hint.agrees(rate):
            who = "`sfreq`" if stored.sfreq is None else "the file"
            known = " or ".join(f"{own:g}" for own in hint.rates[:2])
            return rate, [f"{who} says {rate:g} Hz, and {hint.said} {known} Hz: correct one"]
    return float(rate), []


def _millivolts(stored: Stored, unit: str | None, scale: float | None) -> tuple[float, list[str]]:
    """Return millivolts per stored unit, and what speaks against it."""
    if unit is not None and unit not in UNITS:
        return math.nan, [f"unit {unit!r} is unknown: write V, mV, uV or nV"]
    if scale is not None and not (math.isfinite(scale) and scale != 0):
        return math.nan, [f"scale={scale:g}: give the millivolts per stored unit"]
    if stored.unit is not None and (factor := millivolts(stored.unit)) is not None:
        return factor, _contradictions(stored.unit, factor, unit, scale)
    if stored.unit is not None and is_other(stored.unit):
        return math.nan, [
            f"the file's unit {spell(stored.unit)} is not a voltage: choose another channel"
        ]
    if scale is not None:
        both = ["`unit` and `scale` both given: keep one"] if unit is not None else []
        return scale, both
    if stored.unit is not None and is_multiple(stored.unit):
        return math.nan, [
            f"the file's unit is {spell(stored.unit)}: give `scale`, the millivolts of one"
        ]
    if stored.needs_scale:
        return math.nan, [f"no amplitude scale: {stored.needs_scale}"]
    if unit is not None:
        return UNITS[unit], []
    if stored.unit is not None:
        said = f"the file's unit {spell(stored.unit)} is unknown"
        return math.nan, [
            f"{said}: give `unit` (V, mV, uV or nV) or `scale`, the millivolts per unit"
        ]
    return math.nan, ["no unit: the file states none, so give `unit` (V, mV, uV or nV) or `scale`"]


def _contradictions(
    stated: str | bytes, factor: float, unit: str | None, scale: float | None
) -> list[str]:
    if scale is not None:
        return [f"the file states its unit ({decode(stated)}): leave `scale` out"]
    if unit is not None and UNITS[unit] != factor:
        return [f"the file says {decode(stated)}, `unit` says {unit}: correct one"]
    return []


def _part(
    start: float | None, stop: float | None, rate: float, stored: Stored
) -> tuple[slice, list[str]]:
    """Find the samples between two times, counted from the first sample by the file's clock."""
    n_times = len(stored.samples)
    if n_times == 0:
        return slice(0), ["no samples: leave the recording out"]
    parts = stored.parts or (Part(0, n_times, 0.0),)
    ends = [part.onset + (part.last - part.first) / rate for part in parts]
    begin = 0.0 if start is None else start
    end = ends[-1] if stop is None else stop
    finite = math.isfinite(begin) and math.isfinite(end)
    if finite and len(parts) > 1:
        half = 0.5 / rate
        inside = [i for i, part in enumerate(parts) if part.onset - half <= begin < ends[i] - half]
        if not inside or end > ends[inside[0]] + half:
            return slice(0), [_gaps(parts, ends)]
        parts, ends = (parts[inside[0]],), [ends[inside[0]]]
    first, last = (round((t - parts[0].onset) * rate) for t in (begin, end)) if finite else (0, 0)
    if not 0 <= first < last <= parts[0].last - parts[0].first:
        where = f"start {begin:g} s to stop {end:g} s of a file of {ends[-1]:g} s"
        return slice(0), [f"{where}: 0 <= start < stop <= duration is needed"]
    return slice(parts[0].first + first, parts[0].first + last), []


def _gaps(parts: tuple[Part, ...], ends: list[float]) -> str:
    gaps = [
        f"{end:g} to {part.onset:g} s (before sample {part.first})"
        for end, part in zip(ends, parts[1:], strict=False)
    ]
    whole = [f"{part.onset:g} to {end:g} s" for part, end in zip(parts, ends, strict=True)]
    return (
        f"the recording has {_counted(gaps, 'gap')}: give `start` and `stop` inside one of its "
        f"{_counted(whole, 'part')}"
    )


def _counted(texts: list[str], noun: str) -> str:
    return f"{noun}{'s' if len(texts) > 1 else ''} {capped(texts)}"


def _scaled(samples: NDArray[Any], factor: float) -> NDArray[np.float32]:
    """Return samples times factor, computed in float64 a part at a time."""
    signal = np.empty(len(samples), dtype=np.float32)
    with np.errstate(over="ignore"):  # infinite ones are refused, and named
        for at in range(0, len(samples), _AT_ONCE):
            part = slice(at, at + _AT_ONCE)
            signal[part] = samples[part].astype(np.float64) * factor
    return signal


def _check_samples(signal: NDArray[Any], rate: float, hint: str) -> None:
    bad = np.flatnonzero(~np.isfinite(signal))
    if len(bad):
        raise ReadError(
            f"{len(bad)} of {len(signal)} samples are NaN or infinite, the first at "
            f"{bad[0] / rate:.4f} s: {hint}"
        )
