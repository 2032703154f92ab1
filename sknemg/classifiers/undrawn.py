"""Networks made without drawing initial weights, for weights that are read at once."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

#: Within one that it stands for, a mode is off: those of layers stand beside those of tensors.
_DRAWS = (
    Tensor.uniform_,
    Tensor.normal_,
    nn.init.uniform_,
    nn.init.normal_,
    nn.init.kaiming_uniform_,
)


def undrawn(make: Callable[..., nn.Module], **options: Any) -> nn.Module:
    """Make a network whose weights are what memory holds, to be read before it computes.

    A large network takes longer to draw its weights than to read them.

    Parameters
    ----------
    make : callable
        Makes the network.
    **options
        Which it is given.

    Returns
    -------
    torch module

    Examples
    --------
    >>> import torch
    >>> before = torch.get_rng_state()
    >>> undrawn(lambda: torch.nn.Linear(2, 3)).weight.shape
    torch.Size([3, 2])
    >>> torch.equal(torch.get_rng_state(), before)
    True
    """
    with _Undrawn():
        return make(**options)


class _Undrawn(TorchFunctionMode):
    """Has tensors left as they are by what fills them with chance, in this thread."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
