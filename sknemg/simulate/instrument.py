"""The amplifier: noise, mains, drift and movement; filters; quantisation and clipping."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from sknemg.recordings._problems import check_generator
from sknemg.simulate.checks import check_band, check_number, check_positive


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """An electromyograph.

    Parameters
    ----------
    sfreq : float, default=48_000
        Sampling rate, Hz.
    band : tuple of float, default=(20.0, 10_000.0)
        Low and high corner frequencies of the second-order Butterworth filters, Hz. A high one
        above 0.45 ``sfreq`` is left to the anti-alias filter.
    gain : float, default=1.0
        Factor by which electrode and tissue change the potential, before everything else.
    noise : float, default=0.0015
        White noise of amplifier and electrode, mV RMS within 10 kHz (the same density at every
        sampling rate).
    noise_corner : float, default=0.0
        Frequency below which the noise rises as 1 / f, Hz; 0 for white noise.
    drift : float, default=0.0
        Random walk of the electrode potential: its standard deviation after one second, mV.
    movement : float, default=0.0
        Swings below 15 Hz as needle and skin move, mV RMS before the filters.
    mains : float, default=0.0
        Amplitude of mains hum, mV.
    mains_sfreq : float, default=50.0
        50 or 60 Hz.
    harmonic : float, default=0.0
        Amplitude of its third harmonic, as a share of ``mains``.
    resolution : float, default=0.0002
        Step of the converter, mV; 0 for none.
    limit : float, default=20.0
        Where the converter clips, mV; infinity for nowhere.

    Examples
    --------
    >>> import numpy as np
    >>> flat = np.zeros(4800)
    >>> trace = Instrument(sfreq=48_000, noise=0.002).record(flat, random_state=0)
    >>> trace.dtype, trace.shape, bool(0.001 < trace.std() < 0.003)
    (dtype('float32'), (4800,), True)
    """

    sfreq: float = 48_000
    band: tuple[float, float] = (20.0, 10_000.0)
    gain: float = 1.0
    noise: float = 0.0015
    noise_corner: float = 0.0
    drift: float = 0.0
    movement: float = 0.0
    mains: float = 0.0
    mains_sfreq: float = 50.0
    harmonic: float = 0.0
    resolution: float = 0.0002
    limit: float = 20.0

    def __post_init__(self) -> None:
        for name in ("sfreq", "mains_sfreq"):
            check_positive(name, getattr(self, name))
        check_positive("limit", self.limit, infinite=True)
        check_number("gain", self.gain, -np.inf)
        for name in (
            "noise", "noise_corner", "drift", "movement", "mains", "harmonic", "resolution"
        ):  # fmt: skip
            check_number(name, getattr(self, name), 0)
        check_band(self.band, self.sfreq)

    def record(
        self, potential: NDArray[Any], random_state: int | np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """Record a potential (mV, at ``sfreq``): add disturbances, filter, digitise.

        Parameters
        ----------
        potential : ndarray of shape (n_times,)
            What the needle sees, mV.
        random_state : int, Generator or None, default=None
            Seed of the disturbances.

        Returns
        -------
        ndarray of shape (n_times,), float32

        Raises
        ------
        ValueError
            If the potential is empty, of more than one dimension, or not finite.
        """
        rng = check_generator(random_state)
        potential = np.asarray(potential)
        if potential.ndim != 1 or not len(potential) or not np.isfinite(potential).all():
            raise ValueError(
                f"potential of shape {potential.shape} is not a trace: give finite numbers in one "
                "dimension, at least one."
            )
        trace = self.gain * potential + self._disturbance(len(potential), rng)
        sections = _filters(self.sfreq, *self.band)
        start = scipy.signal.sosfilt_zi(sections) * trace[0]
        trace, _ = scipy.signal.sosfilt(sections, trace, zi=start)
        trace = np.clip(trace, -self.limit, self.limit)
        if self.resolution:
            trace = np.round(trace / self.resolution) * self.resolution
        return trace.astype(np.float32)

    def _disturbance(self, n_times: int, rng: np.random.Generator) -> NDArray[np.floating]:
        """Everything in the trace that no muscle fibre made."""
        density = self.noise * np.sqrt(self.sfreq / 2 / 10_000)
        out = density * rng.standard_normal(n_times)
        if self.noise_corner:
            out = _coloured(out, self.sfreq, self.noise_corner)
        if self.drift:
            out += self.drift / np.sqrt(self.sfreq) * np.cumsum(rng.standard_normal(n_times))
        if self.movement:
            out += self.movement * _slow_swings(n_times, self.sfreq, rng)
        if self.mains:
            phase = 2 * np.pi * (self.mains_sfreq * np.arange(n_times) / self.sfreq + rng.uniform())
            out += self.mains * (np.sin(phase) + self.harmonic * np.sin(3 * phase))
        return out


def _coloured(noise: NDArray[Any], sfreq: float, corner: float) -> NDArray[np.floating]:
    """Raise white noise below a corner, its power as 1 / f; below 1 Hz it rises no further."""
    spectrum = scipy.fft.rfft(noise)
    freqs = np.maximum(scipy.fft.rfftfreq(len(noise), 1 / sfreq), 1.0)
    return scipy.fft.irfft(spectrum * np.sqrt(1 + corner / freqs), len(noise))


def _slow_swings(n_times: int, sfreq: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Noise of unit RMS, mostly between 1 and 8 Hz, that comes and goes, from a 100-Hz grid."""
    n_coarse = int(np.ceil(n_times / sfreq * 100)) + 200
    coarse = scipy.signal.sosfilt(
        scipy.signal.butter(2, (1, 8), "bandpass", fs=100, output="sos"),
        rng.standard_normal(n_coarse),
    )
    burst = np.exp(0.8 * scipy.signal.lfilter([0.14], [1, -0.99], rng.standard_normal(n_coarse)))
    coarse = (coarse * burst)[100:]
    coarse /= np.sqrt(np.mean(coarse**2))
    times = np.arange(n_times) / sfreq * 100
    return np.interp(times, np.arange(len(coarse)), coarse)


@lru_cache(maxsize=16)
def _filters(sfreq: float, low: float, high: float) -> NDArray[np.floating]:
    sections = [scipy.signal.butter(2, low, "highpass", fs=sfreq, output="sos")]
    if high <= 0.45 * sfreq:
        sections.append(scipy.signal.butter(2, high, "lowpass", fs=sfreq, output="sos"))
    return np.concatenate(sections)
