"""Rows of arrays as batches of tensors, for training and for prediction."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from sknemg.recordings import Windows

#: Changes a batch of training rows: see ``BaseSegmentClassifier`` for the protocol.
Augment = Callable[[Tensor, torch.Generator], Tensor]


class Mixed(NamedTuple):
    """The labels of a batch of mixed rows: ``share`` of the first, the rest of the second.

    Parameters
    ----------
    first, second : int64 Tensor (n,)
    share : float
    """

    first: Tensor
    second: Tensor
    share: float


def resident(X: np.ndarray | Windows, device: torch.device) -> Any:
    """Put an array on the device once if it takes at most half of the free memory there.

    Of windows it is their signal that moves. Arrays for the CPU, and those that do not fit, stay as
    they are; batches then move one by one.
    """
    if device.type != "cuda":
        return X
    X = X.trimmed() if isinstance(X, Windows) else X
    held = X.signal.nbytes if isinstance(X, Windows) else X.nbytes
    if 2 * held > torch.cuda.mem_get_info(device)[0]:
        return X
    if isinstance(X, Windows):
        return TensorWindows(X, device)
    out = torch.empty(X.shape, dtype=_tensor_dtype(X), device=device)
    for start in range(0, len(X), 4096):
        out[start : start + 4096] = torch.from_numpy(X[start : start + 4096].copy())
    return out


def _tensor_dtype(X: np.ndarray) -> torch.dtype:
    return torch.from_numpy(np.empty(0, dtype=X.dtype)).dtype


class TensorWindows:
    """Windows of a signal on a device; indexing cuts a batch of them there.

    Parameters
    ----------
    windows : Windows of shape (n, n_times)
    device : torch.device
    """

    def __init__(self, windows: Windows, device: torch.device | str) -> None:
        signal = np.append(windows.signal, np.zeros(windows.n_times, dtype=windows.dtype))
        self._views = torch.from_numpy(signal).to(device).unfold(0, windows.n_times, 1)
        self._starts = torch.tensor(windows.starts, device=device)
        short = np.flatnonzero(windows.sizes < windows.n_times)
        self._sizes = torch.tensor(windows.sizes, device=device) if len(short) else None

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, rows: Tensor) -> Tensor:
        batch = self._views[self._starts[rows]]
        if self._sizes is None:
            return batch
        time = torch.arange(batch.shape[1], device=batch.device)
        return batch.masked_fill(time >= self._sizes[rows][:, None], 0)


class Rows(Dataset[Any]):
    """Some rows of an array, with their class indices where they are known.

    Parameters
    ----------
    X : ndarray, Windows, Tensor or TensorWindows, shape (n, ...)
    y : int64 ndarray (n,) or None
    index : int64 ndarray (n_rows,) or None
        The rows of X that this dataset has; None for all.
    device : torch.device
        Where the batches go.
    """

    def __init__(
        self,
        X: Any,
        y: np.ndarray | None = None,
        index: np.ndarray | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.X = X
        self.index = np.arange(len(X)) if index is None else index
        labels = np.zeros(len(X), dtype=np.int64) if y is None else y
        self.device = torch.device(device)
        self.y = torch.tensor(labels, dtype=torch.int64, device=self.device)

    def __len__(self) -> int:
        return len(self.index)

    def take(self, positions: np.ndarray) -> tuple[Tensor, Tensor]:
        """Give the batch of the rows at these positions, on the device."""
        rows = self.index[positions]
        where = torch.from_numpy(rows).to(self.device)
        if isinstance(self.X, (Tensor, TensorWindows)):
            return self.X[where], self.y[where]
        return torch.from_numpy(np.asarray(self.X[rows])).to(self.device), self.y[where]


class InOrder:
    """Batches of all rows in their order: validation and prediction."""

    def __init__(self, rows: Rows, batch_size: int) -> None:
        self.rows, self.batch_size = rows, batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self.rows), self.batch_size):
            stop = min(start + self.batch_size, len(self.rows))
            yield self.rows.take(np.arange(start, stop))


def varied(augment: Augment, batch: Tensor, generator: torch.Generator) -> Tensor:
    """Vary a batch of training rows; refuse what is not a row for each of them.

    Examples
    --------
    >>> varied(lambda batch, generator: batch[:1], torch.zeros(2, 3), torch.Generator())
    Traceback (most recent call last):
    ValueError: augment made a tensor of shape (1, 3) of a batch of shape (2, 3): let it return \
