"""Named dialects of text files, which a lab writes down once and keeps."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from sknemg.datasets._formats.text import TextFormat
from sknemg.datasets._formats.units import UNITS
from sknemg.datasets.files import check_channel, check_numbers, check_text

_DIALECT = ("delimiter", "decimal", "skip_lines", "header", "encoding")


@dataclass(frozen=True, kw_only=True)
class TextProfile:
    r"""How the text files of one machine or export are read.

    Parameters
    ----------
    name : str
        As the column ``profile`` of a table names it.
    delimiter, decimal, skip_lines, header, encoding : default=",", None, 0, None, None
        Dialect, as in `read_recording`.
    channel : str or int, default=None
        The column, where there are several.
    unit, scale, sfreq : default=None
        Values that the files do not state, as in `read_recording`.

    Raises
    ------
    ValueError
        If no file could be read so.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sknemg.datasets import TextProfile, read_recording
    >>> export = TextProfile(
    ...     name="old machine", delimiter=";", decimal=",", channel="EMG", unit="uV", sfreq=10_000
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export.save(Path(folder) / "old_machine.json")
    ...     same = TextProfile.load(Path(folder) / "old_machine.json") == export
    ...     file = Path(folder) / "a.txt"
    ...     _ = file.write_text("t;EMG\n0,0;-20,5\n0,1;31,0\n")
    ...     signal = read_recording(file, **export.options()).signal
    >>> same, signal.tolist()
    (True, [-0.020500000566244125, 0.03099999949336052])
    """

    name: str
    delimiter: str = ","
    decimal: str | None = None
    skip_lines: int = 0
    header: bool | None = None
    encoding: str | None = None
    channel: str | int | None = None
    unit: str | None = None
    scale: float | None = None
    sfreq: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(f"name={self.name!r} must be text: name the profile.")
        check_text(TextFormat(*(getattr(self, name) for name in _DIALECT)))
        check_channel(self.channel)
        check_numbers(scale=self.scale, sfreq=self.sfreq)
        if self.unit is not None and self.unit not in UNITS:
            raise ValueError(f"unit={self.unit!r} is unknown: write V, mV, uV or nV.")
        if self.unit is not None and self.scale is not None:
            raise ValueError("`unit` and `scale` are both given: keep one.")

    def options(self) -> dict[str, Any]:
        """Return the parameters of `read_recording`."""
        return {name: value for name, value in asdict(self).items() if name != "name"}

    def save(self, path: str | Path) -> None:
        """Write the profile as JSON.

        Parameters
        ----------
        path : str or Path
        """
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a profile that was saved.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        TextProfile

        Raises
        ------
        ValueError
            If the file does not hold a profile.
        """
        known = {field.name for field in fields(cls)}
        try:
            stated = json.loads(Path(path).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{str(path)!r} is not a profile ({error}): save it again.") from error
        if not isinstance(stated, dict) or "name" not in stated or not set(stated) <= known:
            raise ValueError(
                f"{str(path)!r} is not a profile: it needs a name, and may state {sorted(known)}."
            )
        return cls(**stated)
