"""How each file format is opened: stored numbers, and what the file says of them."""

from __future__ import annotations

import importlib
import re
import warnings
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_CUT = "cut the part out with start and stop, or leave the recording out"
_HEADROOM = 2.0  # a float WAV may exceed full scale, as after a filter, but not by much
_WAV_SCALE = "a WAV file holds fractions of full scale, so give scale, the millivolts at full scale"


class ReadError(ValueError):
    """A file that cannot be read as one recording in millivolts."""


@dataclass
class Stored:
    """One channel as it lies in a file. ``clipped`` marks samples at the format's limits."""

    samples: NDArray
    sfreq: float | None = None
    unit: str | None = None
    needs_scale: str = ""
    channel: str | None = None
    clipped: NDArray[np.bool_] | None = None
    comments: tuple[str, ...] = ()
    gap_hint: str = _CUT


@dataclass(frozen=True)
class TextFormat:
    """Dialect of a text file."""

    delimiter: str
    decimal: str
    skip_lines: int


def _need(module: str) -> Any:
    try:
        with warnings.catch_warnings():
            # wfdb 4.3 uses what pandas 3 deprecates; its user can do nothing about it.
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"Reading this format needs {module}: pip install 'sknemg[io]'."
        ) from error


def _pick(names: list[str], channel: str | int | None) -> int:
    """Position of the wanted channel."""
    listed = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
    if not names:
        raise ReadError("no signal in the file")
    if channel is None:
        if len(names) > 1:
            raise ReadError(f"{len(names)} channels ({listed}): give channel, one of them")
        return 0
    if names.count(str(channel)) == 1:
        return names.index(str(channel))
    if names.count(str(channel)) > 1:
        raise ReadError(f"several channels are called {channel!r}: give its position, from 0")
    if str(channel).isdecimal() and int(channel) < len(names):
        return int(channel)
    raise ReadError(f"no channel {channel!r}: there are {listed}")


def _integer_limits(samples: NDArray) -> NDArray[np.bool_] | None:
    if samples.dtype.kind not in "iu":
        return None
    limits = np.iinfo(samples.dtype)
    return (samples == limits.min) | (samples == limits.max)


# -- WFDB --------------------------------------------------------------------------------------

_WFDB_BITS = {"80": 8, "310": 10, "311": 10, "212": 12, "16": 16, "61": 16, "24": 24, "32": 32}


def wfdb_files(path: Path) -> list[Path]:
    """Find the header of a record and the signal files that it names, all in one folder."""
    stem = path.with_suffix("") if path.suffix.lower() in (".hea", ".dat", ".bin") else path
    header = stem.with_name(stem.name + ".hea")
    if not header.exists():
        raise ReadError(f"no header {header.name!r}, which says how {path.name!r} is stored")
    names = dict.fromkeys(line.split()[0] for line in _signal_lines(header))
    outside = [name for name in names if re.search(r"[/\\:]", name) or name in ("..", "~", "-")]
    if outside:
        raise ReadError(f"the header names {outside} as signal file: it must lie beside it")
    return [header, *(header.with_name(name) for name in names)]


def _signal_lines(header: Path) -> list[str]:
    """Return the lines of a WFDB header that describe a signal each."""
    text = header.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    record = lines[0].split() if lines else []
    if len(record) < 2 or "/" in record[0]:
        raise ReadError("the WFDB header is empty or of several segments: save it as one record")
    return lines[1:]


