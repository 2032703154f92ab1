"""Transformers from segments to images: mel spectrogram, spectrogram and plot."""

from sknemg.images.transformers import MelSpectrogram, PlotImage, Spectrogram

__all__ = [
    "MelSpectrogram",
    "PlotImage",
    "Spectrogram",
]
