"""Outputs of a layer, as one thread sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@contextmanager
def watched(module: nn.Module, take: Callable[[Tensor], Any]) -> Iterator[None]:
    """Hand each output of a module to `take`, but none that it makes for other threads.

    A layer may see a batch in several chunks, so that there may be several outputs.
    """
    own = get_ident()

    def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if get_ident() == own:
            take(output)

    with module.register_forward_hook(hook):
        yield
