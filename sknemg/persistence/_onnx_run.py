"""Run the graph of an ONNX file on segments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknemg.persistence._problems import InvalidModelError, need
from sknemg.recordings._problems import refuse_masked


def open_graph(graph: bytes) -> Any:
    """Hand a graph that `check_graph` has looked at to onnxruntime, in one thread.

    Parameters
    ----------
    graph : bytes
        The ONNX file.

    Returns
    -------
    onnxruntime.InferenceSession
    """
    runtime = need("onnxruntime", "inference")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has types of its own for what it refuses
        reason = " ".join(str(error).split())[:200]
        raise InvalidModelError(f"onnxruntime refuses the graph ({reason}).") from error


def score_rows(
    session: Any, X: ArrayLike, item_shape: tuple[int, ...], n_classes: int
) -> NDArray[np.float64]:
    """Score segments one by one, so that those beside one do not change its bits.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    X : array-like of shape (n_segments, ...)
    item_shape : tuple of int
    n_classes : int

    Returns
    -------
    ndarray of shape (n_segments, n_classes)
    """
    refuse_masked(X)
    rows = np.ascontiguousarray(X, dtype=np.float32)
    if rows.shape[1:] != item_shape:
        raise ValueError(f"X has rows of shape {rows.shape[1:]}: give rows of {item_shape}.")
    scores = np.empty((len(rows), n_classes))
    for at in range(len(rows)):
        scores[at] = session.run(None, {"segments": rows[at : at + 1]})[0][0]
    return scores
