"""Feature visualisation: inputs that excite an output, a channel or a unit of a network most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.divote.fitted import open_model
from sknemg.inspection._style import class_colors, divide, new_axes, short_names
from sknemg.inspection.waveforms import measure_waveforms
from sknemg.recordings._problems import shown

if TYPE_CHECKING:
    from torch import Tensor, nn

Target = int | tuple[int, ...]


def visualize_features(
    module: nn.Module,
    targets: Sequence[Target],
    input_shape: Sequence[int],
    *,
    layer: str | None = None,
    n_seeds: int = 4,
    n_steps: int = 1500,
    lr: float = 1e-2,
    noise: float | None = None,
    jitter: float | Sequence[float] = 0.125,
    random_state: int | np.random.Generator | None = None,
) -> NDArray[np.float32]:
    """Optimise noise until it excites parts of a network.

    All targets and seeds are optimised in one batch by Adam. The input is a window that moves at
    random over a canvas larger by `jitter` [1]_; the middle of the canvas is returned.

    Parameters
    ----------
    module : torch module
        It is used in evaluation mode and is left unchanged.
    targets : sequence of int or tuple of int
        Outputs to excite, as indices into the output of the layer for one input: an output node or
        a channel (averaged over its positions) as ``c``, a single unit as ``(c, position)``.
    input_shape : sequence of int
        Shape of one input: (n_chans, n_times) or (n_chans, height, width).
    layer : str, default=None
        Name of a layer as in ``module.named_modules()``; by default the module's own output.
    n_seeds : int, default=4
        Number of noises to start from, the same for each target.
    n_steps : int, default=1500
        As published for the network [2]_; 3000 in the study against readers.
    lr : float, default=1e-2
        Learning rate of Adam. A sample moves by at most about `lr` per step, so that amplitudes
        are bounded by about ``n_steps * lr``: 15 mV by default.
    noise : float, default=None
        Standard deviation of the noise. By default 1, as published for the network; 0.5 in the
        study against readers. Of a network that compands its input it is the scale of companding:
        noise far above that lies where the input hardly matters any more, and would remain.
    jitter : float or sequence of float, default=0.125
        Room to move, as a fraction of the length of each axis after the channels.
    random_state : int, Generator or None, default=None

    Returns
    -------
    ndarray of shape (n_targets, n_seeds, ...), float32
        In the units of the module's input: mV for signals.

    References
    ----------
    .. [1] C. Olah, A. Mordvintsev, L. Schubert (2017). Feature visualization. Distill 2(11), e7.
    .. [2] J. Yoo et al. (2022). Residual one-dimensional convolutional neural network for
       neuromuscular disorder classification from needle electromyography signals with
       explainability. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> from sknemg import NEMGNet
    >>> from sknemg.inspection import visualize_features
    >>> network = NEMGNet(n_outputs=3, n_times=1003, version="A", width=2)
    >>> visualize_features(network, [0, 2], (1, 1003), n_seeds=2, n_steps=2).shape
    (2, 2, 1, 1003)
    """
    import torch

    first = next(module.parameters())
    spatial = np.asarray(input_shape[1:])
    room = np.round(np.broadcast_to(jitter, len(spatial)) * spatial).astype(int)
    noise = _noise_for(module) if noise is None else noise
    # Two streams, so that the first noises do not depend on their number.
    start, moves = np.random.default_rng(random_state).spawn(2)
    canvas = start.normal(0, noise, (n_seeds, input_shape[0], *(spatial + room)))
    canvas = np.tile(canvas, (len(targets), *[1] * (canvas.ndim - 1)))
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            image = torch.tensor(canvas, dtype=first.dtype, device=first.device, requires_grad=True)
            optimizer = torch.optim.Adam([image], lr=lr)
            for _ in range(n_steps):
                window = image[_window(moves.integers(0, room + 1), input_shape)]
                score = _excitation(_activations(module, layer, window), targets)
                (image.grad,) = torch.autograd.grad(-score, image)
                optimizer.step()
    finally:
        module.train(was_training)
    middle = image.detach()[_window(room // 2, input_shape)].cpu().numpy()
    return middle.reshape(len(targets), n_seeds, *input_shape)


def _noise_for(module: nn.Module) -> float:
    scale = getattr(getattr(module, "companding", None), "scale", None)
    return 1.0 if scale is None else float(scale)


def _window(shift: NDArray[Any], input_shape: Sequence[int]) -> tuple[slice, ...]:
    moved = [slice(s, s + n) for s, n in zip(shift.tolist(), input_shape[1:], strict=True)]
    return (slice(None), slice(None), *moved)


def _activations(module: nn.Module, layer: str | None, x: Tensor) -> Tensor:
    if layer is None:
        return module(x)
    import torch

    from sknemg.nn.hooks import watched

    parts: list[Tensor] = []
    with watched(module.get_submodule(layer), parts.append):
        module(x)
    return torch.cat(parts)


def _excitation(activations: Tensor, targets: Sequence[Target]) -> Tensor:
    """Sum over the batch what each target, with an equal block of it, is to excite."""
    blocks = activations.chunk(len(targets))
    total = activations.new_zeros(())
    for block, target in zip(blocks, targets, strict=True):
        place = target if isinstance(target, tuple) else (target,)
        chosen = block.movedim(0, -1)[place]  # the batch comes last, after the indices
        total = total + chosen.reshape(-1, len(block)).mean(dim=0).sum()
    return total


class FeatureVisualizationDisplay:
    """Segments of each class, and inputs that a network scores highest for it, on one scale.

    Parameters
    ----------
    segments : dict of label to ndarray of shape (n_segments, ...)
    generated : dict of label to ndarray of shape (n_seeds, ...)
    sfreq : float or None
        Sampling rate in Hz; None for images.

    Attributes
    ----------
    measures_ : DataFrame or None
        Medians of :func:`measure_waveforms`, with rows (class, ``"segments"`` or
        ``"generated"``); None for images.
    figure_ : Figure
    ax_ : ndarray of Axes
        Segments in the first row, generated ones in the second.
    text_ : list of Text
        The measures written beside signals.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sknemg.inspection import FeatureVisualizationDisplay
    >>> wave = np.sin(2 * np.pi * 50 * np.arange(1000) / 1000)[None]
    >>> display = FeatureVisualizationDisplay({"normal": wave}, {"normal": 2 * wave}, 1000)
    >>> display = display.plot(Figure().subplots())
    >>> display.measures_[["max_abs", "dominant_frequency"]].round(1)
                      max_abs  dominant_frequency
    normal segments       1.0                50.0
           generated      2.0                50.0
    """

    def __init__(
        self,
        segments: dict[Any, NDArray[Any]],
        generated: dict[Any, NDArray[Any]],
        sfreq: float | None,
    ):
        self.segments = segments
        self.generated = generated
        self.sfreq = sfreq
        self.measures_ = None
        if sfreq is not None:
            kinds = {"segments": segments, "generated": generated}
            self.measures_ = pd.DataFrame(
                {
                    (label, kind): measure_waveforms(waves[label], sfreq).median()
                    for label in generated
                    for kind, waves in kinds.items()
                }
            ).T

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        sfreq: float | None = None,
        ax: Any = None,
        limit: float = 5.0,
        **kwargs: Any,
    ) -> Self:
        """Optimise one input for each class and draw it beside segments of that class.

        Parameters
        ----------
        estimator : fitted model with one network inside
            A segment classifier, or a DiVoteClassifier, Pipeline, search, calibrated or soft
            voting classifier around one.
        X : Recordings or ndarray
            What the estimator predicts from.
        y : array-like
            Labels of the rows of `X`.
        sfreq : float, default=None
            Sampling rate of a bare array in Hz.
        ax, limit
            As in `plot`.
        **kwargs
            Passed on to :func:`visualize_features`.

        Returns
        -------
        FeatureVisualizationDisplay

        Raises
        ------
        TypeError
            If there is no network inside, or more than one; the message names them.
        ValueError
            If `y` does not fit `X`, or a class of the network is absent from it.
        """
        opened = open_model(estimator)
        network = opened.network("module_input")
        given = opened.segment_input(network, X, y, sfreq=sfreq)
        classifier, classes = network.classifier, network.classes.tolist()
        segments = {label: given.segments[given.labels == label] for label in classes}
        if lacking := [label for label, own in segments.items() if not len(own)]:
            raise ValueError(
                f"X holds no segments of {', '.join(map(shown, lacking))}: give some of each class."
            )
        rate = given.need_sfreq() if given.segments.ndim == 2 else given.sfreq
        shape = tuple(classifier.module_input(given.segments[:1]).shape[1:])
        waves = visualize_features(classifier.module_, range(len(classes)), shape, **kwargs)
        signals = len(shape) == 2
        waves = waves[:, :, 0] if signals else waves
        generated = dict(zip(classes, waves, strict=True))
        return cls(segments, generated, rate if signals else None).plot(ax, limit=limit)

    def plot(self, ax: Any = None, *, limit: float = 5.0) -> Self:
        """Draw a typical segment above a typical generated one, with a column for each class.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.
        limit : float, default=5
            Ends of the y axis of all signals in mV; the default is the paper's. Signals that go
            beyond are cut, and the text says so.

        Returns
        -------
        self
        """
        ax = new_axes(ax, (3.6 * len(self.generated), 5))
        self.figure_ = ax.figure
        self.text_: list[Any] = []
        signals = self.sfreq is not None
        options = {"sharex": True, "sharey": True} if signals else {}
        self.ax_ = divide(ax, 2, len(self.generated), **options)
        names = short_names(self.generated)
        pairs = (("segment", self.segments), ("generated", self.generated))
        for row, (kind, waves) in enumerate(pairs):
            for axes, (label, color) in zip(
                self.ax_[row], class_colors(self.generated).items(), strict=True
            ):
                axes.set_title(f"{names[label]}, {kind}", fontsize="medium", color=color)
                wave = _typical(waves[label])
                self._draw(axes, wave, color, limit) if signals else _draw_image(axes, wave)
        if signals:
            self.ax_[0, 0].set_ylim(limit, -limit)  # negative up
            self.figure_.align_ylabels(list(self.ax_[:, 0]))
            for axes in self.ax_[:, 0]:
                axes.set_ylabel("mV")
            for axes in self.ax_[1]:
                axes.set_xlabel("time (ms)")
        return self

    def _draw(self, axes: Any, wave: NDArray[Any], color: str, limit: float) -> None:
        assert self.sfreq is not None
        axes.plot(np.arange(len(wave)) / self.sfreq * 1e3, wave, color=color, linewidth=0.6)
        m = measure_waveforms(wave[None], self.sfreq).iloc[0]
        text = f"{m['max_abs']:.2f} mV, {m['dominant_frequency']:.0f} Hz"
        text += f", {m['duration']:.1f} ms wide"
        text += " (cut)" if np.abs(wave).max() > limit else ""
        place = {"transform": axes.transAxes, "ha": "right", "va": "bottom", "fontsize": "small"}
        paper = {"facecolor": axes.get_facecolor(), "edgecolor": "none", "alpha": 0.7, "pad": 1}
        self.text_.append(axes.text(0.98, 0.02, text, bbox=paper, **place))


def _typical(waves: NDArray[Any]) -> NDArray[Any]:
    """Choose the wave with the median root mean square."""
    size = np.sqrt((np.asarray(waves, dtype=float) ** 2).mean(axis=tuple(range(1, waves.ndim))))
    return waves[np.argsort(size, kind="stable")[len(size) // 2]]


def _draw_image(axes: Any, image: NDArray[Any]) -> None:
    plane = np.asarray(image, dtype=float).reshape(-1, *image.shape[-2:]).mean(axis=0)
    axes.imshow(plane, cmap="gray", aspect="auto")
    axes.set(xticks=[], yticks=[])
