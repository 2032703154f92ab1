"""Maps of the outputs of a network's layers, and how well the classes separate in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, silhouette_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg.divote.fitted import open_model
from sknemg.inspection._style import (
    class_colors,
    class_markers,
    columns_that_fit,
    divide,
    inches_of,
    new_axes,
)
from sknemg.recordings._problems import check_choice
from sknemg.recordings._subjects import check_subjects

_N_COMPONENTS = 30  # of the outputs, before a map, a distance or a probe; more would be noise


def class_separation(
    outputs: dict[str, NDArray[Any]],
    y: ArrayLike,
    groups: ArrayLike,
    *,
    cv: int = 5,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Measure how well the classes separate in the outputs of each layer.

    Parameters
    ----------
    outputs : dict of layer to ndarray of shape (n_segments, ...)
    y : array-like of shape (n_segments,)
    groups : array-like of shape (n_segments,)
        Subjects. The probe is never tested on a subject that it was trained on: neighbouring
        segments share samples, and segments of one subject resemble each other.
    cv : int, default=5
        Number of folds of the probe.
    random_state : int, default=None

    Returns
    -------
    DataFrame with a row for each layer
        ``silhouette``, from -1 to 1, of the first 30 principal components; ``probe``, the
        balanced accuracy of a logistic regression on them over all folds, for which chance is
        ``1 / n_classes``.

    Examples
    --------
    >>> import numpy as np
    >>> from sknemg.inspection import class_separation
    >>> y = np.repeat([0, 1], 50)
    >>> noise = np.random.default_rng(0).normal(size=(100, 4))
    >>> outputs = {"early": noise, "late": noise + 5 * y[:, None]}
    >>> class_separation(outputs, y, np.arange(100) // 5, random_state=0).round(1)
           silhouette  probe
    early        -0.0    0.5
    late          0.7    1.0
    """
    y = np.asarray(y)
    groups = pd.factorize(check_subjects(groups, len(y)), sort=True)[0]  # text and numbers
    folds = StratifiedGroupKFold(cv, shuffle=True, random_state=random_state)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    rows = {}
    for layer, components in principal_components(outputs, random_state).items():
        found = cross_val_predict(probe, components, y, groups=groups, cv=folds)
        rows[layer] = {
            "silhouette": silhouette_score(components, y),
            "probe": balanced_accuracy_score(y, found),
        }
    return pd.DataFrame(rows).T


def principal_components(
    outputs: dict[str, NDArray[Any]], random_state: int | None = None
) -> dict[str, NDArray[Any]]:
    """Reduce each layer's outputs to the same number of components, at most 30.

    They are found in all segments at once, without their labels.
    """
    flat = {layer: np.asarray(o).reshape(len(o), -1) for layer, o in outputs.items()}
    n = min(_N_COMPONENTS, *(min(o.shape) for o in flat.values()))
    return {k: PCA(n, random_state=random_state).fit_transform(o) for k, o in flat.items()}


