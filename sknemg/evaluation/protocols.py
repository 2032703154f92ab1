"""Evaluation protocols: how subjects are split and what chooses a network's weights."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Literal


@dataclass(frozen=True)
class Protocol:
    """How subjects are split and what chooses a network's weights.

    Parameters
    ----------
    name : str
    n_splits : int or "leave-one-out", default=5
        Folds of subjects; "leave-one-out" makes each subject a fold of its own.
    n_repeats : int, default=1
        How often all folds are run, each time with other seeds.
    reshuffle : bool, default=True
        Whether each repeat deals the subjects anew; otherwise only the initial weights differ.
    choose_on : {"test", "validation"}, default="validation"
        Whose score chooses the best weights of a network: the test fold's, as published (a
        leak), or that of validation subjects taken from the training folds.
    eval_every, patience : int or None, default=None
        Set on every network: updates between two evaluations, and evaluations without a better
        score before it stops. None keeps the network's own setting.

    Examples
    --------
    >>> from sknemg.evaluation import PROTOCOLS, Protocol
    >>> Protocol("three folds", n_splits=3).choose_on
    'validation'
    >>> PROTOCOLS["published"].choose_on
    'test'
    """

    name: str
    n_splits: int | Literal["leave-one-out"] = 5
    n_repeats: int = 1
    reshuffle: bool = True
    choose_on: Literal["test", "validation"] = "validation"
    eval_every: int | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        lowest = {"n_splits": 2, "n_repeats": 1, "eval_every": 1, "patience": 1}
        named = {"n_splits": ("leave-one-out",), "eval_every": (None,), "patience": (None,)}
        for name, least in lowest.items():
            value, others = getattr(self, name), named.get(name, ())
            if value not in others and not (isinstance(value, Integral) and int(value) >= least):
                choices = " or ".join([f"an integer >= {least}", *map(repr, others)])
                raise ValueError(f"{name}={value!r} of a protocol must be {choices}.")
        if self.choose_on not in ("test", "validation"):
            raise ValueError(
                f"choose_on={self.choose_on!r} of a protocol must be 'test' or 'validation'."
            )


#: The protocols of the papers, and the one that does not leak.
PROTOCOLS = {
    "published": Protocol(
        "published", 5, 3, reshuffle=False, choose_on="test", eval_every=50,
        patience=1000,  # more looks than its 100 epochs have: it does not stop early
    ),
    "readers": Protocol("readers", 3, 5, eval_every=30, patience=100),
    "nested": Protocol("nested", 5, 1),
}  # fmt: skip
