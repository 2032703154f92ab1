"""nEMGNet, the one-dimensional residual network of Yoo et al. (2022)."""

from collections import OrderedDict
from collections.abc import Collection
from itertools import pairwise

import torch
from torch import Tensor, nn

#: Residual blocks a stage, by version (Table 3).
RESIDUAL_BLOCKS = {"A": 0, "B": 2, "C": 4, "D": 6}
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}
#: What the fully connected layers see of the last map, by name.
HEADS = ("flat", "pooled")

#: Segments that pass the stem together in evaluation. A map of 64 × 2000 floats is 0.5 MB a
#: segment: sixteen stay in the cache, while the deep stages want the whole batch, because their
#: weights are read once a batch.
STEM_CHUNK = 16


class SpatialReduction(nn.Sequential):
    """Convolution, batch normalisation, ReLU and max-pooling by two (Table 2)."""

    def __init__(self, n_in: int, n_out: int, kernel: int, *, stride: int) -> None:
        super().__init__(
            nn.Conv1d(n_in, n_out, kernel, stride=stride, padding=kernel // 2),
            nn.BatchNorm1d(n_out),
            nn.ReLU(),
            nn.MaxPool1d(2),
        )


class Residual(nn.Module):
    """Two convolutions around which the input is added, then ReLU (Table 2)."""

    def __init__(self, n_chans: int, kernel: int = 5) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(n_chans, n_chans, kernel, padding=kernel // 2),
            nn.BatchNorm1d(n_chans),
            nn.ReLU(),
            nn.Conv1d(n_chans, n_chans, kernel, padding=kernel // 2),
            nn.BatchNorm1d(n_chans),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_chans, n_times) to the same shape."""
        return torch.relu(self.body(x) + x)


class Companding(nn.Module):
    """The inverse hyperbolic sine of the signal: linear well below a scale, logarithmic above it.

    Amplitudes of needle electromyography span three decades. Companded, small potentials are not
    lost beside large ones.

    Parameters
    ----------
    scale : float
        In mV.

    Examples
    --------
    >>> Companding(0.05)(torch.tensor([-0.005, 0.0, 0.005, 5.0])).round(decimals=2)
    tensor([-0.1000,  0.0000,  0.1000,  5.3000])
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Map mV to companded values of the same shape."""
        return torch.asinh(x / self.scale)

    def extra_repr(self) -> str:
        """Say the scale where torch prints the network."""
        return f"scale={self.scale}"


class Statistics(nn.Module):
    """Mean, maximum, standard deviation and share of positive values of each channel over time.

    The share is counted smoothly, as the mean of ``tanh``: a count has no gradient, so neither
    training nor attribution would see through it. On the maps of nEMGNet, which hold no negative
    values, 0 stands for silence and 1 for a channel that is active throughout.

    Examples
    --------
    >>> Statistics()(torch.tensor([[[0.0, 0.0, 9.0, 9.0]]])).round(decimals=2)
    tensor([[4.5000, 9.0000, 4.5000, 0.5000]])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_chans, n_times) to (n, 4 * n_chans)."""
        # A square root has no slope at zero, where a channel is constant.
        deviation = (x.var(dim=2, correction=0) + 1e-6).sqrt()
        return torch.cat([x.mean(2), x.amax(2), deviation, torch.tanh(x).mean(2)], dim=1)


def least_n_times() -> int:
    """Give the shortest segment, in samples, that leaves one value after the last pooling.

    Examples
    --------
    >>> least_n_times()
    1003
    """
    n_times = 1
    for stride in (1, 1, 1, 1, 2, 2, 2):  # from the last block to the first
        n_times = 2 * n_times  # max-pooling
        n_times = stride * (n_times - 1) + 1  # convolution padded by half its kernel
    return n_times


def length_after_blocks(n_times: int) -> int:
    """Give the number of values a channel keeps after the last block.

    Examples
    --------
    >>> length_after_blocks(4000), length_after_blocks(1003), length_after_blocks(1002)
    (3, 1, 0)
    """
    for stride in (2, 2, 2, 1, 1, 1, 1):
        n_times = ((n_times - 1) // stride + 1) // 2
    return n_times


class NEMGNet(nn.Module):
    """nEMGNet: spatial reduction and residual blocks, then five fully connected layers.

    The twelve blocks carry the paper's numbers: ``blocks.block1`` to ``blocks.block12``. Blocks 4,
    6, 8, 10 and 12 hold the residual blocks and pass their input through in version A. In
    evaluation mode the first three blocks run over a few segments at a time inside one large
    batch, which is faster on a CPU and gives the same bits as the plain pass in one thread.
    Several threads share a batch out by its size, so there the last digits may differ.

    Parameters
    ----------
    n_outputs : int
        Number of classes.
    n_chans : int, default=1
        Channels of a segment; needle electromyography has one.
    n_times : int, default=4000
        Samples of a segment, at least 1003.
    sfreq : float or None, default=None
        Sampling rate in hertz. It changes no layer; messages then speak of seconds as well.
    version : {"A", "B", "C", "D"}, default="B"
        0, 2, 4 or 6 residual blocks a stage.
    width : int, default=64
        Channels of the first stage, doubled at each of the four further stages. 64 is the paper's;
        8 makes training on a CPU practical. The fully connected layers shrink with it.
    activation : {"relu", "leaky_relu"}, default="relu"
        Between the fully connected layers: ReLU in the paper of the network, leaky ReLU in the
        study against physicians. The blocks always use ReLU.
    dropout : float, default=0.0
        Probability with which a value before each fully connected layer is dropped in training.
    head : {"flat", "pooled"}, default="flat"
        How the last map enters the fully connected layers: all its values, as
        published, or each channel's mean, maximum, standard deviation and share of positive values
        over time. Pooled statistics suit segments of a second or more: the size of the head does
        not grow with their length, and it does not matter when something happens.
    companding : float or None, default=None
        The scale, in mV, of an inverse hyperbolic sine through which the signal enters; None, as
        published, takes the signal as it is. It is the first layer of the network, so that its
        input, and what is attributed to the input, stays in mV.

    Raises
    ------
    ValueError
        If the version, the activation or the head is unknown, the scale of companding is not
        above 0, or a segment is too short.

    References
    ----------
    J. Yoo et al., "Residual one-dimensional convolutional neural network for neuromuscular
    disorder classification from needle electromyography signals with explainability", Computer
    Methods and Programs in Biomedicine 226 (2022) 107079.

    Examples
    --------
    >>> import torch
    >>> from sknemg import NEMGNet
    >>> network = NEMGNet(n_outputs=3, n_times=2000, sfreq=10_000, version="A", width=8).eval()
    >>> network(torch.zeros(5, 1, 2000)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        n_outputs: int,
        n_chans: int = 1,
        n_times: int = 4000,
        sfreq: float | None = None,
        version: str = "B",
        width: int = 64,
        activation: str = "relu",
        dropout: float = 0.0,
        head: str = "flat",
        companding: float | None = None,
    ) -> None:
        super().__init__()
        _check_choice("version", version, RESIDUAL_BLOCKS)
        _check_choice("activation", activation, ACTIVATIONS)
        _check_choice("head", head, HEADS)
        if companding is not None and not 0 < companding < float("inf"):
            raise ValueError(f"companding={companding!r} must be a scale > 0 in mV, or None.")
        if n_times < least_n_times():
            raise ValueError(_too_short(n_times, sfreq))
        self.n_outputs, self.n_chans, self.n_times = n_outputs, n_chans, n_times
        self.sfreq, self.version = sfreq, version
        self.companding = nn.Identity() if companding is None else Companding(companding)
        self.blocks = _blocks(n_chans, width, RESIDUAL_BLOCKS[version])
        first = nn.Flatten() if head == "flat" else Statistics()
        n_features = 16 * width * (length_after_blocks(n_times) if head == "flat" else 4)
        self.head = _head(first, n_features, n_outputs, width, ACTIVATIONS[activation], dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map segments (n_segments, n_chans, n_times) to logits (n_segments, n_outputs)."""
        check_shape(x, self.n_chans, self.n_times)
        x = self.companding(x)
        stem, stages = self.blocks[:3], self.blocks[3:]
        if self.training or torch.compiler.is_compiling() or len(x) <= STEM_CHUNK:
            x = stem(x)
        else:
            # Even chunks: one of a single segment would take another kernel and give other bits.
            # Several threads share a chunk out by its size, and then bits may differ all the same.
            chunks = torch.tensor_split(x, -(-len(x) // STEM_CHUNK))
            x = torch.cat([stem(chunk) for chunk in chunks])
        return self.head(stages(x))


def check_shape(x: Tensor, n_chans: int, n_times: int) -> None:
    """Refuse segments of another shape than a network takes."""
    if x.shape[1:] != (n_chans, n_times):
        raise ValueError(
            f"x has shape {tuple(x.shape)}: give segments of shape (n, {n_chans}, {n_times})."
        )


def _blocks(n_chans: int, width: int, n_residual: int) -> nn.Sequential:
    """Build the twelve blocks of Table 3."""

    def residuals(n: int) -> nn.Sequential:
        return nn.Sequential(*(Residual(n) for _ in range(n_residual)))

    blocks: list[nn.Module] = [
        SpatialReduction(n_chans, width, 11, stride=2),
        SpatialReduction(width, width, 7, stride=2),
        SpatialReduction(width, width, 5, stride=2),
        residuals(width),
    ]
    for stage in range(4):
        n_in, n_out = width * 2**stage, width * 2 ** (stage + 1)
        blocks += [SpatialReduction(n_in, n_out, 5, stride=1), residuals(n_out)]
    return nn.Sequential(OrderedDict((f"block{i}", b) for i, b in enumerate(blocks, start=1)))


def _head(
    first: nn.Module,
    n_features: int,
    n_outputs: int,
    width: int,
    activation: type[nn.Module],
    dropout: float,
) -> nn.Sequential:
    """Build the fully connected layers 512-256-64-16 (at width 64) and the output layer."""
    sizes = [n_features, *(max(16, n) for n in (8 * width, 4 * width, width, width // 4))]
    layers: list[nn.Module] = [first]
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Dropout(dropout), nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(sizes[-1], n_outputs))


def _check_choice(name: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown: choose one of {sorted(choices)}.")


def _too_short(n_times: int, sfreq: float | None) -> str:
    seconds = f" ({least_n_times() / sfreq:.4g} s at {sfreq:g} Hz)" if sfreq else ""
    return (
        f"A segment of {n_times} samples is too short for nEMGNet, which halves it ten times: give "
        f"at least {least_n_times()} samples{seconds}."
    )
