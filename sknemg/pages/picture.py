"""Pictures inside a page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import Any


@dataclass(frozen=True)
class Picture:
    """A picture that travels inside its page.

    Parameters
    ----------
    png : bytes
    alt : str
        What the picture shows, with its numbers, for those who do not see it.
    caption : str
    wide : bool, default=False
        Whether it takes the whole width; others stand side by side where there is room.
    """

    png: bytes
    alt: str
    caption: str
    wide: bool = False

    @classmethod
    def from_figure(
        cls, figure: Any, alt: str, caption: str, *, wide: bool = False, dpi: float = 160
    ) -> Picture:
        """Take a matplotlib figure.

        Parameters
        ----------
        figure : matplotlib Figure
        alt, caption : str
        wide : bool, default=False
        dpi : float, default=160

        Returns
        -------
        Picture
        """
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi)
        return cls(buffer.getvalue(), alt, caption, wide)

    @property
    def source(self) -> str:
        """The picture as a data URI."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, so that a page does not jump while it loads."""
        return int.from_bytes(self.png[16:20]), int.from_bytes(self.png[20:24])
