from .copies import repeated_stretches
from .level import (
    LARGEST_AMPLITUDE,
    SignalLevel,
    describe_signal,
    implausible,
    run_edges,
    run_lengths,
)
from .noise import MAINS, mains_share, noise_floor
from .rates import LARGEST_RATIO, LEAST_RATE, check_rate, exact
from .resampling import LARGEST_TERM, near_ratio, resample
from .stream import StreamResampler
from .windows import n_window_samples, window_due, window_starts
from .zero_phase import ZeroPhaseFilter, zero_phase_gain

__all__ = [
    "LARGEST_AMPLITUDE",
    "LARGEST_RATIO",
    "LARGEST_TERM",
    "LEAST_RATE",
    "MAINS",
    "SignalLevel",
    "StreamResampler",
    "ZeroPhaseFilter",
    "check_rate",
    "describe_signal",
    "exact",
    "implausible",
    "mains_share",
    "n_window_samples",
    "near_ratio",
    "noise_floor",
    "repeated_stretches",
    "resample",
    "run_edges",
    "run_lengths",
    "window_due",
    "window_starts",
    "zero_phase_gain",
]
