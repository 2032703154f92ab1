"""Pictures of recordings, of scores, and of what a network learned.

Display classes follow scikit-learn: ``from_estimator`` or ``from_predictions`` compute and draw,
``plot`` draws again, and what was drawn is kept in ``figure_``, ``ax_`` and ``text_``. Matplotlib
loads when something is drawn, torch, captum, umap-learn and statsmodels when they are needed.
"""

from typing import Any

from sknemg._lazy import load

#: Where each public name lives.
_WHERE = {
    "AttributionDisplay": "attribution",
    "CalibrationDisplay": "calibration",
    "ConfusionMatrixDisplay": "confusion",
    "FeatureVisualizationDisplay": "visualization",
    "LayerMapDisplay": "layers",
    "LearningCurveDisplay": "training",
    "MispredictionDisplay": "mispredictions",
    "OneVsRestCurveDisplay": "curves",
    "SimplexDisplay": "simplex",
    "SubjectSheetDisplay": "sheet",
    "TraceDisplay": "trace",
    "VoteHeatmapDisplay": "heatmap",
    "attribute": "attribution",
    "class_colors": "_style",
    "class_separation": "layers",
    "demographics_table": "tables",
    "diagnosis_drivers": "drivers",
    "fleiss_agreement": "tables",
    "measure_waveforms": "waveforms",
    "occlude_bands": "occlusion",
    "occlude_time": "occlusion",
    "visualize_features": "visualization",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    return load(__name__, _WHERE, name)


def __dir__() -> list[str]:
    return list(__all__)
