from ._style import class_colors
from .attribution import (
    AttributionDisplay,
    attribute,
)
from .calibration import CalibrationDisplay
from .confusion import ConfusionMatrixDisplay
from .curves import OneVsRestCurveDisplay
from .feature_visualization import (
    FeatureVisualizationDisplay,
    visualize_features,
)
from .heatmap import VoteHeatmapDisplay
from .history import TrainingHistoryDisplay
from .layers import (
    LayerMapDisplay,
    class_separation,
)
from .leave_one_out import diagnosis_drivers
from .mispredictions import MispredictionDisplay
from .muap_sheet import MuapSheetDisplay
from .occlusion import (
    occlude_bands,
    occlude_time,
)
from .simplex import SimplexDisplay
from .subject_sheet import SubjectSheetDisplay
from .trace import TraceDisplay
from .turns_cloud import TurnsCloudDisplay
from .waveforms import measure_waveforms

__all__ = [
    "AttributionDisplay",
    "CalibrationDisplay",
    "ConfusionMatrixDisplay",
    "FeatureVisualizationDisplay",
    "LayerMapDisplay",
    "MispredictionDisplay",
    "MuapSheetDisplay",
    "OneVsRestCurveDisplay",
    "SimplexDisplay",
    "SubjectSheetDisplay",
    "TraceDisplay",
    "TrainingHistoryDisplay",
    "TurnsCloudDisplay",
    "VoteHeatmapDisplay",
    "attribute",
    "class_colors",
    "class_separation",
    "diagnosis_drivers",
    "measure_waveforms",
    "occlude_bands",
    "occlude_time",
    "visualize_features",
]
