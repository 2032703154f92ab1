"""Colours of classes, and the names of the package."""

import numpy as np
import pytest

from sknemg import (
    inspection,
)
from sknemg.inspection import _style

CLASSES = ["myopathy", "neuropathy", "normal"]


def _seen_by(colors, matrix):
    """Colours as the colour-blind see them (Machado et al. 2009, severity 1), in CIELAB."""
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(matrix).T, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    f = np.cbrt(linear @ np.array(to_xyz).T / [0.9505, 1, 1.089])
    return np.column_stack([116 * f[:, 1], 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(3),
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
    ],
    ids=["trichromat", "deuteranope", "protanope", "tritanope"],
)
def test_class_colors_are_told_apart_by_all_eyes(matrix):
    lab = _seen_by(inspection.class_colors(CLASSES).values(), matrix)
    distances = np.linalg.norm(lab[[0, 0, 1]] - lab[[1, 2, 2]], axis=1)
    assert distances.min() > 15  # 2.3 is just noticeable


def test_a_class_keeps_its_color_in_any_company():
    alone = inspection.class_colors(["normal"])
    assert inspection.class_colors([*CLASSES, "fibrillation"])["normal"] == alone["normal"]
    six = [f"discharge {i}" for i in range(6)]
    assert len(set(inspection.class_colors(six).values())) == 6
    assert len(set(_style.class_markers(CLASSES).values())) == 3


def test_names_load_lazily_and_exist():
    assert all(getattr(inspection, name) is not None for name in inspection.__all__)
    with pytest.raises(AttributeError, match=r"No sknemg\.inspection attribute nothing"):
        inspection.nothing  # noqa: B018
