"""nEMGNet, the one-dimensional residual network of Yoo et al. (2022)."""

from collections import OrderedDict
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

#: Residual blocks a stage, by version (Table 3).
RESIDUAL_BLOCKS = {"A": 0, "B": 2, "C": 4, "D": 6}
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}

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
    batch, which gives the same bits as the plain pass and is faster on a CPU.

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

    Raises
    ------
    ValueError
        If the version or the activation is unknown, or a segment is too short.

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
    ) -> None:
        super().__init__()
        _check_choice("version", version, RESIDUAL_BLOCKS)
        _check_choice("activation", activation, ACTIVATIONS)
        if n_times < least_n_times():
            raise ValueError(_too_short(n_times, sfreq))
        self.n_outputs, self.n_chans, self.n_times = n_outputs, n_chans, n_times
        self.sfreq, self.version = sfreq, version
        self.blocks = _blocks(n_chans, width, RESIDUAL_BLOCKS[version])
        n_features = 16 * width * length_after_blocks(n_times)
        self.head = _head(n_features, n_outputs, width, ACTIVATIONS[activation], dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map segments (n_segments, n_chans, n_times) to logits (n_segments, n_outputs)."""
        if x.shape[1:] != (self.n_chans, self.n_times):
            raise ValueError(
                f"x has shape {tuple(x.shape)}: give segments of shape "
                f"(n, {self.n_chans}, {self.n_times})."
            )
        stem, stages = self.blocks[:3], self.blocks[3:]
        if self.training or len(x) <= STEM_CHUNK:
            x = stem(x)
        else:
            # Even chunks: one of a single segment would take another kernel and give other bits.
            chunks = torch.tensor_split(x, -(-len(x) // STEM_CHUNK))
            x = torch.cat([stem(chunk) for chunk in chunks])
        return self.head(stages(x))


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
    n_features: int, n_outputs: int, width: int, activation: type[nn.Module], dropout: float
) -> nn.Sequential:
    """Build the fully connected layers 512-256-64-16 (at width 64) and the output layer."""
    sizes = [n_features, *(max(16, n) for n in (8 * width, 4 * width, width, width // 4))]
    layers: list[nn.Module] = [nn.Flatten()]
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Dropout(dropout), nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(sizes[-1], n_outputs))


def _check_choice(name: str, value: str, choices: dict[str, Any]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown: choose one of {sorted(choices)}.")


def _too_short(n_times: int, sfreq: float | None) -> str:
    seconds = f" ({least_n_times() / sfreq:.4g} s at {sfreq:g} Hz)" if sfreq else ""
    return (
        f"A segment of {n_times} samples is too short for nEMGNet, which halves it ten times: give "
        f"at least {least_n_times()} samples{seconds}."
    )
