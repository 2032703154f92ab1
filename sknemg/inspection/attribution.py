"""Attribution: which samples, moments and frequencies of a segment speak for a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import uniform_filter1d

from sknemg.divote._votes import align_columns
from sknemg.divote.fitted import open_model
from sknemg.divote.opened import Opened
from sknemg.divote.parts import SegmentPart
from sknemg.inspection._style import GREY, class_colors, divide, new_axes, shade
from sknemg.inspection.occlusion import check_segment, occlude_bands, occlude_time
from sknemg.recordings._problems import check_choice, shown
from sknemg.signal import check_rate

if TYPE_CHECKING:
    from torch import Tensor, device, nn

METHODS = {
    "integrated_gradients": "IntegratedGradients",
    "gradient_shap": "GradientShap",
    "input_x_gradient": "InputXGradient",
    "saliency": "Saliency",
}


def attribute(
    module: nn.Module, inputs: Tensor, target: int, *, method: str = "integrated_gradients"
) -> NDArray[np.float32]:
    """Attribute the output of a network to the samples of its input.

    Parameters
    ----------
    module : torch module
        Used in evaluation mode; its output are logits of shape (n, n_outputs).
    inputs : Tensor of shape (n, n_chans, ...)
    target : int
        The number of the output.
    method : {"integrated_gradients", "gradient_shap", "input_x_gradient", "saliency"}
        A method of captum, by default the first. The first two start from silence; gradient SHAP
        draws five points on the way from there to the input, the same each time. Integrated
        gradients [1]_ add up to the difference between the outputs for the input and for silence.
        They are summed over 200 steps: a network that compands its input bends most close to
        silence, where 50 steps, the usual number, missed up to a sixth of the difference.

    Returns
    -------
    ndarray of the shape of `inputs`, float32

    Raises
    ------
    ValueError
        If `method` is unknown.
    ImportError
        If captum is not installed (``pip install 'sknemg[inspect]'``).

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan (2017). Axiomatic attribution for deep networks. ICML.

    Examples
    --------
    >>> import torch
    >>> from sknemg.inspection import attribute
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2, bias=False))
    >>> segment = torch.tensor([[[1.0, 0.0, 2.0, 0.0]]])
    >>> parts = attribute(network, segment, target=1)
    >>> bool(abs(parts.sum() - network(segment)[0, 1].item()) < 1e-5)
    True
    """
    check_choice(sorted(METHODS), method=method)
    try:
        from captum import attr
    except ImportError as error:
        raise ImportError("captum is not installed: pip install 'sknemg[inspect]'.") from error
    import torch

    explain = getattr(attr, METHODS[method])(module.eval())
    with _on_its_own(inputs.device):
        inputs = inputs.detach().clone().requires_grad_()
        options: dict[str, Any] = {}
        if method in ("integrated_gradients", "gradient_shap"):
            options["baselines"] = torch.zeros_like(inputs)
        if method == "integrated_gradients":
            options |= {"n_steps": 200, "internal_batch_size": 32}
        parts = explain.attribute(inputs, target=target, **options)
    return parts.detach().float().cpu().numpy()


@contextmanager
def _on_its_own(device: device) -> Iterator[None]:
    """Let what captum draws be the same each time, and have gradients, whatever is set around it.

    All of its methods draw from torch, if only to look at the network, and SHAP from numpy as well.
    What is drawn goes to the default device. The user's chance is left as it is.
    """
    import torch

    from sknemg.classifiers.repeatable import seeded

    with seeded(0, device), torch.enable_grad(), device:
        before = np.random.get_state()  # noqa: NPY002 - captum knows no generators
        np.random.seed(0)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


class AttributionDisplay:
    """A segment and what in it speaks for a class: by sample, by moment, by frequency.

    Parameters
    ----------
    segment : array-like of shape (n_times,)
        In mV.
    sfreq : float
        Sampling rate in Hz.
    target : label
        The class that is explained.
    moments : DataFrame
        ``start``, ``stop`` and ``fall``, the fall of the score without the moment.
    bands : DataFrame
        ``low``, ``high`` and ``fall``, the fall of the score without the band.
    samples : array-like of shape (n_times,), default=None
        Attribution of a network's logit to the samples.
    score : float, default=None
        Score of the class.
    classes : sequence of labels, default=None
        All classes, among which this one has its colour; by default this one alone.

    Attributes
    ----------
    figure_ : Figure
    ax_ : dict of Axes
        ``"trace"``, ``"samples"`` (with a network), ``"moments"`` and ``"bands"``.
    text_ : Text
        The title.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sklearn.dummy import DummyClassifier
    >>> from sknemg.inspection import AttributionDisplay
    >>> model = DummyClassifier().fit(np.zeros((2, 4000)), ["myopathy", "normal"])
    >>> display = AttributionDisplay.from_estimator(
    ...     model, np.zeros(4000), sfreq=10_000, ax=Figure().subplots()
    ... )
    >>> sorted(display.ax_)
    ['bands', 'moments', 'trace']
    """

    def __init__(
        self,
        segment: ArrayLike,
        sfreq: float,
        target: Any,
        *,
        moments: pd.DataFrame,
        bands: pd.DataFrame,
        samples: ArrayLike | None = None,
        score: float | None = None,
        classes: Sequence[Any] | None = None,
    ):
        self.segment = np.asarray(segment)
        self.sfreq = sfreq
        self.target = target
        self.moments = moments
        self.bands = bands
        self.samples = samples
        self.score = score
        self.classes = classes

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        segment: ArrayLike,
        *,
        sfreq: float,
        target: Any = None,
        method: str = "integrated_gradients",
        ax: Any = None,
    ) -> Self:
        """Explain the score of one segment.

        Parameters
        ----------
        estimator : fitted model
            A segment classifier, or a DiVoteClassifier, Pipeline, search, calibrated or soft
            voting classifier around one. With a network that takes the segment itself, the
            samples are explained too. Of several classifiers of segments, the one that is a
            network is explained; without any network, the weighted mean of their scores.
        segment : array-like of shape (n_times,)
            In mV, as the classifier of segments takes it.
        sfreq : float
            Sampling rate in Hz.
        target : label, default=None
            By default the class with the highest score.
        method : str, default="integrated_gradients"
            As in :func:`attribute`.
        ax : Axes, default=None

        Returns
        -------
        AttributionDisplay

        Raises
        ------
        TypeError
            If there are several networks inside; the message names them.
        ValueError
            If `target` is no class, or the model has learned from segments of another rate.
        """
        segment = check_segment(segment)
        opened = open_model(estimator)
        network = _only_network(opened)
        (opened if network is None else network.outer).check_same_rate(check_rate(sfreq))
        predict: Callable[[NDArray[Any]], NDArray[Any]] = opened.score_items
        if network is not None and len(opened.segment_parts) > 1:
            predict = _scores_of(network, opened)
        scores = predict(segment[None])[0]
        classes = opened.classes.tolist()
        if target is not None and target not in classes:
            names = ", ".join(map(shown, classes))
            raise ValueError(f"target={shown(target)} is no class of the model: give {names}.")
        number = int(scores.argmax()) if target is None else classes.index(target)
        samples = None
        if network is not None and not network.inside and classes[number] in network.classes:
            inputs = network.classifier.module_input(segment[None])
            output = int(np.flatnonzero(network.classes == classes[number])[0])
            if inputs.ndim == 3:  # no picture, whose pixels are not the samples
                parts = attribute(network.classifier.module_, inputs, output, method=method)
                samples = parts.reshape(-1)[: len(segment)]
        moments, bands = (
            occlude_time(predict, segment, sfreq),
            occlude_bands(predict, segment, sfreq),
        )
        return cls(
            segment,
            sfreq,
            classes[number],
            moments=moments.rename(columns={number: "fall"}),
            bands=bands.rename(columns={number: "fall"}),
            samples=samples,
            score=scores[number],
            classes=classes,
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the trace, and below it what speaks for the class.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.

        Returns
        -------
        self
        """
        ax = new_axes(ax, (8, 7))
        self.figure_ = ax.figure
        names = ["trace", "samples", "moments", "bands"]
        if self.samples is None:
            names.remove("samples")
        self.ax_ = dict(zip(names, divide(ax, len(names), 1)[:, 0], strict=True))
        known = [] if self.classes is None else self.classes
        color = class_colors([*known, self.target])[self.target]
        time = np.arange(len(self.segment)) / self.sfreq * 1e3
        trace, moments = self.ax_["trace"], self.ax_["moments"]
        trace.plot(time, self.segment, color=shade(0), linewidth=0.6)
        trace.set_ylabel("mV")
        trace.invert_yaxis()  # negative up
        score = "" if self.score is None else f" (score {self.score:.2f})"
        self.text_ = trace.set_title(f"Evidence for {self.target}{score}", fontsize="medium")
        if self.samples is not None:
            # Signs alternate from sample to sample; their mean over 2 ms is readable.
            smooth = uniform_filter1d(np.asarray(self.samples), max(1, round(2e-3 * self.sfreq)))
            _draw_signed(self.ax_["samples"], time, smooth, color)
            self.ax_["samples"].set_ylabel("attribution\n(logit/sample)")
        middle = (self.moments["start"] + self.moments["stop"]).to_numpy() / 2 * 1e3
        _draw_signed(moments, middle, self.moments["fall"].to_numpy(), color)
        moments.set(xlabel="time (ms)", ylabel="fall of score\nwithout moment")
        for axes in [a for name, a in self.ax_.items() if name != "bands"]:
            axes.set_xlim(0, time[-1])
        self._draw_bands(self.ax_["bands"], color)
        self.figure_.align_ylabels(list(self.ax_.values()))
        return self

    def _draw_bands(self, axes: Any, color: str) -> None:
        low, high, fall = self.bands["low"], self.bands["high"], self.bands["fall"]
        colors = np.where(fall > 0, color, GREY)
        names = [f"{a:g}–{b:g}" for a, b in zip(low, high, strict=True)]
        axes.bar(names, fall, color=colors)
        axes.axhline(0, color=shade(0), linewidth=0.6)
        axes.set(xlabel="frequency band removed (Hz)", ylabel="fall of score\nwithout band")


def _draw_signed(axes: Any, x: NDArray[Any], y: NDArray[Any], color: str) -> None:
    """Fill what speaks for the class in its colour, and what speaks against it in grey."""
    axes.fill_between(x, np.maximum(y, 0), color=color, linewidth=0)
    axes.fill_between(x, np.minimum(y, 0), color=GREY, linewidth=0)
    axes.axhline(0, color=shade(0), linewidth=0.6)


def _only_network(opened: Opened) -> SegmentPart | None:
    """Find the network that takes segments, if there is one; refuse several."""
    networks = [part for part in opened.segment_parts if hasattr(part.classifier, "module_input")]
    return opened.network("module_input") if networks else None


def _scores_of(part: SegmentPart, opened: Opened) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Score segments by one classifier of several, in the classes of the model."""

    def predict(segments: NDArray[Any]) -> NDArray[Any]:
        proba = part.classifier.predict_proba(part.transform(segments))
        return align_columns(proba, part.classes, opened.classes)

    return predict
