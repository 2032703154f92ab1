"""What happens to rates and weights along the training: one-cycle, and an average of weights."""

from typing import Any

import torch
from skorch.callbacks import Callback
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR


class OneCycle(Callback):
    """Raise the learning rate to that of each parameter group, then lower it to nearly nothing.

    Parameters
    ----------
    n_updates : int
        Of the whole training.

    References
    ----------
    L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", 2019, doi:10.1117/12.2520589.
    """

    def __init__(self, n_updates: int) -> None:
        self.n_updates = n_updates

    def on_train_begin(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Start the cycle."""
        rates = [group["lr"] for group in net.optimizer_.param_groups]
        # A cycle needs a rise and a fall.
        self.cycle_ = OneCycleLR(net.optimizer_, rates, total_steps=max(4, self.n_updates))

    def on_batch_end(self, net: Any, *args: Any, training: bool = False, **kwargs: Any) -> None:
        """Go on after an update."""
        if training:
            self.cycle_.step()


class AverageWeights:
    """The exponential average of a network's weights along its training.

    The average also holds the running statistics of batch normalisation. Over the first updates it
    follows more quickly, so that it does not remember the initial weights.

    Parameters
    ----------
    module : torch module
    decay : float
        Share of the average that an update leaves; 0.99 averages over some hundred updates.

    Examples
    --------
    >>> module = nn.Linear(1, 1, bias=False)
    >>> average = AverageWeights(module, decay=0.5)
    >>> for weight in (1.0, 2.0, 3.0):
    ...     _ = module.weight.data.fill_(weight)
    ...     average.update()
    >>> average.exchange()
    >>> round(module.weight.item(), 3)
    2.818
    >>> average.exchange()
    >>> module.weight.item()
    3.0
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.n_updates = decay, 0
        # The module's own tensors, which pickled with it stay its own; counters are no weights.
        tensors = module.state_dict(keep_vars=True).values()
        self._own = [tensor for tensor in tensors if tensor.is_floating_point()]
        self._average = [tensor.detach().clone() for tensor in self._own]

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights in."""
        decay = min(self.decay, self.n_updates / (self.n_updates + 10))
        torch._foreach_lerp_(self._average, self._own, 1 - decay)
        self.n_updates += 1

    @torch.no_grad()
    def exchange(self) -> None:
        """Swap the weights of the module and their average."""
        for own, average in zip(self._own, self._average, strict=True):
            kept = own.clone()
            own.copy_(average)
            average.copy_(kept)