def read_wfdb(path: Path, channel: str | int | None, *, clip: bool) -> Stored:
    """Read one channel at its own rate, in the unit of the header."""
    wfdb = _need("wfdb")
    header_path = wfdb_files(path)[0]
    name = str(header_path.with_suffix(""))
    header = wfdb.rdheader(name)
    names = [label or str(i) for i, label in enumerate(header.sig_name or [])]
    at = _pick(names, channel)
    # Digital and unsmoothed: wfdb would average a channel that is faster than the frame rate.
    record = wfdb.rdrecord(name, channels=[at], physical=False, smooth_frames=False)
    digital = np.asarray(record.e_d_signal[0])
    samples = np.asarray(record.dac(expanded=True)[0], dtype=np.float64)
    missing = np.isnan(samples)
    if clip:
        samples[missing] = (digital[missing] - record.baseline[0]) / record.adc_gain[0]
    top = 2 ** (_WFDB_BITS.get(record.fmt[0], 33) - 1) - 1
    gain = (_signal_lines(header_path)[at].split() + ["", "", "0"])[2]
    calibrated = float(re.match(r"[-+.\deE]*", gain)[0] or 0) != 0  # type: ignore[index]
    return Stored(
        samples if calibrated else digital,
        sfreq=record.fs * record.samps_per_frame[0],
        unit=record.units[0] if calibrated else None,
        needs_scale="" if calibrated else "the WFDB header has no gain, so give scale",
        channel=names[at],
        clipped=missing | (digital == top),
        comments=tuple(header.comments),
        gap_hint=f"{_CUT}; where they are clipped values rather than a gap, give invalid='clip'",
    )


# -- EDF, WAV ----------------------------------------------------------------------------------


def read_edf(path: Path, channel: str | int | None) -> Stored:
    """Read one channel of a continuous EDF or EDF+ file."""
    edfio = _need("edfio")
    body = path.read_bytes()
    if body[192:197] == b"EDF+D":
        raise ReadError("an EDF+D file has gaps: export each continuous part as its own file")
    # Machines write Latin-1 (µV, names) where the standard wants ASCII.
    size = int(body[184:192])
    header = body[:size].decode("latin-1").replace("µ", "u").encode("ascii", "replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of lost records, which are counted here
        edf = edfio.read_edf(BytesIO(header + body[size:]))
    declared = int(body[236:244])
    if edf.num_data_records < declared:
        raise ReadError(
            f"the file ends after {edf.num_data_records} of {declared} data records: export it "
            "again"
        )
    signals = list(edf.signals)
    signal = signals[_pick([signal.label for signal in signals], channel)]
    digital = np.asarray(signal.digital)
    return Stored(
        np.asarray(signal.data),
        sfreq=float(signal.sampling_frequency),
        unit=signal.physical_dimension.strip() or None,
        channel=signal.label,
        clipped=(digital == signal.digital_min) | (digital == signal.digital_max),
    )


def read_wav(path: Path, channel: str | int | None) -> Stored:
    """Read one channel as fractions of full scale."""
    from scipy.io import wavfile

    with warnings.catch_warnings():
        # Chunks of metadata are no loss; a file that ends early is.
        warnings.simplefilter("error", wavfile.WavFileWarning)
        warnings.filterwarnings("ignore", r"Chunk \(non-data\)", wavfile.WavFileWarning)
        rate, samples = wavfile.read(path)
    samples = samples.reshape(len(samples), -1)
    at = _pick([str(i) for i in range(samples.shape[1])], channel)
    samples = samples[:, at]
    if samples.dtype.kind == "f":
        _check_full_scale(samples)
    clipped = _integer_limits(samples)
    if samples.dtype == np.int32:
        clipped = (samples >= 2**31 - 256) | (samples == -(2**31))
    if samples.dtype.kind in "iu":
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)  # 24 bits come left-justified in 32
        samples = samples / half - (1 if samples.dtype.kind == "u" else 0)
    return Stored(samples, float(rate), needs_scale=_WAV_SCALE, channel=str(at), clipped=clipped)


def _check_full_scale(samples: NDArray) -> None:
    peak = np.abs(samples[np.isfinite(samples)]).max(initial=0.0)
    if peak > _HEADROOM:
        raise ReadError(
            f"a WAV file of floats that reach {peak:g}, where full scale is 1: these are no "
            "fractions of full scale, so save the numbers as NPY or text with their unit"
        )


# -- NumPy -------------------------------------------------------------------------------------


def _vector(array: NDArray) -> NDArray:
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise ReadError(
            f"an array of shape {array.shape} and dtype {array.dtype}: save one signal as 1-D "
            "array of real numbers"
        )
    return array


def read_npy(path: Path) -> Stored:
    """Read a 1-D array."""
    samples = _vector(np.load(path, allow_pickle=False))
    return Stored(samples, clipped=_integer_limits(samples))


