"""Waveforms drawn as anti-aliased lines, hundreds at a time, without a plotting library.

Every column of pixels is split into five thin ones. In a thin column the line covers what lies
between the smallest and the largest sample that its pen can reach, so that two reductions over the
samples say where ink begins and ends; only these two marks are set in an image, and a running sum
down its rows fills in between. Each thin column looks at the rows a fifth of a pixel lower than
another: five samples of every pixel, which is what smooths the line.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

THIN = 5  # thin columns in a column of pixels
_INK = np.uint8(255 // THIN)
# A square pen as large as a round one of diameter 1 reaches so far to each side.
_PEN = np.sqrt(np.pi) / 4
# Pixels of one chunk, some 32 images of the default size: longer rows make fewer, quicker steps.
_CHUNK_PIXELS = 3_000_000


def rasterise(
    X: FloatArray,
    *,
    size: tuple[int, int] = (299, 299),
    limits: tuple[float, float] | None = (-5.0, 5.0),
    line_width: float = 1.4,
    as_uint8: bool = True,
) -> NDArray[Any]:
    """Draw every segment as a line from the left to the right edge of an image of its own.

    Parameters
    ----------
    X : ndarray of shape (n_segments, n_times)
        Segments in mV; they are drawn as float32.
    size : (int, int), default=(299, 299)
        Height and width, in pixels.
    limits : (float, float) or None, default=(-5, 5)
        Values at the lower and upper edge, in mV; values beyond run along the edge. None fits each
        segment's own range into its image; a flat segment is then a line at half height.
    line_width : float, default=1.4
        In pixels.
    as_uint8 : bool, default=True
        Return 0..255 rather than 0..1.

    Returns
    -------
    images : ndarray of shape (n_segments, height, width), uint8 or float32
        Ink: 0 where there is no line, 255 (or 1) where it covers the pixel. Positive is up.

    Examples
    --------
    >>> import numpy as np
    >>> step = np.repeat(np.float32([-1, 1]), 50)
    >>> rasterise(step[None], size=(6, 8), limits=(-1.5, 1.5), line_width=1)[0]
    array([[  0,   0,   0,  51, 102, 102, 102, 102],
           [  0,   0,   0, 153, 204, 102, 102, 102],
           [  0,   0,   0, 153, 153,   0,   0,   0],
           [  0,   0,   0, 153, 153,   0,   0,   0],
           [102, 102, 102, 204, 153,   0,   0,   0],
           [102, 102, 102, 102,  51,   0,   0,   0]], dtype=uint8)
    """
    height, width = size
    images = np.empty((len(X), height, width), dtype=np.uint8 if as_uint8 else np.float32)
    chunk = max(1, min(len(X), _CHUNK_PIXELS // (height * width)))
    columns = _Columns(X.shape[1], width, line_width)
    # Rows outermost: a step of the running sum is then one addition of long rows.
    ink = np.empty((height + 1, chunk, width), dtype=np.uint8)
    row_step = chunk * width
    place = np.repeat(np.arange(row_step), THIN).reshape(chunk, -1)
    for start in range(0, len(X), chunk):
        part = np.asarray(X[start : start + chunk], dtype=np.float32)
        n = len(part)
        top, bottom = _to_rows(*columns.extremes(part), height, limits, line_width)
        ink[:] = 0
        np.add.at(ink.reshape(-1), top * row_step + place[:n], _INK)
        np.subtract.at(ink.reshape(-1), bottom * row_step + place[:n], _INK)
        for row in range(1, height):
            ink[row] += ink[row - 1]
        images[start : start + n] = ink[:height, :n].transpose(1, 0, 2)
        if not as_uint8:
            images[start : start + n] /= np.float32(255)
    return images


class _Columns:
    """Which samples a thin column sees; the same for every segment of one length."""

    def __init__(self, n_times: int, width: int, line_width: float):
        n_thin = THIN * width
        self.reach = round(_PEN * line_width * THIN)
        # Sparse samples are joined by straight lines first, some two points a thin column.
        self.factor = 1 if n_times > n_thin else int(np.ceil(2 * n_thin / max(1, n_times - 1)))
        edges = np.linspace(0, max(1, n_times - 1) * self.factor, n_thin + 1)
        first, last = np.floor(edges[:-1]), np.ceil(edges[1:])
        # Neighbours share the sample at their border, so that the line is never interrupted.
        most = int((last - first).max()) + 1
        self.samples = np.minimum(first + np.arange(most)[:, None], last).astype(np.intp)

    def extremes(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Smallest and largest value the pen meets: two arrays (n_segments, n_thin)."""
        if X.shape[1] == 1:
            X = np.repeat(X, 2, axis=1)
        if self.factor > 1:
            position = np.arange((X.shape[1] - 1) * self.factor + 1) / self.factor
            below = np.minimum(position.astype(np.intp), X.shape[1] - 2)
            weight = (position - below).astype(np.float32)
            X = X[:, below] * (1 - weight) + X[:, below + 1] * weight
        seen = X[:, self.samples]
        low, high = seen.min(axis=1), seen.max(axis=1)
        return _widen(low, self.reach, np.minimum), _widen(high, self.reach, np.maximum)


def _widen(values: FloatArray, reach: int, extreme: np.ufunc) -> FloatArray:
    """Take the running minimum or maximum over `reach` thin columns to either side."""
    reached = 0
    while reached < reach:
        step = min(2 * reached + 1, reach - reached)
        wider = values.copy()
        extreme(wider[:, step:], values[:, :-step], out=wider[:, step:])
        extreme(wider[:, :-step], values[:, step:], out=wider[:, :-step])
        values, reached = wider, reached + step
    return values


def _to_rows(
    low: FloatArray,
    high: FloatArray,
    height: int,
    limits: tuple[float, float] | None,
    line_width: float,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First row with ink and first without, in each thin column."""
    pen = np.float32(_PEN * line_width)
    if limits is None:
        # The pen stays inside the image, so that the extremes are not cut.
        smallest, largest = low.min(axis=1, keepdims=True), high.max(axis=1, keepdims=True)
        span = largest - smallest
        flat = span == 0
        scale = np.float32(height - 2 * pen) / np.where(flat, np.float32(1), span)
        offset = np.where(flat, np.float32(height / 2), pen)
    else:
        largest = np.full((1, 1), limits[1], dtype=np.float32)
        scale = np.full((1, 1), height / (limits[1] - limits[0]), dtype=np.float32)
        offset = np.zeros((1, 1), dtype=np.float32)
        low, high = np.clip(low, *limits), np.clip(high, *limits)
    # The thin columns of a pixel look at its rows at five heights, in an order without slope.
    phase = (np.arange(low.shape[1], dtype=np.float32) * 2 % THIN + 0.5) / THIN
    top = (largest - high) * scale + (offset + phase - pen)
    bottom = (largest - low) * scale + (offset + phase + pen)
    # Truncation is the floor here, as nothing is negative after the clipping.
    return (
        np.clip(top, 0, height).astype(np.intp),
        np.clip(bottom, 0, height).astype(np.intp),
    )