class LayerMapDisplay:
    """Segments on a plane after several layers, coloured by class.

    Parameters
    ----------
    maps : dict of layer to ndarray of shape (n_segments, 2)
    y : array-like of shape (n_segments,)
    separation : DataFrame or None, default=None
        From :func:`class_separation`.
    axis_name : str, default="PC"
        The name of the axes; a number is added to it.

    Attributes
    ----------
    figure_ : Figure
    ax_ : ndarray of Axes
    text_ : list of Text
        Silhouette and probe under the map of each layer.

    References
    ----------
    J. Yoo et al. (2022), Figure 4. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sknemg.inspection import LayerMapDisplay
    >>> outputs = {"block2": np.random.default_rng(0).normal(size=(20, 8, 5))}
    >>> display = LayerMapDisplay.from_outputs(
    ...     outputs, ["myopathy", "normal"] * 10, ax=Figure().subplots()
    ... )
    >>> display.ax_[0, 0].get_title()
    'block2'
    """

    def __init__(
        self,
        maps: dict[str, NDArray[Any]],
        y: ArrayLike,
        *,
        separation: pd.DataFrame | None = None,
        axis_name: str = "PC",
    ):
        self.maps = maps
        self.y = y
        self.separation = separation
        self.axis_name = axis_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        layers: Sequence[str],
        *,
        groups: ArrayLike | None = None,
        **kwargs: Any,
    ) -> Self:
        """Map the outputs of a network's layers for some segments.

        Parameters
        ----------
        estimator : fitted model with one network inside
            A segment classifier, or a DiVoteClassifier, Pipeline, search, calibrated or soft
            voting classifier around one.
        X : Recordings or ndarray
            What the estimator predicts from.
        y : array-like
            Labels of the rows of `X`.
        layers : sequence of str
            Names as in ``module_.named_modules()``, such as ``"blocks.block2"``.
        groups : array-like of shape (n_segments,), default=None
            Subjects of the segments; by default read from `X`. Without them the separation is not
            measured.
        **kwargs
            Passed on to `from_outputs`.

        Returns
        -------
        LayerMapDisplay

        Raises
        ------
        TypeError
            If there is no network inside, or more than one; the message names them.
        ValueError
            If `y` does not fit `X`, or if the network has no such layer.
        """
        opened = open_model(estimator)
        network = opened.network("layer_outputs")
        given = opened.segment_input(network, X, y)
        outputs = network.classifier.layer_outputs(given.segments, list(layers))
        groups = given.groups if groups is None else groups
        assert given.labels is not None
        return cls.from_outputs(outputs, given.labels, groups=groups, **kwargs)

    @classmethod
    def from_outputs(
        cls,
        outputs: dict[str, NDArray[Any]],
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        method: str = "pca",
        random_state: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Map given outputs.

        Parameters
        ----------
        outputs : dict of layer to ndarray of shape (n_segments, ...)
        y : array-like of shape (n_segments,)
        groups : array-like of shape (n_segments,), default=None
            Subjects; if given, the separation is measured.
        method : {"pca", "umap"}, default="pca"
            UMAP (of 30 principal components) is the method of the paper and needs umap-learn.
        random_state : int, default=None
        ax : Axes, default=None

        Returns
        -------
        LayerMapDisplay

        Raises
        ------
        ValueError
            If `method` is unknown.
        """
        check_choice(("pca", "umap"), method=method)
        components = principal_components(outputs, random_state)
        maps = {
            layer: _umap(c, random_state) if method == "umap" else c[:, :2]
            for layer, c in components.items()
        }
        separation = None
        if groups is not None:
            separation = class_separation(components, y, groups, random_state=random_state)
        name = "UMAP" if method == "umap" else "PC"
        return cls(maps, y, separation=separation, axis_name=name).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the maps of the layers side by side.

        Parameters
        ----------
        ax : Axes, default=None
            A new figure by default.

        Returns
        -------
        self
        """
        y = np.asarray(self.y)
        labels = np.unique(y)
        width = 2.9 * len(self.maps) if ax is None else inches_of(ax)
        n_columns = columns_that_fit(labels, width)
        n_lines = -(-len(labels) // n_columns)
        ax = new_axes(ax, (2.9 * len(self.maps), 3.4 + 0.2 * n_lines))
        self.figure_, self.text_ = ax.figure, []
        top, below = divide(ax, 2, 1, height_ratios=[n_lines, 14])[:, 0]
        self.ax_ = divide(below, 1, len(self.maps))
        top.set_axis_off()
        colors, markers = class_colors(labels), class_markers(labels)
        for axes, (layer, points) in zip(self.ax_[0], self.maps.items(), strict=True):
            for label in labels:
                look = {"color": colors[label], "marker": markers[label], "label": label}
                axes.scatter(*points[y == label].T, s=9, alpha=0.6, linewidths=0, **look)
            axes.set_title(layer, fontsize="medium")
            axes.set(
                xticks=[], yticks=[], xlabel=f"{self.axis_name} 1", ylabel=f"{self.axis_name} 2"
            )
            if self.separation is not None:
                m = self.separation.loc[layer]
                silhouette = round(m["silhouette"], 2) + 0.0  # never minus zero
                text = f"silhouette {silhouette:.2f}\nprobe {100 * m['probe']:.0f} %"
                self.text_.append(axes.set_xlabel(f"{axes.get_xlabel()}\n{text}"))
        handles = self.ax_[0, 0].get_legend_handles_labels()
        place = {"loc": "center", "ncols": n_columns, "fontsize": "small", "markerscale": 2}
        top.legend(*handles, frameon=False, **place)
        return self


def _umap(components: NDArray[Any], random_state: int | None) -> NDArray[Any]:
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError("umap-learn is not installed: pip install 'sknemg[inspect]'.") from error
    n_jobs = 1 if random_state is not None else -1  # a seed allows one thread only
    return UMAP(random_state=random_state, n_jobs=n_jobs).fit_transform(components)