def read_npz(path: Path, channel: str | int | None) -> Stored:
    """Read a 1-D array, by default that called ``signal``, with ``sfreq`` and ``unit`` if there."""
    with np.load(path, allow_pickle=False) as archive:
        names = [name for name in archive.files if name not in ("sfreq", "unit")]
        wanted = "signal" if channel is None and "signal" in names else channel
        name = names[_pick(names, wanted)]
        samples = _vector(archive[name])
        sfreq = float(_single(archive, "sfreq")) if "sfreq" in archive.files else None
        unit = str(_single(archive, "unit")) if "unit" in archive.files else None
    return Stored(samples, sfreq, unit, channel=name, clipped=_integer_limits(samples))


def _single(archive: Any, name: str) -> Any:
    entry = archive[name]
    if entry.size != 1:
        raise ReadError(f"{name} in the file has {entry.size} entries: save one")
    return entry.item()


# -- text --------------------------------------------------------------------------------------


def read_text(path: Path, channel: str | int | None, text: TextFormat) -> Stored:
    """Read one column of a delimited text file; a line that holds no number there is refused."""
    separator = r"\s+" if text.delimiter == " " else re.escape(text.delimiter)
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = islice(file, text.skip_lines, None)
        first, second = next(lines, "").strip(), next(lines, "").strip()
    if not first:
        raise ReadError("no samples: leave the recording out")
    fields = [field.strip().strip('"') for field in re.split(separator, first)]
    said = _rstrip(fields)
    words = [re.match(r"(?!nan$|inf)[^\W\d]", field.lower()) for field in said]
    named = bool(words) and all(words)
    _check_delimiter(second if named else first, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # it cut columns off
            frame = pd.read_csv(
                path,
                sep=separator if text.delimiter == " " else text.delimiter,
                header=0 if named else None,
                skiprows=text.skip_lines,
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
                index_col=False,
                encoding="utf-8-sig",
                encoding_errors="replace",
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise ReadError(f"the lines differ in their number of columns ({error})") from error
    names = fields if named else [str(i) for i in range(frame.shape[1])]
    while len(names) > max(1, len(said)) and _is_blank(frame.iloc[:, len(names) - 1]):
        names = names[:-1]  # spreadsheets write trailing separators
    at = _pick(names, channel)
    column = frame.iloc[:, at].fillna("").str.strip()
    column = column[: column.ne("").to_numpy().nonzero()[0].max(initial=-1) + 1]
    samples = _numbers(column, text, first_line=text.skip_lines + 1 + named)
    return Stored(samples, channel=fields[at] if named else str(at))


def _rstrip(fields: list[str]) -> list[str]:
    n = max((i for i, field in enumerate(fields, start=1) if field), default=0)
    return fields[:n]


def _is_blank(column: pd.Series) -> bool:
    return not column.fillna("").str.strip().any()


def _check_delimiter(line: str, text: TextFormat) -> None:
    """Refuse a line of numbers that another sign separates than the given one."""
    number = re.compile(r'\s*"?[-+]?\d+([.,]\d+)?(e[-+]?\d+)?"?\s*', re.IGNORECASE)
    for sign in ";\t":
        fields = _rstrip(line.split(sign))
        if sign in (text.delimiter, text.decimal) or (sign == "\t" and text.delimiter == " "):
            continue
        if sign in line and all(map(number.fullmatch, fields)):
            comma = ", decimal=','" if any("," in field for field in fields) else ""
            raise ReadError(
                f"the columns are separated by {sign!r}, the delimiter given is "
                f"{text.delimiter!r}: give delimiter={sign!r}{comma}"
            )


def _numbers(column: pd.Series, text: TextFormat, first_line: int) -> NDArray[np.float64]:
    plain = column
    if text.decimal != ".":
        plain = column.where(~column.str.contains(".", regex=False), "").str.replace(
            text.decimal, ".", regex=False
        )
    samples = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(samples))
    if len(bad):
        lines = ", ".join(str(row + first_line) for row in bad[:5])
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise ReadError(
            f"no number in line {lines}{more} (the first reads {column.iloc[bad[0]]!r}; delimiter "
            f"{text.delimiter!r}, decimal sign {text.decimal!r}): correct the file or the dialect"
        )
    return samples