a tensor of that shape, row i still of the class of row i.
    """
    new: Any = augment(batch, generator)
    if isinstance(new, Tensor) and new.shape == batch.shape:
        return new
    of_shape = f" of shape {tuple(new.shape)}" if isinstance(new, Tensor) else ""
    kind = "tensor" if isinstance(new, Tensor) else type(new).__name__
    raise ValueError(
        f"augment made a {kind}{of_shape} of a batch of shape {tuple(batch.shape)}: let it return "
        "a tensor of that shape, row i still of the class of row i."
    )


class TrainingRounds(Dataset[Any]):
    """Shuffled training batches, handed out in rounds of ``eval_every`` updates.

    One ``iter()`` is one round: it goes on where the last one stopped, over as many shuffled
    passes through the data as there are epochs, and the last round takes what is left. skorch
    evaluates after every pass through its iterator, so that rounds make its own validation, early
    stopping and callbacks work in updates. The order comes from a generator of its own: how often
    the network is evaluated does not change what it sees.

    A trailing batch of one row is left out, because batch normalisation cannot normalise it; the
    next shuffle brings the row back.

    Parameters
    ----------
    rows : Rows
    batch_size, max_epochs : int
    max_updates : int or None
        Updates in all, where the epochs hold more of them; None for no such limit.
    eval_every : int or None
        Updates in a round; None for those of an epoch.
    seed : int
    augment : callable or None
    epoch_fraction : float
        Share of the rows that an epoch takes, drawn anew for each.
    mixup : float
        Both parameters of the beta distribution that the share of a row in its mixture is drawn
        from, once a batch; 0 mixes nothing. Labels are then `Mixed`.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        batch_size: int,
        max_epochs: int,
        max_updates: int | None = None,
        eval_every: int | None,
        seed: int,
        augment: Augment | None = None,
        epoch_fraction: float = 1.0,
        mixup: float = 0.0,
    ) -> None:
        self.rows, self.batch_size, self.max_epochs = rows, batch_size, max_epochs
        self.n_drawn = max(min(2, len(rows)), round(epoch_fraction * len(rows)))
        self.updates_per_epoch = -(-self.n_drawn // batch_size) - (self.n_drawn % batch_size == 1)
        self.updates_left = max_epochs * self.updates_per_epoch
        if max_updates is not None:
            self.updates_left = min(self.updates_left, max_updates)
        self.eval_every = eval_every or self.updates_per_epoch
        self.n_rounds = -(-self.updates_left // self.eval_every)
        self.augment = augment
        self.mixup = mixup
        self._order = np.random.default_rng(seed)
        self._shares = np.random.default_rng([seed, 1])  # mixing leaves the order as it is
        self._generator = torch.Generator(rows.device).manual_seed(seed)
        self._batches = self._endless()

    def __len__(self) -> int:
        """Give the rows of the next round, from which skorch's progress bar counts batches."""
        return min(self.eval_every, self.updates_left) * self.batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor | Mixed]]:
        for _ in range(min(self.eval_every, self.updates_left)):
            self.updates_left -= 1
            yield next(self._batches)

    def _endless(self) -> Iterator[tuple[Tensor, Tensor | Mixed]]:
        while True:
            order = self._order.permutation(len(self.rows))[: self.n_drawn]
            for i in range(self.updates_per_epoch):
                X, y = self.rows.take(order[i * self.batch_size : (i + 1) * self.batch_size])
                X = X if self.augment is None else varied(self.augment, X, self._generator)
                yield self._mixed(X, y) if self.mixup else (X, y)

    def _mixed(self, X: Tensor, y: Tensor) -> tuple[Tensor, Mixed]:
        """Mix each row with another one of the batch."""
        share = float(self._shares.beta(self.mixup, self.mixup))
        other = torch.from_numpy(self._shares.permutation(len(X))).to(X.device)
        return share * X + (1 - share) * X[other], Mixed(y, y[other], share)

    def __getitem__(self, item: int) -> Any:
        raise TypeError("Training rows come in rounds and have no index: iterate over them.")
